# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "cgroup"; run by ../make.py.
trio("cgroups-path-escape", R, put("linux.cgroupsPath", "/a/../../b"), put("linux.cgroupsPath", "system.slice:libpod:c1"),
     put("linux.cgroupsPath", "system.slice:../x:y"))
trio("hostname-without-uts", R, no_namespace("uts"), put("hostname", "h" * 64), put("domainname", "a/b"), also=[("ns-uts-host", "br")], evasion_also=[])
trio("net-devices", "-RR", put("linux.netDevices", {"eth0": {}}), put("linux.netDevices", {}), put("linux.netDevices", {"eth0": {"name": "lo"}}))
trio("intel-rdt", "-RR", put("linux.intelRdt", {"closID": "a"}), put("linux.intelRdt", None), put("linux.intelRdt", {}))
more("four-parts", "cgroups-path-escape", R, put("linux.cgroupsPath", "a.slice:b:c:d"))
more("no-name", "cgroups-path-escape", R, put("linux.cgroupsPath", "system.slice:docker:"))
more("no-slice", "cgroups-path-escape", R, put("linux.cgroupsPath", "a:b:c"))
more("newline", "cgroups-path-escape", R, put("linux.cgroupsPath", "/a\nb"))
more("slashes", "cgroups-path-escape", R, put("linux.cgroupsPath", "/a//b"))
more("long", "hostname-without-uts", R, put("hostname", "h" * 65))


PIDS, MEMORY, CPU = "linux.resources.pids", "linux.resources.memory", "linux.resources.cpu"


def unified(key, value):
    return lambda c: c["linux"]["resources"].setdefault("unified", {}).update({key: value})


trio("pids-limit-missing", H, put(PIDS, DROP), put(PIDS, {"limit": 1}), put(PIDS, {"limit": -1}))
more("null", "pids-limit-missing", H, put(PIDS, None))
more("limit-null", "pids-limit-missing", H, put(PIDS, {"limit": None}))
more("no-resources", "pids-limit-missing", H, put("linux.resources", DROP), also=[("memory-limit-missing", "r")])
more("zero-before-1-3", "pids-limit-missing", H, put(PIDS, {"limit": 0}))
more("zero-since-1-3", "pids-limit-missing", "---", both(put("ociVersion", "1.3.0"), put(PIDS, {"limit": 0})))
more("unified", "pids-limit-missing", "---", both(put(PIDS, DROP), unified("pids.max", "100")))
more("unified-max", "pids-limit-missing", H, both(put(PIDS, DROP), unified("pids.max", "max")))
more("all-there-are", "pids-limit-missing", H, put(PIDS, {"limit": 4194304}))
more("unified-all-there-are", "pids-limit-missing", H, both(put(PIDS, DROP), unified("pids.max", "4194304")))

trio("memory-limit-missing", "-WR", put(MEMORY, DROP), put(MEMORY, {"limit": 1}), put(MEMORY, {"limit": -1}))
more("null", "memory-limit-missing", "-WR", put(MEMORY, None))
more("zero", "memory-limit-missing", "-WR", put(MEMORY, {"limit": 0}))
more("reservation", "memory-limit-missing", "-WR", put(MEMORY, {"reservation": 1000000}))
more("unified", "memory-limit-missing", "---", both(put(MEMORY, DROP), unified("memory.max", "67108864")))
more("unified-max", "memory-limit-missing", "-WR", both(put(MEMORY, DROP), unified("memory.max", "max")))
# Numbers that the kernel takes for "max", or that no machine has
for name, limit in (("largest", (1 << 63) - 1), ("engines-unlimited", (1 << 63) - 4096), ("more-than-there-is", 1 << 52)):
    more(name, "memory-limit-missing", "-WR", put(MEMORY, {"limit": limit}))
more("much", "memory-limit-missing", "---", put(MEMORY, {"limit": (1 << 52) - 1}))
for name, value in (("largest", str((1 << 63) - 1)), ("hexadecimal", "0x7fffffffffffffff"), ("unit", "8192P"), ("blank", " max"), ("tab", "\tmax"), ("words", "1 max"),
                    ("minus", "-1"), ("octal", "0777777777777777777777"), ("empty", "")):
    more("unified-" + name, "memory-limit-missing", "-WR", both(put(MEMORY, DROP), unified("memory.max", value)))
for name, value in (("ok-unit", "64M"), ("ok-hexadecimal", "0x4000000"), ("ok-blank", "67108864 ")):
    more("unified-" + name, "memory-limit-missing", "---", both(put(MEMORY, DROP), unified("memory.max", value)))

trio("cpu-limit-missing", "--W", put(CPU, {}), put(CPU, {"quota": 50000}), put(CPU, {"quota": -1, "shares": 0, "period": 100000}))
more("null", "cpu-limit-missing", "--W", put(CPU, None))
more("shares", "cpu-limit-missing", "---", put(CPU, {"shares": 512}))
more("unified", "cpu-limit-missing", "---", unified("cpu.max", "50000 100000"))
more("unified-max", "cpu-limit-missing", "--W", unified("cpu.max", "max 100000"))
more("unified-weight", "cpu-limit-missing", "---", unified("cpu.weight", "50"))

