#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Several hruns at one id: one create wins, and whatever order the others come in, each says one true line (see contention.py).
# timeout: 600
. "$TESTS/lib.sh"
make_bundle "$work/b"
edit "$work/b" 'c["process"]["args"] = ["/bin/sleep", "1000"]'
"$HRUN" create -b "$work/b" --pid-file "$work/pid" warm >"$work/warm" 2>&1 </dev/null && "$HRUN" delete --force warm
reaped() { [ ! -e "/proc/$(cat "$work/pid")" ]; }
eventually reaped
: >"$work/before"
: >"$work/after"
kernel_counts >"$work/before"
python3 "$TESTS/cycles/contention.py" "$work/b" "${ROUNDS:-40}" || failures=1
same_counts() { kernel_counts >"$work/after"; cmp -s "$work/before" "$work/after"; }
eventually same_counts
cmp -s "$work/before" "$work/after" || grep -H . /proc/[0-9]*/comm
is "nothing is left" "$(cat "$work/after")" "$(cat "$work/before")"
finish
