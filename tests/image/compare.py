#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""The store of containers/storage, made here, under a real overlay: what `hrun plan` says of a root that is the signed image, or nearly.

tests/engines/signed_podman.py has the real engine; this runs everywhere, and with sanitizers.  What the container itself has changed: upper.py.
"""
import gzip
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time

TESTS, HRUN = os.environ["TESTS"], os.environ["HRUN"]
sys.path.insert(0, f"{TESTS}/engines")
from common import trust_of  # noqa: E402
from engine_root import BUNDLE, KEY, OTHER, accepted, check, denied_at, finish, kept, plan, policy, prepare, refused, write_bundle  # noqa: E402
from engine_store import TOP, Store, identifier  # noqa: E402
from signed_image import CHANGES, Layout, entry, full_image, layer  # noqa: E402


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


def writable(root, ids):
    """Whoever may write above a layer could put another one there."""
    for path in (TOP, f"{TOP}/overlay", f"{TOP}/overlay/{ids[0]}", f"{TOP}/overlay-images", f"{TOP}/overlay-images/images.json", f"{TOP}/overlay-layers"):
        mode = stat.S_IMODE(os.stat(path).st_mode)
        os.chmod(path, mode | 0o002)
        refused(f"others may write to {path.replace(ids[0], 'ID')}", root, "writable by group or others")
        os.chmod(path, mode)
        os.chown(path, 1000, 0)
        refused(f"{path.replace(ids[0], 'ID')} is somebody's", root, "belongs to uid 1000")
        os.chown(path, 0, 0)
    accepted("all root's again", root)


def other_stores(ids):
    """Roots of other engines, and layers of another store, are told from this one's."""
    lower = f"{TOP}/overlay/{ids[0]}/diff"
    for name, upper, text in (("Docker", f"/run/docker/overlay2/{ids[0]}/diff", "Docker keeps nothing that its layers could be compared with"),
                              ("containerd", "/run/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/7/fs", "containerd"),
                              ("a remote snapshotter", "/run/stargz/snapshotter/snapshots/7/fs", "a remote snapshotter shows files that are not there yet"),
                              ("an unknown engine", "/run/else/7/fs", "of an engine that hrun does not know"),
                              ("another store of podman's", f"/run/additional/overlay/{identifier('c')}/diff", "is of another store than /run/additional")):
        container = f"/run/mounts/{name.replace(' ', '-').replace(chr(39), '')}"
        for directory in (upper, f"{container}/root", f"{os.path.dirname(upper)}/work"):
            os.makedirs(directory, 0o755)
        options = f"lowerdir={lower},upperdir={upper},workdir={os.path.dirname(upper)}/work"
        subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", f"{container}/root"], check=True)
        refused(name, f"{container}/root", text)


def of_vector(store, name):
    """The image of a case of tests/vectors as an engine has it, its signatures in a directory of layouts, and what to trust."""
    case = f"{TESTS}/vectors/{name}"
    with open(f"{case}/manifest.json") as f:
        about = json.load(f)
    source = Layout(f"/run/vector-{name}")
    subprocess.run(f"rm -r {source.path}; cp -a {case}/layout {source.path}", shell=True, check=True)

    def blob(digest):
        with open(f"{source.path}/blobs/sha256/{digest[7:]}", "rb") as f:
            return f.read()
    layers = [gzip.decompress(blob(one["digest"])) for one in json.loads(blob(about["image_digest"]))["layers"]]
    _, root = store.add(name, source, {"digest": about["image_digest"]}, layers)
    for one in about["policy"].get("keys", []) + about["policy"].get("ca", []):
        shutil.copy(f"{case}/{one}", "/etc/hrun")
    return root, about["policy"]


