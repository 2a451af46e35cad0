#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A bundle whose root is one signed EROFS file: what the kernel has mounted, who must have signed it, and every way to have it be another file."""
import atexit
import contextlib
import ctypes
import errno
import json
import os
import select
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import threading

from hrun import HRUN, Bundle, contains, equal, hrun, main, new_id, read, run, started, test
import hrun as h
from signing import changed, key

if not shutil.which("mkfs.erofs"):
    print("no mkfs.erofs here (erofs-utils)")
    sys.exit(77)
if subprocess.run(["stat", "-f", "-c", "%T", h.TOP], capture_output=True, text=True).stdout.strip() not in ("ext2/ext3", "xfs", "btrfs", "f2fs"):
    print("an EROFS root must be a file on a local disk")
    sys.exit(77)
if "erofs" not in read("/proc/filesystems").split():
    print("this kernel has no EROFS")
    sys.exit(77)


# A directory of the build tree: the rest that can be written here is memory, out of whose files the kernel mounts nothing.
DISK = "/var/lib/disk"
place = tempfile.mkdtemp(prefix="erofs.", dir=f"{h.TOP}/build/tests")
atexit.register(shutil.rmtree, place)
os.mkdir(DISK)
subprocess.run(["mount", "--bind", place, DISK], check=True)
os.chmod(place, 0o755)


def members(require="signed", name="key", level="baseline", **more):
    trust = [{"scope": "*", "scheme": "cosign-key", "keys": [key(name) + ".pub"]}]
    return {"level": level, "images": {"require": require, "trust": trust, **more}}


