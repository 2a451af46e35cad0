#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--systemd-cgroup: a container in a unit of systemd.  systemd is a fake one here, whose cgroups are the kernel's; the real one: tests/vm."""
import contextlib
import json
import os
import signal
import subprocess
import threading
import time

from fake_systemd import SYSTEMD, Fake
from hrun import BUILD, Bundle, CGROUP, Container, Skip, contains, equal, eventually, has_ended, hrun, main, new_id, odd_bundle, own_words, read, test, write
import hrun as h

PRIVATE, SYSTEM_BUS = "/run/systemd/private", "/run/dbus/system_bus_socket"
DENY_ALL = {"allow": False, "access": "rwm"}
SLICE, IN_SLICE = "test-sub.slice", "/test.slice/test-sub.slice"


class Unit(Container):
    """A container that is asked for with --systemd-cgroup; every other verb is called without it."""

    def __init__(self, bundle, name=None):
        super().__init__(bundle, name or new_id())
        bundle.linux["cgroupsPath"] = f"{SLICE}:libpod:{self.id}"
        self.unit, self.cgroup = f"libpod-{self.id}.scope", f"{IN_SLICE}/libpod-{self.id}.scope"

    def create(self, *options, level=None, **more):
        self.bundle.save()
        return hrun("--systemd-cgroup", "create", "-b", self.bundle.path, *options, self.id, level=level or "privileged", **more)


@contextlib.contextmanager
def unit(bundle=None, expect=(0, "", ""), **more):
    c = Unit(bundle or Bundle("sleep", "1000"))
    try:
        r = c.create(**more)
        equal((r.status, r.out, r.err), expect, "create")
        yield c
    finally:
        r = c.remove()
    equal((r.status, r.out, r.err), (0, "", ""), "delete --force")
    assert not os.path.exists(CGROUP + c.cgroup), "the cgroup is still there"


def place_of(pid):
    return [line[3:] for line in read(f"/proc/{pid}/cgroup").splitlines() if line.startswith("0::")][0]


def programs(name="hrun-scope"):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if read(f"/proc/{pid}/comm").strip() == name and not has_ended(int(pid)):
                found.append(int(pid))
    return found


def refused(fake, *parts, bundle=None, keeps=()):
    """create fails with one line that says PARTS, and leaves nothing."""
    c = Unit(bundle or Bundle("sleep", "1000"))
    with fake:
        r = c.create()
        equal((r.status, r.err.count("\n")), (1, 1), repr(r))
        for part in parts:
            contains(r.err, part)
        equal(programs(), [], "hrun-scope lives")
        equal(hrun("list", "-q").out, "", "containers")
        for path in keeps:
            fake.collect(path)
    return r.err


@test
def a_whole_life_in_a_unit():
    for path, bus in ((PRIVATE, False), (SYSTEM_BUS, True)):
        with Fake(path, bus) as systemd:
            with unit() as c:
                equal(place_of(c.pid), c.cgroup, "where the container is")
                equal(read(f"{CGROUP}{c.cgroup}/cgroup.procs"), f"{c.pid}\n", "who is in the unit")
                equal(programs(), [], "hrun-scope lives")
                equal(c.start().status, 0)
                r = c.exec("sh", "-c", "echo $$")
                equal(r.status, 0, r.err)
                equal(hrun("pause", c.id).status, 0)
                equal(c.state()["status"], "paused")
                equal(hrun("resume", c.id).status, 0)
                equal(hrun("kill", c.id, "KILL").status, 0)
                eventually(lambda: c.state()["status"] == "stopped", "stopped")
                equal(hrun("delete", c.id).status, 0)
                equal((systemd.asked()[-2:], list(systemd.units)), (["Stop", "ResetFailed"], []), "the end")
            first = ["Hello", "AddMatch", "Subscribe"] if bus else []
            equal([m for m in systemd.asked() if m != "RemoveMatch"][:len(first) + 3], first + ["Get", "StartTransientUnit", "Get"])


