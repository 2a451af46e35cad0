# SPDX-License-Identifier: Apache-2.0
"""fake_systemd.py - enough of systemd's D-Bus interface, and of its cgroups, to test what asks it.

The protocol is written out here from the D-Bus specification: no library that hrun-scope could share a mistake with.  A server listens at
one socket, as systemd itself does ("/run/systemd/private") or with a bus before it (Hello, AddMatch); what was asked is kept for the test.
"""
import os
import re
import socket
import struct
import threading

CGROUP = "/sys/fs/cgroup"
SYSTEMD = "org.freedesktop.systemd1"
CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
FIELDS = {1: "o", 2: "s", 3: "s", 4: "s", 5: "u", 6: "s", 7: "s", 8: "g"}
NUMBERS = {"y": "B", "b": "I", "i": "i", "u": "I", "t": "Q", "x": "q", "q": "H", "n": "h", "d": "d"}
ALIGN = {"y": 1, "g": 1, "v": 1, "n": 2, "q": 2, "t": 8, "x": 8, "d": 8, "(": 8, "{": 8}


def split(signature):
    """The complete types of a signature."""
    found, at = [], 0
    while at < len(signature):
        start = at
        while signature[at] == "a":
            at += 1
        depth = 0
        while True:
            depth += (signature[at] in "({") - (signature[at] in ")}")
            at += 1
            if depth == 0:
                break
        found.append(signature[start:at])
    return found


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def align(self, kind):
        size = ALIGN.get(kind[0], 4)
        padding = -self.at % size
        assert self.data[self.at:self.at + padding] == b"\0" * padding, "padding is not zero"
        self.at += padding

    def take(self, size):
        assert self.at + size <= len(self.data), "the message is too short"
        self.at += size
        return self.data[self.at - size:self.at]

    def value(self, kind):
        self.align(kind)
        if kind in NUMBERS:
            (number,) = struct.unpack("<" + NUMBERS[kind], self.take(struct.calcsize(NUMBERS[kind])))
            return bool(number) if kind == "b" else number
        if kind in "sog":
            text = self.take(self.value("y" if kind == "g" else "u")).decode()
            assert self.take(1) == b"\0"
            return text
        if kind == "v":
            inner = self.value("g")
            return (inner, self.value(inner))
        if kind[0] == "a":
            size = self.value("u")
            self.align(kind[1:])
            end, items = self.at + size, []
            while self.at < end:
                items.append(self.value(kind[1:]))
            assert self.at == end, "an array ends inside of an item"
            return items
        return tuple(self.value(k) for k in split(kind[1:-1]))


def write(out, kind, value):
    out += b"\0" * (-len(out) % ALIGN.get(kind[0], 4))
    if kind in NUMBERS:
        out += struct.pack("<" + NUMBERS[kind], value)
    elif kind in "sog":
        data = value.encode()
        out += struct.pack("<B" if kind == "g" else "<I", len(data)) + data + b"\0"
    elif kind == "v":
        write(out, "g", value[0])
        write(out, *value)
    elif kind[0] == "a":
        place = len(out)
        out += b"\0\0\0\0" + b"\0" * (-(place + 4) % ALIGN.get(kind[1], 4))
        start = len(out)
        for item in value:
            write(out, kind[1:], item)
        out[place:place + 4] = struct.pack("<I", len(out) - start)
    else:
        for k, v in zip(split(kind[1:-1]), value):
            write(out, k, v)


