#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""exec: its flags, its cgroup, its CPUs, its terminal; never more than the container has."""
import array
import json
import os
import pty
import select
import signal
import socket
import subprocess

from hrun import Bundle, CGROUP, Skip, contains, created, environment_of, equal, eventually, hrun, main, read, sets_of, started, status_of
from hrun import test, write
import hrun as h


def fails(result, *parts, status=255):
    equal((result.status, result.out, result.err.count("\n")), (status, "", 1), repr(result))
    for part in parts:
        contains(result.err, part)


def cgroup_of(pid):
    return [line[3:] for line in read(f"/proc/{pid}/cgroup").splitlines() if line.startswith("0::")][0]


class Executed:
    """A detached exec of `sleep`; its pid is what the pid file says."""

    def __init__(self, c, *options, args=("sleep", "1000"), **more):
        path = f"{h.work}/exec-pid"
        if os.path.exists(path):
            os.unlink(path)
        self.result = hrun("exec", "--detach", "--pid-file", path, *options, c.id, *args, **more)
        equal((self.result.status, self.result.out, self.result.err), (0, "", ""), "exec --detach")
        self.pid = int(read(path))
        assert read(path) == str(self.pid), "the pid file holds more than digits"


def process(b, **changes):
    p = dict(b.process, args=["sleep", "1000"], **changes)
    path = f"{h.work}/process.json"
    write(path, json.dumps(p))
    return path


@test
def output_and_exit_status():
    with started(Bundle()) as c:
        r = c.exec("sh", "-c", "echo out; echo err >&2; exit 7")
        equal((r.status, r.out, r.err), (7, "out\n", "err\n"))
        equal(c.exec("sh", "-c", "kill -9 $$").status, 128 + 9)
        equal(c.exec("ls", "-d", "--", "/").out, "/\n", "options of the program")
        fails(c.exec("nosuch"), 'executable file not found in $PATH')
        fails(c.exec("/etc"), "permission denied")


@test
def environment_directory_user_groups():
    with started(Bundle()) as c:
        x = Executed(c, "-e", "A=1", "--env", "B=2=3", "--env=PATH=/bin:/x", "--cwd", "/tmp", "-u", "1234:77", "-g", "5", "-g=7")
        env = environment_of(x.pid)
        for part in ("A=1", "B=2=3", "PATH=/bin:/x"):
            assert part in env, env
        equal(len([e for e in env if e.startswith("PATH=")]), 1)
        equal(os.readlink(f"/proc/{x.pid}/cwd"), "/tmp")
        s = status_of(x.pid)
        equal((s["Uid"].split(), s["Gid"].split(), s["Groups"].split()), (["1234"] * 4, ["77"] * 4, ["5", "7"]))
        for bad in ("root", "-1", "1:", "1:x", "4294967295", "1:4294967295", "0x1", " 1", ""):
            fails(hrun("exec", f"--user={bad}", c.id, "true"), "--user")
        fails(hrun("exec", "-e", "NOEQUALS", c.id, "true"), "--env")
        fails(hrun("exec", "-e", "=x", c.id, "true"), "--env")
        fails(hrun("exec", "--cwd", "relative", c.id, "true"), "cwd")


@test
def never_more_than_the_container():
    b = Bundle(uid=0, caps=["CAP_CHOWN"])
    with started(b) as c:
        x = Executed(c)
        equal(sets_of(x.pid)["bounding"], sets_of(c.pid)["bounding"])
        equal(status_of(x.pid)["NoNewPrivs"], "1")
        equal(status_of(x.pid)["Seccomp"], "2")
        for level in (None, "privileged"):
            fails(hrun("exec", "--cap", "CAP_SYS_ADMIN", c.id, "true", level=level), "CAP_SYS_ADMIN")
            fails(hrun("exec", "--cap", "CAP_KILL", c.id, "true", level=level), "may not have")
        silent_process = process(b)
        config = json.loads(read(silent_process))
        del config["noNewPrivileges"]
        write(silent_process, json.dumps(config))
        x = Executed(c, "--process", silent_process, level="privileged", args=())
        equal(status_of(x.pid)["NoNewPrivs"], "1")
        equal(status_of(x.pid)["Seccomp"], "2")
        fails(hrun("exec", "--process", process(b), c.id, "true"), "not both")


