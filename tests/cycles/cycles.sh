#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# 300 times create, start, exec, kill, delete, then 16 at once: the kernel holds afterwards what it held before.
# timeout: 600
. "$TESTS/lib.sh"

cycles=${CYCLES:-300}
parallel=${PARALLEL:-16}

make_bundle "$work/b"
edit "$work/b" 'c["process"]["args"] = ["/bin/sleep", "1000"]'

is_stopped() { "$HRUN" state "$1" | grep -Eq '"status": *"stopped"'; }

# Any step that fails is told by its name; the output of each must be empty but for exec's.
cycle() {
  "$HRUN" create -b "$work/b" "$1" >"$work/$1.out" 2>&1 </dev/null || { echo "create $1: $(cat "$work/$1.out")"; return 1; }
  "$HRUN" start "$1" || { echo "start $1"; return 1; }
  [ "$("$HRUN" exec "$1" /bin/echo "inside $1" 2>&1)" = "inside $1" ] || { echo "exec $1"; return 1; }
  "$HRUN" kill "$1" KILL || { echo "kill $1"; return 1; }
  eventually is_stopped "$1" || { echo "$1 does not stop"; return 1; }
  "$HRUN" delete "$1" || { echo "delete $1"; return 1; }
  [ ! -s "$work/$1.out" ] || { echo "create $1 printed: $(cat "$work/$1.out")"; return 1; }
  rm "$work/$1.out"
}

# create leaves a child of pid 1 behind, which reaps it a moment later
same_counts() { kernel_counts >"$work/after"; cmp -s "$work/before" "$work/after"; }
compare() {
  if eventually same_counts; then
    pass "$1: $(tr '\n' ' ' <"$work/after")"
  else
    fail "$1" "before: $(tr '\n' ' ' <"$work/before"), after: $(tr '\n' ' ' <"$work/after")"
    diff "$work/mounts" /proc/self/mountinfo
  fi
}

# The first one makes what stays (the state root, the filter cache): it is no leak.
cycle warm || fail "the first cycle"
: >"$work/before"
: >"$work/after"
: >"$work/mounts"
cat /proc/self/mountinfo >"$work/mounts"
kernel_counts >"$work/before"

bad=0
n=1
while [ "$n" -le "$cycles" ] && [ "$bad" -lt 3 ]; do
  cycle "c$n" || bad=$((bad + 1))
  n=$((n + 1))
done
is "$cycles cycles, one after the other: failures" "$bad" 0
compare "nothing is left of $cycles cycles"

pids=
for n in $(seq "$parallel"); do
  cycle "p$n" >"$work/p$n.why" &
  pids="$pids $!"
done
bad=0
for pid in $pids; do wait "$pid" || bad=$((bad + 1)); done
[ "$bad" = 0 ] || cat "$work"/p*.why
rm -f "$work"/p*.why
is "$parallel cycles at once: failures" "$bad" 0
compare "nothing is left of $parallel at once"
is "hrun list is empty" "$("$HRUN" list -q)" ""

# Descriptors: a container's init holds its three streams and nothing else.
"$HRUN" create -b "$work/b" fds </dev/null >"$work/fds.out" 2>&1 && "$HRUN" start fds
pid=$("$HRUN" state fds | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p')
is "descriptors of the running program" "$(ls "/proc/$pid/fd" 2>&1 | tr '\n' ' ')" "0 1 2 "
"$HRUN" delete --force fds || fail "delete --force"
finish
