#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""Layouts that nobody means well with: each ends in a verdict of one line, none in a crash, a hang, or a look outside."""
import copy
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import unicodedata

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
    elif status != {"reject": 1, "malformed": 2, "accept": 0}[expected] or any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") or c == "\ufffd" for c in text):
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


def names_with_a_digest():
    """The operator says which image is meant: the index, or the manifest that runs."""
    with tempfile.TemporaryDirectory() as directory:
        layout = Layout(f"{directory}/layout")
        layout.write()
        manifest = layout.index["manifests"][0]["digest"]
        spoil = through_index(lambda layout, good: [platform(good)])
        other = Layout(f"{directory}/other")
        spoil(other)
        top = other.index["manifests"][0]["digest"]
    for name, spoilt, digest, result in (
            ("of the manifest", lambda layout: None, manifest, ("accept", None)), ("of another manifest", lambda layout: None, top, ("reject", "policy", "another digest")),
            ("of the index", spoil, top, ("accept", None)), ("of the index's manifest", spoil, manifest, ("accept", None)),
            ("of another index", spoil, "sha256:" + "0" * 64, ("reject", "policy", "another digest"))):
        verdict(f"a name with the digest {name}", spoilt, *result[:2], (*result, "")[2], "-n", f"r.example/app:1@{digest}")


def one_layer(*names):
    """A layer with empty files of these NAMES."""
    def spoil(layout):
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape") as tar:
            for name in names:
                tar.addfile(tarfile.TarInfo(name))
        layer = layout.blob(archive.getvalue(), LAYER)
        layout.manifest["layers"] = [layer]
        layout.config["rootfs"]["diff_ids"] = [layer["digest"]]
    return spoil


