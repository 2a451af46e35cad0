#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# alone
"""A bundle whose root is one signed EROFS file with fs-verity, by a kernel that has it: what is signed, what a start reads, and what the disk says later."""
import base64
import contextlib
import ctypes
import hashlib
import json
import mmap
import os
import re
import shutil
import struct
import subprocess
import sys
import zlib

from guest import HRUN, Disk, equal, holds, need_machine, play, run, seal, sh

TOP, PROGRAMS, POLICY, KEYS = "/srv/erofs", "/srv/erofs-bin", "/etc/hrun/policy.json", "/root/erofs-keys"
BUNDLE, IMAGE = f"{TOP}/above/bundle", f"{TOP}/above/bundle/rootfs.erofs"
disk = None
SIZE = 32 << 20
# The first block of what mkfs.erofs -T0 -x-1 -U0 --all-root has made of bin, dev, proc, sys, tmp, run and etc/data; DATA is the other four.
HEAD = zlib.decompress(base64.b85decode("c-muN7zLwX6pU2x=;7A~)6+KDGXvQ?3@QwqSk$o6(0&#me(T7|&<f@M2Lfby6)2s<zyxRK0@+$nc0Q1;17#Nh*?LfRDUfXhWmf>%CQx<_kZlHK*8|xWP<9hYuby5~W?o8aS!zjgK~a8kQE6UrWpPPv0YUdOF-Rl1pAktO=1vJD_e(<T!l|DLNxu$}`n8etGb8EOgNGwRzbcSz2xY4?FoMiVNi0dk>Bl9FKp#0k*o;s+@%bM)y%>?<e>NojCS>SmN78RbhJFqt{T2lDkAhJ!3P!;w7zLwX6bv;0029tjkp"))
DATA = b"".join(b"%07d\n" % i for i in range(1, 2049))


# ---- a bundle ----

