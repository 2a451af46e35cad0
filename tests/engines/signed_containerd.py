#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 900
# tree: bookworm podman,buildah,containerd,crun,busybox-static,catatonit,python3
# tree: trixie podman,buildah,containerd,crun,busybox-static,catatonit,python3
# tree: sid containerd,busybox-static,python3,python3-h2
"""containerd under `images.require: signed`: what was signed and is unchanged starts; everything else is refused, with layer and path.

Images are made and signed here (signed_image.py), imported by ctr into containerd's own store (snapshotter overlayfs), and then the store is changed
in one way after the other.
"""
import json
import os
import sys
import time

from containerd_daemon import start_containerd
from engine import SID, image_program_runs, kept, outside, release, sh
from signed_ctr import BLOBS, KEY, NAMES, OTHER, TOP, Ctr, aside, end_task, policy, prepare, slowly
from signed_image import CHANGES, OCI, Layout, busybox_layer, edit, entry, full_image, layer, write

ctr = Ctr("signed containerd: ")
check, run, ctr_run, starts, refused, load, layers_of, view, plan_of = (
    ctr.check, ctr.run, ctr.ctr_run, ctr.starts, ctr.refused, ctr.load, ctr.layers_of, ctr.view, ctr.plan_of)


# ---- one change of the store after the other ----

def changes(tops):
    # tests/image/compare_containerd.py has all of them.
    for name, number, path, change, text in CHANGES[::{12: 5, SID: 6}.get(release(), 1)] + [
            ("mode of a directory that is only implied", 3, "old", lambda p: os.chmod(p, 0o755), "old: a directory that the image only implies is 0755 of 5:0, and below 0700 of 5:0"),
            ("attribute of one", 3, "old", lambda p: os.setxattr(p, "user.x", b"1"), "old: a directory that the image only implies has another attribute than below: user.x")]:
        top = tops[number - 1]
        with kept(top):
            change(f"{top}/{path}" if path != "." else top)
            got, out = sh(ctr_run("full", command="echo has started"))
            place = f"layer {number} of 4" if path != "." or "hides" in text else top
            right = got == 1 and place in out and any(one in out for one in text.split("|")) and "has started\n" not in out
            check(right, f"refused: {name}", f"exit status {got}, expected {place!r} and {text!r}: {out.strip()[-500:]}")
    starts("all undone, it starts again")
    mine = f"{TOP}/mine"
    os.link(f"{tops[1]}/usr/data", mine)
    refused("refused: a file with a name outside", "usr/data: the file has a name outside")
    os.unlink(mine)


