#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The process: limits, ids, capabilities, keyring, no_new_privs, filter, environment, working directory, descriptors."""
import os
import resource
import subprocess

from hrun import Bundle, Skip, contains, created, equal, hrun, main, output, read, run, sets_of, started, status_of, test
import hrun as h

PERMISSIVE = {"defaultAction": "SCMP_ACT_ALLOW",
              "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]}  # keyctl for the probe


def limits_of(pid):
    return {line[:26].strip(): line[26:].split()[:2] for line in read(f"/proc/{pid}/limits").splitlines()[1:]}


def number_of(kind):
    """Where Python has no name for it, the kernel's number."""
    return getattr(resource, f"RLIMIT_{kind}", {"LOCKS": 10}.get(kind))


@test
def rlimits():
    b = Bundle()
    kinds = {"AS": "address space", "CORE": "core file size", "CPU": "cpu time", "DATA": "data size", "FSIZE": "file size",
             "LOCKS": "file locks", "MEMLOCK": "locked memory", "MSGQUEUE": "msgqueue size", "NICE": "nice priority",
             "NOFILE": "open files", "NPROC": "processes", "RSS": "resident set", "RTPRIO": "realtime priority",
             "RTTIME": "realtime timeout", "SIGPENDING": "pending signals", "STACK": "stack size"}
    hard = {k: resource.prlimit(0, number_of(k))[1] for k in kinds}  # to raise one takes a capability that root may lack
    value = {k: (min(1 << 30, limit % (1 << 63)) - 100 * (limit != 0), min(1 << 30, limit % (1 << 63))) for k, limit in hard.items()}
    value.update({k: (limit, limit) for k, limit in hard.items() if 0 <= limit < 1000}, NOFILE=(77, 99))
    b.process["rlimits"] = [{"type": f"RLIMIT_{k}", "soft": s, "hard": t} for k, (s, t) in value.items()]
    with started(b) as c:
        got = limits_of(c.pid)
    for kind, text in kinds.items():
        equal(got[f"Max {text}"], [str(n) for n in value[kind]], kind)


@test
def rlimit_infinity():
    b = Bundle()
    b.process["rlimits"] = [{"type": "RLIMIT_DATA", "soft": 2**64 - 1, "hard": 2**64 - 1}]
    with started(b) as c:
        equal(limits_of(c.pid)["Max data size"], ["unlimited"] * 2)


@test
def a_hard_limit_goes_up_in_a_user_namespace():
    """podman run --userns=auto: raising takes a capability of the host, and the container's process has none there."""
    low = ["prlimit", "--nofile=500:500"]
    if subprocess.run([*low, "prlimit", "--nofile=600:600", "true"], stderr=subprocess.DEVNULL).returncode:
        raise Skip("root may not raise a limit on this machine")
    b = Bundle("sh", "-c", "ulimit -Sn; ulimit -Hn", uid=0).user_namespace(100000)
    b.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 550, "hard": 600}]
    r = run(b, prefix=low)
    equal((r.status, r.out, r.err), (0, "550\n600\n", ""), "run")
    b.process["args"] = ["sleep", "1000"]
    with started(b) as c:
        r = hrun("exec", c.id, "sh", "-c", "ulimit -Hn", prefix=low)
        equal((r.status, r.out, r.err), (0, "600\n", ""), "exec")


@test
def few_open_files():
    for limit in range(3, 11):
        b = Bundle("sh", "-c", "ulimit -n")
        b.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": limit, "hard": limit}]
        equal(output(b), f"{limit}\n", f"limit {limit}")


@test
def oom_score_adj():
    for value in (0, 500, 1000):
        b = Bundle()
        b.process["oomScoreAdj"] = value
        with created(b) as c:
            equal(read(f"/proc/{c.pid}/oom_score_adj"), f"{value}\n")


@test
def oom_score_adj_absent_is_the_callers():
    before = read("/proc/self/oom_score_adj")
    b = Bundle()
    b.process.pop("oomScoreAdj", None)
    with started(b) as c:
        equal(read(f"/proc/{c.pid}/oom_score_adj"), before)


