#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hrun is killed at any moment of any verb; `delete --force` leaves no process, mount, cgroup or file.

The moments are places in the code, not points in time: hrun is stopped at its N-th system call (ptrace) and killed there.
"""
import ctypes
import os
import signal

import attack
from attack import Bundle, equal, h, test

libc = ctypes.CDLL(None, use_errno=True)
TRACEME, SYSCALL, SETOPTIONS, EXITKILL = 0, 24, 0x4200, 0x100000


def ptrace(request, pid=0, data=0):
    r = libc.ptrace(ctypes.c_long(request), ctypes.c_long(pid), ctypes.c_void_p(0), ctypes.c_void_p(data))
    if r < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def stopped_at(n, arguments):
    """Run hrun; kill it before its N-th system-call stop.  False where it ended before."""
    pid = os.fork()
    if pid == 0:
        null = os.open("/dev/null", os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        ptrace(TRACEME)
        os.execv(h.HRUN, [h.HRUN, *arguments])
    os.waitpid(pid, 0)
    ptrace(SETOPTIONS, pid, EXITKILL)
    signal_to_pass = 0
    for _ in range(n):
        ptrace(SYSCALL, pid, signal_to_pass)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            return False
        number = os.WSTOPSIG(status)
        signal_to_pass = 0 if number == signal.SIGTRAP else number
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


def length_of(prepare, arguments, clean_up):
    name = h.new_id()
    prepare(name)
    pid = os.fork()
    if pid == 0:
        null = os.open("/dev/null", os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        ptrace(TRACEME)
        os.execv(h.HRUN, [h.HRUN, *arguments(name)])
    os.waitpid(pid, 0)
    ptrace(SETOPTIONS, pid, EXITKILL)
    n, passed = 0, 0
    while True:
        ptrace(SYSCALL, pid, passed)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            break
        passed = 0 if os.WSTOPSIG(status) == signal.SIGTRAP else os.WSTOPSIG(status)
        n += 1
    clean_up(name)
    return n


def clean_up(name):
    r = h.hrun("delete", "--force", name)
    equal((r.status, r.err), (0, ""), "delete --force")


def at_every_place(prepare, arguments, places):
    total = length_of(prepare, arguments, clean_up)
    assert total > 2 * places, f"{total} system calls"
    killed = 0
    for i in range(places):
        n = 1 + (total - 1) * i // (places - 1)
        name = h.new_id()
        before = h.kernel_view()
        prepare(name)
        killed += stopped_at(n, arguments(name))
        clean_up(name)
        try:
            h.nothing_left(before)
        except AssertionError as e:
            raise AssertionError(f"killed at stop {n} of {total}: {e}")
    assert killed > places // 2, f"killed {killed} of {places} times"


def nothing(name):
    pass


@test
def create_is_killed():
    b = Bundle("sleep", "1000").save()
    at_every_place(nothing, lambda name: ["create", "-b", b.path, name], 60)


@test
def create_with_hooks_is_killed():
    b = Bundle("sleep", "1000")
    b.c["hooks"] = {k: [{"path": "/bin/true"}] for k in ("createRuntime", "createContainer")}
    b.linux["cgroupsPath"] = "/some/where"
    b.save()
    at_every_place(nothing, lambda name: ["create", "-b", b.path, name], 20)
    for path in ("/some/where", "/some"):
        if os.path.isdir(h.CGROUP + path):
            os.rmdir(h.CGROUP + path)


@test
def run_is_killed():
    b = Bundle("true").save()
    at_every_place(nothing, lambda name: ["run", "-b", b.path, name], 25)


def make(bundle, *verbs):
    def prepare(name):
        equal(h.hrun("create", "-b", bundle.path, name).status, 0, "create")
        for verb in verbs:
            equal(h.hrun(verb, name).status, 0, verb)

    return prepare


@test
def start_is_killed():
    b = Bundle("sleep", "1000").save()
    at_every_place(make(b), lambda name: ["start", name], 12)


@test
def exec_is_killed():
    b = Bundle("sleep", "1000").save()
    at_every_place(make(b, "start"), lambda name: ["exec", name, "true"], 20)


@test
def delete_is_killed():
    b = Bundle("sleep", "1000").save()
    at_every_place(make(b, "start"), lambda name: ["delete", "--force", name], 15)


attack.main()
