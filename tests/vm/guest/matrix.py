#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 900
# alone
"""The cases of tests/engines/podman_cases.py on a machine with systemd: podman with its own storage, both cgroup drivers, as root and as a user.

Root's cases and the user's run at the same time, one driver after the other; then root's under the host's level privileged.  A case that is
chosen by its name brings along what the container "c" of the list needs.

Where SELinux is on all are played while it is permissive, and root's once more while it enforces, with the systemd driver.
"""
import contextlib
import functools
import multiprocessing
import os
import re
import shutil
import sys

import guest
from guest import HRUN, TOP, USER, cgroups_left, equal, holds, need_machine, run, sh, wait_for, work_directory, write

from engine import expected, play  # guest has said where they are
from podman_cases import CASES, PRIVILEGED, USER_CASES, USER_WANTED, WANTED, make_files

HOME = f"/home/{USER}"
DROPINS = "/etc/containers/containers.conf.d"
PODMAN_CONF = '[containers]\nnetns = "none"\n[engine]\ncgroup_manager = "%s"\n'
POLICY = "/etc/hrun/policy.json"
WITHOUT = {"buildah run": "the guest has no buildah of its own; `podman build` is the case before"}
# What Debian's policy does not let containers and engines do here.
INIT = "no container may start podman's own init (bin_t)"
WITHOUT_UNDER_SELINUX = {"killed by a signal": INIT, "init": INIT, "commit and run": "container_t has no dac_override, and / is not writable without",
                         "build": "podman may not relabel the pipes that it builds with"}
CONFINED = [("its label", ["podman run --rm bb cat /proc/self/attr/current"], (0, r"^system_u:system_r:container_t:s0:c\d+,c\d+\0?$"))]


# ---- how a command is started ----

def as_root(command):
    """(status, output) of a shell's COMMAND."""
    return lines(*run("sh", "-c", f"cd; {command}"))


def as_user(command):
    return lines(*run("env", f"HOME={HOME}", "sh", "-c", f"cd; {command}", user=USER))


def lines(status, out):
    return status, out and out + "\n"


SELINUX = guest.selinux_is_on()
STARTED = {"root": as_root, "a user": as_user}
DRIVERS = ("systemd", "cgroupfs")


# ---- cases ----

def one(start, commands, want):
    why = expected(play(commands, want, start), want)
    if why:
        raise AssertionError(why)


def refused(start, command, status, text):
    got, out = play([command], (status, re.escape(text)), start)[0]
    equal(got, status, out[-300:])
    holds(out, text, command)


def nothing_left(start):
    """Of this user's podman, and of hrun."""
    equal(start("podman ps -aq; podman pod ps -q")[1], "", "containers and pods")
    equal(start(f"{HRUN} list -q")[1], "", "hrun list")


def nothing_of_anybody():
    state = [name for root in ("/run/hrun", "/run/user/1000/hrun") for name in (os.listdir(root) if os.path.exists(root) else [])]
    equal([name for name in state if re.fullmatch("[0-9a-f]{64}", name)], [], "records of hrun")
    wait_for(lambda: run("pgrep", "-x", "conmon")[1] == "", "no conmon is left")
    wait_for(lambda: cgroups_left("libpod-") == [], "no cgroup is left")
    for user in (None, USER):
        wait_for(lambda user=user: not units(user), f"no unit of {user or 'root'} is left")


def units(user):
    manager = ["--user"] if user else []
    listed = sh("systemctl", *manager, "list-units", "--all", "--plain", "--no-legend", "libpod-*.scope", user=user).splitlines()
    return [line for line in listed if not line.startswith("libpod-conmon")]


def named(cases, prefix, start, without):
    """[(name, function, arguments)] of the CASES of a list but for those WITHOUT which it is played."""
    return [(prefix + name, one, start, commands, want) for name, commands, want in cases if name not in without]


def chosen(cases):
    """CASES that the command line's words name; what is between "detached" and "rm -f" has the container "c" of these two."""
    words = sys.argv[1:]
    if not words:
        return cases
    names = [name.partition(": ")[2] for name, *_ in cases]
    picked = [any(word in case[0] for word in words) for case in cases]
    if "detached" in names:
        first, last = names.index("detached"), names.index("rm -f")
        if any(picked[first:last + 1]):
            picked[first] = picked[last] = True
    return [case for case, wanted in zip(cases, picked) if wanted]


