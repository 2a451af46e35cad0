# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "process"; run by ../make.py.
from base64 import b64encode

NNP, CAPS, USER, ENV, ARGS = "process.noNewPrivileges", "process.capabilities", "process.user", "process.env", "process.args"


def all_caps(*names, **sets):
    """Consistent sets with these names, and others as given."""
    return lambda c: c["process"].update(capabilities={"bounding": list(names), "effective": list(names), "permitted": list(names), **sets})


def user(uid=1000, gid=1000, **rest):
    return put(USER, {"uid": uid, "gid": gid, **rest})


def env(*entries):
    return put(ENV, ["PATH=/bin", *entries])


def args(*words):
    return put(ARGS, list(words))


def rlimit(name, hard, soft=1):
    return put("process.rlimits", [{"type": "RLIMIT_" + name, "soft": soft, "hard": hard}])


def label(text):
    return put("process.selinuxLabel", text)


def host(name, text):
    return [f"mkdir $B/host && printf '{text}' > $B/host/{name}"]


MINIMAL, AMBIENT, INHERITABLE, INCONSISTENT, ROOT = [("caps-not-minimal", "r")], [("caps-ambient", "r")], [("caps-inheritable", "r")], \
    [("caps-inconsistent", "r")], [("user-root", "r")]
INFINITY = 2**64 - 1
BIND = "CAP_NET_BIND_SERVICE"

trio("no-new-privileges", H, put(NNP, False), put(NNP, True), put(NNP, None))
more("absent", "no-new-privileges", H, put(NNP, DROP))

trio("caps-dangerous", "-RR", caps("CAP_SYS_ADMIN"), caps("CAP_SYS_CHROOT"), caps("CAP_BPF", where="ambient"), miss_also=MINIMAL,
     evasion_also=AMBIENT + INCONSISTENT)
more("absent", "caps-dangerous", "---", put(CAPS, DROP))
more("null", "caps-dangerous", "---", put(CAPS, None))
more("inheritable", "caps-dangerous", "-RR", caps("CAP_SYSLOG", where="inheritable"), also=INHERITABLE)
more("effective", "caps-dangerous", "-RR", caps("CAP_SYS_TIME", where="effective"), also=INCONSISTENT)
trio("caps-not-default", "-RR", caps("CAP_SYS_NICE"), caps("CAP_CHOWN"), caps("CAP_WAKE_ALARM", where="permitted"), miss_also=MINIMAL,
     evasion_also=INCONSISTENT)
more("null", "caps-not-default", "---", put(CAPS + ".bounding", None))
trio("caps-net-raw", "-WR", caps("CAP_NET_RAW"), caps(BIND), caps("CAP_NET_RAW", where="inheritable"), evasion_also=INHERITABLE)
more("all-sets", "caps-net-raw", "-WR", all_caps("CAP_NET_RAW"))
more("null", "caps-net-raw", "---", put(CAPS, None))
trio("caps-not-minimal", "-WR", caps("CAP_CHOWN"), caps(BIND), caps("CAP_MKNOD", where="permitted"), evasion_also=INCONSISTENT)
more("net-raw", "caps-not-minimal", "---", all_caps("CAP_NET_RAW", BIND), also=[("caps-net-raw", "r")])
more("absent", "caps-not-minimal", "---", put(CAPS, DROP))
trio("caps-inheritable", "-HR", caps("CAP_CHOWN", where="inheritable"), caps(where="inheritable"),
     both(caps("CAP_CHOWN", "CAP_KILL", where="inheritable"), caps("CAP_CHOWN", where="ambient")), also=MINIMAL,
     evasion_also=MINIMAL + AMBIENT + INCONSISTENT)
more("null", "caps-inheritable", "---", put(CAPS + ".inheritable", None))
more("unknown", "caps-inheritable", "-HR", caps("CAP_X", where="inheritable"), also=[("caps-unknown-name", "br")])
trio("caps-ambient", "-WR", all_caps(BIND, ambient=[BIND]), all_caps(BIND, ambient=[]), caps("CAP_X", where="ambient"),
     evasion_also=[("caps-unknown-name", "br")])
