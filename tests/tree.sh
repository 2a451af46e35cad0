#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tree.sh SUITE PACKAGE,PACKAGE,...: prints the path of a tarball of a Debian root file system with these packages.
# It is made once with mmdebstrap from the mirror that apt uses here, then kept in /var/cache/hrun-tests.
set -eu

suite=$1
packages=$2
[ "$suite" != here ] || suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
cache=${HRUN_TEST_CACHE:-/var/cache/hrun-tests}
key=$(printf '%s\n' "$suite" "$packages" 1 | sha256sum | cut -c1-12)
tarball=$cache/$suite-$key.tar

if [ ! -s "$tarball" ]; then
  command -v mmdebstrap >/dev/null || { echo "mmdebstrap is missing: apt-get install mmdebstrap" >&2; exit 77; }
  mirror() { apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1; }
  mirror=$(mirror)
  [ -n "$mirror" ] || { apt-get update -qq >&2 || exit 77; mirror=$(mirror); }
  [ -n "$mirror" ] || { echo "apt has no package lists here: run apt-get update" >&2; exit 77; }
  mkdir -p "$cache"
  new=$tarball.$$
  trap 'rm -f "$new" "$new.log"' EXIT
  # Trust is not the point of a test's root file system, and a snapshot mirror's lists may be past their date.
  if ! mmdebstrap --quiet --mode=root --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
    --aptopt='APT::Sandbox::User "root"' \
    ${packages:+--include="$packages"} "$suite" "$new.tar" "deb [trusted=yes] $mirror $suite main" >"$new.log" 2>&1; then
    tail -n 15 "$new.log" >&2
    rm -f "$new.tar"
    echo "mmdebstrap of $suite failed" >&2
    exit 1
  fi
  mv "$new.tar" "$tarball"
fi
echo "$tarball"
