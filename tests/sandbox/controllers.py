#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
"""Every controller of cgroup v2: a limit at create, then another one by update, each read back from the kernel's file; what the limit does.

Nothing can be seen of that on a host without them: tests/uml and tests/vm have kernels.
"""
import json
import os
import subprocess
import time

from hrun import PATIENCE, Bundle, CGROUP, Skip, contains, created, disk, equal, eventually, hrun, main, need, need_for_all, read, run, started, test, write
import hrun as h

MB = 1 << 20


def bundle(*args, **resources):
    b = Bundle(*args).without_limits()
    b.linux["resources"].update(resources)
    return b


def value(c, file):
    return read(f"{CGROUP}/hrun/{c.id}/{file}").strip()


def has(c, file):
    return os.path.exists(f"{CGROUP}/hrun/{c.id}/{file}")


def update(c, resources):
    path = f"{h.work}/resources"
    write(path, json.dumps(resources))
    return hrun("update", "-r", path, c.id)


def silent(result):
    equal((result.status, result.out, result.err), (0, "", ""), "result")


def refused(result, *parts):
    assert result.status != 0 and result.err.count("\n") == 1, result
    for part in parts:
        contains(result.err, part)


def read_back(rows, at_create, later=()):
    """ROWS: file -> text after create with AT_CREATE; LATER: (resources, {file: text}) one after the other in the same container."""
    with started(bundle(**at_create)) as c:
        for file, text in rows.items():
            equal(value(c, file), text, file)
        for resources, expected in later:
            silent(update(c, resources))
            for file, text in expected.items():
                equal(value(c, file), text, f"{file} after update with {resources}")


# ---- cpu ----


@test
def cpu_weight():
    read_back({"cpu.weight": "100"}, {"cpu": {"shares": 1024}},
              [({"cpu": {"shares": 2}}, {"cpu.weight": "1"}), ({"cpu": {"shares": 262144}}, {"cpu.weight": "10000"})])


@test
def cpu_quota_and_burst():
    read_back({"cpu.max": "50000 100000", "cpu.max.burst": "10000"}, {"cpu": {"quota": 50000, "period": 100000, "burst": 10000}},
              [({"cpu": {"quota": 20000, "burst": 20000}}, {"cpu.max": "20000 100000", "cpu.max.burst": "20000"}),
               # each only fits in its own order: less burst before less quota, more quota before more burst
               ({"cpu": {"quota": 15000, "burst": 5000}}, {"cpu.max": "15000 100000", "cpu.max.burst": "5000"}),
               ({"cpu": {"quota": 60000, "burst": 55000}}, {"cpu.max": "60000 100000", "cpu.max.burst": "55000"}),
               ({"cpu": {"period": 200000}}, {"cpu.max": "60000 200000"}),
               ({"cpu": {"burst": 0}}, {"cpu.max.burst": "0"}),
               ({"cpu": {"quota": -1}}, {"cpu.max": "max 200000"})])


@test
def a_burst_above_the_quota_is_refused():
    with h.unchanged():
        refused(run(bundle(cpu={"quota": 10000, "period": 100000, "burst": 20000}), "true"), "linux.resources.cpu.burst")


@test
def cpu_idle():
    read_back({"cpu.idle": "1"}, {"cpu": {"idle": 1}},
              [({"cpu": {"idle": 0, "shares": 1024}}, {"cpu.idle": "0", "cpu.weight": "100"}), ({"cpu": {"idle": 1, "shares": 512}}, {"cpu.idle": "1"})])


@test
def a_quota_throttles():
    with started(bundle("sh", "-c", "while :; do :; done", cpu={"quota": 2000, "period": 20000})) as c:
        eventually(lambda: json.loads(hrun("events", "--stats", c.id).out)["data"]["cpu"]["throttling"]["throttledPeriods"] > 3, "throttled")


@test
def cpuset():
    need("cpuset")
    last = read(f"{CGROUP}/cpuset.cpus.effective").strip().replace("-", ",").split(",")[-1]
    with started(bundle(cpu={"cpus": last, "mems": "0"})) as c:
        equal((value(c, "cpuset.cpus"), value(c, "cpuset.cpus.effective"), value(c, "cpuset.mems")), (last, last, "0"))
        equal(h.status_of(c.pid)["Cpus_allowed_list"], last)
        silent(update(c, {"cpu": {"cpus": "0"}}))
        equal((value(c, "cpuset.cpus.effective"), h.status_of(c.pid)["Cpus_allowed_list"]), ("0", "0"))
        equal(json.loads(hrun("events", "--stats", c.id).out)["data"]["cpuset"]["cpus"], [0])
        equal(c.exec("nproc").out, "1\n")


