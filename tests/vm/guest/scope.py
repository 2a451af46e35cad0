#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 900
# alone
"""The real systemd makes containers' cgroups: hrun by hand, podman as root, podman as a user with his own systemd.

Needs a machine of its own with systemd as process 1 (tests/vm); anywhere else it is skipped.  What systemd and the kernel say is compared.
"""
import json
import os
import re
import sys

from guest import HRUN, USER, Podman, bundle, equal, limits, need_machine, play, properties, read, sh, work_directory

work = None


def units(user=None):
    manager = ["--user"] if user else []
    listed = sh("systemctl", *manager, "list-units", "--all", "--plain", "--no-legend", "*.scope", user=user)
    return [line.split()[0] for line in listed.splitlines() if not line.startswith("libpod-conmon")]


def same_in_both(unit, user=None, memory=64 << 20, pids=50, quota="50000 100000"):
    """What systemd shows is what the kernel has."""
    told = properties(unit, "ControlGroup", "MemoryMax", "TasksMax", "CPUQuotaPerSecUSec", "Delegate", "CollectMode", user=user)
    cgroup = "/sys/fs/cgroup" + told.pop("ControlGroup")
    equal(told, {"MemoryMax": str(memory), "TasksMax": str(pids), "CPUQuotaPerSecUSec": "500ms", "Delegate": "yes",
                 "CollectMode": "inactive-or-failed"}, unit)
    equal(limits(cgroup), [str(memory), str(pids), quota], cgroup)
    return cgroup


def hrun_by_hand():
    def change(config):
        config["linux"]["cgroupsPath"] = "hrunvm-test.slice:hrun:one"

    resources = {"memory": {"limit": 64 << 20}, "pids": {"limit": 50}, "cpu": {"quota": 50000, "period": 100000},
                 "devices": [{"allow": False, "access": "rwm"}]}
    bundle(f"{work}/bundle", "sleep", "1000", resources=resources, change=change)
    before = units()
    sh(HRUN, "--systemd-cgroup", "run", "-d", "-b", f"{work}/bundle", "vm-one")
    try:
        cgroup = same_in_both("hrun-one.scope")
        equal(cgroup, "/sys/fs/cgroup/hrunvm.slice/hrunvm-test.slice/hrun-one.scope", "cgroup")
        equal(properties("hrun-one.scope", "DevicePolicy")["DevicePolicy"], "strict", "DevicePolicy")
        sh(HRUN, "exec", "vm-one", "sh", "-c", ": > /dev/null")
        sh(HRUN, "update", "--pids-limit", "33", "--memory", str(70 << 20), "vm-one")
        same_in_both("hrun-one.scope", memory=70 << 20, pids=33)
        sh("systemctl", "daemon-reload")
        same_in_both("hrun-one.scope", memory=70 << 20, pids=33)
        equal(read(f"{cgroup}/cgroup.procs"), str(json.loads(sh(HRUN, "state", "vm-one"))["pid"]), "who is in the unit")
    finally:
        sh(HRUN, "delete", "--force", "vm-one")
    equal((units(), os.path.exists(cgroup)), (before, False), "what is left")


def podman_life(user=None):
    podman = Podman(work, "systemd", user)
    before = units(user)
    name = podman.start("--network=none", "--memory=64m", "--pids-limit=50", "--cpus=0.5", "bb", "sleep", "1000")
    try:
        unit = f"libpod-{name}.scope"
        cgroup = same_in_both(unit, user)
        equal(properties(unit, "Slice", user=user)["Slice"], "user.slice" if user else "machine.slice", "slice")
        equal(podman("exec", name, "cat", "/proc/self/cgroup"), "0::/", "exec")
        podman("update", "--memory=70m", name)
        same_in_both(unit, user, memory=70 << 20)
        podman("pause", name)
        equal(re.findall(r"^frozen (.)", read(f"{cgroup}/cgroup.events"), re.M), ["1"], "frozen")
        podman("unpause", name)
    finally:
        podman("rm", "-f", "-t", "0", name)
    equal((units(user), os.path.exists(cgroup)), (before, False), "what is left")


def main():
    global work
    need_machine()
    with work_directory("scope") as work:
        return play([("hrun by hand", hrun_by_hand), ("podman as root", podman_life), ("podman as a user", podman_life, USER)])


if __name__ == "__main__":
    sys.exit(main())
