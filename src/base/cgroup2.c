/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup2.c - the whole hierarchy, or the part of it that a hybrid host mounts beside cgroup v1.
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/cgroup2.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
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

int cgroup2_own_path(char *ret_path, size_t size)
{
	char text[2 * PATH_MAX];
	autofd int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, text, sizeof text - 1);

	text[n < 0 ? 0 : n] = '\0';
	/* Hybrid hosts have a line for each cgroup v1 hierarchy as well. */
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (str_starts(line, "0::/") && !path_has_dotdot(line + 3) &&
		    str_format(ret_path, size, "%s", line + 3) >= 0)
			return 0;
	}
	return -ENOENT;
}
