#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mounts: every type, every word of the option table, targets that try to leave the root."""
import json
import os
import re
import subprocess

from hrun import Bundle, contains, equal, host_tmpfs, main, mounts_in, output, run, started, test
import hrun as h

ATIME = {"relatime", "noatime"}  # neither: strictatime


def bound(options, *extra, level="privileged"):
    """mountinfo's Mount of a tmpfs bound with these options."""
    with host_tmpfs(*extra) as source:
        return mounts_in(Bundle().mount("/data", "bind", source, ["bind", *options]), level=level)["/data"]


# word -> (attributes that must be there, attributes that must not)
WORDS = {
    "ro": ({"ro"}, {"rw"}), "rw": ({"rw"}, {"ro"}), "nosuid": ({"nosuid"}, set()), "suid": (set(), {"nosuid"}),
    "nodev": ({"nodev"}, set()), "dev": (set(), {"nodev"}), "noexec": ({"noexec"}, set()), "exec": (set(), {"noexec"}),
    "nosymfollow": ({"nosymfollow"}, set()), "symfollow": (set(), {"nosymfollow"}), "noatime": ({"noatime"}, {"relatime"}),
    "atime": ({"relatime"}, {"noatime"}), "relatime": ({"relatime"}, {"noatime"}), "norelatime": ({"relatime"}, {"noatime"}),
    "strictatime": (set(), ATIME), "nostrictatime": ({"relatime"}, {"noatime"}), "nodiratime": ({"nodiratime"}, set()),
    "diratime": (set(), {"nodiratime"}), "defaults": ({"rw"}, set()), "async": ({"rw"}, set()), "loud": ({"rw"}, set()),
    "silent": ({"rw"}, set()), "remount": ({"rw"}, set()), "nomand": ({"rw"}, set()), "noiversion": ({"rw"}, set()),
    "nolazytime": ({"rw"}, set()),
}
OPPOSITE = {"suid": "nosuid", "dev": "nodev", "exec": "noexec", "symfollow": "nosymfollow", "rw": "ro", "diratime": "nodiratime",
            "relatime": "noatime", "atime": "noatime", "norelatime": "noatime", "nostrictatime": "strictatime"}


@test
def as_many_binds_as_descriptors():
    b = Bundle("sh", "-c", "ls /d | wc -l")
    os.makedirs(f"{b.path}/source")
    for i in range(200):
        os.makedirs(f"{b.path}/rootfs/d/{i}")
        b.c["mounts"].append({"destination": f"/d/{i}", "type": "bind", "source": "source", "options": ["bind"]})
    with h.unchanged():
        r = run(b, prefix=("sh", "-c", 'ulimit -Sn 300; exec "$@"', "sh"))
        equal((r.status, r.out), (125, ""), r.err)
        contains(r.err, "Too many open files; raise the limit of open files (ulimit -n): hrun needs two for each mount")
        r = run(b, prefix=("sh", "-c", 'ulimit -Sn 500; exec "$@"', "sh"))
        equal((r.status, r.out, r.err), (0, "200\n", ""))


