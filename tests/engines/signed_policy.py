#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
# tree: trixie podman,buildah,containerd,crun,busybox-static,catatonit,python3
"""podman's images under the policy file's lists, times and waivers; and what state, list and the audit record say of an image that podman started."""
import datetime
import json
import os
import re
import socket
import sys

from engine import CONTAINERS_CONF, Results, image_program_runs, kept, outside, sh
from signed_image import Key, Layout, busybox_layer, entry, layer

TOP = "/var/lib/containers/storage"
KEY = Key("good")
OLD, NEW = "2025-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
results = Results("signed podman, policy: ")
check, run = results.check, results.run


def starts(name, image, options="", command="echo started", text="started"):
    run(f"podman run --rm {options} localhost/{image} {command}", name, 0, text)


def refused(name, image, text, options="", status=126):
    got, out = sh(f"podman run --rm {options} localhost/{image} echo has started")
    check(got == status and text in out and "has started\n" not in out, name, f"exit status {got}, expected {text!r}: {out.strip()[-500:]}")


def prepare():
    os.makedirs("/etc/containers", exist_ok=True)
    os.makedirs("/etc/hrun")
    storage = f'[storage]\ndriver = "overlay"\ngraphroot = "{TOP}"\nrunroot = "/run/containers/storage"\n'
    for path, text in (("/etc/containers/policy.json", '{"default":[{"type":"insecureAcceptAnything"}]}'), ("/etc/containers/storage.conf", storage),
                       ("/etc/containers/registries.conf", "unqualified-search-registries = []\n"), ("/etc/containers/containers.conf", CONTAINERS_CONF % {"runtime": "hrun"}),
                       ("/etc/hrun/good.pub", KEY.pem())):
        with open(path, "w") as f:
            f.write(text)


def policy(require="signed", more=None, **images):
    with open("/etc/hrun/policy.json", "w") as f:
        json.dump({"format": 1, "level": "baseline", **(more or {}), "images": {"require": require, "signatures": ["signatures"], **images, "trust": [
            {"scope": "*", "scheme": "cosign-key", "keys": ["good.pub"], "tlog": "ignore"}]}}, f)


def pull(layout, name):
    """localhost/NAME is its only name."""
    status, out = sh(f"podman pull -q oci:{layout.path}:localhost/{name}")
    image = out.strip().splitlines()[-1]
    sh(f"podman tag {image} localhost/{name}; podman untag {image} localhost{layout.path}")
    check(status == 0, f"pull {name}", out)
    return image


def state_of(name):
    return json.loads(sh(f"hrun state $(podman inspect --format '{{{{.Id}}}}' {name})")[1])["annotations"]


def records(listener):
    """The audit records that have come; others write to the log as well."""
    found = []
    try:
        while True:
            found.append(re.fullmatch(rb"<\d+>hrun\[\d+\]: (\{.*\})", listener.recv(1 << 16), re.S))
    except BlockingIOError:
        return [json.loads(match.group(1)) for match in found if match]


def what_is_said(image, index, child):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind("/dev/log")
    listener.setblocking(False)
    policy()
    run("podman run -d --name s localhost/new sleep 1000 && podman run -d --name i localhost/indexed sleep 1000", "two containers", 0)
    for name, digest, manifest in (("s", image, image), ("i", index, child)):
        said = state_of(name)
        expected = {"org.hrun.image.digest": digest, "org.hrun.image.manifest": manifest, "org.hrun.image.policy": "/etc/hrun/policy.json"}
        check(expected.items() <= said.items() and said.get("org.hrun.image.signer", "").startswith("good.pub for localhost/"), f"state says what was verified: {name}", said)
    listed = json.loads(sh("hrun list --format json")[1])
    check(sorted(c["annotations"].get("org.hrun.image.digest") for c in listed) == sorted((image, index)), "so does list", listed)
    made = [r for r in records(listener) if r["verb"] == "create"]
    check([(r.get("image"), r.get("signer", "").partition(" ")[0]) for r in made] == [(image, "good.pub"), (index, "good.pub")], "so does the audit record", made)
    policy(denyDigests=[image])
    run("podman restart -t 0 s", "a container that exists does not start again, once its image is denied", 125, "images.denyDigests")
    made = [r for r in records(listener) if r["verb"] == "create"]
    check(len(made) == 1 and made[0]["result"] == "refused" and "images.denyDigests" in made[0]["error"], "the record says why", made)
    policy("warn")
    run("podman run -d --name u localhost/unsigned sleep 1000", "one that nobody signed", 0)
    check(not any(key.startswith("org.hrun.image") for key in state_of("u")), "nothing is said of it", state_of("u"))
    run("podman run -d --name s2 localhost/new sleep 1000", "warn: a signed one", 0)
    check(state_of("s2").get("org.hrun.image.digest") == image, "its digest is said at warn, too", state_of("s2"))
    sh("podman rm -fa -t 0")
    listener.close()
    os.unlink("/dev/log")


