#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/bench/image.py [BUILD]: `hrun run LAYOUT` of the image of layers.py, beside tar that unpacks the same layers and checks nothing;
and `hrun run --store`, first and again, beside a plain bundle of the same files.

Run it under build/tests/isolate.  Interleaved, the median of ROUNDS; both directories are on a tmpfs.  The peak is hrun-image's VmHWM.
"""
import gzip
import hashlib
import io
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

from layers import ROUNDS, empty, make_tar, timed

BUILD = sys.argv[1] if len(sys.argv) > 1 else "build"
MEDIA = "application/vnd.oci.image."


def program_tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        t.add(os.path.realpath(shutil.which("busybox")), "bin/true")
    return out.getvalue()


def write_layout(top, tars, packed, suffix):
    def blob(data, media):
        name = hashlib.sha256(data).hexdigest()
        with open(f"{top}/blobs/sha256/{name}", "wb") as f:
            f.write(data)
        return {"mediaType": MEDIA + media, "digest": f"sha256:{name}", "size": len(data)}
    empty(top)
    os.makedirs(f"{top}/blobs/sha256")
    ids = ["sha256:" + hashlib.sha256(t).hexdigest() for t in tars]
    config = {"os": "linux", "architecture": "amd64", "config": {"Cmd": ["/bin/true"]}, "rootfs": {"type": "layers", "diff_ids": ids}}
    manifest = {"schemaVersion": 2, "config": blob(json.dumps(config).encode(), "config.v1+json"),
                "layers": [blob(p, "layer.v1.tar" + suffix) for p in packed]}
    for name, value in (("index.json", {"schemaVersion": 2, "manifests": [blob(json.dumps(manifest).encode(), "manifest.v1+json")]}),
                        ("oci-layout", {"imageLayoutVersion": "1.0.0"})):
        with open(f"{top}/{name}", "w") as f:
            json.dump(value, f)
    return [f"{top}/blobs/sha256/{layer['digest'][7:]}" for layer in manifest["layers"]]


class Peak(threading.Thread):
    """VmHWM of the hrun-image that lives, looked at again and again: it only grows."""

    def __init__(self):
        super().__init__(daemon=True)
        self.kib, self.done = 0, False

    def run(self):
        while not self.done:
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    text = open(f"/proc/{pid}/status").read()
                except OSError:
                    continue
                if text.startswith("Name:\thrun-image") and "VmHWM:" in text:
                    self.kib = max(self.kib, int(text.partition("VmHWM:")[2].split()[0]))
            time.sleep(0.005)


def make_bundle(top, layers, tool):
    """What tar makes of the layers, around which `hrun spec` writes a config."""
    os.makedirs(f"{top}/rootfs/run")
    for layer in layers:
        subprocess.run(f"{tool} {layer} | tar -xpf - --numeric-owner -C {top}/rootfs", shell=True, check=True)
    subprocess.run([f"{BUILD}/hrun", "spec", "-b", top], check=True, stderr=subprocess.DEVNULL)
    with open(f"{top}/config.json") as f:
        config = json.load(f)
    config["process"]["args"] = ["/bin/true"]
    for mount in config["mounts"]:
        os.makedirs(top + "/rootfs" + mount["destination"], exist_ok=True)
    with open(f"{top}/config.json", "w") as f:
        json.dump(config, f)


def beside_bundle(top, layers, tool, name):
    """The second start out of a store may take 60 ms more than that of a bundle."""
    empty(f"{top}/bundle")
    make_bundle(f"{top}/bundle", layers, tool)
    stored = [f"{BUILD}/hrun", "run", "--store", f"{top}/store", f"{top}/layout"]
    first, times = [], {"second": [], "bundle": []}
    for _ in range(ROUNDS):
        shutil.rmtree(f"{top}/store", ignore_errors=True)
        first.append(timed(stored)[0])
        times["second"].append(timed(stored)[0])
        times["bundle"].append(timed([f"{BUILD}/hrun", "run", f"{top}/bundle/"])[0])
    first, second, bundle = ([statistics.median(x) for x in zip(*t)] for t in (first, *times.values()))
    more = statistics.median(s[0] - b[0] for s, b in zip(*times.values()))
    print(f"tar{name:5}  --store, first: wall {first[0]:.0f} ms, processor {first[1]:.0f} ms; again: wall {second[0]:.1f} ms, processor {second[1]:.1f} ms; "
          f"a bundle: wall {bundle[0]:.1f} ms, processor {bundle[1]:.1f} ms; again takes {more:.1f} ms more")


def main():
    r = random.Random(5)
    tars = [make_tar(r, i, n, 21000) for i, n in enumerate((3000, 1500, 500))] + [program_tar()]
    print(f"{sum(map(len, tars)) / 1e6:.0f} MB in 5,001 files")
    with tempfile.TemporaryDirectory(dir="/run") as top:
        for suffix, pack, tool in (("+gzip", lambda d: gzip.compress(d, 6), "gzip -dc"),
                                   ("+zstd", lambda d: subprocess.run(["zstd", "-qc"], input=d, stdout=subprocess.PIPE, check=True).stdout, "zstd -qdc"),
                                   ("", lambda d: d, "cat")):
            layers, target = write_layout(f"{top}/layout", tars, [pack(t) for t in tars], suffix), f"{top}/target"
            commands = {
                "hrun run LAYOUT": [f"{BUILD}/hrun", "run", f"{top}/layout"],
                "tar -x": ["sh", "-c", "".join(f"{tool} {n} | tar -xpf - --numeric-owner -C {target}; " for n in layers)],
            }
            times = {name: [] for name in commands}
            for _ in range(ROUNDS):
                for name, command in commands.items():
                    empty(target)
                    times[name].append(timed(command)[0])
            peak = Peak()
            peak.start()
            timed(commands["hrun run LAYOUT"])
            peak.done = True
            peak.join()
            run, tar = ([statistics.median(x) for x in zip(*t)] for t in times.values())
            print(f"tar{suffix:5}  hrun run: wall {run[0]:.0f} ms, processor {run[1]:.0f} ms, hrun-image's peak {peak.kib / 1024:.1f} MiB; "
                  f"tar -x: wall {tar[0]:.0f} ms, processor {tar[1]:.0f} ms; {run[0] / tar[0]:.2f} and {run[1] / tar[1]:.2f} times")
            beside_bundle(top, layers, tool, suffix)


main()
