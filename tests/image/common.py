# SPDX-License-Identifier: Apache-2.0
"""common.py - what the tests of images share."""
import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import time

failed = 0


def report(name, problem=""):
    global failed
    failed += bool(problem)
    print(f"not ok - {name}: {problem}" if problem else f"ok - {name}")


def equal(name, found, expected):
    report(name, "" if found == expected else f"{found!r}, expected {expected!r}")


def trust_of(p):
    """A case's policy, in words that belong to no tool, as an entry of images.trust."""
    if p["scheme"] == "notation":
        return {"scope": "*", "scheme": "notation", "level": p["level"], "ca": p["ca"], "trustedIdentities": p["trusted_identities"]}
    trust = {"scope": "*", "scheme": p["scheme"], "keys": p.get("keys", []), "threshold": p.get("threshold", 1), "tlog": "ignore"}
    return trust | ({"identity": p["identity"]} if p.get("identity") else {})


def policy_words(work, case, images, **more):
    """--policy and a file, in a directory of its own below WORK, that trusts the keys of the case: IMAGES are members of `images`, MORE of the file."""
    with open(f"{case}/manifest.json") as f:
        p = json.load(f)["policy"]
    directory = tempfile.mkdtemp(dir=work)
    os.chmod(directory, 0o755)
    for name in p.get("keys", []) + p.get("ca", []):
        shutil.copyfile(f"{case}/{name}", f"{directory}/{name}")
    path = f"{directory}/policy.json"
    with open(path, "w") as f:
        json.dump({"format": 1, "images": {"trust": [trust_of(p)], **images}, **more}, f)
    os.chmod(path, 0o644)
    return ["--policy", path]


def children(pid):
    """{name: pid} of the processes that PID has made."""
    found = {}
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        numbers = f.read().split()
    for child in numbers:
        try:
            with open(f"/proc/{child}/comm") as f:
                found[f.read().strip()] = int(child)
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def lives(pid):
    try:
        return "State:\tZ" not in open(f"/proc/{pid}/status").read()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(question):
    """Asked every millisecond: what is waited for may not last much longer."""
    deadline = time.monotonic() + 30
    while not question() and time.monotonic() < deadline:
        time.sleep(0.001)
    return question()


def hold(top):
    """A libexec directory whose hrun-tree waits for SIGCONT before it begins."""
    build = os.environ["BUILD"]
    os.makedirs(f"{top}/hold/real")
    shutil.copy(f"{build}/libexec/hrun/hrun-image", f"{top}/hold/hrun-image")
    shutil.copy(f"{build}/tests/image/fake", f"{top}/hold/hrun-tree")
    shutil.copy(f"{build}/libexec/hrun/hrun-tree", f"{top}/hold/real/hrun-tree")
    return f"{top}/hold"


def both_wait(pid):
    """{name: pid} of both programs of PID, hrun-tree stopped and hrun-image waiting for room in the pipe to it; None as long as it is not so."""
    seen = children(pid)
    if seen.keys() != {"hrun-tree", "hrun-image"}:
        return None
    with open(f"/proc/{seen['hrun-tree']}/status") as f:
        return seen if "State:\tT" in f.read() else None


def write_layout(top, tars):
    """An unsigned image of these archives, as the specification has it."""
    os.makedirs(f"{top}/blobs/sha256")

    def blob(data, media):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{top}/blobs/sha256/{digest}", "wb") as f:
            f.write(data)
        return {"mediaType": f"application/vnd.oci.image.{media}", "digest": f"sha256:{digest}", "size": len(data)}
    ids = ["sha256:" + hashlib.sha256(t).hexdigest() for t in tars]
    config = {"os": "linux", "architecture": "amd64", "config": {}, "rootfs": {"type": "layers", "diff_ids": ids}}
    manifest = {"schemaVersion": 2, "config": blob(json.dumps(config).encode(), "config.v1+json"),
                "layers": [blob(gzip.compress(t, 1), "layer.v1.tar+gzip") for t in tars]}
    index = {"schemaVersion": 2, "manifests": [blob(json.dumps(manifest).encode(), "manifest.v1+json")]}
    for name, value in (("index.json", index), ("oci-layout", {"imageLayoutVersion": "1.0.0"})):
        with open(f"{top}/{name}", "w") as f:
            json.dump(value, f)


def make_tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for name, data in files.items():
            e = tarfile.TarInfo(name)
            e.size, e.mode, e.uid, e.mtime = len(data), 0o4755, os.geteuid(), 1000000000
            t.addfile(e, io.BytesIO(data))
    return out.getvalue()
