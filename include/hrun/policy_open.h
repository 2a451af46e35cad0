/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_open.h - opening a file that only the right people could have written.
 */
#ifndef HRUN_POLICY_OPEN_H
#define HRUN_POLICY_OPEN_H

#include <hrun/err.h>
#include <hrun/pool.h>
#include <stdbool.h>

/*
 * An owned descriptor of the absolute, clean PATH.  It and every directory above belong to the host's root (OR_CALLERS:
 * or to the caller) and are writable by nobody else; none is a symbolic link.  -ENOENT where something is missing.
 */
int policy_open(struct pool *pool, const char *path, bool or_callers, struct err *e);

/*
 * Is the caller the host's uid 0?  Where host 0 is not in /proc/self/uid_map nobody is, and neither where that cannot
 * be read, nor in a user namespace whose map is not the whole one: an inner namespace calls any uid 0.
 */
bool policy_caller_is_root(void);

#endif
