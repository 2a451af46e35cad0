#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pause, resume, ps, events, kill --all, delete of several, checkpoint: what the kernel says after each."""
import json
import os
import signal
import subprocess

from hrun import Bundle, CGROUP, Skip, contains, created, equal, eventually, hrun, main, read, started, status_of, test, write
import hrun as h


def cgroup_of(c):
    return f"{CGROUP}/hrun/{c.id}"


def event(c, key):
    return dict(line.split() for line in read(f"{cgroup_of(c)}/cgroup.events").splitlines())[key]


def fails(result, *parts, status=1):
    equal(result.status, status, f"exit status, {result!r}")
    equal(result.out, "", "stdout")
    equal(result.err.count("\n"), 1, f"lines of {result.err!r}")
    for part in parts:
        contains(result.err, part)


def silent(result):
    equal((result.status, result.out, result.err), (0, "", ""), "result")


@test
def pause_freezes_and_resume_thaws():
    with started(Bundle()) as c:
        silent(hrun("pause", c.id))
        equal(event(c, "frozen"), "1")
        equal(c.state()["status"], "paused")
        fails(hrun("pause", c.id), "container not running")
        fails(c.exec("true"), "cannot exec in a paused container", status=255)
        silent(hrun("resume", c.id))
        equal(event(c, "frozen"), "0")
        equal(c.state()["status"], "running")
        fails(hrun("resume", c.id), "container not paused")


@test
def a_created_container_can_be_paused():
    with created(Bundle("sleep", "1000")) as c:
        silent(hrun("pause", c.id))
        equal(event(c, "frozen"), "1")
        fails(c.start(), "paused")
        silent(hrun("resume", c.id))
        silent(c.start())


@test
def a_paused_container_is_killed_and_deleted():
    with started(Bundle()) as c:
        pid = c.pid
        silent(hrun("pause", c.id))
        silent(hrun("kill", c.id, "KILL"))
        eventually(lambda: not os.path.exists(f"/proc/{pid}/ns/pid"), "the end of init")
        silent(hrun("delete", c.id))


@test
def ps_lists_what_the_cgroups_hold():
    with started(Bundle("sh", "-c", "sleep 1000 & sleep 1000; :")) as c:
        procs = f"{cgroup_of(c)}/cgroup.procs"
        eventually(lambda: len(read(procs).split()) == 3, "three processes")
        pids = sorted(map(int, read(procs).split()))
        os.mkdir(f"{cgroup_of(c)}/below")
        os.mkdir(f"{cgroup_of(c)}/below/deeper")
        write(f"{cgroup_of(c)}/below/deeper/cgroup.procs", str(pids[-1]))
        r = hrun("ps", "-f", "json", c.id)
        equal((r.status, r.err), (0, ""))
        equal(r.out, json.dumps(pids, separators=(",", ":")) + "\n")
        for arguments in (["--format=json", c.id], ["--format", "json", c.id], ["-fjson", c.id]):
            equal(hrun("ps", *arguments).out, r.out, str(arguments))
        equal(hrun("ps", c.id).out, "PID\n" + "".join(f"{p}\n" for p in pids))
        fails(hrun("ps", "-f", "xml", c.id), "table or json")
        silent(hrun("kill", c.id, "KILL"))
        eventually(lambda: hrun("ps", "-f", "json", c.id).out == "[]\n", "an empty list")


@test
def kill_all_reaches_every_process():
    b = Bundle("sh", "-c", "trap : USR1; sleep 1000 & while :; do wait; done")
    with started(b) as c:
        procs = f"{cgroup_of(c)}/cgroup.procs"
        eventually(lambda: len(read(procs).split()) == 2, "two processes")
        eventually(lambda: int(status_of(c.pid)["SigCgt"], 16) & 1 << signal.SIGUSR1 - 1, "the trap")
        # Until then it is a copy of the shell, which would catch the signal as well.
        eventually(lambda: any(status_of(p)["Name"] == "sleep" for p in read(procs).split()), "the child's own program")
        silent(hrun("kill", "--all", c.id, "USR1"))
        # The shell survives by its trap, its child by nothing.
        eventually(lambda: read(procs).split() == [str(c.pid)], "the end of the child")
        silent(hrun("kill", "-a", c.id, "KILL"))
        eventually(lambda: event(c, "populated") == "0", "an empty cgroup")
        silent(hrun("kill", "--all", c.id, "KILL"))
        fails(hrun("kill", c.id, "KILL"), "container not running", "no such process")


@test
def delete_takes_several():
    a, b, c = (h.Container(Bundle("sleep", "1000"), h.new_id()) for _ in range(3))
    for x in (a, b, c):
        silent(x.create())
    silent(b.start())
    fails(hrun("delete", a.id, b.id, c.id), "not stopped: running", b.id)
    equal(json.loads(hrun("list", "-f", "json").out)[0]["id"], b.id)
    equal(hrun("list", "-q").out, b.id + "\n")
    fails(hrun("delete", "nobody1", "nobody2"), "does not exist", "1 more of 2")
    silent(hrun("delete", "--force", "nobody1", b.id, "nobody2"))
    equal(hrun("list", "-q").out, "")
    for x in (a, b, c):
        h._live.remove(x.id)


