#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 400
"""Layouts of the real tools with one file changed: flipped bits, cut, longer, empty, exchanged, gone.  Each is refused, or the very same files come out.

The positions are random; SEED=N repeats a run.
"""
import json
import os
import random
import shutil
import sys
import tempfile

from layout import Tampering, policy_file, verify

VECTORS = f"{os.environ['TESTS']}/vectors"
CASES = ("cosign3-bundle-p256-valid", "cosign25-legacy-p256-multilayer-valid", "index-signed-recursive-bundle-valid", "notation-jws-valid",
         "notation-cose-valid", "skopeo-sigstore-valid", "layout-cosign-save-legacy-valid", "layout-oras-bundle-valid",
         "bundle-referrers-tag-index-valid", "legacy-threshold-2of3-valid")
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1 << 32))
SANITIZED = bool(os.environ.get("SANITIZED"))
RANDOM_FLIPS = 1 if SANITIZED else 3


def try_case(name):
    with open(f"{VECTORS}/{name}/manifest.json") as file:
        manifest = json.load(file)
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        layout, policy = f"{directory}/layout", f"{directory}/policy.json"
        shutil.copytree(f"{VECTORS}/{name}/layout", layout)
        for key in manifest["policy"].get("keys", []) + manifest["policy"].get("ca", []):
            shutil.copy(f"{VECTORS}/{name}/{key}", directory)
        with open(policy, "w") as file:
            json.dump(policy_file(manifest["policy"]), file)
        done = Tampering(layout, lambda: verify(layout, policy, manifest["ref"], manifest["platform"]), directory).run(SEED, RANDOM_FLIPS)
    if not done.problems and not done.refused:
        done.problems.append("nothing was refused")
    return done


def main():
    failed = 0
    print(f"SEED={SEED}")
    for name in sys.argv[1:] or (CASES[:5] if SANITIZED else CASES):
        done = try_case(name)
        failed += bool(done.problems)
        print(f"{'not ok' if done.problems else 'ok'} - {name}" + "".join(f": {p}" for p in done.problems[:5]), flush=True)
        print(f"# {done.refused} refused, {done.accepted} accepted with the same files")
    return 1 if failed else 0


sys.exit(main())
