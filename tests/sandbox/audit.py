#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The audit record: one line of JSON for each create, start, exec, update, kill, delete and refusal, where somebody listens."""
import contextlib
import json
import os
import re
import socket
import subprocess

from hrun import Bundle, created, equal, eventually, hrun, main, new_id, read, test, write
import hrun as h

JOURNAL, SYSLOG = "/run/systemd/journal/socket", "/dev/log"
ON_SYSLOG = re.compile(rb"<(\d+)>hrun\[(\d+)\]: (\{.*\})", re.S)


class Listener:
    def __init__(self, path):
        self.path = path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.setblocking(False)

    def messages(self):
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self.socket.recv(1 << 16))
        return found

    def records(self):
        records = []
        for message in self.messages():
            match = ON_SYSLOG.fullmatch(message)
            assert match, message
            equal(int(match.group(1)) >> 3, 10, "facility")
            records.append(json.loads(match.group(3)))
            assert len(message) < 8192, len(message)
        return records

    def one(self, **expected):
        records = self.records()
        equal(len(records), 1, f"records {records}")
        for key, value in expected.items():
            equal(records[0].get(key), value, key)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", records[0]["time"]), records[0]
        equal((records[0]["caller"]["uid"], records[0]["caller"]["pid"]), (os.getuid(), os.getpid()))
        equal(records[0]["caller"]["comm"], read("/proc/self/comm").strip())
        return records[0]


@contextlib.contextmanager
def listening(path=SYSLOG):
    listener = Listener(path)
    try:
        yield listener
    finally:
        listener.socket.close()
        os.unlink(path)
        if path == JOURNAL:
            os.removedirs(os.path.dirname(path))


@test
def one_line_for_each_verb():
    with listening() as log:
        b = Bundle("sleep", "1000", uid=0)
        del b.process["noNewPrivileges"]
        with created(b) as c:
            r = log.one(verb="create", id=c.id, result="ok", level="baseline")
            assert "no-new-privileges" in r["hardened"] and "no-new-privileges" in r["rules"] and r["pid"] > 1, r
            hrun("state", c.id)
            hrun("list")
            equal(log.records(), [])
            equal(c.start().status, 0)
            log.one(verb="start", id=c.id, result="ok", level="baseline")
            equal(c.exec("true").status, 0)
            log.one(verb="exec", id=c.id, result="ok", level="baseline", refused=None)
            equal(c.exec("sh", "-c", "exit 3").status, 3)
            log.one(verb="exec", id=c.id, result="ok")
            equal(hrun("exec", "--cap", "CAP_SYS_ADMIN", c.id, "true").status, 255)
            r = log.one(verb="exec", id=c.id, result="refused")
            equal(r["refused"], ["caps-dangerous", "exec-raises"])
            assert r["error"].startswith("hrun: refused [caps-dangerous] "), r
            equal(hrun("update", "--pids-limit", "x", c.id).status, 1)
            log.one(verb="update", id=c.id, result="failed")
            equal(hrun("kill", c.id, "KILL").status, 0)
            log.one(verb="kill", id=c.id, result="ok")
            eventually(lambda: json.loads(hrun("state", c.id).out)["status"] == "stopped", "stopped")
            equal(hrun("delete", c.id).status, 0)
            log.one(verb="delete", id=c.id, result="ok")
            equal(hrun("kill", c.id).status, 1)
            log.one(verb="kill", id=c.id, result="failed")
        log.messages()


@test
def run_is_create_start_and_delete():
    with listening() as log:
        b = Bundle("true").save()
        name = new_id()
        equal(hrun("run", "-b", b.path, name).status, 0)
        records = log.records()
        equal([(r["verb"], r["command"], r["id"], r["result"]) for r in records],
              [(verb, "run", name, "ok") for verb in ("create", "start", "delete")])
        equal(len({r["pid"] for r in records[:2]}), 1)