@test
def list_in_every_form():
    equal(hrun("list").out.split(), "ID PID STATUS BUNDLE CREATED OWNER".split())
    equal(hrun("list", "-f", "json").out, "[]\n")
    with created(Bundle("sleep", "1000")) as c:
        found = json.loads(hrun("list", "--format=json").out)
        equal([(x["id"], x["pid"], x["status"], x["bundle"]) for x in found], [(c.id, c.pid, "created", c.bundle.path)])
        row = hrun("list").out.splitlines()[1].split()
        equal(row[:4], [c.id, str(c.pid), "created", c.bundle.path])
    fails(hrun("list", "-f", "yaml"), "table or json")
    fails(hrun("--root", "/run/nowhere", "list"), "/run/nowhere")


@test
def checkpoint_and_restore_are_refused():
    for arguments in (["checkpoint", "--help"], ["restore", "--help"], ["checkpoint", "--image-path", "/tmp", "x"],
                      ["restore", "--lsm-mount-context"], ["checkpoint"]):
        r = hrun(*arguments)
        fails(r, "refused by design")
        # What podman takes for "pods can be restored".
        assert "requires an argument" not in r.err and "needs an argument" not in r.err, r


@test
def stats_are_one_line():
    with started(Bundle()) as c:
        r = hrun("events", "--stats", c.id)
        equal((r.status, r.err, r.out.count("\n")), (0, "", 1))
        stats = json.loads(r.out)
        equal((stats["type"], stats["id"]), ("stats", c.id))
        data = stats["data"]
        equal(sorted(data), sorted("cpu cpuset memory pids blkio hugetlb intel_rdt network_interfaces".split()))
        equal(sorted(data["cpu"]["usage"]), ["kernel", "percpu", "percpu_kernel", "percpu_user", "total", "user"])
        lines = dict(line.split() for line in read(f"{cgroup_of(c)}/cpu.stat").splitlines())
        assert 0 < data["cpu"]["usage"]["total"] <= int(lines["usage_usec"]) * 1000, data["cpu"]
        for name in ("usage", "swap", "kernel", "kernelTCP"):
            equal(sorted(data["memory"][name]), ["failcnt", "limit", "max", "usage"])
    fails(hrun("events", "--stats", "nobody"), "does not exist")


@test
def stats_of_huge_pages():
    if "hugetlb" not in read(f"{CGROUP}/cgroup.controllers").split():
        raise Skip("no hugetlb controller on cgroup2 here")
    b = Bundle()
    b.linux["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 4 << 20}]
    with started(b) as c:
        equal(json.loads(hrun("events", "--stats", c.id).out)["data"]["hugetlb"]["2MB"], {"usage": 0, "max": 0, "failcnt": 0})


@test
def events_end_with_the_container():
    with started(Bundle()) as c:
        with open(f"{h.work}/events", "w+") as out:
            p = subprocess.Popen([h.HRUN, "events", "--interval", "10ms", c.id], stdout=out)
            eventually(lambda: read(f"{h.work}/events").count("\n") >= 3, "three lines of statistics")
            silent(hrun("kill", c.id, "KILL"))
            equal(p.wait(10), 0, "exit status")
            for line in read(f"{h.work}/events").splitlines():
                equal(json.loads(line)["type"], "stats")
        fails(hrun("events", c.id), "container not running")
    for bad in ("0s", "5x", "-1s", "25h", ""):
        fails(hrun("events", f"--interval={bad}", "x"), "--interval")


@test
def features_name_the_rules():
    r = hrun("features")
    equal((r.status, r.err), (0, ""))
    annotations = json.loads(r.out)["annotations"]
    assert annotations["org.hrun.rule-set"] and annotations["org.hrun.version"] in hrun("--version").out, annotations


@test
def unknown_ids():
    for arguments in (["pause"], ["resume"], ["ps"], ["events"], ["update", "--pids-limit", "1"], ["kill"], ["delete"], ["state"],
                      ["start"]):
        fails(hrun(*arguments, "nobody"), "container `nobody` does not exist")
    fails(hrun("exec", "nobody", "true"), "container `nobody` does not exist", status=255)
    silent(hrun("delete", "--force", "nobody"))
    fails(hrun("state", "../x"), "invalid container id")


@test
def codes_and_texts():
    fails(hrun("frob"), "unknown command")
    fails(hrun("state", "--frob", "x"), "unknown option")
    b = Bundle("sleep", "1000")
    with created(b) as c:
        fails(hrun("create", "-b", b.path, c.id), "already exists")
        silent(c.start())
        fails(c.start(), "cannot start an already running container")
        fails(hrun("delete", c.id), "that is not stopped: running")
        fails(hrun("kill", c.id, "FOO"), "unknown signal `FOO`")
        silent(hrun("kill", c.id, "kill"))
        eventually(lambda: c.state()["status"] == "stopped", "the end")
        equal(c.state()["pid"], 0)
        fails(c.start(), "cannot start a container that has stopped")
        fails(c.exec("true"), "cannot exec in a stopped container", status=255)
        for verb in ("pause", "resume"):
            fails(hrun(verb, c.id), "container not running")
    for missing in ("/nowhere", f"{h.work}"):
        r = hrun("create", "-b", missing, "x1")
        assert r.status == 1 and ("o such file" in r.err or "config.json" in r.err), r


main()
