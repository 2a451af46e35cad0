#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 900
# alone
"""SELinux on a machine that has it, permissive and enforcing: what the kernel says of processes, keys and mounts of containers."""
import ctypes
import json
import os
import re
import shutil
import subprocess
import sys

import guest  # finds what is in tests/engines
from engine import report, sh
from guest import HRUN, enforce, label_of, label_tree, set_label

WORK, POLICY = "/var/tmp/hrun-selinux", "/run/hrun-selinux.json"
PROCESS, FILE = "system_u:system_r:container_t:s0", "system_u:object_r:container_file_t:s0"
STRANGE = "system_u:object_r:user_home_t:s0"  # what no container may use
CURRENT = ("cat", "/proc/self/attr/current")
FRESH = re.compile(PROCESS + r":c(\d+),c(\d+)")
good = True


def check(name, condition, why=""):
    global good
    good &= report(bool(condition), f"selinux: {name}", str(why)[-400:])


def bundle(name, *args, label=None, mount_label=None, root_label=FILE, change=None):
    def changes(config):
        if mount_label:
            config["linux"]["mountLabel"] = mount_label
        if change:
            change(config)

    path = guest.bundle(f"{WORK}/{name}", *args, change=changes, selinuxLabel=label)
    label_tree(f"{path}/rootfs", root_label)
    return path


def tell(command):
    """Its status and output.  What a container writes to must be of a type that it may use, and no pipe of a log-in is."""
    with open(f"{WORK}/out", "w"):
        pass
    set_label(f"{WORK}/out", FILE)
    status, _ = sh(f"{command} >{WORK}/out 2>&1")
    with open(f"{WORK}/out") as f:
        return status, f.read().replace("\0", "").strip()


def run(name, *args, options="", **more):
    return tell(f"{HRUN} {options} run -b {bundle(name, *args, **more)} {name}")


def start(name, path, options=""):
    status, out = tell(f"{HRUN} {options} create -b {path} {name} && {HRUN} {options} start {name}")
    if status:
        return None, out
    return json.loads(sh(f"{HRUN} state {name}")[1])["pid"], out


def of_process(pid):
    with open(f"/proc/{pid}/attr/current") as f:
        return f.read().strip("\0\n ")


def key_labels():
    """Of all session keyrings that root may see, by KEYCTL_GET_SECURITY."""
    libc, text, labels = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(4096), set()
    with open("/proc/keys") as f:
        keys = [int(line.split()[0], 16) for line in f if " keyring " in line and "_ses" in line]
    for key in keys:
        if libc.syscall(250, 17, ctypes.c_int32(key), text, len(text)) > 0:
            labels.add(text.value.decode())
    return labels


def bind(source):
    def change(config):
        config["mounts"].append({"destination": "/data", "type": "bind", "source": source, "options": ["bind", "rw", "nosuid", "nodev"]})
    return change


# ---- both modes ----

def labelled(mode, first):
    label = f"{PROCESS}:c{first},c{first + 1}"
    status, out = run(f"labelled-{mode}", *CURRENT, label=label)
    check(f"{mode}: the program runs with the config's label", (status, out) == (0, label), out)
    status, out = run(f"unknown-{mode}", "sh", "-c", "echo ran", label=f"{PROCESS}:c1,c9999")
    check(f"{mode}: a label that the policy does not know is an error before the program runs", status and "does not know" in out and "ran" not in out,
          out)
    status, out = run(f"unknown-mount-{mode}", "sh", "-c", "echo ran", label=label, mount_label="system_u:object_r:hrun_none_t:s0")
    check(f"{mode}: so is such a label of the mounts", status and "ran" not in out, out)
    check(f"{mode}: and nothing is left", sh(f"{HRUN} list -q")[1].strip() == "")


def permissive():
    enforce(False)
    labelled("permissive", 1)
    status, out = run("none", *CURRENT)
    check("permissive: no label is made up", status == 0 and not out.startswith(PROCESS), out)