class Fake:
    """
    quirks, by method: "silent" (no answer), "close" (hangs up), ("error", NAME, TEXT), ("once", NAME, TEXT).
    job: how a job ends; None: never.  place: the cgroup that is told, a function of the real one; elsewhere: a slice that nobody asked for;
    crowd: a stranger's pid beside; hold: an Event, until which jobs do not end; user: (uid, cgroup), whose systemd it is, and where.
    """

    def __init__(self, path, bus=False, version="257.13-1", job="done", quirks=None, place=None, elsewhere=None, crowd=None, greet=True, id_size=16, hold=None, user=None):
        self.path, self.bus, self.version, self.job, self.place, self.crowd, self.greet = path, bus, version, job, place, crowd, greet
        self.quirks, self.elsewhere, self.id_size = dict(quirks or {}), elsewhere, id_size
        self.calls, self.units, self.serial, self.failures, self.jobs = [], {}, 0, [], 0
        self.before_stop, self.hold, self.user = None, hold, user

    def __enter__(self):
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        self.server.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.server.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        self.server.close()
        os.unlink(self.path)
        for unit in list(self.units):
            self.collect(unit)
        if exception[0] is None and self.failures:
            raise AssertionError(f"the fake systemd: {self.failures}")

    def asked(self):
        return [c[0] for c in self.calls]

    def serve(self):
        while True:
            try:
                peer, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(peer,), daemon=True).start()

    # ---- one connection ----

    def talk(self, peer):
        try:
            stream = peer.makefile("rb")
            if self.greet and self.authenticate(peer, stream):
                while self.message(peer, stream):
                    pass
            elif not self.greet:
                stream.read()  # as a systemd that hangs
        except ConnectionError:
            pass
        except Exception as e:  # what the peer sent is no D-Bus: the test must know
            self.failures.append(repr(e))
        finally:
            peer.close()

    def authenticate(self, peer, stream):
        if stream.read(1) != b"\0":
            return False
        for line in iter(stream.readline, b""):
            word = line.strip().split(b" ")[0]
            if word == b"AUTH":
                peer.sendall(b"DATA\r\n")  # no name: the kernel says who it is
            elif word == b"DATA":
                peer.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
            elif word == b"BEGIN":
                return True
            else:
                peer.sendall(b"ERROR\r\n")
        return False

    def message(self, peer, stream):
        head = stream.read(16)
        if len(head) < 16:
            return False
        order, kind, _, version, size, serial, fields_size = struct.unpack("<BBBBIII", head)
        assert (order, kind, version) == (ord("l"), CALL, 1), head
        rest = stream.read(-(-fields_size // 8) * 8 + size)
        reader = Reader(head + rest)
        reader.at = 12
        fields = {number: value[1] for number, value in reader.value("a(yv)")}
        reader.align("t")
        arguments = [reader.value(k) for k in split(fields.get(8, ""))]
        assert reader.at == len(head + rest), "bytes behind the message"
        return self.answer(peer, serial, fields, arguments)

    def send(self, peer, kind, fields, signature, values):
        body = bytearray()
        for k, v in zip(split(signature), values):
            write(body, k, v)
        if signature:
            fields = {**fields, 8: signature}
        if self.bus and kind != SIGNAL:
            fields = {**fields, 7: "org.freedesktop.DBus"}
        self.serial += 1
        out = bytearray(struct.pack("<BBBBII", ord("l"), kind, 1, 1, len(body), self.serial))
        write(out, "a(yv)", [(number, (FIELDS[number], value)) for number, value in fields.items()])
        out += b"\0" * (-len(out) % 8)
        peer.sendall(out + body)

    def answer(self, peer, serial, fields, arguments):
        method, self.object = fields[3], fields[1]
        self.calls.append((method, arguments))
        quirk = self.quirks.get(method)
        if quirk == "silent":
            return True
        if quirk == "close":
            return False
        if quirk and quirk[0] in ("error", "once"):
            if quirk[0] == "once":
                del self.quirks[method]
            self.send(peer, ERROR, {5: serial, 4: quirk[1]}, "s", [quirk[2]])
            return True
        handler = getattr(self, "do_" + method, None)
        if not handler:
            self.send(peer, ERROR, {5: serial, 4: "org.freedesktop.DBus.Error.UnknownMethod"}, "s", [f"no {method}"])
            return True
        handler(peer, {5: serial}, *arguments)
        return True

    # ---- the bus ----

    def do_Hello(self, peer, reply):
        assert self.bus, "there is no bus to greet"
        self.send(peer, RETURN, reply, "s", [":1.7"])

    def do_AddMatch(self, peer, reply, rule):
        assert "JobRemoved" in rule and SYSTEMD in rule, rule
        self.send(peer, RETURN, reply, "", [])

    do_RemoveMatch = do_AddMatch

    def do_Subscribe(self, peer, reply):
        self.send(peer, RETURN, reply, "", [])

    # ---- systemd ----

    def do_Get(self, peer, reply, interface, name):
        if name == "Version":
            return self.send(peer, RETURN, reply, "v", [("s", self.version)])
        unit = list(self.units)[-1]
        if (interface, name) == (f"{SYSTEMD}.Unit", "InvocationID"):
            return self.send(peer, RETURN, reply, "v", [("ay", self.units[unit]["invocation"][:self.id_size])])
        assert (interface, name) == (f"{SYSTEMD}.Scope", "ControlGroup"), name
        told = self.units[unit]["cgroup"]
        return self.send(peer, RETURN, reply, "v", [("s", self.place(told) if self.place else told)])

    def finish_job(self, peer, unit):
        if self.job is None:
            return
        if self.hold:
            self.hold.wait(60)
        sender = {7: ":1.1"} if self.bus else {}
        self.send(peer, SIGNAL, {1: "/org/freedesktop/systemd1", 2: f"{SYSTEMD}.Manager", 3: "JobRemoved", **sender}, "uoss",
                  [self.jobs, self.job_path(), unit, self.job])

    def job_path(self):
        return f"/org/freedesktop/systemd1/job/{self.jobs}"

    def do_StartTransientUnit(self, peer, reply, unit, mode, properties, others):
        assert (mode, others) == ("fail", []), (mode, others)
        given = {name: value for name, value in properties}
        assert len(given) == len(properties), "a property twice"
        stem = re.fullmatch(r"(.*)\.slice", self.elsewhere or given["Slice"][1]).group(1)
        parts = stem.split("-") if stem != "-" else []
        cgroup = "".join(f"/{'-'.join(parts[:i + 1])}.slice" for i in range(len(parts))) + f"/{unit}"
        self.units[unit] = {"properties": given, "cgroup": cgroup, "invocation": os.urandom(16)}
        if self.user:
            cgroup = self.user[1] + cgroup
            self.units[unit]["cgroup"] = cgroup
        self.make_cgroup(cgroup)
        for pid in given["PIDs"][1] + ([self.crowd] if self.crowd else []):
            with open(f"{CGROUP}{cgroup}/cgroup.procs", "w") as f:
                f.write(str(pid))
        self.jobs += 1
        # The end of somebody else's job comes first.
        self.send(peer, SIGNAL, {1: "/org/freedesktop/systemd1", 2: f"{SYSTEMD}.Manager", 3: "JobRemoved",
                                 **({7: ":1.1"} if self.bus else {})}, "uoss", [99, "/org/freedesktop/systemd1/job/99", "x.service", "failed"])
        self.send(peer, RETURN, reply, "o", [self.job_path()])
        self.finish_job(peer, unit)

    def make_cgroup(self, cgroup):
        path = CGROUP
        for name in cgroup.strip("/").split("/"):
            path += f"/{name}"
            if not os.path.isdir(path):
                os.mkdir(path)
                for file in ("", "/cgroup.procs", "/cgroup.subtree_control") if self.user else ():
                    os.chown(path + file, self.user[0], self.user[0])

    def invocation(self, unit):
        return self.units[unit]["invocation"].hex()

    def no_unit(self, peer, reply):
        return self.send(peer, ERROR, {**reply, 4: f"{SYSTEMD}.NoUnitForInvocationID"}, "s", ["No unit with the specified invocation ID known."])

    def do_GetUnitByInvocationID(self, peer, reply, invocation):
        for unit in self.units.values():
            if unit["invocation"] == bytes(invocation):
                return self.send(peer, RETURN, reply, "o", [f"/org/freedesktop/systemd1/unit/{bytes(invocation).hex()}"])
        return self.no_unit(peer, reply)

    def meant(self):
        """The unit at whose path something was asked: no name stands there."""
        return next((name for name in self.units if self.object.endswith(f"/unit/{self.invocation(name)}")), None)

    def do_SetProperties(self, peer, reply, runtime, properties):
        assert runtime
        unit = self.meant()
        if not unit:
            return self.no_unit(peer, reply)
        self.units[unit]["set"] = properties
        return self.send(peer, RETURN, reply, "", [])

    def do_Stop(self, peer, reply, mode):
        assert mode == "replace"
        if self.before_stop:
            self.before_stop()
        unit = self.meant()
        if not unit:
            return self.no_unit(peer, reply)
        self.collect(unit)
        self.jobs += 1
        self.send(peer, RETURN, reply, "o", [self.job_path()])
        return self.finish_job(peer, unit)

    def do_ResetFailed(self, peer, reply):
        return self.no_unit(peer, reply)

    def do_ResetFailedUnit(self, peer, reply, unit):
        self.send(peer, RETURN, reply, "", [])

    def collect(self, unit):
        """A unit that is over, with its empty slices."""
        path = CGROUP + self.units.pop(unit)["cgroup"]
        if os.path.isdir(path):
            with open(f"{path}/cgroup.kill", "w") as f:
                f.write("1")
        while path != CGROUP + (self.user[1] if self.user else ""):
            for _ in range(200):
                try:
                    os.rmdir(path)
                except FileNotFoundError:
                    pass
                except OSError:
                    threading.Event().wait(0.02)
                    continue
                break
            path = os.path.dirname(path)