def bombs():
    """The limit is hrun's own, not a caller's: no compression that is meant to save room reaches it."""
    def spoil(media, pack):
        def bomb(layout):
            head = tarfile.TarInfo("zeros")
            head.size = 64 << 20
            archive = head.tobuf() + bytes((64 << 20) + 1024)
            layer = layout.blob(pack(archive), LAYER + media)
            layout.manifest["layers"] = [layer]
            layout.config["rootfs"]["diff_ids"] = ["sha256:" + hashlib.sha256(archive).hexdigest()]
        return bomb

    def zstd(data):
        return subprocess.run(["zstd", "-qc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    verdict("a zstd bomb", spoil("+zstd", zstd), "reject", "layer", "more than 1100 times")
    verdict("gzip at its best is none", spoil("+gzip", lambda data: gzip.compress(data, 9)), "accept", None)


def what_is_quoted():
    """A refusal quotes the image, and no terminal obeys the quote."""
    at = "reject", "unpack"
    verdict("a layer with good names", one_layer("a", "\u202egnp.exe", "\udc9b31m"), "accept", None)
    for name, path in (("an escape sequence", "\x1b[31m"), ("a C1 control", "\u009b31m"), ("a byte that is no UTF-8", "\udc9b31m\udcff"), ("a new line", "a\nok"),
                       ("text that runs backwards", "\u202egnp.exe\u2066"), ("a line separator", "\u2028ok"), ("a cut character", "\u00e9" * 200)):
        verdict(f"a path with {name}", one_layer(f"../{path}"), *at, "..")
        verdict(f"a path with {name}, one byte further", one_layer(f"../a{path}"), *at, "..")


def the_keys():
    """Key files of all kinds: a key is believed, everything else is told in one line, and nothing hangs."""
    with tempfile.TemporaryDirectory() as top:
        def put(name, data):
            with open(f"{top}/{name}", "wb") as file:
                file.write(data)
        with open(KEY, "rb") as file:
            good = file.read()
        os.mkfifo(f"{top}/fifo")
        os.mkdir(f"{top}/directory")
        for name, target in (("loop", "loop"), ("zero", "/dev/zero"), ("link", "good")):
            os.symlink(target, f"{top}/{name}")
        for name, data in (("good", good), ("empty", b""), ("large", b"\0" * 70000), ("two", good + good), ("more", good + b"x"), ("cut", good[:-30]),
                           ("private", good.replace(b"PUBLIC", b"PRIVATE")), ("nul", good[:40] + b"\0" + good[41:]), ("binary", os.urandom(91)),
                           ("certificate", good.replace(b"PUBLIC KEY", b"CERTIFICATE"))):
            put(name, data)
        for name, status in (("good", 0), ("link", 0), ("fifo", 3), ("directory", 3), ("loop", 3), ("zero", 3), ("empty", 3), ("large", 3), ("missing", 3), ("two", 1),
                             ("more", 1), ("cut", 1), ("private", 1), ("nul", 1), ("binary", 1), ("certificate", 1), ("../../../../../proc/self/mem", 3)):
            put("policy.json", json.dumps({"images": {"require": "signed", "trust": [{"scheme": "cosign-key", "keys": [name]}]}}).encode())
            done = subprocess.run([os.environ["HRUN"], "verify", "--policy", f"{top}/policy.json", "--ref", "img", os.path.dirname(KEY) + "/layout"],
                                  capture_output=True, text=True, timeout=60)
            said = done.stdout + done.stderr
            right = done.returncode == status and (status == 0 or said.count("\n") == 1) and "hrun-image" not in said
            report(f"a key that is {name}", "" if right else f"{done.returncode} {said!r}")


def the_trust_store():
    """trustpolicy.json of notation with its store, spoilt in turn."""
    case = f"{TESTS}/vectors/notation-jws-valid"
    statement = {"name": "all", "registryScopes": ["*"], "signatureVerification": {"level": "strict"}, "trustStores": ["ca:n1"],
                 "trustedIdentities": ["x509.subject: C=US, ST=WA, O=n1-org"]}
    with tempfile.TemporaryDirectory() as top:
        store, trust = f"{top}/truststore/x509/ca/n1", f"{top}/trustpolicy.json"
        os.makedirs(store)
        with open(f"{top}/policy.json", "w") as file:
            json.dump({"images": {"require": "signed", "trustFrom": "trustpolicy.json"}}, file)
        with open(trust, "w") as file:
            json.dump({"version": "1.0", "trustPolicies": [statement]}, file)

        def ask(name, status, say=""):
            done = subprocess.run([os.environ["HRUN"], "verify", "--policy", f"{top}/policy.json", "--ref", "alpha", f"{case}/layout"],
                                  capture_output=True, text=True, timeout=60)
            said = done.stdout + done.stderr
            right = done.returncode == status and say in said and "hrun-image" not in said
            report(f"trust store: {name}", "" if right else f"{done.returncode} {said!r}")

        ask("empty", 3, "no certificate")
        shutil.copy(f"{case}/n1-ca.crt", f"{store}/.hidden.crt")
        ask("only a hidden certificate", 3, "no certificate")
        os.rename(f"{store}/.hidden.crt", f"{store}/a.crt")
        ask("as it should be", 0)
        for name, spoil in (("a FIFO", os.mkfifo), ("a directory", os.mkdir), ("a link to a device", lambda path: os.symlink("/dev/zero", path))):
            spoil(f"{store}/b.pem")
            ask(f"{name} beside it", 3, "regular file")
            os.rmdir(f"{store}/b.pem") if os.path.isdir(f"{store}/b.pem") else os.unlink(f"{store}/b.pem")
        for mode in (0o664, 0o646):
            os.chmod(trust, mode)
            ask(f"trustpolicy.json with mode {mode:o}", 3, "writable by group or others")
        os.chmod(trust, 0o644)
        with open(trust, "w") as file:
            json.dump({"version": "1.0", "trustPolicies": [{**statement, "signatureVerification": {"level": "skip"}, "trustStores": [], "trustedIdentities": []}]}, file)
        ask("nothing asked for (skip)", 3)


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


def many_signers():
    """A registry's list of signatures is added to only: keyless ones, with certificates and proofs, stand before the key's."""
    with open(f"{TESTS}/vectors/cosign3-legacy-p256-valid/manifest.json") as file:
        about = json.load(file)
    key = f"{TESTS}/vectors/cosign3-legacy-p256-valid/{about['policy']['keys'][0]}"
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        shutil.copytree(f"{TESTS}/vectors/cosign3-legacy-p256-valid/layout", f"{directory}/layout")
        with open(f"{directory}/layout/index.json") as file:
            index = json.load(file)
        entry = next(e for e in index["manifests"] if e["annotations"]["org.opencontainers.image.ref.name"].endswith(".sig"))
        with open(f"{directory}/layout/blobs/sha256/{entry['digest'][7:]}") as file:
            signatures = json.load(file)
        good = signatures["layers"][0]
        others = {f"dev.sigstore.cosign/{name}": "x" * size for name, size in (("certificate", 1200), ("chain", 2000), ("bundle", 3500))}

        def ask(name, count, expected, word=""):
            signatures["layers"] = [{**good, "annotations": {**others, "dev.cosignproject.cosign/signature": "MEUCIQ=="}}] * count + [good]
            data = json.dumps(signatures).encode()
            entry.update(digest="sha256:" + hashlib.sha256(data).hexdigest(), size=len(data))
            for path, content in ((f"blobs/sha256/{entry['digest'][7:]}", data), ("index.json", json.dumps(index).encode())):
                with open(f"{directory}/layout/{path}", "wb") as file:
                    file.write(content)
            status, answer, err = judge(None, "-r", about["ref"], path=f"{directory}/layout", requirement=["cosign-key", "1", "any", "", key, ";"])
            report(name, "" if status == expected and word in (answer.get("reason") or "") else f"{status} {answer} {err}")
        ask("100 keyless signatures before the key's", 100, 0)
        ask("a list of signatures over 1 MiB", 200, 1, "1048576 are read at most")


def many_images():
    """A layout that many images share: the signatures of others, however long their lists are, do not keep this image's referrer from being read."""
    vector = f"{TESTS}/vectors/cosign3-bundle-p256-valid"
    with open(f"{vector}/manifest.json") as file:
        about = json.load(file)
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        shutil.copytree(f"{vector}/layout", f"{directory}/layout")
        with open(f"{directory}/layout/index.json") as file:
            index = json.load(file)

        def ask(name, count, size, expected, word=""):
            entries = []
            for i in range(count):
                data = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [], "annotations": {"x": f"{i:04}"}}).ljust(size).encode()
                other = hashlib.sha256(data).hexdigest()
                entries.append({"mediaType": MANIFEST, "digest": f"sha256:{other}", "size": len(data), "annotations": {"org.opencontainers.image.ref.name": f"sha256-{i:064x}.sig"}})
                with open(f"{directory}/layout/blobs/sha256/{other}", "wb") as file:
                    file.write(data)
            with open(f"{directory}/layout/index.json", "w") as file:
                json.dump({**index, "manifests": entries + index["manifests"]}, file)
            status, answer, err = judge(None, "-r", about["ref"], path=f"{directory}/layout", requirement=["cosign-key", "1", "any", "", f"{vector}/{about['policy']['keys'][0]}", ";"])
            report(name, "" if status == expected and word in (answer.get("reason") or "") else f"{status} {answer} {err}")
        ask("no other image's signatures", 0, 0, 0)
        ask("4 other images' signatures of 1 MiB", 4, 1 << 20, 0)
        ask("600 other images' signatures", 600, 100, 1, "not all was looked at")


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
names_with_a_digest()
bombs()
what_is_quoted()
the_keys()
the_trust_store()
crowds()
many_signers()
many_images()
changing()
no_layout()
sys.exit(1 if common.failed else 0)