more("inheritable", "caps-ambient", "-WR", all_caps(BIND, ambient=[BIND], inheritable=[BIND]), also=INHERITABLE)
more("null", "caps-ambient", "---", put(CAPS + ".ambient", None))
trio("caps-unknown-name", "-RR", caps("cap_chown"), caps("CAP_CHOWN"), caps("CAP_CHOWN "), miss_also=MINIMAL)
more("all", "caps-unknown-name", "-RR", caps("ALL"))
more("cap-all", "caps-unknown-name", "-RR", caps("CAP_ALL"))
more("no-prefix", "caps-unknown-name", "-RR", caps("CHOWN"))
more("number", "caps-unknown-name", "-RR", caps("21"))
more("unicode-case", "caps-unknown-name", "-RR", caps("CAP_\u017fYS_ADMIN"))
more("after-the-last", "caps-unknown-name", "-RR", caps("CAP_41"))
more("newline", "caps-unknown-name", "-RR", caps("CAP_SYS_ADMIN\n"))
more("empty", "caps-unknown-name", "-RR", caps(""))
more("many", "caps-unknown-name", "-RR", caps(*[f"CAP_{i}" for i in range(100)]))
more("null", "caps-unknown-name", "---", put(CAPS, None))
trio("caps-inconsistent", "-WR", put(CAPS, {"bounding": [BIND], "effective": [BIND]}), all_caps(BIND),
     put(CAPS, {"bounding": [BIND], "ambient": [BIND]}), evasion_also=AMBIENT)
more("permitted", "caps-inconsistent", "-WR", put(CAPS, {"permitted": [BIND], "effective": [BIND]}))
more("bounding-only", "caps-inconsistent", "---", caps(BIND))
more("null", "caps-inconsistent", "---", put(CAPS, None))

trio("user-root", "-WR", put(USER + ".uid", 0), both(put(USER + ".uid", 0), put(USER + ".gid", 0), ids(65536)),
     put(USER, {"gid": 1000}), note="absent is 0")
more("absent", "user-root", "-WR", put(USER, DROP))
more("null", "user-root", "-WR", put(USER + ".uid", None))
more("mapped-to-host", "user-root", "-WR", both(user(0, 0), ids(1, host=0)), also=[("idmap-host-root", "br")])
more("other-mapped-to-host", "user-root", "-WR", both(user(5, 5), two(row(0, 100000, 5), row(5, 0, 1))), also=[("idmap-host-root", "br")])
trio("user-gid-root", "-WW", user(gid=0), user(gid=1), user(additionalGids=[1000, 0]))
more("absent", "user-gid-root", "-WW", put(USER, {"uid": 1000}))
more("null", "user-gid-root", "-WW", user(gid=None))
more("of-root", "user-gid-root", "---", user(0, 0, additionalGids=[0]), also=ROOT)
more("mapped", "user-gid-root", "---", both(user(gid=0), ids(65536)))
trio("user-host-privileged-gid", "-RR", user(gid=6), user(gid=7), user(additionalGids=[1000, 42]))
more("kmem-fedora", "user-host-privileged-gid", "-RR", user(gid=9))
more("kmem-debian", "user-host-privileged-gid", "-RR", user(additionalGids=[15]))
more("null", "user-host-privileged-gid", "---", user(additionalGids=None))
more("of-root", "user-host-privileged-gid", "---", user(0, 0, additionalGids=[6, 42]), also=ROOT)
more("mapped", "user-host-privileged-gid", "---", both(user(gid=6), ids(65536)))
more("mapped-back", "user-host-privileged-gid", "-RR",
     both(user(6, 6), two(row(0, 100000, 6), row(6, 6, 1))), also=[("idmap-system-ids", "r")])
for group in ("disk", "kmem", "shadow", "docker", "lxd", "incus", "libvirt", "podman", "crio", "wheel", "sudo"):
    more("group-" + group, "user-host-privileged-gid", "-RR", user(additionalGids=[998]), setup=host("group", f"root:x:0:\\n{group}:x:998:joe\\n"))
more("group-other", "user-host-privileged-gid", "---", user(gid=998), setup=host("group", "dockers:x:998:\\ndocker:x:999:\\ndock:x:998:"))
more("group-no-newline", "user-host-privileged-gid", "-RR", user(gid=998), setup=host("group", "docker:x:998"))
more("group-hostile", "user-host-privileged-gid", "-RR", user(gid=998),
     setup=host("group", "docker\\ndocker:\\ndocker:x:\\ndocker:x:9999999999:\\ndocker:x:-1:\\n:::\\n\\\\0docker:x:7:\\n\\ndocker:x:998:a,b"))
