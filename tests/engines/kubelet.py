# SPDX-License-Identifier: Apache-2.0
"""kubelet.py - what a kubelet does on a node, for the tests of pods: containerd's configuration of contrib/, a network, pods and their containers."""
import json
import os
import re
import time
import uuid

from containerd_daemon import start_containerd
from contrib import TOP as PROJECT
from cri_client import EXITED, Client, Failed
from engine import sh
from signed_image import entry, layer, write

PAUSE, APP = "localhost/pause:1", "localhost/app:1"
ROOT = "/run/containerd/runc/k8s.io"
LOGS = "/var/log/pods"
CGROUPS = "/sys/fs/cgroup/kubepods"

# Behind contrib's own text, where the machine's administrator has his: the images and networks of this test, and a
# machine on which not even root may lower a score.
MORE = {1: f"""
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/opt/cni/bin"
  conf_dir = "/etc/cni/net.d"
""", 2: f"""
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '{PAUSE}'
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['/opt/cni/bin']
  conf_dir = '/etc/cni/net.d'
"""}

# A network plugin: loopback is up, and eth0 leads nowhere (a kernel without dummy devices has veth).
PLUGIN = """#!/bin/sh
in_pod() { nsenter --net="$CNI_NETNS" busybox ip "$@" >&2; }
case $CNI_COMMAND in
ADD)
  in_pod link set lo up
  [ "${0##*/}" = loopback ] || { in_pod link add eth0 type veth peer name away && in_pod address add 10.88.0.2/24 dev eth0 && in_pod link set eth0 up; } || exit 1
  echo '{"cniVersion":"0.4.0","interfaces":[{"name":"eth0","sandbox":"'"$CNI_NETNS"'"}],"ips":[{"version":"4","address":"10.88.0.2/24","interface":0}]}' ;;
VERSION) echo '{"cniVersion":"0.4.0","supportedVersions":["0.3.1","0.4.0"]}' ;;
esac
"""


def version():
    """(1, 7) of containerd 1.7.24"""
    return tuple(int(n) for n in re.search(r" v?(\d+)\.(\d+)", sh("containerd --version")[1]).groups())


def configuration():
    """For containerd."""
    major = version()[0]
    with open(f"{PROJECT}/contrib/containerd/config-{major}.toml") as f:
        return f.read() + MORE[major]


def start():
    """(daemon, client) of a containerd that is ready for pods."""
    return start_containerd(configuration()), ready()


def ready(tries=300):
    """The client of a containerd, when that is ready for pods."""
    for _ in range(tries):
        try:
            client = Client()
            waiting = [c for c in client.Status()["status"]["conditions"] if c["type"].endswith("Ready") and not c["status"]]
        except (OSError, Failed) as error:
            waiting = error
        if not waiting:
            return client
        time.sleep(0.1)
    raise SystemExit(f"not ok - containerd is not ready for pods: {waiting} {sh('tail -c 500 /root/containerd.log')[1]}")


def prepare():
    sh("ln -sf hrun /usr/local/bin/hrun-restricted")
    with open("/etc/hosts", "a") as f:  # Debian 12's minimal tree has none, and containerd copies it
        f.write("127.0.0.1 localhost\n")
    os.makedirs("/etc/hrun", exist_ok=True)
    policy("policy.json")
    policy("restricted.json")
    for name in ("loopback", "nowhere"):
        os.makedirs("/opt/cni/bin", exist_ok=True)
        write(f"/opt/cni/bin/{name}", PLUGIN)
        os.chmod(f"/opt/cni/bin/{name}", 0o755)
    os.makedirs("/etc/cni/net.d", exist_ok=True)
    write("/etc/cni/net.d/10-nowhere.conflist", json.dumps({"cniVersion": "0.4.0", "name": "nowhere", "plugins": [{"type": "nowhere"}]}))


def policy(name, rules=(), **more):
    """The file of contrib/, and what a test adds to it."""
    text = json.load(open(f"{PROJECT}/contrib/kubernetes/{name}"))
    text["rules"].update(rules)
    write(f"/etc/hrun/{name}", json.dumps({**text, **more}))


def probe_layer():
    return layer(entry("bin/probe", data=open(f"{os.environ['BUILD']}/tests/sandbox/probe", "rb").read(), mode=0o755))


