#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
# tree: bookworm containerd,busybox-static,python3,python3-h2
# tree: trixie containerd,busybox-static,python3,python3-h2
# tree: sid containerd,busybox-static,python3,python3-h2
"""Pods: containerd's Kubernetes interface with hrun as the runtime classes of contrib/, driven as the kubelet drives it.

Runs in trees of Debian under build/tests/isolate --root, with images and a network plugin made here, and no kubelet.
"""
import filecmp
import glob
import json
import os
import shutil
import signal
import sys
import uuid

import kubelet
from cri_client import CONTAINER, EXITED, LOCALHOST, NODE, POD, READY, RUNNING, UNCONFINED, Failed
from engine import TOP, Results, image_program_runs, kept, outside, release, sh
from kubelet import Pod
from signed_image import Key, Layout, busybox_layer, edit, entry, layer, write

results = Results("pods: ")
check = results.check
SHARED = {"namespace_options": {"pid": POD}}
DEFAULT_CAPABILITIES, NONE, BIND_SERVICE = "00000000a80425fb", "0000000000000000", "0000000000000400"


def refused(name, what, *texts):
    """WHAT(), a call of the kubelet's, fails, and each of TEXTS stands in what it is told."""
    try:
        answer = what()
    except Failed as error:
        check(all(text in str(error) for text in texts), name, f"expected {texts}: {error}")
    else:
        check(False, name, f"expected {texts}: {answer}")


def pid_of(container):
    return json.loads(sh(f"hrun --root {kubelet.ROOT} state {container}")[1])["pid"]


def field(pid, name):
    """NAME of /proc/PID/status."""
    return next(line.split(":", 1)[1].split() for line in open(f"/proc/{pid}/status") if line.startswith(name + ":"))


# ---- a pod, its containers and what the kubelet asks of them ----

def life(client):
    with Pod(client) as pod:
        first, second = pod.start("sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.1; done"), pod.start("sleep", "1000")
        pids = [pid_of(one) for one in (pod.id, first, second)]
        check(len({os.readlink(f"/proc/{pid}/ns/net") for pid in pids}) == 1 and os.readlink("/proc/self/ns/net") != os.readlink(f"/proc/{pids[0]}/ns/net"), "one network")
        check(len({os.readlink(f"/proc/{pid}/ns/pid") for pid in pids}) == 3, "a pid namespace each")
        check(len({os.readlink(f"/proc/{pid}/ns/ipc") for pid in pids}) == 1, "one ipc namespace")
        for container, pid in zip((pod.id, first, second), pids):
            cgroup = open(f"/proc/{pid}/cgroup").read().strip()
            check(cgroup.endswith(pod.cgroup_of(container).removeprefix("/sys/fs/cgroup")), "a container's cgroup", cgroup)
            walls = [field(pid, name) for name in ("Seccomp", "NoNewPrivs", "CapEff")]
            check(walls == [["2"], ["1"], [NONE if container == pod.id else DEFAULT_CAPABILITIES]], "a container's walls", str(walls))
        check(pod.probe(first, "busybox", "ip", "-4", "address", "show", "eth0")[1].count("10.88.0.2/24") == 1, "the network plugin's address")
        check(pod.probe(second, "sh", "-c", "echo alive; echo well >&2") == (0, "alive\nwell\n"), "a probe by exec")
        check(pod.probe(second, "sh", "-c", "exit 7") == (7, ""), "a probe that fails")
        check(pod.probe(second, "cat", "/proc/self/status")[1].count("Seccomp:\t2") == 1, "a probe's walls")
        refused("a probe of no program", lambda: pod.probe(second, "nosuch"), "executable file not found")
        check(pod.run("sh", "-c", "echo said; exit 9") == (9, "said\n"), "exit code and log")
        stats = client.ContainerStats(container_id=second)["stats"]
        check(stats["attributes"]["id"] == second and stats["cpu"]["timestamp"], "stats", str(stats))
        client.StopContainer(container_id=first, timeout=10)
        client.StopContainer(container_id=second, timeout=1)
        ends = [(status["state"], status["exit_code"]) for status in (pod.status(first), pod.status(second))]
        check(ends == [(EXITED, 3), (EXITED, 137)], "stopped, by the signal and without it", str(ends))
        client.RemoveContainer(container_id=first)
        check(first not in sh(f"hrun --root {kubelet.ROOT} list -q")[1] and second not in kubelet.left().split(), "removed")
    check(not kubelet.left(), "nothing is left of a pod", kubelet.left())


