#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
# tree: bookworm podman,buildah,containerd,crun,busybox-static,catatonit,python3
# tree: trixie podman,buildah,containerd,crun,busybox-static,catatonit,python3
"""containerd's shim with hrun, driven by ctr.  (crun cannot stand beside it: it refuses ctr's cpu.shares without a cpu controller.)

Runs in trees of Debian 12 and 13 under build/tests/isolate --root; the image is an OCI layout made here, without network.
"""
import hashlib
import json
import os
import sys
import tarfile

import contrib
from containerd_daemon import start_containerd
from engine import expected, make_image, outside, report, sh

RUN = "ctr run --snapshotter native --runc-binary /usr/local/bin/hrun"

# name, commands, expectation for hrun: (status, regex) or None
CASES = [
    ("run", [RUN + " --rm bb:1 r1 echo hello"], (0, "^hello$")),
    ("exit status", [RUN + " --rm bb:1 r2 sh -c 'exit 7'"], (7, None)),
    ("missing command", [RUN + " --rm bb:1 r3 nosuch"], (1, "executable file")),
    ("walls", [RUN + " --rm bb:1 r4 grep -E 'CapEff|Seccomp:' /proc/self/status"], (0, "CapEff:\t00000000a80425fb")),
    ("working directory and environment", [RUN + " --rm --cwd /tmp --env A=b bb:1 r5 sh -c 'pwd; echo $A'"], (0, "^/tmp$")),
    ("user", [RUN + " --rm --user 1000:1001 bb:1 r6 id -u"], (0, "^1000$")),
    ("read-only", [RUN + " --rm --read-only bb:1 r7 touch /x"], (1, "Read-only")),
    ("bind mount", ["mkdir -p /v; echo data >/v/f", RUN + " --rm --mount type=bind,src=/v,dst=/data,options=rbind:ro bb:1 r8 cat /data/f"], (0, "data")),
    ("detached", [RUN + " -d bb:1 d sleep 1000", "ctr task ls | grep -c RUNNING"], (0, "^1$")),
    ("exec", ["ctr task exec --exec-id e1 d sh -c 'id -u; sleep 1'"], (0, "^0$")),
    ("exec exit status", ["ctr task exec --exec-id e2 d sh -c 'exit 9'"], (9, None)),
    ("exec missing command", ["ctr task exec --exec-id e3 d nosuch"], (1, "executable file")),
    ("exec terminal", ["script -qec 'ctr task exec -t --exec-id e4 d tty' /dev/null"], (0, "/dev/pts/")),
    ("ps", ["ctr task ps d | wc -l"], (0, "^2$")),
    ("pause and resume", ["ctr task pause d && ctr task ls | grep PAUSED && ctr task resume d && ctr task ls | grep RUNNING"], (0, "PAUSED")),
    ("kill", ["ctr task kill -s 9 d", "sleep 1; ctr task ls | grep -c STOPPED"], (0, "^1$")),
    ("kill again", ["ctr task kill -s 9 d"], (1, "process already finished|not found")),
    ("delete", ["ctr task rm d; echo", "ctr container rm d", "ctr task ls -q"], (0, "")),
    ("terminal", ["script -qec '" + RUN + " --rm -t bb:1 t1 tty' /dev/null"], (0, "/dev/pts/0")),
    ("kill --all", [RUN + " -d bb:1 a sh -c 'sleep 1000 & sleep 1000'", "ctr task kill -a -s 9 a", "sleep 1; ctr task ls | grep -c STOPPED"], (0, "^1$")),
    ("delete the second", ["ctr task rm a; ctr container rm a"], None),
]

WANTED = [
    ("privileged is refused", RUN + " --rm --privileged bb:1 p1 true", 1, "refused ["),
    ("the host's network is refused", RUN + " --rm --net-host bb:1 p2 true", 1, "refused [ns-net-host]"),
    ("the host's root is refused", RUN + " --rm --mount type=bind,src=/,dst=/host,options=rbind bb:1 p3 true", 1, "refused [mount-host-root]"),
    ("no filter given: the default is loaded", RUN + " --rm bb:1 p4 grep Seccomp: /proc/self/status", 0, "Seccomp:\t2"),
]


def blob(layout, data, media_type):
    digest = hashlib.sha256(data).hexdigest()
    with open(f"{layout}/blobs/sha256/{digest}", "wb") as f:
        f.write(data)
    return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}


def import_image():
    """An image of busybox as a tarball of an OCI layout, for `ctr image import`."""
    root, layout = "/root/image", "/root/layout"
    make_image(root)
    os.makedirs(f"{layout}/blobs/sha256")
    with tarfile.open("/root/layer.tar", "w") as tar:
        tar.add(root, ".")
    layer = open("/root/layer.tar", "rb").read()
    config = {"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"]},
              "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": blob(layout, json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
                "layers": [blob(layout, layer, "application/vnd.oci.image.layer.v1.tar")]}
    entry = blob(layout, json.dumps(manifest).encode(), manifest["mediaType"])
    entry["annotations"] = {"io.containerd.image.name": "bb:1"}
    with open(f"{layout}/index.json", "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [entry]}, f)
    with open(f"{layout}/oci-layout", "w") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    return sh(f"tar -C {layout} -cf /root/image.tar . && ctr image import --no-unpack $(ctr image import --help | grep -o -e --local) /root/image.tar")


def inside():
    good = contrib.check()
    daemon = start_containerd()
    status, out = import_image()
    if status:
        report(False, "containerd: import", out)
        return 1
    for name, commands, want in CASES:
        if name == "user" and "--user" not in sh("ctr run --help")[1]:
            continue  # containerd 1.6
        why = expected([sh(command) for command in commands], want)
        good &= report(not why, "containerd: " + name, why)
    for name, command, status, text in WANTED:
        got, out = sh(command)
        good &= report(got == status and text in out, "containerd: " + name, f"exit status {got}: {out.strip()[-300:]}")
    left = sh("hrun --root /run/containerd/runc/default list -q; find /sys/fs/cgroup/default -mindepth 1 -type d 2>/dev/null")[1].strip()
    good &= report(not left, "containerd: nothing is left", left)
    daemon.terminate()
    return 0 if good else 1


sys.exit(inside() if "--inside" in sys.argv else outside(__file__))
