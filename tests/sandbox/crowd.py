#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""Many containers with limits, and those who try to take all: everybody else goes on, and nothing is left.

Nothing can be limited on a host without controllers: tests/uml has a kernel.
"""
import concurrent.futures
import os
import signal
import subprocess
import time

from hrun import Bundle, CGROUP, HRUN, equal, eventually, hrun, main, need_for_all, new_id, output, read, started, test
import hrun as h

MB = 1 << 20
MANY = 100
LIMITS = {"memory": {"limit": 32 * MB, "swap": 32 * MB}, "pids": {"limit": 16}, "cpu": {"shares": 512, "quota": 50000, "period": 100000}}
FILES = {"memory.max": str(32 * MB), "memory.swap.max": "0", "pids.max": "16", "cpu.weight": "59", "cpu.max": "50000 100000"}


def limited(*args, **more):
    b = Bundle(*args).without_limits()
    b.linux["resources"].update(LIMITS, **more)
    return b


def file_of(name, file):
    return read(f"{CGROUP}/hrun/{name}/{file}").strip()


@test
def a_hundred_at_once():
    b = limited("sleep", "10000").save()
    names = [new_id() for _ in range(MANY)]

    def start(name):
        for verb in (["create", "-b", b.path], ["start"]):
            r = hrun(*verb, name)
            equal((r.status, r.out, r.err), (0, "", ""), f"{verb[0]} {name}")

    try:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(start, names))
            equal(len(hrun("list", "-q").out.split()), MANY, "listed")
            for name in names:
                equal({file: file_of(name, file) for file in FILES if os.path.exists(f"{CGROUP}/hrun/{name}/{file}")},
                      {file: text for file, text in FILES.items() if os.path.exists(f"{CGROUP}/hrun/{name}/{file}")}, name)
                assert file_of(name, "pids.current") == "1", name
    finally:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda name: hrun("delete", "--force", name), names))
    equal([(r.status, r.err) for r in results], [(0, "")] * MANY, "delete --force")


@test
def a_fork_bomb_and_a_memory_hog():
    bomb = limited("awk", 'BEGIN { while (1) system("sleep 1000 &") }')
    hog = limited("sh", "-c", "while :; do tail /dev/zero; done")
    with started(bomb) as first, started(hog) as second:
        eventually(lambda: "max 0" not in file_of(first.id, "pids.events"), "the bomb has met its limit")
        eventually(lambda: "oom_kill 0" not in file_of(second.id, "memory.events"), "the hog has met its limit")
        # the machine's own processes, another container, and the verbs on those two
        equal(subprocess.run(["/bin/sh", "-c", "echo $((6 * 7))"], stdout=subprocess.PIPE, text=True).stdout, "42\n")
        equal(output(limited("echo", "alive")), "alive\n")
        for c in (first, second):
            equal(c.state()["status"], "running")
            assert int(file_of(c.id, "pids.current")) <= 16 and int(file_of(c.id, "memory.current")) <= 32 * MB
        equal(hrun("kill", "--all", first.id, "KILL").status, 0)
        eventually(lambda: first.state()["status"] == "stopped", "the bomb's end")


@test
def killed_while_it_creates_with_limits():
    """SIGKILL at many points of create: delete --force takes away what is there, limits and all."""
    b = limited("sleep", "10000").save()
    whole = time.monotonic()
    name = new_id()
    equal(hrun("create", "-b", b.path, name).status, 0)
    whole = time.monotonic() - whole
    equal(hrun("delete", "--force", name).status, 0)
    for i in range(12):
        with h.unchanged():
            name = new_id()
            p = subprocess.Popen([HRUN, "create", "-b", b.path, name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(whole * i / 11)
            p.send_signal(signal.SIGKILL)
            p.wait()
            r = hrun("delete", "--force", name)
            equal((r.status, r.err), (0, ""), f"after {i}/11 of a create")


need_for_all("cpu", "memory", "pids")
main()
