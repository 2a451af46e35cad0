#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad state: one clear error each, nothing stuck, nothing lost; kill and delete work on what is left."""
import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import time

from hrun import Bundle, CGROUP, contains, created, equal, eventually, host_tmpfs, hrun, main, read, started, test, write
import hrun as h


def fails(result, *parts, status=1):
    equal((result.status, result.out, result.err.count("\n")), (status, "", 1), repr(result))
    for part in parts:
        contains(result.err, part)


def silent(result):
    equal((result.status, result.out, result.err), (0, "", ""), "result")


def record_of(c):
    return f"/run/hrun/{c.id}/state.json"


def tamper(c, **changes):
    record = dict(json.loads(read(record_of(c))), **changes)
    write(record_of(c), json.dumps({k: v for k, v in record.items() if v is not None}))


def gone(pid):
    return not os.path.exists(f"/proc/{pid}/ns/pid")


DAMAGES = {
    "another version's": dict(format=2),
    "a member more": dict(extra=1),
    "no bundle": dict(bundle=None),
    "another id": dict(id="somebody-else"),
    "a wrong type": dict(noNewPrivs="true"),
}


@test
def a_record_that_cannot_be_believed():
    for what, changes in DAMAGES.items():
        with started(Bundle()) as c:
            pid = c.pid
            tamper(c, **changes)
            for verb in (["state"], ["pause"], ["ps"], ["events", "--stats"], ["update", "--pids-limit", "9"], ["delete"], ["start"]):
                fails(hrun(*verb, c.id), "damaged", "delete --force")
            fails(c.exec("true"), "damaged", status=255)
            assert not gone(pid), what
            silent(hrun("kill", c.id, "KILL"))
            eventually(lambda: gone(pid), f"{what}: the end of init")
            fails(hrun("kill", c.id, "KILL"), "container not running", "no such process")


@test
def delete_force_ends_what_a_damaged_record_names():
    for what, changes in DAMAGES.items():
        with started(Bundle("sh", "-c", "sleep 1000 & sleep 1000; :")) as c:
            pid, cgroup = c.pid, f"{CGROUP}/hrun/{c.id}"
            tamper(c, **changes)
            silent(hrun("delete", "--force", c.id))
            assert not os.path.exists(cgroup), f"{what}: the cgroup is there"
            assert not os.path.exists(f"/run/hrun/{c.id}"), f"{what}: the state directory is there"
            # Its parent reaps it, not hrun.
            eventually(lambda: gone(pid), f"{what}: the end of init")


@test
def no_record_at_all():
    for text in ("", "{", "[]", "null", "\0\0", "{}"):
        c = h.Container(Bundle("sleep", "1000"), h.new_id())
        silent(c.create())
        pid, cgroup = c.pid, f"{CGROUP}/hrun/{c.id}"
        write(record_of(c), text)
        fails(hrun("state", c.id), "damaged")
        fails(hrun("kill", c.id, "KILL"), "no such process")
        listed = hrun("list", "-q")
        equal((listed.status, listed.out), (0, ""), "list")
        contains(listed.err, f"the record of container `{c.id}` is damaged", "list")
        removed = c.remove()
        equal(removed.status, 0, "delete --force")
        contains(removed.err, f"warning: the record of container `{c.id}` named neither its process nor its cgroup")
        # Nothing says whose process that was: it is the administrator's to end.
        assert not gone(pid)
        write(f"{cgroup}/cgroup.kill", "1")
        eventually(lambda: "populated 0" in read(f"{cgroup}/cgroup.events"), "an empty cgroup")
        os.rmdir(cgroup)
    with contextlib.suppress(OSError):
        os.rmdir(f"{CGROUP}/hrun")


