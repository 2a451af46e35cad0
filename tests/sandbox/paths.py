#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Masked and read-only paths, sysctls, devices: what a container must not see, change or open."""
import os
import subprocess

from hrun import Bundle, contains, equal, host_tmpfs, main, mounts_in, output, run, started, test
import hrun as h


def masking(*paths, change=None, args=()):
    b = Bundle(*args, uid=0)
    b.linux["maskedPaths"] += paths
    return b


@test
def a_masked_file_is_the_null_device():
    b = masking("/etc/secret", args=("sh", "-c", "cat /etc/secret; stat -c '%F %t:%T' /etc/secret; echo x >/etc/secret"))
    h.write(f"{b.root}/etc/secret", "secret\n")
    r = run(b)
    equal(r.out, "character special file 1:3\n")
    m = mounts_in(b)["/etc/secret"]
    assert {"ro", "nosuid", "noexec"} <= m.attributes, m


@test
def a_masked_directory_is_empty_and_read_only():
    b = masking("/secret", args=("sh", "-c", "ls -A /secret; touch /secret/x 2>&1"))
    os.mkdir(f"{b.root}/secret")
    h.write(f"{b.root}/secret/file", "secret\n")
    r = run(b)
    contains(r.out, "Read-only file system")
    assert "file" not in r.out.replace("Read-only file system", ""), r
    m = mounts_in(b)["/secret"]
    assert m.type == "tmpfs" and {"ro", "nosuid", "nodev", "noexec"} <= m.attributes, m


@test
def a_masked_path_that_is_missing_is_passed_over():
    output(masking("/no/such/thing", "/etc/passwd/below", args=("true",)))


@test
def a_masked_link_masks_what_it_leads_to_in_the_root():
    b = masking("/link", args=("sh", "-c", "cat /etc/secret /link"))
    h.write(f"{b.root}/etc/secret", "secret\n")
    os.symlink("/../../etc/secret", f"{b.root}/link")
    equal(run(b).out, "")


@test
def several_masked_paths_of_each_kind():
    b = masking("/a", "/b", "/c", "/d", args=("sh", "-c", "cat /a /b; ls -A /c /d"))
    for name in "ab":
        h.write(f"{b.root}/{name}", "secret\n")
    for name in "cd":
        os.mkdir(f"{b.root}/{name}")
        h.write(f"{b.root}/{name}/file", "")
    equal(run(b).out, "/c:\n\n/d:\n")


@test
def a_path_that_is_masked_twice_has_one_cover():
    b = masking("/secret", "/secret", args=("cat", "/proc/self/mountinfo"))
    h.write(f"{b.root}/secret", "secret\n")
    equal([line.split()[4] for line in output(b).splitlines()].count("/secret"), 1)


@test
def the_masks_of_the_specification():
    present = [p for p in ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/interrupts", "/proc/acpi", "/sys/firmware")
               if os.path.exists(p)]
    m = mounts_in(Bundle())
    for path in present:
        contains(m, path)


@test
def masks_are_completed_where_the_config_is_short():
    b = Bundle()
    b.linux["maskedPaths"] = ["/proc/acpi"]
    b.linux["readonlyPaths"] = ["/proc/bus"]
    m = mounts_in(b)
    contains(m, "/proc/keys")
    contains(m["/proc/sys"].attributes, "ro")


@test
def a_read_only_path_is_read_only_with_all_below():
    b = Bundle("sh", "-c", "touch /data/x /data/below/x 2>&1 | grep -c Read-only; cat /data/file", uid=0)
    b.linux["readonlyPaths"].append("/data")
    with host_tmpfs() as source:
        os.mkdir(f"{source}/below")
        h.write(f"{source}/file", "content\n")
        subprocess.run(["mount", "-t", "tmpfs", "below", f"{source}/below"], check=True)
        b.mount("/data", "bind", source, ["rbind", "rw"])
        equal(output(b), "2\ncontent\n")
        m = mounts_in(b)
        contains(m["/data"].attributes, "ro")
        contains(m["/data/below"].attributes, "ro")


@test
def a_read_only_file_and_a_missing_one():
    b = Bundle("sh", "-c", "echo x >/etc/conf", uid=0)
    b.c["root"]["readonly"] = False
    b.linux["readonlyPaths"] += ["/etc/conf", "/no/such"]
    h.write(f"{b.root}/etc/conf", "conf\n")
    contains(run(b).err, "Read-only file system")
    equal(h.read(f"{b.root}/etc/conf"), "conf\n")


@test
def a_read_only_path_keeps_the_attributes_it_had():
    m = mounts_in(Bundle())
    assert {"ro", "nosuid", "nodev", "noexec"} <= m["/proc/sys"].attributes, m["/proc/sys"]


@test
def proc_sys_cannot_be_written():
    contains(run(Bundle("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward", uid=0)).err, "Read-only file system")