@test
def who_runs_a_container_holds_nothing_of_it():
    """A mount that the runtime still has open would be busy for as long as the container runs; and its own stdin stays its own."""
    b = Bundle("sh", "-c", "echo go; read x; exit 0").mount("/data", "bind", "source", ["bind", "rw"])
    os.makedirs(f"{b.path}/source")
    command = [h.HRUN, *h.policy("privileged"), "run", "-b", b.save().path, "held"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as runtime:
        equal(runtime.stdout.readline(), "go\n")
        own = {line.split()[0] for line in open(f"/proc/{runtime.pid}/mountinfo")}
        foreign = []
        for fd in set(os.listdir(f"/proc/{runtime.pid}/fd")) - {"0", "1", "2"}:
            mount = re.search(r"^mnt_id:\s*(\d+)", h.read(f"/proc/{runtime.pid}/fdinfo/{fd}"), re.M).group(1)
            target = os.readlink(f"/proc/{runtime.pid}/fd/{fd}")
            foreign += [target] if target.startswith("/") and mount not in own else []
        equal(foreign, [])
        equal(os.stat(f"/proc/{runtime.pid}/fd/0").st_ino, os.fstat(runtime.stdin.fileno()).st_ino)
        assert not os.path.exists("/run/hrun/held/start.sock"), "nobody else starts it"
        runtime.stdin.close()
        equal(runtime.wait(), 0)


@test
def each_word_on_a_bind_mount():
    for word, (there, absent) in WORDS.items():
        m = bound([word])
        assert there <= m.attributes and not absent & m.attributes, f"{word}: {m}"


@test
def a_word_undoes_what_the_source_mount_has():
    for word, other in OPPOSITE.items():
        if other in ("strictatime",):
            continue
        m = bound([word], *([other] if other != "ro" else []))
        there, absent = WORDS[word]
        assert there <= m.attributes and not absent & m.attributes, f"{word} over {other}: {m}"


@test
def the_last_word_wins():
    for word, other in OPPOSITE.items():
        there, absent = WORDS[word]
        m = bound([other, word])
        assert there <= m.attributes and not absent & m.attributes, f"{other},{word}: {m}"
        there, absent = WORDS[other]
        m = bound([word, other])
        assert there <= m.attributes and not absent & m.attributes, f"{word},{other}: {m}"


@test
def each_word_on_a_new_file_system():
    for word, (there, absent) in WORDS.items():
        m = mounts_in(Bundle().mount("/data", "tmpfs", "tmpfs", [word]), level="privileged")["/data"]
        assert there <= m.attributes and not absent & m.attributes, f"{word}: {m}"


class tree:
    """A tmpfs with another one in it, to be bound recursively."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        self.manager = host_tmpfs(*self.options)
        self.path = self.manager.__enter__()
        os.mkdir(f"{self.path}/below")
        subprocess.run(["mount", "-t", "tmpfs", *(["-o", ",".join(self.options)] if self.options else []), "below", f"{self.path}/below"],
                       check=True)
        return self.path

    def __exit__(self, *error):
        self.manager.__exit__(*error)


@test
def recursive_words_on_a_tree():
    for word, (there, absent) in WORDS.items():
        if f"r{word}" not in json.loads(h.hrun("features").out)["mountOptions"] or word in ("async", "loud", "defaults"):
            continue
        before = [OPPOSITE[word]] if word in OPPOSITE and OPPOSITE[word] not in ("ro", "strictatime") else []
        with tree(*before) as source:
            m = mounts_in(Bundle().mount("/data", "bind", source, ["rbind", f"r{word}"]), level="privileged")
        for point in ("/data", "/data/below"):
            assert there <= m[point].attributes and not absent & m[point].attributes, f"r{word}: {m[point]}"


@test
def a_plain_word_stays_on_the_top_of_a_tree():
    with tree() as source:
        m = mounts_in(Bundle().mount("/data", "bind", source, ["rbind", "ro"]))
    contains(m["/data"].attributes, "ro")
    contains(m["/data/below"].attributes, "rw")


@test
def recursive_read_only_denies_writes_below():
    b = Bundle("sh", "-c", "touch /data/x; touch /data/below/x; touch /data/below/y 2>&1 | grep -c Read-only", uid=0)
    with tree() as source:
        b.mount("/data", "bind", source, ["rbind", "rro"])
        equal(output(b), "1\n")
        assert not os.path.exists(f"{source}/x") and not os.path.exists(f"{source}/below/x")


@test
def plain_and_recursive_words_the_last_one_wins():
    with tree() as source:
        m = mounts_in(Bundle().mount("/data", "bind", source, ["rbind", "rrw", "ro"]))
        contains(m["/data"].attributes, "ro", "rrw,ro")
        contains(m["/data/below"].attributes, "rw", "rrw,ro")
        m = mounts_in(Bundle().mount("/data", "bind", source, ["rbind", "rro", "rw"]))
        contains(m["/data"].attributes, "rw", "rro,rw")
        contains(m["/data/below"].attributes, "ro", "rro,rw")


@test
def bind_is_not_recursive_and_rbind_is():
    with tree() as source:
        assert "/data/below" not in mounts_in(Bundle().mount("/data", "bind", source, ["bind"])), "bind took the tree"
        assert "/data/below" in mounts_in(Bundle().mount("/data", "bind", source, ["rbind"])), "rbind did not take the tree"
        assert "/data/below" in mounts_in(Bundle().mount("/data", None, source, ["rbind"])), "rbind without a type"


@test
def a_bundle_on_a_shared_mount_leaves_the_host_alone():
    b = Bundle()
    with host_tmpfs() as top:
        subprocess.run(["mount", "--make-shared", top], check=True)
        subprocess.run(["cp", "-a", b.path, f"{top}/bundle"], check=True)
        b.path = f"{top}/bundle"
        before = h.read("/proc/self/mountinfo")
        with started(b):
            equal(h.read("/proc/self/mountinfo"), before, "the host's mounts")


@test
def what_lies_over_the_callers_root_does_not_lie_over_the_containers():
    """It is not below what pivot_root(2) takes away; /.. and whoever joins the namespace would come to it."""
    b = Bundle("sh", "-c", "ls -ad /../host-only 2>&1; sleep 1000").save()
    for cover in ("mount --bind / /", "mount --bind / /; mount --bind / /", "mount -t tmpfs none /"):
        name = h.new_id()
        script = f'{cover}; exec "$@"'
        with open(f"{h.work}/{name}.out", "w") as out:
            p = subprocess.run(["unshare", "-m", "sh", "-ec", script, "sh", h.HRUN, "run", "--detach", "-b", b.path, name],
                               stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            equal(p.returncode, 0, (cover, h.read(f"{h.work}/{name}.out")))
            h.eventually(lambda: h.read(f"{h.work}/{name}.out"), "what ls says")
            contains(h.read(f"{h.work}/{name}.out"), "No such file")
            equal(sorted(h.hrun("exec", name, "ls", "-A", "/").out.split()), sorted(os.listdir(b.root)), cover)
            mounts = h.hrun("exec", name, "cat", "/proc/self/mountinfo").out.splitlines()
            equal([line.split()[4] for line in mounts].count("/"), 1, cover)
        finally:
            h.hrun("delete", "--force", name)


PROPAGATION = {"private": [], "rprivate": [], "shared": ["shared"], "rshared": ["shared"], "slave": ["master"], "rslave": ["master"],
               "unbindable": ["unbindable"], "runbindable": ["unbindable"], None: []}


@test
def propagation_words():
    for word, expected in PROPAGATION.items():
        with tree() as source:
            for path in (source, f"{source}/below"):
                subprocess.run(["mount", "--make-shared", path], check=True)
            m = mounts_in(Bundle().mount("/data", "bind", source, ["rbind"] + ([word] if word else [])), level="privileged")
        equal(m["/data"].optional, expected, f"{word}")
        if word and word.startswith("r"):
            equal(m["/data/below"].optional, expected, f"{word}: below")


@test
def nothing_of_the_container_propagates_to_the_host():
    with host_tmpfs() as source:
        subprocess.run(["mount", "--make-shared", source], check=True)
        os.mkdir(f"{source}/below")
        before = h.read("/proc/self/mountinfo")
        b = Bundle("true").mount("/data", "bind", source, ["rbind"]).mount("/data/below", "tmpfs", "tmpfs", [])
        output(b)
        with started(b_with(source)):
            equal(h.read("/proc/self/mountinfo"), before, "the host's mounts")


def b_with(source):
    return Bundle().mount("/data", "bind", source, ["rbind"]).mount("/data/below", "tmpfs", "tmpfs", [])


@test
def rootfs_propagation():
    for word, expected in (("private", []), ("rprivate", []), ("shared", ["shared"]), ("rshared", ["shared"]),
                           ("unbindable", ["unbindable"]), (None, [])):
        b = Bundle()
        if word:
            b.linux["rootfsPropagation"] = word
        equal(mounts_in(b, level="privileged")["/"].optional, expected, f"{word}")


@test
def rootfs_slave_receives_and_does_not_send():
    b = Bundle()
    b.linux["rootfsPropagation"] = "rslave"
    with host_tmpfs() as top:
        subprocess.run(["mount", "--make-shared", top], check=True)
        subprocess.run(["cp", "-a", b.path, f"{top}/bundle"], check=True)
        b.path = f"{top}/bundle"
        equal(mounts_in(b, level="privileged")["/"].optional, ["master"])


@test
def the_types():
    b = Bundle()
    m = mounts_in(b)
    for point, kind in {"/proc": "proc", "/sys": "sysfs", "/dev": "tmpfs", "/dev/pts": "devpts", "/dev/shm": "tmpfs",
                        "/dev/mqueue": "mqueue", "/sys/fs/cgroup": "cgroup2", "/tmp": "tmpfs"}.items():
        equal(m[point].type, kind, point)
    for point in ("/proc", "/sys", "/dev/mqueue", "/sys/fs/cgroup"):
        assert {"nosuid", "nodev", "noexec"} <= m[point].attributes, m[point]
    for point in ("/sys", "/sys/fs/cgroup", "/"):
        contains(m[point].attributes, "ro", point)


@test
def nothing_of_the_host_is_mounted():
    m = mounts_in(Bundle())
    allowed = ("/", "/proc", "/dev", "/sys", "/tmp", "/run")
    for point in m:
        assert point in allowed or point.startswith(("/proc/", "/sys/", "/dev/")), m[point]


@test
def type_cgroup_is_cgroup2():
    b = Bundle().without_mount("/sys/fs/cgroup").mount("/sys/fs/cgroup", "cgroup", "cgroup", ["ro", "nosuid", "noexec", "nodev"])
    m = mounts_in(b)["/sys/fs/cgroup"]
    equal((m.type, m.root), ("cgroup2", "/"))


@test
def without_a_cgroup_namespace_only_the_own_directory_is_seen():
    b = Bundle("sh", "-c", "cat /sys/fs/cgroup/cgroup.procs; ls -d /sys/fs/cgroup/*/; cat /proc/self/cgroup").namespace("cgroup", path=False)
    b.c["linux"]["cgroupsPath"] = "/seen/only"
    os.mkdir(f"{h.CGROUP}/seen")
    r = run(b, level="privileged")
    lines = r.out.splitlines()
    assert lines[0] == "1", r
    contains(r.out, "0::/seen/only")
    m = mounts_in(b, level="privileged")["/sys/fs/cgroup"]
    os.rmdir(f"{h.CGROUP}/seen")
    equal((m.type, m.root), ("cgroup2", "/seen/only"))


@test
def tmpfs_with_data():
    b = Bundle().mount("/data", "tmpfs", "thing", ["size=1m", "mode=0750", "uid=5", "gid=6", "nr_inodes=100"])
    m = mounts_in(b)["/data"]
    equal(m.source, "thing")
    assert {"size=1024k", "mode=750", "uid=5", "gid=6", "nr_inodes=100"} <= m.data, m.data


@test
def tmpfs_is_hardened():
    assert {"nosuid", "nodev"} <= mounts_in(Bundle().mount("/data", "tmpfs", "tmpfs"))["/data"].attributes


@test
def a_bind_is_hardened():
    m = bound([], level="baseline")
    assert {"nosuid", "nodev"} <= m.attributes, m


@test
def tmpfs_where_nothing_was_has_the_kernels_mode():
    equal(output(Bundle("stat", "-c", "%a", "/new/place").mount("/new/place", "tmpfs", "tmpfs")), "1777\n")
    equal(output(Bundle("stat", "-c", "%a", "/new").mount("/new/place", "tmpfs", "tmpfs")), "755\n")


@test
def tmpfs_takes_the_mode_of_what_it_hides():
    b = Bundle("stat", "-c", "%a", "/hidden").mount("/hidden", "tmpfs", "tmpfs")
    os.mkdir(f"{b.root}/hidden")
    os.chmod(f"{b.root}/hidden", 0o1751)
    equal(output(b), "1751\n")


@test
def tmpcopyup():
    b = Bundle("sh", "-c", "cat /filled/file /filled/dir/deep; stat -c '%a %u %g' /filled /filled/file /filled/dir; readlink /filled/link; "
               "echo x >/filled/file && cat /filled/file", uid=0)
    os.makedirs(f"{b.root}/filled/dir")
    os.chmod(f"{b.root}/filled", 0o1755)
    h.write(f"{b.root}/filled/file", "content\n", 0o640)
    h.write(f"{b.root}/filled/dir/deep", "deep\n")
    os.chown(f"{b.root}/filled/dir", 7, 8)
    os.symlink("../../etc/passwd", f"{b.root}/filled/link")
    b.mount("/filled", "tmpfs", "tmpfs", ["tmpcopyup"])
    equal(output(b), "content\ndeep\n1755 0 0\n640 0 0\n755 7 8\n../../etc/passwd\nx\n")
    equal(h.read(f"{b.root}/filled/file"), "content\n", "the image")


@test
def superblock_words():
    m = mounts_in(Bundle().mount("/data", "tmpfs", "tmpfs", ["sync", "dirsync", "lazytime"]), level="privileged")["/data"]
    assert {"sync", "dirsync", "lazytime"} <= set(m.data), m.data
    m = mounts_in(Bundle().mount("/data", "tmpfs", "tmpfs", ["sync", "async"]), level="privileged")["/data"]
    assert "sync" not in m.data, m.data


@test
def overlay():
    b = Bundle("sh", "-c", "cat /data/low; echo high >/data/low; cat /data/low; touch /data/new", uid=0)
    with host_tmpfs() as top:
        for name in ("lower", "upper", "work"):
            os.mkdir(f"{top}/{name}")
        h.write(f"{top}/lower/low", "low\n")
        b.mount("/data", "overlay", "overlay", [f"lowerdir={top}/lower", f"upperdir={top}/upper", f"workdir={top}/work"])
        equal(output(b, level="privileged"), "low\nhigh\n")
        equal(h.read(f"{top}/lower/low"), "low\n")
        equal(sorted(os.listdir(f"{top}/upper")), ["low", "new"])


@test
def devpts_options():
    b = Bundle().without_mount("/dev/pts").mount("/dev/pts", "devpts", "devpts", ["newinstance", "ptmxmode=0666", "mode=0620", "gid=5",
                                                                                "nosuid", "noexec"])
    assert {"gid=5", "mode=620", "ptmxmode=666"} <= mounts_in(b)["/dev/pts"].data


@test
def mqueue_is_the_containers_own():
    b = Bundle("sh", "-c", "ls /dev/mqueue | wc -l")
    h.write("/dev/mqueue/of-the-host", "")
    try:
        equal(output(b), "0\n")
    finally:
        os.unlink("/dev/mqueue/of-the-host")


@test
def bind_of_a_file():
    with host_tmpfs() as source:
        h.write(f"{source}/file", "of the host\n")
        equal(output(Bundle("cat", "/etc/passwd").mount("/etc/passwd", "bind", f"{source}/file", ["bind", "ro"])), "of the host\n")


@test
def bind_of_a_source_in_the_bundle():
    b = Bundle("cat", "/data/file")
    os.mkdir(f"{b.path}/volume")
    h.write(f"{b.path}/volume/file", "in the bundle\n")
    equal(output(b.mount("/data", "bind", "volume", ["bind"])), "in the bundle\n")


@test
def missing_targets_are_made():
    b = Bundle("sh", "-c", "stat -c '%F %a' /new/dir /new /other/file; cat /other/file")
    with host_tmpfs() as source:
        h.write(f"{source}/file", "x\n")
        b.mount("/new/dir", "bind", source, ["bind"]).mount("/other/file", "bind", f"{source}/file", ["bind"])
        equal(output(b), "directory 755\ndirectory 755\nregular file 644\nx\n")
    assert os.path.isdir(f"{b.root}/new/dir") and os.path.isfile(f"{b.root}/other/file")


@test
def a_target_through_a_link_stays_in_the_root():
    b = Bundle("sh", "-c", "grep -c ' /var/landed ' /proc/self/mountinfo")
    os.symlink("/../../../../var", f"{b.root}/way")
    before = set(os.listdir("/var"))
    equal(output(b.mount("/way/landed", "tmpfs", "tmpfs"), level="privileged"), "1\n")
    equal(set(os.listdir("/var")), before, "/var of the host")
    assert os.path.isdir(f"{b.root}/var/landed")


@test
def a_target_that_is_a_link_to_outside_stays_in_the_root():
    b = Bundle("sh", "-c", "grep -c ' /etc/made ' /proc/self/mountinfo")
    os.symlink("/etc/made", f"{b.root}/link")
    os.mkdir(f"{b.root}/etc/made")
    equal(output(b.mount("/link", "tmpfs", "tmpfs")), "1\n")
    assert not os.path.exists("/etc/made")


@test
def a_target_that_is_a_link_to_nothing_is_made_in_the_root():
    """As /etc/resolv.conf of many images; engines bind their own file there."""
    b = Bundle("sh", "-c", "cat /etc/resolv.conf /srv/resolver/stub; stat -L -c %F /volume")
    os.symlink("../../srv/resolver/stub", f"{b.root}/etc/resolv.conf")
    os.symlink("/../../../srv/data", f"{b.root}/volume")
    with host_tmpfs() as source:
        h.write(f"{source}/file", "x\n")
        b.mount("/etc/resolv.conf", "bind", f"{source}/file", ["bind"]).mount("/volume", "tmpfs", "tmpfs")
        equal(output(b, level="privileged"), "x\nx\ndirectory\n")
    assert os.path.isfile(f"{b.root}/srv/resolver/stub") and os.path.isdir(f"{b.root}/srv/data")
    assert not os.path.exists("/srv/resolver") and not os.path.exists("/srv/data")
    b = Bundle("true")
    os.symlink("loop", f"{b.root}/loop")
    with h.unchanged():
        r = run(b.mount("/loop", "tmpfs", "tmpfs"))
        equal((r.status != 0, r.out, r.err.count("\n")), (True, "", 1), repr(r))


@test
def proc_on_a_link_is_refused():
    b = Bundle("true")
    os.rmdir(f"{b.root}/proc")
    os.mkdir(f"{b.root}/elsewhere")
    os.symlink("elsewhere", f"{b.root}/proc")
    with h.unchanged():
        r = run(b)
        assert r.status != 0 and r.out == "" and r.err.count("\n") == 1, r
        contains(r.err, "/proc")


@test
def the_order_is_that_of_the_config():
    b = Bundle("sh", "-c", "ls /data /data/in")
    with host_tmpfs() as source:
        os.mkdir(f"{source}/in")
        b.mount("/data", "bind", source, ["bind"]).mount("/data/in", "tmpfs", "tmpfs")
        m = mounts_in(b)
        equal(m["/data/in"].type, "tmpfs")


@test
def an_unknown_word_is_refused():
    for kind, options in (("bind", ["bind", "readonly"]), ("tmpfs", ["nonsense"]), ("tmpfs", ["size=many"])):
        with h.unchanged():
            r = run(Bundle("true").mount("/data", kind, "/etc", options))
            assert r.status != 0 and r.err.count("\n") == 1, r
            contains(r.err, "mounts[9]")


@test
def rootfs_read_only():
    b = Bundle("sh", "-c", "touch /x /etc/x; grep ' / / ' /proc/self/mountinfo | head -1", uid=0)
    r = run(b)
    contains(r.err, "Read-only file system")
    contains(h.mounts_in(b)["/"].attributes, "ro")
    assert not os.path.exists(f"{b.root}/x")


@test
def rootfs_writable():
    b = Bundle("touch", "/x", uid=0)
    b.c["root"]["readonly"] = False
    output(b)
    assert os.path.exists(f"{b.root}/x")


@test
def rootfs_is_at_the_top():
    """Nothing of the old root is above, below or reachable by `..`."""
    b = Bundle("sh", "-c", "cd /../../..; ls -di . / | awk '{ print $1 }' | sort -u | wc -l", uid=0)
    equal(output(b), "1\n")
    m = mounts_in(b)
    equal(len([p for p in m if p == "/"]), 1)


@test
def a_device_on_a_bind_cannot_be_opened():
    with host_tmpfs("dev") as source:
        subprocess.run(["mknod", "-m", "666", f"{source}/null", "c", "1", "3"], check=True)
        b = Bundle("probe", "open", "/data/null", "r").mount("/data", "bind", source, ["bind"])
        equal(output(b), "EACCES\n")


main()