def resources(client):
    """Limits of a running container: what the kernel has, or hrun's sentence where this host has no such controller."""
    here = open("/sys/fs/cgroup/cgroup.controllers").read().split()
    with Pod(client) as pod:
        container = pod.start("sleep", "1000")
        for controller, name, value, file, text in (("memory", "memory_limit_in_bytes", 64 << 20, "memory.max", str(64 << 20)), ("cpu", "cpu_quota", 50000, "cpu.max", "50000 100000")):
            change = {name: value, **({"cpu_period": 100000} if controller == "cpu" else {})}
            if controller not in here:
                refused(f"no {controller} controller: said", lambda: client.UpdateContainerResources(container_id=container, linux=change), f"this host's cgroup2 has no {controller} controller")
                continue
            client.UpdateContainerResources(container_id=container, linux=change)
            found = open(f"{pod.cgroup_of(container)}/{file}").read().strip()
            check(found == text, f"{file} of a running container", found)
        check(pod.probe(container, "echo", "alive") == (0, "alive\n"), "it still runs")


# ---- what a pod may ask for ----

def shared_processes(client):
    with Pod(client, **SHARED) as pod:
        first, second = pod.start("sleep", "1001"), pod.start("sleep", "1002")
        seen = pod.probe(second, "busybox", "ps", "-o", "args")[1].splitlines()
        check(all(one in seen for one in ("/pause", "sleep 1001", "sleep 1002")), "shareProcessNamespace: the others are seen", str(seen))
        check(os.readlink(f"/proc/{pid_of(first)}/ns/pid") == os.readlink(f"/proc/{pid_of(pod.id)}/ns/pid"), "shareProcessNamespace: the pause container's")
    check(not kubelet.left(), "nothing is left of shared processes", kubelet.left())


def privileged(client):
    """Of containerd 1.x it is the container that is refused, of 2.x the pod."""
    with Pod(client, privileged=True) as pod:
        pod.start("true", privileged=True)


def host(client):
    """What hrun refuses at baseline, in the words that the kubelet passes on as the pod's event."""
    for name, options, rule in (("hostNetwork", {"network": NODE, "pid": CONTAINER}, "ns-net-host"), ("hostIPC", {"ipc": NODE, "pid": CONTAINER}, "ns-ipc-host"),
                                ("hostPID", {"pid": NODE}, "ns-pid-host")):
        refused(f"{name} is refused", lambda: Pod(client, namespace_options=options), "hrun: refused", f"[{rule}]")
    refused("privileged is refused", lambda: privileged(client), "hrun: refused [")
    with Pod(client) as pod:
        for path, rule in (("/", "mount-host-root"), ("/run/containerd/containerd.sock", "mount-engine-state"), ("/var/lib/containerd", "mount-engine-state")):
            refused(f"hostPath {path} is refused", lambda: pod.start("true", mounts=[{"container_path": "/host", "host_path": path}]), f"hrun: refused [{rule}] mounts[")
        refused("a dangerous capability is refused", lambda: pod.start("true", capabilities={"add_capabilities": ["SYS_ADMIN"]}), "hrun: refused [caps-dangerous]")
        check(pod.run("echo", "well") == (0, "well\n"), "and the pod is as it was")
    check(not kubelet.left(), "nothing is left of what was refused", kubelet.left())


# ---- what is around a container ----

