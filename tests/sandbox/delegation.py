#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whose the container's cgroup is: its user's where it is mounted writable, root's everywhere else; limits are never its own."""
import os

from hrun import CGROUP, Bundle, equal, main, started, test

BASE = 100000


def bundle(options=("nosuid", "noexec", "nodev", "rw"), uid=1000):
    b = Bundle(uid=uid)
    b.without_mount("/sys/fs/cgroup").mount("/sys/fs/cgroup", "cgroup", "cgroup", options)
    return b


def directory(c):
    with open(f"/proc/{c.pid}/cgroup") as f:
        return CGROUP + next(line for line in f if line.startswith("0::")).strip()[3:]


def owners(c):
    d = directory(c)
    with open("/sys/kernel/cgroup/delegate") as f:
        delegated = set(f.read().split())
    uid = {n: os.stat(f"{d}/{n}").st_uid for n in os.listdir(d) if not os.path.isdir(f"{d}/{n}")}
    return os.stat(d).st_uid, {u for n, u in uid.items() if n in delegated}, {u for n, u in uid.items() if n not in delegated}


@test
def the_user_of_a_writable_one():
    with started(bundle(), level="privileged") as c:
        equal(owners(c), (1000, {1000}, {0}))
        equal(c.exec("mkdir", "/sys/fs/cgroup/own", level="privileged").status, 0, "the user divides it")
        assert os.path.isdir(f"{directory(c)}/own")
        r = c.exec("sh", "-c", "echo max >/sys/fs/cgroup/cgroup.max.descendants", level="privileged")
        assert r.status != 0, "a limit is not the container's"


@test
def in_a_user_namespace_the_mapped_one():
    for uid, expected in ((0, BASE), (1000, BASE + 1000)):
        with started(bundle(uid=uid).user_namespace(BASE), level="privileged") as c:
            equal(owners(c), (expected, {expected}, {0}))


@test
def not_read_only_nor_without_a_namespace_nor_without_the_mount():
    ro = bundle(("ro", "nosuid", "noexec", "nodev"))
    shared = bundle().namespace("cgroup", path=False)
    absent = Bundle(uid=1000).without_mount("/sys/fs/cgroup")
    for b in (ro, shared, absent):
        with started(b, level="privileged") as c:
            equal(owners(c), (0, {0}, {0}))


if __name__ == "__main__":
    main()
