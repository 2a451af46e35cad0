#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cgroup v2: the path, its files, what is refused; created and running as the kernel tells them apart."""
import os
import subprocess

from hrun import Bundle, CGROUP, Skip, contains, controllers, created, equal, forked_no_exec, main, output, read, run, started, test
import hrun as h


def cgroup_of(pid):
    return [line[3:] for line in read(f"/proc/{pid}/cgroup").splitlines() if line.startswith("0::")][0]


def limited(path="/limits", **resources):
    """No other limits than these."""
    b = Bundle()
    b.linux["cgroupsPath"] = path
    b.without_limits().linux["resources"].update(resources)
    return b


def directories_below(top):
    return sorted(os.path.relpath(os.path.join(path, d), top) for path, names, _ in os.walk(top) for d in names)


@test
def the_default_path_is_the_id():
    with created(Bundle()) as c:
        equal(cgroup_of(c.pid), f"/hrun/{c.id}")
        equal(read(f"{CGROUP}/hrun/{c.id}/cgroup.procs"), f"{c.pid}\n")
    assert not os.path.exists(f"{CGROUP}/hrun/{c.id}"), "it is left"


@test
def every_controller_that_can_be_had_is_on():
    """Engines read memory.current, cpu.stat and pids.current of containers without a limit."""
    if not controllers():
        raise Skip("no controller on cgroup2 here")
    with created(limited("/without/a/limit")) as c:
        equal(read(f"{CGROUP}/without/a/limit/cgroup.controllers").split(), controllers())
        assert c.pid


@test
def but_not_where_processes_live():
    """Threaded controllers would make that cgroup a threaded one, and those below it unusable."""
    os.mkdir(f"{CGROUP}/lived-in")
    child = subprocess.Popen(["sleep", "1000"])
    try:
        h.write(f"{CGROUP}/lived-in/cgroup.procs", str(child.pid))
        with created(limited("/lived-in/below")):
            equal(read(f"{CGROUP}/lived-in/cgroup.type"), "domain\n")
            equal(read(f"{CGROUP}/lived-in/cgroup.subtree_control").strip(), "")
    finally:
        child.kill()
        child.wait()
        h.eventually(lambda: not read(f"{CGROUP}/lived-in/cgroup.procs"), "empty")
        os.rmdir(f"{CGROUP}/lived-in")


@test
def an_absolute_path():
    with created(limited("/some-cgroup")) as c:
        equal(cgroup_of(c.pid), "/some-cgroup")
    assert not os.path.exists(f"{CGROUP}/some-cgroup")


@test
def a_deep_path():
    os.mkdir(f"{CGROUP}/top")
    try:
        with created(limited("/top/middle-of-two")) as c:
            equal(cgroup_of(c.pid), "/top/middle-of-two")
        assert not os.path.exists(f"{CGROUP}/top/middle-of-two")
    finally:
        os.rmdir(f"{CGROUP}/top")


@test
def parents_that_hrun_made_go_with_the_last_container():
    os.mkdir(f"{CGROUP}/theirs")
    try:
        with created(limited("/theirs/a/b/two")) as second:
            with created(limited("/theirs/a/one")):
                os.mkdir(f"{CGROUP}/theirs/a/b/foreign")
            equal(cgroup_of(second.pid), "/theirs/a/b/two")
        equal(directories_below(f"{CGROUP}/theirs"), ["a", "a/b", "a/b/foreign"], "one that holds another's stays")
        os.rmdir(f"{CGROUP}/theirs/a/b/foreign")
        with created(limited("/theirs/a/b/c/d")):
            pass
        equal(directories_below(f"{CGROUP}/theirs"), [], "made by the first, removed by the last; what was there before stays")
    finally:
        for path in ("/a/b/foreign", "/a/b", "/a", ""):
            if os.path.exists(f"{CGROUP}/theirs{path}"):
                os.rmdir(f"{CGROUP}/theirs{path}")


