#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""The store of containerd, made here, under a real overlay: what `hrun plan` says of a root that is the signed image, or nearly.

As containerd unpacks it (seen with 1.6, 1.7 and 2.1): directories on the way as in the topmost layer below that has them, else 0755; the top directory 0755,
whiteouts as devices 0:0, opaque directories by their attribute.  tests/engines/signed_containerd.py has the real engine; this runs everywhere,
and with sanitizers.
"""
import ctypes
import io
import json
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile

sys.path.insert(0, f"{os.environ['TESTS']}/engines")
from bolt import database, images, snapshots  # noqa: E402
from engine_root import KEY, OTHER, accepted, denied_at, finish, kept, policy, prepare, refused  # noqa: E402
from signed_image import CHANGES, OCI, Layout, chains_of, edit, entry, full_image, layer, unpack  # noqa: E402

TOP = "/run/containerd-root"
CONTENT = f"{TOP}/io.containerd.content.v1.content/blobs/sha256"
OVERLAYFS = f"{TOP}/io.containerd.snapshotter.v1.overlayfs"
DATABASE, NAMES = f"{OVERLAYFS}/metadata.db", f"{TOP}/io.containerd.metadata.v1.bolt/meta.db"


def make_parents(path, top, lowers):
    if os.path.isdir(path):
        return
    make_parents(os.path.dirname(path), top, lowers)
    os.mkdir(path, 0o755)
    for lower in lowers:
        try:
            below = os.lstat(lower + path[len(top):])
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(below.st_mode):
            os.chown(path, below.st_uid, below.st_gid)
            os.chmod(path, below.st_mode & 0o7777)
            for name in os.listxattr(lower + path[len(top):]):
                if not name.startswith("trusted."):
                    os.setxattr(path, name, os.getxattr(lower + path[len(top):], name))
        return


class Store:
    def __init__(self):
        for directory in (CONTENT, f"{OVERLAYFS}/snapshots", os.path.dirname(NAMES)):
            os.makedirs(directory, 0o700)
        self.snapshots, self.images, self.count, self.more, self.parents, self.labels = {}, {}, 0, {}, {}, {}

    def new(self):
        self.count += 1
        return self.count

    def add(self, name, layout, descriptor, layers):
        """The image, and a container of it that is mounted; the layers' directories, what `root.path` is then."""
        subprocess.run(f"cp -n {layout.path}/blobs/sha256/* {CONTENT}", shell=True, check=True)
        tops = []
        for chain, archive in zip(chains_of(layers), layers):
            if chain not in self.snapshots:
                self.snapshots[chain] = self.new()
                top, lowers = self.directory(chain), list(reversed(tops))
                unpack(archive, top, lambda parent: make_parents(parent, top, lowers))
            tops.append(self.directory(chain))
        self.images[f"localhost/{name}:1"] = descriptor
        self.save()
        return tops, self.mount(tops)

    def directory(self, chain):
        return f"{OVERLAYFS}/snapshots/{self.snapshots[chain]}/fs"

    def save(self, **options):
        named = {self.key(chain): number for chain, number in self.snapshots.items()}
        for path, tree in ((DATABASE, snapshots({**named, **self.more}, self.parents)), (NAMES, images(self.images, labels=self.labels))):
            with open(path, "wb") as f:
                f.write(database(tree, **options))

    def key(self, chain):
        return f"default/{2 * self.snapshots[chain] + 7}/{chain}"

    def mount(self, tops):
        container = f"{OVERLAYFS}/snapshots/{self.new()}"
        own = f"default/{2 * self.count + 7}/container-{self.count}"
        self.more[own] = self.count
        self.parents[own] = self.key(next(chain for chain in self.snapshots if self.directory(chain) == tops[-1]))
        self.save()
        for directory in ("fs", "work"):
            os.makedirs(f"{container}/{directory}", 0o755)
        root = f"/run/roots/{self.count}"
        os.makedirs(root)
        lower = ":".join(top[len(f"{OVERLAYFS}/snapshots/"):] for top in reversed(tops))
        subprocess.run(["mount", "-t", "overlay", "-o", f"lowerdir={lower},upperdir={container}/fs,workdir={container}/work", "overlay", root], check=True,
                       cwd=f"{OVERLAYFS}/snapshots", env={**os.environ, "LIBMOUNT_FORCE_MOUNT2": "always"})
        return root


