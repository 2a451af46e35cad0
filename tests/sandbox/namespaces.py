#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Namespaces: new, joined by path, with a user namespace and without; what their inodes and maps say."""
import itertools
import os
import subprocess

from hrun import (Bundle, Skip, contains, created, equal, eventually, main, namespace_of, new_id, output, read, run, started, status_of,
                  test)
import hrun as h

KINDS = {"pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts", "mount": "mnt", "cgroup": "cgroup"}


def holder(*kinds, user=False):
    """A process of the test in namespaces of its own: (Popen, pid)."""
    flags = [f"--{k}" for k in kinds] + (["--user", "--map-root-user"] if user else [])
    p = subprocess.Popen(["unshare", *flags, "sleep", "1000"])
    kind = "user" if user else {"network": "net", "mount": "mnt"}.get(kinds[0].removesuffix("=net"), kinds[0])
    eventually(lambda: namespace_of(p.pid, kind) != namespace_of("self", kind) and "sleep" in read(f"/proc/{p.pid}/comm"), "unshare")
    return p


class holding:
    def __init__(self, *kinds, user=False):
        self.arguments, self.user = kinds, user

    def __enter__(self):
        self.process = holder(*self.arguments, user=self.user)
        return self.process.pid

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


@test
def each_namespace_is_new():
    with started(Bundle()) as c:
        for kind, name in KINDS.items():
            assert namespace_of(c.pid, name) != namespace_of("self", name), f"{kind} is the caller's"
        equal(namespace_of(c.pid, "user"), namespace_of("self", "user"), "user namespace")
        equal(status_of(c.pid)["NSpid"].split()[-1], "1", "pid inside")


@test
def host_namespaces_at_level_privileged():
    for kind, name in KINDS.items():
        if kind in ("mount", "cgroup", "pid"):
            continue
        b = Bundle().namespace(kind, path=False)
        if kind == "uts":
            del b.c["hostname"]
        if kind == "ipc":
            b.without_mount("/dev/mqueue")
        with started(b, level="privileged") as c:
            equal(namespace_of(c.pid, name), namespace_of("self", name), kind)


@test
def host_pid_namespace_at_level_privileged():
    b = Bundle().namespace("pid", path=False)
    with started(b, level="privileged") as c:
        equal(namespace_of(c.pid, "pid"), namespace_of("self", "pid"))


@test
def a_missing_cgroup_namespace_is_hardened_to_a_new_one():
    with started(Bundle().namespace("cgroup", path=False)) as c:
        assert namespace_of(c.pid, "cgroup") != namespace_of("self", "cgroup"), "the caller's"


@test
def without_a_mount_namespace_nothing_starts():
    with h.unchanged():
        r = run(Bundle("true").namespace("mount", path=False), level="privileged")
        assert r.status != 0, r
        contains(r.err, "ns-mount-missing")


def joins(kind, flag, level=None):
    name = KINDS[kind]
    with holding(flag) as pid:
        b = Bundle().namespace(kind, path=f"/proc/{pid}/ns/{name}")
        if kind == "uts":
            del b.c["hostname"]
        with started(b, level=level) as c:
            equal(namespace_of(c.pid, name), namespace_of(pid, name), kind)


@test
def network_joined_by_path():
    joins("network", "net")


@test
def ipc_joined_by_path():
    joins("ipc", "ipc")


@test
def uts_joined_by_path():
    joins("uts", "uts")


@test
def cgroup_joined_by_path():
    joins("cgroup", "cgroup", level="privileged")


@test
def pid_joined_by_path():
    with started(Bundle()) as first:
        b = Bundle().namespace("pid", path=f"/proc/{first.pid}/ns/pid")
        with started(b) as c:
            equal(namespace_of(c.pid, "pid"), namespace_of(first.pid, "pid"))
            assert status_of(c.pid)["NSpid"].split()[-1] != "1", "it is the first of its namespace"


@test
def a_pid_namespace_is_not_that_of_init_but_its_childrens():
    """/proc/PID/ns/pid_for_children of a dead namespace: one clear line."""
    with started(Bundle()) as first:
        path = f"/proc/{first.pid}/ns/net"
        with h.unchanged():
            r = run(Bundle("true").namespace("pid", path=path))
            assert r.status != 0, r
            contains(r.err, "linux.namespaces")


