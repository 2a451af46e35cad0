#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bundles whose paths are something else than they say, or become so while they are judged; the kernel is asked what was reached.

CVE-2021-30465, CVE-2024-45310, CVE-2019-19921, CVE-2025-23266, CVE-2022-0492
"""
import contextlib
import os
import shutil
import socket
import subprocess
import threading

import attack
from attack import Bundle, contains, equal, eventually, h, read, refused, run, started, test, write

ROUNDS = 25
NOBODYS = ["nosuid", "nodev"]


def place(name="x"):
    """A new directory of root's that is nobody's but the test's."""
    path = f"{h.work}/place{next(h._numbers)}/{name}"
    os.makedirs(path)
    return path


@contextlib.contextmanager
def turning(link, one, other):
    """LINK leads to ONE and OTHER in turn, as fast as can be."""
    end = threading.Event()
    os.symlink(one, link)

    def turn():
        while not end.is_set():
            for target in (other, one):
                os.symlink(target, f"{link}.new")
                os.rename(f"{link}.new", link)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


@contextlib.contextmanager
def mounted(point, *arguments):
    os.makedirs(point, exist_ok=True)
    subprocess.run(["mount", *arguments, point], check=True)
    try:
        yield point
    finally:
        subprocess.run(["umount", "-R", point], check=True)


def refuses(bundle, rule, level="baseline"):
    """By the rule, by check and by run."""
    bundle.save()
    checked = h.hrun("check", bundle.path, level=level)
    assert checked.status != 0, checked
    contains(checked.out + checked.err, rule)
    refused(run(bundle, level=level))


# ---- races ----


@test
def a_source_that_turns_to_etc_never_shows_it():
    top = place()
    os.mkdir(f"{top}/ours")
    seen = set()
    with turning(f"{top}/link", f"{top}/ours", "/etc"):
        for _ in range(ROUNDS):
            b = Bundle("sh", "-c", "ls /data/passwd 2>&1 >/dev/null && echo THE-HOST").mount("/data", "bind", f"{top}/link", ["rbind", *NOBODYS])
            seen.add(run(b).out)
    assert "THE-HOST\n" not in seen, seen


@test
def a_layer_that_turns_to_etc_never_shows_it():
    for options in ("lowerdir={0}/link:{0}/other", "lowerdir+={0}/link,lowerdir+={0}/other", "lowerdir={0}/other,upperdir={0}/link,workdir={0}/work"):
        top = place()
        for name in ("ours", "other", "work"):
            os.mkdir(f"{top}/{name}")
        seen = set()
        with turning(f"{top}/link", f"{top}/ours", "/etc"):
            for _ in range(ROUNDS):
                b = Bundle("sh", "-c", "ls /data/passwd 2>&1 >/dev/null && echo THE-HOST")
                seen.add(run(b.mount("/data", "overlay", "overlay", [*options.format(top).split(","), *NOBODYS])).out)
        assert "THE-HOST\n" not in seen, seen


@test
def a_root_that_turns_to_the_host_is_never_entered():
    b = Bundle("sh", "-c", "ls /of-the-host 2>/dev/null && echo THE-HOST")
    top = place()
    shutil.copytree(b.root, f"{top}/other", copy_function=os.link, symlinks=True)
    os.mknod(f"{top}/other/of-the-host", 0o100644)
    os.rename(b.root, f"{top}/rootfs")
    os.mkdir(f"{b.path}/way")
    seen = set()
    b.c["root"]["path"] = f"{b.path}/link/rootfs"
    os.mkdir(f"{b.path}/good")
    os.rename(f"{top}/rootfs", f"{b.path}/good/rootfs")
    os.mkdir(f"{b.path}/bad")
    os.symlink(f"{top}/other", f"{b.path}/bad/rootfs")
    with turning(f"{b.path}/link", "good", "bad"):
        for _ in range(ROUNDS):
            seen.add(run(b).out)
    assert "THE-HOST\n" not in "".join(seen), seen


# ---- the root ----


@test
def the_root_is_a_bind_mount_of_etc():
    for path in ("/etc", "/usr"):
        with mounted(place(), "--bind", path) as point:
            b = Bundle("true")
            b.c["root"]["path"] = point
            refuses(b, "root-path-host")
            refuses(b, "root-path-host", level="restricted")


@test
def the_root_holds_the_sockets_of_the_host():
    b = Bundle("true")
    os.makedirs("/run/hrun-attack/bin", exist_ok=True)
    server = socket.socket(socket.AF_UNIX)
    top = place()
    try:
        server.bind(f"{top}/docker.sock")
        for path in (top, "/run", "/var", "/var/lib"):
            b.c["root"]["path"] = path
            refuses(b, "root-path-host", level="restricted")
    finally:
        server.close()
        shutil.rmtree("/run/hrun-attack")


