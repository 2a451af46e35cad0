/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copyup.c - option tmpcopyup: a tmpfs begins with what the image has at its place.
 *
 * The tree below the target belongs to the image.  It is read by descriptor, never through a link, no deeper than
 * MAX_DEPTH, and written into a tmpfs that nobody can reach yet; the tmpfs's own size bounds how much.
 */
#include <dirent.h>
#include <fcntl.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { MAX_DEPTH = 64, LISTING = 2048, ATTRIBUTE_SIZE = 4096 };

/* getdents64(2) */
struct entry {
	ino64_t inode;
	off64_t offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

static int copy_tree(int from, int to, int depth, struct err *e);

static int copy_attributes(int from, int to, struct err *e)
{
	char names[ATTRIBUTE_SIZE], value[ATTRIBUTE_SIZE];
	ssize_t size = flistxattr(from, names, sizeof names);

	if (size < 0)
		return errno == ENOTSUP ? 0 : err_errno(e, "list extended attributes");
	for (char *name = names; name < names + size; name += strlen(name) + 1) {
		ssize_t n = fgetxattr(from, name, value, sizeof value);
		if (n < 0)
			return err_errno(e, "read extended attribute `%s`", name);
		/* A tmpfs keeps security.* and trusted.*, and user.* since Linux 6.6; the rest cannot be kept. */
		if (fsetxattr(to, name, value, (size_t)n, 0) < 0 && errno != ENOTSUP)
			return err_errno(e, "set extended attribute `%s`", name);
	}
	return 0;
}

/* Owner first: chown(2) clears setuid bits and capabilities. */
static int copy_metadata(int from, int to, const struct stat *st, struct err *e)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (fchown(to, st->st_uid, st->st_gid) < 0)
		return err_errno(e, "set owner");
	if (fchmod(to, st->st_mode & 07777) < 0)
		return err_errno(e, "set mode");
	TRY(copy_attributes(from, to, e));
	return futimens(to, times) < 0 ? err_errno(e, "set times") : 0;
}

static int copy_contents(int from, int to, off_t size, struct err *e)
{
	while (size > 0) {
		ssize_t n = sendfile(to, from, NULL, (size_t)size);
		if (n < 0)
			return err_errno(e, "copy");
		if (n == 0)
			break;
		size -= n;
	}
	return 0;
}

static int copy_file(int from, const char *name, int to, const struct stat *st, struct err *e)
{
	autofd int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (in < 0)
		return err_errno(e, "open");
	autofd int out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return err_errno(e, "make");
	TRY(copy_contents(in, out, st->st_size, e));
	return copy_metadata(in, out, st, e);
}

static int copy_directory(int from, const char *name, int to, const struct stat *st, int depth, struct err *e)
{
	autofd int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (in < 0)
		return err_errno(e, "open");
	if (mkdirat(to, name, 0700) < 0)
		return err_errno(e, "make");
	autofd int out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return err_errno(e, "open");
	TRY(copy_tree(in, out, depth + 1, e));
	return copy_metadata(in, out, st, e);
}

static int copy_link(int from, const char *name, int to, const struct stat *st, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof target - 1);

	if (n < 0)
		return err_errno(e, "read the link");
	target[n] = '\0';
	if (symlinkat(target, to, name) < 0)
		return err_errno(e, "make the link");
	return fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ? err_errno(e, "set owner") : 0;
}

/* Devices, pipes, sockets. */
static int copy_node(const char *name, int to, const struct stat *st, struct err *e)
{
	if (mknodat(to, name, st->st_mode, st->st_rdev) < 0)
		return err_errno(e, "make");
	return fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ? err_errno(e, "set owner") : 0;
}

static int copy_entry(int from, const char *name, int to, int depth, struct err *e)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, "stat");
	if (S_ISDIR(st.st_mode))
		return copy_directory(from, name, to, &st, depth, e);
	if (S_ISREG(st.st_mode))
		return copy_file(from, name, to, &st, e);
	if (S_ISLNK(st.st_mode))
		return copy_link(from, name, to, &st, e);
	return copy_node(name, to, &st, e);
}

static int copy_listing(int from, int to, const char *listing, long size, int depth, struct err *e)
{
	for (long at = 0; at < size;) {
		const struct entry *entry = (const struct entry *)(const void *)(listing + at);
		struct err why;
		at += entry->length;
		if (str_equal(entry->name, ".") || str_equal(entry->name, ".."))
			continue;
		int r = copy_entry(from, entry->name, to, depth, &why);
		if (r < 0)
			return err_set(e, -r, "`%s`: %s", entry->name, why.text);
	}
	return 0;
}

static int copy_tree(int from, int to, int depth, struct err *e)
{
	_Alignas(struct entry) char listing[LISTING];
	long size;

	if (depth > MAX_DEPTH)
		return err_set(e, ELOOP, "more than %d directories deep", MAX_DEPTH);
	while ((size = syscall(SYS_getdents64, from, listing, sizeof listing)) > 0)
		TRY(copy_listing(from, to, listing, size, depth, e));
	return size < 0 ? err_errno(e, "list the directory") : 0;
}

int copyup_apply(int target, int tmpfs, struct err *e)
{
	autofd int from = path_open_in_root_with(target, ".", O_RDONLY | O_DIRECTORY, 0, e);
	TRY(from);
	autofd int to = openat(tmpfs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return err_errno(e, "open the new file system");
	struct err why;
	int r = copy_tree(from, to, 0, &why);
	if (r == -ENOSPC)
		return err_set(
			e, ENOSPC,
			"option tmpcopyup: %s; the image has more there than the tmpfs takes: raise its option size "
			"(of an image's volume: 64 MiB; put less there, or run it as a bundle with a mount of your own)",
			why.text);
	return r < 0 ? err_set(e, -r, "option tmpcopyup: %s", why.text) : 0;
}
