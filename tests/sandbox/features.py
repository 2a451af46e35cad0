#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`hrun features` word by word: what it names the code takes, and the code takes no word that it does not name."""
import json
import re

from hrun import Bundle, TOP, contains, equal, main, read, test
import hrun as h

_features = None


def features():
    global _features
    if _features is None:
        r = h.hrun("features")
        equal((r.status, r.err), (0, ""))
        _features = json.loads(r.out)
    return _features


def planned(change, level="privileged"):
    """None where `hrun plan` takes the config that CHANGE has changed, else its error."""
    b = Bundle("true")
    change(b)
    b.save()
    r = h.hrun("plan", b.path + "/", level=level)
    return None if r.status == 0 else r.err.strip()


def words_of(path, pattern):
    return set(re.findall(pattern, read(f"{TOP}/{path}"), re.M))


def taken(word, change):
    why = planned(change)
    assert why is None, f"{word}: {why}"


def refused(word, change, text):
    why = planned(change)
    assert why is not None, f"{word} is taken"
    contains(why, text, word)


@test
def mount_options():
    listed = features()["mountOptions"]
    equal(set(listed), words_of("src/base/mount_words.c", r'^\t\{"(\w+)", WORD_'))
    equal(listed, sorted(listed), "in order")
    tmpfs_only = []
    for word in listed:
        mappings = [{"containerID": 0, "hostID": 100000, "size": 1}]
        more = {"uidMappings": mappings, "gidMappings": mappings} if "idmap" in word else {}
        bind = lambda b: b.c["mounts"].append({"destination": "/x", "source": "/etc", "options": ["rbind", word], **more})
        if planned(bind) is not None:
            tmpfs_only.append(word)
            taken(word, lambda b: b.mount("/x", "tmpfs", "tmpfs", [word]))
    equal(tmpfs_only, ["dirsync", "iversion", "lazytime", "mand", "sync", "tmpcopyup"])
    refused("rnothing", lambda b: b.mount("/x", "bind", "/etc", ["bind", "rnothing"]), "rnothing")


@test
def capabilities():
    listed = features()["linux"]["capabilities"]
    last = int(read("/proc/sys/kernel/cap_last_cap"))
    assert len(listed) > last, "the kernel has more"
    taken("all", lambda b: b.process.update(capabilities={"bounding": listed}))
    r = planned(lambda b: b.process.update(capabilities={"bounding": ["CAP_FROB"]}), level="baseline")
    contains(r, "CAP_FROB")


@test
def namespaces():
    listed = features()["linux"]["namespaces"]
    equal(sorted(listed), ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"])
    for word in listed:
        def change(b):
            b.namespace(word)
            if word == "user":
                b.user_namespace()
        taken(word, change)
    refused("frob", lambda b: b.namespace("frob"), "frob")


def rule(b, **more):
    b.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["personality"], "action": "SCMP_ACT_ERRNO", **more}]}


@test
def seccomp_actions():
    listed = features()["linux"]["seccomp"]["actions"]
    equal(set(listed), words_of("src/filter/compile.c", r'"(SCMP_ACT_[A-Z_]+)",'))
    for word in listed:
        def change(b):
            rule(b, action=word)
            if word == "SCMP_ACT_NOTIFY":
                b.linux["seccomp"]["listenerPath"] = "/run/agent"
        taken(word, change)
    refused("unknown", lambda b: rule(b, action="SCMP_ACT_FROB"), "SCMP_ACT_FROB")


@test
def seccomp_operators():
    listed = features()["linux"]["seccomp"]["operators"]
    equal(set(listed), words_of("src/filter/compile.c", r'"(SCMP_CMP_[A-Z_]+)",'))
    for word in listed:
        taken(word, lambda b: rule(b, args=[{"index": 0, "value": 1, "valueTwo": 1, "op": word}]))
    refused("unknown", lambda b: rule(b, args=[{"index": 0, "value": 1, "op": "SCMP_CMP_FROB"}]), "SCMP_CMP_FROB")


