#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 900
"""The real systemd makes containers' cgroups: hrun by hand, podman as root, podman as a user with his own systemd.

Needs a machine of its own with systemd as process 1 (tests/vm); anywhere else it is skipped.  What systemd and the kernel say is compared.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.environ.get("TOP") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
HRUN = os.environ.get("HRUN") or f"{TOP}/build/hrun"
USER = "dev"
FAILED = []
work = None


def sh(*command, user=None, check=True):
    if user:
        command = ["runuser", "-u", user, "--", "env", *session_of(user), *command]
    # A file and no pipe: what a container inherits must not keep us waiting.
    with tempfile.TemporaryFile("w+") as out:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd="/").returncode
        out.seek(0)
        text = out.read().strip()
    if check and status != 0:
        raise AssertionError(f"{' '.join(command)}: status {status}: {text}")
    return text


def uid_of(user):
    return int(subprocess.run(["id", "-u", user], stdout=subprocess.PIPE, text=True, check=True).stdout)


def session_of(user):
    runtime = f"/run/user/{uid_of(user)}"
    return [f"XDG_RUNTIME_DIR={runtime}", f"DBUS_SESSION_BUS_ADDRESS=unix:path={runtime}/bus"]


def equal(got, expected, what):
    if got != expected:
        raise AssertionError(f"{what}: got {got!r}, expected {expected!r}")


def read(path):
    with open(path) as f:
        return f.read().strip()


def properties(unit, *names, user=None):
    manager = ["--user"] if user else []
    lines = sh("systemctl", *manager, "show", unit, *(f"--property={n}" for n in names), user=user).splitlines()
    return dict(line.partition("=")[::2] for line in lines)


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
    equal([read(f"{cgroup}/{f}") for f in ("memory.max", "pids.max", "cpu.max")], [str(memory), str(pids), quota], cgroup)
    return cgroup


def hrun_by_hand():
    os.makedirs(f"{work}/bundle/rootfs/bin")
    for name in ("sh", "sleep"):
        shutil.copy(shutil.which("busybox"), f"{work}/bundle/rootfs/bin/{name}")
    sh(HRUN, "spec", "-b", f"{work}/bundle")
    with open(f"{work}/bundle/config.json") as f:
        config = json.load(f)
    config["process"].update(args=["sleep", "1000"], terminal=False)
    config["linux"]["cgroupsPath"] = "hrunvm-test.slice:hrun:one"
    config["linux"]["resources"] = {"memory": {"limit": 64 << 20}, "pids": {"limit": 50}, "cpu": {"quota": 50000, "period": 100000},
                                    "devices": [{"allow": False, "access": "rwm"}]}
    with open(f"{work}/bundle/config.json", "w") as f:
        json.dump(config, f)
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


def podman(*words, user=None, check=True):
    return sh("env", f"CONTAINERS_CONF={work}/containers.conf", "podman", "--cgroup-manager=systemd", "--runtime", HRUN, *words, user=user, check=check)


def podman_life(user=None):
    before = units(user)
    sh("podman", "load", "-q", "-i", f"{work}/image.tar", user=user)
    name = podman("run", "-d", "--network=none", "--memory=64m", "--pids-limit=50", "--cpus=0.5", "localhost/hrunvm:1",
                  "sleep", "1000", user=user).splitlines()[-1]
    try:
        unit = f"libpod-{name}.scope"
        cgroup = same_in_both(unit, user)
        equal(properties(unit, "Slice", user=user)["Slice"], "user.slice" if user else "machine.slice", "slice")
        equal(podman("exec", name, "cat", "/proc/self/cgroup", user=user), "0::/", "exec")
        podman("update", "--pids-limit=33", name, user=user)
        same_in_both(unit, user, pids=33)
        podman("pause", name, user=user)
        equal(re.findall(r"^frozen (.)", read(f"{cgroup}/cgroup.events"), re.M), ["1"], "frozen")
        podman("unpause", name, user=user)
    finally:
        podman("rm", "-f", "-t", "0", name, user=user)
    equal((units(user), os.path.exists(cgroup)), (before, False), "what is left")


def make_image():
    os.makedirs(f"{work}/image/bin")
    for name in ("sleep", "cat", "sh"):
        shutil.copy(shutil.which("busybox"), f"{work}/image/bin/{name}")
    sh("tar", "-C", f"{work}/image", "-cf", f"{work}/root.tar", "bin")
    sh("podman", "import", "-q", f"{work}/root.tar", "localhost/hrunvm:1")
    sh("podman", "save", "-q", "-o", f"{work}/image.tar", "localhost/hrunvm:1")
    os.chmod(f"{work}/image.tar", 0o644)


def podman_as_root():
    podman_life()


def podman_as_a_user():
    podman_life(USER)


def main():
    global work
    if "HRUN_GUEST" not in os.environ or read("/proc/1/comm") != "systemd" or os.geteuid() != 0:
        print("needs an emulated machine with systemd (make check-vm)")
        return 77
    work = tempfile.mkdtemp(prefix="hrun-scope-", dir="/srv")
    os.chmod(work, 0o755)
    with open(f"{work}/containers.conf", "w") as f:
        f.write("[containers]\nlabel = false\n")  # SELinux is another test's matter
    make_image()
    for case in (hrun_by_hand, podman_as_root, podman_as_a_user):
        try:
            case()
            print(f"ok - {case.__name__.replace('_', ' ')}", flush=True)
        except AssertionError as e:
            FAILED.append(case)
            print(f"not ok - {case.__name__.replace('_', ' ')}: {e}", flush=True)
    shutil.rmtree(work)
    return 1 if FAILED else 0


sys.exit(main())
