#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/vm/check.py [--release trixie|bookworm] [--lsm none|apparmor|selinux] [--keep] [NAME...]

Runs tests of this tree in an emulated machine (machine.py) as tests/run does here, with all controllers of cgroup v2 handed to them.
Without a NAME: in Debian 13 every test that a host without these controllers must skip, and tests/vm/guest; then in Debian 12, whose
kernel is 6.1, a core.  The last line is `N passed, N failed, N skipped`, the sum of all machines.  --keep leaves the guest running.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

from machine import LSM, RELEASES, TESTS, Impossible, Machine, check_host, say

TOP = os.path.dirname(TESTS)
WHOLE = ("sandbox", "attacks", "vm")
CORE = ("sandbox/cgroup", "sandbox/cgroup_place", "sandbox/controllers", "sandbox/update", "sandbox/living", "sandbox/exec",
        "sandbox/mounts", "sandbox/namespaces", "sandbox/process", "sandbox/seccomp")
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
    """The directory of a build whose shared libraries the guest has: this machine's, unless that is newer than the guest or no Debian."""
    if host_release() in ("bookworm", release):
        programs = [f"build/tests/{name}" for name in ("isolate", "sandbox/probe", "sandbox/hook", "attacks/attack")]
        subprocess.run(["make", "-j2", "--no-print-directory", "all", *programs], cwd=TOP, check=True, stdout=sys.stderr)
        return "build"
    raise Impossible(f"a build of {host_release() or 'this machine'} does not run in {release}")


def bring_along(machine, build_directory):
    """The tree as git sees it, and what was built of it but for what only making it takes."""
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=TOP, stdout=subprocess.PIPE, text=True,
                           check=True).stdout
    products = "\n".join(f"{build_directory}/{name}" for name in ("hrun", "libexec/hrun", "tests/isolate", "tests/sandbox", "tests/attacks"))
    with tempfile.NamedTemporaryFile("w") as names:
        names.write(files + products)
        names.flush()
        with subprocess.Popen(["tar", "-C", TOP, "-cf", "-", "--exclude=*.[od]", f"--transform=s,^{build_directory}/,build/,", "-T", names.name],
                              stdout=subprocess.PIPE) as tar:
            machine.run(["sh", "-c", "mkdir -p /src/hrun && tar -C /src/hrun -xmf - --no-same-owner"], stdin=tar.stdout, check=True)


def run_tests(machine, names):
    """tests/run in the guest: its output is ours; (passed, failed, skipped)."""
    process = subprocess.Popen([*machine.ssh(), "--", "sh", "-s", *names], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               errors="replace")
    process.stdin.write(INSIDE)
    process.stdin.close()
    count = None
    for line in process.stdout:
        print(line, end="", flush=True)
        count = re.fullmatch(r"(\d+) passed, (\d+) failed, (\d+) skipped\n", line) or count
    process.wait()
    return [int(n) for n in count.groups()] if count else [0, 1, 0]


def check(release, lsm, names, keep):
    machine = Machine(release, lsm)
    try:
        built = build(release)
        if not machine.pid():
            machine.start()
        bring_along(machine, built)
        say(f"in Debian's {release}: {' '.join(names)}")
        return run_tests(machine, names)
    except Impossible as why:
        print(f"skipped: {release}: {why}")
        return [0, 0, 1]
    finally:
        if not keep:
            machine.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", choices=RELEASES)
    parser.add_argument("--lsm", choices=LSM, default="none")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    try:
        check_host()
    except Impossible as why:
        print(f"skipped: {why}\n0 passed, 0 failed, 1 skipped")
        return 0
    wanted = [("trixie", WHOLE), ("bookworm", CORE)] if not options.names else [(options.release or "trixie", options.names)]
    found = [check(release, options.lsm, names, options.keep) for release, names in wanted if options.release in (None, release)]
    passed, failed, skipped = map(sum, zip(*found))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
