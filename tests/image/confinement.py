#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What hrun-image and hrun-sign can still do, asked of the kernel while they wait; and what hrun makes of an hrun-image that was taken over."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import common
from common import equal, report

TESTS, BUILD = os.environ["TESTS"], os.environ["BUILD"]
PROGRAMS = {n: f"{BUILD}/libexec/hrun/{n}" for n in ("hrun-image", "hrun-sign")}
DRIVE, FAKE = f"{BUILD}/tests/image/drive", f"{BUILD}/tests/image/fake"
SANITIZED = bool(os.environ.get("SANITIZED"))
LAYOUT = f"{TESTS}/vectors/python-image-valid/layout"
IMAGE_ID = 2146483547


def start(uid, name="hrun-image"):
    """It as hrun starts it, with two descriptors too many; ends up waiting for its request."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        null = os.open("/dev/null", os.O_RDWR)
        high = os.dup2(theirs.fileno(), 20)
        for fd in (0, 1) if SANITIZED else (0, 1, 2):
            os.dup2(null, fd)
        os.dup2(high, 3)
        os.dup2(os.open("/", os.O_RDONLY), 7)
        if uid:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
        os.execve(PROGRAMS[name], [name], {})
    theirs.close()
    return ours, pid


def wait_for_receive(pid):
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        text = open(f"/proc/{pid}/status").read()
        done = "CapEff:\t0000000000000000" in text and (SANITIZED or "Seccomp:\t2" in text)
        # In recvmsg(2): state S.
        if done and "State:\tS" in text:
            return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        time.sleep(0.02)
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def look_at_limits(who, pid):
    limits = open(f"/proc/{pid}/limits").read()
    for name, most in (("Max core file size", 0), ("Max file size", 0), ("Max processes", 64), ("Max open files", 256), ("Max cpu time", 900)):
        found = int(re.search(rf"^{name} +\d+ +(\d+)", limits, re.M).group(1))
        report(f"{who}: {name.lower()}", "" if found <= most else f"{found}")
    if not SANITIZED:
        equal(f"{who}: address space", re.search(r"^Max address space +\d+ +(\d+)", limits, re.M).group(1), str(512 << 20))


def may_make_namespaces(uid):
    return subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "unshare", "--user", "true"] if os.geteuid() == 0 else
                          ["unshare", "--user", "true"], capture_output=True).returncode == 0


def look_at(program, uid):
    who = f"{'user' if uid else 'root'}'s {program}"
    ours, pid = start(uid, program)
    status = wait_for_receive(pid)
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        equal(f"{who}: {name}", int(status[name], 16), 0)
    alone = not uid or may_make_namespaces(uid)
    if alone:
        equal(f"{who}: CapBnd", int(status["CapBnd"], 16), 0)
    if not uid:
        equal(f"{who}: groups", status["Groups"].split(), [])
    equal(f"{who}: no_new_privs", status["NoNewPrivs"], "1")
    if not SANITIZED:
        equal(f"{who}: seccomp", status["Seccomp"], "2")
    equal(f"{who}: uid", set(status["Uid"].split()), {str(uid or IMAGE_ID)})
    equal(f"{who}: gid", set(status["Gid"].split()), {str(uid or IMAGE_ID)})
    equal(f"{who}: descriptors", sorted(os.listdir(f"/proc/{pid}/fd"), key=int), ["0", "1", "2", "3"])
    equal(f"{who}: environment", open(f"/proc/{pid}/environ", "rb").read(), b"")
    if alone and os.geteuid() == 0:
        shared = [n for n in ("net", "ipc", "uts", "cgroup", "user") if os.readlink(f"/proc/{pid}/ns/{n}") == os.readlink(f"/proc/self/ns/{n}")]
        equal(f"{who}: namespaces that it shares", shared, [])
        equal(f"{who}: ids that its user namespace knows", open(f"/proc/{pid}/uid_map").read(), "")
        devices = [line.split(":")[0].strip() for line in open(f"/proc/{pid}/net/dev") if ":" in line]
        equal(f"{who}: network devices", devices, ["lo"])
    if os.geteuid() == 0:  # not dumpable: /proc's files are root's, and nobody of the same id may look in
        equal(f"{who}: whose it is to look into", os.stat(f"/proc/{pid}/fd").st_uid, 0)
    if program == "hrun-sign" and not SANITIZED:  # (a sanitizer makes nothing of mlock)
        report(f"{who}: memory that is never swapped", "" if int(status["VmLck"].split()[0]) >= 256 else status["VmLck"])
    look_at_limits(who, pid)
    # Nobody asks: it ends without an answer.
    ours.close()
    equal(f"{who}: end", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 2)


def refuses_arguments(program):
    done = subprocess.run([PROGRAMS[program], "x"], env={}, capture_output=True, timeout=20)
    equal(f"{program}: arguments", done.returncode, 2)
    done = subprocess.run([PROGRAMS[program]], env={"OPENSSL_CONF": "/etc/passwd"}, capture_output=True, timeout=20)
    equal(f"{program}: environment", done.returncode, 2)


def odd_requests(program):
    for name, data in (("empty", b""), ("short", b"x" * 100), ("zero", b"\0" * 200)):
        ours, pid = start(0 if os.geteuid() == 0 else None, program)
        wait_for_receive(pid)
        if data:
            ours.send(data)
        ours.close()
        equal(f"{program}: request {name}", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 2)


def taken_over():
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        for mode, reason in (
            ("good", None), ("hang", "took too long"), ("crash", "signal 6"), ("quiet", "without an answer"), ("short", "cannot be right"),
            ("half", "before the whole answer"), ("status", "status 1"), ("no-digest", "cannot be right"), ("odd-digest", "cannot be right"),
            ("unterminated", "cannot be right"), ("verdict", "cannot be right"), ("count", "cannot be right"), ("huge-config", "cannot be right"),
            ("unread", "cannot be right"), ("stage", "cannot be right"), ("devices", "cannot be right"), ("version", "cannot be right"), ("path", "no file of the layout"), ("flood", "too many files"),
            ("progress", "took too long"), ("descriptors", "cannot be right"),
        ):
            os.mkdir(f"{directory}/{mode}")
            shutil.copy(FAKE, f"{directory}/{mode}/hrun-image")
            seconds = "1" if mode in ("hang", "progress") else "60"
            done = subprocess.run([DRIVE, "-d", f"{directory}/{mode}", "-t", seconds, "-u", LAYOUT], capture_output=True, text=True, timeout=90)
            answer = json.loads(done.stdout) if done.stdout else {}
            if reason is None:
                equal(f"taken over: {mode}", (answer.get("verdict"), done.returncode), ("accept", 0))
            else:
                right = answer.get("verdict") == "reject" and reason in (answer.get("reason") or "") and done.returncode == 1
                report(f"taken over: {mode}", "" if right else f"{done.returncode} {done.stdout} {done.stderr}")
        for mode, verdict in (("good", "reject"), ("unread", "layers-unread")):
            done = subprocess.run([DRIVE, "-d", f"{directory}/{mode}", "-D", "-u", LAYOUT], capture_output=True, text=True, timeout=90)
            equal(f"asked for documents: {mode}", json.loads(done.stdout)["verdict"], verdict)
        killed(f"{directory}/hang")
        owners(f"{directory}/good")


def lives(pid):
    try:
        return "State:\tZ" not in open(f"/proc/{pid}/status").read()
    except (FileNotFoundError, ProcessLookupError):
        return False


def killed(directory):
    drive = subprocess.Popen([DRIVE, "-d", directory, "-u", LAYOUT], stdout=subprocess.PIPE, text=True)
    child = None
    deadline = time.monotonic() + 20
    while not child and time.monotonic() < deadline:
        for pid in open(f"/proc/{drive.pid}/task/{drive.pid}/children").read().split():
            if open(f"/proc/{pid}/comm").read().strip() != "drive":
                child = int(pid)
    os.kill(child, signal.SIGKILL)
    out = drive.communicate(timeout=20)[0]
    report("SIGKILL of hrun-image", "" if drive.returncode == 1 and "signal 9" in out else out)
    drive = subprocess.Popen([DRIVE, "-d", directory, "-u", LAYOUT], stdout=subprocess.PIPE, text=True)
    child = None
    while not child and time.monotonic() < deadline:
        for pid in open(f"/proc/{drive.pid}/task/{drive.pid}/children").read().split():
            if open(f"/proc/{pid}/comm").read().strip() != "drive":
                child = int(pid)
    drive.kill()
    drive.wait()
    while lives(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    report("SIGKILL of hrun ends hrun-image", "it lives on" if lives(child) else "")


def owners(directory):
    if os.geteuid() != 0:
        return
    path = f"{directory}/hrun-image"
    for name, reason, change, undo in (
        ("program of somebody else", "belongs to", lambda: os.chown(path, 1234, 0), lambda: os.chown(path, 0, 0)),
        ("program that others may write", "by others", lambda: os.chmod(path, 0o777), lambda: os.chmod(path, 0o755)),
        ("directory that others may write", "by others", lambda: os.chmod(directory, 0o777), lambda: os.chmod(directory, 0o755)),
        ("program that nobody may execute", "may not be executed", lambda: os.chmod(path, 0o644), lambda: os.chmod(path, 0o755)),
    ):
        change()
        done = subprocess.run([DRIVE, "-d", directory, "-u", LAYOUT], capture_output=True, text=True, timeout=60)
        report(f"refused: {name}", "" if done.returncode == 3 and reason in done.stderr else f"{done.returncode} {done.stdout} {done.stderr}")
        undo()
    os.rename(path, path + ".real")
    os.symlink(path + ".real", path)
    done = subprocess.run([DRIVE, "-d", directory, "-u", LAYOUT], capture_output=True, text=True, timeout=60)
    report("refused: program that is a link", "" if done.returncode == 3 else f"{done.returncode} {done.stdout}")


for name in PROGRAMS:
    if os.geteuid() == 0:
        look_at(name, None)
    look_at(name, os.getuid() or 1234)
    refuses_arguments(name)
    odd_requests(name)
taken_over()
sys.exit(1 if common.failed else 0)
