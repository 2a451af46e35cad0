#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What was judged is what is used: the root's mount flags, hooks that are exchanged, namespaces by another name."""
import os
import shutil
import subprocess

from hrun import Bundle, contains, created, equal, eventually, hook, host_tmpfs, main, mounts_of, namespace_of, new_id, output, read, run, started, test, write
import hrun as h


# ---- the root ----


@test
def the_root_is_nodev_and_nosuid_by_level():
    # What restricted does beside asking for a memory limit, which is not everywhere to be had.
    strict = {"level": "restricted", "rules": {"memory-limit-missing": "off"}}
    for level, wanted in (("privileged", set()), ("baseline", {"nodev"}), (strict, {"nodev", "nosuid"})):
        b = Bundle("sleep", "1000", uid=1000, caps=())
        with host_tmpfs() as path:
            os.mkdir(f"{b.root}/below")
            subprocess.run(["mount", "--bind", path, f"{b.root}/below"], check=True)
            try:
                with started(b, level=level) as c:
                    mounts = mounts_of(c.pid)
                    for point in ("/", "/below"):
                        equal(mounts[point].attributes & {"nodev", "nosuid"}, wanted, f"{point} at {level}")
                    assert "nodev" not in mounts["/dev"].attributes, "the container's own /dev"
            finally:
                subprocess.run(["umount", f"{b.root}/below"], check=True)


@test
def a_device_node_of_the_image_cannot_be_opened():
    for level, wanted in (("privileged", 0), ("baseline", 1)):
        b = Bundle("cat", "/null")
        os.mknod(f"{b.root}/null", 0o666 | 0o020000, os.makedev(1, 3))
        os.chmod(f"{b.root}/null", 0o666)
        equal(run(b, level=level).status, wanted, level)
        equal(output(b, "cat", "/dev/null", level=level), "", f"/dev/null at {level}")


@test
def the_plan_says_what_was_hardened():
    r = h.hrun("plan", Bundle("true").save().path)
    contains(r.out, "nodev")
    contains(r.out, "rootfs-device-nodes")


# ---- hooks ----


def second(bundle, kind):
    """A directory of root's with a hook of that kind in it: what it did is told by the file `ran`."""
    place = f"{h.work}/place{next(h._numbers)}"
    os.mkdir(place, 0o755)
    shutil.copy(f"{h.work}/hook", f"{place}/hook")
    bundle.c.setdefault("hooks", {})[kind] = [{"path": f"{place}/hook", "args": ["sh", "-c", f"echo x >>{place}/ran"], "env": ["PATH=/bin"]}]
    return place


def exchanges(place):
    """Another file; the same file with other content, its times set back; the same content behind a link."""
    return (f"cp {place}/hook {place}/new && mv {place}/new {place}/hook",
            f"touch -r {place}/hook {place}/time && printf '\\0' >>{place}/hook && touch -r {place}/time {place}/hook",
            f"mv {place}/hook {place}/old && cp -p {place}/old {place}/new && ln -s new {place}/hook")


def shell(script):
    subprocess.run(["sh", "-c", script], check=True)


@test
def a_hook_that_is_exchanged_while_a_container_is_made_does_not_run():
    for which in range(3):
        for kind in ("createRuntime", "createContainer"):
            b = Bundle("true")
            place = second(b, kind)
            b.c["hooks"]["prestart"] = [hook("prestart", exchanges(place)[which])]
            with h.unchanged():
                r = run(b)
                assert r.status != 0 and r.err.count("\n") == 1, f"{kind}, {which}: {r}"
                contains(r.err, "not the file that was judged")
            assert not os.path.exists(f"{place}/ran"), f"{kind}, {which}: it ran"


@test
def a_hook_that_is_exchanged_before_a_later_command_does_not_run():
    for which in range(3):
        b = Bundle("sleep", "1000")
        after, end = second(b, "poststart"), second(b, "poststop")
        b.save()
        name = new_id()
        equal(h.hrun("create", "-b", b.path, name).status, 0, "create")
        shell(exchanges(after)[which])
        shell(exchanges(end)[which])
        r = h.hrun("start", name)
        assert r.status != 0, r
        contains(r.err, "not the file that was judged")
        assert not os.path.exists(f"{after}/ran") and not os.path.exists(f"{end}/ran"), "an exchanged hook ran"
        assert "does not exist" in h.hrun("state", name).err, "the container is still there"


