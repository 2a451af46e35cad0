#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Repairs that the policy file asks for: the kernel says that the process has less than its config asked for."""
import contextlib
import json
import os

from hrun import Bundle, Skip, equal, main, new_id, read, test, write
import hrun as h

RULES = ("caps-dangerous", "caps-not-default", "caps-net-raw", "caps-not-minimal", "caps-ambient", "caps-unknown-name", "caps-inconsistent",
         "oom-score-unkillable", "oom-score-negative", "rlimit-unlimited", "scheduler-realtime", "io-priority-realtime")
CHOWN, KILL, BIND, RAW = 1 << 0, 1 << 5, 1 << 10, 1 << 13


def policy_file(**members):
    path = f"/run/policy-{next(h._numbers)}.json"
    write(path, json.dumps({"format": 1, "level": "baseline", **members}), 0o644)
    return ["--policy", path]


@contextlib.contextmanager
def started(bundle, **members):
    """A running container under a policy file with these members: its pid and the findings that repaired something."""
    policy, name = policy_file(**members), new_id()
    bundle.process["args"] = ["sleep", "1000"]
    bundle.save()
    h._live.append(name)
    try:
        r = h.hrun(*policy, "create", "-b", bundle.path, name)
        if "onViolation" in r.err or "rules" in r.err and r.status:
            raise Skip(f"the policy file cannot ask for repairs: {r.err.strip()}")
        equal((r.status, r.out, r.err), (0, "", ""))
        equal(h.hrun(*policy, "start", name).err, "")
        found = json.loads(read(f"/run/hrun/{name}/verdict.json"))["findings"]
        yield json.loads(h.hrun("state", name).out)["pid"], {f["rule"] for f in found if f["action"] == "harden"}
    finally:
        h.hrun("delete", "--force", name)
        h._live.remove(name)


def sets(pid):
    return {k: int(v, 16) for k, v in h.status_of(pid).items() if k.startswith("Cap")}


def limit(pid, name):
    return next(line.split()[-3:-1] if line.split()[-1].isalpha() else line.split()[-2:]
                for line in read(f"/proc/{pid}/limits").splitlines() if line.startswith(name))


def everything():
    b = Bundle(uid=0, caps=["CAP_SYS_ADMIN", "CAP_SYS_NICE", "CAP_NET_RAW", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_FLY"])
    b.process["capabilities"]["ambient"] = b.process["capabilities"]["inheritable"] = ["CAP_NET_BIND_SERVICE"]
    b.process["oomScoreAdj"] = -1000
    b.process["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 2**64 - 1, "hard": 2**64 - 1}]
    b.process["scheduler"] = {"policy": "SCHED_FIFO", "priority": 5}
    b.process["ioPriority"] = {"class": "IOPRIO_CLASS_RT", "priority": 0}
    return b


@test
def what_is_refused_is_repaired():
    with started(everything(), onViolation="harden", rules={"rlimit-unlimited": "harden"}) as (pid, repaired):
        caps = sets(pid)
        equal((caps["CapBnd"], caps["CapPrm"], caps["CapEff"]), (RAW | KILL | BIND,) * 3)
        equal(read(f"/proc/{pid}/oom_score_adj").strip(), "0")
        equal(os.sched_getscheduler(pid), os.SCHED_OTHER)
        equal(limit(pid, "Max core file size"), ["0", "0"])
        equal(repaired & set(RULES), {"caps-dangerous", "caps-not-default", "caps-unknown-name", "oom-score-unkillable", "rlimit-unlimited",
                                      "scheduler-realtime", "io-priority-realtime"})


@test
def what_is_warned_of_is_repaired_where_the_file_says_so():
    b = everything()
    b.process["capabilities"]["effective"].append("CAP_CHOWN")
    with started(b, rules={rule: "harden" for rule in RULES}) as (pid, repaired):
        equal(set(sets(pid).values()), {0, BIND})
        equal((sets(pid)["CapAmb"], sets(pid)["CapInh"]), (0, 0))
        assert {"caps-net-raw", "caps-not-minimal", "caps-ambient", "caps-inconsistent"} <= repaired, repaired


@test
def nothing_is_repaired_unasked():
    b = Bundle(caps=["CAP_NET_RAW", "CAP_KILL"])
    b.process["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 0, "hard": 2**64 - 1}]
    with started(b) as (pid, repaired):
        equal(sets(pid)["CapBnd"], RAW | KILL)
        equal(limit(pid, "Max core file size"), ["0", "unlimited"])
        equal(repaired & set(RULES), set())


@test
def exec_is_repaired_too():
    b = Bundle("sleep", "1000", uid=0, caps=["CAP_NET_RAW", "CAP_KILL"])
    policy = policy_file(rules={"caps-net-raw": "harden", "oom-score-negative": "harden"})
    with h.started(b) as c:
        r = h.hrun(*policy, "exec", c.id, "sh", "-c", "grep CapEff /proc/self/status")
        if r.status and "rules" in r.err:
            raise Skip(f"the policy file cannot ask for repairs: {r.err.strip()}")
        equal((r.status, int(r.out.split()[1], 16)), (0, KILL), r.err)


main()
