#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
"""Layers through hrun-image's reader into hrun-tree: good ones against an independent model and tar, hostile ones against the file system outside."""
import contextlib
import gzip
import hashlib
import io
import json
import os
import random
import shutil
import signal
import stat
import struct
import subprocess
import tarfile
import tempfile
import time

from hrun import BUILD, contains, equal, eventually, main, test
import hrun as h

LAYERS, TREE = f"{BUILD}/tests/image/layers", f"{BUILD}/libexec/hrun/hrun-tree"
OCI = "application/vnd.oci.image.layer.v1.tar"
DEVICES, SQUASH, DROP = 1, 2, 32
with open(TREE, "rb") as _program:
    SANITIZED = b"__asan_init" in _program.read()  # such a program loads no filter
DIRECTORY, FILE, SYMLINK, HARDLINK, FIFO, CHAR, BLOCK, XATTR, REMOVE, OPAQUE, LAYER_END, END = range(12)


@contextlib.contextmanager
def place():
    """A directory with layout/, target/ on a tmpfs of its own, and a canary beside it that nothing may touch."""
    with tempfile.TemporaryDirectory(dir=h.work) as top:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "test", top], check=True)
        try:
            os.makedirs(f"{top}/layout/blobs/sha256")
            os.mkdir(f"{top}/target")
            os.makedirs(f"{top}/outside/d")
            for name in ("outside/canary", "outside/d/x", "canary"):
                with open(f"{top}/{name}", "w") as f:
                    f.write("alive")
            yield top
        finally:
            subprocess.run(["umount", top], check=True)


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def zstd(data, *options):
    return subprocess.run(["zstd", "-q", "-c", *options], input=data, stdout=subprocess.PIPE, check=True).stdout


def blob(top, data):
    with open(f"{top}/layout/blobs/sha256/{digest(data)[7:]}", "wb") as f:
        f.write(data)
    return digest(data)


def layer(top, tar, how="gzip", packed=None, diff_id=None, media=None):
    """The four words of one layer: the archive's bytes, or PACKED instead of what HOW makes of them."""
    if packed is None:
        packed = {"none": lambda d: d, "gzip": lambda d: gzip.compress(d, 1), "zstd": zstd}[how](tar)
    return [media or OCI + {"none": "", "gzip": "+gzip", "zstd": "+zstd"}[how], blob(top, packed), str(len(packed)), diff_id or digest(tar)]


def run(words, **limits):
    env = dict(os.environ, **{"LAYERS_" + k.upper(): str(v) for k, v in limits.items()})
    p = subprocess.run([LAYERS] + words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, timeout=100)
    assert p.stdout, p.stderr
    return json.loads(p.stdout)


def unpack(top, *tars, flags=0, how="gzip", ok=True, **limits):
    words = sum(([*layer(top, t, how)] for t in tars), [])
    return unpack_words(top, words, flags, ok, **limits)


def unpack_words(top, words, flags=0, ok=True, **limits):
    verified = run(["verify", f"{top}/layout", *words], **limits)
    got = run(["unpack", TREE, f"{top}/target", str(flags), f"{top}/layout", *words], **limits)
    equal(os.WIFSIGNALED(got["status"]), False, f"hrun-tree died: {got}")
    if ok:
        assert got["read"] == 0 and got["tree"] == 0, got
        equal(verified["read"], 0, "verify")
    elif ok is False:
        assert got["read"] != 0 or got["tree"] != 0, f"taken: {got}"
        assert got["reason"] or got["tree_reason"], got
    return got


class Entry(tarfile.TarInfo):
    def __init__(self, name, type=tarfile.REGTYPE, data=b"", mode=None, link="", uid=0, gid=0, mtime=1000000000, pax=None):
        super().__init__(name)
        self.type, self.data, self.linkname, self.uid, self.gid, self.mtime = type, data, link, uid, gid, mtime
        self.size = len(data)
        self.mode = mode if mode is not None else 0o755 if type == tarfile.DIRTYPE else 0o644
        self.pax_headers = pax or {}


def d(name, **more):
    return Entry(name, tarfile.DIRTYPE, **more)


def f(name, data=b"x", **more):
    return Entry(name, data=data, **more)


def s(name, link, **more):
    return Entry(name, tarfile.SYMTYPE, link=link, mode=0o777, **more)


def l(name, link, **more):
    return Entry(name, tarfile.LNKTYPE, link=link, **more)


def tar_of(*entries, format=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format, encoding="utf-8", errors="surrogateescape") as t:
        for e in entries:
            t.addfile(e, io.BytesIO(e.data) if e.data else None)
    return out.getvalue()


def snapshot(root):
    """{path: what the kernel says of it}; files with several names have the first of them as their identity."""
    found, first = {}, {}
    for path, dirs, files in os.walk(root):
        for name in [""] * (path == root) + dirs + files:
            full = os.path.join(path, name) if name else path
            rel = os.path.relpath(full, root) if name else ""
            st = os.lstat(full)
            kind = stat.S_IFMT(st.st_mode)
            content = os.readlink(full) if stat.S_ISLNK(st.st_mode) else open(full, "rb").read() if stat.S_ISREG(st.st_mode) else st.st_rdev
            attributes = {n: os.getxattr(full, n, follow_symlinks=False) for n in os.listxattr(full, follow_symlinks=False)}
            found[rel] = [kind, stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid, st.st_mtime_ns, content, attributes, st.st_ino]
    for rel in sorted(found):
        found[rel][-1] = first.setdefault(found[rel][-1], rel)
    return found


KINDS = {tarfile.REGTYPE: stat.S_IFREG, tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK, tarfile.FIFOTYPE: stat.S_IFIFO,
         tarfile.CHRTYPE: stat.S_IFCHR}


def model(layers):
    """What the layers make: first the whiteouts, on what is there already, then the entries in order."""
    tree = {"": [stat.S_IFDIR, 0o755, 0, 0, 0, 0, {}, object()]}

    def remove(path, itself=True):
        for p in list(tree):
            if (p == path and itself) or p.startswith(path + "/" if path else "") and p != path and p:
                del tree[p]

    for entries in layers:
        for e in entries:
            parent, name = os.path.split(e.name)
            if name == ".wh..wh..opq":
                remove(parent, False)
            elif name.startswith(".wh."):
                remove(os.path.join(parent, name[4:]))
        for e in entries:
            path = e.name.rstrip("/")
            if os.path.basename(path).startswith(".wh."):
                continue
            way = path.split("/")[:-1]
            for i in range(len(way)):
                tree.setdefault("/".join(way[:i + 1]), [stat.S_IFDIR, 0o755, 0, 0, 0, 0, {}, object()])
            if e.type != tarfile.DIRTYPE or tree.get(path, [0])[0] != stat.S_IFDIR:
                if e.type == tarfile.LNKTYPE:
                    target = tree[e.linkname]
                remove(path)
            if e.type == tarfile.LNKTYPE:
                tree[path] = target
                continue
            content = e.linkname if e.type == tarfile.SYMTYPE else e.data if e.type == tarfile.REGTYPE else 0
            tree[path] = [KINDS[e.type], e.mode, e.uid, e.gid, e.mtime * 10**9, content, {}, object()]
    first, result = {}, {}
    for path in sorted(tree):
        node = tree[path]
        result[path] = node[:-1] + [first.setdefault(id(node[-1]), path)]
    return result