@test
def a_process_that_comes_by_a_pipe():
    b = Bundle()
    with started(b) as c:
        path = process(b)
        text = json.dumps(dict(json.loads(read(path)), args=["echo", "heard"]))
        write(path, text)
        for form in ("--process - $ID < $FILE", "--process /dev/stdin $ID < $FILE", "--process - $ID <<< $TEXT", "--process <(cat $FILE) $ID",
                     "--process=/dev/fd/7 $ID 7< $FILE"):
            r = hrun(prefix=("env", f"FILE={path}", f"ID={c.id}", f"TEXT={text}", "bash", "-c", '"$0" exec ' + form))
            equal((r.status, r.out, r.err), (0, "heard\n", ""), form)
        for name in ("-", "/dev/stdin", "/proc/self/fd/0"):
            for ends in (os.pipe(), [s.detach() for s in socket.socketpair()]):
                os.write(ends[1], text.encode())
                os.close(ends[1])
                with open(ends[0]) as stdin:
                    r = hrun("exec", "--process", name, c.id, stdin=stdin)
                equal((r.status, r.out, r.err), (0, "heard\n", ""), name)


@test
def a_process_that_is_no_file_is_not_waited_for():
    with started(Bundle()) as c:
        os.mkfifo(f"{h.work}/fifo")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(f"{h.work}/socket")
            for path in ("fifo", "socket", "/dev/zero", "/dev/tty", "/"):
                path = os.path.join(h.work, path)
                fails(hrun("exec", "--process", path, c.id), f"process file {path} is not a regular file")
                fails(hrun("update", "-r", path, c.id), f"resources file {path} is not a regular file", status=1)
        os.unlink(f"{h.work}/fifo")
        # Regular by its type: the kernel's log, which a reader takes away and waits for.
        for path in ("/proc/kmsg", "/proc/sys/kernel/ostype", "/dev/null"):
            fails(hrun("exec", "--process", path, c.id), "process file")
        write(f"{h.work}/huge", " " * (1 << 20) + "{}")
        fails(hrun("exec", "--process", f"{h.work}/huge", c.id), "json-too-large")
        with open(f"{h.work}/huge") as stdin:
            fails(hrun("exec", "--process", "-", c.id, stdin=stdin), "json-too-large")


@test
def a_container_of_level_privileged_is_not_a_bound():
    with started(Bundle(uid=0, caps=["CAP_CHOWN"]), level="privileged") as c:
        for names in (["CAP_KILL"], ["CAP_KILL", "CAP_SYS_ADMIN"], ["CAP_KILL", "CAP_NONE_SUCH"]):
            options = [word for name in names for word in ("--cap", name)]
            x = Executed(c, *options, level="privileged")
            known = [name[4:] for name in ["CAP_CHOWN"] + names if name != "CAP_NONE_SUCH"]
            equal(sets_of(x.pid)["bounding"], h.mask_of(known), names)
            equal(sets_of(x.pid)["effective"], h.mask_of(known), names)
        fails(hrun("exec", "--cap", "CAP_KILL", c.id, "true"), "may not have")
        fails(hrun("exec", "--cap", "CAP_NONE_SUCH", c.id, "true"), "CAP_NONE_SUCH")


@test
def labels_are_refused_where_they_cannot_be_set():
    with started(Bundle()) as c:
        fails(hrun("exec", "--process-label", "system_u:system_r:x_t:s0", c.id, "true"))
        fails(hrun("exec", "--apparmor", "docker-default", c.id, "true"))
    with started(Bundle(), level="privileged") as c:
        if not os.path.exists("/sys/fs/selinux/enforce"):
            fails(hrun("exec", "--process-label", "system_u:system_r:container_t:s0:c1,c2", c.id, "true", level="privileged"), "SELinux is off")
        if not os.path.exists("/sys/module/apparmor"):
            fails(hrun("exec", "--apparmor", "docker-default", c.id, "true", level="privileged"), "AppArmor is off")


@test
def labels_are_those_that_create_applied():
    """The record has them: a rule's repair is in no config.  One that the machine does not know any more is an error, not a warning."""
    with started(Bundle()) as c:
        path = f"/run/hrun/{c.id}/state.json"
        kept = read(path)
        assert "selinuxLabel" not in kept and "apparmorProfile" not in kept, kept
        for member, value in (("selinuxLabel", "system_u:system_r:container_t:s0:c1,c2"), ("apparmorProfile", "hrun-none")):
            write(path, json.dumps(dict(json.loads(kept), **{member: value})))
            fails(hrun("exec", c.id, "true"), f"process.{member}")
            fails(hrun("exec", "--process", process(Bundle(), **{member: ""}), c.id), f"process.{member}")
            fails(hrun("exec", "--process", process(Bundle(), **{member: value}), c.id), f"process.{member}")
        fails(hrun("exec", "--apparmor", "another", c.id, "true"), "is not the container's profile")
        write(path, kept)
        equal(hrun("exec", c.id, "true").status, 0)
    b = Bundle()
    b.process["apparmorProfile"] = "unconfined"
    with started(b, level="privileged") as c:
        equal(json.loads(read(f"/run/hrun/{c.id}/state.json"))["apparmorProfile"], "unconfined")


