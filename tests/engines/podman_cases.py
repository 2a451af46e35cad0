# SPDX-License-Identifier: Apache-2.0
"""podman_cases.py - what podman is told to do and must give with hrun: podman.py and rootless.py play it in trees without systemd,
tests/vm/guest/matrix.py on a machine that has it.
"""
import os

# What `exec -d` has begun may take its time.
SOON = "for i in $(seq 20); do sleep 0.5; podman exec c grep d /tmp/detached && break; done 2>/dev/null"

# name, commands, and what the last one must give: (status, regex of the output)
CASES = [
    ("run", ["podman run --rm bb /bin/true"], (0, "^$")),
    ("exit status", ["podman run --rm bb sh -c 'exit 7'"], (7, None)),
    ("killed by a signal", ["podman run --rm --init bb sh -c 'kill -9 $$'"], (137, None)),
    ("output on both streams", ["podman run --rm bb sh -c 'echo out; echo err >&2'"], (0, "out")),
    ("input", ["echo hello | podman run --rm -i bb cat"], (0, "^hello$")),
    ("missing command", ["podman run --rm bb nosuch"], (127, "nosuch")),
    ("missing absolute command", ["podman run --rm bb /nosuch"], (127, "nosuch")),
    ("directory as command", ["podman run --rm bb /bin"], (126, "permission denied")),
    ("file that is no program", ["podman run --rm bb /etc/passwd"], (126, "permission denied")),
    ("user", ["podman run --rm --user 1000:1001 bb id"], (0, "uid=1000.* gid=1001")),
    ("groups", ["podman run --rm --user 1000 --group-add 55 bb id -G"], (0, "55")),
    ("workdir", ["podman run --rm -w /tmp bb pwd"], (0, "^/tmp$")),
    ("environment", ["podman run --rm -e A=b -e C=  bb sh -c 'env | sort | grep -v HOSTNAME'"], (0, "A=b")),
    ("hostname", ["podman run --rm --hostname h1 bb hostname"], (0, "^h1$")),
    ("entry point", ["podman run --rm --entrypoint '[\"echo\",\"x\"]' bb y"], (0, "^x y$")),
    ("terminal", ["podman run --rm -t bb sh -c 'tty; test -c /dev/console && echo console'"], (0, "/dev/pts/0")),
    ("terminal and input", ["echo 'echo typed; exit 5' | podman run --rm -it bb sh 2>/dev/null | tail -n 1"], (0, "typed")),
    ("read-only", ["podman run --rm --read-only bb sh -c 'touch /x 2>/dev/null || echo no; touch /tmp/x && echo yes'"], (0, "no")),
    ("capabilities", ["podman run --rm bb grep Cap /proc/self/status"], (0, "CapEff:\t00000000800405fb")),
    ("no capabilities", ["podman run --rm --cap-drop all bb grep Cap /proc/self/status"], (0, "CapEff:\t0000000000000000")),
    ("one capability", ["podman run --rm --cap-drop all --cap-add net_bind_service bb grep CapEff /proc/self/status"], (0, "400$")),
    ("no new privileges", ["podman run --rm --security-opt no-new-privileges bb grep NoNewPrivs /proc/self/status"], (0, "1$")),
    ("volume", ["mkdir -p /v; echo data >/v/f", "podman run --rm -v /v:/data bb sh -c 'cat /data/f; echo more >>/data/f'", "cat /v/f"], (0, "more")),
    ("read-only volume", ["podman run --rm -v /v:/data:ro bb sh -c 'touch /data/x'"], (1, "Read-only")),
    ("named volume", ["podman run --rm -v vol1:/data bb sh -c 'echo 1 >/data/f'", "podman run --rm -v vol1:/data bb cat /data/f", "podman volume rm vol1"], (0, "vol1")),
    ("tmpfs", ["podman run --rm --tmpfs /etc:rw,size=1m bb sh -c 'cat /etc/passwd | head -1; grep \" /etc \" /proc/mounts | cut -d\" \" -f3'"], (0, "tmpfs")),
    ("shm size", ["podman run --rm --shm-size 1m bb sh -c 'df -k /dev/shm | tail -1 | tr -s \" \" | cut -d\" \" -f2'"], (0, "1024")),
    ("device", ["podman run --rm --device /dev/null:/dev/mynull bb sh -c 'echo x >/dev/mynull && ls -l /dev/mynull | cut -c1-10'"], (0, "crw-rw-rw-")),
    ("devices denied", ["podman run --rm --cap-add mknod bb sh -c 'mknod /dev/k c 1 11 && head -c1 /dev/k'"], (1, "not permitted")),
    ("sysctl", ["podman run --rm --sysctl kernel.shm_rmid_forced=1 --ipc private bb cat /proc/sys/kernel/shm_rmid_forced"], (0, "1")),
    ("ulimit", ["podman run --rm --ulimit nofile=100:200 --ulimit nproc=1000:1000 bb sh -c 'ulimit -n; ulimit -Hn'"], (0, "100")),
    ("oom score", ["podman run --rm --oom-score-adj 100 bb cat /proc/self/oom_score_adj"], (0, "100")),
    ("init", ["podman run --rm --init bb sh -c 'cat /proc/1/comm'"], (0, "init")),
    ("pid namespace", ["podman run --rm bb sh -c 'echo $$'"], (0, "^1$")),
    ("masked paths", ["podman run --rm bb sh -c 'cat /proc/keys; ls /sys/firmware'"], (0, "^$")),
    ("umask", ["podman run --rm --umask 0077 bb sh -c umask"], (0, "0077")),
    ("detached", ["podman run -d --name c bb sleep 1000", "podman ps --format '{{.Names}} {{.State}}'"], (0, "c (running|Up)")),
    ("exec", ["podman exec c id"], (0, "uid=0")),
    ("exec exit status", ["podman exec c sh -c 'exit 7'"], (7, None)),
    ("exec missing command", ["podman exec c nosuch"], (127, "nosuch")),
    ("exec directory", ["podman exec c /bin"], (126, None)),
    ("exec user, workdir, environment", ["podman exec -u 1000 -w /tmp -e X=y c sh -c 'id -u; pwd; echo $X'"], (0, "1000")),
    ("exec terminal", ["podman exec -t c tty"], (0, "/dev/pts/")),
    ("exec input", ["echo typed | podman exec -i c cat"], (0, "^typed$")),
    ("exec detached", ["podman exec -d c sh -c 'echo d >/tmp/detached'", SOON], (0, "^d$")),
    ("exec no more than the container", ["podman exec c grep -E 'CapBnd|Seccomp:' /proc/self/status"], (0, "Seccomp:\t2")),
    ("exec preserve-fds", ["podman exec --preserve-fds 1 c sh -c 'head -1 <&3' 3</etc/hostname"], (0, None)),
    ("top", ["podman top c pid comm"], (0, "sleep")),
    ("inspect", ["podman inspect --format '{{.State.Status}} {{.OCIRuntime}}' c"], (0, "running")),
    ("kill", ["podman kill -s USR1 c", "podman exec c true"], (0, None)),
    ("pause", ["podman pause c", "podman ps --format '{{.State}}'", "podman unpause c", "podman exec c echo back"], (0, "back")),
    ("stop", ["podman stop -t 1 c", "podman ps -a --format '{{.State}}'"], (0, "(?i)exited")),
    ("start again", ["podman start c", "podman exec c echo again"], (0, "again")),
    ("rm -f", ["podman rm -f -t 0 c", "podman ps -aq"], (0, "")),
    ("logs", ["podman run --name l bb sh -c 'echo 1; echo 2 >&2'", "podman logs l", "podman rm l"], (0, "l")),
    ("create, start, wait", ["podman create --name w bb sh -c 'exit 3'", "podman start w", "podman wait w", "podman rm w"], (0, "w")),
    ("attach", ["podman create --name a -i bb cat", "echo attached | podman start -ai a", "podman rm a"], (0, "a")),
    ("restart", ["podman run -d --name r bb sleep 1000", "podman restart -t 0 r", "podman exec r echo up", "podman rm -f -t 0 r"], (0, "r")),
    ("health check", ["podman run -d --name h --health-cmd 'echo ok' --health-interval disable bb sleep 1000", "podman healthcheck run h; echo $?", "podman rm -f -t 0 h"], (0, "h")),
    ("pod", ["podman pod create --name p --share ipc,uts --infra=false", "podman run --rm --pod p bb echo in", "podman pod rm -f p"], (0, None)),
    ("failed create leaves nothing", ["podman run --name f bb nosuch; podman rm f", "podman ps -aq"], (0, "^$")),
    ("hooks directory", ["podman --hooks-dir /root/hooks run --rm --annotation hook=yes bb true", "grep -o '\"annotations\"' /tmp/hook-ran"], (0, "annotations")),
    ("commit and run", ["podman run --name cm bb sh -c 'echo c >/c'", "podman commit -q cm img2 >/dev/null", "podman rm cm", "podman run --rm img2 cat /c"], (0, "^c$")),
    ("kube play", ["podman kube play --network none /root/pod.yaml >/dev/null", "podman exec kp-k echo in", "podman kube down /root/pod.yaml >/dev/null"], (0, "^in$")),
    ("build", ["printf 'FROM bb\\nRUN echo built >/b\\nUSER 1000\\n' >/root/Containerfile", "podman build -q --network none --ulimit nofile=1000:1000 --ulimit nproc=1000:1000 -t localhost/built -f /root/Containerfile /root 2>&1", "podman run --rm localhost/built sh -c 'cat /b; id -u'"], (0, "built")),
    ("buildah run", ["buildah from --ulimit nofile=1000:1000 --ulimit nproc=1000:1000 --name bw bb", "buildah run --network none bw sh -c 'id -u; exit 4'; echo $?", "buildah rm bw >/dev/null"], (0, None)),
]

