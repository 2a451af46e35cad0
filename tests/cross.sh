#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# cross.sh: builds for aarch64 with Debian's cross compiler in a Debian 13 tree of its own, and runs the unit tests that ask nothing of
# the kernel under qemu-user.  KEEP=1 keeps build/cross-tree.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
[ "$(id -u)" = 0 ] || { echo "a tree of its own needs root: sudo tests/cross.sh" >&2; exit 77; }
tests/dependencies.sh build test
make --no-print-directory build/tests/isolate
tree=$top/build/cross-tree
rm -rf "$tree"
mkdir -p "$tree"
tarball=$(tests/tree.sh trixie gcc,libc6-dev,make,pkg-config,libseccomp-dev,libcap-dev,libyajl-dev,libssl-dev,zlib1g-dev,libzstd-dev,libsystemd-dev,gcc-aarch64-linux-gnu,qemu-user)
tar -xf "$tarball" -C "$tree" --exclude='./dev/*'
cat /etc/resolv.conf >"$tree/etc/resolv.conf"
cat /etc/hosts >"$tree/etc/hosts"
printf 'Acquire::Check-Valid-Until "false";\nAcquire::Check-Date "false";\nAPT::Sandbox::User "root";\n' >"$tree/etc/apt/apt.conf.d/99test"

in_tree() {
  "$top/build/tests/isolate" --keep-net --root "$tree" -- env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS sh -c "$1" </dev/null
}

in_tree 'dpkg --add-architecture arm64 && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
  --no-install-recommends libc6-dev:arm64 libseccomp-dev:arm64 libcap-dev:arm64 libyajl-dev:arm64 libssl-dev:arm64 zlib1g-dev:arm64 libzstd-dev:arm64 libsystemd-dev:arm64' >build/cross.log 2>&1 ||
  { tail -n 20 build/cross.log; exit 1; }
in_tree 'make -j2 BUILD=build-aarch64 CC=aarch64-linux-gnu-gcc HOSTCC=gcc \
  PKG_CONFIG="env PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig pkg-config" test-programs' >build/cross.log 2>&1 ||
  { tail -n 40 build/cross.log; exit 1; }
# Left out is what qemu-user cannot do: seccomp(2), by which libseccomp asks what the kernel has, and the ioctls of namespaces; and
# plan_golden, which starts itself again.
in_tree 'passed=0; failed=0
run() {
  status=0
  timeout 300 qemu-aarch64 "$@" >/tmp/output 2>&1 || status=$?
  if [ "$status" = 0 ]; then passed=$((passed + 1)); echo "ok     - $1"
  else failed=$((failed + 1)); echo "not ok - $1: exit status $status"; tail -n 15 /tmp/output | sed "s/^/    /"; fi
}
run build-aarch64/hrun --version
for source in tests/unit/*.c; do
  name=$(basename "$source" .c)
  case $name in *_kernel | proc | corpus | plan_golden | plan_refuse | seccomp_compile | seccomp_plan) ;; *) run "build-aarch64/tests/unit/$name" ;; esac
done
for source in tests/fuzz/fuzz_*.c; do
  name=$(basename "$source" .c)
  run "build-aarch64/tests/fuzz/replay_${name#fuzz_}" "tests/fuzz/corpus/${name#fuzz_}"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]'
[ -n "${KEEP:-}" ] || rm -rf "$tree"