@test
def umask():
    for mask in (0, 0o22, 0o77, 0o777):
        b = Bundle()
        b.process["user"]["umask"] = mask
        with started(b) as c:
            equal(int(status_of(c.pid)["Umask"], 8), mask)


@test
def umask_absent():
    b = Bundle()
    del b.process["user"]["umask"]
    with started(b) as c:
        equal(int(status_of(c.pid)["Umask"], 8), 0o22)


@test
def user_and_groups_exactly():
    for groups in ([], [5], [1, 2, 3, 100, 65533]):
        b = Bundle(uid=4321)
        b.process["user"].update(gid=1234, additionalGids=groups)
        os.setgroups([7, 8, 9])
        try:
            with started(b) as c:
                s = status_of(c.pid)
        finally:
            os.setgroups([])
        equal(s["Uid"].split(), ["4321"] * 4)
        equal(s["Gid"].split(), ["1234"] * 4)
        equal([int(g) for g in s["Groups"].split()], groups)


SETS = ("bounding", "permitted", "effective", "inheritable", "ambient")


def check_sets(uid, given, expected, level=None):
    b = Bundle(uid=uid)
    b.process["capabilities"] = {k: [f"CAP_{n}" for n in v] for k, v in given.items()}
    with started(b, level=level) as c:
        equal(sets_of(c.pid), {k: h.mask_of(expected[k]) for k in SETS})


NONE = {k: () for k in SETS}


@test
def no_capabilities():
    check_sets(0, NONE, NONE)
    check_sets(1000, NONE, NONE)


@test
def no_capabilities_where_the_sets_are_absent():
    for uid in (0, 1000):
        b = Bundle(uid=uid)
        del b.process["capabilities"]
        with started(b) as c:
            equal(sets_of(c.pid), {k: 0 for k in SETS}, f"uid {uid}")


@test
def capabilities_of_root():
    """execve as uid 0: permitted and effective become inheritable | bounding."""
    some = ("CHOWN", "KILL")
    check_sets(0, dict(NONE, bounding=some, permitted=some, effective=some), dict(NONE, bounding=some, permitted=some, effective=some))


@test
def capabilities_of_root_are_bounded():
    check_sets(0, dict(NONE, bounding=("CHOWN",), permitted=("CHOWN",), effective=()), dict(NONE, bounding=("CHOWN",), permitted=("CHOWN",),
                                                                                          effective=("CHOWN",)))


@test
def capabilities_of_a_user_end_at_execve():
    some = ("CHOWN", "KILL")
    check_sets(1000, dict(NONE, bounding=some, permitted=some, effective=some), dict(NONE, bounding=some))


@test
def capabilities_of_a_user_that_are_ambient():
    some, raised = ("CHOWN", "KILL", "NET_BIND_SERVICE"), ("NET_BIND_SERVICE",)
    check_sets(1000, dict(bounding=some, permitted=some, effective=some, inheritable=raised, ambient=raised),
               dict(bounding=some, permitted=raised, effective=raised, inheritable=raised, ambient=raised), level="privileged")


@test
def five_different_sets_while_created():
    """Before execve changes them, the sets are those of the config, bit for bit."""
    b = Bundle()
    b.process["capabilities"] = {"bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_FOWNER", "CAP_SETUID"],
                                 "permitted": ["CAP_CHOWN", "CAP_KILL", "CAP_FOWNER"], "effective": ["CAP_KILL"],
                                 "inheritable": ["CAP_CHOWN", "CAP_FOWNER"], "ambient": ["CAP_CHOWN"]}
    with created(b, level="privileged") as c:
        equal(sets_of(c.pid), {k: h.mask_of(v) for k, v in b.process["capabilities"].items()})


