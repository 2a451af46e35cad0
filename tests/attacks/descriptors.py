#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The runtime's own file, its descriptors, its memory: a container that looks at hrun from inside finds nothing to hold on to.

CVE-2016-9962, CVE-2019-5736, CVE-2024-21626, CVE-2025-23266
"""
import json
import os
import signal
import socket
import subprocess
import tempfile
import time

import attack
from attack import Bundle, contains, created, digest, equal, eventually, h, read, refused, run, started, test, write

EVERYTHING = ["CAP_" + c for c in h.CAPABILITIES]
WITHOUT_PTRACE = [c for c in EVERYTHING if c != "CAP_SYS_PTRACE"]
UNREADABLE = "EACCES EACCES EACCES EACCES EACCES EACCES EACCES EACCES EPERM"


def powerful(*args, caps=EVERYTHING):
    b = Bundle(*args, uid=0, caps=caps)
    b.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}
    b.process["noNewPrivileges"] = False
    return b


class own_copy:
    """The program under test as a file that can be written, as far as the file system is concerned."""

    def __enter__(self):
        self.kept = h.HRUN
        h.HRUN = tempfile.mktemp(dir=h.work)
        subprocess.run(["cp", self.kept, h.HRUN], check=True)
        os.chmod(h.HRUN, 0o755)
        self.before = digest(h.HRUN)
        with open(h.HRUN, "r+b"):
            pass
        return self

    def __exit__(self, *_):
        after, path, h.HRUN = digest(h.HRUN), h.HRUN, self.kept
        os.unlink(path)
        equal(after, self.before, "hrun's file")


def write_through_init(c, holder, pid="1"):
    """HOLDER keeps the exe of C's init, init executes its program, HOLDER opens what it kept for writing: its lines."""
    with tempfile.TemporaryFile("w+", dir=h.work) as out:

        def lines():
            out.seek(0)
            return out.read().splitlines()

        # Detached: an hrun that waits would be one that runs the file (ETXTBSY).
        command = [h.HRUN, *h.policy("privileged"), "exec", "-d", holder.id, "attack", "hold", f"/proc/{pid}/exe", "/tmp/flag"]
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, check=True)
        eventually(lines, "the first line of the holder")
        equal(c.start().status, 0, "start")
        equal(holder.exec("touch", "/tmp/flag", level="privileged").status, 0, "touch")
        eventually(lambda: len(lines()) == (5 if lines()[0] == "hold ok" else 1), "the last line of the holder")
        return lines()


@test
def hruns_file_through_init_with_ptrace():
    with own_copy():
        with created(powerful("sleep", "1000"), level="privileged") as c:
            lines = write_through_init(c, c)
            equal(lines[0], "hold ok", "init's program can be opened (the attack begins)")
            equal([x for x in lines if x.startswith("write")], ["write EROFS"] * 2, "the file for writing")
            equal([x for x in lines if x.startswith("setattr")], ["setattr EINVAL"] * 2, "the mount's attribute")


@test
def hruns_file_through_init_without_ptrace():
    with own_copy():
        with created(powerful("sleep", "1000", caps=WITHOUT_PTRACE), level="privileged") as c:
            equal(write_through_init(c, c), ["hold EACCES"], "init's program")


@test
def hruns_file_in_a_joined_pid_namespace():
    with own_copy():
        with started(powerful("sleep", "1000"), level="privileged") as pod:
            b = powerful("sleep", "1000").namespace("pid", path=f"/proc/{pod.pid}/ns/pid")
            with created(b, level="privileged") as c:
                pid = h.status_of(c.pid)["NSpid"].split()[-1]
                lines = write_through_init(c, pod, pid)
                equal([x for x in lines if x.startswith("write")], ["write EROFS"] * 2, f"the file for writing in {lines}")


@test
def the_program_is_proc_self_exe():
    with own_copy():
        for program in (["/proc/self/exe", "--version"], ["/proc/self/exe", "list"], ["attack", "exec", "/proc/self/exe"]):
            run(powerful(*program), level="privileged")
        b = powerful("sh", "-c", "exec /proc/self/exe")
        replace = f"{b.root}/bin/script"
        write(replace, "#!/proc/self/exe\n", 0o755)
        b.process["args"] = ["/bin/script"]
        run(b, level="privileged")
        with started(powerful(), level="privileged") as c:
            c.exec("/proc/self/exe", "--version", level="privileged")


@test
def init_cannot_be_looked_into():
    """A second process of the same user and rights, while init is still hrun."""
    for uid in (0, 1000):
        with created(Bundle("true", uid=uid)) as c:
            assert h.forked_no_exec(c.pid), "init executes already"
            r = c.exec("attack", "look", "1")
            equal(r.out.strip(), UNREADABLE, f"uid {uid}: exe root cwd ns fd mem environ maps ptrace")


