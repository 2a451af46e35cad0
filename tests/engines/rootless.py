#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
# tree: trixie podman,crun,busybox-static,catatonit,python3,uidmap,passwd,util-linux,fuse-overlayfs
"""Rootless podman with hrun: an ordinary user with subordinate ids, vfs storage, no network, in a tree of Debian 13."""
import os
import sys

from engine import CONTAINERS_CONF, as_user, expected, make_image, make_user, outside, play, report
from podman_cases import USER_CASES, USER_WANTED


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
    for name, commands, want in USER_CASES:
        why = expected(play(commands, want, as_user), want)
        good &= report(not why, "rootless: " + name, why)
    for name, command, status, text in USER_WANTED:
        got, out = as_user(command)
        good &= report(got == status and text in out, "rootless: " + name, f"exit status {got}: {out.strip()[-300:]}")
    left = as_user("ls $XDG_RUNTIME_DIR/hrun; podman ps -aq; grep -lsE '^(conmon|sleep)$' /proc/[0-9]*/comm")[1].strip()
    good &= report(not left, "rootless: nothing is left", left)
    return 0 if good else 1


sys.exit(inside() if "--inside" in sys.argv else outside(__file__))
