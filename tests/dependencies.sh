#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dependencies.sh GROUP...: makes sure that the Debian packages of these groups are installed: build, demo, test, machine.
# Nothing is asked of the network when they are all there; who is not root is told what is missing.
set -eu

build="gcc libc6-dev make pkg-config libseccomp-dev libcap-dev libyajl-dev libssl-dev zlib1g-dev libzstd-dev libsystemd-dev"
demo="busybox-static"
test="busybox-static erofs-utils zstd uidmap openssl python3 python3-jsonschema git procps iproute2 strace mmdebstrap mandoc universal-ctags clang-format clang-tidy cppcheck"
machine="qemu-system-x86 qemu-utils e2fsprogs openssh-client zstd mmdebstrap"

missing=
for group in "$@"; do
  eval "packages=\$$group"
  for package in $packages; do
    case $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) in
    ii*) ;;
    *) case " $missing " in *" $package "*) ;; *) missing="$missing $package" ;; esac ;;
    esac
  done
done
# pkgconf took pkg-config's place in Debian 13, and provides it.
if command -v pkg-config >/dev/null; then
  missing=$(echo "$missing " | sed 's/ pkg-config / /; s/ *$//')
fi
[ -n "${missing# }" ] || exit 0
if [ "$(id -u)" != 0 ]; then
  echo "hrun: missing packages: apt-get install$missing" >&2
  exit 1
fi
echo "  APT  $missing"
export DEBIAN_FRONTEND=noninteractive
install() {
  apt-get install -qq -y --no-install-recommends $missing >"$log" 2>&1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install || { apt-get update -qq >"$log" 2>&1 && install; } || { tail -n 20 "$log" >&2; exit 1; }
