#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scheduler, I/O priority, processors, memory policy and personality, as the kernel says that the process has them."""
import ctypes
import json
import os
import platform
import struct

from hrun import Bundle, Skip, contains, equal, main, output, read, run, started, status_of, test, write

LIBC = ctypes.CDLL(None, use_errno=True)
GETATTR, IOPRIO_GET = {"x86_64": (315, 252), "aarch64": (275, 31)}.get(platform.machine(), (None, None))
RT, BE, IDLE = 1, 2, 3


def scheduler_of(pid):
    """(policy, flags, nice, priority, runtime, deadline, period)"""
    attr = ctypes.create_string_buffer(48)
    if not GETATTR:
        raise Skip("system call numbers of this machine")
    equal(LIBC.syscall(GETATTR, pid, attr, 48, 0), 0, "sched_getattr")
    return struct.unpack("=IQiIQQQ", attr.raw[4:])


def io_priority_of(pid):
    """(class, level)"""
    value = LIBC.syscall(IOPRIO_GET, 1, pid)
    return value >> 13, value & 0x1FFF


def has(change, level="privileged", user_namespace=False):
    b = Bundle()
    if user_namespace:
        b.user_namespace()
    b.process.update(change)
    return started(b, level=level)


@test
def nice_and_batch():
    for user_namespace in (False, True):
        with has({"scheduler": {"policy": "SCHED_BATCH", "nice": 7}}, None, user_namespace) as c:
            equal(scheduler_of(c.pid)[:4], (3, 0, 7, 0))
            r = c.exec("sh", "-c", "cut -d' ' -f19,41 /proc/$$/stat")
            equal(r.out.split(), ["7", "3"], f"exec from the config, {r.err}")


@test
def idle_and_reset_on_fork():
    with has({"scheduler": {"policy": "SCHED_IDLE", "flags": ["SCHED_FLAG_RESET_ON_FORK"]}}) as c:
        equal(scheduler_of(c.pid)[:2], (5, 1))


@test
def realtime_at_level_privileged_only():
    fifo = {"scheduler": {"policy": "SCHED_FIFO", "priority": 5}}
    b = Bundle()
    b.process.update(fifo)
    r = run(b, "true")
    contains(r.err, "scheduler-realtime")
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except OSError as e:
        raise Skip(f"realtime is not allowed here: {e}")
    with has(fifo) as c:
        equal(scheduler_of(c.pid)[:4], (1, 0, 0, 5))


@test
def deadline():
    d = {"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 10000000, "period": 20000000}
    b = Bundle()
    b.process["scheduler"] = d
    r = run(b, "true", level="privileged")
    if r.status:
        contains(r.err, "process.scheduler: set SCHED_DEADLINE: ")
        raise Skip(r.err.strip())
    with has({"scheduler": d}) as c:
        equal(scheduler_of(c.pid), (6, 0, 0, 0, 1000000, 10000000, 20000000))


@test
def io_priority():
    for user_namespace in (False, True):
        for name, number in (("RT", RT), ("BE", BE), ("IDLE", IDLE)):
            with has({"ioPriority": {"class": f"IOPRIO_CLASS_{name}", "priority": 6}}, "privileged", user_namespace) as c:
                equal(io_priority_of(c.pid), (number, 6), name)
    b = Bundle()
    b.process["ioPriority"] = {"class": "IOPRIO_CLASS_RT"}
    contains(run(b, "true").err, "io-priority-realtime")


@test
def processors_of_exec():
    if os.cpu_count() < 2:
        raise Skip("one processor")
    own = status_of("self")["Cpus_allowed_list"]
    with started(Bundle()) as c:
        equal(status_of(c.pid)["Cpus_allowed_list"], own, "the first process is not concerned")
        for affinity, expected in (({"initial": "0", "final": "1"}, "1"), ({"final": "0"}, "0"), ({"initial": "1"}, own)):
            p = dict(c.bundle.process, args=["grep", "Cpus_allowed_list", "/proc/self/status"], execCPUAffinity=affinity)
            path = f"{c.bundle.path}/process.json"
            write(path, json.dumps(p))
            r = c.exec(options=("--process", path))
            equal(r.out.split()[1:], [expected], f"{affinity} {r.err}")


@test
def a_processor_that_is_not_there():
    with started(Bundle()) as c:
        path = f"{c.bundle.path}/process.json"
        write(path, json.dumps(dict(c.bundle.process, args=["true"], execCPUAffinity={"initial": "1000"})))
        r = c.exec(options=("--process", path))
        assert r.status != 0
        contains(r.err, "process.execCPUAffinity.initial: ")


@test
def memory_policy():
    for policy, expected in (({"mode": "MPOL_BIND", "nodes": "0"}, "bind:0"),
                             ({"mode": "MPOL_INTERLEAVE", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}, "interleave=static:0"),
                             ({"mode": "MPOL_LOCAL"}, "local")):
        b = Bundle()
        b.linux["memoryPolicy"] = policy
        with started(b) as c:
            if not os.path.exists(f"/proc/{c.pid}/numa_maps"):
                raise Skip("a kernel without NUMA")
            equal(read(f"/proc/{c.pid}/numa_maps").split()[1], expected)
            contains(c.exec("cat", "/proc/self/numa_maps").out, f" {expected} ", "exec")
    b = Bundle()
    b.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "1000"}
    r = run(b, "true")
    equal(r.status, 125)
    contains(r.err, "linux.memoryPolicy: set MPOL_BIND 1000: ")


@test
def personality():
    for domain, number in (("LINUX", "00000000"), ("LINUX32", "00000008")):
        b = Bundle()
        b.linux["personality"] = {"domain": domain}
        with started(b) as c:
            equal(read(f"/proc/{c.pid}/personality").strip(), number)
            if domain == "LINUX32" and platform.machine() == "x86_64":
                equal(c.exec("uname", "-m").out.strip(), "i686", "exec")


if __name__ == "__main__":
    main()
