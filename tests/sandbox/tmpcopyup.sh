#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tmpcopyup: fine where the image's directory is empty; where it is not, an error and never an empty tmpfs in its place.
. "$TESTS/lib.sh"

bundle=$work/bundle
make_bundle "$bundle"
edit "$bundle" 'next(m for m in c["mounts"] if m["destination"] == "/tmp")["options"].append("tmpcopyup")'
is "an empty directory" "$(run_in "$bundle" sh -c 'grep -c " /tmp " /proc/self/mountinfo')" 1
echo precious >"$bundle/rootfs/tmp/file"
exits "a directory with a file in it is refused" 125 run_in "$bundle" sh -c 'ls /tmp'
like "the error says what is not built" "$(cat "$work/err")" '^mounts\[7\]: mount tmpfs on `/tmp`: tmpcopyup: the directory is not empty'
finish
