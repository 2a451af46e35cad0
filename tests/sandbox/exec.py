#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""exec: one more process, never stronger than the container's first one."""
import json
import os
import subprocess

from hrun import Bundle, CGROUP, contains, created, equal, eventually, has_ended, main, namespace_of, read, sets_of, started, status_of, test
import hrun as h

PROCESS = {"terminal": False, "user": {"uid": 1000, "gid": 1000}, "args": ["/bin/sleep", "1000"], "cwd": "/", "env": ["PATH=/bin"],
           "noNewPrivileges": True}


def process_file(**changes):
    path = f"{h.work}/process{next(h._numbers)}.json"
    h.write(path, json.dumps({**PROCESS, **changes}))
    return path


class detached:
    """A second process of the container, by pid."""

    def __init__(self, c, *args, options=(), **more):
        self.file = f"{h.work}/exec{next(h._numbers)}.pid"
        r = h.hrun("exec", "-d", "--pid-file", self.file, *options, c.id, *args, **more)
        equal((r.status, r.out, r.err), (0, "", ""), "exec -d")
        self.pid = int(read(self.file))

    def __enter__(self):
        return self.pid

    def __exit__(self, *_):
        os.kill(self.pid, 9)
        eventually(lambda: has_ended(self.pid), "its end")


@test
def namespaces_and_cgroup_are_those_of_init():
    for change in (None, lambda b: b.user_namespace()):
        b = Bundle()
        if change:
            change(b)
        with started(b) as c, detached(c, "sleep", "1000") as pid:
            for kind in ("pid", "net", "ipc", "uts", "mnt", "cgroup", "user"):
                equal(namespace_of(pid, kind), namespace_of(c.pid, kind), kind)
            equal(read(f"/proc/{pid}/cgroup"), read(f"/proc/{c.pid}/cgroup"))
            contains(read(f"{CGROUP}/hrun/{c.id}/cgroup.procs").split(), str(pid))
            equal(os.readlink(f"/proc/{pid}/root"), os.readlink(f"/proc/{c.pid}/root"))


@test
def walls_are_those_of_init():
    b = Bundle(uid=0, caps=["CAP_CHOWN", "CAP_KILL"])
    with started(b) as c, detached(c, "sleep", "1000") as pid:
        mine, init = status_of(pid), status_of(c.pid)
        for key in ("NoNewPrivs", "Seccomp", "Seccomp_filters", "CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb", "Uid", "Gid", "Groups",
                    "Umask"):
            equal(mine[key], init[key], key)
        equal((mine["NoNewPrivs"], mine["Seccomp"], mine["Seccomp_filters"]), ("1", "2", "1"))


@test
def walls_stay_where_the_process_object_is_silent():
    with started(Bundle()) as c:
        quiet = {k: v for k, v in PROCESS.items() if k != "noNewPrivileges"}
        for process in (quiet, {**quiet, "noNewPrivileges": False}):
            path = f"{h.work}/quiet.json"
            h.write(path, json.dumps(process))
            r = h.hrun("exec", "-d", "--process", path, "--pid-file", f"{h.work}/q.pid", c.id)
            if r.status == 0:
                pid = int(read(f"{h.work}/q.pid"))
                s = status_of(pid)
                equal((s["NoNewPrivs"], s["Seccomp"], s["Seccomp_filters"], s["CapBnd"]), ("1", "2", "1", "0" * 16))
                os.kill(pid, 9)


@test
def no_new_privs_of_a_container_stays_even_at_level_privileged():
    with started(Bundle(), level="privileged") as c:
        with detached(c, options=("--process", process_file(noNewPrivileges=False)), level="privileged") as pid:
            equal(status_of(pid)["NoNewPrivs"], "1")


@test
def no_new_privs_of_a_process_alone():
    b = Bundle()
    b.process["noNewPrivileges"] = False
    with started(b, level="privileged") as c:
        for options, expected in (((), "0"), (("--no-new-privs",), "1")):
            r = c.exec("grep", "NoNewPrivs", "/proc/self/status", options=options, level="privileged")
            equal((r.status, r.out.split()[1:]), (0, [expected]), f"{options} {r.err}")


