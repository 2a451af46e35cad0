#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""images.require of bundles: what create and run start, and from where nobody else can change it."""
import contextlib
import json
import os
import shutil
import subprocess

from hrun import HRUN, Bundle, contains, created, equal, hrun, main, new_id, read, run, test
import hrun as h
from signing import changed, key


LISTS = ("allowDigests", "denyDigests", "notBefore")


def members(require="signed", name="key", **more):
    trust = [{"scope": "*", "scheme": "cosign-key", "keys": [key(name) + ".pub"]}]
    return {"images": {"require": require, "trust": trust, **{k: more.pop(k) for k in LISTS if k in more}}, **more}


def sign(bundle, name="key"):
    bundle.save()
    done = subprocess.run([HRUN, "sign", "--force", "--key", key(name), bundle.path], capture_output=True, text=True)
    equal((done.returncode, done.stderr), (0, ""), "sign")
    return bundle


def signed(*args, closed=True):
    """A bundle with files of its own: those of the template have names elsewhere."""
    bundle = Bundle(*(args or ("echo", "started")))
    shutil.rmtree(bundle.root)
    subprocess.run(["cp", "-a", f"{h.work}/template", bundle.root], check=True)
    os.chmod(bundle.path, 0o700 if closed else 0o755)
    return sign(bundle)


def starts(bundle, require="signed", **more):
    r = run(bundle, level=members(require, **more))
    equal((r.status, r.out), (0, "started\n"), r.err)


def verify(bundle, status=0, **more):
    r = hrun("verify", "--format", "json", bundle.path, level=members(**more))
    equal(r.status, status, repr(r))
    return json.loads(r.out)


def refused(bundle, *words, **more):
    """Other rules may refuse as well: all findings are in the debug output."""
    bundle.save()
    r = hrun("--debug", "run", "-b", bundle.path, new_id(), level=members(**more))
    equal((r.status, r.out), (125, ""), r.err)
    for word in ("image-signature-missing", *words):
        contains(r.err, word)


def put(bundle, path, text="x", uid=0, mode=0o644):
    full = f"{bundle.root}/{path}"
    h.write(full, text, mode)
    os.chown(full, uid, uid)
    return full


@test
def a_signed_bundle_starts():
    starts(signed())
    starts(signed(), require="warn")


@test
def an_unsigned_bundle_is_refused():
    bundle = Bundle("echo", "started")
    refused(bundle, "no mount of its own")
    r = run(bundle, level=members("warn"))
    equal((r.status, r.out), (0, "started\n"), r.err)


@test
def what_was_changed_is_refused():
    bundle = signed()
    put(bundle, "etc/extra")
    refused(bundle, "etc/extra", "does not hold")
    os.unlink(f"{bundle.root}/etc/extra")
    starts(bundle)
    bundle.process["env"].append("LD_PRELOAD=/x")
    refused(bundle, "config.json is another one")


@test
def a_wide_directory():
    """As /usr/bin and /var/lib/dpkg/info are: what the C library does with many names, the walls of hrun-tree must let it."""
    bundle = signed()
    os.mkdir(f"{bundle.root}/etc/wide")
    for number in range(5000):
        put(bundle, f"etc/wide/name-{number * 7919 % 5000}")
    sign(bundle)
    starts(bundle)
    os.unlink(f"{bundle.root}/etc/wide/name-4321")
    refused(bundle, "etc/wide/name-4321")


@test
def another_key_is_refused():
    refused(signed(), "It was not made by the key", name="other")


@test
def the_config_that_is_used_is_the_one_that_must_be_signed():
    bundle = signed()
    shutil.copy(f"{bundle.path}/config.json", f"{bundle.path}/other.json")
    bundle.process["args"] = ["echo", "not", "signed"]
    refused(bundle, "config.json is another one")
    r = hrun("run", "-b", bundle.path, "--config", "other.json", new_id(), level=members())
    equal((r.status, r.out), (0, "started\n"), r.err)
    os.rename(f"{bundle.path}/config.json", f"{bundle.path}/third.json")
    os.rename(f"{bundle.path}/other.json", f"{bundle.path}/config.json")
    r = hrun("run", "-b", bundle.path, "--config", "third.json", new_id(), level=members())
    equal((r.status, r.out), (125, ""), r.err)


@test
def a_mount_on_another_name_of_a_file_is_refused():
    bundle = signed()
    put(bundle, "etc/one")
    for name in ("two", "three"):
        os.link(f"{bundle.root}/etc/one", f"{bundle.root}/etc/{name}")
    sign(bundle)
    os.unlink(f"{bundle.root}/etc/two")
    put(bundle, "etc/two", "not signed")
    subprocess.run(["mount", "--bind", f"{bundle.root}/etc/one", f"{bundle.root}/etc/two"], check=True)
    refused(bundle, "etc/two cannot be read: it is a mount point")
    subprocess.run(["umount", f"{bundle.root}/etc/two"], check=True)


