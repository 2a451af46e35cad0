#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""Layouts that nobody means well with: each ends in a verdict of one line, none in a crash, a hang, or a look outside."""
import copy
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

import common
from common import report

TESTS, BUILD = os.environ["TESTS"], os.environ["BUILD"]
DRIVE = [f"{BUILD}/tests/image/drive", "-d", f"{BUILD}/libexec/hrun", "-p", "linux/amd64"]
KEY = f"{TESTS}/vectors/python-image-valid/pyp256.pub"
INDEX, MANIFEST, CONFIG = (f"application/vnd.oci.image.{kind}.v1+json" for kind in ("index", "manifest", "config"))
LAYER = "application/vnd.oci.image.layer.v1.tar"
class Layout:
    """A good image without layers, to be spoilt."""

    def __init__(self, directory):
        self.path = directory
        os.makedirs(f"{directory}/blobs/sha256")
        os.chmod(directory, 0o755)
        self.file("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        self.config = {"os": "linux", "architecture": "amd64", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}
        self.manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "layers": []}
        self.index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}

    def file(self, name, data):
        with open(f"{self.path}/{name}", "wb") as f:
            f.write(data)

    def blob(self, value, media_type):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        digest = hashlib.sha256(data).hexdigest()
        self.file(f"blobs/sha256/{digest}", data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def write(self):
        self.manifest.setdefault("config", self.blob(self.config, CONFIG))
        if not self.index["manifests"]:
            self.index["manifests"] = [self.blob(self.manifest, MANIFEST)]
        self.file("index.json", json.dumps(self.index).encode())

    def hex(self, descriptor):
        return f"{self.path}/blobs/sha256/{descriptor['digest'][7:]}"


def judge(layout, *options, requirement=(), path=None):
    done = subprocess.run([*DRIVE, *options, path or layout.path, *requirement], capture_output=True, text=True, timeout=100)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def verdict(name, spoil, expected, stage, reason="", *options):
    """SPOIL(layout) before anything is written; returns what to do afterwards, or None."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        layout = Layout(f"{directory}/layout")
        after = spoil(layout)
        layout.write()
        if after:
            after()
        status, answer, err = judge(layout, "-u", *options)
    found = (answer.get("verdict"), answer.get("stage"))
    text = answer.get("reason") or ""
    problem = ""
    if found != (expected, stage) or reason not in text or "hrun-image" in text:
        problem = f"{status} {found} {text!r} {err!r}"
    elif status != {"reject": 1, "malformed": 2, "accept": 0}[expected] or any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in text):
        problem = f"status {status}, {text!r}"
    report(name, problem)


def index(**members):
    def spoil(layout):
        layout.write()
        layout.index.update(members)
    return spoil


def entry(**members):
    def spoil(layout):
        layout.write()
        layout.index["manifests"][0].update(members)
    return spoil


def manifest(**members):
    return lambda layout: layout.manifest.update(members)


def config(**members):
    return lambda layout: layout.config.update(members)


def raw(name, data):
    return lambda layout: lambda: layout.file(name, data)


def instead(name, make):
    """Another kind of file at NAME (a function of the layout gives the path)."""
    def spoil(layout):
        def after():
            path = name(layout) if callable(name) else f"{layout.path}/{name}"
            os.rename(path, f"{layout.path}/aside")
            make(layout, path)
        return after
    return spoil


def fifo(layout, path):
    os.mkfifo(path)


def link(layout, path):
    os.symlink(f"{layout.path}/aside", path)


def directory(layout, path):
    os.mkdir(path)


def nothing(layout, path):
    pass


def manifest_path(layout):
    return layout.hex(layout.index["manifests"][0])


def config_path(layout):
    return layout.hex(layout.manifest["config"])


def two_images(ref=None):
    def spoil(layout):
        layout.write()
        other = copy.deepcopy(layout.manifest)
        other["annotations"] = {"x": "y"}
        layout.index["manifests"].append(layout.blob(other, MANIFEST))
        for i, e in enumerate(layout.index["manifests"]):
            e["annotations"] = {"org.opencontainers.image.ref.name": ref or f"image-{i}"}
    return spoil


def through_index(children):
    def spoil(layout):
        layout.write()
        good = layout.index["manifests"][0]
        layout.index["manifests"] = [layout.blob({"schemaVersion": 2, "mediaType": INDEX, "manifests": children(layout, good)}, INDEX)]
    return spoil


def platform(descriptor, os_="linux", architecture="amd64", **more):
    return {**descriptor, "platform": {"os": os_, "architecture": architecture, **more}}


def the_documents():
    bad = "malformed", "index"
    verdict("no oci-layout", instead("oci-layout", nothing), *bad, "missing")
    verdict("oci-layout of another version", raw("oci-layout", b'{"imageLayoutVersion":"2.0.0"}'), *bad, "1.0.0")
    verdict("no index.json", instead("index.json", nothing), *bad, "missing")
    for name in ("oci-layout", "index.json"):
        verdict(f"{name} is a FIFO", instead(name, fifo), *bad)
        verdict(f"{name} is a link", instead(name, link), *bad, "symbolic link")
        verdict(f"{name} is a directory", instead(name, directory), *bad)
    verdict("index.json of 2 MiB", raw("index.json", b" " * (2 << 20)), *bad, "too large")
    verdict("index.json is empty", raw("index.json", b""), *bad)
    verdict("index.json is no UTF-8", raw("index.json", b'{"schemaVersion":2,"manifests":[],"\xff":1}'), *bad)
    verdict("index.json is deep", raw("index.json", b'{"manifests":' + b"[" * 100000), *bad)
    verdict("index.json has a name twice", raw("index.json", b'{"schemaVersion":2,"manifests":[],"manifests":[]}'), *bad)
    verdict("index.json with an escape sequence", raw("index.json", b'{"\\u001b[31m":}'), *bad)
    verdict("schemaVersion 1", index(schemaVersion=1), *bad)
    verdict("schemaVersion as text", index(schemaVersion="2"), *bad)
    verdict("an index that is a manifest", index(mediaType=MANIFEST), *bad)
    verdict("an index with layers", index(layers=[]), *bad)
    verdict("manifests is an object", index(manifests={"a": 1}), *bad)
    verdict("5000 entries", index(manifests=[{}] * 5000), *bad, "5000")
    verdict("entries that are no objects", index(manifests=[1, None, "x", [], True]), *bad)
    for name, value in (
        ("leads out", "sha256:../../../../etc/passwd"), ("is upper-case", "sha256:" + "A" * 64), ("is short", "sha256:" + "a" * 63),
        ("is long", "sha256:" + "a" * 65), ("is sha512", "sha512:" + "a" * 128), ("is a number", 7), ("has a NUL", "sha256:" + "a" * 63 + "\0"),
    ):
        verdict(f"a digest that {name}", entry(digest=value), *bad)
    for value in (-1, "457", 1.5, 1 << 60, None, True):
        verdict(f"size {value!r}", entry(size=value), *bad, "size")
    verdict("an entry without mediaType", entry(mediaType=None), *bad)
    verdict("an entry of another type", entry(mediaType="text/plain"), *bad)
    verdict("two images and no ref", two_images(), *bad, "--ref")
    verdict("one ref, two images", two_images("same"), *bad, "several", "-r", "same")
    verdict("a ref that is not there", two_images(), *bad, "nope", "-r", "nope")
    verdict("no image, only what belongs to one", entry(annotations={"org.opencontainers.image.ref.name": "sha256-" + "a" * 64 + ".sig"}), *bad)


def the_chain():
    at = "reject", "manifest"
    verdict("size of the manifest", entry(size=1), *at, "its descriptor says 1")
    verdict("a manifest of 1 TiB", entry(size=1 << 40), *at)
    for name, make in (("missing", nothing), ("a FIFO", fifo), ("a link", link), ("a directory", directory)):
        verdict(f"the manifest is {name}", instead(manifest_path, make), *at)
        verdict(f"the config is {name}", instead(config_path, make), "reject", "config")
    verdict("blobs is a link", instead("blobs", link), *at)
    verdict("a manifest that is an index", manifest(mediaType=INDEX), *at)
    verdict("a manifest with manifests", manifest(manifests=[]), *at)
    verdict("a manifest without layers", manifest(layers=None), *at)
    verdict("a config of another type", manifest(config={"mediaType": "x/y", "digest": "sha256:" + "0" * 64, "size": 2}), *at)
    verdict("200 layers", manifest(layers=[{"mediaType": LAYER, "digest": "sha256:" + "0" * 64, "size": 2}] * 200), *at, "200")
    verdict("a layer out of the layout", manifest(layers=[{"mediaType": LAYER, "digest": "sha256:../x", "size": 2}]), *at)
    verdict("more layers than diff_ids", manifest(layers=[{"mediaType": LAYER, "digest": "sha256:" + "0" * 64, "size": 2}]), "reject", "config")
    verdict("another architecture", config(architecture="s390x"), "reject", "config", "s390x")
    verdict("another system", config(os="windows"), "reject", "config")
    verdict("no architecture", config(architecture=None), "reject", "config")
    verdict("no rootfs", config(rootfs=None), "reject", "config")
    verdict("diff_ids is text", config(rootfs={"type": "layers", "diff_ids": "x"}), "reject", "config")
    verdict("more diff_ids than layers", config(rootfs={"type": "layers", "diff_ids": ["sha256:" + "0" * 64]}), "reject", "config")
    verdict("an empty index", through_index(lambda layout, good: []), *at)
    verdict("an index for other platforms", through_index(lambda layout, good: [platform(good, architecture="arm64"), good]), *at)
    verdict("an index in an index", through_index(lambda layout, good: [platform({**good, "mediaType": INDEX})]), *at)
    verdict("a child that says another size", through_index(lambda layout, good: [platform({**good, "size": 3})]), *at)


def signed(layout, **more):
    started = time.monotonic()
    status, answer, err = judge(layout, requirement=["cosign-key", "1", "any", "", KEY, ";"], **more)
    return status, answer, time.monotonic() - started


def crowds():
    """What looks like signatures, more than anybody wants to read."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        layout = Layout(f"{directory}/layout")
        layout.write()
        subject = layout.index["manifests"][0]
        payload = layout.blob(b"x" * 1000, "application/vnd.dev.cosign.simplesigning.v1+json")
        for i in range(3000):
            layout.blob({"schemaVersion": 2, "mediaType": MANIFEST, "n": i, "config": payload, "subject": subject, "layers": [payload] * 20}, MANIFEST)
        status, answer, seconds = signed(layout)
        right = status == 1 and answer["stage"] == "signature" and "hrun-image" not in answer["reason"]
        report("3000 manifests of signatures", "" if right else f"{status} {answer}")
        listed = [layout.blob({"schemaVersion": 2, "mediaType": MANIFEST, "m": i, "subject": subject, "layers": []}, MANIFEST) for i in range(2000)]
        layout.index["manifests"] = [{**subject, "annotations": {"org.opencontainers.image.ref.name": "x"}}, *listed]
        layout.file("index.json", json.dumps(layout.index).encode())
        status, answer, seconds = signed(layout)
        right = status == 2 or (status == 1 and answer["stage"] == "signature")
        report("2000 listed referrers", "" if right else f"{status} {answer}")


def changing():
    """Somebody writes while hrun reads: any verdict, but one of hrun-image's own."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        layout = Layout(f"{directory}/layout")
        layout.write()
        stop = threading.Event()
        good = json.dumps(layout.index).encode()

        def scribble():
            n = 0
            while not stop.is_set():
                n += 1
                layout.file("index.json", good if n % 3 else good[: n % len(good)] + b" " * (n % 5000))
                target = config_path(layout)
                with open(target, "r+b") as f:
                    f.seek(n % 50)
                    f.write(b"{" if n % 2 else b'"')
        thread = threading.Thread(target=scribble)
        thread.start()
        problems = []
        for _ in range(60):
            status, answer, err = judge(layout, "-u")
            if status not in (0, 1, 2) or "hrun-image" in (answer.get("reason") or ""):
                problems.append(f"{status} {answer} {err}")
        stop.set()
        thread.join()
        report("a layout that changes while it is read", problems[0] if problems else "")


def no_layout():
    status, _, err = judge(None, "-u", path="/nowhere/at/all")
    report("no directory", "" if status == 3 and err else f"{status} {err}")
    status, _, err = judge(None, "-u", path=KEY)
    report("a file instead of a directory", "" if status == 3 and err else f"{status} {err}")
    with tempfile.TemporaryDirectory() as directory:
        layout = Layout(f"{directory}/layout")
        layout.write()
        os.chmod(layout.path, 0o700)
        for name in os.listdir(f"{layout.path}/blobs/sha256"):
            os.chmod(f"{layout.path}/blobs/sha256/{name}", 0o600)
        status, answer, err = judge(layout, "-u")
        # The image has no layers: where these are built it is accepted.
        right = status == 0 or answer["stage"] == "layer"
        report("a layout that only its owner may read", "" if right else f"{status} {answer}")


the_documents()
the_chain()
crowds()
changing()
no_layout()
sys.exit(1 if common.failed else 0)
