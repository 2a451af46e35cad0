#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# alone
"""AppArmor on a machine that has it: what the kernel says of processes in containers; and the profile that hrun brings along."""
import json
import os
import shutil
import sys

import guest  # finds what is in tests/engines
from engine import report, sh
from guest import HRUN, TOP

WORK, POLICY = "/var/tmp/hrun-apparmor", "/run/hrun-apparmor.json"
CURRENT = "/proc/self/attr/apparmor/current"
OUTER = "profile hrun-outer flags=(attach_disconnected) {\n  file,\n  network,\n  capability,\n  mount,\n  umount,\n  pivot_root,\n  signal,\n  ptrace,\n" \
        "  unix,\n  change_profile,\n}\n"
good = True


def check(name, condition, why=""):
    global good
    good &= report(condition, f"apparmor: {name}", str(why)[-400:])


def bundle(name, *args, profile=None, change=None):
    return guest.bundle(f"{WORK}/{name}", *args, change=change, apparmorProfile=profile)


def run(name, *args, options="", prefix="", **more):
    path = bundle(name, *args, **more)
    status, out = sh(f"{prefix} {HRUN} {options} run -b {path} {name}")
    return status, out.strip()


def start(name, path, options=""):
    """A container that stays: its output is nobody's pipe."""
    return sh(f"{HRUN} {options} create -b {path} {name} >{WORK}/out 2>&1 && {HRUN} {options} start {name} >>{WORK}/out 2>&1; status=$?; cat {WORK}/out; exit $status")


def root_that_may_write(config):
    """As little of the other walls as level privileged leaves."""
    config["process"]["user"] = {"uid": 0, "gid": 0}
    config["linux"]["readonlyPaths"] = []


def fake_proc(config):
    """A /proc of the container's own making, in which every attribute takes every write."""
    os.makedirs(f"{WORK}/fake/self/attr/apparmor", exist_ok=True)
    for place in ("self/attr/exec", "self/attr/apparmor/exec", "self/attr/apparmor/current"):
        open(f"{WORK}/fake/{place}", "w").close()
    if not os.path.islink(f"{WORK}/fake/thread-self"):
        os.symlink("self", f"{WORK}/fake/thread-self")
    config["mounts"] = [m for m in config["mounts"] if m["destination"] != "/proc"]
    config["mounts"].append({"destination": "/proc", "type": "bind", "source": f"{WORK}/fake", "options": ["bind"]})


def without_profile():
    status, out = run("none", "cat", CURRENT)
    check("no profile is loaded: none is given", (status, out) == (0, "unconfined"), out)
    status, out = run("missing", "true", profile="no-such-profile")
    check("a profile that is not loaded is an error", status == 125 and "no-such-profile` is not loaded" in out, out)
    check("and leaves nothing", sh(f"{HRUN} list -q")[1].strip() == "")


def default_profile():
    status, out = run("default", "cat", CURRENT)
    check("a config without a profile gets hrun-default", (status, out) == (0, "hrun-default (enforce)"), out)
    write = ("sh", "-c", "cat /proc/sys/vm/swappiness >/tmp/n && cat /tmp/n >/proc/sys/vm/swappiness && echo written")
    privileged = f"--policy {POLICY}"
    status, out = run("open", *write, options=privileged, change=root_that_may_write)
    check("without a profile the kernel's files can be written", out == "written", out)
    status, out = run("closed", *write, options=privileged, change=root_that_may_write, profile="hrun-default")
    check("with hrun-default they cannot", status != 0 and "ermission denied" in out, out)


