#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 900
# tree: sid cosign,docker-registry,notation,openssl,oras,python3,skopeo,systemd-standalone-sysusers,systemd-standalone-tmpfiles,umoci
"""New images, signed with new keys by cosign, notation and skopeo of Debian sid: hrun takes each with its key, and with no other; what it unpacks is
what umoci unpacks; and with any file of a layout changed it refuses, or the very same files come out.  SEED=N repeats a run.
"""
import json
import os
import random
import shutil
import subprocess
import sys

TOP, TESTS, BUILD = (os.environ[name] for name in ("TOP", "TESTS", "BUILD"))
sys.path.insert(0, f"{TESTS}/image")
from layout import Tampering, difference, policy_file, snapshot, unpack, verdict_of, verify  # noqa: E402

SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
RANDOM_FLIPS = 3


def outside():
    """The tools work in the tree, hrun on this machine: both isolated."""
    if os.geteuid() != 0:
        print("needs root")
        return 77
    work = f"{BUILD}/roundtrip-{os.getpid()}"
    isolate, script = f"{TOP}/build/tests/isolate", os.path.abspath(__file__)
    os.makedirs(f"{work}/tree")
    os.makedirs(f"{work}/out")
    print(f"SEED={SEED}", flush=True)
    try:
        subprocess.run(["tar", "-xf", os.environ["TREE"], "-C", f"{work}/tree", "--exclude=./dev/*"], check=True)
        tools = subprocess.run([isolate, "--root", f"{work}/tree", "--", "python3", f"{TESTS}/roundtrip/tools.py", f"{work}/out", str(SEED)], cwd=TOP)
        if tools.returncode:
            return tools.returncode
        return subprocess.run([isolate, "--", script, "--inside", f"{work}/out", str(SEED)], cwd=TOP).returncode
    finally:
        shutil.rmtree(work, ignore_errors=True)


class Case:
    def __init__(self, out, about):
        self.out, self.about, self.layout = out, about, f"{out}/{about['name']}"

    def verify(self, policy):
        path = f"{self.out}/policy.json"
        with open(path, "w") as file:
            json.dump(policy_file(policy), file)
        return verify(self.layout, path, self.about["ref"])

    def refused(self):
        answer, problem = verdict_of(self.verify(self.about["wrong"]))
        return problem or ("" if answer["verdict"] == "reject" and answer["stage"] in ("signature", "policy") else f"another key or name: {answer}")

    def files(self, answer, reference):
        target = f"{self.out}/files"
        os.mkdir(target)
        problem = unpack(self.layout, answer, target)
        problem = problem or difference(snapshot(target), reference)
        subprocess.run(["rm", "-rf", target], check=True)
        return problem

    def problems(self, reference):
        answer, problem = verdict_of(self.verify(self.about["policy"]))
        if problem or answer["verdict"] != "accept":
            return [problem or f"{answer}"]
        found = [p for p in (self.refused(), self.files(answer, reference)) if p]
        if found:
            return found
        done = Tampering(self.layout, lambda: self.verify(self.about["policy"]), self.out).run(SEED, RANDOM_FLIPS)
        print(f"# {done.refused} refused, {done.accepted} accepted with the same files")
        return done.problems


def inside(out):
    with open(f"{out}/cases.json") as file:
        cases = json.load(file)
    with open(f"{out}/reference.json") as file:
        reference = json.load(file)
    failed = 0
    for about in cases:
        problems = Case(out, about).problems(reference)
        failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} - {about['name']}" + "".join(f": {p}" for p in problems[:5]), flush=True)
    return 1 if failed or not cases else 0


if len(sys.argv) > 2 and sys.argv[1] == "--inside":
    SEED = int(sys.argv[3])
    sys.exit(inside(sys.argv[2]))
sys.exit(outside())
