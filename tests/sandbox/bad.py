#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input: one clear line with the place and what to do, the documented exit code, the JSON log, nothing left behind."""
import ctypes
import json
import os
import shutil
import struct
import subprocess

from hrun import Bundle, contains, equal, main, new_id, read, run, test
import hrun as h

# What engines take for a missing command; a refusal must not hold it.
MISLEADING = ("no such file", "not found", "permission denied", "operation not permitted")


def check(b, *words, text=None, level=None, refusal=True, options=(), create=1, run=125):
    """create and run of the bundle fail alike."""
    b.save()
    if text is not None:
        with open(f"{b.path}/config.json", "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
    log = f"{h.work}/log{next(h._numbers)}"
    with h.unchanged():
        for verb, status in (("create", create), ("run", run)):
            r = h.hrun("--log", log, "--log-format", "json", verb, "-b", b.path, *options, new_id(), level=level)
            assert r.status == status and r.out == "", f"{verb}: {r}"
            assert r.err.count("\n") == 1 and r.err.endswith("\n") and 10 < len(r.err) < 1000, f"{verb}: {r}"
            for word in words:
                contains(r.err, word, verb)
            if refusal:
                assert not any(m in r.err.lower() for m in MISLEADING), f"{verb}: {r.err}"
    entries = [json.loads(line) for line in read(log).splitlines()]
    equal([(e["level"], e["msg"] + "\n") for e in entries][1], ("error", r.err))
    equal(len(entries), 2)


@test
def a_missing_bundle():
    b = Bundle("true")
    os.rename(b.path, b.path + ".away")
    with h.unchanged():
        for verb, status in (("create", 1), ("run", 125)):
            r = h.hrun(verb, "-b", b.path, new_id())
            assert r.status == status and r.out == "" and r.err.count("\n") == 1, r
            contains(r.err, b.path)


@test
def a_bundle_without_a_config():
    b = Bundle("true")
    with h.unchanged():
        r = h.hrun("create", "-b", b.path, new_id())
        assert r.status == 1 and r.err.count("\n") == 1, r
        contains(r.err, "config.json")


@test
def a_bundle_that_is_a_file():
    with h.unchanged():
        r = h.hrun("create", "-b", "/etc/passwd", new_id())
        assert r.status == 1 and r.err.count("\n") == 1, r
        contains(r.err, "/etc/passwd")


@test
def a_config_that_is_a_directory_or_a_fifo():
    for make in (os.mkdir, os.mkfifo):
        b = Bundle("true")
        make(f"{b.path}/config.json")
        with h.unchanged():
            r = h.hrun("create", "-b", b.path, new_id())
            assert r.status == 1 and r.err.count("\n") == 1, r


@test
def a_config_that_others_may_write():
    b = Bundle("true").save()
    os.chmod(f"{b.path}/config.json", 0o666)
    with h.unchanged():
        r = h.hrun("create", "-b", b.path, new_id())
        assert r.status == 1 and r.err.count("\n") == 1, r
        contains(r.err, "bundle-permissions")


def altered(find, replace):
    b = Bundle("true")
    text = json.dumps(b.c)
    assert find in text, find
    return b, text.replace(find, replace, 1)


DOCUMENTS = {
    "empty": (None, "", "json-not-strict"), "no document": (None, " \n", "json-not-strict"), "cut": (None, '{"ociVersion": "1.0', "json-not-strict"),
    "a comment": ('{"oci', '/* x */{"oci', "json-not-strict"), "trailing data": ("}}", "}} x", "json-not-strict"),
    "a byte order mark": ('{"oci', '\ufeff{"oci', "json-not-strict"), "a duplicate key": ('"hostname"', '"hostname": "a", "hostname"', "json-duplicate-key"),
    "NUL": ('"hostname": "hrun"', '"hostname": "a\\u0000b"', "json-nul-in-string"), "another case": ('"noNewPrivileges"', '"NoNewPrivileges"', "json-key-case"),
    "too large a number": ('"uid": 1000', '"uid": 4294967296', "json-number-range"), "a negative number": ('"uid": 1000', '"uid": -1', "json-number-range"),
    "a fraction": ('"uid": 1000', '"uid": 1.5', "json-number-range"), "the wrong type": ('"readonly": true', '"readonly": "true"', "json-wrong-type"),
    "an array for an object": ('"root": {', '"root": [], "x": {', "json-wrong-type"), "no ociVersion": ('"ociVersion": "1.3.0", ', "", "ociVersion absent"),
    "another major version": ('"1.3.0"', '"2.0.0"', "oci-version-invalid"), "too deep": ('"hostname"', '"annotations": ' + '{"a":' * 200 + "1" + "}" * 200
                                                                                   + ', "hostname"', "json-too-deep"),
}


@test
def documents():
    for name, (find, replace, rule) in DOCUMENTS.items():
        b, text = (Bundle("true"), replace) if find is None else altered(find, replace)
        if find == "}}":
            text = json.dumps(b.c) + " x"
        try:
            check(b, rule, text=text)
        except AssertionError as e:
            raise AssertionError(f"{name}: {e}") from None


@test
def bytes_that_are_no_text():
    b, text = altered('"hrun"', '"?"')
    check(b, "json-not-strict", text=text.encode().replace(b'"?"', b'"\xff\xfe"'))


@test
def a_huge_document():
    b = Bundle("true")
    b.c["annotations"] = {f"key{i}": "x" * 1000 for i in range(5000)}
    check(b, "json-too-large")


@test
def the_place_in_the_document():
    b, text = altered('"readonly": true', '"readonly": 7')
    check(b, "root.readonly", "line 1", text=text)


@test
def a_field_that_is_not_built_is_refused_by_name():
    b = Bundle("true")
    b.linux["intelRdt"] = {"closID": "x"}
    check(b, "intelRdt")
    for rdt, where in (({"closID": ".."}, "closID"), ({"closID": "a/b"}, "closID"), ({"closID": ""}, "closID"),
                       ({"schemata": ["L3:0=f", "L3:0=f\nMB:0=1"]}, "schemata[1]"), ({"closID": "x"}, "no resctrl")):
        b.linux["intelRdt"] = rdt
        r = run(b, level="privileged")
        equal(r.status, 125)
        contains(r.err, "linux.intelRdt")
        contains(r.err, where)


@test
def labels_of_modules_that_are_off():
    b = Bundle("true")
    b.process["apparmorProfile"] = "unconfined-not"
    if not os.path.exists("/sys/module/apparmor"):
        check(b, "process.apparmorProfile", "AppArmor is off")
    if not os.path.exists("/sys/fs/selinux/enforce"):
        for place, name in (("process", "selinuxLabel"), ("linux", "mountLabel")):
            b = Bundle("true")
            b.c[place][name] = "system_u:system_r:container_t:s0:c1,c2" if place == "process" else "system_u:object_r:container_file_t:s0:c1,c2"
            check(b, f"{place}.{name}", "SELinux is off")


@test
def a_missing_program_fails_at_create():
    check(Bundle("nosuch"), "executable file not found in $PATH", "nosuch", refusal=False)
    check(Bundle("/no/such"), "executable file not found", "/no/such", refusal=False)


@test
def a_directory_as_program():
    check(Bundle("/etc"), "is a directory", "permission denied", refusal=False)


@test
def a_file_that_cannot_be_executed():
    check(Bundle("/etc/passwd"), "permission denied", refusal=False)


@test
def a_script_without_its_interpreter_fails_at_start():
    b = Bundle("/script").save()
    h.write(f"{b.root}/script", "#!/no/such/interpreter\n", 0o755)
    with h.unchanged():
        r = h.hrun("run", "-b", b.path, new_id())
        assert r.status != 0 and r.out == "" and r.err.count("\n") == 1, r
        contains(r.err, "/script")


@test
def a_file_of_another_format_fails_at_start():
    b = Bundle("/garbage").save()
    h.write(f"{b.root}/garbage", "\x01\x02\x03", 0o755)
    with h.unchanged():
        r = h.hrun("run", "-b", b.path, new_id())
        assert r.status != 0 and r.out == "" and r.err.count("\n") == 1, r
        contains(r.err, "/garbage")


@test
def no_arguments():
    b = Bundle("true")
    b.process["args"] = []
    check(b, "process.args")
    b = Bundle("")
    check(b, "process.args")
    b = Bundle("true")
    del b.c["process"]
    check(b, "process")


@test
def a_working_directory_that_cannot_be_made():
    b = Bundle("true")
    b.process["cwd"] = "/sys/no/such"
    check(b, "process.cwd", "`/sys/no/such`", "make it in the image", refusal=False)


@test
def a_bind_of_a_file_and_a_directory():
    b = Bundle("true").mount("/etc", "bind", "file", ["bind"])
    h.write(f"{b.path}/file", "")
    check(b, "mounts[9]", "`/etc`", "the source is a file and the destination is a directory")
    b = Bundle("true").mount("/etc/passwd", "bind", "/etc", ["bind"])
    check(b, "mounts[9]", "`/etc/passwd`", "the source is a directory and the destination is a file",
          level="privileged")


@test
def a_missing_bind_source():
    check(Bundle("true").mount("/data", "bind", "/no/such/source", ["bind"]), "mounts[9].source", "/no/such/source", refusal=False)


@test
def a_bind_source_that_leaves_the_bundle():
    check(Bundle("true").mount("/data", "bind", "../../etc", ["bind"]), "mounts[9].source", refusal=False)


@test
def the_root_of_the_host_as_bind_source():
    check(Bundle("true").mount("/data", "bind", "/", ["rbind"]), "mount-host-root")


@test
def destinations():
    for destination in ("relative", "/a/../../b", ""):
        check(Bundle("true").mount(destination, "tmpfs", "tmpfs"), "mount-dest-invalid" if destination else "required-field-missing", "mounts[9]")


@test
def a_file_system_that_no_container_mounts():
    for kind in ("ext4", "debugfs", "fuse"):
        check(Bundle("true").mount("/data", kind, "x"), "mount-type-unsafe", "mounts[9].type")


@test
def a_file_system_that_the_kernel_lacks():
    check(Bundle("true").mount("/data", "nosuchfs", "x"), "nosuchfs", level="privileged", refusal=False)


@test
def an_unmapped_uid():
    b = Bundle("true").user_namespace(size=500)
    check(b, "1000", refusal=False)


@test
def a_missing_root():
    b = Bundle("true")
    b.c["root"]["path"] = "no-such-root"
    check(b, "root.path", refusal=False)
    b = Bundle("true")
    b.c["root"]["path"] = "../other"
    check(b, "root")
    b = Bundle("true")
    del b.c["root"]
    check(b, "root")


@test
def a_root_that_is_a_link():
    b = Bundle("true")
    os.symlink("/", f"{b.path}/link")
    b.c["root"]["path"] = "link"
    check(b, "root", refusal=False)


@test
def rlimits():
    for limits in ([{"type": "RLIMIT_NOSUCH", "soft": 1, "hard": 1}], [{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}],
                   [{"type": "RLIMIT_CORE", "soft": 1, "hard": 1}] * 2):
        b = Bundle("true")
        b.process["rlimits"] = limits
        check(b, "rlimits")


@test
def capabilities():
    b = Bundle("true", caps=["CAP_SYS_ADMIN"])
    check(b, "caps-dangerous")
    b = Bundle("true", caps=["CAP_NO_SUCH"])
    check(b, "caps-unknown-name")


@test
def seccomp():
    for change in ({"defaultAction": "SCMP_ACT_NO_SUCH"}, {"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_NO_SUCH"]},
                   {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW",
                                                                     "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}]},
                   {"defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_NO_SUCH"]}):
        b = Bundle("true")
        b.linux["seccomp"] = change
        check(b, "seccomp")


