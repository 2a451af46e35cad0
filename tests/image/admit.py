#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""images.denyDigests, allowDigests and notBefore: the same answer for verify, run, create and a second start from the store."""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, f"{os.environ['TESTS']}/sandbox")
if os.geteuid() != 0:
    print("an image is unpacked by root")
    sys.exit(77)
import hrun as h
from common import policy_words
from hrun import HRUN, contains, equal, main, new_id, test, write

VECTORS = f"{os.environ['TESTS']}/vectors"
BOX, INDEX = f"{VECTORS}/busybox-runnable-valid", f"{VECTORS}/index-signed-legacy-valid"
DIGEST = "sha256:d1826a1bf56b53a1bfd110f73d40a7873406ff30ac4fd20e82c254c7e5fc1978"
OTHER = "sha256:" + "0" * 64
CREATED = "2025-10-09T08:53:20Z"  # of both


def policy(case=BOX, require="signed", **members):
    """A policy file of root's that trusts the keys of a case, and asks for more."""
    return policy_words(h.work, case, {"require": require, **members})


def verify(words, layout=f"{BOX}/layout", ref="box", options=()):
    done = subprocess.run([HRUN, "verify", *words, "--platform", "linux/amd64", "--ref", ref, *options, "--format", "json", layout], capture_output=True, text=True,
                          timeout=60)
    return done.returncode, json.loads(done.stdout)


def run(words, *options):
    return h.hrun(*words, "run", *options, f"{BOX}/layout:box", new_id(), "--", "echo", "ran")


def refused(r, *texts, status=125):
    equal((r.status, r.out), (status, ""), repr(r))
    for text in texts:
        contains(r.err.splitlines()[-1], text)


def ran(r):
    equal((r.status, r.out, r.err), (0, "ran\n", ""))


def rejected(answer, *texts):
    status, answer = answer
    equal((status, answer["verdict"], answer["stage"]), (1, "reject", "policy"), answer)
    for text in texts:
        contains(answer["reason"], text)


# What is refused, with what it says.
ASKED = [({"denyDigests": [OTHER, DIGEST]}, f"{DIGEST} stands in images.denyDigests of `"),
         ({"denyDigests": [DIGEST], "allowDigests": [DIGEST]}, "images.denyDigests"),
         ({"allowDigests": [OTHER]}, f"{DIGEST} does not stand in images.allowDigests of `"),
         ({"notBefore": "2025-10-09T08:53:21Z"}, f"created at {CREATED}, before images.notBefore of `"),
         ({"notBefore": {"*": "2025-10-09T10:53:21+02:00", "registry.example/a": "2020-01-01T00:00:00Z"}}, "2025-10-09T10:53:21+02:00"),
         ({"allowDigests": [DIGEST], "notBefore": "2099-01-01T00:00:00Z"}, "images.notBefore")]
# What is not.
TAKEN = [{"denyDigests": []}, {"denyDigests": [OTHER]}, {"allowDigests": [OTHER, DIGEST]}, {"notBefore": CREATED}, {"notBefore": "2025-10-09T10:53:20+02:00"},
         {"notBefore": {"registry.example/*": "2099-01-01T00:00:00Z"}}, {"denyDigests": [OTHER], "allowDigests": [DIGEST], "notBefore": CREATED}]


@test
def run_and_verify_agree():
    for members, text in ASKED:
        refused(run(policy(**members)), "is rejected at policy: ", text)
        rejected(verify(policy(**members)), text)
    for members in TAKEN:
        equal(verify(policy(**members))[0], 0, members)
    ran(run(policy(**TAKEN[-1])))


@test
def create_refuses():
    members, text = ASKED[0]
    refused(h.hrun(*policy(**members), "create", "--image", f"{BOX}/layout:box", new_id()), text, status=1)


@test
def a_second_start_from_the_store():
    """What is in the store was good when it came there: the lists are asked each time."""
    options = ["--store", f"{h.work}/store"]
    ran(run(policy(), *options))
    for members, text in ASKED:
        refused(run(policy(**members), *options), text)
    ran(run(policy(**TAKEN[-1]), *options))
    shutil.rmtree(f"{h.work}/store")
    refused(run(policy(**ASKED[0][0]), *options), ASKED[0][1])
    equal(os.listdir(f"{h.work}/store"), ["new"])