def lists(image, index, child):
    other = "sha256:" + "0" * 64
    for name, more, text in (("denied", {"denyDigests": [other, image]}, f"{image} stands in images.denyDigests of `/etc/hrun/policy.json`"),
                             ("allowed others", {"allowDigests": [other]}, f"{image} does not stand in images.allowDigests"),
                             ("older", {"notBefore": "2026-06-01T00:00:01Z"}, f"created at {NEW}, before images.notBefore"),
                             ("older, by name", {"notBefore": {"*": OLD, "localhost/new": "2027-01-01T00:00:00Z"}}, "before images.notBefore")):
        policy(**more)
        refused(name, "new", text)
        policy("warn", **more)
        if name == "denied":
            refused("denied: at warn", "new", text)
        else:
            starts(f"{name}: warn lets it start", "new")
    policy(denyDigests=[other], allowDigests=[image], notBefore={"*": "2027-01-01T00:00:00Z", "localhost/*": NEW})
    starts("in time and allowed", "new")
    for name, digest in (("index", index), ("manifest below it", child)):
        policy(denyDigests=[digest])
        refused(f"denied by its {name}", "indexed", digest)
        policy(allowDigests=[digest])
        starts(f"allowed by its {name}", "indexed")
    policy(notBefore=OLD)
    refused("an image that says no time", "indexed", "nothing that is signed says when it was created")


def same_layers(image):
    """The config is all that tells the old one from the new one."""
    policy(notBefore=NEW)
    starts("two images of the same layers: what starts is one that the policy takes", "old")
    run("podman run -d --name t localhost/old sleep 1000", "which of them it is nobody tells", 0)
    check(not any(key.startswith("org.hrun.image") for key in state_of("t")), "so no digest is said of it", state_of("t"))
    run("podman rm -f -t 0 t >/dev/null; echo gone", "it goes", 0, "gone")
    policy(denyDigests=[image])
    refused("two images of the same layers: the denied one", "old", "remove it from the engine's store")
    refused("nobody tells which of them was meant", "new", "remove it from the engine's store")
    run("podman rmi localhost/old >/dev/null; podman run --rm localhost/new echo started", "without it in the store the other starts", 0, "started")


def waivers(image):
    """What only an image's digest may lift: for this image, its exec and its update, and for no other."""
    def waiver(rule, digest):
        day = datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=30)
        return {"rule": rule, "match": {"imageDigest": digest}, "reason": "for the test", "owner": "me", "expires": day.isoformat()}

    def waived(digest, require="signed"):
        policy(require, {"waivers": [waiver("mount-host-system-dir", digest), waiver("caps-dangerous", digest)]})
    options = "--cap-add SYS_ADMIN -v /usr/lib:/host"
    policy()
    refused("a severe rule", "new", "refused [", options)
    waived(image)
    starts("waived for the digest", "new", options)
    run(f"podman run -d --name w {options} localhost/new sleep 1000 && podman exec w grep CapEff /proc/self/status", "exec in it", 0, "CapEff")
    refused("not for another image", "indexed", "refused [", options)
    waived("sha256:" + "0" * 64)
    refused("another digest", "new", "refused [", options)
    run("podman exec w echo has entered", "exec, once it is waived no more", 255, "refused [caps-dangerous]")
    sh("podman rm -fa -t 0")
    waived(image, "off")
    refused("the same digest that nobody has looked at", "new", "refused [", options)


def other_stores(layout, image):
    """The container is of this store, its image of another one: at warn it starts, unless the image is denied."""
    sh(f"podman --root /var/lib/more --runroot /run/more pull -q oci:{layout.path}:localhost/unsigned")
    with kept("/etc/containers/storage.conf"):
        with open("/etc/containers/storage.conf", "a") as f:
            f.write('[storage.options]\nadditionalimagestores = ["/var/lib/more"]\n')
        sh("podman rmi -f localhost/unsigned")
        for name, digest in (("", image), (": another one", "sha256:" + "0" * 64)):
            policy("warn", denyDigests=[digest])
            got, out = sh("podman run --rm $(podman --root /var/lib/more --runroot /run/more images -q) echo has started")
            right = "has started\n" in out if name else f"{image} stands in images.denyDigests" in out and "has started\n" not in out
            check(right, f"denied at warn: an additional store{name}", f"exit status {got}: {out.strip()[-500:]}")
    policy()


def inside():
    if not image_program_runs():
        return 77
    prepare()
    layout, places = Layout("/root/layout"), Layout("/etc/hrun/signatures")
    layers = [busybox_layer(), layer(entry("usr/data", data=b"d" * 3000))]
    new = layout.image("localhost/new", layers, created=NEW)
    child = layout.image("child", [busybox_layer(), layer(entry("indexed"))])
    index = layout.index("localhost/indexed", child)
    unsigned = layout.image("localhost/unsigned", [busybox_layer(), layer(entry("unsigned"))])
    places.sign(new, KEY, "localhost/new")
    places.sign(index, KEY, "localhost/indexed")
    policy()
    for name in ("new", "indexed", "unsigned"):
        pull(layout, name)
    what_is_said(new["digest"], index["digest"], child["digest"])
    lists(new["digest"], index["digest"], child["digest"])
    waivers(new["digest"])
    other_stores(layout, unsigned["digest"])
    old = layout.image("localhost/old", layers, created=OLD)
    places.sign(old, KEY, "localhost/old")
    pull(layout, "old")
    same_layers(old["digest"])
    return 0 if results.good else 1


sys.exit(inside() if "--inside" in sys.argv else outside(__file__))