def other_signatures(store):
    """Sigstore bundles and notation's, found in a directory of layouts; nothing else in it does harm."""
    os.makedirs("/etc/hrun/many/no-layout")
    for name in ("cosign3-bundle-p256-valid", "notation-jws-valid", "notation-cose-valid"):
        root, asked = of_vector(store, name)
        policy(signatures=["many"], trust=[trust_of(asked)])
        refused(f"{name}: without its layout", root, "the engine's store and images.signatures have no signature")
        os.symlink(f"/run/vector-{name}", "/etc/hrun/many/linked")
        refused(f"{name}: behind a link", root, "the engine's store and images.signatures have no signature")
        os.unlink("/etc/hrun/many/linked")
        shutil.copytree(f"/run/vector-{name}", f"/etc/hrun/many/{name}")
        accepted(f"{name}: from a directory of layouts", root)
        shutil.rmtree(f"/etc/hrun/many/{name}")
        store.images.pop()
    store.save()
    policy()


def admitted(root, signed):
    """The policy's lists and times: tests/image/admit.py has all of it, for layouts."""
    digest, other = signed["digest"], "sha256:" + "0" * 64
    for require in ("warn", "signed"):
        policy(require, denyDigests=[digest])
        write_bundle(root)
        for verb in ("plan", "check"):
            done = subprocess.run([HRUN, verb, BUNDLE], capture_output=True, text=True)
            check((done.returncode, done.stdout) == (1, "") and f"{digest} stands in images.denyDigests" in done.stderr, f"denied: {verb} at {require}", f"{done}")
    for more in ({"allowDigests": [other]}, {"notBefore": "2020-01-01T00:00:00Z"}):
        policy(**more)
        refused(f"not admitted: {next(iter(more))}", root, f"images.{next(iter(more))} of")
    policy(allowDigests=[digest], denyDigests=[other])
    accepted("admitted", root)
    policy()


def denied_at_warn(store, root, signed):
    """Whatever keeps the files from being compared: what the store has written down of image and container is enough."""
    digest, other, image = signed["digest"], "sha256:" + "0" * 64, store.images[0]
    before, container = dict(image), root.split("/")[-2]

    def held(name, where=root, denied=digest, expected=True, text=""):
        denied_at(where, denied, f"denied at warn: {name}", expected, text)
    # As many names and manifests as are not compared any more.
    for name, more in (("65 names", {"names": [f"localhost/n{i}:1" for i in range(65)]}),
                       ("65 manifests", {"big-data-names": [f"manifest-sha256:{i:064x}" for i in range(1, 65)] + image["big-data-names"]})):
        image.update(more)
        store.save()
        held(name)
        held(f"{name}: another one", denied=other, expected=False)
        refused(f"{name}: more than are judged", root, "65 names" if "names" in more else "more than 64 manifests")
        image.update(before)
    image["names"] = before["names"] + [f"localhost/x@{other}"]
    store.save()
    held("a name by digest", denied=other)
    image.update(before)
    store.save()
    # A container whose layers are not the image's: its record names it.
    os.makedirs(f"{TOP}/overlay-containers", 0o700)
    upper, records = f"{TOP}/overlay/{container}/diff", f"{TOP}/overlay-containers/containers.json"
    os.chown(upper, 100000, 0)
    held("mapped ids, no record", expected=False, text="cannot be compared")
    for path in (records, records.replace("containers.json", "volatile-containers.json")):
        with open(path, "w") as f:
            json.dump([{"id": "x", "layer": identifier("another"), "image": "x"}, {"id": "y", "layer": container, "image": image["id"]}], f)
        held(f"mapped ids: {os.path.basename(path)}")
        held(f"mapped ids: {os.path.basename(path)}: another one", denied=other, expected=False)
        os.chmod(path, 0o666)
        held("a record that others may write", text="cannot be told")
        os.unlink(path)
    with open(records, "w") as f:
        f.write("[{")
    held("a record that cannot be read", text="cannot be told")
    with open(records, "w") as f:
        json.dump([{"id": "y", "layer": container, "image": image["id"]}], f)
    # An image of another store: the layers that are mounted say which; or nobody.
    images, store.images = store.images, []
    store.save()
    held("its image in no store", denied=other, text="which no store has that is looked into")
    store.images = images
    store.save()
    os.makedirs("/run/bound")
    subprocess.run(["mount", "--bind", root, "/run/bound"], check=True)
    held("mapped ids, and bound elsewhere", "/run/bound")
    held("mapped ids, and bound elsewhere: another one", "/run/bound", other, False, "cannot be compared")
    subprocess.run(["umount", "/run/bound"], check=True)
    os.unlink(records)
    os.chown(upper, 0, 0)
    held("its layers alone")
    # Another driver: a copy, which says nothing of layers.
    copy = f"/run/copies/vfs/dir/{container}"
    os.makedirs(f"{copy}/etc")
    for directory, name, what in (("vfs-containers", "containers.json", [{"layer": container, "image": image["id"]}]), ("vfs-images", "images.json", store.images)):
        os.makedirs(f"/run/copies/{directory}")
        with open(f"/run/copies/{directory}/{name}", "w") as f:
            json.dump(what, f)
    held("a copy (vfs)", copy)
    held("a copy (vfs): another one", copy, other, False, "no mount of its own")
    # An additional store has the layers and the image, this one the container.
    lowers, own = re.search(f" {root} .*lowerdir=([^, ]*)", open("/proc/self/mountinfo").read()).group(1), f"/run/other/overlay/{container}"
    os.makedirs(f"{own}/diff")
    os.makedirs(f"{own}/work")
    os.makedirs(f"{own}/merged")
    os.makedirs("/run/other/overlay-containers")
    with open("/run/other/overlay-containers/containers.json", "w") as f:
        json.dump([{"layer": container, "image": image["id"]}], f)
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={lowers},upperdir={own}/diff,workdir={own}/work", f"{own}/merged"], check=True, env={**os.environ, "LIBMOUNT_FORCE_MOUNT2": "always"})
    held("an additional store", f"{own}/merged")
    held("an additional store: another one", f"{own}/merged", other, False, "is of another store than /run/other")
    subprocess.run(["umount", f"{own}/merged"], check=True)
    os.makedirs(f"/run/none/{container}")
    os.chmod("/run/none", 0o777)
    held("a directory that is called so, and no store", f"/run/none/{container}", expected=False, text="no mount of its own")
    accepted("nothing is denied", root)


