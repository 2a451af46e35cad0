# SPDX-License-Identifier: Apache-2.0
"""tools.py OUT - inside a tree of Debian sid: new images, signed with new keys by cosign, notation and skopeo, as layouts below OUT.

Nothing is taken from anywhere: a registry on loopback stands between the tools.  OUT/cases.json tells what there is.
"""
import json
import os
import random
import shutil
import stat
import subprocess
import sys
import tarfile
import time
import urllib.request

sys.path.insert(0, f"{os.path.dirname(os.path.abspath(__file__))}/../image")
os.environ.setdefault("BUILD", "")
os.environ.setdefault("HRUN", "")
from layout import snapshot  # noqa: E402

REGISTRY = "127.0.0.1:5000"
COSIGN = ["cosign", "sign", "-y", "--use-signing-config=false", "--tlog-upload=false"]
OUT = os.path.abspath(sys.argv[1])
cases = []


def run(*command, **more):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=200, **more)
    if done.returncode:
        raise SystemExit(f"not ok - {' '.join(command)}: {done.returncode} {done.stdout.strip()}")
    return done.stdout.strip()


def skopeo(source, destination, *options):
    run("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false", *options, source, destination)


def start_registry():
    with open("registry.yml", "w") as file:
        file.write(f"version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {os.getcwd()}/registry}}\nhttp: {{addr: '{REGISTRY}'}}\n")
    with open("registry.log", "w") as log:
        subprocess.Popen(["docker-registry", "serve", "registry.yml"], stdout=log, stderr=log)
    deadline = time.monotonic() + 30
    while True:
        try:
            return urllib.request.urlopen(f"http://{REGISTRY}/v2/").close()
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit("not ok - the registry does not answer")
            time.sleep(0.05)


# ---- the image ----

