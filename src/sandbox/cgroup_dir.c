/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_dir.c - open and read below a cgroup's descriptor, and nowhere else.
 */
#include <fcntl.h>
#include <hrun/cgroup_dir.h>
#include <hrun/fd.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

int cgroup_dir_open(int dir, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)(flags | O_DIRECTORY | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);

	return fd < 0 ? -errno : fd;
}

#define MARK "trusted.hrun"

void cgroup_dir_mark(int dir, const char *name)
{
	autofd int fd = cgroup_dir_open(dir, name, O_RDONLY);

	if (fd >= 0)
		fsetxattr(fd, MARK, "", 0, 0);
}

bool cgroup_dir_is_marked(int dir, const char *path)
{
	autofd int fd = cgroup_dir_open(dir, path, O_RDONLY);

	return fd >= 0 && fgetxattr(fd, MARK, NULL, 0) >= 0;
}

ssize_t cgroup_dir_read(int dir, const char *file, char *buffer, size_t size)
{
	autofd int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	ssize_t n = fd_read_all(fd, buffer, size - 1);
	buffer[n < 0 ? 0 : n] = '\0';
	return n;
}