@test
def every_capability_at_level_privileged():
    own = sets_of("self")["bounding"]
    names = [n for n in h.CAPABILITIES if own >> h.CAPABILITIES.index(n) & 1]
    check_sets(0, {k: names if k in ("bounding", "permitted", "effective") else () for k in SETS},
               {k: names if k in ("bounding", "permitted", "effective") else () for k in SETS}, level="privileged")


@test
def no_new_privs():
    with started(Bundle()) as c:
        equal(status_of(c.pid)["NoNewPrivs"], "1")


@test
def no_new_privs_is_hardened_where_absent():
    b = Bundle()
    del b.process["noNewPrivileges"]
    with started(b) as c:
        equal(status_of(c.pid)["NoNewPrivs"], "1")


@test
def no_new_privs_is_set_while_created():
    with created(Bundle()) as c:
        equal(status_of(c.pid)["NoNewPrivs"], "1")


@test
def without_no_new_privs_at_level_privileged():
    b = Bundle()
    b.process["noNewPrivileges"] = False
    b.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]}
    with started(b, level="privileged") as c:
        s = status_of(c.pid)
        equal((s["NoNewPrivs"], s["Seccomp"], s["Seccomp_filters"]), ("0", "2", "1"))
        equal(sets_of(c.pid), {k: 0 for k in SETS}, "SYS_ADMIN was kept for the filter only")


@test
def one_filter():
    with started(Bundle()) as c:
        s = status_of(c.pid)
        equal((s["Seccomp"], s["Seccomp_filters"]), ("2", "1"))


@test
def one_filter_from_the_config():
    b = Bundle()
    b.linux["seccomp"] = PERMISSIVE
    with started(b, level="privileged") as c:
        s = status_of(c.pid)
        equal((s["Seccomp"], s["Seccomp_filters"]), ("2", "1"))


@test
def no_filter_at_level_privileged():
    with started(Bundle(), level="privileged") as c:
        equal(status_of(c.pid)["Seccomp"], "0")


def session_keyring():
    return int(subprocess.run([f"{h.work}/template/bin/probe", "keyring"], capture_output=True, text=True, check=True).stdout)


@test
def a_session_keyring_of_its_own():
    """Two containers and the caller have three; an exec has a fourth."""
    seen = {session_keyring()}
    for _ in range(2):
        b = Bundle("probe", "keyring", "pause")
        b.linux["seccomp"] = PERMISSIVE
        with started(b, level="privileged") as c:
            h.eventually(lambda: c.printed().endswith("\n"), "the probe's line")
            own = int(c.printed())
            assert own > 0 and own not in seen, f"keyring {own} is among {seen}"
            seen.add(own)
            r = c.exec("probe", "keyring", level="privileged")
            other = int(r.out)
            assert other > 0 and other not in seen, f"exec: keyring {other} is among {seen}"
            seen.add(other)


@test
def environment_exactly():
    b = Bundle()
    b.process["env"] = ["PATH=/bin", "A=1", "EMPTY=", "ÜMLAUT=ä b"]
    os.environ["LEAKED"] = "1"
    try:
        with started(b) as c:
            equal(h.environment_of(c.pid), ["PATH=/bin", "A=1", "EMPTY=", "ÜMLAUT=ä b", "HOME=/home/user"])
    finally:
        del os.environ["LEAKED"]


@test
def home():
    for uid, home in ((0, "/root"), (1000, "/home/user"), (4242, "/")):
        with started(Bundle(uid=uid)) as c:
            contains(h.environment_of(c.pid), f"HOME={home}")


@test
def home_as_given():
    b = Bundle()
    b.process["env"].append("HOME=/else")
    with started(b) as c:
        equal([v for v in h.environment_of(c.pid) if v.startswith("HOME=")], ["HOME=/else"])


@test
def no_environment():
    b = Bundle("/bin/sleep", "1000")
    b.process["env"] = []
    with started(b) as c:
        equal(h.environment_of(c.pid), ["HOME=/home/user"])


@test
def working_directory():
    b = Bundle()
    b.process["cwd"] = "/home/user"
    with started(b) as c:
        equal(os.readlink(f"/proc/{c.pid}/cwd"), "/home/user")