@test
def warn_only_tells():
    bundle = signed()
    put(bundle, "etc/extra")
    r = run(bundle, level=members("warn"))
    equal((r.status, r.out), (0, "started\n"), r.err)
    r = hrun("check", bundle.path, level=members("warn"))
    contains(r.out, "image-signature-missing")
    contains(r.out, "etc/extra")
    equal(hrun("check", signed().path, level=members()).status, 0)


@test
def nothing_is_left_of_a_refused_one():
    bundle = signed()
    put(bundle, "etc/extra")
    with h.unchanged():
        r = hrun("create", "-b", bundle.path, new_id(), level=members())
        equal(r.status, 1, r.err)


@test
def create_and_plan_ask_as_well():
    with created(signed("sleep", "100"), level=members()) as c:
        equal(c.state()["status"], "created")
    bundle = signed()
    equal(hrun("plan", bundle.path, level=members()).status, 0)
    put(bundle, "etc/extra")
    r = hrun("plan", bundle.path, level=members())
    contains(r.out + r.err, "etc/extra")


@test
def a_place_that_others_can_write_is_refused():
    bundle = signed()
    above = f"{h.work}/above"
    os.mkdir(above)
    os.rename(bundle.path, f"{above}/bundle")
    bundle.path, bundle.root = f"{above}/bundle", f"{above}/bundle/rootfs"
    for path in (above, bundle.path, bundle.root):
        with changed(path, mode=0o777):
            refused(bundle, path, "writable by group or others")
        with changed(path, mode=0o720):
            refused(bundle, path, "writable by group or others")
        with changed(path, uid=1234):
            refused(bundle, path, "belongs to uid 1234")
    starts(bundle)


@test
def a_place_behind_a_link_is_judged_where_it_is():
    bundle = signed()
    os.chmod(h.work, 0o755)
    link = f"{h.work}/link"
    os.symlink(bundle.path, link)
    r = hrun("run", "-b", link, new_id(), level=members())
    equal((r.status, r.out), (0, "started\n"), r.err)
    with changed(bundle.path, mode=0o777):
        r = hrun("run", "-b", link, new_id(), level=members())
        equal(r.status, 125, r.err)


@test
def files_of_others_need_a_closed_directory():
    for name, make in (
        ("file of a user", lambda b: put(b, "etc/his", uid=1000)),
        ("file for everybody", lambda b: put(b, "etc/open", mode=0o666)),
        ("file for a group", lambda b: put(b, "etc/group", mode=0o664)),
        ("directory for everybody", lambda b: os.chmod(f"{b.root}/tmp", 0o1777)),
    ):
        bundle = signed(closed=False)
        starts(bundle)
        make(bundle)
        sign(bundle)
        refused(bundle, "can be written by others; chmod 700", bundle.path)
        os.chmod(bundle.path, 0o700)
        starts(bundle)
        os.chmod(bundle.path, 0o711)
        refused(bundle, "can be written by others")


@test
def a_name_outside_of_the_tree_is_refused():
    bundle = signed()
    path = put(bundle, "etc/his", uid=1000)
    outside = f"{h.work}/outside"
    os.link(path, outside)
    sign(bundle)
    refused(bundle, "etc/his has another name outside of the tree")
    os.unlink(outside)
    starts(bundle)
    # Root's own, which nobody else may write, may have one.
    path = put(bundle, "etc/roots")
    os.link(path, outside)
    sign(bundle)
    starts(bundle)
    os.unlink(outside)
    # And two names inside are no name outside.
    os.link(f"{bundle.root}/etc/his", f"{bundle.root}/etc/hers")
    sign(bundle)
    starts(bundle)


@test
def another_root_under_the_same_name_is_refused():
    bundle = signed()
    config = json.loads(read(f"{bundle.path}/config.json"))
    config["root"]["path"] = f"{h.work}/template"
    bundle.c = config
    sign_fails = subprocess.run([HRUN, "sign", "--force", "--key", key(), bundle.save().path], capture_output=True, text=True)
    equal(sign_fails.returncode, 1)
    refused(bundle, "leads out of the bundle")


@test
def a_root_that_the_container_changed_is_refused_the_next_time():
    bundle = signed("touch", "/made")
    bundle.c["root"]["readonly"] = False
    bundle.process["user"].update(uid=0, gid=0)
    sign(bundle)
    level = members(level="privileged")
    equal(run(bundle, level=level).status, 0)
    r = run(bundle, level=level)
    equal(r.status, 125)
    contains(r.err, "made")


