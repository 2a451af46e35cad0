#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/bench/layers.py [BUILD]: what verifying and unpacking layers costs, beside sha256sum, gzip, zstd and tar.

One image of 105 MB in 5,000 files, made here, as three layers.  Every command runs ROUNDS times, interleaved; the median counts.
Both directories are on a tmpfs: what is measured is the programs and not a disk.
"""
import gzip
import hashlib
import io
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

BUILD = sys.argv[1] if len(sys.argv) > 1 else "build"
LAYERS, TREE = f"{BUILD}/tests/image/layers", f"{BUILD}/libexec/hrun/hrun-tree"
ROUNDS = 7


def make_tar(r, number, files, size):
    """Half of it is text-like, half does not shrink, as in real images."""
    out, text = io.BytesIO(), [bytes(r.choices(range(32, 127), k=40)) for _ in range(500)]
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for i in range(files):
            data = r.randbytes(size) if i % 3 == 0 else b"".join(r.choices(text, k=size // 40))
            e = tarfile.TarInfo(f"usr/lib/layer{number}/dir{i // 50}/file{i}")
            e.size, e.mtime, e.mode = len(data), 1000000000, 0o755 if i % 7 == 0 else 0o644
            t.addfile(e, io.BytesIO(data))
    return out.getvalue()


def spent():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (used.ru_utime + used.ru_stime)


def timed(command):
    """Milliseconds on the clock and of the processors, and the output."""
    began, before = time.monotonic(), spent()
    p = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return (1000 * (time.monotonic() - began), spent() - before), p.stdout


def empty(path):
    shutil.rmtree(path, ignore_errors=True)
    os.mkdir(path)


def main():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as top:
        os.makedirs(f"{top}/layout/blobs/sha256")
        r = random.Random(5)
        tars = [make_tar(r, i, n, 21000) for i, n in enumerate((3000, 1500, 500))]
        total = sum(map(len, tars))
        print(f"{total / 1e6:.0f} MB in 5,000 files")
        for how, pack, tool in (("gzip", lambda d: gzip.compress(d, 6), "gzip -dc"),
                                ("zstd", lambda d: subprocess.run(["zstd", "-qc"], input=d, stdout=subprocess.PIPE, check=True).stdout, "zstd -qdc"),
                                ("none", lambda d: d, "cat")):
            words, names = [], []
            for data in tars:
                packed = pack(data)
                name = hashlib.sha256(packed).hexdigest()
                names.append(f"{top}/layout/blobs/sha256/{name}")
                with open(names[-1], "wb") as f:
                    f.write(packed)
                words += ["application/vnd.oci.image.layer.v1.tar" + {"none": ""}.get(how, "+" + how), "sha256:" + name, str(len(packed)),
                          "sha256:" + hashlib.sha256(data).hexdigest()]
            files, target = " ".join(names), f"{top}/target"
            plain = f"{top}/plain"
            subprocess.run(f"{tool} {files} >{plain}", shell=True, check=True)
            commands = {
                "verify": [LAYERS, "verify", f"{top}/layout", *words],
                f"{tool}, then sha256sum": ["sh", "-c", f"{tool} {files} >/dev/null; sha256sum {plain}"],
                "verify and unpack": [LAYERS, "unpack", TREE, target, "0", f"{top}/layout", *words],
                "tar -x": ["sh", "-c", "".join(f"{tool} {n} | tar -xpf - --numeric-owner -C {target}; " for n in names)],
            }
            times = {name: [] for name in commands}
            peak = {}
            for _ in range(ROUNDS):
                for name, command in commands.items():
                    empty(target)
                    took, out = timed(command)
                    times[name].append(took)
                    if name.startswith("verify"):
                        got = json.loads(out)
                        assert got["read"] == 0 and got.get("tree", 0) == 0, got
                        peak[name] = got["peak_kib"]
            medians = {name: [statistics.median(x) for x in zip(*t)] for name, t in times.items()}
            for name, (wall, processor) in medians.items():
                print(f"{how:5} {name:28} wall {wall:7.0f} ms, processor {processor:7.0f} ms" + (f"  peak {peak[name] / 1024:.1f} MiB" if name in peak else ""))
            v, b, u, x = medians.values()
            print(f"{how:5} wall: verify {v[0] / b[0]:.2f} times, verify and unpack {u[0] / x[0]:.2f} times; "
                  f"processor: {v[1] / b[1]:.2f} and {u[1] / x[1]:.2f}")
            os.unlink(plain)
            for n in names:
                os.unlink(n)


if __name__ == "__main__":
    main()
