# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "namespaces"; run by ../make.py.
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
more("overlap-inside", "idmap-invalid", R, two(row(0, 100000, 2000), row(1999, 200000, 10)))
more("overlap-outside", "idmap-invalid", R, two(row(0, 100000, 2000), row(2000, 101999, 10)))
more("adjacent", "idmap-invalid", "---", two(row(0, 100000, 2000), row(2000, 102000, 10)))
more("unmapped-user", "idmap-invalid", R, both(ids(65536), put("process.user.uid", 65536)))
more("unmapped-group", "idmap-invalid", R, both(ids(65536), put("process.user.gid", 65536)))
more("no-namespace", "idmap-invalid", R, put("linux.uidMappings", [row(0, 100000, 65536)]))
more("mount", "idmap-invalid", R, lambda c: c["mounts"][1].update(uidMappings=[row(0, 0, 0)]))