@test
def no_new_privs_that_was_asked_for_may_not_be_asked_away():
    with started(Bundle()) as c:
        for level in ("baseline", "privileged"):
            r = h.hrun("exec", "--process", process_file(noNewPrivileges=False), c.id, level=level)
            equal((r.status, r.out, r.err.count("\n")), (255, "", 1), repr(r))
            contains(r.err, "hrun: refused [exec-raises] process.noNewPrivileges ")


@test
def a_level_that_was_loosened_since_does_not_loosen_exec():
    # Not every machine has the controller for the limit that restricted asks for.
    restricted = {"level": "restricted", "rules": {"memory-limit-missing": "off"}}
    for level, status in ((restricted, 255), ("baseline", 0)):
        with started(Bundle(uid=1000), level=level) as c:
            equal(h.hrun("exec", "--user", "0:0", c.id, "true", level="baseline").status, status)
            equal(h.hrun("exec", "--user", "0:0", c.id, "true", level="restricted").status, 255)
            equal(h.hrun("exec", "--user", "0:0", c.id, "true", level="privileged").status, status)


@test
def what_create_took_exec_takes_again():
    """Engines send the config's process with every exec, with what hrun had taken from it."""
    b = Bundle(uid=0, caps=["CAP_CHOWN", "CAP_KILL"])
    policy = {"drop": {"capabilities": ["CAP_KILL"]}}
    with started(b, level=policy) as c:
        full = dict(user={"uid": 0, "gid": 0}, capabilities=b.process["capabilities"])
        for options in (("--process", process_file(**full)), ()):
            for level in (policy, None):
                args = () if options else ("sleep", "1000")
                with detached(c, *args, options=options, level=level) as pid:
                    equal(sets_of(pid)["bounding"], h.mask_of(["CHOWN"]))
                    equal(sets_of(pid)["effective"], h.mask_of(["CHOWN"]))
        findings = json.loads(read(f"/run/hrun/{c.id}/verdict.json"))["findings"]
        dropped = [f for f in findings if f.get("why") == "drop"]
        equal([(f["action"], f["pointer"]) for f in dropped], [("harden", "/process/capabilities")])


@test
def a_capability_that_the_container_may_not_have_is_refused():
    with started(Bundle(uid=0, caps=["CAP_CHOWN"])) as c:
        for level in ("baseline", "privileged"):
            with h.unchanged():
                r = h.hrun("exec", "-c", "CAP_KILL", c.id, "true", level=level)
                equal((r.status, r.out, r.err.count("\n")), (255, "", 1), repr(r))
                contains(r.err, "capabilit")
        r = c.exec("grep", "CapEff", "/proc/self/status")
        equal(r.out.split()[1], f"{h.mask_of(['CHOWN']):016x}")


@test
def a_capability_within_the_bounding_set():
    b = Bundle(uid=0)
    b.process["capabilities"] = {"bounding": ["CAP_CHOWN", "CAP_KILL"], "permitted": ["CAP_CHOWN"], "effective": ["CAP_CHOWN"]}
    with started(b) as c:
        with detached(c, "sleep", "1000", options=("-c", "CAP_KILL")) as pid:
            equal(sets_of(pid)["effective"], h.mask_of(["CHOWN", "KILL"]))


@test
def capabilities_of_a_process_object_exactly():
    b = Bundle(uid=0, caps=["CAP_CHOWN", "CAP_KILL", "CAP_FOWNER"])
    with started(b) as c:
        process = process_file(user={"uid": 0, "gid": 0}, capabilities={"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"],
                                                                        "effective": ["CAP_KILL"]})
        with detached(c, options=("--process", process)) as pid:
            equal(sets_of(pid), {"bounding": h.mask_of(["KILL"]), "permitted": h.mask_of(["KILL"]), "effective": h.mask_of(["KILL"]),
                                 "inheritable": 0, "ambient": 0})


@test
def a_process_object_without_capabilities_has_none():
    with started(Bundle(uid=0, caps=["CAP_CHOWN"])) as c:
        with detached(c, options=("--process", process_file(user={"uid": 0, "gid": 0}))) as pid:
            equal(set(sets_of(pid).values()), {0})


