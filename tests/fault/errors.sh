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
finish
