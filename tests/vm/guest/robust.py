#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# alone
"""What is left when hrun, conmon, the shim or containerd is killed, and when /run is lost: nothing that `delete --force` or the engine does not
remove.  systemd's units are part of what is asked for.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from guest import HRUN, USER, Podman, archive, bundle, cgroup_of, cgroups_left, equal, holds, need_machine, play, read, run, sh, wait_for, work_directory, write

LIMITS = {"memory": {"limit": 32 << 20}, "pids": {"limit": 64}}
work = None


def units_left(*words):
    listed = sh("systemctl", "list-units", "--all", "--plain", "--no-legend", "*.scope", "*.slice").splitlines()
    return [line.split()[0] for line in listed if any(word in line for word in words)]


def alive(pid):
    try:
        return read(f"/proc/{pid}/stat").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def processes(pattern):
    return [int(pid) for pid in run("pgrep", "-f", pattern)[1].split()]


def sleeper():
    """A bundle that only sleeps, made once."""
    path = f"{work}/sleeper"
    return path if os.path.exists(path) else bundle(path, "sleep", "1000", resources=LIMITS)


def hrun_killed():
    """At many points in time of a create that systemd takes part in."""
    path = sleeper()
    started = time.monotonic()
    sh(HRUN, "--systemd-cgroup", "run", "-d", "-b", path, "whole")
    whole = time.monotonic() - started
    sh(HRUN, "delete", "--force", "whole")
    for i in range(16):
        name = f"killed{i}"
        process = subprocess.Popen([HRUN, "--systemd-cgroup", "create", "-b", path, name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(whole * i / 15)
        process.kill()
        process.wait()
        equal(run(HRUN, "delete", "--force", name), (0, ""), f"delete --force after {i}/15 of a create")
    wait_for(lambda: (units_left("killed"), cgroups_left("killed"), processes("hrun-scope")) == ([], [], []), "no unit, cgroup or hrun-scope is left")
    equal(sh(HRUN, "list", "-q"), "", "hrun list")


def hundred_scopes():
    """At once, each a unit of systemd's with its limits."""
    path = sleeper()
    names = [f"many{i}" for i in range(100)]
    script = f"for i in $(seq $0 5 99); do {HRUN} --systemd-cgroup run -d -b {path} many$i || exit 1; done"
    try:
        for process in [subprocess.Popen(["sh", "-c", script, str(i)], stdin=subprocess.DEVNULL) for i in range(5)]:
            equal(process.wait(), 0, "hrun run")
        equal(sorted(sh(HRUN, "list", "-q").split()), sorted(names), "hrun list")
        for cgroup in cgroups_left("many"):
            equal((read(f"{cgroup}/memory.max"), read(f"{cgroup}/pids.max"), read(f"{cgroup}/pids.current")), (str(32 << 20), "64", "1"), cgroup)
        equal(len(cgroups_left("many")), len(names), "cgroups")
        equal(len([unit for unit in units_left("many") if unit.endswith(".scope")]), len(names), "units")
    finally:
        for name in names:
            sh(HRUN, "delete", "--force", name)
    wait_for(lambda: (units_left("many"), cgroups_left("many")) == ([], []), "no unit and no cgroup is left")


def run_is_lost(systemd):
    """Processes die and /run is emptied, as when a machine starts again, but the cgroup stays: the same names can be used again."""
    driver = ["--systemd-cgroup"] if systemd else []
    path, name = sleeper(), "lost"
    sh(HRUN, *driver, "run", "-d", "-b", path, name)
    pid = json.loads(sh(HRUN, "state", name))["pid"]
    cgroup = cgroup_of(pid)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(pid), "the container's end")
    shutil.rmtree("/run/hrun")
    equal(run(HRUN, "delete", "--force", name)[0], 0, "delete --force of what nobody knows")
    sh(HRUN, *driver, "run", "-d", "-b", path, name)
    equal(json.loads(sh(HRUN, "state", name))["status"], "running", "the second one")
    sh(HRUN, "delete", "--force", name)
    wait_for(lambda: not os.path.exists(cgroup), "the cgroup is gone")


def run_is_lost_alive():
    """/run is lost under a container that lives: it is not delete's any more, and its cgroup is not given to another one."""
    path, name = sleeper(), "orphan"
    sh(HRUN, "run", "-d", "-b", path, name)
    pid = json.loads(sh(HRUN, "state", name))["pid"]
    cgroup = cgroup_of(pid)
    shutil.rmtree("/run/hrun")
    try:
        status, out = run(HRUN, "run", "-d", "-b", path, name)
        equal((status != 0, alive(pid)), (True, True), out)
        holds(out, "holds processes", "what hrun says")
    finally:
        os.kill(pid, signal.SIGKILL)
    sh(HRUN, "delete", "--force", name)
    sh(HRUN, "run", "-d", "-b", path, name)
    sh(HRUN, "delete", "--force", name)
    equal(os.path.exists(cgroup), False, "the cgroup is there")