# Where hrun says no on purpose: the command, and what hrun says.
WANTED = [
    ("privileged is refused", "podman run --rm --privileged bb true", 126, "refused ["),
    ("the host's processes are refused", "podman run --rm --pid host bb true", 126, "refused [ns-pid-host]"),
    ("the host's network is refused", "podman run --rm --network host bb true", 126, "refused [ns-net-host]"),
    ("a dangerous capability is refused", "podman run --rm --cap-add sys_admin bb true", 126, "refused [caps-dangerous]"),
    ("an unmasked /proc is refused", "podman run --rm --security-opt unmask=ALL bb true", 126, "refused ["),
    ("the host's root is refused", "podman run --rm -v /:/host bb true", 126, "refused [mount-host-root]"),
    ("cgroups may not be turned off", "podman run --rm --cgroups=disabled bb true", 126, "refused [flag-cgroups-disabled]"),
    ("a filter of its own", "podman run --rm --security-opt seccomp=/root/deny-mkdir.json bb mkdir /tmp/x", 1, "not permitted"),
    ("an unconfined filter is replaced", "podman run --rm --security-opt seccomp=unconfined bb grep Seccomp: /proc/self/status", 0, "Seccomp:\t2"),
]

# The same commands again where the host's policy says `privileged`.
PRIVILEGED = [
    ("privileged", ["podman run --rm --privileged bb grep -E 'CapEff|Seccomp:|NoNew' /proc/self/status"], (0, None)),
    ("privileged devices", ["podman run --rm --privileged bb sh -c 'ls /dev/kmsg 2>/dev/null; mount -t tmpfs none /tmp && echo mounted'"], (0, "mounted")),
    ("the host's processes", ["podman run --rm --pid host bb sh -c '[ $$ -gt 1 ] && echo many'"], (0, "many")),
    ("the host's network", ["podman run --rm --network host bb ls /sys/class/net"], (0, "lo")),
    ("the host's ipc and uts", ["podman run --rm --ipc host --uts host bb hostname"], (0, None)),
    ("a capability", ["podman run --rm --cap-add sys_admin bb sh -c 'grep CapEff /proc/self/status; mount -t tmpfs none /tmp; echo $?'"], (0, None)),
    ("no filter", ["podman run --rm --security-opt seccomp=unconfined bb grep Seccomp: /proc/self/status"], (0, "Seccomp:\t0")),
    ("unmasked", ["podman run --rm --security-opt unmask=ALL bb sh -c 'cat /proc/timer_list | head -1 | cut -c1-5'"], (0, None)),
    ("no cgroup", ["podman run --rm --cgroups=disabled bb echo x"], (0, "^x$")),
    ("the host's root", ["podman run --rm -v /:/host:ro bb ls -d /host/etc"], (0, "/host/etc")),
    ("user namespace", ["podman run --rm --uidmap 0:100000:5000 bb sh -c 'id -u; tr -s \" \" </proc/self/uid_map'"], (0, "^0\n 0 100000 5000$")),
]

