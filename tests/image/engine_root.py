# SPDX-License-Identifier: Apache-2.0
"""engine_root.py - what `hrun plan` says of a root that an engine could have mounted, for compare.py, compare_containerd.py and upper.py."""
import contextlib
import json
import os
import subprocess
import sys

sys.path.insert(0, f"{os.environ['TESTS']}/engines")
from signed_image import Key  # noqa: E402

HRUN, BUNDLE = os.environ["HRUN"], "/run/bundle"
KEY, OTHER = Key("good"), Key("other")
failed = 0


def check(right, name, why=""):
    global failed
    failed += not right
    print(f"ok - {name}" if right else f"not ok - {name}: {why}", flush=True)


def finish():
    return 1 if failed else 0


def prepare():
    os.makedirs("/etc/hrun/signatures".rsplit("/", 1)[0], exist_ok=True)
    os.makedirs("/run/spec/rootfs")
    for name, key in (("good", KEY), ("other", OTHER)):
        with open(f"/etc/hrun/{name}.pub", "w") as f:
            f.write(key.pem())


def policy(require="signed", members=None, **more):
    trust = [{"scheme": "cosign-key", "keys": ["good.pub"], "tlog": "ignore"}]
    with open("/etc/hrun/policy.json", "w") as f:
        json.dump({"format": 1, "level": "baseline", **(members or {}), "images": {"require": require, "signatures": ["signatures"], "trust": trust, **more}}, f)


def write_bundle(root, mounts=(), **more):
    config = json.loads(subprocess.run([HRUN, "spec"], cwd="/run/spec", capture_output=True, text=True, check=True).stdout or open("/run/spec/config.json").read())
    os.unlink("/run/spec/config.json")
    config["root"] = {"path": root, "readonly": True}
    config["process"].update(more)
    config["mounts"] += [{"destination": path, "type": "tmpfs", "source": "tmpfs"} for path in mounts]
    os.makedirs(BUNDLE, exist_ok=True)
    with open(f"{BUNDLE}/config.json", "w") as f:
        json.dump(config, f)


def plan(root, **more):
    """The finding about the image, or ""."""
    write_bundle(root, **more)
    done = subprocess.run([HRUN, "plan", BUNDLE], capture_output=True, text=True, timeout=100)
    if done.returncode not in (0, 1):
        return f"exit status {done.returncode}: {done.stderr}"
    return "".join(line for line in (done.stdout + done.stderr).splitlines(True) if "image-signature-missing  " in line)


def accepted(name, root, **more):
    found = plan(root, **more)
    check(not found, name, found)


def refused(name, root, *texts, **more):
    found = plan(root, **more)
    check(found.startswith("refuse") and any(text in found for text in texts), name, f"{found!r}, expected {texts}")


def denied_at(root, digest, name, expected=True, text="", require="warn"):
    """Is it refused where DIGEST is denied and nothing else is asked?"""
    policy(require, denyDigests=[digest])
    write_bundle(root)
    done = subprocess.run([HRUN, "plan", BUNDLE], capture_output=True, text=True, timeout=100)
    policy()
    is_refused = done.returncode == 1 and not done.stdout and "images.denyDigests" in done.stderr
    check(is_refused == expected and text in done.stdout + done.stderr, name, f"{done}")


@contextlib.contextmanager
def kept(path):
    subprocess.run(["cp", "-a", path, "/run/kept"], check=True)
    try:
        yield
    finally:
        subprocess.run(f"rm -rf '{path}'; mv /run/kept '{path}'", shell=True, check=True)
