#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 900
# tree: bookworm podman,buildah,containerd,crun,busybox-static,catatonit,python3
# tree: trixie podman,buildah,containerd,crun,busybox-static,catatonit,python3
# tree: sid podman,crun,busybox-static,catatonit,python3,libyajl2,composefs
"""podman under `images.require: signed`: what was signed and is unchanged starts; everything else is refused, with layer and path.

Images are made and signed here (signed_image.py), pulled by podman into its own store (driver overlay), and then the store is changed
in one way after the other.
"""
import base64
import gzip
import json
import os
import shutil
import sys
import time

from engine import CONTAINERS_CONF, SID, Results, image_program_runs, kept, outside, release, sh
from registry import serve
from signed_image import CHANGES, Key, Layout, busybox_layer, edit, entry, full_image, layer, write
from signed_pods import Pods

TOP = "/var/lib/containers/storage"
STORAGE_CONF = f'[storage]\ndriver = "overlay"\ngraphroot = "{TOP}"\nrunroot = "/run/containers/storage"\n'
KEY, OTHER = Key("good"), Key("other")
results = Results("signed podman: ")
check, run = results.check, results.run


def refused(name, text, image="full", rule="image-signature-missing"):
    """Nothing of the image starts, and the line says why."""
    got, out = sh(f"podman run --rm localhost/{image} echo has started")
    why = f"refused [{rule}]" in out and text in out
    check(got == 126 and why and "has started\n" not in out, name, f"exit status {got}, expected {text!r}: {out.strip()[-500:]}")


def starts(name, image="full", options="", command="echo started", text="started"):
    run(f"podman run --rm {options} localhost/{image} {command}", name, 0, text)


# ---- images ----

def prepare():
    os.makedirs("/etc/containers", exist_ok=True)
    os.makedirs("/etc/hrun")
    for path, text in (("/etc/containers/policy.json", '{"default":[{"type":"insecureAcceptAnything"}]}'), ("/etc/containers/storage.conf", STORAGE_CONF),
                       ("/etc/containers/registries.conf", "unqualified-search-registries = []\n"), ("/etc/containers/containers.conf", CONTAINERS_CONF % {"runtime": "hrun"}),
                       ("/etc/hrun/good.pub", KEY.pem()), ("/etc/hrun/other.pub", OTHER.pem())):
        with open(path, "w") as f:
            f.write(text)


def policy(require="signed", level="baseline", scope="*", signatures=("signatures",), **more):
    with open("/etc/hrun/policy.json", "w") as f:
        json.dump({"format": 1, "level": level, **more, "images": {"require": require, "signatures": list(signatures), "trust": [
            {"scope": scope, "scheme": "cosign-key", "keys": ["good.pub"], "tlog": "ignore"}]}}, f)


def pull(layout, name):
    """The image's id; its only name is localhost/NAME."""
    status, out = sh(f"podman pull -q oci:{layout.path}:localhost/{name}")
    image = out.strip().splitlines()[-1]
    sh(f"podman tag {image} localhost/{name}; podman untag {image} localhost{layout.path}")
    check(status == 0, f"pull {name}", out)
    return image


def layers_of(image):
    """The layers' ids, the lowest first."""
    top = next(i for i in json.load(open(f"{TOP}/overlay-images/images.json")) if i["id"] == image)["layer"]
    parents = {entry["id"]: entry.get("parent") for entry in json.load(open(f"{TOP}/overlay-layers/layers.json"))}
    found = []
    while top:
        found.insert(0, top)
        top = parents[top]
    return found


# ---- one change of the store after the other ----

