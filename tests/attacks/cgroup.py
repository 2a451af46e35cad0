#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cgroups of others, kernel parameters of the host, namespaces of the host.

CVE-2022-0492, CVE-2022-0811, CVE-2025-52881
"""
import contextlib
import json
import os
import subprocess

import attack
from attack import Bundle, contains, created, equal, eventually, h, output, read, refused, run, started, test, write


@contextlib.contextmanager
def victim(path):
    """A process of somebody else in the cgroup of that path; it must be alive afterwards."""
    directory = f"{h.CGROUP}/{path}"
    os.makedirs(directory, exist_ok=True)
    p = subprocess.Popen(["sleep", "1000"])
    write(f"{directory}/cgroup.procs", str(p.pid))
    try:
        yield p
        equal(p.poll(), None, "the process of somebody else")
    finally:
        p.kill()
        p.wait()
        eventually(lambda: remove(directory), "the cgroup is gone")


def remove(directory):
    with contextlib.suppress(FileNotFoundError):
        try:
            os.rmdir(directory)
        except OSError:
            return False
    return True


def path_of(c):
    return read(f"/proc/{c.pid}/cgroup").split("::")[1].strip()


@test
def a_cgroup_that_others_use_is_refused():
    with victim("theirs"):
        b = Bundle("true")
        b.linux["cgroupsPath"] = "/theirs"
        refused(run(b), "has processes already")
        refused(run(b, level="privileged"), "holds processes")
        name = h.new_id()
        b.save()
        refused(h.hrun("create", "-b", b.path, name))
        h.hrun("delete", "--force", name)


@test
def a_cgroup_with_cgroups_of_others_is_refused():
    with victim("theirs/below"):
        b = Bundle("true")
        b.linux["cgroupsPath"] = "/theirs"
        refused(run(b))
    remove(f"{h.CGROUP}/theirs")


@test
def cgroup_paths_that_climb():
    for path in ("/", "//", "/..", "/../x", "../x", "/x/../../y", "..", ".", "/x/./y", "/x//y", "/x/", "x/..", "/a\nb", "/" + "a" * 300):
        b = Bundle("true")
        b.linux["cgroupsPath"] = path
        refused(run(b))


@test
def a_cgroup_path_that_is_a_file_of_the_kernel():
    for path in ("/cgroup.procs", "/cgroup.procs/x", "/made/on/cgroup.procs/the/way", "made/cgroup.kill/x"):
        b = Bundle("true")
        b.linux["cgroupsPath"] = path
        b.save()
        name = h.new_id()
        refused(h.hrun("create", "-b", b.path, name), "file of the kernel")
        assert not os.path.exists(f"/run/hrun/{name}"), f"{path}: the failed create left its record"
        assert not os.path.exists(f"{h.CGROUP}/made") and not os.path.exists(f"{h.CGROUP}/hrun/made"), f"{path}: and a cgroup"


@test
def a_record_of_a_path_through_a_file_of_the_kernel_can_be_deleted():
    """Left by a create that was killed there."""
    with created(Bundle("true")) as c:
        path = f"/run/hrun/{c.id}/state.json"
        text, pid = read(path), c.pid
        os.kill(pid, 9)
        os.makedirs(f"{h.CGROUP}/hrun/made")
        record = dict(json.loads(text), cgroupInode=0, pid=0, startTicks=0, createdDone=False, cgroup="/hrun/made/cgroup.procs/x/y")
        eventually(lambda: remove(h.CGROUP + json.loads(text)["cgroup"]), "the container's cgroup is free")
        write(path, json.dumps(record))
        equal(h.hrun("delete", "--force", c.id).status, 0, "delete --force")
        assert not os.path.exists(f"/run/hrun/{c.id}"), "the record is still there"
        assert not os.path.exists(f"{h.CGROUP}/hrun/made"), "the cgroup that was made is still there"


@test
def the_cgroup_of_all_containers_is_nobodys_own():
    """A container there would end all that come after it."""
    b = Bundle("true")
    b.linux["cgroupsPath"] = "/hrun"
    refused(run(b, level="privileged"), "of other containers")


@test
def a_replaced_cgroup_is_neither_killed_nor_removed():
    b = Bundle("true")
    b.linux["cgroupsPath"] = "/replaced"
    with created(b) as c:
        pid = c.pid
        os.kill(pid, 9)
        eventually(lambda: remove(f"{h.CGROUP}/replaced"), "the container's cgroup is free")
        with victim("replaced"):
            assert h.hrun("kill", "--all", c.id, "KILL").status in (0, 1)
            equal(c.remove().status, 0, "delete --force")


@test
def a_create_that_was_killed_before_it_had_a_cgroup_takes_none_along():
    """The record names a path and no inode yet: somebody else's cgroup of that name stays."""
    b = Bundle("true")
    b.linux["cgroupsPath"] = "/unrecorded"
    with created(b) as c:
        path = f"/run/hrun/{c.id}/state.json"
        text, pid = read(path), c.pid
        os.kill(pid, 9)
        eventually(lambda: remove(f"{h.CGROUP}/unrecorded"), "the container's cgroup is free")
        record = dict(json.loads(text), cgroupInode=0, pid=0, startTicks=0, createdDone=False)
        write(path, json.dumps(record))
        with victim("unrecorded"):
            equal(c.remove().status, 0, "delete --force")


