#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules about the process, end to end: what they look at on this machine and in the image, and what they never show."""
import contextlib
import glob
import os
import subprocess

from hrun import Bundle, contains, created, equal, main, new_id, output, read, run, started, status_of, test, write
import hrun as h


def refused(bundle, rule, **more):
    with h.unchanged():
        r = run(bundle, **more)
    assert r.status == 125 and r.out == "" and r.err.count("\n") == 1, r
    contains(r.err, rule)
    return r.err


@contextlib.contextmanager
def group_file(text):
    """The machine's group file, in the mount namespace of this test."""
    path = f"{h.work}/group{next(h._numbers)}"
    write(path, text, 0o644)
    subprocess.run(["mount", "--bind", path, "/etc/group"], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "/etc/group"], check=True)


@test
def a_group_that_is_privileged_on_this_machine():
    with group_file("root:x:0:\ndocker:x:4321:\n"):
        for user in ({"uid": 1000, "gid": 4321}, {"uid": 1000, "gid": 1000, "additionalGids": [7, 4321]}):
            b = Bundle("true")
            b.process["user"] = user
            contains(refused(b, "user-host-privileged-gid"), "docker")
        b = Bundle("true")
        b.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [4322]}
        equal(run(b).status, 0)
        b = Bundle("true").user_namespace()
        b.process["user"] = {"uid": 1000, "gid": 4321}
        equal(run(b).status, 0, "another group outside")
        with started(Bundle()) as c:
            r = c.exec("true", options=("--user", "1000:4321"))
            assert r.status == 255, r
            contains(r.err, "user-host-privileged-gid")
    b = Bundle("true")
    b.process["user"] = {"uid": 1000, "gid": 4321}
    equal(run(b).status, 0, "with the real group file")


@test
def a_program_that_is_a_link_to_procfs():
    b = Bundle("/bin/app")
    os.symlink("/proc/self/exe", f"{b.root}/bin/app")
    refused(b, "args-proc-self")
    refused(b, "args-proc-self", level="restricted")
    b.process["args"] = ["app"]
    refused(b, "args-proc-self")
    b.process["args"] = ["/bin/sh", "-c", "exit 3"]
    equal(run(b).status, 3)
    with started(Bundle()) as c:
        for program in ("/proc/self/exe", "//proc/self/../self/fd/3", "/dev/fd/0"):
            r = c.exec(program)
            assert r.status == 255, r
            contains(r.err, "args-proc-self")


BEHIND_LINKS = ("/dev/fd/../exe", "/proc/net/../exe", "/proc/thread-self/../../exe", "/proc/self/cwd/../proc/self/exe", "/proc/self/root/../proc/self/exe")


@test
def what_dotdot_means_behind_a_link_of_the_kernel():
    for program in BEHIND_LINKS:
        b = Bundle(program, "--version")
        refused(b, "args-proc-self")
        refused(b, "args-proc-self", level="restricted")
        b = Bundle("/bin/app", "--version")
        os.symlink(program, f"{b.root}/bin/app")
        refused(b, "args-proc-self")
    with started(Bundle()) as c:
        for program in BEHIND_LINKS:
            r = c.exec(program, "--version")
            assert r.status == 255 and r.out == "", r
            contains(r.err, "args-proc-self")


@test
def a_program_that_is_a_link_in_a_volume():
    with h.host_tmpfs() as volume:
        os.symlink("/proc/self/exe", f"{volume}/app")
        write(f"{volume}/script", "#!/proc/self/exe\n", 0o755)
        for program in ("/data/app", "/data/script"):
            refused(Bundle(program, "--version").mount("/data", "bind", volume, ["rbind", "nosuid", "nodev"]), "args-proc-self")


@test
def a_working_directory_that_is_a_descriptor():
    for cwd, target in (("/dev/fd/3", None), ("/dev/fd", None), ("/work", "/proc/self/fd/3"), ("/work", "/dev/fd/7"), ("/work", "../proc/1/cwd")):
        b = Bundle("pwd")
        b.process["cwd"] = cwd
        if target:
            os.symlink(target, f"{b.root}/work")
        for level in ("privileged", "baseline", "restricted"):
            refused(b, "cwd-unsafe", level=level)
    with started(Bundle()) as c:
        r = c.exec("pwd", options=("--cwd", "/dev/fd/3"))
        assert r.status == 255 and r.out == "", r
        contains(r.err, "cwd-unsafe")


SECRET = "ghp_" + "aB3dE6gH9j" * 3 + "aB3dE6"


@test
def a_secret_is_never_shown():
    b = Bundle("sleep", "1000")
    b.process["env"] += [f"DEPLOY={SECRET}", "DB_PASSWORD=hunter2hunter2", SECRET, f"{SECRET}=1"]
    log = f"{h.work}/log{next(h._numbers)}"
    with created(b, level=None) as c:
        files = glob.glob(f"/run/hrun/{c.id}/*")
        texts = [read(f) for f in files if not f.endswith(("config.json", "filter.bpf", ".sock"))]
        found = read(f"/run/hrun/{c.id}/verdict.json")
        contains(found, "env-secret-value")
        contains(found, "DB_PASSWORD")
    for level in (None, "restricted"):
        r = h.hrun("--debug", "--log", log, "--log-format", "json", "run", "-b", b.path, new_id(), level="restricted")
        texts += [r.out, r.err, read(log)]
    contains(read(log), "env-secret")
    r = h.hrun("check", b.path, level="restricted")
    texts += [r.out, r.err]
    for text in texts:
        assert SECRET not in text and "hunter2" not in text, text


@test
def rules_come_before_what_the_machine_lacks():
    b = Bundle("true")
    b.process["selinuxLabel"] = "system_u:system_r:spc_t:s0"
    refused(b, "selinux-type")
    if not os.path.exists("/sys/fs/selinux/enforce"):
        contains(refused(b, "SELinux is off", level="privileged"), "selinuxLabel")
    b = Bundle("true")
    b.process["apparmorProfile"] = "unconfined"
    refused(b, "apparmor-unconfined")
    equal(run(b, level="privileged").status, 0)  # it is what there is


@test
def what_is_allowed_at_privileged_still_works():
    b = Bundle("sleep", "1000", uid=1000, caps=["CAP_NET_RAW", "CAP_SYS_NICE"])
    b.process["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 0, "hard": 2**64 - 1}]
    b.process["user"]["additionalGids"] = [6]
    with started(b, level="privileged") as c:
        equal(status_of(c.pid)["Groups"].split(), ["6"])
        contains(read(f"/proc/{c.pid}/limits"), "unlimited")
    contains(refused(b, "user-host-privileged-gid"), "1 more")


@test
def an_unknown_capability_is_left_out_at_privileged():
    b = Bundle("true", caps=["CAP_FLY", "CAP_KILL"])
    refused(b, "caps-unknown-name")
    r = h.hrun("--debug", "run", "-b", b.save().path, new_id(), level="privileged")
    equal(r.status, 0)
    contains(r.err, "CAP_FLY")
    equal(output(Bundle(caps=["CAP_FLY", "CAP_KILL"]), "sh", "-c", "grep CapBnd /proc/self/status", level="privileged").split()[1],
          "0000000000000020")


main()
