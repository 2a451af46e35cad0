# SPDX-License-Identifier: Apache-2.0
"""engine_store.py - the store of containers/storage, made here, and containers of its images under a real overlay.

As podman unpacks them (seen with 4.3 and 5.4): directories on the way 0755, the top directory 0555, whiteouts as devices 0:0, opaque directories by
their attribute.
"""
import base64
import hashlib
import json
import os
import subprocess
import sys

sys.path.insert(0, f"{os.environ['TESTS']}/engines")
from signed_image import record_of, unpack  # noqa: E402

TOP = "/run/store"


def identifier(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Store:
    def __init__(self):
        for directory in ("overlay/l", "overlay-layers", "overlay-images"):
            os.makedirs(f"{TOP}/{directory}", 0o700)
        self.images = []

    def add(self, name, layout, descriptor, layers):
        """The image, and a container of it that is mounted; what `root.path` is then."""
        image = json.load(open(f"{layout.path}/blobs/sha256/{descriptor['digest'][7:]}"))["config"]["digest"][7:]
        ids = [identifier(f"{name} {i}") for i in range(len(layers))]
        for one, archive in zip(ids, layers):
            top = f"{TOP}/overlay/{one}/diff"
            unpack(archive, top, lambda parent: os.makedirs(parent, 0o755, exist_ok=True))
            os.chmod(top, 0o555)
            with open(f"{TOP}/overlay-layers/{one}.tar-split.gz", "wb") as f:
                f.write(record_of(archive))
            os.symlink(f"../{one}/diff", f"{TOP}/overlay/l/{one[:26].upper()}")
        os.makedirs(f"{TOP}/overlay-images/{image}", exist_ok=True)
        for key, digest in ((f"manifest-{descriptor['digest']}", descriptor["digest"]), (f"sha256:{image}", "sha256:" + image)):
            data = open(f"{layout.path}/blobs/sha256/{digest[7:]}", "rb").read()
            with open(f"{TOP}/overlay-images/{image}/={base64.b64encode(key.encode()).decode()}", "wb") as f:
                f.write(data)
        self.images.append({"id": image, "digest": descriptor["digest"], "names": [f"localhost/{name}:latest"], "layer": ids[-1], "metadata": "{}",
                            "big-data-names": [f"manifest-{descriptor['digest']}", "manifest", f"sha256:{image}"]})
        self.save()
        return ids, self.mount(name, ids)

    def save(self):
        with open(f"{TOP}/overlay-images/images.json", "w") as f:
            json.dump(self.images, f)

    def mount(self, name, ids):
        container = f"{TOP}/overlay/{identifier(name + ' container')}"
        for directory in ("diff", "work", "merged"):
            os.makedirs(f"{container}/{directory}", 0o755)
        lower = ":".join(f"{TOP}/overlay/l/{one[:26].upper()}" for one in reversed(ids))
        subprocess.run(["mount", "-t", "overlay", "-o", f"lowerdir={lower},upperdir={container}/diff,workdir={container}/work", "overlay", f"{container}/merged"],
                       check=True)
        return f"{container}/merged"
