#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
# tree: sid containerd,erofs-utils,busybox-static,python3,python3-h2
"""containerd's snapshotter erofs under `images.require: signed`: each layer is a file that the kernel has mounted, and both must be what was signed."""
import contextlib
import json
import os
import sys
import time

from containerd_daemon import start_containerd
from engine import image_program_runs, outside, sh
from signed_ctr import BLOBS, KEY, OTHER, Ctr, aside, end_task, plan, policy, prepare, slowly
from signed_image import CHANGES, OCI, Layout, busybox_layer, edit, entry, full_image, layer

ctr = Ctr("signed erofs: ", "erofs")
check, run, starts, refused = ctr.check, ctr.run, ctr.starts, ctr.refused


def config(*differs):
    return f"""version = 3
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[plugins."io.containerd.service.v1.diff-service"]
  default = {json.dumps(differs)}
"""


def image_of(top):
    return os.path.dirname(top) + "/layer.erofs"


def unmount(tops):
    """containerd mounts them again when it needs them."""
    for top in tops:
        sh(f"umount {top}")


@contextlib.contextmanager
def remade(top, change):
    """The layer at TOP is another erofs, of its files after CHANGE."""
    unmount([top])
    sh(f"rm -rf /root/files; mount -t erofs {image_of(top)} {top} && cp -a {top} /root/files")
    unmount([top])
    with aside(image_of(top)):
        change("/root/files")
        sh(f"mkfs.erofs --quiet {image_of(top)} /root/files")
        yield
        unmount([top])


def overlay(lowers):
    """Mounts LOWERS, the lowest first, as a container's root."""
    own = f"{ctr.snapshots}/900"
    return f"mkdir -p {own}/fs {own}/work; LIBMOUNT_FORCE_MOUNT2=always mount -t overlay overlay -o lowerdir={':'.join(reversed(lowers))},upperdir={own}/fs,workdir={own}/work /root/plan/rootfs"


# ---- one change of a layer after the other ----

def changes(tops):
    # (Whose the top directory is, and who may write to it, says nothing here.)
    for name, number, path, change, text in [one for one in CHANGES if one[0] not in ("writable layer", "layer of somebody")][::4]:
        with remade(tops[number - 1], lambda files: change(f"{files}/{path}")):
            refused(f"another file: {name}", text)
    with remade(tops[1], lambda files: None):
        starts("another file of the same content")
    starts("all undone, it starts again")


def under_the_mount(tops):
    """A mount shows what the kernel has read of the file, and later what is there by then."""
    image, shown = image_of(tops[1]), f"{tops[1]}/usr/data"
    with open(shown, "rb") as f:
        data = f.read()
    at = open(image, "rb").read().index(data) + 1500
    edit(image, b"X", at)
    with open(shown, "rb") as f:
        check(f.read() == data, "a byte is changed that the mount does not show")
    refused("what the file holds now", "usr/data: its content is not the image's; its layer.erofs was changed after it was mounted")
    unmount(tops)
    refused("mounted anew", "usr/data: its content is not the image's")
    edit(image, b"d", at)
    unmount(tops)
    starts("the byte is back")


def files(tops):
    """Whose the files are, and which of them are mounted."""
    image, top = image_of(tops[1]), tops[1]
    for name, change, text in (("who may write to it", lambda: os.chmod(image, 0o666), "layer.erofs' is writable by group or others"), ("whose it is", lambda: os.chown(image, 1000, 0), "layer.erofs' belongs to uid 1000"),
                               ("who may write beside it", lambda: os.chmod(os.path.dirname(image), 0o777), "writable by group or others")):
        mode = os.stat(os.path.dirname(image)).st_mode & 0o777
        change()
        refused(f"the file: {name}", text)
        os.chown(image, 0, 0)
        os.chmod(image, 0o644)
        os.chmod(os.path.dirname(image), mode)
    unmount([top])
    for name, other, text in (("another file", "/root/copy.erofs", "the layer '/root/copy.erofs' is no snapshot"), ("another layer", image_of(tops[2]), f"snapshots/2/fs' is mounted of '{image_of(tops[2])}'"),
                              ("a file that is gone", "/root/gone.erofs", "is mounted of '/root/gone.erofs', which is not there")):
        sh(f"cp {image} /root/copy.erofs; cp {image} /root/gone.erofs; mount -t erofs {other} {top}; rm /root/gone.erofs")
        refused(f"{name} is mounted", text)
        unmount([top])
    found = plan(overlay(tops))
    check("is no mount of an erofs" in found, "refused: nothing is mounted", found)
    # As containerd 2.2 has them.
    elsewhere = [f"/run/mounts/{i}" for i in range(len(tops))]
    sh("mkdir -m 700 /run/mounts; " + "; ".join(f"mkdir {at}; mount -t erofs {image_of(layer)} {at}" for at, layer in zip(elsewhere, tops)))
    found = plan(overlay(elsewhere))
    check(not found, "mounted elsewhere", found)
    found = plan(overlay([elsewhere[0], elsewhere[2], elsewhere[1], elsewhere[3]]))
    check("image-signature-missing" in found, "refused: in another order", found)
    os.chmod("/run/mounts", 0o777)
    found = plan(overlay(elsewhere))
    check("'/run/mounts' is writable by group or others" in found.replace("`", "'"), "refused: where others may write", found)
    unmount(elsewhere)
    found = plan(f"mount -t erofs {image} /root/plan/rootfs")
    check("one layer of the snapshotter erofs itself" in found, "refused: the layer itself", found)
    starts("all is back, it starts again")


