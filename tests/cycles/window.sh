#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# SIGKILL for a container's init around its execve: what `hrun start` says is what the kernel knows (see window.py).
# timeout: 600
. "$TESTS/lib.sh"
make_bundle "$work/wait"
make_bundle "$work/end"
edit "$work/wait" 'c["process"]["args"] = ["/bin/sleep", "1000"]'
edit "$work/end" 'c["process"]["args"] = ["/bin/true"]'
python3 "$TESTS/cycles/window.py" "${KILLS:-500}" "$work/wait" "$work/end" || failures=1
is "hrun list is empty" "$("$HRUN" list -q)" ""
finish
