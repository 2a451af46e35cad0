#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs with privileges in the image, ids that are none, rights that a second process asks for, devices.

CVE-2016-3697, CVE-2016-8867, CVE-2022-24769, CVE-2022-29162, CVE-2022-36109, CVE-2024-40635, CVE-2026-30892
"""
import json
import os
import shutil
import stat
import struct
import tempfile

import attack
from attack import Bundle, contains, equal, h, output, refused, run, started, test, write

NOBODY = "uid 1000 1000 1000 0 0"


def capability_file(root, effective, permitted, inheritable, name="bin/capable"):
    """The attack program with security.capability, version 2."""
    path = f"{root}/{name}"
    shutil.copy(f"{root}/bin/attack", path)
    p, i = h.mask_of(permitted), h.mask_of(inheritable)
    value = struct.pack("<IIIII", 0x02000000 | effective, p & 0xffffffff, i & 0xffffffff, p >> 32, i >> 32)
    os.setxattr(path, "security.capability", value)


def setuid_file(root):
    path = f"{root}/bin/setuid"
    shutil.copy(f"{root}/bin/attack", path)
    os.chown(path, 0, 0)
    os.chmod(path, 0o6755)


@test
def a_setuid_program_of_the_image_gains_nothing():
    b = Bundle("setuid", "id")
    setuid_file(b.root)
    equal(output(b).strip(), NOBODY, "run")
    b.process["args"] = ["sleep", "1000"]
    with started(b) as c:
        equal(c.exec("setuid", "id").out.strip(), NOBODY, "exec")


@test
def a_setuid_program_has_no_capability_outside_the_bounding_set():
    b = Bundle("setuid", "id")
    setuid_file(b.root)
    b.process["noNewPrivileges"] = False
    equal(output(b, level="privileged").strip().split()[-2:], ["0", "0"], "permitted and effective")


@test
def file_capabilities_gain_nothing():
    b = Bundle("capable", "id")
    capability_file(b.root, 1, ["CAP_NET_RAW", "CAP_SYS_ADMIN"], [])
    r = run(b)  # the kernel may refuse to execute what asks for a capability outside the bounding set
    assert (r.status != 0 and not r.out) or r.out.strip() == NOBODY, r


@test
def inheritable_file_capabilities_gain_nothing():
    """CVE-2022-24769: with a full bounding set and no no_new_privs, all depends on the inheritable set being empty."""
    b = Bundle("capable", "id", caps=["CAP_NET_RAW", "CAP_CHOWN"])
    capability_file(b.root, 1, [], ["CAP_NET_RAW", "CAP_CHOWN"])
    b.process["noNewPrivileges"] = False
    inherit = ["setpriv", "--inh-caps=+net_raw,+chown"]
    equal(output(b, level="privileged", prefix=inherit).strip(), NOBODY, "run, by a caller with inheritable capabilities")
    b.process["args"] = ["sleep", "1000"]
    with started(b, level="privileged") as c:
        equal(c.exec("capable", "id", prefix=inherit, level="privileged").out.strip(), NOBODY, "exec")
        for kind in ("inheritable", "ambient"):
            equal(h.sets_of(c.pid)[kind], 0, f"{kind} set of init")


@test
def groups_of_the_caller_stay_outside():
    groups = ["setpriv", "--groups", "4,5,42"]
    for uid in (0, 1000):
        contains(run(Bundle("grep", "Groups", "/proc/self/status", uid=uid), prefix=groups).out, "Groups:\t")
        equal(run(Bundle("grep", "Groups", "/proc/self/status", uid=uid), prefix=groups).out.split()[1:], [], f"uid {uid}")
    with started(Bundle()) as c:
        equal(c.exec("grep", "Groups", "/proc/self/status", prefix=groups).out.split()[1:], [], "exec")


@test
def ids_of_the_config_that_are_none():
    for text in ("-1", "4294967295", "4294967296", "18446744073709551616", "1e3", "1.0", "\"0\"", "true", "-0.0", "-00", "00"):
        for member in ("uid", "gid"):
            b = Bundle("true").save()
            b.process["user"][member] = "PLACE"
            write(f"{b.path}/config.json", json.dumps(b.c).replace("\"PLACE\"", text))
            r = h.hrun("run", "-b", b.path, h.new_id())
            assert r.status != 0 and not r.out, f"{member} {text}: {r!r}"


@test
def ids_of_the_command_line_that_are_none():
    with started(Bundle()) as c:
        for text in ("-1", "+1", " 1", "1 ", "0x1", "1:", ":1", "1:-1", "4294967295", "1:4294967295", "4294967296", "18446744073709551617", "root",
                     "1:2:3", "", "1,2", "1\n"):
            refused(c.exec("id", options=["--user", text]))
            refused(c.exec("id", options=["--additional-gids", text]))


@test
def exec_cannot_ask_for_more():
    with started(Bundle()) as c:
        for cap in ("CAP_SYS_ADMIN", "CAP_CHOWN", "ALL", "all", "CAP_NOT_THERE", "0"):
            refused(c.exec("id", options=["--cap", cap]))
        process = {"args": ["cat", "/proc/self/status"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "noNewPrivileges": False}
        for caps in ({"bounding": ["CAP_SYS_ADMIN"]}, {"inheritable": ["CAP_CHOWN"]}, {"ambient": ["CAP_KILL"]}):
            path = tempfile.mktemp(dir=h.work)
            write(path, json.dumps(dict(process, capabilities=caps)))
            r = h.hrun("exec", "--process", path, c.id)
            sets = [line.split()[1] for line in r.out.splitlines() if line.startswith("Cap")]
            assert (r.status != 0 and not r.out) or sets == ["0" * 16] * 5, f"{caps}: {r!r}"


@test
def exec_is_never_weaker_than_init():
    """Where the process object says nothing and today's level asks for nothing, what the container has still holds."""
    with started(Bundle()) as c:
        path = tempfile.mktemp(dir=h.work)
        write(path, json.dumps({"args": ["cat", "/proc/self/status"], "cwd": "/"}))
        r = h.hrun("exec", "--process", path, c.id, level="privileged")
        status = {k: v.strip() for k, _, v in (line.partition(":") for line in r.out.splitlines())}
        equal({k: status[k] for k in ("NoNewPrivs", "Seccomp", "CapBnd", "CapEff", "CapInh", "CapAmb")},
              {"NoNewPrivs": "1", "Seccomp": "2", **{k: "0" * 16 for k in ("CapBnd", "CapEff", "CapInh", "CapAmb")}}, "exec")