def write_image(data=DATA):
    """A new file; what comes after the image is nobody's, and shows what was read."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(IMAGE)
    with open(IMAGE, "wb") as f:
        f.write(HEAD + data)
        f.truncate(SIZE)


def make_bundle():
    shutil.rmtree(f"{TOP}/above", ignore_errors=True)
    os.makedirs(BUNDLE)
    write_image()
    sh(HRUN, "spec", "-b", BUNDLE)
    with open(f"{BUNDLE}/config.json") as f:
        config = json.load(f)
    config["root"] = {"path": "rootfs.erofs", "readonly": True}
    config["process"].update(args=["sleep", "1000"], terminal=False)
    config["mounts"].append({"destination": "/bin", "type": "bind", "source": PROGRAMS, "options": ["bind", "ro", "nosuid", "nodev"]})
    with open(f"{BUNDLE}/config.json", "w") as f:
        json.dump(config, f)


def sign(name="key"):
    return sh(HRUN, "sign", "--force", "--key", f"{KEYS}/{name}", BUNDLE)


def policy(*keys, **more):
    trust = {"scope": "*", "scheme": "cosign-key", "keys": [f"{KEYS}/{key}.pub" for key in keys], **more}
    with open(POLICY, "w") as f:
        json.dump({"format": 1, "images": {"require": "signed", "trust": [trust]}}, f)


@contextlib.contextmanager
def container():
    sh(HRUN, "create", "--bundle", BUNDLE, "erofs")
    try:
        sh(HRUN, "start", "erofs")
        yield
    finally:
        sh(HRUN, "delete", "--force", "erofs")


def state(member):
    return json.loads(sh(HRUN, "state", "erofs"))[member]


def read_data():
    return run(HRUN, "exec", "erofs", "cat", "/etc/data")


def in_memory():
    """Bytes of the file that somebody has read: mincore(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    fd = os.open(IMAGE, os.O_RDONLY)
    try:
        at = libc.mmap(None, ctypes.c_size_t(SIZE), mmap.PROT_READ, mmap.MAP_SHARED, fd, ctypes.c_long(0))
        pages = (ctypes.c_ubyte * (SIZE // 4096))()
        equal(libc.mincore(ctypes.c_void_p(at), ctypes.c_size_t(SIZE), pages), 0, "mincore")
        libc.munmap(ctypes.c_void_p(at), ctypes.c_size_t(SIZE))
        return 4096 * sum(page & 1 for page in pages)
    finally:
        os.close(fd)


def refused(why):
    status, text = run(HRUN, "create", "--bundle", BUNDLE, "erofs")
    equal(status, 1, text)
    holds(text, why, "the refusal")


# ---- what is asked ----

def digest_of(data):
    """Documentation/filesystems/fsverity.rst, once more."""
    level = [hashlib.sha256(data[at:at + 4096].ljust(4096, b"\0")).digest() for at in range(0, len(data), 4096)]
    while len(level) > 1:
        hashes = b"".join(level)
        level = [hashlib.sha256(hashes[at:at + 4096].ljust(4096, b"\0")).digest() for at in range(0, len(hashes), 4096)]
    return hashlib.sha256(struct.pack("<BBBBIQ64s32s144x", 1, 1, 12, 0, 0, len(data), level[0], b"")).hexdigest()


def statement_of(name):
    with open(f"{BUNDLE}/{name}") as f:
        return json.loads(base64.b64decode(json.load(f)["dsseEnvelope"]["payload"]))


def both_digests_are_signed():
    make_bundle()
    data = open(IMAGE, "rb").read()
    sign()
    name = next(n for n in os.listdir(BUNDLE) if n.endswith(".sigstore.json"))
    expected = {"sha256": hashlib.sha256(data).hexdigest()}
    equal(statement_of(name)["subject"][0]["digest"], expected, "without fs-verity")
    seal(IMAGE)
    holds(sign(), f"fs-verity sha256:{digest_of(data)}", "what sign says")
    equal(statement_of(name)["subject"][0]["digest"], {**expected, "fsverity-sha256-12": digest_of(data)}, "with fs-verity")


def a_start_reads_nothing():
    make_bundle()
    sign()
    for sealed in (False, True):
        if sealed:
            seal(IMAGE)
            sign()
        with disk.detached():
            pass
        with container():
            found = in_memory()
            assert read_data() == (0, DATA.decode().strip()), "the file in it"
        if sealed:
            assert found < SIZE / 8, f"{found} of {SIZE} bytes were read"
        else:
            equal(found, SIZE, "without fs-verity all of it is read")


def another_file():
    make_bundle()
    seal(IMAGE)
    sign()
    write_image(DATA.replace(b"0001000", b"evil!!!"))
    refused("the root's file is another one than was signed")
    seal(IMAGE)
    refused("the root's file is another one than was signed")
    write_image()
    seal(IMAGE, 2)
    with container():
        equal(read_data()[0], 0, "fs-verity with SHA-512, which nobody signed: it was read, and is the same")


def who_may_write_above():
    make_bundle()
    sign()
    os.chmod(f"{TOP}/above", 0o777)
    refused("writable by group or others")
    seal(IMAGE)
    sign()
    with container():
        equal(read_data()[0], 0, "nobody can write to a file with fs-verity")


def who_may_write_to_it():
    """The directory that holds the image, inside: with fs-verity nothing but another file can come of it, which is not what is mounted."""
    make_bundle()
    with open(f"{BUNDLE}/config.json") as f:
        config = json.load(f)
    config["mounts"].append({"destination": "/tmp", "type": "bind", "source": BUNDLE, "options": ["bind", "rw", "nosuid", "nodev"]})
    with open(f"{BUNDLE}/config.json", "w") as f:
        json.dump(config, f)
    sign()
    refused("the container could write to the EROFS image that it is mounted from")
    seal(IMAGE)
    sign()
    with container():
        equal(read_data()[0], 0, "a writable mount of its directory")
        assert os.stat(f"/proc/{state('pid')}/root/tmp/rootfs.erofs").st_ino == os.stat(IMAGE).st_ino, "the mount is that directory's"
        for way in (os.O_WRONLY, os.O_RDWR):
            try:
                os.close(os.open(f"/proc/{state('pid')}/root/tmp/rootfs.erofs", way))
                raise AssertionError("the kernel lets root write to it")
            except PermissionError:
                pass
        write_image(DATA.replace(b"0001000", b"evil!!!"))
        equal(read_data(), (0, DATA.decode().strip()), "with another file of that name")


def change_the_disk():
    """Wherever it has these bytes: removed files have left some as well."""
    with open(disk.path, "r+b") as raw:
        bytes_ = raw.read()
        for found in re.finditer(b"0001000\n", bytes_):
            raw.seek(found.start())
            raw.write(b"evil!!!\n")
        os.fsync(raw.fileno())


def the_disk_below():
    make_bundle()
    seal(IMAGE)
    sign()
    with disk.detached():
        change_the_disk()
    with container():
        holds(read_data()[1][-100:], "Input/output error", "changed before the start")
    make_bundle()
    seal(IMAGE)
    sign()
    with disk.detached():
        pass
    with container():
        change_the_disk()
        with open("/proc/sys/vm/drop_caches", "w") as f:
            f.write("3")
        holds(read_data()[1][-100:], "Input/output error", "changed after it")


def two_who_disagree():
    """About the SHA-256 of a file that both know by fs-verity."""
    make_bundle()
    seal(IMAGE)
    sign()
    name = next(n for n in os.listdir(BUNDLE) if n.endswith(".sigstore.json"))
    statement = statement_of(name)
    statement["subject"][0]["digest"]["sha256"] = "0" * 64
    payload, kind = json.dumps(statement).encode(), "application/vnd.in-toto+json"
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", f"{KEYS}/other"], input=message, capture_output=True, check=True).stdout
    with open(f"{BUNDLE}/rootfs.{'f' * 16}.sigstore.json", "w") as f:
        json.dump({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": {"publicKey": {"hint": ""}},
                   "dsseEnvelope": {"payload": base64.b64encode(payload).decode(), "payloadType": kind,
                                    "signatures": [{"sig": base64.b64encode(signature).decode()}]}}, f)
    try:
        policy("key", "other", threshold=2)
        equal(run(HRUN, "verify", BUNDLE)[0], 1, "both must say the same")
        policy("other")
        equal(json.loads(sh(HRUN, "verify", "--format", "json", BUNDLE))["imageDigest"], "sha256:" + "0" * 64, "what one says")
    finally:
        policy("key")


def main():
    global disk
    need_machine()
    if not os.path.exists("/sys/fs/ext4/features/verity"):
        print("this kernel has no fs-verity")
        return 77
    for path in (PROGRAMS, KEYS, "/etc/hrun"):
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
    for name in ("cat", "sleep"):
        shutil.copy("/bin/busybox", f"{PROGRAMS}/{name}")
    for name in ("key", "other"):
        sh(HRUN, "keygen", "--out", f"{KEYS}/{name}")
    policy("key")
    disk = Disk("/srv/erofs.img", TOP, 96)
    try:
        return play([("both digests are signed", both_digests_are_signed), ("a start reads nothing", a_start_reads_nothing), ("another file", another_file),
                     ("who may write above", who_may_write_above), ("who may write to it", who_may_write_to_it),
                     ("the disk below", the_disk_below), ("two who disagree", two_who_disagree)])
    finally:
        disk.remove()
        shutil.rmtree("/etc/hrun")


if __name__ == "__main__":
    sys.exit(main())
