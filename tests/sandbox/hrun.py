# SPDX-License-Identifier: Apache-2.0
"""hrun.py - what the sandbox tests share: bundles, verbs, and the kernel's view of a container.

A test is a function with @test: its name is the result's name, an AssertionError its failure, Skip its skip.  After each one nothing may
be left behind: processes, mounts, cgroups and state files are counted by the kernel, before and after.
"""
import contextlib
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

TOP = os.environ.get("TOP") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD") or f"{TOP}/build"
HRUN = os.environ.get("HRUN") or f"{BUILD}/hrun"
CGROUP = "/sys/fs/cgroup"
APPLETS = """[ awk cat chmod chown cp cut dd dirname domainname echo env false find grep head hostname id ifconfig ip kill ln ls mkdir mknod
mount mv nc nproc od printf ps pwd readlink rm sed sh sleep sort stat stty sync tail tee test touch tr true tty umask umount uname
unshare wc xargs""".split()
# A user namespace that is a machine with a tree of its own, as LXC's: "/", /etc and /run are its root's.
OWN_MACHINE = ["unshare", "--user", "--map-root-user", "--mount", "--", "sh", "-ec", """
mount -t tmpfs -o mode=0755 machine /mnt
for entry in /*; do
	if [ -L "$entry" ]; then cp -P "$entry" /mnt; fi
	[ -d "$entry" ] && [ ! -L "$entry" ] || continue
	mkdir "/mnt$entry"
	case $entry in /etc | /mnt | /run) ;; *) mount --rbind "$entry" "/mnt$entry" ;; esac
done
cd /mnt
pivot_root . .
umount -l .
exec "$@" """, "sh"]

PATIENCE = 10 if "HRUN_GUEST" in os.environ else 1  # an emulated machine is that much slower

tests = []
_numbers = iter(range(1, 1 << 30))
_live = []  # ids of containers that a failing test may leave
work = None


class Skip(Exception):
    pass


def controllers():
    return read(f"{CGROUP}/cgroup.controllers").split()


def need(controller):
    if controller not in controllers():
        raise Skip(f"no {controller} controller on cgroup2 here")


def need_for_all(*names):
    """The whole file is one skip where one of these controllers is missing."""
    missing = [name for name in names if name not in controllers()]
    if missing:
        print(f"no {missing[0]} controller on cgroup2 here; tests/run uml has a kernel with it")
        sys.exit(77)


def disk():
    """(major, minor) of a disk that can be limited."""
    for path in sorted(glob.glob("/sys/block/*/dev")):
        if not re.match(r"/sys/block/(loop|ram|zram|nbd|dm-|md|sr|fd)", path):
            return [int(n) for n in read(path).split(":")]
    raise Skip("no disk here")


def test(function):
    tests.append(function)
    return function


def equal(actual, expected, what=""):
    assert actual == expected, f"{what + ': ' if what else ''}got {actual!r}, expected {expected!r}"


def contains(text, part, what=""):
    assert part in text, f"{what + ': ' if what else ''}{part!r} is not in {text!r}"


@contextlib.contextmanager
def host_tmpfs(*options):
    """A file system of the test's own, to be bound into containers."""
    path = tempfile.mkdtemp(dir=work)
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(("mode=755",) + options), "test", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-R", path], check=True)
        os.rmdir(path)


def eventually(condition, what, pause=0.025):
    """True as soon as the condition is; ten seconds without it are a failure (of a real machine).  A shorter PAUSE (seconds) is for what does not last."""
    for _ in range(int(PATIENCE * 10 / pause)):
        if condition():
            return
        time.sleep(pause)
    raise AssertionError(f"never happened: {what}")


# ---- bundles ----


def _helper(name):
    return shutil.copy(f"{TOP}/build/tests/sandbox/{name}", work)


def _make_template():
    root = f"{work}/template"
    for d in ("bin", "proc", "sys", "dev", "etc", "tmp", "run", "root", "home/user", "var/tmp", "data"):
        os.makedirs(f"{root}/{d}")
    shutil.copy(shutil.which("busybox"), f"{root}/bin/busybox")
    for name in APPLETS:
        os.link(f"{root}/bin/busybox", f"{root}/bin/{name}")
    shutil.move(_helper("probe"), f"{root}/bin/probe")
    shutil.copy(_helper("hook"), f"{root}/bin/hook")
    write(f"{root}/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:u:/home/user:/bin/sh\n")
    write(f"{root}/etc/group", "root:x:0:\nuser:x:1000:\n")
    os.chmod(root, 0o755)


