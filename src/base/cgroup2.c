/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup2.c - the whole hierarchy, or the part of it that a hybrid host mounts beside cgroup v1.
 */
#include <fcntl.h>
#include <hrun/cgroup2.h>
#include <hrun/fd.h>
#include <linux/magic.h>
#include <stddef.h>
#include <sys/statfs.h>

int cgroup2_open_at(const char *mountpoint)
{
	autofd int fd = open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
		return -1;
	return TAKE_FD(fd);
}

int cgroup2_open(const char **ret_mountpoint)
{
	static const char *const places[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		*ret_mountpoint = places[i];
		int fd = cgroup2_open_at(places[i]);
		if (fd >= 0)
			return fd;
	}
	*ret_mountpoint = places[0];
	return -1;
}
