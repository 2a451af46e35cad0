#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# alone
"""podman with hrun on a machine with systemd: as root and as a user who is logged in, with both of podman's cgroup drivers.

tests/engines/podman.py has what needs no such machine, and scope.py what systemd shows.  Here: limits as the kernel has them through a
container's life, memory that runs out, networks, user namespaces, and that nothing is left.
"""
import os
import re
import socket
import subprocess
import sys
import urllib.request

from guest import USER, Podman, cgroup_of, cgroups_left, equal, equal_of_three, holds, limits, need_machine, play, read, run, sh, wait_for, work_directory, write

from engine import release  # guest has said where it is

work = None
PROBE = f"{os.environ['BUILD']}/tests/sandbox/probe"
IS_UP = "echo up $(id -u) >/v/up; trap 'exit 5' TERM; while :; do sleep 0.2; done"


def frozen(cgroup):
    return re.findall(r"^frozen (.)", read(f"{cgroup}/cgroup.events"), re.M)


def pid_of(podman, container):
    return int(podman.inspect(container, "{{.State.Pid}}"))


def life(driver, user=None):
    """One container from run to rm: its limits in the kernel's words at each step, and its exit status."""
    podman = Podman(work, driver, user)
    volume = f"{work}/volume-{driver}-{user}"
    os.makedirs(volume)
    os.chmod(volume, 0o777)
    name = f"life-{driver}"
    try:
        podman("run", "-d", "--name", name, "--network=none", "--memory=64m", "--pids-limit=50", "--cpus=0.5", "-v", f"{volume}:/v", "bb", "sh", "-c", IS_UP)
        cgroup = cgroup_of(pid_of(podman, name))
        equal(limits(cgroup), [str(64 << 20), "50", "50000 100000"], "limits")
        wait_for(lambda: os.path.exists(f"{volume}/up"), "the container writes into its volume")
        equal((read(f"{volume}/up"), os.stat(f"{volume}/up").st_uid), ("up 0", 1000 if user else 0), "the volume's file")
        equal(podman.run("exec", name, "sh", "-c", "cat /proc/self/cgroup; exit 3"), (3, "0::/"), "exec")
        shown = podman("stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", name)
        if not re.search(r"^[1-9][\d.]*[kM]B / 67\.11MB [1-9]", shown):
            raise AssertionError(f"stats: {shown!r}")
        podman("pause", name)
        equal(frozen(cgroup), ["1"], "frozen")
        podman("unpause", name)
        pids = "60" if "--pids-limit" in podman("update", "--help") else "50"  # podman 4.3 cannot change that
        podman("update", "--memory=80m", "--cpus=1", *(["--pids-limit=60"] if pids == "60" else []), name)
        equal(limits(cgroup), [str(80 << 20), pids, "100000 100000"], "limits after update")
        podman("restart", "-t", "5", name)
        cgroup = cgroup_of(pid_of(podman, name))
        equal(limits(cgroup)[1], pids, "the limit after restart")
        podman("stop", "-t", "20", name)
        equal(podman.inspect(name, "{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}"), "exited 5 false", "after stop")
        equal(os.path.exists(cgroup), False, "the cgroup of a stopped container is there")
    finally:
        podman("rm", "-f", "-t", "0", name)
    equal(os.path.exists(cgroup), False, "the cgroup is left")


def memory_runs_out(driver, user=None):
    seen = "false 137" if release() == 12 else "true 137"  # conmon 2.1.6 does not see it, under crun neither
    podman = Podman(work, driver, user)
    equal_of_three(lambda: hog(podman), seen, "inspect")


def hog(podman):
    """What podman says of a container whose memory ran out."""
    try:
        status, out = podman.run("run", "--name", "hog", "--network=none", "--memory=24m", "--memory-swap=24m", "bb", "tail", "/dev/zero")
        equal(status, 137, f"status of the hog: {out}")
        return podman.inspect("hog", "{{.State.OOMKilled}} {{.State.ExitCode}}")
    finally:
        podman("rm", "-f", "-t", "0", "hog")


def published_port(user=None):
    """A server in a network that podman made is reached from outside."""
    podman = Podman(work, "systemd", user)
    port = 8081 if user else 8080
    name = "server"
    try:
        podman("run", "-d", "--name", name, "-p", f"127.0.0.1:{port}:80", "bb", "sh", "-c", "echo served >/tmp/index.html; exec httpd -f -p 80 -h /tmp")
        wait_for(lambda: fetch(port) == "served", f"an answer at port {port}")
        addresses = podman("exec", name, "ip", "-o", "-4", "addr", "show", "scope", "global")
        holds(addresses, "inet ", "an address in the container")
    finally:
        podman("rm", "-f", "-t", "0", name)