@test
def the_cgroup_is_the_containers():
    with started(Bundle()) as c:
        x = Executed(c)
        equal(cgroup_of(x.pid), f"/hrun/{c.id}")
        os.makedirs(f"{CGROUP}/hrun/{c.id}/a/b")
        for option, place in (("a", "/a"), ("/a/b", "/a/b"), ("/", "")):
            x = Executed(c, "--cgroup", option)
            equal(cgroup_of(x.pid), f"/hrun/{c.id}{place}")
        for bad in ("..", "a/..", "/../x", "nosuch"):
            fails(hrun("exec", "--cgroup", bad, c.id, "true"))


@test
def beside_init_where_the_container_manages_cgroups():
    if "hugetlb" not in read(f"{CGROUP}/cgroup.controllers").split():
        raise Skip("no controller on cgroup2 here that could be handed down")
    b = Bundle()
    b.linux["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 0}]
    with started(b) as c:
        own = f"{CGROUP}/hrun/{c.id}"
        os.mkdir(f"{own}/init.scope")
        write(f"{own}/init.scope/cgroup.procs", str(c.pid))
        write(f"{own}/cgroup.subtree_control", "+hugetlb")
        x = Executed(c)
        equal(cgroup_of(x.pid), f"/hrun/{c.id}/init.scope")
        fails(hrun("exec", "--cgroup", "/", c.id, "true"))
        # Whatever is told of init, nothing outside the container's own cgroup is entered.
        os.mkdir(f"{CGROUP}/outside")
        try:
            write(f"{CGROUP}/outside/cgroup.procs", str(c.pid))
            fails(hrun("exec", c.id, "true"), "not in a cgroup of the container")
        finally:
            write(f"{own}/init.scope/cgroup.procs", str(c.pid))
            os.rmdir(f"{CGROUP}/outside")


@test
def cpu_affinity():
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise Skip("one CPU only")
    b = Bundle()
    b.process["execCPUAffinity"] = {"final": str(cpus[1])}
    with started(b) as c:
        equal(sorted(os.sched_getaffinity(c.pid)), cpus, "init's own")
        equal(os.sched_getaffinity(Executed(c).pid), {cpus[1]})
        for affinity, expected in (({"initial": str(cpus[0])}, set(cpus)), ({"initial": str(cpus[0]), "final": str(cpus[1])}, {cpus[1]}),
                                   ({"final": f"{cpus[0]},{cpus[1]}"}, set(cpus[:2])), ({}, set(cpus))):
            x = Executed(c, "--process", process(b, execCPUAffinity=affinity), args=())
            equal(os.sched_getaffinity(x.pid), expected, str(affinity))
        for bad in ("x", "1-", "3-1", "1024", "0,", "99999999999"):
            fails(hrun("exec", "--process", process(b, execCPUAffinity={"initial": bad}), c.id), "execCPUAffinity.initial")


def talk(master, process, until):
    """What comes out of a terminal until the text is there or the process has ended."""
    text = b""
    while until not in text:
        ready, _, _ = select.select([master], [], [], 20)
        assert ready, f"no more output after {text!r}"
        try:
            part = os.read(master, 4096)
        except OSError:
            break
        text += part
    return text


@test
def a_terminal_in_the_foreground():
    """As CRI-O streams: a pty on 0, 1, 2, process.terminal, no socket."""
    b = Bundle()
    with started(b) as c:
        path = f"{h.work}/process.json"
        write(path, json.dumps(dict(b.process, args=["sh", "-c", "tty; read line; echo got $line; exit 5"], terminal=True)))
        master, slave = pty.openpty()
        inode = os.fstat(slave).st_rdev
        p = subprocess.Popen([h.HRUN, "exec", "--process", path, c.id], stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        text = talk(master, p, b"/dev/pts/")
        os.write(master, b"hello\r")
        contains(talk(master, p, b"got hello"), b"got hello")
        equal(p.wait(20), 5)
        os.close(master)
        assert inode and b"not a tty" not in text, text


@test
def a_terminal_where_the_caller_has_none():
    with started(Bundle()) as c:
        r = hrun("exec", "-t", c.id, "sh", "-c", "tty")
        equal(r.status, 0, repr(r))
        contains(r.out, "/dev/pts/")
        equal(hrun("exec", "--tty=false", c.id, "tty").out, "not a tty\n")


@test
def a_socket_nobody_accepts_on():
    with started(Bundle()) as c:
        path = f"{h.work}/console.sock"
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            fails(hrun("exec", "-t", "-d", "--console-socket", path, c.id, "true"), "console.sock")
        os.unlink(path)
        fails(hrun("exec", "-t", "-d", c.id, "true"), "--console-socket")
        fails(hrun("exec", "-d", "--console-socket", path, c.id, "true"), "--console-socket")
        # A listener who never takes the connection is no reason to wait for ever: it is in the queue.
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            s.listen(1)
            equal(hrun("exec", "-t", "-d", "--console-socket", path, c.id, "true").status, 0)
        os.unlink(path)


def receive(listener):
    """(data, [descriptors]) of the one message that a caller sends."""
    with listener.accept()[0] as connection:
        data, ancillary, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(64))
        fds = array.array("i")
        for level, kind, body in ancillary:
            assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS), (level, kind)
            fds.frombytes(body)
        equal(connection.recv(1), b"", "a second message")
        return data, list(fds)


