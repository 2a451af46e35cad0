# SPDX-License-Identifier: Apache-2.0
"""signed_ctr.py - images made here in containerd's store, under one of its snapshotters, and containers of them that ctr starts."""
import contextlib
import json
import os
import re
import time

from engine import Results, sh
from signed_image import Key, chains_of, write

TOP = "/var/lib/containerd"
BLOBS = f"{TOP}/io.containerd.content.v1.content/blobs/sha256"
NAMES = f"{TOP}/io.containerd.metadata.v1.bolt/meta.db"
KEY, OTHER = Key("good"), Key("other")


def prepare():
    os.makedirs("/etc/hrun")
    os.makedirs("/v")
    write("/etc/hrun/good.pub", KEY.pem())
    write("/etc/hrun/other.pub", OTHER.pem())


def policy(require="signed", level="baseline", scope="*", signatures=("signatures",), deny=(), **more):
    with open("/etc/hrun/policy.json", "w") as f:
        json.dump({"format": 1, "level": level, **more, "images": {"require": require, "signatures": list(signatures), **({"denyDigests": list(deny)} if deny else {}), "trust": [
            {"scope": scope, "scheme": "cosign-key", "keys": ["good.pub"], "tlog": "ignore"}]}}, f)


@contextlib.contextmanager
def aside(path):
    """The file PATH is not there; who has it open keeps it."""
    os.rename(path, path + ".aside")
    try:
        yield
    finally:
        os.rename(path + ".aside", path)


def end_task(container):
    """Killed, if it runs, and gone."""
    return f"ctr task kill -s 9 {container}; for i in $(seq 100); do ctr task rm {container} && break; sleep 0.1; done"


def slowly(command):
    """For `ctr task exec`, which stops reading as soon as it hears of the end, and may not have begun by then."""
    return f"sh -c '{command}; sleep 1'"


class Ctr:
    def __init__(self, prefix, snapshotter="overlayfs"):
        self.results, self.count = Results(prefix), 0
        self.check, self.run = self.results.check, self.results.run
        self.option = "" if snapshotter == "overlayfs" else f"--snapshotter {snapshotter}"
        self.snapshot = "ctr snapshot" if snapshotter == "overlayfs" else f"ctr snapshot --snapshotter {snapshotter}"
        self.database = f"{TOP}/io.containerd.snapshotter.v1.{snapshotter}/metadata.db"
        self.snapshots = f"{TOP}/io.containerd.snapshotter.v1.{snapshotter}/snapshots"

    def ctr_run(self, image, options="", command="echo started"):
        self.count += 1
        return f"ctr run --runc-binary /usr/local/bin/hrun --rm {self.option} {options} localhost/{image}:1 c{self.count} {command}"

    def starts(self, name, image="full", options="", command="echo started", text="started"):
        self.run(self.ctr_run(image, options, command), name, 0, text)

    def refused(self, name, text, image="full", options="", rule="image-signature-missing"):
        """Nothing of the image starts, and the line says why."""
        got, out = sh(self.ctr_run(image, options, "echo has started"))
        right = (f"refused [{rule}]" if rule else "refused: ") in out and any(one in out for one in text.split("|")) and "has started\n" not in out
        self.check(got == 1 and right, name, f"exit status {got}, expected {text!r}: {out.strip()[-600:]}")

    def load(self, layout, descriptor, name, options=""):
        """The image is localhost/NAME:1."""
        side = f"/root/load-{name}"
        with contextlib.suppress(FileNotFoundError):
            sh(f"rm -rf {side}")
        sh(f"cp -al {layout.path} {side}; rm {side}/index.json")
        with open(f"{side}/index.json", "w") as f:
            json.dump({"schemaVersion": 2, "manifests": [{**descriptor, "annotations": {"io.containerd.image.name": f"localhost/{name}:1"}}]}, f)
        status, out = sh(f"tar -C {side} -cf /root/image.tar . && ctr image import {self.option} {options} $(ctr image import --help | grep -o -e --local) /root/image.tar")
        self.check(status == 0, f"import {name}", out)

    def layers_of(self, layers, key="look"):
        """Their directories, the lowest first: what a container's root would be mounted of."""
        sh(f"{self.snapshot} prepare {key} " + list(chains_of(layers))[-1])
        found = re.findall(r"/snapshots/(\d+)/fs", re.search("lowerdir=([^, ]*)", sh(f"{self.snapshot} mounts /mnt {key}")[1]).group(1))
        sh(f"{self.snapshot} rm {key}")
        return [f"{self.snapshots}/{number}/fs" for number in reversed(found)]

    def view(self, layers):
        """The snapshot `look`; the collector may take it away until it has a label."""
        top = list(chains_of(layers))[-1]
        for _ in range(50):
            if sh(f"{self.snapshot} view look {top}; {self.snapshot} label look containerd.io/gc.root=now && {self.snapshot} mounts /mnt look")[0] == 0:
                return
            time.sleep(0.1)

    def plan_of(self, key):
        """What `hrun plan` says of a root that is mounted as the shim would mount the snapshot KEY."""
        return plan(f"{self.snapshot} mounts /root/plan/rootfs {key} | LIBMOUNT_FORCE_MOUNT2=always sh")


def plan(mount):
    """The finding that `hrun plan` has of a root that the command MOUNT puts on /root/plan/rootfs; "": none."""
    sh("rm -rf /root/plan; mkdir -p /root/plan/rootfs; cd /root/plan; hrun spec")
    status, out = sh(f"{mount} && hrun plan /root/plan; r=$?; umount /root/plan/rootfs; exit $r")
    found = "".join(re.findall("^[a-z]+ +image-signature-missing .*", out, re.M))
    return found if status in (0, 1) else out
