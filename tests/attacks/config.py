#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Documents that two readers would read differently, and documents that change while they are read.

CVE-2017-16516, CVE-2022-24795, CVE-2023-33460
"""
import ctypes
import json
import os
import threading

import attack
from attack import Bundle, equal, h, outside, read, refused, run, started, test, write


def document(b, old, new, count=1):
    """The saved config with a piece of its text replaced, as bytes."""
    b.save()
    with open(f"{b.path}/config.json", "rb") as f:
        text = f.read()
    assert old.encode() in text, old
    with open(f"{b.path}/config.json", "wb") as f:
        f.write(text.replace(old.encode(), new if isinstance(new, bytes) else new.encode(), count))
    return h.hrun("run", "-b", b.path, h.new_id())


# What stands for `"noNewPrivileges": true` of the good document.
AMBIGUOUS = {
    "a key twice, first strict": '"noNewPrivileges": true, "noNewPrivileges": false',
    "a key twice, last strict": '"noNewPrivileges": false, "noNewPrivileges": true',
    "a key twice, once escaped": '"noNewPrivileges": true, "noNewPrivil\\u0065ges": false',
    "a key in another case": '"nonewprivileges": false',
    "a key in another case beside": '"noNewPrivileges": true, "NoNewPrivileges": false',
    "a key with a kelvin sign": '"noNewPrivileges": true, "noNewPrivilege\u017f": false',
    "NUL in a key": '"noNewPrivileges\\u0000": true',
    "NUL in a value": '"noNewPrivileges": true, "apparmorProfile": "x\\u0000y"',
    "a comment": '/* x */ "noNewPrivileges": true',
    "a line comment": '"noNewPrivileges": true // x\n',
    "a trailing comma": '"noNewPrivileges": true, ',
    "single quotes": "'noNewPrivileges': true",
    "a string for a boolean": '"noNewPrivileges": "true"',
    "a number for a boolean": '"noNewPrivileges": 1',
    "NaN": '"noNewPrivileges": true, "oomScoreAdj": NaN',
    "a fraction": '"noNewPrivileges": true, "oomScoreAdj": 1.0',
    "an exponent": '"noNewPrivileges": true, "oomScoreAdj": 1e2',
    "beyond 64 bits": '"noNewPrivileges": true, "oomScoreAdj": 18446744073709551617',
    "a leading zero": '"noNewPrivileges": true, "oomScoreAdj": 010',
    "a lone surrogate": '"noNewPrivileges": true, "apparmorProfile": "\\ud800"',
    "a raw control character": '"noNewPrivileges": true, "apparmorProfile": "\x01"',
    "bytes that are no UTF-8": b'"noNewPrivileges": true, "apparmorProfile": "\xff\xfe"',
    "an overlong slash": b'"noNewPrivileges": true, "apparmorProfile": "\xc0\xaf"',
}


def make_ambiguous(name, new):
    def check():
        r = document(Bundle("echo", "executed"), '"noNewPrivileges": true', new)
        assert r.status != 0 and "executed" not in r.out, r

    check.__name__ = "ambiguous: " + name
    test(check)


for _name, _new in AMBIGUOUS.items():
    make_ambiguous(_name, _new)


@test
def whole_documents_that_are_none():
    good = json.dumps(Bundle("true").save().c)
    for name, text in {"empty": "", "a list": f"[{good}]", "two": good + good, "something behind": good + " x", "NUL behind": good + "\0", "cut": good[:-1],
                       "a byte order mark": "\ufeff" + good, "deep": good[:-1] + ',"annotations":' + "[" * 100000 + "]" * 100000 + "}",
                       "large": good[:-1] + ',"annotations":{"x":"' + "x" * (1 << 20) + '"}}', "UTF-16": good.encode("utf-16")}.items():
        b = Bundle("true")
        with open(f"{b.path}/config.json", "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        r = h.hrun("run", "-b", b.path, h.new_id())
        assert r.status == 125, f"{name}: {r!r}"


@test
def annotations_change_nothing():
    b = Bundle("cat", "/proc/self/status")
    b.c["annotations"] = {k: "1" for k in ("run.oci.keep_original_groups", "run.oci.seccomp_bpf_data", "run.oci.delegate-cgroup", "run.oci.handler",
                                           "run.oci.systemd.force_cgroup_v1", "run.oci.mount_context_type")}
    b.c["annotations"]["run.oci.hooks.stdout"] = f"{h.work}/made-by-annotation"
    status = dict(line.split(":\t", 1) for line in run(b).out.splitlines() if ":\t" in line)
    equal({k: status.get(k, "").strip() for k in ("NoNewPrivs", "Seccomp", "Groups", "CapBnd")},
          {"NoNewPrivs": "1", "Seccomp": "2", "Groups": "", "CapBnd": "0" * 16}, "the process")
    assert not os.path.exists(f"{h.work}/made-by-annotation"), "a file that an annotation named"


@test
def an_annotation_cannot_speak_for_hrun():
    b = Bundle()
    b.c["annotations"] = {"org.hrun.level": "privileged", "org.hrun.findings": "none"}
    r = run(b)
    if r.status == 0:
        with started(b) as c:
            equal(c.state()["annotations"].get("org.hrun.level"), "baseline", "level")


@test
def a_policy_that_others_may_write_is_not_believed():
    b = Bundle("true", uid=0, caps=["CAP_SYS_ADMIN"]).save()
    directory = f"{h.work}/policy"
    os.makedirs(directory)
    path = f"{directory}/policy.json"
    for change in (lambda: os.chmod(path, 0o666), lambda: os.chown(path, 1000, 1000), lambda: os.chmod(directory, 0o777),
                   lambda: os.chown(directory, 1000, 1000)):
        write(path, '{"format": 1, "level": "privileged"}', 0o644)
        os.chmod(directory, 0o755)
        os.chown(directory, 0, 0)
        change()
        refused(h.hrun("--policy", path, "run", "-b", b.path, h.new_id()), "policy")
        os.unlink(path)
    os.chmod(directory, 0o755)
    os.chown(directory, 0, 0)
    os.symlink(h.policy("privileged")[1], path)
    refused(h.hrun("--policy", path, "run", "-b", b.path, h.new_id()), "policy")


@test
def the_config_is_read_once():
    """It is exchanged all the time: what was judged is what runs."""
    libc = ctypes.CDLL(None, use_errno=True)
    good, evil = Bundle("sh", "-c", "echo good $(id -u)"), Bundle("sh", "-c", "echo evil $(id -u)", uid=0, caps=["CAP_SYS_ADMIN"])
    good.save()
    evil.process["noNewPrivileges"] = False
    write(f"{good.path}/evil.json", json.dumps(evil.c))
    stop = threading.Event()
    a, b = f"{good.path}/config.json".encode(), f"{good.path}/evil.json".encode()

    def swap():
        while not stop.is_set():
            assert libc.renameat2(-100, a, -100, b, 2) == 0

    thread = threading.Thread(target=swap)
    thread.start()
    results = []
    try:
        for _ in range(40):
            results.append(h.hrun("run", "-b", good.path, h.new_id()))
    finally:
        stop.set()
        thread.join()
    for r in results:
        assert (r.status, r.out) == (0, "good 1000\n") or (r.status != 0 and not r.out and "refused [" in r.err), r


@test
def the_config_is_not_read_again_after_create():
    b = Bundle("sleep", "1000")
    with started(b) as c:
        b.process["capabilities"] = {k: ["CAP_SYS_ADMIN"] for k in ("bounding", "permitted", "effective")}
        b.process["noNewPrivileges"] = False
        b.c["hooks"] = {"poststop": [h.hook("poststop", f"touch {h.work}/poststop")]}
        b.save()
        text = c.exec("cat", "/proc/self/status").out
        assert "NoNewPrivs:\t1" in text and "CapEff:\t" + "0" * 16 in text, text
    assert not os.path.exists(f"{h.work}/poststop"), "a hook that came after create"


@test
def the_root_is_exchanged_while_containers_are_made():
    """By a directory and by a link to the host: the one that was judged is the root, or nothing is."""
    libc = ctypes.CDLL(None, use_errno=True)
    with outside() as out:
        b = Bundle("sh", "-c", "test -e /dir/file && echo host; echo done").save()
        os.symlink(out, f"{b.path}/other")
        stop = threading.Event()

        def swap():
            while not stop.is_set():
                assert libc.renameat2(-100, b.root.encode(), -100, f"{b.path}/other".encode(), 2) == 0

        thread = threading.Thread(target=swap)
        thread.start()
        try:
            for _ in range(30):
                r = run(b)
                assert "host" not in r.out and (r.status == 0) == (r.out == "done\n"), r
        finally:
            stop.set()
            thread.join()


attack.main()
