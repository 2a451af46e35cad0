#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hrun doctor on machines that lack something: each finding is compared with what was put there, or with what the kernel says itself."""
import contextlib
import ctypes
import json
import os
import platform
import shutil
import struct
import subprocess

import hrun as h
from fake_systemd import Fake
from hrun import Skip, contains, equal, main, read, test, write

IDS = """kernel.version kernel.openat2 kernel.clone-into-cgroup kernel.pidfd kernel.close-range kernel.mount-api kernel.mount-setattr
kernel.idmapped-mounts kernel.namespaces kernel.time-namespaces kernel.user-namespaces kernel.seccomp kernel.keyring kernel.landlock kernel.device-filter
kernel.overlay kernel.erofs cgroup.mode cgroup.controllers cgroup.delegated cgroup.systemd lsm.list lsm.selinux lsm.apparmor user.newuidmap
user.newgidmap user.subuid user.subgid hrun.program hrun.hrun-image hrun.hrun-tree hrun.hrun-sign hrun.hrun-scope policy.file hrun.state-root
hrun.filter-cache engine.podman engine.containerd engine.crio engine.docker""".split()
SYSCALLS = {"kernel.openat2": 437, "kernel.pidfd": 434, "kernel.mount-api": 430, "kernel.mount-setattr": 442, "kernel.landlock": 444,
            "kernel.clone-into-cgroup": 435}
KEYCTL = {"x86_64": 250, "aarch64": 219}
UNSHARE = {"x86_64": 272, "aarch64": 97}
ENOSYS, EPERM = 38, 1
USER = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "--"]
RUNTIME = "/run/hrun-under-test"  # root's alone, at a place that engines' files can name


class Doctor:
    def __init__(self, result):
        self.status = result.status
        self.tree = json.loads(result.out)
        self.lines = {c["id"]: c for c in self.tree["checks"]}

    def line(self, name, status, *parts):
        found = self.lines.get(name)
        assert found, f"there is no line {name}"
        equal(found["status"], status, f"{name}: {found}")
        for part in parts:
            contains(found["text"] + "; " + found.get("remedy", ""), part, name)


def doctor(*options, **more):
    return Doctor(h.hrun(*options, "doctor", "--format", "json", **more))


def inside(script, prefix=()):
    """The examination in a mount namespace that SCRIPT has changed."""
    return doctor(prefix=["unshare", "--mount", "sh", "-ec", script + '\nexec "$@"', "sh", *prefix])


def without_calls(numbers, errno):
    """A filter that answers these calls with an errno: a function for preexec."""
    program = [(0x20, 0, 0, 0)]
    for i, number in enumerate(numbers):
        program.append((0x15, len(numbers) - i, 0, number))
    program += [(0x06, 0, 0, 0x7fff0000), (0x06, 0, 0, 0x00050000 | errno)]
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    buffer = ctypes.create_string_buffer(code)

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    filter_program = Program(len(program), ctypes.addressof(buffer))
    filter_program.buffer = buffer  # as long as the address is used
    libc = ctypes.CDLL(None, use_errno=True)

    def install():
        if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(filter_program), 0, 0):
            os._exit(99)

    return install


def filtered(numbers, errno, prefix=()):
    p = subprocess.run([*prefix, h.HRUN, "doctor", "--format", "json"], capture_output=True, text=True, timeout=60,
                       preexec_fn=without_calls(numbers, errno))
    return Doctor(h.Result(p.returncode, p.stdout, p.stderr))


@contextlib.contextmanager
def files(**content):
    """Files below /etc by their names with _ for / and __ for .; gone afterwards, with their directories."""
    made = []
    try:
        for name, text in content.items():
            path = "/etc/" + name.replace("__", ".").replace("_", "/")
            folder = os.path.dirname(path)
            if not os.path.isdir(folder):
                made.append(folder)
                os.makedirs(folder, 0o755)
            made.append(path)
            write(path, text, 0o644)
        yield
    finally:
        for path in reversed(made):
            (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)