def at_once(*lists):
    """Plays each list of cases in a process of its own: were all good?"""
    sys.argv[1:] = []  # they are chosen
    sys.stdout.flush()
    players = [multiprocessing.Process(target=lambda cases=cases: sys.exit(guest.play(cases))) for cases in lists if cases]
    for player in players:
        player.start()
    for player in players:
        player.join()
    return not any(player.exitcode for player in players)


# ---- what they need ----

def configure(driver):
    os.makedirs(DROPINS, exist_ok=True)
    shutil.copy(f"{TOP}/contrib/podman/hrun.conf", f"{DROPINS}/hrun.conf")
    write(f"{DROPINS}/hrun-matrix.conf", PODMAN_CONF % driver)
    for path in ("/tmp/hook-ran", "/v"):
        run("rm", "-rf", path)
    os.makedirs("/v")
    if SELINUX:
        guest.set_label("/v", guest.FILE_LABEL)


@contextlib.contextmanager
def level(name):
    """The host's policy says so."""
    write(POLICY, '{"format": 1, "level": "%s"}' % name)
    try:
        yield
    finally:
        os.unlink(POLICY)


def prepare(work, start):
    """The image, and nothing else, in this user's storage."""
    start("podman rm -fa -t 0; podman volume rm vol1; mkdir -p ~/v")
    if start("podman image exists bb")[0]:
        equal(start(f"podman import -q {work}/image.tar bb")[0], 0, "podman import")


def lists_of(driver, enforced=False):
    """Root's cases, the user's, and root's under level privileged."""
    prefix = ("enforcing, " if enforced else "permissive, " if SELINUX else "") + driver
    of_root, of_user = f"{prefix}, root: ", f"{prefix}, a user: "
    without = {**WITHOUT, **WITHOUT_UNDER_SELINUX} if enforced else WITHOUT
    first = named(CASES + (CONFINED if enforced else []), of_root, as_root, without) + [(of_root + name, refused, as_root, *rest) for name, *rest in WANTED]
    first.append((f"{of_root}nothing is left", nothing_left, as_root))
    second = []
    if not enforced:
        second = named(USER_CASES, of_user, as_user, without) + [(of_user + name, refused, as_user, *rest) for name, *rest in USER_WANTED]
        second.append((f"{of_user}nothing is left", nothing_left, as_user))
    third = named(PRIVILEGED, f"{of_root}level privileged: ", as_root, without)
    third.append((f"{prefix}: nothing is left of anybody", nothing_of_anybody))
    return [chosen(cases) for cases in (first, second, third)]


@contextlib.contextmanager
def enforcing():
    guest.allow_logins()
    guest.enforce(True)
    try:
        yield
    finally:
        guest.enforce(False)


def play_driver(driver, root, user, privileged):
    configure(driver)
    good = at_once(root, user)
    with level("privileged"):
        return at_once(privileged) and good


def main():
    need_machine()
    make_files()
    for name, why in (*WITHOUT.items(), *((f"enforcing, {n}", w) for n, w in WITHOUT_UNDER_SELINUX.items() if SELINUX)):
        print(f"skip - {name}: {why}")
    # The words of the command line name cases, and are taken before the first is played.
    drivers = {driver: lists_of(driver) for driver in DRIVERS}
    enforced = lists_of("systemd", True) if SELINUX else []
    if not any(any(lists) for lists in (*drivers.values(), enforced)):
        return guest.play([])
    with work_directory("matrix") as work:
        guest.archive(f"{work}/image.tar")
        try:
            configure("systemd")
            at_once(*([("prepare " + who, functools.partial(prepare, work), start)] for who, start in STARTED.items()))
            good = [play_driver(driver, *lists) for driver, lists in drivers.items() if any(lists)]
            if any(enforced):
                with enforcing():
                    good.append(play_driver("systemd", *enforced))
        finally:
            for name in ("hrun.conf", "hrun-matrix.conf"):
                os.unlink(f"{DROPINS}/{name}")
            for start in STARTED.values():
                start("podman rm -fa -t 0; podman volume rm vol1; podman rmi -f built img2 localhost/built; rm -rf ~/v")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