def compare(got, expected):
    for path in sorted(set(got) | set(expected)):
        equal(got.get(path), expected.get(path), path or "the root")


def untouched(top):
    for name in ("outside/canary", "outside/d/x", "canary"):
        with open(f"{top}/{name}") as file:
            equal(file.read(), "alive", name)
    equal(sorted(os.listdir(top)), ["canary", "layout", "outside", "target"])
    equal(sorted(os.listdir(f"{top}/outside")), ["canary", "d"])
    equal(os.listdir(f"{top}/outside/d"), ["x"])
    for path in ("/tmp/escape", "/escape", "/etc/escape"):
        assert not os.path.lexists(path), path


GOOD = [
    d("", mode=0o755), d("bin"), f("bin/hello", b"hello\n" * 5000, mode=0o755), l("bin/hard", "bin/hello"), s("bin/sym", "hello"),
    f("bin/suid", mode=0o4755), f("bin/sgid", mode=0o2755, gid=42), d("data", mode=0o2775, uid=1000, gid=1000),
    Entry("data/fifo", tarfile.FIFOTYPE), f("data/gr\u00fc\u00dfe-\u65e5\u672c"), f("data/cafe\u0301"), f("data/\udcff\udcfe"), f("data/" + "n" * 255),
    f("/".join(["p" * 100] * 20)), f("zero", b""), f("zeros", b"\0" * 300000), d("closed", mode=0o000), f("closed/x", mode=0o000),
    s("abs", "/bin/hello"), s("dangling", "../../nowhere"), f("owned", uid=70000, gid=2 ** 31), d("tmp", mode=0o1777), f("time", mtime=1),
    f("new\nline"), f("implicit/parent/file"),
]


@test
def good_archives_as_tar_and_the_model_make_them():
    for how in ("none", "gzip", "zstd"):
        for format in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
            with place() as top:
                entries = [e for e in GOOD if format == tarfile.PAX_FORMAT or "\udcff" not in e.name or True]
                made = tar_of(*entries[1:], format=format)
                unpack(top, made, how=how)
                got = snapshot(f"{top}/target")
                compare(got, model([entries[1:]]))
                os.mkdir(f"{top}/by-tar")
                subprocess.run(["tar", "-xpf", "-", "--numeric-owner", "-C", f"{top}/by-tar"], input=made, check=True)
                other = snapshot(f"{top}/by-tar")
                for path in ("", "implicit", "implicit/parent", *("/".join(["p" * 100] * n) for n in range(1, 20))):
                    other[path], got[path] = None, None  # tar gives these the time of now
                compare(got, other)


@test
def attributes_and_capabilities():
    capability = struct.pack("<IIIII", 0x02000001, 0x2000, 0, 0, 0)
    raw = {"SCHILY.xattr.security.capability": capability.decode("latin-1")}
    with place() as top:
        made = tar_of(f("a", mode=0o4755, uid=7, pax=raw), f("b", pax={"SCHILY.xattr.user.x": "y", "SCHILY.xattr.security.selinux": "label", "SCHILY.xattr.system.posix_acl_access": "no"}),
                      d("c", pax={"SCHILY.xattr.user.d": "z"}), s("s", "a", pax={"SCHILY.xattr.user.x": "y"}))
        unpack(top, made)
        got = snapshot(f"{top}/target")
        equal(got["a"][1:3] + [got["a"][6]], [0o4755, 7, {"security.capability": capability}])
        users = {"user.x": b"y"} if got["b"][6] else {}  # older kernels' tmpfs keeps none
        equal(got["b"][6], users)
        equal(got["s"][6], {})
        # A file that a later layer makes again has nothing of the older one; a directory neither.
        unpack_words(top, layer(top, made) + layer(top, tar_of(f("a"), d("c"))))
        got = snapshot(f"{top}/target")
        equal([got["a"][6], got["c"][6]], [{}, {}])
    for bad in ({"SCHILY.xattr.trusted.overlay.opaque": "y"}, {"SCHILY.xattr.security.capability": "short"}):
        with place() as top:
            equal(unpack(top, tar_of(f("a", pax=bad)), ok=False)["stage"], "unpack")


@test
def whiteouts_hide_lower_layers_only_in_any_order():
    base = [d("app"), f("app/run", b"old"), d("o"), f("o/old"), d("o/sub", mode=0o700, uid=5), f("o/sub/x"), d("gone"), f("gone/a"), f("file"), f("hard"), l("hard2", "hard")]
    top_layer = [f("app/run", b"new"), Entry("app/.wh.run", data=b""), f("o/new"), f("o/sub/y"), Entry("o/.wh..wh..opq", data=b""), Entry(".wh.gone", data=b""),
                 d("file"), f("file/below"), Entry(".wh.nothing", data=b""), Entry("no/where/.wh.x", data=b""), Entry(".wh.hard", data=b"")]
    results = []
    for order in range(12):
        entries = list(top_layer)
        if order == 1:
            entries.reverse()
            entries.sort(key=lambda e: e.name.startswith("file/"))
        elif order > 1:
            random.Random(order).shuffle(entries)
            entries.sort(key=lambda e: e.name.startswith("file/"))
        with place() as top:
            unpack(top, tar_of(*base), tar_of(*entries))
            got = snapshot(f"{top}/target")
            expected = model([base, entries])
            expected.pop("no", None), expected.pop("no/where", None)
            compare(got, expected)
            results.append(sorted((p, v[:-1]) for p, v in got.items()))
    for other in results[1:]:
        equal(other, results[0], "the order of entries")


def random_layer(r, known, number):
    """Some entries under a few names, so that they meet; what tar's own reading would refuse is left out."""
    names, entries, made = "abc", [], set()
    for _ in range(r.randrange(1, 12)):
        path = "/".join(r.choice(names) for _ in range(r.randrange(1, 4)))
        kind = r.randrange(10)
        parent, name = os.path.split(path)
        if kind < 2:
            e = Entry(os.path.join(parent, ".wh." + name), data=b"")
        elif kind == 2:
            e = Entry(os.path.join(path, ".wh..wh..opq"), data=b"")
        elif kind < 6:
            e = f(path, bytes([65 + number]) * r.randrange(1, 9), mode=r.choice((0o600, 0o755)), uid=r.randrange(3))
        elif kind < 9:
            e = d(path, mode=r.choice((0o700, 0o755)), uid=r.randrange(3))
        else:
            e = s(path, r.choice(("/tmp", "..", "a", "/")))
        entries.append(e)
    return entries


