#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Options that other runtimes have: which ones hrun takes, which do nothing, and which are refused.
. "$TESTS/lib.sh"

bundle=$work/bundle
make_bundle "$bundle"
edit "$bundle" 'c["process"]["args"] = ["sh", "-c", "echo ran"]'
for words in "--rootless true" --rootless=auto "--criu /x" "--log-level error" "--log-format json" "--cgroup-manager cgroupfs"; do
  exits "taken: $words" 0 "$HRUN" $words run -b "$bundle" taken
  is "$words: the program ran" "$(cat "$work/out")" ran
done
exits "--log-level debug" 0 "$HRUN" --log-level debug run -b "$bundle" taken
like "is --debug" "$(cat "$work/err")" "^debug: "
exits "another config" 1 "$HRUN" create -f other.json -b "$bundle" other
cp "$bundle/config.json" "$bundle/other.json"
exits "another config that is there" 0 "$HRUN" run -f other.json -b "$bundle" other

exits "--systemd-cgroup where there is no systemd" 1 "$HRUN" --systemd-cgroup create -b "$bundle" s
like "names what to do" "$(cat "$work/err")" "systemd does not listen at .*; use --cgroup-manager cgroupfs"
exits "--cgroup-manager systemd" 1 "$HRUN" --cgroup-manager systemd create -b "$bundle" s
like "--cgroup-manager systemd: the same" "$(cat "$work/err")" "systemd does not listen at .*; use --cgroup-manager cgroupfs"
exits "--systemd-cgroup where no cgroup is made" 0 "$HRUN" --systemd-cgroup list -q
is "nothing was made" "$(cat "$work/out")" ""
exits "--log journald:" 1 env -C "$work" "$HRUN" --log journald:x list
exits "--log syslog:" 1 env -C "$work" "$HRUN" --log syslog:x list
exits "mounts" 1 "$HRUN" mounts add x
like "is no command" "$(cat "$work/err")" "unknown command"
for words in "kill --regex x" "delete --regex x"; do
  exits "$words" 1 "$HRUN" $words
  like "$words: no such option" "$(cat "$work/err")" "unknown option"
done
for row in "run 1" "create 1" "exec 255" "delete 1"; do
  verb=${row% *}
  exits "$verb --no-such" ${row#* } "$HRUN" $verb --no-such
  like "$verb --no-such: one line" "$(cat "$work/err")" "^unknown option \`--no-such\`; see --help$"
done
exits "spec without a directory" 1 "$HRUN" spec -b "$work/nowhere"
like "says what to do" "$(cat "$work/err")" "nowhere: No such file or directory; make it first$"
exits "version" 0 "$HRUN" version
is "is --version" "$(cat "$work/out")" "$("$HRUN" --version)"
exits "help" 0 "$HRUN" help kill
is "is --help" "$(cat "$work/out")" "$("$HRUN" kill --help)"
finish
