# SPDX-License-Identifier: Apache-2.0
# bundle.sh - sourced by the scripts here, after lib.sh: the bundles that are swept.

# two_bundles DIRECTORY: DIRECTORY/wait runs until it is killed, DIRECTORY/end ends with 7
two_bundles() {
  mkdir -p "$1"
  make_bundle "$1/wait"
  make_bundle "$1/end"
  edit "$1/wait" 'c["process"]["args"] = ["/bin/sleep", "1000"]'
  edit "$1/end" 'c["process"]["args"] = ["/bin/sh", "-c", "read x; exit 7"]'
}

# enrich BUNDLE: what the plain one does not have, so that its calls are swept as well
enrich() {
  mkdir -p "$work/source" "$1/rootfs/mnt"
  chmod 755 "$work"
  edit "$1" '
hook = {"path": "/bin/true", "args": ["true"]}
c["hooks"] = {kind: [hook] for kind in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")}
c["linux"]["namespaces"].append({"type": "user"})
c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "network"] + [{"type": "network", "path": "/proc/'"$network"'/ns/net"}]
c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
c["linux"]["sysctl"] = {"kernel.shm_rmid_forced": "1"}
c["process"]["oomScoreAdj"] = 100
c["mounts"].append({"destination": "/mnt", "type": "bind", "source": "'"$work/source"'", "options": ["bind", "ro"]})
'
}

# warm BUNDLES: what the first container makes for good (mount points in the root, the state root, the filter cache) is no leftover
warm() {
  "$HRUN" create -b "$1/wait" warm >"$work/warm" 2>&1 </dev/null && "$HRUN" start warm && "$HRUN" delete --force warm &&
    "$HRUN" run -b "$1/end" warm >"$work/warm" 2>&1 </dev/null
  [ $? = 7 ] || fail "the bundle $1 runs" "$(cat "$work/warm")"
}

# sweep errors|kills: every FAULT_STEP-th call, from a first one that differs from verb to verb; all of them with FAULT_STEP=1
sweep() {
  two_bundles "$work/plain"
  warm "$work/plain"
  two_bundles "$work/rich"
  unshare --net sleep 100000 &
  network=$!
  other_network() { [ "$(readlink "/proc/$network/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
  eventually other_network
  enrich "$work/rich/wait"
  enrich "$work/rich/end"
  warm "$work/rich"
  for name in plain rich; do
    python3 "$TESTS/fault/sweep.py" "$1" --step "${FAULT_STEP:-16}" --name "$name" "$work/$name" || failures=$((failures + 1))
  done
  kill "$network"
}
