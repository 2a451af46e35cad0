#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""Every case of tests/vectors comes out as its manifest says, at the stage that it says or an earlier one.

Twice: by the driver, which needs no policy file, and by `hrun verify --policy` as a user would.
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


def drive(case, manifest):
    command = [f"{BUILD}/tests/image/drive", "-d", f"{BUILD}/libexec/hrun", "-p", manifest["platform"]]
    if manifest["ref"]:
        command += ["-r", manifest["ref"]]
    command += [f"{case}/layout", *requirement(case, manifest["policy"])]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def verify(case, manifest):
    with tempfile.TemporaryDirectory() as directory:
        for name in manifest["policy"].get("keys", []) + manifest["policy"].get("ca", []):
            shutil.copy(f"{case}/{name}", directory)
        path = f"{directory}/hrun-policy.json"
        json.dump({"images": {"require": "signed", "trust": [trust_of(manifest["policy"])]}}, open(path, "w"))
        command = [HRUN, "verify", "--policy", path, "--platform", manifest["platform"], "--format", "json"]
        if manifest["ref"]:
            command += ["--ref", manifest["ref"]]
        return subprocess.run([*command, f"{case}/layout"], capture_output=True, text=True, timeout=60)


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


def run(how, name, manifest, call):
    case = f"{TESTS}/vectors/{name}"
    if manifest["policy"]["scheme"] in NOT_BUILT and call is drive:
        return
    problem = judge(manifest, call(case, manifest))
    report(f"{how} {name}", problem)


def main():
    names = sys.argv[1:] or [entry["name"] for entry in json.load(open(f"{TESTS}/vectors/index.json"))]
    for name in names:
        manifest = load(name)
        run("drive", name, manifest, drive)
        run("verify", name, manifest, verify)
    return 1 if common.failed else 0


sys.exit(main())