# What an ordinary user gives
USER_CASES = [
    ("run", ["podman run --rm bb id -u"], (0, "^0$")),
    ("it is the user's podman", ["podman info --format '{{.Host.Security.Rootless}} {{.Host.OCIRuntime.Name}}'"], (0, "^true hrun$")),
    ("ids", ["podman run --rm bb cat /proc/self/uid_map"], (0, r"0 +1000 +1\n +1 +100000 +65536")),
    ("exit status", ["podman run --rm bb sh -c 'exit 7'"], (7, None)),
    ("missing command", ["podman run --rm bb nosuch"], (127, "nosuch")),
    ("user", ["podman run --rm --user 1000:1001 bb id"], (0, "uid=1000.* gid=1001")),
    ("walls", ["podman run --rm bb grep -E 'CapEff|Seccomp:|NoNew' /proc/self/status"], (0, "Seccomp:\t2")),
    ("terminal", ["podman run --rm -t bb tty"], (0, "/dev/pts/0")),
    ("input", ["echo hello | podman run --rm -i bb cat"], (0, "^hello$")),
    ("read-only", ["podman run --rm --read-only bb touch /x"], (1, "Read-only")),
    ("volume", ["mkdir -p ~/v; echo data >~/v/f", "podman run --rm -v ~/v:/data bb sh -c 'cat /data/f; echo more >/data/g'", "cat ~/v/g; stat -c %u ~/v/g"],
     (0, "1000")),
    ("read-only volume", ["podman run --rm -v ~/v:/data:ro bb touch /data/x"], (1, "Read-only")),
    ("named volume", ["podman run --rm -v vol1:/data bb sh -c 'echo 1 >/data/f'", "podman run --rm -v vol1:/data bb cat /data/f"], (0, "^1$")),
    ("tmpfs", ["podman run --rm --tmpfs /t bb sh -c 'grep \" /t \" /proc/mounts'"], (0, "tmpfs")),
    ("device", ["podman run --rm --device /dev/zero bb head -c 3 /dev/zero | wc -c"], (0, "^3$")),
    ("keep-id", ["podman run --rm --userns=keep-id bb id -u"], (0, "^1000$")),
    ("keep-id and a volume", ["podman run --rm --userns=keep-id -v ~/v:/data bb touch /data/mine", "stat -c %u ~/v/mine"], (0, "^1000$")),
    ("no map", ["podman run --rm --userns=nomap bb id -u"], (0, "^0$")),
    ("detached", ["podman run -d --name c bb sleep 1000", "podman ps --format '{{.Names}} {{.State}}'"], (0, "c running")),
    ("exec", ["podman exec c id -u"], (0, "^0$")),
    ("exec terminal", ["podman exec -t c tty"], (0, "/dev/pts/")),
    ("exec user", ["podman exec -u 5 -w /tmp c sh -c 'id -u; pwd'"], (0, "^5\n/tmp$")),
    ("exec exit status", ["podman exec c sh -c 'exit 9'"], (9, None)),
    ("exec detached", ["podman exec -d c sh -c 'echo d >/tmp/detached'", SOON], (0, "^d$")),
    ("top", ["podman top c pid comm"], (0, "sleep")),
    ("stop", ["podman stop -t 1 c", "podman ps -a --format '{{.State}}'"], (0, "(?i)exited")),
    ("start again", ["podman start c", "podman exec c echo again"], (0, "^again$")),
    ("rm -f", ["podman rm -f -t 0 c", "podman ps -aq"], (0, "^$")),
    ("exec into a created container", ["podman create --name k bb sleep 1000", "podman init k", "hrun --root $XDG_RUNTIME_DIR/hrun list -q; podman exec k true; echo $?",
                                       "podman start k", "podman exec k echo runs", "podman rm -f -t 0 k"], (0, "k")),
    ("health check", ["podman run -d --name h --health-cmd 'echo ok' --health-interval disable bb sleep 1000", "podman healthcheck run h && echo healthy",
                      "podman rm -f -t 0 h"], (0, "healthy")),
    ("pod", ["podman pod create --name p --infra=false", "podman run --rm --pod p bb echo in", "podman pod rm -f p"], (0, None)),
    ("logs", ["podman run --name l bb echo logged", "podman logs l", "podman rm l"], (0, "logged")),
    ("build", ["printf 'FROM bb\\nRUN id -u >/b\\n' >~/Containerfile", "podman build -q --network none -t built -f ~/Containerfile ~ 2>&1",
               "podman run --rm built cat /b"], (0, "^0$")),
]
# Where hrun says no on purpose, to a user.
USER_WANTED = [
    ("privileged is refused", "podman run --rm --privileged bb true", 126, "hrun: "),
    ("the host's root is refused", "podman run --rm -v /:/host bb true", 126, "mount-host-root"),
]