@test
def every_line_has_its_place_and_the_counts_are_right():
    d = doctor()
    equal([c["id"] for c in d.tree["checks"] if not c["id"].startswith("policy.class.")], IDS)
    for status in ("ok", "none", "warn", "fail"):
        equal(d.tree[status], sum(c["status"] == status for c in d.tree["checks"]), status)
    for c in d.tree["checks"]:
        equal("remedy" in c, c["status"] in ("warn", "fail"), str(c))
    d.line("kernel.version", "ok", os.uname().release)
    d.line("policy.file", "ok", "level baseline")
    equal(d.status, 1 if d.tree["fail"] else 0, "exit status")
    text = h.hrun("doctor")
    equal(len(text.out.splitlines()), len(d.tree["checks"]) + 1, "a line each, and the sum")
    equal(text.out.splitlines()[-1], f"{d.tree['ok']} ok, {d.tree['warn']} warnings, {d.tree['fail']} failures")


@test
def strict_ends_with_4_where_there_are_warnings():
    d = doctor()
    if d.tree["fail"]:
        raise Skip("this machine lacks more than that")
    audit = {"mode": "audit", "auditUntil": h.days_from_now(3)}
    equal(h.hrun("doctor", level=audit).status, 0)
    equal(h.hrun("doctor", "--strict", level=audit).status, 4)
    equal(h.hrun("doctor", "--format", "yaml").status, 3)


@test
def nothing_is_changed():
    def seen():
        found = {p: os.lstat(p).st_mtime_ns for top in ("/run", "/etc", h.CGROUP) for d, _, names in os.walk(top) for p in
                 [d, *(f"{d}/{n}" for n in names)] if os.path.lexists(p) and not p.startswith((h.work, "/sys"))}
        return found, read("/proc/self/mountinfo"), [d for d, _, _ in os.walk(h.CGROUP)]

    before = seen()
    doctor("--root", "/run/doctor-root")
    equal(seen(), before)


@test
def the_kernel_s_own_words():
    d = doctor()
    controllers = read(f"{h.CGROUP}/cgroup.controllers").split()
    missing = [c for c in ("cpu", "cpuset", "io", "memory", "pids") if c not in controllers]
    d.line("cgroup.mode", "ok", f"unified at {h.CGROUP}")
    d.line("cgroup.controllers", "warn" if missing else "ok", *missing, *controllers)
    d.line("cgroup.delegated", "ok")
    for name, since in (("overlay", (0, 0)), ("erofs", (6, 12))):
        version = tuple(int(n) for n in os.uname().release.split(".")[:2])
        d.line(f"kernel.{name}", "ok" if version >= since and name in read("/proc/filesystems").split() else "none")


@test
def calls_that_the_kernel_lacks():
    for name, number in SYSCALLS.items():
        d = filtered([number], ENOSYS)
        d.line(name, "warn" if name == "kernel.landlock" else "fail", "ENOSYS")
        equal(d.status, 0 if name == "kernel.landlock" else 1, name)


@test
def keyrings_that_a_filter_forbids():
    """As systemd-nspawn's and docker's do; create says the same.  A kernel without them has none to share."""
    number = KEYCTL.get(platform.machine())
    if not number:
        raise Skip("no number of keyctl(2) for this machine")
    filtered([number], ENOSYS).line("kernel.keyring", "ok")
    filtered([number], EPERM).line("kernel.keyring", "fail", "EPERM", "--system-call-filter=keyctl")
    b = h.Bundle("true").save()
    for errno, status, words in ((ENOSYS, 0, ""), (EPERM, 125, "must allow keyctl(2)")):
        p = subprocess.run([h.HRUN, "run", "-b", b.path, h.new_id()], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                           preexec_fn=without_calls([number], errno))
        equal((p.returncode, p.stdout), (status, ""), p.stderr)
        contains(p.stderr, words)


@test
def user_namespaces_that_are_forbidden():
    number = UNSHARE.get(platform.machine())
    if not number:
        raise Skip("no number of unshare(2) for this machine")
    filtered([number], EPERM, USER).line("kernel.user-namespaces", "fail", "EPERM")
    d = inside(f"echo 0 >{h.work}/zero; mount --bind {h.work}/zero /proc/sys/user/max_user_namespaces")
    d.line("kernel.user-namespaces", "ok")  # what is so is asked of the kernel, not of the file