def changes(image):
    ids = layers_of(image)
    # What a comparison says of each change does not depend on podman's version: of the third one a few are enough (EVERY=1: all).
    every = 6 if release() == SID and not os.environ.get("EVERY") else 1
    for name, number, path, change, text in CHANGES[::every]:
        top = f"{TOP}/overlay/{ids[number - 1]}/diff"
        with kept(top):
            change(f"{top}/{path}" if path != "." else top)
            got, out = sh("podman run --rm localhost/full echo has started")
            place = f"layer {number} of 4" if path != "." or "hides" in text else ids[number - 1]
            right = got == 126 and place in out and any(one in out for one in text.split("|")) and "has started\n" not in out
            check(right, f"refused: {name}", f"exit status {got}, expected {place!r} and {text!r}: {out.strip()[-500:]}")
    starts("all undone, it starts again")


def outside_names(image):
    """A file of a layer that somebody has by another name, elsewhere: beside the layers, since podman may have mounted their directory on itself."""
    path, mine = f"{TOP}/overlay/{layers_of(image)[1]}/diff/usr/data", f"{TOP}/overlay/mine"
    os.link(path, mine)
    refused("refused: a file with a name outside", "usr/data: the file has a name outside")
    os.unlink(mine)


# ---- the record of a layer's archive ----

def record(identifier):
    return f"{TOP}/overlay-layers/{identifier}.tar-split.gz"


def lines_of(identifier):
    return [json.loads(line) for line in gzip.decompress(open(record(identifier), "rb").read()).splitlines()]


def save_lines(identifier, lines):
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    with open(record(identifier), "wb") as f:
        f.write(gzip.compress(text.encode()))


def records(image):
    ids = layers_of(image)
    second = ids[1]
    data = f"{TOP}/overlay/{second}/diff/usr/data"

    def touch():
        os.utime(data)  # what was compared before counts no longer

    touch()
    with kept(record(second)):
        os.unlink(record(second))
        refused("refused: no record", "layer 2 of 4")
    with kept(record(second)):
        write(record(second), "nonsense")
        refused("refused: a record that is no gzip", "layer 2 of 4")
    with kept(record(second)):
        shutil.copy(record(ids[2]), record(second))
        refused("refused: another layer's record", "layer 2 of 4")
    with kept(record(second)):
        with open(record(second), "wb") as f:
            f.write(gzip.compress(b'{"type":3}\n'))
        refused("refused: a record with a line that is none", "a line that is none")
    # The whole archive as bytes that "stood there": its digest is right whatever the file on disk is.
    with kept(record(second)), kept(f"{TOP}/overlay/{second}/diff"):
        lines = lines_of(second)
        at = next(i for i, line in enumerate(lines) if line.get("name") == "usr/data")
        lines[at] = {"type": 2, "payload": base64.b64encode(b"d" * 3000).decode(), "position": at}
        save_lines(second, lines)
        edit(data, b"X", 5)
        refused("refused: contents in the record instead of the files", "usr/data: the engine's record of the archive has no such content")
    # The record says what the file is now; the header in it is another one than was signed.
    with kept(record(second)), kept(f"{TOP}/overlay/{second}/diff"):
        lines = lines_of(second)
        at = next(i for i, line in enumerate(lines) if line.get("name") == "usr/data") - 1
        block = bytearray(base64.b64decode(lines[at]["payload"]))
        header = len(block) - 512
        block[header + 100:header + 108] = b"0004755\0"
        block[header + 148:header + 156] = b" " * 8
        block[header + 148:header + 156] = b"%06o\0 " % sum(block[header:])
        lines[at]["payload"] = base64.b64encode(block).decode()
        save_lines(second, lines)
        os.chmod(data, 0o4755)
        refused("refused: a header that was changed with its file", "do not give the digest")
    touch()
    starts("the records are back, it starts again")


# ---- signatures ----

