# SPDX-License-Identifier: Apache-2.0
"""common.py - what the tests of images share."""
failed = 0


def report(name, problem=""):
    global failed
    failed += bool(problem)
    print(f"not ok - {name}: {problem}" if problem else f"ok - {name}")


def equal(name, found, expected):
    report(name, "" if found == expected else f"{found!r}, expected {expected!r}")


def trust_of(p):
    """A case's policy, in words that belong to no tool, as an entry of images.trust."""
    if p["scheme"] == "notation":
        return {"scope": "*", "scheme": "notation", "level": p["level"], "ca": p["ca"], "trustedIdentities": p["trusted_identities"]}
    trust = {"scope": "*", "scheme": p["scheme"], "keys": p.get("keys", []), "threshold": p.get("threshold", 1), "tlog": "ignore"}
    return trust | ({"identity": p["identity"]} if p.get("identity") else {})


def children(pid):
    """{name: pid} of the processes that PID has made."""
    found = {}
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        numbers = f.read().split()
    for child in numbers:
        try:
            with open(f"/proc/{child}/comm") as f:
                found[f.read().strip()] = int(child)
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found
