# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "mounts"; run by ../make.py.
N = "-RR"
ID = "0123456789abcdef" * 4
UUID = "01234567-89ab-cdef-0123-456789abcdef"
CRI = "/run/containerd/io.containerd.grpc.v1.cri/sandboxes/"
STORAGE = "/var/lib/containers/storage/"


def also(*rules, levels="br"):
    return [(rule, levels) for rule in rules]


def tmpfs(destination, *options):
    return mount(destination, "tmpfs", "tmpfs", "nosuid", "nodev", "noexec", *options)


def file_bind(source, destination="/data", *options):
    return mount(destination, "bind", source, "bind", "nosuid", "nodev", *options)


HOST_PATH = [("mount-host-path", "r")]
CONFLICT, SUID, LINK, SYSTEM, STATE, DUPLICATE, PROC = (f"mount-{name}" for name in (
    "option-conflict", "explicit-suid-dev", "dest-symlink", "host-system-dir", "engine-state", "duplicate-dest", "host-proc"))

# ---- sources ----
trio("mount-host-root", N, bind("/"), bind("@B@/volume"), mount("/data", "none", "/proc/self/root", "rbind", "nosuid", "nodev"),
     evasion_also=also(PROC))
more("read-only", "mount-host-root", N, bind("/", "/host", "ro"))
more("spelled", "mount-host-root", N, bind("//.//", "/host", "ro"))
more("dotdot", "mount-host-root", N, bind("/etc/../", "/host", "ro"))
more("link", "mount-host-root", N, bind("@B@/link", "/host", "ro"), ['ln -s / "$B/link"'])

trio("mount-host-system-dir", N, bind("/etc"), bind("/etc/hosts", "/etc/hosts", "ro"), bind("@B@/link", "/h", "ro"),
     setup=['ln -s /etc "$B/link"'], also=also(STATE))
for i, path in enumerate(("/etc/cron.d", "/usr/share", "/bin", "/sbin", "/lib", "/boot", "/var/log/app", "/var/spool/cron/root", "/run/systemd",
                          "/run/udev/data", "/opt/cni/bin", "/etc/passwd", "/usr/bin/catatonitx", "/etc/ssl/private", "/usr/lib/moduless")):
    more(f"below-{i}", "mount-host-system-dir", N, bind(path, "/h", "ro"))
for i, path in enumerate(("/var/spool", "/opt", "/run/../opt")):
    more(f"above-{i}", "mount-host-system-dir", N, bind(path, "/h", "ro"))
for i, path in enumerate(("/var", "/run", "/var/lib", "/home", "/root", "/var/run")):
    more(f"whole-{i}", "mount-host-system-dir", N, bind(path, "/h", "ro"), also=also(STATE))
for i, path in enumerate(("/etc/localtime", "/etc/timezone", "/etc/resolv.conf", "/etc/hosts", "/etc/machine-id", "/etc/ssl/certs", "/etc/pki/tls/certs",
                          "/usr/share/zoneinfo/UTC", "/lib/modules", "/usr/libexec/podman/catatonit", "/usr/bin/docker-init")):
    more(f"public-{i}", "mount-host-system-dir", "---", file_bind(path, "/h", "ro"))
for i, path in enumerate(("/etc/hosts", "/etc/resolv.conf", "/usr/share/zoneinfo", "/lib/modules", "/usr/bin/catatonit")):
    more(f"public-rw-{i}", "mount-host-system-dir", N, file_bind(path, "/h"))
more("public-rw-last", "mount-host-system-dir", N, file_bind("/etc/hosts", "/h", "ro", "rw"), also=also(CONFLICT))
more("public-rro", "mount-host-system-dir", "---", mount("/h", "bind", "/etc/hosts", "rbind", "nosuid", "nodev", "rro"))
for i, path in enumerate(("/etcx", "/usrlocal", "/srv/etc", "/opt/app", "/var/logs", "/var/spool/mail", "/var/cache", "/home/u/src", "/run/systemdx")):
    more(f"apart-{i}", "mount-host-system-dir", "---", bind(path, "/h", "ro"), also=HOST_PATH)
more("dotdot", "mount-host-system-dir", N, bind("/srv/../etc/cron.d", "/h", "ro"))
more("link-below", "mount-host-system-dir", N, bind("@B@/l/default", "/h", "ro"), ['ln -s /etc "$B/l"'])
more("relative-link", "mount-host-system-dir", N, bind("l/default", "/h", "ro"), ['ln -s /etc "$B/l"'], also=[("mount-source-escape", "pbr")])
more("tmpfs", "mount-host-system-dir", "---", mount("/h", "tmpfs", "/etc", "nosuid", "nodev", "noexec"))