def living():
    path = bundle("living", "sleep", "1000")
    check("a container starts", start("living", path)[0] == 0)
    pid = json.loads(sh(f"{HRUN} state living")[1])["pid"]
    with open(f"/proc/{pid}/attr/apparmor/current") as f:
        current = f.read().strip()
    check("the kernel says so of a running container", current == "hrun-default (enforce)", current)
    out = sh(f"{HRUN} exec living cat {CURRENT}")[1].strip()
    check("exec gets the same", out == "hrun-default (enforce)", out)
    status, out = sh(f"{HRUN} exec --apparmor hrun-outer living cat {CURRENT}")
    check("and no other below level privileged", status != 0 and "refused" in out, out)
    sh(f"apparmor_parser -R {TOP}/contrib/apparmor/hrun-default")
    status, out = sh(f"{HRUN} exec living cat {CURRENT}")
    check("exec is refused where the profile is gone since", status != 0 and "hrun-default` is not loaded" in out, out)
    sh(f"apparmor_parser -r {TOP}/contrib/apparmor/hrun-default")
    status, out = sh(f"{HRUN} kill living KILL && sleep 1 && {HRUN} delete living")
    check("it can be killed from outside", status == 0, out)


def tricks():
    path = bundle("fake", "sleep", "1000", profile="hrun-default", change=fake_proc)
    status, out = start("fake", path, f"--policy {POLICY}")
    if status == 0:
        pid = json.loads(sh(f"{HRUN} state fake")[1])["pid"]
        with open(f"/proc/{pid}/attr/apparmor/current") as f:
            current = f.read().strip()
        with open(f"{WORK}/fake/self/attr/apparmor/exec") as f:
            check("nothing is written into a /proc of the container", f.read() == "")
        check("a false /proc leaves it no less confined", current == "hrun-default (enforce)", current)
    else:
        check("a false /proc is refused", "refused" in out, out)
    out = sh(f"{HRUN} --policy {POLICY} exec --apparmor hrun-outer fake true")[1]
    check("exec at level privileged takes the profile that is named", out == "", out)
    sh(f"{HRUN} delete --force fake")
    status, out = run("stacked", "cat", CURRENT, prefix="aa-exec -p hrun-outer --")
    check("the profile of hrun itself stays in force", status == 0 and "hrun-outer" in out and "hrun-default" in out, out)


def with_podman():
    sh(f"tar -C {WORK}/default/rootfs -c . | podman import - localhost/bb")
    with open("/etc/containers/containers.conf", "w") as f:
        f.write('[engine]\ncgroup_manager = "cgroupfs"\n')
    status, out = sh(f"podman --runtime {HRUN} run --rm --network none localhost/bb cat {CURRENT}")
    check("podman's own profile", status == 0 and out.strip().startswith("containers-default") and out.strip().endswith("(enforce)"), out)
    status, out = sh(f"podman --runtime {HRUN} run --rm --network none --security-opt apparmor=hrun-default localhost/bb cat {CURRENT}")
    check("podman with a profile of the user's choice", (status, out.strip()) == (0, "hrun-default (enforce)"), out)
    status, out = sh(f"podman --runtime {HRUN} run --rm --network none --security-opt apparmor=unconfined localhost/bb true")
    check("podman with apparmor=unconfined is refused", status != 0 and "apparmor-unconfined" in out, out)


def main():
    if not os.path.exists("/sys/module/apparmor") or sh("cat /sys/module/apparmor/parameters/enabled")[1].strip() != "Y":
        print("AppArmor is off on this machine")
        return 77
    shutil.rmtree(WORK, ignore_errors=True)
    os.makedirs(WORK)
    guest.install()
    with open(POLICY, "w") as f:
        f.write('{"format":1,"level":"privileged"}')
    os.chmod(WORK, 0o755)
    sh(f"apparmor_parser -R {TOP}/contrib/apparmor/hrun-default")
    without_profile()
    with open(f"{WORK}/outer", "w") as f:
        f.write(OUTER)
    status, out = sh(f"apparmor_parser -r {TOP}/contrib/apparmor/hrun-default {WORK}/outer")
    check("contrib/apparmor/hrun-default is a profile", status == 0, out)
    default_profile()
    living()
    tricks()
    with_podman()
    out = sh(f"{HRUN} doctor")[1]
    check("hrun doctor says that it is loaded", "hrun-default is loaded" in out, out)
    return 0 if good else 1


sys.exit(main())
