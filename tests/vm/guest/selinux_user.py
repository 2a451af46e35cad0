#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 1200
# alone
"""Rootless podman under enforcing SELinux with contrib/selinux/hrun-rootless.cil: a log-in by ssh as unconfined_u and as staff_u, both cgroup
drivers."""
import glob
import os
import re
import shlex
import shutil
import subprocess
import sys

import guest
from guest import HRUN, USER, enforce, equal, holds, label_of, run, set_label, sh, write

HOME, RUNTIME = f"/home/{USER}", "/run/user/1000"
KEY = "/root/.ssh/hrun-user"
SSH = ("ssh", "-i", KEY, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
       "-o", "ControlPath=/run/hrun-user.ssh")
SEUSERS = "/etc/selinux/default/seusers"
LABEL = re.compile(r"system_u:system_r:container_t:(s0:c\d+,c\d+)")
DRIVERS = ("systemd", "cgroupfs")
# Who logs in: the domain of his shell, and of the conmon that his podman starts.
SESSIONS = {"staff_u": ("staff_t", "podman_user_conmon_t"), "unconfined_u": ("unconfined_t", "unconfined_t")}
CURRENT = ("cat", "/proc/self/attr/current")


def log_in(*command):
    """(status, output) of COMMAND in a log-in of the user: PAM gives it the domain of its SELinux user.  map_user ends what its commands share."""
    return run(*SSH, "-o", "ControlMaster=auto", "-o", "ControlPersist=yes", f"{USER}@127.0.0.1", shlex.join(command))


def podman(driver, *words):
    status, out = log_in("podman", "--runtime", HRUN, "--cgroup-manager", driver, *words)
    return status, out.replace("\0", "").strip()


def once(driver, *command, options=()):
    return podman(driver, "run", "--rm", "--network", "none", *options, "bb", *command)


def attribute(pid):
    return guest.read(f"/proc/{pid}/attr/current").strip("\0\n ")


def container_label(got, what):
    status, out = got
    if status or not LABEL.fullmatch(out):
        raise AssertionError(f"{what}: status {status}: {out!r}")
    return out


# ---- cases ----

def is_logged_in(user):
    shell = SESSIONS[user][0]
    status, out = log_in("id", "-Z")
    equal((status, out.split(":")[0], out.split(":")[2]), (0, user, shell), "id -Z")


def labels(driver):
    """The kernel's own, that differ from one container to the next; what was written reaches the user."""
    first, second = (container_label(once(driver, *CURRENT), "run") for _ in range(2))
    if first == second:
        raise AssertionError(f"both have {first}")


def life(driver, user):
    conmon = SESSIONS[user][1]
    status, out = podman(driver, "run", "-d", "--name", "c", "--log-driver", "k8s-file", "--network", "none", "bb", "sh", "-c", "echo up; trap 'exit 5' TERM; while :; do sleep 0.2; done")
    equal(status, 0, out)
    try:
        pid, monitor = podman(driver, "inspect", "--format", "{{.State.Pid}} {{.State.ConmonPid}}", "c")[1].split()
        label = container_label((0, attribute(pid)), "its process")
        level = LABEL.fullmatch(label)[1]
        equal(attribute(monitor).split(":", 2)[2], f"{conmon}:s0", "conmon")
        equal(label_of(f"/proc/{pid}/root/dev").split(":", 2)[2], f"container_file_t:{level}", "the label of mounts")
        equal(podman(driver, "exec", "c", *CURRENT), (0, label), "exec")
        equal(podman(driver, "exec", "c", "sh", "-c", "echo x >/tmp/x && cat /tmp/x"), (0, "x"), "it writes to its own root")
        equal(podman(driver, "logs", "c"), (0, "up"), "logs")
        equal(podman(driver, "stop", "-t", "20", "c")[0], 0, "stop")
        equal(podman(driver, "inspect", "--format", "{{.State.ExitCode}}", "c"), (0, "5"), "its trap")
    finally:
        podman(driver, "rm", "-ft", "0", "c")
    equal(podman(driver, "ps", "-aq"), (0, ""), "what is left")


