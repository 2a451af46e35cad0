#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# alone
"""docker with "selinux-enabled": true on an enforcing machine: the labels that it chooses, volumes, and what hrun refuses."""
import os
import re
import sys

import guest
from guest import enforce, equal, holds, install, label_of, need_machine, play, read, run, sh, work_directory

import docker
from pods_selinux import CURRENT, FILE, PROCESS

LABEL = re.compile(PROCESS + r"s0:c\d+,c\d+")
NO_NETWORK = ("docker", "run", "--rm", "--network=none")
work = None


def labels():
    name = docker.docker("run", "-d", "--network=none", "bb", "sleep", "1000").splitlines()[-1]
    try:
        pid = docker.inspect(name, "{{.State.Pid}}")
        label = read(f"/proc/{pid}/attr/current").strip("\0")
        equal(bool(LABEL.fullmatch(label)), True, f"its label: {label}")
        equal(docker.inspect(name, "{{.ProcessLabel}}"), label, "what docker says")
        for path in ("/", "/dev", "/dev/mqueue"):
            equal(label_of(f"/proc/{pid}/root{path}"), FILE + label.removeprefix(PROCESS), path)
        equal(run("docker", "exec", name, "sh", "-c", "cat /proc/self/attr/current; exit 3"), (3, label + "\0"), "exec")
        status, out = run(*NO_NETWORK, "bb", *CURRENT)
        equal((status, bool(LABEL.fullmatch(out.strip("\0"))), out.strip("\0") == label), (0, True, False), f"another one: {out}")
    finally:
        docker.docker("rm", "-f", name)
    equal(run(*NO_NETWORK, "--security-opt", "label=level:s0:c1,c2", "bb", *CURRENT), (0, PROCESS + "s0:c1,c2\0"), "a level that is chosen")


def volumes():
    path = f"{work}/volume"
    os.mkdir(path)
    sh("chcon", FILE + "s0:c1022,c1023", path)
    write = ("bb", "sh", "-c", "echo written >/v/x && cat /v/x")
    status, out = run(*NO_NETWORK, "-v", f"{path}:/v", *write)
    equal((status, "ermission denied" in out), (1, True), f"another container's volume: {out}")
    equal(run(*NO_NETWORK, "-v", f"{path}:/v:Z", *write), (0, "written"), "with :Z")


def refused():
    for words, rule in (("label=disable", "selinux-missing"), ("label=type:spc_t", "selinux-type")):
        status, out = run(*NO_NETWORK, "--security-opt", words, "bb", "true")
        holds(out, f"hrun: refused [{rule}]", words)
        equal(status, 125, words)


def main():
    global work
    need_machine()
    if not guest.selinux_is_on():
        print("SELinux is off on this machine")
        return 77
    install("hrun-restricted")
    with work_directory("docker") as work:
        docker.work = work
        sh("chcon", "-t", "container_file_t", work)
        enforce(True)
        try:
            sh("systemctl", "start", "containerd")
            docker.use_driver("systemd", **{"selinux-enabled": True})
            return play([("labels", labels), ("volumes", volumes), ("refused", refused), ("nothing is left", docker.nothing_left, "systemd")])
        finally:
            enforce(False)
            sh("systemctl", "stop", "docker.socket", "docker", "containerd", check=False)
            os.unlink("/etc/docker/daemon.json")


if __name__ == "__main__":
    sys.exit(main())