trio("mount-engine-state", N, bind("/var/lib/docker", "/h", "ro"), bind("/var/lib/dockerdata", "/h", "ro"),
     bind("/var/lib/docker/volumes/../containers/" + ID + "/hosts/..", "/h", "ro"), miss_also=HOST_PATH)
for i, path in enumerate(("/var/lib/kubelet", "/var/lib/kubelet/pki", "/var/lib/containerd/x", "/var/lib/crio", "/var/lib/cni/networks", "/var/lib/rancher/k3s",
                          "/var/lib/k0s", "/var/lib/etcd/member", "/run/containerd/x", "/run/containers/storage", "/run/crio", "/run/docker/x", "/run/podman",
                          "/run/user/1000/containers", "/run/user/1000", "/run/user", "/home/u/.local/share/containers/storage", "/home/u",
                          "/home/u/.local", STORAGE + "overlay", STORAGE + "volumes", STORAGE + "volumes/v", STORAGE + "overlay-containers/" + ID + "/userdata",
                          STORAGE + "overlay-containers/" + ID + "/userdata/config.json", CRI + ID, CRI + ID[:-1] + "/shm", CRI + ID.upper() + "/shm",
                          CRI + ID + "/shm/../config", "/var/lib/docker/containers/" + ID + "/config.v2.json", "/var/lib/docker/volumes/a b/_data",
                          "/var/lib/docker/volumes/v/_datax", "/var/lib/docker/volumes/.v/_data", "/var/lib/kubelet/pods", "/var/lib/kubelet/pods/" + UUID,
                          "/var/lib/kubelet/pods/" + UUID + "/plugins", "/var/lib/kubelet/pods/" + UUID[:-1] + "/etc-hosts",
                          "/var/lib/kubelet/pods/" + UUID.upper() + "/etc-hosts", "/var/lib/kubelet/pods/12/plugins", "/var/run/containerd/x")):
    more(f"path-{i}", "mount-engine-state", N, bind(path, "/h", "ro"))
for i, path in enumerate(("/etc/kubernetes", "/root/.kube", "/root/.docker/config.json")):
    more(f"credentials-{i}", "mount-engine-state", N, bind(path, "/h", "ro"), also=also(SYSTEM))
for i, path in enumerate((STORAGE + "overlay-containers/" + ID + "/userdata/hosts", STORAGE + "vfs-containers/" + ID + "/userdata/shm",
                          "/run/containers/storage/overlay-containers/" + ID + "/userdata/run/secrets/x", STORAGE + "volumes/v.1/_data", STORAGE + "overlay/" + ID + "/merged",
                          "/run/user/1000/containers/vfs-containers/" + ID + "/userdata/hosts", "/home/u/.local/share/containers/storage/volumes/v/_data",
                          CRI + ID + "/shm", "/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/" + ID + "/hostname", "/var/lib/docker/containers/" + ID + "/hosts",
                          "/var/lib/docker/volumes/v/_data/sub", "/var/lib/kubelet/pods/" + UUID + "/etc-hosts", "/var/lib/kubelet/pods/" + UUID + "/volumes/kubernetes.io~empty-dir/x",
                          "/var/lib/kubelet/pods/" + UUID + "/volume-subpaths/a/b/0", "/var/lib/kubelet/pods/" + UUID + "/containers/c/1234")):
    more(f"managed-{i}", "mount-engine-state", "---", bind(path, "/h"))

trio("mount-engine-socket", N, file_bind("/run/docker.sock", "/s", "ro"), file_bind("/run/docker.socket", "/s", "ro"), file_bind("@B@/x", "/s"),
     setup=['ln -s /run/docker.sock "$B/docker.sock"; ln -s /nowhere/docker.sock "$B/x"; rm "$B/x"; mkdir "$B/d"; touch "$B/d/docker.sock"; ln -s d/docker.sock "$B/x"'],
     miss_also=HOST_PATH)
for i, name in enumerate(("containerd.sock", "containerd.sock.ttrpc", "podman.sock", "crio.sock", "cri-dockerd.sock", "dockershim.sock", "buildkitd.sock",
                          "system_bus_socket", "nri.sock", "kubelet.sock", "systemd/private")):
    more(f"name-{i}", "mount-engine-socket", N, file_bind("/srv/" + name, "/s", "ro"))
