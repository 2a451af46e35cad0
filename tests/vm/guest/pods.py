#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# alone
"""Pods of containerd with SystemdCgroup = true, on a machine with systemd: what systemd, the kernel and AppArmor, where that is on, say of them.

pods_cri.py has the cases of tests/engines/cri.py, pods_selinux.py has SELinux.
"""
import json
import os
import re
import shutil
import sys

from guest import HRUN, TOP, equal, equal_of_three, limits, need_machine, play, properties, read, run, sh, wait_for, write

import cri  # guest has said where it is
import kubelet
from cri_client import EXITED, LOCALHOST, RUNNING, UNCONFINED

CONFIG = "/etc/containerd/config.toml"
APPARMOR = "/sys/module/apparmor/parameters/enabled"
client = None


class Pod(kubelet.Pod):
    """One whose cgroup is a slice that systemd has made for the kubelet."""

    def make_cgroup(self, name):
        self.slice = f"kubepods-pod{name}.slice"
        sh("systemctl", "start", self.slice)
        return f"/sys/fs/cgroup/kubepods.slice/{self.slice}", self.slice

    def cgroup_of(self, container):
        return f"{self.cgroup}/{unit_of(container)}"

    def __exit__(self, *_):
        super().__exit__()
        sh("systemctl", "stop", self.slice)


def unit_of(container):
    return f"cri-containerd-{container}.scope"


def cgroup_of(pod, container):
    """Where systemd and the kernel both say that CONTAINER of POD is."""
    cgroup = pod.cgroup_of(container)
    equal("/sys/fs/cgroup" + properties(unit_of(container), "ControlGroup")["ControlGroup"], cgroup, "systemd's cgroup")
    equal(read(f"{cgroup}/cgroup.procs").split()[0], str(pid_of(container)), "who is in it")
    return cgroup


def pid_of(container):
    return json.loads(sh(HRUN, "--root", kubelet.ROOT, "state", container))["pid"]


def nothing_left(pod):
    equal(sh(HRUN, "--root", kubelet.ROOT, "list", "-q"), "", "records of hrun")
    wait_for(lambda: not os.path.exists(pod.cgroup), "the pod's cgroup is gone")
    equal(re.findall(r"cri-containerd-\S+", sh("systemctl", "list-units", "--all", "--plain", "--no-legend", "*.scope")), [], "units")


def life():
    with Pod(client) as pod:
        first = pod.start("sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.2; done",
                          resources={"memory_limit_in_bytes": 64 << 20, "cpu_quota": 50000, "cpu_period": 100000})
        second = pod.start("sleep", "1000")
        cgroups = [cgroup_of(pod, one) for one in (pod.id, first, second)]
        equal(limits(cgroups[1])[::2], [str(64 << 20), "50000 100000"], "limits")
        equal(limits(cgroups[2])[::2], ["max", "max 100000"], "limits of the other one")
        equal(pod.probe(first, "sh", "-c", "cat /proc/self/cgroup; exit 4"), (4, "0::/\n"), "a probe by exec")
        equal(len({os.readlink(f"/proc/{pid_of(one)}/ns/net") for one in (pod.id, first, second)}), 1, "networks")
        client.UpdateContainerResources(container_id=first, linux={"memory_limit_in_bytes": 80 << 20, "cpu_quota": 100000, "cpu_period": 100000})
        for when in ("after update", "after systemd has read all again"):
            equal(limits(cgroups[1])[::2], [str(80 << 20), "100000 100000"], f"limits {when}")
            equal(properties(unit_of(first), "MemoryMax", "CPUQuotaPerSecUSec"), {"MemoryMax": str(80 << 20), "CPUQuotaPerSecUSec": "1s"}, f"systemd {when}")
            sh("systemctl", "daemon-reload")
        stats = client.ContainerStats(container_id=first)["stats"]
        equal(0 < stats["memory"]["working_set_bytes"]["value"] <= 80 << 20, True, f"stats: {stats}")
        client.StopContainer(container_id=first, timeout=20)
        client.StopContainer(container_id=second, timeout=1)
        equal([pod.status(one)["exit_code"] for one in (first, second)], [3, 137], "exit codes of those that were stopped")
        client.RemoveContainer(container_id=first)
        wait_for(lambda: not os.path.exists(cgroups[1]), "the removed one's cgroup is gone")
        third = pod.start("sleep", "1000")
        equal((pod.status(third)["state"], os.path.exists(cgroup_of(pod, third))), (RUNNING, True), "one more")
    nothing_left(pod)