@test
def a_pid_that_is_somebody_elses_now():
    other = subprocess.Popen(["sleep", "1000"])
    # A start time counts hundredths of a second: the container's is to be another one.
    time.sleep(0.05)
    try:
        with started(Bundle()) as c:
            pid = c.pid
            for changes in (dict(pid=other.pid), dict(startTicks=1), dict(pid=4194303)):
                before = read(record_of(c))
                tamper(c, **changes)
                equal(c.state()["status"], "stopped", str(changes))
                equal(c.state()["pid"], 0)
                fails(hrun("kill", c.id, "KILL"), "container not running")
                fails(c.exec("true"), "stopped container", status=255)
                fails(hrun("pause", c.id), "container not running")
                equal(hrun("ps", "-f", "json", c.id).out, "[]\n")
                assert other.poll() is None and not gone(pid)
                write(record_of(c), before)
            tamper(c, pid=other.pid)
        # deleted: its cgroup knew better than its record who belongs to it
        eventually(lambda: gone(pid), "the end of init")
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@test
def a_cgroup_that_is_another_one_now():
    with started(Bundle()) as c:
        pid = c.pid
        tamper(c, cgroupInode=1)
        fails(hrun("pause", c.id), "gone")
        silent(hrun("kill", c.id, "KILL"))
        eventually(lambda: gone(pid), "the end of init")
        silent(hrun("delete", c.id))
        os.rmdir(f"{CGROUP}/hrun/{c.id}")
        os.rmdir(f"{CGROUP}/hrun")


@test
def gone_under_our_feet():
    with started(Bundle()) as c:
        os.kill(c.pid, 9)
        eventually(lambda: c.state()["status"] == "stopped", "the end")
        os.rmdir(f"{CGROUP}/hrun/{c.id}")
        for verb in ("pause", "resume", "events"):
            fails(hrun(verb, c.id), "container not running")
        equal(hrun("ps", "-f", "json", c.id).out, "[]\n")
        silent(hrun("kill", "--all", c.id))
        silent(hrun("delete", c.id))
    with started(Bundle()) as c:
        pid = c.pid
        shutil.rmtree(f"/run/hrun/{c.id}")
        fails(hrun("state", c.id), "does not exist")
        silent(hrun("delete", "--force", c.id))
        assert not gone(pid)
        write(f"{CGROUP}/hrun/{c.id}/cgroup.kill", "1")
        eventually(lambda: "populated 0" in read(f"{CGROUP}/hrun/{c.id}/cgroup.events"), "an empty cgroup")
        os.rmdir(f"{CGROUP}/hrun/{c.id}")
        os.rmdir(f"{CGROUP}/hrun")


@test
def no_bundle_any_more():
    with started(Bundle()) as c:
        shutil.rmtree(c.bundle.path)
        equal(c.state()["status"], "running")
        equal(c.exec("echo", "x").out, "x\n") if os.path.exists(f"/proc/{c.pid}/root/bin/echo") else None
        silent(hrun("kill", c.id, "KILL"))
        eventually(lambda: c.state()["status"] == "stopped", "the end")
        silent(hrun("delete", c.id))


@test
def what_exec_needs_is_missing():
    for name in ("config.json", "filter.bpf"):
        with started(Bundle()) as c:
            os.unlink(f"/run/hrun/{c.id}/{name}")
            fails(c.exec("true"), "damaged", status=255)
            write(f"/run/hrun/{c.id}/{name}", "xyz")
            fails(c.exec("true"), "damaged", status=255)
            equal(c.state()["status"], "running")