def fill(root, r):
    """Every kind of entry that an image may have."""
    def put(path, data, mode=0o644, uid=0, gid=0):
        os.makedirs(os.path.dirname(f"{root}/{path}"), exist_ok=True)
        with open(f"{root}/{path}", "wb") as file:
            file.write(data)
        os.chown(f"{root}/{path}", uid, gid)
        os.chmod(f"{root}/{path}", mode)
    put("bin/tool", r.randbytes(r.randrange(20000, 60000)), 0o755)
    put("bin/suid", r.randbytes(100), 0o4755)
    put("bin/sgid", r.randbytes(100), 0o2755, 0, 42)
    put("bin/capable", r.randbytes(100), 0o755)
    os.setxattr(f"{root}/bin/capable", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
    put("data/attributes", b"x", 0o600, 1000, 1001)
    os.setxattr(f"{root}/data/attributes", "user.note", r.randbytes(40))
    put("data/empty", b"")
    put("data/closed", r.randbytes(10), 0o000, 70000, 70000)
    put("data/" + "n" * 255, r.randbytes(10))
    put("/".join(["p" * 90] * 12) + "/leaf", r.randbytes(10))
    put("data/gr\u00fc\u00dfe \u65e5\u672c\n", r.randbytes(10))
    put("gone/by/whiteout", r.randbytes(10))
    put("opaque/old", r.randbytes(10))
    put("replaced", r.randbytes(10))
    os.link(f"{root}/bin/tool", f"{root}/data/hard")
    os.symlink("tool", f"{root}/bin/link")
    os.symlink("/nowhere/" + "l" * 150, f"{root}/bin/dangling")
    os.mkfifo(f"{root}/data/fifo", 0o640)
    os.makedirs(f"{root}/tmp")
    os.chmod(f"{root}/tmp", 0o1777)
    os.makedirs(f"{root}/private")
    os.chown(f"{root}/private", 1000, 1000)
    os.chmod(f"{root}/private", 0o2700)


def archive(path, r):
    """A layer that no engine writes: a sparse file, old times, an opaque directory."""
    with open("holes", "wb") as file:
        for _ in range(3):
            file.write(r.randbytes(4096))
            file.seek(r.randrange(1, 9) << 16, 1)
        file.truncate(file.tell())
    os.makedirs("more/sparse")
    os.rename("holes", "more/sparse/holes")
    run("tar", "-cf", path, "--format=posix", "--sparse", "--owner=0", "--group=0", "--numeric-owner", "--mtime=1999-12-31", "-C", "more", "sparse")
    with tarfile.open(path, "a", format=tarfile.PAX_FORMAT) as tar:
        for name in ("opaque", "opaque/.wh..wh..opq", ".wh.replaced"):
            entry = tarfile.TarInfo(name)
            entry.type = tarfile.DIRTYPE if name == "opaque" else tarfile.REGTYPE
            entry.mode, entry.mtime = 0o755, r.randrange(1 << 30)
            tar.addfile(entry)


def check_reference(found):
    """The image is as rich as it was meant to be, or the comparison says nothing."""
    def mode(path):
        return found[path][0] & 0o7777
    checks = {
        "setuid": mode("bin/suid") == 0o4755, "sticky": mode("tmp") == 0o1777, "owner": found["data/closed"][1] == 70000,
        "fifo": stat.S_ISFIFO(found["data/fifo"][0]), "hard link": found["data/hard"][-1] == found["bin/tool"][-1],
        "capability": "security.capability" in found["bin/capable"][5], "attribute": "user.note" in found["data/attributes"][5],
        "replaced": stat.S_ISDIR(found["data/empty"][0]), "sparse": os.stat("reference/rootfs/sparse/holes").st_size > 3 << 16,
        "whiteouts": not {"gone/by", "opaque/old", "replaced"} & set(found),
    }
    missing = [name for name, there in checks.items() if not there]
    if missing:
        raise SystemExit(f"not ok - the image lacks something: {missing}")


def make_image(r):
    """OUT/reference.json: what umoci makes of it."""
    run("umoci", "init", "--layout", "image")
    run("umoci", "new", "--image", "image:v1")
    run("umoci", "config", "--image", "image:v1", "--os", "linux", "--architecture", "amd64", "--config.cmd", "/bin/tool")
    run("umoci", "unpack", "--image", "image:v1", "bundle")
    fill("bundle/rootfs", r)
    run("umoci", "repack", "--image", "image:v1", "--refresh-bundle", "bundle")
    shutil.rmtree("bundle/rootfs/gone/by")
    os.unlink("bundle/rootfs/data/empty")
    os.mkdir("bundle/rootfs/data/empty")
    run("umoci", "repack", "--image", "image:v1", "--compress", "zstd", "bundle")
    archive("verbatim.tar", r)
    run("umoci", "raw", "add-layer", "--image", "image:v1", "verbatim.tar")
    run("umoci", "gc", "--layout", "image")
    run("umoci", "unpack", "--image", "image:v1", "reference")
    found = snapshot("reference/rootfs")
    check_reference(found)
    with open(f"{OUT}/reference.json", "w") as file:
        json.dump(found, file)


# ---- keys ----

def make_keys():
    os.environ["COSIGN_PASSWORD"] = "secret"
    for name in ("p256", "other"):
        run("cosign", "generate-key-pair", "--output-key-prefix", name)
    run("openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072", "-out", "rsa.pem")
    run("openssl", "genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", "p384.pem")
    for name in ("rsa", "p384"):
        run("cosign", "import-key-pair", "--key", f"{name}.pem", "--output-key-prefix", name)
    with open("passphrase", "w") as file:
        file.write("secret")
    run("skopeo", "generate-sigstore-key", "--output-prefix", "skopeo", "--passphrase-file", "passphrase")
    for name in ("p256", "other", "rsa", "p384", "skopeo"):
        shutil.copy(f"{name}.pub", OUT)


def openssl_chain(name):
    """A root, an intermediate and a signer of code below it, P-256."""
    extensions = {"root": "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n",
                  "middle": "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n",
                  "leaf": "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n"}
    issuer = None
    for level, text in extensions.items():
        with open("extensions", "w") as file:
            file.write(text)
        subject = f"/C=US/ST=WA/O={name}/CN={name} {level}"
        run("openssl", "genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}-{level}.key")
        run("openssl", "req", "-new", "-key", f"{name}-{level}.key", "-subj", subject, "-out", "request")
        signer = ["-CA", f"{name}-{issuer}.crt", "-CAkey", f"{name}-{issuer}.key"] if issuer else ["-signkey", f"{name}-{level}.key"]
        run("openssl", "x509", "-req", "-in", "request", "-days", "2", "-extfile", "extensions", *signer, "-out", f"{name}-{level}.crt")
        issuer = level
    with open(f"{name}.chain", "w") as chain:
        for level in ("leaf", "middle", "root"):
            with open(f"{name}-{level}.crt") as file:
                chain.write(file.read())
    shutil.copy(f"{name}-root.crt", f"{OUT}/{name}-root.crt")


def make_notation_keys():
    home = f"{os.environ['HOME']}/.config/notation"
    openssl_chain("signer")
    openssl_chain("stranger")
    run("notation", "cert", "generate-test", "--default", "test.example")
    shutil.copy(f"{home}/localkeys/test.example.crt", f"{OUT}/test.crt")
    with open(f"{home}/signingkeys.json") as file:
        keys = json.load(file)
    keys["keys"].append({"name": "signer", "keyPath": os.path.abspath("signer-leaf.key"), "certPath": os.path.abspath("signer.chain")})
    with open(f"{home}/signingkeys.json", "w") as file:
        json.dump(keys, file)


# ---- signatures ----

def case(name, ref, policy, wrong):
    cases.append({"name": name, "ref": ref, "policy": policy, "wrong": wrong})


def keys_policy(key, repository=None):
    policy = {"scheme": "cosign-key", "keys": [key]}
    if repository:
        policy["identity"] = {"type": "exactRepository", "dockerRepository": f"{REGISTRY}/{repository}"}
    return policy


def notation_policy(ca, identity):
    return {"scheme": "notation", "level": "strict", "ca": [ca], "trusted_identities": [f"x509.subject: {identity}"]}


def push(repository, source="oci:image:v1", *options):
    """The image in the registry; "REPOSITORY@DIGEST" of it."""
    skopeo(source, f"docker://{REGISTRY}/{repository}:v1", *options)
    digest = run("skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}", f"docker://{REGISTRY}/{repository}:v1")
    return f"{REGISTRY}/{repository}@{digest}"


def fetch_by_oras(name, repository):
    run("oras", "cp", "-r", "--from-plain-http", "--to-oci-layout", f"{REGISTRY}/{repository}:v1", f"{OUT}/{name}:v1")


def fetch_by_skopeo(name, image):
    repository, digest = image.split("@")
    signature = digest.replace(":", "-") + ".sig"
    skopeo(f"docker://{image}", f"oci:{OUT}/{name}:v1", "--remove-signatures")
    skopeo(f"docker://{repository}:{signature}", f"oci:{OUT}/{name}:{signature}", "--remove-signatures")


def cosign():
    for key in ("p256", "rsa", "p384"):
        image = push(f"bundle/{key}")
        run(*COSIGN, "--key", f"{key}.key", image)
        fetch_by_oras(f"cosign-bundle-{key}-oras", f"bundle/{key}")
        case(f"cosign-bundle-{key}-oras", "v1", keys_policy(f"{key}.pub"), keys_policy("other.pub"))
    run("cosign", "save", "--dir", f"{OUT}/cosign-bundle-save", push("bundle/p256"))
    case("cosign-bundle-save", None, keys_policy("p256.pub"), keys_policy("other.pub"))
    image = push("legacy/p256")
    run(*COSIGN, "--new-bundle-format=false", "-a", "build=1", "--key", "p256.key", image)
    run("cosign", "save", "--dir", f"{OUT}/cosign-legacy-save", image)
    case("cosign-legacy-save", None, keys_policy("p256.pub", "legacy/p256"), keys_policy("p256.pub", "legacy/other"))
    fetch_by_skopeo("cosign-legacy-skopeo", image)
    case("cosign-legacy-skopeo", "v1", keys_policy("p256.pub", "legacy/p256"), keys_policy("other.pub", "legacy/p256"))


def cosign_index():
    """An image for two architectures, signed as a whole and each by itself."""
    image = push("index/image")
    digest = image.split("@")[1]
    run("oras", "manifest", "index", "create", "--plain-http", f"{REGISTRY}/index/image:v1", digest)
    index = run("oras", "resolve", "--plain-http", f"{REGISTRY}/index/image:v1")
    run(*COSIGN, "--key", "p256.key", "--recursive", f"{REGISTRY}/index/image@{index}")
    fetch_by_oras("cosign-index", "index/image")
    case("cosign-index", "v1", keys_policy("p256.pub"), keys_policy("other.pub"))


def by_skopeo():
    os.makedirs("/etc/containers/registries.d", exist_ok=True)
    with open("/etc/containers/registries.d/loopback.yaml", "w") as file:
        file.write(f"docker:\n  {REGISTRY}:\n    use-sigstore-attachments: true\n")
    image = push("skopeo/image", "oci:image:v1", "--sign-by-sigstore-private-key", "skopeo.private", "--sign-passphrase-file", "passphrase")
    fetch_by_skopeo("skopeo", image)
    case("skopeo", "v1", keys_policy("skopeo.pub", "skopeo/image"), keys_policy("p256.pub", "skopeo/image"))


def notation():
    for form, key, ca, identity in (
        ("jws", "test.example", "test.crt", "C=US, ST=WA, L=Seattle, O=Notary, CN=test.example"), ("cose", "signer", "signer-root.crt", "C=US, ST=WA, O=signer"),
    ):
        name = f"notation-{form}"
        image = push(name)
        run("notation", "sign", "--insecure-registry", "--key", key, "--signature-format", form, image)
        fetch_by_oras(name, name)
        case(name, "v1", notation_policy(ca, identity), notation_policy("stranger-root.crt", identity))
    run("notation", "sign", "--insecure-registry", "--key", "signer", "--expiry", "24h", "--user-metadata", "build=1", push("notation-expiry"))
    fetch_by_oras("notation-expiry", "notation-expiry")
    case("notation-expiry", "v1", notation_policy("signer-root.crt", "C=US, ST=WA, O=signer, CN=signer leaf"),
         notation_policy("signer-root.crt", "C=US, ST=WA, O=signer, CN=signer root"))


def main():
    seed = int(sys.argv[2])
    home = "/tmp/tools"
    os.makedirs(home)
    os.chdir(home)
    os.environ["HOME"] = home
    start_registry()
    make_image(random.Random(seed))
    make_keys()
    make_notation_keys()
    for step in (cosign, cosign_index, by_skopeo, notation):
        step()
    with open(f"{OUT}/cases.json", "w") as file:
        json.dump(cases, file)


main()