@test
def every_process_of_the_container_is_in_it():
    with started(Bundle("sh", "-c", "sleep 1000 & sleep 1000; :")) as c:
        h.eventually(lambda: len(read(f"{CGROUP}/hrun/{c.id}/cgroup.procs").split()) == 3, "three processes")
        for pid in read(f"{CGROUP}/hrun/{c.id}/cgroup.procs").split():
            equal(cgroup_of(pid), f"/hrun/{c.id}")


@test
def inside_it_is_the_root():
    b = Bundle("cat", "/proc/self/cgroup")
    contains(output(b).splitlines(), "0::/")


@test
def bad_paths_are_refused():
    for path in ("/", "..", "/a/../b", "/../x", "a/..", "/./", "//"):
        with h.unchanged():
            r = run(limited(path), "true")
            assert r.status != 0 and r.err.count("\n") == 1, f"{path}: {r}"
    contains(run(limited("system.slice:hrun:x"), "true").err, "only --systemd-cgroup asks")


@test
def an_existing_cgroup_that_is_not_empty_is_refused():
    directory = f"{CGROUP}/occupied"
    os.mkdir(directory)
    p = __import__("subprocess").Popen(["sleep", "1000"])
    try:
        h.write(f"{directory}/cgroup.procs", str(p.pid))
        with h.unchanged():
            r = run(limited("/occupied"), "true")
            assert r.status != 0 and r.err.count("\n") == 1, r
            contains(r.err, "occupied")
        equal(read(f"{directory}/cgroup.procs"), f"{p.pid}\n")
    finally:
        p.kill()
        p.wait()
        os.rmdir(directory)


@test
def an_existing_cgroup_with_children_is_refused():
    os.makedirs(f"{CGROUP}/parent/child")
    try:
        with h.unchanged():
            r = run(limited("/parent"), "true")
            assert r.status != 0 and r.err.count("\n") == 1, r
    finally:
        os.rmdir(f"{CGROUP}/parent/child")
        os.rmdir(f"{CGROUP}/parent")


@test
def an_existing_empty_cgroup_loses_its_settings():
    directory = f"{CGROUP}/empty"
    os.mkdir(directory)
    h.write(f"{directory}/cgroup.freeze", "1")
    with created(limited("/empty")) as c:
        equal(cgroup_of(c.pid), "/empty")
        contains(read(f"{directory}/cgroup.events"), "frozen 0")


@test
def hugetlb_limit():
    if "hugetlb" not in controllers():
        raise Skip("no hugetlb controller on cgroup2 here")
    with created(limited(hugepageLimits=[{"pageSize": "2MB", "limit": 4 << 20}])) as c:
        equal(read(f"{CGROUP}/limits/hugetlb.2MB.max"), f"{4 << 20}\n")
        equal(read(f"{CGROUP}/limits/hugetlb.2MB.rsvd.max"), f"{4 << 20}\n")


@test
def unified():
    if "hugetlb" not in controllers():
        raise Skip("no hugetlb controller on cgroup2 here")
    with created(limited(unified={"hugetlb.2MB.max": str(2 << 20)})):
        equal(read(f"{CGROUP}/limits/hugetlb.2MB.max"), f"{2 << 20}\n")


