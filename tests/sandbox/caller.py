#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the caller hands over: descriptors, socket activation, sd_notify, the keyring, the personality, the log; and what is not taken."""
import array
import ctypes
import datetime
import fcntl
import json
import os
import socket
import subprocess
import threading

from hrun import Bundle, Skip, contains, created, environment_of, equal, eventually, hrun, main, mounts_of, read, started, test, write
import hrun as h


def fails(result, *parts, status=1):
    equal((result.status, result.out, result.err.count("\n")), (status, "", 1), repr(result))
    for part in parts:
        contains(result.err, part)


def silent(result):
    equal((result.status, result.out, result.err), (0, "", ""), "result")


def spawn_with(fds, command, env=None, activation=None, **more):
    """Run a command whose descriptors 3, 4, ... are FDS and nothing else; ACTIVATION: its LISTEN_FDS."""
    copies = [os.dup(fd) for fd in fds]

    def arrange():
        moved = [fcntl.fcntl(fd, fcntl.F_DUPFD, 500) for fd in copies]
        for i, fd in enumerate(moved):
            os.dup2(fd, 3 + i)
        os.closerange(3 + len(fds), 600)

    # A shell in between knows its own number, and keeps it across exec.
    if activation is not None:
        command = ["sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=%d exec "$@"' % activation, "sh"] + command
    with open(f"{h.work}/spawn.out", "w") as out, open(f"{h.work}/spawn.err", "w") as err:
        p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, preexec_fn=arrange, close_fds=False, **more)
        status = p.wait(60)
    for fd in copies:
        os.close(fd)
    return h.Result(status, read(f"{h.work}/spawn.out"), read(f"{h.work}/spawn.err"))


def pipe_fds():
    r, w = os.pipe()
    os.close(w)
    return r


@test
def preserved_descriptors_and_no_others():
    fds = [pipe_fds(), pipe_fds(), pipe_fds()]
    b = Bundle("probe", "fds").save()
    for count, expected in ((0, "0 1 2"), (1, "0 1 2 3"), (2, "0 1 2 3 4")):
        r = spawn_with(fds, [h.HRUN, "run", "-b", b.path, "--preserve-fds", str(count), h.new_id()])
        equal((r.status, r.out.strip()), (0, expected), r.err)
    with started(Bundle()) as c:
        r = spawn_with(fds, [h.HRUN, "exec", "--preserve-fds=2", c.id, "probe", "fds"])
        equal((r.status, r.out.strip()), (0, "0 1 2 3 4"), r.err)
    for fd in fds:
        os.close(fd)


@test
def what_is_closed_of_stdin_stdout_and_stderr_is_dev_null():
    script = 'n=0; for fd in 0 1 2; do [ "$(readlink /proc/1/fd/$fd)" = /dev/null ] && n=$((n + (1 << fd))); done; exit $n'
    b = Bundle("sh", "-c", script).save()
    for closed in ((), (0,), (1,), (2,), (0, 2), (0, 1, 2)):
        shell = 'exec "$@" ' + " ".join(f"{fd}>&-" for fd in closed)
        p = subprocess.run(["sh", "-c", shell, "sh", h.HRUN, "run", "-b", b.path, h.new_id()], stdin=subprocess.PIPE,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        equal(p.returncode, sum(1 << fd for fd in closed), (closed, p.stderr))


@test
def what_is_no_descriptor_to_preserve():
    b = Bundle("probe", "fds").save()
    directory, path_only = os.open("/", os.O_RDONLY), os.open("/etc/passwd", os.O_PATH)
    for fds, word in (([directory], "directory"), ([path_only], "O_PATH"), ([], "not open")):
        for level in ([], h.policy("privileged")):
            with h.unchanged():
                r = spawn_with(fds, [h.HRUN, *level, "create", "-b", b.path, "--preserve-fds", "1", "x1"])
                fails(r, word)
    # A log file that was given the number is not the caller's.
    r = spawn_with([], [h.HRUN, "--log", f"{h.work}/log", "create", "-b", b.path, "--preserve-fds", "1", "x1"])
    fails(r, "not open")
    os.close(directory)
    os.close(path_only)


@test
def socket_activation():
    b = Bundle("sh", "-c", "probe fds; echo $LISTEN_PID $LISTEN_FDS $$")
    b.process["env"].append("LISTEN_FDS=99")
    b.save()
    one, two = socket.socket(socket.AF_UNIX), pipe_fds()
    r = spawn_with([one.fileno(), two], [h.HRUN, "run", "-b", b.path, h.new_id()], activation=1)
    equal((r.status, r.out.split("\n")[:2]), (0, ["0 1 2 3 ", "1 1 1"]), r.err)
    r = spawn_with([one.fileno(), two], [h.HRUN, "run", "-b", b.path, "--preserve-fds", "1", h.new_id()], activation=1)
    equal((r.status, r.out.split("\n")[:2]), (0, ["0 1 2 3 4 ", "1 1 1"]), r.err)
    # Meant for somebody else.
    env = dict(os.environ, LISTEN_PID="1", LISTEN_FDS="1")
    r = spawn_with([one.fileno(), two], [h.HRUN, "run", "-b", b.path, h.new_id()], env=env)
    equal((r.status, r.out.split("\n")[:2]), (0, ["0 1 2 ", "99 1"]), r.err)
    directory = os.open("/", os.O_RDONLY)
    fails(spawn_with([directory], [h.HRUN, "create", "-b", b.path, "x1"], activation=1), "directory")
    fails(spawn_with([], [h.HRUN, "create", "-b", b.path, "x1"], activation=1), "not open")
    for fd in (two, directory):
        os.close(fd)
    one.close()


class Manager:
    """Who started hrun and waits for READY=1; answers a barrier by closing what comes with it."""

    def __init__(self, address):
        self.messages = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address[0] == "@" else address)
        self.address = address
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            data, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(64))
            if data == b"END":
                return
            self.messages.append(data.decode())
            for _, _, body in ancillary:
                for fd in array.array("i", body):
                    os.close(fd)

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"END", "\0" + self.address[1:] if self.address[0] == "@" else self.address)
        self.thread.join()
        self.socket.close()
        if self.address[0] != "@":
            os.unlink(self.address)


