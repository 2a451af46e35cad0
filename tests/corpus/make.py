#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write NAME.json and index.json: for each rule a hit, the nearest miss and an evasion.

The expectations are stated here by hand, never taken from what hrun answers.
@B@ in a config stands for the bundle directory; setup lines run in a shell with $B.
"""
import copy
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
LEVELS = ("privileged", "baseline", "restricted")
WORD = {"R": "refuse", "H": "harden", "W": "warn"}

BASE = json.loads("""
{"ociVersion": "1.2.0",
 "process": {"user": {"uid": 1000, "gid": 1000}, "args": ["/bin/true"], "env": ["PATH=/bin"], "cwd": "/",
  "capabilities": {"bounding": [], "effective": [], "permitted": []}, "noNewPrivileges": true},
 "root": {"path": "rootfs", "readonly": true}, "hostname": "c1",
 "mounts": [
  {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
  {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755"]},
  {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
   "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
  {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]}],
 "linux": {
  "cgroupsPath": "/hrun-corpus/c1",
  "resources": {"devices": [{"allow": false, "access": "rwm"}], "memory": {"limit": 67108864}, "pids": {"limit": 64}},
  "namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"},
   {"type": "cgroup"}],
  "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
   "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware",
   "/sys/devices/virtual/powercap", "/sys/fs/selinux"],
  "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
  "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": ["SCMP_ARCH_X86_64"],
   "syscalls": [{"names": ["read", "write", "execve", "exit_group"], "action": "SCMP_ACT_ALLOW"}]}}}
