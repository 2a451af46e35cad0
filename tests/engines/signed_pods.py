# SPDX-License-Identifier: Apache-2.0
"""signed_pods.py - what signed_podman.py and signed_rootless.py share: pods of signed images, and what a container has in its own layer."""
import os
import re

from signed_image import busybox_layer, entry, layer, write

INFRA = "--infra-image localhost/pause --infra-command '/pause -P'"
# What an engine's additions meet: a directory whose setgid bit is handed down, a link on the way, a working directory that is not there.
FILES = [entry("etc/", "d"), entry("etc/passwd", data=b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n", mode=0o640, gid=42), entry("etc/group", data=b"root:x:0:\n"),
         entry("run/", "d"), entry("var/", "d"), entry("var/run", "l", link="../run"), entry("group/", "d", mode=0o2775, gid=7)]
POD = """apiVersion: v1
kind: Pod
metadata:
  name: kp
spec:
  shareProcessNamespace: true
  volumes: [{name: e, emptyDir: {}}]
  initContainers:
  - {name: i, image: localhost/member, imagePullPolicy: Never, command: [sh, -c, 'echo from init >/var/run/share/f'], volumeMounts: [{name: e, mountPath: /var/run/share}]}
  containers:
  - {name: k, image: localhost/member, imagePullPolicy: Never, command: [sleep, '1000'], securityContext: {runAsUser: 4711, runAsGroup: 4712, readOnlyRootFilesystem: true},
     volumeMounts: [{name: e, mountPath: /var/run/share}]}
  - {name: l, image: localhost/member, imagePullPolicy: Never, command: [sleep, '1001'], securityContext: {runAsUser: 4711}, volumeMounts: [{name: e, mountPath: /group/deep/share}]}
"""


class Pods:
    """COMMAND is sh or as_user; POLICY writes the policy file; PLAN wraps a command that looks into the store."""

    def __init__(self, results, command, policy, plan="sh -c"):
        self.results, self.command, self.policy, self.plan = results, command, policy, plan

    def images(self, layout, places, key, pull):
        with open("/usr/bin/catatonit", "rb") as f:
            pause = layer(entry("pause", data=f.read(), mode=0o755))
        member = [busybox_layer(), layer(*FILES)]
        places.sign(layout.image("localhost/pause", [pause], Entrypoint=["/pause", "-P"], Cmd=[]), key, "localhost/pause")
        places.sign(layout.image("localhost/member", member), key, "localhost/member")
        places.sign(layout.image("localhost/member-cwd", member, WorkingDir="/group/work/here"), key, "localhost/member-cwd")
        layout.image("localhost/stranger", member + [layer(entry("stranger"))])
        for name in ("pause", "member", "member-cwd", "stranger"):
            pull(layout, name)

    def finding(self, container, name, text=""):
        """What a start of the CONTAINER at restricted would say of its image, or of what is in its own layer: nothing, or TEXT."""
        self.policy(level="restricted")
        inside = f"podman mount {container} >/dev/null; hrun plan $(dirname $(podman inspect --format {{{{.OCIConfigPath}}}} {container})); echo status $?; podman umount {container} >/dev/null"
        out = self.command(f"{self.plan} '{inside}'")[1]
        self.policy()
        found = "".join(re.findall("^[a-z]+ +image-signature-missing .*", out, re.M))
        self.results.check(re.search("^status [01]$", out, re.M) and (text in found if text else not found), f"restricted: {name}", out.strip()[-600:])

    def untouched(self):
        """What podman and hrun put into a container's own layer is no change of its."""
        for number, (name, options, image) in enumerate((
                ("nothing", "", "member"), ("a user", "--user 4711:55", "member"), ("a user's working directory", "--user app", "member-cwd"), ("a group", "--user app:4712", "member"),
                ("volumes", "-v v1:/group/a/b -v v2:/var/run/app --tmpfs /t/u", "member"),
                ("many", "--read-only --init --user 4711 --hostname h --tz UTC -v v3:/srv/a/b", "member-cwd"))):
            self.results.run(f"podman run --name u{number} {options} localhost/{image} echo started", f"made with {name}", 0, "started")
            self.finding(f"u{number}", f"made with {name}, it changed nothing")
        self.results.run("podman start -a u1", "it starts again", 0, "started")
        self.finding("u1", "twice started")
        self.command("podman rm -fa -t 0")

    def pid(self, container):
        return self.command(f"podman inspect --format '{{{{.State.Pid}}}}' {container}")[1].strip()

    def namespaces(self):
        """Asked of the kernel: what a container of the pod shares with the first one."""
        infra = self.command("podman pod inspect --format '{{.InfraContainerID}}' q")[1].strip()
        first, other = (f"/proc/{self.pid(one)}/ns/" for one in (infra, "one"))
        same = {name for name in ("pid", "ipc", "uts", "net", "mnt") if os.path.lexists(first + name) and os.readlink(first + name) == os.readlink(other + name)}
        self.results.check(same == {"pid", "ipc", "uts", "net"} and os.readlink(first + "pid") != os.readlink("/proc/self/ns/pid"), "a pod: what its containers share", same)

    def pod(self, options=""):
        run = self.results.run
        run(f"podman pod create --name q {INFRA} --share pid,ipc,uts,net {options} >/dev/null && podman run -d --pod q --name one localhost/member sleep 1000", "a pod of signed images", 0)
        self.namespaces()
        run("podman run --rm --pod q localhost/member sh -c ps", "a pod: its processes see each other", 0, "sleep 1000")
        run("podman run --rm --pod q localhost/stranger echo has started", "a pod: an unsigned image in it", 126, "refused [image-signature-missing]")
        run("podman pod stop -t 0 q >/dev/null; podman pod start q >/dev/null; podman exec one echo again", "a pod: stop and start", 0, "again")
        self.command("podman pod rm -f -t 0 q")

    def unsigned_pause(self):
        """Whatever its containers are: the first one is started as any."""
        self.command("podman pod create --name q --infra-image localhost/stranger --infra-command 'sleep 1000' --share-parent=false")
        status, out = self.command("podman pod start q; podman run --rm --pod q localhost/member echo has started")
        self.results.check(status != 0 and "refused [image-signature-missing]" in out and "has started\n" not in out, "a pod: an unsigned pause image", out)
        self.command("podman pod rm -f -t 0 q")

    def kube(self, conf):
        """CONF is containers.conf, which names the pause image for kube play."""
        run = self.results.run
        write("/etc/containers/containers.conf", conf.replace("[engine]", '[engine]\ninfra_image = "localhost/pause"\ninfra_command = "/pause -P"', 1))
        write("/srv/pod.yaml", POD)
        write("/srv/bad.yaml", POD.replace("localhost/member", "localhost/stranger"))
        run("podman kube play --network none /srv/bad.yaml", "kube play of an unsigned image", 125, "image-signature-missing")
        self.command("podman kube down /srv/bad.yaml; podman pod rm -fa -t 0")
        run("podman kube play --network none /srv/pod.yaml && podman exec kp-k sh -c 'cat /var/run/share/f; id; ps'", "kube play of signed ones", 0, "uid=4711(4711) gid=4712(4712)")
        run("podman exec kp-l sh -c 'cat /group/deep/share/f; ps'", "kube play: volumes and processes are shared", 0, "sleep 1000")
        for one in "kl":
            self.finding(f"kp-{one}", f"kube play: container {one} changed nothing")
        self.command("podman exec -u 0 kp-l sh -c 'echo more:x:5:5::/:/bin/sh >>/etc/passwd'")
        self.finding("kp-l", "kube play: a container that added an account", "the container has changed /etc/passwd")
        run("podman pod restart kp >/dev/null; podman exec kp-k echo again", "kube play: restart", 0, "again")
        self.command("podman kube down /srv/pod.yaml; podman pod rm -fa -t 0; podman volume rm -af")
        write("/etc/containers/containers.conf", conf)
