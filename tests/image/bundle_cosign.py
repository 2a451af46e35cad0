#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# tree: sid cosign,docker-registry,notation,openssl,oras,python3,skopeo,systemd-standalone-sysusers,systemd-standalone-tmpfiles,umoci
# timeout: 300
"""The signatures of hrun sign, checked by cosign: with each type of key that it can do this with it takes the list and config.json, and nothing else."""
import json
import os
import subprocess
import sys
import tempfile

HRUN = os.environ["HRUN"]
if os.geteuid() != 0:
    print("cosign runs in a tree of its own: root is needed")
    sys.exit(77)
failed = 0
tree = tempfile.mkdtemp()
PARTS = ["./lib", "./lib64", "./usr/lib64", "./usr/bin/cosign"] + [
    f"./usr/lib/x86_64-linux-gnu/{n}" for n in ("ld-linux-x86-64.so.2", "lib[cm].so.6", "libresolv.so.2", "libpthread.so.0", "libdl.so.2", "libgcc_s.so.1")]


def report(name, problem=""):
    global failed
    failed += bool(problem)
    print(f"not ok - {name}: {problem}".replace("\n", "\\n") if problem else f"ok - {name}", flush=True)


def cosign(key, signature, blob, kind="urn:hrun:bundle:1"):
    words = ["verify-blob-attestation", "--key", f"/tmp/{key}.pub", "--bundle", f"/tmp/bundle/{signature}", "--type", kind,
             "--insecure-ignore-tlog=true", f"/tmp/bundle/{blob}"]
    return subprocess.run(["chroot", tree, "/usr/bin/cosign", *words], capture_output=True, text=True, timeout=60, env=dict(os.environ, HOME="/tmp"))


# The machine's architecture decides where the libraries are; cosign needs few.
subprocess.run(["tar", "-C", tree, "-xf", os.environ["TREE"], "--wildcards", *PARTS], stderr=subprocess.DEVNULL)
if subprocess.run(["chroot", tree, "/usr/bin/cosign", "version"], capture_output=True).returncode != 0:
    print("cosign of the tree does not start here")
    sys.exit(77)
tmp = f"{tree}/tmp"
os.makedirs(f"{tmp}/bundle/rootfs")
with open(f"{tmp}/bundle/rootfs/file", "w") as f:
    f.write("content")
subprocess.run([HRUN, "spec", "-b", f"{tmp}/bundle"], check=True, stderr=subprocess.DEVNULL)
# (Of an attestation by P-384 or P-521 cosign 3.1 takes SHA-256 whatever the key; it has no option for another one there.)
for kind in ("p256", "ed25519", "rsa"):
    subprocess.run([HRUN, "keygen", "--type", kind, "--out", f"{tmp}/{kind}"], check=True, stdout=subprocess.DEVNULL)
    before = set(os.listdir(f"{tmp}/bundle"))
    subprocess.run([HRUN, "sign", "--key", f"{tmp}/{kind}", f"{tmp}/bundle"], check=True, stdout=subprocess.DEVNULL)
    name = next(n for n in set(os.listdir(f"{tmp}/bundle")) - before if n.endswith(".json"))
    for blob in ("rootfs.tree", "config.json"):
        done = cosign(kind, name, blob)
        report(f"cosign takes {kind}: {blob}", "" if done.returncode == 0 else done.stderr)
    done = cosign(kind, name, "rootfs/file")
    report(f"cosign refuses {kind} for another file", "" if done.returncode != 0 else done.stdout)
    if kind != "p256":
        done = cosign("p256", name, "rootfs.tree")
        report(f"cosign refuses {kind} by another key", "" if done.returncode != 0 else done.stdout)
    document = json.load(open(f"{tmp}/bundle/{name}"))
    report(f"{kind}: one signature", "" if len(document["dsseEnvelope"]["signatures"]) == 1 else str(document))
# A root that is a file: of its superblock as much as hrun looks at.
with open(f"{tmp}/bundle/rootfs.erofs", "wb") as f:
    f.write(bytes(1024) + bytes.fromhex("e2e1f5e0") + bytes(5000))
with open(f"{tmp}/bundle/config.json") as f:
    config = json.load(f)
config["root"] = {"path": "rootfs.erofs", "readonly": True}
with open(f"{tmp}/bundle/config.json", "w") as f:
    json.dump(config, f)
subprocess.run([HRUN, "sign", "--force", "--key", f"{tmp}/p256", f"{tmp}/bundle"], check=True, stdout=subprocess.DEVNULL)
name = max((n for n in os.listdir(f"{tmp}/bundle") if n.endswith(".sigstore.json")), key=lambda n: os.stat(f"{tmp}/bundle/{n}").st_mtime_ns)
for blob in ("rootfs.erofs", "config.json"):
    done = cosign("p256", name, blob, "urn:hrun:bundle:2")
    report(f"cosign takes a file: {blob}", "" if done.returncode == 0 else done.stderr)
done = cosign("p256", name, "rootfs.erofs")
report("cosign refuses it as the other format", "" if done.returncode != 0 else done.stdout)
sys.exit(1 if failed else 0)
