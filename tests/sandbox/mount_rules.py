#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sources that are something else than their path says: bind mounts, links that turn, magic links, pipes, thousands of mounts."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from hrun import Bundle, contains, equal, host_tmpfs, main, output, run, test
import hrun as h


def findings(bundle, level="baseline"):
    """{(action, rule)} of what `hrun plan` tells about it."""
    bundle.save()
    r = h.hrun("plan", bundle.path, level=level)
    return {tuple(line.split()[:2]) for line in r.err.splitlines() if line.split()[:1] and line.split()[0] in ("refuse", "warn", "harden")}


def refuses(bundle, *rules, level="baseline"):
    """Refused by these rules, among others, when it is really to be run; and the sentence is there."""
    found = findings(bundle, level)
    for rule in rules:
        contains(found, ("refuse", rule))
    r = run(bundle, "true", level=level)
    assert r.status != 0 and any(rule in r.err for action, rule in found if action == "refuse"), r
    return found


def accepts(bundle, level="baseline"):
    found = findings(bundle, level)
    assert not [rule for action, rule in found if action == "refuse"], found
    return found


@contextlib.contextmanager
def mounted(*arguments, directory=True):
    """Something mounted on a new place of the test's own."""
    where = tempfile.mkdtemp(dir=h.work)
    point = f"{where}/x"
    os.mkdir(point) if directory else open(point, "w").close()
    subprocess.run(["mount", *arguments, point], check=True)
    try:
        yield where, point
    finally:
        subprocess.run(["umount", point], check=True)
        shutil.rmtree(where)


def bound(source, *options, destination="/data"):
    return Bundle("true").mount(destination, "bind", source, ["nosuid", "nodev", *(options or ["rbind"])])


@test
def a_bind_mount_of_etc_is_etc():
    with mounted("--bind", "/etc") as (where, point):
        refuses(bound(point), "mount-host-system-dir")
        refuses(bound(f"{point}/ssl"), "mount-host-system-dir")
        refuses(bound(f"{point}/passwd", "bind", "ro"), "mount-host-system-dir")
        refuses(bound(where), "mount-host-system-dir")
        accepts(bound(where, "bind"))  # without the mounts below it


@test
def a_bind_mount_of_what_is_in_etc_is_in_etc():
    with mounted("--bind", "/etc/ssl") as (where, point):
        refuses(bound(point), "mount-host-system-dir")
        refuses(bound(where), "mount-host-system-dir")
        accepts(bound(where, "bind"))
    with mounted("--bind", "/etc/passwd", directory=False) as (where, point):
        refuses(bound(point, "bind"), "mount-host-system-dir")


@test
def a_bind_mount_of_the_root_is_the_root():
    with mounted("--bind", "/") as (where, point):
        equal([rule for action, rule in refuses(bound(point), "mount-host-root") if action == "refuse"], ["mount-host-root"])
        refuses(bound(f"{point}/usr"), "mount-host-system-dir")


@test
def a_bind_mount_of_harmless_files_is_harmless():
    with host_tmpfs() as top:
        os.mkdir(f"{top}/d")
        with mounted("--bind", f"{top}/d") as (where, point):
            accepts(bound(point))
            accepts(bound(where))


@test
def a_bind_mount_of_a_bind_mount():
    with mounted("--bind", "/etc") as (_, first):
        with mounted("--bind", f"{first}/ssl") as (_, second):
            with mounted("--bind", second) as (_, third):
                refuses(bound(third), "mount-host-system-dir")


@test
def file_systems_of_the_kernel_are_known_by_their_type():
    for kind, rule in (("proc", "mount-host-proc"), ("sysfs", "mount-host-sys"), ("cgroup2", "mount-host-sys"), ("devpts", "mount-host-dev")):
        with mounted("-t", kind, kind) as (where, point):
            refuses(bound(point), rule)
            refuses(bound(where), rule)
            accepts(bound(where, "bind"))


