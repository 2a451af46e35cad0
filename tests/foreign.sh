#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# foreign.sh [SUITE...]: the suites of other runtimes with hrun, at level privileged: crun, runc, runtime-tools. Not part of `make check`.
#
# Their sources come from Debian by apt and stay below build/; nothing of them belongs to this repository. Everything runs under tests/isolate
# in a tree of Debian sid. A suite whose source the mirror does not have is skipped. RUNTIME=/usr/bin/runc shows what fails here whatever the
# runtime is; docs/COMPATIBILITY.md says which of the rest hrun fails on purpose. Results: build/foreign/results/.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
[ "$(id -u)" = 0 ] || { echo "needs root" >&2; exit 77; }
make --no-print-directory build/hrun build/tests/isolate
runtime=${RUNTIME:-/usr/local/bin/hrun}
work=$top/build/foreign
tree=$work/tree
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -n 1)

# source_of NAME SUITE PACKAGE: the unpacked upstream tarball in $work/NAME
source_of() {
  [ ! -d "$work/$1" ] || return 0
  apt=$work/apt-$2
  mkdir -p "$apt/lists/partial" "$apt/cache" "$work/download-$1"
  echo "deb-src [trusted=yes] $mirror $2 main" >"$apt/sources.list"
  printf '%s\n' "Dir::State::Lists \"$apt/lists\";" "Dir::Cache \"$apt/cache\";" "Dir::Etc::sourcelist \"$apt/sources.list\";" \
    'Dir::Etc::sourceparts "-";' 'Acquire::Check-Valid-Until "false";' 'APT::Sandbox::User "root";' >"$apt/conf"
  export APT_CONFIG="$apt/conf"
  apt-get update -qq
  (cd "$work/download-$1" && apt-get source -qq --only-source --download-only "$3") || true
  unset APT_CONFIG
  tarball=$(ls "$work/download-$1"/*.orig.tar.* 2>/dev/null | grep -v '\.asc$' | head -n 1)
  [ -n "$tarball" ] || { echo "skip - $1: $2 has no source of it here"; return 1; }
  mkdir "$work/$1"
  tar -xf "$tarball" -C "$work/$1" --strip-components=1
}

in_tree() { (cd / && "$top/build/tests/isolate" --root "$tree" -- "$@"); }

prepare() {
  [ ! -d "$tree" ] || return 0
  tarball=$(tests/tree.sh sid "crun,runc,bats,jq,python3,gcc,libc6-dev,make,busybox-static,golang-go,pkgconf,iproute2,procps,uidmap,file,xz-utils,\
libseccomp-dev,golang-github-opencontainers-runtime-tools-dev,golang-github-google-uuid-dev,golang-github-urfave-cli-dev,\
golang-github-containerd-console-dev,golang-github-sirupsen-logrus-dev,golang-github-opencontainers-cgroups-dev,golang-github-moby-sys-dev,\
golang-github-seccomp-libseccomp-golang-dev,golang-github-mrunalp-fileutils-dev")
  mkdir -p "$tree"
  tar -xf "$tarball" -C "$tree" --exclude='./dev/*'
  mkdir -p "$tree/etc/hrun" "$tree/out"
  echo '{"format": 1, "level": "privileged"}' >"$tree/etc/hrun/policy.json"
}

suite_crun() {
  source_of crun bookworm crun || return 0
  rm -rf "$tree/crun" && cp -a "$work/crun" "$tree/crun"
  in_tree sh -c '
    cd /crun
    printf "#define HAVE_LINUX_IOPRIO_H 1\n#define HAVE_SECCOMP 1\n#define HAVE_ERROR_H 1\n" >tests/config.h
    gcc -O1 -static -Itests -o tests/init tests/init.c
    export OCI_RUNTIME=$1 INIT=/crun/tests/init HOME=/root
    for test in tests/test_*.py; do
      timeout 120 python3 "$test" >"/out/crun-$(basename "$test" .py).tap" 2>&1 </dev/null
    done' sh "$runtime"
}

# Bats tests want a terminal; runc writes their bundles, since its `spec` is what they edit.
suite_runc() {
  source_of runc sid runc || return 0
  go=$tree/go/src/github.com/opencontainers
  rm -rf "$go/runc" && mkdir -p "$go" && cp -a "$work/runc" "$go/runc"
  cat >"$tree/usr/local/bin/as-runc" <<EOF
#!/bin/bash
verb= detach=
for a in "\$@"; do
  case \$a in
  spec) [ "\$verb" ] || exec /usr/bin/runc "\$@" ;;
  create|run|exec|start|state|kill|delete|list|ps|pause|resume|update|events|features) : \${verb:=\$a} ;;
  -d|--detach) detach=1 ;;
  esac
done
case \$verb\$detach in
run|exec) $runtime "\$@" | sed 's/\r\$//'; exit \${PIPESTATUS[0]} ;;
esac
exec $runtime "\$@"
EOF
  chmod 755 "$tree/usr/local/bin/as-runc"
  in_tree script -qec 'sh -c "
    export GOPATH=/go:/usr/share/gocode GO111MODULE=off GOCACHE=/go/cache HOME=/root RUNC=/usr/local/bin/as-runc TMPDIR=/tmp
    cd /go/src/github.com/opencontainers/runc && mkdir -p tests/cmd/_bin
    for b in tests/cmd/[a-z]*/; do go build -tags seccomp -o tests/cmd/_bin ./\$b; done
    cd tests/integration && mkdir -p /tmp/bb/bin /tmp/bb/etc /tmp/bb/tmp
    cp /bin/busybox /tmp/bb/bin && for n in \$(busybox --list | grep -vx busybox); do ln -f /tmp/bb/bin/busybox /tmp/bb/bin/\$n; done
    echo root:x:0:0:root:/root:/bin/sh >/tmp/bb/etc/passwd
    for image in busybox debian; do tar -C /tmp/bb -cf testdata/\$image-amd64.tar.xz .; done
    for t in *.bats; do timeout --foreground 300 bats --tap \$t >/out/runc-\${t%.bats}.tap 2>&1 </dev/null; done"' /dev/null || true
}

# Its library for TAP is no Debian package, so tests/foreign/tap.go takes its place; Debian's SELinux library has moved one function.
suite_runtime_tools() {
  source_of runtime-tools sid golang-github-opencontainers-runtime-tools || return 0
  go=$tree/go/src/github.com/opencontainers
  rm -rf "$go/runtime-tools" && mkdir -p "$go" && cp -a "$work/runtime-tools" "$go/runtime-tools"
  mkdir -p "$tree/go/src/github.com/mndrix/tap-go" && cp tests/foreign/tap.go "$tree/go/src/github.com/mndrix/tap-go"
  sed -i 's/label\.FileLabel(/selinux.FileLabel(/; s#go-selinux/label"#go-selinux"#' "$go/runtime-tools/cmd/runtimetest/main.go"
  in_tree sh -c '
    export GOPATH=/go:/usr/share/gocode GO111MODULE=off GOCACHE=/go/cache HOME=/root RUNTIME=$1
    cd /go/src/github.com/opencontainers/runtime-tools
    CGO_ENABLED=0 go build -o runtimetest ./cmd/runtimetest || exit 0
    for t in validation/*/; do
      n=$(basename "$t")
      [ "$n" = util ] || { go build -o "$t/$n.t" "./$t" && timeout 60 "$t/$n.t" >"/out/runtime-tools-$n.tap" 2>&1 </dev/null; }
    done' sh "$runtime" || true
}

prepare
cp "build/hrun" "$tree/usr/local/bin/hrun"
rm -f "$tree"/out/*
for suite in ${*:-crun runc runtime_tools}; do
  suite_"$suite"
  if ls "$tree/out/$suite"*.tap >/dev/null 2>&1 || ls "$tree"/out/runtime-tools*.tap >/dev/null 2>&1; then
    cat "$tree"/out/*.tap | awk -v suite="$suite" '/^ok.*# ?(skip|SKIP)/ {skip++; next} /^ok/ {ok++} /^not ok/ {bad++}
      END {printf "%s: %d passed, %d failed, %d skipped\n", suite, ok, bad, skip}'
    mkdir -p "$work/results/$suite" && mv "$tree"/out/*.tap "$work/results/$suite"
  else
    echo "skip - $suite: could not be built here"
  fi
done
