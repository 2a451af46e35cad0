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