""")

cases = []


def write(name, text):
    with open(os.path.join(HERE, name + ".json"), "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())


def case(kind, rule, actions, text, setup=(), also=(), note=""):
    """ACTIONS: one letter a level, '-' for nothing; ALSO: other rules that refuse, at (level letter p, b, r)."""
    name = f"{rule}.{kind}"
    if not isinstance(text, (str, bytes)):
        text = json.dumps(text, separators=(",", ":"))
    write(name, text)
    expect = {}
    for level, action in zip(LEVELS, actions):
        expect[level] = {"refuse": [], "harden": [], "warn": []}
        if action in WORD:
            expect[level][WORD[action]].append(rule)
        expect[level]["refuse"] += [r for r, levels in also if level[0] in levels]
    cases.append({"file": name + ".json", "kind": kind, "rule": rule, "note": note, "setup": list(setup), "expect": expect})


def config(change=None):
    c = copy.deepcopy(BASE)
    if change:
        change(c)
    return c


def trio(rule, actions, hit, miss, evasion, also=(), setup=(), evasion_also=None, miss_also=(), note=""):
    case("hit", rule, actions, config(hit), setup, also)
    case("miss", rule, "---", config(miss), setup, miss_also)
    case("evasion", rule, actions, config(evasion), setup, also if evasion_also is None else evasion_also, note)


def put(path, value):
    """A change that sets a.b.c (numbers index lists); value None writes null, DROP removes."""
    def change(c):
        *way, last = path.split(".")
        for step in way:
            c = c[int(step) if isinstance(c, list) else step]
        if value is DROP:
            del c[last]
        elif isinstance(c, list):
            c[int(last)] = value
        else:
            c[last] = value
    return change


DROP = object()


def both(*changes):
    def change(c):
        for one in changes:
            one(c)
    return change


def mount(destination, type_, source, *options):
    return lambda c: c["mounts"].append(
        {"destination": destination, "type": type_, "source": source, "options": list(options)})


def bind(source, destination="/data", *options):
    return mount(destination, "bind", source, "rbind", "nosuid", "nodev", *options)


def no_namespace(*types):
    return lambda c: c["linux"].update(namespaces=[n for n in c["linux"]["namespaces"] if n["type"] not in types])


def namespace(type_, **more):
    return both(no_namespace(type_), lambda c: c["linux"]["namespaces"].append({"type": type_, **more}))


def caps(*names, where="bounding"):
    return lambda c: c["process"]["capabilities"].update({where: list(names)})


def device(**more):
    return lambda c: c["linux"].setdefault("devices", []).append({"path": "/dev/x", "type": "c", "major": 1, "minor": 3, **more})


def ids(size, container=0, host=100000):
    one = [{"containerID": container, "hostID": host, "size": size}]
    return both(namespace("user"), put("linux.uidMappings", one), put("linux.gidMappings", one))


def hook(**more):
    return put("hooks", {"poststop": [{"path": "/bin/sh", "timeout": 5, **more}]})


plain = json.dumps(BASE, separators=(",", ":"))
R, H = "RRR", "-HH"

# ---- A: the document ----
def text_trio(rule, hit, miss, evasion, miss_is=None):
    case("hit", rule, R, hit)
    case("miss", rule, "---", miss)
    case("evasion", rule, R, evasion)


def deep(n):
    return plain[:-1] + ',"x":' + "[" * n + "]" * n + "}"


case("hit", "json-too-large", R, plain, ['head -c 1048576 /dev/zero | tr "\\0" " " >> "$B/config.json"'])
case("miss", "json-too-large", "---", config(put("annotations", {"a": "b" * 4096})))
case("hit", "json-too-deep", R, deep(40))
case("miss", "json-too-deep", "---", deep(20), also=[("json-unknown-key", "r")])
case("evasion", "json-too-deep", R, plain[:-1] + ',"x":' + '{"a":[' * 20 + "]}" * 20 + "}", note="objects and lists by turns")
text_trio("json-not-strict", plain + "/* */", plain + "\n ", "\ufeff" + plain)
text_trio("json-duplicate-key", plain[:-1] + ',"hostname":"c2"}', plain[:-1] + ',"domainname":"c1"}',
          plain[:-1] + ',"\\u0068ostname":"c2"}')
text_trio("json-key-case", plain.replace('"hostname"', '"Hostname"'), plain[:-1] + ',"annotations":{"Root":"x","root":"y"}}',
          plain.replace('"linux"', '"\\u004cinux"'))
text_trio("json-nul-in-string", plain.replace('"c1"', '"c1\\u0000x"'), plain.replace('"c1"', '"c1u0000x"'),
          plain[:-1] + ',"annotations":{"a\\u0000b":"x"}}')
text_trio("json-number-range", plain.replace('"uid":1000', '"uid":4294967296'), plain.replace('"uid":1000', '"uid":4294967295'),
          plain.replace('"uid":1000', '"uid":1e3'))
text_trio("json-wrong-type", plain.replace('"readonly":true', '"readonly":"true"'), plain.replace('"readonly":true', '"readonly":null'),
          plain.replace('"noNewPrivileges":true', '"noNewPrivileges":1'))
trio("json-unknown-key", "-WR", put("process.noNewPriviledges", True), put("annotations", {"noNewPriviledges": "true"}),
     put("linux.resources.memory.limits", 1))
trio("oci-version-invalid", R, put("ociVersion", "2.0.0"), put("ociVersion", "1.0.2-dev"), put("ociVersion", "1.2.0/x"))
trio("required-field-missing", R, put("process.args", DROP), put("hostname", DROP), put("process.args", None))
trio("foreign-platform-section", "-WR", put("windows", {"layerFolders": ["x"]}), put("annotations", {"windows": "x"}),
     put("vm", {}))
case("hit", "list-too-long", R, config(put("hooks", {"poststop": [{"path": "/bin/sh", "timeout": 1}] * 65})))
case("miss", "list-too-long", "---", config(put("hooks", {"poststop": [{"path": "/bin/sh", "timeout": 1}] * 64})))
case("evasion", "list-too-long", R, config(put("linux.namespaces", BASE["linux"]["namespaces"] * 3)))

# ---- B: process ----
trio("no-new-privileges", H, put("process.noNewPrivileges", False), put("process.noNewPrivileges", True),
     put("process.noNewPrivileges", None))
trio("caps-dangerous", "-RR", caps("CAP_SYS_ADMIN"), caps("CAP_SYS_CHROOT"), caps("CAP_BPF", where="ambient"))
trio("caps-not-default", "-RR", caps("CAP_SYS_NICE"), caps("CAP_CHOWN"), caps("CAP_WAKE_ALARM", where="permitted"))
trio("caps-inheritable", "-HR", caps("CAP_CHOWN", where="inheritable"), caps(where="inheritable"),
     both(caps("CAP_CHOWN", "CAP_KILL", where="inheritable"), caps("CAP_CHOWN", where="ambient")))
trio("caps-unknown-name", "WRR", caps("cap_chown"), caps("CAP_CHOWN"), caps("CAP_CHOWN "))
trio("user-root", "-WR", put("process.user.uid", 0), both(put("process.user.uid", 0), put("process.user.gid", 0), ids(65536)),
     put("process.user", {"gid": 1000}), note="absent is 0")
trio("cwd-unsafe", R, put("process.cwd", "/proc/self/fd/7"), put("process.cwd", "/process"), put("process.cwd", "/.//proc/./"))
trio("rlimit-invalid", R, put("process.rlimits", [{"type": "RLIMIT_NOFILE", "soft": 20, "hard": 10}]),
     put("process.rlimits", [{"type": "RLIMIT_NOFILE", "soft": 10, "hard": 10}]),
     put("process.rlimits", [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 1}, {"type": "RLIMIT_NOFILE", "soft": 2, "hard": 2}]))

# ---- C: root file system ----
trio("root-path-escape", R, put("root.path", "../rootfs"), put("root.path", "./rootfs/"), put("root.path", "rootfs/../rootfs"))
case("link", "root-path-escape", R, config(put("root.path", "link")), ['ln -s rootfs "$B/link"'])
trio("root-path-host", "-RR", put("root.path", "/usr"), put("root.path", "@B@/rootfs"), put("root.path", "@B@/rootfs/../usr"),
     setup=['ln -s /usr "$B/usr"'], evasion_also=[("root-path-escape", "pbr")], note="a link to it, absolute")
case("hit", "bundle-permissions", "-RR", config(), ['chmod 0770 "$B"'])
case("link", "bundle-permissions", "-RR", config(), ['mv "$B/config.json" "$B/c" && ln -s c "$B/config.json"'])
case("file", "bundle-permissions", "-RR", config(), ['chmod 0664 "$B/config.json"'])
case("miss", "bundle-permissions", "---", config(), ['chmod 0755 "$B"'])
case("evasion", "bundle-permissions", "-RR", config(), ['chmod 1777 "$B"'], note="sticky does not save it")
trio("rootfs-propagation-shared", "-RR", put("linux.rootfsPropagation", "shared"), put("linux.rootfsPropagation", "rslave"),
     put("linux.rootfsPropagation", "rshared"))
trio("rootfs-propagation-unknown", R, put("linux.rootfsPropagation", "public"), put("linux.rootfsPropagation", ""),
     put("linux.rootfsPropagation", "Shared"))

# ---- D: namespaces ----
trio("ns-mount-missing", R, no_namespace("mount"), no_namespace("cgroup"), put("linux.namespaces", None),
     evasion_also=[(r, "br") for r in ("ns-pid-host", "ns-net-host", "ns-ipc-host", "ns-uts-host")] + [("hostname-without-uts", "pbr")])
trio("ns-pid-host", "-RR", no_namespace("pid"), namespace("pid"), both(no_namespace("pid"), namespace("user")))
trio("ns-net-host", "-RR", no_namespace("network"), namespace("network"), both(no_namespace("network"), put("annotations", {"network": "x"})))
trio("ns-ipc-host", "-RR", no_namespace("ipc"), namespace("ipc"), both(no_namespace("ipc"), put("annotations", {"ipc": "x"})))
trio("ns-uts-host", "-RR", both(no_namespace("uts"), put("hostname", DROP)), namespace("uts"),
     both(no_namespace("uts"), put("hostname", "")))
trio("ns-cgroup-missing", H, no_namespace("cgroup"), namespace("cgroup"), both(no_namespace("cgroup"), put("linux.cgroupsPath", "/x")))
trio("ns-path-invalid", R, namespace("network", path="/proc/self/ns/uts"), namespace("network", path="/proc/self/ns/net"),
     namespace("network", path="/proc/self/../self/ns/net"), evasion_also=[("ns-net-host", "br")], miss_also=[("ns-net-host", "br")])
for name, kind in (("pid", "pid"), ("net", "network"), ("ipc", "ipc"), ("uts", "uts"), ("mount", "mount")):
    case("path", f"ns-{name}-missing" if name == "mount" else f"ns-{name}-host", R if name == "mount" else "-RR",
         config(namespace(kind, path=f"/proc/self/ns/{'mnt' if name == 'mount' else name}")))
case("path", "ns-cgroup-missing", H, config(namespace("cgroup", path="/proc/thread-self/ns/cgroup")))
case("relative", "ns-path-invalid", R, config(namespace("network", path="run/netns/x")))
case("file", "ns-path-invalid", R, config(namespace("network", path="@B@/config.json")))
trio("ns-duplicate", R, lambda c: c["linux"]["namespaces"].append({"type": "pid"}), namespace("time"),
     lambda c: c["linux"]["namespaces"].append({"type": "PID"}))
trio("idmap-invalid", R, ids(0), ids(4294867296), ids(4294867297), note="start + size is one above 2^32")
trio("time-offsets-invalid", R, put("linux.timeOffsets", {"monotonic": {"secs": 1}}),
     both(namespace("time"), put("linux.timeOffsets", {"monotonic": {"secs": 1}})),
     both(namespace("time"), put("linux.timeOffsets", {"realtime": {"secs": 1}})), evasion_also=[("json-unknown-key", "r")])

# ---- E: mounts ----
trio("mount-host-root", "-RR", bind("/"), bind("@B@"), mount("/data", "none", "/proc/self/root", "rbind", "nosuid", "nodev"))
trio("mount-source-escape", R, bind("../x"), bind("a/../x"), bind("a/./..//../x"))
trio("mount-dest-invalid", R, mount("data", "tmpfs", "tmpfs", "nosuid", "nodev"), mount("/..data", "tmpfs", "tmpfs", "nosuid", "nodev"),
     mount("/data/..", "tmpfs", "tmpfs", "nosuid", "nodev"))
trio("mount-dest-root", "-RR", mount("/", "tmpfs", "tmpfs", "nosuid", "nodev"), mount("/root", "tmpfs", "tmpfs", "nosuid", "nodev"),
     mount("//./", "tmpfs", "tmpfs", "nosuid", "nodev"))
trio("mount-dest-proc-sys", "-RR", mount("/proc/self", "tmpfs", "tmpfs", "nosuid", "nodev"), bind("@B@/config.json", "/proc/meminfo"),
     mount("/link/self", "tmpfs", "tmpfs", "nosuid", "nodev"), setup=['ln -s /proc "$B/rootfs/link"'])
trio("mount-proc-options", H, put("mounts.0.options", ["nosuid", "noexec"]), put("mounts.0.options", ["nodev", "nosuid", "noexec", "ro"]),
     put("mounts.0.options", ["nosuid", "noexec", "nodev", "dev"]), note="the last word wins")
trio("mount-proc-elsewhere", "-RR", mount("/p", "proc", "proc", "nosuid"), mount("/p", "tmpfs", "proc", "nosuid", "nodev"),
     mount("/p", "sysfs", "proc", "ro"))
trio("mount-sysfs-writable", "-RR", put("mounts.3.options", ["nosuid"]), put("mounts.3.options", ["rw", "ro"]),
     put("mounts.3.options", ["ro", "rw"]))
trio("mount-type-unsafe", "-RR", mount("/data", "ext4", "/dev/sda1", "ro"), mount("/data", "none", "@B@", "bind", "nosuid", "nodev"),
     mount("/data", "debugfs", "tmpfs"))
trio("mount-bind-nosuid-nodev", H, mount("/data", "bind", "@B@/rootfs", "rbind"), mount("/dev/null", "bind", "/dev/null", "bind"),
     mount("/data", "bind", "@B@/rootfs", "bind", "nosuid", "nodev", "suid"))
trio("mount-tmpfs-options", H, mount("/tmp", "tmpfs", "tmpfs", "nosuid"), put("mounts.1.options", ["nosuid"]),
     mount("/tmp", "tmpfs", "tmpfs", "nodev", "nosuid", "dev"))
trio("mount-devpts-options", H, put("mounts.2.options", ["ptmxmode=0666"]), put("mounts.2.options", ["newinstance", "mode=0620"]),
     put("mounts.2.options", ["newinstance", "mode=0620", "mode=0622"]))
trio("mount-dev-missing", H, lambda c: c["mounts"].pop(1), put("mounts.1.destination", "//dev/"), put("mounts.1.destination", "/dev/x"))

# ---- F: masks ----
trio("masked-paths-absent", "-RR", put("linux.maskedPaths", []), put("linux.maskedPaths", ["/proc/kcore"]), put("linux.maskedPaths", None))
trio("masked-paths-incomplete", H, put("linux.maskedPaths", BASE["linux"]["maskedPaths"][1:]),
     put("linux.maskedPaths", ["/proc", "/sys"]), put("linux.maskedPaths", ["/proc", "/sys/firmwar", "/sys/fs/selinux", "/sys/devices"]))
trio("readonly-paths-absent", "-RR", put("linux.readonlyPaths", []), put("linux.readonlyPaths", ["/proc/sys"]), put("linux.readonlyPaths", None))
trio("readonly-paths-incomplete", H, put("linux.readonlyPaths", BASE["linux"]["readonlyPaths"][1:]), put("linux.readonlyPaths", ["/proc"]),
     put("linux.readonlyPaths", ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys/kernel", "/proc/sysrq-trigger"]))
trio("masked-path-invalid", R, lambda c: c["linux"]["maskedPaths"].append("proc/x"), lambda c: c["linux"]["maskedPaths"].append("/proc/..x"),
     lambda c: c["linux"]["readonlyPaths"].append("/proc/x/"))

# ---- G: seccomp ----
trio("seccomp-absent", H, put("linux.seccomp", DROP), put("linux.seccomp", {"defaultAction": "SCMP_ACT_ERRNO"}), put("linux.seccomp", None))
trio("seccomp-default-allow", "-RR", put("linux.seccomp.defaultAction", "SCMP_ACT_ALLOW"), put("linux.seccomp.defaultAction", "SCMP_ACT_KILL"),
     put("linux.seccomp.defaultAction", "SCMP_ACT_LOG"))
trio("seccomp-invalid", R, put("linux.seccomp.syscalls.0.action", "ALLOW"), put("linux.seccomp.syscalls.0.args", [{"index": 5, "value": 1, "op": "SCMP_CMP_EQ"}]),
     put("linux.seccomp.syscalls.0.args", [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]))

# ---- H: devices ----
trio("device-block", "-RR", device(type="b", major=8, minor=0), device(major=8, minor=0), device(type="b", major=1, minor=3, path="/dev/null"))
trio("device-memory", "-RR", device(major=1, minor=1), device(major=1, minor=3), device(type="u", major=202, minor=7, path="/dev/null"))
trio("device-path-invalid", R, device(path="/etc/x"), device(path="/dev/sub/x"), device(path="/dev/../x"))
DENY = {"allow": False, "access": "rwm"}
trio("device-cgroup-allow-all", "-RR", put("linux.resources.devices", [DENY, {"allow": True, "access": "rwm"}]),
     put("linux.resources.devices", [DENY, {"allow": True, "type": "c", "access": "m"}, {"allow": True, "type": "c", "major": 5, "access": "rwm"}]),
     put("linux.resources.devices", [DENY, {"allow": True, "type": "b", "major": -1, "minor": 0, "access": "r"}]))
trio("device-cgroup-no-deny", H, put("linux.resources.devices", []),
     put("linux.resources.devices", [{"allow": False, "type": "a", "major": -1, "minor": -1}, {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "r"}]),
     put("linux.resources.devices", [{"allow": False, "access": "rw"}]))

# ---- I, J: sysctls, cgroup, names ----
trio("sysctl-not-namespaced", "-RR", put("linux.sysctl", {"kernel.core_pattern": "|/x"}), put("linux.sysctl", {"kernel.sem": "1 2 3 4"}),
     put("linux.sysctl", {"netx.foo": "1"}))
trio("sysctl-host-namespace", R, both(no_namespace("network"), put("linux.sysctl", {"net.ipv4.ip_forward": "1"})),
     put("linux.sysctl", {"net.ipv4.ip_forward": "1"}), both(no_namespace("ipc"), put("linux.sysctl", {"fs.mqueue.msg_max": "1"})),
     also=[("ns-net-host", "br")], evasion_also=[("ns-ipc-host", "br")])
trio("sysctl-key-invalid", R, put("linux.sysctl", {"net.ipv4/ip_forward": "1"}), put("linux.sysctl", {"net.ipv4.conf.eth0_1.x": "1"}),
     put("linux.sysctl", {"net..ipv4": "1"}))
trio("cgroups-path-escape", R, put("linux.cgroupsPath", "/a/../../b"), put("linux.cgroupsPath", "system.slice:libpod:c1"),
     put("linux.cgroupsPath", "system.slice:../x:y"))
trio("hostname-without-uts", R, no_namespace("uts"), put("hostname", "h" * 64), put("domainname", "a/b"), also=[("ns-uts-host", "br")], evasion_also=[])

trio("scheduler-realtime", "-RR", put("process.scheduler", {"policy": "SCHED_FIFO", "priority": 1}),
     put("process.scheduler", {"policy": "SCHED_BATCH", "nice": 19}), put("process.scheduler", {"policy": "SCHED_OTHER", "nice": -1}))
trio("io-priority-realtime", "-RR", put("process.ioPriority", {"class": "IOPRIO_CLASS_RT", "priority": 7}),
     put("process.ioPriority", {"class": "IOPRIO_CLASS_BE", "priority": 0}), put("process.ioPriority", {"class": "IOPRIO_CLASS_RT"}))

trio("net-devices", "-RR", put("linux.netDevices", {"eth0": {}}), put("linux.netDevices", {}), put("linux.netDevices", {"eth0": {"name": "lo"}}))

trio("seccomp-listener", "-RR", put("linux.seccomp.listenerPath", "/run/agent.sock"), put("linux.seccomp.listenerPath", ""),
     put("linux.seccomp.listenerMetadata", "x"))
trio("seccomp-trace", "-RR", put("linux.seccomp.syscalls.0.action", "SCMP_ACT_TRACE"), put("linux.seccomp.syscalls.0.action", "SCMP_ACT_TRAP"),
     put("linux.seccomp.defaultAction", "SCMP_ACT_TRACE"))

trio("intel-rdt", "-RR", put("linux.intelRdt", {"closID": "a"}), put("linux.intelRdt", None), put("linux.intelRdt", {}))

# ---- K, L: hooks, annotations ----
trio("hook-path-invalid", R, hook(path="sh"), hook(), hook(path="/etc/passwd"))
trio("hook-timeout", H, put("hooks", {"poststop": [{"path": "/bin/sh"}]}), hook(), put("hooks", {"poststop": [{"path": "/bin/sh", "timeout": None}]}))
trio("annotation-policy-override", R, put("annotations", {"io.hrun.level": "privileged"}), put("annotations", {"io.hrunner.level": "x"}),
     put("annotations", {"org.hrun.": "x"}))
case("base", "annotation-policy-override", "---", config(), note="the base config itself")

# ---- every clause of a rule that the three cases above do not reach ----
def more(name, rule, actions, change, setup=(), also=()):
    case(name, rule, actions, config(change), setup, also)


def two(one, other):
    return both(namespace("user"), put("linux.uidMappings", [one, other]), put("linux.gidMappings", [one, other]))


def row(container, host, size):
    return {"containerID": container, "hostID": host, "size": size}


more("overlap-inside", "idmap-invalid", R, two(row(0, 100000, 2000), row(1999, 200000, 10)))
more("overlap-outside", "idmap-invalid", R, two(row(0, 100000, 2000), row(2000, 101999, 10)))
more("adjacent", "idmap-invalid", "---", two(row(0, 100000, 2000), row(2000, 102000, 10)))
more("unmapped-user", "idmap-invalid", R, both(ids(65536), put("process.user.uid", 65536)))
more("unmapped-group", "idmap-invalid", R, both(ids(65536), put("process.user.gid", 65536)))
more("no-namespace", "idmap-invalid", R, put("linux.uidMappings", [row(0, 100000, 65536)]))
more("mount", "idmap-invalid", R, lambda c: c["mounts"][1].update(uidMappings=[row(0, 0, 0)]))
more("link-on-the-way", "root-path-escape", R, put("root.path", "way/lib"), ['ln -s /usr "$B/way"'], [("root-path-host", "br")])
more("sys", "mount-dest-proc-sys", "-RR", mount("/sys/kernel", "tmpfs", "tmpfs", "nosuid", "nodev"))
more("bind-on-proc", "mount-dest-proc-sys", "-RR", mount("/proc", "proc", "@B@", "bind", "nosuid", "nodev"))
more("not-there-yet", "mount-dest-proc-sys", "-RR", mount("/link/a/b", "tmpfs", "tmpfs", "nosuid", "nodev"), ['ln -s proc "$B/rootfs/link"'])
more("cgroup", "mount-dest-proc-sys", "---", mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro"))
more("twice", "device-path-invalid", R, both(device(), device(minor=5)))
more("no-access", "device-cgroup-allow-all", "-RR", put("linux.resources.devices", [DENY, {"allow": True}, {"allow": False, "type": "b"}]))
more("denied-later", "device-cgroup-allow-all", "---", put("linux.resources.devices", [DENY, {"allow": True, "access": "rwm"}, {"allow": False}]))
more("all-majors", "device-path-invalid", R, device(major=-1))
more("no-number", "device-path-invalid", R, put("linux.devices", [{"path": "/dev/x", "type": "c", "major": 1}]))
more("fifo", "device-path-invalid", "---", put("linux.devices", [{"path": "/dev/x", "type": "p"}]))
more("type", "device-path-invalid", R, device(type="s"))
more("pts", "device-path-invalid", R, device(path="/dev/pts/9"))
more("four-parts", "cgroups-path-escape", R, put("linux.cgroupsPath", "a.slice:b:c:d"))
more("no-slice", "cgroups-path-escape", R, put("linux.cgroupsPath", "a:b:c"))
more("newline", "cgroups-path-escape", R, put("linux.cgroupsPath", "/a\nb"))
more("slashes", "cgroups-path-escape", R, put("linux.cgroupsPath", "/a//b"))
more("long", "hostname-without-uts", R, put("hostname", "h" * 65))
more("directory", "hook-path-invalid", R, hook(path="/etc"))
more("absent", "hook-path-invalid", R, hook(path="/absent/hook"))
more("hook-timeout", "json-number-range", R, hook(timeout=0))
more("in-rootfs", "hook-path-invalid", R, put("hooks", {"startContainer": [{"path": "/bin/x", "timeout": 5}]}), ['touch "$B/rootfs/bin/x"'])
more("in-rootfs-ok", "hook-path-invalid", "---", put("hooks", {"startContainer": [{"path": "/bin/x", "timeout": 5}]}),
     ['install -m 755 /dev/null "$B/rootfs/bin/x"'])
more("root", "masked-path-invalid", R, lambda c: c["linux"]["readonlyPaths"].append("/"))
more("mode-9", "mount-devpts-options", H, put("mounts.2.options", ["newinstance", "mode=0609"]))
more("ptmxmode", "mount-devpts-options", H, put("mounts.2.options", ["newinstance", "ptmxmode=0660"]))
more("operator", "seccomp-invalid", R, put("linux.seccomp.syscalls.0.args", [{"index": 1, "value": 1, "op": "=="}]))
more("flag", "seccomp-invalid", R, put("linux.seccomp.flags", ["TSYNC"]))
more("no-names", "seccomp-invalid", R, put("linux.seccomp.syscalls.0.names", []))
more("unknown-type", "rlimit-invalid", R, put("process.rlimits", [{"type": "RLIMIT_X", "soft": 1, "hard": 1}]))
more("relative", "cwd-unsafe", R, put("process.cwd", "tmp"))
more("dotdot", "cwd-unsafe", R, put("process.cwd", "/tmp/../x"))
more("mapped-to-host", "user-root", "-WR", both(put("process.user", {"uid": 0, "gid": 0}), ids(1, host=0)))

with open(os.path.join(HERE, "index.json"), "w") as f:
    json.dump({"format": 1, "about": "see make.py", "cases": cases}, f, indent=1)
    f.write("\n")