def changes(root, tops):
    for name, number, path, change, text in CHANGES + [
            ("mode of a directory that is only implied", 3, "old", lambda p: os.chmod(p, 0o755), "old: a directory that the image only implies is 0755 of 5:0, and below 0700 of 5:0"),
            ("its owner", 3, "old", lambda p: os.chown(p, 0, 0), "old: a directory that the image only implies is 0700 of 0:0"),
            ("its attribute", 3, "old", lambda p: os.setxattr(p, "user.x", b"1"), "old: a directory that the image only implies has another attribute than below: user.x"),
            ("its attribute below", 3, "old", lambda p: os.removexattr(p, "user.old"), "old: a directory that the image only implies has another attribute than below: user.old"),
            ("one of its attributes", 3, "old", lambda p: os.setxattr(p, "user.old", b"2"), "old: a directory that the image only implies has another attribute than below: user.old")]:
        top = tops[number - 1]
        with kept(top):
            change(f"{top}/{path}" if path != "." else top)
            refused(name, root, *text.split("|"))
    accepted("all undone", root)
    os.link(f"{tops[1]}/usr/data", "/run/mine")
    refused("a name outside", root, "usr/data: the file has a name outside")
    os.unlink("/run/mine")


def databases(store, root):
    for name, options in (("pages of their own", {"inline": False}), ("many pages", {"inline": False, "per_page": 2, "page_size": 1024}), ("large pages", {"page_size": 65536})):
        store.save(**options)
        accepted(f"databases of {name}", root)
    store.save()
    for path in (DATABASE, NAMES):
        whole = open(path, "rb").read()
        for name, data in (("none", None), ("an empty one", b""), ("half of it", whole[:8192 + 100]), ("a page in a circle", circle(whole)), ("a damaged head", b"\xff" * 4096 + whole[4096:])):
            os.unlink(path)
            if data is not None:
                with open(path, "wb") as f:
                    f.write(data)
            # (The second head is one transaction older, and the same here.)
            if name == "a damaged head":
                accepted(f"{os.path.basename(path)}: {name}, and a second one", root)
            else:
                refused(f"{os.path.basename(path)}: {name}", root, "containerd's database")
            store.save()
    names, store.images = store.images, {"localhost/other:1": store.images["localhost/other:1"]}
    store.save()
    refused("no name", root, "no image of these layers")
    store.images = {**names, "localhost/\"x:1": names["localhost/full:1"]}
    store.save()
    refused("a name that is none", root, "has a name that is none")
    store.images = names
    chains, store.snapshots = store.snapshots, {}
    store.save()
    refused("no snapshot", root, "knows no snapshot")
    more, store.more = store.more, {f"default/3/{chain}-init": number for chain, number in chains.items()}
    store.save()
    refused("a snapshot that is no image's", root, "the topmost layer is no image's own")
    store.snapshots, store.more = chains, more
    store.save()
    accepted("the databases are back", root)


def index_of(layout, *entries, **more):
    """The descriptor of an index; its blob is in the store."""
    document = {"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": list(entries), **more}
    return put(layout, OCI + "index.v1+json", json.dumps(document))


def put(layout, media_type, text):
    made = layout.blob(media_type, text.encode())
    shutil.copy(f"{layout.path}/blobs/sha256/{made['digest'][7:]}", CONTENT)
    return made


def on(descriptor, architecture="amd64", **more):
    return {**descriptor, "platform": {"architecture": architecture, "os": "linux", **more}}


