# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "sysctl"; run by ../make.py.
trio("sysctl-not-namespaced", "-RR", put("linux.sysctl", {"kernel.core_pattern": "|/x"}), put("linux.sysctl", {"kernel.sem": "1 2 3 4"}),
     put("linux.sysctl", {"netx.foo": "1"}))
trio("sysctl-host-namespace", R, both(no_namespace("network"), put("linux.sysctl", {"net.ipv4.ip_forward": "1"})),
     put("linux.sysctl", {"net.ipv4.ip_forward": "1"}), both(no_namespace("ipc"), put("linux.sysctl", {"fs.mqueue.msg_max": "1"})),
     also=[("ns-net-host", "br")], evasion_also=[("ns-ipc-host", "br")])
trio("sysctl-key-invalid", R, put("linux.sysctl", {"net.ipv4/ip_forward": "1"}), put("linux.sysctl", {"net.ipv4.conf.eth0_1.x": "1"}),
     put("linux.sysctl", {"net..ipv4": "1"}))