@test
def a_volume_of_an_engine_that_is_a_directory_of_the_host():
    volume = "/run/containers/storage/volumes/v/_data"
    os.makedirs(f"{volume}/sub")
    try:
        accepts(bound(volume), level="baseline")
        assert ("refuse", "mount-host-path") not in findings(bound(volume), "restricted")
        subprocess.run(["mount", "--bind", "/etc", volume], check=True)
        refuses(bound(volume), "mount-host-system-dir")
        refuses(bound(f"{volume}/ssl"), "mount-host-system-dir")
        subprocess.run(["umount", volume], check=True)
        os.rmdir(f"{volume}/sub")
        os.rmdir(volume)
        os.symlink("/etc", volume)
        refuses(bound(volume), "mount-host-system-dir")
        os.unlink(volume)
        os.symlink("../w/_data", volume)
        os.makedirs("/run/containers/storage/volumes/w/_data")
        accepts(bound(volume))
    finally:
        shutil.rmtree("/run/containers")


@test
def the_state_of_this_hrun_wherever_it_is():
    top = tempfile.mkdtemp(dir=h.work)
    os.mkdir(f"{top}/root", 0o700)
    os.mkdir(f"{top}/other")
    os.symlink(f"{top}/root", f"{top}/link")
    for source in ("root", "root/x", ".", "link"):
        os.makedirs(f"{top}/root/x", 0o700, exist_ok=True)
        b = bound(os.path.normpath(f"{top}/{source}")).save()
        for verb in (["create", "-b", b.path, h.new_id()], ["plan", b.path], ["check", b.path], ["check", f"{b.path}/config.json"],
                     ["policy", "learn", "--owner", "me", b.path]):
            text = source == "link" and verb[1].endswith(".json")  # where a link leads nobody has looked at
            r = h.hrun("--root", f"{top}/link" if verb[0] != "create" else f"{top}/root", *verb)
            said = [line for line in (r.out + r.err).splitlines() if "mount-engine-state" in line and not line.startswith("not judged")]
            equal(bool(said), not text, f"{verb} of {source}: {r}")
        accepts(b)
    b = bound(f"{top}/other").save()
    equal(h.hrun("--root", f"{top}/root", "check", b.path).status, 0)
    b = bound(top).save()
    for word in ("later", "./later/x", "later/../later"):  # not there yet, and as it is written from here
        contains(h.hrun("--root", word, "check", b.path, cwd=top).out, "mount-engine-state", word)
        assert "mount-engine-state" not in h.hrun("--root", word, "check", b.path, cwd=h.work).out, word


@test
def a_store_of_images_wherever_it_is():
    top = tempfile.mkdtemp(dir=h.work)
    entry = f"sha256-{'0a' * 32}"
    os.mkdir(f"{top}/s", 0o700)
    os.mkdir(f"{top}/s/new")
    os.symlink(f"{top}/s", f"{top}/link")
    for state in ("empty", "used"):
        for source in ("s", "s/new", "link", f"s/{entry}", f"s/{entry}/rootfs/etc"):
            if os.path.exists(f"{top}/{source}"):
                refuses(bound(f"{top}/{source}"), "mount-engine-state")
        os.makedirs(f"{top}/s/{entry}/rootfs/etc", exist_ok=True)
        os.makedirs(f"{top}/s/lost+found", exist_ok=True)
    # What somebody else has called so: others may look into it, or it has no `new`, or other things stand beside that.
    os.makedirs(f"{top}/open/new")
    os.makedirs(f"{top}/open/{entry}")
    for name in (f"blobs/{entry}", "mail/new", "mail/cur"):
        os.makedirs(f"{top}/{name}", 0o700)
        os.chmod(os.path.dirname(f"{top}/{name}"), 0o700)
    for name in ("open", f"open/{entry}", "blobs", f"blobs/{entry}", "mail", "mail/new"):
        accepts(bound(f"{top}/{name}"))
    for source in (f"{top}/s/{entry}", f"{top}/s/{entry}/rootfs", f"{top}/s/{entry}/rootfs/etc", f"{top}/s"):
        with mounted("--bind", source) as (where, point):
            refuses(bound(point), "mount-engine-state")
            refuses(bound(where), "mount-engine-state")
            accepts(bound(where, "bind"))


