# SPDX-License-Identifier: Apache-2.0
"""signed_image.py - images as OCI layouts, layer by layer, and signatures of them as cosign writes them (ECDSA P-256), with nothing but Python."""
import base64
import gzip
import hashlib
import io
import json
import os
import shutil
import stat
import tarfile

# ---- ECDSA over P-256 (FIPS 186-5): slow, readable, for tests ----

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296, 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and a[1] != b[1]:
        return None
    slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(k, point):
    result = None
    while k:
        if k & 1:
            result = add(result, point)
        point, k = add(point, point), k >> 1
    return result


def der_integer(value):
    data = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return b"\x02" + bytes([len(data)]) + data


class Key:
    def __init__(self, seed):
        self.secret = int.from_bytes(hashlib.sha256(seed.encode()).digest(), "big") % N
        x, y = times(self.secret, G)
        self.spki = SPKI + b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")

    def pem(self):
        return "-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(self.spki).decode() + "-----END PUBLIC KEY-----\n"

    def sign(self, message):
        digest = hashlib.sha256(message).digest()
        k = int.from_bytes(hashlib.sha256(self.secret.to_bytes(32, "big") + digest).digest(), "big") % N
        r = times(k, G)[0] % N
        s = pow(k, -1, N) * (int.from_bytes(digest, "big") + r * self.secret) % N
        body = der_integer(r) + der_integer(s)
        return b"\x30" + bytes([len(body)]) + body


# ---- layers ----

TYPES = {"f": tarfile.REGTYPE, "d": tarfile.DIRTYPE, "l": tarfile.SYMTYPE, "h": tarfile.LNKTYPE, "p": tarfile.FIFOTYPE, "c": tarfile.CHRTYPE}


def entry(name, kind="f", data=b"", mode=None, uid=0, gid=0, link="", device=(0, 0), **xattrs):
    info = tarfile.TarInfo(name)
    info.type, info.uid, info.gid, info.mtime, info.linkname = TYPES[kind], uid, gid, 1600000000, link
    info.mode = mode if mode is not None else 0o755 if kind == "d" else 0o644
    info.size = len(data) if kind == "f" else 0
    info.devmajor, info.devminor = device
    info.pax_headers = {"SCHILY.xattr." + key.replace("__", "."): value for key, value in xattrs.items()}
    return info, data


