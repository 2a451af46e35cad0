#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
# alone
"""A store of podman's, made here, whose files have fs-verity, by a kernel that has it: what is read again, what is refused, and what the disk says.

Whether a layer was read is asked of the store: without the record of its archive (tar-split) none can be.
"""
import contextlib
import os
import shutil
import stat
import subprocess
import sys
import time

from guest import TOP, Disk, equal, holds, need_machine, play, seal, sh

os.environ.setdefault("TESTS", f"{TOP}/tests")
os.environ.setdefault("HRUN", f"{TOP}/build/hrun")
sys.path[:0] = [f"{TOP}/tests/image", f"{TOP}/tests/engines"]
import engine_root  # noqa: E402
import engine_store  # noqa: E402
from signed_image import Layout, full_image  # noqa: E402

STORE, KNOWN = engine_store.TOP, "/run/hrun-layers"
disk = store = ids = None
mounts = 0


# ---- the store ----

def seal_all(directory):
    for top, _, names in os.walk(directory):
        for path in (f"{top}/{name}" for name in names):
            if stat.S_ISREG(os.lstat(path).st_mode):
                with contextlib.suppress(FileExistsError):  # by another of its names
                    seal(path)


def layer(number):
    return f"{STORE}/overlay/{ids[number - 1]}/diff"


def make_store():
    global disk, store, ids
    for path in (engine_root.BUNDLE, "/run/spec", KNOWN, "/run/layout", "/etc/hrun"):
        shutil.rmtree(path, ignore_errors=True)
    engine_root.prepare()
    disk = Disk("/srv/verity.img", STORE, 48)
    layout, places, store = Layout("/run/layout"), Layout("/etc/hrun/signatures"), engine_store.Store()
    layers = full_image()
    signed = layout.image("full", layers)
    places.sign(signed, engine_root.KEY, "localhost/full")
    ids, root = store.add("full", layout, signed, layers)
    sh("umount", root)
    engine_root.policy(members={"engines": {"containersStorage": [STORE]}})


def start(*words):
    """Of a new container: what it or hrun says."""
    global mounts
    mounts += 1
    root = store.mount(f"c{mounts}", ids)
    try:
        engine_root.write_bundle(root, args=list(words or ("/bin/echo", "started")), user={"uid": 0, "gid": 0}, terminal=False)
        done = subprocess.run([os.environ["HRUN"], "run", "-b", engine_root.BUNDLE, "c"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=100)
        return done.stdout + done.stderr
    finally:
        sh("umount", root)


@contextlib.contextmanager
def no_records():
    os.rename(f"{STORE}/overlay-layers", f"{STORE}/away")
    os.makedirs(f"{STORE}/overlay-layers", 0o700)
    try:
        yield
    finally:
        os.rmdir(f"{STORE}/overlay-layers")
        os.rename(f"{STORE}/away", f"{STORE}/overlay-layers")


def not_read(what):
    with no_records():
        equal(start(), "started\n", f"{what}: nothing is read")


def read_again(what, number):
    """Layer NUMBER is read, and then known."""
    with no_records():
        holds(start(), f"layer {number} of 4", f"{what}: which layer is read")
        holds(start(), "the engine keeps no record of its archive", f"{what}: it is read")
    equal(start(), "started\n", what)
    not_read(f"{what}, once more")


def refused(what, why):
    found = start()
    holds(found, "refused [image-signature-missing]", what)
    holds(found, why, what)


# ---- what is asked ----

def compared():
    seal_all(f"{STORE}/overlay")
    equal(start(), "started\n", "a start")


def known_at_once():
    compared()
    equal(len(os.listdir(KNOWN)), 4, "layers that are remembered, however young")
    not_read("at once")


def looks_move():
    """All that moves a ctime and changes nothing that counts."""
    compared()
    data, busybox = f"{layer(2)}/usr/data", f"{layer(1)}/bin/busybox"
    os.utime(data)
    os.chmod(busybox, 0o700)
    os.chmod(busybox, 0o755)
    os.setxattr(data, "security.hrun-test", b"a label")
    os.rename(data, f"{layer(2)}/usr/other")
    os.rename(f"{layer(2)}/usr/other", data)
    not_read("touched, relabelled, renamed and back")
    os.chmod(data, 0o666)
    refused("another mode", "usr/data has the mode 0666")
    os.chmod(data, 0o644)
    not_read("the mode is back")
    os.setxattr(data, "user.new", b"1")
    refused("an attribute", "usr/data has an attribute that it has not in the image: user.new")
    os.removexattr(data, "user.new")
    not_read("the attribute is gone")


def a_copy():
    """On other inodes."""
    compared()
    for number in range(1, 5):
        sh("cp", "-a", layer(number), "/srv/copy")
        sh("rm", "-rf", layer(number))
        sh("mv", "/srv/copy", layer(number))
    with no_records():
        holds(start(), "the engine keeps no record of its archive", "a copy that has no fs-verity is read")
    seal_all(f"{STORE}/overlay")
    not_read("a copy that has it")


def contents():
    compared()
    data = f"{layer(2)}/usr/data"
    shutil.copy2(data, "/srv/data")
    os.unlink(data)
    shutil.copy2("/srv/data", data)
    time.sleep(2.1)  # a layer that was changed less than two seconds before it is read is read once more
    read_again("a file without fs-verity", 2)
    os.unlink(data)
    with open("/srv/data", "r+b") as f:
        f.write(b"X")
    shutil.copy2("/srv/data", data)
    seal(data)
    refused("another content with fs-verity", "usr/data: its content is not the image's")
    with open("/srv/data", "r+b") as f:
        f.write(b"d")
    os.unlink(data)
    shutil.copy2("/srv/data", data)
    seal(data)
    not_read("the content is back")


def the_disk_below():
    """What is written past the file system, with its tools or without: no ctime moves."""
    compared()
    place = f"overlay/{ids[1]}/diff/usr/data"
    before = os.stat(f"{STORE}/{place}")
    with disk.detached():
        sh("debugfs", "-w", "-R", f"ea_set {place} user.new 1", disk.path)
    equal(os.stat(f"{STORE}/{place}").st_ctime_ns, before.st_ctime_ns, "its ctime")
    equal(os.getxattr(f"{STORE}/{place}", "user.new"), b"1", "its attribute")
    refused("an attribute", "usr/data has an attribute that it has not in the image: user.new")
    with disk.detached():
        sh("debugfs", "-w", "-R", f"ea_rm {place} user.new", disk.path)
    not_read("the attribute is gone")
    with disk.detached(), open(disk.path, "r+b") as raw:
        at = raw.read().index(b"implied\n")
        raw.seek(at)
        raw.write(b"IMPLIED\n")
    not_read("a block of content")
    found = start("/bin/cat", "/usr/implied/file")
    holds(found, "cat: read error: Input/output error", "what the container reads of it")


def main():
    need_machine()
    if not os.path.exists("/sys/fs/ext4/features/verity"):
        print("this kernel has no fs-verity")
        return 77
    make_store()
    try:
        return play([("a layer is known at once", known_at_once), ("what moves looks", looks_move), ("a copy of the store", a_copy),
                     ("another content", contents), ("the disk below", the_disk_below)])
    finally:
        disk.remove()
        shutil.rmtree("/etc/hrun")  # its policy is nobody else's


if __name__ == "__main__":
    sys.exit(main())