@test
def a_refusal():
    with listening() as log:
        b = Bundle("true")
        b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] not in ("network", "uts")]
        b.c.pop("hostname", None)
        b.save()
        policy = {"level": "baseline"}
        r = hrun("create", "-b", b.path, "refused", level=policy)
        equal((r.status, r.err.count("\n")), (1, 1))
        record = log.one(verb="create", id="refused", result="refused", level="baseline", error=r.err.strip())
        equal(record["refused"], ["ns-net-host", "ns-uts-host"])
        assert re.fullmatch("[0-9a-f]{64}", record["policy"]), record
        write(f"{b.path}/config.json", '{"ociVersion":"1.0.2","ociVersion":"1.0.2"}')
        equal(hrun("create", "-b", b.path, "refused").status, 1)
        equal(log.one(verb="create", result="refused")["refused"], ["json-duplicate-key"])


@test
def what_audit_mode_lets_through_and_a_waiver():
    with listening() as log:
        b = Bundle("true")
        b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] != "network"]
        b.save()
        for policy, member in (({"mode": "audit", "auditUntil": h.days_from_now(10)}, "wouldRefuse"),):
            equal(hrun("run", "-b", b.path, new_id(), level=policy).status, 0)
            records = log.records()
            equal(records[0][member], ["ns-net-host"], member)


@test
def hostile_words_are_quoted():
    with listening() as log:
        name = 'x"}\n{"verb":"delete"\x1b[2J\xff'
        equal(hrun("kill", name).status, 1)
        log.one(verb="kill", result="failed")
        equal(hrun("kill", "x" * 5000).status, 1)
        log.one(verb="kill", result="failed")
        path = f"{h.work}/a\"b,\\n"
        os.symlink(h.HRUN, path)
        equal(subprocess.run([path, "kill", "nobody"], capture_output=True).returncode, 1)
        os.unlink(path)
        log.one(verb="kill", id="nobody", result="failed")


@test
def journald_first_by_its_own_protocol():
    with listening() as syslog, listening(JOURNAL) as journal:
        equal(hrun("kill", "nobody").status, 1)
        equal(syslog.messages(), [])
        message, = journal.messages()
        fields = dict(line.split(b"=", 1) for line in message.rstrip(b"\n").split(b"\n"))
        equal({k: v for k, v in fields.items() if k != b"MESSAGE"},
              {b"PRIORITY": b"4", b"SYSLOG_FACILITY": b"10", b"SYSLOG_IDENTIFIER": b"hrun"})
        equal(json.loads(fields[b"MESSAGE"])["verb"], "kill")


@test
def the_time_zone_of_the_caller_is_not_asked():
    zone = f"{h.work}/zone"
    os.mkfifo(zone)  # who opens it waits for ever
    with listening() as log:
        done = subprocess.run([h.HRUN, "kill", "nobody"], env={"TZ": f":{zone}"}, capture_output=True)
        equal(done.returncode, 1)
        log.one(verb="kill", result="failed")
    os.unlink(zone)


@test
def a_full_or_dead_log_stops_nobody():
    with listening() as log:
        for _ in range(2000):  # its queue holds a few hundred at most
            probe = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            probe.setblocking(False)
            probe.connect(SYSLOG)
            try:
                probe.send(b"x")
            except BlockingIOError:
                break
            finally:
                probe.close()
        else:
            raise AssertionError("the queue is never full")
        equal(hrun("run", "-b", Bundle("true").save().path, new_id()).status, 0)
        log.messages()
        log.socket.close()
        equal(hrun("run", "-b", Bundle("true").save().path, new_id()).status, 0)
    os.makedirs(SYSLOG)  # no socket at all
    equal(hrun("run", "-b", Bundle("true").save().path, new_id()).status, 0)
    os.rmdir(SYSLOG)


@test
def nothing_but_two_failed_connects_where_nobody_listens():
    calls = f"{h.work}/calls"
    if subprocess.run(["strace", "-o", calls, h.HRUN, "kill", "nobody"], capture_output=True).returncode != 1:
        raise h.Skip("no strace here")
    text = read(calls)
    equal([line.split("(")[0] for line in text.splitlines() if "sun_path" in line or "/comm" in line], ["connect", "connect"])


main()
