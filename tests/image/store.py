#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""The store of images: filled once, reused without a layer, never without a signature; and what must not be a store."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import common
from common import both_wait, equal, hold, lives, make_tar, report, wait_until, write_layout

TESTS, BUILD = os.environ["TESTS"], os.environ["BUILD"]
DRIVE, LIBEXEC = f"{BUILD}/tests/image/drive", f"{BUILD}/libexec/hrun"
BOX = f"{TESTS}/vectors/busybox-runnable-valid"
SIGNED = ["cosign-key", "1", "exactRepository", "127.0.0.1:5102/devr/box-run", f"{BOX}/k1.pub", ";"]
FILES = {"a/b": b"one", "a/c": os.urandom(3 << 20), "d": b""}


def words(store, layout, *options, requirement=(), libexec=LIBEXEC):
    return [DRIVE, "-d", libexec, "-p", "linux/amd64", "-t", "100", *([] if requirement else ["-u"]), "-S", store, *options, layout, *requirement]


def take(store, layout, *options, requirement=(), **how):
    done = subprocess.run(words(store, layout, *options, requirement=requirement), capture_output=True, text=True, timeout=100, **how)
    return done.returncode, json.loads(done.stdout) if done.stdout else {"reason": done.stderr}


def accepted(name, result):
    report(name, "" if result[0] == 0 and result[1]["verdict"] == "accept" else str(result))


def refused(name, result, *said):
    reason = result[1]["reason"] or ""
    report(name, "" if result[0] in (1, 3) and all(word in reason for word in said) else str(result))


def files_of(top):
    found = {}
    for where, _, names in os.walk(top):
        for name in names:
            with open(f"{where}/{name}", "rb") as f:
                found[os.path.relpath(f"{where}/{name}", top)] = f.read()
    return found


def modes(*paths):
    return [f"{os.lstat(path).st_mode & 0o7777:04o}" for path in paths]


class Place:
    """A layout and, beside it, a store that holds its image."""

    def __init__(self, top, name, fill=True):
        self.top = f"{top}/{name}"
        os.makedirs(self.top, 0o755)
        self.layout, self.store = f"{self.top}/layout", f"{self.top}/store"
        write_layout(self.layout, [make_tar(FILES)])
        with open(f"{self.layout}/index.json") as f:
            self.digest = json.load(f)["manifests"][0]["digest"]
        self.name = "sha256-" + self.digest[7:]
        self.entry, self.making = f"{self.store}/{self.name}", f"{self.store}/new/{self.name}"
        if fill:
            accepted(f"{name}: filled", self.take())

    def take(self, *options, **how):
        return take(self.store, self.layout, *options, **how)

    def layers(self):
        with open(f"{self.layout}/blobs/sha256/{self.digest[7:]}") as f:
            return [f"{self.layout}/blobs/sha256/{layer['digest'][7:]}" for layer in json.load(f)["layers"]]

    def start(self, **how):
        return subprocess.Popen(words(self.store, self.layout, **how), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def left(self):
        """What a run has not finished."""
        return os.listdir(f"{self.store}/new")

    def whole(self, name):
        """One entry, the right files, nothing else."""
        equal(name, (sorted(os.listdir(self.store)), self.left(), sorted(os.listdir(self.entry))), (["new", self.name], [], ["record.json", "rootfs"]))
        equal(f"{name}: its files", files_of(f"{self.entry}/rootfs") == FILES, True)


def first_and_second(top):
    place = Place(top, "use", fill=False)
    mounted = f"{place.top}/mounted"
    os.mkdir(mounted)
    place.store = f"{place.top}/not/there/yet"
    place.entry = f"{place.store}/{place.name}"
    accepted("first run", place.take("-m", mounted, umask=0o077))
    place.whole("after the first run")
    equal("its modes", modes(f"{place.top}/not", place.store, place.entry, f"{place.entry}/record.json", f"{place.entry}/rootfs", f"{place.store}/new"),
          ["0700", "0700", "0700", "0600", "0755", "0700"])
    record = json.load(open(f"{place.entry}/record.json"))
    equal("its record", (record["format"], record["manifestDigest"], record["bytes"]), (1, place.digest, 3 + (3 << 20)))
    look_at_mount(mounted)
    for layer in place.layers():
        os.unlink(layer)
    before = os.stat(f"{place.entry}/rootfs/a/c").st_ino
    accepted("second run, from a layout without layers", place.take("-m", mounted))
    equal("second run: the same files", (files_of(mounted) == FILES, os.stat(f"{mounted}/a/c").st_ino), (True, before))
    subprocess.run(["umount", mounted], check=True)
    refused("without the entry the layers are missed", (shutil.rmtree(place.entry), place.take())[1], "absent")
    equal("and nothing is left of that", (place.left(), os.listdir(place.store)), ([], ["new"]))


def look_at_mount(mounted):
    options = next(line.split()[5] for line in open("/proc/self/mountinfo") if line.split()[4] == mounted)
    report("mounted read-only, without devices", "" if {"ro", "nodev"} <= set(options.split(",")) else options)
    for what, call in (("a new file", lambda: open(f"{mounted}/new", "w")), ("an old file", lambda: open(f"{mounted}/a/b", "r+")),
                       ("an owner", lambda: os.chown(f"{mounted}/a/b", 1, 1)), ("a removal", lambda: os.unlink(f"{mounted}/d"))):
        try:
            call()
            report(f"root cannot write: {what}", "done")
        except OSError as e:
            equal(f"root cannot write: {what}", e.strerror, "Read-only file system")
    script = 'mount -o remount,bind,rw "$0"; mount -t tmpfs x "$0/a" && echo "capabilities"; echo x >"$0/d" && echo "written"'
    done = subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, mounted], capture_output=True, text=True)
    equal("and neither can root of a user namespace, who may mount", done.stdout, "capabilities\n")
    subprocess.run(["umount", mounted], check=True)


