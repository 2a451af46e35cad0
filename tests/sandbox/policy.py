#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who decides how strict hrun is: /etc/hrun, --policy, the name that hrun is called by; and never the caller's own file or environment."""
import contextlib
import json
import os
import shutil
import subprocess
import time

import hrun as h
from hrun import Bundle, contains, equal, main, started, test, write

DIRECTORY = "/etc/hrun"
USER = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", "--"]
IN_NAMESPACE = [*USER, "unshare", "--user", "--map-root-user", "--"]
PRIVILEGED, RESTRICTED = {"format": 1, "level": "privileged"}, {"format": 1, "level": "restricted"}


@contextlib.contextmanager
def etc_hrun(**files):
    """/etc/hrun with NAME.json files of root; what was there comes back."""
    aside = None
    if os.path.exists(DIRECTORY):
        aside = f"{h.work}/etc-hrun"
        shutil.move(DIRECTORY, aside)
    os.mkdir(DIRECTORY, 0o755)
    os.chmod(DIRECTORY, 0o755)
    os.chmod(h.work, 0o755)
    try:
        for name, content in files.items():
            put(name, content)
        yield
    finally:
        shutil.rmtree(DIRECTORY)
        if aside:
            shutil.move(aside, DIRECTORY)


def put(name, content):
    path = f"{DIRECTORY}/{name}.json"
    write(path, content if isinstance(content, str) else json.dumps(content), 0o644)
    return path


