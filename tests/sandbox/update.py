#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""update: limits written to a living cgroup, judged and converted as at create; the device filter replaced."""
import json
import os
import subprocess

from hrun import Bundle, CGROUP, Skip, contains, created, equal, hrun, main, need, odd_bundle, read, started, test, write
import hrun as h

DENY_ALL = {"allow": False, "access": "rwm"}
ODD_DEVICE = {"allow": True, "type": "c", "major": 239, "minor": 7, "access": "rwm"}


def cgroup_of(c):
    return f"{CGROUP}/hrun/{c.id}"


def fails(result, *parts):
    equal((result.status, result.out, result.err.count("\n")), (1, "", 1), repr(result))
    for part in parts:
        contains(result.err, part)


def silent(result):
    equal((result.status, result.out, result.err), (0, "", ""), "result")


def update(c, resources, *options, level=None, **more):
    path = f"{h.work}/resources"
    write(path, resources if isinstance(resources, str) else json.dumps(resources))
    return hrun("update", "-r", path, *options, c.id, level=level, **more)


def huge(size):
    return {"hugepageLimits": [{"pageSize": "2MB", "limit": size}]}


@test
def a_limit_that_create_did_not_ask_for():
    need("hugetlb")
    with created(Bundle("sleep", "1000")) as c:
        write(f"{os.path.dirname(cgroup_of(c))}/cgroup.subtree_control", "-hugetlb")
        assert not os.path.exists(f"{cgroup_of(c)}/hugetlb.2MB.max"), "somebody has turned it off"
        silent(update(c, huge(4 << 20)))
        equal(read(f"{cgroup_of(c)}/hugetlb.2MB.max"), f"{4 << 20}\n")
        silent(c.start())
        silent(update(c, huge(6 << 20)))
        equal(read(f"{cgroup_of(c)}/hugetlb.2MB.max"), f"{6 << 20}\n")
        equal(read(f"{cgroup_of(c)}/hugetlb.2MB.rsvd.max"), f"{6 << 20}\n")


@test
def all_or_nothing():
    """One of two values is refused by the kernel, or has no file: the other one is as before."""
    need("hugetlb")
    with started(Bundle("sleep", "1000"), level="privileged") as c:
        silent(update(c, huge(4 << 20), level="privileged"))
        for bad, words in (({"hugetlb.2MB.max": "many"}, "Invalid argument"), ({"hugetlb.2MB.nosuch": "1"}, "has no hugetlb.2MB.nosuch")):
            fails(update(c, {**huge(6 << 20), "unified": bad}, level="privileged"), next(iter(bad)), words)
            for file in ("hugetlb.2MB.max", "hugetlb.2MB.rsvd.max"):
                equal(read(f"{cgroup_of(c)}/{file}"), f"{4 << 20}\n", file)


@test
def resources_from_stdin():
    need("hugetlb")
    with started(Bundle()) as c:
        write(f"{h.work}/stdin", json.dumps(huge(2 << 20)))
        for option in ("--resources=-", "-r-"):
            with open(f"{h.work}/stdin") as f:
                silent(hrun("update", option, c.id, stdin=f))
        equal(read(f"{cgroup_of(c)}/hugetlb.2MB.max"), f"{2 << 20}\n")
        r = subprocess.run([h.HRUN, "update", "--resources", "/dev/stdin", c.id], input=json.dumps(huge(8 << 20)), text=True)
        equal(r.returncode, 0)
        equal(read(f"{cgroup_of(c)}/hugetlb.2MB.max"), f"{8 << 20}\n")


@test
def a_paused_container_too():
    need("hugetlb")
    with started(Bundle()) as c:
        silent(hrun("pause", c.id))
        silent(update(c, huge(2 << 20)))
        equal(read(f"{cgroup_of(c)}/hugetlb.2MB.max"), f"{2 << 20}\n")


@test
def a_missing_controller_is_an_error():
    with started(Bundle()) as c:
        for controller, options in (("memory", ["--memory", "256m"]), ("pids", ["--pids-limit", "7"]), ("cpu", ["--cpu-share", "512"]),
                                    ("cpuset", ["--cpuset-cpus", "0"]), ("cpu", ["--cpu-quota", "50000"]), ("cpu", ["--cpu-period", "1"]),
                                    ("cpu", ["--cpu-quota", "-1", "--cpu-period", "20000"]), ("cpu", ["--cpu-burst", "5"]),
                                    ("cpu", ["--cpu-idle", "1"]), ("memory", ["--memory-reservation", "64m"]), ("cpuset", ["--cpuset-mems", "0"]),
                                    ("io", ["--blkio-weight", "100"])):
            if controller in read(f"{CGROUP}/cgroup.controllers").split():
                continue
            fails(hrun("update", *options, c.id), f"no {controller} controller")