@test
def flags():
    with started(Bundle(uid=0)) as c:
        equal(c.exec("pwd", options=("--cwd", "/etc")).out, "/etc\n")
        equal(c.exec("sh", "-c", "echo $A:$B", options=("-e", "A=1", "--env=B=2 3")).out, "1:2 3\n")
        equal(c.exec("sh", "-c", "id -u; id -g; id -G", options=("-u", "7:8", "-g", "17", "-g", "18")).out, "7\n8\n8 17 18\n")
        equal(c.exec("sh", "-c", "id -u", options=("--user=77",)).out, "77\n")
        equal(c.exec("sh", "-c", "echo $HOME", options=("--user=1000:1000",)).out, "/home/user\n")
        equal(c.exec("sh", "-c", "echo $PATH", options=("-e", "PATH=/bin")).out, "/bin\n")
        equal(c.exec("echo", "--help", "-x").out, "--help -x\n")
        equal(c.exec("grep", "NoNewPrivs", "/proc/self/status", options=("--no-new-privs",)).out.split()[1], "1")


@test
def bad_flags():
    with started(Bundle()) as c:
        for options, args in ((("-u", "nobody"), ("true",)), (("-u", "-1"), ("true",)), (("-g", "x"), ("true",)), (("-e", "=x"), ("true",)),
                              ((), ()), (("--process", "/no/such/file"), ()), (("--cwd", "relative"), ("true",)),
                              (("--cgroup", "x"), ("true",)), (("--process", process_file()), ("true",)), (("-c", "CAP_NONSENSE"), ("true",))):
            with h.unchanged():
                r = c.exec(*args, options=options)
                equal((r.status, r.out, r.err.count("\n")), (255, "", 1), f"{options}: {r}")
        r = c.exec("true", options=("--no-such",))
        equal((r.status, r.out, r.err.count("\n")), (255, "", 1), repr(r))


@test
def process_objects_are_read_strictly():
    with started(Bundle()) as c:
        for text in ("", "{", "[]", "null", '{"args":["true"],"args":["id"],"cwd":"/","user":{"uid":0,"gid":0}}', json.dumps({**PROCESS, "args": []}),
                     json.dumps({**PROCESS, "cwd": "x"}), json.dumps({**PROCESS, "args": "true"}), json.dumps(PROCESS) + "x",
                     json.dumps({**PROCESS, "user": {"uid": 1 << 32, "gid": 0}})):
            path = f"{h.work}/bad.json"
            h.write(path, text)
            with h.unchanged():
                r = h.hrun("exec", "--process", path, c.id)
                equal((r.status, r.out, r.err.count("\n")), (255, "", 1), f"{text[:60]}: {r}")


@test
def exit_codes():
    with started(Bundle()) as c:
        for script, code in (("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -9 $$", 137), ("kill -15 $$", 143)):
            equal(c.exec("sh", "-c", script).status, code, script)


@test
def stdio():
    with started(Bundle()) as c:
        h.write(f"{h.work}/in", "input\n")
        with open(f"{h.work}/in") as f:
            r = c.exec("sh", "-c", "cat; echo error >&2", stdin=f)
        equal((r.status, r.out, r.err), (0, "input\n", "error\n"))


@test
def a_missing_program():
    with started(Bundle()) as c:
        for name, words in (("nosuch", "executable file not found in $PATH"), ("/no/such", "No such file or directory"), ("/etc", "permission denied"),
                            ("/etc/passwd", "permission denied")):
            pid_file = f"{h.work}/none.pid"
            with h.unchanged():
                r = c.exec(name, options=("--pid-file", pid_file))
                equal((r.status, r.out, r.err.count("\n")), (255, "", 1), repr(r))
                contains(r.err, words)
            assert not os.path.exists(pid_file), "a pid file of a process that never was"