# ---- enforcing ----

def living():
    label, mount = f"{PROCESS}:c1,c2", f"{FILE}:c1,c2"
    path = bundle("living", "sleep", "1000", label=label, mount_label=mount)
    pid, out = start("living", path)
    check("a container of both labels starts", pid, out)
    if not pid:
        return
    check("the kernel says so of its process", of_process(pid) == label, of_process(pid))
    for place in ("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/tmp", "/sys/firmware"):
        check(f"{place} has the label of mounts", label_of(f"/proc/{pid}/root{place}") == mount, label_of(f"/proc/{pid}/root{place}"))
    check("its session keyring has the label of the process", label in key_labels(), key_labels())
    status, out = tell(f"{HRUN} exec living sh -c 'ls -A /sys/firmware && echo x >/tmp/x && cat /tmp/x'")
    check("it may read a masked directory and write to its mounts", (status, out) == (0, "x"), out)
    inside(label)
    sh(f"{HRUN} delete --force living")


def inside(label):
    status, out = tell(f"{HRUN} exec living {' '.join(CURRENT)}")
    check("exec has the container's label", (status, out) == (0, label), out)
    other = f"{PROCESS}:c5,c6"
    status, out = tell(f"{HRUN} exec --process-label {other} living true")
    check("exec with another one is refused", status and "exec-raises" in out, out)
    privileged = f"--policy {POLICY}"
    start("open", bundle("open", "sleep", "1000", label=label), privileged)
    status, out = tell(f"{HRUN} {privileged} exec --process-label {other} open {' '.join(CURRENT)}")
    check("at level privileged it is granted", (status, out) == (0, other), out)
    sh(f"{HRUN} delete --force open")


def categories():
    os.makedirs(f"{WORK}/data")
    with open(f"{WORK}/data/secret", "w") as f:
        f.write("secret\n")
    label_tree(f"{WORK}/data", f"{FILE}:c3,c4")
    read = ("cat", "/data/secret")
    options = f"--policy {POLICY}"
    status, out = run("own", *read, label=f"{PROCESS}:c3,c4", change=bind(f"{WORK}/data"), options=options)
    check("a container reads files of its categories", (status, out) == (0, "secret"), out)
    status, out = run("foreign", *read, label=f"{PROCESS}:c1,c2", change=bind(f"{WORK}/data"), options=options)
    check("and none of others'", status and "ermission denied" in out and "secret\n" not in out + "\n", out)
    enforce(False)
    status, out = run("foreign-permissive", *read, label=f"{PROCESS}:c1,c2", change=bind(f"{WORK}/data"), options=options)
    check("it was the categories", (status, out) == (0, "secret"), out)
    enforce(True)


def hardened():
    pairs = set()
    for name in ("fresh", "fresher"):
        status, out = run(name, *CURRENT)
        pair = FRESH.fullmatch(out)
        check("without a label it gets container_t and two categories", status == 0 and pair and int(pair[1]) < int(pair[2]), out)
        pairs.add(out)
    check("which are others each time", len(pairs) == 2, pairs)
    pid, out = start("repaired", bundle("repaired", "sleep", "1000"))
    check("a repaired container starts", pid, out)
    if pid:
        label = of_process(pid)
        check("its mounts have the same categories", label_of(f"/proc/{pid}/root/tmp") == FILE + label[len(PROCESS):], label)
        status, out = tell(f"{HRUN} exec repaired sh -c 'cat /proc/self/attr/current; echo x >/tmp/x'")
        check("exec has what create gave", (status, out) == (0, label), out)
        sh(f"{HRUN} delete --force repaired")
    out = sh(f"{HRUN} plan {WORK}/fresh")[1]
    check("hrun plan shows it", re.search(r"selinux +" + FRESH.pattern + r" .*\(hardened, selinux-missing\)", out), out)