more("state", "mount-engine-socket", N, file_bind("/run/podman/podman.sock", "/s"), also=also(STATE))
more("old-name", "mount-engine-socket", N, file_bind("/var/run/docker.sock", "/var/run/docker.sock"))
more("parent", "mount-engine-socket", N, bind("@B@/d", "/d", "ro"), ['mkdir "$B/d"; touch "$B/d/podman.sock"'])
more("grandparent", "mount-engine-socket", "---", bind("@B@/d", "/d", "ro"), ['mkdir -p "$B/d/e"; touch "$B/d/e/podman.sock"'])
more("private", "mount-engine-socket", N, bind("@B@/systemd", "/d", "ro"), ['mkdir "$B/systemd"; touch "$B/systemd/private"'])
more("a-private-file", "mount-engine-socket", "---", bind("@B@/d", "/d", "ro"), ['mkdir "$B/d"; touch "$B/d/private"'])
SOCKET = ["test $(id -u) = 0", "python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' \"$B/any\""]
more("roots", "mount-engine-socket", "-WW", file_bind("@B@/any", "/s"), SOCKET)
more("not-roots", "mount-engine-socket", "---", file_bind("@B@/any", "/s"), SOCKET + ['chown 1000 "$B/any"'])

trio("mount-host-proc", N, bind("/proc/1", "/p", "ro"), bind("/procx", "/p", "ro"), bind("@B@/link", "/p", "ro"), setup=['ln -s /proc/sys/kernel "$B/link"'],
     miss_also=HOST_PATH)
more("whole", "mount-host-proc", N, bind("/proc", "/p", "ro"))
more("fd", "mount-host-proc", N, bind("/dev/fd", "/p"), also=also("mount-host-dev"))
more("cwd", "mount-host-proc", N, bind("/proc/self/cwd", "/p", "ro"))
more("magic-link", "mount-host-proc", N, bind("@B@/link", "/p", "ro"), ['ln -s /proc/self/cwd "$B/link"'])
more("namespace", "mount-host-proc", N, file_bind("@B@/ns", "/p"), ['ln -s /proc/self/ns/net "$B/ns"'])

trio("mount-host-sys", N, bind("/sys/kernel", "/s", "ro"), bind("/system", "/s", "ro"), bind("@B@/link", "/s", "ro"), setup=['ln -s /sys/kernel "$B/link"'],
     miss_also=HOST_PATH)
more("cgroup", "mount-host-sys", N, bind("/sys/fs/cgroup", "/sys/fs/cgroup", "ro"))
SYS = both(lambda c: c["mounts"].pop(3), mount("/sys", "none", "/sys", "rbind", "nosuid", "nodev", "noexec", "ro"))
more("rootless", "mount-host-sys", "---", both(SYS, no_namespace("network"), ids(65536)), also=also("ns-net-host"))
more("rootless-as-root", "mount-host-sys", N, both(SYS, no_namespace("network")), also=also("ns-net-host"))
more("rootless-empty-path", "mount-host-sys", N, both(SYS, namespace("network", path=""), ids(65536)))
more("own-network", "mount-host-sys", N, SYS)
more("rootless-rw", "mount-host-sys", N, both(lambda c: c["mounts"].pop(3), bind("/sys", "/sys"), no_namespace("network")), also=also("ns-net-host"))
more("rootless-elsewhere", "mount-host-sys", N, both(bind("/sys", "/host", "ro"), no_namespace("network")), also=also("ns-net-host"))
more("rootless-below", "mount-host-sys", N, both(bind("/sys/kernel", "/sys", "ro"), lambda c: c["mounts"].pop(3), no_namespace("network")), also=also("ns-net-host", "mount-dest-proc-sys"))

trio("mount-host-dev", N, bind("/dev", "/d", "ro"), file_bind("/dev/null", "/dev/null"), file_bind("@B@/zero", "/dev/zero"), setup=['ln -s /dev/ptmx "$B/zero"'])
for i, path in enumerate(("/dev/kmsg", "/dev/sda", "/dev/net/tun", "/dev/mqueue", "/dev/pts", "/dev/pts/ptmx", "/dev/nullx", "/dev/ptmx", "/dev/shm/x", "/dev/shm")):
    more(f"path-{i}", "mount-host-dev", N, bind(path, "/d", "ro"))