more("group-fifo", "user-host-privileged-gid", "-RR", user(gid=998), setup=["mkdir $B/host && mkfifo $B/host/group"])
more("group-link", "user-host-privileged-gid", "-RR", user(gid=998), setup=["mkdir $B/host && ln -s /etc/group $B/host/group"])
trio("user-umask-permissive", "-WW", user(umask=0), user(umask=0o22), user(umask=0o775))
more("absent", "user-umask-permissive", "---", user())
more("null", "user-umask-permissive", "---", user(umask=None))
more("group-only", "user-umask-permissive", "-WW", user(umask=0o20))
more("others", "user-umask-permissive", "---", user(umask=2))

def base64(text):
    return b64encode(text.encode()).decode()


alnum = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"
trio("env-secret-value", "-WR", env("KEY_ID=AKIA" + "A1" * 8), env("KEY_ID=AKIA" + "A1" * 7), env("URL=https://u:ghp_" + alnum[:36] + "@example.org/x"))
for name, value in (
        ("pem", "-----BEGIN RSA PRIVATE KEY-----\nMIIE"), ("pem-pgp", "-----BEGIN PGP PRIVATE KEY BLOCK-----"),
        ("aws-session", "ASIA" + "Z9" * 8), ("github-app", "gho_" + alnum[:36]), ("github-fine", "github_pat_" + alnum[:22]),
        ("gitlab", "glpat-" + alnum[:20]), ("slack", "xoxb-1234567890-" + alnum), ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"),
        ("google", "AIza" + alnum[:35]), ("stripe", "sk_live_" + alnum[:24]), ("npm", "npm_" + alnum[:36])):
    more(name, "env-secret-value", "-WR", env("X=" + value))