def hook(kind, script, **more):
    """A hook that runs SCRIPT: on the host in its shell, startContainer in the container's."""
    path = "/bin/hook" if kind == "startContainer" else f"{work}/hook"
    return {"path": path, "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"], **more}


def write(path, text, mode=None):
    with open(path, "w") as f:
        f.write(text)
    if mode is not None:
        os.chmod(path, mode)


def read(path):
    with open(path) as f:
        return f.read()


_base = None


def base_config():
    """What `hrun spec` writes."""
    global _base
    if _base is None:
        os.makedirs(f"{work}/spec")
        subprocess.run([HRUN, "spec", "-b", f"{work}/spec"], check=True, stderr=subprocess.DEVNULL)
        _base = read(f"{work}/spec/config.json")
    return json.loads(_base)


class Bundle:
    """A directory with config.json and rootfs; .c is the config, saved when it is used."""

    def __init__(self, *args, change=None, uid=None, caps=None):
        self.path = f"{work}/bundle{next(_numbers)}"
        self.root = f"{self.path}/rootfs"
        shutil.copytree(f"{work}/template", self.root, copy_function=os.link, symlinks=True)
        self.c = base_config()
        self.process = self.c["process"]
        if args:
            self.process["args"] = list(args)
        if uid is not None:
            self.process["user"].update(uid=uid, gid=uid)
        if caps is not None:
            self.process["capabilities"] = {k: list(caps) for k in ("bounding", "permitted", "effective")}
        if change:
            change(self.c)

    @property
    def linux(self):
        return self.c["linux"]

    def mount(self, destination, kind=None, source=None, options=()):
        self.c["mounts"].append({k: v for k, v in dict(destination=destination, type=kind, source=source, options=list(options)).items()
                                 if v is not None})
        return self

    def without_limits(self):
        """`hrun spec` writes some where the host can give them."""
        self.linux["resources"] = {"devices": self.linux["resources"]["devices"]}
        return self

    def without_mount(self, destination):
        self.c["mounts"] = [m for m in self.c["mounts"] if m["destination"] != destination]
        return self

    def namespace(self, kind, **entry):
        """Put the entry in place of the one of that type; path=False removes it."""
        self.linux["namespaces"] = [n for n in self.linux["namespaces"] if n["type"] != kind]
        if entry.get("path") is not False:
            self.linux["namespaces"].append({"type": kind, **entry})
        return self

    def user_namespace(self, base=100000, size=65536):
        self.namespace("user")
        self.linux["uidMappings"] = self.linux["gidMappings"] = [{"containerID": 0, "hostID": base, "size": size}]
        return self

    def save(self):
        write(f"{self.path}/config.json", json.dumps(self.c))
        return self


# ---- verbs ----


def odd_bundle():
    """One that has a device of its own, which no rule lets it open."""
    b = Bundle("sleep", "1000")
    b.linux["devices"] = [{"type": "c", "path": "/dev/odd", "major": 239, "minor": 7, "fileMode": 0o666}]
    return b


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __repr__(self):
        return f"<status {self.status} out {self.out!r} err {self.err!r}>"


def policy(level):
    """A level, or the members of a policy file."""
    members = level if isinstance(level, dict) else {"level": level}
    path = "/run/policy-" + (level if isinstance(level, str) else f"{hash(json.dumps(level)):x}") + ".json"
    if not os.path.exists(path):
        write(path, json.dumps({"format": 1, **members}), 0o644)
    return ["--policy", path]


def days_from_now(days):
    """A date as policy files have them."""
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400 * days))