@test
def processors_that_are_not_there():
    need("cpuset")
    with h.unchanged():
        r = run(bundle(cpu={"cpus": "4000"}), "true")
        refused(r, "linux.resources.cpu.cpus")


# ---- memory ----


@test
def memory_and_swap():
    read_back({"memory.max": str(64 * MB), "memory.low": str(32 * MB)}, {"memory": {"limit": 64 * MB, "reservation": 32 * MB}},
              [({"memory": {"limit": 96 * MB, "reservation": 16 * MB}}, {"memory.max": str(96 * MB), "memory.low": str(16 * MB)}),
               ({"memory": {"limit": -1}}, {"memory.max": "max"})])
    with started(bundle(memory={"limit": 64 * MB, "swap": 80 * MB})) as c:
        if not has(c, "memory.swap.max"):
            raise Skip("this kernel does not count swap")
        equal(value(c, "memory.swap.max"), str(16 * MB))
        silent(update(c, {"memory": {"swap": 70 * MB}}))
        equal((value(c, "memory.swap.max"), value(c, "memory.max")), (str(6 * MB), str(64 * MB)))
        silent(update(c, {"memory": {"limit": 32 * MB, "swap": 32 * MB}}))
        equal((value(c, "memory.swap.max"), value(c, "memory.max")), ("0", str(32 * MB)))
        silent(update(c, {"memory": {"swap": -1}}))
        equal(value(c, "memory.swap.max"), "max")


HOLD = "dd if=/dev/zero of=/tmp/f bs=1M count=24 2>/dev/null; echo full; exec sleep 1000"


@test
def less_than_is_used():
    """checkBeforeUpdate: refused, and nothing is killed; without it the kernel takes what it needs."""
    b = bundle("sh", "-c", HOLD, memory={"limit": 64 * MB})
    b.mount("/tmp", "tmpfs", "tmpfs", ["size=32m", "mode=1777"])
    with started(b) as c:
        eventually(lambda: c.printed() == "full\n", "24 MiB in use")
        refused(update(c, {"memory": {"limit": 8 * MB, "checkBeforeUpdate": True}}), "linux.resources.memory.limit", "uses")
        equal((value(c, "memory.max"), c.state()["status"]), (str(64 * MB), "running"))
        silent(update(c, {"memory": {"limit": 48 * MB, "checkBeforeUpdate": True}}))
        equal(value(c, "memory.max"), str(48 * MB))


# tail keeps all of a file without a newline
HOG = "tail /dev/zero"


def oom_bundle(script, **unified):
    return bundle("sh", "-c", script, memory={"limit": 24 * MB, "swap": 24 * MB}, unified=unified)


def oom_events(c):
    return dict(line.split() for line in value(c, "memory.events").splitlines())


@test
def the_kernel_kills_one_for_memory():
    with started(oom_bundle(f"{HOG}; echo $?; exec sleep 1000")) as c:
        eventually(lambda: c.printed() == "137\n", "the child's end")
        equal((int(oom_events(c)["oom_kill"]) > 0, c.state()["status"]), (True, "running"))


@test
def the_kernel_kills_all_for_memory():
    with started(oom_bundle(f"{HOG}; echo $?; exec sleep 1000", **{"memory.oom.group": "1"})) as c:
        equal(value(c, "memory.oom.group"), "1")
        eventually(lambda: c.state()["status"] == "stopped", "the end of all")
        equal((c.printed(), int(oom_events(c)["oom_group_kill"]) > 0), ("", True))


@test
def run_ends_as_the_program_does():
    equal(run(oom_bundle("exec " + HOG)).status, 137)


