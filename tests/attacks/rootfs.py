#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An image or a volume full of links that lead out: nothing of the host is mounted on, made, changed or shown.

CVE-2015-1335, CVE-2018-15664, CVE-2019-19921, CVE-2021-30465, CVE-2023-27561, CVE-2024-45310, CVE-2025-31133, CVE-2025-52565, CVE-2026-41579
"""
import ctypes
import os
import stat
import threading

import attack
from attack import Bundle, contains, created, equal, h, outside, output, read, refused, replace, run, test, ways_to, write

DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "fd", "stdin", "ptmx", "console")


def each_way(name, action, **more):
    """ACTION(bundle, outside) for every kind of link at NAME; what it returns or raises is its own; the host stays as it is."""
    for way in ways_to("x"):
        with outside() as out:
            b = Bundle("true")
            replace(b.root, name, ways_to(out)[way])
            action(b, out)


@test
def dev_is_a_link():
    each_way("dev", lambda b, out: run(b))


@test
def dev_is_a_link_and_nothing_is_mounted_there():
    def action(b, out):
        for d in ("/dev/pts", "/dev/shm", "/dev/mqueue", "/dev"):
            b.without_mount(d)
        run(b, level="privileged")
        equal([d for d in DEVICES if os.path.lexists(f"{out}/{d}")], ["null"], "devices on the host")

    each_way("dev", action)


@test
def dev_is_a_link_to_another_directory_of_the_image():
    b = Bundle("true")
    b.c["root"]["readonly"] = False
    for d in ("/dev/pts", "/dev/shm", "/dev/mqueue", "/dev"):
        b.without_mount(d)
    os.mkdir(f"{b.root}/elsewhere")
    replace(b.root, "dev", "elsewhere")
    refused(run(b, level="privileged"), "/dev is a symbolic link in the image")
    equal(os.listdir(f"{b.root}/elsewhere"), [])


@test
def what_is_mounted_below_dev_is_a_link():
    for name in ("dev/pts", "dev/shm", "dev/mqueue"):
        each_way(name, lambda b, out: run(b.without_mount("/dev"), level="privileged"))


@test
def proc_is_a_link():
    each_way("proc", lambda b, out: refused(run(b)))


@test
def proc_is_a_link_to_another_directory_of_the_image():
    b = Bundle("true")
    replace(b.root, "proc", "data")
    refused(run(b))
    refused(run(b, level="privileged"), "/proc")


@test
def sys_is_a_link():
    each_way("sys", lambda b, out: refused(run(b)))


@test
def a_mount_target_is_a_link_to_a_directory():
    each_way("target", lambda b, out: run(b.mount("/target/dir", "tmpfs", "tmpfs").mount("/target", "tmpfs", "tmpfs")))


@test
def a_mount_target_is_a_link_to_a_file():
    each_way("target", lambda b, out: run(b.mount("/target", "bind", "/etc/hostname", ["bind", "nosuid", "nodev", "ro"])))


@test
def missing_mount_targets_below_a_link_are_not_made_outside():
    each_way("target", lambda b, out: run(b.mount("/target/new/deep", "tmpfs", "tmpfs")))


@test
def a_dangling_link_as_target_makes_no_file():
    with outside() as out:
        for kind in (["bind", "ro", "nosuid", "nodev"],):
            b = Bundle("true").mount("/target", "bind", "/etc/hostname", kind)
            replace(b.root, "target", f"{out}/not-there")
            run(b)


@test
def a_destination_with_dotdot():
    with outside():
        refused(run(Bundle("true").mount("/data/../../x", "tmpfs", "tmpfs")), "mount-dest-invalid")


@test
def the_working_directory_is_a_link():
    def action(b, out):
        b.process["cwd"] = "/cwd/made"
        b.c["root"]["readonly"] = False
        run(b)

    each_way("cwd", action)


@test
def passwd_is_a_link():
    def action(b, out):
        write(f"{h.work}/passwd", "evil:x:1000:1000::/from-the-host:/bin/sh\n")
        replace(b.root, "etc/passwd", ways_to(f"{h.work}/passwd")["absolute"])
        assert "from-the-host" not in output(b, "env"), "HOME comes from a file of the host"

    each_way("unused", action)


@test
def passwd_is_a_fifo_or_a_device():
    for kind in (stat.S_IFIFO, stat.S_IFCHR):
        b = Bundle("true")
        os.unlink(f"{b.root}/etc/passwd")
        os.mknod(f"{b.root}/etc/passwd", kind | 0o644, os.makedev(1, 5))
        equal(run(b).status, 0, "exit status")


@test
def a_masked_path_is_a_link():
    def action(b, out):
        b.linux["maskedPaths"] += ["/secret", "/secret/file"]
        run(b)

    each_way("secret", action)


@test
def a_readonly_path_is_a_link():
    def action(b, out):
        b.linux["readonlyPaths"] += ["/secret"]
        run(b)

    each_way("secret", action)


@test
def the_null_device_of_the_image_is_a_link_to_core_pattern():
    before = read("/proc/sys/kernel/core_pattern")
    for link in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "../proc/sys/kernel/core_pattern"):
        b = Bundle("sh", "-c", "stat -c '%F %t:%T' /proc/interrupts; (echo '|/x' >/proc/interrupts) 2>/dev/null; cat /proc/interrupts", uid=0)
        b.c["root"]["readonly"] = False
        for d in ("/dev/pts", "/dev/shm", "/dev/mqueue", "/dev"):
            b.without_mount(d)
        replace(b.root, "dev/null", link)
        r = run(b, level="privileged")
        if r.status == 0:
            contains(r.out, "character special file 1:3", "what covers /proc/interrupts")
            equal(len(r.out.splitlines()), 1, "lines")
        equal(read("/proc/sys/kernel/core_pattern"), before, "core_pattern of the host")


@test
def masked_files_are_covered_by_the_null_device_read_only():
    out = output(Bundle("sh", "-c", "stat -c '%F %t:%T' /proc/interrupts; grep ' /proc/interrupts ' /proc/self/mountinfo", uid=0), level="baseline")
    contains(out, "character special file 1:3")
    contains(out, " ro,")


@test
def the_null_device_of_the_host_is_another_file():
    b = Bundle("true")
    os.rename("/dev/null", "/dev/null.real")
    try:
        for make in (lambda: write("/dev/null", ""), lambda: os.symlink("/dev/zero", "/dev/null"),
                     lambda: os.mknod("/dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 5))):
            make()
            with open("/dev/null.real") as null:
                refused(h.hrun("run", "-b", b.save().path, h.new_id(), stdin=null), "/dev/null")
            os.unlink("/dev/null")
    finally:
        os.rename("/dev/null.real", "/dev/null")


@test
def the_console_of_the_image_is_a_link():
    def action(b, out):
        b.process["terminal"] = True
        for d in ("/dev/shm", "/dev/mqueue", "/dev"):
            b.without_mount(d)
        run(b, level="privileged")

    each_way("dev/console", action)


@test
def a_terminal_without_a_devpts_is_refused():
    b = Bundle("true")
    b.process["terminal"] = True
    b.without_mount("/dev/pts").mount("/dev/pts", "tmpfs", "tmpfs")
    refused(run(b, level="privileged"))


@test
def a_bind_source_that_leads_out_of_the_bundle():
    with outside() as out:
        for source in ("link", "link/file", "../outside", "a/../../x"):
            b = Bundle("true").mount("/data", "bind", source, ["rbind", "nosuid", "nodev"])
            os.symlink(out, f"{b.path}/link")
            refused(run(b))


@test
def a_root_that_leads_out_of_the_bundle():
    with outside() as out:
        for link in (out, "/"):
            b = Bundle("true")
            os.symlink(link, f"{b.path}/link")
            b.c["root"]["path"] = "link"
            refused(run(b), "root-path")


RENAME_EXCHANGE = 2


@test
def a_volume_swaps_a_directory_for_a_link_while_containers_are_made():
    """CVE-2021-30465, CVE-2025-31133: the swapper is as fast as the kernel; the loop is bounded."""
    libc = ctypes.CDLL(None, use_errno=True)
    with outside() as out:
        volume = f"{h.work}/volume"
        os.makedirs(f"{volume}/target/dir")
        os.symlink(out, f"{volume}/link")
        stop, swaps = threading.Event(), [0]

        def swap():
            a, b = f"{volume}/target".encode(), f"{volume}/link".encode()
            while not stop.is_set():
                assert libc.renameat2(-100, a, -100, b, RENAME_EXCHANGE) == 0
                swaps[0] += 1

        thread = threading.Thread(target=swap)
        thread.start()
        done = 0
        try:
            b = Bundle("sh", "-c", "cat /volume/target/file /volume/target/dir/file 2>/dev/null; true", uid=0)
            b.mount("/volume", "bind", volume, ["rbind", "nosuid", "nodev"])
            b.mount("/volume/target/dir", "tmpfs", "tmpfs", ["nosuid", "nodev"])
            b.mount("/volume/target/new", "tmpfs", "tmpfs", ["nosuid", "nodev"])
            b.linux["maskedPaths"] += ["/volume/target/file"]
            b.linux["readonlyPaths"] += ["/volume/target/dir"]
            for _ in range(40):
                r = run(b, level="privileged")
                assert "host" not in r.out, r
                done += r.status == 0
        finally:
            stop.set()
            thread.join()
        assert swaps[0] > 100, "the swapper did nothing"


attack.main()