def labels_of(digests, chain):
    """As containerd sets them when it unpacks what the first of DIGESTS leads to."""
    found = {digest: {"containerd.io/gc.ref.content.m.0": below} for digest, below in zip(digests, digests[1:])}
    return {**found, digests[-1]: {"containerd.io/gc.ref.snapshot.overlayfs": chain}}


def names(store, layout, places, signed, unsigned, root, chain):
    """Whatever leads from a name to this image, that name must satisfy the policy as well: where hrun cannot read it, containerd's labels say what it is."""
    config = json.load(open(f"{layout.path}/blobs/sha256/{signed['digest'][7:]}"))["config"]
    before = dict(store.images)
    policy(trust=[{"scheme": "cosign-key", "keys": ["good.pub"], "tlog": "ignore"}, {"scope": "localhost/strict", "scheme": "cosign-key", "keys": ["other.pub"], "tlog": "ignore"}])
    sha512 = {**on(signed), "digest": "sha512:" + "5" * 128}
    manifest = json.load(open(f"{layout.path}/blobs/sha256/{signed['digest'][7:]}"))

    def tried(target, labels=None, name="localhost/strict:1"):
        store.images, store.labels = {**before, name: target}, labels or {}
        store.save()
        return root
    deep = signed
    for _ in range(4):
        deep = index_of(layout, on(deep), annotations={"deep": deep["digest"]})
    twice = json.dumps({"schemaVersion": 2, "manifests": [on(signed)]})
    for name, target in (
            ("itself", signed), ("a foreign variant first", index_of(layout, on(unsigned, variant="v3"), on(signed))), ("another machine's", index_of(layout, on(signed, "386"))),
            ("no platform", index_of(layout, signed)), ("an index in an index", index_of(layout, index_of(layout, on(signed)))),
            ("an entry behind one of another digest", index_of(layout, sha512, on(signed))),
            ("a type that it has not", put(layout, OCI + "index.v1+json", json.dumps({"mediaType": "x/y", "manifests": [signed]}))),
            ("a config of an unknown type", put(layout, OCI + "manifest.v1+json", json.dumps({**manifest, "config": {**config, "mediaType": "x/y"}})))):
        refused(f"another name: {name}", tried(target), "localhost/strict:1: ")
    for name, target in (
            ("another digest", index_of(layout, sha512)), ("too large", index_of(layout, on(signed), annotations={"x": "x" * (1 << 20)})), ("too deep", deep),
            ("in capitals", put(layout, OCI + "index.v1+json", json.dumps({"manifests": [on(unsigned)], "Manifests": [on(signed)]}))),
            ("a letter that is folded", put(layout, OCI + "index.v1+json", json.dumps({"manifests": [on(unsigned)], "manife\u017fts": [on(signed)]}))),
            ("an entry in capitals", index_of(layout, {**on(unsigned), "Digest": signed["digest"]})), ("twice", put(layout, OCI + "index.v1+json", twice[:-1] + ',"manifests":[]}')),
            ("its bytes in the entry", index_of(layout, {**on(signed), "digest": "sha256:" + "6" * 64, "data": "e30="})),
            ("a target of another digest", {**signed, "digest": "sha512:" + "5" * 128}), ("too many entries", index_of(layout, *({**signed, "digest": f"sha256:{i:064x}"} for i in range(300))))):
        way = [target["digest"], "sha512:" + "5" * 128, config["digest"]]
        refused(f"another name that cannot be read: {name}", tried(target), "'localhost/strict:1' cannot be read and may be this one")
        refused(f"{name}: unpacked as this one", tried(target, labels_of(way, chain)), "'localhost/strict:1' cannot be read and may be this one")
        accepted(f"{name}: unpacked as another one", tried(target, labels_of(way, "sha256:" + "7" * 64)))
    strangers(before, tried, layout, signed, unsigned, config, chain)
    # What containerd cannot run either is no way to this image.
    for name, target in (("nothing there", {**signed, "digest": "sha256:" + "8" * 64}), ("of an unknown type", {**signed, "mediaType": "x/y"}),
                         ("entries of unknown types", index_of(layout, {**signed, "mediaType": "x/y"}, {**sha512, "mediaType": "x/y"})), ("no object", put(layout, OCI + "index.v1+json", "[]")),
                         ("a config that is none", put(layout, OCI + "manifest.v1+json", json.dumps({**manifest, "config": put(layout, "x/y", "text")}))),
                         ("no diff_ids", put(layout, OCI + "manifest.v1+json", json.dumps({**manifest, "config": put(layout, "x/y", "{}")})))):
        accepted(f"an image beside it: {name}", tried(target))
    accepted("an image beside it: a name that is none", tried(unsigned, name="of \"two\" words"))
    # Where an engine keeps several, the manifest that it keeps is the index's entry that counts.
    document = json.load(open(f"{layout.path}/blobs/sha256/{config['digest'][7:]}"))
    twin = put(layout, OCI + "manifest.v1+json", json.dumps({**manifest, "config": put(layout, config["mediaType"], json.dumps({**document, "author": "another"}))}))
    before, index = {}, index_of(layout, on(unsigned, variant="v3"), on(twin))
    refused("a foreign variant first: not signed", tried(index, name="localhost/variant:1"), "localhost/variant:1: ")
    places.sign(index, KEY, "localhost/variant")
    accepted("a foreign variant first: signed", tried(index, name="localhost/variant:1"))