@test
def a_mount_namespace_by_path_is_refused():
    """Its root would be replaced under whoever is in it."""
    with holding("mount") as pid, h.unchanged():
        r = run(Bundle("true").namespace("mount", path=f"/proc/{pid}/ns/mnt"), level="privileged")
        assert r.status == 125 and r.out == "" and r.err.count("\n") == 1, r
        contains(r.err, "linux.namespaces[5].path")


@test
def all_shareable_namespaces_of_another_container():
    with started(Bundle()) as first:
        b = Bundle()
        del b.c["hostname"]
        for kind in ("pid", "network", "ipc", "uts"):
            b.namespace(kind, path=f"/proc/{first.pid}/ns/{KINDS[kind]}")
        with started(b) as c:
            for kind in ("pid", "network", "ipc", "uts"):
                equal(namespace_of(c.pid, KINDS[kind]), namespace_of(first.pid, KINDS[kind]), kind)
            assert namespace_of(c.pid, "mnt") != namespace_of(first.pid, "mnt"), "mount namespace"


@test
def network_by_path_in_run_netns():
    os.makedirs("/run/netns")
    name = "/run/netns/test"
    h.write(name, "")
    with holding("net") as pid:
        subprocess.run(["mount", "--bind", f"/proc/{pid}/ns/net", name], check=True)
    try:
        with started(Bundle().namespace("network", path=name)) as c:
            equal(os.stat(f"/proc/{c.pid}/ns/net").st_ino, os.stat(name).st_ino)
    finally:
        subprocess.run(["umount", name], check=True)
        os.unlink(name)
        os.rmdir("/run/netns")


@test
def loopback_is_up():
    b = Bundle()
    contains(output(b, "cat", "/proc/net/if_inet6") + output(b, "ifconfig", "lo"), "UP LOOPBACK RUNNING")


@test
def loopback_of_a_joined_network_is_left_alone():
    with holding("net") as pid:
        b = Bundle().namespace("network", path=f"/proc/{pid}/ns/net")
        assert "UP" not in output(b, "ifconfig", "lo"), "it was set up"


@test
def hostname_and_domainname():
    b = Bundle()
    b.c.update(hostname="inside.example", domainname="example.org")
    before = (os.uname().nodename, read("/proc/sys/kernel/domainname"))
    equal(output(b, "cat", "/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname"), "inside.example\nexample.org\n")
    equal((os.uname().nodename, read("/proc/sys/kernel/domainname")), before, "the caller's")


@test
def message_queues_belong_to_the_root_of_the_user_namespace():
    """New and joined: to an id that is mapped, or nobody inside can label them."""
    show = ("stat", "-c", "%u:%g", "/dev/mqueue")
    equal(output(Bundle(uid=0).user_namespace(), *show), "0:0\n", "a new one")
    with holding("ipc", user=True) as pid:
        b = Bundle(uid=0).namespace("user", path=f"/proc/{pid}/ns/user")
        equal(output(b, *show, level="privileged"), "0:0\n", "a joined one")
    with started(Bundle().user_namespace()) as c:
        assert namespace_of(c.pid, "ipc") != namespace_of("self", "ipc"), "the caller's"


@test
def user_namespace_with_mappings():
    b = Bundle().user_namespace()
    b.linux["gidMappings"] = [{"containerID": 0, "hostID": 200000, "size": 1000}, {"containerID": 1000, "hostID": 300000, "size": 7}]
    with started(b) as c:
        assert namespace_of(c.pid, "user") != namespace_of("self", "user"), "user namespace is the caller's"
        equal([line.split() for line in read(f"/proc/{c.pid}/uid_map").splitlines()], [["0", "100000", "65536"]])
        equal([line.split() for line in read(f"/proc/{c.pid}/gid_map").splitlines()],
              [["0", "200000", "1000"], ["1000", "300000", "7"]])
        s = status_of(c.pid)
        equal(s["Uid"].split(), ["101000"] * 4)
        equal(s["Gid"].split(), ["300000"] * 4)
        equal(s["Groups"], "")
        equal(read(f"/proc/{c.pid}/setgroups"), "allow\n")


@test
def user_namespace_has_working_bound_devices():
    b = Bundle("sh", "-c", "echo x >/dev/null && head -c 4 /dev/zero | wc -c && head -c 4 /dev/urandom | wc -c; "
               "stat -c '%F %t:%T' /dev/null /dev/full /dev/tty; readlink /dev/ptmx; readlink /dev/fd").user_namespace()
    equal(output(b), "4\n4\ncharacter special file 1:3\ncharacter special file 1:7\ncharacter special file 5:0\npts/ptmx\n/proc/self/fd\n")