@test
def seccomp_architectures():
    listed = features()["linux"]["seccomp"]["archs"]
    known = [f"SCMP_ARCH_{a}" for a in """X86 X86_64 X32 ARM AARCH64 MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X
             PARISC PARISC64 RISCV64 LOONGARCH64 M68K SH SHEB""".split()]
    equal(set(listed) - set(known), set())
    for word in known:
        def change(b):
            rule(b)
            b.linux["seccomp"]["architectures"] = [word]
        # One that libseccomp is too old for is no word of features, and still no error: the specification knows it.
        taken(word, change)

    def frob(b):
        rule(b)
        b.linux["seccomp"]["architectures"] = ["SCMP_ARCH_FROB"]
    contains(planned(frob, level="baseline"), "SCMP_ARCH_FROB")


@test
def seccomp_flags():
    listed = features()["linux"]["seccomp"]["knownFlags"]
    equal(listed, features()["linux"]["seccomp"]["supportedFlags"])
    for name in "TSYNC LOG SPEC_ALLOW WAIT_KILLABLE_RECV NEW_LISTENER TSYNC_ESRCH FROB".split():
        word = f"SECCOMP_FILTER_FLAG_{name}"

        def change(b):
            rule(b, action="SCMP_ACT_NOTIFY")
            b.linux["seccomp"].update(listenerPath="/run/agent", flags=[word])
        if word in listed:
            taken(word, change)
        else:
            refused(word, change, word)


@test
def hooks():
    listed = features()["hooks"]
    equal(sorted(listed), ["createContainer", "createRuntime", "poststart", "poststop", "prestart", "startContainer"])
    for word in listed:
        taken(word, lambda b: b.c.update(hooks={word: [{"path": "/bin/true"}]}))
    r = planned(lambda b: b.c.update(hooks={"frob": [{"path": "/bin/true"}]}), level="restricted")
    contains(r, "frob")


@test
def what_is_off_is_refused_and_what_is_on_is_not():
    linux = features()["linux"]
    equal([linux[k]["enabled"] for k in ("apparmor", "selinux", "intelRdt", "netDevices", "seccomp")], [True, True, False, True, True])
    taken("apparmor", lambda b: b.process.update(apparmorProfile="x"))
    taken("selinux", lambda b: b.process.update(selinuxLabel="system_u:system_r:container_t:s0:c1,c2"))
    refused("intelRdt", lambda b: b.linux.update(intelRdt={"closID": "x"}), "linux.intelRdt")
    taken("netDevices", lambda b: b.linux.update(netDevices={"eth7": {}}))
    equal({k: linux["cgroup"][k] for k in ("v1", "v2", "systemd", "systemdUser")}, {"v1": False, "v2": True, "systemd": True, "systemdUser": True})
    refused("systemd", lambda b: b.linux.update(cgroupsPath="system.slice:hrun:x"), "linux.cgroupsPath")


@test
def versions():
    equal((features()["ociVersionMin"], features()["ociVersionMax"]), ("1.0.0", "1.3.0"))
    for version in ("1.0.0", "1.0.2-dev", "1.1.0", "1.2.1", "1.3.0"):
        taken(version, lambda b: b.c.update(ociVersion=version))
    refused("2.0.0", lambda b: b.c.update(ociVersion="2.0.0"), "ociVersion")


@test
def annotations():
    """Of others' annotations none changes the plan; hrun's own are nobody's to give."""
    b = Bundle("true").save()
    plain = h.hrun("plan", b.path + "/", level="privileged").out
    for word in features()["potentiallyUnsafeConfigAnnotations"]:
        b.c["annotations"] = {word + ("x" if word.endswith(".") else ""): "1"}
        b.save()
        r = h.hrun("plan", b.path + "/", level="privileged")
        equal((r.status, r.out), (0, plain), word)
    refused("org.hrun.level", lambda b: b.c.update(annotations={"org.hrun.level": "privileged"}), "annotation-policy-override")


if __name__ == "__main__":
    main()