def notifying_bundle(*messages):
    """The probe sends each message to $NOTIFY_SOCKET and then sleeps."""
    return Bundle("sh", "-c", "".join(f"probe notify '{m}'; " for m in messages) + "exec sleep 1000")


@test
def ready_is_passed_on_when_detached():
    for address in (f"{h.work}/manager.sock", "@hrun-test-manager"):
        manager = Manager(address)
        env = dict(os.environ, NOTIFY_SOCKET=address)
        try:
            with created(notifying_bundle("STATUS=READY=1", "READY=11", "X=1\nREADY=1\nMAINPID=1\nFDSTORE=1"), env=env) as c:
                mount = mounts_of(c.pid)["/run/notify"]
                assert {"ro", "nosuid", "nodev", "noexec"} <= mount.attributes, mount
                equal(manager.messages, [])
                silent(hrun("start", c.id, env=env))
                equal(manager.messages, [f"READY=1\nMAINPID={c.pid}", "BARRIER=1"])
                contains(environment_of(c.pid), "NOTIFY_SOCKET=/run/notify/notify.sock")
        finally:
            manager.close()


@test
def only_ready_is_passed_on():
    manager = Manager(f"{h.work}/manager.sock")
    env = dict(os.environ, NOTIFY_SOCKET=manager.address)
    b = Bundle("sh", "-c", "for m in READY=0 READY=11 STATUS=READY=1 MAINPID=1 FDSTORE=1 WATCHDOG=trigger; do probe notify $m; done")
    try:
        with created(b, env=env) as c:
            silent(hrun("start", c.id, env=env))
        assert not any("=" in m and not m.startswith("BARRIER") for m in manager.messages), manager.messages
    finally:
        manager.close()


@test
def start_ends_with_a_program_that_is_never_ready():
    manager = Manager(f"{h.work}/manager.sock")
    env = dict(os.environ, NOTIFY_SOCKET=manager.address)
    try:
        with created(Bundle("true"), env=env) as c:
            silent(hrun("start", c.id, env=env))
            equal(c.state()["status"], "stopped")
        with created(Bundle("sleep", "1000"), env=env) as c:
            p = subprocess.Popen([h.HRUN, "start", c.id], env=env, stdin=subprocess.DEVNULL)
            eventually(lambda: c.state()["status"] == "running", "the start")
            # It waits without the lock: others may do their work.
            silent(hrun("pause", c.id))
            silent(hrun("resume", c.id))
            silent(hrun("kill", c.id, "KILL"))
            equal(p.wait(20), 0)
        assert not any("READY" in m for m in manager.messages), manager.messages
    finally:
        manager.close()


@test
def ready_is_passed_on_in_the_foreground():
    manager = Manager(f"{h.work}/manager.sock")
    env = dict(os.environ, NOTIFY_SOCKET=manager.address)
    b = Bundle("sh", "-c", "probe notify READY=1; echo sent").save()
    try:
        r = hrun("run", "-b", b.path, h.new_id(), env=env)
        equal((r.status, r.out), (0, "sent\n"), r.err)
        eventually(lambda: manager.messages, "READY=1")
        assert manager.messages[0].startswith("READY=1\nMAINPID=") and len(manager.messages) == 1, manager.messages
        r = hrun("run", "--detach", "-b", notifying_bundle("READY=1").save().path, "n1", env=env)
        equal((r.status, r.err), (0, ""))
        equal(len(manager.messages), 3)
        silent(hrun("delete", "--force", "n1"))
    finally:
        manager.close()


@test
def nobody_to_notify():
    for value in ("", "relative"):
        with started(Bundle(), env=dict(os.environ, NOTIFY_SOCKET=value)) as c:
            assert "/run/notify" not in mounts_of(c.pid)
            assert not any(e.startswith("NOTIFY_SOCKET") for e in environment_of(c.pid))


