#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Golden tests: NAME/config.json -> NAME/plan.txt (and plan.json), bad/NAME/config.json -> bad/NAME/error.txt.
# check/NAME.LEVEL/config.json -> text.txt, json.txt, sarif.txt.  Needs no root.  HRUN names the program; --update writes the expected files from what it says.
#
# What depends on the machine is taken out before comparing: the bundle's path, the cgroup chapter and the size of
# the filter (steps are numbered after that, and the numbers are checked to be 1..n).
set -u
: "${HRUN:=build/hrun}"
HRUN=$(realpath "$HRUN") || exit 1
cd "$(dirname "$0")" || exit 1
update='' library=''
for argument; do
	test "$argument" = --update && update=1
	test "$argument" = --library && library=1 # only what the library alone can do: plans
done
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT INT TERM
passed=0 failed=0

# A copy of the bundle with what git does not keep: the root, and sources to bind.
bundle() {
	rm -rf "$work/bundle"
	mkdir -p "$work/bundle/rootfs/etc" "$work/bundle/data"
	cp "$1/config.json" "$work/bundle/"
	if test -f "$1/passwd"; then cp "$1/passwd" "$work/bundle/rootfs/etc/passwd"; fi
	echo hello >"$work/bundle/file"
}

steady() {
	sed -e "s|$work/bundle|BUNDLE|g" | awk '
		!/^ *[0-9]+ / { print; next }
		{ if ($1 != ++n) print "wrong step number: " $0 }
		$2 == "cgroup" || $2 == "filter" { next }
		{ sub(/^ *[0-9]+ /, "") }
		/BUNDLE/ { gsub(/  +/, "  ") } # the columns depend on the length of the path
		{ print }'
}

pass() {
	echo "ok $1"
	passed=$((passed + 1))
}

fail() {
	echo "not ok $1"
	failed=$((failed + 1))
}

check() { # NAME EXPECTED ACTUAL
	if test -n "$update"; then
		cp "$3" "$2"
	fi
	if diff -u "$2" "$3"; then pass "$1"; else fail "$1"; fi
}

for config in */config.json; do
	name=${config%/config.json}
	bundle "$name"
	if "$HRUN" plan "$work/bundle" >"$work/out" 2>"$work/err"; then
		steady <"$work/out" >"$work/plan"
	else
		cp "$work/err" "$work/plan"
	fi
	check "$name" "$name/plan.txt" "$work/plan"
	if ! "$HRUN" plan --json "$work/bundle" >"$work/out" 2>"$work/err" ||
		{ command -v python3 >/dev/null && ! python3 same.py "$work/out" "$work/bundle" "$name/plan.txt"; }; then
		fail "$name (json)"
	fi
done
for config in bad/*/config.json; do
	name=${config%/config.json}
	bundle "$name"
	"$HRUN" plan "$work/bundle" >"$work/out" 2>"$work/err"
	status=$?
	if test $status -eq 0 || test -s "$work/out"; then
		fail "$name: status $status, and $(wc -l <"$work/out") lines of plan"
		continue
	fi
	# The findings come first; the error is the last line.
	tail -n 1 "$work/err" | sed -e "s|$work/bundle|BUNDLE|g" -e 's/^hrun: //' >"$work/line"
	check "$name" "$name/error.txt" "$work/line"
done
# hrun check, in each format, of a bare config at the level that the directory's name ends with.
for config in check/*/config.json; do
	test -z "$library" || break
	name=${config%/config.json}
	for format in text json sarif; do
		"$HRUN" check --level "${name##*.}" --format $format - <"$config" >"$work/out" 2>"$work/err"
		echo "exit status $?" >>"$work/err"
		sed 's/"version":"[0-9.]*","rules"/"version":"VERSION","rules"/' "$work/out" >"$work/report"
		cat "$work/err" >>"$work/report"
		check "$name ($format)" "$name/$format.txt" "$work/report"
	done
done
echo "golden: $passed passed, $failed failed"
test "$failed" -eq 0 && test "$passed" -gt 0