@test
def proc_of_the_host_is_mounted_in_the_root():
    b = Bundle("true")
    b.c["mounts"] = [m for m in b.c["mounts"] if m["destination"] != "/proc"]
    with mounted(f"{b.root}/proc", "-t", "proc", "proc"):
        refuses(b, "root-path-host")
    with mounted(f"{b.root}/data", "--bind", "/etc"):
        refuses(b, "root-path-host")


@test
def the_root_is_the_bundle_or_above_it():
    for path in (".", "{}", "{}/.."):
        b = Bundle("true")
        for name in os.listdir(b.root):
            os.rename(f"{b.root}/{name}", f"{b.path}/{name}")
        b.c["root"]["path"] = path.format(b.path)
        refuses(b, "root-path-")


@test
def the_root_a_second_time_and_writable():
    b = Bundle("true", uid=1000, caps=()).mount("/data", "bind", "rootfs", ["bind", *NOBODYS])
    refuses(b, "mount-host-path", level="restricted")
    b = Bundle("true", uid=1000, caps=()).mount("/data", "bind", "config.json", ["bind", *NOBODYS])
    refuses(b, "mount-host-path", level="restricted")


# ---- mounts ----


@test
def sys_of_the_host_in_a_pods_network():
    """ro is about the top only: the cgroups of the host below it would be writable."""
    with started(Bundle("sleep", "1000")) as pod:
        b = Bundle("sh", "-c", "mkdir /sys/fs/cgroup/of-the-container && echo WRITABLE", uid=0)
        b.c["mounts"] = [m for m in b.c["mounts"] if not m["destination"].startswith("/sys")]
        b.mount("/sys", "none", "/sys", ["rbind", "nosuid", "noexec", "nodev", "ro"])
        for n in b.c["linux"]["namespaces"]:
            if n["type"] == "network":
                n["path"] = f"/proc/{pod.pid}/ns/net"
        refuses(b, "mount-host-sys")
        assert not os.path.exists(f"{h.CGROUP}/of-the-container")


@test
def an_overlay_holds_a_link_to_proc():
    top = place()
    for name in ("a", "b"):
        os.mkdir(f"{top}/{name}")
    os.symlink("/proc", f"{top}/a/p")
    for options in (f"lowerdir={top}/a:{top}/b", f"lowerdir={top}/b:{top}/a"):
        b = Bundle("true").mount("/data", "overlay", "overlay", [options, *NOBODYS]).mount("/data/p/sys", "tmpfs", "tmpfs", NOBODYS)
        refuses(b, "mount-dest-proc-sys")


@test
def a_link_to_proc_behind_a_mount_that_is_hidden():
    top = place()
    os.mkdir(f"{top}/d")
    os.symlink("/proc", f"{top}/d/p")
    b = Bundle("true").mount("/data/d", "tmpfs", "tmpfs", NOBODYS).mount("/data", "bind", top, ["bind", *NOBODYS])
    refuses(b.mount("/data/d/p/sys", "tmpfs", "tmpfs", NOBODYS), "mount-dest-proc-sys")


@test
def read_only_but_not_what_is_mounted_below():
    """The policy allows a directory to be mounted read-only."""
    top = place()
    policy = f"{place()}/policy.json"
    write(policy, '{"format": 1, "level": "restricted", "allow": {"mountPrefixes": [{"path": "%s"}]}}' % top, 0o644)
    os.mkdir(f"{top}/below")
    with mounted(f"{top}/below", "-t", "tmpfs", "tmpfs"):
        for word, found in (("ro", True), ("rro", False)):
            b = Bundle("true").mount("/data", "bind", top, ["rbind", *NOBODYS, word]).save()
            r = h.hrun("check", "--policy", policy, b.path)
            equal("mount-host-path" in r.out, found, word)


@test
def a_device_of_the_image_is_copied_into_dev():
    b = Bundle("sh", "-c", "cat /dev/evil >/dev/null && echo OPENED")
    os.mknod(f"{b.root}/dev/evil", 0o020666, os.makedev(1, 11))
    for m in b.c["mounts"]:
        if m["destination"] == "/dev":
            m["options"].append("tmpcopyup")
    assert "OPENED" not in run(b).out


@test
def the_files_of_root_as_those_of_somebody():
    """An idmapped volume without a user namespace: uid 1000 would make files of root's on the host's disk."""
    with h.host_tmpfs() as top:
        os.chmod(top, 0o777)
        b = Bundle("touch", "/data/new", uid=1000, caps=()).mount("/data", "bind", top, ["bind", "idmap", *NOBODYS])
        b.c["mounts"][-1].update(uidMappings=[{"containerID": 0, "hostID": 1000, "size": 1}], gidMappings=[{"containerID": 0, "hostID": 1000, "size": 1}])
        refuses(b, "idmap-host-root")
        equal(os.listdir(top), [])