def signatures(layout, places):
    unsigned = layout.image("localhost/unsigned", [busybox_layer(), layer(entry("evil", data=b"1"))])
    pull(layout, "unsigned")
    refused("an unsigned image", "no signature", "unsigned")
    wrong = layout.image("localhost/wrong", [busybox_layer(), layer(entry("evil", data=b"2"))])
    places.sign(wrong, OTHER, "localhost/wrong")
    pull(layout, "wrong")
    refused("an image that somebody else signed", "signature", "wrong")
    sh("podman tag localhost/full localhost/saved; podman tag localhost/unsigned localhost/full")
    refused("an unsigned image under a signed one's name", "no signature")
    sh("podman untag localhost/unsigned localhost/full; podman tag localhost/saved localhost/full; podman untag localhost/saved localhost/saved")
    starts("the name is back")
    places.sign(unsigned, KEY, "localhost/unsigned")
    starts("it starts once it is signed", "unsigned")


def stored_signature(layout):
    """As podman keeps what it has verified at the pull: no layout beside the store is needed."""
    side = Layout("/root/side")
    descriptor = layout.image("localhost/stored", [busybox_layer(), layer(entry("stored", data=b"3"))])
    image = pull(layout, "stored")
    side.sign(descriptor, KEY, "localhost/stored")
    listed = json.load(open(f"{side.path}/blobs/sha256/" + side.manifests[0]["digest"][7:]))["layers"][0]
    payload = open(f"{side.path}/blobs/sha256/" + listed["digest"][7:], "rb").read()
    text = b"\0sigstore-json\n" + json.dumps({"mimeType": listed["mediaType"], "payload": base64.b64encode(payload).decode(),
                                              "annotations": listed["annotations"]}).encode()
    key = base64.b64encode(f"signature-{descriptor['digest'][7:]}".encode()).decode()
    refused("nothing stored yet", "no signature", "stored")
    with open(f"{TOP}/overlay-images/{image}/={key}", "wb") as f:
        f.write(b"\x89a GPG signature" + text)
    starts("a signature of podman's own store", "stored")
    policy(signatures=())
    starts("without images.signatures", "stored")
    refused("the others need theirs", "no signature")
    policy()


def pulled_signature():
    """From a registry, with a policy of podman's own that asks for a signature at the pull: podman keeps it, and hrun asks for nothing else."""
    if release() == 12:
        return  # "Debian-local change: sigstore disabled"
    layout, where = Layout("/root/registry"), "127.0.0.1:5000"
    layout.sign(layout.image("v1", [busybox_layer(), layer(entry("pulled"))]), KEY, f"{where}/team/app")
    server = serve(layout, 5000)
    asked = {"type": "sigstoreSigned", "keyPath": "/etc/hrun/good.pub", "signedIdentity": {"type": "matchRepository"}}
    write("/etc/containers/policy.json", json.dumps({"default": [{"type": "reject"}], "transports": {"docker": {where: [asked]}}}))
    os.makedirs("/etc/containers/registries.d", exist_ok=True)
    write("/etc/containers/registries.d/local.yaml", f"docker:\n  {where}:\n    use-sigstore-attachments: true\n")
    run(f"podman pull -q --tls-verify=false {where}/team/app:v1", "podman verifies a signature at the pull", 0)
    write("/etc/containers/policy.json", '{"default":[{"type":"insecureAcceptAnything"}]}')
    server.shutdown()
    policy(signatures=())
    run(f"podman run --rm {where}/team/app:v1 echo started", "hrun takes it from podman's store", 0, "started")
    policy()


def names():
    policy(scope="registry.example/team/*")
    refused("a name that no rule is for", "has no rule for this image")
    words = " ".join(f"--annotation {key}=registry.example/team/full:1" for key in ("io.kubernetes.cri.image-name", "org.opencontainers.image.ref.name"))
    run(f"podman run --rm {words} localhost/full echo has started", "a name that is only said", 126, "has no rule for this image")
    sh("podman tag localhost/full registry.example/team/full")
    refused("one name of two", "has no rule for this image")
    sh("podman untag localhost/full localhost/full")
    run("podman run --rm registry.example/team/full echo started", "only the name that a rule is for", 0, "started")
    sh("podman tag registry.example/team/full localhost/full; podman untag localhost/full registry.example/team/full")
    policy()


