/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own_stores.c - a store of verified images (image_store.h) among the sources of mounts.
 *
 * It is wherever --store said, perhaps of a hrun that has ended long ago, so it shows by what it is: root's alone, with `new` and
 * entries named after digests.  Whoever writes there chooses what later starts run under a signature that is good.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/mount_sources.h>
#include <hrun/str.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static const char entry_prefix[] = "sha256-";
enum { DIGEST_LENGTH = 64 };

static bool is_entry(const char *name, size_t length)
{
	size_t prefix = sizeof entry_prefix - 1;

	return length == prefix + DIGEST_LENGTH && str_starts(name, entry_prefix) &&
	       strspn(name + prefix, "0123456789abcdef") >= DIGEST_LENGTH;
}

/* An empty one has `new` and nothing else; a file system of its own may have made lost+found. */
static int holds_entries_only(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	bool has_entry = false, has_other = false;
	int r = stream ? 0 : -errno;

	if (!stream) {
		fd_close(&fd);
		return r;
	}
	errno = 0;
	for (struct dirent *entry; !has_entry && (entry = readdir(stream));) {
		const char *name = entry->d_name;
		if (is_entry(name, strlen(name)))
			has_entry = true;
		else if (name[0] != '.' && !str_equal(name, "new") && !str_equal(name, "lost+found"))
			has_other = true;
	}
	r = -errno;
	closedir(stream);
	return has_entry ? 1 : r < 0 ? r : !has_other;
}

/* What is not there, or no directory, is no store; of all else nothing is known. */
static int no_store_or_error(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP ? 0 : -error;
}

static bool may_be_store(const struct stat *st)
{
	return S_ISDIR(st->st_mode) && st->st_uid == 0 && !(st->st_mode & 077);
}

static int is_store(const char *path)
{
	autofd int dir = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st, new;

	if (dir < 0)
		return no_store_or_error(errno);
	if (fstat(dir, &st) < 0)
		return -errno;
	if (!may_be_store(&st))
		return 0;
	if (fstatat(dir, "new", &new, AT_SYMLINK_NOFOLLOW) < 0)
		return no_store_or_error(errno);
	return S_ISDIR(new.st_mode) ? holds_entries_only(dir) : 0;
}

int path_is_in_image_store(const char *real, const struct stat *st)
{
	char above[PATH_MAX];
	int r = !st || may_be_store(st) ? is_store(real) : 0;

#ifdef HRUN_MUTANT_OWN_STORE
	return 0;
#endif
	for (const char *name = real; r == 0 && (name = strchr(name, '/'));) {
		size_t length = strcspn(++name, "/");
		if (!is_entry(name, length) && !(length == 3 && str_starts(name, "new")))
			continue;
		r = str_format(above, sizeof above, "%.*s", (int)(name - real), real);
		if (r >= 0)
			r = is_store(above);
	}
	return r;
}