# ---- sysctls ----


@test
def sysctls_are_set_inside_only():
    wanted = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "123456", "kernel.msgmax": "4321", "fs.mqueue.msg_max": "5",
              "net.ipv4.ping_group_range": "0 100", "kernel.sem": "33 44 55 66", "net/ipv4/conf/lo.0/forwarding": None}
    wanted = {k: v for k, v in wanted.items() if v is not None and os.path.exists("/proc/sys/" + k.replace(".", "/"))}
    assert len(wanted) >= 4, wanted
    paths = ["/proc/sys/" + k.replace(".", "/") for k in wanted]
    before = [h.read(p) for p in paths]
    b = Bundle("cat", *paths)
    b.linux["sysctl"] = wanted
    equal([line.split() for line in output(b, level="privileged").splitlines()], [v.split() for v in wanted.values()])
    equal([h.read(p) for p in paths], before, "the host's")


@test
def a_sysctl_without_a_value():
    # A write of nothing succeeds and sets nothing.
    for key in ("net.ipv4.ip_forward", "kernel.domainname"):
        path = "/proc/sys/" + key.replace(".", "/")
        before = h.read(path)
        with open(path, "wb", buffering=0) as f:
            equal(f.write(b""), 0)
        equal(h.read(path), before)
        b = Bundle("true")
        b.linux["sysctl"] = {key: ""}
        with h.unchanged():
            r = run(b, level="privileged")
        equal((r.status, r.out), (125, ""))
        contains(r.err, f'linux.sysctl["{key}"]: the value is empty')


@test
def a_sysctl_of_the_host_is_refused():
    for key, value in (("vm.swappiness", "1"), ("kernel.core_pattern", "|/x"), ("fs.file-max", "5"), ("kernel.hostname", "x/../y")):
        b = Bundle("true")
        b.linux["sysctl"] = {key: value}
        before = h.read("/proc/sys/vm/swappiness"), h.read("/proc/sys/kernel/core_pattern")
        with h.unchanged():
            r = run(b)
            if key != "kernel.hostname":
                assert r.status != 0 and r.err.count("\n") == 1, f"{key}: {r}"
                contains(r.err, "sysctl-not-namespaced")
        equal((h.read("/proc/sys/vm/swappiness"), h.read("/proc/sys/kernel/core_pattern")), before)


@test
def a_sysctl_without_its_namespace_is_refused():
    b = Bundle("true").namespace("network", path=False)
    b.linux["sysctl"] = {"net.ipv4.ip_forward": "0"}
    with h.unchanged():
        r = run(b, level="privileged")
        assert r.status != 0, r
        contains(r.err, "sysctl-host-namespace")


@test
def a_sysctl_that_the_kernel_lacks_names_itself():
    b = Bundle("true")
    b.linux["sysctl"] = {"net.ipv4.no_such_thing": "1"}
    with h.unchanged():
        r = run(b, level="privileged")
        assert r.status != 0 and r.err.count("\n") == 1, r
        contains(r.err, "net.ipv4.no_such_thing")


@test
def the_procfs_of_the_image_is_not_used_for_sysctls():
    """A config without /proc: the writes still reach the kernel, through a procfs of hrun's own."""
    b = Bundle("ping_group", "x").without_mount("/proc")
    b.process["args"] = ["sh", "-c", "ls /proc | wc -l"]
    b.linux["sysctl"] = {"net.ipv4.ip_unprivileged_port_start": "80"}
    b.linux["maskedPaths"] = []
    b.linux["readonlyPaths"] = []
    equal(output(b, level="privileged"), "0\n")


# ---- devices ----

DEFAULT = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}


def stat_of(b, *paths, **more):
    return [tuple(line.split()) for line in output(b, "stat", "-c", "%A %t:%T %u %g", *paths, **more).splitlines()]


@test
def default_devices():
    b = Bundle()
    got = stat_of(b, *(f"/dev/{n}" for n in DEFAULT))
    equal(got, [("crw-rw-rw-", f"{major:x}:{minor:x}", "0", "0") for major, minor in DEFAULT.values()])


@test
def links_of_dev():
    b = Bundle("sh", "-c", "for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done; ls /dev | sort | tr '\\n' ' '")
    lines = output(b).splitlines()
    equal(lines[:5], ["/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2", "pts/ptmx"])
    equal(sorted(lines[5].split()), sorted([*DEFAULT, "fd", "stdin", "stdout", "stderr", "ptmx", "pts", "shm", "mqueue"]))


