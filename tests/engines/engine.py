# SPDX-License-Identifier: Apache-2.0
"""engine.py - what the engines' tests share: a Debian tree for each release, commands in it, what they must give."""
import contextlib
import os
import re
import shlex
import shutil
import subprocess

TOP = os.environ.get("TOP", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

# podman's; what is behind "runtime" is the default.
CONTAINERS_CONF = """
[containers]
pids_limit = 0
netns = "none"
default_ulimits = ["nofile=1000:1000", "nproc=1000:1000"]
[engine]
runtime = "%(runtime)s"
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime_supports_json = ["hrun", "crun"]
runtime_supports_nocgroup = ["hrun", "crun"]
[engine.runtimes]
hrun = ["/usr/local/bin/hrun"]
crun = ["/usr/bin/crun"]
"""


def sh(command, stdin=subprocess.DEVNULL):
    p = subprocess.run(["sh", "-c", command], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                       timeout=120)
    return p.returncode, p.stdout


SID = 99


def release():
    """12, 13, or SID: inside the tree."""
    found = re.search(r'VERSION_ID="?(\d+)', open("/etc/os-release").read())
    return int(found.group(1)) if found else SID


USER, HOME = "dev", "/home/dev"


def as_user(command):
    """sh() as an ordinary user with a session of his own, after make_user()."""
    return sh(f"runuser -u {USER} -- env -i HOME={HOME} XDG_RUNTIME_DIR=/run/user/1000 PATH=/usr/local/bin:/usr/bin:/bin TERM=xterm"
              f" sh -c {shlex.quote('cd; ' + command)}")


def make_user():
    """An ordinary user with subordinate ids and a runtime directory."""
    subprocess.run(["useradd", "-m", "-u", "1000", "-s", "/bin/sh", USER], check=True)
    for path in ("/etc/subuid", "/etc/subgid"):
        with open(path, "w") as f:
            f.write(f"{USER}:100000:65536\n")
    os.makedirs("/run/user/1000", 0o700)
    os.chown("/run/user/1000", 1000, 1000)


def make_image(root):
    """The files of an image: busybox under all its names."""
    for directory in ("bin", "etc", "tmp", "proc", "sys", "dev"):
        os.makedirs(f"{root}/{directory}")
    shutil.copy("/bin/busybox", f"{root}/bin/busybox")
    for name in subprocess.run(["/bin/busybox", "--list"], stdout=subprocess.PIPE, text=True).stdout.split():
        if name != "busybox":
            os.symlink("busybox", f"{root}/bin/{name}")
    with open(f"{root}/etc/passwd", "w") as f:
        f.write("root:x:0:0:root:/root:/bin/sh\n")


def report(good, name, why=""):
    print(f"{'ok' if good else 'not ok'} - {name}" + ("" if good else f": {why}"), flush=True)
    return good


def expected(results, want):
    """Why the RESULTS of a case's commands are not what it WANTs of the last one: (status, regex) or None; "" where they are."""
    if want is None:
        return ""
    status, pattern = want
    got_status, got = results[-1]
    if got_status != status:
        return f"exit status {got_status}, expected {status}: {got.strip()[-300:]}"
    if pattern and not any(re.search(pattern, out.strip(), re.M) for out in ("".join(out for _, out in results), got)):
        return f"/{pattern}/ does not match {got.strip()[-300:]!r}"
    return ""


def image_program_runs():
    """Can this tree run hrun-image?  It has shared libraries, and one that was built in a newer release wants newer ones than an older has."""
    found = subprocess.run(["/usr/local/libexec/hrun/hrun-image", "x"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={})
    if found.returncode != 2:
        print(f"hrun-image of this build does not run in Debian {release()}: {found.stdout.strip().splitlines()[0][-120:] if found.stdout.strip() else found.returncode}")
    return found.returncode == 2


def play(commands, want, run=sh):
    """The (status, output) of each command of a case.

    conmon reads a program's output before it takes in the client that attached, and what was read then reaches its log but not the client: under load a
    program that ends at once seems to have written nothing (measured with podman 4.3: 1 of 150, and `podman logs` had it).  So a case of
    one command that ends as it should without the output that it should have is played once more.
    """
    results = [run(command) for command in commands]
    # A case that expects no text is compared with crun's: its silence may be right, and is then the same again.
    silent = len(commands) == 1 and not results[0][1]
    status, pattern = want or (0, None)
    if silent and results[0][0] == status and (pattern is None or expected(results, want)):
        results = [run(commands[0])]
    return results


class Results:
    """What a test has found so far; each of its lines begins with PREFIX.  COMMAND is sh, or as_user."""

    def __init__(self, prefix, command=sh):
        self.prefix, self.command, self.good = prefix, command, True

    def check(self, right, name, why=""):
        self.good &= report(bool(right), self.prefix + name, why)

    def run(self, command, name, status, text=""):
        got, out = play([command], (status, re.escape(text)), self.command)[0]
        self.check(got == status and text in out, name, f"exit status {got}, expected {status} and {text!r}: {out.strip()[-500:]}")


@contextlib.contextmanager
def kept(path):
    """Whatever is done to the file or directory PATH is undone."""
    copy = "/root/kept-" + str(abs(hash(path)))
    sh(f"rm -rf {copy}; cp -a '{path}' {copy}")
    try:
        yield
    finally:
        sh(f"rm -rf '{path}'; cp -a {copy} '{path}'")


def outside(script, *options):
    """Unpacks the tree, brings hrun along, and runs SCRIPT again inside."""
    tree = f"{os.environ['BUILD']}/tree-{os.path.basename(os.environ['TREE'])}-{os.getpid()}"
    os.makedirs(tree)
    try:
        subprocess.run(["tar", "-xf", os.environ["TREE"], "-C", tree, "--exclude=./dev/*"], check=True)
        shutil.copy(os.environ["HRUN"], f"{tree}/usr/local/bin/hrun")
        shutil.copytree(f"{os.environ['BUILD']}/libexec/hrun", f"{tree}/usr/local/libexec/hrun")
        return subprocess.run([f"{TOP}/build/tests/isolate", *options, "--root", tree, "--", "python3", os.path.abspath(script), "--inside"],
                              cwd=TOP).returncode
    finally:
        shutil.rmtree(tree, ignore_errors=True)
