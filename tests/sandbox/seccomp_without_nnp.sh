#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Without no_new_privs a filter takes CAP_SYS_ADMIN to load: it is kept until then, and gone when the program runs.
. "$TESTS/lib.sh"
make_bundle "$work/b"
# (not in /tmp: a policy that others could replace is refused)
echo '{"format": 1, "level": "privileged"}' >/run/policy.json

configure() { # CAPABILITIES-OF-THE-PROGRAM DENIED-CALL
  edit "$work/b" '
names = "'"$1"'".split()
c["process"]["user"] = {"uid": 0, "gid": 0}
c["process"]["capabilities"] = {s: names for s in ("bounding", "permitted", "effective")}
c["process"]["noNewPrivileges"] = False
c["process"]["args"] = ["/bin/cat", "/proc/self/status"]
c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["'"$2"'"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0}]}'
}
run() { "$HRUN" --policy /run/policy.json run -b "$work/b" nnp </dev/null 2>&1; }
field() { printf '%s\n' "$status" | sed -n "s/^$1:[[:space:]]*//p"; }

for case in "CAP_KILL:0000000000000020" "CAP_KILL CAP_SYS_ADMIN:0000000000200020"; do
  configure "${case%:*}" mkdirat
  status=$(run); case $status in *CapEff*) ;; *) echo "  it said: $status" ;; esac
  is "${case%:*}: CapEff" "$(field CapEff)" "${case#*:}"
  is "${case%:*}: CapPrm" "$(field CapPrm)" "${case#*:}"
  is "${case%:*}: CapBnd" "$(field CapBnd)" "${case#*:}"
  is "${case%:*}: CapInh" "$(field CapInh)" 0000000000000000
  is "${case%:*}: NoNewPrivs" "$(field NoNewPrivs)" 0
  is "${case%:*}: Seccomp" "$(field Seccomp)" 2
done

# What comes after the filter may not be denied, nor faked: told at create, before anything exists.
for call in capset prctl execve; do
  configure CAP_KILL "$call"
  exits "a filter that fakes $call is refused" 125 "$HRUN" --policy /run/policy.json run -b "$work/b" nnp
  is "what it says about $call" "$(grep -c "does not always allow $call, which hrun makes after loading the filter" "$work/err")" 1
  is "one line about $call" "$(wc -l <"$work/err")" 1
done
configure CAP_KILL execve
edit "$work/b" 'c["process"]["noNewPrivileges"] = True'
exits "with no_new_privs too, a filter that denies execve is refused" 125 "$HRUN" --policy /run/policy.json run -b "$work/b" nnp
configure CAP_KILL capset
edit "$work/b" 'c["process"]["noNewPrivileges"] = True'
status=$(run); case $status in *CapEff*) ;; *) echo "  it said: $status" ;; esac
is "with no_new_privs capset comes before the filter" "$(field CapEff)" 0000000000000020
is "nothing is left" "$("$HRUN" list -q)" ""
finish
