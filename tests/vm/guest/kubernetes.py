#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
# alone
"""A node of a real Kubernetes: its API server, its kubelet with the systemd driver, containerd, and hrun by the runtime classes of contrib/.

Debian has no kubelet: PROGRAMS are brought along by tests/vm/check.py from the directory that HRUN_KUBERNETES names, where somebody has built them
(of Kubernetes 1.20, whose source is that of Debian 12's package kubernetes: `go build ./cmd/kubelet ./cmd/kube-apiserver ./cmd/kubectl`; etcd is
that of Debian's etcd-server).
"""
import json
import os
import re
import shutil
import sys
import time

from guest import HRUN, TOP, equal, equal_of_three, holds, install, limits, need_machine, play, read, run, sh, wait_for, work_directory, write

import kubelet  # guest has said where it is
import pods

PROGRAMS = ("etcd", "kube-apiserver", "kubelet", "kubectl")
FROM = "/src/kubernetes"
SERVER = "https://127.0.0.1:6443"
TOKEN = "machine-of-a-test"
ADDRESS = "10.0.2.15"  # guest.sh's; a node has no loopback
KUBECONFIG = {"apiVersion": "v1", "kind": "Config", "current-context": "here", "contexts": [{"name": "here", "context": {"cluster": "here", "user": "admin"}}],
              "clusters": [{"name": "here", "cluster": {"server": SERVER, "insecure-skip-tls-verify": True}}],
              "users": [{"name": "admin", "user": {"token": TOKEN}}]}
NODE = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "cgroupDriver": "systemd", "failSwapOn": False,
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}}, "authorization": {"mode": "AlwaysAllow"},
        "evictionHard": {"memory.available": "50Mi"}, "enforceNodeAllocatable": ["pods"], "runtimeRequestTimeout": "10m", "resolvConf": "",
        "fileCheckFrequency": "1s", "syncFrequency": "5s"}
STRICT = {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000, "readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False,
          "capabilities": {"drop": ["ALL"]}}
work = None
daemons = []


def kubectl(*words, check=True):
    return sh("kubectl", "--kubeconfig", f"{work}/kubeconfig", *words, check=check)


def pod_of(name, *containers, handler="hrun", **spec):
    """Its manifest; each of CONTAINERS is a dict with at least its command."""
    described = [{"name": f"c{i}", "image": kubelet.APP, "imagePullPolicy": "Never", "securityContext": {"allowPrivilegeEscalation": False}, **one}
                 for i, one in enumerate(containers)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
            "spec": {"nodeName": "node", "runtimeClassName": handler, "terminationGracePeriodSeconds": 5, "dnsPolicy": "Default", "enableServiceLinks": False,
                     "automountServiceAccountToken": False, "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
                     "containers": described, **spec}}


def apply(manifest):
    write(f"{work}/manifest.json", json.dumps(manifest))
    kubectl("apply", "-f", f"{work}/manifest.json")


def status_of(name):
    return json.loads(kubectl("get", "pod", name, "-o", "json"))["status"]


def is_ready(name):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in status_of(name).get("conditions", []))


def delete(name):
    """And what the kernel and systemd still have of it."""
    uid = json.loads(kubectl("get", "pod", name, "-o", "json"))["metadata"]["uid"].replace("-", "_")
    kubectl("delete", "pod", name, "--wait=true")
    wait_for(lambda: uid not in "".join(path for path, _, _ in os.walk("/sys/fs/cgroup/kubepods.slice")), f"no cgroup of {name}")


def container_of(name, number=0):
    return re.sub("^containerd://", "", sorted(status_of(name)["containerStatuses"], key=lambda c: c["name"])[number]["containerID"])


def pid_of(container):
    return json.loads(sh(HRUN, "--root", kubelet.ROOT, "state", container))["pid"]


def events_of(name, reason):
    """The messages of its events of REASON."""
    listed = json.loads(kubectl("get", "events", "-o", "json", "--field-selector", f"involvedObject.name={name},reason={reason}"))["items"]
    return [event["message"] for event in listed]


# ---- what is asked ----

