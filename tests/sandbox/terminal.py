#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Terminals: over --console-socket, and relayed in the foreground on a pty of the test."""
import array
import contextlib
import fcntl
import os
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import time

from hrun import Bundle, contains, created, equal, eventually, main, started, test
import hrun as h


@contextlib.contextmanager
def console_socket():
    path = f"{h.work}/console{next(h._numbers)}.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.bind(path)
        s.listen(1)
        s.settimeout(10)
        try:
            yield path, s
        finally:
            os.unlink(path)


def receive(listener):
    """The one message of the one connection: (data, descriptors, flags); then EOF."""
    connection, _ = listener.accept()
    connection.settimeout(10)
    with connection:
        data, ancillary, flags, _ = connection.recvmsg(4096, 4096)
        fds = array.array("i")
        for level, kind, payload in ancillary:
            equal((level, kind), (socket.SOL_SOCKET, socket.SCM_RIGHTS))
            fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
        equal(connection.recv(1), b"", "after the message")
    return data, list(fds), flags


def with_terminal(*args, rows=None, columns=None, **more):
    b = Bundle(*args, **more)
    b.process["terminal"] = True
    if rows:
        b.process["consoleSize"] = {"height": rows, "width": columns}
    return b


def read_until(fd, what, seconds=10):
    """Everything from the terminal until the text `what` is in it; None: until its end."""
    text, end = "", time.monotonic() + seconds
    while what is None or what not in text:
        ready, _, _ = select.select([fd], [], [], max(0, end - time.monotonic()))
        assert ready, f"{what!r} did not come, only {text!r}"
        try:
            data = os.read(fd, 4096)
        except OSError:
            data = b""
        if not data:
            assert what is None, f"{what!r} did not come before the end, only {text!r}"
            break
        text += data.decode(errors="replace")
    return text


@test
def console_socket_gets_one_message_with_one_descriptor():
    with console_socket() as (path, listener):
        with created(with_terminal("probe", "terminal", "pause", rows=33, columns=99), "--console-socket", path) as c:
            data, fds, flags = receive(listener)
            assert len(data) >= 1 and len(fds) == 1, (data, fds)
            equal(flags & socket.MSG_CTRUNC, 0)
            assert os.isatty(fds[0]), "no terminal"
            equal(struct.unpack("HHHH", fcntl.ioctl(fds[0], termios.TIOCGWINSZ, bytes(8)))[:2], (33, 99))
            equal(c.start().status, 0)
            text = read_until(fds[0], "\n")
            equal(text.strip(), "tty /dev/pts/0 session 1 leader 1 foreground 1 rows 33 columns 99")
            os.close(fds[0])


@test
def the_terminal_is_the_containers():
    b = with_terminal("sh", "-c", "ls -l /proc/self/fd | awk '{ print $11 }' | sort -u | tr '\\n' ' '; stat -c '%F %t %U %u' /dev/console /dev/pts/0; "
                      "stat -L -c %t:%T /dev/console /dev/pts/0; sleep 1000")
    with console_socket() as (path, listener):
        with started(b, "--console-socket", path) as c:
            _, (fd,), _ = receive(listener)
            text = read_until(fd, "88:0\r\n88:0\r\n")
            contains(text, "/dev/pts/0")
            equal(text.count("character special file 88 user 1000"), 2)
            m = h.mounts_of(c.pid)["/dev/console"]
            equal(m.type, "devpts")
            for n in range(3):
                equal(os.readlink(f"/proc/{c.pid}/fd/{n}"), "/dev/pts/0")
            equal(h.read(c.out) + h.read(c.err), "", "the caller's output")
            os.close(fd)


@test
def a_terminal_without_a_socket_is_refused_where_hrun_does_not_stay():
    b = with_terminal("true").save()
    for verb in (("create",), ("run", "-d")):
        with h.unchanged():
            r = h.hrun(*verb, "-b", b.path, h.new_id())
            assert r.status != 0 and r.out == "" and r.err.count("\n") == 1, r
            contains(r.err, "console-socket")


@test
def a_socket_without_a_terminal_is_refused():
    b = Bundle("true").save()
    with console_socket() as (path, _), h.unchanged():
        r = h.hrun("create", "-b", b.path, "--console-socket", path, h.new_id())
        assert r.status != 0 and r.err.count("\n") == 1, r


@test
def a_socket_that_nobody_listens_on_is_refused():
    b = with_terminal("true").save()
    with h.unchanged():
        r = h.hrun("create", "-b", b.path, "--console-socket", f"{h.work}/nobody.sock", h.new_id())
        assert r.status != 0 and r.err.count("\n") == 1, r
        contains(r.err, "nobody.sock")


@test
def a_socket_with_a_long_path():
    directory = f"{h.work}/" + "/".join(["a-long-name-of-a-directory"] * 6)
    os.makedirs(directory)
    fd = os.open(directory, os.O_PATH)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.bind(f"/proc/self/fd/{fd}/console.sock")
        s.listen(1)
        s.settimeout(10)
        assert len(f"{directory}/console.sock") > 108
        with created(with_terminal("sleep", "1000"), "--console-socket", f"{directory}/console.sock"):
            _, fds, _ = receive(s)
            equal(len(fds), 1)
            os.close(fds[0])
    os.close(fd)


