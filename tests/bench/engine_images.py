#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/bench/engine_images.py [--build DIR] [--rounds N] [--before WORDS]: what it costs that the root of a container of containerd is compared with a signed image.

Run it under build/tests/isolate: it starts containers.  containerd's store is made here, as the tests have it (tests/image/compare_containerd.py), with images of
110 MB in 5,000 files and two layers.  `hrun run` of a bundle on their overlay takes turns: without verification, with it and nothing
remembered, with it once more.  Processor time is that of hrun and of all programs that it starts.  --build A,B measures two builds in turn, and gives
the ratios of the first to the second.  --before "chrt -f 2" gives the clock of a quiet machine: nobody else is let in between.
"""
import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
KNOWN = "/run/hrun-layers"
ROWS = {"off": "off", "signed, nothing remembered": "signed", "signed, the layers remembered": "signed"}


class Bench:
    def __init__(self, options):
        self.builds, self.rounds, self.before = [os.path.abspath(b) for b in options.build.split(",")], options.rounds, options.before.split()
        self.measure = "/run/measure"
        subprocess.run(["cc", "-O2", "-static", "-D_GNU_SOURCE", "-o", self.measure, f"{HERE}/measure.c"], check=True)

    def take(self, build):
        """(wall ms, processor ms, peak MiB of the largest process)"""
        p = subprocess.run([self.measure, *self.before, f"{build}/hrun", "run", f"{engine_root.BUNDLE}/"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        *_, wall, cpu, peak, status = p.stdout.split()
        if status != "0":
            raise SystemExit(f"hrun run: exit status {status}\n{p.stdout}")
        return int(wall) / 1000, int(cpu) / 1000, int(peak) / 1024

    def table(self, title, root):
        engine_root.write_bundle(root, args=["/bin/true"])
        taken = {(build, row): [] for build in self.builds for row in ROWS}
        for _ in range(self.rounds):
            for build in self.builds:
                shutil.rmtree(KNOWN, ignore_errors=True)
                for row, require in ROWS.items():
                    engine_root.policy(require=require)
                    taken[build, row].append(self.take(build))
            # The order of the builds is another one each time.
            self.builds.reverse()
        self.builds.sort(key=list(dict.fromkeys(b for b, _ in taken)).index)
        first = self.builds[0]
        for build in self.builds:
            self.rows(title if len(self.builds) == 1 else f"{title}, {os.path.relpath(build)}", {row: taken[build, row] for row in ROWS}, {row: taken[first, row] for row in ROWS})

    def rows(self, title, taken, first):
        print(f"\n{title:32}{'wall ms: median, best':>24}{'processor: median, best':>26}{'MiB':>6}   more than off: {'wall':>7}{'processor':>11}   first build's to it", flush=True)
        for row, runs in taken.items():
            wall, cpu = ([t[i] for t in runs] for i in (0, 1))
            more = [statistics.median(t[i] - off[i] for t, off in zip(runs, taken["off"])) for i in (0, 1)]
            ratio = statistics.median(a[1] / b[1] for a, b in zip(first[row], runs))
            print(f"{row:32}{statistics.median(wall):16.1f}{min(wall):8.1f}{statistics.median(cpu):18.1f}{min(cpu):8.1f}{max(t[2] for t in runs):6.1f}"
                  f"{more[0]:25.1f}{more[1]:11.1f}{ratio:10.2f}", flush=True)


def main():
    options = PARSER.parse_args()
    engine_root.prepare()
    r, bench = random.Random(5), Bench(options)
    data = [signed_image.busybox_layer(), layers.make_tar(r, 0, 5000, 21000)]
    places, store = signed_image.Layout("/etc/hrun/signatures"), compare_containerd.Store()
    with tempfile.TemporaryDirectory(dir="/run") as top:
        for title, level in (("gzip", 6), ("plain", 0)):
            layout = signed_image.Layout(f"{top}/{title}")
            signed = layout.image(title, data, level)
            places.sign(signed, engine_root.KEY, f"localhost/{title}")
            # Each image has a store's directories of its own: later ones would find the layers of the first.
            store.snapshots = {}
            _, root = store.add(title, layout, signed, data)
            shutil.rmtree(layout.path)
            time.sleep(3)  # what is younger than two seconds is not remembered
            bench.table(f"containerd, {title}", root)
            store.images = {}


PARSER = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
PARSER.add_argument("--build", default="build")
PARSER.add_argument("--rounds", type=int, default=9)
PARSER.add_argument("--before", default="")
if __name__ == "__main__":
    # What the tests' modules ask the environment for.
    os.environ.update(TESTS=TESTS, HRUN=os.path.abspath(PARSER.parse_args().build.split(",")[0]) + "/hrun")
    sys.path[:0] = [f"{TESTS}/image", f"{TESTS}/engines", HERE]
    import compare_containerd  # noqa: E402
    import engine_root  # noqa: E402
    import layers  # noqa: E402
    import signed_image  # noqa: E402
    main()
