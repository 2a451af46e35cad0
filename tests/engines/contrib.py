# SPDX-License-Identifier: Apache-2.0
"""The files of contrib/ as podman and containerd themselves understand them, and as `hrun doctor` does: a part of containerd.py."""
import json
import os
import shutil

from engine import release, report, sh

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATHS = {"hrun": "/usr/local/bin/hrun", "hrun-restricted": "/usr/local/bin/hrun-restricted"}


def put(name, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    shutil.copy(f"{TOP}/contrib/{name}", path)


def section(dump, name):
    """The lines of a table of containerd's own dump, whichever quotes and dots it writes."""
    lines, inside = [], False
    for line in dump.splitlines():
        if line.strip().startswith("["):
            inside = line.strip().strip("[]").replace("'", "").replace('"', "").endswith(f"containerd.runtimes.{name}.options")
        elif inside:
            lines.append(line.strip().replace("'", '"'))
    return lines


def check():
    """In the tree; leaves its files there."""
    good = True
    os.symlink("hrun", PATHS["hrun-restricted"])
    put("podman/hrun.conf", "/etc/containers/containers.conf.d/hrun.conf")
    put("containerd/config-1.toml", "/etc/containerd/config.toml")
    name = sh("podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}} {{.Host.CgroupManager}}'")[1].strip().splitlines()[-1:]
    good &= report(name == ["hrun /usr/local/bin/hrun cgroupfs"], f"podman of Debian {release()}: the default runtime", str(name))
    name = sh("podman --runtime hrun-restricted info --format '{{.Host.OCIRuntime.Path}}'")[1].strip().splitlines()[-1:]
    good &= report(name == [PATHS["hrun-restricted"]], f"podman of Debian {release()}: the other runtime", str(name))
    status, dump = sh("containerd --config /etc/containerd/config.toml config dump")
    for name, path in PATHS.items():
        lines = section(dump, name)
        good &= report(status == 0 and f'BinaryName = "{path}"' in lines and "SystemdCgroup = false" in lines,
                       f"containerd of Debian {release()}: the runtime {name}", dump[-300:] if status else str(lines))
    lines = {c["id"]: c for c in json.loads(sh("hrun doctor --format json")[1])["checks"]}
    for engine, default in (("podman", "the default is hrun"), ("containerd", "the default is the engine's own")):
        found = lines[f"engine.{engine}"]
        version = sh(f"dpkg-query -W -f '${{Version}}' {engine}")[1]
        wanted = [default, f"{engine} {version} at /usr/bin", *(f"{name} ({path}, this one)" for name, path in PATHS.items())]
        good &= report(found["status"] == "ok" and all(w in found["text"] for w in wanted), f"doctor: {engine}", str(found))
    return good