@test
def limits_by_flags():
    need("pids")
    need("memory")
    need("cpu")
    with started(Bundle()) as c:
        silent(hrun("update", "--pids-limit", "77", "--memory", "256M", "--cpu-quota=50000", "--cpu-share", "512", c.id))
        for file, value in (("pids.max", "77"), ("memory.max", str(256 << 20)), ("cpu.max", "50000 100000"), ("cpu.weight", "59")):
            equal(read(f"{cgroup_of(c)}/{file}").strip(), value, file)
        silent(hrun("update", "--cpu-period", "200000", c.id))
        equal(read(f"{cgroup_of(c)}/cpu.max").strip(), "50000 200000")
        silent(hrun("update", "--pids-limit", "-1", c.id))
        equal(read(f"{cgroup_of(c)}/pids.max").strip(), "2048", "no limit is not to be had at baseline")


@test
def what_is_no_value():
    with started(Bundle()) as c:
        for options in (["--memory", "12x"], ["--memory", "-2m"], ["--memory", "9999999p"], ["--cpu-quota", "a"], ["--blkio-weight", "-1"],
                        ["--pids-limit", ""], ["--cpuset-cpus", "../x"], ["--l3-cache-schema", "L3:0=f"], ["--cpu-rt-period", "1"], []):
            fails(hrun("update", *options, c.id))
        for text in ("", "[]", "{", '{"pids": {"limit": "7"}}', '{"pids": {"limit": 1}, "pids": {}}', '{"unified": {"../x.y": "1"}}',
                     '{"memory": {"limit": -5}}', '{"hugepageLimits": [{"pageSize": "3MB", "limit": 1}]}'):
            fails(update(c, text))
        fails(hrun("update", "-r", "/nowhere", c.id), "/nowhere")
        fails(hrun("update", "-r", "/dev/zero", c.id))
        silent(update(c, {}))
        silent(hrun("update", "--kernel-memory", "1", c.id))


@test
def only_a_living_container():
    b = Bundle("sleep", "1000")
    with started(b) as c:
        silent(hrun("kill", c.id, "KILL"))
        h.eventually(lambda: c.state()["status"] == "stopped", "the end")
        fails(update(c, {}), "container not running")


def may_open(c, level=None):
    return c.exec("probe", "open", "/dev/odd", "r", level=level).out.strip()


@test
def the_device_filter_is_replaced():
    with started(odd_bundle()) as c:
        if may_open(c) != "EPERM":
            raise Skip("no device filter here")
        silent(update(c, {"devices": [DENY_ALL, ODD_DEVICE]}))
        assert may_open(c) != "EPERM", "still denied"
        # Other values leave it alone.
        silent(update(c, {}))
        assert may_open(c) != "EPERM", "denied again by an update without devices"
        silent(update(c, {"devices": [DENY_ALL]}))
        equal(may_open(c), "EPERM")


@test
def everything_may_be_allowed_where_the_level_lets_it():
    with started(odd_bundle(), level="privileged") as c:
        if may_open(c) != "EPERM":
            raise Skip("no device filter here")
        silent(update(c, {"devices": [{"allow": True, "access": "rwm"}]}, level="privileged"))
        assert may_open(c) != "EPERM", "denied at level privileged"
        silent(update(c, {"devices": [DENY_ALL]}, level="privileged"))
        equal(may_open(c), "EPERM")


@test
def everything_is_not_allowed_at_baseline():
    with started(odd_bundle()) as c:
        before = may_open(c)
        # The level of its create holds where today's is looser.
        for level in (None, "privileged"):
            r = update(c, {"devices": [DENY_ALL, {"allow": True, "access": "rwm"}]}, level=level)
            assert r.status == 1 and r.out == "" and r.err.count("\n") == 1, r
            contains(r.err, "device-cgroup-allow-all")
        equal(may_open(c), before)


main()
