# SPDX-License-Identifier: Apache-2.0
# lib.sh - sourced by the test scripts: . "$TESTS/lib.sh"
#
# tests/run sets HRUN (the program under test), BUILD, TESTS and, where a script asks for one, TREE.  A script reports each thing that
# it finds out with pass, fail, skip or one of the checks below, and ends with `finish`: one that stops before is a failure.
# Header lines for tests/run: "# timeout: SECONDS", "# alone" (nothing beside it), "# tree: SUITE PACKAGE,..." (a tarball in $TREE).

set -u
failures=0
finished=
work=$(mktemp -d)
trap 'rm -rf "$work"; [ -n "$finished" ] || { echo "not ok - the script stopped before its end"; exit 1; }' EXIT

pass() { echo "ok - $1"; }
fail() { echo "not ok - $1${2:+: $2}"; failures=$((failures + 1)); }
skip() { echo "skip - $1: $2"; }
finish() { finished=1; [ "$failures" = 0 ]; exit; }
# The whole script cannot run here.
skip_all() { finished=1; echo "$1"; exit 77; }

# is NAME ACTUAL EXPECTED
is() {
  if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "got '$2', expected '$3'"; fi
}

# like NAME TEXT EXTENDED-REGEX (one line of the text must match)
like() {
  if printf '%s\n' "$2" | grep -Eq -- "$3"; then pass "$1"; else fail "$1" "'$2' does not match /$3/"; fi
}
unlike() {
  if printf '%s\n' "$2" | grep -Eq -- "$3"; then fail "$1" "'$2' matches /$3/"; else pass "$1"; fi
}

# succeeds NAME COMMAND...; exits NAME STATUS COMMAND...: the output goes to $work/out and $work/err, and is shown on failure
succeeds() { name=$1; shift; exits "$name" 0 "$@"; }
exits() {
  name=$1
  expected=$2
  shift 2
  status=0
  "$@" >"$work/out" 2>"$work/err" || status=$?
  if [ "$status" = "$expected" ]; then
    pass "$name"
  else
    fail "$name" "exit status $status, expected $expected"
    sed 's/^/  out: /' "$work/out"
    sed 's/^/  err: /' "$work/err"
  fi
}

# eventually COMMAND...: true as soon as the command is (asked for at most ten seconds)
eventually() {
  for _ in $(seq 200); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.05
  done
  return 1
}

# busybox_root DIRECTORY: a root file system with busybox under all its names
busybox_root() {
  mkdir -p "$1/bin" "$1/proc" "$1/sys" "$1/dev" "$1/etc" "$1/tmp" "$1/run" "$1/root" "$1/var/tmp"
  cp "$(command -v busybox)" "$1/bin/busybox"
  for applet in $("$1/bin/busybox" --list); do
    [ -e "$1/bin/$applet" ] || ln "$1/bin/busybox" "$1/bin/$applet"
  done
  echo root:x:0:0:root:/root:/bin/sh >"$1/etc/passwd"
  echo root:x:0: >"$1/etc/group"
}

# make_bundle DIRECTORY: `hrun spec` over a busybox root, made once and shared by hard links
make_bundle() {
  [ -d "$work/busybox" ] || busybox_root "$work/busybox"
  mkdir -p "$1"
  cp -al "$work/busybox" "$1/rootfs"
  "$HRUN" spec -b "$1" 2>"$work/spec.err" || { cat "$work/spec.err"; fail "hrun spec -b $1"; }
  edit "$1" 'c["process"]["terminal"] = False'
}

# edit BUNDLE 'PYTHON STATEMENTS ABOUT c', for example: edit "$b" 'c["process"]["args"] = ["/bin/id"]'
edit() {
  python3 - "$1/config.json" "$2" <<'PYTHON'
import json, sys
path, statements = sys.argv[1:]
c = json.load(open(path))
exec(statements)
json.dump(c, open(path, "w"))
PYTHON
}

# run_in BUNDLE COMMAND...: the output of one command in a container of that bundle
run_in() {
  bundle=$1
  shift
  python3 -c 'import json, sys
c = json.load(open(sys.argv[1])); c["process"]["args"] = sys.argv[2:]; json.dump(c, open(sys.argv[1], "w"))' \
    "$bundle/config.json" "$@"
  "$HRUN" run -b "$bundle" "t$$-$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')"
}

# What the kernel holds now, one "name count" a line: a test compares before with after.
kernel_counts() {
  echo "processes $(ls -d /proc/[0-9]* | wc -l)"
  # Who removes a directory on the machine takes the mounts on it out of every namespace: mmdebstrap, which makes other tests' trees.
  echo "mounts $(grep -vc '/tmp/mmdebstrap' /proc/self/mountinfo)"
  # Not in $(...) nor in a pipe: the shell's own ends of those are open for as long as nobody can say.
  # From 10 on: where the shell keeps what it redirects.
  ls "/proc/$$/fd" >"$work/descriptors"
  echo "descriptors $(grep -c '^[0-9]$' "$work/descriptors")"
  echo "cgroups $(find /sys/fs/cgroup -type d | wc -l)"
  echo "run-files $(find /run | wc -l)"
  echo "tmp-files $(find /tmp -path /tmp/.isolate -prune -o -print | wc -l)"
}
