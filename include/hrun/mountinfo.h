/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mountinfo.h - the mounts of our mount namespace (proc_pid_mountinfo(5)).
 */
#ifndef HRUN_MOUNTINFO_H
#define HRUN_MOUNTINFO_H

#include <hrun/pool.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct mountinfo {
	uint64_t id; /* as statx(2) says it: stx_mnt_id */
	dev_t device;
	const char *root;  /* the directory of the file system that is seen; escapes are decoded, as in the path */
	const char *point; /* where */
	const char *type;
	const char *source;  /* what was mounted, as whoever mounted it has called it; escapes are decoded */
	const char *options; /* of the file system, not of the mount */
};

/* Every mount of /proc/self/mountinfo.  0 or negative errno (-EMSGSIZE: it is absurdly long). */
int mountinfo_read(struct pool *pool, struct mountinfo **ret_mounts, size_t *ret_count);

/* One line of it, which is written into; false where it is none. */
bool mountinfo_parse(char *line, struct mountinfo *ret_mount);

#endif