# ---- namespaces ----


@test
def a_user_namespace_by_path_whose_root_is_the_hosts():
    p = subprocess.Popen(["unshare", "-U", "-r", "sleep", "1000"])
    try:
        eventually(lambda: open(f"/proc/{p.pid}/uid_map").read().split() == ["0", "0", "1"], "the map")
        b = Bundle("true", uid=0)
        b.c["linux"]["namespaces"].append({"type": "user", "path": f"/proc/{p.pid}/ns/user"})
        refuses(b, "user-root", level="restricted")
    finally:
        p.kill()
        p.wait()


@test
def the_hosts_network_under_a_name_of_its_own():
    point = f"{place()}/netns"
    write(point, "")
    subprocess.run(["mount", "--bind", "/proc/self/ns/net", point], check=True)
    try:
        b = Bundle("true")
        for n in b.c["linux"]["namespaces"]:
            if n["type"] == "network":
                n["path"] = point
        refuses(b, "ns-path-host")
        for n in b.c["linux"]["namespaces"]:
            if n["type"] == "ipc":
                n["path"] = point
        refuses(b, "ns-path-invalid", level="privileged")
    finally:
        subprocess.run(["umount", point], check=True)


# ---- cgroups ----


@test
def the_cgroup_of_all_other_containers():
    with started(Bundle("sleep", "1000")) as other:
        b = Bundle("sleep", "1000")
        b.c["linux"]["cgroupsPath"] = "/hrun"
        refused(run(b), "of other containers")
        h.hrun("create", "-b", b.path, "parent")
        h.hrun("delete", "--force", "parent")
        equal(read(f"/proc/{other.pid}/stat").split()[2], "S", "the other container")


# ---- hooks ----


def with_hook(**more):
    b = Bundle("true")
    b.c["hooks"] = {"poststop": [{"path": "/usr/bin/ldd", "args": ["ldd"], "timeout": 5, **more}]}
    return b


@test
def a_hook_gets_functions_for_its_shell():
    ran = f"{place()}/ran"
    refuses(with_hook(env=[f"BASH_FUNC_echo%%=() {{ : >{ran}; }}", "PATH=/bin"]), "hook-env-loader")
    assert not os.path.exists(ran)


@test
def a_hook_is_sent_to_strangers_programs():
    for path in ("/tmp", "/usr/bin:/tmp/x", "", "bin", "/usr/bin:", "/usr/../tmp"):
        refuses(with_hook(env=[f"PATH={path}"]), "hook-env-loader")


@test
def a_hook_that_a_container_has_written():
    volume = "/var/lib/docker/volumes/v/_data"
    os.makedirs(volume, 0o755)
    try:
        shutil.copy(f"{h.work}/hook", f"{volume}/hook")
        refuses(with_hook(path=f"{volume}/hook"), "hook-in-bundle")
    finally:
        shutil.rmtree("/var/lib/docker/volumes/v")


# ---- what hrun itself believes ----


@test
def the_state_of_hrun_in_another_place():
    """Records say which process is killed, and start.sock starts it; a kept filter is loaded."""
    state = f"{h.work}/own-state"
    os.makedirs(f"{state}/other")
    os.symlink(state, f"{h.work}/link-to-state")
    for options, paths in ((["--root", state], (state, f"{state}/other", f"{h.work}/link-to-state")), (["--root", f"{h.work}/link-to-state"], (state,)),
                           (["--root", f"{state}/later"], (state,)), (["--root", f"{h.work}/link-to-state/later/still"], (state,))):
        for path in paths:
            b = Bundle("true").mount("/v", "bind", path, ["bind", "ro", *NOBODYS]).save()
            refused(h.hrun(*options, "plan", "-b", b.path, level="baseline"), "mount-engine-state")


# ---- size ----


@test
def thousands_of_mounts_and_very_long_paths():
    b = Bundle("true")
    for i in range(4096 - len(b.c["mounts"])):
        b.mount(f"/data/{i}", "bind", "/etc" if i == 4000 else f"{h.work}", ["bind", *NOBODYS])
    refuses(b, "mount-host-system-dir")
    refuses(Bundle("true").mount("/data", "bind", "/" + "a/" * 3000 + "etc", ["bind", *NOBODYS]), "mount-host-root")
    refused(run(Bundle("true").mount("/" + "a/" * 3000 + "etc", "tmpfs", "tmpfs", NOBODYS)))


attack.main()
