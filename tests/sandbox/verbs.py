#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The verbs: state, list, kill, delete, ids, pid files, logs, features, spec, plan, and what they print."""
import json
import os
import re
import subprocess

from hrun import Bundle, contains, created, equal, eventually, forked_no_exec, has_ended, main, new_id, read, run, started, status_of, test
import hrun as h

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def refused(r, status=1, *words):
    """One line on stderr, nothing on stdout."""
    equal((r.status, r.out, r.err.count("\n")), (status, "", 1), repr(r))
    for word in words:
        contains(r.err, word)


@test
def state_of_each_status():
    b = Bundle("sh", "-c", "read x")
    b.c["annotations"] = {"org.example.key": "value"}
    with created(b) as c:
        s = c.state()
        equal((s["id"], s["status"], s["bundle"], s["annotations"]["org.example.key"]), (c.id, "created", b.path, "value"))
        assert s["ociVersion"].startswith("1.") and TIME.fullmatch(s["created"]), s
        assert forked_no_exec(s["pid"])
    with started(Bundle()) as c:
        s = c.state()
        equal((s["status"], read(f"/proc/{s['pid']}/comm")), ("running", "sleep\n"))
        os.kill(s["pid"], 9)
        eventually(lambda: c.state()["status"] == "stopped", "stopped")
        equal(c.state()["pid"], 0)


