#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tests/data/image-signatures/seeds.py: the corpora of the signature fuzzers, and the keys in fuzz_signature.h, from cases.json."""
import base64
import json
import os
import re
import shutil

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
os.chdir(TOP)
data = json.load(open("tests/data/image-signatures/cases.json"))
TARGETS = {"cosign-legacy": "cosign", "sigstore-bundle": "bundle", "notation-jws": "jws", "notation-cose": "cose"}
LIMIT = 48  # seeds of one target: the good ones of every kind first, then what is wrong in its shape


def pem_as_c(pem):
    return "\n".join('\t\t\t\t      "%s\\n"' % line for line in pem.strip().split("\n")[1:-1])


def write(target, name, content):
    os.makedirs(f"tests/fuzz/corpus/{target}", exist_ok=True)
    open(f"tests/fuzz/corpus/{target}/{name}", "wb").write(content)


for target in [*TARGETS.values(), "key"]:
    shutil.rmtree(f"tests/fuzz/corpus/{target}", ignore_errors=True)
count = dict.fromkeys(TARGETS.values(), 0)
for case in sorted(data["cases"], key=lambda c: (c["expect"] != "accept", c["name"].startswith(("chain", "subject", "identity")))):
    if len(case["candidates"]) != 1:
        continue
    one = case["candidates"][0]
    target = TARGETS[one["format"]]
    if count[target] == LIMIT:
        continue
    count[target] += 1
    blob = base64.b64decode(one["blob"])
    write(target, case["name"], one.get("signature", "").encode() + b"\0" + blob if target == "cosign" else blob)
for name, pem in data["keys"].items():
    write("key", name + ".pem", pem.encode())
    write("key", name + ".der", base64.b64decode("".join(pem.strip().split("\n")[1:-1])))
for name in ("registry.example/team/app:v1", "[::1]:5000/a@sha256:" + "0" * 64, "2026-11-22T07:00:00.5+01:00"):
    write("key", "text-" + re.sub("[^a-z0-9]+", "-", name)[:20], name.encode())

header = open("tests/fuzz/fuzz_signature.h").read()
for name, key in (("fuzz_public_key", "p256"), ("fuzz_certificate", "root")):
    header = re.sub(r'(%s\[\] = "-----BEGIN [A-Z ]*-----\\n"\n).*?(\s*"-----END)' % name, lambda m: m[1] + pem_as_c(data["keys"][key]) + m[2], header, flags=re.S)
header = re.sub(r'digest_read\("[^"]*"', 'digest_read("%s"' % data["cases"][0]["subject"]["digest"], header)
open("tests/fuzz/fuzz_signature.h", "w").write(header)