@test
def working_directory_is_made():
    b = Bundle()
    b.c["root"]["readonly"] = False
    b.process["cwd"] = "/made/for/it"
    with started(b) as c:
        equal(os.readlink(f"/proc/{c.pid}/cwd"), "/made/for/it")
        assert os.path.isdir(f"{b.root}/made/for/it")


@test
def working_directory_that_only_root_may_enter():
    b = Bundle()
    os.mkdir(f"{b.root}/closed", 0o700)
    b.process["cwd"] = "/closed"
    with started(b) as c:
        equal(os.readlink(f"/proc/{c.pid}/cwd"), "/closed")


@test
def working_directory_through_a_link_stays_inside():
    b = Bundle("pwd", "-P")
    os.symlink("/../../../../../../../home/user", f"{b.root}/way")
    b.process["cwd"] = "/way"
    equal(output(b), "/home/user\n")


@test
def working_directory_that_is_a_descriptor_of_the_host():
    """A link of the image to a descriptor that leads out (CVE-2024-21626)."""
    host = os.open("/", os.O_RDONLY)
    try:
        for number in range(3, 40):
            b = Bundle("ls", uid=0)
            os.symlink(f"/proc/self/fd/{number}", f"{b.root}/leak")
            b.process["cwd"] = "/leak"
            r = run(b, pass_fds=(host,))
            assert (r.status != 0 and r.out == "") or "leak" in r.out.split(), f"descriptor {number} is a directory of the host: {r}"
    finally:
        os.close(host)


@test
def working_directory_that_became_a_link():
    """The same, made after the rules have looked: what the kernel says of the directory counts."""
    host = os.open("/", os.O_RDONLY)
    try:
        told = []
        for number in range(3, 40):
            b = Bundle("ls", uid=0)
            b.process["cwd"] = "/leak"
            b.c["hooks"] = {"createRuntime": [h.hook("createRuntime", f"ln -s /proc/self/fd/{number} {b.root}/leak")]}
            r = run(b, pass_fds=(host,))
            assert (r.status != 0 and r.out == "") or "leak" in r.out.split(), f"descriptor {number} is a directory of the host: {r}"
            told.append("is outside the container" in r.err)
        assert any(told), "no descriptor of the host was in reach"
    finally:
        os.close(host)


@test
def a_session_and_signals_of_its_own():
    with started(Bundle("probe", "session", "pause")) as c:
        h.eventually(lambda: c.printed(), "the probe's line")
        equal(c.printed(), "sid 1 pgid 1 pid 1\n")
        s = status_of(c.pid)
        equal((int(s["SigBlk"], 16), int(s["SigIgn"], 16)), (0, 0), "blocked and ignored signals")


@test
def ignored_signals_of_the_caller_stay_outside():
    b = Bundle().save()
    b.process["args"] = ["grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"]
    b.save()
    r = h.hrun("run", "-b", b.path, h.new_id(), prefix=("sh", "-c", 'trap "" HUP PIPE INT USR1 RTMIN+3; exec "$@"', "sh"))
    equal([int(line.split()[1], 16) for line in r.out.splitlines()], [0, 0], repr(r))


@test
def descriptors_are_only_the_three():
    pipe = os.pipe()
    try:
        equal(output(Bundle("probe", "fds"), pass_fds=(*pipe, 0)), "0 1 2 \n")
        with started(Bundle("probe", "fds", "pause"), pass_fds=pipe) as c:
            h.eventually(lambda: c.printed(), "the probe's line")
            equal(c.printed(), "0 1 2 \n")
    finally:
        os.close(pipe[0])
        os.close(pipe[1])


@test
def descriptors_while_created():
    """Of the host, the waiting init holds its own stdio and the socket it waits on, nothing else."""
    with created(Bundle()) as c:
        links = {int(fd): os.readlink(f"/proc/{c.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{c.pid}/fd")}
        rest = {fd: to for fd, to in links.items() if fd > 2}
        equal(sorted(to.split(":")[0] for to in rest.values()), ["socket"], repr(links))