def beside_a_signature(root, signed):
    """A file that may be a signature of the bundle, and is none, neither hides that the image is denied nor stands for its signature."""
    spoilt, other = f"{BUNDLE}/rootfs.0123456789abcdef.sigstore.json", "sha256:" + "0" * 64
    with open(spoilt, "w") as f:
        f.write("{}")
    denied_at(root, signed["digest"], "denied at warn: a spoilt signature of the bundle", text=f"{signed['digest']} stands in")
    denied_at(root, other, "denied at warn: a spoilt signature of the bundle: another one", expected=False)
    policy(denyDigests=[other])
    refused("a spoilt signature of the bundle", root, "the bundle's signature does not hold")
    os.unlink(spoilt)
    policy()


def remembered(root, ids):
    """A layer that has just changed is not: a later change could have the same ctime.  What has settled is."""
    def start():
        begun = time.monotonic()
        done = subprocess.run([HRUN, "run", "-b", BUNDLE, "c"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        check(done.returncode == 0 and done.stdout == "started\n", "a container of it", f"{done}")
        return time.monotonic() - begun, set(os.listdir("/run/hrun-layers") if os.path.exists("/run/hrun-layers") else ())
    policy(members={"engines": {"containersStorage": [TOP]}})
    write_bundle(root, args=["/bin/echo", "started"], user={"uid": 0, "gid": 0}, terminal=False)
    data = f"{TOP}/overlay/{ids[1]}/diff/usr/data"
    time.sleep(2.5)
    _, before = start()
    check(len(before) == 4, "settled layers are remembered", before)
    for _ in range(10):
        os.utime(data)
        seconds, after = start()
        if seconds < 1.9:
            break
        before |= after
    check(seconds >= 1.9 or after == before, "a layer that has just changed is not", after - before)
    time.sleep(2.5)
    check(len(start()[1] - after) == 1, "but once it has settled")
    policy()


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
    writable(root, ids)
    admitted(root, signed)
    denied_at_warn(store, root, signed)
    # (What an overlay has seen of directories that were exchanged below it is undefined: fresh ones.)
    remembered(store.mount("remembered", ids), ids)
    other_stores(ids)
    root = store.mount("again", ids)
    beside_a_signature(root, signed)
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
    other_signatures(store)
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
