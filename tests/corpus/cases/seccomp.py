# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "seccomp"; run by ../make.py.
trio("seccomp-absent", H, put("linux.seccomp", DROP), put("linux.seccomp", {"defaultAction": "SCMP_ACT_ERRNO"}), put("linux.seccomp", None))
trio("seccomp-default-allow", "-RR", put("linux.seccomp.defaultAction", "SCMP_ACT_ALLOW"), put("linux.seccomp.defaultAction", "SCMP_ACT_KILL"),
     put("linux.seccomp.defaultAction", "SCMP_ACT_LOG"))
trio("seccomp-invalid", R, put("linux.seccomp.syscalls.0.action", "ALLOW"), put("linux.seccomp.syscalls.0.args", [{"index": 5, "value": 1, "op": "SCMP_CMP_EQ"}]),
     put("linux.seccomp.syscalls.0.args", [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]))
trio("seccomp-listener", "-RR", put("linux.seccomp.listenerPath", "/run/agent.sock"), put("linux.seccomp.listenerPath", ""),
     put("linux.seccomp.listenerMetadata", "x"))
trio("seccomp-trace", "-RR", put("linux.seccomp.syscalls.0.action", "SCMP_ACT_TRACE"), put("linux.seccomp.syscalls.0.action", "SCMP_ACT_TRAP"),
     put("linux.seccomp.defaultAction", "SCMP_ACT_TRACE"))
more("operator", "seccomp-invalid", R, put("linux.seccomp.syscalls.0.args", [{"index": 1, "value": 1, "op": "=="}]))
more("flag", "seccomp-invalid", R, put("linux.seccomp.flags", ["TSYNC"]))
more("no-names", "seccomp-invalid", R, put("linux.seccomp.syscalls.0.names", []))
for name, place in (("names", "syscalls.0.names"), ("action", "syscalls.0.action"), ("default", "defaultAction")):
    more("null-" + name, "seccomp-invalid", R, put("linux.seccomp." + place, None))
    more("absent-" + name, "seccomp-invalid", R, put("linux.seccomp." + place, DROP))
more("empty-action", "seccomp-invalid", R, put("linux.seccomp.syscalls.0.action", ""))
more("no-operator", "seccomp-invalid", R, put("linux.seccomp.syscalls.0.args", [{"index": 1, "value": 1}]))
more("empty-name", "seccomp-invalid", R, put("linux.seccomp.syscalls.0.names", ["read", ""]), also=[])
for name, action in (("lower-case", "scmp_act_allow"), ("blank", "SCMP_ACT_ALLOW "), ("newline", "SCMP_ACT_ALLOW\n")):
    more("default-" + name, "seccomp-invalid", R, put("linux.seccomp.defaultAction", action))
more("new-listener", "seccomp-invalid", R, put("linux.seccomp.flags", ["SECCOMP_FILTER_FLAG_NEW_LISTENER"]))


def seccomp_entry(*names, action="SCMP_ACT_ALLOW", **more):
    return lambda c: c["linux"]["seccomp"]["syscalls"].append({"names": list(names), "action": action, **more})


def seccomp_arg(index, value, op, two=None):
    return {"index": index, "value": value, "op": "SCMP_CMP_" + op, **({} if two is None else {"valueTwo": two})}


# A capability that other rules judge as well.
GRANTED = [("caps-dangerous", "br")]
LIST = "linux.seccomp.syscalls"

# seccomp-absent: beside an empty section, and a whole one that is null
# seccomp-default-allow: nothing else is told of what the default lets through
more("denies-all", "seccomp-default-allow", "-RR", both(put("linux.seccomp.defaultAction", "SCMP_ACT_ALLOW"), put(LIST, [])))

trio("seccomp-dangerous-syscall", "-RR", seccomp_entry("kexec_load"), seccomp_entry("kexec_load", action="SCMP_ACT_ERRNO", errnoRet=38),
     seccomp_entry("init_module", args=[seccomp_arg(0, 0, "GE")]), note="a condition that always holds")
for call in ("kexec_file_load", "finit_module", "delete_module", "create_module", "bpf", "perf_event_open", "userfaultfd", "open_by_handle_at",
             "iopl", "ioperm", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "add_key", "request_key", "lookup_dcookie", "uselib", "nfsservctl",
             "io_uring_setup", "io_uring_enter", "io_uring_register", "settimeofday", "clock_settime", "move_pages"):
    more(call.replace("_", "-"), "seccomp-dangerous-syscall", "-RR", seccomp_entry(call))