def signatures(top):
    """In the store or not: what is not signed does not start."""
    place = Place(top, "signed", fill=False)
    shutil.rmtree(place.layout)
    shutil.copytree(f"{BOX}/layout", place.layout)
    accepted("signed: first run", place.take("-r", "box", requirement=SIGNED))
    accepted("signed: second run", place.take("-r", "box", requirement=SIGNED))
    other = [word.replace("devr/box-run", "other") for word in SIGNED]
    refused("signed for another repository", place.take("-r", "box", requirement=other), "signature")
    wrong_key = [word.replace(f"{BOX}/k1.pub", f"{TESTS}/vectors/python-image-valid/pyp256.pub") for word in SIGNED]
    refused("a key that is trusted no more", place.take("-r", "box", requirement=wrong_key), "signature")
    for where, _, names in os.walk(f"{place.layout}/blobs"):
        for name in names:
            with open(f"{where}/{name}", "rb") as f:
                data = f.read()
            if b"dev.cosignproject.cosign/signature" in data:
                os.unlink(f"{where}/{name}")
    refused("without its signature", place.take("-r", "box", requirement=SIGNED), "signature")
    equal("all the same it is in the store", len(os.listdir(place.store)), 2)


def places(top):
    """What is no store: whoever could write there could give a container any file."""
    place = Place(top, "places")
    accepted("a relative name", take("store", place.layout, cwd=place.top))
    os.symlink(place.store, f"{place.top}/link")
    os.symlink(place.top, f"{top}/way")
    open(f"{place.top}/file", "w").close()
    for name, store, said in (
        ("a link", f"{place.top}/link", "symbolic link"), ("a link on the way", f"{top}/way/store", "symbolic link"),
        ("a file", f"{place.top}/file", "not a directory"), ("..", f"{place.top}/x/../store", '".."'), ("no name", "", "empty"),
        ("/tmp", "/tmp/store", "writable by group or others"), ("the root", "/", "may not be /"),
    ):
        refused(f"refused: {name}", take(store, place.layout), said)
    report("nothing was made in /tmp", "" if not os.path.exists("/tmp/store") else "/tmp/store")
    for name, change, undo, said in (
        ("others may read", (os.chmod, 0o755), (os.chmod, 0o700), "chmod 0700"), ("a group may write", (os.chmod, 0o720), (os.chmod, 0o700), "writable by group"),
        ("somebody else's", (os.chown, 1234, 0), (os.chown, 0, 0), "uid 1234"),
    ):
        change[0](place.store, *change[1:])
        refused(f"refused: {name}", place.take(), said)
        undo[0](place.store, *undo[1:])
    os.chmod(place.top, 0o777)
    refused("refused: others may write above it", place.take(), "writable by group or others")
    os.chmod(place.top, 0o755)
    os.chown(place.top, 1234, 0)
    refused("refused: a directory of somebody else's above it", place.take(), "uid 1234")
    os.chown(place.top, 0, 0)
    accepted("and undone it is a store again", place.take())


