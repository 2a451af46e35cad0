# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "mounts"; run by ../make.py.
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
more("sys", "mount-dest-proc-sys", "-RR", mount("/sys/kernel", "tmpfs", "tmpfs", "nosuid", "nodev"))
more("bind-on-proc", "mount-dest-proc-sys", "-RR", mount("/proc", "proc", "@B@", "bind", "nosuid", "nodev"))
more("not-there-yet", "mount-dest-proc-sys", "-RR", mount("/link/a/b", "tmpfs", "tmpfs", "nosuid", "nodev"), ['ln -s proc "$B/rootfs/link"'])
more("cgroup", "mount-dest-proc-sys", "---", mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro"))
more("mode-9", "mount-devpts-options", H, put("mounts.2.options", ["newinstance", "mode=0609"]))
more("ptmxmode", "mount-devpts-options", H, put("mounts.2.options", ["newinstance", "ptmxmode=0660"]))
