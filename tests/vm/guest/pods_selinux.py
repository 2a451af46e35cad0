#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
# alone
"""Pods of containerd with enable_selinux, permissive and enforcing: the labels that containerd chooses, what the kernel makes of them, what hrun refuses."""
import os
import sys
import uuid

import guest
from guest import enforce, equal, holds, install, label_of, need_machine, play, read, sh

import cri
import kubelet
import pods
from cri_client import Failed

PROCESS, FILE = "system_u:system_r:container_t:", "system_u:object_r:container_file_t:"
PROGRAMS = "/usr/local/libexec/hrun"
CURRENT = ("cat", "/proc/self/attr/current")


def process_label(container):
    return read(f"/proc/{pods.pid_of(container)}/attr/current").strip("\0\n")


def pod(**more):
    return pods.Pod(pods.client, **more)


def refused(what, *texts):
    """The engine's error has each of TEXTS."""
    try:
        what()
    except Failed as error:
        for text in texts:
            holds(str(error), text, "what the kubelet is told")
    else:
        raise AssertionError(f"expected {texts}")


def start(selinux_options, of_pod=False):
    with pod(**({"selinux_options": selinux_options} if of_pod else {})) as one:
        one.start("true", selinux_options=selinux_options)


def labels():
    """One pair of categories for a pod's pause container, containers, probes and mounts, and another one for the next pod."""
    with pod() as one, pod() as other:
        first, second = one.start("sleep", "1000"), one.start("sleep", "1000")
        label = process_label(one.id)
        pair = label.removeprefix(PROCESS + "s0:")
        equal(label, f"{PROCESS}s0:{pair}", "the pause container")
        equal([process_label(first), process_label(second)], [label, label], "containers of a pod")
        equal(one.probe(first, *CURRENT), (0, label + "\0"), "a probe")
        equal(one.run("sh", "-c", "cat /proc/self/attr/current; exit 4"), (4, label + "\0\n"), "exit code and log")
        for path in ("/", "/dev", "/dev/mqueue", "/dev/pts"):
            equal(label_of(f"/proc/{pods.pid_of(first)}/root{path}"), f"{FILE}s0:{pair}", path)
        equal(process_label(other.id) == label, False, "another pod has the same categories")
    pods.nothing_left(one)


def chosen():
    """seLinuxOptions of a pod and of a container; what they may not be."""
    with pod(selinux_options={"level": "s0:c1,c2"}) as one:
        equal(process_label(one.id), PROCESS + "s0:c1,c2", "the pod's level")
        equal(one.run(*CURRENT), (0, PROCESS + "s0:c1,c2\0\n"), "the pod's level in a container")
        equal(one.run(*CURRENT, selinux_options={"level": "s0:c3,c4"}), (0, PROCESS + "s0:c3,c4\0\n"), "a container's level")
        refused(lambda: one.start("true", selinux_options={"type": "spc_t"}), "hrun: refused [selinux-type] process.selinuxLabel")
        refused(lambda: one.start("true", selinux_options={"type": "container_init_t", "level": "s0:c3,c4"}), "the policy of this machine does not know")
    refused(lambda: pod(selinux_options={"type": "spc_t"}), "hrun: refused [selinux-type] process.selinuxLabel")
    pods.nothing_left(one)


def volume(label):
    """A volume of the kubelet's with this label, and a file in it."""
    top = f"/var/lib/kubelet/pods/{uuid.uuid4()}"
    path = f"{top}/volumes/kubernetes.io~empty-dir/v"
    os.makedirs(path)
    with open(f"{path}/x", "w") as f:
        f.write("old\n")
    sh("restorecon", "-RF", top)
    sh("chcon", "-R", label, path)
    return {"container_path": "/v", "host_path": path}


def volumes():
    """Without a label the kernel refuses, and where it is asked to containerd labels a volume for the pod; then no other pod has it."""
    change = ("sh", "-c", "cat /v/x; echo new >/v/x")
    strange, foreign = volume("system_u:object_r:var_lib_t:s0"), volume(FILE + "s0:c1022,c1023")
    with pod() as one:
        for mount in (strange, foreign):
            status, out = one.run(*change, mounts=[mount])
            equal((status, out.count("ermission denied")), (1, 2), f"{mount}: {out}")
        equal(one.run(*change, mounts=[{**foreign, "selinux_relabel": True}]), (0, "old\n"), "with selinux_relabel")
        equal(one.run("cat", "/v/x", mounts=[foreign]), (0, "new\n"), "another container of the pod")
    with pod() as other:
        status, out = other.run("cat", "/v/x", mounts=[foreign])
        equal((status, "ermission denied" in out), (1, True), f"another pod: {out}")
        enforce(False)
        equal(other.run("cat", "/v/x", mounts=[foreign]), (0, "new\n"), "it was the label")
        enforce(True)
    pods.nothing_left(other)


def user_namespace():
    with pod(namespace_options=cri.OWN_USERS) as one:
        label = process_label(one.id)
        holds(label, PROCESS + "s0:c", "the pause container")
        equal(one.run("sh", "-c", "cat /proc/self/attr/current; busybox awk '{print $2}' /proc/self/uid_map; touch /dev/mqueue/x && stat -c %u /dev/mqueue/x"),
              (0, label + "\x00200000\n0\n"), "a container")
    pods.nothing_left(one)


def permissive():
    enforce(False)
    with pod() as one:
        label = process_label(one.id)
        holds(label, PROCESS + "s0:c", "the pause container")
        equal(one.run(*CURRENT), (0, label + "\0\n"), "a container")
    enforce(True)
    pods.nothing_left(one)


def helpers():
    """Labelled as Debian's policy has it, hrun-scope may not be executed by containerd's domain."""
    sh("chcon", "-t", "usr_t", f"{PROGRAMS}/hrun-scope")
    refused(pod, f"{PROGRAMS}/hrun-scope` may not be executed", "chcon -t bin_t")
    sh("chcon", "-t", "bin_t", f"{PROGRAMS}/hrun-scope")


def no_label():
    """containerd without enable_selinux names no label, and its domain may not ask the kernel what a label may do."""
    pods.configure()
    refused(pod, "hrun: refused [selinux-missing] process.selinuxLabel")


def main():
    need_machine()
    if not guest.selinux_is_on():
        print("SELinux is off on this machine")
        return 77
    install("hrun-restricted")
    pods.prepare("  enable_selinux = true")
    os.makedirs("/var/log/pods", exist_ok=True)  # as the kubelet does
    for path in ("/opt/cni", "/etc/cni", pods.CONFIG, "/var/log/pods"):  # made by who is logged in
        sh("restorecon", "-RF", path)
    enforce(True)
    try:
        # no_label comes last: it takes enable_selinux away.
        return play([("a pod's life", pods.life), ("labels of pods", labels), ("labels that are chosen", chosen), ("volumes", volumes),
                     ("user namespace", user_namespace), ("permissive", permissive), ("hrun's helpers", helpers), ("no label", no_label)])
    finally:
        enforce(False)
        pods.clean()


if __name__ == "__main__":
    sys.exit(main())
