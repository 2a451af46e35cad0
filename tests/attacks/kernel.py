#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""System calls that a container must not have, by every ABI; terminals.

CVE-2016-2568, CVE-2017-5226, CVE-2019-10063, CVE-2022-0185, CVE-2022-0492, CVE-2023-28100
"""
import os
import platform
import pty
import re

import attack
from attack import Bundle, Skip, equal, h, output, started, test, write

NEWUSER, NEWNS, NEWNET, SIGCHLD = 0x10000000, 0x20000, 0x40000000, 17
# The filter's answers; the call itself would say EFAULT, EBADF, EINVAL or ok.
DENIED = {"EPERM", "ENOSYS", "SYS"}

X86_64 = {
    "unshare user": (272, NEWUSER), "unshare mount": (272, NEWNS), "clone user": (56, NEWUSER | SIGCHLD), "clone net": (56, NEWNET | SIGCHLD),
    "clone3": (435, 0, 0), "setns": (308, -1), "mount": (165, 0), "umount2": (166, 0), "pivot_root": (155, 0), "fsopen": (430, 0), "fsmount": (432, -1),
    "fsconfig": (431, -1), "fspick": (433, -1), "open_tree": (428, -1), "move_mount": (429, -1), "mount_setattr": (442, -1),
    "keyctl": (250, 0, -3), "add_key": (248, 0), "request_key": (249, 0), "bpf": (321, 0), "io_uring_setup": (425, 1), "io_uring_enter": (426, -1),
    "io_uring_register": (427, -1), "open_by_handle_at": (304, -1), "perf_event_open": (298, 0), "userfaultfd": (323, 1 << 20),
    "init_module": (175, 0), "finit_module": (313, -1), "delete_module": (176, 0), "kexec_load": (246, 0), "kexec_file_load": (320, -1),
    "reboot": (169, 0), "swapon": (167, 0), "swapoff": (168, 0), "iopl": (172, 3), "ioperm": (173, 0, 1, 1), "acct": (163, 0),
    "settimeofday": (164, 0), "clock_settime": (227, -1), "quotactl": (179, 0), "lookup_dcookie": (212, 0), "uselib": (134, 0), "nfsservctl": (180, 0),
    "sysfs": (139, 3), "ustat": (136, 0), "move_pages": (279, 0), "vmsplice into nothing that exists": (600, 0),
}
I386 = {"unshare": (310, NEWUSER), "mount": (21, 0), "keyctl": (288, 0, -3), "clone": (120, NEWUSER | SIGCHLD), "io_uring_setup": (425, 1),
        "bpf": (357, 0), "setns": (346, -1), "fsopen": (430, 0), "pivot_root": (217, 0), "iopl": (110, 3), "modify the clock": (264, 0)}


def answers(abi, calls, **more):
    arguments = []
    for call in calls.values():
        arguments += ["sys", abi] + [str(n & 0xffffffffffffffff) for n in (*call, 0, 0, 0, 0)[:5]]
    lines = output(Bundle("attack", *arguments, **more)).splitlines()
    equal(len(lines), len(calls), f"answers to {list(calls)}")
    return dict(zip(calls, lines))


def only_denied(abi, calls, allowed=DENIED, **more):
    got = answers(abi, calls, **more)
    bad = {name: answer for name, answer in got.items() if answer not in allowed}
    equal(bad, {}, f"{abi} calls that got through")


def x86_64():
    if platform.machine() != "x86_64":
        raise Skip("the numbers are those of x86_64")


@test
def dangerous_calls_as_user():
    x86_64()
    only_denied("native", X86_64)


@test
def dangerous_calls_as_root():
    x86_64()
    only_denied("native", X86_64, uid=0)


@test
def the_attack_program_gets_through_without_a_filter():
    """Or the tests above would prove nothing."""
    x86_64()
    b = Bundle("attack", "sys", "native", "250", "0", str((1 << 64) - 3), "0", "0", "sys", "native", "308", str((1 << 64) - 1), "0", "0", "0")
    b.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}
    equal(output(b, level="privileged").split(), ["ok", "EBADF"], "keyctl, setns")


@test
def the_x32_numbers():
    x86_64()
    only_denied("x32", {"getpid": (39,), "unshare": (272, NEWUSER), "mount": (165, 0), "keyctl": (250, 0, -3), "ioctl": (514, 0, 0x5412), "execve": (520,)})


@test
def the_i386_numbers():
    x86_64()
    only_denied("i386", I386, allowed=DENIED | {"SEGV"})


@test
def input_cannot_be_pushed_into_a_terminal():
    x86_64()
    calls = {}
    for name, number in (("TIOCSTI", 0x5412), ("TIOCLINUX", 0x541c)):
        for upper in (0, 1 << 32, 0xffffffff << 32, 1 << 63):
            calls[f"{name} {upper:x}"] = (16, 0, number | upper)
    only_denied("native", calls)
    only_denied("native", calls, uid=0)


def with_terminal(bundle, *options):
    """hrun run with a terminal as stdin, stdout and stderr that is its controlling one: what comes out."""
    bundle.save()
    pid, master = pty.fork()
    if pid == 0:
        os.execv(h.HRUN, [h.HRUN, "run", "-b", bundle.path, *options, h.new_id()])
    text = b""
    try:
        while True:
            text += os.read(master, 4096)
    except OSError:
        pass
    os.close(master)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), text.decode(errors="replace")


@test
def the_callers_terminal_is_no_controlling_terminal():
    status, text = with_terminal(Bundle("probe", "open", "/dev/tty", "w"))
    equal((status, text.split()[-1]), (0, "ENXIO"), "the controlling terminal inside")


@test
def a_terminal_is_the_containers_own():
    b = Bundle("sh", "-c", "tty; stat -c %t:%T $(tty); ls /dev/pts")
    b.process["terminal"] = True
    status, text = with_terminal(b)
    equal(status, 0, text)
    contains = text.split()
    equal(contains[-2:], ["0", "ptmx"], "its devpts has one terminal")


HOSTILE = "\x1b]0;x\x07\x1b[31m\x7f\u009b31m\r\n\u202e"


def control_characters(text):
    return re.findall("[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f]", text)


@test
def messages_hold_no_control_characters():
    log = f"{h.work}/log"
    changes = [lambda b: b.mount(HOSTILE, "tmpfs", "tmpfs"), lambda b: b.mount("/data", "bind", "/" + HOSTILE, ["bind", "nosuid", "nodev"]),
               lambda b: b.process.update(args=[HOSTILE]), lambda b: b.process.update(cwd="/etc/passwd/" + HOSTILE),
               lambda b: b.linux.update(cgroupsPath="/" + HOSTILE), lambda b: b.linux.update(sysctl={HOSTILE: "1"}),
               lambda b: b.namespace("network", path="/" + HOSTILE), lambda b: b.c["root"].update(path=HOSTILE),
               lambda b: b.process["capabilities"].update(bounding=[HOSTILE]), lambda b: b.linux.update(seccomp={"defaultAction": HOSTILE}),
               lambda b: b.linux["maskedPaths"].append("/" + HOSTILE + "/.."),
               lambda b: b.c.update(hooks={"createRuntime": [h.hook("createRuntime", f"printf '{HOSTILE}'; exit 1")]})]
    for i, change in enumerate(changes):
        b = Bundle("true")
        change(b)
        b.save()
        for form in ("text", "json"):
            write(log, "")
            r = h.hrun("--log", log, "--log-format", form, "run", "-b", b.path, h.new_id())
            assert r.status != 0, f"change {i} was accepted"
            equal(control_characters(r.out + r.err + h.read(log)), [], f"change {i}: {r!r}")
    r = h.hrun("state", HOSTILE.replace("\x00", ""))
    equal(control_characters(r.err), [], repr(r))


@test
def a_hostile_bundle_path_is_listed_as_text():
    b = Bundle("sleep", "1000")
    path = f"{h.work}/x\x1b[31m\u009b31m\ny"
    os.rename(b.path, path)
    b.path, b.root = path, path + "/rootfs"
    with started(b):
        for arguments in (["list"], ["list", "--format", "json"]):
            equal(control_characters(h.hrun(*arguments).out), [], "list")
            equal(len(h.hrun(*arguments).out.splitlines()), 2 if len(arguments) == 1 else 1, "lines")


attack.main()