def records(layout, full, tops):
    """The content store and the databases."""
    manifest = json.load(open(f"{layout.path}/blobs/sha256/{full['digest'][7:]}"))
    second = f"{BLOBS}/{manifest['layers'][1]['digest'][7:]}"
    touch = f"{tops[1]}/usr/data"
    os.utime(touch)  # what was compared before counts no longer
    with aside(second):
        refused("refused: no blob of a layer", "layer 2 of 4")
        refused("and how to keep it is said", "set discard_unpacked_layers = false")
    with kept(second):
        os.chmod(second, 0o644)
        edit(second, b"\0", os.stat(second).st_size // 2)
        refused("refused: a changed blob", "layer 2 of 4")
    with aside(second):
        write(second, "nonsense")
        refused("refused: another blob", "layer 2 of 4")
        os.unlink(second)
    for name, path in (("snapshots", ctr.database), ("images", NAMES)):
        data = open(path, "rb").read()
        for what, broken in (("no", None), ("an empty", b""), ("a random", os.urandom(4096) * 8), ("a damaged", data[:8192] + b"\xff" * (len(data) - 8192))):
            with aside(path):
                if broken is not None:
                    with open(path, "wb") as f:
                        f.write(broken)
                refused(f"refused: {what} database of {name}", "containerd's database|cannot be opened")
                if broken is not None:
                    os.unlink(path)
    with aside(NAMES):
        sh(f"cp /root/older.db {NAMES}")
        refused("refused: a database that does not know the image", "no image of these layers")
        os.unlink(NAMES)
    for path in (BLOBS, ctr.snapshots):
        os.chmod(path, 0o777)
        refused(f"refused: who can write to {os.path.basename(path)}", "writable by group or others")
        os.chmod(path, 0o700)
    starts("all is back, it starts again")


# ---- signatures ----

def signatures(layout, places):
    unsigned = layout.image("localhost/unsigned", [busybox_layer(), layer(entry("evil", data=b"1"))])
    load(layout, unsigned, "unsigned")
    refused("an unsigned image", "no signature", "unsigned")
    wrong = layout.image("localhost/wrong", [busybox_layer(), layer(entry("evil", data=b"2"))])
    places.sign(wrong, OTHER, "localhost/wrong")
    load(layout, wrong, "wrong")
    refused("an image that somebody else signed", "signature", "wrong")
    sh("ctr image tag localhost/full:1 localhost/saved:1; ctr image tag --force localhost/unsigned:1 localhost/full:1")
    refused("an unsigned image under a signed one's name", "no signature")
    sh("ctr image tag --force localhost/saved:1 localhost/full:1; ctr image rm localhost/saved:1")
    starts("the name is back")
    places.sign(unsigned, KEY, "localhost/unsigned")
    starts("it starts once it is signed", "unsigned")
    # The same layers, another config: two images, of which one is signed; either's files are the other's.
    twin = layout.image("localhost/twin", [busybox_layer(), layer(entry("evil", data=b"1"))], Env=["A=b"])
    load(layout, twin, "twin")
    starts("an unsigned image of a signed one's layers", "twin")


def indexes(layout, places):
    """Of an image for several platforms the index is signed, and another platform's manifest is not there."""
    ours = layout.image("localhost/index", [busybox_layer(), layer(entry("index", data=b"i"))])
    other = {**ours, "digest": "sha256:" + "0" * 64, "platform": {"os": "linux", "architecture": "s390x"}}
    index = {"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [other, {**ours, "platform": {"os": "linux", "architecture": "amd64"}}]}
    descriptor = layout.blob(OCI + "index.v1+json", json.dumps(index).encode())
    load(layout, descriptor, "index", "--platform linux/amd64" if "--platform" in sh("ctr image import --help")[1] else "")
    refused("an index without a signature", "no signature", "index")
    places.sign(descriptor, KEY, "localhost/index")
    starts("an index that is signed", "index")


def names():
    policy(scope="registry.example/team/*")
    refused("a name that no rule is for", "has no rule for this image")
    sh("ctr image tag localhost/full:1 registry.example/team/full:1")
    refused("one name of two", "has no rule for this image")
    sh("ctr image rm localhost/full:1")
    run(ctr_run("full").replace("localhost/", "registry.example/team/"), "only the name that a rule is for", 0, "started")
    sh("ctr image tag registry.example/team/full:1 localhost/full:1; ctr image rm registry.example/team/full:1")
    policy()


def unread(layout, full):
    """Indexes that are too large for hrun: containerd's own labels say of which image each is."""
    other = layout.image("localhost/beside", [busybox_layer(), layer(entry("beside", data=b"b"))])
    for name, image in (("beside", other), ("large", full)):
        index = {"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [{**image, "platform": {"os": "linux", "architecture": "amd64"}}], "annotations": {"x": "x" * (1 << 20)}}
        load(layout, layout.blob(OCI + "index.v1+json", json.dumps(index).encode()), name)
        if name == "beside":
            starts("another image that hrun cannot read")
            continue
        refused("a name of this image that hrun cannot read", "cannot be read and may be this one")
        policy("warn")
        starts("the same at warn")
    sh("ctr image rm localhost/large:1")
    policy()
    starts("without it")


# ---- what is done with images ----

def uses(layout, full):
    starts("whiteouts, opaque directories and links", command="sh -c 'ls / /hidden /old; cat /usr/linked /last'", text="new")
    starts("read-only", options="--read-only")
    starts("bind mount", options="--mount type=bind,src=/v,dst=/data,options=rbind:rw", command="sh -c 'echo started >/data/f; cat /data/f'")
    starts("working directory", options="--cwd /work/new")
    run(ctr_run("full", "-d").replace("--rm ", "").replace("echo started", "sleep 1000"), "one container", 0)
    run(ctr_run("full", "-d").replace("--rm ", "").replace("echo started", "sleep 1000") + " && ctr task exec --exec-id e1 c%d %s" % (ctr.count, slowly("id")), "two containers of one image", 0, "uid=0")
    run(end_task(f"c{ctr.count}") + f"; ctr task start -d c{ctr.count} && ctr task exec --exec-id e2 c{ctr.count} {slowly('echo again')}", "stopped and started again", 0, "again")
    sh(f"for c in c{ctr.count} c{ctr.count - 1}; do {end_task('$c')}; ctr container rm $c; done")
    # As the kubelet's side has it: a namespace of its own, and the image's id as one more name.
    identity = json.load(open(f"{layout.path}/blobs/sha256/{full['digest'][7:]}"))["config"]["digest"]
    run(f"ctr -n k8s.io image import $(ctr image import --help | grep -o -e --local) /root/image.tar && ctr -n k8s.io image tag localhost/full:1 {identity} && ctr -n k8s.io image tag localhost/full:1 localhost/full@{full['digest']}", "another namespace", 0)
    run(ctr_run("full").replace("ctr run", "ctr -n k8s.io run"), "it starts there", 0, "started")


def container_layer():
    for name, command, text in (("nothing", "true", ""), ("a file", "echo x >>/usr/data", "the container has changed /usr/data"), ("a removed file", "rm -f /usr/data", "the container has removed /usr/data"),
                                ("a new program", "cat /bin/busybox >/bin/new", "the container has changed /bin"), ("another mode", "chmod 700 /work", "the container has changed /work")):
        policy()
        run(ctr_run("full", "-d").replace("--rm ", "").replace("echo started", f"sh -c '{command}; echo again'"), f"a container that changes {name}", 0)
        sh(end_task(f"c{ctr.count}").split("; ", 1)[1])
        run(f"ctr task start c{ctr.count}", f"baseline: {name}: it starts again", 0, "again")
        sh(f"ctr task rm c{ctr.count}")
        policy(level="restricted")
        out = plan_of(f"c{ctr.count}")
        check(text in out if text else not out, f"restricted: {name}", out)
        sh(f"ctr container rm c{ctr.count}; ctr snapshot rm c{ctr.count}")
    policy()


def views(layout, full, full_layers):
    """What can only be seen has no writable layer; a view of one layer is that directory itself."""
    for name, layers in (("one layer", [busybox_layer()]), ("four layers", full_layers)):
        view(layers)
        out = plan_of("look")
        check(not out, f"a view of {name}", out)
        top = layers_of(layers, "other")[0]
        with kept(top):
            os.chmod(f"{top}/bin/busybox", 0o4755)
            out = plan_of("look")
            check("bin/busybox has the mode 4755" in out, f"a changed view of {name}", out)
        if name == "one layer":
            sh("ctr snapshot rm look")
    # ctr itself reads these before it starts anything.
    config = json.load(open(f"{layout.path}/blobs/sha256/{full['digest'][7:]}"))["config"]
    for name, digest in (("manifest", full["digest"]), ("config", config["digest"])):
        with aside(f"{BLOBS}/{digest[7:]}"):
            out = plan_of("look")
            check("no image of these layers" in out, f"refused: no {name}", out)
    sh("ctr snapshot rm look")


def memory(layout, full, tops):
    """What was compared is not read again, until something in it changes."""
    second = f"{BLOBS}/" + json.load(open(f"{layout.path}/blobs/sha256/{full['digest'][7:]}"))["layers"][1]["digest"][7:]
    time.sleep(2.5)
    starts("settled")
    with aside(second):
        starts("what was compared is not read again")
        os.chmod(f"{tops[1]}/usr/data", 0o644)
        refused("but its ctime is looked at", "layer 2 of 4")
        os.utime(f"{tops[0]}/tmp")
    starts("all is back")


def many_layers(layout, places):
    layers = [busybox_layer()] + [layer(entry(f"dir{i}/", "d"), entry(f"dir{i}/file", data=b"%d" % i), *([entry(f"dir{i - 2}/.wh.file")] if i > 2 else [])) for i in range(60)]
    descriptor = layout.image("localhost/many", layers)
    places.sign(descriptor, KEY, "localhost/many")
    load(layout, descriptor, "many")
    starts("61 layers", "many")
    edit(f"{layers_of(layers)[40]}/dir39/file", b"X")
    refused("one of them changed", "layer 41 of 61", "many")


def elsewhere(full):
    """Roots that cannot be compared say what works instead."""
    refused("the snapshotter native", "another snapshotter than overlayfs and erofs", options="--snapshotter native")
    sh("ctr image rm localhost/beside:1")  # which this snapshotter has never unpacked, and hrun cannot read
    policy(require="warn", deny=[full["digest"]])
    refused("denied at warn: the snapshotter native", "stands in images.denyDigests", options="--snapshotter native", rule="")
    policy(require="warn", deny=["sha256:" + "0" * 64])
    starts("warn: it starts", options="--snapshotter native")
    policy()


def inside():
    if not image_program_runs():
        return 77
    prepare()
    daemon = start_containerd()
    layout, places = Layout("/root/layout"), Layout("/etc/hrun/signatures")
    one, layers = layout.image("localhost/one", [busybox_layer()]), full_image()
    places.sign(one, KEY, "localhost/one")
    policy()
    load(layout, one, "one")
    starts("an image of one layer", "one")
    sh(f"cp {NAMES} /root/older.db")
    full = layout.image("localhost/full", layers)
    places.sign(full, KEY, "localhost/full")
    load(layout, full, "full")
    starts("a signed image")
    tops = layers_of(layers)
    uses(layout, full)
    signatures(layout, places)
    indexes(layout, places)
    names()
    unread(layout, full)
    changes(tops)
    records(layout, full, tops)
    memory(layout, full, tops)
    container_layer()
    views(layout, full, layers)
    many_layers(layout, places)
    elsewhere(full)
    left = sh("hrun --root /run/containerd/runc/default list -q; grep -lsE '^hrun-(image|tree)$' /proc/[0-9]*/comm")[1].strip()
    check(not left, "nothing is left", left)
    daemon.terminate()
    return 0 if ctr.results.good else 1


sys.exit(inside() if "--inside" in sys.argv else outside(__file__))
