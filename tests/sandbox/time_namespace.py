#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The time namespace: new with offsets, joined by path, with a user namespace and without, and what exec is born into."""
from hrun import Bundle, contains, created, equal, main, namespace_of, read, run, started, test

DAY = 86400


def offsets_of(pid):
    """{clock: (seconds, nanoseconds)} as the kernel shows them."""
    lines = (line.split() for line in read(f"/proc/{pid}/timens_offsets").splitlines())
    return {clock: (int(secs), int(ns)) for clock, secs, ns in lines}


def bundle(**offsets):
    b = Bundle().namespace("time")
    if offsets:
        b.linux["timeOffsets"] = offsets
    return b


def uptime_is_shifted(c):
    """By days, so that no delay of this machine can look like one."""
    r = c.exec("cat", "/proc/uptime")
    equal(r.status, 0, r.err)
    assert float(r.out.split()[0]) - float(read("/proc/uptime").split()[0]) > 6 * DAY, r.out


@test
def a_new_one_has_the_offsets_and_init_is_inside():
    b = bundle(boottime={"secs": 7 * DAY, "nanosecs": 5}, monotonic={"secs": 3 * DAY})
    with created(b) as c:
        assert namespace_of(c.pid, "time") != namespace_of("self", "time"), "not inside"
        equal(namespace_of(c.pid, "time"), namespace_of(c.pid, "time_for_children"), "init and its children")
        equal(offsets_of(c.pid), {"boottime": (7 * DAY, 5), "monotonic": (3 * DAY, 0)})
    equal(namespace_of("self", "time_for_children"), namespace_of("self", "time"))
    with started(bundle(boottime={"secs": 7 * DAY})) as c:
        uptime_is_shifted(c)


@test
def exec_is_born_inside():
    with started(bundle(boottime={"secs": 7 * DAY})) as c:
        r = c.exec("readlink", "/proc/self/ns/time")
        equal(r.out.strip(), namespace_of(c.pid, "time"), r.err)
        equal(c.state()["status"], "running")


@test
def without_offsets():
    with started(bundle()) as c:
        assert namespace_of(c.pid, "time") != namespace_of("self", "time"), "not inside"
        equal(set(offsets_of(c.pid).values()), {(0, 0)})


@test
def with_a_new_user_namespace_it_belongs_to_it():
    with started(bundle(boottime={"secs": 7 * DAY}).user_namespace()) as c:
        equal(offsets_of(c.pid)["boottime"], (7 * DAY, 0))
        assert namespace_of(c.pid, "user") != namespace_of("self", "user")
        uptime_is_shifted(c)


@test
def joined_by_path():
    with started(bundle(boottime={"secs": 7 * DAY})) as first:
        path = f"/proc/{first.pid}/ns/time"
        for user in (False, True):
            b = Bundle().namespace("time", path=path)
            if user:
                b.user_namespace()
            with started(b, level="privileged") as c:
                equal(namespace_of(c.pid, "time"), namespace_of(first.pid, "time"), f"user namespace {user}")
                uptime_is_shifted(c)


@test
def a_clock_before_zero_is_refused_by_its_name():
    r = run(bundle(monotonic={"secs": -(1 << 40)}), "true")
    equal(r.status, 125, r.err)
    contains(r.err, "linux.timeOffsets.monotonic: ")


@test
def offsets_without_a_namespace_are_refused():
    b = Bundle()
    b.linux["timeOffsets"] = {"boottime": {"secs": 1}}
    for level in (None, "privileged"):
        r = run(b, "true", level=level)
        equal(r.status, 125, r.err)
        contains(r.err, "timeOffsets")


if __name__ == "__main__":
    main()
