#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ways to get round whoever decides: where the policy file lies, what hrun is called, what a bundle says, and what reports do with hostile words."""
import contextlib
import ctypes
import json
import os
import shutil
import struct
import subprocess

import hrun as h
import policy as p
from hrun import Bundle, Skip, contains, days_from_now, equal, main, read, started, write
from policy import DIRECTORY, PRIVILEGED, RESTRICTED, USER, etc_hrun, level, on_host_network, put, refused

h.tests.clear()  # those of policy.py are its own
test = h.test
AUDIT = {"mode": "audit", "auditUntil": days_from_now(3)}
CONTROLS = (b"\x1b", b"\xc2\x9b", b"\r", b"\x07")


def tells(r, *words):
    refused(r, *words, status=3)


def raw(*args, **more):
    """The bytes that hrun writes; no control character among them but the end of a line."""
    r = subprocess.run([h.HRUN, *args], stdin=subprocess.DEVNULL, capture_output=True, **more)
    for bad in CONTROLS:
        assert bad not in r.stdout + r.stderr, (args, r)
    return r


# ---- where the file lies ----


def acl(path, uid):
    """That UID may write PATH, by an access control list."""
    nobody = 0xFFFFFFFF
    entries = ((1, 7, nobody), (2, 7, uid), (4, 5, nobody), (0x10, 7, nobody), (0x20, 5, nobody))
    try:
        os.setxattr(path, "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries))
    except OSError as e:
        raise Skip(f"no access control lists here: {e}")


@test
def a_list_of_access_rights_is_seen():
    for name in ("/policy.json", ""):
        with etc_hrun(policy=RESTRICTED):
            acl(DIRECTORY + name, 1000)
            tells(h.hrun("policy", "show"), f"`{DIRECTORY}{name}` is writable by group or others")


@test
def the_directory_is_no_link_and_no_file():
    with etc_hrun(policy=RESTRICTED):
        os.rename(DIRECTORY, "/etc/elsewhere")
        try:
            os.symlink("/etc/elsewhere", DIRECTORY)
            tells(h.hrun("policy", "show"), "`/etc/hrun` is a symbolic link")
            os.unlink(DIRECTORY)
            write(DIRECTORY, "x")
            tells(h.hrun("policy", "show"), "ENOTDIR")
            os.unlink(DIRECTORY)
        finally:
            os.rename("/etc/elsewhere", DIRECTORY)
        # A mount there is what counts, with its own owner.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "uid=1000,mode=755", "test", DIRECTORY], check=True)
        try:
            tells(h.hrun("policy", "show"), "`/etc/hrun` belongs to uid 1000")
        finally:
            subprocess.run(["umount", DIRECTORY], check=True)


@test
def a_namespace_of_ones_own_hides_nothing():
    """Root of his own user namespace mounts over the file: what he has made there is not the host's root's."""
    loose = json.dumps(PRIVILEGED)
    scripts = ((f"mount -t tmpfs none {DIRECTORY}; echo '{loose}' > {DIRECTORY}/policy.json", f"`{DIRECTORY}` belongs to uid 0"),
               ("mount -t tmpfs none /etc", "`/etc` belongs to uid 0"),
               (f"mount -t tmpfs none /tmp; echo '{loose}' > /tmp/x; mount --bind /tmp/x {DIRECTORY}/policy.json", "policy.json` belongs to uid 0"))
    with etc_hrun(policy=RESTRICTED):
        for script, words in scripts:
            done = subprocess.run([*USER, "unshare", "-rm", "--", "sh", "-c", f"{script}; exec {h.HRUN} policy show"], capture_output=True, text=True)
            tells(h.Result(done.returncode, done.stdout, done.stderr), words)


@test
def a_machine_of_ones_own():
    """LXC: a tree of his own has root of a user namespace, and his policy is in it; without one there are the defaults, and others than he have no say."""
    def inside(script, *args):
        return h.hrun(*args, prefix=[*USER, *h.OWN_MACHINE, "sh", "-ec", f'{script}; exec "$@"', "sh"])

    loose = json.dumps(PRIVILEGED)
    make = f"mkdir {DIRECTORY}; echo '{loose}' > {DIRECTORY}/loose.json; echo '{json.dumps(RESTRICTED)}' > {DIRECTORY}/policy.json"
    with etc_hrun(policy=PRIVILEGED):
        for script, options, expected in (("true", (), "baseline"), (make, (), "restricted"), (make, ("--policy", f"{DIRECTORY}/loose.json"), "privileged")):
            equal(level(*options, call=lambda *a, prefix=(): inside(script, *a)), expected, f"{script} {options}")
        for script, words in ((f"{make}; chmod 666 {DIRECTORY}/policy.json", "policy.json` is writable by group or others"), (f"{make}; chmod 777 {DIRECTORY}", "hrun` is writable"),
                              (f"{make}; mount --bind /usr {DIRECTORY}", f"`{DIRECTORY}` belongs to uid 65534")):
            tells(inside(script, "policy", "show"), words)


@test
def what_the_option_names_is_a_file():
    with etc_hrun(policy=RESTRICTED, loose=PRIVILEGED):
        with open(f"{DIRECTORY}/loose.json") as f:
            for name in ("/dev/stdin", "/proc/self/fd/0", f"/proc/{os.getpid()}/fd/{f.fileno()}", f"/proc/{os.getpid()}/root{DIRECTORY}/loose.json"):
                tells(h.hrun("--policy", name, "policy", "show", stdin=f), "is a symbolic link")
        for name, words in (("", "ENOENT"), ("/", "ENOENT"), ("/dev/null", "writable by group or others"), ("/dev", "not a regular file"),
                            (f"{DIRECTORY}/../hrun/loose.json", '".."')):
            tells(h.hrun("--policy", name, "policy", "show", cwd="/"), words)
        gone = f"{h.work}/gone"
        os.mkdir(gone)
        script = f"cd {gone} && rmdir {gone} && exec {h.HRUN} --policy etc/hrun/loose.json policy show"
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
        tells(h.Result(done.returncode, done.stdout, done.stderr), "the working directory has no path")


# ---- what hrun is called ----


def named(name, *args):
    # By bash: Python 3.13 gives nobody an empty name.
    done = subprocess.run(["bash", "-c", 'exec -a "$0" "$@"', name, h.HRUN, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return h.Result(done.returncode, done.stdout, h.own_words(done.stderr))


@test
def other_first_words():
    with etc_hrun(policy=RESTRICTED, loose=PRIVILEGED):
        for name in ("", "HRUN-loose", "-hrun-loose", "xhrun-loose", "hrun-loose/hrun", "hrun-policy", "/etc/hrun/loose.json"):
            equal(level(call=lambda *a, prefix=(): named(name, *a)), "restricted", name)
        for name in ("hrun-loose ", "hrun-loose\n", "hrun-loose\x1b[2J", "hrun-loose.json", "hrun-loo/../hrun-lo se"):
            tells(named(name, "policy", "show"), "no name of a class")
        # No first word at all: no class, no crash.
        nothing = (ctypes.c_char_p * 1)(None)
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
            ctypes.CDLL(None).execve(h.HRUN.encode(), nothing, nothing)
            os._exit(99)
        equal(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 1)


@test
def a_user_who_takes_a_loose_name_gains_nothing():
    with etc_hrun(policy=RESTRICTED, loose={**PRIVILEGED, "rules": {"user-root": "off"}, "allow": {"capabilities": ["CAP_SYS_ADMIN"]}}):
        done = subprocess.run([*USER, "bash", "-c", f"exec -a hrun-loose {h.HRUN} policy show --json"], capture_output=True, text=True)
        members = {k: v["value"] for k, v in json.loads(done.stdout)["members"].items()}
        equal((members["level"], members["rules"]["user-root"], members["allow"]["capabilities"]), ("restricted", "refuse", []))


@test
def no_member_of_a_users_file_loosens():
    rules = {r["id"]: r for r in json.loads(h.hrun("rules", "--json").out)["rules"]}
    order = ["off", "none", "warn", "harden", "refuse"]
    own = {"level": "privileged", **AUDIT, "onViolation": "harden", "criSandbox": True,
           "rules": {name: "off" for name, rule in rules.items() if rule["waivable"]},
           "allow": {"capabilities": ["CAP_SYS_ADMIN"], "sysctls": ["net.core.somaxconn"], "devices": [{"type": "b", "major": 8, "minor": 0, "access": "rwm"}],
                     "mountPrefixes": [{"path": "/", "readOnly": False}], "hooks": [{"path": "/bin/sh", "sha256": "0" * 64}], "annotations": ["io.*"],
                     "systemdProperties": ["CollectMode"], "seccompArchitectures": ["SCMP_ARCH_X32"], "cgroupsDisabled": True},
           "defaults": {"seccompProfile": "compat-x86", "pidsLimit": 4194304, "hookTimeoutSeconds": 86400}, "limits": {"configBytes": 4 << 20},
           "engines": {"containerd": ["/"], "other": ["/home"]},
           "waivers": [{"rule": "user-root", "match": {"cgroup": "*"}, "reason": "this is a test", "owner": "me", "expires": days_from_now(5)}]}
    directory = f"/run/own{os.getpid()}"
    os.mkdir(directory, 0o755)
    try:
        path = f"{directory}/own.json"
        write(path, json.dumps(own), 0o644)
        os.chown(path, 1000, 1000)
        for level_name in ("baseline", "restricted"):
            with etc_hrun(policy={"level": level_name}):
                machine, both = (json.loads(h.hrun(*more, "policy", "show", "--json", prefix=USER).out)["members"] for more in ([], ["--policy", path]))
                for name in machine:
                    if name not in ("rules", "auditUntil", "waivers"):
                        equal(both[name]["value"], machine[name]["value"], f"{level_name}: {name}")
                for name, action in both["rules"]["value"].items():
                    at_level = rules[name]["actions"][level_name]
                    assert order.index(action) >= order.index(at_level) or (action, at_level) == ("off", "none"), (name, action, at_level)
                lifted = [w["rule"] for w in both["waivers"]["value"]]
                equal(lifted, ["user-root"] if level_name == "baseline" else [], "one for what is only warned about changes nothing")
    finally:
        shutil.rmtree(directory)


# ---- what a bundle says ----


@test
def nothing_in_a_bundle_chooses():
    with etc_hrun():
        b = on_host_network()
        for name in ("policy.json", "hrun.json", ".hrun.json", "etc/hrun/policy.json", "rootfs/etc/hrun/policy.json"):
            os.makedirs(os.path.dirname(f"{b.path}/{name}"), exist_ok=True)
            write(f"{b.path}/{name}", json.dumps(PRIVILEGED))
        other = f"{h.work}/hrun-privileged"
        os.symlink(b.save().path, other)
        for path in (b.path, other):
            contains(h.hrun("run", "-b", path, "hrun-privileged", cwd=b.path).err, "refused [ns-net-host]")
        for key in ("io.hrun.level", "org.hrun.policy", "run.oci.hrun.level", "HRUN_LEVEL", "io.kubernetes.cri.untrusted-workload"):
            b.c["annotations"] = {key: "privileged"}
            r = h.hrun("run", "-b", b.save().path, h.new_id())
            assert r.status == 125 and r.err.startswith("hrun: refused ["), (key, r)
        b.c.pop("annotations")
        b.process["env"] = [f"HRUN_POLICY={b.path}/policy.json", "HRUN_LEVEL=privileged"]
        contains(h.hrun("run", "-b", b.save().path, h.new_id()).err, "refused [ns-net-host]")


def sandbox_bundle(**changes):
    """What claims to be the kubelet's pause container."""
    b = Bundle("/pause").without_limits()
    b.c["annotations"] = {"io.kubernetes.cri.container-type": "sandbox"}
    b.process.update(changes)
    return b


@test
def the_pause_container_is_not_believed_by_its_word():
    def found(b, **members):
        r = h.hrun("check", "--format", "json", b.save().path, level={"level": "restricted", **members})
        return {f["rule"]: f["action"] for f in json.loads(r.out)["findings"]}

    rule = "memory-limit-missing"
    equal(found(sandbox_bundle())[rule], "refuse", "criSandbox is not said")
    equal(found(sandbox_bundle(), criSandbox=True).get(rule), None, "as it should be")
    for args in (["/pause", "x"], ["/bin/sh"], ["pause"], ["/pause/"], ["/./pause"]):
        equal(found(sandbox_bundle(args=args), criSandbox=True)[rule], "refuse", args)
    b = sandbox_bundle()
    b.c["annotations"] = {"io.kubernetes.cri.container-type": "Sandbox", "io.kubernetes.cri.Container-type": "sandbox"}
    equal(found(b, criSandbox=True)[rule], "refuse", "another spelling")
    for source in ("/srv", "rootfs", "/run/containerd/../../srv"):
        equal(found(sandbox_bundle().mount("/data", "bind", source, ["rbind", "ro"]), criSandbox=True)[rule], "refuse", source)
    b = sandbox_bundle()
    b.namespace("network", path=False)
    equal(found(b, criSandbox=True)["ns-net-host"], "refuse", "it lifts nothing else")


# ---- allow.mountPrefixes and waivers by value ----


@contextlib.contextmanager
def storage():
    """DIR/data, DIR/database, and a file system mounted on DIR/data/sub; all may be written by everybody."""
    top = f"{h.work}/srv"
    for d in ("data/sub", "database", "out"):
        os.makedirs(f"{top}/{d}")
    os.symlink(f"{top}/out", f"{top}/data/link")
    os.symlink(f"{top}/data", f"{top}/alias")
    subprocess.run(["mount", "-t", "tmpfs", "test", f"{top}/data/sub"], check=True)
    for d in ("", "/data", "/data/sub", "/database", "/out"):
        os.chmod(top + d, 0o777)
    os.chmod(h.work, 0o755)
    try:
        yield top
    finally:
        subprocess.run(["umount", f"{top}/data/sub"], check=True)
        shutil.rmtree(top)


def mounting(source, *options):
    b = Bundle("sh", "-c", "touch /mnt/x /mnt/sub/x; true")
    os.makedirs(f"{b.root}/mnt")
    return b.mount("/mnt", "bind", source, [*options, "nosuid", "nodev", "noexec"])


def of_level_restricted(**members):
    return {"level": "restricted", "rules": {"memory-limit-missing": "off"}, **members}


@test
def a_read_only_prefix_is_read_only_below_as_well():
    with storage() as top:
        policy = of_level_restricted(allow={"mountPrefixes": [{"path": f"{top}/data"}]})
        for options, allowed in ((["bind", "ro"], True), (["rbind", "rro"], True), (["rbind", "ro"], False), (["rbind", "rrw", "ro"], False),
                                 (["rbind", "rro", "rrw", "ro"], False), (["bind"], False), (["rbind", "rro", "rw"], False),
                                 (["bind", "ro", "remount", "rw"], False)):
            r = h.run(mounting(f"{top}/data", *options), level=policy)
            equal(r.status, 0 if allowed else 125, f"{options}: {r!r}")
            for name in ("data/x", "data/sub/x"):
                assert not os.path.exists(f"{top}/{name}"), (options, name)
        # Nothing is mounted below it: the top is all.
        equal(h.run(mounting(f"{top}/data/sub", "rbind", "ro"), level=policy).status, 0)


@test
def a_prefix_is_a_directory_and_not_a_beginning():
    with storage() as top:
        policy = of_level_restricted(allow={"mountPrefixes": [{"path": f"{top}/data"}]})
        for source, allowed in (("data", True), ("data/", True), ("database", False), ("data/../database", False), ("data/link", False), ("", False),
                                ("alias", True), ("data/link/../data", True), ("data/link/../database", False)):
            r = h.run(mounting(f"{top}/{source}", "bind", "ro"), level=policy)
            equal(r.status, 0 if allowed else 125, f"{source}: {r!r}")
            if not allowed:
                contains(r.err, "[mount-")


@test
def a_waiver_is_for_the_real_value():
    waiver = {"rule": "mount-host-path", "reason": "this is a test", "owner": "the tests", "expires": days_from_now(1)}
    with storage() as top:
        policy = of_level_restricted(waivers=[{**waiver, "match": {"value": f"{top}/data"}}])
        for source, allowed in (("data", True), ("alias", True), ("data/sub", False), ("database", False), ("data/link", False), ("data/../database", False)):
            r = h.run(mounting(f"{top}/{source}", "bind", "ro"), level=policy)
            equal(r.status, 0 if allowed else 125, f"{source}: {r!r}")
        for value in (f"{top}/*", f"{top}/data/", f"{top}//data", f"\"{top}/data\"", f"{top}/DATA", f" {top}/data"):
            policy = of_level_restricted(waivers=[{**waiver, "match": {"value": value}}])
            equal(h.run(mounting(f"{top}/data", "bind", "ro"), level=policy).status, 125, value)


# ---- onViolation ----


@test
def repairs_that_were_asked_for_are_there():
    """One container with everything that mounts, paths, root and personality may be asked wrong; the kernel says what became of it."""
    b = Bundle()
    for m in b.c["mounts"]:
        if m.get("type") in ("sysfs", "cgroup", "cgroup2"):
            m["options"] = [o for o in m["options"] if o != "ro"] + ["rw"]
    os.makedirs(f"{b.root}/shared")
    os.makedirs(f"{b.root}/wide")
    b.mount("/wide", "tmpfs", "tmpfs", ["suid", "dev", "exec", "mode=1777"])
    os.makedirs(f"{b.path}/volume")
    b.mount("/shared", "bind", "volume", ["rbind", "rshared"])
    b.linux.update(maskedPaths=[], readonlyPaths=[], rootfsPropagation="shared", seccomp={"defaultAction": "SCMP_ACT_ALLOW"},
                   personality={"domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"]})
    b.c["root"]["readonly"] = False
    contains(h.run(b, "true").err, "refused [")
    b.process["args"] = ["sh"]
    asked = {"onViolation": "harden", "rules": {"rootfs-writable": "harden", "mount-tmpfs-exec": "harden"}}
    with started(b, level=asked) as c:
        found = {f["rule"] for f in json.loads(read(f"/run/hrun/{c.id}/verdict.json"))["findings"] if f["action"] == "harden"}
        for rule in ("masked-paths-absent", "mount-cgroup-writable", "mount-explicit-suid-dev", "mount-propagation-shared", "mount-sysfs-writable",
                     "mount-tmpfs-exec", "personality", "readonly-paths-absent", "rootfs-propagation-shared", "rootfs-writable", "seccomp-default-allow"):
            assert rule in found, (rule, found)
        mounts = {point: m.attributes for point, m in h.mounts_of(c.pid).items()}
        for point, attributes in (("/", {"ro"}), ("/sys", {"ro"}), ("/sys/fs/cgroup", {"ro"}), ("/wide", {"nosuid", "nodev", "noexec"}),
                                  ("/proc/sys", {"ro"}), ("/proc/keys", {"ro"}), ("/sys/firmware", {"ro"})):
            assert attributes <= mounts[point], (point, mounts[point])
        for line in read(f"/proc/{c.pid}/mountinfo").splitlines():
            assert "shared:" not in line and "master:" not in line, line
        equal((read(f"/proc/{c.pid}/personality").strip(), h.status_of(c.pid)["Seccomp"]), ("00000000", "2"))
        r = c.exec("sh", "-c", "touch /x; touch /proc/sys/kernel/hostname; cat /sys/firmware/*; unshare -U true; mount -t tmpfs x /tmp", level=asked)
        assert r.status != 0 and "unshare" in r.err and "mount" in r.err, r


# ---- exec and update ----


@test
def an_audit_of_today_is_not_for_a_stricter_container():
    with started(Bundle(), level=of_level_restricted()) as c:
        for policy in (AUDIT, {**PRIVILEGED, **AUDIT}):
            r = c.exec("id", "-u", options=["--user", "0"], level=policy)
            equal((r.status, r.out), (255, ""), f"{policy}: {r!r}")
            contains(r.err, "refused [user-root]")
    with started(Bundle()) as c:
        equal(c.exec("id", "-u", options=["--user", "0"], level=AUDIT).out.strip(), "0")
        for options in (["--cap", "CAP_SYS_ADMIN"], ["--cap", "CAP_CHOWN"], ["--cwd", "/proc/self/fd/7"], ["--process-label", "x"]):
            equal(c.exec("true", options=options, level=AUDIT).status, 255, options)


@test
def the_level_of_create_holds_whatever_exec_is_called():
    with etc_hrun(policy=of_level_restricted(), loose=PRIVILEGED), started(Bundle()) as c:
        for options in (["--user", "0"], ["--cap", "CAP_SYS_ADMIN"]):
            r = p.called("hrun-loose", "exec", *options, c.id, "true")
            assert r.status == 255 and r.err.startswith("hrun: refused ["), r
        # A level that this hrun does not know was made by one that knows more.
        path = f"/run/hrun/{c.id}/state.json"
        record = json.loads(read(path))
        for word in ("none", "", "Privileged"):
            write(path, json.dumps({**record, "level": word}))
            contains(p.called("hrun-loose", "exec", "--user", "0", c.id, "true").err, "refused [user-root]", word)
        write(path, json.dumps(record))


@test
def an_update_does_not_take_the_device_filter_away():
    allow = {"allow": {"capabilities": ["CAP_MKNOD"]}}
    probe = "mknod /dev/m c 1 1 && (true </dev/m) 2>&1; rm -f /dev/m"
    allowed = {"allow": True, "access": "rwm"}
    with started(Bundle(uid=0, caps=["CAP_MKNOD"]), level=allow) as c:
        for devices, taken in (([], True), (None, True), ([{"allow": False}], True), ([{"allow": False, "access": "m"}], True), ([allowed], False),
                               ([{"allow": False}, allowed], False), ([{**allowed, "type": "a"}], False), ([{**allowed, "type": "c"}], False),
                               ([{"allow": False}, {**allowed, "type": "c", "major": 1, "minor": 1}], False)):
            write(f"{h.work}/devices", json.dumps({"devices": devices}))
            r = h.hrun("update", "--resources", f"{h.work}/devices", c.id, level=allow)
            equal(r.status, 0 if taken else 1, f"{devices}: {r!r}")
            out = c.exec("sh", "-c", probe, level=allow).out
            assert "not permitted" in out, (devices, out)
        for resources in ({"unified": {"cgroup.freeze": "1"}}, {"unified": {"../pids.max": "1"}}, {"unified": {"cgroup.procs": "1"}},
                          {"memory": {"disableOOMKiller": True}}, {"cpu": {"realtimeRuntime": 5}}, {"Devices": []}):
            write(f"{h.work}/resources", json.dumps(resources))
            r = h.hrun("update", "--resources", f"{h.work}/resources", c.id, level={**allow, **AUDIT} if "Devices" in resources else allow)
            assert r.status == 1 and r.err.startswith("hrun: refused ["), (resources, r)


# ---- hrun policy learn ----


@test
def what_is_learned_of_a_cgroup_is_for_that_cgroup():
    def bundle(cgroup):
        b = Bundle("true").mount("/tmp", "tmpfs", "tmpfs", ["nosuid", "nodev", "ro", "rw"])
        b.c["mounts"] = [m for m in b.c["mounts"] if m["destination"] != "/tmp"] + b.c["mounts"][-1:]
        b.linux["cgroupsPath"] = cgroup
        return b.save()

    with etc_hrun():
        for cgroup, others in (("/a*b", ["/axb", "/a\\zb", "/a/b"]), ("/a?b", ["/axb", "/a\\xb"]), ("/a\\b", ["/ab", "/a\\\\b"]), ("/a\\x2db", ["/ax2db"]),
                               ("/a[x]b", ["/axb", "/a\\[x]b"]), ("x", ["/x", "/hrun/xy"])):
            b = bundle(cgroup)
            r = h.hrun("policy", "learn", "--owner", "the test", b.path)
            equal(r.status, 0, r.err)
            equal([w["rule"] for w in json.loads(r.out)["waivers"]], ["mount-option-conflict"])
            learned = put("learned", r.out)
            r = h.hrun("--policy", learned, "run", "-b", b.path, h.new_id())
            equal((r.status, r.err), (0, ""), cgroup)
            for other in others:
                r = h.hrun("--policy", learned, "run", "-b", bundle(other).path, h.new_id())
                contains(r.err, "refused [mount-option-conflict]", f"{cgroup} and {other}")


# ---- reports ----

HOSTILE = "d\x1b[31m\u009b2J\r\n\"\\`%s"


def hostile_tree():
    top = f"{h.work}/tree/{HOSTILE}"
    b = Bundle("true")
    b.namespace("uts", path=False)
    b.c.pop("hostname", None)
    b.c["x\u009b31m\x1b"] = b.c["windows"] = {}
    b.c["annotations"] = {"org.\u009b31m.x\x1b": "y"}
    b.process["noNewPrivileges"] = False
    b.save()
    os.makedirs(top)
    shutil.copytree(b.path, f"{top}/b", symlinks=True)
    write(f"{top}/bad.json", '{"a":\x1b')
    write(f"{top}/deep.json", '{"a":' * 100000)
    write(f"{top}/deeper.json", "[" * 100000)
    write(f"{top}/large.json", json.dumps(b.c) + " " * (1 << 20))
    write(f"{top}/pair.json", '{"a\\ud800":1}')
    os.mkfifo(f"{top}/fifo.json")
    os.symlink("/proc/kmsg", f"{top}/kmsg.json")
    os.symlink("/dev/zero", f"{top}/zero.json")
    os.symlink("loop.json", f"{top}/loop.json")
    os.symlink(".", f"{top}/here")
    shutil.copy(f"{top}/b/config.json", os.fsencode(top) + b"/\xff\xfe.json")
    return top


@test
def reports_of_hostile_files_are_what_they_say():
    top = hostile_tree()
    for form in ("text", "json", "sarif"):
        for name in ["b", "", "here", "no-such"] + sorted(os.listdir(top)):
            r = raw("check", "--format", form, "--score", os.path.join(os.fsencode(top), os.fsencode(name)), timeout=60)
            assert r.returncode in (1, 2), (name, r)
            if form != "text":
                json.loads(r.stdout.decode())
    r = raw("policy", "learn", "--owner", "o\x1b[2J", top)
    equal(json.loads(r.stdout)["waivers"][0]["owner"], "o\x1b[2J")
    path = "/run/learned.json"
    write(path, r.stdout.decode(), 0o644)
    try:
        raw("--policy", path, "policy", "list-waivers")
        raw("--policy", path, "policy", "show")
        json.loads(raw("--policy", path, "policy", "list-waivers", "--json").stdout)
    finally:
        os.unlink(path)
    for options in ([], ["--diff"], ["--force"]):
        r = raw("check", "--fix", *options, f"{top}/b")
        equal(r.returncode, 1, r.stderr)
    contains(raw("check", "--fix", "--diff", f"{top}/b").stdout.decode().splitlines()[1], "+++ ")
    shutil.rmtree(f"{h.work}/tree")


@test
def fix_takes_the_place_of_files_only():
    b = Bundle("true").save()
    node, fifo = f"{h.work}/null", f"{h.work}/pipe"
    os.mknod(node, 0o20666, os.makedev(1, 3))
    os.mkfifo(fifo)
    for name in (node, fifo, h.work):
        before = os.lstat(name)
        equal(h.hrun("check", "--fix", "--force", "-o", name, b.path).status, 3, name)
        after = os.lstat(name)
        equal((after.st_ino, after.st_mode), (before.st_ino, before.st_mode), name)
    os.unlink(node)
    os.unlink(fifo)


@test
def words_of_a_caller_or_a_container_move_no_cursor():
    bad = "\x1b[31m\u009b\r\n"
    for args in (["explain", bad], ["rules", bad], ["rules", "--level", bad], ["policy", bad], ["policy", "check", bad], ["policy", "show", "--class", bad],
                 ["--policy", bad, "policy", "show"], ["check", "--level", bad, "x"], ["check", "--format", bad, "x"], [bad], ["kill", bad],
                 ["explain", "x" * 100000], ["explain", "%s%n"], ["explain", "\u017f" * 50]):
        r = raw(*args)
        assert r.returncode != 0 and r.stdout == b"" and r.stderr.count(b"\n") == 1 and len(r.stderr) < 4096, (args, r)
    b = Bundle("sleep", "1000")
    b.c["windows\u009b31m"] = {}
    b.c["annotations"] = {"org.\u009b31m.x": "y"}
    with h.created(b) as c:
        contains(raw("check", "--id", c.id).stdout.decode(), "json-unknown-key")


@test
def a_refusal_is_one_line_whatever_it_quotes():
    log = f"{h.work}/log"
    for text in ("a\n{\"level\":\"info\"}", "\x1b]0;x\x07", "\u2028\u202e", "x" * 60000, "no such file", "\"}", "`permission denied`", "\u009b2J"):
        b = Bundle("true")
        b.process["cwd"] = f"/proc/{text}"
        for more in ([], ["--log-format", "json"]):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(log)
            r = raw("--log", log, *more, "create", "-b", b.save().path, "x1")
            equal((r.returncode, r.stdout, r.stderr.count(b"\n")), (1, b"", 1), text[:20])
            assert r.stderr.startswith(b"hrun: refused [cwd-unsafe] process.cwd ") and len(r.stderr) < 1500 and r.stderr.isascii(), r
            assert b"no such file" not in r.stderr and b"permission denied" not in r.stderr, r
            line, = read(log).splitlines()
            if more:
                equal(json.loads(line)["msg"], r.stderr.decode().rstrip("\n"))


main()
