# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "masks"; run by ../make.py.
trio("masked-paths-absent", "-RR", put("linux.maskedPaths", []), put("linux.maskedPaths", ["/proc/kcore"]), put("linux.maskedPaths", None))
trio("masked-paths-incomplete", H, put("linux.maskedPaths", BASE["linux"]["maskedPaths"][1:]),
     put("linux.maskedPaths", ["/proc", "/sys"]), put("linux.maskedPaths", ["/proc", "/sys/firmwar", "/sys/fs/selinux", "/sys/devices"]))
trio("readonly-paths-absent", "-RR", put("linux.readonlyPaths", []), put("linux.readonlyPaths", ["/proc/sys"]), put("linux.readonlyPaths", None))
trio("readonly-paths-incomplete", H, put("linux.readonlyPaths", BASE["linux"]["readonlyPaths"][1:]), put("linux.readonlyPaths", ["/proc"]),
     put("linux.readonlyPaths", ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys/kernel", "/proc/sysrq-trigger"]))
trio("masked-path-invalid", R, lambda c: c["linux"]["maskedPaths"].append("proc/x"), lambda c: c["linux"]["maskedPaths"].append("/proc/..x"),
     lambda c: c["linux"]["readonlyPaths"].append("/proc/x/"))
more("root", "masked-path-invalid", R, lambda c: c["linux"]["readonlyPaths"].append("/"))