def pack(bundle, *options):
    subprocess.run(["mkfs.erofs", "--quiet", *options, f"{bundle.path}/rootfs.erofs", bundle.root], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.chmod(f"{bundle.path}/rootfs.erofs", 0o644)


def sign(bundle, name="key", status=0):
    bundle.save()
    done = subprocess.run([HRUN, "sign", "--force", "--key", key(name), bundle.path], capture_output=True, text=True)
    equal(done.returncode, status, done.stderr)
    return done.stdout + done.stderr


def image(*args, change=None, options=()):
    """A bundle with its root packed and not signed; the directory that it was made of is gone."""
    bundle = Bundle(*(args or ("echo", "started")))
    shutil.rmtree(bundle.root)
    subprocess.run(["cp", "-a", f"{h.work}/template", bundle.root], check=True)
    if change:
        change(bundle)
    pack(bundle, *options)
    shutil.rmtree(bundle.root)
    bundle.path = shutil.move(bundle.path, DISK)
    bundle.c["root"] = {"path": "rootfs.erofs", "readonly": True}
    bundle.file = f"{bundle.path}/rootfs.erofs"
    return bundle


def signed(*args, **more):
    bundle = image(*args, **more)
    sign(bundle)
    return bundle


def starts(bundle, out="started\n", **more):
    r = run(bundle, level=members(**more))
    equal((r.status, r.out), (0, out), r.err)


def refused(bundle, *words, **more):
    bundle.save()
    with h.unchanged():
        r = hrun("--debug", "run", "-b", bundle.path, new_id(), level=members(**more))
    equal((r.status, r.out), (125, ""), r.err)
    for word in words:
        contains(r.err, word)


def verify(bundle, status=0, **more):
    r = hrun("verify", "--format", "json", bundle.path, level=members(**more))
    equal(r.status, status, repr(r))
    return json.loads(r.out)


# ---- what is mounted ----


@test
def the_root_is_the_file():
    def more(bundle):
        os.mknod(f"{bundle.root}/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.chmod(f"{bundle.root}/null", 0o666)
        os.chmod(f"{bundle.root}/bin/probe", 0o4755)
        h.write(f"{bundle.root}/etc/word", "packed\n")
    bundle = signed("sleep", "100", change=more)
    with started(bundle, level=members()) as c:
        line = next(line for line in read(f"/proc/{c.pid}/mountinfo").splitlines() if line.split()[4] == "/")
        fields = line.split()
        equal(fields[fields.index("-") + 1], "erofs", line)
        for word in ("ro", "nodev"):
            assert word in fields[5].split(","), line
        equal(c.exec("cat", "/etc/word").out, "packed\n")
        contains(c.exec("touch", "/x").err, "Read-only file system")
        contains(c.exec("sh", "-c", "exec </null").err, "Permission denied")
        equal(os.statvfs(f"/proc/{c.pid}/root/").f_flag & os.ST_RDONLY, os.ST_RDONLY)
        state = c.state()
        digest = verify(bundle)["imageDigest"]
        contains(json.dumps(state), digest)
        equal(state.get("rootfs"), None, "no directory of the host")
    done = subprocess.run(["sha256sum", bundle.file], capture_output=True, text=True, check=True)
    equal(digest, "sha256:" + done.stdout.split()[0])


@test
def it_is_compressed_or_not():
    starts(signed(options=("-zlz4",)))


@test
def in_a_user_namespace():
    bundle = signed("cat", "/proc/self/uid_map")
    bundle.user_namespace()
    sign(bundle)
    r = run(bundle, level=members())
    equal(r.status, 0, r.err)
    equal(r.out.split(), ["0", "100000", "65536"])


@test
def nothing_stays_mounted():
    bundle = signed()
    before = read("/proc/self/mountinfo")
    starts(bundle)
    equal(read("/proc/self/mountinfo"), before)
    os.unlink(bundle.file)


# ---- who must have signed it ----


@test
def a_file_that_nobody_signed_is_not_mounted():
    bundle = image()
    for level in ("privileged", "baseline", "restricted"):
        refused(bundle, "rootfs.erofs", "is a file", level=level)
    refused(bundle, "is a file", require="warn")
    bundle = signed()
    for members_ in ({"level": "baseline"}, {"level": "privileged"}, {"level": "baseline", "images": {"require": "off"}},
                     {"level": "baseline", "rules": {"image-signature-missing": "off"}}):
        r = run(bundle, level=members_)
        equal((r.status, r.out), (125, ""), r.err)
        contains(r.err, "is a file")
        contains(hrun("plan", bundle.path, level=members_).err, "is a file")
        if members_ == {"level": "baseline"}:
            contains(r.err, "sign the bundle (hrun sign) with a key of images.trust, with images.require signed; or unpack the root")
            for word in ("chown", "waive"):
                assert word not in r.err, r.err
    starts(bundle)
    starts(bundle, require="warn")


@test
def no_waiver_is_a_signature():
    """That of a class may waive the rule; the plan refuses all the same."""
    bundle = image().save()
    waivers = [{"rule": rule, "match": {"cgroup": "*"}, "reason": "this is a test", "owner": "me", "expires": h.days_from_now(5)}
               for rule in ("image-signature-missing", "rootfs-permissions")]
    os.makedirs("/etc/hrun", exist_ok=True)
    os.symlink(HRUN, f"{h.work}/hrun-loose")
    for require in ("signed", "warn"):
        h.write("/etc/hrun/loose.json", json.dumps({"format": 1, **members(require), "waivers": waivers}), 0o644)
        done = subprocess.run([f"{h.work}/hrun-loose", "--debug", "run", "-b", bundle.path, new_id()], capture_output=True, text=True)
        equal(done.stdout, "")
        contains(done.stderr, "nobody whom the policy file trusts has signed it")
        contains(done.stderr, "waived")
    os.unlink("/etc/hrun/loose.json")


@test
def a_stranger_does_not_count():
    bundle = image()
    sign(bundle, "stranger")
    refused(bundle, "It was not made by the key")
    sign(bundle)
    starts(bundle)


@test
def check_and_verify_agree():
    bundle = signed()
    equal(hrun("check", bundle.path, level=members()).status, 0)
    equal(verify(bundle)["verdict"], "accept")
    with open(bundle.file, "r+b") as f:
        f.seek(5000)
        f.write(b"X")
    r = hrun("check", bundle.path, level=members("warn"))
    equal(r.status, 1)
    contains(r.out, "image-signature-missing")
    answer = verify(bundle, 1)
    equal((answer["verdict"], answer["stage"]), ("reject", "manifest"))
    contains(hrun("plan", signed().path, level=members()).out, "rootfs    erofs")


@test
def an_ordinary_user_may_check_and_not_start():
    bundle = signed()
    for path in (h.work, bundle.path):
        os.chmod(path, 0o755)
    user = ["setpriv", "--reuid", "1234", "--regid", "1234", "--clear-groups"]
    r = hrun("verify", bundle.path, level=members(), prefix=user)
    equal(r.status, 0, r.err)
    r = hrun("plan", bundle.path, level=members(), prefix=user)
    equal(r.status, 0)
    contains(r.err, "takes root of the host")


# ---- another file ----


@test
def each_changed_byte_counts():
    bundle = signed()
    data = open(bundle.file, "rb").read()
    for at in (0, 1030, 1024 + 100, len(data) // 2, len(data) - 1):
        with open(bundle.file, "r+b") as f:
            f.seek(at)
            f.write(bytes([data[at] ^ 1]))
        refused(bundle, "the root's file is another one than was signed")
        with open(bundle.file, "r+b") as f:
            f.seek(at)
            f.write(data[at:at + 1])
    for size in (0, 1000, 1024, len(data) - 1, len(data) + 1):
        os.truncate(bundle.file, size)
        refused(bundle, "no EROFS image" if size < 1025 else "another one than was signed")
        with open(bundle.file, "wb") as f:
            f.write(data)
    starts(bundle)


@test
def what_is_no_image():
    bundle = signed()
    other = f"{bundle.path}/other"
    os.rename(bundle.file, other)
    os.symlink("other", bundle.file)
    refused(bundle, "symbolic link")
    os.unlink(bundle.file)
    os.mkfifo(bundle.file)
    refused(bundle, "is no directory")
    os.unlink(bundle.file)
    with open(bundle.file, "wb") as f:
        f.write(b"hsqs" + b"\0" * 8192)
    contains(sign(bundle, status=1), "no EROFS image")
    refused(bundle, "is a file and no EROFS image")
    os.unlink(bundle.file)
    os.rename(other, bundle.file)
    starts(bundle)
    bundle.c["root"]["path"] = f"../{os.path.basename(bundle.path)}/rootfs.erofs"
    contains(sign(bundle, status=1), "leads out of the bundle")
    bundle.c["root"]["path"] = "rootfs.erofs/"
    refused(bundle, "is no directory")


@test
def content_in_other_files_is_none():
    """mkfs.erofs can put content into a file that the image names; the signature would not cover it."""
    blob = f"{h.work}/blob"
    bundle = image(options=(f"--blobdev={blob}", "--chunksize=4096"))
    contains(sign(bundle, status=1), "content in other files")
    h.write(f"{bundle.path}/rootfs.{'0' * 16}.sigstore.json", "{}")
    refused(bundle, "content in other files")


@test
def a_place_that_others_can_write():
    bundle = signed()
    for path in (bundle.path, bundle.file):
        with changed(path, mode=0o777):
            refused(bundle, path, "writable by group or others")
        with changed(path, mode=0o720):
            refused(bundle, path, "writable by group or others")
        with changed(path, uid=1234):
            refused(bundle, path, "belongs to uid 1234")
    starts(bundle)


class Opened:
    """Each time that the file is opened for reading, by hrun or by the kernel for it, the opener waits until ACTION(number) is done."""

    ALLOW, OPEN_PERM, EVENT = 1, 0x10000, "IBBHQii"

    def __init__(self, path, action):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.fanotify_init(0x4 | 0x1, os.O_RDONLY | os.O_CLOEXEC)  # FAN_CLASS_CONTENT, FAN_CLOEXEC
        if self.fd < 0 or libc.fanotify_mark(self.fd, 1, ctypes.c_uint64(self.OPEN_PERM), -100, path.encode()) < 0:
            raise h.Skip("no permission events of fanotify here")
        self.action, self.count = action, 0
        self.reader = threading.Thread(target=self.answer, daemon=True)

    def answer(self):
        while select.select([self.fd, self.stop], [], [])[0] == [self.fd]:
            for event in struct.iter_unpack(self.EVENT, os.read(self.fd, 4096)):
                self.count += 1
                self.action(self.count)
                os.write(self.fd, struct.pack("iI", event[5], self.ALLOW))
                os.close(event[5])

    def __enter__(self):
        self.stop, self.end = os.pipe()
        self.reader.start()
        return self

    def __exit__(self, *_):
        os.write(self.end, b"x")
        self.reader.join()
        for fd in (self.fd, self.stop, self.end):
            os.close(fd)


@test
def another_file_under_its_name_while_it_is_looked_at():
    evil = image("cat", "/etc/word", change=lambda b: h.write(f"{b.root}/etc/word", "evil\n"))
    ends = []
    for at in range(1, 5):
        bundle = signed("cat", "/etc/word", change=lambda b: h.write(f"{b.root}/etc/word", "signed\n"))
        new = shutil.copy(evil.file, f"{bundle.path}/new")
        with Opened(bundle.file, lambda number: number == at and os.rename(new, bundle.file)) as opened:
            r = run(bundle, level=members())
        assert r.out in ("", "signed\n") and (r.status == 0) == bool(r.out), f"exchanged at {at}: {r}"
        ends.append(r.status)
        equal(opened.count, 1 if at == 1 else 3, "read; judged where it is, mounted")
    equal(ends, [125, 0, 0, 0], "by when it was exchanged")


class Lying:
    """A FUSE server, below MOUNTPOINT, of FILES (name to bytes); whoever has read all of LIED gets INSTEAD from then on."""

    HEADER, ATTR = "<IIQQIIII", "<QQQQQQIIIIIIIIII"
    LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR = 1, 2, 3, 14, 15, 17, 18, 25, 26, 27, 28, 29

    def __init__(self, mountpoint, files, lied, instead):
        self.names, self.files, self.lied, self.instead = sorted(files), files, lied, instead
        self.mountpoint = mountpoint
        node = f"{DISK}/fuse"
        os.mknod(node, stat.S_IFCHR | 0o600, os.makedev(10, 229))
        try:
            self.fd = os.open(node, os.O_RDWR)
        except OSError as e:
            raise h.Skip(f"no FUSE here: {e}")
        finally:
            os.unlink(node)
        options = f"fd={self.fd},rootmode=40755,user_id=0,group_id=0,allow_other".encode()
        if ctypes.CDLL(None).mount(b"lying", mountpoint.encode(), b"fuse", 0, options) < 0:
            raise h.Skip("FUSE cannot be mounted here")
        self.reader = threading.Thread(target=self.serve, daemon=True)

    def attributes(self, node):
        size, mode = (0, stat.S_IFDIR | 0o755) if node == 1 else (len(self.files[self.names[node - 2]]), stat.S_IFREG | 0o644)
        return struct.pack(self.ATTR, node, size, (size + 511) // 512, 1, 1, 1, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def read(self, node, body):
        _, offset, size = struct.unpack_from("<QQI", body)
        name = self.names[node - 2]
        data = self.files[name]
        if name == self.lied and offset + size >= len(data):
            self.files = {**self.files, name: self.instead}
        return data[offset:offset + size]

    def list(self, body):
        if struct.unpack_from("<QQ", body)[1]:
            return b""
        entries = [(at + 2, name.encode()) for at, name in enumerate(self.names)]
        return b"".join(struct.pack("<QQII", node, node - 1, len(name), 8) + name + bytes(-len(name) % 8) for node, name in entries)

    def reply(self, op, node, body):
        if op == self.INIT:
            return struct.pack("<IIIIHHI", 7, 22, 65536, 0, 0, 0, 131072)
        if op == self.LOOKUP and body.rstrip(b"\0").decode() in self.names:
            node = self.names.index(body.rstrip(b"\0").decode()) + 2
            return struct.pack("<QQQQII", node, 0, 0, 0, 0, 0) + self.attributes(node)
        if op == self.GETATTR:
            return struct.pack("<QII", 0, 0, 0) + self.attributes(node)
        if op in (self.OPEN, self.OPENDIR):
            return struct.pack("<QII", 7, 1 if op == self.OPEN else 0, 0)  # FOPEN_DIRECT_IO
        if op == self.STATFS:
            return struct.pack("<QQQQQIIII24x", 1000, 500, 500, 100, 50, 4096, 255, 4096, 0)
        return {self.READ: lambda: self.read(node, body), self.READDIR: lambda: self.list(body), self.LOOKUP: lambda: errno.ENOENT,
                self.RELEASE: bytes, self.RELEASEDIR: bytes, self.FLUSH: bytes}.get(op, lambda: errno.ENOSYS)()

    def serve(self):
        with contextlib.suppress(OSError):  # ENODEV: unmounted
            while True:
                message = os.read(self.fd, 1 << 20)
                _, op, unique, node, *_ = struct.unpack_from(self.HEADER, message)
                if op == self.FORGET:
                    continue
                answer = self.reply(op, node, message[struct.calcsize(self.HEADER):])
                failed, data = (answer, b"") if isinstance(answer, int) else (0, answer)
                with contextlib.suppress(FileNotFoundError):  # who asked is gone
                    os.write(self.fd, struct.pack("<IiQ", 16 + len(data), -failed, unique) + data)

    def __enter__(self):
        self.reader.start()
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.mountpoint], check=True)
        self.reader.join(10)
        os.close(self.fd)


@test
def a_server_that_gives_other_bytes_later():
    """Signed when it is hashed, and another one when the kernel reads it for the mount: nothing of that may start."""
    bundle = signed("cat", "/etc/word", change=lambda b: h.write(f"{b.root}/etc/word", "signed-word\n"), options=("-Enosbcrc",))
    files = {entry.name: open(entry.path, "rb").read() for entry in os.scandir(bundle.path) if entry.is_file()}
    evil = files["rootfs.erofs"].replace(b"signed-word", b"EVIL!!-word")
    assert evil != files["rootfs.erofs"]
    bundle.path = f"{DISK}/served"
    os.mkdir(bundle.path)
    with Lying(bundle.path, files, "rootfs.erofs", evil):
        r = hrun("run", "-b", bundle.path, new_id(), level=members())
    equal((r.status, r.out), (125, ""), r.err)
    for word in ("copy the bundle to a local disk", "the server of this file system (0x65735546) can give other bytes later"):
        contains(r.err, word)


@test
def no_file_on_memory():
    bundle = signed()
    memory = shutil.copytree(bundle.path, f"{h.work}/memory")
    r = hrun("run", "-b", memory, new_id(), level=members())
    equal((r.status, r.out), (125, ""), r.err)
    contains(r.err, "copy the bundle to a local disk")


@test
def another_config():
    bundle = signed()
    bundle.process["args"] = ["echo", "not", "signed"]
    refused(bundle, "config.json is another one")


@test
def a_signature_of_the_other_format():
    """A directory's for a file and a file's for a directory, under the same name."""
    tree = Bundle("echo", "started")
    shutil.rmtree(tree.root)
    subprocess.run(["cp", "-a", f"{h.work}/template", tree.root], check=True)
    os.chmod(tree.path, 0o700)
    sign(tree)
    name = next(n for n in os.listdir(tree.path) if n.endswith(".sigstore.json"))
    old = read(f"{tree.path}/{name}")
    file = signed()
    new = read(f"{file.path}/{name}")
    h.write(f"{file.path}/{name}", old)
    refused(file, "urn:hrun:bundle:1")
    h.write(f"{tree.path}/{name}", new)
    r = run(tree, level=members())
    equal(r.status, 125)
    contains(r.err, "urn:hrun:bundle:2")
    h.write(f"{tree.path}/{name}", old)
    r = run(tree, level=members())
    equal((r.status, r.out), (0, "started\n"), r.err)


@test
def denied_digests():
    bundle = signed()
    digest, other = verify(bundle)["imageDigest"], "sha256:" + "0" * 64
    starts(bundle, denyDigests=[other], allowDigests=[digest])
    refused(bundle, f"{digest} does not stand in images.allowDigests", allowDigests=[other])
    for spoil in (False, True):
        if spoil:
            name = next(n for n in os.listdir(bundle.path) if n.endswith(".sigstore.json"))
            h.write(f"{bundle.path}/{name}", "{}")
        for verb, status in (("run", 125), ("plan", 1), ("check", 1)):
            r = hrun(verb, bundle.path, *([new_id()] if verb == "run" else []), level=members(denyDigests=[digest]))
            equal((r.status, r.out), (status, ""), f"{verb} {r.err}")
            contains(r.err, f"hrun: refused: {digest} stands in images.denyDigests of `")


@test
def no_file_is_read_for_nothing():
    """A sparse one that nobody would live to see read."""
    bundle = image()
    bundle.save()
    os.truncate(bundle.file, 900 << 30)
    refused(bundle, "nobody has signed the bundle")
    refused(bundle, "is a file", require="warn")
    with open(f"{bundle.path}/rootfs.0123456789abcdef.sigstore.json", "w") as f:
        f.write("{}")
    with changed(bundle.path, mode=0o777):
        refused(bundle, "writable by group or others")
    os.truncate(bundle.file, (1 << 40) + 1)
    refused(bundle, "the root's file is larger than 1 TiB")
    refused(bundle, "larger than 1 TiB", denyDigests=["sha256:" + "0" * 64])


# ---- what it cannot be ----


@test
def nobody_writes_to_it():
    bundle = image()
    bundle.c["root"]["readonly"] = False
    sign(bundle)
    r = run(bundle, level=members(level="privileged"))
    equal(r.status, 125)
    contains(r.err, "root.readonly", "set it to true")


def with_mount(source, options, kind="bind", args=("echo", "started")):
    bundle = image(*args, change=lambda b: os.mkdir(f"{b.root}/there"))
    bundle.mount("/there", kind, source(bundle), options)
    sign(bundle)
    return bundle


@contextlib.contextmanager
def mounted_again(path):
    os.mkdir(path)
    subprocess.run(["mount", "--bind", DISK, path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


@test
def no_container_writes_below_its_own_root():
    os.mkdir(f"{DISK}/other")
    with mounted_again(f"{h.work}/again") as again:
        for place in (lambda b: b.path, lambda b: b.file, lambda b: ".", lambda b: DISK, lambda b: "/", lambda b: f"{again}/{os.path.basename(b.path)}"):
            for options in (["bind"], ["rbind", "ro"], ["bind", "ro", "rw"]):
                refused(with_mount(place, options), "mounts[", ".source: the container could write to the EROFS image", "read-only (rro)", level="privileged")
    for options in (["bind", "ro"], ["rbind", "rro"]):
        r = run(with_mount(lambda b: b.path, options, args=("touch", "/there/rootfs.erofs")), level=members(level="privileged"))
        contains(r.err, "Read-only file system")
    starts(with_mount(lambda b: f"{DISK}/other", ["bind"]), level="privileged")


@test
def no_overlay_writes_there_either():
    os.mkdir(f"{DISK}/layers")
    for name in ("lower", "upper", "work"):
        os.mkdir(f"{DISK}/layers/{name}")
    for upper in (True, False):
        bundle = with_mount(lambda b: "overlay", [], kind="overlay")
        bundle.c["mounts"][-1]["options"] = [f"lowerdir={DISK}/layers/lower", f"workdir={DISK}/layers/work", f"upperdir={bundle.path if upper else DISK + '/layers/upper'}"]
        sign(bundle)
        if upper:
            refused(bundle, "mounts[", ".options: upperdir: ", "could write to the EROFS image", level="privileged")
        else:
            starts(bundle, level="privileged")


@test
def mount_points_must_be_there():
    bundle = image()
    bundle.mount("/missing", "tmpfs", "tmpfs", ["size=64k"])
    sign(bundle)
    refused(bundle, "mounts[", "is not in the EROFS image", "/missing")
    r = hrun("plan", bundle.path, level=members())
    contains(r.err, "mkdir it before mkfs.erofs")
    for place in ("/a-file", "/a-file/below"):
        bundle = image(change=lambda b: open(f"{b.root}/a-file", "w").close())
        bundle.mount(place, "tmpfs", "tmpfs", ["size=64k"])
        sign(bundle)
        contains(hrun("plan", bundle.path, level=members()).err, f"destination: {place} in the EROFS image", "no directory; change it before mkfs.erofs")
        refused(bundle, "no directory")
    bundle = image(change=lambda b: os.mkdir(f"{b.root}/there"))
    bundle.mount("/there", "tmpfs", "tmpfs", ["size=64k", "mode=755"])
    bundle.mount("/there/below", "tmpfs", "tmpfs", ["size=64k"])
    sign(bundle)
    starts(bundle)


main()