def memory(layout, full):
    """What was compared is not read again, as long as this mount of this file is there."""
    second = f"{BLOBS}/" + json.load(open(f"{layout.path}/blobs/sha256/{full['digest'][7:]}"))["layers"][1]["digest"][7:]
    tops = ctr.layers_of(full_image())
    time.sleep(2.5)
    starts("settled")
    with aside(second):
        starts("what was compared is not read again")
        os.utime(image_of(tops[1]))
        refused("but the file's ctime is looked at", "layer 2 of 4")
    time.sleep(2.5)
    starts("settled again")
    with aside(second):
        starts("it is remembered again")
        unmount([tops[1]])
        refused("another mount is another layer", "layer 2 of 4")
    starts("all is back")


# ---- images ----

def names(layout, places):
    unsigned = layout.image("localhost/unsigned", [busybox_layer(), layer(entry("evil", data=b"1"))])
    ctr.load(layout, unsigned, "unsigned")
    refused("an unsigned image", "no signature", "unsigned")
    places.sign(unsigned, OTHER, "localhost/unsigned")
    refused("an image that somebody else signed", "signature", "unsigned")
    # Of what cannot be read containerd's labels say what it was unpacked as, by this snapshotter.
    other = layout.image("localhost/beside", [busybox_layer(), layer(entry("beside", data=b"b"))])
    large = {"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [{**other, "platform": {"os": "linux", "architecture": "amd64"}}], "annotations": {"x": "x" * (1 << 20)}}
    ctr.load(layout, layout.blob(OCI + "index.v1+json", json.dumps(large).encode()), "beside")
    starts("another image that hrun cannot read")
    policy("warn", deny=[unsigned["digest"]])
    refused("denied at warn", "stands in images.denyDigests", "unsigned", rule="")
    starts("denied at warn: another one")
    policy()


def uses():
    starts("whiteouts, opaque directories and links", command="sh -c 'ls / /hidden /old; cat /usr/linked /last'", text="new")
    starts("read-only", options="--read-only")
    run(ctr.ctr_run("full", "-d").replace("--rm ", "").replace("echo started", "sleep 1000") + f" && ctr task exec --exec-id e1 c{ctr.count} {slowly('id')}", "exec", 0, "uid=0")
    run(end_task(f"c{ctr.count}") + f"; ctr task start -d c{ctr.count} && ctr task exec --exec-id e2 c{ctr.count} {slowly('echo again')}", "stopped and started again", 0, "again")
    sh(f"{end_task(f'c{ctr.count}')}; ctr container rm c{ctr.count}")


def mkfs(layout, places):
    """The differ erofs: mkfs.erofs reads the archive itself."""
    for name, layers in (("plain", [busybox_layer(), layer(entry("./", "d"), entry("./usr/", "d"), entry("./usr/x", data=b"x")), layer(entry("usr/", "d"), entry("usr/.wh.x"), entry("etc/", "d", mode=0o700), entry("etc/.wh..wh..opq"), entry("etc/new", data=b"started"))]),
                         ("implied", [busybox_layer(), layer(entry("usr/implied/file", data=b"implied\n"))]),
                         ("many", [busybox_layer()] + [layer(entry(f"dir{i}/", "d"), entry(f"dir{i}/file", data=b"%d" % i)) for i in range(30)])):
        descriptor = layout.image(f"localhost/{name}", layers)
        places.sign(descriptor, KEY, f"localhost/{name}")
        ctr.load(layout, descriptor, name)
        if name != "implied":
            starts(f"mkfs.erofs: {len(layers)} layers", name, command="sh -c 'ls /usr /etc; cat /etc/new'" if name == "plain" else "echo started")
    refused("mkfs.erofs lets everybody write to what is implied", "usr: a directory that the image only implies is 0777 of 0:0 (mkfs.erofs); unpack it by the differ walking alone", "implied")
    with remade(ctr.layers_of(layers)[20], lambda files: edit(f"{files}/dir19/file", b"X")):
        refused("one of many changed", "layer 21 of 31", "many")


def inside():
    if not image_program_runs():
        return 77
    if "\terofs\n" not in open("/proc/filesystems").read() or [int(n) for n in os.uname().release.split(".")[:2]] < [6, 12]:
        print("this kernel mounts no file as erofs")
        return 77
    prepare()
    daemon = start_containerd(config("walking"))
    layout, places = Layout("/root/layout"), Layout("/etc/hrun/signatures")
    policy()
    full = layout.image("localhost/full", full_image())
    places.sign(full, KEY, "localhost/full")
    ctr.load(layout, full, "full")
    starts("a signed image")
    tops = ctr.layers_of(full_image())
    uses()
    names(layout, places)
    changes(tops)
    under_the_mount(tops)
    files(tops)
    memory(layout, full)
    daemon.terminate()
    daemon.wait()
    daemon = start_containerd(config("erofs", "walking"))
    mkfs(layout, places)
    left = sh("hrun --root /run/containerd/runc/default list -q; grep -lsE '^hrun-(image|tree)$' /proc/[0-9]*/comm")[1].strip()
    check(not left, "nothing is left", left)
    daemon.terminate()
    return 0 if ctr.results.good else 1


sys.exit(inside() if "--inside" in sys.argv else outside(__file__))
