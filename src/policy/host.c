/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c - groups, id maps and security modules of the machine.
 *
 * The group file is the administrator's, but what else writes to it may be anyone: a line that is none is passed over, a
 * file that is no regular one or too large is an error, and nothing here waits (a FIFO in its place).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/host.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1024 * 1024, GROUPS_SHOWN = 64 };

const struct host_files host_files = {
	.group = "/etc/group",
	.uid_map = "/proc/self/uid_map",
	.gid_map = "/proc/self/gid_map",
	.apparmor_enabled = "/sys/module/apparmor/parameters/enabled",
	.apparmor_profiles = "/sys/kernel/security/apparmor/policy/profiles",
	.selinux_enforce = "/sys/fs/selinux/enforce",
	.selinux_fs = "/sys/fs/selinux",
	.selinux_policies = "/etc/selinux",
	.ask = host_ask,
};

static int open_file(const char *path, struct stat *ret_st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -errno;
	if (fstat(fd, ret_st) == 0 && S_ISREG(ret_st->st_mode))
		return fd;
	fd_close(&fd);
	return -EINVAL;
}

/* Whose members can become root, or read the disks, the memory or the password hashes. */
static bool is_privileged(const char *name, size_t length)
{
	static const char *const names[] = {"disk",	   "kmem",    "shadow", "docker", "lxd",   "incus",
					    "incus-admin", "libvirt", "podman", "crio",	  "wheel", "sudo"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
			return true;
	}
	return false;
}

/* "name:password:gid:members", LENGTH bytes without the newline, which may hold anything. */
static bool read_group(struct pool *pool, const char *line, size_t length, struct host_group *ret_group)
{
	const char *end = line + length, *name_end = memchr(line, ':', length);
	const char *gid = name_end ? memchr(name_end + 1, ':', (size_t)(end - name_end - 1)) : NULL;
	uint64_t number;

	if (!gid || !is_privileged(line, (size_t)(name_end - line)))
		return false;
	gid++;
	const char *gid_end = memchr(gid, ':', (size_t)(end - gid));
	size_t gid_length = (size_t)((gid_end ? gid_end : end) - gid);
	if (str_to_u64(pool_strndup(pool, gid, gid_length), UINT32_MAX - 1, &number) < 0)
		return false;
	ret_group->name = pool_strndup(pool, line, (size_t)(name_end - line));
	ret_group->gid = (uint32_t)number;
	return true;
}

static int read_groups(struct pool *pool, const char *text, size_t size, const struct host_group **ret_groups,
		       size_t *ret_count)
{
	struct host_group *groups = pool_alloc(pool, GROUPS_SHOWN * sizeof *groups), group;
	size_t count = 0;

	for (const char *line = text, *end = text + size; line < end;) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t length = (size_t)((newline ? newline : end) - line);
		if (read_group(pool, line, length, &group)) {
			if (count == GROUPS_SHOWN)
				return -E2BIG;
			groups[count++] = group;
		}
		line += length + 1;
	}
	*ret_groups = groups;
	*ret_count = count;
	return 0;
}

int host_privileged_groups(struct pool *pool, const char *path, const struct host_group **ret_groups, size_t *ret_count)
{
	struct stat st = {0};
	autofd int fd = open_file(path, &st);

	*ret_count = 0;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (st.st_size > FILE_MAX)
		return -EFBIG;
	char *text = pool_alloc(pool, (size_t)st.st_size + 1);
	ssize_t size = fd_read_all(fd, text, (size_t)st.st_size);
	return size < 0 ? (int)size : read_groups(pool, text, (size_t)size, ret_groups, ret_count);
}

int host_id_map(struct pool *pool, const char *path, const struct proc_id_range **ret_ranges, size_t *ret_count)
{
	struct proc_id_range *ranges = pool_alloc(pool, PROC_MAP_LINES * sizeof *ranges);
	char *text = pool_alloc(pool, PROC_MAP_BYTES + 1);
	struct stat st;
	autofd int fd = open_file(path, &st);
	ssize_t size = fd < 0 ? fd : fd_read_all(fd, text, PROC_MAP_BYTES);
	size_t count = 0;

	if (size < 0)
		return (int)size;
	for (char *line = text, *next; *line && count < PROC_MAP_LINES; line = next) {
		next = line + strcspn(line, "\n");
		next += *next == '\n';
		if (!proc_id_range_read(line, &ranges[count++]))
			return -EINVAL;
	}
	*ret_ranges = ranges;
	*ret_count = count;
	return 0;
}

int host_flag(const char *path, char on)
{
	struct stat st;
	char letter = '\0';
	autofd int fd = open_file(path, &st);

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	ssize_t size = fd_read_all(fd, &letter, 1);
	return size < 0 ? (int)size : letter == on;
}

ssize_t host_ask(const char *path, const char *question, char *answer, size_t size)
{
	autofd int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, question, strlen(question));
	if (n != (ssize_t)strlen(question))
		return n < 0 ? -errno : -EIO;
	n = read(fd, answer, size);
	return n < 0 ? -errno : n;
}

int host_has_profile(const char *directory, const char *name)
{
	const size_t length = strlen(name);
	DIR *stream = opendir(directory);
	bool found = false;

	for (struct dirent *entry; stream && !found && (entry = readdir(stream));) {
		const char *number = entry->d_name + length + 1;
		found = str_starts(entry->d_name, name) && entry->d_name[length] == '.' && *number &&
			!number[strspn(number, "0123456789")];
	}
	if (stream)
		closedir(stream);
	return found;
}
