#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
"""image_unpack: hrun-image and hrun-tree at once. Both must end well, neither may wait for the other's ghost."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import common
from common import both_wait, children, equal, hold, lives, make_tar, report, wait_until, write_layout

TESTS, BUILD = os.environ["TESTS"], os.environ["BUILD"]
DRIVE, LIBEXEC, FAKE = f"{BUILD}/tests/image/drive", f"{BUILD}/libexec/hrun", f"{BUILD}/tests/image/fake"
VECTORS = f"{TESTS}/vectors"


def words(layout, target, libexec=LIBEXEC, more=()):
    return [DRIVE, "-d", libexec, "-p", "linux/amd64", "-t", "60", "-u", "-x", target, *more, layout]


def unpack(layout, target, **how):
    done = subprocess.run(words(layout, target, **how), capture_output=True, text=True, timeout=100)
    return done.returncode, json.loads(done.stdout) if done.stdout else {"reason": done.stderr}


def said(result):
    return f"{result[0]} {result[1].get('verdict')} at {result[1].get('stage')}: {result[1].get('reason')}"


def refused(name, result, stage, word):
    right = result[0] == 1 and result[1]["stage"] == stage and word in result[1]["reason"] and "\n" not in result[1]["reason"]
    report(name, "" if right else said(result))


def files_of(top):
    found = {}
    for where, _, names in os.walk(top):
        for name in names:
            with open(f"{where}/{name}", "rb") as f:
                found[os.path.relpath(f"{where}/{name}", top)] = f.read()
    return found


def good(top):
    """Two layers; what comes out is what went in, the second over the first."""
    first, second = {"a/b": b"one", "a/c": os.urandom(3 << 20)}, {"a/b": b"two", "d": b""}
    write_layout(f"{top}/good", [make_tar(first), make_tar(second)])
    os.mkdir(f"{top}/target")
    result = unpack(f"{top}/good", f"{top}/target")
    report("accepted", "" if result[0] == 0 else said(result))
    equal("the files", files_of(f"{top}/target"), {**first, **second})
    st = os.stat(f"{top}/target/a/b")
    equal("their attributes", (st.st_mode & 0o7777, st.st_mtime), (0o4755, 1000000000))


def vectors(top):
    """Layers of the vectors that must not get out; nothing beside the target has changed."""
    for name in ("unpack-dotdot-path", "unpack-hardlink-outside", "unpack-through-absolute-symlink", "tamper-layer-bitflip",
                 "tamper-layer-truncated", "diffid-mismatch"):
        with open(f"{VECTORS}/{name}/manifest.json") as f:
            manifest = json.load(f)
        place = f"{top}/{name}"
        os.makedirs(f"{place}/in/target")
        result = unpack(f"{VECTORS}/{name}/layout", f"{place}/in/target", more=("-r", manifest["ref"]))
        expect = (0, 1) if manifest["expect"] == "contained" else (1,)
        report(name, "" if result[0] in expect and "hrun-" not in str(result[1]["reason"]) else said(result))
        equal(f"{name}: beside the target", (os.listdir(place), os.listdir(f"{place}/in")), (["in"], ["target"]))
        if manifest["stage"] == "layer":
            equal(f"{name}: stage", result[1]["stage"], "layer")


def full(top):
    if os.geteuid() != 0:
        return
    os.mkdir(f"{top}/small")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "test", f"{top}/small"], check=True)
    refused("a full target", unpack(f"{top}/good", f"{top}/small"), "unpack", "the target is full after")
    subprocess.run(["umount", f"{top}/small"], check=True)


def programs(top, name, **replaced):
    directory = f"{top}/{name}"
    os.mkdir(directory, 0o755)
    for program in ("hrun-image", "hrun-tree"):
        shutil.copy(replaced.get(program.replace("-", "_"), f"{LIBEXEC}/{program}"), f"{directory}/{program}")
    return directory


def half_an_end(top):
    """Each one alone says yes, or nothing."""
    target = f"{top}/half"
    os.mkdir(target)
    refused("hrun-image accepts and sends nothing", unpack(f"{top}/good", target, libexec=programs(top, "yes", hrun_image=FAKE)), "unpack", "ends before")
    refused("hrun-image crashes", unpack(f"{top}/good", target, libexec=programs(top, "crash", hrun_image=FAKE)), None, "signal 6")
    refused("hrun-tree ends at once", unpack(f"{top}/good", target, libexec=programs(top, "true", hrun_tree="/bin/true")), "unpack", "hrun-tree ended without an answer")
    report("nothing was written by them", "" if not os.listdir(target) else str(os.listdir(target)))
    missing = programs(top, "missing")
    os.unlink(f"{missing}/hrun-tree")
    result = unpack(f"{top}/good", target, libexec=missing)
    report("hrun-tree is missing", "" if result[0] == 3 and "hrun-tree is missing" in result[1]["reason"] else said(result))
    closed = programs(top, "closed")
    os.chmod(f"{closed}/hrun-tree", 0o644)
    result = unpack(f"{top}/good", target, libexec=closed)
    report("hrun-tree may not be executed", "" if result[0] == 3 and "closed/hrun-tree` may not be executed" in result[1]["reason"] else said(result))


def stopped(top, number):
    """drive with both programs in the middle of the work."""
    target = f"{top}/stopped{number}"
    os.mkdir(target)
    drive = subprocess.Popen(words(f"{top}/good", target, libexec=HOLD), stdout=subprocess.PIPE, text=True)
    both = wait_until(lambda: both_wait(drive.pid))
    assert both
    return drive, both


def too_late(top):
    """hrun-tree gets all records and never answers: as good as a refusal, and it is ended."""
    write_layout(f"{top}/small", [make_tar({"a": b"x"})])
    os.mkdir(f"{top}/late")
    drive = subprocess.Popen(words(f"{top}/small", f"{top}/late", libexec=HOLD, more=("-t", "1")), stdout=subprocess.PIPE, text=True)
    tree = wait_until(lambda: children(drive.pid).get("hrun-tree"))
    out = drive.communicate(timeout=90)[0]
    report("hrun-tree is late", "" if drive.returncode == 1 and "hrun-tree ended without an answer" in out else f"{drive.returncode} {out}")
    report("hrun-tree is late: it is gone", "" if tree and not lives(tree) else str(tree))


def killed(top):
    for number, (victim, reason) in enumerate((("hrun-tree", "hrun-tree ended without an answer"), ("hrun-image", "hrun-image"))):
        drive, both = stopped(top, number)
        os.kill(both[victim], signal.SIGKILL)
        os.kill(both["hrun-tree"], signal.SIGCONT)
        out = drive.communicate(timeout=90)[0]
        report(f"SIGKILL of {victim}", "" if drive.returncode == 1 and reason in out else f"{drive.returncode} {out}")
        report(f"SIGKILL of {victim}: both are gone", "" if not any(map(lives, both.values())) else str(both))
    drive, both = stopped(top, 2)
    drive.kill()
    drive.wait()
    report("SIGKILL of hrun ends both", "" if wait_until(lambda: not any(map(lives, both.values()))) else str(both))


with tempfile.TemporaryDirectory() as directory:
    os.chmod(directory, 0o755)
    good(directory)
    vectors(directory)
    full(directory)
    half_an_end(directory)
    HOLD = hold(directory)
    too_late(directory)
    killed(directory)
sys.exit(1 if common.failed else 0)