def possible(layers):
    """Do all entries lie in directories, not below files or links?  By the model, entry after entry."""
    for i in range(len(layers)):
        for n in range(len(layers[i])):
            e = layers[i][n]
            if os.path.basename(e.name).startswith(".wh."):
                continue
            rest = [x for x in layers[i] if os.path.basename(x.name).startswith(".wh.")]
            before = model(layers[:i] + [rest + layers[i][:n]])
            plain = model(layers[:i] + [layers[i][:n]])
            way = e.name.split("/")[:-1]
            for tree in (before, plain, model_without_whiteouts(layers[:i], layers[i][:n])):
                if any(tree.get("/".join(way[:k + 1]), [stat.S_IFDIR])[0] != stat.S_IFDIR for k in range(len(way))):
                    return False
    return True


def model_without_whiteouts(lower, entries):
    return model(lower + [[e for e in entries if not os.path.basename(e.name).startswith(".wh.")]])


def char(name, numbers=(1, 3), type=tarfile.CHRTYPE):
    e = Entry(name, type, mode=0o666)
    e.devmajor, e.devminor = numbers
    return e


def without_nodes(root):
    """What was unpacked with its device nodes, which then go."""
    for path, dirs, files in os.walk(root):
        st = os.stat(path)
        for name in files:
            if stat.S_IFMT(os.lstat(f"{path}/{name}").st_mode) in (stat.S_IFCHR, stat.S_IFBLK):
                os.unlink(f"{path}/{name}")
        os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))
    return snapshot(root)


def dropped(*layers, ok=True):
    """Both ways, which must agree; (how many device nodes the reader counts, the first, the tree)."""
    tars, trees = [tar_of(*x) for x in layers], []
    for flags in (DROP, DEVICES):
        with place() as top:
            got = unpack(top, *tars, flags=flags, how="none", ok=ok, devices=1)
            trees.append(without_nodes(f"{top}/target") if flags == DEVICES else snapshot(f"{top}/target"))
            untouched(top)
            if flags == DROP:
                said = got
    if ok:
        compare(*trees)
    return said["devices"], said["first"], trees[0]


@test
def device_nodes_are_left_out_as_if_they_had_been_there():
    block = char("dev/sda", (8, 0), tarfile.BLKTYPE)
    n, first, tree = dropped([d("dev", mode=0o700, uid=5), char("dev/null"), block, f("dev/file"), l("dev/hard", "dev/null"), d("d"), l("d/again", "dev/hard"), char("way/to/it")])
    equal((n, first, sorted(tree)), (5, "dev/null", ["", "d", "dev", "dev/file", "way", "way/to"]))
    # It replaces what was there, in its own layer and in lower ones, and is replaced.
    for lower in ([f("x", b"old")], [d("x"), f("x/below")], [s("x", "/etc")], [f("y"), l("x", "y")]):
        for layers in ([lower + [char("x")]], [lower, [char("x")]], [lower, [char("x", (0, 0))]]):
            equal("x" in dropped(*layers)[2], False, str([[e.name for e in x] for x in layers]))
    for after in (f("x", b"new"), d("x"), s("x", "y"), l("x", "y")):
        for layers in ([[f("y"), char("x"), after]], [[f("y"), char("x")], [after]]):
            equal("x" in dropped(*layers)[2], True, after.name)
    # Whiteouts, before and after; one of the same layer hides no entry of it, which is a device all the same.
    gone = Entry("dev/.wh.null", data=b"")
    opaque = Entry("dev/.wh..wh..opq", data=b"")
    for layers in ([[char("dev/null")], [gone]], [[char("dev/null")], [opaque]], [[f("dev/null")], [gone, char("dev/null")]], [[char("dev/null")], [Entry(".wh.dev", data=b""), d("dev")]],
                   [[char("dev/null"), l("dev/hard", "dev/null")], [gone]]):
        equal(sorted(dropped(*layers)[2]), ["", "dev"])
    equal(sorted(dropped([char("dev/null")], [gone], [f("dev/null", b"a file again")])[2]), ["", "dev", "dev/null"])
    # What a real node would have made impossible is so.
    for layers in ([[char("x"), f("x/below")]], [[char("x")], [Entry(".wh.x", data=b"")], [l("y", "x")]], [[char("x"), f("x"), l("y", "x"), f("y/z")]]):
        dropped(*layers, ok=False)


def unpack_links(nodes, above, path):
    """Is PATH still a device node that was left out, so that a hard link to it is one?"""
    with place() as top:
        got = unpack(top, tar_of(*nodes), tar_of(*above), tar_of(l("hard", path)), flags=DROP, how="none", ok=None, devices=1)
        return got["devices"] == len(nodes) + 1


@test
def hard_links_to_what_was_left_out_are_counted():
    """As long as what they lead to is a device node: not what has replaced it."""
    null, hard, hidden = char("dev/null"), l("hard", "dev/null"), Entry("dev/.wh.null", data=b"")
    opaque = Entry("dev/.wh..wh..opq", data=b"")
    for expected, layers in (
            (2, [[null, hard]]), (2, [[null], [hard]]), (3, [[null, hard], [hidden], [l("z", "hard")]]), (3, [[null, hard], [opaque, l("z", "hard")]]),
            (1, [[null, f("dev/null"), hard]]), (1, [[null], [f("dev/null")], [hard]]), (1, [[null], [f("dev")], [d("dev"), f("dev/null"), hard]]),
            (1, [[null], [hidden, f("dev/null"), hard]]), (1, [[null], [opaque], [f("dev/null"), hard]]), (1, [[null], [Entry(".wh.dev", data=b"")], [f("dev/null"), hard]]),
            (2, [[f("dev/null")], [null, hidden, hard]]), (2, [[null], [d("dev"), hard]]), (2, [[char("hard")], [null], [f("file"), l("hard", "file")]]),
            (3, [[null, hard, f("x"), l("hard", "x")], [l("y", "hard"), l("z", "dev/null")]]), (1, [[char("dev/nullx"), f("dev/null"), hard]])):
        equal(dropped(*layers)[0], expected, str([[e.name for e in x] for x in layers]))
    # Names that have others between them and what is below them, in whatever order they come.
    near = ["a", "a-b", "a.b/c", "a/b", "a/b-c", "a/b/c", "a0", "ab"]
    for order in (near, near[::-1], near[1::2] + near[::2]):
        nodes = [char(path) for path in order if path not in ("a", "a/b")]
        for expected, above in (
                ({"a-b", "a.b/c", "a0", "ab"}, [f("a")]), (set(near) - {"a", "a/b"}, [d("a")]), ({"a-b", "a.b/c", "a0", "ab", "a/b-c"}, [f("a/b")]), ({"a-b", "a.b/c", "a0", "ab"}, [Entry(".wh.a", data=b"")]),
                ({"a-b", "a.b/c", "a0", "ab"}, [Entry("a/.wh..wh..opq", data=b"")]), (set(), [Entry(".wh..wh..opq", data=b"")]), (set(near) - {"a", "a/b", "ab"}, [f("ab")])):
            for path in set(near) - {"a", "a/b"}:
                got = unpack_links(nodes, above, path)
                equal(got, path in expected, f"{path} after {above[0].name}, of {order}")
    many = [char(f"dev/{i}") for i in range(4097)]
    equal(dropped(many[:-1])[0], 4096)
    with place() as top:
        contains(unpack(top, tar_of(*many), flags=DROP, devices=1, ok=False)["reason"], "more device nodes than can be left out")