@test
def hierarchies_that_are_no_cgroup2():
    d = inside(f"mount -t tmpfs none {h.CGROUP}")
    d.line("cgroup.mode", "fail", "no cgroup2")
    equal(d.status, 1)
    d = inside(f"mkdir {h.work}/v2; mount --bind {h.CGROUP} {h.work}/v2; mount -t tmpfs none {h.CGROUP}\n"
               f"mkdir {h.CGROUP}/unified; mount --move {h.work}/v2 {h.CGROUP}/unified")
    os.rmdir(f"{h.work}/v2")
    d.line("cgroup.mode", "warn", "hybrid")
    d = inside(f"mount -o remount,bind,ro {h.CGROUP}")
    d.line("cgroup.delegated", "fail", "read-only")


@test
def security_modules_as_their_files_say():
    d = inside("mount -t tmpfs none /sys/fs; mkdir /sys/fs/selinux; echo 1 >/sys/fs/selinux/enforce")
    d.line("lsm.selinux", "warn", "enforcing", "docs/SELINUX.md")
    apparmor = "mount -t tmpfs none /sys/module; mkdir -p /sys/module/apparmor/parameters; echo Y >/sys/module/apparmor/parameters/enabled\n" \
               "mount -t tmpfs none /sys/kernel; mkdir -p /sys/kernel/security/apparmor/policy/profiles/"
    inside(apparmor + "hrun-default-2.7").line("lsm.apparmor", "warn", "hrun-default is not loaded")
    inside(apparmor + "hrun-default.7").line("lsm.apparmor", "ok", "hrun-default is loaded")
    d = inside("mount -t tmpfs none /sys/kernel; mkdir /sys/kernel/security; echo capability,landlock >/sys/kernel/security/lsm")
    d.line("lsm.list", "ok", "capability,landlock")


@test
def which_systemd_is_asked():
    private = "/run/systemd/private"
    os.makedirs("/run/systemd/system")
    try:
        doctor().line("cgroup.systemd", "warn", "it does not listen", "cgroup manager to cgroupfs")
        doctor(prefix=USER).line("cgroup.systemd", "warn", "this user's own does not listen", "loginctl enable-linger 1000", "XDG_RUNTIME_DIR=/run/user/1000")
        with Fake(private) as systemd:
            doctor().line("cgroup.systemd", "ok", f"the machine's systemd, which listens at {private}")
            equal(systemd.calls, [], "doctor only looks")
        inside("mount -t tmpfs none /run/systemd").line("cgroup.systemd", "none", "does not run here")
    finally:
        shutil.rmtree("/run/systemd")


@test
def policy_files():
    with files(hrun_policy__json="{", hrun_web__json='{"format":1,"level":"restricted"}', hrun_old__json='{"format":2}'):
        d = doctor()
        d.line("policy.file", "fail", "/etc/hrun/policy.json", "hrun policy check")
        d.line("policy.class.old", "fail", "/etc/hrun/old.json")
        equal(d.status, 1)
    with files(hrun_policy__json='{"format":1}', hrun_web__json='{"format":1,"level":"restricted"}'):
        d = doctor()
        d.line("policy.file", "ok", "/etc/hrun/policy.json", "baseline")
        d.line("policy.class.web", "ok", "restricted")
        os.chmod("/etc/hrun/policy.json", 0o666)
        doctor().line("policy.file", "fail", "writable by group or others")
    expired = {"rule": "masked-paths-incomplete", "reason": "because of it", "owner": "me", "expires": "2020-01-01", "match": {"cgroup": "/x"}}
    with files(hrun_policy__json=json.dumps({"format": 1, "waivers": [expired]})):
        doctor().line("policy.file", "warn", "1 of 1 waivers have expired", "list-waivers")


@test
def state_root_and_cache():
    with h.host_tmpfs() as root:
        os.chmod(root, 0o777)
        d = doctor("--root", root)
        d.line("hrun.state-root", "fail", "0777")
        equal(d.status, 1)
    doctor("--root", "/run/not-there").line("hrun.state-root", "ok", "will be made")
    shutil.rmtree("/run/hrun-cache", ignore_errors=True)
    os.mkdir("/run/hrun-cache")
    os.chmod("/run/hrun-cache", 0o777)
    try:
        doctor().line("hrun.filter-cache", "warn", "/run/hrun-cache")
    finally:
        os.rmdir("/run/hrun-cache")


