# SPDX-License-Identifier: Apache-2.0
"""attack.py - what the attack tests share; bundles, verbs and the runner are those of the sandbox tests."""
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox"))
import hrun as h  # noqa: E402
from hrun import Bundle, Skip, contains, created, equal, eventually, output, read, run, started, test, write  # noqa: E402,F401

_numbers = iter(range(1, 1 << 30))


def main():
    make = h._make_template

    def make_both():
        make()
        shutil.copy(f"{h.TOP}/build/tests/attacks/attack", f"{h.work}/template/bin/attack")

    h._make_template = make_both
    h.main()


def snapshot(path):
    """Everything that can be seen of a tree: names, types, owners, modes, contents, and mounts on it."""
    found = []
    for directory, directories, files in os.walk(path):
        for name in sorted(directories + files):
            p = os.path.join(directory, name)
            s = os.lstat(p)
            text = os.readlink(p) if os.path.islink(p) else open(p, "rb").read() if os.path.isfile(p) else b""
            found.append((os.path.relpath(p, path), s.st_mode, s.st_uid, s.st_gid, s.st_rdev, s.st_dev, text))
    s = os.lstat(path)
    return sorted(found, key=lambda e: e[0]) + [(s.st_mode, s.st_uid, s.st_gid, s.st_dev)]


@contextlib.contextmanager
def outside():
    """A directory of the host that no container may reach; afterwards it must be as it was."""
    path = f"{h.work}/outside{next(_numbers)}"
    for d in ("dir", "pts", "shm", "fs", "sys/kernel"):
        os.makedirs(f"{path}/{d}")
    write(f"{path}/file", "host")
    write(f"{path}/null", "host")
    write(f"{path}/dir/file", "host")
    before, mounts = snapshot(path), read("/proc/self/mountinfo")
    yield path
    equal(snapshot(path), before, "the directory outside")
    equal(read("/proc/self/mountinfo"), mounts, "the host's mounts")


def ways_to(path):
    """Links that lead there from a root file system, as an image may hold them."""
    return {"absolute": path, "relative": "../" * 24 + path.lstrip("/"), "procfs": "/proc/self/root" + path, "procfs of 1": "/proc/1/root" + path}


def replace(root, name, link):
    path = f"{root}/{name}"
    if os.path.isdir(path) and not os.path.islink(path):
        subprocess.run(["rm", "-rf", path], check=True)
    elif os.path.lexists(path):
        os.unlink(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(link, path)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def refused(result, *parts):
    assert result.status != 0, f"it was accepted: {result!r}"
    for part in parts:
        contains(result.err, part)
