# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "namespaces"; run by ../make.py.
trio("ns-mount-missing", R, no_namespace("mount"), no_namespace("cgroup"), put("linux.namespaces", None),
     evasion_also=[(r, "br") for r in ("ns-pid-host", "ns-net-host", "ns-ipc-host", "ns-uts-host")] + [("hostname-without-uts", "pbr")])
trio("ns-pid-host", "-RR", no_namespace("pid"), namespace("pid"), both(no_namespace("pid"), ids(65536)))
trio("ns-net-host", "-RR", no_namespace("network"), namespace("network"), both(no_namespace("network"), put("annotations", {"network": "x"})))
trio("ns-ipc-host", "-RR", no_namespace("ipc"), namespace("ipc"), both(no_namespace("ipc"), put("annotations", {"ipc": "x"})))
trio("ns-uts-host", "-RR", both(no_namespace("uts"), put("hostname", DROP)), namespace("uts"),
     both(no_namespace("uts"), put("hostname", "")))
trio("ns-cgroup-missing", H, no_namespace("cgroup"), namespace("cgroup"), both(no_namespace("cgroup"), put("linux.cgroupsPath", "/x")))
trio("ns-path-invalid", R, namespace("network", path="/proc/self/ns/uts"), namespace("network", path="/proc/self/ns/net"),
     namespace("network", path="/proc/self/../self/ns/net"), evasion_also=[("ns-path-host", "br")], miss_also=[("ns-path-host", "br")])
OWN = [("ns-path-host", "br")]
TYPE = [("ns-path-privileged-type", "br")]
case("path", "ns-mount-missing", R, config(namespace("mount", path="/proc/self/ns/mnt")), also=OWN + TYPE)
trio("ns-path-host", "-RR", namespace("network", path="/proc/self/ns/net"), namespace("network"), namespace("uts", path="/proc/1/root/proc/1/ns/uts"))
for name, kind in (("pid", "pid"), ("ipc", "ipc"), ("uts", "uts"), ("user", "user")):
    more(name, "ns-path-host", "-RR", namespace(kind, path=f"/proc/1/ns/{name}"))
more("thread", "ns-path-host", "-RR", namespace("ipc", path="/proc/thread-self/ns/ipc"))
more("link", "ns-path-host", "-RR", namespace("pid", path="@B@/link"), ['ln -s /proc/1/ns/pid "$B/link"'])
more("cgroup", "ns-path-host", "-RR", namespace("cgroup", path="/proc/1/ns/cgroup"), also=TYPE)
more("time", "ns-path-host", "-RR", namespace("time", path="/proc/self/ns/time"), also=TYPE)
more("empty", "ns-path-host", "---", namespace("network", path=None))
trio("ns-path-privileged-type", "-RR", namespace("cgroup", path="/proc/self/ns/cgroup"), namespace("cgroup", path=None),
     namespace("mount", path="@B@/link"), setup=['ln -s /proc/self/ns/mnt "$B/link"'], also=OWN, evasion_also=OWN + [("ns-mount-missing", "pbr")])
more("gone", "ns-path-privileged-type", "-RR", namespace("time", path="/run/no-such-namespace"))
trio("ns-pid-joined", "--W", namespace("pid", path="/run/no-such-pod/pid"), namespace("pid"), namespace("pid", path="//run/./no-such-pod/pid"))
more("null", "ns-pid-joined", "---", namespace("pid", path=None))
trio("ns-user-missing", "--W", no_namespace("user"), ids(65536), put("annotations", {"user": "x"}))
more("null", "ns-user-missing", "--W", put("linux.namespaces", None), also=[("ns-mount-missing", "pbr"), ("hostname-without-uts", "pbr")]
     + [(r, "br") for r in ("ns-pid-host", "ns-net-host", "ns-ipc-host", "ns-uts-host")])
trio("idmap-host-root", "-RR", two(row(0, 0, 1), row(1, 100000, 65535)), ids(65536), two(row(1000, 100000, 1), row(0, 0, 1)),
     note="the second range")
more("group", "idmap-host-root", "-RR", both(ids(65536), put("linux.gidMappings", [row(0, 0, 1), row(1, 100000, 65536)])))
trio("idmap-system-ids", "-WR", two(row(0, 100000, 65536), row(70000, 999, 1)), ids(65536, host=1000), two(row(0, 100000, 65536), row(70000, 0, 2)),
     evasion_also=[("idmap-host-root", "br")], note="from 0 on")
more("begins-below", "idmap-system-ids", "-WR", ids(65536, host=998))
more("group", "idmap-system-ids", "-WR", both(ids(65536), put("linux.gidMappings", [row(0, 100000, 65536), row(70000, 6, 1)])))
case("hit", "idmap-missing", "-RR", config(namespace("user")), note="as root; an ordinary user's own id is mapped (tests/unit/rules_namespaces.c)")
case("miss", "idmap-missing", "---", config(ids(65536)))
case("evasion", "idmap-missing", "-RR", config(both(namespace("user"), put("linux.uidMappings", []), put("linux.gidMappings", None))))
more("half", "idmap-missing", "-RR", both(namespace("user"), put("linux.uidMappings", [row(0, 100000, 65536)])))
more("path", "idmap-missing", "---", namespace("user", path="/run/no-such-namespace"))
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
more("unmapped-additional-group", "idmap-invalid", R, both(ids(65536), put("process.user.additionalGids", [1000, 65536])))
more("mapped-additional-group", "idmap-invalid", "---", both(ids(65536), put("process.user.additionalGids", [1000, 65535])))
more("no-namespace", "idmap-invalid", R, put("linux.uidMappings", [row(0, 100000, 65536)]))
more("mount", "idmap-invalid", R, lambda c: c["mounts"][1].update(uidMappings=[row(0, 0, 0)]))

# ---- found by attacking (docs/review/baseline.md) ----
SHOWN = both(bind("@B@/data"), lambda c: c["mounts"][-1].update(uidMappings=[row(0, 1000, 1)], gidMappings=[row(0, 1000, 1)]))
more("mount", "idmap-host-root", "-RR", SHOWN, ['mkdir "$B/data"'])
more("mount-in-user-namespace", "idmap-host-root", "---", both(SHOWN, ids(65536)), ['mkdir "$B/data"'])
more("mount-same-id", "idmap-host-root", "---", both(SHOWN, lambda c: c["mounts"][-1].update(uidMappings=[row(0, 0, 1)], gidMappings=[row(1000, 0, 1)])), ['mkdir "$B/data"'])
more("joined", "user-root", "-WR", both(namespace("user", path="/run/no-such-namespace"), put("process.user.uid", 0)))
more("joined-other", "user-root", "---", namespace("user", path="/run/no-such-namespace"))
