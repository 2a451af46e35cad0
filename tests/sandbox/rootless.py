#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hrun as an ordinary user: with a user namespace of the container's own, and called inside an engine's."""
import contextlib
import json
import os
import shutil
import subprocess

import hrun as h
from fake_systemd import Fake
from hrun import Bundle, Skip, contains, equal, eventually, main, mounts_of, namespace_of, read, sets_of, status_of, test, write

UID, SUBUID, SUBUIDS = 1000, 200000, 65536
RUNTIME_DIR = f"/run/user/{UID}"
USER = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "--"]
ENGINE = [*USER, "unshare", "--user", "--map-root-user", "--mount", "--"]
SANITIZED = bool(os.environ.get("SANITIZED"))


def need_programs():
    if not shutil.which("newuidmap", path="/usr/bin"):
        raise Skip("the package uidmap is not installed")


@contextlib.contextmanager
def user():
    """An ordinary user with subordinate ids and a runtime directory; /etc is the test's own copy."""
    before = {name: read(name) if os.path.exists(name) else None for name in ("/etc/passwd", "/etc/group", "/etc/subuid", "/etc/subgid")}
    os.makedirs(f"{RUNTIME_DIR}/hrun")
    for directory in (RUNTIME_DIR, f"{RUNTIME_DIR}/hrun"):
        os.chown(directory, UID, UID)
        os.chmod(directory, 0o700)
    os.chmod(h.work, 0o755)
    write("/etc/passwd", f"root:x:0:0:root:/root:/bin/sh\nordinary:x:{UID}:{UID}::/:/bin/sh\n")
    write("/etc/group", f"root:x:0:\nordinary:x:{UID}:\n")
    for name in ("/etc/subuid", "/etc/subgid"):
        write(name, f"ordinary:{SUBUID}:{SUBUIDS}\n")
    try:
        yield
    finally:
        for name, text in before.items():
            write(name, text) if text is not None else os.unlink(name)
        shutil.rmtree("/run/user")


def environment(runtime_dir=RUNTIME_DIR):
    env = dict(os.environ)
    env.pop("XDG_RUNTIME_DIR", None)
    if runtime_dir is not None:
        env["XDG_RUNTIME_DIR"] = runtime_dir
    return env


def as_user(*args, prefix=None, runtime_dir=RUNTIME_DIR, **more):
    return h.hrun(*args, prefix=USER if prefix is None else prefix, env=environment(runtime_dir), **more)


def rootless_bundle(*args):
    """What `hrun spec --rootless` writes for that user."""
    b = Bundle(*args)
    os.chown(b.path, UID, UID)
    r = as_user("spec", "--rootless", "-b", b.path)
    equal((r.status, r.out, r.err), (0, "", ""), "spec --rootless")
    written = os.stat(f"{b.path}/config.json")
    equal(written.st_uid, UID)
    b.c = json.loads(read(f"{b.path}/config.json"))
    b.process = b.c["process"]
    if args:
        b.process["args"] = list(args)
    return b


def map_ids(b, *ranges):
    b.linux["uidMappings"] = [{"containerID": c, "hostID": o, "size": s} for c, o, s in ranges]
    b.linux["gidMappings"] = b.linux["uidMappings"]
    return b


def inner_bundle(*args):
    """For an engine's user namespace: no user namespace of its own."""
    b = Bundle(*args, uid=0)
    b.linux["resources"] = {"devices": b.linux["resources"]["devices"]}
    return b


def run(b, *args, prefix=None, runtime_dir=RUNTIME_DIR):
    if args:
        b.process["args"] = list(args)
    b.save()
    return as_user("run", "-b", b.path, h.new_id(), prefix=prefix, runtime_dir=runtime_dir)


def output(b, *args, **more):
    r = run(b, *args, **more)
    equal((r.status, r.err), (0, ""), f"exit status and stderr, output {r.out!r}")
    return r.out


def refused(b, *words, **more):
    with h.unchanged():
        r = run(b, **more)
    assert r.status != 0 and r.out == "", r
    equal(len(r.err.splitlines()), 1, f"one line of {r.err!r}")
    for word in words:
        contains(r.err, word)