@test
def a_session_keyring_of_its_own():
    b = Bundle("sleep", "1000", uid=0)
    b.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}
    seen = set()
    with started(b, level="privileged") as c:
        for _ in range(2):
            seen.add(c.exec("probe", "keyring", level="privileged").out.strip())
    b.process["args"] = ["probe", "keyring"]
    seen.add(output(b, level="privileged").strip())
    equal(len(seen), 3, f"session keyrings {seen}")
    assert "-1" not in seen, seen


@test
def device_nodes_made_inside_are_unusable():
    b = Bundle("probe", "mknod", "/node", "b", "254:0", "mknod", "/mem", "c", "1:1", "mknod", "/kmsg", "c", "1:11", uid=0, caps=["CAP_MKNOD"])
    b.c["root"]["readonly"] = False
    for line in output(b, level="privileged").splitlines():
        assert line.split()[-1] == "EPERM", line
    b = Bundle("probe", "mknod", "/node", "b", "254:0", uid=0)
    b.c["root"]["readonly"] = False
    equal(output(b).split()[0], "EPERM", "mknod without the capability")


@test
def device_nodes_of_the_image_are_unusable():
    b = Bundle("probe", "open", "/disk", "r", "open", "/mem", "r", "open", "/zero", "r", uid=0, caps=["CAP_MKNOD", "CAP_DAC_OVERRIDE"])
    os.mknod(f"{b.root}/disk", stat.S_IFBLK | 0o666, os.makedev(254, 0))
    os.mknod(f"{b.root}/mem", stat.S_IFCHR | 0o666, os.makedev(1, 1))
    os.mknod(f"{b.root}/zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    equal(output(b, level="privileged").split(), ["EPERM", "EPERM", "ok"], "disk, memory, zero")


@test
def a_setuid_runtime_does_nothing():
    path = tempfile.mktemp(dir="/var/lib")
    shutil.copy(h.HRUN, path)
    try:
        for mode in (0o4755, 0o2755):
            os.chmod(path, mode)
            kept, h.HRUN = h.HRUN, path
            try:
                refused(h.hrun("list", prefix=["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"]), "setuid")
            finally:
                h.HRUN = kept
    finally:
        os.unlink(path)


attack.main()
