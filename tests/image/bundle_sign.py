#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 300
"""Signed bundles: keygen, sign and verify against a second implementation of docs/TREE-DIGEST.md and against openssl; then every kind of change."""
import base64
import hashlib
import json
import os
import random
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time

HRUN = os.environ["HRUN"]
INJECT = os.path.join(os.path.dirname(os.environ["TESTS"]), "build/tests/fault/inject")
SANITIZED = bool(os.environ.get("SANITIZED"))
failed = 0
work = tempfile.mkdtemp(dir="/var/lib" if os.geteuid() == 0 else None)
os.chmod(work, 0o755)
PREDICATE = "urn:hrun:bundle:1"


def report(name, problem=""):
    global failed
    failed += bool(problem)
    print(f"not ok - {name}: {problem}".replace("\n", "\\n") if problem else f"ok - {name}", flush=True)


def equal(name, found, expected):
    report(name, "" if found == expected else f"{found!r}, expected {expected!r}")


def run(*args, stdin=None, passphrase=None, **more):
    """One hrun; PASSPHRASE is what it reads from its descriptor 0."""
    if passphrase is not None:
        args, stdin = (*args, "--passphrase-fd", "0"), passphrase
    return subprocess.run([HRUN, *args], input=stdin if stdin is not None else "", capture_output=True, text=True, timeout=120, **more)


def openssl(*args, **more):
    return subprocess.run(["openssl", *args], capture_output=True, check=True, timeout=60, **more).stdout


# ---- docs/TREE-DIGEST.md, once more ----


def escaped(name):
    return "".join(chr(b) if 0x21 <= b <= 0x7E and b != 0x5C else f"\\x{b:02x}" for b in name)


def attributes(path):
    kept = [n for n in os.listxattr(path, follow_symlinks=False)
            if n.startswith("user.") or n in ("security.capability", "system.posix_acl_access", "system.posix_acl_default")]
    for name in sorted(kept, key=os.fsencode):
        value = os.getxattr(path, name, follow_symlinks=False)
        yield f"x {escaped(os.fsencode(name))} {len(value)} {hashlib.sha256(value).hexdigest()}"


def tree_lines(root, path=b"", first=None):
    first = {} if first is None else first
    full = os.path.join(root, path) if path else root
    st = os.lstat(full)
    name, owner = escaped(path) or ".", f"{stat.S_IMODE(st.st_mode):04o} {st.st_uid} {st.st_gid}"
    if not stat.S_ISDIR(st.st_mode):
        inode = (st.st_dev, st.st_ino)
        if inode in first:
            yield f"h {name} {first[inode]}"
            return
        first[inode] = name
    if stat.S_ISDIR(st.st_mode):
        yield f"d {name} {owner}"
        yield from attributes(full)
        for child in sorted(os.listdir(full)):
            yield from tree_lines(root, path + b"/" + child if path else child, first)
    elif stat.S_ISREG(st.st_mode):
        data = open(full, "rb").read()
        yield f"f {name} {owner} {len(data)} {hashlib.sha256(data).hexdigest()}"
        yield from attributes(full)
    elif stat.S_ISLNK(st.st_mode):
        yield f"l {name} {owner} {escaped(os.readlink(full))}"
    elif stat.S_ISFIFO(st.st_mode):
        yield f"p {name} {owner}"
    else:
        yield f"{'c' if stat.S_ISCHR(st.st_mode) else 'b'} {name} {owner} {os.major(st.st_rdev)} {os.minor(st.st_rdev)}"


def tree_list(root):
    return "".join(line + "\n" for line in ["hrun-tree 1", *tree_lines(os.fsencode(root))])


# ---- a bundle with an entry of every kind ----


def capability(bit):
    return struct.pack("<5I", 0x02000001, 1 << bit, 0, 0, 0)