@test
def preserved_descriptors():
    b = Bundle("sh", "-c", "probe fds; cat <&3; echo to four >&4").save()
    b.process["args"][0] = "/bin/sh"
    b.save()
    h.write(f"{h.work}/three", "from three\n")
    h.write(f"{h.work}/four", "")
    r = h.hrun("run", "-b", b.path, "--preserve-fds", "2", h.new_id(),
               prefix=("sh", "-c", f'exec 3<{h.work}/three 4>{h.work}/four 5</dev/null 6</dev/null; exec "$@"', "sh"))
    equal((r.status, r.out), (0, "0 1 2 3 4 \nfrom three\n"), repr(r))
    equal(read(f"{h.work}/four"), "to four\n")


@test
def a_preserved_descriptor_that_is_not_open_is_refused():
    with h.unchanged():
        r = run(Bundle("true"), options=("--preserve-fds", "1"))
        equal((r.status, r.out, r.err.count("\n")), (125, "", 1), repr(r))
        contains(r.err, "preserve-fds")


@test
def arguments_exactly():
    with started(Bundle("/bin/sh", "-c", "while sleep 1000; do :; done", "", "a b", "\"'\\", "ä")) as c:
        equal(read(f"/proc/{c.pid}/cmdline").split("\0")[3:-1], ["", "a b", "\"'\\", "ä"])


@test
def exit_codes_of_run():
    for script, code in (("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("ulimit -c 0; kill -9 $$", 137)):
        b = Bundle("sh", "-c", script if "kill" not in script else "sh -c 'kill -9 $$'; exit $?")
        equal(run(b).status, code, script)


@test
def stdin_reaches_the_program():
    b = Bundle("cat").save()
    h.write(f"{h.work}/input", "some input\n")
    with open(f"{h.work}/input") as f:
        equal(h.hrun("run", "-b", b.path, h.new_id(), stdin=f).out, "some input\n")


@test
def a_missing_working_directory_is_made():
    for readonly in (True, False):
        b = Bundle("pwd")
        b.c["root"]["readonly"] = readonly
        b.process["cwd"] = "/not/there/yet"
        equal(output(b), "/not/there/yet\n", f"root.readonly {readonly}")
        equal(os.stat(f"{b.root}/not/there/yet").st_mode & 0o7777, 0o755)
    b = Bundle("pwd")  # a link of the image to nothing: made in the root
    os.symlink("../../../../lost", f"{b.root}/link")
    b.process["cwd"] = "/link/below"
    equal(output(b), "/lost/below\n")
    assert os.path.isdir(f"{b.root}/lost/below") and not os.path.exists("/lost")


@test
def a_script_whose_interpreter_is_missing():
    b = Bundle("/script")
    h.write(f"{b.root}/script", "#!/no/such/shell\n", 0o755)
    r = run(b)
    equal((r.out, r.err), ("", 'exec /script: no such file or directory; or it names an interpreter that is missing\n'), repr(r))
    assert r.status != 0
    with started(Bundle(change=lambda c: None)) as c:
        h.write(f"{c.bundle.root}/script", "#!/no/such/shell\n", 0o755)
        r = c.exec("/script")
        contains(r.err, "no such file or directory")
        equal((r.status, r.err.count("\n")), (255, 1), repr(r))


@test
def an_unknown_capability_is_left_out_at_level_privileged():
    b = Bundle("sh", "-c", "grep Cap /proc/self/status", uid=0, caps=["CAP_KILL", "CAP_NONE_SUCH"])
    r = run(b, level="privileged")
    equal((r.status, r.err), (0, ""), repr(r))
    equal({line.split()[1] for line in r.out.splitlines()}, {"0" * 16, f"{h.mask_of(['KILL']):016x}"})
    equal(run(b).status, 125, "at the level of a machine without a policy")


main()
