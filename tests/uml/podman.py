#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
# tree: sid user-mode-linux,kmod,podman,crun,catatonit,busybox-static,python3,procps,iproute2,uidmap,openssl,strace,libyajl2,libseccomp2
"""podman with hrun under a kernel with controllers: limits read back, memory that runs out, and SIGKILL in the middle."""
import contextlib
import json
import os
import re
import signal
import subprocess
import time

from uml import CGROUP, main
from engine import CONTAINERS_CONF, make_image, report, sh

MB = 1 << 20


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def read(path):
    with open(path) as f:
        return f.read().strip()


def prepare():
    write("/etc/containers/policy.json", '{"default":[{"type":"insecureAcceptAnything"}]}')
    write("/etc/containers/registries.conf", "unqualified-search-registries = []\n")
    write("/etc/containers/containers.conf", CONTAINERS_CONF % {"runtime": "hrun"})
    make_image("/root/image")
    status, out = sh("tar -C /root/image -c . | podman import -q - bb")
    assert status == 0, out


def podman(command):
    """Its output; it must succeed."""
    status, out = sh(f"podman {command}")
    assert status == 0, f"podman {command}: {status}: {out.strip()[-300:]}"
    return out.strip()


def cgroup_of(name):
    pid = podman(f"inspect --format '{{{{.State.Pid}}}}' {name}")
    return CGROUP + re.search(r"^0::(.*)", read(f"/proc/{pid}/cgroup"), re.M).group(1)


def equal(actual, expected):
    assert actual == expected, f"got {actual!r}, expected {expected!r}"


def files(directory, expected):
    equal({name: read(f"{directory}/{name}") for name in expected}, expected)


def left():
    """What containers leave when they are not cleaned up."""
    return sh(f"hrun list -q; find {CGROUP} -type d -name 'libpod-*'; ls /run/hrun; podman ps -aq; pgrep -x conmon")[1].split()


def nothing_left():
    for _ in range(300):
        if not left():
            return
        time.sleep(0.1)
    raise AssertionError(f"left: {left()}")


# ---- the cases ----


def limits():
    disk = read("/sys/block/ubda/dev")
    podman("run -d --name c --memory 64m --memory-swap 80m --memory-reservation 32m --cpus 0.5 --cpu-shares 512 --pids-limit 50"
           " --device-read-bps /dev/ubda:1mb bb sleep 10000")
    there = cgroup_of("c")
    files(there, {"memory.max": str(64 * MB), "memory.swap.max": str(16 * MB), "memory.low": str(32 * MB), "cpu.max": "50000 100000",
                  "cpu.weight": "59", "pids.max": "50", "io.max": f"{disk} rbps={MB} wbps=max riops=max wiops=max"})
    podman("update --memory 96m --memory-swap 96m --cpus 0.25 --pids-limit 40 c")
    files(there, {"memory.max": str(96 * MB), "memory.swap.max": "0", "cpu.max": "25000 100000", "pids.max": "40"})
    equal(cgroup_of("c"), there)


def statistics():
    found = json.loads(podman("stats --no-stream --format json c"))[0]
    assert found["pids"] == "1" and "100.7MB" in found["mem_usage"], found


def out_of_memory():
    status, out = sh("podman run --name o --memory 24m --memory-swap 24m bb tail /dev/zero")
    equal((status, podman("inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' o")), (137, "true 137"))
    podman("rm o")


def a_bomb_leaves_the_rest_alone():
    podman("run -d --name b --memory 32m --pids-limit 20 bb awk 'BEGIN { while (1) system(\"sleep 1000 &\") }'")
    for _ in range(600):
        if "max 0" not in read(f"{cgroup_of('b')}/pids.events"):
            break
    equal(podman("exec c echo alive"), "alive")
    podman("rm -f -t 0 b")


def killed_conmon():
    """podman learns from conmon what became of a container: without it, `rm -f` has to do."""
    podman("run -d --name k --memory 32m bb sleep 10000")
    pid = int(podman("inspect --format '{{.State.ConmonPid}}' k"))
    os.kill(pid, signal.SIGKILL)
    podman("rm -f -t 0 k")


def killed_hrun():
    """SIGKILL to every hrun that `podman run` has started by then, at several points of it."""
    for delay in (0.3, 0.6, 0.9, 1.2, 1.6, 2.0):
        p = subprocess.Popen(["podman", "run", "-d", "--name", "h", "--memory", "32m", "bb", "sleep", "10000"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        for pid in sh("pgrep -x hrun")[1].split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        p.wait(200)
        sh("podman rm -f -t 0 h")
        sh("for id in $(hrun list -q); do [ $id = $(podman inspect --format '{{.Id}}' c) ] || hrun delete --force $id; done")
        equal(len(sh("hrun list -q")[1].split()), 1)


def the_end():
    podman("rm -f -t 0 c")
    nothing_left()


CASES = (limits, statistics, out_of_memory, a_bomb_leaves_the_rest_alone, killed_conmon, killed_hrun, the_end)


def run():
    prepare()
    for case in CASES:
        why = ""
        try:
            case()
        except Exception as e:  # whatever stops a case is its failure
            why = f"{type(e).__name__}: {e}".replace("\n", "\\n")
        report(not why, case.__name__.replace("_", " "), why)


main(__file__, run)
