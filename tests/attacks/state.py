#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ids, records, pid files, logs and sockets: what other local users, other processes and hostile text can do to them.

CVE-2019-14271, CVE-2021-41103, CVE-2022-1708
"""
import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time

import attack
from attack import Bundle, contains, created, equal, eventually, h, outside, read, refused, run, started, test, write

IDS = ("..", ".", "../x", "a/b", "/etc", "a/../b", "-/x", "", " ", "a b", "a\nb", "a\x1bb", "é", ".x", "a" * 256, "a%00b", "*", "~", "a;b", "$(x)", "a\\b")


@test
def ids_that_are_paths():
    b = Bundle("true").save()
    for name in IDS:
        for arguments in (["create", "-b", b.path], ["run", "-b", b.path], ["state"], ["delete", "--force"], ["kill"], ["start"]):
            r = h.hrun(*arguments, name)
            assert r.status != 0, f"{arguments} {name!r}: {r!r}"
        refused(h.hrun("exec", name, "true"))


@test
def a_state_root_that_others_may_write():
    b = Bundle("true").save()
    for mode in (0o777, 0o770, 0o1777, 0o702):
        root = tempfile.mkdtemp(dir=h.work)
        os.chmod(root, mode)
        for arguments in (["run", "-b", b.path, h.new_id()], ["list"], ["delete", "--force", "x"]):
            refused(h.hrun("--root", root, *arguments), "state root")
        equal(os.listdir(root), [], "made in it")


@test
def a_state_root_of_somebody_else_or_a_link():
    b = Bundle("true").save()
    root = tempfile.mkdtemp(dir=h.work)
    os.chown(root, 1000, 1000)
    refused(h.hrun("--root", root, "run", "-b", b.path, h.new_id()), "belongs to uid 1000")
    with outside() as out:
        link = tempfile.mktemp(dir=h.work)
        os.symlink(out, link)
        refused(h.hrun("--root", link, "run", "-b", b.path, h.new_id()), "state root")
    refused(h.hrun("--root", "/", "run", "-b", b.path, h.new_id()), "state root")


@test
def a_state_directory_that_is_a_link_or_not_ours():
    with outside() as out:
        os.makedirs("/run/hrun", 0o700, exist_ok=True)
        os.symlink(out, "/run/hrun/linked")
        os.mkdir("/run/hrun/foreign")
        os.chown("/run/hrun/foreign", 1000, 1000)
        try:
            b = Bundle("true").save()
            for name in ("linked", "foreign"):
                for arguments in (["run", "-b", b.path, name], ["state", name], ["delete", "--force", name], ["exec", name, "true"]):
                    refused(h.hrun(*arguments))
        finally:
            os.unlink("/run/hrun/linked")
            os.rmdir("/run/hrun/foreign")


@contextlib.contextmanager
def bystander():
    time.sleep(0.03)  # not in the clock tick in which a container was started: start times are counted in ticks
    p = subprocess.Popen(["sleep", "1000"])
    eventually(lambda: read(f"/proc/{p.pid}/comm") == "sleep\n", "sleep")
    time.sleep(0.03)
    try:
        yield p
        equal(p.poll(), None, "a process that has nothing to do with it")
    finally:
        p.kill()
        p.wait()


def start_ticks(pid):
    return int(read(f"/proc/{pid}/stat").rpartition(")")[2].split()[19])


@contextlib.contextmanager
def changed_record(c, **members):
    path = f"/run/hrun/{c.id}/state.json"
    kept = read(path)
    write(path, json.dumps(dict(json.loads(kept), **members)))
    try:
        yield
    finally:
        if os.path.exists(path):
            write(path, kept)


@test
def a_pid_that_is_somebody_elses_by_now():
    """The number was used again: nobody is signalled, entered or shown."""
    with started(Bundle()) as c, bystander() as p:
        with changed_record(c, pid=p.pid):
            equal(c.state()["status"], "stopped", "status")
            for signal in ("TERM", "KILL", "0"):
                assert h.hrun("kill", c.id, signal).status != 0, f"kill {signal}"
            refused(c.exec("true"))
            refused(c.start())
        with changed_record(c, pid=1), bystander():
            for arguments in (["kill", c.id, "KILL"], ["state", c.id], ["exec", c.id, "true"]):
                refused(h.hrun(*arguments))


@test
def delete_does_not_kill_the_new_owner_of_a_pid():
    with bystander() as p:
        with created(Bundle("true")) as c:
            path = f"/run/hrun/{c.id}/state.json"
            record = json.loads(read(path))
            os.kill(record["pid"], 9)
            eventually(lambda: c.state()["status"] == "stopped", "init is dead")
            write(path, json.dumps(dict(record, pid=p.pid)))
            equal(h.hrun("delete", c.id).status, 0, "delete")
        equal(p.poll(), None, "the bystander")


@test
def a_record_of_a_stranger_is_read_as_such():
    with started(Bundle()) as c:
        for members in ({"pid": 1}, {"pid": -5}, {"pid": "1"}, {"pid": 1.5}, {"pid": 1 << 31}, {"pid": True}, {"pid": None}, {"id": "other"}, {"id": "../x"},
                        {"cgroup": "/"}, {"cgroup": "/.."}, {"cgroup": "/a/../.."}, {"cgroup": "x"}, {"cgroup": "//"}, {"cgroup": ""}, {"bundle": "x"},
                        {"namespaces": 1 << 40}, {"hasFilter": 1}, {"noNewPrivs": "false"}, {"startTicks": -1}, {"format": 2}, {"more": 1},
                        {"poststop": [{"path": "relative", "args": [], "env": []}]}, {"annotations": []}, {"filterFlags": 1 << 32}):
            with changed_record(c, **members):
                for arguments in (["ps", c.id], ["exec", c.id, "true"], ["start", c.id], ["delete", c.id]):
                    refused(h.hrun(*arguments))
                if "pid" in members or "startTicks" in members:
                    refused(h.hrun("kill", c.id, "0"))
        for text in ("", "{", "[]", "null", "{}", "\0", "{\"format\":1}", "x" * 100000, "[" * 100000):
            path = f"/run/hrun/{c.id}/state.json"
            kept = read(path)
            write(path, text)
            for arguments in (["kill", c.id, "0"], ["exec", c.id, "true"], ["state", c.id], ["list"]):
                r = h.hrun(*arguments)
                assert r.status >= 0, f"a signal ended {arguments}: {r!r}"
                assert arguments == ["list"] or r.status != 0, f"{arguments} with {text[:20]!r}"
            write(path, kept)


@test
def a_record_that_is_no_regular_file():
    with started(Bundle()) as c:
        path = f"/run/hrun/{c.id}/state.json"
        kept = read(path)
        for make in (lambda: os.symlink("/etc/hostname", path), lambda: os.mkfifo(path), lambda: os.mkdir(path)):
            os.unlink(path) if not os.path.isdir(path) else os.rmdir(path)
            make()
            for arguments in (["kill", c.id, "0"], ["exec", c.id, "true"], ["state", c.id]):
                refused(h.hrun(*arguments))
        os.rmdir(path)
        write(path, kept)


@test
def a_filter_that_was_taken_away_or_cut():
    """exec is never weaker than init: without the filter there is no exec."""
    with started(Bundle()) as c:
        path = f"/run/hrun/{c.id}/filter.bpf"
        with open(path, "rb") as f:
            kept = f.read()
        for data in (b"", kept[:-1], kept + b"x", None):
            os.unlink(path) if os.path.exists(path) else None
            if data is not None:
                with open(path, "wb") as f:
                    f.write(data)
            refused(c.exec("true"))


@test
def a_pid_file_that_is_a_link_is_replaced():
    with outside() as out:
        link = f"{h.work}/pid-link"
        os.symlink(f"{out}/file", link)
        with created(Bundle("true"), "--pid-file", link) as c:
            assert not os.path.islink(link), "the link is still there"
            equal(read(link), str(c.pid), "pid file")
            os.unlink(link)
            os.symlink(f"{out}/file", link)
            equal(c.exec("true", options=["--pid-file", link]).status, 0, "exec")
            assert not os.path.islink(link)
        for n in range(3):
            os.symlink(f"{out}/file", f"{h.work}/.pid-other.{n}")
        refused(run(Bundle("true"), options=["--pid-file", f"{h.work}/"]))


@test
def a_log_that_is_a_link_is_not_written():
    with outside() as out:
        link = f"{h.work}/log-link"
        os.symlink(f"{out}/file", link)
        refused(h.hrun("--log", link, "list"))
        fifo = f"{h.work}/log-fifo"
        os.mkfifo(fifo)
        refused(h.hrun("--log", fifo, "list"))


@test
def console_sockets_that_are_none():
    with outside() as out:
        dgram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        dgram.bind(f"{h.work}/dgram")
        for path in (f"{out}/file", f"{h.work}/dgram", f"{h.work}/not-there", "/", "", f"{out}/", "x" * 5000):
            b = Bundle("true")
            b.process["terminal"] = True
            b.save()
            name = h.new_id()
            refused(h.hrun("create", "-b", b.path, "--console-socket", path, name))
            refused(h.hrun("state", name))
        dgram.close()


@test
def bundles_that_are_none():
    with outside() as out:
        for path in (f"{out}/file", "/dev/null", "/proc/self", f"{out}/not-there", "", "x" * 5000, out):
            refused(h.hrun("run", "-b", path, h.new_id()))
        for kind in ("fifo", "link to a device", "directory"):
            b = Bundle("true")
            p = f"{b.path}/config.json"
            os.mkfifo(p) if kind == "fifo" else os.symlink("/dev/zero", p) if kind.startswith("link") else os.mkdir(p)
            refused(h.hrun("run", "-b", b.path, h.new_id()))


@test
def hooks_and_state_of_a_container_stay_private():
    with started(Bundle()) as c:
        for name in ("", "state.json", "config.json", "lock", "start.sock"):
            mode = os.lstat(f"/run/hrun/{c.id}/{name}").st_mode & 0o777
            assert name == "start.sock" or not mode & 0o077, f"{name or 'the directory'} has mode {mode:o}"
        equal(os.stat("/run/hrun").st_mode & 0o077, 0, "the state root")


attack.main()