def entries(top):
    """Entries that nobody but root could have spoilt are refused all the same, with what to do."""
    place = Place(top, "entries")
    record, rootfs = f"{place.entry}/record.json", f"{place.entry}/rootfs"
    good = json.load(open(record))
    aside = f"{place.top}/aside"

    def write(**members):
        with open(record, "w") as f:
            json.dump({**good, **members}, f)

    def replace(path, make):
        os.rename(path, aside)
        make(path)

    def mount():
        subprocess.run(["mount", "-t", "tmpfs", "test", rootfs], check=True)
    for name, spoil in (
        ("no record", lambda: os.unlink(record)), ("an empty record", lambda: open(record, "w").close()),
        ("half a record", lambda: os.truncate(record, 40)), ("a huge record", lambda: os.truncate(record, 1 << 30)),
        ("one member more", lambda: write(more=1)), ("another format", lambda: write(format=2)),
        ("another image's", lambda: write(manifestDigest="sha256:" + "0" * 64)), ("another config's", lambda: write(configDigest="sha256:" + "0" * 64)),
        ("too many files", lambda: write(entries=1 << 40)), ("too large", lambda: write(bytes=1 << 50)),
        ("a text for a number", lambda: write(entries="1")), ("devices without a name", lambda: write(devicesDropped=1)),
        ("a device without a number", lambda: write(firstDevice="dev/null")), ("a name that is none", lambda: write(devicesDropped=1, firstDevice="a\nb")),
        ("an endless name", lambda: write(devicesDropped=1, firstDevice="n" * 256)), ("no version", lambda: write(version="")),
        ("a record that others may read", lambda: os.chmod(record, 0o644)), ("somebody else's record", lambda: os.chown(record, 1234, 0)),
        ("a link as record", lambda: replace(record, lambda p: os.symlink(aside, p))), ("a FIFO as record", lambda: replace(record, lambda p: os.mkfifo(p, 0o600))),
        ("an entry that others may read", lambda: os.chmod(place.entry, 0o755)), ("somebody else's entry", lambda: os.chown(place.entry, 1234, 0)),
        ("a link as entry", lambda: replace(place.entry, lambda p: os.symlink(aside, p))), ("a file as entry", lambda: replace(place.entry, lambda p: open(p, "w").close())),
        ("no root", lambda: os.rename(rootfs, aside)), ("a link as root", lambda: replace(rootfs, lambda p: os.symlink(aside, p))),
        ("a file as root", lambda: replace(rootfs, lambda p: open(p, "w").close())), ("something mounted on the root", mount),
    ):
        spoil()
        refused(f"refused: {name}", place.take(), place.name, "remove it")
        subprocess.run(["umount", rootfs], stderr=subprocess.DEVNULL)
        subprocess.run(["rm", "-rf", aside, place.entry], check=True)
        result = place.take()
        if result[0] != 0:
            accepted(f"{name}: removed, it works again", result)
    place.whole("in the end")


def stopped(place):
    """A run in the middle of its unpacking: hrun-image waits for room in the pipe to an hrun-tree that is stopped."""
    drive = place.start(libexec=HOLD)
    return drive, wait_until(lambda: both_wait(drive.pid))


def waits(pid):
    """For a lock: /proc/locks has it behind the one that holds it."""
    return any(line.split()[1:3] == ["->", "FLOCK"] and line.split()[5] == str(pid) for line in open("/proc/locks"))


def ended(name, drive):
    out, err = drive.communicate(timeout=100)
    accepted(name, (drive.returncode, json.loads(out) if out else {"verdict": "none", "reason": err}))


def together(top):
    place = Place(top, "together", fill=False)
    first, programs = stopped(place)
    second, third = place.start(), place.start()
    report("two others wait", "" if wait_until(lambda: waits(second.pid) and waits(third.pid)) else "they do not")
    accepted("another image meanwhile", take(place.store, f"{BOX}/layout", "-r", "box"))
    equal("which leaves alone what is being made", place.left(), [place.name])
    os.kill(programs["hrun-tree"], signal.SIGCONT)
    for name, drive in (("first", first), ("second", second), ("third", third)):
        ended(f"together: {name}", drive)
    shutil.rmtree(next(f"{place.store}/{name}" for name in os.listdir(place.store) if name not in (place.name, "new")))
    place.whole("together")


def killed(top):
    for victim in ("hrun-tree", "hrun-image", "drive"):
        place = Place(top, f"killed-{victim}", fill=False)
        drive, programs = stopped(place)
        waiting = place.start()
        assert wait_until(lambda: waits(waiting.pid))
        (drive.kill if victim == "drive" else lambda: os.kill(programs[victim], signal.SIGKILL))()
        if victim != "drive":
            with contextlib.suppress(ProcessLookupError):  # where it has been killed meanwhile
                os.kill(programs["hrun-tree"], signal.SIGCONT)
        drive.communicate(timeout=100)
        ended(f"SIGKILL of {victim}: who waited unpacks", waiting)
        report(f"SIGKILL of {victim}: it has failed", "" if drive.returncode not in (0, None) else str(drive.returncode))
        report(f"SIGKILL of {victim}: all are gone", "" if wait_until(lambda: not any(map(lives, programs.values()))) else str(programs))
        place.whole(f"SIGKILL of {victim}")


