#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A profile that lets too much through gets a second filter below it, where the policy file asks for the repair: asked of the kernel."""
import json
import os
import platform

from hrun import TOP, Bundle, Skip, contains, equal, hrun, main, new_id, run, started, test, write
import hrun as h

BPF, UNSHARE, GETPGID, PERSONALITY, SOCKET, SECCOMP = 321, 272, 121, 135, 41, 317


def only_here():
    if platform.machine() != "x86_64":
        raise Skip("the numbers of the calls are those of x86_64")


def policy(**members):
    """A policy file of its own; not in /tmp, where others could replace it."""
    path = f"/run/policy-floor-{abs(hash(json.dumps(members, sort_keys=True)))}.json"
    write(path, json.dumps({"format": 1, **members}), 0o644)
    probe = hrun("--policy", path, "plan", Bundle("true").save().path)
    if "not supported by this version" in probe.err:
        raise Skip("this version's policy file cannot ask for repairs")
    return ["--policy", path]


def output(bundle, options):
    bundle.save()
    r = hrun(*options, "run", "-b", bundle.path, new_id())
    equal(r.status, 0, repr(r))
    return r.out


def with_profile(profile, *args, **more):
    b = Bundle(*args, **more)
    b.linux["seccomp"] = profile
    return b


def field(status, name):
    return [line.split()[1] for line in status.splitlines() if line.startswith(name + ":")][0]


ALLOWS = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 7}]}


def docker_and(*names):
    with open(f"{TOP}/tests/seccomp/docker.json") as f:
        profile = json.load(f)
    profile["syscalls"].append({"names": list(names), "action": "SCMP_ACT_ALLOW"})
    return profile


@test
def a_default_that_allows_gets_the_built_in_profile_below_it():
    only_here()
    asked = policy(rules={"seccomp-default-allow": "harden"})
    equal(field(output(with_profile(ALLOWS, "cat", "/proc/self/status"), asked), "Seccomp_filters"), "2")
    for number, expected in ((UNSHARE, "EPERM"), (BPF, "EPERM"), (GETPGID, "E2BIG")):
        equal(output(with_profile(ALLOWS, "probe", "syscall", str(number), uid=0), asked).strip(), expected, str(number))


@test
def exec_has_both_filters():
    only_here()
    asked = policy(rules={"seccomp-default-allow": "harden"})
    b = with_profile(ALLOWS, "sleep", "1000").save()
    name = new_id()
    r = hrun(*asked, "run", "--detach", "-b", b.path, name)
    equal(r.status, 0, repr(r))
    try:
        r = hrun(*asked, "exec", name, "cat", "/proc/self/status")
        equal((r.status, field(r.out, "Seccomp_filters")), (0, "2"))
        for number, expected in ((UNSHARE, "EPERM"), (GETPGID, "E2BIG")):
            equal(hrun(*asked, "exec", name, "probe", "syscall", str(number)).out.strip(), expected)
        os.unlink(f"/run/hrun/{name}/floor.bpf")
        r = hrun(*asked, "exec", name, "true")
        assert r.status != 0, "exec without the floor that init has"
    finally:
        hrun("delete", "--force", name)


@test
def dangerous_calls_are_denied_below_a_profile_that_allows_them():
    only_here()
    asked = policy(rules={"seccomp-dangerous-syscall": "harden"})
    profile = docker_and("bpf", "personality", "socket")
    equal(field(output(with_profile(profile, "cat", "/proc/self/status"), asked), "Seccomp_filters"), "2")
    # probe gives 0 for every argument but those of the pointers: family 0 is AF_UNSPEC
    for number, expected in ((BPF, "EPERM"), (SOCKET, "EAFNOSUPPORT")):
        equal(output(with_profile(profile, "probe", "syscall", str(number), uid=0), asked).strip(), expected, str(number))
    out = output(with_profile(profile, "probe", "syscall", str(PERSONALITY)), asked).strip()
    assert out != "EPERM", f"personality(0): {out}"


@test
def without_the_repair_it_is_refused():
    r = run(with_profile(docker_and("bpf"), "true"))
    equal(r.status, 125)
    contains(r.err, "seccomp-dangerous-syscall")


@test
def both_filters_without_no_new_privs():
    only_here()
    asked = policy(level="privileged", rules={"seccomp-default-allow": "harden"})
    b = with_profile(ALLOWS, "cat", "/proc/self/status", uid=0, caps=["CAP_KILL"])
    b.process["noNewPrivileges"] = False
    out = output(b, asked)
    equal([field(out, name) for name in ("NoNewPrivs", "Seccomp_filters", "CapEff", "CapPrm")],
          ["0", "2", "0000000000000020", "0000000000000020"])


@test
def a_start_container_hook_has_both_filters():
    asked = policy(rules={"seccomp-default-allow": "harden"})
    b = with_profile(ALLOWS, "cat", "/tmp/status")
    b.c["root"]["readonly"] = False
    b.c["hooks"] = {"startContainer": [h.hook("startContainer", "grep Seccomp_filters /proc/self/status >/data/status", timeout=5)]}
    b.process["args"] = ["cat", "/data/status"]
    os.chmod(f"{b.root}/data", 0o777)
    equal(field(output(b, asked), "Seccomp_filters"), "2")


@test
def the_profile_of_the_policy_file():
    """strict.json denies what default.json allows."""
    only_here()
    for name, expected in (("default", ""), ("strict", "no")):
        b = Bundle("sh", "-c", "chmod 700 /tmp 2>/dev/null || echo no", uid=0)
        b.linux.pop("seccomp", None)
        equal(output(b, policy(defaults={"seccompProfile": name})).strip(), expected, name)


main()
