/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup2.h - where this host has its cgroup2 hierarchy.
 */
#ifndef HRUN_CGROUP2_H
#define HRUN_CGROUP2_H

#include <stddef.h>

/*
 * An owned O_PATH descriptor of it, or -1; *RET_MOUNTPOINT is its place, the usual one where there is none.
 */
int cgroup2_open(const char **ret_mountpoint);
/* The same for one place. */
int cgroup2_open_at(const char *mountpoint);
/*
 * The path of this process's cgroup in that hierarchy, "/..." (cgroups(7), /proc/PID/cgroup).  0, or -ENOENT where it has none or one
 * that is not below the root of this cgroup namespace.
 */
int cgroup2_own_path(char *ret_path, size_t size);

#endif
