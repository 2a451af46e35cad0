#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo.sh HRUN: a container from nothing: a root file system, a bundle, what hrun decides about it, and what the kernel says inside.
set -eu

hrun=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bundle=$work/bundle

step() { printf '\n== %s\n' "$1"; }

if [ "$(id -u)" != 0 ]; then
  echo "the demo starts a container with namespaces of root: sudo make demo" >&2
  exit 1
fi
chmod 755 "$work"

step "a root file system: busybox under each of its names"
mkdir -p "$bundle/rootfs"
cd "$bundle/rootfs"
mkdir bin dev etc proc root run sys tmp var
cp "$(command -v busybox)" bin/busybox
for applet in $(bin/busybox --list); do [ -e "bin/$applet" ] || ln bin/busybox "bin/$applet"; done
echo 'root:x:0:0:root:/root:/bin/sh' >etc/passwd
cd "$bundle"
echo "$(ls rootfs/bin | wc -l) programs in $(du -sh rootfs | cut -f1)"

step "its config.json: hrun spec"
"$hrun" spec -b "$bundle"
cat >rootfs/show.sh <<'INSIDE'
echo "user        $(id -u):$(id -g)   (the kernel: $(grep ^Uid: /proc/self/status | tr '\t' ' '))"
grep -E '^(Cap...|NoNewPrivs|Seccomp):' /proc/self/status
echo "namespaces  $(ls -l /proc/self/ns | sed -n 's/.*-> //p' | tr '\n' ' ')"
echo "hostname    $(hostname)"
echo "processes   $(ls -d /proc/[0-9]* | wc -l), this shell is pid $$"
echo "network     $(ls /sys/class/net 2>/dev/null | tr '\n' ' ')"
if touch /written 2>/tmp/why; then echo "the root is WRITABLE"; else echo "root        a write fails: $(cat /tmp/why)"; fi
if mount -t tmpfs none /tmp 2>/tmp/why; then echo "mount WORKS"; else echo "mount(2)    $(cat /tmp/why)"; fi
echo "mounts:"
while read -r _ _ _ _ path options rest; do echo "  $path  $options  ${rest##*- }"; done </proc/self/mountinfo
INSIDE
chmod 755 rootfs/show.sh
# Nothing but the command is changed; sed, since the demo needs no JSON tool on the machine.
tr -d '\n' <config.json | sed 's|"args": *\[[^]]*\]|"args": ["/bin/sh", "/show.sh"]|; s|"terminal": *true|"terminal": false|' >config.new
mv config.new config.json
grep -q show.sh config.json || { echo "hrun spec wrote no process.args" >&2; exit 1; }

step "what hrun would do: hrun plan (no root needed, nothing is changed)"
"$hrun" plan "$bundle/"

step "what the kernel says inside: hrun run"
"$hrun" run "$bundle/"

step "nothing is left"
left=$("$hrun" list -q)
[ -z "$left" ] || { echo "still there: $left" >&2; exit 1; }
echo "hrun list is empty; the demo worked"