@test
def namespaces():
    b = Bundle("true")
    b.linux["namespaces"].append({"type": "pid"})
    check(b, "ns-duplicate")
    b = Bundle("true")
    b.linux["namespaces"].append({"type": "frob"})
    check(b, "namespaces[6]", "frob")
    b = Bundle("true").namespace("uts", path=False)
    check(b, "uts")


@test
def hostname_too_long():
    b = Bundle("true")
    b.c["hostname"] = "x" * 65
    check(b, "hostname")


@test
def a_working_directory():
    for cwd in ("relative", "", "/proc/self/fd/3", "/../x"):
        b = Bundle("true")
        b.process["cwd"] = cwd
        check(b, "cwd-unsafe" if cwd else "process.cwd", refusal=False)


@test
def a_working_directory_that_the_user_may_not_enter():
    b = Bundle("true")
    h.write(f"{b.root}/file", "")
    b.process["cwd"] = "/file"
    check(b, "/file", refusal=False)


@test
def a_policy_that_is_no_policy():
    b = Bundle("true").save()
    for text in ("", "[]", '{"format": 1, "level": "none"}', '{"format": 2, "level": "baseline"}', '{"format": 1, "level": "baseline", "x": 1}'):
        h.write("/run/policy-bad.json", text, 0o644)
        with h.unchanged():
            r = h.hrun("--policy", "/run/policy-bad.json", "create", "-b", b.path, new_id())
            assert r.status == 1 and r.out == "" and r.err.count("\n") == 1, f"{text}: {r}"
            contains(r.err, "policy")
    h.write("/run/policy-open.json", '{"format": 1, "level": "privileged"}', 0o644)
    os.chmod("/run/policy-open.json", 0o666)
    with h.unchanged():
        r = h.hrun("--policy", "/run/policy-open.json", "create", "-b", b.path, new_id())
        assert r.status == 1 and r.err.count("\n") == 1, r