def pid_of(pidfd):
    return [int(line.split()[1]) for line in read(f"/proc/self/fdinfo/{pidfd}").splitlines() if line.startswith("Pid:")][0]


@test
def the_pidfd_is_sent():
    path = f"{h.work}/pidfd.sock"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen(4)
        with created(Bundle("sleep", "1000"), "--pidfd-socket", path) as c:
            data, fds = receive(s)
            equal((len(fds), pid_of(fds[0]), len(data) > 0), (1, c.pid, True))
            os.close(fds[0])
            x = Executed(c, f"--pidfd-socket={path}")
            data, fds = receive(s)
            equal((len(fds), pid_of(fds[0])), (1, x.pid))
            signal.pidfd_send_signal(fds[0], signal.SIGKILL)
            os.close(fds[0])
        p = subprocess.Popen([h.HRUN, "run", "-b", Bundle("true").save().path, "--pidfd-socket", path, "p1"], stdin=subprocess.DEVNULL)
        data, fds = receive(s)
        equal((len(fds), p.wait(20)), (1, 0))
        os.close(fds[0])
    with h.unchanged():
        r = hrun("create", "-b", Bundle("true").save().path, "--pidfd-socket", path, "p2")
        fails(r, "pidfd.sock", status=1)
    os.unlink(path)


@test
def ignore_paused():
    with started(Bundle()) as c:
        equal(hrun("pause", c.id).status, 0)
        fails(c.exec("true"), "--ignore-paused")
        p = subprocess.Popen([h.HRUN, "exec", "--ignore-paused", c.id, "true"], stdin=subprocess.DEVNULL)
        procs = f"{CGROUP}/hrun/{c.id}/cgroup.procs"
        eventually(lambda: len(read(procs).split()) == 2, "a second process in the frozen cgroup")
        equal(hrun("resume", c.id).status, 0)
        equal(p.wait(20), 0)


def without_clone_into_cgroup(*words):
    """Where cgroup2 is mounted with nsdelegate the kernel refuses (ENOENT) a birth into a cgroup from within another cgroup namespace; that is played here."""
    clone3, report = "435", f"{h.work}/report"
    r = hrun(*words, level="privileged", prefix=(f"{h.TOP}/build/tests/fault/inject", "--who", "runtime", "--call", clone3, "--at", "1", "--errno", "2",
                                                 "--report", report, "--"))
    contains(read(report), f"hit {clone3}")
    return r


@test
def it_is_born_in_the_cgroup():
    """Moved there it would have been in reach of the container before the cgroup's limits hold; so it enters the cgroup namespace by itself."""
    for b in (Bundle("sleep", "1000"), Bundle("sleep", "1000").user_namespace()):
        with started(b) as c:
            x = Executed(c)
            equal((cgroup_of(x.pid), h.namespace_of(x.pid, "cgroup")), (f"/hrun/{c.id}", h.namespace_of(c.pid, "cgroup")))
            fails(without_clone_into_cgroup("exec", c.id, "true"), "No such file or directory")
            equal(len(read(f"{CGROUP}/hrun/{c.id}/cgroup.procs").split()), 2)


@test
def it_is_moved_where_it_cannot_enter_the_cgroup_namespace():
    with started(Bundle("sleep", "1000")) as other:
        b = Bundle("sleep", "1000").user_namespace().namespace("cgroup", path=f"/proc/{other.pid}/ns/cgroup").save()
        c = h.Container(b, h.new_id())
        try:
            r = without_clone_into_cgroup("create", "-b", b.path, c.id)
            equal((r.status, r.out, r.err), (0, "", ""))
            equal(c.start().status, 0)
            r = without_clone_into_cgroup("exec", "-d", "--pid-file", f"{h.work}/pid", c.id, "sleep", "1000")
            equal((r.status, r.out, r.err), (0, "", ""))
            for pid in (c.pid, read(f"{h.work}/pid")):
                equal((cgroup_of(pid), h.namespace_of(pid, "cgroup")), (f"/hrun/{c.id}", h.namespace_of(other.pid, "cgroup")))
        finally:
            c.remove()


main()