more("shared-memory", "mount-host-dev", "---", both(bind("/dev/shm", "/dev/shm"), no_namespace("ipc")), also=also("ns-ipc-host"))
more("devtmpfs", "mount-host-dev", N, mount("/d", "devtmpfs", "devtmpfs", "ro"), also=also("mount-type-unsafe"))
for i, path in enumerate(("/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")):
    more(f"harmless-{i}", "mount-host-dev", "---", file_bind(path, path))
# A node with another name; its number counts.
NODE = ["test $(id -u) = 0"]
more("number", "mount-host-dev", N, file_bind("@B@/null", "/dev/null"), NODE + ['mknod "$B/null" c 1 11'])
more("block", "mount-host-dev", N, file_bind("@B@/null", "/dev/x"), NODE + ['mknod "$B/null" b 7 0'])
more("harmless-number", "mount-host-dev", "---", file_bind("@B@/mem", "/dev/x"), NODE + ['mknod "$B/mem" c 1 3'])

trio("mount-host-path", "--R", bind("/srv/data"), bind("@B@/data"), bind("@B@/link"), setup=['mkdir "$B/data"; ln -s /srv "$B/link"'])
more("bundle", "mount-host-path", "--R", bind("@B@"))
more("absent", "mount-host-path", "--R", bind("/srv/nothing-here", "/h", "ro"))
more("relative", "mount-host-path", "---", bind("data"), ['mkdir "$B/data"'])
more("unicode-slash", "mount-host-path", "--R", bind("/srv∕..∕etc", "/h", "ro"))
more("managed", "mount-host-path", "---", bind("/var/lib/docker/volumes/v/_data"))
more("null", "mount-host-path", "---", both(bind("@B@/data"), put("mounts.4.source", None)))

trio("mount-source-escape", R, bind("../x"), bind("a/../x"), bind("a/./..//../x"), also=HOST_PATH)
more("link", "mount-source-escape", R, bind("l/x"), ['ln -s ../.. "$B/l"'])
more("link-inside", "mount-source-escape", "---", bind("l/x"), ['ln -s . "$B/l"; mkdir "$B/x"'])
more("absolute", "mount-source-escape", "---", bind("/srv/../srv/x"), also=HOST_PATH)

WW = "-WW"
trio("mount-source-not-canonical", WW, bind("@B@/./data"), bind("@B@/data"), bind("@B@/link"), setup=['mkdir "$B/data"; ln -s data "$B/link"'])
for i, path in enumerate(("@B@//data", "@B@/data/", "@B@/x/../data", "./data", "data/", "x/../data", "link")):
    more(f"path-{i}", "mount-source-not-canonical", WW, bind(path), ['mkdir "$B/data" "$B/x"; ln -s data "$B/link"'])
more("relative", "mount-source-not-canonical", "---", bind("data"), ['mkdir "$B/data"'])
more("link-on-the-way", "mount-source-not-canonical", WW, bind("@B@/l/data"), ['mkdir "$B/data"; ln -s . "$B/l"'])
more("absent", "mount-source-not-canonical", WW, bind("/srv//nothing-here"), also=HOST_PATH)
more("tmpfs", "mount-source-not-canonical", "---", mount("/h", "tmpfs", "/x//y", "nosuid", "nodev", "noexec"))

# ---- destinations ----
trio("mount-dest-invalid", R, mount("data", "tmpfs", "tmpfs", "nosuid", "nodev"), tmpfs("/..data"), tmpfs("/data/.."))
trio("mount-dest-root", N, tmpfs("/"), tmpfs("/root"), tmpfs("//./"))
more("link", "mount-dest-root", N, tmpfs("/link"), ['ln -s / "$B/rootfs/link"'])
trio("mount-dest-proc-sys", N, tmpfs("/proc/self"), bind("@B@/meminfo", "/proc/meminfo"), tmpfs("/link/self"),
     setup=['ln -s /proc "$B/rootfs/link"; touch "$B/meminfo"'], evasion_also=also(LINK))
