/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_open.h - opening a file that only the right people could have written.
 */
#ifndef HRUN_POLICY_OPEN_H
#define HRUN_POLICY_OPEN_H

#include <hrun/err.h>
#include <hrun/policy.h>
#include <hrun/pool.h>
#include <stdbool.h>

/*
 * An owned descriptor of the absolute, clean PATH, for reading.  It and every directory above belong to the host's root
 * (POLICY_OWNER_OR_CALLER: or to the caller) and are writable by nobody else; none is a symbolic link.  POLICY_OWNER_ANY
 * asks for nothing but that it can be opened.  -ENOENT where something is missing.
 */
int policy_open(struct pool *pool, const char *path, enum policy_owner owner, struct err *e);

/* The same and its bytes: a regular file of at most MAX_SIZE bytes. */
int policy_open_bytes(struct pool *pool, const char *path, enum policy_owner owner, size_t max_size, char **ret_bytes,
		      size_t *ret_size, struct err *e);
/*
 * The same walk to a directory, which is made (mode 0700) with those above it where it is missing.  WHAT is the first word
 * of every error.  OWNER is not POLICY_OWNER_ANY.
 */
int policy_open_directory(struct pool *pool, const char *what, const char *path, enum policy_owner owner,
			  struct err *e);

/* FILE as an absolute, clean path, below DIRECTORY (NULL: the working directory) where it is relative. */
const char *policy_absolute(struct pool *pool, const char *directory, const char *file);

/*
 * Is the caller root of this machine: the host's uid 0, or that of a machine of its own (proc_in_own_machine)?  In any other user
 * namespace nobody is, since it calls any uid 0, and neither where /proc/self/uid_map cannot be read.
 */
bool policy_caller_is_root(void);

#endif
