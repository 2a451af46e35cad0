# SPDX-License-Identifier: Apache-2.0
# bundle.sh - sourced by the scripts here, after lib.sh: the two bundles that are swept.

# The program ends with 7 when it is told to (run), or waits to be killed.
plain_bundle() {
  make_bundle "$1"
  edit "$1" 'c["process"]["args"] = ["/bin/sh", "-c", "trap : USR1; [ -t 0 ] || exit 7"]'
}