@test
def device_nodes_are_left_out_by_an_own_word_only():
    with place() as top:
        got = unpack(top, tar_of(char("a")), ok=False)
        contains(got["reason"], "images.devices is refuse: a")
        for flags in (0, SQUASH):
            got = unpack(top, tar_of(char("a")), flags=flags, ok=None, devices=1)
            assert got["tree"] < 0 and "a is a device node" in got["tree_reason"], got
        assert send(top, record(END), DEVICES | DROP)["tree"] < 0
        equal(os.listdir(f"{top}/target"), [])


@test
def random_layers_as_the_model_makes_them():
    r, done, tried = random.Random(4), 0, 0
    while done < 60 and tried < 6000:
        tried += 1
        layers = [random_layer(r, None, i) for i in range(3)]
        try:
            fine = possible(layers)
        except KeyError:
            fine = False
        if not fine:
            continue
        done += 1
        with place() as top:
            unpack(top, *(tar_of(*x) for x in layers), how="none")
            got, expected = snapshot(f"{top}/target"), model(layers)
            try:
                compare(got, expected)
            except AssertionError as error:
                raise AssertionError(f"{error}\n" + "\n".join(str([(e.name, e.type) for e in x]) for x in layers)) from None
    assert done == 60, f"only {done} images of {tried}"


def header(name=b"x", size=0, type=b"0", link=b"", magic=b"ustar\x0000", mode=b"0000644", **fields):
    h = bytearray(512)
    h[0:len(name)] = name
    h[100:100 + len(mode)] = mode
    h[108:116] = h[116:124] = b"0000000\0"
    h[124:136] = fields.get("size_field") or b"%011o\0" % size
    h[136:148] = b"%011o\0" % 1000
    h[156:157] = type
    h[157:157 + len(link)] = link
    h[257:265] = magic
    for at, value in fields.get("at", {}).items():
        h[at:at + len(value)] = value
    h[148:156] = b" " * 8
    h[148:156] = b"%06o\0 " % sum(h)
    return bytes(h)


def padded(data):
    return data + b"\0" * (-len(data) % 512)


def pax(*records):
    out = b""
    for key, value in records:
        body = b" " + key + b"=" + value + b"\n"
        n = len(body) + 1
        while len(str(n)) + len(body) != n:
            n = len(str(n)) + len(body)
        out += str(n).encode() + body
    return header(b"pax", len(out), b"x") + padded(out)


ENDING = b"\0" * 1024