# ---- what podman does with images ----

def uses():
    starts("whiteouts, opaque directories and links", command="sh -c 'ls / /hidden /old; cat /usr/linked /last'", text="new")
    starts("read-only", options="--read-only")
    starts("init", options="--init", command="cat /proc/1/comm", text="init")
    starts("user", options="--user 1000:1001", command="id", text="uid=1000")
    starts("a user that the image does not know", options="--user 4711", command="id", text="uid=4711")
    starts("volume", options="-v vol1:/data", command="sh -c 'echo started >/data/f; cat /data/f'")
    starts("tmpfs", options="--tmpfs /t")
    run("podman run -d --name a localhost/full sleep 1000 && podman run -d --name b localhost/full sleep 1000 && podman exec b id", "two containers of one image", 0, "uid=0")
    run("podman restart -t 0 a && podman exec a echo again", "restart", 0, "again")
    run("podman stop -t 0 b >/dev/null; podman start b && podman exec b echo again", "stop and start", 0, "again")
    sh("podman rm -fa -t 0")


def pods(layout, places):
    """Pods have one container more, of an image that podman makes itself."""
    run("podman pod create --name p --infra=false >/dev/null && podman run --rm --pod p localhost/full echo started; podman pod rm -f p >/dev/null",
        "a pod without it", 0, "started")
    got, out = sh("podman pod create --name q >/dev/null; podman pod start q; podman pod rm -f q")
    check(got != 0 or "image-signature-missing" in out, "podman's own pause image is not signed", out)
    those = Pods(results, sh, policy)
    those.images(layout, places, KEY, pull)
    those.untouched()
    those.unsigned_pause()
    # podman 4.3 with the cgroupfs driver denies a pod's cgroup every device; its kube play cannot leave that out.
    those.pod("--share-parent=false" if release() == 12 else "")
    if release() > 12:
        those.kube(CONTAINERS_CONF % {"runtime": "hrun"})


def container_layer():
    plans = Pods(results, sh, policy)
    sh("podman run --name w localhost/full sh -c 'echo x >>/usr/data; echo started'")
    run("podman start -a w", "baseline: one that changed a file starts", 0, "started")
    plans.finding("w", "it is refused", "the container has changed /usr/data")
    for name, command, text in (("a removed file", "rm /usr/data", "the container has removed /usr/data"), ("a new program", "cat /bin/busybox >/bin/new", "the container has changed /bin"),
                                ("an account", "echo evil::0:0::/:/bin/sh >>/etc/passwd", "the container has changed /etc/passwd"), ("its mode", "chmod 666 /etc/passwd", "the container has changed /etc/passwd"),
                                ("another mode", "chmod 700 /work", "the container has changed /work")):
        sh(f"podman rm w; podman run --name w localhost/full sh -c '{command}'")
        plans.finding("w", name, text)
    sh("podman rm -fa -t 0")


def memory(image):
    """What was compared is not read again, until something in it changes."""
    second = layers_of(image)[1]
    time.sleep(2.5)
    starts("settled")
    with kept(record(second)):
        os.unlink(record(second))
        starts("what was compared is not read again")
        sh(f"chmod 644 {TOP}/overlay/{second}/diff/usr/data")
        refused("but its ctime is looked at", "layer 2 of 4")
    starts("all is back")


def many_layers(layout, places):
    layers = [busybox_layer()] + [layer(entry(f"dir{i}/", "d"), entry(f"dir{i}/file", data=b"%d" % i), *([entry(f"dir{i - 2}/.wh.file")] if i > 2 else [])) for i in range(60)]
    places.sign(layout.image("localhost/many", layers), KEY, "localhost/many")
    image = pull(layout, "many")
    starts("61 layers", "many")
    path = f"{TOP}/overlay/{layers_of(image)[40]}/diff/dir39/file"
    edit(path, b"X")
    refused("one of them changed", "layer 41 of 61", "many")