@test
def a_debug_run_says_more_but_only_on_stderr():
    b = Bundle("true").save()
    r = h.hrun("--debug", "run", "-b", b.path, new_id())
    assert r.status == 0 and r.out == "" and r.err, r


@test
def a_root_directory_that_is_not_ours():
    b = Bundle("true").save()
    path = f"{h.work}/foreign-root"
    os.mkdir(path)
    os.chown(path, 1000, 1000)
    with h.unchanged():
        r = h.hrun("--root", path, "create", "-b", b.path, new_id())
        assert r.status == 1 and r.err.count("\n") == 1, r
        contains(r.err, path)
    equal(os.listdir(path), [])


# What a user meets first: the words of what failed, on what, and what to do about it.
FIRST = (
    (("run", "-b", "/nowhere", "x"), 125, "bundle `/nowhere` ", "; name a directory that holds config.json"),
    (("run", "-b", "@EMPTY", "x"), 125, "config.json of bundle `@EMPTY` ", "; `hrun spec` writes a new one"),
    (("--root", "/nowhere", "list"), 1, "the state root /nowhere: ", "; give the --root that the containers were made with"),
    (("--root", "/etc/passwd", "run", "-b", "@GOOD", "x"), 125, "the state root /etc/passwd: ", "; give --root a directory, without links"),
    (("--root", "/proc/x", "run", "-b", "@GOOD", "x"), 125, "make the state root /proc/x: ", "; set XDG_RUNTIME_DIR or give --root"),
    (("--log", "/nowhere/log", "list"), 1, "the log file /nowhere/log: ", "; name a file that this user may write"),
    (("--policy", "/nowhere", "run", "-b", "@GOOD", "x"), 125, "policy: open `/nowhere`: ENOENT", "; write it or name another file with --policy"),
    (("run", "-b", "@GOOD", "--pid-file", "/nowhere/pid", "x"), 125, "the pid file /nowhere/pid: ", "; make it first"),
    (("run", "-b", "@GOOD", "--pid-file", "@EMPTY", "x"), 125, "make the pid file @EMPTY: ", "; name a file in a directory that this user may write"),
    (("create", "-b", "@TERMINAL", "--console-socket", "/nowhere/s", "x"), 1, "open `/nowhere`, ", "; name a socket that a program listens on"),
    (("create", "-b", "@TERMINAL", "--console-socket", "@EMPTY", "x"), 1, "connect to socket ", "; its program must listen before hrun is called"),
    (("check", "/nowhere"), 2, "/nowhere cannot be opened: ", "; name a bundle, a config.json or -"),
)