@test
def a_store_of_images_is_no_root():
    """What is written there, later runs would take for what was signed."""
    entry = f"sha256-{'0a' * 32}"
    for top in (tempfile.mkdtemp(dir=h.work), "/run/containerd/x"):
        os.makedirs(f"{top}/s", 0o700)
        os.mkdir(f"{top}/s/new")
        os.chmod(f"{top}/s", 0o700)
        b = Bundle("true")
        root = f"{top}/s/{entry}/rootfs"
        os.makedirs(f"{root}/bin")
        try:
            for path in (root, f"{root}/bin", f"{top}/s/{entry}", f"{top}/s"):
                b.c["root"]["path"] = path
                refuses(b, "root-path-host")
            for source in (root, f"{top}/s/{entry}"):
                with mounted("--bind", source) as (_, point):
                    b.c["root"]["path"] = point + ("" if source == root else "/rootfs")
                    refuses(b, "root-path-host")
            os.chmod(f"{top}/s", 0o755)  # no store any more: the engine's own
            b.c["root"]["path"] = root
            accepts(b)
        finally:
            shutil.rmtree(top)
    os.rmdir("/run/containerd")


@test
def protected_directories_that_are_links():
    top = tempfile.mkdtemp(dir=h.work)
    os.makedirs(f"{top}/state/x")
    os.makedirs(f"{top}/other")
    os.symlink(f"{top}/state", "/run/containerd")
    try:
        refuses(bound(f"{top}/state"), "mount-engine-state")
        refuses(bound(f"{top}/state/x"), "mount-engine-state")
        refuses(bound(top), "mount-engine-state")
        accepts(bound(f"{top}/other"))
        sandbox = f"{top}/state/io.containerd.grpc.v1.cri/sandboxes/{'0a' * 32}"
        os.makedirs(f"{sandbox}/shm")
        accepts(bound(f"{sandbox}/shm"))
        accepts(bound(f"/run/containerd/io.containerd.grpc.v1.cri/sandboxes/{'0a' * 32}/shm"))
    finally:
        os.unlink("/run/containerd")
        shutil.rmtree(top)


@contextlib.contextmanager
def binds(*pairs):
    """Each source mounted on a directory that is made."""
    made = []
    try:
        for source, point in pairs:
            os.makedirs(point, exist_ok=True)
            subprocess.run(["mount", "--bind", source, point], check=True)
            made.append(point)
        yield
    finally:
        for point in reversed(made):
            subprocess.run(["umount", point], check=True)


@test
def a_staged_volume_of_a_pod():
    """What the kubelet has staged and bound into a pod has two names; the pod's is good, and no other is made good by it."""
    kubelet, volume = "/var/lib/kubelet", "kubernetes.io~csi/pv/mount"
    pod = f"{kubelet}/pods/01234567-89ab-cdef-0123-456789abcdef"
    staged = f"{kubelet}/plugins/kubernetes.io/csi/csi.example.org/{'0a' * 32}/globalmount"
    local = f"{kubelet}/plugins/kubernetes.io/local-volume/mounts/pv-1"
    with host_tmpfs() as top:
        os.makedirs(f"{top}/disk/sub")
        try:
            for place in (staged, local):
                with binds((f"{top}/disk", place), (place, f"{pod}/volumes/{volume}"), (f"{place}/sub", f"{pod}/volume-subpaths/pv/c/0")):
                    for source in (f"{pod}/volumes/{volume}", f"{pod}/volumes/{volume}/sub", f"{pod}/volume-subpaths/pv/c/0"):
                        accepts(bound(source))
                    for source in (place, f"{place}/sub", os.path.dirname(place), f"{top}/disk"):
                        refuses(bound(source), "mount-engine-state")
            for place in (f"{kubelet}/plugins/csi.example.org", f"{kubelet}/pki", f"{kubelet}/plugins/kubernetes.io/csi", "/run/containerd/x"):
                with binds((f"{top}/disk", place), (place, f"{pod}/volumes/{volume}")):
                    refuses(bound(f"{pod}/volumes/{volume}"), "mount-engine-state")
        finally:
            shutil.rmtree(kubelet)
            shutil.rmtree("/run/containerd", ignore_errors=True)