def strangers(before, tried, layout, signed, unsigned, config, chain):
    """However much others have in the namespace that was unpacked as other layers: this image is found all the same."""
    manifest, elsewhere = json.load(open(f"{layout.path}/blobs/sha256/{unsigned['digest'][7:]}")), "sha256:" + "7" * 64
    shutil.copy(f"{layout.path}/blobs/sha256/{unsigned['digest'][7:]}", CONTENT)
    shutil.copy(f"{layout.path}/blobs/sha256/{manifest['config']['digest'][7:]}", CONTENT)
    here = labels_of([signed["digest"], config["digest"]], chain)

    def found(name, targets, labels):
        """They stand before this image's name, and behind it; which itself has labels, or none."""
        own = dict(before)
        for prefix in ("localhost/a", "localhost/z"):
            for known in (here, {}):
                before.update({f"{prefix}:{i}": target for i, target in enumerate(targets)})
                accepted(f"a stranger's images {prefix}: {name}, {len(known)} labels", tried(targets[0], {**known, **labels}, f"{prefix}:0"))
                before.clear()
                before.update(own)
    # As many labelled children as there may be.
    missing = [on({**unsigned, "digest": f"sha256:{i:064x}"}, "x") for i in range(1, 6000)]
    wide = index_of(layout, on(unsigned), *missing[:4000])
    below = labels_of([unsigned["digest"], manifest["config"]["digest"]], elsewhere)
    found("4000 labels", [wide], {wide["digest"]: {f"containerd.io/gc.ref.content.m.{i}": e["digest"] for i, e in enumerate([unsigned, *missing[:4000]])}, **below})
    # One large manifest many times; many of them; many that are not there.
    large = [put(layout, OCI + "manifest.v1+json", json.dumps({**manifest, "annotations": {"x": str(i) + "x" * 1000000}})) for i in range(9)]
    again = index_of(layout, *[on(large[0])] * 250)
    found("a manifest 250 times", [again], labels_of([again["digest"], large[0]["digest"], manifest["config"]["digest"]], elsewhere))
    each = [index_of(layout, *map(on, large), annotations={"number": str(i)}) for i in range(10)]
    found("many large ones", each, {name: label for index in each for name, label in labels_of([index["digest"], manifest["config"]["digest"]], elsewhere).items()})
    empty = [index_of(layout, *missing[:5000], annotations={"number": str(i)}) for i in range(4)]
    found("nothing that is there", empty, {name: label for index in empty for name, label in labels_of([index["digest"], manifest["config"]["digest"]], elsewhere).items()})
    # Nothing of it excuses what may be this one.
    refused("4000 labels, one of them of this image", tried(wide, {**here, wide["digest"]: {
        f"containerd.io/gc.ref.content.m.{i}": e["digest"] for i, e in enumerate([*missing[:4000], signed])}, **below}), "'localhost/strict:1' cannot be read and may be this one")


