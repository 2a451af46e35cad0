#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A container's own layer above a signed image: what engine and runtime put there is no change; all else is refused at restricted, told at baseline.

What engines put there is what podman 4.3, 5.4 and 5.8 were seen to (tests/engines/signed_podman.py has them); the store is made here, under a real overlay.
"""
import errno
import json
import os
import platform
import subprocess
import sys

from engine_root import BUNDLE, HRUN, KEY, accepted, check, finish, policy, prepare, refused
from engine_store import TOP, Store, identifier
from signed_image import Layout, edit, entry, layer, write

INJECT = os.path.join(os.path.dirname(os.environ["TESTS"]), "build/tests/fault/inject")
GETDENTS64 = "217" if platform.machine() == "x86_64" else "61"
USER = "4711:*:4711:0:container user:/:/bin/sh\n"
GROUP = "4711:x:4711:4711\n"
PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
PROCESS = {"user": {"uid": 4711, "gid": 0}, "cwd": "/work/here"}
MOUNTS = ("/srv/a/b", "/var/run/app", "/group/below", "/own/below", "/etc/hosts", "/marked/new", "/there/was")
# An access control list: user 1000 may write.
ACL = bytes.fromhex("02000000" "01000700ffffffff" "02000200e8030000" "04000500ffffffff" "10000700ffffffff" "20000500ffffffff")


def image():
    return [layer(entry("etc/", "d"), entry("etc/passwd", data=PASSWD.encode(), mode=0o640, gid=42), entry("etc/group", data=b"root:x:0:\nusers:x:100:\n"),
                  entry("usr/", "d"), entry("usr/data", data=b"1"), entry("usr/more", data=b"2"), entry("var/run", "l", link="../run"), entry("run/", "d"),
                  entry("group/", "d", mode=0o2775, gid=7), entry("own/", "d", mode=0o700, uid=1000, gid=1000), entry("marked/", "d", user__mark="yes"),
                  entry("there/", "d"), entry("there/was/", "d", mode=0o700), entry("there/was/x"), entry("gone/", "d"), entry("gone/x")),
            layer(entry("there/", "d"), entry("there/.wh..wh..opq"), entry(".wh.gone"), entry("usr/data", data=b"3"))]


class Container:
    """One more container of the image: ROOT is its mount, UPPER its own layer."""
    made = 0

    def __init__(self, store, ids):
        Container.made += 1
        name = f"c{Container.made}"
        self.root = store.mount(name, ids)
        self.upper = f"{TOP}/overlay/{identifier(name + ' container')}/diff"
        # Engines give it what the topmost layer has, or 0755.
        os.chmod(self.upper, 0o555)

    def close(self):
        subprocess.run(["umount", self.root], check=True)


def by_engine(c):
    """As podman and hrun do it, in the mounted root: both files grow, what mounts are put on is made."""
    os.symlink("/proc/mounts", f"{c.root}/etc/mtab")
    for path, text in (("passwd", USER), ("group", GROUP)):
        with open(f"{c.root}/etc/{path}", "a") as f:
            f.write(text)
    for path in ("proc", "dev", "srv/a/b", "run/app", "group/below", "own/below", "marked/new", "there/was", "work/here"):
        os.makedirs(f"{c.root}/{path}", 0o755)
    os.chown(f"{c.root}/work/here", 4711, 0)
    write(f"{c.root}/etc/hosts", "")


def add(path, text):
    return lambda c: write_more(f"{c.root}/{path}", text)


def write_more(path, text):
    with open(path, "a") as f:
        f.write(text)


def mark(path, name, value=b"y"):
    return lambda c: os.setxattr(f"{c.upper}/{path}", name, value)


def change(text):
    return f"the container has changed {text}"


# name, what is done to a container, what is said of it at restricted
CHANGES = [
    ("a new program", add("usr/new", "x"), change("/usr/new")),
    ("a file at the top", add("new", "x"), change("/new")),
    ("a file below /proc", add("proc/x", "x"), change("/proc/x")),
    ("a removed file", lambda c: os.unlink(f"{c.root}/usr/data"), "the container has removed /usr/data"),
    ("a new directory", lambda c: os.makedirs(f"{c.root}/usr/local/a"), "the container has made /usr/local"),
    ("a file where something is mounted", add("etc/hosts", "x"), change("/etc/hosts")),
    ("its mode", lambda c: os.chmod(f"{c.root}/etc/hosts", 0o666), change("/etc/hosts")),
    ("its owner", lambda c: os.chown(f"{c.root}/etc/hosts", 1000, 0), change("/etc/hosts")),
    ("its attribute", lambda c: os.setxattr(f"{c.root}/etc/hosts", "user.x", b"1"), change("/etc/hosts")),
    ("mtab leads elsewhere", lambda c: (os.unlink(f"{c.root}/etc/mtab"), os.symlink("/usr/data", f"{c.root}/etc/mtab")), change("/etc/mtab")),
    ("mtab is somebody's", lambda c: os.lchown(f"{c.root}/etc/mtab", 1000, 0), change("/etc/mtab")),
    # The engine's files
    ("passwd: its mode", lambda c: os.chmod(f"{c.root}/etc/passwd", 0o666), change("/etc/passwd")),
    ("passwd: its owner", lambda c: os.chown(f"{c.root}/etc/passwd", 1000, 42), change("/etc/passwd")),
    ("passwd: its group", lambda c: os.chown(f"{c.root}/etc/passwd", 0, 100), change("/etc/passwd")),
    ("passwd: an attribute", lambda c: os.setxattr(f"{c.root}/etc/passwd", "user.x", b"1"), change("/etc/passwd")),
    ("passwd: an access control list", lambda c: os.setxattr(f"{c.root}/etc/passwd", "system.posix_acl_access", ACL), change("/etc/passwd")),
    ("passwd: its contents are another file's", mark("etc/passwd", "trusted.overlay.metacopy", b""), change("/etc/passwd")),
    ("passwd: a line of the image", lambda c: edit(f"{c.root}/etc/passwd", b"toor"), change("/etc/passwd")),
    ("passwd: fewer lines", lambda c: write(f"{c.root}/etc/passwd", PASSWD[:30]), change("/etc/passwd")),
    ("passwd: two more lines", add("etc/passwd", USER.replace("4711:*", "more:*")), change("/etc/passwd")),
    ("group: two more lines", add("etc/group", GROUP.replace("4711:x", "more:x")), change("/etc/group")),
    ("etc: its mode", lambda c: os.chmod(f"{c.root}/etc", 0o777), change("/etc (a directory)")),
    ("etc: its owner", lambda c: os.chown(f"{c.root}/etc", 1000, 0), change("/etc (a directory)")),
    ("etc: an access control list", lambda c: os.setxattr(f"{c.root}/etc", "system.posix_acl_access", ACL), change("/etc (a directory)")),
    ("etc: one for what is made in it", lambda c: os.setxattr(f"{c.root}/etc", "system.posix_acl_default", ACL), change("/etc (a directory)")),
    # Directories
    ("a setgid bit", lambda c: os.chmod(f"{c.root}/run", 0o2755), change("/run (a directory)")),
    ("a setgid bit is lost", lambda c: os.chmod(f"{c.root}/group", 0o775), change("/group (a directory)")),
    ("an attribute is lost", lambda c: os.removexattr(f"{c.root}/marked", "user.mark"), change("/marked (a directory)")),
    ("an attribute is another", lambda c: os.setxattr(f"{c.root}/marked", "user.mark", b"no"), change("/marked (a directory)")),
    ("what the engine made: mode", lambda c: os.chmod(f"{c.root}/srv/a", 0o777), change("/srv/a (a directory)")),
    ("what the engine made: owner", lambda c: os.chown(f"{c.root}/srv/a", 4711, 0), change("/srv/a (a directory)")),
    ("the working directory is another user's", lambda c: os.chown(f"{c.root}/work/here", 4712, 0), change("/work/here (a directory)")),
    ("a directory that was removed comes back", lambda c: os.makedirs(f"{c.root}/gone"), "the container has made /gone"),
    ("the top's mode", lambda c: os.chmod(f"{c.root}/", 0o700), change("/ (a directory)")),
    ("the top's attribute", lambda c: os.setxattr(f"{c.root}/", "user.x", b"1"), change("/ (a directory)")),
    # Marks of the overlay: what is below is hidden, or replaced.
    ("opaque", mark("etc", "trusted.overlay.opaque"), change("/etc (a directory)")),
    ("opaque top", mark("", "trusted.overlay.opaque"), change("/ (a directory)")),
    ("whiteouts by attribute", mark("etc", "trusted.overlay.opaque", b"x"), change("/etc (a directory)")),
    ("a whiteout by attribute", mark("etc/hosts", "trusted.overlay.whiteout"), change("/etc/hosts")),
    ("redirected", mark("etc", "trusted.overlay.redirect", b"/usr"), change("/etc (a directory)")),
    ("a new one redirected", mark("srv", "trusted.overlay.redirect", b"/usr"), change("/srv (a directory)")),
    ("a mark that nobody knows", mark("run", "trusted.overlay.protattr", b"i"), change("/run (a directory)")),
]

# name, the line that is there instead of the engine's, which file
LINES = [
    ("root by another name", USER.replace(":4711:", ":0:"), "passwd"),
    ("root as nobody says it", USER.replace(":4711:", ":00:"), "passwd"),
    ("a password", USER.replace("*", "$1$x$y"), "passwd"),
    ("no password", USER.replace("*", ""), "passwd"),
    ("another user", USER.replace("4711", "4712"), "passwd"),
    ("another group", USER.replace(":0:", ":100:"), "passwd"),
    ("a name of the image", USER.replace("4711:*", "nobody:*"), "passwd"),
    ("no name", USER.replace("4711:*", ":*"), "passwd"),
    ("a field less", USER.replace(":/bin/sh", ""), "passwd"),
    ("a field more", USER.replace("/:", "/::"), "passwd"),
    ("no end", USER.strip(), "passwd"),
    ("root's group", GROUP.replace(":4711:", ":0:"), "group"),
    ("a group of the image", GROUP.replace(":4711:", ":100:"), "group"),
    ("the name of one", GROUP.replace("4711:x", "users:x"), "group"),
    ("any group", GROUP.replace(":4711:", ":27:"), "group"),
]


def told(store, ids):
    """At baseline a change is told, and the container starts."""
    c = Container(store, ids)
    by_engine(c)
    os.unlink(f"{c.root}/usr/data")
    policy()
    accepted("baseline: a removed file", c.root, mounts=MOUNTS, **PROCESS)
    said = subprocess.run([HRUN, "plan", BUNDLE], capture_output=True, text=True).stderr
    check("the container has removed /usr/data since it was made of the signed image sha256:" in said, "baseline: it is told", said)
    policy(members={"level": "restricted"})
    c.close()


def engines(store, ids):
    c = Container(store, ids)
    accepted("nothing", c.root)
    by_engine(c)
    accepted("the engine's files", c.root, mounts=MOUNTS, **PROCESS)
    refused("of another config", c.root, "the container has", mounts=MOUNTS)
    os.chmod(c.upper, 0o755)
    accepted("the top as containerd makes it", c.root, mounts=MOUNTS, **PROCESS)
    for path in ("srv", "work"):
        os.setxattr(f"{c.upper}/{path}", "trusted.overlay.opaque", b"y")  # as a kernel with redirect_dir or index marks what is new
    os.setxattr(f"{c.upper}/etc/hosts", "security.selinux", b"system_u:object_r:container_file_t:s0\0")
    accepted("marks and labels of the kernel", c.root, mounts=MOUNTS, **PROCESS)
    c.close()


def changes(store, ids):
    for name, do, text in CHANGES:
        c = Container(store, ids)
        by_engine(c)
        do(c)
        refused(name, c.root, text, mounts=MOUNTS, **PROCESS)
        c.close()
    c = Container(store, ids)
    by_engine(c)
    for name, line, path in LINES:
        with open(f"{c.root}/etc/{path}") as f:
            before = f.read()
        write(f"{c.root}/etc/{path}", before[:before.rstrip("\n").rindex("\n") + 1] + line)
        refused(f"{path}: {name}", c.root, change(f"/etc/{path}"), mounts=MOUNTS, **PROCESS)
        write(f"{c.root}/etc/{path}", before)
    accepted("all undone", c.root, mounts=MOUNTS, **PROCESS)
    c.close()


def unread(store, ids):
    """A directory whose names cannot all be read has not been looked at."""
    c = Container(store, ids)
    write(f"{c.root}/usr/new", "")
    refused("a new file", c.root, "the container has", mounts=MOUNTS, **PROCESS)

    def said(*fault):
        done = subprocess.run([INJECT, "--who", "runtime", "--call", GETDENTS64, "--report", "/run/report", *fault, "--", HRUN, "plan", BUNDLE], capture_output=True, text=True, timeout=100)
        return done.stdout + done.stderr
    said()
    calls = int(open("/run/report").read().split()[1])
    found = [said("--at", str(at), "--errno", str(errno.EIO)) for at in range(1, calls + 1)]
    check(calls > 5 and all("image-signature-missing  " in text for text in found), "a change is seen whichever names cannot be read", found)
    check(any("own layer cannot be looked at" in text for text in found), "it is said", found)
    c.close()


def inside():
    prepare()
    layout, store = Layout("/run/layout"), Store()
    policy(members={"level": "restricted"})
    layers = image()
    signed = layout.image("full", layers)
    Layout("/etc/hrun/signatures").sign(signed, KEY, "localhost/full")
    ids, _ = store.add("full", layout, signed, layers)
    engines(store, ids)
    told(store, ids)
    changes(store, ids)
    unread(store, ids)
    return finish()


if os.geteuid() != 0:
    print("only root can mount")
    sys.exit(77)
sys.exit(inside())