@test
def denied_is_refused_at_warn():
    """The others are told at warn, as a missing signature is; and the image counts as one that nobody has signed."""
    for case in (BOX, INDEX):  # signed as the policy asks, and not
        refused(run(policy(case, "warn", **ASKED[0][0])), ASKED[0][1])
    for members, text in ASKED[2:]:
        r = run(policy(require="warn", **members))
        equal((r.status, r.out), (0, "ran\n"), repr(r))
        contains(r.err, "images.require is warn")
        contains(r.err, text)
    waiver = {"rule": "rootfs-device-nodes", "match": {"imageDigest": DIGEST}, "reason": "for the test", "owner": "me", "expires": h.days_from_now(30)}
    for members, status in (({}, 0), (ASKED[2][0], 125)):
        words = policy(require="warn", **members)
        with open(words[1]) as f:
            document = {**json.load(f), "rules": {"rootfs-device-nodes": "refuse"}, "waivers": [waiver]}
        write(words[1], json.dumps(document), 0o644)
        equal(run(words).status, status)


@test
def an_index_and_its_child():
    """Either digest counts, of what was signed and of what runs here; another platform's does not."""
    layout = f"{INDEX}/layout"
    status, good = verify(policy(INDEX), layout, "idx")
    equal(status, 0)
    image, child = good["imageDigest"], good["manifestDigest"]
    assert image != child
    with open(f"{layout}/blobs/sha256/{image[7:]}") as f:
        foreign = next(m["digest"] for m in json.load(f)["manifests"] if m["digest"] != child)
    for digest in (image, child):
        rejected(verify(policy(INDEX, denyDigests=[digest]), layout, "idx"), f"{digest} stands in images.denyDigests")
        equal(verify(policy(INDEX, allowDigests=[digest]), layout, "idx")[0], 0)
    equal(verify(policy(INDEX, denyDigests=[foreign]), layout, "idx")[0], 0)
    rejected(verify(policy(INDEX, allowDigests=[foreign]), layout, "idx"), "does not stand in images.allowDigests")
    rejected(verify(policy(INDEX, denyDigests=[good["configDigest"]], allowDigests=[good["configDigest"]]), layout, "idx"), "images.allowDigests")


@test
def times_by_name():
    limits = {"*": "2099-01-01T00:00:00Z", "127.0.0.1:5102/devr/*": "2020-01-01T00:00:00Z", "127.0.0.1:5102/devr/new": "2099-01-01T00:00:00Z"}
    for name, taken in ((None, False), ("127.0.0.1:5102/devr/box-run", True), ("127.0.0.1:5102/devr/new:v1", False), ("127.0.0.1:5102/other", False)):
        answer = verify(policy(notBefore=limits), options=["--name", name] if name else [])
        equal(answer[0], 0 if taken else 1, answer)


@test
def every_scheme():
    """The time is the config's, whose bytes each scheme's signature covers."""
    for name in ("notation-jws-valid", "notation-cose-valid", "cosign3-bundle-p256-valid", "cosign3-legacy-p256-valid", "skopeo-sigstore-valid"):
        with open(f"{VECTORS}/{name}/manifest.json") as f:
            about = json.load(f)
        case = f"{VECTORS}/{name}"
        for notBefore, taken in ((CREATED, True), ("2025-10-09T08:53:21Z", False)):
            status, answer = verify(policy(case, notBefore=notBefore), f"{case}/layout", about["ref"])
            equal((status, any(s["ok"] for s in answer["signatures"])), (0 if taken else 1, True), f"{name} {answer}")
        rejected(verify(policy(case, denyDigests=[about["image_digest"]]), f"{case}/layout", about["ref"]), "images.denyDigests")


@test
def show_says_them():
    words = policy(allowDigests=[DIGEST], denyDigests=[], notBefore={"*": CREATED, "r/a": "2020-01-01T00:00:00Z"})
    value = json.loads(h.hrun(*words, "policy", "show", "--json").out)["members"]["images"]["value"]
    equal((value["allowDigests"], value["denyDigests"], value["notBefore"]), ([DIGEST], [], {"*": CREATED, "r/a": "2020-01-01T00:00:00Z"}))
    equal(h.hrun("policy", "check", policy(notBefore="2025-10-09")[1]).status, 3)


main()