def denied_at_warn(store, layout, signed, root, chain):
    """Whatever keeps the files from being compared: where the databases name the image, or cannot be read, it does not start."""
    digest, other, before = signed["digest"], "sha256:" + "0" * 64, dict(store.images)
    index = index_of(layout, on(signed), annotations={"denied": "yes"})

    def held(name, denied=digest, expected=True, text="", where=root):
        store.save()
        denied_at(where, denied, f"denied at warn: {name}", expected, text)
    held("by its manifest")
    held("another one", other, False)
    store.images["localhost/indexed:1"] = index
    held("by the index of another name", index["digest"])
    store.images = {**before, **{f"localhost/n{i}:1": signed for i in range(70)}}
    held("71 names")
    held("71 names: another one", other, False)
    refused("71 names are not judged", root, "71 names, 64 are judged at most")
    store.images = {**before, **{f"localhost/i{i}:1": index_of(layout, on(signed), annotations={"number": str(i)}) for i in range(70)}}
    held("71 manifests")
    held("71 manifests: another one", other, False)
    policy()
    refused("71 manifests are not judged", root, "71 names, 64 are judged at most", "more than 64 manifests")
    store.images = {**before, "localhost/unknown:1": {**signed, "digest": "sha512:" + "5" * 128}}
    held("a name that cannot be read", other, text="cannot be told: image `localhost/unknown:1` cannot be read")
    store.images = {}
    held("no name any more", other, False, "no image of these layers")
    # A container of mapped ids: what its snapshot is made of is a copy of the image's layers.
    store.images = dict(before)
    views(held, digest, other, root)
    managed(store, held, digest, other, chain)
    number = int(re.search(r"upperdir=\S*/snapshots/(\d+)/fs", open("/proc/self/mountinfo").read().split(f" {root} ")[1].split("\n")[0]).group(1))
    os.chown(f"{OVERLAYFS}/snapshots/{number}/fs", 100000, 0)
    own = next(name for name, n in store.more.items() if n == number)
    more, parents, copy = dict(store.more), dict(store.parents), f"default/500/{chain}-100000-100000"
    store.more, store.parents = {**more, copy: 499}, {**parents, own: copy, copy: parents[own]}
    held("mapped ids")
    held("mapped ids: another one", other, False, "cannot be compared")
    for name, more_parents, text in (("nothing is known of its image", {own: "default/500/nothing"}, "containerd knows no snapshot `default/500/nothing`"), ("it is its own parent", {own: own}, "more than 7 snapshots"),
                                     ("its parent is its child", {own: copy, copy: own}, "more than 7 snapshots")):
        store.parents = {**parents, **more_parents}
        held(f"mapped ids, and {name}", digest, text=f"cannot be told: {text}")
    store.parents = {name: parent for name, parent in parents.items() if name != own}
    held("mapped ids, and it has no parent", digest, False, "cannot be compared")
    os.unlink(DATABASE)
    denied_at(root, other, "denied at warn: no database", text="cannot be told: containerd's database cannot be opened")
    os.chown(f"{OVERLAYFS}/snapshots/{number}/fs", 0, 0)
    store.more, store.parents = more, parents
    store.save()
    accepted("nothing is denied", root)


