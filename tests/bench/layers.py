#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/bench/layers.py [--build DIR] [--rounds N] [--before WORDS]: what verifying and unpacking an image costs, beside programs that do a part of it.

Run it under build/tests/isolate: it starts containers.  One image of 110 MB in 5,000 files and four layers, made here, as gzip, zstd and plain; then one layer of 1 GiB, for the memory alone.
All commands take turns, each round gives one ratio, and medians count.  Everything lies on a tmpfs: the programs are measured, not a disk.
umoci and skopeo are left out where they are not installed (apt-get install umoci skopeo).  On a machine that is not quiet,
--before "chrt -f 2" gives the clock of one that is: nobody else is let in between.
"""
import argparse
import hashlib
import io
import json
import os
import random
import shutil
import statistics
import subprocess
import tarfile
import tempfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
OCI = "application/vnd.oci.image."
MIB = 1 << 20
# The library that hrun-image has, and nothing around it.
INFLATE = """import sys, zlib
for name in sys.argv[1:]:
    d = zlib.decompressobj(31)
    with open(name, "rb") as f:
        while data := f.read(1 << 17): d.decompress(data)"""


def make_tar(r, number, files, size):
    """A third does not shrink, the rest is text-like, as in real images."""
    out, text = io.BytesIO(), [bytes(r.choices(range(32, 127), k=40)) for _ in range(500)]
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for i in range(files):
            data = r.randbytes(size) if i % 3 == 0 else b"".join(r.choices(text, k=size // 40))
            e = tarfile.TarInfo(f"usr/lib/layer{number}/dir{i // 50}/file{i}")
            e.size, e.mtime, e.mode = len(data), 1000000000, 0o755 if i % 7 == 0 else 0o644
            t.addfile(e, io.BytesIO(data))
    return out.getvalue()


def program_tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        t.add(os.path.realpath(shutil.which("busybox")), "bin/true")
    return out.getvalue()


def mostly_zeros():
    """An archive of one file of 1 GiB in pieces: a fiftieth of it is no zeros."""
    e, r = tarfile.TarInfo("file"), random.Random(1)
    e.size = 1024 * MIB
    yield e.tobuf()
    for _ in range(1024):
        yield r.randbytes(MIB // 50) + bytes(MIB - MIB // 50)
    yield bytes(1024)


class Layout:
    def __init__(self, path, how):
        self.path, self.how, self.layers, self.diff_ids, self.words, self.files = path, how, [], [], [], []
        os.makedirs(f"{path}/blobs/sha256")
        with open(f"{path}/oci-layout", "w") as f:
            json.dump({"imageLayoutVersion": "1.0.0"}, f)

    def add_file(self, path, kind):
        with open(path, "rb") as f:
            digest = hashlib.file_digest(f, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else hashlib.sha256(f.read()).hexdigest()
        size, name = os.path.getsize(path), f"{self.path}/blobs/sha256/{digest}"
        os.rename(path, name)
        return {"mediaType": OCI + kind, "digest": "sha256:" + digest, "size": size}, name

    def add_json(self, value, kind):
        path = f"{self.path}/new"
        with open(path, "w") as f:
            json.dump(value, f)
        return self.add_file(path, kind)[0]

    def add_layer(self, pieces):
        path, digest = f"{self.path}/new", hashlib.sha256()
        with open(path, "wb") as f:
            packer = subprocess.Popen(["zstd", "-qc"], stdin=subprocess.PIPE, stdout=f) if self.how == "zstd" else None
            deflate = zlib.compressobj(6, wbits=31) if self.how == "gzip" else None
            for piece in pieces:
                digest.update(piece)
                (packer.stdin if packer else f).write(deflate.compress(piece) if deflate else piece)
            if deflate:
                f.write(deflate.flush())
            if packer:
                packer.stdin.close()
                packer.wait()
        layer, name = self.add_file(path, "layer.v1.tar" + {"none": ""}.get(self.how, "+" + self.how))
        self.layers.append(layer)
        self.files.append(name)
        self.diff_ids.append("sha256:" + digest.hexdigest())
        self.words += [layer["mediaType"], layer["digest"], str(layer["size"]), self.diff_ids[-1]]

    def finish(self):
        platform = {"os": "linux", "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]}
        config = self.add_json({**platform, "config": {"Cmd": ["/bin/true"]}, "rootfs": {"type": "layers", "diff_ids": self.diff_ids}}, "config.v1+json")
        manifest = self.add_json({"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": config, "layers": self.layers}, "manifest.v1+json")
        manifest["annotations"] = {"org.opencontainers.image.ref.name": "a"}
        with open(f"{self.path}/index.json", "w") as f:
            json.dump({"schemaVersion": 2, "manifests": [manifest]}, f)
        return self


class Bench:
    def __init__(self, options, top):
        self.build, self.rounds, self.before, self.top = os.path.abspath(options.build), options.rounds, options.before.split(), top
        self.measure, self.policy = f"{top}/measure", f"{top}/policy.json"
        subprocess.run(["cc", "-O2", "-static", "-D_GNU_SOURCE", "-o", self.measure, f"{HERE}/measure.c"], check=True)
        with open(self.policy, "w") as f:
            json.dump({"format": 1, "images": {"require": "off"}}, f)
        self.tar_files = f"{top}/plain"

    def take(self, command):
        """(wall ms, processor ms, peak KiB of the largest process)"""
        target = f"{self.top}/target"
        shutil.rmtree(target, ignore_errors=True)
        os.mkdir(target)
        p = subprocess.run([self.measure, *self.before, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        *_, wall, cpu, peak, status = p.stdout.split()
        if status != "0":
            raise SystemExit(f"{' '.join(command)}: exit status {status}\n{p.stdout}")
        if command[0].endswith("/layers"):
            got = json.loads(p.stdout.strip().splitlines()[0])
            assert got["read"] == 0 and got.get("tree", 0) == 0, got
        return int(wall) / 1000, int(cpu) / 1000, int(peak)

    def table(self, title, commands, against):
        """AGAINST: {row: the commands that are one after the other}; the first command is hrun's."""
        first, *_ = commands
        taken = {name: [] for name in commands}
        for _ in range(self.rounds):
            for name, command in commands.items():
                taken[name].append(self.take(command))
        print(f"\n{title:46}{'wall ms':>9}{'cpu ms':>9}{'peak MiB':>10}   hrun to it: {'wall':>6}{'cpu':>7}", flush=True)
        for row, parts in {first: [first], **against}.items():
            rounds = [[sum(taken[p][n][i] for p in parts) for i in (0, 1)] for n in range(self.rounds)]
            ratio = [statistics.median(taken[first][n][i] / rounds[n][i] for n in range(self.rounds)) for i in (0, 1)]
            wall, cpu = (statistics.median(r[i] for r in rounds) for i in (0, 1))
            peak = max(t[2] for p in parts for t in taken[p]) / 1024
            print(f"{row:46}{wall:9.0f}{cpu:9.0f}{peak:10.1f}{ratio[0]:21.2f}{ratio[1]:7.2f}", flush=True)

    def verify(self, layout):
        return [f"{self.build}/hrun", "verify", "--policy", self.policy, layout.path]

    def image_verify(self, layout):
        unpack = {"gzip": ["python3", "-c", INFLATE, *layout.files], "zstd": ["sh", "-c", "zstd -qdc \"$@\" >/dev/null", "-", *layout.files]}
        commands = {"hrun verify": self.verify(layout), "sha256sum": ["sha256sum", self.tar_files],
                    "openssl": ["openssl", "dgst", "-sha256", self.tar_files]}
        parts = []
        if layout.how in unpack:
            commands["decompress"], parts = unpack[layout.how], ["decompress"]
        before = {"gzip": "zlib, then ", "zstd": "zstd -d, then ", "none": ""}[layout.how]
        self.table(f"image verify, {layout.how}", commands,
                   {f"{before}sha256sum": parts + ["sha256sum"], f"{before}openssl dgst -sha256": parts + ["openssl"]})

    def image_unpack(self, layout):
        target, tar = f"{self.top}/target", "tar -xp --numeric-owner -C"
        words = {"gzip": "gzip -dc \"$n\" | ", "zstd": "zstd -qdc \"$n\" | ", "none": ""}[layout.how]
        loop = f"for n; do {words}{tar} {target} -f {'-' if words else '$n'}; done"
        commands = {"hrun-image and hrun-tree": [f"{self.build}/tests/image/layers", "unpack", f"{self.build}/libexec/hrun/hrun-tree", target, "0",
                                                 layout.path, *layout.words],
                    f"{words[:words.find(' ')] + ' | ' if words else ''}tar -x": ["sh", "-c", loop, "-", *layout.files]}
        if shutil.which("umoci") and layout.how != "zstd":  # umoci 0.4 knows no zstd
            commands["umoci unpack"] = ["umoci", "--log=fatal", "unpack", "--image", f"{layout.path}:a", f"{target}/bundle"]
        if shutil.which("skopeo"):
            commands["skopeo copy oci: dir: (unpacks nothing)"] = ["skopeo", "copy", "-q", "--insecure-policy", f"oci:{layout.path}:a", f"dir:{target}/copy"]
        self.table(f"image unpack, {layout.how}", commands, {name: [name] for name in list(commands)[1:]})
        del commands["hrun-image and hrun-tree"]
        commands = {"hrun run": [f"{self.build}/hrun", "run", f"{layout.path}:a"], **commands}
        self.table(f"image run, {layout.how}", commands, {name: [name] for name in list(commands)[1:]})

    def image_stored(self, layout):
        """From a store, the first time and again, beside a bundle of the same files."""
        store, bundle = f"{self.top}/store", f"{self.top}/bundle"
        os.makedirs(f"{bundle}/rootfs")
        for data in ("run", "proc", "sys", "dev", "tmp"):
            os.mkdir(f"{bundle}/rootfs/{data}")
        with open(self.tar_files, "rb") as f:
            subprocess.run(["tar", "-xpf", "-", "--ignore-zeros", "-C", f"{bundle}/rootfs"], stdin=f, check=True)
        subprocess.run([f"{self.build}/hrun", "spec", "-b", bundle], check=True, stderr=subprocess.DEVNULL)
        with open(f"{bundle}/config.json") as f:
            config = json.load(f)
        config["process"]["args"] = ["/bin/true"]
        with open(f"{bundle}/config.json", "w") as f:
            json.dump(config, f)
        stored = [f"{self.build}/hrun", "run", "--store", store, f"{layout.path}:a"]
        taken = []
        for _ in range(self.rounds):
            shutil.rmtree(store, ignore_errors=True)
            taken.append([self.take(c)[:2] for c in (stored, stored, [f"{self.build}/hrun", "run", f"{bundle}/"])])
        first, again, plain = (tuple(statistics.median(t[n][i] for t in taken) for i in (0, 1)) for n in range(3))
        more = statistics.median(t[1][0] - t[2][0] for t in taken)
        print(f"\nhrun run --store, {layout.how}: first {first[0]:.0f} ms (processor {first[1]:.0f}), again {again[0]:.1f} ({again[1]:.1f}), "
              f"a bundle {plain[0]:.1f} ({plain[1]:.1f}): again takes {more:.1f} ms more", flush=True)
        shutil.rmtree(bundle)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--before", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/run") as top:
        os.chmod(top, 0o755)
        bench, r = Bench(options, top), random.Random(5)
        tars = [make_tar(r, i, n, 21000) for i, n in enumerate((3000, 1500, 500))] + [program_tar()]
        with open(bench.tar_files, "wb") as f:
            f.write(b"".join(tars))
        print(f"an image of {sum(map(len, tars)) / 1e6:.0f} MB in 5,000 files, {options.rounds} rounds")
        for how in ("gzip", "zstd", "none"):
            layout = Layout(f"{top}/{how}", how)
            for data in tars:
                layout.add_layer([data])
            layout.finish()
            bench.image_verify(layout)
            bench.image_unpack(layout)
            bench.image_stored(layout)
            shutil.rmtree(layout.path)
        print()
        for how in ("gzip", "zstd", "none"):
            layout = Layout(f"{top}/large", how)
            layout.add_layer(mostly_zeros())
            layout.finish()
            print(f"hrun verify of a layer of 1 GiB, {how}: peak {bench.take(bench.verify(layout))[2] / 1024:.1f} MiB", flush=True)
            shutil.rmtree(layout.path)


if __name__ == "__main__":
    main()
