#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make.py > default.json: ../default.json without conflicting entries, for `hrun check --fix` to write into a config.

In ../default.json the first entry that applies decides; the OCI format knows no order.  So here is only what is allowed,
under conditions that exclude what is denied before; a denied variant is ENOSYS, like what no entry names.
"""
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
LOW = 0xffffffff
profile = json.load(open(os.path.join(os.path.dirname(HERE), "default.json")))


def masked(index, mask, value):
    return {"index": index, "value": mask, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}


def all_but(index, values, prefix=0, bits=0):
    """Conditions on the low 32 bits of an argument, one of which holds for whatever is not in VALUES."""
    if not values:
        return [masked(index, LOW >> (32 - bits) << (32 - bits), prefix)]
    if bits == 32:
        return []
    bit = 1 << (31 - bits)
    found = []
    for half in (prefix, prefix | bit):
        found += all_but(index, [v for v in values if v & bit == half & bit], half, bits + 1)
    return found


entries = profile["syscalls"]
for entry in entries:
    assert all(a["op"] == "SCMP_CMP_MASKED_EQ" for a in entry.get("args", [])), entry
written, free, denied = [], {}, set()
for number, entry in enumerate(entries):
    caps, args, allowed = entry.get("hrun:capabilities"), entry.get("args"), entry["action"] == "SCMP_ACT_ALLOW"
    before = [e for e in entries[:number] if e["action"] != "SCMP_ACT_ALLOW" and e.get("args") and set(e["names"]) & set(entry["names"])]
    if not allowed:
        assert not caps, entry
        if not args and entry.get("errnoRet") == 1:
            denied |= set(entry["names"]) - {n for e in entries[:number] if not e.get("hrun:capabilities") for n in e["names"]}
        continue
    plain = {"action": "SCMP_ACT_ALLOW", **({"hrun:capabilities": caps} if caps else {})}
    if args or before:
        assert len(entry["names"]) == 1, entry
        # What was denied before and overlaps with this entry, by the one argument that this entry does not fix.
        fixed = {a["index"]: a for a in args or []}
        over = [e for e in before if all(a["index"] not in fixed or a == fixed[a["index"]] for a in e["args"])]
        free_args = {a["index"] for e in over for a in e["args"]} - set(fixed)
        assert len(free_args) <= 1, entry
        if not free_args:
            written.append({"names": entry["names"], **plain, "args": args})
            continue
        index = free_args.pop()
        values = [a["valueTwo"] for e in over for a in e["args"] if a["index"] == index]
        for condition in all_but(index, values):
            written.append({"names": entry["names"], **plain, "args": sorted([*fixed.values(), condition], key=lambda a: a["index"])})
    else:
        written.append({"names": entry["names"], **plain})
written.append({"names": sorted(denied), "action": "SCMP_ACT_ERRNO", "errnoRet": 1})
about = "Made from ../default.json by make.py. A name that an entry with hrun:capabilities allows is not denied for these."
head = {"comment": about, "defaultAction": profile["defaultAction"], "defaultErrnoRet": profile["defaultErrnoRet"],
        "architectures": profile["architectures"]}
text = json.dumps(head, indent="\t").removesuffix("\n}")
print(text + ',\n\t"syscalls": [')
print(",\n".join("\t\t" + json.dumps(e) for e in written))
print("\t]\n}")