@contextlib.contextmanager
def started(b, prefix=None):
    """Detached: create and start, then its pid as the test sees it."""
    b.save()
    name, pid_file = h.new_id(), f"{RUNTIME_DIR}/pid"
    log = f"{h.work}/{name}.log"
    with open(log, "w") as out:
        status = subprocess.run([*(prefix or USER), h.HRUN, "create", "-b", b.path, "--pid-file", pid_file, name], env=environment(),
                                stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=60).returncode
    equal(status, 0, f"create: {read(log)!r}")
    try:
        r = as_user("start", name)
        equal((r.status, r.err), (0, ""), "start")
        yield name, int(read(pid_file))
    finally:
        r = as_user("delete", "--force", name)
        os.unlink(pid_file)
    equal((r.status, r.err), (0, ""), "delete --force")


@test
def the_own_id_is_mapped_without_help():
    with user(), started(rootless_bundle("sleep", "1000")) as (name, pid):
        equal([line.split() for line in read(f"/proc/{pid}/uid_map").splitlines()], [["0", str(UID), "1"]])
        equal([line.split() for line in read(f"/proc/{pid}/gid_map").splitlines()], [["0", str(UID), "1"]])
        equal(read(f"/proc/{pid}/setgroups").strip(), "deny")
        s = status_of(pid)
        equal((s["Uid"].split(), s["Gid"].split(), s["NoNewPrivs"], s["Seccomp"]), ([str(UID)] * 4, [str(UID)] * 4, "1", "2"))
        equal(set(sets_of(pid).values()), {0})
        for kind in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup"):
            assert namespace_of(pid, kind) != namespace_of("self", kind), f"{kind} is the caller's"


@test
def mappings_that_are_missing_are_the_own_id():
    with user():
        b = rootless_bundle("sleep", "1000")
        b.linux["uidMappings"] = []
        b.linux["gidMappings"] = None
        b.process["user"].update(uid=7, gid=8)
        with started(b) as (name, pid):
            equal([line.split() for line in read(f"/proc/{pid}/uid_map").splitlines()], [["7", str(UID), "1"]])
            equal([line.split() for line in read(f"/proc/{pid}/gid_map").splitlines()], [["8", str(UID), "1"]])


@test
def hooks_are_the_hosts_roots_and_nobody_elses():
    """In an engine's user namespace that root shows as the overflow id, and uid 0 is the user."""
    for prefix, bundle in ((USER, rootless_bundle), (ENGINE, inner_bundle)):
        with user():
            b = bundle("true")
            flag = f"{RUNTIME_DIR}/hook-ran"
            b.c["hooks"] = {"createRuntime": [h.hook("createRuntime", f"echo >{flag}")]}
            output(b, prefix=prefix)
            assert os.path.exists(flag), "it did not run"
            place = f"{h.work}/users-{bundle.__name__}"
            os.mkdir(place, 0o755)
            shutil.copy(f"{h.work}/hook", f"{place}/hook")
            for path in (place, f"{place}/hook"):
                os.chown(path, UID, UID)
                b.c["hooks"]["createRuntime"][0]["path"] = f"{place}/hook"
                refused(b, "hook-writable", prefix=prefix)
                os.chown(path, 0, 0)


@test
def a_root_that_cannot_be_looked_at_is_refused_by_its_rule():
    with user():
        b = rootless_bundle("true")
        os.mkdir(f"{h.work}/closed", 0o700)
        b.c["root"]["path"] = f"{h.work}/closed/rootfs"
        refused(b, "rootfs-permissions", "EACCES")


@test
def its_life_is_that_of_any_container():
    with user(), started(rootless_bundle("sleep", "1000")) as (name, pid):
        equal(os.listdir(f"{RUNTIME_DIR}/hrun"), [name])
        equal(os.stat(f"{RUNTIME_DIR}/hrun").st_mode & 0o777, 0o700)
        r = as_user("exec", name, "id", "-u")
        equal((r.status, r.out, r.err), (0, "0\n", ""), "exec")
        equal(json.loads(as_user("state", name).out)["pid"], pid)
        equal(as_user("kill", name, "KILL").status, 0)
        eventually(lambda: h.has_ended(pid), "the end")