@test
def exec_with_a_terminal_over_a_socket():
    with started(Bundle()) as c, console_socket() as (path, listener):
        pid_file = f"{h.work}/tty.pid"
        process = {"terminal": True, "consoleSize": {"height": 11, "width": 22}, "user": {"uid": 1000, "gid": 1000}, "cwd": "/",
                   "args": ["/bin/probe", "terminal", "pause"], "env": ["PATH=/bin"], "noNewPrivileges": True}
        h.write(f"{h.work}/process.json", h.json.dumps(process))
        r = h.hrun("exec", "-d", "--process", f"{h.work}/process.json", "--pid-file", pid_file, "--console-socket", path, c.id)
        equal((r.status, r.out, r.err), (0, "", ""))
        _, fds, _ = receive(listener)
        equal(len(fds), 1)
        text = read_until(fds[0], "\n")
        contains(text, "foreground 1 rows 11 columns 22")
        contains(text, "tty /dev/pts/0")
        assert "/dev/console" not in h.mounts_of(c.pid), "exec must not cover /dev/console"
        os.close(fds[0])


class Foreground:
    """`hrun run` (or exec) whose stdio is a pty of the test, of which it is the session leader."""

    def __init__(self, *command, rows=24, columns=80):
        self.master, slave = os.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.slave = slave

        def controlling():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen([h.HRUN, *command], stdin=slave, stdout=slave, stderr=slave, preexec_fn=controlling)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, text):
        os.write(self.master, text.encode())

    def expect(self, what):
        return read_until(self.master, what)

    def wait(self):
        return self.process.wait(20)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def foreground(bundle, **more):
    bundle.save()
    return Foreground("run", "-b", bundle.path, h.new_id(), **more)


@test
def foreground_size_and_controlling_terminal():
    with foreground(with_terminal("sh", "-c", "probe terminal; exit 3"), rows=40, columns=123) as f:
        text = f.expect("columns")
        contains(text, "tty /dev/pts/0 session 1 leader 1")
        equal(f.wait(), 3)


@test
def foreground_window_size_at_the_start():
    with foreground(with_terminal("sh", "-c", "read x; stty size; exit 0"), rows=40, columns=123) as f:
        f.send("go\n")
        f.expect("40 123")
        equal(f.wait(), 0)


@test
def foreground_window_change():
    script = "trap 'stty size' WINCH; echo ready; while :; do read x && [ \"$x\" = end ] && exit 5; done"
    with foreground(with_terminal("sh", "-c", script)) as f:
        f.expect("ready")
        f.resize(17, 71)
        os.kill(f.process.pid, signal.SIGWINCH)
        f.expect("17 71")
        f.send("end\n")
        equal(f.wait(), 5)


@test
def foreground_raw_mode_is_restored():
    with foreground(with_terminal("sh", "-c", "echo ready; read x")) as f:
        f.expect("ready")
        eventually(lambda: not termios.tcgetattr(f.slave)[3] & (termios.ICANON | termios.ECHO), "raw mode")
        f.send("x\n")
        equal(f.wait(), 0)
        equal(termios.tcgetattr(f.slave), f.before, "terminal settings")


@test
def foreground_raw_mode_is_restored_after_a_signal():
    with foreground(with_terminal("sleep", "1000")) as f:
        eventually(lambda: not termios.tcgetattr(f.slave)[3] & termios.ICANON, "raw mode")
        pid = int(subprocess.run(["pgrep", "-P", str(f.process.pid)], capture_output=True, text=True, check=True).stdout.split()[0])
        eventually(lambda: h.read(f"/proc/{pid}/comm") == "sleep\n", "the program")
        os.kill(pid, signal.SIGKILL)
        equal(f.wait(), 137)
        equal(termios.tcgetattr(f.slave), f.before, "terminal settings")


@test
def foreground_ctrl_c_goes_to_the_program():
    with foreground(with_terminal("sh", "-c", "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 1; done")) as f:
        f.expect("ready")
        f.send("\x03")
        f.expect("caught")
        equal(f.wait(), 9)


@test
def foreground_sigterm_goes_to_the_program():
    with foreground(with_terminal("sh", "-c", "trap 'echo caught; exit 8' TERM; echo ready; while :; do read x; done")) as f:
        f.expect("ready")
        os.kill(f.process.pid, signal.SIGTERM)
        f.expect("caught")
        equal(f.wait(), 8)


@test
def foreground_does_not_hand_in_the_callers_terminal():
    with foreground(with_terminal("stat", "-L", "-c", "numbers %t:%T %d end", "/proc/self/fd/0")) as f:
        text = f.expect(" end")
        found = re.search(r"numbers 88:0 (\d+)", text)
        assert found and int(found.group(1)) != os.fstat(f.slave).st_dev, text
        equal(f.wait(), 0)


@test
def foreground_a_lot_of_output_arrives_whole():
    with foreground(with_terminal("sh", "-c", "seq 20000; echo the end")) as f:
        text = f.expect("the end")
        equal(f.wait(), 0)
    numbers = [int(n) for n in text.split() if n.isdigit()]
    equal(numbers, list(range(1, 20001)))


@test
def foreground_exec_with_a_terminal():
    with started(Bundle()) as c:
        with Foreground("exec", "-t", c.id, "sh", "-c", "read x; stty size; probe terminal; exit 6", rows=31, columns=77) as f:
            f.send("go\n")
            text = f.expect("columns")
            contains(text, "31 77")
            contains(text, "leader")
            equal(f.wait(), 6)
            equal(termios.tcgetattr(f.slave), f.before, "terminal settings")


@test
def foreground_without_a_terminal_forwards_signals():
    b = Bundle("sh", "-c", "trap 'exit 44' USR1; echo ready; while :; do sleep 0.1; done").save()
    with open(f"{h.work}/out", "w+") as out:
        p = subprocess.Popen([h.HRUN, "run", "-b", b.path, h.new_id()], stdin=subprocess.DEVNULL, stdout=out)
        try:
            eventually(lambda: "ready" in h.read(out.name), "ready")
            p.send_signal(signal.SIGUSR1)
            equal(p.wait(20), 44)
        finally:
            if p.poll() is None:
                p.kill()


main()
