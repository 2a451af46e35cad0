#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""Every case of tests/vectors comes out as its manifest says, at the stage that it says or an earlier one.

Twice: by the driver, which needs no policy file, and by `hrun verify --policy` as a user would.
Once more with the policy of the tool that made it, taken as it is (trustFrom).
And without a byte of its layers: what is wrong with these is not found then, and nobody is told that the image is right.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import common
from common import report, trust_of

TESTS, BUILD, HRUN = (os.environ[name] for name in ("TESTS", "BUILD", "HRUN"))
STAGES = ["index", "signature", "policy", "manifest", "config", "layer", "unpack"]
NOT_BUILT = ("cosign-keyless", "gpg")


def load(name):
    return json.load(open(f"{TESTS}/vectors/{name}/manifest.json"))


def requirement(case, policy):
    """The driver's words for the neutral policy."""
    if policy["scheme"] == "cosign-key":
        identity = policy.get("identity") or {"type": "any"}
        value = identity.get("dockerRepository") or identity.get("dockerReference") or ""
        keys = [f"{case}/{k}" for k in policy["keys"]]
        return ["cosign-key", str(policy.get("threshold", 1)), identity["type"], value, *keys, ";"]
    return ["notation", policy["level"], *(f"{case}/{c}" for c in policy["ca"]), ",", *policy["trusted_identities"], ";"]


def drive(case, manifest, *options, layout=None):
    command = [f"{BUILD}/tests/image/drive", *options, "-d", f"{BUILD}/libexec/hrun", "-p", manifest["platform"]]
    if manifest["ref"]:
        command += ["-r", manifest["ref"]]
    command += [layout or f"{case}/layout", *requirement(case, manifest["policy"])]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def verify(case, manifest, trust_from=None):
    with tempfile.TemporaryDirectory() as directory:
        for name in manifest["policy"].get("keys", []):
            shutil.copy(f"{case}/{name}", directory)
        for name in manifest["policy"].get("ca", []):
            place = f"{directory}/truststore/x509/ca/hrun" if trust_from else directory
            os.makedirs(place, exist_ok=True)
            shutil.copy(f"{case}/{name}", place)
        path = f"{directory}/hrun-policy.json"
        images = {"trust": [trust_of(manifest["policy"])]}
        if trust_from:
            shutil.copyfile(f"{case}/{trust_from}", f"{directory}/{trust_from}")
            images = {"trustFrom": trust_from}
        with open(path, "w") as f:
            json.dump({"images": {"require": "signed", **images}}, f)
        command = [HRUN, "verify", "--policy", path, "--platform", manifest["platform"], "--format", "json"]
        if manifest["ref"]:
            command += ["--ref", manifest["ref"]]
        return subprocess.run([*command, f"{case}/layout"], capture_output=True, text=True, timeout=60)


def verify_as_the_tool(case, manifest):
    return verify(case, manifest, "policy.json" if os.path.exists(f"{case}/policy.json") else "trustpolicy.json")


def judge(manifest, done):
    """What is wrong with this outcome, or ""."""
    expect, stage = manifest["expect"], manifest["stage"]
    if manifest["policy"]["scheme"] in NOT_BUILT:
        return "" if done.returncode in (1, 3) and "scheme not built" in done.stdout + done.stderr else f"scheme not built, but {done.returncode} {done.stdout}{done.stderr}"
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return f"exit status {done.returncode}: {done.stderr.strip()[:200]}"
    verdict, found, reason = answer["verdict"], answer["stage"], answer["reason"]
    said = f"{verdict} at {found}: {reason}"
    if done.returncode != {"accept": 0, "reject": 1, "malformed": 2}[verdict]:
        return f"{said}: exit status {done.returncode}"
    if verdict == "reject" and ("hrun-image" in reason or found is None):
        return said
    if verdict == "accept" and (answer["imageDigest"] != manifest["image_digest"] or not any(s["ok"] for s in answer["signatures"])):
        return f"accepted, but {done.stdout}"
    if expect in ("either", "contained"):
        return "" if verdict in ("accept", "reject") else said
    if expect != verdict:
        return f"{expect} expected, {said}"
    if expect == "reject" and STAGES.index(found) > STAGES.index(stage):
        return f"stage {stage} expected, {said}"
    return ""


def layers_of(layout, digest):
    """The digests of all layers below a manifest or index; what cannot be read has none."""
    try:
        document = json.load(open(f"{layout}/blobs/sha256/{digest[7:]}"))
        children = [layer for child in document.get("manifests", []) for layer in layers_of(layout, child["digest"])]
        return children + [layer["digest"] for layer in document.get("layers", [])]
    except (OSError, ValueError, KeyError, AttributeError):
        return []


def documents(case, manifest):
    """IMAGE_DOCUMENTS: the same verdict as ever up to the config, from a layout that has lost its layers."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        layout = f"{directory}/layout"
        shutil.copytree(f"{case}/layout", layout, symlinks=True)
        for digest in layers_of(layout, manifest["image_digest"]):
            try:
                os.unlink(f"{layout}/blobs/sha256/{digest[7:]}")
            except FileNotFoundError:
                pass
        return drive(case, manifest, "-D", layout=layout)


def judge_documents(case, manifest, done):
    answer, whole = json.loads(done.stdout), json.loads(drive(case, manifest).stdout)
    unread = answer["verdict"] == "layers-unread"
    if unread != (done.returncode == 4) or "accept" in answer["verdict"]:
        return f"{done.returncode} {answer}"
    if whole["verdict"] == "accept" or whole["stage"] in ("layer", "unpack"):
        same = all(answer[key] == whole[key] for key in ("imageDigest", "manifestDigest", "configDigest", "signatures"))
        return "" if unread and same else f"layers-unread expected, {answer}, {whole}"
    return "" if answer == whole else f"{answer}, but with layers {whole}"


def run(how, name, manifest, call):
    case = f"{TESTS}/vectors/{name}"
    if manifest["policy"]["scheme"] in NOT_BUILT and call not in (verify, verify_as_the_tool):
        return
    done = call(case, manifest)
    problem = judge_documents(case, manifest, done) if call is documents else judge(manifest, done)
    report(f"{how} {name}", problem)


def main():
    names = sys.argv[1:] or [entry["name"] for entry in json.load(open(f"{TESTS}/vectors/index.json"))]
    for name in names:
        manifest = load(name)
        run("drive", name, manifest, drive)
        run("verify", name, manifest, verify)
        if any(os.path.exists(f"{TESTS}/vectors/{name}/{policy}") for policy in ("policy.json", "trustpolicy.json")):
            run("trustFrom", name, manifest, verify_as_the_tool)
        run("documents", name, manifest, documents)
    return 1 if common.failed else 0


sys.exit(main())