@test
def what_lies_behind_a_protected_directory():
    """mount --bind /data/containerd /run/containerd: then /data holds the engine's state."""
    with host_tmpfs() as top:
        for name in ("data/containerd/x", "data/etc", "volumes/v", "other"):
            os.makedirs(f"{top}/{name}")
        pod = "/var/lib/kubelet/pods/01234567-89ab-cdef-0123-456789abcdef"
        try:
            with binds((f"{top}/data/containerd", "/run/containerd"), (f"{top}/volumes/v", f"{pod}/volume-subpaths/v/c/0")):
                for source in (f"{top}/data", f"{top}/data/containerd", f"{top}/data/containerd/x"):
                    refuses(bound(source), "mount-engine-state")
                refuses(bound(f"{top}/data", "bind"), "mount-engine-state")
                for source in (f"{top}/data/etc", f"{top}/other", f"{top}/volumes"):
                    accepts(bound(source))
            accepts(bound(f"{top}/data"))
        finally:
            os.rmdir("/run/containerd")
            shutil.rmtree("/var/lib/kubelet")


@test
def magic_links():
    fd = os.open("/etc", os.O_RDONLY)
    os.set_inheritable(fd, True)
    memory = os.memfd_create("m", 0)
    try:
        for path in ("/proc/self/root", "/proc/1/root/etc", "/proc/self/cwd", "/dev/fd/0", f"/proc/{os.getpid()}/fd/{fd}", f"/proc/{os.getpid()}/fd/{memory}",
                     f"/proc/{os.getpid()}/ns/net", "/proc/thread-self/root/etc"):
            refuses(bound(path, "rbind"), "mount-host-proc")
            for level in ("privileged",):  # no rule, and still no magic link is followed
                r = run(bound(path, "rbind"), "true", level=level)
                assert r.status != 0 and ("magic link" in r.err or "/dev/fd" in path), (path, r)
        link = f"{h.work}/magic"
        for target in (f"/proc/{os.getpid()}/fd/{fd}", "/proc/self/root"):
            os.symlink(target, link)
            refuses(bound(link), "mount-host-proc")
            os.unlink(link)
    finally:
        os.close(fd)
        os.close(memory)


@test
def a_directory_that_was_deleted():
    gone = tempfile.mkdtemp(dir=h.work)
    fd = os.open(gone, os.O_RDONLY)
    os.rmdir(gone)
    refuses(bound(f"/proc/{os.getpid()}/fd/{fd}"), "mount-host-proc")
    os.close(fd)
    r = run(bound(gone), "true")
    assert r.status != 0 and "make it on the host" in r.err, r


@test
def spellings():
    with host_tmpfs() as top:
        os.mkdir(f"{top}/d")
        h.write(f"{top}/d/marker", "yes")
        for path in (f"{top}/d/", f"{top}/d//", f"{top}/./d/.", f"{top}//d", f"{top}/d/../d"):
            contains(accepts(bound(path)), ("warn", "mount-source-not-canonical"))
            equal(output(bound(path), "cat", "/data/marker"), "yes")
        assert ("warn", "mount-source-not-canonical") not in accepts(bound(f"{top}/d"))


@test
def pipes_sockets_and_long_names():
    with host_tmpfs() as top:
        os.mkfifo(f"{top}/pipe")
        equal(output(bound(f"{top}/pipe", "bind", destination="/data/p"), "sh", "-c", "[ -p /data/p ] && echo pipe"), "pipe\n")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(f"{top}/s")
        contains(accepts(bound(f"{top}/s", "bind")), ("warn", "mount-engine-socket"))
        for level in ("privileged", "baseline"):
            r = run(bound(top + "/x" * 3000), "true", level=level)
            assert r.status != 0 and "mounts[9].source" in r.err and len(r.err) < 1000, r
        os.mkdir(f"{top}/engine")
        accepts(bound(f"{top}/engine"))
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(f"{top}/engine/podman.sock")
        refuses(bound(f"{top}/engine"), "mount-engine-socket")
        refuses(bound(f"{top}/engine/podman.sock", "bind"), "mount-engine-socket")