def pause_layer():
    return layer(entry("pause", data=open(f"{os.environ['BUILD']}/tests/engines/pause", "rb").read(), mode=0o755))


def load(client, layout, descriptor, name):
    """The image is localhost/NAME:1, for pods."""
    with open(f"{layout.path}/index.json", "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [{**descriptor, "annotations": {"io.containerd.image.name": f"localhost/{name}:1"}}]}, f)
    status, out = sh(f"tar -C {layout.path} -cf /root/image.tar . && ctr -n k8s.io image import $(ctr image import --help | grep -o -e --local) /root/image.tar")
    layout.save()
    for _ in range(100):  # the plugin is told by an event
        if status == 0 and client.ImageStatus(image={"image": f"localhost/{name}:1"})["image"]:
            return
        time.sleep(0.1)
    raise SystemExit(f"not ok - import of {name}: {out}")


class Pod:
    """A pod, and what is in it; `with` removes all of it."""

    def __init__(self, client, handler="hrun", linux=None, **security):
        name = uuid.uuid4().hex[:8]
        self.client, self.security, self.count, self.logs = client, security, 0, f"{LOGS}/{name}"
        os.makedirs(self.logs)
        self.cgroup, parent = self.make_cgroup(name)
        self.config = {"metadata": {"name": name, "uid": name, "namespace": "default", "attempt": 0}, "hostname": name, "log_directory": self.logs,
                       "linux": {"cgroup_parent": parent, "security_context": {"namespace_options": {"pid": 1}, "seccomp": {"profile_type": 0}, **security},
                                 **(linux or {})}}
        self.id = client.RunPodSandbox(config=self.config, runtime_handler=handler)["pod_sandbox_id"]

    def make_cgroup(self, name):
        """(its directory, what the engine is told of it), of the pod NAME."""
        os.makedirs(f"{CGROUPS}/{name}")
        return f"{CGROUPS}/{name}", f"/kubepods/{name}"

    def cgroup_of(self, container):
        """The directory of the cgroup of one of its containers."""
        return f"{self.cgroup}/{container}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.StopPodSandbox(pod_sandbox_id=self.id)
        self.client.RemovePodSandbox(pod_sandbox_id=self.id)

    def create(self, *command, image=APP, mounts=(), resources=None, **security):
        """A container, as the kubelet asks for one whose manifest says little."""
        self.count += 1
        security = {"namespace_options": self.config["linux"]["security_context"]["namespace_options"], "seccomp": {"profile_type": 0},
                    "masked_paths": ["/proc/kcore", "/proc/keys", "/proc/timer_list"], "readonly_paths": ["/proc/sys", "/proc/bus"], **security}
        config = {"metadata": {"name": f"c{self.count}", "attempt": 0}, "image": {"image": image}, "command": command, "mounts": mounts,
                  "log_path": f"c{self.count}.log", "linux": {"resources": {"oom_score_adj": 1000, **(resources or {})}, "security_context": security}}
        return self.client.CreateContainer(pod_sandbox_id=self.id, config=config, sandbox_config=self.config)["container_id"]

    def start(self, *command, **more):
        container = self.create(*command, **more)
        self.client.StartContainer(container_id=container)
        return container

    def run(self, *command, **more):
        """(exit code, output) of a container that ends."""
        container = self.start(*command, **more)
        status = self.wait(container, EXITED)
        # Each line: time, stream, P or F, text.
        text = "".join(line.split(" ", 3)[3] for line in open(f"{self.logs}/c{self.count}.log"))
        return status["exit_code"], text

    def status(self, container):
        return self.client.ContainerStatus(container_id=container)["status"]

    def wait(self, container, state):
        for _ in range(300):
            status = self.status(container)
            if status["state"] == state:
                break
            time.sleep(0.1)
        return status

    def probe(self, container, *command):
        """A probe by exec: (exit code, output)."""
        answer = self.client.ExecSync(container_id=container, cmd=command, timeout=30)
        return answer["exit_code"], answer["stdout"] + answer["stderr"]


def left():
    """What is there of pods that were removed."""
    return sh(f"hrun --root {ROOT} list -q; [ ! -e {CGROUPS} ] || find {CGROUPS} -mindepth 2 -type d; grep -E ' /run/(containerd|netns)/' /proc/self/mountinfo; ls /run/containerd/io.containerd.runtime.v2.task/k8s.io")[1].strip()
