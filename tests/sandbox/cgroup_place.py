#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A cgroup that belongs to somebody else, asked of the kernel; and a limit that hrun adds where the host can give it."""
import contextlib
import os
import subprocess

from hrun import CGROUP, Bundle, Skip, contains, equal, hrun, main, run, test, read, output


@contextlib.contextmanager
def occupied(path, delegated=False):
    """A cgroup with a process in it."""
    full = CGROUP + path
    os.makedirs(full)
    sleep = subprocess.Popen(["sleep", "1000"])
    try:
        with open(f"{full}/cgroup.procs", "w") as f:
            f.write(str(sleep.pid))
        if delegated:
            os.setxattr(os.path.dirname(full), "trusted.delegate", b"1")
        yield
    finally:
        sleep.kill()
        sleep.wait()
        for name in (full, os.path.dirname(full)):
            for _ in range(100):
                with contextlib.suppress(OSError):
                    os.rmdir(name)
                if not os.path.exists(name):
                    break


def at(path, **resources):
    b = Bundle("true")
    b.linux["cgroupsPath"] = path
    b.without_limits().linux["resources"].update(resources)
    return b


@test
def somebody_elses_processes():
    with occupied("/theirs/service"):
        r = run(at("/theirs/service"))
        equal(r.status, 125)
        contains(r.err, "cgroups-path-system")
        contains(r.err, "has processes already")
        equal(run(at("/theirs/service/mine")).err, "")


@test
def a_limit_below_somebody_elses_processes():
    """The kernel would grant pids, and make their cgroup a threaded one."""
    there = read(f"{CGROUP}/cgroup.controllers").split()
    limits = {"pids": ("pids", {"limit": 10}), "hugetlb": ("hugepageLimits", [{"pageSize": "2MB", "limit": 0}])}
    controller = next((c for c in limits if c in there), None)
    if not controller:
        raise Skip("no controller on cgroup2 here")
    name, limit = limits[controller]
    with occupied("/theirs/service"):
        r = run(at("/theirs/service/mine", **{name: limit}))
        assert r.status != 0 and r.err.count("\n") == 1, r
        contains(r.err, f"linux.resources.{name}")
        contains(r.err, "cgroup /theirs/service holds processes")
        equal((read(f"{CGROUP}/theirs/service/cgroup.type"), read(f"{CGROUP}/theirs/service/cgroup.subtree_control").strip()), ("domain\n", ""))


@test
def what_was_delegated():
    with occupied("/theirs/service", delegated=True):
        r = run(at("/theirs/service"))
        assert "cgroups-path-system" not in r.err, r


@test
def an_empty_one_is_free():
    os.makedirs(f"{CGROUP}/empty-one")
    try:
        assert "cgroups-path-system" not in run(at("/empty-one")).err
    finally:
        with contextlib.suppress(OSError):
            os.rmdir(f"{CGROUP}/empty-one")


@test
def units_of_the_host():
    for path in ("/", "/init.scope", "/system.slice/ssh.service"):
        r = run(at(path))
        equal(r.status, 125, path)
        contains(r.err, "cgroups-path-system", path)


@test
def a_pids_limit_that_nobody_gave():
    b = Bundle("cat", "/proc/self/cgroup")
    b.linux["resources"] = {k: v for k, v in b.linux.get("resources", {}).items() if k != "pids"}
    out = output(b)
    assert out, "without a limit it starts all the same"
    contains(hrun("plan", b.save().path).err, "pids-limit-missing")
    if "pids" not in read(f"{CGROUP}/cgroup.controllers").split():
        raise Skip("no pids controller on cgroup2 here: only that it starts was tested")
    b = Bundle("sh", "-c", "cat /sys/fs/cgroup/pids.max")
    del b.linux["resources"]["pids"]
    equal(output(b).strip(), "2048")


main()