I386 = put("linux.seccomp.architectures", ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"])
for call in ("vm86", "vm86old", "stime", "clock_settime64"):
    more(call + "-of-i386", "seccomp-dangerous-syscall", "-RR", both(I386, seccomp_entry(call)))
    more(call + "-without-i386", "seccomp-dangerous-syscall", "---", seccomp_entry(call))
more("log", "seccomp-dangerous-syscall", "-RR", seccomp_entry("bpf", action="SCMP_ACT_LOG"))
more("kill", "seccomp-dangerous-syscall", "---", seccomp_entry("bpf", action="SCMP_ACT_KILL_PROCESS"))
more("one-argument", "seccomp-dangerous-syscall", "-RR", seccomp_entry("bpf", args=[seccomp_arg(0, 5, "EQ")]))
more("never", "seccomp-dangerous-syscall", "---", seccomp_entry("bpf", args=[seccomp_arg(0, 2 ** 64 - 1, "GT")]))
# libseccomp masks both sides: bit 0 is not looked at
more("masked", "seccomp-dangerous-syscall", "-RR", seccomp_entry("bpf", args=[seccomp_arg(0, 6, "MASKED_EQ", 1)]))
more("mask-of-nothing", "seccomp-dangerous-syscall", "-RR", seccomp_entry("bpf", args=[seccomp_arg(0, 0, "MASKED_EQ", 0)]))
more("alternatives", "seccomp-dangerous-syscall", "-RR", seccomp_entry("bpf", args=[seccomp_arg(0, 1, "EQ"), seccomp_arg(0, 2, "EQ")]))
more("denied-first", "seccomp-dangerous-syscall", "-RR", both(seccomp_entry("bpf", action="SCMP_ACT_ERRNO", args=[seccomp_arg(0, 5, "EQ")]), seccomp_entry("bpf")))
more("granted", "seccomp-dangerous-syscall", "---", both(seccomp_entry("clock_settime", "settimeofday"), caps("CAP_SYS_TIME")), also=GRANTED)
more("another-granted", "seccomp-dangerous-syscall", "-RR", both(seccomp_entry("clock_settime", "bpf"), caps("CAP_SYS_TIME")), also=GRANTED)
more("granted-as-ambient", "seccomp-dangerous-syscall", "---", both(seccomp_entry("acct"), caps("CAP_SYS_PACCT", where="permitted")),
     also=[("caps-not-default", "br"), ("caps-inconsistent", "r")])
more("never-granted", "seccomp-dangerous-syscall", "-RR", both(seccomp_entry("io_uring_setup"), caps("CAP_SYS_ADMIN")), also=GRANTED)
more("personality", "seccomp-dangerous-syscall", "-RR", seccomp_entry("personality"))
more("personality-one", "seccomp-dangerous-syscall", "---", seccomp_entry("personality", args=[seccomp_arg(0, 8, "EQ")]))
more("personality-always", "seccomp-dangerous-syscall", "-RR", seccomp_entry("personality", args=[seccomp_arg(0, 0, "GE")]))
more("personality-not-one", "seccomp-dangerous-syscall", "-RR", seccomp_entry("personality", args=[seccomp_arg(0, 0x99999, "NE")]))
more("personality-not-the-first", "seccomp-dangerous-syscall", "-RR", seccomp_entry("personality", args=[seccomp_arg(0, 0x40000, "NE")]))
more("personality-other-argument", "seccomp-dangerous-syscall", "-RR", seccomp_entry("personality", args=[seccomp_arg(1, 7, "NE")]))
more("personality-no-randomize", "seccomp-dangerous-syscall", "-RR", seccomp_entry("personality", args=[seccomp_arg(0, 0x40000, "EQ")]))
more("personality-one-flag-masked", "seccomp-dangerous-syscall", "-RR", seccomp_entry("personality", args=[seccomp_arg(0, 0x40000, "MASKED_EQ", 0)]))
more("personality-of-engines", "seccomp-dangerous-syscall", "---",
     both(*[seccomp_entry("personality", args=[seccomp_arg(0, value, "EQ")]) for value in (0, 8, 0x20000, 0x20008, 0xffffffff)]))
more("high-half", "seccomp-dangerous-syscall", "-RR", seccomp_entry("bpf", args=[seccomp_arg(0, 0x100000005, "EQ")]))
more("last-argument", "seccomp-dangerous-syscall", "-RR", seccomp_entry("bpf", args=[seccomp_arg(5, 1, "NE")]))
more("denied-and-allowed", "seccomp-dangerous-syscall", "-RR", both(seccomp_entry("bpf", action="SCMP_ACT_ERRNO"), seccomp_entry("bpf")))
more("denied-always", "seccomp-dangerous-syscall", "---", both(seccomp_entry("bpf", action="SCMP_ACT_KILL"), seccomp_entry("bpf", args=[seccomp_arg(1, 0, "GE")])))
more("of-x32", "seccomp-dangerous-syscall", "-RR", both(put("linux.seccomp.architectures", ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"]), seccomp_entry("quotactl")))
more("socket", "seccomp-dangerous-syscall", "-RR", seccomp_entry("socket"))
more("socket-not-vsock", "seccomp-dangerous-syscall", "---", seccomp_entry("socket", args=[seccomp_arg(0, 40, "NE")]))
more("socket-audit", "seccomp-dangerous-syscall", "---", both(seccomp_entry("socket"), caps("CAP_AUDIT_WRITE")), also=[("caps-not-minimal", "r")])
more("keyctl", "seccomp-dangerous-syscall", "---", seccomp_entry("keyctl"))

trio("seccomp-restricted-syscall", "--W", seccomp_entry("mount"), seccomp_entry("clone", args=[seccomp_arg(0, 0x7E020000, "MASKED_EQ", 0)]),
     seccomp_entry("clone", args=[seccomp_arg(0, 0, "GE")]))
for call in ("umount2", "pivot_root", "fsopen", "fsconfig", "fsmount", "fspick", "move_mount", "open_tree", "mount_setattr", "setns", "unshare", "clone",
             "clone3"):
    more(call.replace("_", "-"), "seccomp-restricted-syscall", "--W", seccomp_entry(call))
more("unshare-files", "seccomp-restricted-syscall", "---", seccomp_entry("unshare", args=[seccomp_arg(0, 0x400, "EQ")]))
more("unshare-users", "seccomp-restricted-syscall", "--W", seccomp_entry("unshare", args=[seccomp_arg(0, 0x10000000, "EQ")]))
more("granted", "seccomp-restricted-syscall", "---", both(seccomp_entry("mount"), caps("CAP_SYS_ADMIN")), also=GRANTED)

trio("seccomp-errno-zero", "-RR", seccomp_entry("setuid", action="SCMP_ACT_ERRNO", errnoRet=0), seccomp_entry("setuid", action="SCMP_ACT_ERRNO", errnoRet=4095),
     put("linux.seccomp.defaultErrnoRet", 0))
more("above-the-last", "seccomp-errno-zero", "-RR", seccomp_entry("setuid", action="SCMP_ACT_ERRNO", errnoRet=4096))
more("default-above-the-last", "seccomp-errno-zero", "-RR", put("linux.seccomp.defaultErrnoRet", 65536))
more("absent", "seccomp-errno-zero", "---", put("linux.seccomp.defaultErrnoRet", DROP))
more("null", "seccomp-errno-zero", "---", put("linux.seccomp.defaultErrnoRet", None))

SPEC = "SECCOMP_FILTER_FLAG_SPEC_ALLOW"
trio("seccomp-flags", "-WR", put("linux.seccomp.flags", [SPEC]), put("linux.seccomp.flags", ["SECCOMP_FILTER_FLAG_LOG"]),
     put("linux.seccomp.flags", ["SECCOMP_FILTER_FLAG_LOG", SPEC, SPEC]))
more("null", "seccomp-flags", "---", put("linux.seccomp.flags", None))

trio("seccomp-arch", "-RR", put("linux.seccomp.architectures", ["SCMP_ARCH_X86"]), put("linux.seccomp.architectures", ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]),
     put("linux.seccomp.architectures", ["SCMP_ARCH_X86_64", "AUDIT_ARCH_X86_64"]))
more("lower-case", "seccomp-arch", "-RR", put("linux.seccomp.architectures", ["SCMP_ARCH_X86_64", "SCMP_ARCH_x86"]))
more("newer", "seccomp-arch", "---", put("linux.seccomp.architectures", ["SCMP_ARCH_X86_64", "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_RISCV64"]))
more("absent", "seccomp-arch", "---", put("linux.seccomp.architectures", DROP))
more("null", "seccomp-arch", "---", put("linux.seccomp.architectures", None))
more("empty", "seccomp-arch", "---", put("linux.seccomp.architectures", []))

trio("seccomp-unknown-syscall", "-WW", seccomp_entry("mounnt", action="SCMP_ACT_KILL"), seccomp_entry("arm_sync_file_range", action="SCMP_ACT_KILL"),
     seccomp_entry("Mount", action="SCMP_ACT_KILL"))
more("nothing-else", "seccomp-unknown-syscall", "-WW", put(LIST + ".0.names", ["no_such_call"]))
more("errno-of-allow", "seccomp-invalid", "---", put(LIST + ".0.errnoRet", 1))