def conmon_killed(driver, user=None):
    """podman's rm takes away a container whose monitor is dead; with every runtime it first complains that nobody knows the exit status."""
    podman = Podman(work, driver, user)
    name = podman.start("--network=none", "--memory=64m", "bb", "sleep", "1000")
    pid, conmon = (int(podman.inspect(name, form)) for form in ("{{.State.Pid}}", "{{.State.ConmonPid}}"))
    cgroup = cgroup_of(pid)
    os.kill(conmon, signal.SIGKILL)
    podman.run("rm", "-f", "-t", "0", name)
    podman("rm", "-f", "-t", "0", "--ignore", name)
    wait_for(lambda: not alive(pid) and not os.path.exists(cgroup), "process and cgroup are gone")
    equal(processes(name), [], "processes that have its name")
    state = f"/run/user/1000/hrun/{name}" if user else f"/run/hrun/{name}"
    equal(os.path.exists(state), False, "hrun's record")


def podman_after_a_boot():
    """Everything podman and hrun have in /run is lost, as after a boot; podman starts the container again."""
    podman = Podman(work, "systemd")
    name = podman.start("--network=none", "--memory=64m", "bb", "sleep", "1000")
    pid, conmon = (int(podman.inspect(name, form)) for form in ("{{.State.Pid}}", "{{.State.ConmonPid}}"))
    root = podman("mount", name)
    for victim in (conmon, pid):
        os.kill(victim, signal.SIGKILL)
    wait_for(lambda: not alive(pid), "the container's end")
    for mountpoint in sorted(re.findall(rf"^\S+ \S+ \S+ \S+ (\S*(?:containers|{name})\S*) ", read("/proc/self/mountinfo"), re.M), reverse=True):
        run("umount", "-l", mountpoint)
    for directory in ("/run/hrun", "/run/libpod", "/run/containers"):
        shutil.rmtree(directory, ignore_errors=True)
    equal(os.path.exists(f"{root}/bin"), False, "the mount is there")
    podman("start", name)
    try:
        equal(podman("exec", name, "cat", "/proc/self/cgroup"), "0::/", "exec")
        equal(read(cgroup_of(podman.inspect(name, "{{.State.Pid}}")) + "/memory.max"), str(64 << 20), "the limit")
    finally:
        podman("rm", "-f", "-t", "0", name)
    equal((cgroups_left(f"libpod-{name}"), os.path.exists(f"/run/hrun/{name}")), ([], False), "what is left")


def ctr(*words):
    return sh("ctr", "-n", "hrun", *words)


def ctr_start(name):
    if "localhost/bb" not in ctr("images", "ls", "-q"):
        podman = Podman(work, "cgroupfs")
        podman("save", "-q", "-o", f"{work}/oci.tar", "--format", "oci-archive", "bb")
        ctr("images", "import", f"{work}/oci.tar")
    image = ctr("images", "ls", "-q").split()[0]
    ctr("run", "-d", "--runc-binary", HRUN, "--memory-limit", str(64 << 20), image, name, "sleep", "1000")
    return next(int(line.split()[1]) for line in ctr("tasks", "ls").splitlines() if line.startswith(name + " "))


def nothing_of(name, pid, cgroup):
    wait_for(lambda: not alive(pid) and not os.path.exists(cgroup), f"process and cgroup of {name} are gone")
    wait_for(lambda: not os.path.exists(f"/run/containerd/runc/hrun/{name}"), f"hrun's record of {name} is gone")
    wait_for(lambda: f"/{name}/" not in read("/proc/self/mountinfo"), f"no mount of {name} is left")


def shim_killed():
    sh("systemctl", "start", "containerd")
    pid = ctr_start("shim")
    cgroup = cgroup_of(pid)
    equal(read(f"{cgroup}/memory.max"), str(64 << 20), "the limit")
    for shim in processes("containerd-shim-runc-v2 .*-id shim"):
        os.kill(shim, signal.SIGKILL)
    run("ctr", "-n", "hrun", "tasks", "delete", "--force", "shim")
    ctr("containers", "delete", "shim")
    nothing_of("shim", pid, cgroup)


def containerd_killed():
    sh("systemctl", "start", "containerd")
    pid = ctr_start("daemon")
    cgroup = cgroup_of(pid)
    sh("systemctl", "kill", "--kill-whom=main", "--signal=KILL", "containerd")
    wait_for(lambda: run("systemctl", "start", "containerd")[0] == 0 and run("ctr", "version")[0] == 0, "containerd is there again")
    equal(alive(pid), True, "the container lives on")
    equal(ctr("tasks", "exec", "--exec-id", "e", "daemon", "echo", "in"), "in", "exec")
    ctr("tasks", "kill", "-s", "KILL", "daemon")
    wait_for(lambda: not alive(pid), "the container's end")
    ctr("tasks", "delete", "daemon")
    ctr("containers", "delete", "daemon")
    nothing_of("daemon", pid, cgroup)


def main():
    global work
    need_machine()
    with work_directory("robust") as work:
        try:
            return play([("hrun is killed while systemd makes a scope", hrun_killed), ("a hundred scopes at once", hundred_scopes),
                         ("/run is lost, cgroupfs", run_is_lost, False), ("/run is lost, systemd", run_is_lost, True),
                         ("/run is lost under a container that lives", run_is_lost_alive),
                         ("conmon is killed, systemd", conmon_killed, "systemd"), ("conmon is killed, cgroupfs", conmon_killed, "cgroupfs"),
                         ("conmon is killed, a user", conmon_killed, "systemd", USER), ("podman after a boot", podman_after_a_boot),
                         ("the shim is killed", shim_killed), ("containerd is killed", containerd_killed)])
        finally:
            sh("systemctl", "stop", "containerd", check=False)


if __name__ == "__main__":
    sys.exit(main())
