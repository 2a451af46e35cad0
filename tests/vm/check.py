#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/vm/check.py [--release bookworm|trixie] [--lsm none|apparmor|selinux] [--keep] [-j N] [NAME...]

Runs tests of this tree in an emulated machine (machine.py) as tests/run does here, with all controllers of cgroup v2 handed to them.
Without a NAME: WHOLE, two machines at a time (-j), or that part of it which --release and --lsm leave.
The last line is `N passed, N failed, N skipped`.  --keep leaves the guests running.
HRUN_KUBERNETES: a directory called kubernetes with the programs of guest/kubernetes.py, which is then part of WHOLE.
"""
import argparse
import concurrent.futures
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time

from machine import LSM, RELEASES, TESTS, Impossible, Machine, check_host, say

TOP = os.path.dirname(TESTS)
CORE = ("sandbox/cgroup", "sandbox/cgroup_place", "sandbox/controllers", "sandbox/update", "sandbox/living", "sandbox/exec",
        "sandbox/crowd", "sandbox/mounts", "sandbox/namespaces", "sandbox/process", "sandbox/seccomp", "attacks/cgroup")
WHOLE = (("trixie", "none", (*CORE, "vm/guest/scope", "vm/guest/podman", "vm/guest/matrix", "vm/guest/docker", "vm/guest/robust", "vm/guest/verity",
                             "vm/guest/erofs_root", "vm/guest/nspawn", "vm/guest/pods_cri")),
         ("trixie", "apparmor", ("vm/guest/apparmor", "vm/guest/pods", "vm/guest/matrix")),
         # selinux first: podman in its own domain may not open what a log-in's podman (matrix) has left.
         ("trixie", "selinux", ("vm/guest/selinux", "vm/guest/selinux_user", "vm/guest/pods_selinux", "vm/guest/docker_selinux",
                               "vm/guest/matrix")),
         # Linux 6.1 and podman 4.3
         ("bookworm", "none", (*CORE, "sandbox/idmap", "sandbox/time_namespace", "sandbox/doctor", "attacks/credentials", "attacks/kernel",
                               "vm/guest/scope", "vm/guest/podman:life", "vm/guest/podman:memory")))
# What tests in the guest start.
PROGRAMS = ("isolate", "sandbox/probe", "sandbox/hook", "attacks/attack", "engines/pause", "image/layers", "scope/drive")
# Thousands of files that no test in the guest reads.
LEFT_OUT = ("libexec/", "include/", "man/", "tests/corpus", "tests/fuzz/corpus/", "tests/golden/", "tests/image/", "tests/real-configs/",
            "tests/unit/", "tests/vectors/")
BUT = ("tests/image/engine_root.py", "tests/image/engine_store.py")
# A cgroup beside systemd's, which knows nothing of hugetlb, rdma and misc; tests/isolate makes its own beside "runner".
INSIDE = r"""
cd /src/hrun
for cgroup in /sys/fs/cgroup /sys/fs/cgroup/hrun-tests; do
	mkdir -p $cgroup
	for controller in $(cat $cgroup/cgroup.controllers); do echo +$controller >$cgroup/cgroup.subtree_control; done
done
mkdir -p /sys/fs/cgroup/hrun-tests/runner
echo $$ >/sys/fs/cgroup/hrun-tests/runner/cgroup.procs
exec env HRUN_GUEST=1 tests/run "$@"
"""


def host_release():
    with open("/etc/os-release") as f:
        found = re.search(r'^VERSION_CODENAME="?(\w+)', f.read(), re.M)
    return found.group(1) if found else ""


def build(release):
    """The directory of a build whose shared libraries a guest of RELEASE has: this machine's, unless that is newer or no Debian."""
    oldest_first = ("bookworm", "trixie")
    if host_release() in oldest_first[:oldest_first.index(release) + 1]:
        subprocess.run(["make", "-j2", "--no-print-directory", "all", *(f"build/tests/{name}" for name in PROGRAMS)], cwd=TOP, check=True, stdout=sys.stderr)
        return "build"
    raise Impossible(f"a build of {host_release() or 'this machine'} does not run in {release}")