@test
def events_tell_each_kill():
    with started(oom_bundle(f"while sleep 0.2; do [ ! -e /run/go ] || {HOG}; done")) as c:
        with open(f"{h.work}/events", "w+") as out:
            p = subprocess.Popen([h.HRUN, "events", "--interval", "1h", c.id], stdout=out)
            try:
                eventually(lambda: read(f"{h.work}/events").count("\n") == 1, "the first statistics")
                equal(c.exec("touch", "/run/go").status, 0)
                eventually(lambda: read(f"{h.work}/events").count('{"type":"oom"') >= 2, "two kills")
                silent(hrun("kill", c.id, "KILL"))
                equal(p.wait(60 * PATIENCE), 0)
            finally:
                p.kill()
                p.wait()
        lines = [json.loads(line) for line in read(f"{h.work}/events").splitlines()]
        equal([line["type"] for line in lines], ["stats"] + ["oom"] * (len(lines) - 1))
        equal(len(lines) - 1, int(oom_events(c)["oom_kill"]), "as many as the kernel counts")


@test
def too_little_memory_to_create():
    """The first page of the container's own init already: an error that says so, and nothing is left."""
    said = ""
    for limit in (4096, 65536, 300 << 10):
        with h.unchanged():
            r = run(bundle(memory={"limit": limit}), "true")
            if limit < 300 << 10 or r.status:
                refused(r, "memory")
                said += r.err
    contains(said, "out of memory; raise linux.resources.memory.limit")


# ---- io ----


@test
def io_limits():
    need("io")
    major, minor = disk()

    def limit(**rates):
        return {"blockIO": {name: [{"major": major, "minor": minor, "rate": rate}] for name, rate in rates.items()}}

    def is_now(c, expected):
        line = [line.split()[1:] for line in value(c, "io.max").splitlines() if line.startswith(f"{major}:{minor} ")]
        equal(dict(word.split("=") for word in (line[0] if line else [])), expected)

    with started(bundle(**limit(throttleReadBpsDevice=MB, throttleWriteBpsDevice=2 * MB, throttleReadIOPSDevice=100,
                                throttleWriteIOPSDevice=200))) as c:
        is_now(c, {"rbps": str(MB), "wbps": str(2 * MB), "riops": "100", "wiops": "200"})
        silent(update(c, limit(throttleReadBpsDevice=3 * MB)))
        is_now(c, {"rbps": str(3 * MB), "wbps": str(2 * MB), "riops": "100", "wiops": "200"})
        silent(update(c, limit(throttleReadBpsDevice=0, throttleWriteBpsDevice=0, throttleReadIOPSDevice=0, throttleWriteIOPSDevice=0)))
        is_now(c, {})


def io_weights(c):
    return [f for f in ("io.weight", "io.bfq.weight") if has(c, f)]


@test
def a_weight_that_no_scheduler_knows():
    """create and update are errors, and nothing else of the update is done."""
    need("io")
    major, minor = disk()
    device = {"weightDevice": [{"major": major, "minor": minor, "weight": 200}]}
    with started(bundle(pids={"limit": 20})) as c:
        asked = [({"weight": 500}, "blockIO.weight")] if not io_weights(c) else []
        asked += [(device, "blockIO.weightDevice[0]")] if not has(c, "io.bfq.weight") else []
        if not asked:
            raise Skip("this kernel has every scheduler with weights")
        for io, where in asked:
            refused(update(c, {"pids": {"limit": 30}, "blockIO": io}), f"linux.resources.{where}: ")
            equal(value(c, "pids.max"), "20")
            with h.unchanged():
                refused(run(bundle(blockIO=io), "true"), f"linux.resources.{where}: ")


