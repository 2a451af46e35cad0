#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# chroot.sh [RELEASE...]: both commands of README.md from a fresh clone in a fresh Debian (bookworm and trixie by default) that has
# nothing but git, make and apt.  The tree is entered with pivot_root by tests/isolate, with its own proc, sys and dev.
# KEEP=1 keeps build/chroot-RELEASE; COMMANDS="demo" runs less.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
[ "$(id -u)" = 0 ] || { echo "a chroot needs root: sudo tests/chroot.sh" >&2; exit 77; }
tests/dependencies.sh build test
make --no-print-directory build/tests/isolate
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)
passed=0
failed=0
summary=

result() {
  summary="$summary$1 - $2
"
  if [ "$1" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

in_tree() {
  (cd / && exec "$top/build/tests/isolate" --keep-net --root "$tree" -- env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS sh -c "$1") </dev/null
}

for release in ${*:-bookworm trixie}; do
  tree=$top/build/chroot-$release
  rm -rf "$tree"
  mkdir -p "$tree"
  tarball=$(tests/tree.sh "$release" apt,git,make,ca-certificates) || { result "not ok" "$release: the tree"; continue; }
  tar -xf "$tarball" -C "$tree" --exclude='./dev/*'
  # apt in the tree uses what apt uses here
  cat /etc/resolv.conf >"$tree/etc/resolv.conf"
  cat /etc/hosts >"$tree/etc/hosts"
  rm -f "$tree"/etc/apt/sources.list.d/*
  echo "deb [trusted=yes] $mirror $release main" >"$tree/etc/apt/sources.list"
  printf 'Acquire::Check-Valid-Until "false";\nAcquire::Check-Date "false";\nAPT::Sandbox::User "root";\n' >"$tree/etc/apt/apt.conf.d/99test"
  git clone -q "$top" "$tree/src/hrun"
  for command in ${COMMANDS:-demo check}; do
    echo "== $release: make $command"
    started=$(date +%s)
    log=$top/build/chroot-$release-$(echo "$command" | tr / -).log
    if in_tree "cd /src/hrun && make -j2 $command" >"$log" 2>&1; then kind=ok; else kind="not ok"; fi
    tail -n "$([ "$kind" = ok ] && echo 3 || echo 60)" "$log" | sed 's/^/    /'
    result "$kind" "$release: make $command ($(($(date +%s) - started)) s; $log)"
  done
  [ -n "${KEEP:-}" ] || rm -rf "$tree"
done
printf '%s' "$summary"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