more("sys", "mount-dest-proc-sys", N, tmpfs("/sys/kernel"))
more("bind-on-proc", "mount-dest-proc-sys", N, put("mounts.0", {"destination": "/proc", "type": "bind", "source": "@B@/volume", "options": ["bind", "nosuid", "nodev"]}))
more("not-there-yet", "mount-dest-proc-sys", N, tmpfs("/link/a/b"), ['ln -s proc "$B/rootfs/link"'], also=also(LINK))
more("cgroup", "mount-dest-proc-sys", "---", mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro"))
more("cgroup-bind-dotdot", "mount-dest-proc-sys", N, bind("/sys/fs/cgroup/../../../srv/x", "/sys/fs/cgroup"), also=HOST_PATH)
more("relative-link", "mount-dest-proc-sys", N, tmpfs("/a/l/x"), ['mkdir "$B/rootfs/a"; ln -s ../sys "$B/rootfs/a/l"'], also=also(LINK))
more("link-in-a-bind", "mount-dest-proc-sys", N, both(bind("@B@/v", "/v"), tmpfs("/v/l/x")), ['mkdir "$B/v"; ln -s /proc "$B/v/l"'], also=also(LINK))
more("link-hidden", "mount-dest-proc-sys", "---", both(tmpfs("/v"), tmpfs("/v/l/x")), ['mkdir "$B/rootfs/v"; ln -s /proc "$B/rootfs/v/l"'])
more("link-copied-up", "mount-dest-proc-sys", N, both(tmpfs("/v", "tmpcopyup"), tmpfs("/v/l/x")), ['mkdir "$B/rootfs/v"; ln -s /proc "$B/rootfs/v/l"'], also=also(LINK))
more("loop", "mount-dest-proc-sys", "---", tmpfs("/l/x"), ['ln -s l "$B/rootfs/l"'])

trio("mount-dest-dev", N, bind("@B@/f", "/dev/console", "ro"), file_bind("/dev/null", "/dev/console"), tmpfs("/link/null"),
     setup=['touch "$B/f"; ln -s dev "$B/rootfs/link"'], evasion_also=also(LINK))
for i, path in enumerate(("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/fd", "/dev/stdin", "/dev/stdout",
                          "/dev/stderr", "//dev/./null")):
    more(f"path-{i}", "mount-dest-dev", N, tmpfs(path))
more("shm", "mount-dest-dev", "---", tmpfs("/dev/shm"))
more("dev", "mount-dest-dev", N, put("mounts.1", {"destination": "/dev", "type": "bind", "source": "@B@/volume", "options": ["rbind", "nosuid", "nodev"]}))
more("dev-ramfs", "mount-dest-dev", N, put("mounts.1.type", "ramfs"), also=also("mount-type-unsafe"))
more("absent-device", "mount-dest-dev", "---", file_bind("/dev/no-such-node", "/dev/null"), also=also("mount-host-dev"))
more("absent-file", "mount-dest-dev", N, file_bind("@B@/no-such-file", "/dev/null"))

trio("mount-dest-symlink", N, tmpfs("/link/shm"), tmpfs("/var/run/x"), tmpfs("/up/x"),
     setup=['cd "$B/rootfs"; ln -s /dev link; mkdir -p var run; ln -s /run var/run; ln -s ../../../run up'])
more("two-links", "mount-dest-symlink", N, tmpfs("/a/x"), ['cd "$B/rootfs"; ln -s b a; ln -s c b; ln -s ../dev/shm c'])
more("back-inside", "mount-dest-symlink", "---", tmpfs("/a/x"), ['cd "$B/rootfs"; mkdir -p d/e; ln -s d/e/../../etc a'])
more("through-proc", "mount-dest-symlink", N, tmpfs("/a/x"), ['cd "$B/rootfs"; ln -s /proc/self/root a'], also=also("mount-dest-proc-sys"))
more("inside-dev", "mount-dest-symlink", "---", tmpfs("/dev/core"), ['cd "$B/rootfs"; ln -s /dev/shm dev/core'])

trio("mount-duplicate-dest", "-WR", both(tmpfs("/t"), tmpfs("/t")), both(tmpfs("/t"), tmpfs("/t/t")), both(tmpfs("/t"), tmpfs("//t/./")))
more("link", "mount-duplicate-dest", "-WR", both(tmpfs("/t"), tmpfs("/l")), ['ln -s t "$B/rootfs/l"'])
more("dev", "mount-duplicate-dest", N, both(tmpfs("/dev/shm"), tmpfs("/dev/shm")))
more("pod", "mount-duplicate-dest", "---", both(tmpfs("/dev/shm"), bind(CRI + ID + "/shm", "/dev/shm")))  # the pause container of containerd 1.6
more("pod-three", "mount-duplicate-dest", N, both(tmpfs("/dev/shm"), bind(CRI + ID + "/shm", "/dev/shm"), tmpfs("/dev/shm")))
more("pod-bind", "mount-duplicate-dest", N, both(bind(CRI + ID + "/shm", "/dev/shm"), bind(CRI + ID + "/shm", "/dev/shm")))
more("pod-elsewhere", "mount-duplicate-dest", N, both(tmpfs("/dev/mqueue"), bind(CRI + ID + "/shm", "/dev/mqueue")))
more("pod-volume", "mount-duplicate-dest", N, both(tmpfs("/dev/shm"), bind("@B@/volume", "/dev/shm")))
more("proc", "mount-duplicate-dest", N, lambda c: c["mounts"].append(c["mounts"][0]))
more("sys", "mount-duplicate-dest", N, lambda c: c["mounts"].append(c["mounts"][3]))
more("three", "mount-duplicate-dest", "-WR", both(tmpfs("/t"), tmpfs("/u"), tmpfs("/t"), tmpfs("/t")))

# ---- types ----
trio("mount-proc-options", H, put("mounts.0.options", ["nosuid", "noexec"]), put("mounts.0.options", ["nodev", "nosuid", "noexec", "ro"]),
     put("mounts.0.options", ["nosuid", "noexec", "nodev", "dev"]), note="the last word wins", evasion_also=also(SUID, CONFLICT))
trio("mount-proc-elsewhere", N, mount("/p", "proc", "proc", "nosuid"), tmpfs("/p"), mount("/p", "sysfs", "proc", "ro"))
trio("mount-sysfs-writable", N, put("mounts.3.options", ["nosuid"]), put("mounts.3.options", ["rro"]), put("mounts.3.options", ["ro", "rw"]),
     evasion_also=also(CONFLICT))
more("ro-last", "mount-sysfs-writable", "---", put("mounts.3.options", ["rw", "ro"]), also=also(CONFLICT))
more("null", "mount-sysfs-writable", N, put("mounts.3.options", None))


def cgroup(*options):
    return mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "nodev", "noexec", *options)