@test
def a_hook_that_stays_runs():
    b = Bundle("sleep", "1000")
    places = [second(b, kind) for kind in ("prestart", "createRuntime", "createContainer", "poststart", "poststop")]
    with started(b):
        pass
    for place in places:
        equal(read(f"{place}/ran"), "x\n", place)


@test
def a_hook_may_be_a_script():
    b = Bundle("true")
    place = second(b, "createRuntime")
    write(f"{place}/hook", f"#!/bin/sh\necho \"$0\" >{place}/ran\n")
    equal(run(b).status, 0)
    equal(read(f"{place}/ran"), f"{place}/hook\n", "its name")


@test
def a_hook_may_be_the_program_of_a_process():
    """As engines write it: /proc/PID/exe."""
    for program, args, refused in (("/bin/sleep", ["0"], ""), ("/bin/sh", ["-c", ":"], "hook-shell")):
        p = subprocess.Popen([program, *(["1000"] if not refused else ["-c", "read x"])], stdin=subprocess.PIPE)
        try:
            b = Bundle("true")
            b.c["hooks"] = {"createRuntime": [{"path": f"/proc/{p.pid}/exe", "args": [program, *args]}]}
            r = run(b)
            equal((r.status != 0, refused in r.err), (bool(refused), True), repr(r))
        finally:
            p.kill()
            p.wait()


@test
def a_hook_that_others_may_exchange_is_refused():
    for mode in (0o775, 0o757, 0o1777):
        b = Bundle("true")
        place = second(b, "createRuntime")
        os.chmod(place, mode)
        with h.unchanged():
            r = run(b)
            assert r.status != 0, f"{mode:o}: {r}"
            contains(r.err, "hook-writable")
        os.chmod(place, 0o755)
        os.chown(f"{place}/hook", 1000, 0)
        contains(run(b).err, "hook-writable")


@test
def a_hook_in_the_bundle_by_another_name_is_refused():
    b = Bundle("true")
    place = f"{h.work}/view{next(h._numbers)}"
    os.mkdir(place, 0o755)
    shutil.copy(f"{h.work}/hook", f"{b.path}/hook")
    b.c["hooks"] = {"createRuntime": [{"path": f"{place}/hook", "args": ["sh", "-c", ":"]}]}
    subprocess.run(["mount", "--bind", b.path, place], check=True)
    try:
        contains(run(b).err, "hook-in-bundle")
    finally:
        subprocess.run(["umount", place], check=True)


@test
def a_shell_by_another_name_is_refused():
    b = Bundle("true")
    place = second(b, "createRuntime")
    subprocess.run(["mount", "--bind", os.path.realpath("/bin/sh"), f"{place}/hook"], check=True)
    try:
        contains(run(b).err, "hook-shell")
    finally:
        subprocess.run(["umount", f"{place}/hook"], check=True)


# ---- namespaces ----


@test
def namespaces_of_others_by_any_name_are_joined():
    """The nearest to a host's: the same kinds of names for somebody else's."""
    other = subprocess.Popen(["unshare", "--net", "sleep", "1000"])
    bound = f"{h.work}/bound-net"
    write(bound, "")
    try:
        eventually(lambda: namespace_of(other.pid, "net") != namespace_of("self", "net"), "unshare")
        subprocess.run(["mount", "--bind", f"/proc/{other.pid}/ns/net", bound], check=True)
        try:
            with started(Bundle().namespace("network", path=bound)) as c:
                equal(namespace_of(c.pid, "net"), namespace_of(other.pid, "net"))
        finally:
            subprocess.run(["umount", bound], check=True)
    finally:
        other.kill()
        other.wait()


@test
def bad_bundles():
    """A FIFO, a device, a directory in the place of config.json; a link in the place of the bundle."""
    for make in ("mkfifo config.json", "mknod config.json c 1 5", "mkdir config.json", "ln -s /dev/zero config.json"):
        b = Bundle("true")
        shell(f"cd {b.path} && {make}")
        with h.unchanged():
            r = h.hrun("run", "-b", b.path, new_id())
            assert r.status != 0 and r.err.count("\n") == 1, f"{make}: {r}"
            contains(r.err, "json-too-large")
    b = Bundle("true").save()
    os.symlink(b.path, f"{h.work}/bundle-link")
    equal(h.hrun("run", "-b", f"{h.work}/bundle-link", new_id()).status, 0, "a link to a bundle is that bundle")


main()
