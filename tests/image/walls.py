#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hrun-image and hrun-tree as if somebody had taken them over: what they try behind their walls fails, and nothing outside has changed."""
import contextlib
import os
import subprocess
import sys
import tempfile
import time

import common
from common import equal, report

WALLS = f"{os.environ['BUILD']}/tests/image/walls"
SANITIZED = bool(os.environ.get("SANITIZED"))
USER = 1234
CAPABILITIES = {"apply": (0, 1, 3, 4, 31), "devices": (0, 1, 3, 4, 27, 31), "walk": (2,), "image": ()}
# What each is for, and what a descriptor lets it do that it would not have.
WORKS = {"image": {"read-own"}, "apply": {"inside", "make-inside"}, "devices": {"inside", "make-inside", "char-device"}, "walk": {"inside"}}
HARMLESS = {"image": {"duplicate"}, "apply": {"file-write", "ftruncate", "fchmod"}, "devices": {"file-write", "ftruncate", "fchmod"}, "walk": {"file-write"}}
# An ordinary user's walk has to tell owners apart, which a user namespace of his would not: he keeps his own looks, and no call that writes.
STAYS = {"stat", "stat-beside", "statx", "readlink"}
# Without the filter, which sanitizers do not bear, these alone are left to Landlock and the root.
BY_PATH = {"open", "open-beside", "openat", "open-write", "open-proc", "create", "stat", "stat-beside", "statx", "readlink", "access", "chmod", "chmod-absolute",
           "chown", "chown-absolute", "utimes", "setxattr", "unlink", "mkdir", "symlink", "link-in", "link-out", "rename"}


@contextlib.contextmanager
def place(uid):
    with tempfile.TemporaryDirectory() as directory:
        os.makedirs(f"{directory}/target")
        os.makedirs(f"{directory}/outside")
        for name in ("target/inside", "outside/canary", "outside/writable"):
            with open(f"{directory}/{name}", "w") as file:
                file.write("alive")
        os.symlink("canary", f"{directory}/outside/link")
        for path, _, files in os.walk(directory):
            for name in [".", *files]:
                os.chown(f"{path}/{name}", uid, uid, follow_symlinks=False)
        os.chmod(directory, 0o755)
        yield directory


def as_user(uid):
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if uid else []


def what_is_outside(directory):
    looks = os.lstat(f"{directory}/outside/canary")
    with open(f"{directory}/outside/canary") as file:
        return sorted(os.listdir(f"{directory}/outside")), file.read(), looks.st_mode, looks.st_uid, looks.st_gid, looks.st_mtime_ns, looks.st_nlink


def tries(who, uid, title):
    with place(uid) as directory:
        before = what_is_outside(directory)
        done = subprocess.run([*as_user(uid), WALLS, who, directory], capture_output=True, text=True, timeout=100)
        found = dict(line.split(" ", 1) for line in done.stdout.splitlines())
        after = what_is_outside(directory)
    works = WORKS[who] - ({"char-device"} if uid else set())
    bare = SANITIZED and (who == "image" or (uid and who == "walk"))  # nothing of its walls is left to a path
    if bare:
        works = set()
    works |= STAYS if uid and who == "walk" else set()
    for name in sorted(works):
        equal(f"{title}: {name}", found.get(name), "done")
    for name, result in found.items():
        if name in works | HARMLESS[who] or bare or (SANITIZED and name not in BY_PATH):
            continue
        report(f"{title}: {name}", f"{result}" if result in ("done", "unconfined") else "")
    report(f"{title}: attempts", "" if len(found) > 50 and done.returncode == 0 else f"{done.returncode} {done.stdout[-200:]} {done.stderr[-300:]}")
    if not bare:
        equal(f"{title}: outside", after, before)


def status_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def wait_for(pid):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        status = status_of(pid)
        if status["NoNewPrivs"] == "1" and (SANITIZED or status["Seccomp"] == "2") and status["State"].startswith("S"):
            return status
        time.sleep(0.02)
    return status_of(pid)


def looks(who, uid, title):
    """What the kernel says of one that waits."""
    with place(uid) as directory:
        p = subprocess.Popen([*as_user(uid), WALLS, who, directory, "pause"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        pid = int(p.stdout.readline())
        status = wait_for(pid)
        expected, stays = 0 if uid else sum(1 << n for n in CAPABILITIES[who]), uid and who == "walk"
        sets = ("CapEff", "CapPrm", "CapInh", "CapAmb", *([] if stays else ["CapBnd"]))  # an ordinary user may not lower the last
        equal(f"{title}: capabilities", [int(status[n], 16) for n in sets], [expected, expected, 0, 0, expected][:len(sets)])
        equal(f"{title}: no_new_privs", status["NoNewPrivs"], "1")
        if not SANITIZED:
            equal(f"{title}: filters", [status["Seccomp"], status.get("Seccomp_filters", "1")], ["2", "1"])
        own = [n for n in ("net", "ipc", "user") if os.readlink(f"/proc/{pid}/ns/{n}") != os.readlink(f"/proc/self/ns/{n}")]
        equal(f"{title}: namespaces of its own", own, [] if stays else ["net", "ipc", "user"] if uid or who == "image" else ["net", "ipc"])
        if who != "image" and not stays:
            equal(f"{title}: its root", os.readlink(f"/proc/{pid}/root"), f"{directory}/target")
            equal(f"{title}: where it stands", os.readlink(f"/proc/{pid}/cwd"), f"{directory}/target")
        with open(f"/proc/{pid}/net/dev") as file:
            equal(f"{title}: network devices", [line.split(":")[0].strip() for line in file if ":" in line], ["lo"])
        equal(f"{title}: dumpable", os.stat(f"/proc/{pid}/fd").st_uid, 0)
        if "user" in own:
            with open(f"/proc/{pid}/uid_map") as file:
                equal(f"{title}: ids that it knows", file.read(), "")
        p.stdin.close()
        equal(f"{title}: end", p.wait(20), 0)


if os.geteuid() != 0:
    print("needs root, to look at what belongs to another user")
    sys.exit(77)
users = [(0, "root's"), (USER, "a user's")]
if subprocess.run([*as_user(USER), "unshare", "--user", "true"], capture_output=True).returncode:
    print("skip - a user's: ordinary users may not make user namespaces here")
    users.pop()
for uid_, of in users:
    for program in ("image", "apply", "devices", "walk"):
        looks(program, uid_, f"{of} {program}")
        tries(program, uid_, f"{of} {program}")
sys.exit(1 if common.failed else 0)
