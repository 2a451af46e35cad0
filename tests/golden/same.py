# SPDX-License-Identifier: Apache-2.0
"""The JSON form of a plan says what the text form says: same.py JSON BUNDLE PLAN.TXT"""
import json
import sys

document, bundle, expected = sys.argv[1:]
plan = json.load(open(document))
config = json.load(open(bundle + "/config.json"))
text = open(expected).read()
assert plan["format"] == 1 and [s["step"] for s in plan["steps"]] == list(range(1, len(plan["steps"]) + 1))
for step in plan["steps"]:
    assert set(step) == {"step", "chapter", "verb", "detail", "where", "pointer"}, step
    if step["chapter"] in ("cgroup", "filter"):
        continue
    for word in ("chapter", "detail", "where"):
        assert step[word].replace(bundle, "BUNDLE") in text, (word, step)
    value = config
    for part in step["pointer"].split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            value = value[int(part)]
        elif part in value:
            value = value[part]
        else:  # a default: only the last member may be missing
            assert step["pointer"].endswith("/" + part), step
            break
assert isinstance(plan["warnings"], list)