def called(name, *args, prefix=()):
    """hrun called by a link of that name."""
    link = f"/run/{name}"
    os.symlink(h.HRUN, link)
    try:
        done = subprocess.run([*prefix, link, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        return h.Result(done.returncode, done.stdout, h.own_words(done.stderr))
    finally:
        os.unlink(link)


def level(*args, prefix=(), call=h.hrun, **more):
    r = call(*args, "policy", "show", "--json", prefix=prefix, **more)
    equal(r.status, 0, f"policy show: {r.err}")
    return json.loads(r.out)["members"]["level"]["value"]


def refused(r, *words, status=125):
    equal(r.status, status, r.err)
    equal(len(r.err.splitlines()), 1, r.err)
    for word in ("policy: ", *words):
        contains(r.err, word)


def on_host_network():
    """Refused at baseline, nothing to say against it at privileged."""
    return Bundle("true").namespace("network", path=False)


def run(bundle, *args, **more):
    bundle.save()
    return h.hrun(*args, "run", "-b", bundle.path, h.new_id(), **more)


@test
def without_a_file_the_level_is_baseline():
    with etc_hrun():
        equal(level(), "baseline")
        equal(run(Bundle("true")).status, 0)
        contains(run(on_host_network()).err, "ns-net-host")


@test
def the_machines_file_decides():
    with etc_hrun(policy=RESTRICTED):
        contains(run(on_host_network()).err, "ns-net-host")
        equal(level(), "restricted")
        put("policy", PRIVILEGED)
        equal(run(on_host_network()).status, 0)


def break_owner():
    os.chown(f"{DIRECTORY}/policy.json", 1000, 0)
    return "belongs to uid 1000"


def break_mode():
    os.chmod(f"{DIRECTORY}/policy.json", 0o664)
    return "writable by group or others"


def break_directory():
    os.chmod(DIRECTORY, 0o1777)
    return "`/etc/hrun` is writable"


def break_directory_owner():
    os.chown(DIRECTORY, 1000, 0)
    return "`/etc/hrun` belongs to uid 1000"


def break_link():
    os.rename(f"{DIRECTORY}/policy.json", f"{DIRECTORY}/real.json")
    os.symlink("real.json", f"{DIRECTORY}/policy.json")
    return "symbolic link"


def break_fifo():
    os.unlink(f"{DIRECTORY}/policy.json")
    os.mkfifo(f"{DIRECTORY}/policy.json", 0o644)
    return "not a regular file"


def break_text():
    put("policy", '{"format": 1,\n "level": "none"}')
    return "line 2"


BREAKS = [break_owner, break_mode, break_directory, break_directory_owner, break_link, break_fifo, break_text]


@test
def a_file_that_others_could_have_written_stops_what_begins():
    for damage in BREAKS:
        with etc_hrun(policy=PRIVILEGED):
            why = damage()
            refused(run(Bundle("true")), why)
            refused(h.hrun("policy", "check"), why, status=3)


@test
def what_ends_a_container_asks_no_policy():
    with etc_hrun(policy={"format": 1}), started(Bundle()) as c:
        break_text()
        refused(c.exec("true"), "line 2", status=255)
        refused(h.hrun("update", "--pids-limit", "10", c.id), "line 2", status=1)
        equal(c.state()["status"], "running")
        contains(h.hrun("list").out, c.id)
        equal(h.hrun("kill", c.id, "KILL").status, 0)
        h.eventually(lambda: c.state()["status"] == "stopped", "stopped")
        equal(h.hrun("delete", c.id).status, 0)


@test
def start_asks_for_the_policy_of_that_moment():
    with etc_hrun(policy={"format": 1}), h.created(Bundle("true")) as c:
        break_owner()
        refused(c.start(), "belongs to uid 1000", status=1)
        equal(c.state()["status"], "created")


@test
def root_may_choose_another_file_that_is_as_well_kept():
    with etc_hrun(policy=RESTRICTED, loose=PRIVILEGED):
        equal(run(on_host_network(), "--policy", f"{DIRECTORY}/loose.json").status, 0)
        os.chmod(f"{DIRECTORY}/loose.json", 0o666)
        refused(run(on_host_network(), "--policy", f"{DIRECTORY}/loose.json"), "writable by group or others")
        refused(run(Bundle("true"), "--policy", f"{DIRECTORY}/none.json"), "ENOENT")


@test
def an_ordinary_user_can_only_tighten():
    own = f"{h.work}/own.json"
    with etc_hrun():
        os.chmod(h.work, 0o755)
        directory = f"/run/own{os.getpid()}"
        os.mkdir(directory, 0o755)
        os.chown(directory, 1000, 1000)
        own = f"{directory}/own.json"
        try:
            for content, machine, expected in ((PRIVILEGED, None, "baseline"), (RESTRICTED, None, "restricted"),
                                               (PRIVILEGED, RESTRICTED, "restricted"), (PRIVILEGED, PRIVILEGED, "privileged"),
                                               (RESTRICTED, PRIVILEGED, "restricted")):
                write(own, json.dumps(content), 0o644)
                os.chown(own, 1000, 1000)
                if machine:
                    put("policy", machine)
                equal(level("--policy", own, prefix=USER), expected, f"{content} over {machine}")
                equal(level("--policy", own, prefix=IN_NAMESPACE), expected, f"root of a namespace: {content} over {machine}")
            # Nor with root's own looser file, which root alone may choose.
            put("policy", RESTRICTED)
            put("loose", PRIVILEGED)
            equal(level("--policy", f"{DIRECTORY}/loose.json", prefix=USER), "restricted")
            equal(level("--policy", f"{DIRECTORY}/loose.json", prefix=IN_NAMESPACE), "restricted")
            os.chmod(own, 0o666)
            refused(h.hrun("--policy", own, "policy", "show", prefix=USER), "writable by group or others", status=3)
        finally:
            shutil.rmtree(directory)


@test
def in_a_user_namespace_the_machines_file_must_still_be_closed_to_others():
    with etc_hrun(policy=RESTRICTED):
        equal(level(prefix=IN_NAMESPACE), "restricted")
        os.chmod(f"{DIRECTORY}/policy.json", 0o666)
        refused(h.hrun("policy", "show", prefix=IN_NAMESPACE), "writable by group or others", status=3)


@test
def the_environment_has_no_say():
    loose = f"/run/loose{os.getpid()}"
    os.mkdir(loose, 0o755)
    os.mkdir(f"{loose}/hrun")
    write(f"{loose}/hrun/policy.json", json.dumps(PRIVILEGED), 0o644)
    path = f"{loose}/hrun/policy.json"
    env = dict(os.environ, HRUN_POLICY=path, POLICY=path, HRUN_LEVEL="privileged", XDG_CONFIG_HOME=loose, XDG_CONFIG_DIRS=loose, HOME=loose,
               HRUN_CLASS="loose", XDG_RUNTIME_DIR=loose)
    try:
        with etc_hrun(loose=PRIVILEGED):
            equal(level(env=env), "baseline")
            contains(run(on_host_network(), env=env).err, "ns-net-host")
    finally:
        shutil.rmtree(loose)


@test
def a_class_has_its_own_file_and_keeps_its_name_over_the_second_execution():
    with etc_hrun(policy=RESTRICTED, loose=PRIVILEGED):
        b = on_host_network().save()
        r = called("hrun-loose", "run", "-b", b.path, h.new_id())
        equal((r.status, r.err), (0, ""))
        contains(run(b).err, "ns-net-host")
        equal(level(call=lambda *a, prefix=(): called("hrun-loose", *a, prefix=prefix)), "privileged")
        # Who is not root gets the stricter of the two.
        equal(level(prefix=USER, call=lambda *a, prefix=(): called("hrun-loose", *a, prefix=prefix)), "restricted")


@test
def a_class_without_a_file_or_with_a_bad_name_is_an_error():
    with etc_hrun(policy=PRIVILEGED):
        b = Bundle("true").save()
        refused(called("hrun-gpu", "run", "-b", b.path, h.new_id()), "hrun-gpu needs `/etc/hrun/gpu.json`")
        for name in ("hrun-UPPER", "hrun-", "hrun--x", "hrun-a.b", "hrun-" + "a" * 33):
            refused(called(name, "run", "-b", b.path, h.new_id()), "no name of a class")
        for name in ("hrun-../x", "hrun-../../etc/hrun/policy", "hrun-/x"):
            done = subprocess.run([name, "run", "-b", b.path, h.new_id()], executable=h.HRUN, stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True)
            refused(h.Result(done.returncode, done.stdout, h.own_words(done.stderr)), "no name of a class")
        put("gpu", '{"level": "none"}')
        refused(called("hrun-gpu", "run", "-b", b.path, h.new_id()), "`level` must be")


@test
def an_audit_ends_with_its_last_day():
    def day(offset):
        return time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400 * offset))

    for until, mode in ((day(1), "audit"), (day(-1), "enforce")):
        with etc_hrun(policy={"mode": "audit", "auditUntil": until}):
            r = h.hrun("policy", "show", "--json")
            equal(json.loads(r.out)["members"]["mode"]["value"], mode)