def filters(client):
    """RuntimeDefault of containerd 1.x lets io_uring through, which no policy but contrib's makes of it what 2.x has."""
    call = ("probe", "syscall", "425")  # io_uring_setup
    os.rename("/etc/hrun/policy.json", "/etc/hrun/aside.json")
    if kubelet.version() < (2, 0):
        refused("RuntimeDefault of containerd 1.x without contrib's policy", lambda: Pod(client), "hrun: refused [seccomp-dangerous-syscall]", "io_uring_setup may be called")
    else:
        with Pod(client) as pod:
            check(pod.run(*call) == (0, "EPERM\n"), "RuntimeDefault of containerd 2.x without a policy file")
    os.rename("/etc/hrun/aside.json", "/etc/hrun/policy.json")
    profile = {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [{"names": names(), "action": "SCMP_ACT_ALLOW"}]}
    os.makedirs("/var/lib/kubelet/seccomp")
    write("/var/lib/kubelet/seccomp/mine.json", json.dumps(profile))
    write("/var/lib/kubelet/seccomp/open.json", json.dumps({"defaultAction": "SCMP_ACT_ALLOW"}))
    with Pod(client) as pod:
        check(pod.run(*call) == (0, "EPERM\n"), "RuntimeDefault", str(pod.run(*call)))
        out = pod.run("sh", "-c", "grep Seccomp: /proc/self/status; probe syscall 425", seccomp={"profile_type": UNCONFINED})[1]
        check(out == "Seccomp:\t2\nEPERM\n", "Unconfined: hrun's own filter", out)
        for name, errno in (("mine", "ENOSYS"), ("open", "")):
            localhost = {"profile_type": LOCALHOST, "localhost_ref": f"/var/lib/kubelet/seccomp/{name}.json"}
            if errno:
                check(pod.run(*call, seccomp=localhost) == (0, errno + "\n"), "Localhost: the profile's own answer", str(pod.run(*call, seccomp=localhost)))
            else:
                refused("Localhost: a profile that allows everything", lambda: pod.start("true", seccomp=localhost), "hrun: refused [seccomp-default-allow]")


def names():
    """Calls that a small program needs, from the profile that the project has of docker's."""
    rules = json.load(open(f"{TOP}/tests/seccomp/docker.json"))["syscalls"]
    return sorted({name for rule in rules if rule["action"] == "SCMP_ACT_ALLOW" and not rule.get("args") and "read" in rule["names"] for name in rule["names"]} | {"arch_prctl"})


def confinement(client):
    with Pod(client, linux={"sysctls": {"net.ipv4.ip_unprivileged_port_start": "81", "kernel.shm_rmid_forced": "1"}}) as pod:
        user = {"run_as_user": {"value": 1000}, "run_as_group": {"value": 1001}, "supplemental_groups": [7, 8], "readonly_rootfs": True,
                "no_new_privs": True, "capabilities": {"drop_capabilities": ["ALL"], "add_capabilities": ["NET_BIND_SERVICE"]}}
        container = pod.start("sleep", "1000", **user)
        pid = pid_of(container)
        found = [field(pid, name) for name in ("Uid", "Gid", "Groups", "CapEff", "CapBnd", "NoNewPrivs")]
        check(found[:3] == [["1000"] * 4, ["1001"] * 4, ["7", "8", "1001"]] or found[:3] == [["1000"] * 4, ["1001"] * 4, ["7", "8"]], "runAsUser, runAsGroup, supplementalGroups", str(found))
        check(found[4:] == [[BIND_SERVICE], ["1"]], "capabilities", str(found))
        check(pod.probe(container, "touch", "/x") == (1, "touch: /x: Read-only file system\n"), "readOnlyRootFilesystem")
        check(pod.probe(container, "id", "-u") == (0, "1000\n"), "a probe's user")
        values = pod.probe(container, "cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start", "/proc/sys/kernel/shm_rmid_forced")
        check(values == (0, "81\n1\n"), "sysctls", str(values))
        masked = pod.probe(container, "sh", "-c", "cat /proc/timer_list | busybox wc -c; touch /proc/sys/kernel/hostname; busybox grep -E ' /proc/(kcore|keys|sys) ' /proc/self/mountinfo")[1]
        check(masked.startswith("0\n") and "Read-only" in masked and masked.count(" ro,") >= 2, "masked and read-only paths", masked)
        refused("procMount Unmasked", lambda: pod.start("true", masked_paths=[], readonly_paths=[]), "hrun: refused [")
    refused("a sysctl of the host", lambda: Pod(client, linux={"sysctls": {"kernel.core_pattern": "|/x"}}), "hrun: refused [", "kernel.core_pattern")


def volumes(client):
    """Of a volume with a mount below: what read-only means there."""
    path = f"/var/lib/kubelet/pods/{uuid.uuid4()}/volumes/kubernetes.io~empty-dir/v"
    sh(f"mkdir -p {path}/below && mount -t tmpfs tmpfs {path}/below")
    mount = {"container_path": "/v", "host_path": path}
    write_both = ("sh", "-c", "touch /v/x; touch /v/below/x")
    with Pod(client) as pod:
        check(pod.run(*write_both, mounts=[mount])[1] == "", "a volume")
        out = pod.run(*write_both, mounts=[{**mount, "readonly": True}])[1]
        check("/v/x: Read-only" in out, "a read-only volume", out)
        features = {handler["name"]: handler["features"] for handler in client.Status()["runtime_handlers"]}
        if not features:
            print("skip - pods: recursive read-only mounts: this containerd knows none")
        else:
            check(features["hrun"]["recursive_read_only_mounts"] == 1, "recursive read-only mounts: offered", str(features))
            out = pod.run(*write_both, mounts=[{**mount, "readonly": True, "recursive_read_only": True}])[1]
            check(out.count("Read-only") == 2, "recursive read-only mounts", out)
    sh(f"umount {path}/below")


