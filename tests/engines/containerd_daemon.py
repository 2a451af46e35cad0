# SPDX-License-Identifier: Apache-2.0
"""containerd_daemon.py - a containerd in the tree, without its Kubernetes side or with it."""
import os
import subprocess
import sys
import time

from engine import sh


def start_containerd(config='version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'):
    os.makedirs("/etc/containerd", exist_ok=True)
    with open("/etc/containerd/config.toml", "w") as f:
        f.write(config)
    daemon = subprocess.Popen(["containerd"], stdin=subprocess.DEVNULL, stdout=open("/root/containerd.log", "w"), stderr=subprocess.STDOUT)
    for _ in range(300):
        if sh("ctr version")[0] == 0:
            return daemon
        time.sleep(0.1)
    print("not ok - containerd: does not start: " + open("/root/containerd.log").read()[-500:])
    sys.exit(1)
