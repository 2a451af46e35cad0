# SPDX-License-Identifier: Apache-2.0
"""uml.py - run a test under a kernel of its own that is an ordinary process: User Mode Linux, from Debian sid.

It has what most hosts lack, a cgroup2 with cpu, memory, pids and io, and starts in two seconds; it has no cpuset, hugetlb, rdma and misc,
no systemd, one processor and no Landlock (tests/vm has a machine with all of that, far slower).  The root is a Debian tree under
build/tests/isolate, seen through hostfs; what needs a real file system gets a tmpfs.
"""
import glob
import os
import signal
import subprocess
import sys

TOP = os.environ.get("TOP", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, f"{TOP}/tests/engines")
from engine import outside  # noqa: E402

CGROUP = "/sys/fs/cgroup"
BOOTED = "the kernel runs here"
THE_END = "the kernel was left as it should be"


def boot(script):
    """Starts the kernel with SCRIPT --init as its first process, passes its output on.  0: it came to the script's own end; 77: no such kernel here."""
    disk = "/tmp/disk"
    with open(disk, "wb") as f:
        f.truncate(16 << 20)
    process = subprocess.Popen(["linux.uml", "mem=1500M", "rootfstype=hostfs", "rootflags=/", "rw", f"ubd0={disk}", "con=null", "con0=null,fd:1",
                                "quiet", "loglevel=3", "init=/usr/bin/python3", "--", "-B", os.path.abspath(script), "--init", TOP,
                                os.environ["BUILD"]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace")
    seen = []
    for line in process.stdout:
        seen += [mark for mark in (BOOTED, THE_END) if mark in line]
        print(line.rstrip(), flush=True)
    process.wait()
    if BOOTED not in seen:
        print("User Mode Linux does not run here")
        return 77
    return 0 if THE_END in seen else 1


def set_up():
    os.environ.update(PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", HOME="/root", LC_ALL="C.UTF-8", TOP=TOP,
                      BUILD=sys.argv[3], TESTS=f"{TOP}/tests", HRUN=f"{sys.argv[3]}/hrun", HRUN_GUEST="1",
                      PYTHONDONTWRITEBYTECODE="1")
    # nsdelegate: as systemd mounts it
    for kind, place, *options in (("proc", "/proc"), ("sysfs", "/sys"), ("cgroup2", CGROUP, "-onsdelegate"), ("devpts", "/dev/pts"), ("tmpfs", "/dev/shm"), ("tmpfs", "/tmp"), ("tmpfs", "/run"),
                        ("tmpfs", "/root"), ("tmpfs", "/var/lib/containers")):
        os.makedirs(place, exist_ok=True)
        subprocess.run(["mount", "-t", kind, *options, kind, place], check=True)
    subprocess.run(["insmod", *glob.glob("/usr/lib/uml/modules/*/kernel/fs/overlayfs/overlay.ko*")], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with open(f"{CGROUP}/cgroup.controllers") as f:
        for controller in f.read().split():
            with open(f"{CGROUP}/cgroup.subtree_control", "w") as control:
                control.write(f"+{controller}")
    os.chdir(TOP)


def first_process(run):
    """Sets up, reaps whatever ends, and turns the kernel off after RUN, which is a child's."""
    print(BOOTED, flush=True)
    set_up()
    child = os.fork()
    if not child:
        run()
        print(THE_END, flush=True)
        os._exit(0)
    while os.wait()[0] != child:
        pass
    with open("/proc/sysrq-trigger", "w") as f:
        f.write("o")
    while True:
        signal.pause()


def main(script, run):
    """RUN is what the kernel is started for; it prints `ok - ` and `not ok - ` lines."""
    if sys.argv[1:2] == ["--init"]:
        first_process(run)
    sys.exit(boot(script) if sys.argv[1:2] == ["--inside"] else outside(script))