def bring_along(machine, build_directory):
    """The tree as git sees it, and what was built of it, but for what only making it takes."""
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=TOP, stdout=subprocess.PIPE, text=True,
                           check=True).stdout
    files = "".join(f"{name}\n" for name in files.splitlines() if name in BUT or not name.startswith(LEFT_OUT))
    products = "\n".join(f"{build_directory}/{name}" for name in ("hrun", "libexec/hrun", *(f"tests/{name}" for name in PROGRAMS)))
    with tempfile.NamedTemporaryFile("w") as names:
        names.write(files + products)
        names.flush()
        with subprocess.Popen(["tar", "-C", TOP, "-cf", "-", "--exclude=*.[od]", f"--transform=s,^{build_directory}/,build/,", "-T", names.name],
                              stdout=subprocess.PIPE) as tar:
            machine.run(["sh", "-c", "mkdir -p /src/hrun && tar -C /src/hrun -xmf - --no-same-owner"], stdin=tar.stdout, check=True)
    if "HRUN_KUBERNETES" in os.environ:
        machine.put(os.environ["HRUN_KUBERNETES"], "/src")


def run_tests(machine, names, tell=print):
    """tests/run in the guest: [passed, failed, skipped]; TELL is called with each line of its output."""
    process = subprocess.Popen([*machine.ssh(), "--", shlex.join(["sh", "-s", *names])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               errors="replace")
    process.stdin.write(INSIDE)
    process.stdin.close()
    found = None
    for line in process.stdout:
        found = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped\n", line)
        tell(line.rstrip("\n"))
    status = process.wait()
    counts = [int(n) for n in found.groups()] if found else [0, 0, 0]
    if status and not counts[1]:
        tell(f"failed: the tests ended with status {status}")
        counts[1] = 1
    return counts


def check(release, lsm, names, options):
    machine = Machine(release, lsm)
    started = time.monotonic()
    try:
        if isinstance(options.built[release], Impossible):
            raise options.built[release]
        if not machine.pid():
            machine.start()
        bring_along(machine, options.built[release])
        say(f"in Debian's {release}, security modules: {lsm}: {' '.join(names)}")
        prefix = f"{release} {lsm}: " if options.several else ""
        return run_tests(machine, names, lambda line: print(prefix + line, flush=True))
    except Impossible as why:
        print(f"skipped: {release}, {lsm}: {why}")
        return [0, 0, 1]
    except RuntimeError as why:
        print(f"failed: {release}, {lsm}: {why}")
        return [0, 1, 0]
    finally:
        say(f"{release}, {lsm}: {time.monotonic() - started:.0f} s")
        if not options.keep:
            machine.stop()


def check_all(machines, options):
    """[passed, failed, skipped] of all MACHINES, each of which is (release, lsm, names)."""
    options.several, options.built = len(machines) > 1, {}
    for release in {row[0] for row in machines}:
        try:
            options.built[release] = build(release)
        except Impossible as why:
            options.built[release] = why
    with concurrent.futures.ThreadPoolExecutor(options.j) as pool:
        results = [pool.submit(check, *row, options) for row in machines]
        return [sum(column) for column in zip(*(result.result() for result in results))]


def chosen(options):
    """[(release, lsm, names)]"""
    if options.names:
        return [(options.release or "trixie", options.lsm or "none", options.names)]
    more = ("vm/guest/kubernetes",) if "HRUN_KUBERNETES" in os.environ else ()
    whole = [(*WHOLE[0][:2], (*WHOLE[0][2], *more)), *WHOLE[1:]]
    return [row for row in whole if options.release in (None, row[0]) and options.lsm in (None, row[1])]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", choices=RELEASES)
    parser.add_argument("--lsm", choices=LSM)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("-j", type=int, default=2)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    machines = chosen(options)
    if not machines:
        parser.error("nothing is tested on such a machine; name a test")
    try:
        check_host()
    except Impossible as why:
        print(f"skipped: {why}\n0 passed, 0 failed, 1 skipped")
        return 0
    passed, failed, skipped = check_all(machines, options)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