@test
def subordinate_ids_through_newuidmap():
    need_programs()
    with user():
        b = map_ids(rootless_bundle("sleep", "1000"), (0, UID, 1), (1, SUBUID, 1000))
        b.process["user"].update(uid=5, gid=6, additionalGids=[7])
        with started(b) as (name, pid):
            s = status_of(pid)
            equal((s["Uid"].split()[0], s["Gid"].split()[0], s["Groups"]), (str(SUBUID + 4), str(SUBUID + 5), str(SUBUID + 6)))
            equal([line.split() for line in read(f"/proc/{pid}/uid_map").splitlines()],
                  [["0", str(UID), "1"], ["1", str(SUBUID), "1000"]])
            equal(read(f"/proc/{pid}/setgroups").strip(), "allow")
            r = as_user("exec", name, "id", "-u")
            equal((r.status, r.err), (0, ""), "exec")
            equal(as_user("kill", name, "KILL").status, 0)


@test
def ids_that_nobody_gave_are_refused():
    need_programs()
    with user():
        refused(map_ids(rootless_bundle("true"), (0, UID, 1), (1, SUBUID + SUBUIDS, 1)), "linux.uidMappings", "/etc/subuid")
        refused(map_ids(rootless_bundle("true"), (0, UID + 1, 1)), "linux.uidMappings", "/etc/subuid")
        refused(map_ids(rootless_bundle("true"), (0, 0, 1)), "linux.uidMappings", "/etc/subuid")


@test
def additional_groups_need_more_than_the_own_map():
    with user():
        b = rootless_bundle("true")
        b.process["user"]["additionalGids"] = [0]
        refused(b, "process.user.additionalGids")