@test
def list_formats():
    equal(json.loads(h.hrun("list", "--format", "json").out), [])
    equal(h.hrun("list", "-q").out, "")
    with created(Bundle()) as one, started(Bundle()) as two:
        rows = {r["id"]: r for r in json.loads(h.hrun("list", "-f", "json").out)}
        equal({k: v["status"] for k, v in rows.items()}, {one.id: "created", two.id: "running"})
        equal(rows[two.id]["pid"], two.pid)
        equal(sorted(h.hrun("list", "-q").out.split()), sorted([one.id, two.id]))
        lines = h.hrun("list").out.splitlines()
        equal(lines[0].split(), ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"])
        equal(len(lines), 3)
    refused(h.hrun("list", "--format", "xml"))


@test
def kill_by_number_and_name():
    for word, number in (("USR1", 10), ("sigusr1", 10), ("SIGUSR1", 10), ("10", 10), ("rtmin+3", None), ("15", 15), (None, 15)):
        b = Bundle("sh", "-c", "trap 'echo got 10; exit 0' USR1; trap 'echo got 15; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
        with started(b) as c:
            eventually(lambda: "ready" in c.printed(), "ready")
            r = h.hrun("kill", c.id, *([word] if word else []))
            if number is None:
                continue
            equal((r.status, r.out, r.err), (0, "", ""), f"{word}")
            eventually(lambda: f"got {number}" in c.printed(), f"{word}")


@test
def signal_0_asks_only():
    with created(Bundle("sleep", "1000")) as c:
        equal(h.hrun("kill", c.id, "0").status, 0)
        equal(c.state()["status"], "created")
        equal(c.start().status, 0)
        equal(h.hrun("kill", "--all", c.id, "0").status, 0)
        equal(c.state()["status"], "running")
        equal(h.hrun("kill", c.id, "KILL").status, 0)
        eventually(lambda: c.state()["status"] == "stopped", "stopped")
        refused(h.hrun("kill", c.id, "0"), 1, "container not running", "no such process")


@test
def create_needs_an_id():
    b = Bundle("true").save()
    for arguments in (["create", "-b", b.path], ["create", b.path]):
        refused(h.hrun(*arguments), 1, "create needs ID")
    equal(h.hrun("run", b.path + "/").status, 0, "run makes one up")


@test
def kill_of_a_created_container():
    with created(Bundle()) as c:
        pid = c.pid
        equal(h.hrun("kill", c.id, "KILL").status, 0)
        eventually(lambda: c.state()["status"] == "stopped", "stopped")
        assert has_ended(pid)


@test
def kill_of_a_stopped_container():
    with started(Bundle("true")) as c:
        eventually(lambda: c.state()["status"] == "stopped", "stopped")
        refused(h.hrun("kill", c.id), 1, "container not running", "no such process")
        r = h.hrun("kill", "--all", c.id, "KILL")
        equal((r.status, r.out, r.err), (0, "", ""))


@test
def kill_of_all():
    with started(Bundle("sh", "-c", "sleep 1000 & sleep 1000; :").namespace("pid", path=False), level="privileged") as c:
        procs = f"{h.CGROUP}/hrun/{c.id}/cgroup.procs"
        eventually(lambda: len(read(procs).split()) == 3, "three processes")
        equal(h.hrun("kill", "--all", c.id, "9").status, 0)
        eventually(lambda: not read(procs).split(), "none")


@test
def kill_of_init_without_a_pid_namespace_takes_the_children():
    with started(Bundle("sh", "-c", "sleep 1000 & sleep 1000; :").namespace("pid", path=False), level="privileged") as c:
        procs = f"{h.CGROUP}/hrun/{c.id}/cgroup.procs"
        eventually(lambda: len(read(procs).split()) == 3, "three processes")
        equal(h.hrun("kill", c.id, "KILL").status, 0)
        eventually(lambda: not read(procs).split(), "none")


@test
def a_bad_signal():
    with started(Bundle()) as c:
        for word in ("FOO", "00", "65", "-9", "", "9x", "SIG", "1e1"):
            r = h.hrun("kill", c.id, word)
            assert r.status == 1 and r.out == "" and r.err.count("\n") == 1, f"{word}: {r}"
        equal(c.state()["status"], "running")


@test
def delete_rules():
    with started(Bundle()) as c:
        refused(h.hrun("delete", c.id), 1, "running")
        equal(c.state()["status"], "running")
        os.kill(c.pid, 9)
        eventually(lambda: c.state()["status"] == "stopped", "stopped")
        r = h.hrun("delete", c.id)
        equal((r.status, r.out, r.err), (0, "", ""))
        refused(h.hrun("delete", c.id), 1, "does not exist")
    with created(Bundle()) as c:
        r = h.hrun("delete", c.id)
        equal((r.status, r.out, r.err), (0, "", ""), "a created one")
    with started(Bundle()) as c:
        r = h.hrun("delete", "--force", c.id)
        equal((r.status, r.out, r.err), (0, "", ""), "a running one with --force")
        refused(h.hrun("state", c.id), 1, "does not exist")
    r = h.hrun("delete", "--force", "never-was")
    equal((r.status, r.out, r.err), (0, "", ""), "an unknown one with --force")


@test
def start_rules():
    with started(Bundle()) as c:
        refused(c.start(), 1, "already running")
        os.kill(c.pid, 9)
        eventually(lambda: c.state()["status"] == "stopped", "stopped")
        refused(c.start(), 1, "stopped")


@test
def unknown_ids():
    for verb in ("state", "start", "kill", "delete"):
        with h.unchanged():
            refused(h.hrun(verb, "no-such-id"), 1, "does not exist")


@test
def a_used_id():
    with created(Bundle()) as c:
        before = c.state()
        b = Bundle("true").save()
        refused(h.hrun("create", "-b", b.path, c.id), 1, "already exists")
        r = h.hrun("run", "-b", b.path, c.id)
        assert r.status != 0 and "already exists" in r.err, r
        equal(c.state(), before)


@test
def bad_ids():
    b = Bundle("true").save()
    for name in ("", ".", "..", "a/../b", "a b", "ä", "x" * 1025, "a\nb", ".hidden", "a;b"):
        with h.unchanged():
            for verb in (["create", "-b", b.path, "--", name], ["state", "--", name], ["delete", "--force", "--", name]):
                r = h.hrun(*verb)
                assert r.status != 0 and r.out == "" and r.err.count("\n") == 1, f"{verb}: {r}"


@test
def good_ids():
    for name in ("a", "A-z_0+9.x", "0" * 64, "_", "+x"):
        b = Bundle("true").save()
        equal(h.hrun("run", "-b", b.path, name).status, 0, name)


@test
def run_with_a_path_and_with_an_id():
    b = Bundle("sh", "-c", "echo hello").save()
    for arguments, cwd in ((["run", b.path + "/"], None), (["run", "."], b.path), (["run", "./"], b.path), (["run", "-b", b.path, "name"], None),
                           (["run", "name"], b.path), (["run", b.path, "name"], None)):
        r = h.hrun(*arguments, cwd=cwd)
        equal((r.status, r.out), (0, "hello\n"), f"{arguments}: {r}")


@test
def run_detached_and_keep():
    b = Bundle("sleep", "1000").save()
    name = new_id()
    r = h.hrun("run", "-d", "-b", b.path, "--pid-file", f"{h.work}/d.pid", name)
    equal((r.status, r.out, r.err), (0, "", ""))
    equal(read(f"/proc/{read(f'{h.work}/d.pid')}/comm"), "sleep\n")
    equal(h.hrun("delete", "--force", name).status, 0)
    b = Bundle("true").save()
    equal(h.hrun("run", "--keep", "-b", b.path, name).status, 0)
    equal(json.loads(h.hrun("state", name).out)["status"], "stopped")
    equal(h.hrun("delete", name).status, 0)


@test
def pid_file_exactly():
    path = f"{h.work}/exact.pid"
    with created(Bundle(), "--pid-file", path) as c:
        with open(path, "rb") as f:
            equal(f.read(), str(c.pid).encode())
        equal(os.stat(path).st_mode & 0o133, 0)


@test
def a_pid_file_that_cannot_be_written_undoes_create():
    b = Bundle("true").save()
    with h.unchanged():
        refused(h.hrun("create", "-b", b.path, "--pid-file", "/no/such/directory/pid", new_id()), 1, "/no/such/directory/pid")


@test
def a_relative_pid_file_is_the_callers():
    b = Bundle("true").save()
    name = new_id()
    equal(h.hrun("create", "-b", b.path, "--pid-file", "relative.pid", name, cwd=h.work).status, 0)
    assert os.path.exists(f"{h.work}/relative.pid")
    equal(h.hrun("delete", "--force", name).status, 0)


@test
def log_json():
    path = f"{h.work}/log.json"
    flags = ("--log", path, "--log-format", "json")
    h.write(path, "before\n")
    b = Bundle("true").save()
    name = new_id()
    for verb in (("create", "-b", b.path, name), ("start", name), ("delete", "--force", name)):
        equal(h.hrun(*flags, *verb).status, 0)
    equal(read(path), "before\n", "nothing on success")
    r = h.hrun(*flags, "start", "no-such-id")
    lines = read(path).splitlines()
    equal(len(lines), 2)
    entry = json.loads(lines[1])
    equal((entry["level"], entry["msg"] + "\n"), ("error", r.err))
    assert TIME.fullmatch(entry["time"]), entry
    equal(set(entry), {"level", "msg", "time"})


@test
def log_text():
    path = f"{h.work}/log.text"
    r = h.hrun("--log=" + path, "start", "no-such-id")
    equal(read(path).count("\n"), 1)
    contains(read(path), "does not exist")
    refused(h.hrun("--log", "/no/such/directory/log", "list"), 1)
    refused(h.hrun("--log", path, "--log-format", "xml", "list"), 1)
    del r


@test
def log_of_a_refusal():
    path = f"{h.work}/refusal.json"
    b = Bundle("true").namespace("pid", path=False).save()
    with h.unchanged():
        r = h.hrun("--log", path, "--log-format", "json", "create", "-b", b.path, new_id())
        refused(r, 1, "ns-pid-host")
    entry = json.loads(read(path))
    contains(entry["msg"], "ns-pid-host")


@test
def exit_codes_of_a_refusal():
    b = Bundle("true").namespace("pid", path=False).save()
    with h.unchanged():
        refused(h.hrun("create", "-b", b.path, new_id()), 1)
        refused(h.hrun("run", "-b", b.path, new_id()), 125)
    with started(Bundle()) as c:
        refused(c.exec("true", options=("-c", "CAP_SYS_ADMIN")), 255)


@test
def findings_are_shown_by_state_and_check():
    b = Bundle()
    del b.process["noNewPrivileges"]
    with created(b) as c:
        contains(json.dumps(c.state()["annotations"]), "no-new-privileges")
        r = h.hrun("check", "--id", c.id)
        equal(r.status, 0, repr(r))
        contains(r.out, "no-new-privileges")


@test
def features():
    r = h.hrun("features")
    equal((r.status, r.err), (0, ""))
    f = json.loads(r.out)
    for key in ("ociVersionMin", "ociVersionMax", "hooks", "mountOptions", "linux"):
        contains(f, key)
    equal(sorted(f["hooks"]), sorted(["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]))
    for word in ("rro", "rbind", "nosymfollow", "tmpcopyup"):
        contains(f["mountOptions"], word)
    equal(sorted(f["linux"]["namespaces"]), ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"])
    equal(len(f["linux"]["capabilities"]), 41)
    assert f["linux"]["seccomp"]["enabled"] and f["linux"]["cgroup"]["v2"] and not f["linux"]["cgroup"]["v1"]


@test
def spec_passes_the_strictest_level():
    directory = f"{h.work}/fresh"
    os.mkdir(directory)
    made = h.hrun("spec", "-b", directory)
    equal((made.status, made.out), (0, ""))
    b = Bundle("cat", "/proc/self/status")
    r = run(b, level="restricted")
    if "memory" in read(f"{h.CGROUP}/cgroup.controllers").split():
        equal(r.status, 0, repr(r))
        contains(r.out, "NoNewPrivs:\t1")
    else:  # spec writes no limit that this host cannot give
        contains(r.err, "[memory-limit-missing] linux.resources.memory.limit no limit, and this host's cgroup2 has no memory controller")
        contains(made.err, "no memory controller on cgroup2: its limit is left out of config.json, which level restricted refuses without it")
        assert "more" not in r.err, r.err
    before = read(f"{directory}/config.json")
    r = h.hrun("spec", "-b", directory)
    assert r.status != 0 and r.err.count("\n") == 1, "it overwrote a config"
    equal(read(f"{directory}/config.json"), before)


@test
def plan_needs_no_root_and_changes_nothing():
    b = Bundle("sleep", "1").save()
    nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all")
    os.chmod(h.work, 0o755)
    before = h._tree(b.path)
    with h.unchanged():
        for arguments in (["plan", b.path + "/"], ["plan", "--json", "-b", b.path]):
            r = h.hrun(*arguments, prefix=nobody)
            equal(r.status, 0, repr(r))
            if "--json" in arguments:
                equal(json.loads(r.out)["format"], 1)
            else:
                contains(r.out, "exec")
    equal(h._tree(b.path), before)


@test
def nothing_is_printed_on_success():
    b = Bundle("true").save()
    name = new_id()
    for verb in (["create", "-b", b.path, name], ["start", name], ["delete", "--force", name]):
        r = h.hrun(*verb)
        equal((r.status, r.out, r.err), (0, "", ""), verb[0])


@test
def roots():
    b = Bundle("sleep", "1000").save()
    root = f"{h.work}/other-root"
    name = new_id()
    equal(h.hrun("--root", root, "create", "-b", b.path, name).status, 0)
    equal(os.stat(root).st_mode & 0o777, 0o700)
    refused(h.hrun("state", name), 1, "does not exist")
    equal(json.loads(h.hrun("--root=" + root, "state", name).out)["status"], "created")
    equal(h.hrun("--root", root, "delete", "--force", name).status, 0)


@test
def the_state_directory_is_roots_alone():
    with created(Bundle()) as c:
        for path in ("/run/hrun", f"/run/hrun/{c.id}"):
            s = os.stat(path)
            equal((s.st_mode & 0o77, s.st_uid), (0, 0), path)
        for entry in os.listdir(f"/run/hrun/{c.id}"):
            equal(os.lstat(f"/run/hrun/{c.id}/{entry}").st_mode & 0o22, 0, entry)


@test
def the_config_is_read_once():
    b = Bundle("sleep", "1000")
    with created(b) as c:
        h.write(f"{b.path}/config.json", "{")
        equal(c.start().status, 0)
        equal(read(f"/proc/{c.pid}/comm"), "sleep\n")
        equal(c.exec("true").status, 0)


@test
def an_empty_environment_is_enough():
    b = Bundle("true").save()
    name = new_id()
    for env in ({}, {"XDG_RUNTIME_DIR": ""}):
        for verb in (["create", "-b", b.path, name], ["start", name], ["kill", "--all", name, "9"], ["delete", "--force", name]):
            r = h.hrun(*verb, env=env)
            equal((r.status, r.err), (0, ""), f"{verb[0]} {env}")


@test
def help_and_version():
    for arguments in (["--version"], ["-v"], ["--help"], ["create", "--help"], ["help", "run"]):
        r = h.hrun(*arguments)
        assert r.status == 0 and r.out and not r.err, f"{arguments}: {r}"
    for arguments in (["nonsense"], ["--nonsense"], ["create", "--nonsense"], ["checkpoint", "--help"], ["state"], ["state", "a", "b"]):
        r = h.hrun(*arguments)
        assert r.status != 0 and r.out == "", f"{arguments}: {r}"


@test
def a_program_killed_before_its_execve_is_a_failed_start():
    with created(Bundle("sleep", "1000")) as c:
        os.kill(c.pid, 9)
        r = c.start()
        assert r.status == 1 and r.out == "" and r.err.count("\n") == 1, r


main()
