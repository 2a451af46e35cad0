#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# alone
"""docker whose default runtime is hrun, by contrib/docker/daemon.json, and all of it again with the systemd driver."""
import json
import os
import re
import sys

from guest import (HRUN, TOP, archive, cgroup_of, cgroups_left, equal, equal_of_three, holds, install, limits, need_machine, play, properties, read, run, sh, wait_for,
                   work_directory, write)

STATE = "/var/run/docker/runtime-runc/moby"
work = driver_in_use = None


def docker(*words):
    return sh("docker", *words)


def inspect(container, form):
    return docker("inspect", "--format", form, container)


def use_driver(driver, **more):
    """The daemon with contrib's file, but for the driver, and MORE; the image "bb"."""
    global driver_in_use
    if driver == driver_in_use:
        return
    with open(f"{TOP}/contrib/docker/daemon.json") as f:
        config = json.load(f)
    config.update({"exec-opts": [f"native.cgroupdriver={driver}"], **more})
    write("/etc/docker/daemon.json", json.dumps(config))
    sh("systemctl", "restart", "docker")
    wait_for(lambda: run("docker", "version")[0] == 0, "the daemon answers")
    equal(docker("info", "--format", "{{.DefaultRuntime}} {{.CgroupDriver}} {{.CgroupVersion}}"), f"hrun {driver} 2", "docker info")
    if run("docker", "image", "inspect", "bb")[0]:
        docker("import", archive(f"{work}/image.tar"), "bb")
    driver_in_use = driver


def frozen(cgroup):
    return re.findall(r"^frozen (.)", read(f"{cgroup}/cgroup.events"), re.M)


def limited(driver, name, mib, pids, quota, when):
    """The cgroup of container NAME, whose limits are these in the kernel, and with the systemd driver in systemd, which has read all again."""
    cgroup = cgroup_of(inspect(name, "{{.State.Pid}}"))
    if driver == "systemd":
        sh("systemctl", "daemon-reload")
        equal(properties(os.path.basename(cgroup), "ControlGroup", "MemoryMax", "TasksMax"),
              {"ControlGroup": cgroup.removeprefix("/sys/fs/cgroup"), "MemoryMax": str(mib << 20), "TasksMax": str(pids)}, f"systemd {when}")
    equal(limits(cgroup), [str(mib << 20), str(pids), quota], f"limits {when}")
    return cgroup


def life(driver):
    use_driver(driver)
    equal(run("docker", "run", "--rm", "--network=none", "bb", "sh", "-c", "grep -E 'Seccomp:|CapEff' /proc/self/status; exit 7"),
          (7, "CapEff:\t00000000a80425fb\nSeccomp:\t2"), "run")
    volume = f"{work}/volume-{driver}"
    name = docker("run", "-d", "--network=none", "--memory=64m", "--memory-swap=64m", "--pids-limit=50", "--cpus=0.5", "-v", f"{volume}:/v", "bb", "sh", "-c",
                  "echo up >>/v/up; trap 'exit 5' TERM; echo logged; while :; do sleep 0.2; done").splitlines()[-1]
    try:
        cgroup = limited(driver, name, 64, 50, "50000 100000", "at first")
        equal(run("docker", "exec", name, "sh", "-c", "cat /proc/self/cgroup; exit 3"), (3, "0::/"), "exec")
        shown = docker("stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", name)
        if not re.search(r"^[1-9][\d.]*[KM]iB / 64MiB [1-9]", shown):
            raise AssertionError(f"stats: {shown!r}")
        holds(docker("top", name), "sleep 0.2", "top")
        docker("pause", name)
        equal(frozen(cgroup), ["1"], "frozen")
        docker("unpause", name)
        docker("update", "--memory=80m", "--memory-swap=80m", "--pids-limit=60", "--cpus=1", name)
        limited(driver, name, 80, 60, "100000 100000", "after update")
        docker("restart", name)
        cgroup = limited(driver, name, 80, 60, "100000 100000", "after restart")
        wait_for(lambda: read(f"{volume}/up") == "up\nup", "it has started twice")
        docker("stop", "-t", "20", name)
        equal(inspect(name, "{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}"), "exited 5 false", "after stop")
        equal(docker("logs", name), "logged\nlogged", "logs")
    finally:
        docker("rm", "-f", name)
    equal((os.path.exists(f"{STATE}/{name}"), os.path.exists(cgroup), cgroups_left(name)), (False, False, []), "what is left")