@test
def an_empty_cgroup_of_a_create_that_was_killed_is_removed():
    b = Bundle("true")
    b.linux["cgroupsPath"] = "/unrecorded/x"
    with created(b) as c:
        path = f"/run/hrun/{c.id}/state.json"
        text, pid = read(path), c.pid
        os.kill(pid, 9)
        eventually(lambda: "populated 0" in read(f"{h.CGROUP}/unrecorded/x/cgroup.events"), "init is gone")
        write(path, json.dumps(dict(json.loads(text), cgroupInode=0, pid=0, startTicks=0, createdDone=False)))
        equal(c.remove().status, 0, "delete --force")
        assert not os.path.exists(f"{h.CGROUP}/unrecorded/x"), "the cgroup is still there"
    remove(f"{h.CGROUP}/unrecorded")


@test
def the_cgroup_inside_is_read_only_and_ends_at_the_containers_own():
    b = Bundle("sh", "-c", "cat /proc/self/cgroup; echo 1 >/sys/fs/cgroup/cgroup.procs; mkdir /sys/fs/cgroup/x; ls /sys/fs/cgroup/..", uid=0)
    r = run(b)
    contains(r.out, "0::/\n")
    equal(r.err.count("Read-only file system"), 2, r.err)
    with started(Bundle(uid=0)) as c:
        contains(c.exec("cat", "/proc/self/cgroup").out, "0::/\n", "exec")


@test
def a_shared_cgroup_namespace_shows_the_containers_own_directory_only():
    b = Bundle("sh", "-c", "cat /sys/fs/cgroup/cgroup.procs; ls -d /sys/fs/cgroup/runner", uid=0).namespace("cgroup", path=False)
    r = run(b, level="privileged")
    assert "runner" not in r.out, r


@test
def what_a_container_made_below_its_cgroup_goes_with_it():
    b = Bundle("sh", "-c", "mkdir -p /sys/fs/cgroup/a/b/c/d && sleep 1000", uid=0)
    for m in b.c["mounts"]:
        if m["destination"] == "/sys/fs/cgroup":
            m["options"].remove("ro")
    with started(b, level="privileged") as c:
        directory = h.CGROUP + path_of(c)
        if os.access(f"{directory}/a/b/c/d", os.F_OK):
            os.makedirs(f"{directory}/e/f")
        equal(c.remove().status, 0, "delete --force")
        assert not os.path.exists(directory)


SYSCTLS = ("kernel.core_pattern", "kernel/core_pattern", "net/../kernel/core_pattern", "net.ipv4/../../kernel/core_pattern", "net...kernel.core_pattern",
           "net..core", ".net.core.somaxconn", "net.core.somaxconn.", "../../sysrq-trigger", "net.\x00x", "kernel.shmmax/../core_pattern",
           "fs.mqueue./../../kernel/core_pattern", "kernel.sysrq", "vm.overcommit_memory", "fs.suid_dumpable", "user.max_user_namespaces", "", ".",
           "net.core.somaxconn\nkernel.core_pattern", "kernel.core_pattern\\.x", "net.core.somaxconn+kernel.core_pattern")