WHOSE = [{"host_id": 200000, "container_id": 0, "length": 65536}]
OWN_USERS = {"pid": CONTAINER, "userns_options": {"mode": POD, "uids": WHOSE, "gids": WHOSE}}


def user_namespace(client):
    """hostUsers: false"""
    if kubelet.version() < (1, 7):
        print("skip - pods: user namespaces: containerd 1.6 does not read that it should make one")
        return
    with Pod(client, namespace_options=OWN_USERS) as pod:
        container = pod.start("sleep", "1000")
        pid = pid_of(container)
        check(field(pid, "Uid") == ["200000"] * 4, "hostUsers: false", str(field(pid, "Uid")))
        check(os.readlink(f"/proc/{pid}/ns/user") == os.readlink(f"/proc/{pid_of(pod.id)}/ns/user"), "hostUsers: false: the pod's user namespace")
        check(pod.probe(container, "sh", "-c", "id -u; touch /x && stat -c %u /x")[1] == "0\n0\n", "hostUsers: false: root inside")
        path = f"/var/lib/kubelet/pods/{uuid.uuid4()}/volumes/kubernetes.io~empty-dir/v"
        os.makedirs(path)
        write(f"{path}/of-root", "of root\n")
        mapped = {"container_path": "/v", "host_path": path, "uidMappings": WHOSE, "gidMappings": WHOSE}
        if kubelet.version() < (2, 0):
            refused("a volume with mappings, which containerd 1.x has not", lambda: pod.start("true", mounts=[mapped]), "idmap mounts not yet supported")
            return
        out = pod.run("sh", "-c", "stat -c %u /v/of-root; touch /v/new", mounts=[mapped])[1]
        check((out, os.stat(f"{path}/new").st_uid) == ("0\n", 0), "hostUsers: false: a volume with mappings", f"{out} {os.stat(f'{path}/new').st_uid}")


def restricted(client):
    """The class of the strict: what baseline lets start is refused there, and a service that says what it needs starts."""
    user = {"run_as_user": {"value": 1000}, "run_as_group": {"value": 1000}}
    service = {**user, "readonly_rootfs": True, "no_new_privs": True, "capabilities": {"drop_capabilities": ["ALL"]}}
    lift = {"memory-limit-missing": "off"} if "memory" not in open("/sys/fs/cgroup/cgroup.controllers").read().split() else {}
    kubelet.policy("restricted.json", rules=lift)
    refused("restricted: a pause container that runs as root", lambda: Pod(client, handler="hrun-restricted", run_as_user={"value": 0}),
            "hrun: refused [user-root] process.user.uid", "runAsUser")
    with Pod(client, handler="hrun-restricted") as pod:
        check(field(pid_of(pod.id), "Uid") == ["65535"] * 4 and field(pid_of(pod.id), "CapEff") == [NONE], "restricted: the pause container")
        refused("restricted: root", lambda: pod.start("true", **{**service, "run_as_user": {"value": 0}}), "hrun: refused [user-root] process.user.uid runs as the root of the host; ", "runAsUser")
        refused("restricted: a writable root", lambda: pod.start("true", **{**service, "readonly_rootfs": False}), "hrun: refused [rootfs-writable]")
        refused("restricted: capabilities", lambda: pod.start("true", **{**service, "capabilities": {}}), "hrun: refused [caps-")
        check(pod.run("id", "-u", **service, resources={} if lift else {"memory_limit_in_bytes": 64 << 20}) == (0, "1000\n"), "restricted: a service that says what it needs")
        listed = {one["id"]: one["runtime_handler"] for one in client.ListPodSandbox()["items"]}
        check(listed[pod.id] == "hrun-restricted", "restricted: the pod's class", str(listed))
    check(not kubelet.left(), "nothing is left of restricted pods", kubelet.left())


# ---- signed images ----

SNAPSHOTS = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots"
KEY = Key("good")


