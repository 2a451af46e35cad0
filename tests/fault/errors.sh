#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The N-th system call of hrun, or of its init, fails: one error line, the right exit code, and nothing is left.
# timeout: 1800
. "$TESTS/lib.sh"
. "$TESTS/fault/bundle.sh"
sweep errors

# A foreground exec that cannot wait for its program ends it.
case $(uname -m) in aarch64) signalfd4=74 ;; *) signalfd4=289 ;; esac
"$HRUN" create -b "$work/plain/wait" held >"$work/held" 2>&1 </dev/null && "$HRUN" start held
exits "exec fails where it cannot wait" 255 "$TESTS/../build/tests/fault/inject" --call "$signalfd4" --at 1 --report "$work/report" -- \
  "$HRUN" exec held /bin/sleep 1000
like "the call was reached" "$(cat "$work/report")" "hit $signalfd4"
alone() { [ "$(wc -l </sys/fs/cgroup/hrun/held/cgroup.procs)" = 1 ]; }
succeeds "its program is gone" eventually alone
"$HRUN" delete --force held

# Before Linux 6.15 a mount is cloned and gets its attributes by two calls.
mkdir -p "$work/source"
make_bundle "$work/mounts"
edit "$work/mounts" '
c["process"]["args"] = ["/bin/cat", "/proc/self/mountinfo"]
c["mounts"].append({"destination": "/mnt", "type": "bind", "source": "'"$work/source"'", "options": ["bind", "ro", "noexec"]})'
mkdir -p "$work/mounts/rootfs/mnt"
mounts_of() { "$@" "$HRUN" run -b "$work/mounts" mounts 2>&1 </dev/null | awk '{ print $4, $5, $6, $7, $8 }' | sed 's/\(shared\|master\):[0-9]*/\1/g'; }
mounts_of env >"$work/by-one"
open_tree_attr=467
mounts_of "$TESTS/../build/tests/fault/inject" --call "$open_tree_attr" --at 1 --errno 38 --report "$work/report" -- >"$work/by-two"
like "the call was reached" "$(cat "$work/report")" "hit $open_tree_attr"
like "a bind mount is there" "$(cat "$work/by-two")" ' /mnt ro,.*noexec'
is "without open_tree_attr(2) the mounts are the same" "$(cat "$work/by-two")" "$(cat "$work/by-one")"
finish