@test
def first_errors_say_what_to_do():
    terminal = Bundle("true")
    terminal.process["terminal"] = True
    places = {"@GOOD": Bundle("true").save().path, "@TERMINAL": terminal.save().path, "@EMPTY": f"{h.work}/empty"}
    os.mkdir(places["@EMPTY"])

    def placed(text):
        for name, path in places.items():
            text = text.replace(name, path)
        return text

    for arguments, status, what, remedy in FIRST:
        with h.unchanged():
            r = h.hrun(*map(placed, arguments))
        equal((r.status, r.out, r.err.count("\n")), (status, "", 1), f"{arguments}: {r.err}")
        contains(r.err, placed(what))
        contains(r.err, remedy)


@test
def first_errors_of_a_user_say_what_to_do():
    b = Bundle("true").without_limits().save()
    user = ("setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups")
    for arguments, what, remedy in ((("state", "x"), "the state root /run/hrun: ", "; it is another user's; call hrun as this one"),
                                    (("run", "-b", b.path, "x"), "the state root /run/hrun: ", "give --root a directory of your own")):
        r = h.hrun("--root", "/run/hrun", *arguments, prefix=user)
        contains(r.err, what)
        contains(r.err, remedy)
    for path, remedy in ((f"{b.path}/config.json", "; check its permissions"), (b.path, "; check the bundle's permissions")):
        mode = os.stat(path).st_mode & 0o7777
        os.chmod(path, 0)
        contains(h.hrun("run", "-b", b.path, "x", prefix=user).err, remedy)
        os.chmod(path, mode)
    h.write("/run/policy-closed.json", '{"format": 1}', 0o600)
    r = h.hrun("--policy", "/run/policy-closed.json", "run", "-b", b.path, "x", prefix=user)
    contains(r.err, "policy: open `/run/policy-closed.json`: EACCES; make it readable for everybody")