def layer(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return out.getvalue()


def unpack(archive, top, make_parents):
    """A layer as engines unpack it: whiteouts are devices 0:0; MAKE_PARENTS(path) makes a directory that the archive only implies."""
    os.makedirs(top, 0o755)
    whole = tarfile.open(fileobj=io.BytesIO(archive))
    for info in whole:
        path, name = f"{top}/{os.path.normpath(info.name)}", os.path.basename(info.name.rstrip("/"))
        parent = os.path.dirname(path)
        make_parents(parent)
        if info.name == "./":
            continue
        if name == ".wh..wh..opq":
            os.setxattr(parent, "trusted.overlay.opaque", b"y")
            continue
        if name.startswith(".wh."):
            os.mknod(f"{parent}/{name[4:]}", stat.S_IFCHR, 0)
            continue
        if info.isdir():
            os.makedirs(path, exist_ok=True)
        elif info.issym():
            os.symlink(info.linkname, path)
        elif info.islnk():
            os.link(f"{top}/{info.linkname}", path)
            continue
        elif info.isfifo():
            os.mkfifo(path)
        else:
            with open(path, "wb") as f:
                f.write(whole.extractfile(info).read())
        os.lchown(path, info.uid, info.gid)
        if not info.issym():
            os.chmod(path, info.mode)
        for key, value in info.pax_headers.items():
            if key.startswith("SCHILY.xattr."):
                os.setxattr(path, key[13:], value.encode("latin1"))


def chains_of(layers):
    """What containerd calls the snapshots of LAYERS, the lowest first (image specification, "Layer ChainID")."""
    chain = ""
    for data in layers:
        diff_id = "sha256:" + hashlib.sha256(data).hexdigest()
        chain = "sha256:" + hashlib.sha256(f"{chain} {diff_id}".encode()).hexdigest() if chain else diff_id
        yield chain


def busybox_layer():
    """What a container needs to say something."""
    names = ("sh", "cat", "ls", "id", "true", "sleep", "touch", "echo", "rm", "chmod", "stat", "grep")
    return layer(entry("bin/", "d"), entry("bin/busybox", data=open("/bin/busybox", "rb").read(), mode=0o755),
                 *(entry("bin/" + name, "l", link="busybox") for name in names), entry("etc/", "d"),
                 entry("etc/passwd", data=b"root:x:0:0:root:/root:/bin/sh\n"), entry("tmp/", "d", mode=0o1777))


CAPABILITY = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"


def full_image():
    """Every kind of entry, in three layers."""
    first = layer(
        entry("usr/implied/file", data=b"implied\n"), entry("usr/linked", "h", link="usr/implied/file"), entry("usr/fifo", "p"),
        entry("usr/data", data=b"d" * 3000), entry("usr/able", data=b"x", mode=0o755, security__capability=CAPABILITY, user__note="bar"),
        entry("usr/owned", data=b"own", uid=1000, gid=1001, mode=0o4755), entry("usr/empty"), entry("usr/link", "l", link="/etc/passwd", uid=7),
        entry("old/", "d", mode=0o700, uid=5), entry("old/gone", data=b"a"), entry("old/kept", data=b"b"), entry("hidden/", "d"),
        entry("hidden/x", data=b"x"), entry("replaced/", "d"), entry("replaced/z"), entry("work/", "d", mode=0o1777))
    second = layer(
        entry("old/.wh.gone"), entry("hidden/", "d"), entry("hidden/.wh..wh..opq"), entry("hidden/new", data=b"new\n"), entry(".wh.replaced"),
        entry("old/new", data=b"n"), entry("a" * 120 + "/" + "b" * 120, data=b"long"), entry("\u00e9t\u00e9", data=b"name"))
    third = layer(entry("./", "d"), entry("./last", data=b"last"))
    return [busybox_layer(), first, second, third]


# ---- what may be done to that image's files in an engine's store ----

def edit(path, data, at=0):
    with open(path, "r+b") as f:
        f.seek(at)
        f.write(data)


def remake(path, make):
    """Another entry in the place of PATH."""
    os.unlink(path)
    make(path)


def write(path, data="x"):
    with open(path, "w") as f:
        f.write(data)


# name, layer (from 1), what is changed, how, what the refusal must say
CHANGES = [
    ("one byte", 2, "usr/data", lambda p: edit(p, b"X", 1500), "usr/data: its content"),
    ("one byte of the program", 1, "bin/busybox", lambda p: edit(p, b"X", 100000), "bin/busybox: its content"),
    ("one byte more", 2, "usr/data", lambda p: edit(p, b"X", 3000), "usr/data has 3001 bytes"),
    ("mode", 2, "usr/data", lambda p: os.chmod(p, 0o666), "usr/data has the mode 0666"),
    ("setuid bit", 1, "bin/busybox", lambda p: os.chmod(p, 0o4755), "bin/busybox has the mode 4755"),
    ("lost setuid bit", 2, "usr/owned", lambda p: os.chmod(p, 0o755), "usr/owned has the mode 0755"),
    ("owner", 2, "usr/data", lambda p: os.chown(p, 1, 0), "usr/data belongs to 1:0"),
    ("group", 2, "usr/data", lambda p: os.chown(p, 0, 1), "usr/data belongs to 0:1"),
    ("owner of a link", 2, "usr/link", lambda p: os.lchown(p, 8, 0), "usr/link belongs to 8:0"),
    ("new attribute", 2, "usr/data", lambda p: os.setxattr(p, "user.new", b"1"), "usr/data has an attribute that it has not in the image: user.new"),
    ("other attribute", 2, "usr/able", lambda p: os.setxattr(p, "user.note", b"baz"), "usr/able has another attribute user.note"),
    ("lost attribute", 2, "usr/able", lambda p: os.removexattr(p, "user.note"), "usr/able lacks an attribute"),
    ("other capability", 2, "usr/able", lambda p: os.setxattr(p, "security.capability", CAPABILITY.replace("\x04", "\x08").encode("latin1")), "usr/able has another attribute security.capability"),
    ("lost capability", 2, "usr/able", lambda p: os.removexattr(p, "security.capability"), "usr/able lacks an attribute"),
    ("new file", 2, "usr/new", write, "usr/new is not in the image"),
    ("new file at the top", 4, "new", write, "new is not in the image"),
    ("new directory", 2, "usr/newdir", os.mkdir, "usr/newdir is not in the image"),
    ("new whiteout", 2, "bin", lambda p: os.mknod(p, 0o20000, 0), "bin is not in the image"),
    ("lost file", 2, "usr/empty", os.unlink, "usr/empty is missing"),
    ("lost link", 1, "bin/sleep", os.unlink, "bin/sleep is missing"),
    ("swapped link", 1, "bin/sleep", lambda p: remake(p, lambda q: os.symlink("/work/x", q)), "bin/sleep leads to /work/x"),
    ("a file for a link", 1, "bin/sleep", lambda p: remake(p, write), "bin/sleep is a file, and in the image a symbolic link"),
    ("a link for a file", 2, "usr/data", lambda p: remake(p, lambda q: os.symlink("empty", q)), "usr/data is a symbolic link"),
    ("a file for a FIFO", 2, "usr/fifo", lambda p: remake(p, write), "usr/fifo is a file, and in the image a FIFO"),
    ("a FIFO for a file", 2, "usr/data", lambda p: remake(p, os.mkfifo), "usr/data is a FIFO"),
    ("broken hard link", 2, "usr/linked", lambda p: remake(p, lambda q: shutil.copy2(p.replace("linked", "implied/file"), q)), "usr/linked and usr/implied/file are two files"),
    ("new hard link", 2, "usr/again", lambda p: os.link(p.replace("again", "data"), p), "has a name outside of the layer or one more in it|usr/again is not in the image"),
    ("mode of a directory", 2, "old", lambda p: os.chmod(p, 0o755), "old has the mode 0755"),
    ("mode of an implied directory", 2, "usr/implied", lambda p: os.chmod(p, 0o777), "usr/implied: a directory that the image only implies"),
    ("attribute of an implied directory", 2, "usr/implied", lambda p: os.setxattr(p, "user.x", b"1"), "usr/implied: a directory that the image only implies"),
    ("lost whiteout", 3, "old/gone", os.unlink, "old/gone is missing"),
    ("a file for a whiteout", 3, "replaced", lambda p: remake(p, write), "replaced is a file, and in the image it is hidden"),
    ("no longer opaque", 3, "hidden", lambda p: os.removexattr(p, "trusted.overlay.opaque"), "hidden: the directory shows"),
    ("opaque", 3, "old", lambda p: os.setxattr(p, "trusted.overlay.opaque", b"y"), "old: the directory hides"),
    ("opaque top", 4, ".", lambda p: os.setxattr(p, "trusted.overlay.opaque", b"y"), "the directory hides"),
    ("redirected", 3, "old", lambda p: os.setxattr(p, "trusted.overlay.redirect", b"/usr"), "old has an attribute|old: a directory that the image only implies has an attribute"),
    ("writable layer", 2, ".", lambda p: os.chmod(p, 0o777), "writable by group or others"),
    ("layer of somebody", 2, ".", lambda p: os.chown(p, 1000, 0), "belongs to uid 1000"),
]


# ---- the record that containers/storage keeps of an archive (tar-split) ----

def crc64(data):
    """ISO 3309, as Go's hash/crc64."""
    value = ~0 & (1 << 64) - 1
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xD800000000000000 if value & 1 else 0)
    return (~value & (1 << 64) - 1).to_bytes(8, "big")


