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
    return hooks("poststop", **{"timeout": 5, **more})


def hooks(kind, **more):
    """A hook of the host that no other rule minds, but hook-not-allowed."""
    return put("hooks", {kind: [{"path": "/bin/true", **more}]})


plain = json.dumps(BASE, separators=(",", ":"))
R, H = "RRR", "-HH"
DENY = {"allow": False, "access": "rwm"}


def text_trio(rule, hit, miss, evasion, miss_also=()):
    case("hit", rule, R, hit)
    case("miss", rule, "---", miss, also=miss_also)
    case("evasion", rule, R, evasion)


def deep(n):
    return plain[:-1] + ',"x":' + "[" * n + "]" * n + "}"


def more(name, rule, actions, change, setup=(), also=()):
    case(name, rule, actions, config(change), setup, also)


def two(one, other):
    return both(namespace("user"), put("linux.uidMappings", [one, other]), put("linux.gidMappings", [one, other]))


def row(container, host, size):
    return {"containerID": container, "hostID": host, "size": size}


# A file a chapter of the rules, in the order of rules.def; each uses the functions above.
CHAPTERS = ("reading", "process", "rootfs", "namespaces", "mounts", "masks", "seccomp", "devices", "sysctl", "cgroup",
            "hooks", "annotations", "image", "invocation")
for chapter in CHAPTERS:
    file = os.path.join(HERE, "cases", chapter + ".py")
    if os.path.exists(file):
        exec(compile(open(file).read(), file, "exec"))

with open(os.path.join(HERE, "index.json"), "w") as f:
    json.dump({"format": 1, "about": "see make.py", "cases": cases}, f, indent=1)
    f.write("\n")
