# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "cgroup"; run by ../make.py.
trio("cgroups-path-escape", R, put("linux.cgroupsPath", "/a/../../b"), put("linux.cgroupsPath", "system.slice:libpod:c1"),
     put("linux.cgroupsPath", "system.slice:../x:y"))
trio("hostname-without-uts", R, no_namespace("uts"), put("hostname", "h" * 64), put("domainname", "a/b"), also=[("ns-uts-host", "br")], evasion_also=[])
trio("net-devices", "-RR", put("linux.netDevices", {"eth0": {}}), put("linux.netDevices", {}), put("linux.netDevices", {"eth0": {"name": "lo"}}))
trio("intel-rdt", "-RR", put("linux.intelRdt", {"closID": "a"}), put("linux.intelRdt", None), put("linux.intelRdt", {}))
more("four-parts", "cgroups-path-escape", R, put("linux.cgroupsPath", "a.slice:b:c:d"))
more("no-slice", "cgroups-path-escape", R, put("linux.cgroupsPath", "a:b:c"))
more("newline", "cgroups-path-escape", R, put("linux.cgroupsPath", "/a\nb"))
more("slashes", "cgroups-path-escape", R, put("linux.cgroupsPath", "/a//b"))
more("long", "hostname-without-uts", R, put("hostname", "h" * 65))
