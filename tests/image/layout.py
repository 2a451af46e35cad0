# SPDX-License-Identifier: Apache-2.0
"""layout.py - what the tests of whole layouts share: a policy and a verdict, the files that an image becomes, and what may happen to a layout."""
import hashlib
import json
import os
import random
import stat
import subprocess

from common import trust_of

BUILD, HRUN = os.environ["BUILD"], os.environ["HRUN"]
STATUSES = {"accept": 0, "reject": 1, "malformed": 2}


def policy_file(p):
    """The policy file that asks for what P asks for: the neutral words of tests/vectors."""
    return {"images": {"require": "signed", "trust": [trust_of(p)]}}


def verify(layout, policy, ref=None, platform="linux/amd64"):
    """`hrun verify` with the policy file POLICY: the finished process."""
    command = [HRUN, "verify", "--policy", policy, "--platform", platform, "--format", "json", *(["--ref", ref] if ref else [])]
    return subprocess.run([*command, layout], capture_output=True, text=True, timeout=100)


def verdict_of(done):
    """(answer, ""), or (None, what is wrong with it): a crash, or an exit status that is not the verdict's."""
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return None, f"exit status {done.returncode}: {done.stderr.strip()[:300]}"
    if done.returncode != STATUSES[answer["verdict"]]:
        return None, f"exit status {done.returncode} for {done.stdout.strip()}"
    if answer["verdict"] != "accept" and ("hrun-image" in (answer["reason"] or "hrun-image") or not answer["stage"]):
        return None, done.stdout.strip()
    return answer, ""


# ---- the files of an image ----

def snapshot(root):
    """{path: what the kernel says of it}; a file with several names is told from one with the same bytes."""
    found, first = {}, {}
    for path, directories, files in os.walk(root):
        for name in [""] * (path == root) + directories + files:
            full = os.path.join(path, name) if name else path
            st = os.lstat(full)
            found[os.path.relpath(full, root)] = entry_of(full, st) + [st.st_ino]
    for rel in sorted(found):
        found[rel][-1] = first.setdefault(found[rel][-1], rel)
    return found


def entry_of(full, st):
    if stat.S_ISLNK(st.st_mode):
        content = os.readlink(full)
    elif stat.S_ISREG(st.st_mode):
        with open(full, "rb") as file:
            content = hashlib.sha256(file.read()).hexdigest()
    else:
        content = st.st_rdev
    attributes = {n: os.getxattr(full, n, follow_symlinks=False).hex() for n in sorted(os.listxattr(full, follow_symlinks=False))}
    return [st.st_mode, st.st_uid, st.st_gid, st.st_mtime_ns, content, attributes]


def unpack(layout, answer, target):
    """The files of the image that ANSWER accepts, below TARGET, by hrun-image's reader and hrun-tree; "" or what went wrong."""
    def document(digest):
        with open(f"{layout}/blobs/sha256/{digest[7:]}", "rb") as file:
            return json.load(file)
    layers = document(answer["manifestDigest"])["layers"]
    ids = document(answer["configDigest"])["rootfs"]["diff_ids"]
    words = [w for layer, diff_id in zip(layers, ids) for w in (layer["mediaType"], layer["digest"], str(layer["size"]), diff_id)]
    done = subprocess.run([f"{BUILD}/tests/image/layers", "unpack", f"{BUILD}/libexec/hrun/hrun-tree", target, "0", layout, *words],
                          capture_output=True, text=True, timeout=100)
    said = json.loads(done.stdout) if done.stdout else {}
    return "" if said.get("read") == 0 and said.get("tree") == 0 else f"{done.stdout} {done.stderr}"


def difference(found, expected):
    """The first path that differs, or ""."""
    for path in sorted(set(found) | set(expected)):
        if found.get(path) != expected.get(path):
            return f"{path!r}: {found.get(path)}, expected {expected.get(path)}"
    return ""


# ---- what may happen to a layout ----