@test
def two_creates_of_one_id():
    b = Bundle("sleep", "1000").save()
    with open(f"{h.work}/race.err", "w+") as err:
        racers = [subprocess.Popen([h.HRUN, "create", "-b", b.path, "one"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
                  for _ in range(6)]
        equal(sorted(p.wait(60) for p in racers), [0, 1, 1, 1, 1, 1])
        err.seek(0)
        equal(err.read(), "container `one` already exists\n" * 5)
    equal(json.loads(hrun("state", "one").out)["status"], "created")
    silent(hrun("delete", "one"))
    # One that has come so far that the directory is there and the lock its own.
    os.mkdir("/run/hrun/one", 0o700)
    with open("/run/hrun/one/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fails(hrun("create", "-b", b.path, "one"), "already exists")
    shutil.rmtree("/run/hrun/one")


@test
def what_changes_a_container_waits_its_turn():
    with started(Bundle()) as c:
        with open(f"/run/hrun/{c.id}/lock", "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            p = subprocess.Popen([h.HRUN, "delete", "--force", c.id], stdin=subprocess.DEVNULL)
            inode = os.fstat(lock.fileno()).st_ino
            eventually(lambda: any(line.split()[1] == "->" and f":{inode} " in line for line in read("/proc/locks").splitlines()) or
                       p.poll() is not None, "a queue at the lock")
            equal((p.poll(), c.state()["status"]), (None, "running"))
        equal(p.wait(60), 0)


@test
def exec_racing_with_delete():
    with started(Bundle()) as c:
        with open(f"{h.work}/race.err", "w+") as err:
            racers = [subprocess.Popen([h.HRUN, "exec", c.id, "sleep", "1000"], stdin=subprocess.DEVNULL, stdout=err, stderr=err)
                      for _ in range(6)]
            silent(hrun("delete", "--force", c.id))
            for p in racers:
                assert p.wait(60) in (255, 128 + 9), p.returncode
            err.seek(0)
            assert err.read().count("\n") <= 6


def full(path, blocks):
    """A file system on which so many blocks are free."""
    fd = os.open(f"{path}/filler", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with contextlib.suppress(OSError):
        while True:
            os.write(fd, b"x" * 4096)
    os.ftruncate(fd, max(0, os.fstat(fd).st_size - blocks * 4096))
    os.close(fd)


@test
def a_full_disk_at_the_state_directory():
    b = Bundle("sleep", "1000").save()
    with host_tmpfs("size=256k", "nr_inodes=64") as path:
        root = f"{path}/state"
        os.mkdir(root, 0o700)
        made = 0
        for blocks in range(12):
            full(path, blocks)
            with h.unchanged():
                before = sorted(os.listdir(root))
                r = hrun("--root", root, "create", "-b", b.path, "--pid-file", f"{h.work}/pid", "x")
                if r.status == 0:
                    made += 1
                    os.unlink(f"{path}/filler")
                    silent(hrun("--root", root, "delete", "--force", "x"))
                else:
                    fails(r, "No space left on device")
                equal(sorted(os.listdir(root)), before, f"{blocks} blocks free")
        assert 0 < made < 12, made
    with host_tmpfs("size=256k", "nr_inodes=4") as path:
        root = f"{path}/state"
        os.mkdir(root, 0o700)
        for _ in range(2):
            fails(hrun("--root", root, "create", "-b", b.path, "x"), "No space left on device")
            equal(os.listdir(root), [])


@test
def a_disk_that_is_full_later():
    b = Bundle("sleep", "1000").save()
    with host_tmpfs("size=256k") as path:
        root = f"{path}/state"
        os.mkdir(root, 0o700)
        silent(h.hrun("--root", root, "create", "-b", b.path, "x", prefix=("sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh")))
        full(path, 0)
        r = hrun("--root", root, "state", "x")
        equal((r.status, json.loads(r.out)["status"]), (0, "created"))
        silent(hrun("--root", root, "start", "x"))
        for verb in ("pause", "resume"):
            silent(hrun("--root", root, verb, "x"))
        equal(hrun("--root", root, "exec", "x", "echo", "a").out, "a\n")
        silent(hrun("--root", root, "kill", "x", "KILL"))
        silent(hrun("--root", root, "delete", "--force", "x"))


@test
def a_console_nobody_takes():
    b = Bundle("sleep", "1000")
    b.process["terminal"] = True
    b.save()
    path = f"{h.work}/console.sock"
    with h.unchanged():
        fails(hrun("create", "-b", b.path, "x"), "--console-socket")
        fails(hrun("create", "-b", b.path, "--console-socket", path, "x"), "console.sock")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            fails(hrun("create", "-b", b.path, "--console-socket", path, "x"), "console.sock")
            # A queue that is full, and nobody who empties it.
            s.listen(0)
            waiting = []
            with contextlib.suppress(BlockingIOError):
                for _ in range(8):
                    w = socket.socket(socket.AF_UNIX)
                    w.setblocking(False)
                    waiting.append(w)
                    w.connect(path)
            fails(hrun("create", "-b", b.path, "--console-socket", path, "x"), "nobody accepts")
            for w in waiting:
                w.close()
        os.unlink(path)


main()