HAS = "grep -q ' - cgroup2 .*nsdelegate' /proc/self/mountinfo"
trio("mount-cgroup-writable", N, both(cgroup(), no_namespace("cgroup")), both(cgroup("ro"), no_namespace("cgroup")),
     both(mount("/sys/fs/cgroup", "cgroup2", "ro", "nosuid"), no_namespace("cgroup")))
more("private-delegated", "mount-cgroup-writable", "-WR", cgroup(), [HAS])
more("private", "mount-cgroup-writable", "-HR", cgroup("rw"), ["! " + HAS])
more("joined", "mount-cgroup-writable", N, both(cgroup(), namespace("cgroup", path="/proc/1/ns/cgroup")),
     also=[("ns-path-host", "br"), ("ns-path-privileged-type", "br")])
more("rw-last", "mount-cgroup-writable", N, both(cgroup("ro", "rw"), no_namespace("cgroup")), also=also(CONFLICT))
trio("mount-type-unsafe", N, mount("/data", "ext4", "/dev/sda1", "ro"), mount("/data", "none", "@B@/volume", "bind", "nosuid", "nodev"),
     mount("/data", "debugfs", "tmpfs"))


def overlay(*options):
    return mount("/o", "overlay", "overlay", "nosuid", "nodev", *options)


trio("mount-overlay-dirs", N, overlay("lowerdir=/:/usr"), overlay("lowerdir=@B@/a:@B@/b", "upperdir=@B@/u", "workdir=@B@/w"),
     overlay("lowerdir=/srv/a\\:b:/etc", "upperdir=/srv/u", "workdir=/srv/w"))
more("escaped-colon", "mount-overlay-dirs", "--R", overlay("lowerdir=/srv/a\\:/etc"))
for i, option in enumerate(("upperdir=/etc/x", "workdir=/var/lib/docker/w", "lowerdir+=/proc", "datadir+=/dev", "lowerdir=a:/srv", "lowerdir=/srv/../etc", "upperdir=up",
                            "lowerdir=/srv::/sys", "lowerdir=/run/podman/podman.sock", "lowerdir=@B@/link")):
    more(f"option-{i}", "mount-overlay-dirs", N, overlay(option), ['ln -s /etc "$B/link"'])
more("layers", "mount-overlay-dirs", N, overlay("lowerdir=" + ":".join(["@B@/x"] * 501)))
more("many-layers", "mount-overlay-dirs", "---", overlay("lowerdir=" + ":".join(["@B@/x"] * 500)))
more("many-options", "mount-overlay-dirs", N, overlay(*["upperdir=@B@/x"] * 1001))
more("host-path", "mount-overlay-dirs", "--R", overlay("lowerdir=/srv/data"))
more("managed", "mount-overlay-dirs", "---", overlay("lowerdir=@B@/a", "upperdir=" + STORAGE + "overlay-containers/" + ID + "/userdata/overlay/1/upper",
                                                     "workdir=" + STORAGE + "overlay-containers/" + ID + "/userdata/overlay/1/work"))