def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def files_of(layout):
    return sorted(os.path.relpath(os.path.join(d, f), layout) for d, _, files in os.walk(layout) for f in files)


def flips(data, r, count):
    """One bit of the first byte, the last, the one in the middle, and of COUNT others."""
    places = {0, len(data) // 2, len(data) - 1, *(r.randrange(len(data)) for _ in range(count))}
    for at in sorted(places):
        bit = r.randrange(8)
        yield f"bit {bit} of byte {at}", data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1:]


def spoilt(data, other, r, count):
    """(what happened, the bytes now, or None: the file is gone)"""
    if data:
        yield from flips(data, r, count)
        yield "one byte cut off", data[:-1]
        yield "half of it", data[:len(data) // 2]
        yield "empty", b""
    yield "one byte more", data + bytes([r.randrange(256)])
    yield "a newline more", data + b"\n"
    yield "another blob's bytes", other
    yield "gone", None


def tamper(layout, seed, count):
    """(file, what happened) while it is so; the layout is as it was after each."""
    r, names = random.Random(seed), files_of(layout)
    for i, name in enumerate(names):
        path, data = f"{layout}/{name}", read(f"{layout}/{name}")
        for what, now in spoilt(data, read(f"{layout}/{names[i - 1]}"), r, count):
            write(path, now) if now is not None else os.unlink(path)
            try:
                yield name, what
            finally:
                write(path, data)
    blobs = [n for n in names if n.startswith("blobs/")]
    for a, b in zip(blobs, blobs[1:]):
        one, other = read(f"{layout}/{a}"), read(f"{layout}/{b}")
        write(f"{layout}/{a}", other), write(f"{layout}/{b}", one)
        try:
            yield f"{a} and {b}", "swapped"
        finally:
            write(f"{layout}/{a}", one), write(f"{layout}/{b}", other)


def chain_of(layout, answer):
    """The blobs that every byte of the files depends on: the image, its manifest, config and layers."""
    manifest = json.loads(read(f"{layout}/blobs/sha256/{answer['manifestDigest'][7:]}"))
    digests = [answer["imageDigest"], answer["manifestDigest"], answer["configDigest"], *(x["digest"] for x in manifest["layers"])]
    return {f"blobs/sha256/{d[7:]}" for d in digests}


class Tampering:
    """Every tampering with LAYOUT is refused or changes nothing of what runs: problems says which was not, and why."""

    def __init__(self, layout, check, directory):
        self.layout, self.check, self.directory = layout, check, directory
        self.refused = self.accepted = 0
        self.problems = []
        self.good, problem = verdict_of(check())
        if problem or self.good["verdict"] != "accept":
            self.problems.append(f"untouched: {problem or self.good}")
        else:
            self.chain = chain_of(layout, self.good)
            self.files = self.files_now(self.good, "untouched")

    def files_now(self, answer, what):
        target = f"{self.directory}/target"
        os.mkdir(target)
        problem = unpack(self.layout, answer, target)
        found = {} if problem else snapshot(target)
        subprocess.run(["rm", "-rf", target], check=True)
        if problem:
            self.problems.append(f"{what}: {problem}")
        return found

    def look(self, name, what):
        answer, problem = verdict_of(self.check())
        if problem:
            return problem
        if answer["verdict"] != "accept":
            self.refused += 1
            return ""
        self.accepted += 1
        if set(name.split(" and ")) & self.chain:
            return "accepted, though the image depends on it"
        if [answer[k] for k in ("manifestDigest", "configDigest")] != [self.good[k] for k in ("manifestDigest", "configDigest")]:
            return f"another image is accepted: {answer}"
        return difference(self.files_now(answer, f"{name}, {what}"), self.files)

    def run(self, seed, count):
        if self.problems:
            return self
        for name, what in tamper(self.layout, seed, count):
            problem = self.look(name, what)
            if problem:
                self.problems.append(f"{name}, {what}: {problem}")
        return self