@test
def the_session_keyring():
    if ctypes.CDLL(None).syscall(250, 1, None) < 0:  # KEYCTL_JOIN_SESSION_KEYRING
        raise Skip("no keyrings here")
    own = subprocess.run([f"{h.work}/template/bin/probe", "keyring"], capture_output=True, text=True).stdout
    b = Bundle("probe", "keyring")
    # hrun's own profile has no keyctl(2); personality and socket would be allowed with any arguments.
    names = {name for rule in json.loads(read(f"{h.TOP}/tests/seccomp/docker.json"))["syscalls"] for name in rule["names"]}
    b.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ERRNO",
                          "syscalls": [{"names": sorted((names | {"keyctl"}) - {"personality", "socket"}), "action": "SCMP_ACT_ALLOW"}]}
    b.save()
    usual = {"rules": {"seccomp-dangerous-syscall": "off"}}
    for options, level, shared in (([], usual, False), (["--no-new-keyring"], usual, False), (["--no-new-keyring"], "privileged", True),
                                   ([], "privileged", False)):
        r = hrun("run", "-b", b.path, *options, h.new_id(), level=level)
        assert r.status == 0 and int(r.out) > 0, r
        equal(r.out == own, shared, f"{options} {level}")


@test
def personality():
    odd = ("setarch", "-R", "--addr-compat-layout", "--uname-2.6")
    own = subprocess.run([*odd, "cat", "/proc/self/personality"], capture_output=True, text=True).stdout.strip()
    equal(own, "00260000", "what hrun is called with")
    for config, expected in ((None, "00000000"), ({"domain": "LINUX32"}, "00000008")):
        b = Bundle()
        if config:
            b.linux["personality"] = config
        with started(b) as c:
            r = hrun("exec", c.id, "cat", "/proc/self/personality", prefix=odd)
            equal((r.status, r.out.strip()), (0, expected), f"exec with {config} {r.err!r}")
        equal(h.output(b, "cat", "/proc/self/personality", prefix=odd).strip(), expected, f"run with {config}")


@test
def no_pivot_is_refused():
    b = Bundle("true").save()
    for level, text in ((None, "refused [flag-no-pivot]"), ("privileged", "pivot_root at every level")):
        with h.unchanged():
            fails(hrun("create", "--no-pivot", "-b", b.path, "x1", level=level), text)
    r = hrun("run", "-no-subreaper", "--no-subreaper", "-b", b.path, h.new_id())
    equal((r.status, r.err), (0, ""))


@test
def keep():
    b = Bundle("sh", "-c", "exit 3").save()
    equal(hrun("run", "--keep", "-b", b.path, "kept").status, 3)
    equal(json.loads(hrun("state", "kept").out)["status"], "stopped")
    silent(hrun("delete", "kept"))
    equal(hrun("run", "-b", b.path, "gone").status, 3)
    fails(hrun("state", "gone"), "does not exist")


# ---- the log ----


@test
def one_line_for_each_failure():
    path = f"{h.work}/log.json"
    write(path, "before\n")
    for n, arguments in enumerate((["state", "nobody"], ["kill", "nobody"], ["create", "-b", "/nowhere", "x"], ["frob"], ["exec", "nobody", "a"])):
        r = hrun("--log-format=json", "--log", path, *arguments)
        lines = read(path).splitlines()
        equal((len(lines), lines[0]), (n + 2, "before"), str(arguments))
        last = json.loads(lines[-1])
        equal(sorted(last), ["level", "msg", "time"])
        equal((last["level"], last["msg"] + "\n"), ("error", r.err))
        datetime.datetime.strptime(last["time"], "%Y-%m-%dT%H:%M:%SZ")
    silent(hrun("--log", path, "--log-format", "json", "delete", "--force", "nobody"))
    equal(len(read(path).splitlines()), 6)


@test
def every_form_of_the_log():
    path = f"{h.work}/log.text"
    r = hrun("--log", f"file:{path}", "--log-format", "text", "state", "nobody")
    equal(read(path).count("\n"), 1)
    contains(read(path), 'level=error msg="' + r.err.rstrip("\n").replace('"', '\\"') + '"')
    for form in ("journald:x", "syslog:x"):
        fails(hrun("--log", form, "list"), "--log takes a file")
    fails(hrun("--log-format", "xml", "list"), "--log-format")
    for bad in ("/nowhere/log", h.work, "/dev/full/x"):
        fails(hrun("--log", bad, "list"), "log file")
    # The zone is not asked for: who opens this one waits for ever.
    os.mkfifo(f"{h.work}/zone")
    fails(hrun("--log", f"{h.work}/log.zone", "state", "nobody", env={"TZ": f":{h.work}/zone"}), "does not exist")
    # A log that is full: the text still comes on stderr, once.
    fails(hrun("--log", "/dev/full", "state", "nobody"), "does not exist")


@test
def an_output_that_is_full():
    # As a script sees it: no success, and a line that says why.
    for verb in (("rules",), ("policy", "show"), ("check", "--help")):
        with open("/dev/full", "w") as full:
            done = subprocess.run([h.HRUN, *verb], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True)
        equal((done.returncode != 0, len(h.own_words(done.stderr).splitlines())), (True, 1), verb[0])
        contains(done.stderr, "standard output")


main()
