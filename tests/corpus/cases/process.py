# SPDX-License-Identifier: Apache-2.0
# Cases of the chapter "process"; run by ../make.py.
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
trio("scheduler-realtime", "-RR", put("process.scheduler", {"policy": "SCHED_FIFO", "priority": 1}),
     put("process.scheduler", {"policy": "SCHED_BATCH", "nice": 19}), put("process.scheduler", {"policy": "SCHED_OTHER", "nice": -1}))
trio("io-priority-realtime", "-RR", put("process.ioPriority", {"class": "IOPRIO_CLASS_RT", "priority": 7}),
     put("process.ioPriority", {"class": "IOPRIO_CLASS_BE", "priority": 0}), put("process.ioPriority", {"class": "IOPRIO_CLASS_RT"}))
more("unknown-type", "rlimit-invalid", R, put("process.rlimits", [{"type": "RLIMIT_X", "soft": 1, "hard": 1}]))
more("relative", "cwd-unsafe", R, put("process.cwd", "tmp"))
more("dotdot", "cwd-unsafe", R, put("process.cwd", "/tmp/../x"))
more("mapped-to-host", "user-root", "-WR", both(put("process.user", {"uid": 0, "gid": 0}), ids(1, host=0)), also=[("idmap-host-root", "br")])