@test
def a_cgroup_mount_that_is_read_only():
    b = Bundle("true").save()
    subprocess.run(["mount", "-o", "remount,bind,ro", "/sys/fs/cgroup"], check=True)
    try:
        with h.unchanged():
            r = h.hrun("run", "-b", b.path, "x")
            equal((r.status, r.out), (125, ""))
            contains(r.err, "make cgroup /hrun/x: Read-only file system; mount the host's cgroup2 writable")
        equal(h.hrun("delete", "--force", "x").status, 0)
    finally:
        subprocess.run(["mount", "-o", "remount,bind,rw", "/sys/fs/cgroup"], check=True)


@test
def rights_that_the_file_would_lend():
    program, user = f"{h.work}/lending", ("setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups")
    shutil.copy(h.HRUN, program)

    def answer(*prefix):
        r = subprocess.run([*prefix, program, "--version"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return r.returncode, r.stderr.partition("; ")[0]

    def lend(mode=0o755, capabilities=None):
        os.chown(program, 0, 42)
        os.chmod(program, mode)
        if capabilities:
            os.setxattr(program, "security.capability", struct.pack("<5I", 0x02000001, capabilities, 0, 0, 0))

    refused = (1, "hrun must not be setuid, setgid or have file capabilities")
    lend()
    equal((answer(*user), answer()), ((0, ""), (0, "")))
    lend(0o4755)
    equal(answer(*user), refused, "setuid")
    lend(0o2755)
    equal((answer(*user), answer()), (refused, refused), "setgid")
    lend(capabilities=1 << 13)
    equal(answer(*user), refused, "a file capability")


def told_secure(uid):
    """What hrun says of AT_SECURE where its file lends nothing, as of a change of domain: the word on its first stack is changed."""
    trace_me, detach, secure = 0, 17, 23
    libc = ctypes.CDLL(None)

    def become():
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        libc.ptrace(trace_me, 0, None, None)

    with subprocess.Popen([h.HRUN, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=become) as p:
        assert os.WIFSTOPPED(os.waitpid(p.pid, 0)[1])
        stack = int(read(f"/proc/{p.pid}/stat").rpartition(")")[2].split()[25])
        with open(f"/proc/{p.pid}/mem", "r+b", buffering=0) as memory:
            def word(number):
                memory.seek(stack + 8 * number)
                return struct.unpack("Q", memory.read(8))[0]
            at = word(0) + 2
            while word(at):  # the environment
                at += 1
            at += 1
            while word(at) != secure:
                at += 2
            equal(word(at + 1), 0, "nobody says so yet")
            memory.seek(stack + 8 * (at + 1))
            memory.write(struct.pack("Q", 1))
        libc.ptrace(detach, p.pid, None, None)
        err = h.own_words(p.stderr.read())
    return p.returncode, err


@test
def a_domain_that_is_not_the_callers():
    status, err = told_secure(1000)
    equal((status, err.count("\n")), (1, 1), err)
    contains(err, "in another domain than its caller's")
    assert "setuid" not in err
    equal(told_secure(0), (0, ""), "root's rights are nobody's to lend")


main()
