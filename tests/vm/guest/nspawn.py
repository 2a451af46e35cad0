#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# alone
"""A machine that is a user namespace with a systemd of its own, as LXC makes them: root of `systemd-nspawn --private-users` calls hrun.

The machine shares /usr with the guest.  Its systemd starts this program once more, inside; what that prints is the test's output.

What systemd-nspawn refuses to those inside, and containers need from whatever runtime: keyctl(2), and an uncovered proc and sysfs somewhere.
"""
import json
import os
import re
import shutil
import sys

from guest import HRUN, TOP, bundle, cgroup_of, equal, holds, limits, need_machine, play, properties, read, run, sh, work_directory, write

from signed_image import Key, Layout, busybox_layer  # guest has said where it is

ROOT_ID = 0x10000 * 20  # who the machine's root is outside
RESOURCES = {"memory": {"limit": 64 << 20}, "pids": {"limit": 50}, "cpu": {"quota": 50000, "period": 100000}}
HERE = f"{TOP}/tests/vm/guest/nspawn.py"


# ---- outside ----

def make_machine(root):
    """Its own files are few; /usr is the guest's."""
    for name in ("usr", "etc", "dev", "proc", "sys", "run", "tmp", "var/tmp", "root", "srv", "src"):
        os.makedirs(f"{root}/{name}")
    for name in ("bin", "sbin", "lib", "lib64"):
        os.symlink(f"usr/{name}", f"{root}/{name}")
    for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache", "alternatives"):
        sh("cp", "-a", f"/etc/{name}", f"{root}/etc/")
    shutil.copy("/etc/os-release", f"{root}/etc/os-release")
    write(f"{root}/etc/machine-id", "")
    write(f"{root}/etc/systemd/system/inside.service",
          "[Unit]\nSuccessAction=exit-force\nFailureAction=exit-force\n"
          "[Service]\nType=oneshot\nEnvironment=HRUN_GUEST=1 HOME=/root XDG_RUNTIME_DIR=/srv/session\n"
          f"ExecStart=/usr/bin/python3 -B {HERE} --inside {' '.join(sys.argv[1:])}\n"
          "StandardOutput=file:/srv/output\nStandardError=inherit\n")
    os.makedirs(f"{root}/srv/session")
    sh("chown", "-hR", f"{ROOT_ID}:{ROOT_ID}", root)


def outside():
    need_machine()
    with work_directory("nspawn") as root:
        make_machine(root)
        status, text = run("systemd-nspawn", "-q", f"--directory={root}", f"--private-users={ROOT_ID}:65536", "--private-users-ownership=off",
                           "--private-network", "--register=no", "--link-journal=no", "--console=pipe", "--system-call-filter=keyctl",
                           "--bind-ro=/sys:/opt/sys", "--bind=/proc:/opt/proc", "--bind-ro=/usr:/usr:idmap", "--bind-ro=/src:/src:idmap",
                           "--boot", "systemd.unit=inside.service", "systemd.log_target=console")
        if not os.path.exists(f"{root}/srv/output"):
            print(f"not ok - the machine does not come up: status {status}: {text}")
            return 1
        print(read(f"{root}/srv/output"))
        print(f"the machine ended with status {status}")
        return int(status != 0)


# ---- inside ----

def container(name, *options, path="", change=None, owner=0):
    """Started, its process and its cgroup's directory."""
    def place(config):
        config["linux"]["cgroupsPath"] = path
        if change:
            change(config)

    where = bundle(f"/srv/{name}", "sleep", "1000", resources=RESOURCES, change=place)
    sh("chown", "-R", f"{owner}:{owner}", f"{where}/rootfs")
    sh(HRUN, *options, "run", "-d", "-b", where, name)
    pid = json.loads(sh(HRUN, "state", name))["pid"]
    return pid, cgroup_of(pid)


def walls(pid):
    status = dict(re.findall(r"^(\w+):\s*(.*)$", read(f"/proc/{pid}/status"), re.M))
    equal([status[name] for name in ("Uid", "NoNewPrivs", "Seccomp", "CapEff")], ["1000\t1000\t1000\t1000", "1", "2", "0" * 16], "its walls")


def gone(name, cgroup):
    sh(HRUN, "delete", "--force", name)
    equal((os.path.exists(cgroup), os.listdir("/run/hrun"), os.listdir("/srv/session")), (False, [], []), "what is left")


def the_namespace():
    equal(read("/proc/self/uid_map").split(), ["0", str(ROOT_ID), "65536"], "its ids")
    equal(read("/proc/1/comm"), "systemd", "process 1")


def a_unit_of_its_systemd():
    pid, cgroup = container("unit", "--systemd-cgroup")
    try:
        equal(cgroup, "/sys/fs/cgroup/system.slice/hrun-unit.scope", "cgroup")
        for memory, pids in ((64, 50), (70, 33)):
            told = properties("hrun-unit.scope", "MemoryMax", "TasksMax", "CPUQuotaPerSecUSec", "Delegate")
            equal(told, {"MemoryMax": str(memory << 20), "TasksMax": str(pids), "CPUQuotaPerSecUSec": "500ms", "Delegate": "yes"}, "the unit")
            equal(limits(cgroup), [str(memory << 20), str(pids), "50000 100000"], cgroup)
            sh(HRUN, "update", "--pids-limit", "33", "--memory", str(70 << 20), "unit")
            sh("systemctl", "daemon-reload")
        equal(os.listdir("/run/hrun"), ["unit"], "where its state lies")
        walls(pid)
        equal(sh(HRUN, "exec", "unit", "sh", "-c", "echo $$; cat /proc/self/cgroup").splitlines()[1:], ["0::/"], "exec")
    finally:
        gone("unit", cgroup)
    equal(sh("systemctl", "list-units", "--all", "--plain", "--no-legend", "hrun-*"), "", "units that are left")