def hrun(*args, level=None, stdin=None, env=None, cwd=None, pass_fds=(), prefix=()):
    """Run the command.  Output goes to files: what a container inherits must not keep us waiting."""
    with tempfile.TemporaryFile("w+", dir=work) as out, tempfile.TemporaryFile("w+", dir=work) as err:
        command = [*prefix, HRUN, *(policy(level) if level else []), *args]
        p = subprocess.Popen(command, stdin=stdin or subprocess.DEVNULL, stdout=out, stderr=err, env=env, cwd=cwd, pass_fds=pass_fds)
        status = p.wait(60 * PATIENCE)
        out.seek(0)
        err.seek(0)
        return Result(status, out.read(), own_words(err.read()))


def own_words(text):
    """A process that exits on the borrowed stack makes AddressSanitizer talk; that is not hrun's output."""
    noise = ("==WARNING: ASan is ignoring", "False positive error reports", "sanitizers/issues/189")
    return "".join(line for line in text.splitlines(True) if not any(n in line for n in noise))


def new_id():
    return f"t{next(_numbers)}"


def run(bundle, *args, level=None, options=(), **more):
    """A whole foreground `hrun run`."""
    bundle.save()
    if args:
        bundle.process["args"] = list(args)
        bundle.save()
    return hrun("run", "-b", bundle.path, *options, new_id(), level=level, **more)


def output(bundle, *args, **more):
    """What one command prints in the container; it must succeed."""
    r = run(bundle, *args, **more)
    equal(r.status, 0, f"exit status, stderr {r.err!r}")
    return r.out


class Container:
    def __init__(self, bundle, name):
        self.bundle, self.id = bundle, name
        self.out, self.err = f"{work}/{name}.out", f"{work}/{name}.err"

    def hrun(self, verb, *args, **more):
        return hrun(verb, *args, **more)

    def create(self, *options, level=None, pass_fds=(), env=None):
        self.bundle.save()
        _live.append(self.id)
        command = [HRUN, *(policy(level) if level else []), "create", "-b", self.bundle.path, *options, self.id]
        with open(self.out, "w") as out, open(self.err, "w") as err:
            status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, pass_fds=pass_fds, env=env,
                                    timeout=60 * PATIENCE).returncode
        return Result(status, read(self.out), read(self.err))

    def start(self):
        return hrun("start", self.id)

    def exec(self, *args, options=(), **more):
        return hrun("exec", *options, self.id, *args, **more)

    def state(self):
        r = hrun("state", self.id)
        equal(r.status, 0, f"exit status of state, {r.err!r}")
        return json.loads(r.out)

    @property
    def pid(self):
        return self.state()["pid"]

    def printed(self):
        return read(self.out)

    def remove(self):
        r = hrun("delete", "--force", self.id)
        if self.id in _live:
            _live.remove(self.id)
        return r


@contextlib.contextmanager
def created(bundle, *options, **more):
    c = Container(bundle, new_id())
    try:
        r = c.create(*options, **more)
        equal(r.status, 0, f"exit status of create, stderr {r.err!r}")
        equal((r.out, r.err), ("", ""), "output of create")
        yield c
    finally:
        r = c.remove()
    equal((r.status, r.out, r.err), (0, "", ""), "delete --force")


@contextlib.contextmanager
def started(bundle, *options, **more):
    """A running container; its program is `sleep` where the bundle names none."""
    if bundle.process["args"] == ["sh"]:
        bundle.process["args"] = ["sleep", "1000"]
    with created(bundle, *options, **more) as c:
        r = c.start()
        equal((r.status, r.out, r.err), (0, "", ""), "start")
        yield c


# ---- the kernel's view ----


def status_of(pid):
    """/proc/PID/status as a dictionary."""
    return {k: v.strip() for k, _, v in (line.partition(":") for line in read(f"/proc/{pid}/status").splitlines())}


def has_ended(pid):
    try:
        return status_of(pid)["State"][0] == "Z"
    except (FileNotFoundError, ProcessLookupError):  # reaped, perhaps while we read
        return True


def namespace_of(pid, kind):
    return os.readlink(f"/proc/{pid}/ns/{kind}")


def forked_no_exec(pid):
    """PF_FORKNOEXEC: it has not executed a program yet."""
    return bool(int(read(f"/proc/{pid}/stat").rpartition(")")[2].split()[6]) & 0x40)


def unescape(text):
    return text.encode().decode("unicode_escape") if "\\" in text else text