def volumes(driver, user):
    """Without :Z the kernel refuses; with it a volume is its container's alone."""
    path = f"{HOME}/volume"
    shutil.rmtree(path, ignore_errors=True)
    write(f"{path}/secret", "secret\n")
    sh("chown", "-R", f"{USER}:", path)
    guest.label_tree(path, f"{user}:object_r:user_home_t:s0")
    read = ("cat", "/v/secret")
    status, out = once(driver, *read, options=("-v", f"{path}:/v"))
    holds(f"{status} {out}", "ermission denied", "without a label")
    equal(once(driver, *read, options=("-v", f"{path}:/v:Z")), (0, "secret"), "with :Z")
    if not re.search(r":container_file_t:s0:c\d+,c\d+$", label_of(f"{path}/secret")):
        raise AssertionError(label_of(f"{path}/secret"))
    status, out = once(driver, *read, options=("-v", f"{path}:/v"))
    holds(f"{status} {out}", "ermission denied", "another container")


def disabled(driver):
    status, out = once(driver, "true", options=("--security-opt", "label=disable"))
    holds(f"{status} {out}", "[selinux-missing]", "label=disable")
    equal(status != 0, True, "status")


def by_hand(user):
    """The shell of staff_u starts hrun in a domain of the machine's engines, which is no ordinary user's."""
    status, out = log_in(HRUN, "list", "-q")
    if user == "staff_u":
        holds(f"{status} {out}", "starts hrun in another domain than its caller's", "hrun list")
    else:
        equal((status, out), (0, ""), "hrun list")


# ---- the user's log-in ----

def map_user(user):
    """What `semanage login -a -s USER dev`, restorecon and a new log-in make; the policy is not built anew for it, which takes a minute."""
    lines = [line for line in guest.read(SEUSERS).splitlines() if not line.startswith(f"{USER}:")]
    write(SEUSERS, "\n".join([f"{USER}:{user}:s0-s0:c0.c1023", *lines]) + "\n")
    run("runuser", "-u", USER, "--", "podman", "system", "reset", "-f")
    run(*SSH, "-O", "exit", f"{USER}@127.0.0.1")
    run("systemctl", "stop", "user@1000", "user-runtime-dir@1000")
    for path in ("/dev/shm/libpod_rootless_lock_1000", f"{HOME}/.local", f"{HOME}/.config", f"{HOME}/.cache", *glob.glob("/tmp/*-1000")):
        run("rm", "-rf", path)
    sh("runuser", "-u", USER, "--", "mkdir", "-p", *(f"{HOME}/{name}/containers" for name in (".config", ".cache", ".local/share")))
    sh("systemctl", "start", "user@1000")
    # systemd makes this directory by the file contexts, in which semanage puts the SELinux user and this does not.
    sh("runuser", "-u", USER, "--", "mkdir", "-p", f"{RUNTIME}/systemd/transient")
    sh("restorecon", "-RF", HOME, f"{RUNTIME}/systemd")
    sh("chcon", "-R", "-u", user, HOME, RUNTIME)


def prepare():
    guest.install()
    guest.allow_logins()
    for module in ("overlay", "fuse", "tun"):  # no domain of a user may have them loaded
        sh("modprobe", module)
    if not os.path.exists(KEY):
        sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", KEY)
        with open(f"{HOME}/.ssh/authorized_keys", "a") as f:
            f.write(guest.read(f"{KEY}.pub") + "\n")


def import_image(user):
    archive = guest.archive(f"{HOME}/image.tar")
    set_label(archive, f"{user}:object_r:container_file_t:s0")
    equal(podman("systemd", "import", "-q", archive, "bb")[0], 0, "podman import")


def cases(user):
    yield f"{user}: log-in", is_logged_in, user
    for driver in DRIVERS:
        for name, case, *more in (("labels", labels), ("life", life, user), ("volumes", volumes, user), ("label=disable", disabled)):
            yield f"{user}, {driver}: {name}", case, driver, *more
    yield f"{user}: by hand", by_hand, user


def play_as(user, chosen):
    map_user(user)
    enforce(True)
    try:
        import_image(user)
        return guest.play(chosen)
    finally:
        enforce(False)


def main():
    if not guest.selinux_is_on():
        print("SELinux is off on this machine")
        return 77
    before = guest.read(SEUSERS)
    prepare()
    try:
        failed = [play_as(user, mine) for user in SESSIONS if guest.chosen(mine := list(cases(user)))]
        return max(failed) if failed else guest.play([])
    finally:
        enforce(False)
        write(SEUSERS, before + "\n")
        run("systemctl", "restart", "user@1000")


sys.exit(main())