def record_of(data):
    lines, raw = [], 0

    def add(**line):
        lines.append({**line, "position": len(lines)})

    for info in tarfile.open(fileobj=io.BytesIO(data)):
        size = info.size if info.isreg() else 0
        add(type=2, payload=base64.b64encode(data[raw:info.offset_data]).decode())
        content = {"size": size, "payload": base64.b64encode(crc64(data[info.offset_data:info.offset_data + size])).decode()} if size else {"payload": None}
        add(type=1, name=info.name, **content)
        raw = info.offset_data + size
    add(type=2, payload=base64.b64encode(data[raw:]).decode())
    return gzip.compress("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode())


# ---- layouts ----

OCI = "application/vnd.oci.image."


class Layout:
    def __init__(self, path):
        self.path, self.manifests = path, []
        os.makedirs(f"{path}/blobs/sha256")
        with open(f"{path}/oci-layout", "w") as f:
            f.write('{"imageLayoutVersion":"1.0.0"}')
        self.save()

    def blob(self, media_type, data):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{self.path}/blobs/sha256/{digest}", "wb") as f:
            f.write(data)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}

    def name(self, descriptor, name):
        self.manifests.append({**descriptor, "annotations": {"org.opencontainers.image.ref.name": name}})
        self.save()

    def save(self):
        with open(f"{self.path}/index.json", "w") as f:
            json.dump({"schemaVersion": 2, "manifests": self.manifests}, f)

    def image(self, name, layers, compress=1, created=None, **config):
        """The descriptor of an image's manifest; COMPRESS is gzip's level."""
        blobs = [self.blob(OCI + "layer.v1.tar+gzip", gzip.compress(data, compress, mtime=0)) if compress else self.blob(OCI + "layer.v1.tar", data) for data in layers]
        document = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"], **config},
                    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(data).hexdigest() for data in layers]},
                    **({"created": created} if created else {})}
        manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                    "config": self.blob(OCI + "config.v1+json", json.dumps(document).encode()), "layers": blobs}
        descriptor = self.blob(OCI + "manifest.v1+json", json.dumps(manifest).encode())
        self.name(descriptor, name)
        return descriptor

    def index(self, name, descriptor):
        """The descriptor of an index with this one image."""
        platform = {"architecture": "amd64", "os": "linux"}
        document = {"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [{**descriptor, "platform": platform}]}
        made = self.blob(OCI + "index.v1+json", json.dumps(document).encode())
        self.name(made, name)
        return made

    def sign(self, descriptor, key, reference):
        """As `cosign sign --key` of the legacy format leaves it beside the image."""
        payload = json.dumps({"critical": {"identity": {"docker-reference": reference}, "image": {"docker-manifest-digest": descriptor["digest"]},
                                           "type": "cosign container image signature"}, "optional": None}).encode()
        signature = self.blob("application/vnd.dev.cosign.simplesigning.v1+json", payload)
        signature["annotations"] = {"dev.cosignproject.cosign/signature": base64.b64encode(key.sign(payload)).decode()}
        manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": self.blob(OCI + "config.v1+json", b"{}"), "layers": [signature]}
        self.name(self.blob(OCI + "manifest.v1+json", json.dumps(manifest).encode()), descriptor["digest"].replace(":", "-") + ".sig")