def additional_store(layout, places):
    """Its layers are mounted from where somebody else may have put them."""
    places.sign(layout.image("localhost/more", [busybox_layer(), layer(entry("more"))]), KEY, "localhost/more")
    more = "podman --root /var/lib/more --runroot /run/more"
    sh(f"{more} pull -q oci:{layout.path}:localhost/more; {more} tag $({more} images -q) localhost/more")
    write("/etc/containers/storage.conf", STORAGE_CONF + '[storage.options]\nadditionalimagestores = ["/var/lib/more"]\n')
    refused("an additional store", f"is of another store than {TOP}; pull the image into this one", "more")
    starts("this store's own images, beside it")
    write("/etc/containers/storage.conf", STORAGE_CONF)


def composefs():
    """podman 5 makes such layers of any image that a registry gives it, where it is told to."""
    layout, top = Layout("/root/composefs"), "/var/lib/composefs"
    layout.image("v1", [busybox_layer(), layer(entry("file", data=b"1"))])
    server = serve(layout, 5001)
    write("/etc/containers/storage.conf", STORAGE_CONF.replace(TOP, top) + '[storage.options.pull_options]\nenable_partial_images = "true"\nconvert_images = "true"\n'
          '[storage.options.overlay]\nuse_composefs = "true"\n')
    policy(engines={"containersStorage": [top]})
    run("podman pull -q --tls-verify=false 127.0.0.1:5001/a/b:v1 && ls -d /var/lib/composefs/overlay/*/composefs-data", "composefs: pull", 0, "composefs-data")
    run("podman run --rm 127.0.0.1:5001/a/b:v1 echo has started", "composefs is refused by its name", 126, "its layers are composefs images; turn use_composefs off")
    server.shutdown()
    write("/etc/containers/storage.conf", STORAGE_CONF)
    policy()


def elsewhere(layout):
    """Roots that cannot be compared say what works instead."""
    sh("mkdir -p /root/plain/bin; cp /bin/busybox /root/plain/bin/sh")
    lenient = {"rules": {"root-path-host": "warn"}}
    policy(**lenient)
    run("podman run --rm --rootfs /root/plain sh -c 'echo has started'", "a directory", 126, "no mount of its own")
    sh(f"podman --storage-driver vfs --root /var/lib/vfs pull -q oci:{layout.path}:localhost/full; podman --storage-driver vfs --root /var/lib/vfs tag $(podman --storage-driver vfs --root /var/lib/vfs images -q) v")
    run("podman --storage-driver vfs --root /var/lib/vfs run --rm v echo has started", "the driver vfs", 126, "no mount of its own")
    if release() > 12:
        run("podman run --rm --uidmap 0:100000:5000 localhost/full echo has started", "a mapped root", 126, "--uidmap or --userns cannot be compared")
    policy(require="warn", **lenient)
    run("podman run --rm --rootfs /root/plain sh -c 'echo started'", "warn: it starts", 0, "started")
    policy()


def inside():
    if not image_program_runs():
        return 77
    prepare()
    layout, places = Layout("/root/layout"), Layout("/etc/hrun/signatures")
    places.sign(layout.image("localhost/full", full_image()), KEY, "localhost/full")
    policy()
    image = pull(layout, "full")
    starts("a signed image")
    uses()
    signatures(layout, places)
    stored_signature(layout)
    pulled_signature()
    names()
    changes(image)
    outside_names(image)
    records(image)
    memory(image)
    container_layer()
    many_layers(layout, places)
    pods(layout, places)
    additional_store(layout, places)
    if release() == SID:
        composefs()
    elsewhere(layout)
    left = sh("hrun list -q; grep -lsE '^hrun-(image|tree)$' /proc/[0-9]*/comm; ls /run/hrun")[1].strip()
    check(not left, "nothing is left", left)
    return 0 if results.good else 1


sys.exit(inside() if "--inside" in sys.argv else outside(__file__))