def copy_of_hrun(place):
    os.makedirs(f"{place}/libexec/hrun")
    shutil.copy(h.HRUN, f"{place}/hrun")
    for name in ("hrun-image", "hrun-tree", "hrun-sign"):
        shutil.copy(f"{h.BUILD}/libexec/hrun/{name}", f"{place}/libexec/hrun/{name}")
    for folder, _, names in os.walk(place):
        for path in (folder, *(f"{folder}/{n}" for n in names)):
            os.chown(path, 0, 0)
            os.chmod(path, 0o755)


@test
def programs_that_others_may_change():
    with h.host_tmpfs("exec") as place:
        copy_of_hrun(place)
        own = h.HRUN
        try:
            h.HRUN = f"{place}/hrun"
            doctor().line("hrun.hrun-image", "ok")
            os.chmod(f"{place}/libexec/hrun/hrun-tree", 0o757)
            os.chmod(f"{place}/hrun", 0o775)
            d = doctor()
            d.line("hrun.hrun-tree", "warn", "written by others")
            d.line("hrun.program", "warn", "0775")
            equal(d.status, 0)
        finally:
            h.HRUN = own


@test
def an_ordinary_user():
    for name in ("passwd", "subuid", "subgid"):
        shutil.copy(f"/etc/{name}", f"{h.work}/{name}") if os.path.exists(f"/etc/{name}") else write(f"{h.work}/{name}", "")
    try:
        write("/etc/passwd", "root:x:0:0::/:/bin/sh\nx1000:x:5:5::/:/bin/sh\ndave:x:1000:1000::/:/bin/sh\n", 0o644)
        write("/etc/subuid", "root:1:2\ndavey:5:6\ndave:100000:65536\n", 0o644)
        write("/etc/subgid", "x1000:5:6\n", 0o644)
        d = doctor(prefix=USER)
        d.line("user.subuid", "ok", "65536 ids")
        d.line("user.subgid", "warn", "/etc/subgid has no line for dave", "usermod --add-subgids 100000-165535 dave")
        write("/etc/subgid", "x1000:100000:65536\nx:400000:6\nx:y:z\n:::\n", 0o644)
        doctor(prefix=USER).line("user.subgid", "warn", "usermod --add-subgids 400006-465541 dave")
        write("/etc/subgid", "x1000:4294900000:65536\n", 0o644)
        doctor(prefix=USER).line("user.subgid", "warn", "make room in /etc/subgid")
        d.line("kernel.device-filter", "none")
        write("/etc/subgid", "1000:5:77\n", 0o644)
        doctor(prefix=USER).line("user.subgid", "ok", "77 ids")
        write("/etc/passwd", "root:x:0:0::/:/bin/sh\n", 0o644)
        write("/etc/subgid", "", 0o644)
        doctor(prefix=USER).line("user.subgid", "warn", "/etc/subgid has no line for 1000", "echo 1000:100000:65536 >>/etc/subgid")
        fake = f"mkdir {h.work}/bin; cp -a /usr/bin/setpriv {h.work}/bin; touch {h.work}/bin/newuidmap {h.work}/bin/newgidmap; " \
               f"chmod 755 {h.work}/bin/*; chmod u+s {h.work}/bin/newgidmap; mount --bind {h.work}/bin /usr/bin"
        d = inside(fake, prefix=USER)
        d.line("user.newuidmap", "warn", "no privilege", "cap_setuid")
        d.line("user.newgidmap", "ok")
    finally:
        for name in ("passwd", "subuid", "subgid"):
            shutil.copy(f"{h.work}/{name}", f"/etc/{name}")