def views(held, digest, other, root):
    """A writable layer that is no snapshot, or none: the layers say which image it is; or nobody, and then it does not start."""
    names = re.search(r"lowerdir=([^, ]*)", open("/proc/self/mountinfo").read().split(f" {root} ")[1].split("\n")[0]).group(1).split(":")
    whole = [f"{OVERLAYFS}/snapshots/{name}" for name in names]
    os.makedirs("/run/plain")
    for number, (name, lowers, writable, denied, expected, text) in enumerate((
            ("a writable layer elsewhere", whole, True, digest, True, f"{digest} stands in"), ("a writable layer elsewhere: another one", whole, True, other, False, ""),
            ("a directory above the layers", ["/run/plain", *whole], True, digest, True, f"{digest} stands in"),
            ("a view by relative paths", names, False, other, True, "cannot be told: the mount of the root names its layers by relative paths"),
            ("nothing of containerd's", ["/run/plain", "/run/spec"], False, digest, False, ""))):
        where, more = f"/run/roots/view{number}", ""
        for directory in ("", "/upper", "/work"):
            os.makedirs(f"/run/views/{number}{directory}", exist_ok=True)
        os.makedirs(where)
        if writable:
            more = f",upperdir=/run/views/{number}/upper,workdir=/run/views/{number}/work"
        subprocess.run(["mount", "-t", "overlay", "-o", f"lowerdir={':'.join(lowers)}{more}", "overlay", where], check=True,
                       cwd=f"{OVERLAYFS}/snapshots", env={**os.environ, "LIBMOUNT_FORCE_MOUNT2": "always"})
        held(name, denied, expected, text, where)
        subprocess.run(["umount", where], check=True)


def empty_erofs():
    """An image of the format's first version with nothing in its root."""
    head = struct.pack("<IIIBBHQQIII64x", 0xE0F5E1E2, 0, 0, 12, 0, 40, 1, 0, 0, 2, 0)
    names = struct.pack("<QHBBQHBB", 40, 24, 2, 0, 40, 25, 2, 0) + b"..."
    inode = struct.pack("<HHHHIIIIHHI", 0, 0, 0o40755, 2, len(names), 0, 1, 1, 0, 0, 0)
    return (bytes(1024) + head.ljust(256, b"\0") + inode).ljust(4096, b"\0") + names.ljust(4096, b"\0")


def managed(store, held, digest, other, chain):
    """The snapshotter erofs with default_size: layers and the writable one are mounted below the mount manager, by no name of a snapshot."""
    snapshotter, where, mount = f"{TOP}/io.containerd.snapshotter.v1.erofs", "/run/roots/managed", ctypes.CDLL(None, use_errno=True).mount
    image = f"{snapshotter}/snapshots/{store.snapshots[chain]}/layer.erofs"
    snapshot, disk = os.path.dirname(image), tempfile.mkdtemp(dir=".")  # (The kernel mounts no file of a tmpfs, nor of an overlay.)
    os.makedirs(snapshot)
    subprocess.run(["mount", "--bind", disk, snapshot], check=True)
    for directory in (f"{snapshot}/fs", "/run/manager/1", "/run/manager/rw/upper", "/run/manager/rw/work", where):
        os.makedirs(directory)
    with open(f"{snapshotter}/metadata.db", "wb") as f:
        f.write(database(snapshots({store.key(chain): number for chain, number in store.snapshots.items()}, {})))
    for name, path, expected, text in (("its layer's file", image, True, f"{digest} stands in"), ("another one's", image, False, ""), ("a file that is none", f"{snapshot}/stray.erofs", True, "of which snapshot nobody can tell")):
        with open(path, "wb") as f:
            f.write(empty_erofs())
        if mount(path.encode(), b"/run/manager/1", b"erofs", 1, None) < 0:
            print(f"skip - denied at warn: erofs: this kernel mounts no file as one: {os.strerror(ctypes.get_errno())}")
            break
        subprocess.run(["mount", "-t", "overlay", "-o", "lowerdir=/run/manager/1,upperdir=/run/manager/rw/upper,workdir=/run/manager/rw/work", "overlay", where], check=True)
        held(f"erofs, {name}", digest if text and path == image else other, expected, text, where)
        subprocess.run(["umount", where, "/run/manager/1"], check=True)
    shutil.rmtree(disk)