trio("memory-oom-kill-disabled", "-RR", put(MEMORY + ".disableOOMKiller", True), put(MEMORY + ".disableOOMKiller", False),
     both(put("linux.cgroupsPath", ""), put(MEMORY + ".disableOOMKiller", True)))
more("null", "memory-oom-kill-disabled", "---", put(MEMORY + ".disableOOMKiller", None))

trio("memory-swap-unlimited", "--W", put(MEMORY + ".swap", -1), put(MEMORY + ".swap", 67108864), unified("memory.swap.max", "max"))
more("null", "memory-swap-unlimited", "---", put(MEMORY + ".swap", None))
more("largest", "memory-swap-unlimited", "--W", put(MEMORY + ".swap", (1 << 63) - 1))
more("unified-largest", "memory-swap-unlimited", "--W", unified("memory.swap.max", "8E"))
more("no-limit", "memory-swap-unlimited", "---", put(MEMORY, {"swap": -1}), also=[("memory-limit-missing", "r")])

trio("cpu-realtime", "-RR", put(CPU, {"realtimeRuntime": 950000, "realtimePeriod": 1000000}), put(CPU, {"realtimeRuntime": 0}),
     put(CPU, {"realtimeRuntime": 1}))
more("null", "cpu-realtime", "---", put(CPU, {"realtimeRuntime": None}))

PLACE = "linux.cgroupsPath"
trio("cgroups-path-system", "-RR", put(PLACE, "/"), put(PLACE, "/system.slice/x.service/libpod-payload-1"), put(PLACE, "/./"))
for kind, path in (("init", "/init.scope"), ("system", "/system.slice"), ("user", "/user.slice/"), ("machine", "/./machine.slice"),
                   ("service", "/system.slice/ssh.service"), ("scope", "/user.slice/session-1.scope"), ("unit", "system.slice::ssh.service")):
    more(kind, "cgroups-path-system", "-RR", put(PLACE, path))
for kind, path in (("docker", "system.slice:docker:1234"), ("rootless", "user.slice:libpod:1234"), ("below", "/kubepods/burstable/pod1/c1"), ("relative", "c1"),
                   ("empty", ""), ("null", None)):
    more(kind, "cgroups-path-system", "---", put(PLACE, path))

trio("cgroup-unified", "-RR", unified("cgroup.procs", "1"), unified("memory.high", "100000000"), unified("memory.max", "max"))
for kind, key, value in (("slash", "memory/high", "1"), ("dotdot", "memory.../x", "1"), ("no-controller", "high", "1"), ("unknown-controller", "cpus.max", "1"),
                         ("no-file", "memory.", "1"), ("lines", "io.max", "8:0 rbps=1\n8:16 rbps=1"), ("higher", "memory.max", "67108865"),
                         ("huge", "memory.max", "99999999999999999999"), ("pids", "pids.max", "max")):
    more(kind, "cgroup-unified", "-RR", unified(key, value))
for kind, key, value in (("unit", "memory.max", "100G"), ("hexadecimal", "memory.max", "0x7fffffffffffffff"), ("octal", "memory.max", "0400000001"),
                         ("blank", "memory.max", " 68719476736"), ("plus", "memory.max", "+1"), ("words", "memory.max", "1 max"),
                         ("pids-unit", "pids.max", "1K"), ("case", "Memory.max", "1"), ("device-list", "devices.allow", "a"), ("tab", "memory.\tmax", "1")):
    more(kind, "cgroup-unified", "-RR", unified(key, value))
more("same-by-unit", "cgroup-unified", "---", unified("memory.max", "64M"))
more("period", "cgroup-unified", "-RR", both(put(CPU, {"quota": 50000}), unified("cpu.max", "50000 1000")))
more("same-period", "cgroup-unified", "---", both(put(CPU, {"quota": 50000}), unified("cpu.max", "50000 100000")))
more("own-period", "cgroup-unified", "---", both(put(CPU, {"quota": 50000, "period": 50000}), unified("cpu.max", "40000 50000")))
more("no-period", "cgroup-unified", "---", both(put(CPU, {"quota": 50000}), unified("cpu.max", "50000")))
more("lower", "cgroup-unified", "---", unified("memory.max", "67108863"))
more("swap", "cgroup-unified", "-RR", both(put(MEMORY + ".swap", 67108864), unified("memory.swap.max", "max")))
more("quota", "cgroup-unified", "-RR", both(put(CPU, {"quota": 50000}), unified("cpu.max", "max 100000")))
more("huge-pages", "cgroup-unified", "-RR", both(put("linux.resources.hugepageLimits", [{"pageSize": "2MB", "limit": 2097152}]), unified("hugetlb.2MB.max", "max")))
more("null", "cgroup-unified", "---", put("linux.resources.unified", None))

trio("memory-policy", "--W", put("linux.memoryPolicy", {"mode": "MPOL_BIND", "nodes": "0"}), put("linux.memoryPolicy", None),
     put("linux.memoryPolicy", {"mode": "MPOL_DEFAULT", "nodes": ""}))
trio("personality", "-RR", put("linux.personality", {"domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"]}), put("linux.personality", {"domain": "LINUX32"}),
     put("linux.personality", {"domain": "SVR4"}))
more("linux", "personality", "---", put("linux.personality", {"domain": "LINUX", "flags": []}))
more("null", "personality", "---", put("linux.personality", None))
more("null", "net-devices", "---", put("linux.netDevices", None))