# ---- options ----
BOTH = also(SUID, CONFLICT)
trio("mount-bind-nosuid-nodev", H, mount("/data", "bind", "@B@/volume", "rbind"), mount("/dev/null", "bind", "/dev/null", "bind"),
     mount("/data", "bind", "@B@/volume", "bind", "nosuid", "nodev", "suid"), evasion_also=BOTH)
trio("mount-tmpfs-options", H, mount("/tmp", "tmpfs", "tmpfs", "nosuid", "noexec"), put("mounts.1.options", ["nosuid"]),
     mount("/tmp", "tmpfs", "tmpfs", "nodev", "nosuid", "dev"), evasion_also=BOTH)
trio("mount-devpts-options", H, put("mounts.2.options", ["ptmxmode=0666"]), put("mounts.2.options", ["newinstance", "mode=0620"]),
     put("mounts.2.options", ["newinstance", "mode=0620", "mode=0622"]))
more("mode-9", "mount-devpts-options", H, put("mounts.2.options", ["newinstance", "mode=0609"]))
more("ptmxmode", "mount-devpts-options", H, put("mounts.2.options", ["newinstance", "ptmxmode=0660"]))
trio("mount-dev-missing", H, lambda c: c["mounts"].pop(1), put("mounts.1.destination", "//dev/"), put("mounts.1.destination", "/dev/x"))

DATA = mount("/d", "bind", "@B@/volume", "rbind")


def options(*words):
    return mount("/d", "bind", "@B@/volume", "rbind", *words)


trio("mount-explicit-suid-dev", N, options("suid", "nodev"), options("nosuid", "nodev"), options("nosuid", "rdev"))
more("dev", "mount-explicit-suid-dev", N, mount("/t", "tmpfs", "tmpfs", "nosuid", "dev", "noexec"))
more("undone", "mount-explicit-suid-dev", "---", options("suid", "nosuid", "dev", "nodev"), also=also(CONFLICT))
more("last", "mount-explicit-suid-dev", N, options("nosuid", "suid", "nodev"), also=also(CONFLICT))
more("recursive-takes-back", "mount-explicit-suid-dev", "---", options("suid", "rnosuid", "nodev"))
more("podman", "mount-explicit-suid-dev", N, mount("/t", "tmpfs", "tmpfs", "exec", "suid", "dev", "rprivate", "tmpcopyup"))

trio("mount-tmpfs-exec", "--W", mount("/t", "tmpfs", "tmpfs", "nosuid", "nodev"), tmpfs("/t"), mount("/t", "tmpfs", "tmpfs", "nosuid", "nodev", "noexec", "exec"),
     evasion_also=also(CONFLICT))
more("read-only", "mount-tmpfs-exec", "---", mount("/t", "tmpfs", "tmpfs", "nosuid", "nodev", "ro"))
more("below-dev", "mount-tmpfs-exec", "--W", mount("/dev/shm", "tmpfs", "tmpfs", "nosuid", "nodev"))
more("null", "mount-tmpfs-exec", "--W", both(tmpfs("/t"), put("mounts.4.options", None)))

trio("mount-propagation-shared", N, options("nosuid", "nodev", "rshared"), options("nosuid", "nodev", "rprivate"), mount("/t", "tmpfs", "tmpfs", "shared"))
more("undone", "mount-propagation-shared", N, options("nosuid", "nodev", "shared", "private"), also=also(CONFLICT))
trio("mount-propagation-slave", "--W", options("nosuid", "nodev", "rslave"), options("nosuid", "nodev", "private"), options("nosuid", "nodev", "slave"))

trio("mount-option-conflict", N, options("nosuid", "nodev", "ro", "rw"), options("nosuid", "nodev", "nosuid", "ro", "ro", "rprivate", "rprivate"),
     mount("/d", "tmpfs", "@B@/volume", "rbind", "nosuid", "nodev"))
for i, words in enumerate((("exec", "noexec"), ("nosuid", "suid"), ("dev", "nodev"), ("private", "rprivate"), ("slave", "private"), ("rro", "rrw"),
                           ("rexec", "rnoexec"))):
    more(f"pair-{i}", "mount-option-conflict", N, options("nosuid", "nodev", *words) if words[0] not in ("nosuid", "dev") else options(*words, *({"suid": ["nosuid"]}.get(words[1], []))))