def circle(whole):
    """The first page of all becomes a branch that leads to itself."""
    root = int.from_bytes(whole[32:40], "little")
    at, data = root * 4096, bytearray(whole)
    data[at + 8:at + 12] = b"\x01\0\x01\0"
    data[at + 16:at + 32] = (16).to_bytes(4, "little") + bytes(4) + root.to_bytes(8, "little")
    return bytes(data)


def blobs(layout, signed, root, tops):
    manifest = json.load(open(f"{layout.path}/blobs/sha256/{signed['digest'][7:]}"))
    os.utime(f"{tops[1]}/usr/data")
    for name, digest, damaged, missing in (("manifest", signed["digest"], "'localhost/full:1' cannot be read", "no image of these layers"),
                                           ("config", manifest["config"]["digest"], "'localhost/full:1' cannot be read", "no image of these layers"),
                                           ("layer", manifest["layers"][1]["digest"], "layer 2 of 4", "discard_unpacked_layers")):
        path = f"{CONTENT}/{digest[7:]}"
        with kept(path):
            os.unlink(path)
            refused(f"no blob of a {name}", root, missing)
        with kept(path):
            os.chmod(path, 0o644)
            edit(path, b"\1", os.stat(path).st_size - 9)
            refused(f"a changed blob of a {name}", root, damaged)
    accepted("the blobs are back", root)


def inside():
    prepare()
    layout, places, store = Layout("/run/layout"), Layout("/etc/hrun/signatures"), Store()
    policy()
    layers = full_image()
    layers[1] = layer(*((info, data) for info, data in entries_with_attribute(layers[1])))
    signed = layout.image("full", layers, compress=False)
    places.sign(signed, KEY, "localhost/full")
    tops, root = store.add("full", layout, signed, layers)
    accepted("a signed image", root)
    small = [layers[0], layer(entry("small", data=b"1"))]
    unsigned = layout.image("other", small)
    _, other = store.add("other", layout, unsigned, small)
    refused("an unsigned image", other, "no signature of")
    places.sign(unsigned, OTHER, "localhost/other")
    refused("a stranger's signature", other, "signature")
    # Its name says that it is the signed one.
    store.images["localhost/other:1"] = signed
    store.save()
    refused("another image's manifest", other, "no image of these layers")
    index = {"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [{**unsigned, "platform": {"os": "linux", "architecture": "amd64"}}]}
    store.images["localhost/other:1"] = layout.blob(OCI + "index.v1+json", json.dumps(index).encode())
    shutil.copy(f"{layout.path}/blobs/sha256/{store.images['localhost/other:1']['digest'][7:]}", CONTENT)
    store.save()
    places.sign(store.images["localhost/other:1"], KEY, "localhost/other")
    accepted("an index that is signed", other)
    changes(root, tops)
    root = store.mount(tops)  # (What an overlay has seen of directories that were exchanged below it is undefined.)
    databases(store, root)
    blobs(layout, signed, root, tops)
    denied_at_warn(store, layout, signed, root, list(chains_of(layers))[-1])
    names(store, layout, places, signed, unsigned, root, list(chains_of(layers))[-1])
    return finish()


def entries_with_attribute(archive):
    """The directory `old` gets an attribute, which containerd gives to the layer above as well."""
    whole = tarfile.open(fileobj=io.BytesIO(archive))
    for info in whole:
        if info.name.rstrip("/") == "old":
            info.pax_headers["SCHILY.xattr.user.old"] = "1"
        yield info, whole.extractfile(info).read() if info.isreg() else b""


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("only root can mount")
        sys.exit(77)
    sys.exit(inside())