@test
def io_weight():
    need("io")
    with started(bundle()) as c:
        if not io_weights(c):
            raise Skip("no scheduler with weights in this kernel")
    with started(bundle(blockIO={"weight": 500})) as c:
        files = io_weights(c)
        scale = {"io.weight": lambda w: 1 + (w - 10) * 9999 // 990, "io.bfq.weight": lambda w: w}
        for weight in (500, 10, 1000):
            silent(update(c, {"blockIO": {"weight": weight}}))
            for file in files:
                equal(value(c, file).splitlines()[0].replace("default ", ""), str(scale[file](weight)), file)


@test
def a_disk_that_is_not_there():
    need("io")
    with h.unchanged():
        refused(run(bundle(blockIO={"throttleReadBpsDevice": [{"major": 4000, "minor": 0, "rate": MB}]}), "true"), "throttleReadBpsDevice[0]")


# ---- pids ----


@test
def pids():
    read_back({"pids.max": "20"}, {"pids": {"limit": 20}},
              [({"pids": {"limit": 30}}, {"pids.max": "30"}), ({"pids": {"limit": -1}}, {"pids.max": "2048"}), ({"pids": {"limit": 0}}, {"pids.max": "1"})])


@test
def zero_pids_is_a_limit():
    """Init, which there must be, and nobody else."""
    r = run(bundle("sh", "-c", "read x </proc/self/stat; echo in; (true); echo $?", pids={"limit": 0}))
    contains(r.out, "in\n")
    assert r.status != 0 or "0\n" not in r.out, r


@test
def no_more_processes_than_the_limit():
    # a shell that cannot fork ends, awk's system() only fails
    with started(bundle("awk", 'BEGIN { while (1) system("sleep 1000 &") }', pids={"limit": 12})) as c:
        eventually(lambda: "max 0" not in value(c, "pids.events"), "the kernel refused one")
        assert int(value(c, "pids.current")) <= 12, value(c, "pids.current")
        data = json.loads(hrun("events", "--stats", c.id).out)["data"]["pids"]
        equal(data["limit"], 12)


@test
def exec_takes_no_place_that_is_not_free():
    """Also where cgroup2 has nsdelegate (under User Mode Linux it has), and a process may have to be moved: that no limit stops."""
    if "HRUN_GUEST" in os.environ:
        assert any(" cgroup2 " in line and "nsdelegate" in line for line in read("/proc/self/mounts").splitlines()), "no nsdelegate"
    with started(bundle()) as other:
        plain, joined = bundle(pids={"limit": 2}), bundle(pids={"limit": 2})
        joined.user_namespace().namespace("cgroup", path=f"/proc/{other.pid}/ns/cgroup")
        for b in (plain, joined):
            with started(b, level="privileged") as c:
                silent(hrun("exec", "-d", c.id, "sleep", "1000", level="privileged"))
                r = hrun("exec", c.id, "true", level="privileged")
                equal((r.status, value(c, "pids.current")), (255, "2"), r.err)
                contains(r.err, "Resource temporarily unavailable")


# ---- hugetlb, rdma, misc, unified ----


@test
def huge_pages():
    need("hugetlb")
    with started(bundle(hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MB}])) as c:
        for limit in (4 * MB, 8 * MB, 0):
            silent(update(c, {"hugepageLimits": [{"pageSize": "2MB", "limit": limit}]}))
            equal((value(c, "hugetlb.2MB.max"), value(c, "hugetlb.2MB.rsvd.max")), (str(limit), str(limit)))


@test
def devices_and_resources_that_the_kernel_does_not_know():
    """Neither is to be had on an ordinary machine: the kernel's refusal is told, and nothing is left."""
    need("rdma")
    need("misc")
    with h.unchanged():
        refused(run(bundle(rdma={"mlx5_0": {"hcaHandles": 3}}), "true"), 'linux.resources.rdma["mlx5_0"]')
        refused(run(bundle(unified={"misc.max": "sev 1"}), "true"), 'linux.resources.unified["misc.max"]')


@test
def unified():
    asked = {"cpu.weight": "77", "cpu.max": "30000 100000", "memory.high": str(32 * MB), "memory.min": str(4 * MB), "pids.max": "99",
             "memory.swap.max": str(8 * MB)}
    later = {"cpu.weight": "78", "memory.high": "max", "pids.max": "98"}
    with started(bundle(unified=asked)) as c:
        for file, text in asked.items():
            equal(value(c, file), text, file)
        silent(update(c, {"unified": later}))
        for file, text in {**asked, **later}.items():
            equal(value(c, file), text, file)
        refused(update(c, {"unified": {"memory.nosuch": "1"}}), "memory.nosuch")
        refused(update(c, {"unified": {"memory.high": "many"}}), "memory.high")


@test
def unified_has_the_last_word():
    with created(bundle(memory={"limit": 64 * MB}, unified={"memory.max": str(48 * MB)})) as c:
        equal(value(c, "memory.max"), str(48 * MB))


# ---- all or nothing ----


SCALARS = ("memory.max", "memory.low", "memory.high", "pids.max", "cpu.weight", "cpu.idle", "cpu.max", "cpu.max.burst")
BAD = {"unified": {"memory.min": "many"}}


