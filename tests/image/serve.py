#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hrun-tree that serves a directory: what it tells, what it refuses to tell, and what is left of its privileges, asked of the kernel."""
import os
import socket
import struct
import subprocess
import sys

PROGRAM = f"{os.environ['BUILD']}/libexec/hrun/hrun-tree"
SANITIZED = "SANITIZED" in os.environ
TOP = "/tmp/served"
MAGIC, SERVE = 0x74726565, 2
ENTRY, OPAQUE, PEEK, REST = range(4)
CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN = 2, 21
failed = 0


def check(right, name, why=""):
    global failed
    failed += not right
    print(f"ok - {name}" if right else f"not ok - {name}: {why}", flush=True)


class Told:
    def __init__(self, data, fds):
        (magic, self.error, self.mode, self.uid, self.gid, self.major, self.minor, size, self.size, self.device, self.inode) = struct.unpack_from("=IiIIIIIIQQQ", data)
        self.extra, self.fds = data[56:], fds
        assert magic == MAGIC and size == len(self.extra), data


class Served:
    """One hrun-tree, over the directory TOP."""

    def __init__(self, top=TOP, flags=0):
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.stream, stream = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

        def child():
            os.dup2(theirs.fileno(), 3)
            os.set_inheritable(3, True)

        self.process = subprocess.Popen([PROGRAM], preexec_fn=child, close_fds=False,
                                        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0:exitcode=99"})  # it may not be looked at
        directory = os.open(top, os.O_PATH)
        socket.send_fds(self.control, [struct.pack("=IIIIQQ", MAGIC, SERVE, flags, 0, 1000, 0)], [directory, stream.fileno()])
        for one in (theirs, stream):
            one.close()
        os.close(directory)
        for one in (self.stream, self.control):
            one.settimeout(20)

    def ask(self, kind, path="", magic=MAGIC):
        self.stream.send(struct.pack("=II", magic, kind) + path.encode().ljust(4096, b"\0"))
        data, fds, _, _ = socket.recv_fds(self.stream, 70000, 4)
        return Told(data, fds) if data else None

    def end(self):
        self.stream.close()
        status = self.process.wait(20)
        return status, struct.unpack_from("=Ii", self.control.recv(1000))[1]


def make():
    os.makedirs(f"{TOP}/d/e")
    os.mkdir("/tmp/outside")
    for path, text in (("d/f", "content"), ("g", ""), ("../outside/secret", "secret")):
        with open(f"{TOP}/{path}", "w") as f:
            f.write(text)
    os.chmod(f"{TOP}/d/f", 0o4750)
    os.chown(f"{TOP}/g", 5, 6)
    os.symlink("d/f", f"{TOP}/link")
    os.symlink("/tmp/outside", f"{TOP}/way")
    os.mkfifo(f"{TOP}/fifo")
    os.link(f"{TOP}/d/f", f"{TOP}/d/same")


def told():
    s = Served()
    file = s.ask(ENTRY, "d/f")
    check(file.error == 0 and oct(file.mode) == "0o104750" and file.size == 7 and os.read(file.fds[0], 100) == b"content", "a file", vars(file))
    same = s.ask(PEEK, "d/same")
    check((same.device, same.inode) == (file.device, file.inode), "its other name", vars(same))
    other = s.ask(ENTRY, "g")
    check((other.uid, other.gid, other.size) == (5, 6, 0), "an owner", vars(other))
    link = s.ask(ENTRY, "link")
    check(link.extra == b"d/f" and not link.fds, "a link is told and not followed", vars(link))
    fifo = s.ask(ENTRY, "fifo")
    check(oct(fifo.mode >> 12) == "0o1" and not fifo.fds, "a FIFO is not opened", vars(fifo))
    check(s.ask(ENTRY, "d").fds == [], "no descriptor of a directory")
    for path, errors in (("way/secret", (-40, -20)), ("../outside/secret", (-18,)), ("d/../../outside/secret", (-18,)), ("link/x", (-40, -20)), ("nothing", (-2,)),
                         ("d/f/x", (-20,))):
        found = s.ask(ENTRY, path)
        check(found.error in errors and not found.fds, f"not told: {path}", vars(found))
    check(s.end() == (0, 0), "it ends when nobody asks any more")


def rest():
    s = Served()
    for path in ("d/f", "d/same", "g", "link", "fifo", "d/e"):
        s.ask(ENTRY, path)
    found = s.ask(REST)
    check(found.error == -74 and b"way is not in the image" in found.extra, "what nobody asked for", vars(found))
    s.ask(ENTRY, "way")
    check(s.ask(REST).error == 0, "everything was asked for")
    s.ask(OPAQUE, "d")
    found = s.ask(REST)
    check(found.error == -74 and b"d: the directory shows" in found.extra, "a directory that should hide", vars(found))
    os.setxattr(f"{TOP}/d", "trusted.overlay.opaque", b"y")
    check(s.ask(REST).error == 0, "and does")
    os.removexattr(f"{TOP}/d", "trusted.overlay.opaque")
    s.end()
    s = Served()
    for path in ("d/f", "g", "link", "fifo", "d/e", "way"):
        s.ask(ENTRY, path)
    found = s.ask(REST)
    check(b"the file has a name outside" in found.extra or b"d/same is not in the image" in found.extra, "a name that nobody asked for", vars(found))
    s.end()


def nonsense():
    for name, data in (("another magic", struct.pack("=II", 1, ENTRY).ljust(4104, b"\0")), ("another kind", struct.pack("=II", MAGIC, 4).ljust(4104, b"\0")),
                       ("an absolute path", struct.pack("=II", MAGIC, ENTRY) + b"/etc/passwd".ljust(4096, b"\0")),
                       ("a path without end", struct.pack("=II", MAGIC, ENTRY) + b"a" * 4096), ("a short question", b"x"),
                       ("a path of the rest", struct.pack("=II", MAGIC, REST) + b"d".ljust(4096, b"\0"))):
        s = Served()
        s.stream.send(data)
        check(s.stream.recv(100) == b"" and s.end() == (1, -71), name)


def confined():
    s = Served()
    s.ask(ENTRY, "g")
    status = dict(line.split(":\t", 1) for line in open(f"/proc/{s.process.pid}/status") if ":\t" in line)
    caps = 1 << CAP_DAC_READ_SEARCH | 1 << CAP_SYS_ADMIN
    for name in ("CapEff", "CapPrm", "CapBnd"):
        check(int(status[name], 16) == caps, name, status[name])
    check(status["NoNewPrivs"].strip() == "1" and (SANITIZED or status["Seccomp"].strip() == "2"), "no new privileges, a filter", status)
    s.ask(PEEK, "link")  # by now the file of the answer before is closed
    names = {os.readlink(f"/proc/{s.process.pid}/fd/{n}").split(":")[0] for n in os.listdir(f"/proc/{s.process.pid}/fd")}
    check(names <= {TOP, "socket"} or SANITIZED, "no other descriptor", names)
    before = os.stat(f"{TOP}/g").st_ctime_ns
    s.end()
    check(os.stat(f"{TOP}/g").st_ctime_ns == before, "nothing is changed")


if os.geteuid() != 0:
    print("only root can make the files")
    sys.exit(77)
make()
told()
rest()
nonsense()
confined()
sys.exit(1 if failed else 0)