@test
def devices_of_a_user_namespace_are_mounts():
    with started(Bundle().user_namespace()) as c:
        mounts = h.mounts_of(c.pid)
        for name in ("null", "zero", "full", "random", "urandom", "tty"):
            assert f"/dev/{name}" in mounts, f"/dev/{name} is no mount"


@test
def user_namespace_with_all_new_ones_owns_them():
    with started(Bundle().user_namespace()) as c:
        for kind, name in KINDS.items():
            assert namespace_of(c.pid, name) != namespace_of("self", name), kind


@test
def root_of_a_user_namespace_with_capabilities():
    b = Bundle(uid=0, caps=["CAP_CHOWN", "CAP_SETUID", "CAP_SETGID"]).user_namespace()
    with started(b) as c:
        equal(h.sets_of(c.pid)["effective"], h.mask_of(["CHOWN", "SETUID", "SETGID"]))
        equal(status_of(c.pid)["Uid"].split()[0], "100000")
        r = c.exec("probe", "setgroups", level=None)
        equal((r.status, r.out), (0, "ok\n"), repr(r))


@test
def user_namespace_without_id_zero():
    b = Bundle("sh", "-c", "id -u; id -g; echo x >/dev/null && echo written").user_namespace()
    b.linux["uidMappings"] = b.linux["gidMappings"] = [{"containerID": 1000, "hostID": 101000, "size": 1}]
    equal(output(b), "1000\n1000\nwritten\n")


@test
def user_namespace_joined_by_path():
    with started(Bundle().user_namespace()) as first:
        b = Bundle().namespace("user", path=f"/proc/{first.pid}/ns/user")
        with started(b) as c:
            equal(namespace_of(c.pid, "user"), namespace_of(first.pid, "user"))
            equal(status_of(c.pid)["Uid"].split()[0], "101000")
            r = c.exec("sh", "-c", "id -u; echo x >/dev/null && echo written")
            equal((r.status, r.out), (0, "1000\nwritten\n"), repr(r))


@test
def user_namespace_and_what_it_owns_joined_in_every_order():
    with started(Bundle().user_namespace()) as first:
        for order in itertools.permutations(("user", "network", "ipc")):
            b = Bundle()
            for kind in order:
                b.namespace(kind, path=f"/proc/{first.pid}/ns/{KINDS.get(kind, kind)}")
            with started(b) as c:
                for kind in order:
                    name = KINDS.get(kind, kind)
                    equal(namespace_of(c.pid, name), namespace_of(first.pid, name), f"{kind} of {order}")


@test
def user_namespace_and_a_network_of_the_host_joined_in_every_order():
    with holding("net") as pid, started(Bundle().user_namespace()) as first:
        paths = {"user": f"/proc/{first.pid}/ns/user", "network": f"/proc/{pid}/ns/net"}
        for order in (("user", "network"), ("network", "user")):
            b = Bundle()
            for kind in order:
                b.namespace(kind, path=paths[kind])
            with started(b) as c:
                equal(namespace_of(c.pid, "net"), namespace_of(pid, "net"), f"network of {order}")
                equal(namespace_of(c.pid, "user"), namespace_of(first.pid, "user"), f"user of {order}")


@test
def a_new_user_namespace_with_a_network_of_the_host():
    """The pod's case: sysfs cannot be mounted for a foreign network namespace, the host's is bound read-only."""
    with holding("net") as pid:
        with started(Bundle().user_namespace().namespace("network", path=f"/proc/{pid}/ns/net")) as c:
            equal(namespace_of(c.pid, "net"), namespace_of(pid, "net"))
            m = h.mounts_of(c.pid)
            equal(m["/sys"].type, "sysfs")
            contains(m["/sys"].attributes, "ro")


@test
def a_namespace_of_the_wrong_type_is_refused():
    for kind in KINDS:
        other = "uts" if kind != "uts" else "ipc"
        b = Bundle("true").namespace(kind, path=f"/proc/self/ns/{other}")
        b.c.pop("hostname")
        with h.unchanged():
            r = run(b, level="privileged")
            assert r.status != 0 and r.err.count("\n") == 1, f"{kind}: {r}"


@test
def a_namespace_that_is_no_namespace_is_refused():
    for path in ("/etc/passwd", "/nonexistent", "/proc/self/fd"):
        with h.unchanged():
            r = run(Bundle("true").namespace("network", path=path), level="privileged")
            assert r.status != 0 and r.err.count("\n") == 1, f"{path}: {r}"


main()