def frozen(c):
    return f"{h.CGROUP}{read(f'/proc/{c.pid}/cgroup').split('::')[1].strip()}"


class frozen_joiner:
    """A process that exec has just made: frozen before its first instruction, by the container's cgroup."""

    def __init__(self, c, *options, pass_fds=()):
        self.c, self.options, self.pass_fds = c, options, pass_fds

    def __enter__(self):
        self.cgroup = frozen(self.c)
        write(f"{self.cgroup}/cgroup.freeze", "1")
        eventually(lambda: "frozen 1" in read(f"{self.cgroup}/cgroup.events"), "frozen")
        before = set(read(f"{self.cgroup}/cgroup.procs").split())
        self.out = tempfile.TemporaryFile("w+", dir=h.work)
        self.hrun = subprocess.Popen([h.HRUN, "exec", "--ignore-paused", *self.options, self.c.id, "true"], stdin=subprocess.DEVNULL,
                                     stdout=self.out, stderr=subprocess.STDOUT)
        eventually(lambda: set(read(f"{self.cgroup}/cgroup.procs").split()) - before, "the joiner")
        self.pid = (set(read(f"{self.cgroup}/cgroup.procs").split()) - before).pop()
        return self

    def thaw(self):
        write(f"{self.cgroup}/cgroup.freeze", "0")

    def __exit__(self, *_):
        self.thaw()
        self.hrun.kill()
        self.hrun.wait()


def as_powerless_root(path):
    """What uid 0 of the first user namespace without a capability gets: it owns the container's user namespace."""
    code = f"import os\ntry: print(os.readlink({path!r}))\nexcept OSError as e: print(e.strerror)"
    return subprocess.run(["setpriv", "--inh-caps=-all", "--bounding-set=-all", "python3", "-c", code], capture_output=True, text=True).stdout


@test
def a_joiner_of_a_user_namespace_cannot_be_looked_into():
    with started(Bundle().user_namespace()) as c:
        contains(as_powerless_root("/proc/self/exe"), "python", "a powerless process")
        with frozen_joiner(c) as j:
            for name in ("exe", "cwd", "root"):
                equal(as_powerless_root(f"/proc/{j.pid}/{name}").strip(), "Permission denied", name)


class waiting_hook:
    """A create that waits in a hook for as long as the test wants."""

    def __init__(self, bundle, kind="createRuntime", level=None):
        self.flag = tempfile.mktemp(dir=h.work)
        script = f"touch {self.flag}; while [ -e {self.flag} ]; do sleep 0.02; done"
        bundle.c.setdefault("hooks", {})[kind] = [h.hook(kind, script, timeout=60)]
        self.bundle, self.level, self.id = bundle.save(), level, h.new_id()

    def __enter__(self):
        self.hrun = subprocess.Popen([h.HRUN, *(h.policy(self.level) if self.level else []), "create", "-b", self.bundle.path, self.id],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: os.path.exists(self.flag), "the hook")
        self.init = json.loads(read(f"/run/hrun/{self.id}/state.json"))["pid"]
        return self

    def __exit__(self, *_):
        if os.path.exists(self.flag):
            os.unlink(self.flag)
        self.hrun.wait(30)
        equal(h.hrun("delete", "--force", self.id).status, 0, "delete --force")


@test
def an_init_that_builds_cannot_be_looked_into():
    for change in (lambda b: b, lambda b: b.user_namespace()):
        with waiting_hook(change(Bundle("true"))) as w:
            for name in ("exe", "cwd", "root", "fd/3"):
                assert "denied" in as_powerless_root(f"/proc/{w.init}/{name}"), f"{name} of init"


@test
def init_ends_when_the_runtime_is_killed():
    with waiting_hook(Bundle("true")) as w:
        w.hrun.kill()
        eventually(lambda: not os.path.exists(f"/proc/{w.init}"), "init ends without its runtime")


@test
def a_joiner_ends_when_the_runtime_is_killed():
    with started(Bundle()) as c:
        with frozen_joiner(c) as j:
            j.hrun.send_signal(signal.SIGSTOP)  # before it sends anything that it has not sent yet
            j.hrun.kill()
            j.hrun.wait()
            j.thaw()
            eventually(lambda: j.pid not in read(f"{j.cgroup}/cgroup.procs").split() or not h.forked_no_exec(j.pid), "the joiner goes on")
            eventually(lambda: j.pid not in read(f"{j.cgroup}/cgroup.procs").split(), "the joiner ends")


def leaked():
    """Descriptors that a careless caller leaves open: directories of the host, a device, a file."""
    fds = [os.open(p, f) for p, f in (("/", os.O_RDONLY), ("/etc", os.O_PATH), ("/sys/fs/cgroup", os.O_RDONLY), ("/dev/zero", os.O_RDONLY))]
    high = os.dup2(fds[0], 700)
    return fds + [high]


