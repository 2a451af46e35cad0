#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""The store of containers/storage, made here, under a real overlay: what `hrun plan` says of a root that is the signed image, or nearly.

As podman unpacks it (seen with 4.3 and 5.4): directories on the way 0755, the top directory 0555, whiteouts as devices 0:0, opaque directories by
their attribute.  tests/engines/signed_podman.py has the real engine; this runs everywhere, and with sanitizers.
"""
import base64
import hashlib
import io
import json
import os
import stat
import subprocess
import sys
import tarfile

TESTS, HRUN = os.environ["TESTS"], os.environ["HRUN"]
sys.path.insert(0, f"{TESTS}/engines")
from engine_root import BUNDLE, KEY, OTHER, accepted, check, finish, kept, plan, policy, prepare, refused  # noqa: E402
from signed_image import CHANGES, Layout, entry, full_image, layer, record_of  # noqa: E402

TOP = "/run/store"


def identifier(text):
    return hashlib.sha256(text.encode()).hexdigest()


def unpack(archive, top):
    os.makedirs(top, 0o755)
    whole = tarfile.open(fileobj=io.BytesIO(archive))
    for info in whole:
        path, name = f"{top}/{os.path.normpath(info.name)}", os.path.basename(info.name.rstrip("/"))
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        if info.name == "./":
            continue
        if name == ".wh..wh..opq":
            os.setxattr(os.path.dirname(path), "trusted.overlay.opaque", b"y")
            continue
        if name.startswith(".wh."):
            os.mknod(f"{os.path.dirname(path)}/{name[4:]}", stat.S_IFCHR, 0)
            continue
        if info.isdir():
            os.makedirs(path, exist_ok=True)
        elif info.issym():
            os.symlink(info.linkname, path)
        elif info.islnk():
            os.link(f"{top}/{info.linkname}", path)
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
    os.chmod(top, 0o555)


class Store:
    def __init__(self):
        for directory in ("overlay/l", "overlay-layers", "overlay-images"):
            os.makedirs(f"{TOP}/{directory}", 0o700)
        self.images = []

    def add(self, name, layout, descriptor, layers):
        """The image, and a container of it that is mounted; what `root.path` is then."""
        image = json.load(open(f"{layout.path}/blobs/sha256/{descriptor['digest'][7:]}"))["config"]["digest"][7:]
        ids = [identifier(f"{name} {i}") for i in range(len(layers))]
        for one, archive in zip(ids, layers):
            unpack(archive, f"{TOP}/overlay/{one}/diff")
            with open(f"{TOP}/overlay-layers/{one}.tar-split.gz", "wb") as f:
                f.write(record_of(archive))
            os.symlink(f"../{one}/diff", f"{TOP}/overlay/l/{one[:26].upper()}")
        os.mkdir(f"{TOP}/overlay-images/{image}")
        for key, digest in ((f"manifest-{descriptor['digest']}", descriptor["digest"]), (f"sha256:{image}", "sha256:" + image)):
            data = open(f"{layout.path}/blobs/sha256/{digest[7:]}", "rb").read()
            with open(f"{TOP}/overlay-images/{image}/={base64.b64encode(key.encode()).decode()}", "wb") as f:
                f.write(data)
        self.images.append({"id": image, "digest": descriptor["digest"], "names": [f"localhost/{name}:latest"], "layer": ids[-1], "metadata": "{}",
                            "big-data-names": [f"manifest-{descriptor['digest']}", "manifest", f"sha256:{image}"]})
        self.save()
        return ids, self.mount(name, ids)

    def save(self):
        with open(f"{TOP}/overlay-images/images.json", "w") as f:
            json.dump(self.images, f)

    def mount(self, name, ids):
        container = f"{TOP}/overlay/{identifier(name + ' container')}"
        for directory in ("diff", "work", "merged"):
            os.makedirs(f"{container}/{directory}", 0o755)
        lower = ":".join(f"{TOP}/overlay/l/{one[:26].upper()}" for one in reversed(ids))
        subprocess.run(["mount", "-t", "overlay", "-o", f"lowerdir={lower},upperdir={container}/diff,workdir={container}/work", "overlay", f"{container}/merged"],
                       check=True)
        return f"{container}/merged"


def changes(root, ids):
    for name, number, path, change, text in CHANGES:
        top = f"{TOP}/overlay/{ids[number - 1]}/diff"
        with kept(top):
            change(f"{top}/{path}" if path != "." else top)
            refused(name, root, *text.split("|"))
    accepted("all undone", root)
    os.link(f"{TOP}/overlay/{ids[1]}/diff/usr/data", "/run/mine")
    refused("a name outside", root, "usr/data: the file has a name outside")
    os.unlink("/run/mine")


def upper(root):
    """What engine and runtime put into the container's own layer is no change; it is told at baseline and refused at restricted."""
    os.symlink("/proc/mounts", f"{root}/etc/mtab")
    with open(f"{root}/etc/passwd", "a") as f:
        f.write("4711:*:4711:0:container user:/:/bin/sh\n")
    os.mkdir(f"{root}/proc", 0o755)
    accepted("the engine's files", root)
    with open("/etc/hrun/policy.json") as f:
        strict = {**json.load(f), "level": "restricted"}
    with open("/etc/hrun/policy.json", "w") as f:
        json.dump(strict, f)
    accepted("restricted: the engine's files", root)
    for name, path, text in (("a program", "bin/new", "/bin/new"), ("a file at the top", "new", "/new"), ("below /proc", "proc/x", "/proc/x")):
        with open(f"{root}/{path}", "w") as f:
            f.write("x")
        refused(f"restricted: {name}", root, f"the container has changed {text}")
        os.unlink(f"{root}/{path}")
    os.unlink(f"{root}/usr/data")
    refused("restricted: a removed file", root, "the container has removed /usr/data")
    policy()
    accepted("baseline: a removed file", root)