@test
def a_larger_config_is_read_where_the_policy_says_so():
    b = Bundle("true")
    b.c["annotations"] = {"org.example.bulk": "x" * (1 << 20)}
    with etc_hrun():
        contains(run(b).err, "json-too-large")
        put("policy", {"limits": {"configBytes": 2 << 20}})
        equal(run(b).status, 0)
        put("policy", {"limits": {"configBytes": 100}})
        contains(run(Bundle("true")).err, "json-too-large")


@test
def learn_writes_a_policy_with_which_it_starts():
    b = Bundle("true", change=lambda c: c["linux"].update(cgroupsPath="/learned"))
    b.namespace("uts", path=False)
    b.c.pop("hostname", None)
    b.save()
    with etc_hrun():
        equal(h.hrun("policy", "learn", b.path).status, 3)
        r = h.hrun("policy", "learn", "--owner", "the test", b.path)
        equal(r.status, 0, r.err)
        learned = json.loads(r.out)
        equal([(w["rule"], w["owner"]) for w in learned["waivers"]], [("ns-uts-host", "the test")])
        put("learned", r.out)
        r = h.hrun("policy", "check", f"{DIRECTORY}/learned.json")
        contains(r.out, "1 waivers (0 expired")
        contains(h.hrun("--policy", f"{DIRECTORY}/learned.json", "policy", "list-waivers").out, "90 days left")
        # What is severe needs a class.
        b.namespace("network", path=False).save()
        r = h.hrun("policy", "learn", "--owner", "the test", b.path)
        equal(r.status, 1)
        contains(r.err, "[ns-net-host]")
        r = h.hrun("policy", "learn", "--owner", "the test", "--class", "net", b.path)
        equal((r.status, len(json.loads(r.out)["waivers"])), (0, 2), r.err)
        put("net", r.out)
        equal(h.hrun("policy", "check", f"{DIRECTORY}/net.json").status, 0)
        put("policy", r.out)
        refused(h.hrun("policy", "check"), "a severe rule", status=3)


# ---- images ----

def trusting(*keys, **more):
    return {"images": {"require": "signed", "trust": [{"scheme": "cosign-key", "keys": list(keys)}], **more}}


@test
def images_require_decides_about_images_that_nobody_signed():
    b = Bundle("true")
    for policy in (None, {"format": 1}, {"images": {"require": "off"}}, {"images": {"require": "warn"}}):
        with etc_hrun(**({"policy": policy} if policy else {})):
            equal(run(b).status, 0, str(policy))
    for base in ({}, PRIVILEGED, RESTRICTED):
        with etc_hrun(policy={**base, "images": {"require": "signed"}}):
            r = run(b)
            equal(r.status, 125, r.err)
            contains(r.err, "[image-signature-missing]")
    b.c["annotations"] = {"io.kubernetes.cri.image-name": "registry.example.org/app:1"}
    with etc_hrun(policy={"mode": "audit", "auditUntil": h.days_from_now(3), "rules": {"image-signature-missing": "off"}, "images": {"require": "signed"}}):
        contains(run(b).err, 'no verified signature is known of "registry.example.org/app:1"')


