#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--systemd-cgroup of who is root in a user namespace only: a machine of its own with a systemd of its own (LXC), or a rootless engine's."""
import contextlib
import json
import os
import shutil

import hrun as h
from fake_systemd import Fake
from hrun import CGROUP, Bundle, contains, equal, main, test

UID, PLACE = 1000, "/machine"
PRIVATE, SYSTEM_BUS = "/run/systemd/private", "/run/dbus/system_bus_socket"
RUNTIME_DIR = f"/run/user/{UID}"
# In its cgroup, then in namespaces of its own: user, mount, cgroup; and what systemd would have mounted there.
INSIDE = ["sh", "-ec", f'echo $$ >{CGROUP}{PLACE}/cgroup.procs; exec "$@"', "sh", "setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "--",
          "unshare", "--user", "--map-root-user", "--mount", "--cgroup", "--",
          "sh", "-ec", f'mount --bind {CGROUP}{PLACE} {CGROUP}; mkdir -p {CGROUP}/caller; echo $$ >{CGROUP}/caller/cgroup.procs; exec "$@"', "sh"]


@contextlib.contextmanager
def machine():
    """A cgroup that is the user's, and a runtime directory."""
    os.makedirs(RUNTIME_DIR)
    os.chown(RUNTIME_DIR, UID, UID)
    os.chmod(h.work, 0o755)
    os.mkdir(CGROUP + PLACE)
    for name in ("", "/cgroup.procs", "/cgroup.subtree_control"):
        os.chown(f"{CGROUP}{PLACE}{name}", UID, UID)
    try:
        yield
    finally:
        for path in (f"{CGROUP}{PLACE}/caller", CGROUP + PLACE):
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(path)
        shutil.rmtree("/run/user")


@contextlib.contextmanager
def systemd(path, owner):
    with Fake(path, bus=path != PRIVATE, user=(UID, PLACE), place=lambda cgroup: cgroup.removeprefix(PLACE)) as fake:
        os.chown(path, owner, owner)
        os.chmod(path, 0o777)
        yield fake


def inside(*args, variables=("XDG_RUNTIME_DIR",), prefix=INSIDE):
    env = {k: v for k, v in os.environ.items() if k not in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")}
    env.update({name: RUNTIME_DIR for name in variables})
    return h.hrun("--root", f"{RUNTIME_DIR}/state", *args, prefix=prefix, env=env)


def run(**more):
    b = Bundle("true", uid=0).without_limits()
    b.save()
    return inside("--systemd-cgroup", "run", "-b", b.path, h.new_id(), **more)


def slices(fake):
    return [dict(arguments[2])["Slice"][1] for method, arguments in fake.calls if method == "StartTransientUnit"]


@test
def a_machine_of_ones_own():
    """The user's bus is there as well where somebody has logged in: root's containers are the machine's all the same, as outside."""
    for path in (PRIVATE, SYSTEM_BUS):
        with machine(), systemd(path, UID) as fake, systemd(f"{RUNTIME_DIR}/bus", UID) as other:
            for variables in (("XDG_RUNTIME_DIR",), ()):
                r = run(variables=variables)
                equal((r.status, r.out, r.err), (0, "", ""), path)
            equal((slices(fake), other.calls), (["system.slice"] * 2, []), path)
            equal(fake.asked()[-2:], ["Stop", "ResetFailed"], "the end")


@test
def the_hosts_is_not_ours():
    """As a rootless engine's user namespace shows it: its owner is nobody."""
    with machine(), systemd(PRIVATE, 0) as host, systemd(SYSTEM_BUS, 0) as bus:
        r = run()
        equal((r.status, r.out, r.err.count("\n")), (125, "", 1), repr(r))
        contains(r.err, "neither at DBUS_SESSION_BUS_ADDRESS nor below XDG_RUNTIME_DIR")
        with systemd(f"{RUNTIME_DIR}/bus", UID) as own:
            r = run()
            equal((r.status, r.out, r.err), (0, "", ""))
            equal(slices(own), ["user.slice"])
        equal(host.calls + bus.calls, [], "what the host's was asked")


@test
def doctor_says_whose_it_is():
    os.mkdir("/run/systemd/system")
    try:
        for bus, owner, status, words in ((PRIVATE, UID, "ok", f"the machine's systemd, which listens at {PRIVATE}"), (PRIVATE, 0, "warn", "this user's own does not listen"),
                                          (f"{RUNTIME_DIR}/bus", UID, "ok", f"this user's systemd, which listens at {RUNTIME_DIR}/bus")):
            with machine(), systemd(bus, owner):
                lines = {c["id"]: c for c in json.loads(inside("doctor", "--format", "json").out)["checks"]}
            equal(lines["cgroup.systemd"]["status"], status, words)
            contains(lines["cgroup.systemd"]["text"], words)
    finally:
        os.rmdir("/run/systemd/system")


@test
def an_owner_who_is_somebody_else_here():
    with machine(), systemd(PRIVATE, UID + 1) as other:
        r = run()
        equal((r.status, other.calls), (125, []), repr(r))


@test
def a_systemd_that_counts_processes_otherwise():
    """A container that sees the host's /run: the number of its process is another one's there, who would be moved, and killed."""
    b = Bundle("true")
    b.save()
    with Fake(PRIVATE) as fake:
        r = h.hrun("--systemd-cgroup", "run", "-b", b.path, h.new_id(), prefix=["unshare", "--pid", "--fork", "--mount-proc"])
        equal((r.status, r.out, r.err.count("\n"), fake.calls), (125, "", 1, []), repr(r))
        contains(r.err, f"systemd at {PRIVATE} is not of this pid namespace")


for directory in (PRIVATE, SYSTEM_BUS):
    os.makedirs(os.path.dirname(directory), exist_ok=True)
main()