@test
def inherited_descriptors_are_closed():
    fds = leaked()
    try:
        equal(run(Bundle("probe", "fds"), pass_fds=fds).out, "0 1 2 \n", "run")
        with created(Bundle("probe", "fds"), pass_fds=fds) as c:
            c.start()
            eventually(c.printed, "output")
            equal(c.printed(), "0 1 2 \n", "create and start")
        with started(Bundle()) as c:
            equal(c.exec("probe", "fds", pass_fds=fds).out, "0 1 2 \n", "exec")
    finally:
        for fd in fds:
            os.close(fd)


@test
def a_hook_inherits_no_descriptor():
    fds = leaked()
    try:
        b = Bundle("true")
        out = tempfile.mktemp(dir=h.work)
        b.c["hooks"] = {k: [h.hook(k, f"ls /proc/self/fd >>{out}")]
                        for k in ("createRuntime", "createContainer", "poststart", "poststop")}
        equal(run(b, pass_fds=fds).status, 0, "status")
        equal(set(read(out).split()), {"0", "1", "2", "3"}, "descriptors (3 is ls's own)")
    finally:
        for fd in fds:
            os.close(fd)


@test
def the_working_directory_is_a_descriptor_of_the_host():
    """CVE-2024-21626, with descriptors that the caller leaked on top."""
    fds = leaked()
    try:
        with started(Bundle()) as c:
            for n in (*range(3, 24), 700):
                b = Bundle("ls", uid=0)
                b.process["cwd"] = f"/proc/self/fd/{n}"
                r = run(b, pass_fds=fds)
                refused(r, "process.cwd")
                equal(r.out, "", "output")
                refused(c.exec("ls", options=["--cwd", f"/proc/self/fd/{n}"], pass_fds=fds), "process.cwd")
    finally:
        for fd in fds:
            os.close(fd)


@test
def the_working_directory_is_a_link_of_the_image_to_a_descriptor():
    for target in ("/proc/self/fd/8", "/proc/self/cwd", "/proc/1/cwd", "/proc/self/root"):
        b = Bundle("ls")
        attack.replace(b.root, "cwd", target)
        b.process["cwd"] = "/cwd"
        r = run(b)
        assert r.status != 0 or "proc" in r.out.split() and "template" not in r.out, r


@test
def a_directory_as_standard_input():
    fd = os.open("/", os.O_RDONLY)
    try:
        refused(run(Bundle("true"), stdin=fd), "descriptor 0")
        with started(Bundle()) as c:
            refused(c.exec("true", stdin=fd), "descriptor 0")
    finally:
        os.close(fd)


@test
def preserved_descriptors_are_no_directories():
    for path, flags in (("/", os.O_RDONLY), ("/etc/hostname", os.O_PATH)):
        fd = os.open(path, flags)
        os.dup2(fd, 3, inheritable=True) if fd != 3 else None
        refused(run(Bundle("true"), options=["--preserve-fds", "1"], pass_fds=[3]), "flag-preserve-fds")
        os.close(3)
    refused(run(Bundle("true"), options=["--preserve-fds", "4294967295"]))
    refused(run(Bundle("true"), options=["--preserve-fds", "-1"]))


@test
def the_callers_environment_stays_outside():
    env = dict(os.environ, SECRET_OF_CALLER="x", LD_LIBRARY_PATH="/x", NOTIFY_SOCKET="/x", LISTEN_FDS="1")
    names = {"SECRET_OF_CALLER", "LD_LIBRARY_PATH", "NOTIFY_SOCKET", "LISTEN_FDS"}

    def check(text, what):
        # hrun puts a socket of its own in the place of the service manager's.
        seen = {line.partition("=")[0] for line in text.splitlines() if line != "NOTIFY_SOCKET=/run/notify/notify.sock"}
        equal(names & seen, set(), what)

    check(run(Bundle("env"), env=env).out, "run")
    out = tempfile.mktemp(dir=h.work)
    b = Bundle("sleep", "1000")
    b.process["env"] += ["FROM_THE_CONFIG=x", "LD_AUDIT=/x"]
    b.c["hooks"] = {k: [h.hook(k, f"/usr/bin/env >>{out}", env=["OWN=1"])]
                    for k in ("createRuntime", "createContainer", "poststart", "poststop")}
    with started(b, env=env) as c:
        check(c.exec("env", env=env).out, "exec")
        check(c.exec("cat", "/proc/1/environ").out.replace("\0", "\n"), "init")
    text = read(out)
    check(text, "hooks")
    assert "FROM_THE_CONFIG" not in text and "LD_AUDIT" not in text, "the container's environment reached a hook"
    equal(text.count("OWN=1"), 4, "hooks that ran")


attack.main()