for name, value in (
        ("public-key", "-----BEGIN PUBLIC KEY-----"), ("lower-case", "akia" + "a1" * 8), ("short-github", "ghp_" + alnum[:35]),
        ("stripe-test", "sk_test_" + alnum[:24]), ("two-parts", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0"), ("long-aws", "AKIA" + "A1" * 9)):
    more(name, "env-secret-value", "---", env("X=" + value))
for kind in ("", "RSA ", "DSA ", "EC ", "OPENSSH ", "ENCRYPTED "):
    more("base64-" + (kind.strip() or "pkcs8").lower(), "env-secret-value", "-WR", env("X=" + base64(f"-----BEGIN {kind}PRIVATE KEY-----\nMIIEvQIBADAN")))
for kind in ("CERTIFICATE", "PUBLIC KEY", "RSA PUBLIC KEY"):
    more("base64-" + kind.replace(" ", "-").lower(), "env-secret-value", "---", env("X=" + base64(f"-----BEGIN {kind}-----\nMIIEvQIBADAN")))
more("no-name", "env-secret-value", "-WR", env("npm_" + alnum[:36]))
more("in-name", "env-secret-value", "-WR", env("glpat-" + alnum[:20] + "=1"))
more("null", "env-secret-value", "---", put(ENV, None))
more("absent", "env-secret-value", "---", put(ENV, DROP))
trio("env-secret-name", "-WR", env("DB_PASSWORD=hunter2"), env("DB_PASSWORD_FILE=/run/secrets/db"), env("db_passwd=x"))
for name in ("CLIENT_SECRET", "authToken", "APIKEY", "MY_API_KEY_2", "ACCESS_KEY", "accesskey", "PRIVATE_KEY", "PRIVATEKEY", "CREDENTIAL",
             "AWS_CREDENTIALS", "TOKENIZERS", "PASSWORD_FILES"):
    more(name.lower(), "env-secret-name", "-WR", env(name + "=x"))
for name, entry in (("empty", "PASSWORD="), ("path", "SECRET=/run/secrets/x"), ("dir", "TOKEN_DIR=x"), ("path-name", "CREDENTIALS_PATH=x"),
                    ("no-value", "PASSWORD"), ("in-value", "X=PASSWORD"), ("keyboard", "API_LOCKEY=x"), ("pass", "PASSPHRASE=x")):
    more("ok-" + name, "env-secret-name", "---", env(entry))
more("null", "env-secret-name", "---", put(ENV, None))
trio("env-malformed", "-WW", env("X"), env("X=", "Y==", "x=1"), env("A=1", "B=2", "A=1"))
more("no-name", "env-malformed", "-WW", env("=x"))
more("empty", "env-malformed", "-WW", env(""))
more("prefix", "env-malformed", "---", env("AB=1", "A=1", "ABC=1"))
more("null", "env-malformed", "---", put(ENV, None))
ALLOWED_HOOK = [("hook-not-allowed", "r")]
trio("env-loader-with-hooks", "-WR", both(env("LD_PRELOAD=/x.so"), hook(path="/bin/true")), env("LD_PRELOAD=/x.so"),
     both(env("GLIBC_TUNABLES=x"), put("hooks", {"poststart": [{"path": "/bin/true", "timeout": 5}]})), also=ALLOWED_HOOK)
for name in ("LD_AUDIT", "LD_LIBRARY_PATH", "GCONV_PATH", "BASH_ENV", "ENV"):
    more(name.lower(), "env-loader-with-hooks", "-WR", both(env(name + "="), hook(path="/bin/true")), also=ALLOWED_HOOK)
more("other-name", "env-loader-with-hooks", "---", both(env("LD_PRELOADS=x", "ENVY=x", "xENV=x"), hook(path="/bin/true")), also=ALLOWED_HOOK)
more("no-hooks", "env-loader-with-hooks", "---", both(env("ENV=x"), put("hooks", {"poststop": []})))
more("null-hooks", "env-loader-with-hooks", "---", both(env("ENV=x"), put("hooks", None)))

trio("cwd-unsafe", R, put("process.cwd", "/proc/self/fd/7"), put("process.cwd", "/process"), put("process.cwd", "/.//proc/./"))
more("relative", "cwd-unsafe", R, put("process.cwd", "tmp"))
more("dotdot", "cwd-unsafe", R, put("process.cwd", "/tmp/../x"))
for name, path in (("descriptor", "/dev/fd/7"), ("descriptors", "/dev/fd/"), ("stdin", "/dev/stdin")):
    more(name, "cwd-unsafe", R, put("process.cwd", path))
for name, target in (("link", "/proc/self/fd/7"), ("link-relative", "../proc/1/cwd"), ("link-dev", "/dev/fd/7"), ("link-behind", "/dev/fd/../cwd")):
    more(name, "cwd-unsafe", R, put("process.cwd", "/work"), setup=[f"ln -s {target} $B/rootfs/work"])
more("link-in-volume", "cwd-unsafe", R, both(bind("@B@/vol", "/data"), put("process.cwd", "/data/work")),
     setup=["mkdir $B/vol; ln -s /proc/self/fd/7 $B/vol/work"])
more("link-elsewhere", "cwd-unsafe", "---", put("process.cwd", "/work"), setup=["ln -s ../bin/../dev/shm $B/rootfs/work"])

trio("args-proc-self", "-RR", args("/proc/self/exe"), args("/proc/self/exes"), args("//proc/./self//exe"))
for name, program in (
        ("number", "/proc/1/exe"), ("fd", "/proc/self/fd/3"), ("below-fd", "/proc/self/fd/7/bin/sh"), ("dev-fd", "/dev/fd/7"),
        ("stdin", "/dev/stdin"), ("thread-self", "/proc/thread-self/exe"), ("task", "/proc/self/task/1/fd/4"),
        ("map-files", "/proc/self/map_files/5555-6666"), ("root", "/proc/self/root/proc/self/exe"), ("cwd", "/proc/1/cwd/proc/2/exe"),
        ("dotdot", "/bin/../proc/self/exe"), ("dotdot-inside", "/proc/self/fd/../exe"), ("relative", "proc/self/exe"),
        ("relative-dot", "./bin/../proc/self/exe"),
        # links of the kernel: what ".." behind them means no text tells
        ("behind-dev-fd", "/dev/fd/../exe"), ("behind-net", "/proc/net/../exe"), ("behind-task", "/proc/thread-self/../../exe"),
        ("behind-cwd", "/proc/self/cwd/../proc/self/exe"), ("behind-root", "/proc/self/root/../proc/self/exe")):
    more(name, "args-proc-self", "-RR", args(program))
more("link-behind-net", "args-proc-self", "-RR", args("/bin/app"), setup=["ln -s /proc/net/../exe $B/rootfs/bin/app"])
more("link-in-two-behind-net", "args-proc-self", "-RR", args("/app/../exe"), setup=["ln -s /proc/net $B/rootfs/app"])
more("script-behind-net", "args-proc-self", "-RR", args("/bin/b"), setup=["printf '#!/proc/net/../exe\\n' > $B/rootfs/bin/b"])
more("search-behind-dev-fd", "args-proc-self", "-RR", both(args("exe"), put(ENV, ["PATH=/dev/fd/.."])))
VOLUME = both(bind("@B@/vol", "/data"), args("/data/app"))
more("link-in-volume", "args-proc-self", "-RR", VOLUME, setup=["mkdir $B/vol; ln -s /proc/self/exe $B/vol/app"])
more("script-in-volume", "args-proc-self", "-RR", VOLUME, setup=["mkdir $B/vol; printf '#!/proc/self/exe\\n' > $B/vol/app"])
more("script-in-volume-ordinary", "args-proc-self", "---", VOLUME, setup=["mkdir $B/vol; printf '#!/bin/sh\\n' > $B/vol/app"])
more("link-below-volume", "args-proc-self", "---", VOLUME, setup=["mkdir $B/vol $B/rootfs/data; ln -s /proc/self/exe $B/rootfs/data/app; touch $B/vol/app"])
more("link-below-tmpfs", "args-proc-self", "---", both(mount("/data", "tmpfs", "tmpfs", "nosuid", "nodev", "noexec"), args("/data/app")),
     setup=["mkdir $B/rootfs/data; ln -s /proc/self/exe $B/rootfs/data/app"])
more("dotdot-to-image", "args-proc-self", "---", args("/proc/../dev/../bin/true"))
LINK = ["ln -s /proc/self/exe $B/rootfs/bin/app"]
more("link", "args-proc-self", "-RR", args("/bin/app"), setup=LINK)
more("link-relative", "args-proc-self", "-RR", args("/bin/app"), setup=["ln -s ../../../proc/self/exe $B/rootfs/bin/app"])
more("link-directory", "args-proc-self", "-RR", args("/app/exe"), setup=["ln -s proc/self $B/rootfs/app"])
more("link-chain", "args-proc-self", "-RR", args("/a"), setup=["ln -s b $B/rootfs/a; ln -s bin/c $B/rootfs/b; ln -s /dev/fd/9 $B/rootfs/bin/c"])
more("link-behind-dev", "args-proc-self", "-RR", args("/dev/../bin/app"), setup=LINK)
more("link-image-proc", "args-proc-self", "-RR", args("/bin/app"), setup=LINK + ["ln -s /bin $B/rootfs/proc/self; touch $B/rootfs/bin/exe"])
more("link-loop", "args-proc-self", "-RR", args("/a"), setup=["ln -s b $B/rootfs/a; ln -s a $B/rootfs/b"], )
SCRIPT = ["printf '#! /proc/self/exe -x\\n' > $B/rootfs/bin/app"]
more("script", "args-proc-self", "-RR", args("/bin/app"), setup=SCRIPT)
more("script-of-script", "args-proc-self", "-RR", args("/bin/b"), setup=SCRIPT + ["printf '#!/bin/app' > $B/rootfs/bin/b"])
more("script-link", "args-proc-self", "-RR", args("/bin/b"), setup=LINK + ["printf '#!\\t/bin/app\\n' > $B/rootfs/bin/b"])
more("script-of-itself", "args-proc-self", "---", args("/bin/b"), setup=["printf '#!/bin/b\\n' > $B/rootfs/bin/b"])
more("script-ordinary", "args-proc-self", "---", args("/bin/b"), setup=["printf '#!/bin/sh /proc/self/exe\\n' > $B/rootfs/bin/b"])
more("script-fifo", "args-proc-self", "---", args("/bin/b"), setup=["mkfifo $B/rootfs/bin/b"])
more("link-elsewhere", "args-proc-self", "---", args("/bin/app"), setup=["ln -s busybox $B/rootfs/bin/app"])
more("search", "args-proc-self", "-RR", both(args("exe"), put(ENV, ["PATH=/bin:/proc/self"])))
more("search-link", "args-proc-self", "-RR", both(args("app"), put(ENV, ["PATH=/sbin:/bin"])), setup=LINK)
more("search-default", "args-proc-self", "-RR", both(args("app"), put(ENV, None)), setup=LINK)
more("search-cwd", "args-proc-self", "-RR", both(args("app"), put(ENV, ["PATH=:/usr/bin"]), put("process.cwd", "/bin")), setup=LINK)
more("search-elsewhere", "args-proc-self", "---", both(args("app"), put(ENV, ["PATH=/usr/bin"])), setup=LINK)
more("second-word", "args-proc-self", "---", args("/bin/true", "/proc/self/exe"))
more("directory", "args-proc-self", "---", args("/proc/self/fd"))
more("plain-proc", "args-proc-self", "---", args("/proc/self/root/bin/true"))

trio("terminal-enabled", "--W", put("process.terminal", True), put("process.terminal", False),
     both(put("process.terminal", True), put("process.consoleSize", {"height": 1, "width": 1})))
more("null", "terminal-enabled", "---", put("process.terminal", None))
trio("oom-score-unkillable", "-RR", put("process.oomScoreAdj", -1000), put("process.oomScoreAdj", -999), put("process.oomScoreAdj", -2147483648))
more("null", "oom-score-unkillable", "---", put("process.oomScoreAdj", None))
trio("oom-score-negative", "--W", put("process.oomScoreAdj", -998), put("process.oomScoreAdj", 0), put("process.oomScoreAdj", -1))
more("unkillable", "oom-score-negative", "---", put("process.oomScoreAdj", -1000), also=[("oom-score-unkillable", "br")])
more("most", "oom-score-negative", "--W", put("process.oomScoreAdj", -999))
more("null", "oom-score-negative", "---", put("process.oomScoreAdj", None))

for name, limit in (("empty-type", {"type": "", "soft": 1, "hard": 1}), ("no-type", {"soft": 1, "hard": 1})):
    more(name, "rlimit-invalid", R, put("process.rlimits", [limit]))
trio("rlimit-invalid", R, put("process.rlimits", [{"type": "RLIMIT_NOFILE", "soft": 20, "hard": 10}]),
     put("process.rlimits", [{"type": "RLIMIT_NOFILE", "soft": 10, "hard": 10}]),
     put("process.rlimits", [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 1}, {"type": "RLIMIT_NOFILE", "soft": 2, "hard": 2}]))
more("unknown-type", "rlimit-invalid", R, put("process.rlimits", [{"type": "RLIMIT_X", "soft": 1, "hard": 1}]))
trio("rlimit-unlimited", "-WW", rlimit("NOFILE", INFINITY, INFINITY), rlimit("NOFILE", 2**52 - 1), rlimit("CORE", INFINITY, 0))
more("nearly", "rlimit-unlimited", "-WW", rlimit("CORE", INFINITY - 1))
more("more-than-there-is", "rlimit-unlimited", "-WW", rlimit("MEMLOCK", 2**52))
more("nproc", "rlimit-unlimited", "-WW", rlimit("NPROC", INFINITY))
more("memlock", "rlimit-unlimited", "-WW", rlimit("MEMLOCK", INFINITY))
more("stack", "rlimit-unlimited", "---", rlimit("STACK", INFINITY))
more("null", "rlimit-unlimited", "---", put("process.rlimits", None))
trio("scheduler-realtime", "-RR", put("process.scheduler", {"policy": "SCHED_FIFO", "priority": 1}),
     put("process.scheduler", {"policy": "SCHED_BATCH", "nice": 19}), put("process.scheduler", {"policy": "SCHED_OTHER", "nice": -1}))
more("round-robin", "scheduler-realtime", "-RR", put("process.scheduler", {"policy": "SCHED_RR"}))
more("deadline", "scheduler-realtime", "-RR", put("process.scheduler", {"policy": "SCHED_DEADLINE", "nice": 0}))
more("null", "scheduler-realtime", "---", put("process.scheduler", None))
more("limit", "scheduler-realtime", "-RR", rlimit("RTPRIO", 99))
more("soft-limit", "scheduler-realtime", "-RR", rlimit("RTPRIO", 1, 0))
more("nice-limit", "scheduler-realtime", "-RR", rlimit("NICE", 40))
more("limits-of-all", "scheduler-realtime", "---", put("process.rlimits", [{"type": "RLIMIT_RTPRIO", "soft": 0, "hard": 0},
                                                                           {"type": "RLIMIT_NICE", "soft": 20, "hard": 20}]))
trio("io-priority-realtime", "-RR", put("process.ioPriority", {"class": "IOPRIO_CLASS_RT", "priority": 7}),
     put("process.ioPriority", {"class": "IOPRIO_CLASS_BE", "priority": 0}), put("process.ioPriority", {"class": "IOPRIO_CLASS_RT"}))
more("null", "io-priority-realtime", "---", put("process.ioPriority", None))

trio("apparmor-unconfined", "-RR", put("process.apparmorProfile", "unconfined"), put("process.apparmorProfile", "unconfined-app"),
     put("process.apparmorProfile", " unconfined\n"))
more("namespace", "apparmor-unconfined", "-RR", put("process.apparmorProfile", ":root:unconfined"))
more("namespace-slashes", "apparmor-unconfined", "-RR", put("process.apparmorProfile", ":root://unconfined"))
more("upper-case", "apparmor-unconfined", "-RR", put("process.apparmorProfile", "Unconfined"))
for name, profile in (("stacked", "&unconfined"), ("stacked-twice", "unconfined//&unconfined"), ("stacked-namespace", ":x:&unconfined"), ("stacked-blank", "& unconfined")):
    more(name, "apparmor-unconfined", "-RR", put("process.apparmorProfile", profile))
more("stacked-other", "apparmor-unconfined", "---", put("process.apparmorProfile", "unconfined//&app"))
more("empty", "apparmor-unconfined", "---", put("process.apparmorProfile", ""))
more("null", "apparmor-unconfined", "---", put("process.apparmorProfile", None))
LOADED = [*host("apparmor", "Y\\n"), "mkdir -p $B/host/apparmor-profiles/hrun-default.12"]
trio("apparmor-missing", "-HH", None, put("process.apparmorProfile", "hrun-default"), put("process.apparmorProfile", ""), setup=LOADED)
more("null", "apparmor-missing", "-HH", put("process.apparmorProfile", None), setup=LOADED)
more("switched-off", "apparmor-missing", "---", None, setup=[*host("apparmor", "N\\n"), LOADED[-1]])
more("another-profile", "apparmor-missing", "-WW", None, setup=[*host("apparmor", "Y\\n"), "mkdir -p $B/host/apparmor-profiles/hrun-default.12x $B/host/apparmor-profiles/hrun-default. $B/host/apparmor-profiles/hrun-default-2.7 $B/host/apparmor-profiles/hrun-default"])
more("not-loaded", "apparmor-missing", "-WW", put("process.apparmorProfile", ""), setup=host("apparmor", "Y\\n"))
more("not-loaded-null", "apparmor-missing", "-WW", put("process.apparmorProfile", None), setup=host("apparmor", "Y\\n"))
more("no-module", "apparmor-missing", "---", None)
more("unreadable", "apparmor-missing", "-RR", None, setup=["mkdir -p $B/host/apparmor"])
MCS = "system_u:system_r:container_t:s0:c1,c2"
trio("selinux-type", "-RR", label("system_u:system_r:spc_t:s0:c1,c2"), label(MCS), label("system_u:system_r:container_t2:s0:c1,c2"))
more("user", "selinux-type", "-RR", label("unconfined_u:system_r:container_t:s0:c1,c2"))
more("role", "selinux-type", "-RR", label("system_u:object_r:container_t:s0:c1,c2"))
more("short", "selinux-type", "-RR", label("container_t"))
for kind in ("container_init_t", "container_kvm_t", "container_engine_t"):
    more(kind, "selinux-type", "---", label(f"system_u:system_r:{kind}:s0:c1,c2"))
more("empty", "selinux-type", "---", label(""))
more("null", "selinux-type", "---", label(None))
def selinuxfs(allowed, label="container_file_t:s0"):
    """A kernel with one answer to all; bit 1 is what reading takes, bit 2 what writing and beginning a program take."""
    numbers = {"dir": ("read search", "write add_name"), "file": ("read execute", "entrypoint")}
    files = [f"printf {n + 1} > class/{c}/perms/$p" for c in numbers for n in range(2)]
    loops = [f"for p in {words}; do {files.pop(0)}; done" for both in numbers.values() for words in both]
    return ["mkdir -p $B/host/selinuxfs && cd $B/host/selinuxfs && mkdir -p class/dir/perms class/file/perms && printf 7 > class/dir/index && "
            "printf 6 > class/file/index; " + "; ".join(loops) + f"; echo {allowed} ffffffff 0 ffffffff 1 0 > access",
            labelled("rootfs", label)]


def labelled(name, label):
    return f"python3 -c 'import os; os.setxattr(os.environ[\"B\"] + \"/{name}\", \"security.selinux\", b\"system_u:object_r:{label}\\0\")'"


def policy(text, kind="default", config="SELINUXTYPE=default"):
    place = f"$B/host/selinux-policies/{kind}/contexts"
    return f"mkdir -p {place} && printf '{config}\\n' > $B/host/selinux-policies/config && printf '{text}' > {place}/lxc_contexts"


ENFORCING = host("selinux", "1") + selinuxfs("f")
GIVEN = 'process = "system_u:system_r:container_init_t:s0"\\nfile = "system_u:object_r:container_file_t:s0"\\n'
trio("selinux-missing", "-HH", None, label(MCS), label(""), setup=ENFORCING)
more("permissive", "selinux-missing", "---", None, setup=host("selinux", "0") + selinuxfs("f"))
more("no-module", "selinux-missing", "---", None)
more("null", "selinux-missing", "-HH", label(None), setup=host("selinux", "1\\n") + selinuxfs("f"))
more("mount-label", "selinux-missing", "-HH", put("linux.mountLabel", "system_u:object_r:container_ro_file_t:s0"), setup=ENFORCING)
more("policy-s-own", "selinux-missing", "-HH", None, setup=[*ENFORCING, policy(GIVEN)])
more("root-denied", "selinux-missing", "-RR", None, setup=host("selinux", "1") + selinuxfs("2"))
more("mounts-denied", "selinux-missing", "-RR", None, setup=host("selinux", "1") + selinuxfs("1"))
PROGRAM = [labelled("rootfs/bin/true", "container_file_t:s0")]
more("program", "selinux-missing", "-HH", None, setup=[*ENFORCING, "touch $B/rootfs/bin/true", *PROGRAM])
more("program-link", "selinux-missing", "-RR", None, setup=[*ENFORCING, "touch $B/rootfs/bin/a; ln -s ../bin/a $B/rootfs/bin/true"])
more("program-in-path", "selinux-missing", "-RR", put(ARGS, ["app"]), setup=[*ENFORCING, "touch $B/rootfs/bin/app"])
more("root-without-label", "selinux-missing", "-RR", None, setup=ENFORCING[:-1])
more("label-of-two-words", "selinux-missing", "-RR", None, setup=host("selinux", "1") + selinuxfs("f", "a:s0 b"))
more("no-selinuxfs", "selinux-missing", "-RR", None, setup=host("selinux", "1"))
more("unreadable", "selinux-missing", "-RR", None, setup=["mkdir -p $B/host/selinux"])
for name, text in (("confines-nothing", GIVEN.replace("container_init_t", "spc_t")), ("categories", GIVEN.replace("t:s0", "t:s0:c1,c2")), ("twice", GIVEN * 2),
                   ("half", GIVEN.split("\\n")[0]), ("empty", "")):
    more(f"contexts-{name}", "selinux-missing", "-RR", None, setup=[*ENFORCING, policy(text)])
more("type-a-path", "selinux-missing", "-RR", None, setup=[*ENFORCING, policy(GIVEN, "x/y", "SELINUXTYPE=x/y")])
more("type-unquoted-blank", "selinux-missing", "-HH", None, setup=[*ENFORCING, policy(GIVEN, config=" SELINUXTYPE = default # ".rstrip("# "))])
more("contexts-others-own", "selinux-missing", "-RR", None,
     setup=[*ENFORCING, policy(GIVEN), "chmod g+w $B/host/selinux-policies/default/contexts/lxc_contexts"])
more("contexts-a-link", "selinux-missing", "-RR", None,
     setup=[*ENFORCING, policy(GIVEN), "cd $B/host/selinux-policies/default/contexts && mv lxc_contexts other && ln -s other lxc_contexts"])
trio("selinux-no-mcs", "-WR", label("system_u:system_r:container_t:s0"), label("system_u:system_r:container_t:s0:c0,c1023"),
     label("system_u:system_r:container_t:s0:c0.c1023"))
for name, level in (("one", ":s0:c1"), ("same", ":s0:c5,c5"), ("none", ""), ("too-high", ":s0:c1,c1024"), ("three", ":s0:c1,c2,c3"),
                    ("all-above", ":s0-s0:c0.c1023"), ("range-plain", ":s0-s0"), ("rubbish", ":s0:c1,c"), ("level", ":s1:c1,c2")):
    more(name, "selinux-no-mcs", "-WR", label("system_u:system_r:container_t" + level))
more("range", "selinux-no-mcs", "---", label("system_u:system_r:container_t:s0-s0:c1,c2"))
more("mount-label", "selinux-no-mcs", "-WR", put("linux.mountLabel", "system_u:object_r:usr_t:s0"))
more("container-mount-label", "selinux-no-mcs", "---", put("linux.mountLabel", "system_u:object_r:container_file_t:s0:c1,c2"))
more("null", "selinux-no-mcs", "---", both(label(None), put("linux.mountLabel", None)))