def fetch(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/index.html", timeout=20) as answer:
            return answer.read().decode().strip()
    except OSError:
        return None


def udp_port(user=None):
    """The same of datagrams: who answers is the container."""
    podman = Podman(work, "systemd", user)
    port, name = (5354, "of-dev") if user else (5353, "of-root")
    try:
        podman("run", "-d", "--name", name, "--hostname", name, "-p", f"{port}:5353/udp", "-v", f"{PROBE}:/bin/probe:ro", "bb", "probe", "answer", "5353")
        wait_for(lambda: ask(port) == name, f"an answer at port {port}")
    finally:
        podman("rm", "-f", "-t", "0", name)
    equal(ask(port), None, "an answer without the container")


def ask(port):
    """What answers a datagram to PORT, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        try:
            s.connect(("127.0.0.1", port))
            s.send(b"who")
            return s.recv(256).decode()
        except OSError:
            return None


def loopback():
    """The host's loopback is the container's gateway where the user asks for it, and nowhere else."""
    podman = Podman(work, "systemd", USER)
    os.makedirs(f"{work}/served")
    write(f"{work}/served/index.html", "from the host")
    script = "wget -T 20 -q -O - http://$(ip route | sed -n 's/default via \\([^ ]*\\).*/\\1/p'):8090/index.html"
    server = subprocess.Popen(["busybox", "httpd", "-f", "-p", "127.0.0.1:8090", "-h", f"{work}/served"], stdin=subprocess.DEVNULL)
    try:
        equal(podman("run", "--rm", "--network=pasta:--map-gw", "bb", "sh", "-c", script), "from the host", "with --map-gw")
        status, out = podman.run("run", "--rm", "--network=pasta", "bb", "sh", "-c", script)
        equal((status != 0, "from the host" in out), (True, False), "without --map-gw")
    finally:
        server.kill()
        server.wait()


def names():
    """Containers of a user's own network find each other by name."""
    podman = Podman(work, "systemd", USER)
    podman("network", "create", "hrun-names")
    try:
        podman("run", "-d", "--name", "named", "--network=hrun-names", "bb", "sh", "-c", "echo by name >/tmp/index.html; exec httpd -f -p 80 -h /tmp")
        equal(podman("run", "--rm", "--network=hrun-names", "bb", "wget", "-T", "60", "-q", "-O", "-", "http://named/index.html"), "by name", "the answer")
    finally:
        podman("rm", "-f", "-t", "0", "named")
        podman("network", "rm", "hrun-names")


def userns_auto(user=None):
    """Each container gets ids of its own: root's out of those that /etc/subuid gives to "containers", a user's out of his."""
    podman = Podman(work, "systemd", user)
    first, last = (100000, 165535) if user else (2000000, 2999999)
    for file in ("/etc/subuid", "/etc/subgid"):
        if not user and "containers:" not in read(file):
            write(file, read(file) + "\ncontainers:2000000:1000000\n")
    script, taken = "id -u; touch /tmp/x && stat -c %u /tmp/x; exec sleep 1000", set()
    containers = []
    try:
        for _ in range(2):
            containers.append(podman.start("--network=none", "--userns=auto", "bb", "sh", "-c", script))
            wait_for(lambda: podman("logs", containers[-1]).splitlines() == ["0", "0"], "who it is inside")
            for ids in ("uid_map", "gid_map"):
                ranges = [tuple(map(int, line.split())) for line in read(f"/proc/{pid_of(podman, containers[-1])}/{ids}").splitlines()]
                mine = {(ids, one) for _, outside, count in ranges for one in range(outside, outside + count)}
                equal((len(mine) >= 1024, {first <= one <= last for _, one in mine}, taken & mine), (True, {True}, set()), f"the {ids}: {ranges}")
                taken |= mine
    finally:
        podman("rm", "-f", "-t", "0", *containers)


def keep_id():
    podman = Podman(work, "cgroupfs", USER)
    volume = f"{work}/mine"
    os.makedirs(volume)
    os.chown(volume, 1000, 1000)
    out = podman("run", "--rm", "--network=none", "--userns=keep-id", "-v", f"{volume}:/v", "bb", "sh", "-c", "id -u; touch /v/f; cat /proc/self/uid_map")
    equal((out.splitlines()[0], os.stat(f"{volume}/f").st_uid), ("1000", 1000), out)


def health():
    """podman's timer runs the check by exec."""
    podman = Podman(work, "systemd")
    name = podman.start("--network=none", "--health-cmd", "test -e /tmp/well", "--health-interval=5s", "--health-retries=1", "bb", "sleep", "1000")
    try:
        equal(podman.run("healthcheck", "run", name)[0], 1, "not healthy yet")
        podman("exec", name, "touch", "/tmp/well")
        wait_for(lambda: podman.inspect(name, "{{.State.Health.Status}}") == "healthy", "healthy")
    finally:
        podman("rm", "-f", "-t", "0", name)


def refused():
    """The whole sentence reaches who has typed the command."""
    for driver, user in (("systemd", None), ("cgroupfs", USER)):
        status, out = Podman(work, driver, user).run("run", "--rm", "--network=none", "--privileged", "bb", "true")
        equal(status, 126, out)
        holds(out, "hrun: refused [", "what podman shows")
        holds(out, "waive the rule", "what podman shows")


def everything_ended(user):
    podman = Podman(work, "systemd", user)
    equal(podman("ps", "-aq"), "", "containers")
    state = sh("ls", "/run/user/1000/hrun" if user else "/run/hrun", check=False)
    equal([line for line in state.splitlines() if re.fullmatch("[0-9a-f]{64}", line)], [], "records of hrun")
    equal(cgroups_left("libpod-"), [], "cgroups")
    equal(run("pgrep", "-x", "conmon")[1], "", "conmon")


def main():
    global work
    need_machine()
    cases = []
    for driver in ("systemd", "cgroupfs"):
        for who, user in (("root", None), ("a user", USER)):
            cases.append((f"{driver}, {who}: a container's life", life, driver, user))
            cases.append((f"{driver}, {who}: memory runs out", memory_runs_out, driver, user))
    cases += [("root: a published port", published_port), ("a user: a published port", published_port, USER),
              ("root: a published UDP port", udp_port), ("a user: a published UDP port", udp_port, USER),
              ("a user: the host's loopback", loopback), ("a user: names", names), ("root: userns=auto", userns_auto),
              ("a user: userns=auto", userns_auto, USER), ("userns=keep-id", keep_id), ("a health check", health), ("refused", refused),
              ("root: everything has ended", everything_ended, None), ("a user: everything has ended", everything_ended, USER)]
    with work_directory("podman") as work:
        return play(cases)


if __name__ == "__main__":
    sys.exit(main())
