#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""hrun run LAYOUT: what the container is, asked of the kernel; and that a refused image starts nothing and leaves nothing."""
import gzip
import hashlib
import io
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

sys.path.insert(0, f"{os.environ['TESTS']}/sandbox")
if os.geteuid() != 0:
    print("an image is unpacked by root")
    sys.exit(77)
import hrun as h
from common import children, policy_words
from hrun import BUILD, HRUN, contains, difference, equal, eventually, kernel_view, main, mounts_of, new_id, nothing_left, read, test, write

VECTORS = f"{os.environ['TESTS']}/vectors"
SIGNED = f"{VECTORS}/busybox-runnable-valid"
DIGEST = "sha256:d1826a1bf56b53a1bfd110f73d40a7873406ff30ac4fd20e82c254c7e5fc1978"
NOT_BUILT = ("cosign-keyless", "gpg")


# ---- images ----


def tar_of(tree):
    """{name: content}, None a directory, a tuple (target,) a link; what needs more is a TarInfo's members in a dict."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for name, value in tree.items():
            e = tarfile.TarInfo(name)
            members = value if isinstance(value, dict) else {}
            data = members.get("data", value if isinstance(value, bytes) else b"")
            e.type = tarfile.DIRTYPE if value is None else tarfile.SYMTYPE if isinstance(value, tuple) else members.get("type", tarfile.REGTYPE)
            e.linkname = value[0] if isinstance(value, tuple) else members.get("link", "")
            e.devmajor, e.devminor = members.get("device", (0, 0))
            e.size, e.mode, e.mtime = len(data), members.get("mode", 0o755), 1000000000
            e.uid, e.gid = members.get("uid", 0), members.get("gid", 0)
            t.addfile(e, io.BytesIO(data))
    return out.getvalue()


def busybox():
    with open(shutil.which("busybox"), "rb") as f:
        program = f.read()
    tree = {"bin": None, "bin/busybox": program, "etc": None, "etc/passwd": b"root:x:0:0::/root:/bin/sh\nweb:x:33:44::/srv:/bin/sh\n",
            "etc/group": b"root:x:0:\nweb:x:44:\nextra:x:55:web\n"}
    return tree | {f"bin/{name}": ("busybox",) for name in ("sh", "cat", "id", "sleep", "pwd", "env", "ls", "touch", "stat", "echo")}


class Layout:
    """An image without signatures, in a directory that only root writes to."""

    def __init__(self, *layers, architecture="amd64", **config):
        self.path = tempfile.mkdtemp(dir=h.work)
        os.chmod(self.path, 0o755)
        os.makedirs(f"{self.path}/blobs/sha256")
        write(f"{self.path}/oci-layout", '{"imageLayoutVersion":"1.0.0"}')
        self.manifests = []
        self.add(*layers, architecture=architecture, **config)

    def blob(self, data, media):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{self.path}/blobs/sha256/{digest}", "wb") as f:
            f.write(data)
        return {"mediaType": f"application/vnd.oci.image.{media}", "digest": f"sha256:{digest}", "size": len(data)}

    def add(self, *layers, ref="img", architecture="amd64", **config):
        tars = [tar_of(layer) for layer in layers or (busybox(),)]
        ids = ["sha256:" + hashlib.sha256(t).hexdigest() for t in tars]
        document = {"os": "linux", "architecture": architecture, "config": config, "rootfs": {"type": "layers", "diff_ids": ids}}
        manifest = {"schemaVersion": 2, "config": self.blob(json.dumps(document).encode(), "config.v1+json"),
                    "layers": [self.blob(gzip.compress(t, 1), "layer.v1.tar+gzip") for t in tars]}
        entry = self.blob(json.dumps(manifest).encode(), "manifest.v1+json")
        self.manifests.append({**entry, "annotations": {"org.opencontainers.image.ref.name": ref}})
        write(f"{self.path}/index.json", json.dumps({"schemaVersion": 2, "manifests": self.manifests}))

    def largest(self):
        directory = f"{self.path}/blobs/sha256"
        return max((f"{directory}/{n}" for n in os.listdir(directory)), key=os.path.getsize)


# ---- policies ----


def policy_of(case, require="signed", **more):
    """A policy file that trusts the keys of a case, root's own."""
    return policy_words(h.work, case, {"require": require}, **more)


def plain_policy(**members):
    path = f"{tempfile.mkdtemp(dir=h.work)}/policy.json"
    write(path, json.dumps({"format": 1, **members}), 0o644)
    return ["--policy", path]


def run(layout, *args, ref="", options=(), policy=(), verb=("run",), **more):
    path = layout.path if isinstance(layout, Layout) else layout
    command = [*policy, *verb, *options, path + (f":{ref}" if ref else ""), new_id()]
    return h.hrun(*command, *(["--", *args] if args else []), **more)


def output(layout, *args, **more):
    r = run(layout, *args, **more)
    equal(r.status, 0, f"exit status, stderr {r.err!r}")
    return r.out


def refused(r, *words, status=125):
    equal((r.status, r.out, r.err.count("\n")), (status, "", 1), repr(r))
    for word in words:
        contains(r.err, word)