def ends_and_restarts(driver):
    """The restart policy after an exit status and after init was killed from outside; memory that runs out."""
    use_driver(driver)
    volume = f"{work}/policy-{driver}"
    docker("run", "-d", "--name", "twice", "--network=none", "--restart=on-failure:2", "-v", f"{volume}:/v", "bb", "sh", "-c", "echo x >>/v/starts; exit 1")
    docker("run", "-d", "--name", "always", "--network=none", "--restart=always", "bb", "sleep", "1000")
    try:
        first = inspect("always", "{{.State.Pid}}")
        os.kill(int(first), 9)
        wait_for(lambda: inspect("always", "{{.State.Running}} {{.RestartCount}}") == "true 1" and inspect("always", "{{.State.Pid}}") not in ("0", first),
                 "a container that was killed is there again")
        wait_for(lambda: inspect("twice", "{{.State.Status}} {{.RestartCount}}") == "exited 2", "a failing container is started three times")
        equal(read(f"{volume}/starts"), "x\nx\nx", "starts")
    finally:
        docker("rm", "-f", "twice", "always")
    equal_of_three(hog, (137, "true 137"), "the hog")


def hog():
    status, _ = run("docker", "run", "--name", "hog", "--network=none", "--memory=24m", "--memory-swap=24m", "bb", "tail", "/dev/zero")
    try:
        return status, inspect("hog", "{{.State.OOMKilled}} {{.State.ExitCode}}")
    finally:
        docker("rm", "-f", "hog")


def published_port(driver):
    use_driver(driver)
    name = docker("run", "-d", "-p", "127.0.0.1:8082:80", "--health-cmd", "test -e /tmp/index.html", "--health-interval=2s", "bb", "sh", "-c",
                  "echo served >/tmp/index.html; exec httpd -f -p 80 -h /tmp").splitlines()[-1]
    try:
        wait_for(lambda: run("busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:8082/index.html") == (0, "served"), "an answer")
        wait_for(lambda: inspect(name, "{{.State.Health.Status}}") == "healthy", "healthy")
    finally:
        docker("rm", "-f", name)


def refused(driver):
    """The docker CLI shows the whole sentence, with the remedy, and nothing is left."""
    use_driver(driver)
    for words, rule in ((("--privileged",), "refused ["), (("--pid=host",), "refused [ns-pid-host]"), (("-v", "/:/host"), "refused [mount-host-root]"),
                        (("-v", "/var/run/docker.sock:/s"), "refused [mount-engine-socket]")):
        status, out = run("docker", "run", "--rm", "--network=none", *words, "bb", "true")
        holds(out, rule, f"{words}")
        holds(out, "waive the rule", f"{words}")
        equal(status, 125, f"{words}: {out}")
    status, out = run("docker", "run", "--rm", "--network=none", "bb", "nosuch")
    equal((status, "nosuch" in out), (127, True), out)
    status, out = run("docker", "run", "--rm", "--network=none", "bb", "/etc/passwd")
    equal((status, "permission denied" in out), (126, True), out)


def nothing_left(driver):
    use_driver(driver)
    equal(docker("ps", "-aq"), "", "containers")
    equal(os.listdir(STATE) if os.path.exists(STATE) else [], [], "records of hrun")
    equal(sh(HRUN, "list", "-q"), "", "hrun list")
    wait_for(lambda: sh("systemctl", "list-units", "--all", "--plain", "--no-legend", "docker-*.scope") == "", "no unit is left")


def main():
    global work
    need_machine()
    if run("docker", "--version")[0]:
        print("docker is not installed here")
        return 77
    install("hrun-restricted")
    with work_directory("docker") as work:
        sh("systemctl", "start", "containerd")
        try:
            asked = (("a container's life", life), ("ends and restarts", ends_and_restarts), ("a published port and a health check", published_port),
                     ("refused", refused), ("nothing is left", nothing_left))
            return play([(f"{driver}: {name}", function, driver) for driver in ("cgroupfs", "systemd") for name, function in asked])
        finally:
            sh("systemctl", "stop", "docker.socket", "docker", "containerd", check=False)


if __name__ == "__main__":
    sys.exit(main())