@test
def what_systemd_is_told():
    b = Bundle("sleep", "1000")
    b.c.setdefault("annotations", {}).update({
        "org.systemd.property.KillSignal": "15", "org.systemd.property.DefaultDependencies": "true", "org.systemd.property.TimeoutStopUSec": "uint64 10000000",
        "org.systemd.property.After": "['a.service', 'b.service']", "org.systemd.property.MemoryMax": "uint64 1"})
    b.linux["resources"] = {"devices": [DENY_ALL, {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rw"}]}
    with Fake(PRIVATE) as systemd, unit(b) as c:
        p = systemd.units[c.unit]["properties"]
        pids = p.pop("PIDs")
        equal((pids[0], len(pids[1])), ("au", 1))
        devices = p.pop("DeviceAllow")
        equal(devices[0], "a(ss)")
        assert {("/dev/char/10:229", "rw"), ("char-*", "m"), ("block-*", "m"), ("/dev/char/1:3", "rwm")} <= set(devices[1]), devices
        assert ("char-10", "rw") not in devices[1] and ("char-*", "rwm") not in devices[1], devices
        equal(p, {"Description": ("s", f"hrun container {c.id}"), "Slice": ("s", SLICE), "Delegate": ("b", True),
                  "MemoryAccounting": ("b", True), "CPUAccounting": ("b", True), "IOAccounting": ("b", True), "TasksAccounting": ("b", True),
                  "DefaultDependencies": ("b", True), "CollectMode": ("s", "inactive-or-failed"), "KillSignal": ("i", 15),
                  "TimeoutStopUSec": ("t", 10000000), "After": ("as", ["a.service", "b.service"]), "DevicePolicy": ("s", "strict")})


@test
def the_device_filter_is_hruns_own():
    b = Bundle("sleep", "1000", uid=0, caps=["CAP_MKNOD"])
    b.linux["resources"] = {"devices": [DENY_ALL]}
    b.linux["devices"] = [{"type": "c", "path": "/dev/odd", "major": 239, "minor": 7, "fileMode": 0o666}]
    with Fake(PRIVATE) as systemd, unit(b) as c:
        if "no device filter" in hrun("--systemd-cgroup", "plan", "-b", b.path).out:
            raise Skip("no device filter here")
        equal(c.start().status, 0)
        contains(c.exec("sh", "-c", ": < /dev/odd").err, "Operation not permitted")
        equal(c.exec("sh", "-c", ": < /dev/null").status, 0)
        path = f"{h.work}/resources"
        write(path, json.dumps({"devices": [DENY_ALL, {"allow": True, "type": "c", "major": 239, "minor": 7, "access": "rw"}]}))
        r = hrun("update", "-r", path, c.id, level="privileged")
        equal((r.status, r.err), (0, ""))
        assert "Operation not permitted" not in c.exec("sh", "-c", ": < /dev/odd").err
        told = systemd.units[c.unit]["set"]
        equal([(n, v[1]) for n, v in told[:2]], [("DevicePolicy", "strict"), ("DeviceAllow", [])], "an old list goes first")
        contains(told[2][1][1], ("/dev/char/239:7", "rw"))


@test
def limits_are_told_and_written():
    if "hugetlb" not in read(f"{CGROUP}/cgroup.controllers").split():
        raise Skip("no hugetlb controller on cgroup2 here")
    b = Bundle("sleep", "1000")
    b.linux["resources"] = {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 << 20}]}
    with Fake(PRIVATE) as systemd, unit(b) as c:
        equal(read(f"{CGROUP}{c.cgroup}/hugetlb.2MB.max"), f"{4 << 20}\n")
        path = f"{h.work}/resources"
        write(path, json.dumps({"hugepageLimits": [{"pageSize": "2MB", "limit": 6 << 20}]}))
        equal(hrun("update", "-r", path, c.id, level="privileged").status, 0)
        equal(read(f"{CGROUP}{c.cgroup}/hugetlb.2MB.max"), f"{6 << 20}\n")
        assert "SetProperties" not in systemd.asked(), "systemd has no word for it"


@test
def idle_and_back():
    """What systemd believes of a weight is what the kernel has: at its next reload it writes that again."""
    if "cpu" not in read(f"{CGROUP}/cgroup.controllers").split():
        raise Skip("no cpu controller on cgroup2 here")
    path, unset = f"{h.work}/resources", (1 << 64) - 1
    with Fake(PRIVATE) as systemd, unit() as c:
        def told():
            return [v[1] for n, v in systemd.units[c.unit].pop("set", []) if n == "CPUWeight"]

        for cpu, weight, file in (({"shares": 512}, [59], ("0", "59")), ({"idle": 0}, [], ("0", "59")), ({"idle": 1}, [0], ("1", None)),
                                  ({"idle": 0}, [unset], ("0", "100")), ({"idle": 1}, [0], ("1", None)), ({"idle": 0, "shares": 512}, [59], ("0", "59"))):
            write(path, json.dumps({"cpu": cpu}))
            r = hrun("update", "-r", path, c.id, level="privileged")
            equal((r.status, r.err, told()), (0, "", weight), cpu)
            now = [read(f"{CGROUP}{c.cgroup}/{name}").strip() for name in ("cpu.idle", "cpu.weight")]
            equal((now[0], now[1] if file[1] else None), file, cpu)


class Forgetful(Fake):
    """SetProperties is done, and the answer gets lost, as often as is said."""
    lost = 1

    def do_SetProperties(self, peer, reply, runtime, properties):
        if self.lost == 0:
            return super().do_SetProperties(peer, reply, runtime, properties)
        self.lost -= 1
        self.units[self.meant()]["set"] = properties
        raise ConnectionError


@test
def an_answer_that_got_lost():
    """systemd may have done it: it is told back, or who asked is told that it may have."""
    if "cpu" not in read(f"{CGROUP}/cgroup.controllers").split():
        raise Skip("no cpu controller on cgroup2 here")
    path, devices = f"{h.work}/resources", {"devices": [DENY_ALL]}
    with Forgetful(PRIVATE) as systemd, unit() as c:
        for lost, asked, told, warnings in ((0, {"cpu": {"shares": 512}}, 59, ()), (1, {"cpu": {"shares": 1024}}, 59, ()), (2, {"cpu": {"shares": 1024}}, 59, ("new values",)),
                                            (1, {"cpu": {"shares": 1024}, **devices}, 59, ("new devices",))):
            write(path, json.dumps(asked))
            systemd.lost = lost
            r = hrun("update", "-r", path, c.id, level="privileged")
            equal((r.status, r.err.count("all the same")), (int(lost > 0), len(warnings)), repr(r))
            for word in warnings:
                contains(r.err, f"unit {c.unit} may have the {word} all the same")
            equal([v[1] for n, v in systemd.units[c.unit]["set"] if n == "CPUWeight"], [told], asked)
            equal(read(f"{CGROUP}{c.cgroup}/cpu.weight"), "59\n", asked)


@test
def devices_whose_answer_got_lost():
    path = f"{h.work}/resources"
    with Forgetful(PRIVATE) as systemd, unit() as c:
        write(path, json.dumps({"devices": [DENY_ALL]}))
        r = hrun("update", "-r", path, c.id, level="privileged")
        equal(r.status, 1, r.err)
        contains(r.err, f"unit {c.unit} may have the new devices all the same")
        systemd.quirks["SetProperties"] = ("once", f"{SYSTEMD}.BadSetting", "no such thing")
        r = hrun("update", "-r", path, c.id, level="privileged")
        equal((r.status, "all the same" in r.err), (1, False), "after systemd itself has refused")


@test
def a_unit_that_failed_before():
    exists = f"{SYSTEMD}.UnitExists", "Unit x.scope was already loaded"
    with Fake(PRIVATE, quirks={"StartTransientUnit": ("once", *exists)}) as systemd, unit():
        equal([m for m in systemd.asked() if m != "Get"], ["StartTransientUnit", "ResetFailedUnit", "StartTransientUnit"])
    fake = Fake(PRIVATE, quirks={"StartTransientUnit": ("error", *exists)})
    refused(fake, "exists already", "systemctl stop")
    equal(fake.asked().count("StartTransientUnit"), 2, "tries")


@test
def what_systemd_refuses():
    denied = ("error", "org.freedesktop.DBus.Error.AccessDenied", "Permission denied")
    refused(Fake(PRIVATE, quirks={"StartTransientUnit": denied}), "does not let this user", "Permission denied")
    refused(Fake(PRIVATE, quirks={"StartTransientUnit": ("error", "org.freedesktop.DBus.Error.InvalidArgs", "bad\nSlice \x1b[1m")}),
            "systemd refuses unit libpod-", "bad")
    refused(Fake(PRIVATE, job="failed"), "has ended as `failed`", "journalctl")
    refused(Fake(SYSTEM_BUS, bus=True, quirks={"Subscribe": ("error", "org.freedesktop.DBus.Error.ServiceUnknown", "no such name")}),
            "no such name")
    refused(Fake(PRIVATE, quirks={"StartTransientUnit": "close"}), "connection to systemd is lost")


@test
def a_create_that_fails_ends_the_unit():
    """systemd does not hear that a cgroup got empty which is gone a moment later."""
    fake = Fake(PRIVATE)
    refused(fake, "nosuch", bundle=Bundle("nosuch"))
    equal((fake.asked()[-2:], list(fake.units)), (["Stop", "ResetFailed"], []), "the end")


@test
def no_systemd_at_all():
    r = Unit(Bundle("true")).create()
    equal(r.status, 1)
    contains(r.err, "systemd does not listen at /run/systemd/private")
    contains(r.err, "--cgroup-manager cgroupfs")
    subprocess.run(["python3", "-c", f"import socket; socket.socket(socket.AF_UNIX).bind('{PRIVATE}')"], check=True)
    try:
        contains(Unit(Bundle("true")).create().err, "systemd does not listen there")
    finally:
        os.unlink(PRIVATE)


@test
def a_cgroup_that_is_not_the_units():
    """hrun-scope, or systemd, might name any: only the place that was asked for, with hrun's own process alone in it."""
    for told in ("/", "/test.slice", f"{IN_SLICE}/../x", "", "x" * 5000):
        refused(Fake(PRIVATE, place=lambda cgroup, told=told: told), "")
    for size in (0, 15):
        refused(Fake(PRIVATE, id_size=size), "does not tell InvocationID")
    refused(Fake(PRIVATE, elsewhere="other.slice"), "/other.slice/libpod-", "was asked for")
    stranger = subprocess.Popen(["sleep", "1000"])
    try:
        refused(Fake(PRIVATE, crowd=stranger.pid), "does not hold hrun's own process alone")
    finally:
        stranger.kill()
        stranger.wait()


@test
def hrun_is_killed_while_systemd_works():
    b = Bundle("sleep", "1000")
    c = Unit(b)
    b.save()
    answer = threading.Event()
    with Fake(PRIVATE, hold=answer) as systemd:
        p = subprocess.Popen([h.HRUN, *h.policy("privileged"), "--systemd-cgroup", "create", "-b", b.path, c.id], stdin=subprocess.DEVNULL)
        eventually(lambda: "StartTransientUnit" in systemd.asked() and programs(), "the unit was started")
        p.send_signal(signal.SIGKILL)
        p.wait()
        time.sleep(0.3)
        assert programs(), "systemd may not have put hrun-scope into the unit yet: of a dead process it would make one that stays"
        answer.set()
        eventually(lambda: not programs(), "hrun-scope ends when systemd has answered")
        eventually(lambda: read(f"{CGROUP}{c.cgroup}/cgroup.procs") == "", "the unit is empty, so systemd forgets it")
        r = hrun("delete", "--force", c.id)
        equal((r.status, r.err), (0, ""))
        assert "Stop" not in systemd.asked(), "nobody knows whose unit has the name"


@test
def a_unit_of_the_same_name_that_is_somebody_elses():
    with Fake(PRIVATE) as systemd:
        with unit() as c:
            write(f"{CGROUP}{c.cgroup}/cgroup.kill", "1")
            eventually(lambda: c.state()["status"] == "stopped", "stopped")
            systemd.collect(c.unit)
            equal(drive(PRIVATE, "9000", "start", c.unit)[0], 0)
            equal(hrun("delete", c.id).status, 0)
            equal(list(systemd.units), [c.unit], "units")
            systemd.collect(c.unit)
        equal(systemd.asked().count("GetUnitByInvocationID"), 0, "systemd is asked for nothing")


@test
def the_name_becomes_somebody_elses_at_the_last_moment():
    """Between the look at the cgroup and the stop systemd may need half a minute."""
    with Fake(PRIVATE) as systemd:
        with unit() as c:
            def replace():
                systemd.before_stop = None
                systemd.collect(c.unit)
                equal(drive(PRIVATE, "9000", "start", c.unit)[0], 0)
            systemd.before_stop = replace
            r = hrun("delete", "--force", c.id)
            equal((r.status, r.err, systemd.asked().count("Stop"), list(systemd.units)), (0, "", 1, [c.unit]))
            systemd.collect(c.unit)


@test
def update_does_not_change_somebody_elses_unit():
    with Fake(PRIVATE) as systemd, unit() as c:
        kept, systemd.units[c.unit]["invocation"] = systemd.units[c.unit]["invocation"], os.urandom(16)
        path = f"{h.work}/resources"
        write(path, json.dumps({"devices": [DENY_ALL]}))
        r = hrun("update", "-r", path, c.id, level="privileged")
        equal((r.status, "set" in systemd.units[c.unit]), (1, False))
        contains(r.err, f"unit {c.unit} of the container has ended")
        systemd.units[c.unit]["invocation"] = kept


@test
def an_update_that_systemd_refuses_changes_nothing():
    """Nor does systemd hear of one that the kernel refuses, or for which it has no file."""
    odd = {"allow": True, "type": "c", "major": 239, "minor": 7, "access": "rwm"}
    asked = {"devices": [DENY_ALL, odd], "hugepageLimits": [{"pageSize": "2MB", "limit": 6 << 20}]}
    path = f"{h.work}/resources"
    if "hugetlb" not in read(f"{CGROUP}/cgroup.controllers").split():
        raise Skip("no hugetlb controller on cgroup2 here")
    b = odd_bundle()
    b.linux["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 4 << 20}]
    with Fake(PRIVATE) as systemd, unit(b) as c:
        equal(c.start().status, 0)

        def now():
            opened = hrun("exec", c.id, "probe", "open", "/dev/odd", "r", level="privileged").out.strip()
            return opened, read(f"{CGROUP}{c.cgroup}/hugetlb.2MB.max"), systemd.units[c.unit].get("set")

        before = now()
        equal(before[0], "EPERM", "a device that is not allowed")
        for bad in ({"hugetlb.2MB.max": "many"}, {"hugetlb.2MB.nosuch": "1"}):
            write(path, json.dumps({**asked, "unified": bad}))
            equal(hrun("update", "-r", path, c.id, level="privileged").status, 1)
            equal(now(), before, "after one that the kernel refuses")
        equal(systemd.asked().count("SetProperties"), 0, "systemd was asked")
        write(path, json.dumps(asked))
        systemd.quirks["SetProperties"] = ("once", f"{SYSTEMD}.BadSetting", "no such thing")
        r = hrun("update", "-r", path, c.id, level="privileged")
        equal((r.status, r.err.count("\n")), (1, 1), repr(r))
        equal(now(), before, "after systemd has refused")
        equal(hrun("update", "-r", path, c.id, level="privileged").status, 0)
        opened, limit, told = now()
        assert opened != "EPERM" and limit == f"{6 << 20}\n" and told, (opened, limit, told)


@test
def delete_where_systemd_is_gone():
    b = Bundle("sleep", "1000")
    c = Unit(b)
    with Fake(PRIVATE):
        equal(c.create().status, 0)
        os.rename(PRIVATE, PRIVATE + ".away")
        r = hrun("delete", "--force", c.id)
        os.rename(PRIVATE + ".away", PRIVATE)
        equal(r.status, 0)
        contains(r.err, f"unit {c.unit} is not stopped")
        assert not os.path.exists(CGROUP + c.cgroup), "the cgroup is still there"


def drive_is_stale():
    """It and hrun-scope are of one build, or they do not understand each other.  What was copied into a guest has the time of the copy."""
    return "HRUN_GUEST" not in os.environ and os.stat(f"{BUILD}/tests/scope/drive").st_mtime < os.stat(f"{h.TOP}/include/hrun/scope_wire.h").st_mtime


def drive(*args):
    assert not drive_is_stale(), "build/tests/scope/drive is older than include/hrun/scope_wire.h: make test-programs"
    r = subprocess.run([f"{BUILD}/tests/scope/drive", f"{BUILD}/libexec/hrun", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       timeout=60)
    return r.returncode, own_words(r.stdout).strip()


@test
def silence_ends():
    """Wherever systemd stops talking; the limit is short here and half a minute in hrun."""
    for quirk in ({"greet": False}, {"quirks": {"Get": "silent"}}, {"quirks": {"StartTransientUnit": "silent"}}, {"job": None}):
        with Fake(PRIVATE, **quirk):
            before = time.monotonic()
            status, text = drive(PRIVATE, "300", "start", "hrun-x.scope")
            equal(status, 1, text)
            contains(text, "within 1 s")
            assert time.monotonic() - before >= 0.3, "too early"
    equal(programs(), [], "hrun-scope lives")


@test
def an_old_systemd_is_not_told_what_it_does_not_know():
    for version, names in (("241.1", ["Slice", "TasksMax"]), ("v253~rc1", ["Slice", "TasksMax", "MemoryZSwapMax"])):
        with Fake(PRIVATE, version=version) as systemd:
            equal(drive(PRIVATE, "9000", "start", "hrun-x.scope", "TasksMax=5", "MemoryZSwapMax=7@253")[0], 0)
            equal([n for n in systemd.units["hrun-x.scope"]["properties"] if n != "PIDs"], names, version)


@test
def tasks_one_by_one():
    with Fake(PRIVATE) as systemd:
        equal(drive(PRIVATE, "9000", "start", "hrun-x.scope", "MemoryMax=5"), (0, "/test.slice/hrun-x.scope"))
        equal(systemd.units["hrun-x.scope"]["properties"]["MemoryMax"], ("t", 5))
        named = f"hrun-x.scope@{systemd.invocation('hrun-x.scope')}"
        equal(drive(PRIVATE, "9000", "set", named, "TasksMax=18446744073709551615"), (0, ""))
        equal(systemd.units["hrun-x.scope"]["set"], [("TasksMax", ("t", 2**64 - 1))])
        for name in ("hrun-x.scope", f"{named}0", f"{named[:-1]}X", f"hrun-x.scope@{'0' * 31}", f"hrun-x.scope@{'0' * 32}"):
            status, text = drive(PRIVATE, "9000", "stop", name)
            equal(status, 1)
            contains(text, "malformed")
        equal(drive(PRIVATE, "9000", "stop", f"hrun-x.scope@{'9' * 32}"), (0, ""), "another of that name")
        equal(list(systemd.units), ["hrun-x.scope"])
        equal(drive(PRIVATE, "9000", "stop", named), (0, ""))
        equal(list(systemd.units), [])
        equal(drive(PRIVATE, "9000", "stop", named), (0, ""), "one that is gone")
        status, text = drive(PRIVATE, "9000", "set", named, "TasksMax=1")
        equal(status, 1)
        contains(text, "has ended")


@test
def which_paths_are_names():
    def plan(path, *options):
        b = Bundle("true")
        b.linux["cgroupsPath"] = path
        b.save()
        return hrun(*options, "plan", "-b", b.path, level="privileged")

    for path, cgroup in (("a-b.slice:x:y", "x-y.scope in a-b.slice"), ("-.slice:x:y", "x-y.scope in -.slice"),
                         ("a.slice:cri-containerd:0f", "cri-containerd-0f.scope in a.slice"), ("", ".scope in system.slice")):
        contains(plan(path, "--systemd-cgroup").out, cgroup)
    for path, why in (("/a/b", "must be SLICE:PREFIX:NAME"), ("a.slice:x:y.slice", "names a slice"), ("a.slice:x:y z", "name of a unit")):
        r = plan(path, "--systemd-cgroup")
        equal((r.status, r.out), (1, ""), path)
        contains(r.err, why)
    contains(plan("a.slice:x:y").err, "--systemd-cgroup")
    contains(plan("a.slice:x:y", "--systemd-cgroup", "--cgroup-manager", "cgroupfs").err, "exclude each other")
    contains(plan("a.slice:x:y", "--cgroup-manager", "systemd").out, "x-y.scope in a.slice")


for directory in (PRIVATE, SYSTEM_BUS):
    os.makedirs(os.path.dirname(directory), exist_ok=True)
main()