def unfit():
    status, out = run("unlabelled", "true", root_label=STRANGE)
    check("a root that is not labelled for containers is refused", status and "[selinux-missing]" in out and "the root directory" in out, out)
    path = bundle("program", "busybox", "true")
    set_label(f"{path}/rootfs/bin/busybox", STRANGE)
    status, out = tell(f"{HRUN} run -b {path} program")
    check("so is such a program", status and "[selinux-missing]" in out and "the program" in out, out)
    status, out = run("others", "true", root_label=f"{FILE}:c1,c2")
    check("and a root of one container alone", status and "[selinux-missing]" in out, out)
    status, out = run("unlabelled-privileged", *CURRENT, root_label=STRANGE, options=f"--policy {POLICY}")
    check("at level privileged it runs without", not out.startswith(PROCESS), out)


# ---- engines ----

def engine(command):
    """As a service, in podman's own domain.  Its output is a file that it may use: a log-in's pipe can neither be handed to systemd nor used."""
    out = f"{WORK}/engine"
    with open(out, "w"):
        pass
    set_label(out, FILE)
    status, why = sh(f"systemd-run -q --wait --collect -p StandardOutput=append:{out} -p StandardError=append:{out} {command}")
    with open(out) as f:
        return status, (why + f.read()).replace("\0", "").strip()


def podman(*words, options=""):
    return engine(f"podman --runtime {HRUN} --cgroup-manager cgroupfs run --rm --network none {options} localhost/bb {' '.join(words)}")


def with_podman():
    sh(f"tar -C {WORK}/fresh/rootfs -cf {WORK}/image.tar .")
    set_label(f"{WORK}/image.tar", FILE)
    engine(f"podman import {WORK}/image.tar localhost/bb")
    status, out = podman(*CURRENT)
    check("podman's own label", status == 0 and FRESH.fullmatch(out), out)
    os.makedirs(f"{WORK}/volume")
    set_label(f"{WORK}/volume", STRANGE)
    write = ("sh", "-c", "'echo written >/data/x && cat /data/x'")
    status, out = podman(*write, options=f"-v {WORK}/volume:/data")
    check("a volume without a label is the kernel's to refuse", status and "ermission denied" in out, out)
    status, out = podman(*write, options=f"-v {WORK}/volume:/data:Z")
    check("with :Z it can be written", (status, out) == (0, "written"), out)
    status, out = podman("true", options="--security-opt label=disable")
    check("label=disable is refused", status and "selinux-missing" in out, out)
    enforce(False)
    status, out = podman(*CURRENT, options="--security-opt label=disable")
    check("permissive, it runs without a label", status == 0 and not FRESH.match(out), out)
    enforce(True)


def with_image():
    engine(f"podman save -q --format oci-dir -o {WORK}/layout localhost/bb")
    status, out = tell(f"{HRUN} run {WORK}/layout -- {' '.join(CURRENT)}")
    check("an image in memory is labelled for containers", status == 0 and FRESH.fullmatch(out), out)


def install():
    shutil.rmtree(WORK, ignore_errors=True)
    os.makedirs(WORK)
    os.chmod(WORK, 0o755)
    set_label(WORK, FILE)
    guest.install()
    with open(POLICY, "w") as f:
        f.write('{"format":1,"level":"privileged"}')


def main():
    if not guest.selinux_is_on():
        print("SELinux is off on this machine")
        return 77
    install()
    subprocess.run(["modprobe", "overlay"], check=True)  # podman's domain may not have it loaded
    permissive()
    enforce(True)
    try:
        labelled("enforcing", 5)
        living()
        categories()
        hardened()
        unfit()
        with_podman()
        with_image()
        out = sh(f"{HRUN} doctor")[1]
        check("hrun doctor says what hrun is", re.search(r"lsm.selinux.*enforcing, hrun is \S*container_(runtime|engine)_exec_t", out), out)
    finally:
        enforce(False)
    return 0 if good else 1


sys.exit(main())