@contextlib.contextmanager
def without_program(path):
    """The program is not there: an empty file that nobody may execute lies over it."""
    empty = f"{h.work}/empty"
    write(empty, "", 0o644)
    subprocess.run(["mount", "--bind", empty, path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)


@test
def without_newuidmap_the_package_is_named():
    need_programs()
    with user(), without_program("/usr/bin/newuidmap"):
        refused(map_ids(rootless_bundle("true"), (0, UID, 1), (1, SUBUID, 10)), "linux.uidMappings", "/usr/bin/newuidmap", "uidmap")
        equal(output(rootless_bundle("id", "-u")), "0\n", "the own id needs no help")


@test
def devices_are_the_hosts_nodes():
    script = "echo x >/dev/null && head -c 4 /dev/zero | od -An -tx1; stat -c %F /dev/tty"
    for inside in (False, True):
        with user():
            b = inner_bundle() if inside else rootless_bundle()
            equal(output(b, "sh", "-c", script, prefix=ENGINE if inside else USER), " 00 00 00 00\ncharacter special file\n")
            b.linux["devices"] = [{"path": "/dev/nothing", "type": "c", "major": 1, "minor": 3}]
            refused(b, "linux.devices[0]", "/dev/nothing", prefix=ENGINE if inside else USER)


@test
def bind_mounts_are_looked_up_in_the_container_and_compared():
    with user(), h.host_tmpfs() as d:
        write(f"{d}/file", "judged\n")
        b = rootless_bundle("cat", "/data/file").mount("/data", "bind", d, ("rbind", "ro"))
        equal(output(b), "judged\n")
        b = rootless_bundle("sleep", "1000").mount("/data", "bind", d, ("rbind", "ro"))
        with started(b) as (_, pid):
            contains(mounts_of(pid)["/data"].attributes, "ro")


@test
def a_source_that_is_another_one_by_then_is_refused():
    """/proc/self is the runtime where the source is judged, and init where it is mounted."""
    with user(), machine_policy(level="privileged"):
        b = rootless_bundle("true").mount("/tmp/x", "bind", "/proc/self/comm", ("bind",)).save()
        r = h.hrun("run", "-b", b.path, h.new_id(), prefix=USER, env=environment())
        assert r.status != 0, r
        contains(r.err, "`/proc/self/comm` was replaced")


@test
def locked_flags_stay():
    with user(), h.host_tmpfs("ro", "nosuid", "nodev", "noexec") as d:
        for inside in (False, True):
            b = inner_bundle("cat", "/proc/self/mountinfo") if inside else rootless_bundle("cat", "/proc/self/mountinfo")
            b.mount("/data", "bind", d, ("rbind", "rw", "exec"))
            found = mounts_of(0, output(b, prefix=ENGINE if inside else USER))["/data"].attributes
            assert {"ro", "nosuid", "nodev", "noexec"} <= found, f"inside {inside}: {found}"


@test
def limits_without_delegation_are_refused_by_name():
    need_controller()
    with user():
        b = rootless_bundle("true")
        b.linux["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 0}]
        refused(b, "linux.resources.hugepageLimits", "delegated")
        del b.linux["resources"]["hugepageLimits"]
        equal(output(b, "id", "-u"), "0\n")


def need_controller():
    if "hugetlb" not in read(f"{h.CGROUP}/cgroup.controllers").split():
        raise Skip("this machine has no hugetlb controller on cgroup2")


@contextlib.contextmanager
def delegated(*names):
    """A cgroup that belongs to the user, or some of NAMES below each other, and a command that is run below it."""
    need_controller()
    path, made = h.CGROUP, []
    before = read(f"{h.CGROUP}/cgroup.subtree_control")
    write(f"{h.CGROUP}/cgroup.subtree_control", "+hugetlb")
    for directory in names or ("delegated",):
        path += f"/{directory}"
        os.mkdir(path)
        made.append(path)
        for name in ("", "/cgroup.procs", "/cgroup.subtree_control"):
            os.chown(path + name, UID, UID)
    os.mkdir(f"{path}/caller")
    try:
        yield ["sh", "-c", f'echo $$ >{path}/caller/cgroup.procs && exec "$@"', "sh", *USER]
    finally:
        os.rmdir(f"{path}/caller")
        for directory in reversed(made):
            os.rmdir(directory)
        if "hugetlb" not in before:
            write(f"{h.CGROUP}/cgroup.subtree_control", "-hugetlb")


@test
def limits_in_a_delegated_cgroup():
    with user(), delegated() as caller:
        b = rootless_bundle("sleep", "1000")
        b.linux["cgroupsPath"] = "/delegated/box"
        b.linux["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 2097152}]
        with started(b, prefix=caller) as (_, pid):
            contains(read(f"/proc/{pid}/cgroup").splitlines(), "0::/delegated/box")
            equal(read(f"{h.CGROUP}/delegated/box/hugetlb.2MB.max").strip(), "2097152")
        refused(b, "/delegated/box", "delegated to the same user")
        b.linux["cgroupsPath"] = "/somewhere"
        refused(b, "/somewhere", "have a cgroup delegated", prefix=caller)


@test
def without_a_path_beside_the_caller():
    """What podman's cgroupfs driver asks of a user's runtime: limits and no path, from a cgroup that holds processes."""
    with user(), delegated() as caller:
        b = rootless_bundle("sleep", "1000")
        b.linux.pop("cgroupsPath", None)
        b.linux["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 2097152}]
        with started(b, prefix=caller) as (name, pid):
            contains(read(f"/proc/{pid}/cgroup").splitlines(), f"0::/delegated/hrun-{name}")
            equal(read(f"{h.CGROUP}/delegated/hrun-{name}/hugetlb.2MB.max").strip(), "2097152")


def limited(*args):
    b = rootless_bundle(*args)
    b.linux.pop("cgroupsPath", None)
    b.linux["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 2097152}]
    return b


SERVICE = f"/user@{UID}.service"


@test
def no_limit_where_only_systemd_may_write():
    """It takes controllers back there whenever it likes; without a limit a container may be there."""
    with user(), delegated(SERVICE[1:], "app.slice") as caller:
        b = limited("sleep", "1000")
        with_path = f"{SERVICE}/app.slice/box"
        for path in (None, with_path):
            if path:
                b.linux["cgroupsPath"] = path
            refused(b, "linux.resources.hugepageLimits[0]: ", f"cgroup {SERVICE}/app.slice is systemd's own", "--systemd-cgroup", prefix=caller)
        del b.linux["resources"]["hugepageLimits"], b.linux["cgroupsPath"]
        with started(b, prefix=caller) as (name, pid):
            contains(read(f"/proc/{pid}/cgroup").splitlines(), f"0::{SERVICE}/app.slice/hrun-{name}")
            write(f"{h.work}/resources", json.dumps({"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]}), 0o644)
            r = as_user("update", "-r", f"{h.work}/resources", name)
            assert r.status != 0, r
            contains(r.err, "is systemd's own")


@test
def a_unit_of_ones_own_where_systemd_listens():
    """As podman's cgroupfs driver asks for a container, from a scope of the user's systemd: limits, no path, and nothing said of systemd."""
    bus = f"{RUNTIME_DIR}/bus"
    with user(), delegated(SERVICE[1:], "app.slice") as caller, Fake(bus, bus=True, user=(UID, SERVICE)) as systemd:
        os.chmod(bus, 0o777)
        b = limited("sleep", "1000")
        with started(b, prefix=caller) as (name, pid):
            unit = f"hrun-{name}.scope"
            contains(read(f"/proc/{pid}/cgroup").splitlines(), f"0::{SERVICE}/user.slice/{unit}")
            equal(systemd.units[unit]["properties"]["Delegate"], ("b", True))
            limit = f"{h.CGROUP}{SERVICE}/user.slice/{unit}/hugetlb.2MB.max"
            equal(read(limit), "2097152\n")
            write(f"{h.work}/resources", json.dumps({"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]}), 0o644)
            equal(as_user("update", "-r", f"{h.work}/resources", name).status, 0)
            equal(read(limit), "0\n")
        equal(list(systemd.units), [], "units")
        # who says cgroupfs means it
        b.save()
        r = as_user("--cgroup-manager", "cgroupfs", "run", "-b", b.path, h.new_id(), prefix=caller)
        assert r.status != 0, r
        contains(r.err, "is systemd's own")


@contextlib.contextmanager
def in_a_slice(**quirks):
    """A command that is run where only systemd may write, and its user's systemd."""
    bus = f"{RUNTIME_DIR}/bus"
    with user(), delegated(SERVICE[1:], "app.slice") as caller, Fake(bus, bus=True, user=(UID, SERVICE), **quirks) as systemd:
        os.chmod(bus, 0o777)
        yield caller, systemd


def unlimited(*args):
    b = limited(*args)
    del b.linux["resources"]["hugepageLimits"]
    return b


@test
def systemd_is_not_bothered_where_no_limit_needs_it():
    """A bus without systemd, one that is silent, an id that is no unit's name: none of this matters to who asks for no limit."""
    nobody = "error", "org.freedesktop.DBus.Error.ServiceUnknown", "The name org.freedesktop.systemd1 was not provided by any .service files"
    for more in ({"quirks": {"Subscribe": nobody, "Get": nobody, "StartTransientUnit": nobody}}, {"greet": False}):
        with in_a_slice(**more) as (caller, systemd):
            no_limits = unlimited("true")
            no_limits.linux["resources"].update(pids={"limit": -1}, unified={"hugetlb.2MB.max": "max"})
            for b in (unlimited("true"), no_limits):
                equal(output(b, prefix=caller), "")
            for name in ("a+b", "x.slice", "a..b", "c" * 250):
                b = unlimited("true").save()
                r = as_user("run", "-b", b.path, name, prefix=caller)
                equal((r.status, r.out, r.err), (0, "", ""), name)
            equal(systemd.calls, [], "what systemd was asked")


@test
def an_id_that_is_no_units_name_has_no_limit():
    with in_a_slice() as (caller, systemd):
        b = limited("true").save()
        for name in ("a+b", "x.slice", "a..b", "c" * 250):
            r = as_user("run", "-b", b.path, name, prefix=caller)
            equal((r.status != 0, r.err.count("\n")), (True, 1), repr(r))
            for words in ("linux.resources.hugepageLimits[0]: ", f"hrun-{name}.scope cannot be the name", "another id"):
                contains(r.err, words)
        equal(systemd.calls, [], "what systemd was asked")


@test
def annotations_are_for_who_asks_for_systemd():
    with in_a_slice() as (caller, systemd):
        b = limited("sleep", "1000")
        for name, value in (("KillSignal", "foo"), ("Description", "'x'")):
            b.c["annotations"] = {"org.systemd.property." + name: value}
            with started(b, prefix=caller) as (name, _):
                equal(systemd.units[f"hrun-{name}.scope"]["properties"]["Description"], ("s", f"hrun container {name}"))


@test
def an_update_that_takes_a_limit_away_in_a_slice():
    with user(), delegated(SERVICE[1:], "app.slice") as caller, started(unlimited("sleep", "1000"), prefix=caller) as (name, _):
        for value, status in (("max", 0), ("1000", 1), ("max", 0)):
            write(f"{h.work}/resources", json.dumps({"unified": {"hugetlb.2MB.max": value}}), 0o644)
            r = as_user("update", "-r", f"{h.work}/resources", name)
            equal((r.status != 0, "is systemd's own" in r.err), (status != 0, status != 0), f"{value}: {r}")


@test
def an_update_where_the_kernel_takes_no_device_filter():
    """As create has none there; the rest is done."""
    with user(), delegated() as caller:
        b = limited("sleep", "1000")
        with started(b, prefix=caller) as (name, _):
            write(f"{h.work}/resources", json.dumps({"devices": [{"allow": False, "access": "rwm"}], "hugepageLimits": [{"pageSize": "2MB", "limit": 0}]}), 0o644)
            r = as_user("--debug", "update", "-r", f"{h.work}/resources", name)
            equal(r.status, 0, r.err)
            contains(r.err, "no device filter: the kernel takes none")
            equal(read(f"{h.CGROUP}/delegated/hrun-{name}/hugetlb.2MB.max"), "0\n")


@test
def a_plan_says_which_limit_would_be_refused():
    """As it does of a controller that is missing; root's plan is for root."""
    with user(), delegated(SERVICE[1:], "app.slice") as caller:
        b = limited("true").save()
        for prefix, word in ((caller, "is systemd's own"), (USER, "is delegated to uid")):
            r = as_user("plan", "-b", b.path, prefix=prefix)
            equal(r.status, 0, r.err)
            line = [line for line in r.err.splitlines() if word in line]
            equal(len(line), 1, r.err)
            contains(line[0], "linux.resources.hugepageLimits[0]: ")
            contains(line[0], "no container would start here")


@test
def the_written_config_passes_the_baseline():
    with user():
        b = rootless_bundle("id", "-u").save()
        r = h.hrun("run", "-b", b.path, h.new_id(), prefix=USER, env=environment(), level="baseline")
        equal((r.status, r.out, r.err), (0, "0\n", ""))


@test
def inside_an_engines_user_namespace():
    with user():
        b = inner_bundle("cat", "/proc/self/uid_map", "/proc/self/status")
        out = output(b, prefix=ENGINE)
        equal(out.splitlines()[0].split(), ["0", str(UID), "1"])
        for line in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
            contains(out, line)
        equal(os.listdir("/run/hrun") if os.path.exists("/run/hrun") else [], [], "root's state directory")
        with_state = inner_bundle("true").save()
        name = h.new_id()
        equal(subprocess.run([*ENGINE, h.HRUN, "create", "-b", with_state.path, name], env=environment(), stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60).returncode, 0)
        equal(os.listdir(f"{RUNTIME_DIR}/hrun"), [name], "the user's state directory")
        equal(as_user("delete", "--force", name).status, 0)


@test
def a_user_namespace_without_a_mount_namespace():
    """There hrun may not clone mounts, but its init may."""
    with user():
        equal(output(inner_bundle("id", "-u"), prefix=[*USER, "unshare", "--user", "--map-root-user", "--"]), "0\n")


@test
def without_a_user_namespace_the_config_is_refused_by_name():
    with user():
        refused(inner_bundle("true"), "needs a user namespace", "hrun spec --rootless")


@test
def inside_with_subordinate_ids():
    """What rootless podman does with newuidmap; there the runtime may map and change ids like any root."""
    need_programs()
    engine = [*USER, "unshare", "--user", "--map-root-user", "--map-auto", "--mount", "--"]
    with user():
        b = inner_bundle("sleep", "1000")
        b.process["user"].update(uid=5, gid=6, additionalGids=[7])
        with started(b, prefix=engine) as (_, pid):
            s = status_of(pid)
            equal((s["Uid"].split()[0], s["Gid"].split()[0], s["Groups"]), (str(SUBUID + 4), str(SUBUID + 5), str(SUBUID + 6)))
        b = inner_bundle("sleep", "1000").user_namespace(100, 50)
        with started(b, prefix=engine) as (_, pid):
            equal(status_of(pid)["Uid"].split()[0], str(SUBUID + 99), "a nested user namespace")


@contextlib.contextmanager
def machine_policy(**members):
    """The machine's own file: one that an ordinary user names himself cannot loosen anything."""
    os.makedirs("/etc/hrun", exist_ok=True)
    write("/etc/hrun/policy.json", json.dumps(members), 0o644)
    try:
        yield
    finally:
        os.unlink("/etc/hrun/policy.json")


@test
def inside_with_the_engines_network():
    """Its sysfs cannot be made anew: the network is the host's, not the engine's."""
    with user(), machine_policy(level="privileged"):
        b = inner_bundle("cat", "/proc/self/mountinfo").namespace("network", path=False)
        b.save()
        r = h.hrun("run", "-b", b.path, h.new_id(), prefix=ENGINE, env=environment())
        equal((r.status, r.err), (0, ""))
        found = mounts_of(0, r.out)["/sys"]
        assert found.type == "sysfs" and "ro" in found.attributes, found


@test
def ids_that_the_engine_did_not_map_are_refused():
    with user():
        b = inner_bundle("true")
        b.process["user"].update(uid=5, gid=5)
        refused(b, "process.user", prefix=ENGINE)
        b = inner_bundle("true").user_namespace(5, 1)
        refused(b, "linux.uidMappings", "/proc/self/uid_map", prefix=ENGINE)


@test
def the_state_root_of_an_ordinary_user():
    with user():
        for runtime_dir in (None, "", "relative"):
            os.rmdir(f"{RUNTIME_DIR}/hrun")
            equal(output(rootless_bundle("id", "-u"), runtime_dir=runtime_dir), "0\n", f"XDG_RUNTIME_DIR {runtime_dir!r}")
            assert os.path.isdir(f"{RUNTIME_DIR}/hrun"), "/run/user/UID/hrun"
        shutil.rmtree(f"{RUNTIME_DIR}/hrun")
        os.chmod(RUNTIME_DIR, 0o755)
        os.chown(RUNTIME_DIR, 0, 0)
        b = rootless_bundle("true")
        refused(b, RUNTIME_DIR, "XDG_RUNTIME_DIR")
        os.mkdir(f"{RUNTIME_DIR}/hrun")
        refused(b, "belongs to uid 0")


@test
def the_state_root_of_a_machine_that_is_a_user_namespace():
    """LXC: a log-in session's directory comes and goes, and is not asked."""
    with user():
        session = f"{h.work}/session"
        os.mkdir(session)
        os.chown(session, UID, UID)
        machine = [*USER, *h.OWN_MACHINE, "sh", "-ec", '"$@"; find /run -printf "%p %m\\n"', "sh"]
        b = inner_bundle("echo", "ran").save()
        for path in (b.path, f"{b.path}/config.json", b.root):
            os.chown(path, UID, UID)
        try:
            r = run(b, prefix=machine, runtime_dir=session)
            equal((r.status, r.err), (0, ""))
            equal(sorted(set(r.out.splitlines()) - {"/run/hrun-cache 700"}), ["/run 755", "/run/hrun 700", "ran"])
            equal(os.listdir(session), [], "the session's directory")
            equal(output(inner_bundle("echo", "ran"), prefix=ENGINE, runtime_dir=session), "ran\n", "a rootless engine's")
            assert os.path.isdir(f"{session}/hrun"), "the session's directory, where the tree is the host's"
        finally:
            shutil.rmtree(session)


@test
def a_sysfs_that_other_mounts_cover_in_part():
    """As systemd-nspawn and engines leave it to those inside: the kernel's rule, and what to do about it."""
    covered = ["unshare", "--mount", "--", "sh", "-ec", 'mount -t tmpfs covers /sys/kernel; exec "$@"', "sh", *ENGINE]
    with user():
        b = inner_bundle("true")
        equal(run(b, prefix=ENGINE).err, "")
        refused(b, f"mounts[{[m['type'] for m in b.c['mounts']].index('sysfs')}]", "mount sysfs on `/sys`", "where other mounts cover no part", prefix=covered)


@test
def the_program_is_a_sealed_copy():
    """exec's process before its own program: nobody inside can write to what it is."""
    if SANITIZED:
        raise Skip("the sanitizers read the program by name")
    with user():
        b = rootless_bundle("true")
        b.save()
        name = h.new_id()
        with open(f"{h.work}/{name}.out", "w") as out:
            equal(subprocess.run([*USER, h.HRUN, "create", "-b", b.path, "--pid-file", f"{RUNTIME_DIR}/pid", name], env=environment(),
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=60).returncode, 0)
        try:
            pid = read(f"{RUNTIME_DIR}/pid")
            contains(os.readlink(f"/proc/{pid}/exe"), "memfd:hrun")
            try:
                with open(f"/proc/{pid}/exe", "r+b") as f:
                    f.write(b"x")
                raise AssertionError("written to")
            except OSError as why:
                contains((1, 26, 30), why.errno, "errno")
        finally:
            equal(as_user("delete", "--force", name).status, 0)
            os.unlink(f"{RUNTIME_DIR}/pid")


@test
def oom_score_may_not_be_lowered():
    with user():
        b = rootless_bundle("true")
        b.process["oomScoreAdj"] = -500
        refused(b, "process.oomScoreAdj", "CAP_SYS_RESOURCE")


if __name__ == "__main__":
    main()
