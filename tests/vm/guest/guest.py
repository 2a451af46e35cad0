# SPDX-License-Identifier: Apache-2.0
"""guest.py - what the tests inside an emulated machine (tests/vm) share: commands, the ordinary user, hrun installed, an image, cases."""
import contextlib
import fcntl
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

TOP = os.environ.get("TOP") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, f"{TOP}/tests/engines")
from engine import make_image  # noqa: E402

HRUN = "/usr/local/bin/hrun"
USER = "dev"
ENFORCE = "/sys/fs/selinux/enforce"
FILE_LABEL = "system_u:object_r:container_file_t:s0"
SECONDS = 120  # until what has to happen must have happened, on an emulated machine that others keep busy


def run(*command, user=None, seconds=600):
    """(exit status, output) of COMMAND."""
    if user:
        command = ["runuser", "-u", user, "--", "env", *session_of(user), *command]
    # A file and no pipe: what a container inherits must not keep us waiting.
    with tempfile.TemporaryFile("w+", errors="replace") as out:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd="/", timeout=seconds).returncode
        out.seek(0)
        return status, out.read().strip()


def sh(*command, user=None, check=True):
    """The output of COMMAND, which must end with status 0 unless CHECK is false."""
    status, text = run(*command, user=user)
    if check and status != 0:
        raise AssertionError(f"{' '.join(command)}: status {status}: {text}")
    return text


def uid_of(user):
    return int(subprocess.run(["id", "-u", user], stdout=subprocess.PIPE, text=True, check=True).stdout)


def session_of(user):
    runtime = f"/run/user/{uid_of(user)}"
    return [f"XDG_RUNTIME_DIR={runtime}", f"DBUS_SESSION_BUS_ADDRESS=unix:path={runtime}/bus"]


def equal(got, expected, what):
    if got != expected:
        raise AssertionError(f"{what}: got {got!r}, expected {expected!r}")


def equal_of_three(ask, expected, what):
    """For what an engine reads in a cgroup after its last process: systemd may have removed that first, whichever runtime it is."""
    told = []
    while expected not in told and len(told) < 3:
        told.append(ask())
    equal(told[-1], expected, f"{what}, {len(told)} times")


def holds(text, part, what):
    if part not in text:
        raise AssertionError(f"{what}: {part!r} is not in {text!r}")


def wait_for(condition, what):
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {SECONDS} s")
        time.sleep(0.2)


def read(path):
    with open(path) as f:
        return f.read().strip()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def cgroup_of(pid):
    """The directory of the cgroup of process PID."""
    return "/sys/fs/cgroup" + read(f"/proc/{pid}/cgroup").partition("::")[2]


def limits(cgroup):
    return [read(f"{cgroup}/{name}") for name in ("memory.max", "pids.max", "cpu.max")]


def properties(unit, *names, user=None):
    """What systemd says of UNIT."""
    manager = ["--user"] if user else []
    lines = sh("systemctl", *manager, "show", unit, *(f"--property={n}" for n in names), user=user).splitlines()
    return dict(line.partition("=")[::2] for line in lines)


def cgroups_left(*words):
    """Cgroups whose name holds one of WORDS."""
    return [path for path, _, _ in os.walk("/sys/fs/cgroup") if any(word in os.path.basename(path) for word in words)]


# ---- SELinux, where it is on ----

def selinux_is_on():
    return os.path.exists(ENFORCE)


def label_of(path):
    return os.getxattr(path, "security.selinux", follow_symlinks=False).decode().strip("\0\n ")


def set_label(path, label):
    os.setxattr(path, "security.selinux", label.encode() + b"\0", follow_symlinks=False)


def label_tree(top, label):
    set_label(top, label)
    for directory, directories, files in os.walk(top):
        for name in directories + files:
            set_label(f"{directory}/{name}", label)


def enforce(on):
    with open(ENFORCE, "w") as f:
        f.write("1" if on else "0")


def allow_logins():
    """contrib's module: containers of engines that are started from a log-in."""
    if "hrun-rootless" not in sh("semodule", "-l").split():
        sh("semodule", "-i", f"{TOP}/contrib/selinux/hrun-rootless.cil")


def install(*names):
    """hrun, under further NAMES as well, and its programs where engines look for them, labelled as contrib/selinux/hrun.fc says."""
    for name in ("hrun", *names):
        shutil.copy(os.environ.get("HRUN", f"{TOP}/build/hrun"), f"/usr/local/bin/{name}")
    shutil.copytree(f"{TOP}/build/libexec/hrun", "/usr/local/libexec/hrun", dirs_exist_ok=True)
    if selinux_is_on():
        for name in ("hrun", *names):
            set_label(f"/usr/local/bin/{name}", label_of("/usr/bin/crun"))
        label_tree("/usr/local/libexec/hrun", label_of("/usr/bin/env"))