more("top-and-below", "mount-option-conflict", "---", options("nosuid", "nodev", "rrw", "ro"))
more("none", "mount-option-conflict", "---", mount("/d", "none", "@B@/volume", "bind", "nosuid", "nodev"))
more("proc", "mount-option-conflict", N, mount("/d", "proc", "@B@/volume", "bind", "nosuid", "nodev"))

WR = "-WR"
trio("mount-option-unknown", WR, tmpfs("/t", "readonly"), tmpfs("/t", "size=64m", "mode=1777", "uid=0", ""), options("nosuid", "nodev", "size=64m"))
for i, word in enumerate(("RO", " ro", "ro ", "ro,rw", "size", "nosuid=1", "newinstance", "lowerdir=/x", "x-systemd.automount", "copy-symlink")):
    more(f"word-{i}", "mount-option-unknown", WR, tmpfs("/t", word))
more("proc", "mount-option-unknown", "---", put("mounts.0.options", ["nosuid", "nodev", "noexec", "hidepid=2"]))
more("devpts", "mount-option-unknown", WR, put("mounts.2.options", ["newinstance", "ptmxmode=0666", "mode=0620", "size=1"]))
more("many", "mount-option-unknown", WR, tmpfs("/t", *[f"x{i}" for i in range(1000)]))
more("bind-readonly", "mount-option-unknown", WR, options("nosuid", "nodev", "readonly"))

LABEL = "system_u:object_r:container_file_t:s0:c1,c2"
trio("mount-option-context", N, tmpfs("/t", "context=system_u:object_r:tmpfs_t:s0"), tmpfs("/t", f'context="{LABEL}"'), tmpfs("/t", f"context=\"{LABEL}\"", "rootcontext=u:r:etc_t"))
for i, label in enumerate(("context=container_file_t", "fscontext=u:r:xcontainer_file_t:s0", "defcontext=u:r:container_file:s0", "rootcontext=", "context=u:r:container_t x:s0",
                           "context=u:r:container_file_t.etc_t")):
    more(f"label-{i}", "mount-option-context", N, tmpfs("/t", label))
more("no-level", "mount-option-context", "---", tmpfs("/t", "context=u:r:container_file_t"))

# ---- found by attacking (docs/review/baseline.md) ----
for i, path in enumerate(("/var/lib/dpkg/info", "/var/lib/systemd/linger", "/var/backups", "/run/credentials/x.service", "/var/spool/at", "/var/lib/cloud")):
    more(f"believed-{i}", "mount-host-system-dir", N, bind(path, "/h", "ro"))
more("rootfs-again", "mount-host-path", "--R", bind("rootfs"))
more("below-rootfs-again", "mount-host-path", "--R", bind("@B@/rootfs/etc"))
more("config-itself", "mount-host-path", "--R", file_bind("config.json"))
more("link-in-an-overlay", "mount-dest-proc-sys", N, both(mount("/data", "overlay", "overlay", "lowerdir=@B@/a:@B@/b", "nosuid", "nodev"), tmpfs("/data/p/sys")),
     ['mkdir "$B/a" "$B/b"; ln -s /proc "$B/b/p"'], also=also(LINK))
more("link-hidden-by-the-upper", "mount-dest-proc-sys", "---", both(mount("/data", "overlay", "overlay", "upperdir=@B@/a", "lowerdir=@B@/b", "workdir=@B@/w", "nosuid", "nodev"),
                                                                    tmpfs("/data/p/sys")),
     ['mkdir -p "$B/a/p" "$B/b" "$B/w"; ln -s /proc "$B/b/p"'])
more("link-behind-a-hidden-mount", "mount-dest-proc-sys", N, both(tmpfs("/data/d"), file_bind("@B@/top"), tmpfs("/data/d/p/sys")),
     ['mkdir -p "$B/top/d"; ln -s /proc "$B/top/d/p"'], also=also(LINK))
more("recursive", "mount-tmpfs-exec", "--W", mount("/data", "tmpfs", "tmpfs", "nosuid", "nodev", "noexec", "rexec"))
more("recursive", "mount-tmpfs-options", H, mount("/data", "tmpfs", "tmpfs", "nosuid", "nodev", "noexec", "rsuid"), also=also(SUID))
more("recursive", "mount-bind-nosuid-nodev", H, bind("data", "/data", "rdev"), ['mkdir "$B/data"'], also=also(SUID))
more("recursive", "mount-proc-options", H, put("mounts.0.options", ["nosuid", "noexec", "nodev", "rexec"]))
