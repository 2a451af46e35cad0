#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 1500
"""The core of `make check-vm`, as a part of `make check`: what takes a systemd that is process 1, and every controller."""
import re
import signal
import sys

from check import bring_along, build, run_tests
from machine import Impossible, Machine, check_host

CORE = ("sandbox/controllers", "vm/guest/scope", "vm/guest/podman:life", "vm/guest/robust:hrun", "vm/guest/robust:scopes")
RELEASE = "trixie"


def tell(line):
    """A test of the guest's is a result of this one."""
    found = re.match(r"(ok|not ok|skip) +- (.*)", line)
    print(f"{found[1]} - {found[2]}" if found else f"# {line}", flush=True)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the machine is stopped all the same
    try:
        check_host()
        built, machine = build(RELEASE), Machine(RELEASE)
        if machine.pid():
            raise Impossible("a guest of this cache is running: tests/vm/machine.py stop")
        try:
            machine.start()
            bring_along(machine, built)
            passed, failed, _ = run_tests(machine, CORE, tell)
        finally:
            machine.stop()
    except Impossible as why:
        print(why)
        return 77
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
