/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own_stores.c - a store of verified images (image_store.h) among the sources of mounts.
 *
 * It is wherever --store said, perhaps of a hrun that has ended long ago, so it shows by what it is: root's alone, with `new` and
 * entries named after digests.  Whoever writes there chooses what later starts run under a signature that is good.
 */
#include <dirent.h>
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
static bool holds_entries_only(int fd)
{
	DIR *stream = fdopendir(fd);
	bool has_entry = false, has_other = false;

	if (!stream) {
		fd_close(&fd);
		return false;
	}
	for (struct dirent *entry; !has_entry && (entry = readdir(stream));) {
		const char *name = entry->d_name;
		if (is_entry(name, strlen(name)))
			has_entry = true;
		else if (name[0] != '.' && !str_equal(name, "new") && !str_equal(name, "lost+found"))
			has_other = true;
	}
	closedir(stream);
	return has_entry || !has_other;
}

static bool is_store(const char *path)
{
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st, new;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != 0 || st.st_mode & 077)
		return false;
	if (fstatat(fd, "new", &new, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(new.st_mode))
		return false;
	return holds_entries_only(TAKE_FD(fd));
}

bool path_is_in_image_store(const char *real, const struct stat *st)
{
	char above[PATH_MAX];

	if (S_ISDIR(st->st_mode) && st->st_uid == 0 && !(st->st_mode & 077) && is_store(real))
		return true;
	for (const char *name = real; (name = strchr(name, '/'));) {
		size_t length = strcspn(++name, "/");
		if (!is_entry(name, length) && !(length == 3 && str_starts(name, "new")))
			continue;
		if (str_format(above, sizeof above, "%.*s", (int)(name - real), real) > 0 && is_store(above))
			return true;
	}
	return false;
}
