#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
# tree: trixie podman,crun,busybox-static,catatonit,python3,uidmap,passwd,util-linux,fuse-overlayfs
"""Rootless podman under `images.require: signed`: the machine's policy, the user's store, the kernel's own overlay (user.overlay.*)."""
import json
import os
import shlex
import stat
import sys

from engine import CONTAINERS_CONF, HOME, Results, as_user, make_user, outside, play, sh
from signed_image import Key, Layout, busybox_layer, entry, layer
from signed_pods import Pods

TOP = f"{HOME}/.local/share/containers/storage"
KEY = Key("good")
results = Results("signed rootless podman: ", as_user)
check = results.check


def starts(name, image="full", options=""):
    got, out = play([f"podman run --rm {options} localhost/{image} sh -c 'ls /hidden; echo started'"], (0, "started"), as_user)[0]
    check(got == 0 and out.endswith("started\n"), name, f"exit status {got}: {out.strip()[-400:]}")


def refused(name, text, image="full", options=""):
    got, out = as_user(f"podman run --rm {options} localhost/{image} echo has started")
    check(got == 126 and "refused [image-signature-missing]" in out and text in out, name, f"exit status {got}, expected {text!r}: {out.strip()[-400:]}")


def prepare():
    os.makedirs("/etc/containers", exist_ok=True)
    os.makedirs("/etc/hrun")
    for path, text in (("/etc/containers/policy.json", '{"default":[{"type":"insecureAcceptAnything"}]}'), ("/etc/containers/storage.conf", '[storage]\ndriver = "overlay"\n'),
                       ("/etc/containers/registries.conf", "unqualified-search-registries = []\n"), ("/etc/containers/containers.conf", CONTAINERS_CONF % {"runtime": "hrun"}),
                       ("/etc/hrun/good.pub", KEY.pem())):
        with open(path, "w") as f:
            f.write(text)
    policy()
    make_user()


def policy(require="signed", level="baseline", **more):
    with open("/etc/hrun/policy.json", "w") as f:
        json.dump({"format": 1, "level": level, **more, "images": {"require": require, "signatures": ["signatures"], "trust": [
            {"scope": "*", "scheme": "cosign-key", "keys": ["good.pub"], "tlog": "ignore"}]}}, f)


def pull(layout, name):
    status, out = as_user(f"podman pull -q oci:{layout.path}:localhost/{name}")
    check(status == 0, f"pull {name}", out)
    return out.strip().splitlines()[-1]


def change(name, path, command, text):
    """In the user's own namespace, as whoever is root there; what it was comes back."""
    as_user(f"podman unshare cp -a {path} kept; podman unshare sh -c {shlex.quote(command)}")
    refused(name, text)
    as_user(f"podman unshare sh -c 'rm -rf {path}; cp -a kept {path}; rm -rf kept'")


def pods(layout, places):
    those = Pods(results, as_user, policy, "podman unshare sh -c")
    those.images(layout, places, KEY, pull)
    sh("chmod -R go+rX /srv /etc/hrun")
    those.untouched()
    those.unsigned_pause()
    those.pod()
    those.kube(CONTAINERS_CONF % {"runtime": "hrun"})


def by_a_program(layout):
    """mount_program: what fuse-overlayfs shows is its own word, whatever lies in the store."""
    os.mknod("/dev/fuse", stat.S_IFCHR | 0o666, os.makedev(10, 229))  # of this tree's own /dev
    os.chmod("/dev/fuse", 0o666)
    podman = "podman --root $HOME/fuse --storage-opt overlay.mount_program=/usr/bin/fuse-overlayfs"
    got, out = as_user(f"{podman} pull -q oci:{layout.path}:localhost/full")
    check(got == 0, "fuse-overlayfs: pull", out)
    policy(engines={"containersStorage": [f"{HOME}/fuse"]})
    run = f"{podman} run --rm {out.strip().splitlines()[-1]} sh -c 'grep \" / \" /proc/mounts; echo has started'"
    got, out = as_user(run)
    check(got == 126 and "refused [image-signature-missing]" in out and "fuse-overlayfs" in out and "take mount_program out" in out, "fuse-overlayfs is refused by its name", out)
    policy("warn", engines={"containersStorage": [f"{HOME}/fuse"]})
    got, out = as_user(run)
    check(got == 0 and "fuse.fuse-overlayfs" in out and "has started" in out, "fuse-overlayfs: at warn it starts", out)
    policy()


def inside():
    prepare()
    layout, places = Layout("/srv/layout"), Layout("/etc/hrun/signatures")
    second = layer(entry("usr/data", data=b"d" * 3000), entry("usr/owned", data=b"own", uid=1000, gid=1001), entry("hidden/", "d"), entry("hidden/x"), entry("gone"))
    third = layer(entry("hidden/", "d"), entry("hidden/.wh..wh..opq"), entry("hidden/new"), entry(".wh.gone"))
    places.sign(layout.image("localhost/full", [busybox_layer(), second, third]), KEY, "localhost/full")
    layout.image("localhost/unsigned", [busybox_layer(), second])
    sh("chmod -R go+rX /srv/layout /etc/hrun")
    image = pull(layout, "full")
    pull(layout, "unsigned")
    starts("a signed image")
    starts("again")
    starts("read-only, init and a user", options="--read-only --init --user 4711")
    starts("a user", options="--user 1000")
    refused("mapped by keep-id", "--uidmap or --userns cannot be compared", options="--userns=keep-id")
    refused("an unsigned image", "no signature", "unsigned")
    images = json.load(open(f"{TOP}/overlay-images/images.json"))
    top = next(i for i in images if i["id"] == image)["layer"]
    below = next(e for e in json.load(open(f"{TOP}/overlay-layers/layers.json")) if e["id"] == top)["parent"]
    data = f"{TOP}/overlay/{below}/diff/usr/data"
    change("one byte", data, f"printf X | dd of={data} seek=5 bs=1 conv=notrunc 2>/dev/null", "layer 2 of 3")
    change("mode", data, f"chmod 4755 {data}", "usr/data has the mode 4755")
    change("owner", data, f"chown 5 {data}", "usr/data belongs to 5:0")
    hidden = f"{TOP}/overlay/{top}/diff/hidden"
    change("no longer opaque", hidden, f"rm -r {hidden}; mkdir {hidden}; touch {hidden}/new", "hidden: the directory shows")
    starts("all is back")
    pods(layout, places)
    by_a_program(layout)
    return 0 if results.good else 1


sys.exit(inside() if "--inside" in sys.argv else outside(__file__))