# What busybox needs to get as far as mkdir.
ALLOWED = str([
    "read", "write", "close", "fstat", "stat", "lstat", "newfstatat", "mmap", "mprotect", "munmap", "brk", "rt_sigaction", "rt_sigprocmask", "ioctl",
    "access", "faccessat", "faccessat2", "getpid", "getuid", "geteuid", "getgid", "getegid", "setuid", "setgid", "execve", "exit", "exit_group",
    "uname", "umask", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "prlimit64", "readlink", "readlinkat", "getrandom", "prctl",
    "open", "openat", "fcntl", "dup2", "getcwd", "chdir", "futex", "tgkill", "gettid", "getppid", "lseek", "writev", "readv", "capset", "capget",
    "sendmsg", "recvmsg", "sendto", "statx", "poll",
]).replace("'", '"')


def make_files():
    """What the commands name, under /root."""
    with open("/root/deny-mkdir.json", "w") as f:
        f.write('{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"architectures":["SCMP_ARCH_X86_64"],"syscalls":['
                '{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":1},{"names":%s,"action":"SCMP_ACT_ALLOW"}]}' % ALLOWED)
    os.makedirs("/root/hooks", exist_ok=True)
    with open("/usr/local/bin/hook", "w") as f:
        f.write("#!/bin/sh\ncat >/tmp/hook-ran\n")
    os.chmod("/usr/local/bin/hook", 0o755)
    with open("/root/hooks/h.json", "w") as f:
        f.write('{"version":"1.0.0","hook":{"path":"/usr/local/bin/hook"},"when":{"annotations":{"^hook$":"yes"}},"stages":["createRuntime"]}')
    with open("/root/pod.yaml", "w") as f:
        f.write("apiVersion: v1\nkind: Pod\nmetadata:\n  name: kp\nspec:\n  containers:\n  - name: k\n    image: localhost/bb\n"
                "    command: [sleep, '1000']\n")
