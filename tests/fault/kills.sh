#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# SIGKILL for hrun, or for its init, at the N-th system call: state and list answer, delete --force leaves nothing, the id is free.
# timeout: 1800
. "$TESTS/lib.sh"
. "$TESTS/fault/bundle.sh"
sweep kills
finish