@test
def sysctl_keys_that_lead_elsewhere():
    before = read("/proc/sys/kernel/core_pattern"), read("/proc/sys/fs/suid_dumpable")
    for key in SYSCTLS:
        for level in (None, "privileged"):
            b = Bundle("true")
            b.linux["sysctl"] = {key: "1"}
            refused(run(b, level=level))
    equal((read("/proc/sys/kernel/core_pattern"), read("/proc/sys/fs/suid_dumpable")), before, "settings of the host")


@test
def sysctl_values_of_two_lines():
    for value in ("1\n2", "x\nkernel.core_pattern=|/x", "\r1"):
        b = Bundle("true")
        b.linux["sysctl"] = {"net.ipv4.ip_default_ttl": value}
        refused(run(b))


@test
def a_sysctl_is_written_past_what_is_mounted_on_proc():
    key = "net/ipv4/ip_unprivileged_port_start"
    b = Bundle("cat", f"/proc/sys/{key}")
    fake = f"{b.path}/fake"
    os.makedirs(os.path.dirname(f"{fake}/sys/{key}"))
    write(f"{fake}/sys/{key}", "untouched\n")
    b.mount("/proc", "bind", fake, ["rbind", "rw", "nosuid", "nodev"])
    b.linux["sysctl"] = {key.replace("/", "."): "81"}
    b.process["args"] = ["sleep", "1000"]
    with started(b, level="privileged") as c:
        equal(read(f"{fake}/sys/{key}"), "untouched\n", "the file that stands in the place of the parameter")
        inside = subprocess.run(["nsenter", "-t", str(c.pid), "-n", "cat", f"/proc/sys/{key}"], capture_output=True, text=True, check=True)
        equal(inside.stdout, "81\n", "the parameter of the container's network")


@test
def a_sysctl_without_its_namespace():
    b = Bundle("true").namespace("network", path=False)
    b.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    refused(run(b, level="privileged"))
    b = Bundle("true").namespace("network", path="/proc/self/ns/net")
    b.linux["sysctl"] = {"net.ipv4.ip_default_ttl": "7"}
    refused(run(b))


NAMESPACES = {"pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts"}


@test
def namespaces_of_the_host_by_path():
    link = f"{h.work}/link"
    for kind, name in NAMESPACES.items():
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink(f"/proc/self/ns/{name}", link)
        open(f"{h.work}/bound-{name}", "w").close()
        subprocess.run(["mount", "--bind", f"/proc/self/ns/{name}", f"{h.work}/bound-{name}"], check=True)
        try:
            for path in (f"/proc/1/ns/{name}", f"/proc/self/ns/{name}", f"/proc/thread-self/ns/{name}", link, f"{h.work}/bound-{name}"):
                refused(run(Bundle("true").namespace(kind, path=path)), "ns-path-host")
        finally:
            subprocess.run(["umount", f"{h.work}/bound-{name}"], check=True)


@test
def a_mount_namespace_by_path_is_refused_at_every_level():
    """It would be pivoted: for everybody in it, and by path it may be the host's."""
    other = subprocess.Popen(["unshare", "-m", "sleep", "1000"])
    try:
        eventually(lambda: h.namespace_of(other.pid, "mnt") != h.namespace_of("self", "mnt"), "unshare")
        for path in ("/proc/1/ns/mnt", f"/proc/{other.pid}/ns/mnt"):
            for level in (None, "privileged"):
                with h.unchanged():
                    refused(run(Bundle("true").namespace("mount", path=path), level=level))
    finally:
        other.kill()
        other.wait()


@test
def a_cgroup_namespace_by_path_is_refused():
    with h.unchanged():
        refused(run(Bundle("true").namespace("cgroup", path="/proc/1/ns/cgroup")), "ns-path-host", "+1 more")


@test
def namespace_paths_that_are_none():
    fifo = f"{h.work}/fifo"
    os.mkfifo(fifo)
    for kind, path in (("network", "/proc/1/ns/uts"), ("uts", "/proc/1/ns/net"), ("network", "/etc/hostname"), ("network", "/"), ("network", fifo),
                       ("network", "/dev/zero"), ("network", "proc/self/ns/net"), ("network", "/proc/self/../1/ns/net"), ("network", ""),
                       ("network", "/proc/1/ns/not-there"), ("ipc", "/proc/1/ns")):
        refused(run(Bundle("true").namespace(kind, path=path), level="privileged"))


attack.main()