@test
def a_user_s_own_places():
    """What is said to be made can be made: by that user, there."""
    def user(root, **more):
        env = {k: v for k, v in os.environ.items() if k != "XDG_RUNTIME_DIR"}
        return doctor("--root", root, prefix=USER, env=env) if root else doctor(prefix=USER, env={**env, **more})

    user(None).line("hrun.state-root", "fail", "/run/user/1000/hrun is not there", "XDG_RUNTIME_DIR")
    with h.host_tmpfs() as place:
        os.chmod(h.work, 0o755)
        user(f"{place}/a/b").line("hrun.state-root", "fail", f"{place}/a/b is not there")
        os.chown(place, 1000, 1000)
        user(f"{place}/a/b").line("hrun.state-root", "ok", "will be made")
        user(None, XDG_RUNTIME_DIR=place).line("hrun.state-root", "ok", f"{place}/hrun: will be made")
        d = doctor("--root", f"{place}/a", prefix=[*USER, "unshare", "--user", "--map-root-user", "--"])
        d.line("hrun.state-root", "ok", "will be made")
        d.line("kernel.device-filter", "none", "user namespace")
        d.line("cgroup.delegated", "warn", "may not make cgroups below /")
        own = os.stat(h.HRUN)
        if own.st_uid == 0:
            d.line("hrun.program", "warn" if own.st_mode & 0o22 else "ok")


@test
def a_log_in_session_and_its_users_systemd():
    """The session's cgroup is root's; what the user has is below his service, where engines go."""
    service, session = "/user.slice/user-1000.slice/user@1000.service", "/user.slice/user-1000.slice/session-1.scope"
    made = ["/user.slice", "/user.slice/user-1000.slice", service, session]
    runtime_dir = "/run/user/1000"
    os.makedirs(runtime_dir)
    try:
        for path in made:
            os.mkdir(h.CGROUP + path)
        for name in ("", "/cgroup.procs"):
            os.chown(f"{h.CGROUP}{service}{name}", 1000, 1000)
        caller = ["sh", "-ec", f'echo $$ >{h.CGROUP}{session}/cgroup.procs; exec "$@"', "sh", *USER]
        with Fake(f"{runtime_dir}/bus", bus=True) as systemd:
            os.chmod(systemd.path, 0o777)
            env = {**os.environ, "XDG_RUNTIME_DIR": runtime_dir}
            doctor(prefix=caller, env=env).line("cgroup.delegated", "warn", "your systemd's cgroup", "lacks cpu", "systemd-run --user --scope hrun")
            os.chown(h.CGROUP + service, 0, 0)
            doctor(prefix=caller, env=env).line("cgroup.delegated", "warn", f"may not make cgroups below {session};", "systemctl edit user@.service")
    finally:
        for path in reversed(made):
            if os.path.isdir(h.CGROUP + path):
                os.rmdir(h.CGROUP + path)
        shutil.rmtree("/run/user")


def engine(name, status, *parts, **content):
    with files(**content):
        doctor().line(f"engine.{name}", status, *parts)


PODMAN = '[engine]\nruntime = "hrun"\nruntime_supports_json = ["crun", "hrun"]\n[engine.runtimes]\nhrun = ["{}"]\n'
CONTAINERD = '''version = {version}
[plugins.{quote}{plugin}{quote}.containerd]
  default_runtime_name = "hrun"
[plugins.{quote}{plugin}{quote}.containerd.runtimes.hrun]
  runtime_type = "io.containerd.runc.v2"
[plugins.{quote}{plugin}{quote}.containerd.runtimes.hrun.options]
  BinaryName = "{path}"
  SystemdCgroup = false
'''
OLD, NEW = "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime"


