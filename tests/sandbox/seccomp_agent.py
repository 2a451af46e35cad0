#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SCMP_ACT_NOTIFY: an agent gets the container process state and a listener that works; nothing stops where there is no agent."""
import array
import contextlib
import errno
import fcntl
import json
import os
import select
import socket
import struct
import threading

from hrun import Bundle, contains, created, equal, eventually, main, new_id, output, run, started, test
import hrun as h

RECEIVE, ANSWER = 0xC0502100, 0xC0182101  # SECCOMP_IOCTL_NOTIF_RECV, _SEND


class Agent(threading.Thread):
    """Takes one state a connection and answers every call with EDQUOT, which no kernel would."""

    def __init__(self):
        super().__init__(daemon=True)
        self.path = f"{h.work}/agent-{new_id()}.sock"
        self.states, self.pids, self.extra, self.broken = [], [], [], None
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.bind(self.path)
        self.server.listen()

    def take(self, connection):
        data, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(64))
        fds = array.array("i")
        for level, kind, payload in ancillary:
            equal((level, kind), (socket.SOL_SOCKET, socket.SCM_RIGHTS))
            fds.frombytes(payload)
        self.states.append(json.loads(data))
        equal(len(fds), 1, "descriptors")
        self.extra.append(connection.recv(1))  # closed after the state
        return fds[0]

    def answer(self, listener):
        with contextlib.suppress(FileNotFoundError):  # killed meanwhile
            notification = bytearray(80)
            fcntl.ioctl(listener, RECEIVE, notification)
            ident, pid = struct.unpack_from("=QI", notification)
            self.pids.append(pid)
            fcntl.ioctl(listener, ANSWER, bytearray(struct.pack("=QqiI", ident, 0, -errno.EDQUOT, 0)))

    def serve(self):
        poll = select.poll()
        poll.register(self.server, select.POLLIN)
        while True:
            for fd, event in poll.poll():
                if fd == self.server.fileno():
                    connection, _ = self.server.accept()
                    if connection is None:
                        return
                    with connection:
                        listener = self.take(connection)
                    poll.register(listener, select.POLLIN)
                elif event & select.POLLIN:
                    self.answer(fd)
                else:
                    poll.unregister(fd)
                    os.close(fd)

    def run(self):
        try:
            self.serve()
        except Exception as e:
            self.broken = e


@contextlib.contextmanager
def agent():
    a = Agent()
    a.start()
    yield a
    assert a.broken is None, f"agent: {a.broken!r}"
    assert set(a.extra) <= {b""}, "more than one state on a connection"


def profile(path, *calls, flags=(), **more):
    return {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"], "listenerPath": path,
            "flags": list(flags), "syscalls": [{"names": list(calls), "action": "SCMP_ACT_NOTIFY"}], **more}


def bundle(seccomp, *args):
    b = Bundle(*args)
    b.linux["seccomp"] = seccomp
    return b


@test
def the_agent_gets_the_state_and_decides():
    with agent() as a:
        for n, flags in enumerate(((), ("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",))):
            b = bundle(profile(a.path, "mkdir", "mkdirat", listenerMetadata='{"a": 1}', flags=flags), "sleep", "1000")
            b.c["annotations"] = {"key": "value"}
            with created(b, level="privileged") as c:
                pid = c.pid
                equal(c.start().status, 0)
                eventually(lambda: len(a.states) == n + 1, "the agent has read the state")
                state = a.states[-1]
                equal((state["ociVersion"], state["fds"], state["pid"], state["metadata"]), (b.c["ociVersion"], ["seccompFd"], pid, '{"a": 1}'))
                inner = state["state"]
                equal((inner["id"], inner["pid"], inner["bundle"], inner["annotations"]["key"]), (c.id, pid, b.path, "value"))
                assert inner["status"] in ("creating", "created"), inner
        r = run(bundle(profile(a.path, "mkdir", "mkdirat"), "mkdir", "/tmp/x"), level="privileged")
        contains(r.err, "uota exceeded")


@test
def exec_has_a_listener_of_its_own():
    with agent() as a:
        b = bundle(profile(a.path, "mkdir", "mkdirat"))
        with started(b, level="privileged") as c:
            eventually(lambda: len(a.states) == 1, "the agent has read init's state")
            r = c.exec("mkdir", "/tmp/x", level="privileged")
            contains(r.err, "uota exceeded")
            equal(len(a.states), 2)
            equal((a.states[-1]["state"]["status"], a.states[-1]["state"]["pid"]), ("running", c.pid))
            assert a.states[-1]["pid"] != c.pid


@test
def even_sendmsg_and_close_may_be_notified():
    """The listener arrives although whoever loaded the filter cannot make one call."""
    with agent() as a:
        r = run(bundle(profile(a.path, "sendmsg", "write", "close", "exit_group", "futex"), "true"), level="privileged")
        eventually(lambda: len(a.pids) >= 1, f"the agent saw a call: {r} {a.broken!r}")


@test
def without_no_new_privs_a_notified_execve_is_refused():
    with agent() as a:
        b = bundle(profile(a.path, "execve"), "true")
        b.process["noNewPrivileges"] = False
        r = run(b, level="privileged")
        equal(r.status, 125)
        contains(r.err, "does not always allow execve")
        equal(a.states, [])


@test
def nobody_listens():
    r = run(bundle(profile("/run/nobody.sock", "mkdirat"), "true"), level="privileged")
    equal(r.status, 125)
    contains(r.err, "linux.seccomp.listenerPath: ")
    r = run(bundle(profile("", "mkdirat"), "true"), level="privileged")
    contains(r.err, "linux.seccomp.listenerPath: missing")


@test
def without_notify_the_path_is_ignored():
    b = bundle(profile("/run/nobody.sock", "mkdirat"), "true")
    b.linux["seccomp"]["syscalls"][0]["action"] = "SCMP_ACT_LOG"
    output(b, level="privileged")


@test
def baseline_refuses():
    r = run(bundle({**profile("/run/nobody.sock", "mkdirat"), "defaultAction": "SCMP_ACT_ERRNO"}, "true"))
    contains(r.err, "seccomp-listener")
    b = bundle(profile("", "mkdirat"), "true")
    b.linux["seccomp"]["syscalls"][0]["action"] = "SCMP_ACT_TRACE"
    b.linux["seccomp"]["defaultAction"] = "SCMP_ACT_ERRNO"
    contains(run(b).err, "seccomp-trace")


@test
def a_traced_call_without_a_tracer_does_not_exist():
    b = bundle(profile("", "mkdir", "mkdirat"), "mkdir", "/tmp/x")
    b.linux["seccomp"]["syscalls"][0]["action"] = "SCMP_ACT_TRACE"
    contains(run(b, level="privileged").err, "Function not implemented")


if __name__ == "__main__":
    main()
