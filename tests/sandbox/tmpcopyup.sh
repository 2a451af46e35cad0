#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tmpcopyup: what the image has at the tmpfs's place is in the tmpfs; an empty directory is fine too.
. "$TESTS/lib.sh"

bundle=$work/bundle
make_bundle "$bundle"
edit "$bundle" 'next(m for m in c["mounts"] if m["destination"] == "/tmp")["options"].append("tmpcopyup")'
is "an empty directory" "$(run_in "$bundle" sh -c 'grep -c " /tmp " /proc/self/mountinfo')" 1
echo precious >"$bundle/rootfs/tmp/file"
is "a file of the image" "$(run_in "$bundle" sh -c 'cat /tmp/file; echo changed >/tmp/other; grep -c " /tmp .*tmpfs" /proc/self/mountinfo')" "precious
1"
is "the image stays as it was" "$(ls "$bundle/rootfs/tmp")" file
head -c 200000 /dev/zero >"$bundle/rootfs/tmp/much"
edit "$bundle" 'next(m for m in c["mounts"] if m["destination"] == "/tmp")["options"][:] = ["nosuid", "noexec", "nodev", "mode=1777", "size=64k", "tmpcopyup"]'
like "more than it takes" "$(run_in "$bundle" true 2>&1)" '`much`.*raise its option size'
finish