@test
def engines_that_start_hrun():
    shutil.copy(h.HRUN, RUNTIME)
    os.chmod(RUNTIME, 0o755)
    try:
        engine("podman", "ok", RUNTIME, "the default is hrun", containers_containers__conf=PODMAN.format(RUNTIME))
        engine("podman", "ok", RUNTIME, containers_containers__conf=PODMAN.format(f'/nowhere/hrun", "{RUNTIME}'))
        name = os.path.basename(RUNTIME)
        engine("podman", "ok", f"{name} ({RUNTIME})", containers_containers__conf=f'[engine]\nruntime = "{RUNTIME}"\nruntime_supports_json = ["{name}"]\n')
        engine("podman", "ok", RUNTIME, containers_containers__conf__d_hrun__conf=PODMAN.format(RUNTIME))
        for version, plugin, quote in ((2, OLD, '"'), (3, NEW, "'")):
            text = CONTAINERD.format(version=version, plugin=plugin, quote=quote, path=RUNTIME)
            engine("containerd", "ok", RUNTIME, "the default is hrun", containerd_config__toml=text)
        no_default = CONTAINERD.format(version=2, plugin=OLD, quote='"', path=RUNTIME).replace('  default_runtime_name = "hrun"\n', "")
        engine("containerd", "warn", "names runtimes and not runc, the default", containerd_config__toml=no_default)
        engine("containerd", "ok", RUNTIME, "the engine's own", containerd_config__toml=no_default
               + f'[plugins."{OLD}".containerd.runtimes.runc]\n  runtime_type = "io.containerd.runc.v2"\n')
        engine("containerd", "ok", RUNTIME, containerd_config__toml='version = 3\nimports = ["/etc/containerd/conf.d/*.toml"]\n',
               containerd_conf__d_hrun__toml=text)
        for version, plugin, words in ((3, OLD, "is of version 3, where the table is not called"), (2, NEW, "is of version 2"), (1, OLD, "has no version")):
            engine("containerd", "warn", words, plugin, containerd_config__toml=CONTAINERD.format(version=version, plugin=plugin, quote='"', path=RUNTIME))
        engine("containerd", "warn", "has no version", containerd_config__toml=CONTAINERD.format(version=2, plugin=OLD, quote='"', path=RUNTIME).split("\n", 1)[1])
        engine("crio", "ok", RUNTIME, "the default is hrun",
               crio_crio__conf=f'[crio.runtime]\ndefault_runtime = "hrun"\n[crio.runtime.runtimes.hrun]\nruntime_path = "{RUNTIME}"\n')
        engine("docker", "ok", RUNTIME, "the default is hrun",
               docker_daemon__json=json.dumps({"default-runtime": "hrun", "runtimes": {"hrun": {"path": RUNTIME}}}))
        engine("docker", "warn", "its default, hrun-web, is no runtime of /etc/docker/daemon.json",
               docker_daemon__json=json.dumps({"default-runtime": "hrun-web", "runtimes": {"hrun": {"path": RUNTIME}}}))
        with usr_sbin(name):
            for runtime, status in ((name, "ok"), ("hrun-none", "fail")):
                engine("docker", status, runtime, docker_daemon__json=json.dumps({"runtimes": {"hrun": {"path": runtime}}}))
        engine("docker", "ok", RUNTIME, "the engine's own", docker_daemon__json=json.dumps(
            {"runtimes": {"hrun": {"runtimeType": "io.containerd.runc.v2", "options": {"BinaryName": RUNTIME}}}}))
        os.chown(RUNTIME, 1000, 1000)
        engine("podman", "fail", RUNTIME, "others than root", containers_containers__conf=PODMAN.format(RUNTIME))
        os.chown(RUNTIME, 0, 0)
        os.chmod(RUNTIME, 0o775)
        engine("podman", "fail", RUNTIME, "others than root", containers_containers__conf=PODMAN.format(RUNTIME))
    finally:
        os.unlink(RUNTIME)