@test
def who_may_write_a_key_may_sign_so_keys_are_the_roots():
    key, folder = f"{DIRECTORY}/keys/a.pub", f"{DIRECTORY}/keys"
    with etc_hrun(policy=trusting("keys/a.pub")):
        check = lambda: h.hrun("policy", "check", f"{DIRECTORY}/policy.json")
        refused(check(), "keys`: ENOENT", status=3)
        os.mkdir(folder, 0o755)
        refused(check(), "keys/a.pub`: ENOENT", status=3)
        write(key, "x", 0o644)
        equal(check().status, 0, check().err)
        os.chmod(key, 0o664)
        refused(check(), "keys/a.pub` is writable by group or others", status=3)
        os.chmod(key, 0o644)
        os.chown(key, 1000, 0)
        refused(check(), "belongs to uid 1000", status=3)
        os.chown(key, 0, 0)
        os.chmod(folder, 0o1777)
        refused(check(), "keys` is writable", status=3)
        os.chmod(folder, 0o755)
        os.rename(key, f"{folder}/b")
        os.symlink("b", key)
        refused(check(), "is a symbolic link", status=3)
        os.unlink(key)
        os.mkfifo(key, 0o644)
        refused(check(), "is not a regular file", status=3)
        os.unlink(key)
        write(key, "", 0o644)
        refused(check(), "has 0 bytes", status=3)
        write(key, "x" * 65537, 0o644)
        refused(check(), "has 65537 bytes", status=3)
        # The same file by another name is one key.
        os.unlink(key)
        os.link(f"{folder}/b", key)
        put("policy", trusting("keys/a.pub", "keys/../keys/b"))
        refused(check(), 'holds ".."', status=3)
        write("/tmp/key", "x", 0o644)
        put("policy", trusting("/tmp/key"))
        refused(check(), "`/tmp` is writable", status=3)


@test
def the_file_of_trust_from_is_the_roots_as_well():
    other = f"{DIRECTORY}/containers.json"
    with etc_hrun(policy={"images": {"trustFrom": "containers.json"}}):
        check = lambda: h.hrun("policy", "check", f"{DIRECTORY}/policy.json")
        refused(check(), "containers.json`: ENOENT", status=3)
        put("containers", {"default": [{"type": "insecureAcceptAnything"}]})
        equal(check().status, 0, check().err)
        os.chmod(other, 0o666)
        refused(check(), "is writable by group or others", status=3)
        os.chmod(other, 0o644)
        put("containers", {"default": [{"type": "insecureAcceptAnything"}], "defaults": []})
        refused(check(), "`defaults` is not a member", status=3)
        # What is broken there keeps nobody from ending a container, and judges no bundle.
        equal(run(Bundle("true")).status, 125)


@test
def what_starts_nothing_takes_any_policy():
    b = on_host_network()
    b.save()
    write("/tmp/p.json", json.dumps(PRIVILEGED), 0o666)
    os.symlink("p.json", "/tmp/link.json")
    with etc_hrun(policy=RESTRICTED):
        for prefix in ((), USER):
            for path in ("/tmp/p.json", "/tmp/link.json", "/tmp/../tmp/p.json"):
                contains(h.hrun("--policy", path, "check", f"{b.path}/config.json", prefix=prefix).out, "privileged")
        refused(h.hrun("--policy", "/tmp/p.json", "run", "-b", b.path, h.new_id()), "`/tmp` is writable")
    os.unlink("/tmp/link.json")
    os.unlink("/tmp/p.json")


@test
def show_says_what_images_must_be():
    with etc_hrun(policy=trusting("a.pub", "b.pub")):
        r = h.hrun("policy", "show", "--json")
        member = json.loads(r.out)["members"]["images"]
        equal((member["source"], member["value"]["require"], member["value"]["trust"][0]["keys"]), ("file", "signed", ["a.pub", "b.pub"]))
        equal(member["value"]["devices"], "refuse")
    with etc_hrun(policy={"images": {"devices": "drop"}}):
        equal(json.loads(h.hrun("policy", "show", "--json").out)["members"]["images"]["value"]["devices"], "drop")
    with etc_hrun():
        equal(json.loads(h.hrun("policy", "show", "--json").out)["members"]["images"], {"source": "default", "value": None})


if __name__ == "__main__":
    main()