@test
def mount_points_are_made_before_and_not_by_the_first_container():
    bundle = signed()
    for name in ("dev", "proc", "sys", "tmp", "run", "data"):
        os.rmdir(f"{bundle.root}/{name}")
    file, directory = f"{h.work}/source-file", f"{h.work}/source-directory"
    h.write(file, "x")
    os.mkdir(directory)
    bundle.mount("/data/file", "bind", file, ["bind", "ro"])
    bundle.mount("/data/directory", "bind", directory, ["bind", "ro"])
    bundle.mount("/plain", "tmpfs", "tmpfs", ["size=64k"])
    sign(bundle)
    equal([os.path.isdir(f"{bundle.root}/data/{n}") for n in ("file", "directory")], [False, True])
    equal(sorted(os.listdir(f"{bundle.root}/dev")), [], "what is on another mount has no place in the root")
    starts(bundle)
    starts(bundle)
    equal(os.stat(f"{bundle.root}/plain").st_mode & 0o7777, 0o1777)


@test
def a_policy_without_a_rule_refuses():
    policy = {"images": {"require": "signed", "trust": [{"scope": "r.example/*", "scheme": "cosign-key", "keys": [key() + ".pub"]}]}}
    r = run(signed(), level=policy)
    equal(r.status, 125)
    contains(r.err, "no rule for this image")


@test
def require_off_asks_nothing():
    bundle = signed()
    put(bundle, "etc/extra")
    starts(bundle, require="off")


@test
def digests_and_times():
    """Of a bundle: the digest of its tree; nothing that is signed says when it was made."""
    bundle = signed()
    answer = verify(bundle)
    digest, other = answer["imageDigest"], "sha256:" + "0" * 64
    starts(bundle, allowDigests=[other, digest], denyDigests=[other])
    for more, text in (({"allowDigests": [other]}, f"{digest} does not stand in images.allowDigests"), ({"notBefore": "2020-01-01T00:00:00Z"}, "nothing that is signed says")):
        refused(bundle, text, **more)
        contains(verify(bundle, 1, **more)["reason"], text)
        starts(bundle, require="warn", **more)
    for require in ("signed", "warn"):
        words = {"require": require, "denyDigests": [digest]}
        for verb, status in (("run", 125), ("plan", 1), ("check", 1)):
            r = hrun(verb, bundle.path, *([new_id()] if verb == "run" else []), level=members(**words))
            equal((r.status, r.out), (status, ""), f"{verb} {r.err}")
            contains(r.err, f"hrun: refused: {digest} stands in images.denyDigests of `")


@test
def what_is_denied_is_denied_without_its_signature():
    """The signature spoilt or gone, the list spoilt, the signer a stranger: at warn, too."""
    def spoil(name, data=b"x"):
        with open(f"{bundle.path}/{name}", "r+b") as f:
            f.seek(100)
            f.write(data)

    def gone(name):
        os.unlink(f"{bundle.path}/{name}")
    other = "sha256:" + "0" * 64
    for how in ("signature spoilt", "signature gone", "list spoilt", "list gone", "both spoilt", "a stranger's key"):
        bundle = signed()
        digest = verify(bundle)["imageDigest"]
        name = next(name for name in os.listdir(bundle.path) if name.endswith(".sigstore.json"))
        words = {"require": "warn"}
        if how in ("signature spoilt", "both spoilt"):
            spoil(name)
        if how in ("list spoilt", "both spoilt"):
            spoil("rootfs.tree")
        if how.endswith("gone"):
            gone(name if how.startswith("signature") else "rootfs.tree")
        if how == "a stranger's key":
            words["name"] = "stranger"
        starts(bundle, **words, denyDigests=[other])
        for verb, status in (("run", 125), ("plan", 1), ("check", 1)):
            r = hrun(verb, bundle.path, *([new_id()] if verb == "run" else []), level=members(**words, denyDigests=[digest]))
            equal((r.status, r.out), (status, ""), f"{how}: {verb} {r.err}")
            contains(r.err, f"hrun: refused: {digest} stands in images.denyDigests of `")
    # The list is still that of what was denied, and the tree is not.
    bundle = signed()
    digest = verify(bundle)["imageDigest"]
    put(bundle, "etc/extra")
    equal(run(bundle, level=members("warn", denyDigests=[digest])).status, 125)
    # A tree that cannot be walked may be any.
    bundle = signed()
    os.unlink(f"{bundle.path}/rootfs.tree")
    os.mknod(f"{bundle.root}/socket", 0o140644)
    r = run(bundle, level=members("warn", denyDigests=[digest]))
    equal(r.status, 125, r.err)
    contains(r.err, "hrun: refused: whether the bundle stands in images.denyDigests cannot be told", "is a socket")
    starts(bundle, require="warn")


main()
