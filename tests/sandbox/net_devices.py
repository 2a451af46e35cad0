#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""linux.netDevices: host network devices that move into the container, with their addresses, and up."""
import contextlib
import os
import subprocess
import sys

from hrun import Bundle, Skip, contains, created, equal, main, namespace_of, read, run, started, test


def attempt(*args):
    return subprocess.run(["ip", *args], stderr=subprocess.DEVNULL, check=False).returncode == 0


def ip(*args):
    return subprocess.run(["ip", *args], capture_output=True, text=True, check=True).stdout


@contextlib.contextmanager
def dummy(name, *addresses):
    """A device of the test's own network namespace (see the end of the file)."""
    if not any(attempt("link", "add", name, "type", *kind) for kind in (("dummy",), ("veth", "peer", "name", f"{name}peer"), ("ifb",))):
        raise Skip("no virtual network devices here")
    try:
        ip("link", "set", name, "up", "mtu", "1400")
        for a in addresses:
            ip("addr", "add", a, "dev", name)
        yield name
    finally:
        subprocess.run(["ip", "link", "del", name], stderr=subprocess.DEVNULL, check=False)


def inside(c, *args):
    return subprocess.run(["nsenter", f"--net=/proc/{c.pid}/ns/net", "ip", *args], capture_output=True, text=True, check=True).stdout


def bundle(**devices):
    b = Bundle()
    b.linux["netDevices"] = devices
    return b


def here(name):
    return os.path.exists(f"/proc/sys/net/ipv4/conf/{name}")


@test
def with_its_addresses_and_attributes_and_up():
    for user_namespace in (False, True):
        with dummy("d0", "10.9.8.7/24", "fd00::5/64") as name:
            b = bundle(**{name: {}})
            if user_namespace:
                b.user_namespace()
            with created(b, level="privileged") as c:
                assert not here(name), "it is still here"
                link = inside(c, "-o", "link", "show", name)
                contains(link, "UP")
                contains(link, "mtu 1400")
                contains(inside(c, "-o", "-4", "addr", "show", name), "inet 10.9.8.7/24")
                contains(inside(c, "-o", "-6", "addr", "show", name), "inet6 fd00::5/64 scope global")
            assert not here(name), "a virtual device ends with its namespace"
            equal(namespace_of("self", "net"), os.readlink("/proc/thread-self/ns/net"))


@test
def under_another_name():
    with dummy("d1", "10.9.8.7/24") as name, created(bundle(**{name: {"name": "eth9"}}), level="privileged") as c:
        contains(inside(c, "-o", "-4", "addr", "show", "eth9"), "10.9.8.7/24")


@test
def a_template_takes_the_first_free_name():
    with dummy("d2") as one, dummy("d3") as two:
        with created(bundle(**{one: {"name": "in%d"}, two: {"name": "in%d"}}), level="privileged") as c:
            names = [line.split(":")[1].strip().split("@")[0] for line in inside(c, "-o", "link", "show").splitlines()]
            equal(sorted(n for n in names if n.startswith("in")), ["in0", "in1"])


@test
def into_a_joined_namespace():
    with started(Bundle()) as first, dummy("d4", "10.9.8.7/24") as name:
        b = bundle(**{name: {}}).namespace("network", path=f"/proc/{first.pid}/ns/net")
        with created(b, level="privileged") as c:
            contains(inside(first, "-o", "-4", "addr", "show", name), "10.9.8.7/24")
            equal(namespace_of(c.pid, "net"), namespace_of(first.pid, "net"))


@test
def a_name_that_is_taken():
    with dummy("d5", "10.9.8.7/24") as name:
        r = run(bundle(**{name: {"name": "lo"}}), "true", level="privileged")
        equal(r.status, 125)
        contains(r.err, "linux.netDevices[d5]: the container's network namespace has a device `lo`")
        contains(ip("-o", "-4", "addr", "show", name), "10.9.8.7/24", "the host's device is untouched")


@test
def a_create_that_fails_brings_it_home():
    with dummy("d7", "10.9.8.7/24", "fd00::5/64") as name, dummy("d8") as second:
        for break_it in (lambda b: b.c.update(hooks={"createRuntime": [{"path": "/bin/false"}]}),
                         lambda b: b.c["process"].update(args=["nosuch"])):
            b = bundle(**{name: {"name": "eth0"}, second: {"name": "x%d"}})
            break_it(b)
            equal(run(b, *b.c["process"]["args"], level="privileged").status, 125)
            contains(ip("-o", "-4", "addr", "show", name), "10.9.8.7/24")
            contains(ip("-o", "-6", "addr", "show", name), "fd00::5/64")
            contains(ip("-o", "link", "show", name), "UP")
            contains(ip("-o", "link", "show", second), "UP")
        ip("link", "set", second, "down")
        equal(run(b, "nosuch", level="privileged").status, 125)
        assert ",UP" not in ip("-o", "link", "show", second), "it was down"


@test
def a_device_that_is_not_there():
    r = run(bundle(nodev0={}), "true", level="privileged")
    equal(r.status, 125)
    contains(r.err, "linux.netDevices[nodev0]: the host has no such network device")


@test
def baseline_refuses():
    with dummy("d6") as name:
        r = run(bundle(**{name: {}}), "true")
        equal(r.status, 125)
        contains(r.err, "[net-devices] linux.netDevices")
        assert here(name)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] != "--inside":
        os.execvp("unshare", ["unshare", "--net", sys.executable, os.path.abspath(__file__), "--inside", *sys.argv[1:]])
    del sys.argv[1]
    main()