def killed_alone(top):
    """A run of another image removes what a killed one left; and the next run of the same works."""
    place = Place(top, "alone", fill=False)
    for other in (True, False):
        drive, programs = stopped(place)
        drive.kill()
        drive.communicate()
        equal("SIGKILL leaves its directory", place.left(), [place.name])
        accepted("the next run", take(place.store, f"{BOX}/layout", "-r", "box") if other else place.take())
        equal("has removed it", place.left(), [])
        report("and its hrun-tree is gone", "" if wait_until(lambda: not lives(programs["hrun-tree"])) else "it lives")


def leftovers(top):
    """Whatever lies in new/ goes, through no link and into no mount."""
    place = Place(top, "leftovers")
    outside = f"{place.top}/outside"
    os.mkdir(outside)
    open(f"{outside}/kept", "w").close()
    left = f"{place.store}/new/sha256-{'0' * 64}"
    os.makedirs(f"{left}/rootfs/.0/.1/x")
    for name in (".1", "rootfs/.1", "rootfs/.0/.0"):
        os.mkdir(f"{left}/{name}")
    os.symlink(outside, f"{left}/rootfs/.0/link")
    os.symlink(outside, f"{left}/link")
    os.mkfifo(f"{left}/rootfs/.0/.1/fifo")
    os.chmod(f"{left}/rootfs/.0", 0)
    deep = os.open(f"{left}/rootfs/.0/.1/x", os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d" * 200, dir_fd=deep)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
    os.close(deep)
    accepted("leftovers, 3,000 directories deep", place.take())
    equal("they are gone", (place.left(), os.listdir(outside)), ([], ["kept"]))
    os.makedirs(f"{left}/rootfs/mounted")
    subprocess.run(["mount", "--bind", outside, f"{left}/rootfs/mounted"], check=True)
    refused("a mount in the way", place.take(), "sha256-", "remove it")
    equal("what is mounted there stays", os.listdir(outside), ["kept"])
    subprocess.run(["umount", f"{left}/rootfs/mounted"], check=True)
    accepted("and without it", place.take())
    for name, make in (("a link", lambda p: os.symlink(outside, p)), ("a file", lambda p: open(p, "w").close())):
        make(left)
        refused(f"{name} in its place", place.take(), "remove it")
        os.unlink(left)
    place.whole("leftovers")


def file_systems(top):
    place = Place(top, "full", fill=False)
    os.mkdir(place.store, 0o700)
    for limit, said in (("size=1m", "full after"), ("nr_inodes=3", "more room"), ("nr_inodes=6", "full")):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"{limit},mode=0700", "test", place.store], check=True)
        refused(f"a store of {limit}", place.take(), said)
        equal(f"a store of {limit}: nothing is left", (place.left(), os.listdir(place.store)), ([], ["new"]))
        subprocess.run(["umount", place.store], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700", "test", place.store], check=True)
    accepted("a store on tmpfs", place.take())
    place.whole("tmpfs")
    subprocess.run(["mount", "-o", "remount,ro", place.store], check=True)
    accepted("a read-only store gives what it has", place.take())
    refused("and takes nothing", take(place.store, f"{BOX}/layout", "-r", "box"), "ead-only")
    subprocess.run(["umount", place.store], check=True)
    overlay(place)


def overlay(place):
    parts = [f"{place.top}/{name}" for name in ("lower", "upper", "work")]
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "test", place.top + "/store"], check=True)
    parts = [f"{place.store}/{name}" for name in ("lower", "upper", "work", "all")]
    for part in parts:
        os.mkdir(part, 0o700)
    done = subprocess.run(["mount", "-t", "overlay", "-o", "lowerdir={},upperdir={},workdir={}".format(*parts), "test", parts[3]], capture_output=True, text=True)
    if done.returncode:
        print(f"skip - overlay: {done.stderr.strip()}")
    else:
        place.store = parts[3]
        place.entry = f"{place.store}/{place.name}"
        accepted("a store on overlay", place.take())
        accepted("and again", place.take())
        place.whole("overlay")
        subprocess.run(["umount", parts[3]], check=True)
    subprocess.run(["umount", place.top + "/store"], check=True)


if os.geteuid() != 0:
    print("a store is tested by root")
    sys.exit(77)
with tempfile.TemporaryDirectory(dir="/run") as directory:
    os.chmod(directory, 0o755)
    HOLD = hold(directory)
    for part in (first_and_second, signatures, places, entries, together, killed, killed_alone, leftovers, file_systems):
        part(directory)
sys.exit(1 if common.failed else 0)