@test
def engines_whose_files_are_wrong():
    engine("podman", "fail", "/opt/hrun", "not there", containers_containers__conf=PODMAN.format("/opt/hrun"))
    engine("podman", "warn", "runtime_supports_json",
           containers_containers__conf=PODMAN.format(h.HRUN).replace('"crun", "hrun"', '"crun"') if stat_is_roots(h.HRUN) else
           '[engine.runtimes]\nhrun = ["/bin/busybox"]\n')
    shutil.copy(h.HRUN, RUNTIME)
    os.chmod(RUNTIME, 0o755)
    try:
        apart = PODMAN.format(RUNTIME).replace('runtime_supports_json = ["crun", "hrun"]\n', "")
        engine("podman", "warn", "a.conf: runtime_supports_json does not name hrun", containers_containers__conf__d_a__conf=apart)
        named = '[engine]\nruntime_supports_json = ["hrun"]\n'
        engine("podman", "ok", RUNTIME, containers_containers__conf__d_a__conf=apart, containers_containers__conf__d_b__conf=named)
        engine("podman", "ok", RUNTIME, containers_containers__conf__d_b__conf=apart, containers_containers__conf__d_a__conf=named)
        engine("podman", "warn", "does not name hrun-web", containers_containers__conf=apart + f'hrun-web = ["{RUNTIME}"]\n',
               containers_containers__conf__d_b__conf=named)
        with h.host_tmpfs() as place:
            os.chmod(h.work, 0o755)
            os.makedirs(f"{place}/containers/containers.conf.d")
            write(f"{place}/containers/containers.conf.d/x.conf", PODMAN.format(RUNTIME), 0o644)
            os.makedirs(f"{place}/.config")
            os.symlink("../containers", f"{place}/.config/containers")
            for variable in ("XDG_CONFIG_HOME", "HOME"):
                env = {k: v for k, v in os.environ.items() if k != "XDG_CONFIG_HOME"} | {variable: place}
                doctor(prefix=USER, env=env).line("engine.podman", "ok", f"{place}/", "containers.conf.d/x.conf", "the default is hrun")
                assert place not in doctor(env=env).lines["engine.podman"]["text"], "root's podman does not read it"
    finally:
        os.unlink(RUNTIME)
    with usr_sbin():
        engine("docker", "none", "not here", docker_daemon__json='{"runtimes": {"other": {"path": "/x"}}}')
        engine("docker", "none", "not here", docker_daemon__json="{")
    with usr_sbin("crio", "dockerd"):
        engine("docker", "warn", "dockerd 20.10.24+dfsg1-1 at /usr/sbin/dockerd", "line 1", docker_daemon__json="{")
        for nothing in ("{}", "", " \n"):
            engine("docker", "warn", "does not know hrun", "docs/ENGINES.md", docker_daemon__json=nothing)
        engine("crio", "warn", "crio of unknown version", "line 2 is not understood", crio_crio__conf='a = "b"\na = """\n')
        engine("crio", "warn", "cannot be read", crio_crio__conf="x" * (256 * 1024 + 1))
        engine("crio", "warn", "cannot be read", crio_crio__conf="x = 1\n\0")


def stat_is_roots(path):
    st = os.stat(path)
    return st.st_uid == 0 and not st.st_mode & 0o22


@contextlib.contextmanager
def usr_sbin(*names):
    """Programs that would tell if they were run, and what dpkg has written of one of them."""
    place = f"{h.work}/sbin"
    os.mkdir(place)
    for name in names:
        write(f"{place}/{name}", f"#!/bin/sh\ntouch {h.work}/was-run\n", 0o755)
    status = read("/var/lib/dpkg/status") if os.path.exists("/var/lib/dpkg/status") else ""
    os.makedirs("/var/lib/dpkg", exist_ok=True)
    write("/var/lib/dpkg/status", "Package: docker.io-x\nStatus: install ok installed\nVersion: 1\n\nPackage: docker.io\n"
          "Status: deinstall ok config-files\nVersion: 2\n\nPackage: docker.io\nStatus: install ok installed\nDescription: "
          + "x" * 510 + "Version: 3\nVersion: 20.10.24+dfsg1-1\n")
    subprocess.run(["mount", "--bind", place, "/usr/sbin"], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "/usr/sbin"], check=True)
        write("/var/lib/dpkg/status", status)
        assert not os.path.exists(f"{h.work}/was-run"), "a foreign program was run"
        shutil.rmtree(place)


@test
def files_that_are_traps():
    os.makedirs("/etc/crio", 0o755, exist_ok=True)
    os.mkfifo("/etc/crio/crio.conf")
    try:
        doctor().line("engine.crio", "none")
    finally:
        shutil.rmtree("/etc/crio")
    name = "hrun\\\\\x1b[2J\u202e"
    with files(crio_crio__conf=f'[crio.runtime.runtimes."{name}"]\nruntime_path = "/nowhere\x07"\n'):
        r = h.hrun("doctor")
        assert not set(r.out) & {"\x1b", "\x07", "\u202e"}, r.out
        contains(r.out, "/nowhere?, which is not there")


main()