def bundle(path, *args, resources=None, change=None, **process):
    """A bundle of busybox that runs ARGS; PROCESS are members of the config's process that are not None."""
    os.makedirs(path)
    make_image(f"{path}/rootfs")
    sh(HRUN, "spec", "-b", path)
    with open(f"{path}/config.json") as f:
        config = json.load(f)
    config["process"].update(args=list(args), terminal=False, **{name: value for name, value in process.items() if value is not None})
    config["linux"].setdefault("resources", {}).update(resources or {})
    if change:
        change(config)
    write(f"{path}/config.json", json.dumps(config))
    return path


def archive(path):
    """The image's files as the archive PATH, for `podman import` and `docker import`."""
    with tempfile.TemporaryDirectory() as directory:
        make_image(f"{directory}/root")
        sh("tar", "-C", f"{directory}/root", "-cf", path, ".")
    os.chmod(path, 0o644)
    return path


class Podman:
    """podman with hrun and one of the two cgroup drivers, as root or as USER; its image is "bb"."""

    def __init__(self, work, driver, user=None):
        self.user, self.driver, self.conf = user, driver, f"{work}/containers-{driver}.conf"
        write(self.conf, '[containers]\nlabel = false\n'  # SELinux is another test's matter
              f'[engine]\nruntime = "{HRUN}"\ncgroup_manager = "{driver}"\nruntime_supports_json = ["hrun"]\n'
              '[network]\nfirewall_driver = "iptables"\n')
        if not os.path.exists(f"{work}/image.tar"):
            archive(f"{work}/image.tar")
        if not self.run("image", "exists", "bb")[0] == 0:
            self("import", "-q", f"{work}/image.tar", "bb")

    def run(self, *words):
        """(exit status, output)"""
        return run("env", f"CONTAINERS_CONF={self.conf}", "podman", *words, user=self.user)

    def __call__(self, *words):
        return sh("env", f"CONTAINERS_CONF={self.conf}", "podman", *words, user=self.user)

    def start(self, *words):
        """The id of a container in the background."""
        return self("run", "-d", *words).splitlines()[-1]

    def inspect(self, container, form):
        return self("inspect", "--format", form, container)


@contextlib.contextmanager
def work_directory(name):
    path = tempfile.mkdtemp(prefix=f"hrun-{name}-", dir="/srv")
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def seal(path, algorithm=1):
    """fs-verity, as `fsverity enable` gives it: 1 is SHA-256, 2 is SHA-512."""
    enable = 0x40806685  # FS_IOC_ENABLE_VERITY
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, enable, struct.pack("<IIIIQIIQ88x", 1, algorithm, 4096, 0, 0, 0, 0, 0))
    finally:
        os.close(fd)


class Disk:
    """A file with an ext4 that knows fs-verity, mounted at TOP."""

    def __init__(self, path, top, mebibytes):
        self.path, self.top = path, top
        os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), mebibytes << 20)
        sh("mkfs.ext4", "-q", "-F", "-b", "4096", "-O", "verity,^has_journal", path)
        os.makedirs(top, exist_ok=True)
        self.attach()

    def attach(self):
        sh("mount", "-o", "loop,noatime", self.path, self.top)

    @contextlib.contextmanager
    def detached(self):
        """The disk, and nobody who has anything of it in memory."""
        sh("umount", self.top)
        yield
        self.attach()

    def remove(self):
        sh("umount", self.top, check=False)
        os.unlink(self.path)


def need_machine():
    """Ends the test unless this is a machine of its own, with systemd as process 1."""
    if "HRUN_GUEST" not in os.environ or read("/proc/1/comm") != "systemd" or os.geteuid() != 0:
        print("needs an emulated machine with systemd (make check-vm)")
        sys.exit(77)
    install()


def chosen(cases):
    """Those of CASES that the command line's words name: all of them without a word."""
    return [case for case in cases if not sys.argv[1:] or any(word in case[0] for word in sys.argv[1:])]


def play(cases):
    """Each of CASES is (name, function, arguments...), those that are not chosen are left out: the exit status of the test."""
    cases = chosen(cases)
    if not cases:
        print(f"not ok - no case is called {' or '.join(sys.argv[1:])}")
    failed = not cases
    for name, function, *arguments in cases:
        started = time.monotonic()
        try:
            function(*arguments)
            print(f"ok - {name} ({time.monotonic() - started:.0f} s)", flush=True)
        except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as e:
            failed = True
            print(f"not ok - {name}: {type(e).__name__} {e}", flush=True)
    return int(failed)
