# SPDX-License-Identifier: Apache-2.0
"""signing.py - what the tests of signed bundles share: keys of theirs, and a file that somebody else could change for a while."""
import contextlib
import os
import subprocess

from hrun import HRUN
import hrun as h


def key(name="key"):
    path = f"{h.work}/{name}"
    if not os.path.exists(path):
        subprocess.run([HRUN, "keygen", "--out", path], check=True, stdout=subprocess.DEVNULL)
    return path


@contextlib.contextmanager
def changed(path, mode=None, uid=None):
    st = os.stat(path)
    if uid is not None:
        os.chown(path, uid, -1)
    if mode is not None:
        os.chmod(path, mode)
    yield
    os.chown(path, st.st_uid, -1)
    os.chmod(path, st.st_mode & 0o7777)