@test
def a_link_that_turns_while_it_is_judged():
    """What is mounted is what was judged: the container sees the one directory, or is refused; never the other."""
    with host_tmpfs() as top:
        os.mkdir(f"{top}/good")
        h.write(f"{top}/good/marker", "good")
        link, stop = f"{top}/link", threading.Event()
        os.symlink("good", link)

        def turn():
            n = 0
            while not stop.is_set():
                os.symlink("/etc" if n % 2 else f"{top}/good", f"{top}/next")
                os.rename(f"{top}/next", link)
                n += 1

        threads = [threading.Thread(target=turn)]
        b = bound(link, "rbind", "ro").save()
        b.process["args"] = ["sh", "-c", "cat /data/marker; ls -a /data | grep -c passwd"]
        b.save()
        seen = {"good": 0, "refused": 0, "replaced": 0}
        for t in threads:
            t.start()
        try:
            for _ in range(60):
                r = h.hrun("run", "-b", b.path, h.new_id(), level="baseline")
                if "was replaced" in r.err:
                    seen["replaced"] += 1
                elif "mount-host-system-dir" in r.err:
                    seen["refused"] += 1
                else:
                    equal(r.out, "good0\n", f"what the container saw, {r.err!r}")
                    seen["good"] += 1
        finally:
            stop.set()
            for t in threads:
                t.join()
        equal(sum(seen.values()), 60)


@test
def a_source_that_comes_and_goes():
    with host_tmpfs() as top:
        stop = threading.Event()
        os.mkdir(f"{top}/d")

        def flicker():
            while not stop.is_set():
                os.rename(f"{top}/d", f"{top}/e")
                os.rename(f"{top}/e", f"{top}/d")

        thread = threading.Thread(target=flicker)
        b = bound(f"{top}/d")
        b.process["args"] = ["true"]
        b.save()
        thread.start()
        try:
            for _ in range(40):
                r = h.hrun("run", "-b", b.path, h.new_id(), level="baseline")
                assert r.status == 0 or "mounts[" in r.err, r
        finally:
            stop.set()
            thread.join()


@test
def four_thousand_mounts():
    """Bounded work: it is judged and planned, or refused, at once."""
    with host_tmpfs("size=64m") as top:
        b = Bundle("true")
        given = len(b.c["mounts"])
        for i in range(4096 - given):
            os.makedirs(f"{top}/{i}")
            b.mount(f"/data/{i}", "bind", f"{top}/{i}", ["rbind", "nosuid", "nodev"])
        b.save()
        begin = time.monotonic()
        r = h.hrun("plan", b.path, level="baseline")
        print(f"# 4096 mounts: {time.monotonic() - begin:.2f} s")
        equal(r.status, 0, r.err[:300])
        b.c["mounts"].append(b.c["mounts"][-1])
        b.save()
        contains(h.hrun("plan", b.path, level="baseline").err, "list-too-long")
        deep = "/" + "/".join("a" * 1 for _ in range(100))
        b.c["mounts"] = b.c["mounts"][:given] + [{"destination": deep, "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev"]}] * 2000
        b.save()
        begin = time.monotonic()
        contains(findings(b, "restricted"), ("refuse", "mount-duplicate-dest"))
        print(f"# 2000 mounts, a hundred directories deep: {time.monotonic() - begin:.2f} s")


@test
def a_destination_through_a_link_in_a_volume():
    with host_tmpfs() as top:
        os.symlink("/proc", f"{top}/l")
        os.symlink("../../../etc", f"{top}/up")
        for name, rule in (("l/sys", "mount-dest-symlink"), ("up/x", "mount-dest-symlink")):
            b = bound(top, destination="/data").mount(f"/data/{name}", "tmpfs", "tmpfs", ["nosuid", "nodev"])
            refuses(b, rule)


@test
def a_cgroup_that_may_be_written():
    delegated = any(" - cgroup2 " in line and "nsdelegate" in line for line in h.read("/proc/self/mountinfo").splitlines())
    b = Bundle("true").without_mount("/sys/fs/cgroup").mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "nodev", "noexec"])
    contains(findings(b), ("warn" if delegated else "harden", "mount-cgroup-writable"))
    contains(findings(b, "restricted"), ("refuse", "mount-cgroup-writable"))
    b.namespace("cgroup", path=False)
    contains(findings(b), ("refuse", "mount-cgroup-writable"))


main()
