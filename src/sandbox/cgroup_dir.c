/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_dir.c - open and read below a cgroup's descriptor, and nowhere else.
 */
#include <fcntl.h>
#include <hrun/cgroup_dir.h>
#include <hrun/fd.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

bool cgroup_dir_is_parent(int dir, const char *path)
{
	autofd int fd = cgroup_dir_open(dir, path, O_PATH);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_mode & S_ISVTX;
}

ssize_t cgroup_dir_read(int dir, const char *file, char *buffer, size_t size)
{
	autofd int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	ssize_t n = fd_read_kernel(fd, buffer, size - 1);
	buffer[n < 0 ? 0 : n] = '\0';
	return n;
}