def acl(uid):
    """rwx for the owner, r for one user and the group, nothing for others."""
    entries = [(1, 7, 0xFFFFFFFF), (2, 4, uid), (4, 4, 0xFFFFFFFF), (0x10, 5, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries)


def make_template(path):
    root = f"{path}/rootfs"
    os.makedirs(f"{root}/bin")
    os.makedirs(f"{root}/a/z")
    for name, data in (("bin/sh", b"#!"), ("a.b", b"1"), ("a/z/deep", b"2"), ("empty", b""), ("twin1", b"same"), ("twin2", b"same"),
                       ("big", bytes(range(256)) * 3000), ("sp ace\\back\nnew", b"3"), ("ü", b"4"), ("bin/one", b"linked")):
        with open(f"{root}/{name}", "wb") as f:
            f.write(data)
    with open(os.fsencode(root) + b"/not\xffutf8\x7f", "wb") as f:
        f.write(b"5")
    os.link(f"{root}/bin/one", f"{root}/bin/two")
    os.link(f"{root}/bin/one", f"{root}/a/three")
    os.symlink("sh", f"{root}/bin/link")
    os.link(f"{root}/bin/link", f"{root}/bin/link2", follow_symlinks=False)
    os.symlink("/somewhere else\n", f"{root}/odd")
    os.mkfifo(f"{root}/fifo", 0o640)
    os.setxattr(f"{root}/big", "user.b", b"value")
    os.setxattr(f"{root}/big", "user.a", b"")
    os.setxattr(f"{root}/a", "user.dir", b"x" * 3000)
    os.setxattr(f"{root}/a.b", "system.posix_acl_access", acl(77))
    if os.geteuid() == 0:
        os.mknod(f"{root}/char", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        os.mknod(f"{root}/block", stat.S_IFBLK | 0o600, os.makedev(7, 300))
        os.lchown(f"{root}/odd", 5, 6)
        os.chown(f"{root}/a/z", 1000, 100)
        os.setxattr(f"{root}/bin/sh", "security.capability", capability(13))
        os.setxattr(f"{root}/bin/sh", "trusted.not", b"signed")
    os.chmod(f"{root}/bin/sh", 0o6755)
    os.chmod(f"{root}/a/z", 0o1777)
    run("spec", "-b", path)


def copy(name, source="template"):
    path = f"{work}/{name}"
    subprocess.run(["cp", "-a", f"{work}/{source}", path], check=True)
    return path


def policy(*keys, name="policy", **more):
    path = f"{work}/{name}.json"
    rule = {"scope": "*", "scheme": "cosign-key", "keys": [f"{work}/{k}.pub" for k in keys], **more}
    with open(path, "w") as f:
        json.dump({"format": 1, "images": {"require": "signed", "trust": [rule]}}, f)
    return path


def verify(bundle, file="policy", *args, **more):
    done = run("verify", "--format", "json", "--policy", f"{work}/{file}.json", *args, bundle, **more)
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        return done.returncode, {"verdict": None, "stage": None, "reason": done.stderr}


def rejected(name, bundle, stage, *words, file="policy"):
    status, answer = verify(bundle, file)
    good = status == 1 and answer["verdict"] == "reject" and answer["stage"] == stage and all(w in (answer["reason"] or "") for w in words)
    report(name, "" if good else f"{status} {answer}")


def accepted(name, bundle, file="policy"):
    status, answer = verify(bundle, file)
    report(name, "" if (status, answer["verdict"]) == (0, "accept") else f"{status} {answer}")


def signature_of(bundle, index=0):
    return sorted(f"{bundle}/{n}" for n in os.listdir(bundle) if n.endswith(".sigstore.json"))[index]


# ---- keys ----


def payload_and_signed(path):
    envelope = json.load(open(path))["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    return payload, b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload), base64.b64decode(envelope["signatures"][0]["sig"])


def openssl_takes(key, path):
    _, signed, signature = payload_and_signed(path)
    text = openssl("pkey", "-pubin", "-in", f"{work}/{key}.pub", "-text", "-noout").decode()
    for name, data in (("message", signed), ("signature", signature)):
        with open(f"{work}/{name}", "wb") as f:
            f.write(data)
    if "ED25519" in text:
        words = ["pkeyutl", "-verify", "-pubin", "-inkey", f"{work}/{key}.pub", "-rawin", "-in", f"{work}/message", "-sigfile", f"{work}/signature"]
    else:
        digest = "-sha384" if "384 bit" in text else "-sha512" if "521 bit" in text else "-sha256"
        words = ["dgst", digest, "-verify", f"{work}/{key}.pub", "-signature", f"{work}/signature", f"{work}/message"]
    done = subprocess.run(["openssl", *words], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


# How openssl's text of a public key begins.
KINDS = {"p256": "Public-Key: (256 bit)", "p384": "Public-Key: (384 bit)", "p521": "Public-Key: (521 bit)", "ed25519": "ED25519 Public-Key:",
         "rsa": "Public-Key: (3072 bit)"}


def keys():
    for kind, text in KINDS.items():
        for passphrase in (None, "a passphrase\n"):
            name = kind + ("-secret" if passphrase else "")
            done = run("keygen", "--type", kind, "--out", f"{work}/{name}", passphrase=passphrase)
            equal(f"keygen {name}", (done.returncode, done.stderr), (0, ""))
            modes = [stat.S_IMODE(os.stat(f"{work}/{name}{end}").st_mode) for end in ("", ".pub")]
            equal(f"keygen {name}: modes", modes, [0o600, 0o644])
            head = open(f"{work}/{name}").readline()
            equal(f"keygen {name}: format", head, f"-----BEGIN {'ENCRYPTED ' if passphrase else ''}PRIVATE KEY-----\n")
            public = openssl("pkey", "-in", f"{work}/{name}", "-passin", "pass:a passphrase", "-pubout")
            equal(f"keygen {name}: openssl reads it", public, open(f"{work}/{name}.pub", "rb").read())
            equal(f"keygen {name}: kind", openssl("pkey", "-pubin", "-in", f"{work}/{name}.pub", "-noout", "-text").decode().splitlines()[0], text)
            bundle = copy(f"by-{name}")
            done = run("sign", "--key", f"{work}/{name}", bundle, passphrase=passphrase)
            equal(f"sign {name}", (done.returncode, done.stderr), (0, ""))
            report(f"sign {name}: openssl takes it", openssl_takes(name, signature_of(bundle)))
            policy(name, name=f"policy-{name}")
            accepted(f"verify {name}", bundle, f"policy-{name}")
            der = openssl("pkey", "-pubin", "-in", f"{work}/{name}.pub", "-outform", "DER")
            key_id = hashlib.sha256(der).hexdigest()
            equal(f"sign {name}: name of the file", os.path.basename(signature_of(bundle)), f"rootfs.{key_id[:16]}.sigstore.json")
            shutil.rmtree(bundle)


def foreign_keys():
    """What others wrote: taken where it is a good key."""
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-out", f"{work}/ec-old")
    openssl("genrsa", "-traditional", "-out", f"{work}/rsa-old", "2048")
    openssl("genpkey", "-algorithm", "ED25519", "-aes256", "-pass", "pass:x y", "-out", f"{work}/ed-secret")
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", f"{work}/ec-new")
    for name, passphrase in (("ec-old", None), ("rsa-old", None), ("ed-secret", "x y"), ("ec-new", None)):
        bundle = copy("foreign")
        os.chmod(f"{work}/{name}", 0o600)
        done = run("sign", "--key", f"{work}/{name}", bundle, passphrase=passphrase)
        equal(f"a key of openssl: {name}", (done.returncode, done.stderr), (0, ""))
        openssl("pkey", "-in", f"{work}/{name}", "-passin", "pass:x y", "-pubout", "-out", f"{work}/{name}.pub")
        policy(name, name="foreign")
        accepted(f"a key of openssl: {name}: verify", bundle, "foreign")
        shutil.rmtree(bundle)


def bad_key(name, reason, path, passphrase=None):
    bundle = copy("bad-key")
    done = run("sign", "--key", path, bundle, passphrase=passphrase)
    left = [n for n in os.listdir(bundle) if n.startswith((".", "rootfs."))]
    good = done.returncode == 1 and reason in done.stderr and not left
    report(f"no signature: {name}", "" if good else f"{done.returncode} {done.stderr} {left}")
    shutil.rmtree(bundle)


def bad_keys():
    openssl("genrsa", "-out", f"{work}/rsa-short", "1024")
    openssl("ecparam", "-name", "secp256k1", "-genkey", "-out", f"{work}/other-curve")
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-param_enc", "explicit", "-out", f"{work}/explicit")
    openssl("genpkey", "-algorithm", "X25519", "-out", f"{work}/x25519")
    openssl("genpkey", "-algorithm", "ED448", "-out", f"{work}/ed448")
    openssl("genpkey", "-algorithm", "RSA-PSS", "-out", f"{work}/rsa-pss")
    openssl("ecparam", "-name", "secp224r1", "-genkey", "-out", f"{work}/p224")
    openssl("genpkey", "-genparam", "-algorithm", "DSA", "-pkeyopt", "dsa_paramgen_bits:1024", "-out", f"{work}/dsa-parameters")
    openssl("genpkey", "-paramfile", f"{work}/dsa-parameters", "-out", f"{work}/dsa")
    legacy = ("-provider", "legacy", "-provider", "default", "-in", f"{work}/p256", "-passout", "pass:a")
    for name in ("PBE-MD5-DES", "PBE-SHA1-RC2-40"):
        openssl("pkcs8", "-topk8", "-v1", name, *legacy, "-out", f"{work}/{name}")
    openssl("pkey", "-in", f"{work}/p256", "-outform", "DER", "-out", f"{work}/der")
    for name, data in (("nothing", ""), ("garbage", "x" * 5000), ("cut", open(f"{work}/p256").read()[:100]), ("huge", "x" * 70000)):
        with open(f"{work}/{name}", "w") as f:
            f.write(data)
    for name, middle in (("two", ""), ("two-nul", "\0\n")):
        with open(f"{work}/{name}", "w") as f:
            f.write(open(f"{work}/p256").read() + middle + open(f"{work}/p384").read())
    shutil.copy(f"{work}/p256.pub", f"{work}/public")
    shutil.copy(f"{work}/p256", f"{work}/open")
    os.mkfifo(f"{work}/pipe", 0o600)
    for name in ("rsa-short", "other-curve", "explicit", "x25519", "nothing", "garbage", "cut", "huge", "public", "two", "two-nul", "ed448", "rsa-pss", "p224", "dsa", "PBE-MD5-DES", "PBE-SHA1-RC2-40", "der"):
        os.chmod(f"{work}/{name}", 0o600)
    os.chmod(f"{work}/open", 0o640)
    secret = f"{work}/p256-secret"
    for name, reason, path, passphrase in (
        ("wrong passphrase", "cannot be decrypted", secret, "another"), ("no passphrase", "is encrypted; give --passphrase-fd", secret, None),
        ("empty passphrase", "passphrase is empty", secret, "\n"), ("long passphrase", "longer than 1024", secret, "x" * 2000),
        ("key open to others", "open to others (mode 0640); chmod 600", f"{work}/open", None), ("no such key", "No such file", f"{work}/absent", None),
        ("a pipe", "not a regular file", f"{work}/pipe", None), ("a directory", "not a regular file", work, None),
        ("RSA of 1024 bits", "less than 2048", f"{work}/rsa-short", None), ("another curve", "another curve", f"{work}/other-curve", None),
        ("explicit parameters", "written out", f"{work}/explicit", None), ("X25519", "another kind", f"{work}/x25519", None),
        ("empty file", "is empty", f"{work}/nothing", None), ("garbage", "no private key in PEM", f"{work}/garbage", None),
        ("half a file", "no private key in PEM", f"{work}/cut", None), ("huge file", "larger than 64 KiB", f"{work}/huge", None),
        ("a public key", "is a public key", f"{work}/public", None), ("two keys", "more than one", f"{work}/two", None),
        ("Ed448", "another kind", f"{work}/ed448", None), ("RSA-PSS", "another kind", f"{work}/rsa-pss", None), ("DSA", "another kind", f"{work}/dsa", None),
        ("P-224", "another curve", f"{work}/p224", None), ("DER", "no private key in PEM", f"{work}/der", None),
        ("DES", "cannot be decrypted", f"{work}/PBE-MD5-DES", "a"), ("RC2", "cannot be decrypted", f"{work}/PBE-SHA1-RC2-40", "a"),
        ("two keys and a NUL", "more than one", f"{work}/two-nul", None),
    ):
        bad_key(name, reason, path, passphrase)
    for fd in (*range(3, 12), 77):  # among them those that hrun itself opens
        done = run("sign", "--key", secret, "--passphrase-fd", str(fd), f"{work}/template")
        report(f"descriptor {fd}, which is not open", "" if done.returncode == 1 and "no open descriptor" in done.stderr else str(done))
    if os.geteuid() == 0:
        os.chown(f"{work}/ec-new", 1234, 0)
        bad_key("key of somebody else", "belongs to uid 1234", f"{work}/ec-new")


def passphrases():
    for name, how in (("a directory", os.O_RDONLY | os.O_DIRECTORY), ("a directory by O_PATH", os.O_PATH)):
        fd = os.open(work, how)
        done = run("keygen", "--out", f"{work}/none", "--passphrase-fd", str(fd), pass_fds=[fd])
        os.close(fd)
        report(f"a passphrase from {name}", "" if done.returncode == 1 and "cannot be read" in done.stderr and not os.path.exists(f"{work}/none") else str(done))
    for name, right, wrong in (("with NUL", "a\0b\n", "a\n"), ("of 1,024 bytes", "x" * 1024 + "\n", "x" * 1023 + "\n"), ("without a newline", "abc", "abc \n")):
        path = f"{work}/passphrase {name}"
        equal(f"a passphrase {name}", run("keygen", "--out", path, passphrase=right).returncode, 0)
        bad_key(f"a passphrase {name}: another", "cannot be decrypted", path, wrong)
        bundle = copy("passphrase")
        equal(f"a passphrase {name}: this one", run("sign", "--key", path, bundle, passphrase=right).stderr, "")
        shutil.rmtree(bundle)


def masks():
    for mask in (0, 0o777):
        path = f"{work}/mask{mask}"
        equal(f"keygen, umask {mask:04o}", run("keygen", "--out", path, umask=mask).returncode, 0)
        modes = [stat.S_IMODE(os.stat(path + end).st_mode) for end in ("", ".pub")]
        equal(f"keygen, umask {mask:04o}: modes", modes, [0o600, 0o644])


def signer_of(pid):
    """The hrun-sign that PID started, once it is confined and waits."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for child in open(f"/proc/{pid}/task/{pid}/children").read().split():
            text = open(f"/proc/{child}/status").read()
            if "Name:\thrun-sign\n" in text and "NoNewPrivs:\t1" in text and "State:\tS" in text and (SANITIZED or "Seccomp:\t2" in text):
                return int(child)
        time.sleep(0.02)
    raise TimeoutError("hrun-sign does not wait")


def nobody_looks_in(arguments, **user):
    """While it waits for the passphrase: neither program is dumpable, neither dumps core."""
    process = subprocess.Popen([HRUN, *arguments, "--passphrase-fd", "0"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, **user)
    for name, pid in (("hrun", process.pid), ("hrun-sign", signer_of(process.pid))):
        limit = next(line for line in open(f"/proc/{pid}/limits") if line.startswith("Max core file size"))
        equal(f"{arguments[0]} of a user: {name}: whose it is to look into, core", (os.stat(f"/proc/{pid}/fd").st_uid, limit.split()[4:6]), (0, ["0", "0"]))
    process.stdin.write(b"a passphrase\n")
    process.stdin.close()
    equal(f"{arguments[0]} of a user ends", process.wait(60), 0)


def keygen_keeps_what_is_there():
    before = open(f"{work}/p256").read()
    done = run("keygen", "--out", f"{work}/p256")
    report("keygen: FILE is there", "" if done.returncode == 1 and "never overwritten" in done.stderr else str(done))
    with open(f"{work}/only.pub", "w") as f:
        f.write("mine")
    done = run("keygen", "--out", f"{work}/only")
    report("keygen: FILE.pub is there", "" if done.returncode == 1 and "never overwritten" in done.stderr else str(done))
    equal("keygen: nothing was touched", (open(f"{work}/p256").read(), open(f"{work}/only.pub").read(), os.path.exists(f"{work}/only")), (before, "mine", False))
    os.symlink(f"{work}/elsewhere", f"{work}/dangling")
    done = run("keygen", "--out", f"{work}/dangling")
    report("keygen: a link", "" if done.returncode == 1 and not os.path.exists(f"{work}/elsewhere") else str(done))
    for arguments in (("--type", "dsa", "--out", f"{work}/no"), (), ("--out", f"{work}/"), ("--out", f"{work}/absent/x")):
        done = run("keygen", *arguments)
        report(f"keygen {' '.join(arguments[:2])}", "" if done.returncode == 1 and done.stderr else str(done))


def output_that_is_full():
    with open("/dev/full", "w") as full:
        done = subprocess.run([HRUN, "keygen", "--out", f"{work}/told"], stdout=full, stderr=subprocess.PIPE, text=True)
    good = done.returncode == 1 and "standard output cannot be written" in done.stderr and len(done.stderr.splitlines()) == 1
    report("what is done and cannot be told", "" if good else str(done))


# ---- the list ----


def list_is_the_specified_one():
    bundle = f"{work}/signed"
    expected = tree_list(f"{bundle}/rootfs")
    equal("the list", open(f"{bundle}/rootfs.tree").read(), expected)
    kinds = {line.split(" ")[0] for line in expected.splitlines()[1:]}
    equal("the list has every kind of line", kinds, set("dflhpcbx") if os.geteuid() == 0 else set("dflhpx"))
    payload, _, _ = payload_and_signed(signature_of(bundle))
    digests = {s["name"]: s["digest"] for s in json.loads(payload)["subject"]}
    config = hashlib.sha256(open(f"{bundle}/config.json", "rb").read()).hexdigest()
    equal("the statement", digests, {"rootfs.tree": {"sha256": hashlib.sha256(expected.encode()).hexdigest()}, "config.json": {"sha256": config}})
    equal("no times", all(str(int(os.lstat(f"{bundle}/rootfs/{n}").st_mtime)) not in expected for n in ("big", "a")), True)


# ---- changes ----


def rewrite(path, data):
    with open(path, "r+b") as f:
        f.write(data)


def replaced_link(path, target):
    uid, gid = os.lstat(path).st_uid, os.lstat(path).st_gid
    os.unlink(path)
    os.symlink(target, path)
    os.lchown(path, uid, gid)


def replaced_node(path, kind, device):
    os.unlink(path)
    os.mknod(path, kind | 0o600, device)


def own_copy(path):
    """The same file, but no other name's any more."""
    shutil.copy2(path, path + ".new")
    os.rename(path + ".new", path)


CHANGES = [
    ("mode of a file", "big", lambda r: os.chmod(f"{r}/big", 0o600)),
    ("setuid taken", "bin/sh", lambda r: os.chmod(f"{r}/bin/sh", 0o2755)),
    ("mode of a directory", "a/z", lambda r: os.chmod(f"{r}/a/z", 0o777)),
    ("mode of the root", "`d . ", lambda r: os.chmod(r, 0o750)),
    ("mode of a FIFO", "fifo", lambda r: os.chmod(f"{r}/fifo", 0o666)),
    ("a byte in the middle", "f big", lambda r: rewrite(f"{r}/big", bytes(255) + b"x")),
    ("a byte more", "f a/z/deep", lambda r: open(f"{r}/a/z/deep", "ab").write(b"x")),
    ("a byte less", "f a/z/deep", lambda r: os.truncate(f"{r}/a/z/deep", 0)),
    ("a byte in an empty file", "f empty", lambda r: open(f"{r}/empty", "ab").write(b"x")),
    ("link target", "l bin/link", lambda r: replaced_link(f"{r}/odd", "/somewhere else") or replaced_link(f"{r}/bin/link", "busybox")),
    ("link target that looks the same", "l odd", lambda r: replaced_link(f"{r}/odd", "/somewhere\\x20else\n")),
    ("extra file", "f bin/new", lambda r: open(f"{r}/bin/new", "w").close()),
    ("extra directory", "d zz", lambda r: os.mkdir(f"{r}/zz")),
    ("extra file at the end", "was not signed", lambda r: open(os.fsencode(r) + b"/\xff\xff", "w").close()),
    ("missing file", "f a/z/deep", lambda r: os.unlink(f"{r}/a/z/deep")),
    ("missing last entry", "was signed and is not there", lambda r: os.unlink(f"{r}/ü")),
    ("missing link", "l odd", lambda r: os.unlink(f"{r}/odd")),
    ("missing FIFO", "p fifo", lambda r: os.unlink(f"{r}/fifo")),
    ("hard link broken", "bin/two", lambda r: own_copy(f"{r}/bin/two")),
    ("hard link made", "h twin2 twin1", lambda r: (os.unlink(f"{r}/twin2"), os.link(f"{r}/twin1", f"{r}/twin2"))),
    ("hard link to a link broken", "bin/link2", lambda r: replaced_link(f"{r}/bin/link2", "sh")),
    ("file becomes a link", "f empty", lambda r: replaced_link(f"{r}/empty", "big")),
    ("file becomes a directory", "f empty", lambda r: (os.unlink(f"{r}/empty"), os.mkdir(f"{r}/empty"))),
    ("file becomes a FIFO", "f empty", lambda r: (os.unlink(f"{r}/empty"), os.mkfifo(f"{r}/empty", 0o644))),
    ("renamed", "twin1", lambda r: os.rename(f"{r}/twin1", f"{r}/twin3")),
    ("two contents swapped", "a/z/deep", lambda r: (rewrite(f"{r}/a.b", b"2"), rewrite(f"{r}/a/z/deep", b"1"))),
    ("attribute changed", "x user.b", lambda r: os.setxattr(f"{r}/big", "user.b", b"other")),
    ("attribute emptied", "x user.b", lambda r: os.setxattr(f"{r}/big", "user.b", b"")),
    ("attribute added", "x user.c", lambda r: os.setxattr(f"{r}/big", "user.c", b"")),
    ("attribute taken", "x user.a", lambda r: os.removexattr(f"{r}/big", "user.a")),
    ("attribute of a directory", "x user.dir", lambda r: os.setxattr(f"{r}/a", "user.dir", b"y")),
    ("ACL changed", "x system.posix_acl_access", lambda r: os.setxattr(f"{r}/a.b", "system.posix_acl_access", acl(78))),
    ("default ACL added", "x system.posix_acl_default", lambda r: os.setxattr(f"{r}/a", "system.posix_acl_default", acl(77))),
]
CHANGES_OF_ROOT = [
    ("owner of a file", "f big", lambda r: os.chown(f"{r}/big", 1, 0)),
    ("group of a file", "f big", lambda r: os.chown(f"{r}/big", 0, 1)),
    ("owner of a directory", "d a/z", lambda r: os.chown(f"{r}/a/z", 1001, 100)),
    ("owner of a link", "l odd", lambda r: os.lchown(f"{r}/odd", 0, 6)),
    ("owner of a FIFO", "p fifo", lambda r: os.chown(f"{r}/fifo", 9, 9)),
    ("owner of a device", "c char", lambda r: os.chown(f"{r}/char", 9, 9)),
    ("mode of a device", "b block", lambda r: os.chmod(f"{r}/block", 0o666)),
    ("device minor", "c char", lambda r: replaced_node(f"{r}/char", stat.S_IFCHR, os.makedev(1, 1))),
    ("device major", "b block", lambda r: replaced_node(f"{r}/block", stat.S_IFBLK, os.makedev(8, 300))),
    ("character becomes block", "c char", lambda r: replaced_node(f"{r}/char", stat.S_IFBLK, os.makedev(1, 3))),
    ("device added", "c bin/new", lambda r: os.mknod(f"{r}/bin/new", stat.S_IFCHR | 0o600, os.makedev(1, 5))),
    ("capability changed", "x security.capability", lambda r: os.setxattr(f"{r}/bin/sh", "security.capability", capability(21))),
    ("capability taken", "x security.capability", lambda r: os.removexattr(f"{r}/bin/sh", "security.capability")),
    ("capability given", "x security.capability", lambda r: os.setxattr(f"{r}/big", "security.capability", capability(21))),
]
UNSIGNED = [
    ("times", lambda r: os.utime(f"{r}/big", (1, 1))),
    ("a hole instead of zeros", lambda r: subprocess.run(["cp", "-a", "--sparse=always", f"{r}/big", f"{r}/big.new"], check=True) and os.rename(f"{r}/big.new", f"{r}/big")),
    ("the order in which names were made", lambda r: (os.rename(f"{r}/twin1", f"{r}/t"), os.rename(f"{r}/t", f"{r}/twin1"))),
]


def changes():
    for name, words, change in CHANGES + (CHANGES_OF_ROOT if os.geteuid() == 0 else []):
        bundle = copy("changed", "signed")
        change(f"{bundle}/rootfs")
        rejected(f"changed: {name}", bundle, "unpack", words)
        shutil.rmtree(bundle)
    for name, change in UNSIGNED:
        bundle = copy("changed", "signed")
        change(f"{bundle}/rootfs")
        accepted(f"not signed: {name}", bundle)
        shutil.rmtree(bundle)


def flip(path, at):
    data = bytearray(open(path, "rb").read())
    data[at] ^= 1
    with open(path, "wb") as f:
        f.write(data)


def flipped_files():
    size = os.path.getsize(f"{work}/signed/config.json")
    for at in (0, size // 2, size - 1):
        bundle = copy("flipped", "signed")
        flip(f"{bundle}/config.json", at)
        status, answer = verify(bundle)
        good = (status, answer["verdict"]) in ((1, "reject"), (2, "malformed")) and answer["stage"] == "config"
        report(f"config.json, byte {at}", "" if good else f"{status} {answer}")
        shutil.rmtree(bundle)
    bundle = copy("flipped", "signed")
    with open(f"{bundle}/config.json", "a") as f:
        f.write("\n")
    rejected("config.json, a newline more", bundle, "config", "config.json is another one")
    shutil.rmtree(bundle)
    size = os.path.getsize(f"{work}/signed/rootfs.tree")
    for at in (0, size // 2, size - 1):
        bundle = copy("flipped", "signed")
        flip(f"{bundle}/rootfs.tree", at)
        rejected(f"rootfs.tree, byte {at}", bundle, "manifest", "rootfs.tree is another one")
        shutil.rmtree(bundle)
    text = open(signature_of(f"{work}/signed")).read()
    hint = range(text.index('"hint":"') + 8, text.index('"hint":"') + 52)
    bundle = copy("flipped", "signed")
    bad = []
    for at in range(0, len(text), 23 if SANITIZED else 7):
        flip(signature_of(bundle), at)
        status, answer = verify(bundle)
        if (status, answer["verdict"]) != (1, "reject") and not (status == 0 and at in hint):
            bad.append((at, status, answer["verdict"]))
        flip(signature_of(bundle), at)
    report("the signature's file, a byte at a time", str(bad) if bad else "")
    accepted("the signature's file, as it was", bundle)
    shutil.rmtree(bundle)


# ---- other statements, other files ----


def sign_statement(payload, bundle, key="p256", kind="application/vnd.in-toto+json"):
    """A Sigstore bundle over any payload, by openssl."""
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    signature = openssl("dgst", "-sha256", "-sign", f"{work}/{key}", input=signed)
    document = {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": {"publicKey": {"hint": ""}},
                "dsseEnvelope": {"payload": base64.b64encode(payload).decode(), "payloadType": kind,
                                 "signatures": [{"sig": base64.b64encode(signature).decode()}]}}
    with open(signature_of(bundle), "w") as f:
        json.dump(document, f)


def statements():
    tree = hashlib.sha256(open(f"{work}/signed/rootfs.tree", "rb").read()).hexdigest()
    config = hashlib.sha256(open(f"{work}/signed/config.json", "rb").read()).hexdigest()
    subjects = [{"name": "rootfs.tree", "digest": {"sha256": tree}}, {"name": "config.json", "digest": {"sha256": config}}]
    good = {"_type": "https://in-toto.io/Statement/v1", "subject": subjects, "predicateType": PREDICATE, "predicate": {}}
    bundle = copy("statement", "signed")
    sign_statement(json.dumps(good).encode(), bundle)
    accepted("a statement by openssl", bundle)
    other = "0" * 64
    for name, stage, change in (
        ("of an image", "signature", {"predicateType": "https://sigstore.dev/cosign/sign/v1"}),
        ("of another type", "signature", {"_type": "https://in-toto.io/Statement/v0.1"}),
        ("with a further member", "signature", {"note": 1}),
        ("without config.json", "signature", {"subject": subjects[:1]}),
        ("with three subjects", "signature", {"subject": [*subjects, subjects[0]]}),
        ("in the other order", "signature", {"subject": subjects[::-1]}),
        ("of another tree", "manifest", {"subject": [{"name": "rootfs.tree", "digest": {"sha256": other}}, subjects[1]]}),
        ("of another config.json", "config", {"subject": [subjects[0], {"name": "config.json", "digest": {"sha256": other}}]}),
        ("of another bundle", "signature", {"subject": [{"name": n, "digest": {"sha256": other}} for n in ("rootfs.tree", "config.json")]}),
        ("with a second digest", "signature", {"subject": [{"name": "rootfs.tree", "digest": {"sha256": tree, "sha512": other}}, subjects[1]]}),
        ("with a digest in capitals", "manifest", {"subject": [{"name": "rootfs.tree", "digest": {"sha256": tree.upper()}}, subjects[1]]}),
    ):
        sign_statement(json.dumps({**good, **change}).encode(), bundle)
        rejected(f"a statement {name}", bundle, stage)
    sign_statement(json.dumps(good).encode(), bundle, kind="application/json")
    rejected("a payload of another type", bundle, "signature", "payloadType")
    for name, data in (("empty", b""), ("garbage", b"\x00\xff" * 400), ("half", open(signature_of(f"{work}/signed"), "rb").read()[:300]),
                       ("nested", b'{"a":' * 5000), ("large", b" " * (5 << 20))):
        with open(signature_of(bundle), "wb") as f:
            f.write(data)
        rejected(f"the signature's file: {name}", bundle, "signature")
    shutil.rmtree(bundle)


# ---- a root that is a file ----


def superblock(features=0):
    """As much of an EROFS image as is looked at here."""
    return bytes(1024) + struct.pack("<I76xI44x", 0xE0F5E1E2, features) + bytes(range(256)) * 2000


def with_file(name, data):
    bundle = with_root("image")
    os.rename(bundle, f"{work}/{name}")
    bundle = f"{work}/{name}"
    shutil.rmtree(f"{bundle}/rootfs")
    with open(f"{bundle}/image", "wb") as f:
        f.write(data)
    return bundle


def erofs_statements():
    bundle = with_file("erofs", superblock())
    for key in ("p256", "ed25519"):
        done = run("sign", "--key", f"{work}/{key}", bundle)
        equal(f"a file: sign {key}", (done.returncode, done.stderr), (0, ""))
    policy("p256", "ed25519", name="both-of-file", threshold=2)
    accepted("a file: both have signed", bundle, "both-of-file")
    equal("a file: no list", os.path.exists(f"{bundle}/rootfs.tree"), False)
    root, config = (hashlib.sha256(open(f"{bundle}/{n}", "rb").read()).hexdigest() for n in ("image", "config.json"))
    subjects = [{"name": "rootfs.erofs", "digest": {"sha256": root}}, {"name": "config.json", "digest": {"sha256": config}}]
    good = {"_type": "https://in-toto.io/Statement/v1", "subject": subjects, "predicateType": "urn:hrun:bundle:2", "predicate": {}}
    for i in range(2):
        equal("a file: the statement", json.loads(payload_and_signed(signature_of(bundle, i))[0]), good)
    report("a file: openssl takes it", "" if "" in [openssl_takes("p256", signature_of(bundle, i)) for i in range(2)] else "neither")
    os.unlink(signature_of(bundle, 1))
    sign_statement(json.dumps(good).encode(), bundle)
    accepted("a file: a statement by openssl", bundle)
    other, verity = "0" * 64, "fsverity-sha256-12"
    sign_statement(json.dumps({**good, "subject": [{"name": "rootfs.erofs", "digest": {"sha256": root, verity: other}}, subjects[1]]}).encode(), bundle)
    accepted("a file: its fs-verity digest, which nobody knows here", bundle)

    def subject(digest, name="rootfs.erofs"):
        return {"subject": [{"name": name, "digest": digest}, subjects[1]]}
    for name, stage, change in (
        ("of a directory", "signature", {"predicateType": PREDICATE}),
        ("of a later format", "signature", {"predicateType": "urn:hrun:bundle:3"}),
        ("of a list", "signature", subject({"sha256": root}, "rootfs.tree")),
        ("of the file's own name", "signature", subject({"sha256": root}, "image")),
        ("without its SHA-256", "signature", subject({verity: root})),
        ("with a digest of another name", "signature", subject({"sha256": root, "fsverity-sha512-12": other})),
        ("with the digests exchanged", "manifest", subject({"sha256": other, verity: root})),
        ("of another file", "manifest", subject({"sha256": other})),
        ("of another config.json", "config", {"subject": [subjects[0], {"name": "config.json", "digest": {"sha256": other}}]}),
    ):
        sign_statement(json.dumps({**good, **change}).encode(), bundle)
        rejected(f"a file: a statement {name}", bundle, stage)
    sign_statement(json.dumps(good).encode(), bundle)
    flip(f"{bundle}/image", 5000)
    rejected("a file: a byte", bundle, "manifest", "the root's file is another one")
    flip(f"{bundle}/image", 5000)
    status, _ = verify(bundle, "policy", "--name", f"registry.example/a@sha256:{root}")
    equal("a file: --name with its digest", status, 0)
    status, answer = verify(bundle, "policy", "--name", f"registry.example/a@sha256:{config}")
    equal("a file: --name with another digest", (status, answer["stage"]), (1, "policy"))
    text = run("verify", "--policy", f"{work}/policy.json", bundle).stdout
    report("a file: as text", "" if text.startswith(f"accept {bundle}\n  erofs      sha256:{root}\n") else text)
    shutil.rmtree(bundle)
    sign_fails("a file that is no image", with_file("other", b"hsqs" + bytes(9000)), "no EROFS image")
    sign_fails("a file that is too short", with_file("short", superblock()[:1100]), "no EROFS image")
    sign_fails("an image with content elsewhere", with_file("devices", superblock(8)), "content in other files")
    bundle = with_file("link", superblock())
    os.rename(f"{bundle}/image", f"{bundle}/real")
    os.symlink("real", f"{bundle}/image")
    sign_fails("a link to an image", bundle, "cannot be opened")


def signers():
    bundle = copy("signers")
    run("sign", "--key", f"{work}/p256", bundle)
    run("sign", "--key", f"{work}/rsa", bundle)
    equal("two signers, two files", len([n for n in os.listdir(bundle) if n.endswith(".sigstore.json")]), 2)
    policy("p256", "rsa", name="both", threshold=2)
    accepted("both have signed", bundle, "both")
    policy("p256", "ed25519", name="other", threshold=2)
    rejected("one of two has signed", bundle, "policy", "2 different keys", file="other")
    policy("ed25519", name="stranger")
    rejected("another key", bundle, "signature", file="stranger")
    done = run("sign", "--key", f"{work}/p256", bundle)
    report("signed already", "" if done.returncode == 1 and "--force" in done.stderr else str(done))
    rewrite(f"{bundle}/rootfs/bin/sh", b"!!")
    done = run("sign", "--key", f"{work}/p256", bundle)
    report("another list is there", "" if done.returncode == 1 and "--force" in done.stderr else str(done))
    equal("sign --force", run("sign", "--force", "--key", f"{work}/p256", bundle).returncode, 0)
    accepted("signed again", bundle)
    rejected("the other signature is of the old list", bundle, "policy", file="both")
    # A copy of one signature under another name is no second key.
    shutil.copy(next(f"{bundle}/{n}" for n in os.listdir(bundle) if "sigstore" in n and verify(bundle)), f"{bundle}/rootfs.{'0' * 16}.sigstore.json")
    rejected("one key twice", bundle, "policy", file="both")
    for i in range(20):
        open(f"{bundle}/rootfs.{i:016x}.sigstore.json", "w").close()
    rejected("more than 16 signatures", bundle, "signature", "more than 16")
    shutil.rmtree(bundle)
    bundle = copy("unsigned")
    rejected("no signature at all", bundle, "signature", "rootfs.tree")
    run("sign", "--key", f"{work}/p256", bundle)
    os.unlink(signature_of(bundle))
    rejected("a list without a signature", bundle, "signature", "no signature")
    run("sign", "--key", f"{work}/p256", bundle)
    os.rename(signature_of(bundle), f"{bundle}/elsewhere")
    os.symlink("elsewhere", f"{bundle}/rootfs.{'0' * 16}.sigstore.json")
    rejected("a signature through a link", bundle, "signature", "cannot be opened")
    os.unlink(f"{bundle}/rootfs.{'0' * 16}.sigstore.json")
    os.mkfifo(f"{bundle}/rootfs.{'0' * 16}.sigstore.json")
    rejected("a signature that is a pipe", bundle, "signature", "cannot be opened")
    os.rename(f"{bundle}/elsewhere", f"{bundle}/rootfs.{'0' * 16}.sigstore.json")
    accepted("a signature under another name", bundle)
    shutil.rmtree(bundle)


def scopes():
    bundle = f"{work}/signed"
    with open(f"{work}/scoped.json", "w") as f:
        trust = [{"scope": "registry.example/team/*", "scheme": "cosign-key", "keys": ["p256.pub"]}]
        json.dump({"format": 1, "images": {"require": "signed", "trust": trust}}, f)
    rejected("a scope with a name, a bundle without", bundle, "policy", file="scoped")
    status, answer = verify(bundle, "scoped", "--name", "registry.example/team/app")
    equal("--name chooses the scope", (status, answer["verdict"]), (0, "accept"))
    status, _ = verify(bundle, "scoped", "--name", f"registry.example/team/app@{answer['imageDigest']}")
    equal("--name with the list's digest", status, 0)
    status, other = verify(bundle, "scoped", "--name", f"registry.example/team/app@{answer['configDigest']}")
    equal("--name with another digest", (status, other["verdict"], other["stage"]), (1, "reject", "policy"))
    policy("p256", name="identity", identity={"type": "exactRepository", "dockerRepository": "registry.example/a"})
    rejected("a rule that asks for an identity", bundle, "policy", file="identity")
    for arguments in (("--ref", "x"), ("--platform", "linux/amd64")):
        equal(f"{arguments[0]} with a bundle", verify(bundle, "policy", *arguments)[0], 3)
    text = run("verify", "--policy", f"{work}/policy.json", bundle).stdout
    report("as text", "" if text.startswith(f"accept {bundle}\n") and "\n  tree " in text and "good" in text else text)


# ---- roots that cannot be signed ----


def sign_fails(name, bundle, *words):
    done = run("sign", "--key", f"{work}/p256", bundle)
    left = [n for n in os.listdir(bundle) if n.startswith((".", "rootfs."))]
    report(name, "" if done.returncode == 1 and all(w in done.stderr for w in words) and not left else f"{done.returncode} {done.stderr} {left}")
    shutil.rmtree(bundle)


def with_root(path):
    bundle = copy("root")
    config = json.load(open(f"{bundle}/config.json"))
    config["root"]["path"] = path
    with open(f"{bundle}/config.json", "w") as f:
        json.dump(config, f)
    return bundle


def odd_roots():
    bundle = copy("root")
    s = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(f"{bundle}/rootfs/a")
    s.bind("sock")
    os.chdir(here)
    sign_fails("a socket in the root", bundle, "a/sock", "socket")
    sign_fails("root.path outside of the bundle", with_root(f"{work}/template/rootfs"), "leads out of the bundle")
    sign_fails("root.path with ..", with_root("../template/rootfs"), "leads out of the bundle")
    sign_fails("root.path is the bundle", with_root("."), "the bundle itself")
    bundle = with_root("link")
    os.symlink("rootfs", f"{bundle}/link")
    sign_fails("root.path is a link", bundle, "through a link")
    sign_fails("root.path leads nowhere", with_root("absent"), "cannot be opened")
    deep = copy("root")
    path = f"{deep}/rootfs"
    for _ in range(140):
        path += "/d"
        os.mkdir(path)
    sign_fails("140 levels", deep, "too deep")
    if os.geteuid() == 0:
        mounts_in_roots()


def mounts_in_roots():
    """On a directory, and on what is not opened: a FIFO, a device, a further name of a file, a link."""
    for place, source in (("a", "bin"), ("empty", "big"), ("fifo", "/dev/null"), ("char", "fifo"), ("twin1", "bin/one"), ("bin/two", "twin1"), ("bin/two", "bin/one")):
        bundle = copy("root")
        root = f"{bundle}/rootfs"
        subprocess.run(["mount", "--bind", os.path.join(root, source), f"{root}/{place}"], check=True)
        done = run("sign", "--key", f"{work}/p256", bundle)
        subprocess.run(["umount", f"{root}/{place}"], check=True)
        good = done.returncode == 1 and f"{place} cannot be read: it is a mount point" in done.stderr
        report(f"a mount in the root: {source} on {place}", "" if good else str(done))
        shutil.rmtree(bundle)


def hostile_names():
    """What config.json says reaches no terminal as it is."""
    bundle = copy("names")
    config = json.load(open(f"{bundle}/config.json"))
    config["mounts"].append({"destination": "/x\u001b[2Jy\n\u202ez", "type": "tmpfs", "source": "tmpfs"})
    with open(f"{bundle}/config.json", "w") as f:
        json.dump(config, f)
    done = run("sign", "--key", f"{work}/p256", bundle)
    made = [line for line in done.stdout.splitlines() if line.startswith("made /x")]
    good = done.returncode == 0 and len(made) == 1 and made[0].isascii() and made[0].isprintable()
    report("a mount's name with escape sequences", "" if good else str(done))
    shutil.rmtree(bundle)


def changes_while_it_is_read():
    bundle = copy("moving")
    path = f"{bundle}/rootfs/large"
    with open(path, "wb") as f:
        f.truncate(300 << 20)
    stop = threading.Event()

    def write():
        with open(path, "r+b") as f:
            while not stop.is_set():
                f.seek(random.randrange(300 << 20))
                f.write(b"x")
                f.flush()

    writer = threading.Thread(target=write)
    writer.start()
    done = run("sign", "--key", f"{work}/p256", bundle)
    stop.set()
    writer.join()
    report("a file changes while it is read", "" if done.returncode == 1 and "large changes while it is read" in done.stderr else str(done))
    shutil.rmtree(bundle)


def injected(at, how, *words):
    """hrun with its call AT failing, or killed there: exit status, stderr, how many calls, was one hit?"""
    prefix = [INJECT, "--who", "runtime", "--report", f"{work}/report", *(["--at", str(at), *how] if at else []), "--"]
    done = subprocess.run([*prefix, HRUN, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    counted = open(f"{work}/report").read().split()
    return done.returncode, done.stderr, int(counted[1]), len(counted) > 2


def is_whole(bundle, expected):
    """No file, or a whole one."""
    if os.path.exists(f"{bundle}/rootfs.tree") and open(f"{bundle}/rootfs.tree").read() != expected:
        return "half a list"
    for name in os.listdir(bundle):
        if name.endswith(".sigstore.json") and openssl_takes("p256", f"{bundle}/{name}"):
            return "half a signature"
    return ""


def faults():
    """Each call of sign fails, or is the last: no half file, one line of reason, and the next one works."""
    template = copy("faults")
    _, _, calls, _ = injected(0, (), "sign", "--force", "--key", f"{work}/p256", template)
    expected = tree_list(f"{template}/rootfs")  # now with its mount points
    bad, step = [], 7 if SANITIZED else 1
    # (A sanitizer's own calls fail as well, and what it says of that is not hrun's.)
    for how in (["--kill"],) if SANITIZED else (["--kill"], ["--errno", "5"], ["--errno", "12"]):
        for at in range(1 + (how != ["--kill"]), calls + 1, step if how == ["--kill"] else 4 * step):
            subprocess.run(["sh", "-c", 'rm -f "$0"/rootfs.* "$0"/.rootfs.*', template], check=True)
            status, err, _, hit = injected(at, how, "sign", "--key", f"{work}/p256", template)
            problem = is_whole(template, expected)
            if how != ["--kill"] and hit and not problem:
                hidden = [n for n in os.listdir(template) if n.startswith(".")]
                silent = status != 0 and (status != 1 or len(err.splitlines()) != 1)
                problem = f"exit status {status}, {err!r}, {hidden}" if silent or hidden else ""
            done = run("sign", "--force", "--key", f"{work}/p256", template)
            if problem or done.returncode != 0:
                bad.append((how, at, problem, done.stderr))
    report(f"a fault in each call of sign ({calls})", str(bad[:5]) if bad else "" if calls > 50 else f"{calls} calls only")
    accepted("after all faults", template)
    equal("after all faults: nothing else is there", [n for n in os.listdir(template) if n.startswith(".")], [])
    shutil.rmtree(template)
    _, _, calls, _ = injected(0, (), "keygen", "--out", f"{work}/faulty")
    bad = []
    for at in range(1, calls + 1, 3 * step):
        subprocess.run(["sh", "-c", 'rm -f "$0"/faulty* "$0"/.faulty*', work], check=True)
        injected(at, ["--kill"], "keygen", "--out", f"{work}/faulty")
        whole = [subprocess.run(["openssl", "pkey", *more, "-in", f"{work}/faulty{end}", "-noout"], capture_output=True).returncode == 0
                 for end, more in (("", []), (".pub", ["-pubin"])) if os.path.exists(f"{work}/faulty{end}")]
        bad += [at] * (not all(whole))
    report(f"keygen is killed in each call ({calls})", str(bad) if bad else "")


def malformed():
    bundle = copy("malformed", "signed")
    for name, data in (("no JSON", "{"), ("a key twice", '{"ociVersion":"1.2.0","ociVersion":"1.2.0"}')):
        with open(f"{bundle}/config.json", "w") as f:
            f.write(data)
        status, answer = verify(bundle)
        equal(f"config.json: {name}", (status, answer["verdict"], answer["stage"]), (2, "malformed", "config"))
    shutil.rmtree(bundle)


def ordinary_user():
    if os.geteuid() != 0:
        return
    bundle = copy("users")
    subprocess.run(["find", f"{bundle}/rootfs", "(", "-type", "b", "-o", "-type", "c", ")", "-delete"], check=True)
    subprocess.run(["chown", "-R", "1234:1234", bundle], check=True)
    user = dict(user=1234, group=1234, extra_groups=[])
    for name in ("p256", "p256.pub"):
        shutil.copy(f"{work}/{name}", f"{bundle}/../users-{name}")
        os.chown(f"{work}/users-{name}", 1234, 1234)
    os.chmod(f"{work}/users-p256", 0o600)
    equal("an ordinary user signs", run("sign", "--key", f"{work}/users-p256", bundle, **user).stderr, "")
    status, answer = verify(bundle, **user)
    equal("an ordinary user verifies", (status, answer["verdict"]), (0, "accept"))
    os.mkdir(f"{bundle}/keys")
    os.chown(f"{bundle}/keys", 1234, 1234)
    nobody_looks_in(["keygen", "--out", f"{bundle}/keys/new"], **user)
    nobody_looks_in(["sign", "--key", f"{bundle}/keys/new", bundle], **user)
    equal("the list is root's as well", open(f"{bundle}/rootfs.tree").read(), tree_list(f"{bundle}/rootfs"))
    os.chmod(f"{bundle}/rootfs/big", 0o600)
    os.chown(f"{bundle}/rootfs/big", 0, 0)
    status, answer = verify(bundle, **user)
    report("what he may not read", "" if status == 1 and "big cannot be read" in answer["reason"] else f"{status} {answer}")
    shutil.rmtree(bundle)


def main():
    os.makedirs(f"{work}/template")
    make_template(f"{work}/template")
    keys()
    policy("p256")
    copy("signed")
    done = run("sign", "--key", f"{work}/p256", f"{work}/signed")
    equal("sign", done.returncode, 0)
    for test in (foreign_keys, bad_keys, passphrases, masks, keygen_keeps_what_is_there, output_that_is_full, list_is_the_specified_one, changes, flipped_files, statements, erofs_statements, signers, scopes,
                 odd_roots, hostile_names, changes_while_it_is_read, faults, malformed, ordinary_user):
        test()
    shutil.rmtree(work)
    return 1 if failed else 0


sys.exit(main())