@test
def devices_of_the_config():
    b = Bundle()
    b.linux["devices"] = [
        {"path": "/dev/own", "type": "c", "major": 1, "minor": 3, "fileMode": 0o640, "uid": 1000, "gid": 7},
        {"path": "/dev/sub/unbuffered", "type": "u", "major": 1, "minor": 5},
        {"path": "/dev/fifo", "type": "p", "fileMode": 0o622, "uid": 3},
        {"path": "/dev/disk", "type": "b", "major": 7, "minor": 0, "fileMode": 0o600},
    ]
    equal(stat_of(b, "/dev/own", "/dev/sub/unbuffered", "/dev/fifo", "/dev/disk", level="privileged"),
          [("crw-r-----", "1:3", "1000", "7"), ("crw-rw-rw-", "1:5", "0", "0"), ("prw--w--w-", "0:0", "3", "0"),
           ("brw-------", "7:0", "0", "0")])


@test
def a_block_device_is_refused():
    b = Bundle("true")
    b.linux["devices"] = [{"path": "/dev/disk", "type": "b", "major": 7, "minor": 0}]
    with h.unchanged():
        r = run(b)
        assert r.status != 0 and r.err.count("\n") == 1, r
        contains(r.err, "device-block")


@test
def a_device_of_the_config_in_place_of_a_default_one():
    b = Bundle()
    b.linux["devices"] = [{"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600}]
    equal(stat_of(b, "/dev/null"), [("crw-------", "1:3", "0", "0")])


@test
def a_device_where_something_else_is_is_refused():
    b = Bundle("true")
    h.write(f"{b.root}/dev/null", "no device")
    b.without_mount("/dev")
    with h.unchanged():
        r = run(b, level="privileged")
        assert r.status != 0 and r.err.count("\n") == 1, r
        contains(r.err, "/dev/null")
    equal(h.read(f"{b.root}/dev/null"), "no device")


@test
def dev_that_is_a_link_gets_no_nodes_outside():
    b = Bundle("true")
    b.c["mounts"] = [m for m in b.c["mounts"] if not m["destination"].startswith("/dev")]
    os.rmdir(f"{b.root}/dev")
    os.symlink("/../../../../../../tmp", f"{b.root}/dev")
    before = set(os.listdir("/tmp"))
    run(b, level="privileged")
    equal(set(os.listdir("/tmp")), before)


def probe_device(*arguments, rules=(), uid=0, caps=("CAP_MKNOD",)):
    """One line each: what making and then opening the node gives.  On a tmpfs with device nodes allowed."""
    b = Bundle(*("probe", "mknod", *arguments), uid=uid, caps=caps)
    b.mount("/nodes", "tmpfs", "tmpfs", ["dev", "mode=777"])
    b.linux["resources"]["devices"] += rules
    return output(b, level="privileged").split()


@test
def the_device_filter_denies_what_is_not_listed():
    """The node can be made, but not opened: /dev/mem, /dev/kmsg, a loop device."""
    for kind, numbers in (("c", "1:1"), ("c", "1:11"), ("b", "7:0"), ("c", "10:237")):
        equal(probe_device("/nodes/x", kind, numbers), ["ok", "EPERM"], numbers)


@test
def the_device_filter_permits_the_default_ones():
    for numbers in ("1:3", "1:5", "1:7", "1:8", "1:9"):
        equal(probe_device("/nodes/x", "c", numbers), ["ok", "ok"], numbers)


@test
def the_device_filter_permits_what_the_config_lists():
    """A number without a driver: allowed by the filter it is ENXIO, otherwise EPERM."""
    rule = {"allow": True, "type": "c", "major": 240, "minor": 77, "access": "r"}
    equal(probe_device("/nodes/x", "c", "240:77"), ["ok", "EPERM"])
    equal(probe_device("/nodes/x", "c", "240:77", rules=[rule]), ["ok", "ENXIO"])
    b = Bundle("probe", "mknod", "/nodes/x", "c", "240:77", "open", "/nodes/x", "w", uid=0, caps=["CAP_MKNOD"])
    b.mount("/nodes", "tmpfs", "tmpfs", ["dev", "mode=777"])
    b.linux["resources"]["devices"].append(rule)
    equal(output(b, level="privileged").split()[2], "EPERM", "written, where only reading is allowed")


@test
def the_last_rule_of_the_device_filter_wins():
    rules = [{"allow": True, "type": "c", "major": 240, "access": "rwm"}, {"allow": False, "type": "c", "major": 240, "minor": 7, "access": "rwm"}]
    equal(probe_device("/nodes/x", "c", "240:7", rules=rules)[-1], "EPERM")
    equal(probe_device("/nodes/x", "c", "240:8", rules=rules)[-1], "ENXIO")
    equal(probe_device("/nodes/x", "c", "240:7", rules=rules[::-1])[-1], "ENXIO")


@test
def the_device_filter_is_there_where_the_config_has_none():
    b = Bundle("probe", "mknod", "/dev/x", "c", "240:77", uid=0, caps=["CAP_MKNOD"])
    b.linux["resources"]["devices"] = []
    equal(output(b), "ok EPERM\n")


main()