def signed(client, layout, pause, app):
    """images.require in the namespace of pods: the pause image is one like any other."""
    if not image_program_runs():
        print(f"skip - pods: signed images: hrun-image of this build does not run in Debian {release()}")
        return
    write("/etc/hrun/good.pub", KEY.pem())
    images = {"require": "signed", "signatures": ["signatures"], "trust": [{"scope": "*", "scheme": "cosign-key", "keys": ["good.pub"], "tlog": "ignore"}]}
    kubelet.policy("policy.json", images=images)
    signatures = Layout("/etc/hrun/signatures")
    signatures.sign(app, KEY, "localhost/app")
    refused("an unsigned pause image", lambda: Pod(client), "hrun: refused [image-signature-missing]", "localhost/pause:1", "no signature")
    signatures.sign(pause, KEY, "localhost/pause")
    other = layout.image("localhost/other", [busybox_layer(), layer(entry("other", data=b"1"))])
    kubelet.load(client, layout, other, "other")
    with Pod(client) as pod:
        check(pod.run("echo", "started") == (0, "started\n"), "a signed image under a signed pause image")
        refused("an unsigned image", lambda: pod.start("true", image="localhost/other:1"), "hrun: refused [image-signature-missing]", "localhost/other:1", "no signature")
        built = f"{os.environ['BUILD']}/tests/sandbox/probe"  # a machine that lives longer has that of an older image as well
        program = next(path for path in glob.glob(f"{SNAPSHOTS}/*/fs/bin/probe") if filecmp.cmp(path, built, shallow=False))
        with kept(program):
            edit(program, b"X", 1000)
            refused("an edited byte", lambda: pod.start("true"), "hrun: refused [image-signature-missing]", "localhost/app:1", "bin/probe: its content is not the image's")
        check(pod.run("echo", "again") == (0, "again\n"), "undone, it starts again")
    if kubelet.version() >= (1, 7):
        refused("signed images with hostUsers: false", lambda: Pod(client, namespace_options=OWN_USERS), "hrun: refused [image-signature-missing]")
    kubelet.policy("policy.json")
    check(not kubelet.left(), "nothing is left of signed pods", kubelet.left())


# ---- containerd dies ----

def killed(client, daemon):
    """The shim and the container live on; the next containerd finds them."""
    with Pod(client) as pod:
        container = pod.start("sleep", "1000")
        pid = pid_of(container)
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.wait()
        check(field(pid, "State")[0] == "S", "containerd is killed: the container runs")
        daemon, client = kubelet.start()
        pod.client = client
        pods = {one["id"]: one["state"] for one in client.ListPodSandbox()["items"]}
        containers = {one["id"]: one["state"] for one in client.ListContainers()["containers"]}
        check(pods == {pod.id: READY} and containers == {container: RUNNING}, "the next one lists both", f"{pods} {containers}")
        check(pod.probe(container, "cat", "/proc/1/cmdline") == (0, "sleep\x001000\0") and pid_of(container) == pid, "a probe of the same container")
        check(pod.run("echo", "new") == (0, "new\n"), "a new container in the pod")
        client.StopContainer(container_id=container, timeout=1)
        check(pod.status(container)["exit_code"] == 137, "stopped")
    check(not kubelet.left(), "nothing is left of that pod", kubelet.left())
    daemon.terminate()


# ---- all of it ----

CASES = (life, resources, shared_processes, host, filters, confinement, volumes, user_namespace, restricted)


def images(client):
    """Both are there for pods: the arguments of signed()."""
    shutil.rmtree("/root/layout", ignore_errors=True)  # of another test in the same guest
    layout = Layout("/root/layout")
    pause = layout.image("localhost/pause", [kubelet.pause_layer()], Entrypoint=["/pause"], Cmd=None, User="65535:65535")  # as Kubernetes' own
    app = layout.image("localhost/app", [busybox_layer(), kubelet.probe_layer()])
    kubelet.load(client, layout, pause, "pause")
    kubelet.load(client, layout, app, "app")
    return layout, pause, app


def part(what, client, *more):
    try:
        return what(client, *more)
    except Failed as error:
        check(False, what.__name__, str(error))


def inside():
    kubelet.prepare()
    daemon, client = kubelet.start()
    loaded = images(client)
    for one in CASES:
        part(one, client)
    part(signed, client, *loaded)
    part(killed, client, daemon)
    return 0 if results.good else 1


if __name__ == "__main__":
    sys.exit(inside() if "--inside" in sys.argv else outside(__file__))