LIMITS = {"pids": ({"pids": {"limit": 33}}, "pids.max", "33"), "memory": ({"memory": {"limit": 64 << 20}}, "memory.max", str(64 << 20)),
          "cpu": ({"cpu": {"quota": 50000, "period": 100000}}, "cpu.max", "50000 100000"),
          "cpuset": ({"cpu": {"cpus": "0"}}, "cpuset.cpus", "0"),
          "io": ({"blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1 << 20}]}}, "io.max", None)}


def limit_or_error(name):
    resources, file, value = LIMITS[name]
    if name == "io" and name in controllers():
        raise Skip("the io controller is here: sandbox/controllers has it")
    if name in controllers():
        with created(limited(**resources)):
            if value:
                equal(read(f"{CGROUP}/limits/{file}"), f"{value}\n")
        return
    with h.unchanged():
        r = run(limited(**resources), "true")
        assert r.status != 0 and r.err.count("\n") == 1, r
        contains(r.err, name)
        contains(r.err, "controller")
    raise Skip(f"no {name} controller on cgroup2 here: only the error for it was tested")


@test
def pids_limit():
    limit_or_error("pids")


@test
def memory_limit():
    limit_or_error("memory")


@test
def cpu_limit():
    limit_or_error("cpu")


@test
def cpuset():
    limit_or_error("cpuset")


@test
def io_limit():
    limit_or_error("io")


@test
def rdma_limit():
    if "rdma" in controllers():
        raise Skip("the rdma controller is here: sandbox/controllers has it")
    with h.unchanged():
        r = run(limited(rdma={"mlx5_0": {"hcaHandles": 3}}), "true")
        assert r.status != 0, r
        contains(r.err, "rdma")


@test
def a_missing_controller_in_unified_is_named():
    if "memory" in controllers():
        raise Skip("the memory controller is here")
    with h.unchanged():
        r = run(limited(unified={"memory.high": "1000000"}), "true")
        assert r.status != 0 and r.err.count("\n") == 1, r
        contains(r.err, "memory")
        assert "no such file" not in r.err.lower(), "engines take that for a missing command"


@test
def a_share_without_its_controller_is_a_warning():
    if "cpu" in controllers():
        raise Skip("the cpu controller is here")
    with started(limited(cpu={"shares": 512})):
        pass


@test
def a_bad_unified_key_is_refused():
    for key in ("../x", "a/b", "nodot", "", "cgroup.procs", "cgroup.max.descendants"):
        with h.unchanged():
            r = run(limited(unified={key: "1"}), "true")
            assert r.status != 0 and r.err.count("\n") == 1, f"{key}: {r}"


@test
def a_hybrid_host():
    """There /sys/fs/cgroup is a tmpfs, for cgroup v1, and cgroup2 is mounted beside it."""
    view = ("unshare", "--mount", "sh", "-c", """set -e
        mount -t tmpfs v1 /sys/fs/cgroup
        mkdir /sys/fs/cgroup/unified
        mount -t cgroup2 v2 /sys/fs/cgroup/unified
        exec "$@" """, "sh")
    b, name = limited("/hybrid").save(), h.new_id()
    try:
        r = h.hrun("create", "-b", b.path, name, prefix=view)
        equal((r.status, r.err), (0, ""))
        equal(cgroup_of(h.json.loads(h.hrun("state", name).out)["pid"]), "/hybrid")
    finally:
        equal(h.hrun("delete", "--force", name, prefix=view).status, 0)


@test
def cgroup_manager_disabled_stays_in_the_callers():
    b = limited(None)
    del b.linux["cgroupsPath"]
    b.process["args"] = ["sleep", "1000"]
    b.save()
    name = h.new_id()
    before = cgroup_of("self")
    try:
        r = h.hrun("--cgroup-manager", "disabled", "create", "-b", b.path, name, level="privileged")
        equal(r.status, 0, repr(r))
        pid = h.json.loads(h.hrun("state", name).out)["pid"]
        equal(cgroup_of(pid), before)
    finally:
        equal(h.hrun("delete", "--force", name).status, 0)


@test
def created_and_running_are_the_kernels():
    with created(Bundle("sleep", "1000")) as c:
        equal((c.state()["status"], forked_no_exec(c.pid)), ("created", True))
        equal(c.start().status, 0)
        equal((c.state()["status"], forked_no_exec(c.pid)), ("running", False))


@test
def kill_of_everything_reaches_children_in_sub_cgroups():
    with started(Bundle("sh", "-c", "sleep 1000 & sleep 1000; :")) as c:
        h.eventually(lambda: len(read(f"{CGROUP}/hrun/{c.id}/cgroup.procs").split()) == 3, "three processes")
        os.mkdir(f"{CGROUP}/hrun/{c.id}/below")
        h.write(f"{CGROUP}/hrun/{c.id}/below/cgroup.procs", read(f"{CGROUP}/hrun/{c.id}/cgroup.procs").split()[-1])
        equal(h.hrun("kill", "--all", c.id, "KILL").status, 0)
        h.eventually(lambda: "populated 0" in read(f"{CGROUP}/hrun/{c.id}/cgroup.events"), "all dead")


main()
