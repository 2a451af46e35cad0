#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Idmapped mounts: whose ids the container sees, and what reaches the disk."""
import contextlib
import os
import re
import subprocess
import tempfile

from hrun import BUILD, Bundle, contains, equal, host_tmpfs, main, output, run, test

BASE = 100000


@contextlib.contextmanager
def place():
    """A directory on a file system that can be mounted with other ids: tmpfs since Linux 6.3, before that what the working tree is on."""
    if tuple(int(n) for n in re.findall(r"\d+", os.uname().release)[:2]) >= (6, 3):
        with host_tmpfs() as path:
            yield path
        return
    with tempfile.TemporaryDirectory(dir=f"{BUILD}/tests") as path:
        os.chmod(path, 0o755)
        yield path


@contextlib.contextmanager
def mounted(path):
    """Something that can be mounted with other ids, at PATH."""
    with place() as source:
        subprocess.run(["mount", "--bind", source, path], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", path], check=True)


def pair(inside, outside, size=1):
    return [{"containerID": inside, "hostID": outside, "size": size}]


def owned(path, uid, gid):
    with open(path, "w"):
        pass
    os.chown(path, uid, gid)


def owner(path):
    s = os.stat(path)
    return f"{s.st_uid}:{s.st_gid}"


def shown(b, *names, level="privileged", write=False):
    """Owners as the container sees them; with write it also makes a file `new`."""
    script = "; ".join([*(f"stat -c %u:%g {n}" for n in names), *(["touch /data/new"] if write else [])])
    return output(b, "sh", "-c", script, level=level).split()


@test
def without_mappings_the_user_namespace_of_the_container():
    with place() as d:
        owned(f"{d}/root", 0, 0)
        owned(f"{d}/user", 1000, 1001)
        b = Bundle(uid=0).user_namespace(BASE).mount("/data", "bind", d, ("bind", "idmap"))
        equal(shown(b, "/data/root", "/data/user", write=True), ["0:0", "1000:1001"])
        equal(owner(f"{d}/new"), "0:0", "a new file on the disk")
        b = Bundle(uid=0).user_namespace(BASE).mount("/data", "bind", d, ("bind",))
        equal(shown(b, "/data/root"), ["65534:65534"], "without idmap")


@test
def with_mappings_of_its_own():
    with place() as d:
        owned(f"{d}/a", 5, 6)
        owned(f"{d}/b", 7, 7)
        b = Bundle(uid=0).mount("/data", "bind", d, ("bind",))
        b.c["mounts"][-1].update(uidMappings=pair(0, 0, 1) + pair(5, 2005), gidMappings=pair(0, 0, 1) + pair(6, 2006))
        equal(shown(b, "/data/a", "/data/b", write=True), ["2005:2006", "65534:65534"])
        equal(owner(f"{d}/new"), "0:0")


@test
def with_a_joined_user_namespace():
    p = subprocess.Popen(["unshare", "--user", "sleep", "1000"], stdout=subprocess.DEVNULL)
    try:
        while os.readlink(f"/proc/{p.pid}/ns/user") == os.readlink("/proc/self/ns/user"):
            pass
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{p.pid}/{name}", "w") as f:
                f.write(f"0 {BASE} 65536")
        with place() as d:
            owned(f"{d}/root", 0, 0)
            b = Bundle(uid=0).namespace("user", path=f"/proc/{p.pid}/ns/user").mount("/data", "bind", d, ("bind", "idmap"))
            equal(shown(b, "/data/root"), ["0:0"])
    finally:
        p.kill()
        p.wait()


@test
def idmap_is_for_one_mount_and_ridmap_for_all_below():
    with place() as d:
        os.mkdir(f"{d}/sub")
        with mounted(f"{d}/sub"):
            owned(f"{d}/sub/file", 0, 0)
            for word, expected in (("idmap", "65534:65534"), ("ridmap", "0:0")):
                b = Bundle(uid=0).user_namespace(BASE).mount("/data", "bind", d, ("rbind", word))
                equal(shown(b, "/data/sub/file"), [expected], word)


@test
def the_file_system_that_cannot_is_named():
    b = Bundle(uid=0).user_namespace(BASE).mount("/data", "bind", "/proc/sys/kernel", ("bind", "idmap"))
    r = run(b, "true", level="privileged")
    equal(r.status, 125, r.err)
    contains(r.err, "mounts[9]: bind `/proc/sys/kernel`: proc cannot show other ids")


@test
def without_any_mapping_it_is_refused():
    r = run(Bundle(uid=0).mount("/data", "bind", "/tmp", ("bind", "idmap")), "true", level="privileged")
    equal(r.status, 125, r.err)
    contains(r.err, "mounts[9].options: idmap without a user namespace and without mappings")


if __name__ == "__main__":
    main()
