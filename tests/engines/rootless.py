#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
# tree: trixie podman,crun,busybox-static,catatonit,python3,uidmap,passwd,util-linux,fuse-overlayfs
"""Rootless podman with hrun: an ordinary user with subordinate ids, vfs storage, no network, in a tree of Debian 13."""
import os
import sys

from engine import CONTAINERS_CONF, as_user, expected, make_image, make_user, outside, play, report

# name, commands, what the last one must give: (status, regex)
CASES = [
    ("run", ["podman run --rm bb id -u"], (0, "^0$")),
    ("it is the user's podman", ["podman info --format '{{.Host.Security.Rootless}} {{.Host.OCIRuntime.Name}}'"], (0, "^true hrun$")),
    ("ids", ["podman run --rm bb cat /proc/self/uid_map"], (0, r"0 +1000 +1\n +1 +100000 +65536")),
    ("exit status", ["podman run --rm bb sh -c 'exit 7'"], (7, None)),
    ("missing command", ["podman run --rm bb nosuch"], (127, "nosuch")),
    ("user", ["podman run --rm --user 1000:1001 bb id"], (0, "uid=1000.* gid=1001")),
    ("walls", ["podman run --rm bb grep -E 'CapEff|Seccomp:|NoNew' /proc/self/status"], (0, "Seccomp:\t2")),
    ("terminal", ["podman run --rm -t bb tty"], (0, "/dev/pts/0")),
    ("input", ["echo hello | podman run --rm -i bb cat"], (0, "^hello$")),
    ("read-only", ["podman run --rm --read-only bb touch /x"], (1, "Read-only")),
    ("volume", ["mkdir -p ~/v; echo data >~/v/f", "podman run --rm -v ~/v:/data bb sh -c 'cat /data/f; echo more >/data/g'", "cat ~/v/g; stat -c %u ~/v/g"],
     (0, "1000")),
    ("read-only volume", ["podman run --rm -v ~/v:/data:ro bb touch /data/x"], (1, "Read-only")),
    ("named volume", ["podman run --rm -v vol1:/data bb sh -c 'echo 1 >/data/f'", "podman run --rm -v vol1:/data bb cat /data/f"], (0, "^1$")),
    ("tmpfs", ["podman run --rm --tmpfs /t bb sh -c 'grep \" /t \" /proc/mounts'"], (0, "tmpfs")),
    ("device", ["podman run --rm --device /dev/zero bb head -c 3 /dev/zero | wc -c"], (0, "^3$")),
    ("keep-id", ["podman run --rm --userns=keep-id bb id -u"], (0, "^1000$")),
    ("keep-id and a volume", ["podman run --rm --userns=keep-id -v ~/v:/data bb touch /data/mine", "stat -c %u ~/v/mine"], (0, "^1000$")),
    ("no map", ["podman run --rm --userns=nomap bb id -u"], (0, "^0$")),
    ("detached", ["podman run -d --name c bb sleep 1000", "podman ps --format '{{.Names}} {{.State}}'"], (0, "c running")),
    ("exec", ["podman exec c id -u"], (0, "^0$")),
    ("exec terminal", ["podman exec -t c tty"], (0, "/dev/pts/")),
    ("exec user", ["podman exec -u 5 -w /tmp c sh -c 'id -u; pwd'"], (0, "^5\n/tmp$")),
    ("exec exit status", ["podman exec c sh -c 'exit 9'"], (9, None)),
    ("exec detached", ["podman exec -d c sh -c 'echo d >/tmp/detached'", "sleep 0.5; podman exec c cat /tmp/detached"], (0, "^d$")),
    ("top", ["podman top c pid comm"], (0, "sleep")),
    ("stop", ["podman stop -t 1 c", "podman ps -a --format '{{.State}}'"], (0, "(?i)exited")),
    ("start again", ["podman start c", "podman exec c echo again"], (0, "^again$")),
    ("rm -f", ["podman rm -f -t 0 c", "podman ps -aq"], (0, "^$")),
    ("exec into a created container", ["podman create --name k bb sleep 1000", "podman init k", "hrun --root $XDG_RUNTIME_DIR/hrun list -q; podman exec k true; echo $?",
                                       "podman start k", "podman exec k echo runs", "podman rm -f -t 0 k"], (0, "k")),
    ("health check", ["podman run -d --name h --health-cmd 'echo ok' --health-interval disable bb sleep 1000", "podman healthcheck run h && echo healthy",
                      "podman rm -f -t 0 h"], (0, "healthy")),
    ("pod", ["podman pod create --name p --infra=false", "podman run --rm --pod p bb echo in", "podman pod rm -f p"], (0, None)),
    ("logs", ["podman run --name l bb echo logged", "podman logs l", "podman rm l"], (0, "logged")),
    ("build", ["printf 'FROM bb\\nRUN id -u >/b\\n' >~/Containerfile", "podman build -q --network none -t built -f ~/Containerfile ~ 2>&1",
               "podman run --rm built cat /b"], (0, "^0$")),
]
# Where hrun says no on purpose.
WANTED = [
    ("privileged is refused", "podman run --rm --privileged bb true", 126, "hrun: "),
    ("the host's root is refused", "podman run --rm -v /:/host bb true", 126, "mount-host-root"),
]


def prepare():
    for path, text in (("/etc/containers/policy.json", '{"default":[{"type":"insecureAcceptAnything"}]}'),
                       ("/etc/containers/storage.conf", '[storage]\ndriver = "vfs"\n'),
                       ("/etc/containers/registries.conf", "unqualified-search-registries = []\n"), ("/etc/containers/containers.conf", CONTAINERS_CONF % {"runtime": "hrun"})):
        os.makedirs("/etc/containers", exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
    make_user()
    make_image("/srv/image")
    status, out = as_user("tar -C /srv/image -c . | podman import -q - bb")
    if status:
        report(False, "rootless: podman import", out)
        sys.exit(1)


def inside():
    prepare()
    good = True
    for name, commands, want in CASES:
        why = expected(play(commands, want, as_user), want)
        good &= report(not why, "rootless: " + name, why)
    for name, command, status, text in WANTED:
        got, out = as_user(command)
        good &= report(got == status and text in out, "rootless: " + name, f"exit status {got}: {out.strip()[-300:]}")
    left = as_user("ls $XDG_RUNTIME_DIR/hrun; podman ps -aq; grep -lsE '^(conmon|sleep)$' /proc/[0-9]*/comm")[1].strip()
    good &= report(not left, "rootless: nothing is left", left)
    return 0 if good else 1


sys.exit(inside() if "--inside" in sys.argv else outside(__file__))