def unchanged_by(c, *updates):
    before = {file: value(c, file) for file in (*SCALARS, "io.max", "io.latency") if file in SCALARS or has(c, file)}
    for resources in updates:
        refused(update(c, resources), "linux.resources.")
        equal({file: value(c, file) for file in before}, before, f"after the refused update with {resources}")


@test
def an_update_that_fails_changes_nothing():
    """Whatever comes before the value that the kernel refuses is put back, in an order that it takes."""
    asked = {"memory": {"limit": 96 * MB, "reservation": 16 * MB}, "pids": {"limit": 20},
             "cpu": {"shares": 512, "quota": 50000, "period": 100000, "burst": 10000}, "unified": {"memory.high": str(80 * MB)}}
    more = {"memory": {"limit": 64 * MB, "reservation": 8 * MB}, "pids": {"limit": 30}, "cpu": {"shares": 2048, "quota": 80000, "burst": 60000}}
    less = {"cpu": {"quota": 9000, "period": 50000, "burst": 0}, "pids": {"limit": -1}, "memory": {"limit": -1}}
    with started(bundle(**asked)) as c:
        unchanged_by(c, {**more, **BAD}, {**less, **BAD}, {"cpu": {"idle": 1}, **BAD})
        silent(update(c, {"cpu": {"idle": 1}}))
        unchanged_by(c, {"cpu": {"idle": 0, "shares": 1024}, **BAD})


@test
def rates_of_disks_are_put_back():
    need("io")
    major, minor = disk()

    def rates(**more):
        return {"blockIO": {name: [{"major": major, "minor": minor, "rate": rate}] for name, rate in more.items()}}

    with started(bundle()) as c:
        unchanged_by(c, {**rates(throttleReadBpsDevice=MB), **BAD})
        silent(update(c, rates(throttleReadBpsDevice=MB, throttleWriteIOPSDevice=50)))
        unchanged_by(c, {**rates(throttleReadBpsDevice=0, throttleWriteIOPSDevice=70), **BAD})
        # the kernel takes a blank before, and a target of none away
        unchanged_by(c, *({"unified": {file: f" {major}:{minor} {limit}", **BAD["unified"]}}
                          for file, limit in (("io.max", "rbps=7"), ("io.latency", "target=9000")) if has(c, file)))


# ---- statistics ----


@test
def statistics_are_the_kernels():
    need("io")
    b = bundle("sh", "-c", "dd if=/dev/zero of=/tmp/f bs=1M count=8 2>/dev/null; echo full; sleep 1000 & while :; do :; done",
               memory={"limit": 64 * MB}, pids={"limit": 50})
    b.mount("/tmp", "tmpfs", "tmpfs", ["size=16m", "mode=1777"])

    def cpu_time(c):
        return int(dict(line.split() for line in value(c, "cpu.stat").splitlines())["usage_usec"])

    with started(b) as c:
        eventually(lambda: c.printed() == "full\n" and value(c, "pids.current") == "2", "two processes")
        eventually(lambda: cpu_time(c) > 0, "a tick: some kernels count no shorter time")
        time.sleep(0.2)  # the kernel adds up memory.stat at intervals
        data = json.loads(hrun("events", "--stats", c.id).out)["data"]
        equal(data["pids"], {"current": 2, "limit": 50})
        memory = data["memory"]
        equal((memory["usage"]["limit"], memory["swap"]["limit"]), (64 * MB, int(value(c, "memory.swap.max").replace("max", str((1 << 64) - 1)))))
        assert 8 * MB <= memory["usage"]["usage"] <= memory["usage"]["max"] <= 64 * MB, memory["usage"]
        assert memory["cache"] >= 8 * MB and memory["raw"]["shmem"] >= 8 * MB, memory
        assert 0 < data["cpu"]["usage"]["total"] <= cpu_time(c) * 1000, data["cpu"]


@test
def limits_in_a_cgroup_of_ones_own():
    """exec's processes are under the limits as well."""
    with started(bundle(pids={"limit": 3})) as c:
        r = c.exec("sh", "-c", "sleep 5 & sleep 5 & sleep 5 & wait")
        assert r.status != 0 or "fork" in r.err, r
        r = hrun("exec", c.id, "cat", "/proc/self/cgroup")
        equal((r.status, r.out), (0, "0::/\n"))


need_for_all("cpu", "memory", "pids")
main()