HOSTILE = {
    "dotdot": tar_of(f("../../escape")),
    "dotdot inside": tar_of(f("a/../escape")),
    "whiteout of the parent": tar_of(Entry(".wh...", data=b"")),
    "whiteout of the parent below": tar_of(d("d"), Entry("d/.wh...", data=b"")),
    "whiteout of itself": tar_of(Entry("d/.wh..", data=b"")),
    "whiteout of no name": tar_of(Entry(".wh.", data=b"")),
    "whiteout with content": tar_of(f(".wh.x", b"y")),
    "whiteout as a directory": tar_of(d(".wh.x")),
    "below a whiteout": tar_of(f(".wh.x/y")),
    "hard link outside": tar_of(l("h", "../outside/canary")),
    "hard link to an absolute path that is not in the image": tar_of(l("h", "/etc/passwd")),
    "absolute and dotdot": tar_of(f("/../escape")),
    "hard link to nothing": tar_of(l("h", "nothing")),
    "hard link to itself": tar_of(f("h"), l("h", "h")),
    "hard link to a directory": tar_of(d("d"), l("h", "d")),
    "hard link through a link": tar_of(s("d", "../outside"), l("h", "d/canary")),
    "file through a link": tar_of(s("d", "../outside"), f("d/escape")),
    "file through an absolute link": tar_of(s("d", "/tmp"), f("d/escape")),
    "file through a link to itself": tar_of(s("d", "d"), f("d/escape")),
    "directory through a link": tar_of(s("d", "../outside"), d("d/escape")),
    "file through a link inside": tar_of(s("d", "."), f("d/escape")),
    "device": tar_of(Entry("dev", tarfile.CHRTYPE)),
    "block device": tar_of(Entry("dev", tarfile.BLKTYPE)),
    "root as a link": tar_of(s(".", "/tmp")),
    "empty name": header(b"") + ENDING,
    "long component": tar_of(f("n" * 256)),
    "long path": tar_of(f("/".join(["p" * 200] * 21))),
    "deep": tar_of(f("/".join(["p"] * 129))),
    "symbolic link to nothing": tar_of(s("s", "")),
    "size in a directory": header(b"d", 5, b"5") + padded(b"hello") + ENDING,
    "size in a hard link": header(b"a") + header(b"h", 5, b"1", b"a") + padded(b"hello") + ENDING,
    "size that is gigantic": header(size_field=b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7) + ENDING,
    "size that is negative": header(size_field=b"\xff" * 12) + ENDING,
    "size that is no number": header(size_field=b"00000z00000\0") + ENDING,
    "size beyond the archive": header(size=4096) + ENDING,
    "wrong checksum": b"y" + header()[1:] + ENDING,
    "unknown type": header(type=b"Z") + ENDING,
    "multi-volume": header(type=b"M") + ENDING,
    "unknown magic": header(magic=b"rastu\x0000") + ENDING,
    "star": header(at={508: b"tar\0"}) + ENDING,
    "pax: path twice": pax((b"path", b"a"), (b"path", b"../escape")) + header() + ENDING,
    "pax: path with dotdot": pax((b"path", b"../escape")) + header() + ENDING,
    "pax: path with NUL": pax((b"path", b"a\0b")) + header() + ENDING,
    "pax: empty path": pax((b"path", b"")) + header() + ENDING,
    "pax: linkpath outside": pax((b"linkpath", b"../outside/canary")) + header(type=b"1", link=b"x") + ENDING,
    "pax: size gigantic": pax((b"size", b"9" * 18)) + header() + ENDING,
    "pax: size negative": pax((b"size", b"-1")) + header() + ENDING,
    "pax: size hides an entry": pax((b"size", b"512")) + header(size=0) + header(b"escape") + b"\0" * 100,
    "pax: two headers": pax((b"path", b"a")) + pax((b"path", b"b")) + header() + ENDING,
    "pax: nothing follows": pax((b"path", b"a")) + ENDING,
    "pax: wrong length": header(b"p", 10, b"x") + padded(b"99 path=a\n") + header() + ENDING,
    "pax: no record": header(b"p", 10, b"x") + padded(b"0123456789") + header() + ENDING,
    "pax: global path": pax((b"path", b"a")).replace(b"pax", b"pax", 1)[:0] + header(b"g", 10, b"g") + padded(b"10 path=a\n") + header() + ENDING,
    "pax: huge": header(b"p", 1 << 20, b"x") + b"\0" * (1 << 20) + header() + ENDING,
    "pax and GNU": header(b"L", 2, b"L") + padded(b"a\0") + pax((b"path", b"b")) + header() + ENDING,
    "GNU: two long names": header(b"L", 2, b"L") + padded(b"a\0") + header(b"L", 2, b"L") + padded(b"b\0") + header() + ENDING,
    "GNU: NUL in a long name": header(b"L", 4, b"L") + padded(b"a\0b\0") + header() + ENDING,
    "GNU: long name too long": header(b"L", 8192, b"L") + b"a" * 8192 + header() + ENDING,
    "sparse: part beyond the file": header(b"s", 512, b"S", magic=b"ustar  \0", at={386: b"%011o\0%011o\0" % (4096, 512), 483: b"%011o\0" % 1024}) + b"x" * 512 + ENDING,
    "sparse: parts overlap": header(b"s", 1024, b"S", magic=b"ustar  \0", at={386: b"%011o\0%011o\0" % (0, 512) * 2, 483: b"%011o\0" % 4096}) + b"x" * 1024 + ENDING,
    "sparse: more than is stored": header(b"s", 512, b"S", magic=b"ustar  \0", at={386: b"%011o\0%011o\0" % (0, 1024), 483: b"%011o\0" % 4096}) + b"x" * 512 + ENDING,
    "sparse: gigantic": header(b"s", 0, b"S", magic=b"ustar  \0", at={483: b"\x80" + b"\0" * 3 + b"\x1f" + b"\xff" * 7}) + ENDING,
    "sparse: no size": pax((b"GNU.sparse.map", b"0,1")) + header(size=1) + padded(b"x") + ENDING,
    "sparse: unknown": pax((b"GNU.sparse.major", b"2"), (b"GNU.sparse.size", b"2")) + header(size=1) + padded(b"x") + ENDING,
    "sparse: endless map": pax((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.realsize", b"2")) + header(size=512) + padded(b"99999999\n") + ENDING,
    "sparse: half a pair": pax((b"GNU.sparse.offset", b"1"), (b"GNU.sparse.size", b"2")) + header(size=1) + padded(b"x") + ENDING,
    "truncated header": header()[:300],
    "truncated content": header(size=1024) + b"x" * 600,
    "something follows": tar_of(f("a")) + b"garbage",
    "goes on after its end": header(b"a") + b"\0" * 512 + header(b"b") + ENDING,
    "archive after the archive": tar_of(f("a")) + tar_of(f("b")),
    "no archive": b"PK\3\4" + os.urandom(2000),
}


@test
def hostile_archives_are_refused_and_nothing_outside_changes():
    for name, tar in HOSTILE.items():
        with place() as top:
            try:
                got = unpack(top, tar, how="none", ok=False)
                assert got["stage"] in ("unpack", ""), got
                untouched(top)
            except AssertionError as error:
                raise AssertionError(f"{name}: {error}") from None


@test
def absolute_names_begin_at_the_root_of_the_image():
    def rooted(path):
        return f"/{path}" if path else path

    lower = [d("usr"), f("usr/old"), d("o"), f("o/old"), f("tmp/escape", b"below")]
    upper = [d("./"), d("usr", mode=0o711), f("usr/x", b"1"), l("usr/y", "usr/x"), Entry("usr/.wh.old", data=b""), Entry("o/.wh..wh..opq", data=b""), f("tmp/escape")]
    with place() as top:
        unpack(top, tar_of(*lower), tar_of(*upper))
        wanted = snapshot(f"{top}/target")
    for entry in lower + upper[1:]:
        entry.name, entry.linkname = rooted(entry.name), rooted(entry.linkname)
    upper[2].name, upper[3].linkname = "//usr/./x", "/./usr//x"
    with place() as top:
        unpack(top, tar_of(*lower), tar_of(*upper))
        compare(snapshot(f"{top}/target"), wanted)
        equal([sorted(os.listdir(f"{top}/target/{path}")) for path in ("usr", "o", "tmp")], [["x", "y"], [], ["escape"]])
        untouched(top)


@test
def links_of_one_layer_lead_nowhere_in_the_next():
    for link in ("../outside", "/tmp", "/", "..", ".", "d"):
        for entry in (f("d/escape"), d("d/escape"), s("d/escape", "x"), l("d/escape", "x"), Entry("d/escape", tarfile.FIFOTYPE)):
            with place() as top:
                unpack(top, tar_of(f("x"), s("d", link)), tar_of(entry), ok=False)
                untouched(top)
        for entry in (Entry("d/.wh.canary", data=b""), Entry("d/.wh..wh..opq", data=b""), Entry("d/d/.wh.x", data=b"")):
            with place() as top:
                unpack(top, tar_of(f("x"), s("d", link)), tar_of(entry))
                untouched(top)
        with place() as top:  # the link itself goes, not what it leads to
            unpack(top, tar_of(s("d", link)), tar_of(Entry(".wh.d", data=b"")))
            untouched(top)
            equal(os.listdir(f"{top}/target"), [])
        with place() as top:
            unpack(top, tar_of(s("d", link)), tar_of(d("d"), f("d/inside")))
            untouched(top)
            equal(os.listdir(f"{top}/target/d"), ["inside"])
        with place() as top:
            unpack(top, tar_of(s("d", link)), tar_of(f("d", mode=0o666, uid=9)))
            untouched(top)


@test
def entries_of_the_same_name():
    cases = [[f("a", b"1"), f("a", b"2")], [d("a"), f("a/x"), f("a", b"2")], [f("a"), d("a"), f("a/x")], [s("a", "b"), f("a", b"2")], [f("b"), l("a", "b"), f("a", b"2")],
             [d("a", mode=0o700), d("a", mode=0o755)], [f("a"), s("a", "/tmp")], [f("b", b"old"), l("c", "b"), f("b", b"new")]]
    for entries in cases:
        with place() as top:
            unpack(top, tar_of(*entries))
            compare(snapshot(f"{top}/target"), model([entries]))
            untouched(top)


@test
def sparse_files_of_tar():
    with place() as top:
        os.mkdir(f"{top}/made")
        with open(f"{top}/made/s", "wb") as file:
            for at in range(0, 3000000, 100000):
                file.seek(at)
                file.write(b"data%d" % at)
            file.truncate(5000000)
        for options in (["--format=gnu"], ["--format=pax", "--sparse-version=0.0"], ["--format=pax", "--sparse-version=0.1"], ["--format=pax", "--sparse-version=1.0"]):
            made = subprocess.run(["tar", "-cSf", "-", *options, "-C", f"{top}/made", "s"], stdout=subprocess.PIPE, check=True).stdout
            assert len(made) < 2000000, "not sparse"
            unpack(top, made)
            with open(f"{top}/target/s", "rb") as a, open(f"{top}/made/s", "rb") as b:
                assert a.read() == b.read(), options
            assert os.stat(f"{top}/target/s").st_blocks * 512 < 5000000
            shutil.rmtree(f"{top}/made/x", ignore_errors=True)


@test
def streams_and_digests():
    good, more = tar_of(f("a", b"x" * 100000)), tar_of()
    cases = [  # packed, media, accepted, stage
        ("two gzip members", gzip.compress(good[:5000]) + gzip.compress(good[5000:]), "+gzip", True),
        ("garbage after gzip", gzip.compress(good) + b"garbage", "+gzip", False),
        ("zeros after gzip", gzip.compress(good) + b"\0" * 100, "+gzip", False),
        ("truncated gzip", gzip.compress(good)[:-9], "+gzip", False),
        ("gzip without its last byte", gzip.compress(good)[:-1], "+gzip", False),
        ("empty gzip", b"", "+gzip", False),
        ("plain under gzip's type", good, "+gzip", False),
        ("gzip under the plain type", gzip.compress(good), "", False),
        ("zstd frames", zstd(good[:5000]) + zstd(good[5000:]), "+zstd", True),
        ("zstd with a skippable frame", zstd(good) + b"\x50\x2a\x4d\x18\4\0\0\0more", "+zstd", True),
        ("garbage after zstd", zstd(good) + b"garbage", "+zstd", False),
        ("few bytes after zstd", zstd(good) + b"ga", "+zstd", False),
        ("truncated zstd", zstd(good)[:-5], "+zstd", False),
        ("empty zstd", b"", "+zstd", False),
        ("zstd of a window over 8 MiB", zstd(good + b"\0" * (20 << 20), "--ultra", "-22", "--long=27"), "+zstd", False),
        ("unknown media type", good, "+xz", False),
    ]
    for name, packed, media, accepted in cases:
        with place() as top:
            try:
                got = unpack_words(top, layer(top, good, packed=packed, media=OCI + media), ok=accepted)
                if not accepted:
                    equal(got["stage"], "layer")
                else:
                    equal(os.path.getsize(f"{top}/target/a"), 100000)
            except AssertionError as error:
                raise AssertionError(f"{name}: {error}") from None
    with place() as top:  # empty layers, and docker's media types
        unpack_words(top, layer(top, b"", "none") + layer(top, more, "gzip") + layer(top, b"\0" * 1024, "none") +
                     layer(top, good, media="application/vnd.docker.image.rootfs.diff.tar.gzip"))
        equal(os.listdir(f"{top}/target"), ["a"])


@test
def each_flipped_bit_is_found_at_stage_layer():
    r = random.Random(1)
    good = tar_of(f("a", os.urandom(3000)), d("d"), s("s", "a"))
    for how in ("none", "gzip", "zstd"):
        with place() as top:
            words = layer(top, good, how)
            path = f"{top}/layout/blobs/sha256/{words[1][7:]}"
            with open(path, "rb") as file:
                packed = bytearray(file.read())
            for _ in range(40):
                at = r.randrange(len(packed) * 8)
                packed[at // 8] ^= 1 << at % 8
                with open(path, "wb") as file:
                    file.write(packed)
                equal(run(["verify", f"{top}/layout", *words])["stage"], "layer", f"{how}, bit {at}")
                packed[at // 8] ^= 1 << at % 8
            for wrong in (b"", bytes(packed[:-1]), bytes(packed) + b"x"):
                with open(path, "wb") as file:
                    file.write(wrong)
                equal(run(["verify", f"{top}/layout", *words])["stage"], "layer")
            os.unlink(path)
            equal(run(["verify", f"{top}/layout", *words])["stage"], "layer")
            for make in (lambda: os.symlink(f"{top}/canary", path), lambda: os.mkfifo(path), lambda: os.mkdir(path)):
                make()
                equal(run(["verify", f"{top}/layout", *words])["stage"], "layer")
                os.rmdir(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
    with place() as top:  # the right blob, another diff_id; the next layer is not begun
        words = layer(top, good, diff_id=digest(b"other")) + layer(top, tar_of(f("later")))
        got = unpack_words(top, words, ok=False)
        equal(got["stage"], "layer")
        assert not os.path.exists(f"{top}/target/later")


@test
def a_large_layer_is_hashed_beside_its_use():
    """From 1 MB on a thread does it: the bytes that were written are those that were hashed, and it sees each changed one."""
    r = random.Random(7)
    contents = [r.randbytes(100000) + bytes(r.choices(b"abc", k=400000)) for _ in range(20)]
    good = tar_of(*(f(f"d/{i}", c) for i, c in enumerate(contents)))
    for how in ("none", "gzip", "zstd"):
        with place() as top:
            words = layer(top, good, how)
            assert int(words[2]) > 1 << 20, words
            unpack_words(top, words)
            for i, content in enumerate(contents):
                with open(f"{top}/target/d/{i}", "rb") as file:
                    equal(file.read() == content, True, f"{how}: d/{i}")
            path = f"{top}/layout/blobs/sha256/{words[1][7:]}"
            with open(path, "r+b") as file:
                file.seek(-1500 if how == "none" else -4, os.SEEK_END)
                last = file.read(1)
                file.seek(-1, os.SEEK_CUR)
                file.write(bytes([last[0] ^ 1]))
            equal(run(["verify", f"{top}/layout", *words])["stage"], "layer", how)
    with place() as top:  # the right blob, another archive; and an archive that nobody reads to its end
        for wrong in (layer(top, good, diff_id=digest(b"other")), layer(top, b"x" * 512 + good, "none")):
            got = run(["verify", f"{top}/layout", *wrong])
            equal([got["read"] < 0, got["stage"]], [True, "unpack" if "checksum" in got["reason"] else "layer"])


@test
def bombs_end_early_and_memory_stays_small():
    zeros = gzip.compress(b"\0" * (64 << 20), 9)
    bomb = gzip.compress(header(b"z", 60 << 30, size_field=b"\x80" + b"\0" * 3 + (60 << 30).to_bytes(8, "big")), 1) + zeros * 1000
    with place() as top:
        words = layer(top, b"", packed=bomb)
        got = run(["verify", f"{top}/layout", *words])
        equal(got["stage"], "layer")
        contains(got["reason"], "200 times")
        got = run(["verify", f"{top}/layout", *words], ratio=100000, max_bytes=100 << 20)
        contains(got["reason"], "larger than")
        many = io.BytesIO()
        for i in range(3000):
            many.write(header(b"f%d" % i))
        got = unpack(top, many.getvalue() + ENDING, ok=False, max_entries=1000)
        contains(got["reason"], "1000 entries")
        hole = header(b"s", 0, b"S", magic=b"ustar  \0", at={483: b"%011o\0" % (1 << 30)}) + ENDING
        got = unpack(top, hole, ok=False, max_bytes=1 << 20)
        big = tar_of(f("big", os.urandom(1 << 20) * 48))
        for how in ("none", "gzip", "zstd"):
            got = run(["verify", f"{top}/layout", *layer(top, big, how)])
            equal(got["read"], 0)
            if not SANITIZED:
                assert got["peak_kib"] < 24 << 10, got


def record(kind, path=b"", extra=b"", content=b"", magic=0x74726565, **fields):
    values = {"path_size": len(path), "extra_size": len(extra), "mode": 0o644, "uid": 0, "gid": 0, "major": 0, "minor": 0, "nsec": 0, "mtime": 0, "size": len(content)}
    values.update(fields)
    return struct.pack("<10IqQ", magic, kind, *(values[k] for k in ("path_size", "extra_size", "mode", "uid", "gid", "major", "minor", "nsec", "mtime", "size"))) + path + extra + content


def send(top, stream, flags=0):
    p = subprocess.run([LAYERS, "send", TREE, f"{top}/target", str(flags)], input=stream, stdout=subprocess.PIPE, timeout=60)
    return json.loads(p.stdout)


@test
def records_out_of_range_end_the_tree():
    good = record(FILE, b"good", content=b"x")
    bad = {
        "magic": record(FILE, b"a", magic=1), "kind": record(12, b"a"), "large kind": record(1 << 31, b"a"), "mode": record(FILE, b"a", mode=0o10000),
        "uid": record(FILE, b"a", uid=0xffffffff), "nsec": record(FILE, b"a", nsec=10 ** 9), "path size": record(FILE, b"a", path_size=5000),
        "extra size": record(SYMLINK, b"a", b"b", extra_size=1 << 20), "size": record(FILE, b"a", size=1 << 62), "size of a link": record(SYMLINK, b"a", b"b", size=1),
        "dotdot": record(FILE, b"../escape"), "dotdot inside": record(FILE, b"a/../../escape"), "absolute": record(FILE, b"/tmp/escape"), "empty component": record(FILE, b"a//b"),
        "dot": record(FILE, b"./a"), "slash at the end": record(DIRECTORY, b"a/"), "NUL": record(FILE, b"a\0b"), "no path": record(FILE), "long name": record(FILE, b"n" * 256),
        "deep": record(FILE, b"/".join([b"p"] * 129)), "remove nothing": record(REMOVE), "remove the parent": record(REMOVE, b".."), "opaque outside": record(OPAQUE, b"../outside"),
        "hard link outside": record(HARDLINK, b"h", b"../outside/canary"), "hard link with NUL": record(HARDLINK, b"h", b"a\0b"), "link without a target": record(SYMLINK, b"s"),
        "attribute of nothing": record(XATTR, b"", b"user.a\0b"), "extra of a file": record(FILE, b"a", b"extra"), "device": record(CHAR, b"null", major=1, minor=3),
        "stream ends": b"", "half a record": record(FILE, b"a")[:20], "half a file": record(FILE, b"a", size=100) + b"half",
    }
    for name, stream in bad.items():
        with place() as top:
            got = send(top, good + stream)
            assert got["tree"] < 0 and got["tree"] != -1000 and got["tree_reason"], f"{name}: {got}"
            untouched(top)
    for name in (b"trusted.overlay.opaque\0y", b"security.selinux\0x", b"user.\0", b"system.posix_acl_access\0x"):
        with place() as top:
            assert send(top, good + record(XATTR, b"", name) + record(END))["tree"] < 0, name
    with place() as top:
        equal(send(top, record(CHAR, b"null", major=1, minor=3, mode=0o666) + record(BLOCK, b"b", major=7, minor=0) + record(END), DEVICES)["tree"], 0)
        equal(os.stat(f"{top}/target/null").st_rdev, os.makedev(1, 3))


def status_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


@contextlib.contextmanager
def paused(top, flags=0, user=()):
    p = subprocess.Popen([*user, LAYERS, "pause", TREE, f"{top}/target", str(flags)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        pid = int(p.stdout.readline())
        eventually(lambda: status_of(pid)["Seccomp"] == "2" or SANITIZED, "the filter")
        p.stdin.write(record(FILE, b"first"))
        p.stdin.flush()
        yield p, pid
    finally:
        p.stdin.close()
        p.wait(20)


@test
def the_kernel_sees_it_confined():
    caps = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "SETFCAP": 31}
    for flags, more in ((0, 0), (DEVICES, 1 << 27)):
        with place() as top, paused(top, flags) as (_, pid):
            expected = f"{sum(1 << n for n in caps.values()) | more:016x}"
            eventually(lambda: os.path.exists(f"{top}/target/first"), "the first file")
            status = status_of(pid)
            equal([status["CapEff"], status["CapPrm"], status["CapBnd"]], [expected] * 3)
            equal([status["CapInh"], status["CapAmb"]], ["0" * 16] * 2)
            equal(status["NoNewPrivs"], "1")
            if not SANITIZED:
                equal(status["Seccomp"], "2")
            assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
            with open(f"/proc/{pid}/environ") as file:
                pass
            links = {os.readlink(f"/proc/{pid}/fd/{n}").split(":")[0] for n in os.listdir(f"/proc/{pid}/fd")}
            equal(links - {f"{top}/target", f"{top}/target/first"}, {"socket", "pipe"})
            equal(os.stat(f"/proc/{pid}/fd").st_uid, 0)  # not dumpable
            with open(f"/proc/{pid}/limits") as file:
                contains(file.read(), "Max core file size        0 ")


@test
def landlock_holds_where_the_kernel_has_it():
    if SANITIZED:
        raise h.Skip("a sanitizer and strace do not agree")
    with place() as top:
        words = layer(top, tar_of(f("a")))
        p = subprocess.run(["strace", "-f", "-e", "trace=landlock_create_ruleset,landlock_add_rule,landlock_restrict_self", LAYERS, "unpack", TREE, f"{top}/target", "0",
                            f"{top}/layout", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if "LANDLOCK_CREATE_RULESET_VERSION) = -1" in p.stderr:
            raise h.Skip("this kernel has no Landlock")
        equal(p.stderr.count("landlock_add_rule("), 1)
        contains(p.stderr, "landlock_restrict_self(")
        assert " = -1" not in p.stderr, p.stderr
        equal(json.loads(p.stdout)["tree"], 0)


@test
def the_vectors_of_the_tools():
    top_of = os.environ.get("HRUN_VECTORS", f"{h.TOP}/tests/vectors")
    if not os.path.isdir(top_of):
        raise h.Skip(f"no {top_of}: HRUN_VECTORS names the folder")
    done = 0
    for name in sorted(os.listdir(top_of)):
        blobs = f"{top_of}/{name}/layout/blobs/sha256"
        if not os.path.isdir(blobs):
            continue
        with open(f"{top_of}/{name}/manifest.json") as file:
            about = json.load(file)
        if about["expect"] != "accept" and about["stage"] not in ("layer", "unpack"):
            continue
        words = layers_of(blobs, about)
        if not words:
            continue
        done += 1
        with place() as top:
            os.rmdir(f"{top}/layout/blobs/sha256"), os.rmdir(f"{top}/layout/blobs"), os.rmdir(f"{top}/layout")
            shutil.copytree(f"{top_of}/{name}/layout", f"{top}/layout")
            verified = run(["verify", f"{top}/layout", *words])
            got = run(["unpack", TREE, f"{top}/target", "0", f"{top}/layout", *words])
            untouched(top)
            refused = got["read"] != 0 or got["tree"] != 0
            expected = {"accept": (False,), "reject": (True,)}.get(about["expect"], (True, False))
            assert refused in expected, f"{name}: {got}"
            if about["expect"] == "reject":
                assert verified["read"] != 0 and (about["stage"] == "unpack" or verified["stage"] == "layer"), f"{name}: {verified}"
            if name == "whiteout-and-same-name-in-one-layer":
                assert os.path.exists(f"{top}/target/app/run")
            if name == "opaque-whiteout-after-sibling":
                equal(os.listdir(f"{top}/target/o"), ["new"])
    assert done > 10, done


def layers_of(blobs, about):
    def document(digest_):
        try:
            with open(f"{blobs}/{digest_[7:]}", "rb") as file:
                return json.load(file)
        except (OSError, ValueError):
            return {}
    manifest = document(about["image_digest"] or "sha256:")
    for entry in manifest.get("manifests", []):
        if "/".join(entry.get("platform", {}).get(k, "") for k in ("os", "architecture")) == about["platform"]:
            manifest = document(entry["digest"])
    ids = document(manifest.get("config", {}).get("digest", "sha256:")).get("rootfs", {}).get("diff_ids", [])
    layers = manifest.get("layers", [])
    if not layers or len(ids) != len(layers):
        return []
    return sum(([x["mediaType"], x["digest"], str(x["size"]), i] for x, i in zip(layers, ids)), [])


@test
def sigkill_leaves_only_the_target():
    with place() as top, paused(top) as (p, pid):
        p.stdin.write(record(DIRECTORY, b"d") + record(FILE, b"d/half", size=1 << 20) + b"x" * 1000)
        p.stdin.flush()
        eventually(lambda: os.path.exists(f"{top}/target/d/half"), "the file")
        os.kill(pid, signal.SIGKILL)
        p.stdin.close()
        got = json.loads(p.stdout.read())
        equal(got["tree"], -1000)
        untouched(top)


@test
def a_full_target_is_said():
    with place() as top:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "small", f"{top}/target"], check=True)
        try:
            got = unpack(top, tar_of(f("big", os.urandom(3 << 20))), ok=None)
            contains(got["tree_reason"], "No space left")
        finally:
            subprocess.run(["umount", f"{top}/target"], check=True)


@test
def nothing_of_the_target_goes_on_to_the_files():
    access = b"".join(struct.pack("<HHI", *entry) for entry in ((1, 7, 2**32 - 1), (2, 7, 1234), (4, 5, 2**32 - 1), (16, 7, 2**32 - 1), (32, 0, 2**32 - 1)))
    with place() as top:
        os.chown(f"{top}/target", 7, 55)
        os.chmod(f"{top}/target", 0o2775)
        for name in ("default", "access"):
            try:
                os.setxattr(f"{top}/target", f"system.posix_acl_{name}", struct.pack("<I", 2) + access)
            except OSError as error:
                raise h.Skip("this file system has no access lists") from error
        entries = [d("d", mode=0o750), f("d/a", mode=0o600), f("b"), f("c/d")]
        unpack(top, tar_of(*entries))
        compare(snapshot(f"{top}/target"), model([entries]))


@test
def a_whiteout_said_many_times_is_looked_for_once():
    if SANITIZED:
        raise h.Skip("a sanitizer and strace do not agree")
    count = 300
    files = [f(f"d/{i}") for i in range(count)]
    with place() as top:
        words = layer(top, tar_of(*files)) + layer(top, tar_of(*files, *[Entry(name, data=b"") for name in ("d/.wh..wh..opq", ".wh.d") * count]))
        p = subprocess.run(["strace", "-f", "-e", "trace=getdents64", LAYERS, "unpack", TREE, f"{top}/target", "0", f"{top}/layout", *words],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        equal(json.loads(p.stdout)["tree"], 0)
        equal(len(os.listdir(f"{top}/target/d")), count)
        calls = p.stderr.count("getdents64(")
        assert 0 < calls < count, f"{calls} calls"


@test
def directories_that_no_entry_names_are_counted():
    paths = ["/".join([str(i)] * 100) for i in range(20)]
    with place() as top:
        got = unpack(top, tar_of(*(f(path) for path in paths)), ok=None, max_entries=1000)
        equal([got["read"], got["tree"]], [0, -27])
        contains(got["tree_reason"], "more than 1000 entries")
    with place() as top:
        equal(unpack(top, tar_of(*(f(path) for path in paths)), max_entries=2000)["entries"], 2000)


@test
def a_walk_gives_what_was_applied():
    with place() as top:
        unpack(top, tar_of(*GOOD[1:]))
        walks = []
        for _ in range(2):
            p = subprocess.run([LAYERS, "walk", TREE, f"{top}/target", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
            walks.append(p.stdout)
        assert walks[0] == walks[1]
        stream = walks[0]
        paths = []
        while stream:
            kind, path_size, extra_size = struct.unpack_from("<4I", stream)[1:]
            size = struct.unpack_from("<Q", stream, 48)[0]
            paths.append((kind, stream[56:56 + path_size]))
            stream = stream[56 + path_size + extra_size + size:]
        equal(paths[-1][0], END)
        names = [path.split(b"/") for kind, path in paths[1:] if kind < XATTR]
        equal(names, sorted(names), "the order")
        equal(len(names) + 1, len(snapshot(f"{top}/target")))
        before = snapshot(f"{top}/target")
        shutil.rmtree(f"{top}/target")
        os.mkdir(f"{top}/target")
        equal(send(top, walks[0])["tree"], 0)
        after = snapshot(f"{top}/target")
        compare(after, before)


@test
def an_ordinary_user_gets_the_files_without_owners():
    with place() as top:
        os.chown(f"{top}/target", 65534, 65534)
        os.chmod(h.work, 0o755)
        os.chmod(top, 0o755)
        words = layer(top, tar_of(f("a", uid=7, mode=0o4755), d("closed", mode=0o500), f("closed/x", mode=0o400, pax={"SCHILY.xattr.user.x": "y"})))
        user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        for prefix in (user, user + ["unshare", "-Ur"]):
            p = subprocess.run([*prefix, LAYERS, "unpack", TREE, f"{top}/target", str(SQUASH), f"{top}/layout", *words], stdout=subprocess.PIPE, text=True)
            got = json.loads(p.stdout)
            equal([got["read"], got["tree"]], [0, 0], got["tree_reason"])
            tree = snapshot(f"{top}/target")
            equal(tree["a"][1:4], [0o755, 65534, 65534])
            equal(tree["closed"][1], 0o500)
            shutil.rmtree(f"{top}/target/closed")
            os.unlink(f"{top}/target/a")


main()