@test
def pid_file_holds_exactly_the_host_pid():
    with started(Bundle()) as c, detached(c, "sleep", "1000") as pid:
        equal(read(f"/proc/{pid}/comm"), "sleep\n")
        assert status_of(pid)["NSpid"].split()[-1] != "1"
    with started(Bundle()) as c:
        process = detached(c, "sleep", "1000")
        with open(process.file, "rb") as f:
            equal(f.read(), str(process.pid).encode())
        process.__exit__()


@test
def a_detached_process_outlives_hrun_and_dies_with_the_container():
    with started(Bundle()) as c:
        process = detached(c, "sleep", "1000")
        assert status_of(process.pid)["State"][0] in "RS"
    eventually(lambda: has_ended(process.pid), "its end")


@test
def in_a_created_container():
    with created(Bundle("sleep", "1000")) as c:
        r = c.exec("grep", "-E", "^(Seccomp|NoNewPrivs):", "/proc/self/status")
        equal((r.status, r.out), (0, "NoNewPrivs:\t1\nSeccomp:\t2\n"), repr(r))
        equal(c.state()["status"], "created")
        equal(c.start().status, 0)


@test
def in_a_stopped_or_unknown_container():
    with started(Bundle("true")) as c:
        eventually(lambda: c.state()["status"] == "stopped", "the end")
        r = c.exec("true")
        equal((r.status, r.out, r.err), (255, "", "cannot exec in a stopped container\n"))
    r = h.hrun("exec", "no-such-container", "true")
    assert r.status == 255 and "does not exist" in r.err and r.err.count("\n") == 1, r


@test
def descriptors():
    pipe = os.pipe()
    with started(Bundle()) as c:
        equal(c.exec("probe", "fds", pass_fds=pipe).out, "0 1 2 \n")
        h.write(f"{h.work}/three", "from three\n")
        r = h.hrun("exec", "--preserve-fds", "1", c.id, "sh", "-c", "cat <&3",
                   prefix=("sh", "-c", f'exec 3<{h.work}/three 4</dev/null; exec "$@"', "sh"))
        equal((r.status, r.out), (0, "from three\n"), repr(r))
        r = h.hrun("exec", "--preserve-fds", "1", c.id, "probe", "fds", prefix=("sh", "-c", f'exec 3<{h.work}/three 4</dev/null; exec "$@"', "sh"))
        equal(r.out, "0 1 2 3 \n", repr(r))
    os.close(pipe[0])
    os.close(pipe[1])


@test
def environment_and_session():
    with started(Bundle()) as c:
        os.environ["LEAKED"] = "1"
        try:
            r = c.exec("env")
        finally:
            del os.environ["LEAKED"]
        equal(sorted(r.out.split()), ["HOME=/home/user", "PATH=" + Bundle().process["env"][0].removeprefix("PATH=")])
        sid, pgid, pid = c.exec("probe", "session").out.split()[1::2]
        equal((sid, pgid), (pid, pid))


@test
def the_working_directory_is_inside():
    """A directory of the host by descriptor is refused (CVE-2024-21626)."""
    with started(Bundle()) as c:
        fd = os.open("/", os.O_RDONLY)
        try:
            for number in range(3, 12):
                r = c.exec("pwd", options=("--cwd", f"/proc/self/fd/{number}"), pass_fds=(fd,))
                equal(r.status, 255, f"{number}: {r}")
        finally:
            os.close(fd)


@test
def oom_score_and_limits_of_the_process_object():
    with started(Bundle()) as c:
        process = process_file(oomScoreAdj=321, rlimits=[{"type": "RLIMIT_NOFILE", "soft": 12, "hard": 34}])
        with detached(c, options=("--process", process)) as pid:
            equal(read(f"/proc/{pid}/oom_score_adj"), "321\n")
            contains(" ".join(read(f"/proc/{pid}/limits").split()), "Max open files 12 34")


@test
def in_a_container_with_a_joined_pid_namespace():
    with started(Bundle()) as first:
        with started(Bundle().namespace("pid", path=f"/proc/{first.pid}/ns/pid")) as c, detached(c, "sleep", "1000") as pid:
            equal(namespace_of(pid, "pid"), namespace_of(first.pid, "pid"))
            contains(read(f"{CGROUP}/hrun/{c.id}/cgroup.procs").split(), str(pid))


main()