class created:
    """A created container of an image."""

    def __init__(self, layout, *args, ref="img", policy=()):
        self.id = new_id()
        path = layout.path if isinstance(layout, Layout) else layout
        self.command = [HRUN, *policy, "create", "--image", f"{path}:{ref}", self.id, *(["--", *args] if args else [])]

    def __enter__(self):
        h._live.append(self.id)
        with open(f"{h.work}/{self.id}.err", "w+") as err:
            status = subprocess.run(self.command, stdin=subprocess.DEVNULL, stdout=err, stderr=err, timeout=60).returncode
            err.seek(0)
            equal(status, 0, err.read())
        return self

    def __exit__(self, *_):
        equal(h.hrun("delete", "--force", self.id).status, 0)
        h._live.remove(self.id)

    def state(self):
        return json.loads(h.hrun("state", self.id).out)


# ---- what runs ----


@test
def a_signed_image_runs():
    r = run(f"{SIGNED}/layout", "sh", "-c", "id; cat /proc/self/mountinfo; cat /proc/self/status; touch /x", ref="box", policy=policy_of(SIGNED))
    equal(r.status, 1, repr(r))
    contains(r.err, "Read-only file system")
    contains(r.out, "uid=1000 gid=1000")
    root = mounts_of(0, "\n".join(line for line in r.out.splitlines() if " - " in line))["/"]
    equal((root.type, root.root), ("tmpfs", "/"))
    assert {"ro", "nodev"} <= root.attributes, root
    for line in ("CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
        contains(r.out, line)


@test
def state_says_what_was_verified():
    path = policy_of(SIGNED)
    with created(f"{SIGNED}/layout", "sleep", "1000", ref="box", policy=path) as c:
        s = c.state()
        a = s["annotations"]
        equal((a["org.hrun.image.digest"], a["org.hrun.image.manifest"], a["org.hrun.image.policy"]), (DIGEST, DIGEST, path[1]))
        equal(a["org.hrun.image.signer"], "k1.pub for 127.0.0.1:5102/devr/box-run")
        assert "image-signature-missing" not in a.get("org.hrun.findings", ""), a
        equal(s["bundle"], f"{SIGNED}/layout")
        assert "rootfs" not in s, s
        listed = {r["id"]: r for r in json.loads(h.hrun("list", "--format", "json").out)}
        equal(listed[c.id]["annotations"], a)
    with created(Layout(), "sleep", "1000") as c:
        a = c.state()["annotations"]
        assert a["org.hrun.image.digest"].startswith("sha256:") and "org.hrun.image.signer" not in a and "org.hrun.image.policy" not in a, a


@test
def nothing_lies_under_the_root():
    """The detached file system is the container's and nobody else's: in no mount namespace of the host."""
    device = f'{os.stat(SIGNED).st_dev}'
    with created(f"{SIGNED}/layout", "sleep", "1000", ref="box") as c:
        equal(h.hrun("start", c.id).status, 0)
        pid = c.state()["pid"]
        root = mounts_of(pid)["/"]
        equal(root.type, "tmpfs")
        assert root.device not in {m.device for m in map(h.Mount, read("/proc/self/mountinfo").splitlines())}, (device, root)
        equal(sorted(os.listdir(f"/proc/{pid}/root"))[:2], ["bin", "dev"])
        found = {line.rpartition(" ")[2].strip() for line in read(f"/proc/{pid}/maps").splitlines()}
        assert "/bin/busybox" in found, found


@test
def the_process_is_the_images():
    layout = Layout(busybox(), Entrypoint=["/bin/sh", "-c"], Cmd=["id; env; pwd; cat /proc/self/status; stat -c '%a %U' /work/dir; cat /proc/self/mounts"], User="web",
                    Env=["A=b c", "PATH=/bin"], WorkingDir="/work/dir", Volumes={"/data": {}, "/tmp": {}})
    out = output(layout, ref="img")
    lines = out.splitlines()
    for line in ("Uid:\t33\t33\t33\t33", "Gid:\t44\t44\t44\t44", "Groups:\t55 "):
        assert line in lines, (line, out)
    assert "A=b c" in lines and "PATH=/bin" in lines and "/work/dir" in lines and "755 root" in lines, out
    mounts = [line.split() for line in lines if line.count(" ") == 5]
    equal([m[2] for m in mounts if m[1] == "/data"], ["tmpfs"])
    assert {"nosuid", "nodev", "noexec"} <= set(next(m for m in mounts if m[1] == "/data")[3].split(",")), mounts
    equal(output(Layout(Cmd=["ls", "/proc/self/fd"])), "0\n1\n2\n3\n", "descriptors, the last one is the directory's")
    # Behind "--" stands what takes the place of Cmd.
    equal(output(layout, "echo $0 $1", "zero", "one", ref="img"), "zero one\n")


@test
def stop_signal_and_layers():
    upper = {"bin/.wh.touch": b"", "etc/motd": {"data": b"two", "uid": 7, "gid": 8, "mode": 0o4751}}
    with created(Layout(busybox(), upper, Cmd=["sleep", "1000"], StopSignal="SIGUSR1")) as c:
        equal(c.state()["annotations"]["org.opencontainers.image.stopSignal"], "SIGUSR1")
        equal(h.hrun("start", c.id).status, 0)
        root = f"/proc/{c.state()['pid']}/root"
        st = os.stat(f"{root}/etc/motd")
        equal((read(f"{root}/etc/motd"), st.st_uid, st.st_gid, st.st_mode & 0o7777, st.st_mtime), ("two", 7, 8, 0o4751, 1000000000))
        assert not os.path.lexists(f"{root}/bin/touch") and os.path.lexists(f"{root}/bin/cat")


@test
def users_by_name_and_number():
    for user, found in (("web:extra", "uid=33(web) gid=55(extra)"), ("4321:77", "uid=4321 gid=77"), (None, "uid=1000 gid=1000")):
        contains(output(Layout(Cmd=["id"], **({"User": user} if user else {}))), found)
    refused(run(Layout(Cmd=["id"], User="nobody-here")), "nobody-here")
    # What is wrong by the rules is refused as in a bundle: there is no second way in.
    refused(run(Layout(Cmd=["id"], User="0"), policy=plain_policy(level="restricted")), "user-root")


# ---- what does not run ----


@test
def vectors_that_are_refused():
    """Each case whose image must be rejected: one line, and the runner sees that nothing is left."""
    with open(f"{VECTORS}/index.json") as f:
        names = [e["name"] for e in json.load(f)]
    for name in names:
        with open(f"{VECTORS}/{name}/manifest.json") as f:
            m = json.load(f)
        if m["expect"] != "reject" and m["policy"]["scheme"] not in NOT_BUILT:
            continue
        before = kernel_view()
        options = ["--platform", m["platform"]]
        r = run(f"{VECTORS}/{name}/layout", "x", ref=m["ref"] or "", policy=policy_of(f"{VECTORS}/{name}"), options=options)
        refused(r, "scheme not built" if m["policy"]["scheme"] in NOT_BUILT else "is rejected at ")
        equal(difference(before, kernel_view()), {}, name)
    refused(run(f"{VECTORS}/tamper-layer-bitflip/layout", "x", ref="alpha", verb=("create", "--image")), "is rejected at layer", status=1)


@test
def which_image():
    layout = Layout(Cmd=["echo", "one"])
    equal(output(layout), "one\n")
    equal(output(layout.path, options=["--ref", "img"]), "one\n")
    refused(run(layout, ref="nope"), "nope")
    refused(run(layout, ref="img", options=["--ref", "img"]), "leave one out")
    layout.add(busybox(), ref="other", Cmd=["echo", "two"])
    equal(output(layout, ref="other"), "two\n")
    refused(run(layout), "--ref")
    off = plain_policy(images={"require": "off"})
    one, two = (h.hrun("verify", *off, "--format", "json", "--ref", ref, layout.path) for ref in ("img", "other"))
    equal([(h.hrun("verify", *off, "--format", "json", f"{layout.path}:{ref}").out, r.status) for ref, r in (("img", one), ("other", two))], [(one.out, 0), (two.out, 0)])
    assert one.out != two.out, one.out
    for words, said in (((f"{layout.path}:other", "--ref", "other"), "leave one out"), ((f"{layout.path}:",), "--ref: `` is empty")):
        r = h.hrun("verify", *off, *words)
        equal((r.status, r.out, said in r.err), (3, "", True), repr(r))
    equal(h.hrun("verify", *off, f"{layout.path}:nope").status, 2)
    refused(run(Layout(Cmd=["id"], architecture="s390x")), "s390x")
    contains(output(Layout(Cmd=["id"], architecture="s390x"), options=["--platform", "linux/s390x"]), "uid=1000")
    refused(run(Layout()), "names no program")
    refused(run(layout, ref="other", options=["--platform", "linux"]), "--platform")
    refused(h.hrun("run", "--image", layout.path, "--bundle", layout.path, new_id()), "exclude")
    refused(h.hrun("run", "--image", "/nowhere/at:all", new_id()), "image layout `/nowhere/at`")
    refused(h.hrun("run", "/nowhere/at:all", new_id()), "image layout `/nowhere/at`")
    refused(h.hrun("run", f"{layout.path}:img", new_id(), "echo"), "behind --")
    refused(run(layout, ref="other", options=["--config", "x.json"]), "--config")
    refused(h.hrun("run", "--name", "example.org/a", f"{h.work}/template", new_id()), "for images")
    # The directory's own name may hold a colon.
    os.rename(layout.path, f"{h.work}/a:other")
    equal(output(f"{h.work}/a:other", ref="img"), "one\n")
    equal(h.hrun("verify", *off, "--format", "json", f"{h.work}/a:other:img").out, one.out)
    refused(run(f"{h.work}/a:other"), "--ref")


@test
def under_the_callers_limits():
    """Lower ones than hrun-image would take for itself: a service manager's."""
    for words in (["--cpu=100"], ["--nproc=60"], ["--cpu=100", "--nproc=60"]):
        r = h.hrun("run", Layout(Cmd=["echo", "ran"]).path, new_id(), prefix=["prlimit", *words, "--"])
        equal((r.status, r.out, r.err), (0, "ran\n", ""))


@test
def what_the_policy_asks():
    unsigned = Layout(Cmd=["echo", "ran"])
    warning = run(unsigned, policy=policy_of(SIGNED, require="warn"))
    equal((warning.status, warning.out), (0, "ran\n"))
    contains(warning.err, "images.require is warn")
    equal(output(f"{SIGNED}/layout", "echo", "quiet", ref="box", policy=policy_of(SIGNED, require="warn")), "quiet\n")
    for policy in ((), policy_of(SIGNED, require="off"), plain_policy(images={"require": "off"})):
        equal(output(unsigned, policy=policy), "ran\n")
    refused(run(unsigned, policy=policy_of(SIGNED)), "is rejected at signature", "not signed")
    refused(run(unsigned, policy=plain_policy(images={"require": "signed", "trust": []})), "is rejected at policy", "no rule for this image")
    # Off: nobody's signature, and still every digest.
    refused(run(f"{VECTORS}/tamper-layer-bitflip/layout", "x", ref="alpha", policy=plain_policy(images={"require": "off"})), "is rejected at layer")
    # A policy file that is not root's.
    policy = policy_of(SIGNED)
    os.chown(policy[1], 1000, 1000)
    refused(run(f"{SIGNED}/layout", "echo", ref="box", policy=policy), "policy")
    # Others may write where the image comes from: signed bytes stay what they are, unsigned ones do not.
    os.chmod(unsigned.path, 0o777)
    refused(run(unsigned), "bundle-permissions")
    os.chmod(unsigned.path, 0o755)
    index = f"{unsigned.path}/index.json"
    for mode, owner in ((0o666, 0), (0o664, 0), (0o644, 1000)):
        os.chmod(index, mode)
        os.chown(index, owner, 0)
        refused(run(unsigned), "bundle-permissions", "index.json")
    shutil.copytree(f"{SIGNED}/layout", f"{h.work}/signed-layout")
    os.chmod(f"{h.work}/signed-layout/index.json", 0o666)
    contains(output(f"{h.work}/signed-layout", "id", ref="box", policy=policy_of(SIGNED)), "uid=1000")


@test
def waivers_of_one_image():
    """Only where a trusted key has signed the digest; that it is the same digest is not enough."""
    waiver = {"rule": "rootfs-device-nodes", "match": {"imageDigest": DIGEST}, "reason": "for the test", "owner": "me", "expires": h.days_from_now(30)}
    layout, strict = f"{SIGNED}/layout", {"rules": {"rootfs-device-nodes": "refuse"}}
    refused(run(layout, "id", ref="box", policy=policy_of(SIGNED, **strict)), "rootfs-device-nodes")
    contains(output(layout, "id", ref="box", policy=policy_of(SIGNED, waivers=[waiver], **strict)), "uid=1000")
    refused(run(layout, "id", ref="box", policy=policy_of(SIGNED, require="off", waivers=[waiver], **strict)), "rootfs-device-nodes")
    # exec, which has only the record to go by.
    waivers = [{**waiver, "rule": rule} for rule in ("exec-raises", "caps-dangerous", "caps-not-default")]
    for require, status in (("signed", 0), ("off", 255)):
        with created(layout, "sleep", "1000", ref="box", policy=policy_of(SIGNED, require=require)) as c:
            equal(h.hrun("start", c.id).status, 0)
            r = h.hrun(*policy_of(SIGNED, waivers=waivers), "exec", "--cap", "CAP_SYS_ADMIN", "--user", "0", c.id, "id", "-u")
            equal(r.status, status, f"{require} {r!r}")


# ---- device nodes ----


def devices(word):
    return plain_policy(images={"require": "off", **({"devices": word} if word else {})})


NODES = {"nodes": None, "nodes/sda": {"type": tarfile.BLKTYPE, "device": (8, 0)}, "nodes/again": {"type": tarfile.LNKTYPE, "link": "nodes/sda"},
         "nodes/null": {"type": tarfile.CHRTYPE, "device": (1, 3)}, "nodes/was": {"type": tarfile.CHRTYPE, "device": (1, 5)}}


def image_with_nodes():
    return Layout(busybox() | NODES | {"nodes/file": b"", "nodes/hidden": b""}, {"nodes/.wh.was": {"mode": 0o644}, "nodes/hidden": {"type": tarfile.CHRTYPE}}, Cmd=["ls", "/nodes"])


def verified(layout, policy):
    r = h.hrun("verify", *policy, "--format", "json", layout.path)
    answer = json.loads(r.out)
    equal(sorted(answer), ["configDigest", "devices", "imageDigest", "manifestDigest", "reason", "signatures", "stage", "verdict"])
    return r.status, answer["verdict"], answer["stage"], answer["devices"]


@test
def device_nodes_are_a_refusal_unless_the_policy_drops_them():
    layout = image_with_nodes()
    for policy in (devices(None), devices("refuse"), ()):
        refused(run(layout, policy=policy), "is rejected at unpack", "device node", "nodes/sda")
        if policy:
            equal(verified(layout, policy), (1, "reject", "unpack", {"dropped": 0, "first": None}))
    r = run(layout, policy=devices("drop"))
    equal((r.status, r.out), (0, "file\n"), r.err)
    contains(r.err, "5 device nodes of the image", "`nodes/sda`")
    equal(verified(layout, devices("drop")), (0, "accept", None, {"dropped": 5, "first": "nodes/sda"}))
    contains(h.hrun("verify", *devices("drop"), layout.path).out, "5 left out by the policy, the first is nodes/sda")
    plain = Layout(Cmd=["echo", "ran"])
    r = run(plain, policy=devices("drop"))
    equal((r.out, "device" in r.err, verified(plain, devices("drop"))[3]), ("ran\n", False, {"dropped": 0, "first": None}), r.err)


@test
def what_was_dropped_is_recorded():
    layout = image_with_nodes()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind("/dev/log")
        try:
            with created(layout, "sleep", "1000", policy=devices("drop")) as c:
                found = [f for f in json.loads(read(f"/run/hrun/{c.id}/verdict.json"))["findings"] if f["rule"] == "rootfs-device-nodes"]
                record = json.loads(log.recv(1 << 16).split(b": ", 1)[1])
        finally:
            os.unlink("/dev/log")
    equal([f["action"] for f in found if "5 device nodes" in f["message"] and "nodes/sda" in f["message"]], ["warn"], str(found))
    equal((record["verb"], record["devicesDropped"], "rootfs-device-nodes" in record["rules"]), ("create", 5, True), str(record))


@test
def a_store_keeps_to_the_policy_of_today_about_device_nodes():
    layout, store = image_with_nodes(), new_store()
    options = ["--store", store]
    refused(run(layout, options=options, policy=devices("refuse")), "is rejected at unpack", "device node")
    stored(store, 0)
    for _ in range(2):
        r = run(layout, options=options, policy=devices("drop"))
        equal((r.status, r.out), (0, "file\n"), r.err)
        contains(r.err, "5 device nodes of the image", "`nodes/sda`")
        equal(os.listdir(f"{stored(store)[0]}/rootfs/nodes"), ["file"])
        refused(run(layout, options=options, policy=devices("refuse")), "is rejected at unpack", "images.devices is refuse: nodes/sda")
    # Of an image without any, both take what the other has made.
    for first, then in (("drop", "refuse"), ("refuse", "drop")):
        plain, store = Layout(Cmd=["echo", first]), new_store()
        for word in (first, then):
            r = run(plain, options=["--store", store], policy=devices(word))
            equal((r.out, "device" in r.err), (f"{first}\n", False), r.err)


@test
def a_full_volume():
    layout = Layout(busybox() | {"data": None, "data/much": bytes(65 << 20)}, Cmd=["id"], Volumes={"/data": {}})
    refused(run(layout), "`much`", "raise its option size")


@test
def a_full_root():
    layout = Layout({"big": os.urandom(3 << 20)}, Cmd=["/big"])
    refused(run(layout, options=["--image-size", "1m"]), "is rejected at unpack", "full", "--image-size")
    for size in ("much", "", "0", "00m", "1mm", "1e3", "-1", "5%%", "9" * 30):
        refused(run(layout, options=["--image-size", size]), "--image-size")


# ---- an ordinary user ----

USER = 1000


def as_user(*words, **more):
    """hrun of a user whose layout and whose XDG_RUNTIME_DIR are his own."""
    home = f"{h.work}/home"
    if not os.path.exists(home):
        os.makedirs(f"{home}/runtime", mode=0o755)
        for path in (home, f"{home}/runtime"):
            os.chown(path, USER, USER)
        os.chmod(f"{home}/runtime", 0o700)
    prefix = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", "--"]
    return h.hrun(*words, prefix=prefix, env={**os.environ, "XDG_RUNTIME_DIR": f"{home}/runtime"}, **more)


def of_user(layout):
    for where, directories, files in os.walk(layout.path):
        for name in [where, *(f"{where}/{n}" for n in files)]:
            os.chown(name, USER, USER)
    return layout.path


@test
def an_ordinary_users_image():
    """One id for all of it: no owners, no setuid; the process is root of a namespace that maps the user alone."""
    odd = {"etc/odd": {"data": b"x", "uid": 7, "gid": 8, "mode": 0o4755}}
    path = of_user(Layout(busybox(), odd, Cmd=["sh", "-c", "cat /proc/self/uid_map; stat -c '%u %a' /etc/odd; touch /x; cat /proc/self/mountinfo"]))
    r = as_user("run", path, new_id())
    lines = [line.split() for line in r.out.splitlines()]
    equal((lines[0], lines[1]), (["0", str(USER), "1"], ["0", "755"]), repr(r))
    contains(r.err, "Read-only file system")
    root = mounts_of(0, "\n".join(line for line in r.out.splitlines() if " - " in line))["/"]
    assert root.type == "tmpfs" and {"ro", "nodev"} <= root.attributes, root
    refused(as_user("run", of_user(Layout(busybox(), Cmd=["id"], User="web")), new_id()), "no second id")
    refused(as_user("run", of_user(Layout({"big": os.urandom(3 << 20)}, Cmd=["/big"])), "--image-size", "1m", new_id()), "--image-size")
    # A blob that he may not read, and the index: a refusal, not a crash and not a look with somebody else's rights.
    unreadable = of_user(Layout(Cmd=["id"]))
    blob = max((f"{unreadable}/blobs/sha256/{n}" for n in os.listdir(f"{unreadable}/blobs/sha256")), key=os.path.getsize)
    for path, stage in ((blob, "layer"), (f"{unreadable}/index.json", "index")):
        os.chown(path, 0, 0)
        os.chmod(path, 0o600)
        refused(as_user("run", unreadable, new_id()), f"is rejected at {stage}" if stage == "layer" else "index.json")
    # Signed by whom the policy trusts: a layout that is somebody else's.
    r = as_user(*policy_of(SIGNED), "run", f"{SIGNED}/layout:box", new_id(), "--", "id")
    equal(r.status, 0, r.err)
    contains(r.out, "uid=0(root) gid=0")
    shutil.rmtree(f"{h.work}/home")


# ---- what interrupts ----


@test
def signals_in_the_middle():
    layout = Layout({"big": os.urandom(32 << 20)}, Cmd=["/big"])
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        before = kernel_view()
        p = subprocess.Popen([HRUN, "run", layout.path, new_id()], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        both = {}

        def stopped():
            both.update(children(p.pid))
            if "hrun-tree" in both:
                os.kill(both["hrun-tree"], signal.SIGSTOP)
            return {"hrun-tree", "hrun-image"} <= both.keys()
        eventually(stopped, "both programs at work", 0.001)
        p.send_signal(number)
        out = p.communicate(timeout=30)[0]
        equal((p.returncode, out), (-number, ""), number.name)
        nothing_left(before)


@test
def a_layout_that_changes():
    """Whatever is written meanwhile: the image that was named, or none."""
    layout = Layout(busybox() | {"etc/word": b"right" * 100000}, Cmd=["cat", "/etc/word"])
    name = layout.largest()
    with open(name, "rb") as f:
        good = f.read()
    stop = threading.Event()

    def scribble():
        n = 0
        while not stop.is_set():
            n += 1
            with open(name, "r+b") as f:
                f.seek(n * 7919 % len(good))
                f.write(b"x" if n % 3 else good[:1])
                f.seek(0)
                f.write(good if n % 2 else good[:100])
    thread = threading.Thread(target=scribble)
    thread.start()
    try:
        for _ in range(12):
            r = run(layout)
            assert (r.status, r.out) == (0, "right" * 100000) or (r.status == 125 and r.out == "" and "is rejected at" in r.err), r.err
    finally:
        stop.set()
        thread.join()


# ---- the store ----


def new_store():
    """A name; whoever makes it is the first run."""
    return f"{tempfile.mkdtemp(dir=h.work)}/store"


def stored(store, entries=1):
    """What a store holds when nobody is at it."""
    names = sorted(os.listdir(store))
    equal((len(names), names[0], os.listdir(f"{store}/new")), (entries + 1, "new", []))
    return [f"{store}/{name}" for name in names[1:]]


def everything(path):
    """Each file below PATH with what could be changed of it."""
    found = {}
    for where, folders, names in os.walk(path):
        for name in [where] + [f"{where}/{n}" for n in folders + names]:
            st = os.lstat(name)
            found[os.path.relpath(name, path)] = (st.st_mode, st.st_uid, st.st_gid, st.st_size, st.st_mtime_ns, st.st_ctime_ns)
    return found


@test
def from_the_store():
    """The same container as from memory, the second time from a layout that has lost its layers."""
    script = "id; env | grep -v HOSTNAME; pwd; for d in / /data /work/dir /etc/passwd /run; do stat -c '%n %a %U %G' $d; done; cat /data/kept; touch /data/new && ls /data; " \
        "grep -E '^(Cap|Uid|Gid|Groups|Seccomp:|NoNewPrivs)' /proc/self/status"
    layout = Layout(busybox() | {"data": None, "data/kept": b"kept"}, Entrypoint=["sh", "-c"], Cmd=[script], User="web", Env=["A=b", "PATH=/bin"], WorkingDir="/work/dir",
                    Volumes={"/data": {}, "/more/data": {}})
    store = new_store()
    in_memory = output(layout)
    first = output(layout, options=["--store", store])
    equal(first, in_memory)
    entry = stored(store)[0]
    before = everything(entry)
    os.unlink(layout.largest())
    refused(run(layout), "is rejected at layer", "absent")
    equal(output(layout, options=["--store", store]), in_memory)
    equal(everything(entry), before)
    r = run(Layout(), "touch", "/x", "/work", "/etc/passwd", options=["--store", store])
    equal((r.status, r.err.count("Read-only file system")), (1, 3), repr(r))
    stored(store, 2)
    for source in (store, entry, f"{entry}/rootfs/data"):
        r = h.run(h.Bundle("true").mount("/volume", "bind", source, ["bind", "nosuid", "nodev"]))
        equal(r.status, 125)
        contains(r.err, "[mount-engine-state]", source)


@test
def the_stores_root():
    """A read-only clone of the entry, without devices, that nobody outside has mounted."""
    store = new_store()
    mounts = read("/proc/self/mountinfo")
    words = ["--store", store, f"{SIGNED}/layout:box"]
    for _ in range(2):
        container = new_id()
        equal(h.hrun(*policy_of(SIGNED), "create", *words[:2], "--image", words[2], container, "--", "sleep", "1000").status, 0)
        h._live.append(container)
        equal(h.hrun("start", container).status, 0)
        state = json.loads(h.hrun("state", container).out)
        root = mounts_of(state["pid"])["/"]
        assert {"ro", "nodev"} <= root.attributes and root.root.endswith(f"/store/sha256-{DIGEST[7:]}/rootfs"), root
        equal((state["annotations"]["org.hrun.image.manifest"], state["annotations"]["org.hrun.image.signer"]), (DIGEST, "k1.pub for 127.0.0.1:5102/devr/box-run"))
        equal(read("/proc/self/mountinfo"), mounts)
        equal(h.hrun("delete", "--force", container).status, 0)
        h._live.remove(container)


@test
def a_store_trusts_nobody():
    """What is in the store does not start unless it is signed, today and by whom the policy trusts today."""
    store = new_store()
    options = ["--store", store]
    layout = tempfile.mkdtemp(dir=h.work) + "/layout"
    shutil.copytree(f"{SIGNED}/layout", layout)

    def box(policy, name=layout):
        return run(name, "echo", "ran", ref="box", options=options, policy=policy)
    equal(box(policy_of(SIGNED)).out, "ran\n")
    equal(box(policy_of(SIGNED)).out, "ran\n")
    refused(box(policy_of(f"{VECTORS}/python-image-valid")), "is rejected at ")
    refused(box(plain_policy(images={"require": "signed", "trust": []})), "is rejected at policy")
    for where, _, names in os.walk(f"{layout}/blobs"):
        for path in (f"{where}/{name}" for name in names):
            with open(path, "rb") as f:
                text = f.read()
            if b"dev.cosignproject.cosign/signature" in text:
                changed = re.sub(rb'("dev.cosignproject.cosign/signature": ?")(.)', lambda m: m.group(1) + (b"N" if m.group(2) != b"N" else b"M"), text)
                assert changed != text
                with open(path, "wb") as f:
                    f.write(changed)
    refused(box(policy_of(SIGNED)), "is rejected at signature")
    # Nobody's signature is asked for: then that of nobody is missing.
    equal(box(policy_of(SIGNED, require="off")).out, "ran\n")
    warned = box(policy_of(SIGNED, require="warn"))
    equal((warned.out, "images.require is warn" in warned.err), ("ran\n", True), warned.err)
    stored(store)
    # A layer that is wrong is never put there.
    for name, stage in (("tamper-layer-bitflip", "layer"), ("diffid-mismatch", "layer")):
        with open(f"{VECTORS}/{name}/manifest.json") as f:
            ref = json.load(f)["ref"]
        refused(run(f"{VECTORS}/{name}/layout", "x", ref=ref, options=options, policy=plain_policy(images={"require": "off"})), f"is rejected at {stage}")
    stored(store)


@test
def what_is_no_store():
    layout, store = Layout(Cmd=["echo", "ran"]), new_store()
    output(layout, options=["--store", store])
    os.chmod(store, 0o755)
    refused(run(layout, options=["--store", store]), "chmod 0700")
    os.chmod(store, 0o700)
    os.symlink(store, f"{h.work}/link-to-store")
    refused(run(layout, options=["--store", f"{h.work}/link-to-store"]), "symbolic link")
    refused(run(layout, options=["--store", "/tmp/store"]), "writable by")
    refused(run(layout, options=["--store", store, "--image-size", "1m"]), "leave one out")
    refused(h.hrun("run", "--store", store, f"{h.work}/template", new_id()), "for images")
    entry = stored(store)[0]
    os.rmdir(f"{entry}/rootfs/run")
    refused(run(layout, options=["--store", store]), "another version of hrun", "remove it")
    shutil.rmtree(entry)
    equal(output(layout, options=["--store", store]), "ran\n")
    # Two containers of one image could talk through it: a FIFO can be written to on a read-only mount.
    pipe = Layout(busybox() | {"pipe": {"type": tarfile.FIFOTYPE, "mode": 0o666}}, Cmd=["stat", "-c", "%F", "/pipe"])
    refused(run(pipe, options=["--store", store]), "is rejected at unpack", "pipe is a FIFO", "without --store")
    equal(output(pipe), "fifo\n")
    stored(store)
    small = tempfile.mkdtemp(dir=h.work)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700,noexec", "test", small], check=True)
    refused(run(layout, options=["--store", small]), "noexec")
    subprocess.run(["umount", small], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700,size=1m", "test", small], check=True)
    refused(run(layout, options=["--store", small]), "is rejected at unpack", "full", "give the store more room")
    equal(os.listdir(f"{small}/new"), [])
    subprocess.run(["umount", small], check=True)


@test
def a_disk_that_fails():
    """What cannot be written to the disk is no entry."""
    number = {"x86_64": 306, "aarch64": 267}.get(os.uname().machine)  # syncfs
    layout, store = Layout(Cmd=["echo", "ran"]), new_store()
    inject = [f"{os.environ['TOP']}/build/tests/fault/inject", "--call", str(number), "--at", "1", "--errno", "5", "--"]
    # Who is traced cannot be looked through for leaks.
    done = subprocess.run([*inject, HRUN, "run", "--store", store, layout.path, new_id()], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    equal((done.returncode, done.stdout, done.stderr.count("\n")), (125, "", 1), done.stderr)
    contains(done.stderr, "to the disk")
    equal((os.listdir(store), os.listdir(f"{store}/new")), (["new"], []))


@test
def many_at_once():
    """Who comes second waits; all get the same root."""
    layout, store = Layout(busybox() | {"big": os.urandom(8 << 20)}, Cmd=["stat", "-c", "%i", "/big"]), new_store()
    runs = [subprocess.Popen([HRUN, "run", "--store", store, layout.path, new_id()], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(6)]
    ended = [(*p.communicate(timeout=100), p.returncode) for p in runs]
    inode = os.stat(f"{stored(store)[0]}/rootfs/big").st_ino
    equal(ended, [(f"{inode}\n", "", 0)] * 6)


@test
def signals_at_a_store():
    layout, store = Layout(busybox() | {"big": os.urandom(8 << 20)}, Cmd=["echo", "ran"]), new_store()
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        before = kernel_view()
        p = subprocess.Popen([HRUN, "run", "--store", store, layout.path, new_id()], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        eventually(lambda: os.path.exists(f"{store}/new") and os.listdir(f"{store}/new"), "an entry that is being made", 0.001)
        p.send_signal(number)
        # A sanitizer build leaves hrun-image its stderr, where it says that its hrun is gone.
        out = p.communicate(timeout=30)[0].replace("hrun-image: no request came; it is started by hrun\n", "")
        if p.returncode == 0:
            continue  # it was faster
        equal((p.returncode, out), (-number, ""), number.name)
        nothing_left(before)
        equal([n for n in os.listdir(store) if n != "new"], [])
        equal(output(layout, options=["--store", store]), "ran\n")
        shutil.rmtree(stored(store)[0])


# ---- how far it is ----


def on_a_terminal(words, slow):
    """What HRUN prints on a terminal; SLOW: hrun-image is held until more than half a second has passed."""
    ours, theirs = pty.openpty()
    p = subprocess.Popen([HRUN, *words], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    if slow:
        found = {}

        def there():
            found.update(children(p.pid))
            return "hrun-image" in found
        eventually(there, "hrun-image at work", 0.001)
        os.kill(found["hrun-image"], signal.SIGSTOP)
        time.sleep(0.7)
        os.kill(found["hrun-image"], signal.SIGCONT)
    text = b""
    try:
        while data := os.read(ours, 65536):
            text += data
    except OSError:  # EIO: nobody has the other end any more
        pass
    os.close(ours)
    return p.wait(30), text.decode()


def shown(text):
    """What a terminal shows of it in the end."""
    lines = []
    for line in text.split("\n"):
        cells = []
        for part in line.split("\r"):
            cells[:len(part)] = part
        lines.append("".join(cells).rstrip())
    return "\n".join(lines)


@test
def progress_on_a_terminal():
    layout = Layout(busybox() | {"big": os.urandom(40 << 20)}, Cmd=["echo", "ran"])
    policy = plain_policy(images={"require": "off"})
    words = [*policy, "run", layout.path, new_id()]
    status, text = on_a_terminal(words, slow=True)
    equal(status, 0, text)
    assert re.search(r"\r\[#*\.+\] \d+ of 4\d MB verified, \d+ MB/s, layer 1 of 1", text), text
    # Findings are told on a terminal; of the bar nothing stays.
    assert shown(text).endswith("\nran\n") and "verified" not in shown(text), repr(shown(text))
    status, text = on_a_terminal(["verify", *policy, layout.path], slow=True)
    assert status == 0 and "layer 1 of 1" in text and "layer 1" not in shown(text), text
    # Not on a terminal: nothing, however long it takes.
    equal(h.hrun(*words[:-1], new_id()).err, "")
    # A small one says nothing at all.
    status, text = on_a_terminal([*policy, "run", f"{SIGNED}/layout:box", new_id(), "--", "true"], slow=False)
    assert "verified" not in text, text


# ---- where the programs are ----


def make_install(top):
    make = subprocess.run(["make", "-s", "install", f"BUILD={BUILD}", f"DESTDIR={top}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, cwd=os.environ["TOP"], timeout=100)
    equal(make.returncode, 0, make.stdout)


@test
def installed_and_moved():
    """From /usr/local as installed; moved elsewhere, with what belongs to it and without."""
    top = tempfile.mkdtemp(dir=h.work)
    os.chmod(top, 0o755)
    for name in ("hrun", "libexec/hrun/hrun-image", "libexec/hrun/hrun-tree"):
        os.makedirs(os.path.dirname(f"{top}/usr/local/bin/{name}"), exist_ok=True)
    bin_, libexec = f"{top}/usr/local/bin", f"{top}/usr/local/libexec/hrun"
    shutil.rmtree(f"{bin_}/libexec")
    os.makedirs(libexec)
    shutil.copy(HRUN, f"{bin_}/hrun")
    for name in ("hrun-image", "hrun-tree"):
        shutil.copy(f"{BUILD}/libexec/hrun/{name}", libexec)
    words = ["run", f"{SIGNED}/layout:box"]

    def call(program, name=None, prefix=()):
        return subprocess.run([*prefix, name or program, *words, new_id(), "--", "echo", "ran"], executable=None if prefix else program,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, cwd="/")
    r = call(f"{bin_}/hrun")
    assert r.returncode == 125 and "missing in /usr/local/libexec/hrun" in r.stderr, r
    # What somebody calls himself is no proof of where he lies, with or without a second round.
    r = call(f"{bin_}/hrun", name=HRUN)
    assert r.returncode == 125 and "missing in /usr/local/libexec/hrun" in r.stderr, r
    subprocess.run(["mount", "--bind", bin_, bin_], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", bin_], check=True)
    r = call(f"{bin_}/hrun", name=HRUN)
    subprocess.run(["umount", bin_], check=True)
    assert r.returncode == 125 and "missing in /usr/local/libexec/hrun" in r.stderr, r
    subprocess.run(["mount", "--bind", f"{top}/usr/local", "/usr/local"], check=True)
    try:
        for name in ("/usr/local/bin/hrun", "hrun", "/elsewhere/hrun"):
            r = call("/usr/local/bin/hrun", name=name)
            equal((r.returncode, r.stdout), (0, "ran\n"), r.stderr)
    finally:
        subprocess.run(["umount", "/usr/local"], check=True)
    for name in (HRUN, os.path.relpath(HRUN, "/"), "hrun"):
        r = call(HRUN, name=name)
        equal((r.returncode, r.stdout), (0, "ran\n"), r.stderr)


main()
