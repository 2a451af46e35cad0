# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "sysctl"; run by ../make.py.


def sysctl(key, value="1"):
    return put("linux.sysctl", {key: value})


UNSAFE = [("sysctl-not-safe", "br")]
trio("sysctl-not-namespaced", "-RR", sysctl("kernel.core_pattern", "|/x"), sysctl("kernel.sem", "1 2 3 4"), sysctl("netx.foo"), miss_also=UNSAFE)
for key in ("kernel.shmmax.x", "vm.overcommit_memory", "fs.mqueue", "net", "kernel.hostname.x", "user.max_user_namespaces"):
    more(key.replace(".", "-"), "sysctl-not-namespaced", "-RR", sysctl(key))
more("null", "sysctl-not-namespaced", "---", put("linux.sysctl", None))
trio("sysctl-not-safe", "-RR", sysctl("net.core.somaxconn"), sysctl("net.ipv4.tcp_rmem"), sysctl("net.ipv4.tcp_rmem_"))
for key in ("kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
            "kernel.hostname", "kernel.domainname", "fs.mqueue.msg_max", "net.ipv4.conf.all.forwarding", "net.ipv4.IP_LOCAL_PORT_RANGE"):
    more(key.replace(".", "-").lower(), "sysctl-not-safe", "-RR", sysctl(key))
for key in ("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
            "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time",
            "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_wmem",
            "net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_notsent_lowat"):
    more("ok-" + key.rpartition(".")[2], "sysctl-not-safe", "---", sysctl(key))
more("null", "sysctl-not-safe", "---", put("linux.sysctl", None))
more("not-namespaced", "sysctl-not-safe", "---", sysctl("kernel.panic"), also=[("sysctl-not-namespaced", "br")])
trio("sysctl-host-namespace", R, both(no_namespace("network"), sysctl("net.ipv4.tcp_rmem")),
     sysctl("net.ipv4.tcp_rmem"), both(no_namespace("ipc"), sysctl("fs.mqueue.msg_max")),
     also=[("ns-net-host", "br")], evasion_also=UNSAFE + [("ns-ipc-host", "br")])
trio("sysctl-key-invalid", R, sysctl("net.ipv4/ip_forward"), sysctl("net.ipv4.conf.eth0_1.x"), sysctl("net..ipv4"), also=UNSAFE, miss_also=UNSAFE)
for name, key in (("empty", ""), ("dot-first", ".net"), ("dot-last", "kernel."), ("blank", "kernel. x"), ("slashes", "kernel/shmmax"), ("control", "kernel.x\n")):
    more(name, "sysctl-key-invalid", R, sysctl(key), also=[("sysctl-not-namespaced", "br")])
