/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy_up.c - tmpcopyup: what a directory of the image holds, copied into the tmpfs that hides it.
 *
 * The names are the image's: every one is opened from the descriptor of its directory, never through a symbolic
 * link and never into another mount.  Nodes and sockets are not copied: they would not be the same thing.
 */
#include <dirent.h>
#include <fcntl.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { COPY_DEPTH_MAX = 64, CHUNK = 1 << 20 };

static int copy_directory(int from, int to, unsigned int depth, struct err *e);

static int set_owner_and_mode(int fd, const struct stat *st, const char *name, struct err *e)
{
	if (fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0)
		return err_errno(e, "tmpcopyup: set owner and mode of `%s`", name);
	return 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st, struct err *e)
{
	ssize_t n;

	autofd int from =
		path_open_in_root_with(from_dir, name, O_RDONLY | O_NONBLOCK, RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV, e);
	if (from == -EXDEV)
		return 0; /* a mount: it stays where it is, hidden */
	TRY(from);
	autofd int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return err_errno(e, "tmpcopyup: make `%s`", name);
	while ((n = sendfile(to, from, NULL, CHUNK)) != 0) {
		if (n < 0 && errno != EINTR)
			return err_errno(e, "tmpcopyup: copy `%s`", name);
	}
	return set_owner_and_mode(to, st, name, e);
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *st, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, target, sizeof target - 1);

	if (n < 0)
		return err_errno(e, "tmpcopyup: read the link `%s`", name);
	target[n] = '\0';
	if (symlinkat(target, to_dir, name) < 0 ||
	    fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, "tmpcopyup: make the link `%s`", name);
	return 0;
}

static int copy_subdirectory(int from_dir, int to_dir, const char *name, const struct stat *st, unsigned int depth,
			     struct err *e)
{
	if (depth == 0)
		return err_set(e, ELOOP, "tmpcopyup: `%s` is more than %d directories deep", name, COPY_DEPTH_MAX);
	if (mkdirat(to_dir, name, 0700) < 0)
		return err_errno(e, "tmpcopyup: make `%s`", name);
	autofd int to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return err_errno(e, "tmpcopyup: open `%s`", name);
	autofd int from = path_open_in_root_with(from_dir, name, O_RDONLY | O_DIRECTORY,
						 RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV, e);
	if (from != -EXDEV) {
		TRY(from);
		TRY(copy_directory(from, to, depth - 1, e));
	}
	return set_owner_and_mode(to, st, name, e);
}

static int copy_entry(int from, int to, const char *name, unsigned int depth, struct err *e)
{
	struct stat st;

	if (str_equal(name, ".") || str_equal(name, ".."))
		return 0;
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errno(e, "tmpcopyup: stat `%s`", name);
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, name, &st, e);
	if (S_ISLNK(st.st_mode))
		return copy_link(from, to, name, &st, e);
	if (S_ISDIR(st.st_mode))
		return copy_subdirectory(from, to, name, &st, depth, e);
	return 0;
}

/* readdir(3) allocates; the kernel's own records do not. */
static int copy_directory(int from, int to, unsigned int depth, struct err *e)
{
	_Alignas(struct dirent64) char records[2048];

	for (;;) {
		long n = syscall(SYS_getdents64, from, records, sizeof records);
		if (n < 0)
			return err_errno(e, "tmpcopyup: list a directory");
		if (n == 0)
			return 0;
		for (long at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(records + at);
			TRY(copy_entry(from, to, entry->d_name, depth, e));
			at += entry->d_reclen;
		}
	}
}

int copy_up(int target, int mnt, struct err *e)
{
	autofd int from = openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (from < 0)
		return err_errno(e, "tmpcopyup: open the directory");
	autofd int to = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return err_errno(e, "tmpcopyup: open the new file system");
	return copy_directory(from, to, COPY_DEPTH_MAX, e);
}
