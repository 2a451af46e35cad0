#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
# tree: sid user-mode-linux,kmod,podman,crun,catatonit,busybox-static,python3,procps,iproute2,uidmap,openssl,strace,libyajl2,libseccomp2
"""The tests of tests/sandbox that limit something, under a kernel that has the controllers for it."""
import os
import subprocess

import uml

NAMES = ("sandbox/cgroup", "sandbox/cgroup_place", "sandbox/controllers", "sandbox/crowd", "sandbox/scope:idle", "sandbox/scope:an_answer",
         "sandbox/update", "attacks/cgroup")


def run():
    for name, _, words in (name.partition(":") for name in NAMES):
        found = subprocess.run([f"{uml.TOP}/build/tests/isolate", "--", f"{uml.TOP}/tests/{name}.py", *words.split()], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ))
        good = found.returncode in (0, 77) or "\nnot ok - " in "\n" + found.stdout
        for line in found.stdout.splitlines():
            kind, dash, text = line.partition(" - ")
            # What this kernel lacks the host or tests/vm has.
            if kind != "skip":
                print(f"{kind}{dash}{name}: {text}" if dash and kind in ("ok", "not ok") else line, flush=True)
        if not good:
            print(f"not ok - {name}: exit status {found.returncode}", flush=True)


uml.main(__file__, run)
