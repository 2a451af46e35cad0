#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 900
# tree: bookworm podman,buildah,containerd,crun,busybox-static,catatonit,python3
# tree: trixie podman,buildah,containerd,crun,busybox-static,catatonit,python3
"""podman with hrun and, beside it, with crun: the same commands, the same observable results.

Runs in trees of Debian 12 and 13 under build/tests/isolate --root.  Every case is a list of shell commands; what is compared is the exit status
and the output of each with ids and times taken out.  A case that names an expectation is checked for that as well; one that names a
`wanted` difference is checked for hrun alone (docs/COMPATIBILITY.md tells why).
"""
import os
import re
import sys

from engine import CONTAINERS_CONF, expected, make_image, outside, play, release, report, sh
from podman_cases import CASES, PRIVILEGED, WANTED, make_files

STORAGE_CONF = '[storage]\ndriver = "vfs"\ngraphroot = "/var/lib/containers/storage"\nrunroot = "/run/containers/storage"\n'


def normal(text):
    """What two runs may not share: ids, times, the runtime's own name and its way to say that a program is missing."""
    text = re.sub(r"[0-9a-f]{64}", "ID", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\S+", "TIME", text)
    text = re.sub(r"(?m)^Error: .*$", "Error", text)
    return text.replace("crun", "RUNTIME").replace("hrun", "RUNTIME").strip()


def configure(runtime):
    with open("/etc/containers/containers.conf", "w") as f:
        f.write(CONTAINERS_CONF % {"runtime": runtime})


def play_all(runtime, cases):
    """Every case with one runtime: name -> [(status, output)]."""
    configure(runtime)
    return {name: play(commands, want) for name, commands, want in cases}


def prepare():
    os.makedirs("/etc/containers", exist_ok=True)
    for path, text in (("/etc/containers/policy.json", '{"default":[{"type":"insecureAcceptAnything"}]}'), ("/etc/containers/storage.conf", STORAGE_CONF),
                       ("/etc/containers/registries.conf", "unqualified-search-registries = []\n")):
        with open(path, "w") as f:
            f.write(text)
    configure("hrun")
    make_image("/root/image")
    make_files()
    status, out = sh("tar -C /root/image -c . | podman import -q - bb")
    if status:
        print("not ok - podman import: " + out)
        sys.exit(1)


def crun_runs():
    """Debian 12's crun raises RLIMIT_MEMLOCK, which not every machine's root may."""
    configure("crun")
    runs = sh("podman run --rm bb true")[0] == 0
    if not runs:
        sh("rmdir /sys/fs/cgroup/libpod_parent/libpod-*")  # which it has left
    return runs


def compare(cases, prefix=""):
    good = True
    ours, theirs = play_all("hrun", cases), play_all("crun", cases) if crun_runs() else None
    if not theirs:
        print(f"skip - podman: {prefix}beside crun: crun does not run here; hrun's own expectations are checked")
    for name, _, want in cases:
        why = expected(ours[name], want)
        if not why and theirs and [(s, normal(o)) for s, o in ours[name]] != [(s, normal(o)) for s, o in theirs[name]]:
            why = f"hrun gave {ours[name]!r}, crun {theirs[name]!r}"
        good &= report(not why, "podman: " + prefix + name, why)
    return good


def inside():
    prepare()
    # podman 4.3 with the cgroupfs driver denies a pod's cgroup every device, null and zero too: nothing starts below it.
    good = compare([case for case in CASES if release() > 12 or case[0] != "kube play"])
    configure("hrun")
    for name, command, status, text in WANTED:
        got, out = play([command], (status, re.escape(text)))[0]
        good &= report(got == status and text in out, "podman: " + name, f"exit status {got}: {out.strip()[-300:]}")
    os.makedirs("/etc/hrun")
    with open("/etc/hrun/policy.json", "w") as f:
        f.write('{"format": 1, "level": "privileged"}')
    good &= compare(PRIVILEGED, "level privileged: ")
    left = sh("hrun list -q; find /sys/fs/cgroup -type d -name 'libpod-*'; ls /run/hrun")[1].strip()
    good &= report(not left, "podman: nothing is left", left)
    return 0 if good else 1


sys.exit(inside() if "--inside" in sys.argv else outside(__file__))
