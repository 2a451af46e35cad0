#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seccomp in real containers: what the built-in profile and those of a config answer."""
import os
import platform

from hrun import Bundle, Skip, contains, equal, main, output, run, started, status_of, test
import hrun as h

# x86_64 numbers; names by which they are told apart in the failure text
CALLS = {"unshare": 272, "mount": 165, "ptrace": 101, "bpf": 321, "keyctl": 250, "io_uring_setup": 425, "open_tree": 428, "setns": 308,
         "pivot_root": 155, "chroot": 161, "init_module": 175, "kexec_load": 246, "perf_event_open": 298, "userfaultfd": 323, "swapon": 167,
         "reboot": 169, "open_by_handle_at": 304, "add_key": 248}


def only_here():
    if platform.machine() != "x86_64":
        raise Skip("the numbers of the calls are those of x86_64")


def answer(number, **more):
    return output(Bundle("probe", "syscall", str(number), uid=0), **more).strip()


@test
def dangerous_calls_are_denied():
    only_here()
    for name, number in CALLS.items():
        equal(answer(number), "EPERM", name)


@test
def unknown_calls_do_not_exist():
    only_here()
    equal(answer(1000), "ENOSYS")
    equal(answer(100000), "ENOSYS")


@test
def x32_calls_are_not_let_through():
    only_here()
    r = run(Bundle("probe", "syscall", str(0x40000000 + 39)))
    assert r.out.strip() in ("ENOSYS", "EPERM") or r.status == 128 + 31, r


def with_rules(rules):
    return with_profile({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules}, "true").save()


@test
def a_profile_that_would_be_compiled_for_hours():
    """The caller's limit counts where it is lower than hrun's: the test has not that much time."""
    rules = [{"names": ["getpriority"], "action": "SCMP_ACT_ALLOW",
              "args": [{"index": i, "value": 6 * n + i, "op": "SCMP_CMP_NE"} for i in range(4)]} for n in range(8)]
    b = with_rules(rules)
    for verb, limit, text in ((["plan", "-b", b.path], "1:2", "not compiled within 1 s"),
                              (["create", "-b", b.path, "hours"], "1:1", "not compiled within 1 s")):
        r = h.hrun(*verb, level="privileged", prefix=("prlimit", f"--cpu={limit}"))
        assert r.status > 0, r
        contains(r.err, f"refused [seccomp-invalid] linux.seccomp {text}")
    assert not os.path.exists("/run/hrun/hours")


@test
def a_profile_of_more_rules_than_libseccomp_can_take():
    b = with_rules([{"names": ["getpriority"] * 8193, "action": "SCMP_ACT_ALLOW"}])
    contains(h.hrun("plan", "-b", b.path, level="privileged").err, "more than 8192 rules")
    each = [{"index": 0, "value": i, "op": "SCMP_CMP_EQ"} for i in range(4097)]
    b = with_rules([{"names": ["getpriority", "setpriority"], "action": "SCMP_ACT_ALLOW", "args": each}])
    contains(h.hrun("plan", "-b", b.path, level="privileged").err, "more than 8192 rules")


@test
def ordinary_calls_pass():
    equal(output(Bundle("sh", "-c", "echo a | cat; ls / >/dev/null; sleep 0; id -u")), "a\n1000\n")


@test
def a_call_that_belongs_to_a_capability_comes_with_it():
    only_here()
    b = Bundle("probe", "syscall", "161", uid=0, caps=["CAP_SYS_CHROOT"])
    equal(output(b).strip(), "EFAULT")


@test
def a_new_user_namespace_is_denied():
    assert run(Bundle("unshare", "-U", "true")).status != 0


def with_profile(profile, *args):
    b = Bundle(*args)
    b.linux["seccomp"] = profile
    return b


DENY = {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38}


@test
def actions_of_a_config():
    only_here()
    base = {"defaultAction": "SCMP_ACT_ALLOW"}
    for action, errno, expected in (("SCMP_ACT_ERRNO", 13, "EACCES"), ("SCMP_ACT_ERRNO", None, "EPERM")):
        rule = {"names": ["getpgid"], "action": action}
        if errno:
            rule["errnoRet"] = errno
        b = with_profile({**base, "syscalls": [rule]}, "probe", "syscall", "121")
        equal(output(b, level="privileged").strip(), expected)
    for action in ("SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL", "SCMP_ACT_TRAP"):
        b = with_profile({**base, "syscalls": [{"names": ["getpgid"], "action": action}]}, "sh", "-c", "probe syscall 121; exit $?")
        r = run(b, level="privileged")
        equal((r.status, r.out), (128 + 31, ""), action)


@test
def arguments_of_a_config():
    only_here()
    rule = {"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5, "args": [{"index": 1, "value": 0, "op": "SCMP_CMP_EQ"}]}
    b = with_profile({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}, "probe", "syscall", "121")
    equal(output(b, level="privileged").strip(), "EIO")
    rule["args"][0]["op"] = "SCMP_CMP_NE"
    assert output(b, level="privileged").strip() != "EIO"


@test
def an_unknown_name_is_passed_over():
    b = with_profile({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["no_such_call", "swapon"], "action": "SCMP_ACT_ERRNO"}]}, "true")
    output(b, level="privileged")


@test
def the_same_profile_twice_is_the_same_filter():
    """The second comes from the cache."""
    only_here()
    b = with_profile({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 7}]}, "probe",
                     "syscall", "121")
    for _ in range(2):
        equal(output(b, level="privileged").strip(), "E2BIG")


@test
def a_default_that_allows_is_refused():
    r = run(with_profile({"defaultAction": "SCMP_ACT_ALLOW"}, "true"))
    assert r.status == 125, r
    contains(r.err, "seccomp-default-allow")


@test
def the_filter_is_that_of_exec_too():
    only_here()
    with started(Bundle()) as c:
        r = c.exec("probe", "syscall", str(CALLS["unshare"]))
        equal((r.status, r.out), (0, "EPERM\n"), repr(r))


main()
