# SPDX-License-Identifier: Apache-2.0
"""signed_image.py - images as OCI layouts, layer by layer, and signatures of them as cosign writes them (ECDSA P-256), with nothing but Python."""
import base64
import gzip
import hashlib
import io
import json
import os
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


def busybox_layer():
    """What a container needs to say something."""
    names = ("sh", "cat", "ls", "id", "true", "sleep", "touch", "echo", "rm", "chmod", "stat", "grep")
    return layer(entry("bin/", "d"), entry("bin/busybox", data=open("/bin/busybox", "rb").read(), mode=0o755),
                 *(entry("bin/" + name, "l", link="busybox") for name in names), entry("etc/", "d"),
                 entry("etc/passwd", data=b"root:x:0:0:root:/root:/bin/sh\n"), entry("tmp/", "d", mode=0o1777))


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

    def image(self, name, layers, compress=True, **config):
        """The descriptor of an image's manifest."""
        blobs = [self.blob(OCI + "layer.v1.tar+gzip", gzip.compress(data, 1, mtime=0)) if compress else self.blob(OCI + "layer.v1.tar", data) for data in layers]
        document = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"], **config},
                    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(data).hexdigest() for data in layers]}}
        manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                    "config": self.blob(OCI + "config.v1+json", json.dumps(document).encode()), "layers": blobs}
        descriptor = self.blob(OCI + "manifest.v1+json", json.dumps(manifest).encode())
        self.name(descriptor, name)
        return descriptor

    def sign(self, descriptor, key, reference):
        """As `cosign sign --key` of the legacy format leaves it beside the image."""
        payload = json.dumps({"critical": {"identity": {"docker-reference": reference}, "image": {"docker-manifest-digest": descriptor["digest"]},
                                           "type": "cosign container image signature"}, "optional": None}).encode()
        signature = self.blob("application/vnd.dev.cosign.simplesigning.v1+json", payload)
        signature["annotations"] = {"dev.cosignproject.cosign/signature": base64.b64encode(key.sign(payload)).decode()}
        manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": self.blob(OCI + "config.v1+json", b"{}"), "layers": [signature]}
        self.name(self.blob(OCI + "manifest.v1+json", json.dumps(manifest).encode()), descriptor["digest"].replace(":", "-") + ".sig")