class Mount:
    def __init__(self, line):
        left, _, right = line.partition(" - ")
        words = left.split()
        self.id, self.parent, self.device, self.root, self.point = words[0], words[1], words[2], unescape(words[3]), unescape(words[4])
        self.attributes = set(words[5].split(","))
        self.optional = [w.split(":")[0] for w in words[6:]]
        self.type, self.source, data = (right.split(" ") + [""])[:3]
        self.data = set(data.split(","))

    def __repr__(self):
        return f"{self.point} {self.type} {sorted(self.attributes)} {self.optional}"


def mounts_of(pid, text=None):
    """{mount point: Mount}; of several on one point, the topmost."""
    text = read(f"/proc/{pid}/mountinfo") if text is None else text
    return {m.point: m for m in map(Mount, text.splitlines())}


def mounts_in(bundle, **more):
    return mounts_of(0, output(bundle, "cat", "/proc/self/mountinfo", **more))


def environment_of(pid):
    return read(f"/proc/{pid}/environ").split("\0")[:-1]


CAPABILITIES = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE
SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM
BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()


def mask_of(names):
    return sum(1 << CAPABILITIES.index(n.removeprefix("CAP_")) for n in names)


def sets_of(pid):
    s = status_of(pid)
    return {k: int(s[v], 16) for k, v in (("inheritable", "CapInh"), ("permitted", "CapPrm"), ("effective", "CapEff"),
                                          ("bounding", "CapBnd"), ("ambient", "CapAmb"))}


# ---- nothing is left behind ----


def _processes():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            text = read(f"/proc/{pid}/stat")
            if text.rpartition(")")[2].split()[0] != "Z":
                found.append(pid)
    return found


def _tree(path):
    return sorted(os.path.join(d, n) for d, subdirs, files in os.walk(path) for n in subdirs + files)


def kernel_view():
    cgroups = sorted(d for d, _, _ in os.walk(CGROUP))
    state = [p for p in _tree("/run") if not p.startswith(("/run/policy-", "/run/hrun-cache", "/run/mount")) and p != "/run/hrun"]
    return {"processes": _processes(), "mounts": sorted(read("/proc/self/mountinfo").splitlines()), "cgroups": cgroups, "state": state}


def difference(before, after):
    return {k: sorted(set(after[k]) ^ set(before[k])) for k in before if set(after[k]) != set(before[k])}


def nothing_left(before):
    """Processes may need a moment to die after their cgroup was killed."""
    last = {}
    for _ in range(200 * PATIENCE):
        last = difference(before, kernel_view())
        if not last:
            return
        time.sleep(0.025)
    raise AssertionError(f"left behind or taken away: {json.dumps(last)[:1500]}")


@contextlib.contextmanager
def unchanged():
    before = kernel_view()
    yield
    nothing_left(before)


# ---- the runner ----


def _clean_up():
    for name in list(_live):
        hrun("delete", "--force", name)
        _live.remove(name)


def _run_one(function):
    name = function.__name__.replace("_", " ")
    before = kernel_view()
    try:
        function()
        nothing_left(before)
    except Skip as why:
        print(f"skip - {name}: {why}")
    except Exception as e:  # a test that stops is a failure, whatever stopped it
        place = traceback.extract_tb(e.__traceback__)
        lines = [f"{os.path.basename(f.filename)}:{f.lineno}" for f in place if "/sandbox/" in f.filename]
        text = str(e) if isinstance(e, AssertionError) else f"{type(e).__name__}: {e}"
        print(f"not ok - {name}: {text} ({' '.join(lines)})".replace("\n", "\\n"))
        _clean_up()
        return False
    else:
        print(f"ok - {name}")
    finally:
        sys.stdout.flush()
    return True


def main():
    global work
    words = sys.argv[1:]
    wanted = [f for f in tests if not words or any(w in f.__name__ for w in words)]
    failed = 0 if wanted else 1
    os.makedirs("/run/hrun", 0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(dir="/var/lib" if os.path.isdir("/var/lib") else "/tmp") as work:
        os.chmod(work, 0o755)
        _make_template()
        for function in wanted:
            if not (failed and os.environ.get("FIRST")):
                failed += not _run_one(function)
    sys.exit(1 if failed else 0)