def killed():
    """containerd dies, and the next one finds pod and units."""
    global client
    with Pod(client) as pod:
        container = pod.start("sleep", "1000")
        pid = pid_of(container)
        sh("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "containerd")
        client = pod.client = restart()
        equal(pid_of(container), pid, "its process")
        cgroup_of(pod, container)
        equal(pod.probe(container, "echo", "in"), (0, "in\n"), "a probe")
    nothing_left(pod)


def memory_runs_out():
    equal_of_three(hog, (EXITED, 137, "OOMKilled"), "the hog")


def hog():
    with Pod(client) as pod:
        container = pod.start("busybox", "tail", "/dev/zero", resources={"memory_limit_in_bytes": 24 << 20})
        status = pod.wait(container, EXITED)
    nothing_left(pod)
    return status["state"], status["exit_code"], status["reason"]


def profile_of(pid):
    return read(f"/proc/{pid}/attr/apparmor/current")


def profiles():
    """RuntimeDefault, Localhost and Unconfined of AppArmor; the pause container, for which containerd names none."""
    sh("apparmor_parser", "-r", f"{TOP}/contrib/apparmor/hrun-default")
    with Pod(client) as pod:
        equal(profile_of(pid_of(pod.id)), "hrun-default (enforce)", "the pause container")
        default = pod.start("sleep", "1000")
        equal(profile_of(pid_of(default)), "cri-containerd.apparmor.d (enforce)", "RuntimeDefault")
        equal(pod.probe(default, "cat", "/proc/self/attr/apparmor/current"), (0, "cri-containerd.apparmor.d (enforce)\n"), "a probe")
        chosen = pod.start("sleep", "1000", apparmor={"profile_type": LOCALHOST, "localhost_ref": "hrun-default"})
        equal(profile_of(pid_of(chosen)), "hrun-default (enforce)", "Localhost")
        unconfined = pod.start("sleep", "1000", apparmor={"profile_type": UNCONFINED})
        equal(profile_of(pid_of(unconfined)), "hrun-default (enforce)", "Unconfined, which containerd keeps to itself")
    nothing_left(pod)


def restart():
    """containerd is there, or there again: a client."""
    wait_for(lambda: run("systemctl", "restart", "containerd")[0] == 0 and run("ctr", "version")[0] == 0, "containerd answers")
    return kubelet.ready(tries=1000)


def prepare(more=""):
    """containerd with contrib's file and MORE in the table of pods: what cri.images() says of the images."""
    kubelet.prepare()
    configure(more)
    return cri.images(client)


def configure(more=""):
    global client
    text = kubelet.configuration().replace("SystemdCgroup = false", "SystemdCgroup = true")
    write(CONFIG, text.replace("restrict_oom_score_adj = true\n", f"restrict_oom_score_adj = true\n{more}\n"))
    client = restart()


def clean():
    sh("systemctl", "stop", "containerd", "kubepods.slice", check=False)
    for path in ("/root/layout", "/etc/hrun", "/var/lib/kubelet"):
        shutil.rmtree(path, ignore_errors=True)
    os.unlink(CONFIG)


def main():
    need_machine()
    cases = [("a pod's life", life), ("memory runs out", memory_runs_out), ("containerd is killed", killed)]
    if os.path.exists(APPARMOR) and read(APPARMOR) == "Y":
        cases.append(("profiles of AppArmor", profiles))
    prepare()
    try:
        return play(cases)
    finally:
        clean()


if __name__ == "__main__":
    sys.exit(main())