def inside():
    prepare()
    layout, places, store = Layout("/run/layout"), Layout("/etc/hrun/signatures"), Store()
    policy()
    layers = full_image()
    signed = layout.image("full", layers)
    places.sign(signed, KEY, "localhost/full")
    ids, root = store.add("full", layout, signed, layers)
    accepted("a signed image", root)
    changes(root, ids)
    # (What an overlay has seen of directories that were exchanged below it is undefined: a fresh one.)
    root = store.mount("again", ids)
    upper(root)
    small = [layers[0], layer(entry("small", data=b"1"))]
    unsigned = layout.image("unsigned", small)
    _, other = store.add("unsigned", layout, unsigned, small)
    refused("an unsigned image", other, "no signature of")
    for name, place, expected in (("signed", root, False), ("unsigned", other, True)):
        plan(place)  # leaves its config in the bundle
        out = subprocess.run([HRUN, "check", BUNDLE], capture_output=True, text=True).stdout
        check(("image-signature-missing" in out) == expected, f"hrun check says the same: {name}", out)
    places.sign(unsigned, OTHER, "localhost/unsigned")
    refused("a stranger's signature", other, "signature")
    # Its entry in the store lies: another image's manifest, which is signed.
    store.images[-1].update({"id": store.images[0]["id"], "digest": signed["digest"], "big-data-names": store.images[0]["big-data-names"]})
    store.save()
    refused("another image's manifest", other, "the image has 4 layers, the container's root 2")
    store.images.pop()
    store.save()
    refused("no image", other, "no image of these layers")
    with open(f"{TOP}/overlay-images/images.json", "w") as f:
        f.write("[")
    refused("a broken store", root, "images.json")
    store.save()
    subprocess.run(["mount", "-t", "tmpfs", "none", f"{root}/tmp"], check=True)
    refused("a mount in the root", root, "something else is mounted")
    subprocess.run(["umount", f"{root}/tmp"], check=True)
    refused("a directory of the root", f"{root}/bin", "no mount of its own")
    accepted("at the end, the signed image", root)
    return finish()


if os.geteuid() != 0:
    print("only root can mount")
    sys.exit(77)
sys.exit(inside())
