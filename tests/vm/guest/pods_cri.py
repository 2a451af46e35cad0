#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# alone
"""The cases of tests/engines/cri.py on a machine with systemd and every controller: containerd is a unit, and each container a scope.

Here as well: what the kubelet changes of a running container, seen by the kernel and by systemd, and stats beside the cgroup's files.
"""
import os
import sys

from guest import equal, need_machine, play, properties, read, sh, wait_for

import cri  # guest has said where it is
import kubelet
import pods

loaded = ()


class Daemon:
    """containerd as the case of one that is killed knows it."""

    def __init__(self):
        self.pid = int(properties("containerd", "MainPID")["MainPID"])

    def wait(self):
        wait_for(lambda: not os.path.exists(f"/proc/{self.pid}"), "containerd has ended")

    def terminate(self):
        """systemd does, at the end."""


def start():
    pods.client = pods.restart()
    return Daemon(), pods.client


def case(what):
    """One of cri.py's, which says what it finds, or of those here."""
    more = loaded if what is cri.signed else [Daemon()] if what is cri.killed else []
    cri.results.good = True
    cri.part(what, pods.client, *more)
    equal(cri.results.good, True, "all of that")


# What is changed of a running container, the files that it is seen in, and what systemd says then.
CHANGES = (({}, {"memory.max": "max", "cpu.max": "max 100000", "cpu.weight": "1"},
            {"MemoryMax": "infinity", "CPUQuotaPerSecUSec": "infinity", "CPUWeight": "1"}),
           ({"memory_limit_in_bytes": 48 << 20}, {"memory.max": str(48 << 20)}, {"MemoryMax": str(48 << 20)}),
           ({"cpu_quota": 25000, "cpu_period": 50000}, {"cpu.max": "25000 50000"}, {"CPUQuotaPerSecUSec": "500ms"}),
           ({"cpu_shares": 1024}, {"cpu.weight": "100"}, {"CPUWeight": "100"}),
           ({"memory_limit_in_bytes": 32 << 20}, {"memory.max": str(32 << 20)}, {"MemoryMax": str(32 << 20)}))


def changed(client):
    """Each change holds beside those before it, and after systemd has read all again."""
    expected, shown = {}, {}
    with pods.Pod(client) as pod:
        container = pod.start("sleep", "1000", resources={"cpu_shares": 2})
        cgroup = pods.cgroup_of(pod, container)
        for change, files, unit in CHANGES:
            expected, shown = {**expected, **files}, {**shown, **unit}
            if change:
                client.UpdateContainerResources(container_id=container, linux=change)
            for when in ("at once", "after daemon-reload"):
                equal({name: read(f"{cgroup}/{name}") for name in expected}, expected, f"limits after {change}, {when}")
                equal(properties(pods.unit_of(container), *shown), shown, f"systemd after {change}, {when}")
                sh("systemctl", "daemon-reload")
        equal(pod.probe(container, "echo", "alive"), (0, "alive\n"), "it still runs")
    pods.nothing_left(pod)


MIB = 1 << 20
WRITES = "busybox dd if=/dev/zero of=/dev/shm/x bs=1M count=16; touch /tmp/written; exec sleep 1000"


def used(cgroup):
    """(nanoseconds, bytes) in the kernel's words."""
    times = dict(line.split() for line in read(f"{cgroup}/cpu.stat").splitlines())
    return int(times["usage_usec"]) * 1000, int(read(f"{cgroup}/memory.current"))


def stats(client):
    """Of one that has 16 MiB in its /dev/shm and does nothing more."""
    with pods.Pod(client) as pod:
        container = pod.start("sh", "-c", WRITES)
        wait_for(lambda: pod.probe(container, "sh", "-c", "[ -e /tmp/written ]")[0] == 0, "it has written")
        cgroup = pods.cgroup_of(pod, container)
        before = used(cgroup)
        told = client.ContainerStats(container_id=container)["stats"]
        after = used(cgroup)
        equal(before[0] <= told["cpu"]["usage_core_nano_seconds"]["value"] <= after[0], True, f"time: {told} between {before} and {after}")
        memory = [told["memory"][name]["value"] for name in ("working_set_bytes", "usage_bytes")]
        # What processors keep aside of a cgroup's pages comes and goes.
        equal(16 * MIB <= memory[0] <= memory[1] <= max(before[1], after[1]) + MIB, True, f"memory: {told} beside {before} and {after}")
    pods.nothing_left(pod)


def main():
    global loaded
    need_machine()
    cri.Pod = pods.Pod
    kubelet.CGROUPS, kubelet.start = "/sys/fs/cgroup/kubepods.slice", start
    loaded = pods.prepare()
    try:
        return play([(what.__name__, case, what) for what in (*cri.CASES, cri.signed, cri.killed, changed, stats)])
    finally:
        pods.clean()


if __name__ == "__main__":
    sys.exit(main())
