#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the policy file changes of a verdict: mode audit, warnLevel, rules, waivers, drop; and the line that refuses."""
import json
import os

from hrun import Bundle, Skip, contains, created, days_from_now, equal, hrun, main, namespace_of, new_id, read, sets_of, started, test
import hrun as h


def without(*types):
    b = Bundle("sleep", "1000")
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] not in types]
    if "uts" in types:
        b.c.pop("hostname", None)
    return b.save()


def findings(c, rule):
    return [f for f in json.loads(read(f"/run/hrun/{c.id}/verdict.json"))["findings"] if f["rule"] == rule]


def refused(b, policy, rule, **more):
    with h.unchanged():
        r = hrun("create", "-b", b.path, new_id(), level=policy, **more)
    equal((r.status, r.out, r.err.count("\n")), (1, "", 1), repr(r))
    assert r.err.startswith(f"hrun: refused [{rule}] "), r.err
    return r.err


def waiver(rule, days=30, **match):
    return {"rule": rule, "match": match, "reason": "this is a test", "owner": "the tests", "expires": days_from_now(days)}


@test
def the_line():
    b = without("network", "uts")
    line = refused(b, "baseline", "ns-net-host")
    contains(line, " or waive the rule (+1 more: hrun check " + b.path + ")")
    b.c["ociVersion"] = "9.0.0"  # medium, and earlier in the table
    line = refused(b.save(), "baseline", "ns-net-host")
    contains(line, "(+2 more: ")
    log = f"{h.work}/log.json"
    hrun("--log", log, "--log-format", "json", "create", "-b", b.path, new_id())
    entry = json.loads(read(log))
    equal((entry["level"], entry["msg"] + "\n"), ("error", line))


@test
def mode_audit():
    b = without("network")
    audit = {"mode": "audit", "auditUntil": days_from_now(3)}
    with started(b, level=audit) as c:
        equal([(f["action"], f["would"], f["why"]) for f in findings(c, "ns-net-host")], [("warn", "refuse", "mode")])
        equal(namespace_of(c.pid, "net"), namespace_of("self", "net"))
        contains(json.loads(hrun("state", c.id).out)["annotations"]["org.hrun.findings"], "warn ns-net-host")
        # what was let through at create does not stop an exec of it under enforce: it is not the exec's doing
        equal(c.exec("true").status, 0)
    refused(b, {"mode": "audit", "auditUntil": days_from_now(-1)}, "ns-net-host")
    with h.unchanged():
        r = hrun("create", "--no-pivot", "-b", b.path, new_id(), level=audit)
        assert r.err.startswith("hrun: refused [flag-no-pivot] "), r
    refused(without("mount"), audit, "ns-mount-missing")


@test
def warn_level():
    policy = {"level": "baseline", "warnLevel": "restricted"}
    with created(Bundle("true", uid=0), level=policy) as c:
        found, = findings(c, "user-root")
        equal((found["action"], found["would"], found["why"]), ("warn", "refuse", "warnLevel"))
    b = without("network")
    refused(b, policy, "ns-net-host")
    with created(b, level={"level": "privileged", "warnLevel": "baseline"}) as c:
        found, = findings(c, "ns-net-host")
        equal((found["action"], found["would"]), ("warn", "refuse"))


@test
def rules():
    refused(Bundle("true", uid=0).save(), {"rules": {"user-root": "refuse"}}, "user-root")
    with created(without("uts"), level={"rules": {"ns-uts-host": "off"}}) as c:
        equal(findings(c, "ns-uts-host"), [])
    r = hrun("list", level={"rules": {"ns-mount-missing": "warn"}})
    equal(r.status, 0)  # asks no policy
    r = hrun("create", "-b", without("uts").path, new_id(), level={"rules": {"ns-mount-missing": "warn"}})
    equal(r.status, 1)
    contains(r.err, "ns-mount-missing")


@test
def a_waiver_for_one_cgroup():
    b = without("uts")
    with created(b, level={"waivers": [waiver("ns-uts-host", cgroup="/hrun/t*")]}) as c:
        found, = findings(c, "ns-uts-host")
        equal((found["action"], found["would"], found["why"]), ("warn", "refuse", "waivers"))
        equal(found["waiver"], {"reason": "this is a test", "owner": "the tests", "expires": days_from_now(30)})
    refused(b, {"waivers": [waiver("ns-uts-host", cgroup="/elsewhere/*")]}, "ns-uts-host")
    refused(b, {"waivers": [waiver("ns-uts-host", imageDigest="sha256:" + "0" * 64)]}, "ns-uts-host")
    b.linux["cgroupsPath"] = "/elsewhere/x"
    b.save()
    refused(b, {"waivers": [waiver("ns-uts-host", cgroup="/hrun/*")]}, "ns-uts-host")


@test
def a_waiver_that_ends():
    b = without("uts")
    for days, warned in ((15, False), (14, True), (0, True)):
        r = hrun("run", "-b", Bundle("true").save().path, new_id(), level={"waivers": [waiver("ns-uts-host", days, cgroup="*")]})
        equal((r.status, r.err), (0, ""), "a waiver that nobody uses")
        b.process["args"] = ["true"]
        r = hrun("run", "-b", b.save().path, new_id(), level={"waivers": [waiver("ns-uts-host", days, cgroup="*")]})
        equal((r.status, r.out, r.err.count("\n")), (0, "", int(warned)), repr(r))
        if warned:
            contains(r.err, f"ns-uts-host")
            contains(r.err, days_from_now(days))
    line = refused(b, {"waivers": [waiver("ns-uts-host", -1, cgroup="*")]}, "ns-uts-host")
    contains(line, f"its waiver ended on {days_from_now(-1)}")


@test
def a_waived_repair_is_not_made():
    b = without("cgroup")
    with started(b) as c:
        assert namespace_of(c.pid, "cgroup") != namespace_of("self", "cgroup")
    with started(b, level={"waivers": [waiver("ns-cgroup-missing", cgroup="*")]}) as c:
        equal(namespace_of(c.pid, "cgroup"), namespace_of("self", "cgroup"))
        found, = findings(c, "ns-cgroup-missing")
        equal((found["action"], found["would"]), ("warn", "harden"))


@test
def drop():
    b = Bundle("sleep", "1000", uid=0, caps=["CAP_CHOWN", "CAP_MKNOD", "CAP_SYS_ADMIN"])
    refused(b.save(), {"drop": {"capabilities": ["CAP_MKNOD"]}}, "caps-dangerous")
    with started(b, level={"drop": {"capabilities": ["CAP_MKNOD", "CAP_SYS_ADMIN"]}}) as c:
        equal({name: bits for name, bits in sets_of(c.pid).items() if name in ("bounding", "permitted", "effective")},
              {name: h.mask_of(["CHOWN"]) for name in ("bounding", "permitted", "effective")})
    path = h.policy({"drop": {"capabilities": ["CAP_MKNOD", "CAP_SYS_ADMIN"]}})
    r = hrun("plan", b.path, level={"drop": {"capabilities": ["CAP_MKNOD", "CAP_SYS_ADMIN"]}})
    equal(r.status, 0, path)
    contains(r.out, "bounding: CHOWN")
    line = [line for line in r.out.splitlines() if "bounding: CHOWN" in line][0]
    contains(line, "(hardened, ")
    contains(r.err, "CAP_MKNOD")


main()