def two_containers():
    """Limits, a shared volume, probes by exec, logs, kubectl exec."""
    volume = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    apply(pod_of("two", {"command": ["sh", "-c", "echo from-c0 >/v/f; echo logged; trap 'exit 0' TERM; while :; do sleep 0.2; done"], **volume,
                         "resources": {"limits": {"memory": "64Mi", "cpu": "500m"}},
                         "readinessProbe": {"exec": {"command": ["cat", "/v/f"]}, "periodSeconds": 2, "timeoutSeconds": 30},
                         "livenessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 5, "timeoutSeconds": 30}},
                 {"command": ["sleep", "1000"], **volume}, volumes=[{"name": "v", "emptyDir": {}}]))
    wait_for(lambda: is_ready("two"), "the pod is ready")
    first, second = container_of("two"), container_of("two", 1)
    cgroup = "/sys/fs/cgroup" + read(f"/proc/{pid_of(first)}/cgroup").partition("::")[2]
    holds(cgroup, "/kubepods.slice/kubepods-burstable.slice/", "its slice")
    equal(limits(cgroup)[::2], [str(64 << 20), "50000 100000"], "limits")
    for container in (first, second):
        found = dict(re.findall(r"^(Seccomp|NoNewPrivs):\s+(\d)", read(f"/proc/{pid_of(container)}/status"), re.M))
        equal(found, {"Seccomp": "2", "NoNewPrivs": "1"}, "walls, as the kernel has them")
    equal(kubectl("exec", "two", "-c", "c1", "--", "cat", "/v/f"), "from-c0", "kubectl exec, and the volume")
    equal(kubectl("logs", "two", "-c", "c0"), "logged", "kubectl logs")
    equal(set(sh(HRUN, "--root", kubelet.ROOT, "list", "-q").split()) >= {first, second}, True, "hrun list")
    delete("two")


def restarts():
    """A probe that fails has the kubelet stop and start a container; one that ends is started again."""
    apply(pod_of("again", {"command": ["sh", "-c", "touch /tmp/well; sleep 3; rm /tmp/well; sleep 1000"], "volumeMounts": [{"name": "t", "mountPath": "/tmp"}],
                           "livenessProbe": {"exec": {"command": ["cat", "/tmp/well"]}, "periodSeconds": 2, "failureThreshold": 1, "timeoutSeconds": 30}},
                 {"command": ["sh", "-c", "exit 3"]}, volumes=[{"name": "t", "emptyDir": {}}]))

    def both():
        counts = {c["name"]: c["restartCount"] for c in status_of("again").get("containerStatuses", [])}
        return min(counts.get("c0", 0), counts.get("c1", 0)) >= 1
    wait_for(both, "both were started again")
    holds(" ".join(events_of("again", "Unhealthy")), "Liveness probe failed", "why")
    delete("again")


def shared_processes():
    apply(pod_of("shared", {"command": ["sleep", "1000"]}, {"command": ["sh", "-c", "sleep 1001; :"]}, shareProcessNamespace=True))
    wait_for(lambda: is_ready("shared"), "the pod is ready")
    out = kubectl("exec", "shared", "-c", "c0", "--", "busybox", "ps", "-o", "args")
    for part in ("/pause", "sleep 1000", "sleep 1001"):
        holds(out, part, "what c0 sees")
    delete("shared")


def memory_runs_out():
    equal_of_three(hog, ("OOMKilled", 137), "how it ended")


def hog():
    apply(pod_of("hog", {"command": ["busybox", "tail", "/dev/zero"], "resources": {"limits": {"memory": "24Mi"}}}, restartPolicy="Never"))
    wait_for(lambda: status_of("hog")["phase"] == "Failed", "the pod has failed")
    ended = status_of("hog")["containerStatuses"][0]["state"]["terminated"]
    delete("hog")
    return ended["reason"], ended["exitCode"]


def restricted():
    apply(pod_of("strict", {"command": ["sh", "-c", "id -u; exec sleep 1000"], "securityContext": STRICT, "resources": {"limits": {"memory": "64Mi"}}},
                 handler="hrun-restricted"))
    wait_for(lambda: is_ready("strict"), "a pod that restricted takes")
    equal(kubectl("logs", "strict"), "1000", "who it is")
    delete("strict")
    apply(pod_of("weak", {"command": ["sleep", "1000"]}, handler="hrun-restricted"))
    wait_for(lambda: any("hrun: refused [" in text for text in events_of("weak", "Failed")), "the event of one that it does not take")
    equal(pids_of_pod("weak"), [], "processes of it")
    delete("weak")


def pids_of_pod(name):
    return [c["containerID"] for c in status_of(name).get("containerStatuses", []) if "running" in c.get("state", {})]


def refused():
    """hrun's sentence, with what to do, stands in the events."""
    apply(pod_of("outside", {"command": ["sleep", "1000"]}, hostNetwork=True))
    wait_for(lambda: any("[ns-net-host]" in text for text in events_of("outside", "FailedCreatePodSandBox")), "the event of a pod in the host's network")
    holds(" ".join(events_of("outside", "FailedCreatePodSandBox")), "waive the rule", "the whole sentence")
    kubectl("delete", "pod", "outside", "--wait=true")
    apply(pod_of("above", {"command": ["sleep", "1000"], "securityContext": {"privileged": True}}))
    wait_for(lambda: any("hrun: refused [" in text for text in events_of("above", "Failed") + events_of("above", "FailedCreatePodSandBox")),
             "the event of a privileged one")
    kubectl("delete", "pod", "above", "--wait=true")


def daemons_die():
    """The kubelet and containerd are killed: pods stay, and are theirs again."""
    apply(pod_of("stays", {"command": ["sleep", "1000"], "readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 2, "timeoutSeconds": 30}}))
    wait_for(lambda: is_ready("stays"), "the pod is ready")
    pid = pid_of(container_of("stays"))
    for unit in ("hrun-kubelet", "containerd"):
        sh("systemctl", "kill", "--kill-whom=main", "--signal=KILL", unit)
    wait_for(lambda: run("systemctl", "start", "containerd")[0] == 0 and run("ctr", "version")[0] == 0, "containerd is there again")
    start_kubelet()
    wait_for(lambda: run("kubectl", "--kubeconfig", f"{work}/kubeconfig", "exec", "stays", "--", "echo", "in") == (0, "in"), "kubectl exec")
    equal(pid_of(container_of("stays")), pid, "its process")
    delete("stays")


def nothing_left():
    equal(sh(HRUN, "--root", kubelet.ROOT, "list", "-q"), "", "records of hrun")
    equal(re.findall(r"cri-containerd-\S+", sh("systemctl", "list-units", "--all", "--plain", "--no-legend", "*.scope")), [], "units")


# ---- the machine ----

def daemon(name, *words):
    daemons.append(f"hrun-{name}")
    run("systemctl", "reset-failed", f"hrun-{name}")
    sh("systemd-run", "-q", f"--unit=hrun-{name}", f"--property=StandardOutput=append:{work}/{name}.log", f"--property=StandardError=append:{work}/{name}.log", *words)


def start_kubelet():
    run("systemctl", "stop", "hrun-kubelet")
    daemon("kubelet", f"{FROM}/kubelet", "--kubeconfig", f"{work}/kubeconfig", "--config", f"{work}/node.json", "--hostname-override=node",
           "--container-runtime=remote", "--container-runtime-endpoint=unix:///run/containerd/containerd.sock",
           f"--pod-infra-container-image={kubelet.PAUSE}", f"--node-ip={ADDRESS}", "--cert-dir", f"{work}/certs")


def start_server():
    sh("openssl", "genrsa", "-out", f"{work}/accounts.key", "2048")
    write(f"{work}/tokens.csv", f'{TOKEN},admin,admin,"system:masters"\n')
    write(f"{work}/kubeconfig", json.dumps(KUBECONFIG))
    write(f"{work}/node.json", json.dumps(NODE))
    daemon("etcd", f"{FROM}/etcd", "--data-dir", f"{work}/etcd", "--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
           "--listen-peer-urls=http://127.0.0.1:2380", "--unsafe-no-fsync")
    daemon("apiserver", f"{FROM}/kube-apiserver", "--etcd-servers=http://127.0.0.1:2379", "--cert-dir", f"{work}/server", "--secure-port=6443", "--allow-privileged",
           "--bind-address=127.0.0.1", "--service-cluster-ip-range=10.96.0.0/16", "--token-auth-file", f"{work}/tokens.csv", "--authorization-mode=RBAC",
           "--service-account-issuer=https://kubernetes.default", "--service-account-key-file", f"{work}/accounts.key", "--api-audiences=here",
           "--service-account-signing-key-file", f"{work}/accounts.key", "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition,Priority",
           "--kubelet-preferred-address-types=InternalIP")
    for _ in range(600):  # on an emulated machine it takes its time
        if run("kubectl", "--kubeconfig", f"{work}/kubeconfig", "get", "--raw", "/readyz")[0] == 0:
            return
        time.sleep(1)
    raise AssertionError("the API server is not ready")


def prepare():
    os.environ["PATH"] += f":{FROM}"
    pods.prepare()
    start_server()
    start_kubelet()
    wait_for(lambda: "True" in kubectl("get", "node", "node", "-o", "jsonpath={.status.conditions[?(@.type=='Ready')].status}", check=False), "the node is ready")
    print("# " + kubectl("get", "node", "node", "-o", "jsonpath={.status.nodeInfo.kubeletVersion} {.status.nodeInfo.containerRuntimeVersion}"))
    kubectl("apply", "-f", f"{TOP}/contrib/kubernetes/runtimeclasses.yaml")


def tell_logs():
    for name in os.listdir(work):
        if name.endswith(".log"):
            with open(f"{work}/{name}", errors="replace") as f:
                print(f"# {name}: " + "# ".join(f.readlines()[-12:]))


def main():
    global work
    need_machine()
    if not all(os.path.exists(f"{FROM}/{name}") for name in PROGRAMS):
        print("needs a kubelet, which Debian has not got (HRUN_KUBERNETES, see the test)")
        return 77
    install("hrun-restricted")
    failed = 1
    with work_directory("kubernetes") as work:
        try:
            prepare()
            failed = play([("two containers", two_containers), ("restarts", restarts), ("a shared pid namespace", shared_processes),
                           ("memory runs out", memory_runs_out), ("restricted", restricted), ("refused", refused), ("daemons die", daemons_die),
                           ("nothing is left", nothing_left)])
        finally:
            if failed:
                tell_logs()
            for unit in reversed(daemons):
                run("systemctl", "stop", unit)
            sh("systemctl", "stop", "containerd", check=False)
            shutil.rmtree("/var/lib/kubelet", ignore_errors=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