def a_cgroup_without_a_unit():
    pid, cgroup = container("plain", path="/beside/plain")
    try:
        equal((cgroup, limits(cgroup)), ("/sys/fs/cgroup/beside/plain", [str(64 << 20), "50", "50000 100000"]), "cgroup")
        walls(pid)
        for verb, frozen in (("pause", "1"), ("resume", "0")):
            sh(HRUN, verb, "plain")
            equal(re.findall(r"^frozen (.)", read(f"{cgroup}/cgroup.events"), re.M), [frozen], verb)
    finally:
        gone("plain", cgroup)


def a_user_namespace_in_it():
    def map_ids(config):
        config["linux"]["namespaces"].append({"type": "user"})
        for kind in ("uidMappings", "gidMappings"):
            config["linux"][kind] = [{"containerID": 0, "hostID": 10000, "size": 5000}]

    pid, cgroup = container("mapped", path="/beside/mapped", change=map_ids, owner=10000)
    try:
        equal(read(f"/proc/{pid}/uid_map").split(), ["0", "10000", "5000"], "its ids")
        equal(os.stat(f"/proc/{pid}").st_uid, 11000, "who it is here")
    finally:
        gone("mapped", cgroup)


def a_hog():
    where = bundle("/srv/hog", "sh", "-c", "x=0123456789abcdef; while :; do x=$x$x; done", resources=RESOURCES)
    status, text = run(HRUN, "--systemd-cgroup", "run", "-b", where, "hog")
    equal(status, 137, text)
    equal(os.listdir("/run/hrun"), [], "what is left")


def whose_policy():
    """The machine's own, which its root chooses; in the guest's /etc there is none."""
    os.makedirs("/etc/hrun")
    try:
        write("/etc/hrun/policy.json", json.dumps({"format": 1, "level": "restricted"}))
        write("/srv/loose.json", json.dumps({"format": 1, "level": "privileged"}))
        for options, level in (((), "restricted"), (("--policy", "/srv/loose.json"), "privileged")):
            equal(json.loads(sh(HRUN, *options, "policy", "show", "--json"))["members"]["level"]["value"], level, options)
    finally:
        shutil.rmtree("/etc/hrun")


def what_is_signed():
    """An image layout and a bundle, by the machine's own policy; unpacked in memory, in a store, and where it is."""
    layout, key = Layout("/srv/images"), Key("good")
    image = layout.image("app", [busybox_layer()])
    layout.sign(image, key, "localhost/app")
    where = bundle("/srv/signed", "echo", "ran")
    try:
        write("/etc/hrun/app.pub", key.pem())
        sh(HRUN, "keygen", "--out", "/srv/key")
        trust = [{"scheme": "cosign-key", "keys": ["app.pub", "/srv/key.pub"], "tlog": "ignore"}]
        write("/etc/hrun/policy.json", json.dumps({"format": 1, "images": {"require": "signed", "trust": trust}}))
        sh(HRUN, "sign", "--key", "/srv/key", where)
        for options in (("/srv/images:app",), ("--store", "/srv/store", "/srv/images:app"), ("--store", "/srv/store", "/srv/images:app")):
            equal(run(HRUN, "run", *options, "--", "id", "-u"), (0, "1000"), options)
        equal(run(HRUN, "run", "-b", where, "signed"), (0, "ran"), "the bundle")
        write(f"{where}/rootfs/etc/new", "x")
        with open(f"/srv/images/blobs/sha256/{image['digest'][7:]}", "ab") as f:
            f.write(b" ")
        for words in (("/srv/images:app",), ("-b", where, "signed")):
            status, text = run(HRUN, "run", *words)
            equal((status, text.count("\n")), (125, 0), text)
            holds(text, "refused", words)
    finally:
        shutil.rmtree("/etc/hrun")


def what_doctor_says():
    lines = {c["id"]: c for c in json.loads(run(HRUN, "doctor", "--format", "json")[1])["checks"]}
    for name, words in (("cgroup.systemd", "the machine's systemd, which listens at /run/systemd/private"), ("hrun.state-root", "/run/hrun")):
        equal(lines[name]["status"], "ok", lines[name])
        holds(lines[name]["text"], words, name)
    equal([c["id"] for c in lines.values() if c["status"] == "fail"], [], "what fails")


def inside():
    del sys.argv[1]
    return play([("the namespace", the_namespace), ("a unit of its systemd", a_unit_of_its_systemd), ("a cgroup without a unit", a_cgroup_without_a_unit),
                 ("a user namespace in it", a_user_namespace_in_it), ("a hog", a_hog), ("whose policy", whose_policy), ("what is signed", what_is_signed),
                 ("what doctor says", what_doctor_says)])


if __name__ == "__main__":
    sys.exit(inside() if sys.argv[1:2] == ["--inside"] else outside())
