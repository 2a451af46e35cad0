// SPDX-License-Identifier: Apache-2.0
/*
 * implied.c - directories that no entry of the layer's archive is, but that lead to one.
 *
 * podman makes them 0755 and root's, without attributes.  containerd does so where no layer below has the directory; else it gives
 * it the owner, the mode and the attributes (but trusted.*) that it has in the topmost of these.  Its differ erofs has mkfs.erofs read
 * the archive, which lets everybody write to what is implied at the top: the image never said so.
 */
#include "tree.h"
#include <errno.h>
#include <fcntl.h>
#include <hrun/err.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { IMPLIED_MODE = 0755, LIST_MAX = 4096, VALUE_MAX = 4096 };

#define bad_implied(t, ...) tree_fail((t), EBADMSG, __VA_ARGS__)

/* PATH in the topmost layer below that has it as a directory, for reading; or -ENOENT. */
static int open_lower(const struct tree *t, const char *path)
{
	for (size_t i = 0; i < t->lower_count; i++) {
		int fd = tree_open(t->lowers[i], path, O_RDONLY | O_DIRECTORY, 0);
		if (fd >= 0)
			return fd;
		/* A link or a file in its place: what is below that one was replaced. */
		if (fd != -ENOENT)
			break;
	}
	return -ENOENT;
}

static bool is_copied(const struct tree *t, const char *name)
{
	return tree_serves_xattr(t, name) && !str_starts(name, "trusted.") && !str_equal(name, tree_opaque_name(t));
}

static bool same_value(int fd, int other, const char *name)
{
	char value[VALUE_MAX], same[VALUE_MAX];
	ssize_t size = fgetxattr(fd, name, value, sizeof value);

	return size >= 0 && fgetxattr(other, name, same, sizeof same) == size && memcmp(value, same, (size_t)size) == 0;
}

/* Each attribute of FD that is copied has OTHER as well. */
static int check_attributes(struct tree *t, int fd, int other, const char *path)
{
	char list[LIST_MAX];
	ssize_t size = flistxattr(fd, list, sizeof list);

	if (size < 0)
		return errno == ENOTSUP ? 0 : bad_implied(t, "%.160s: its attributes cannot be read", path);
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(list + at) + 1) {
		if (is_copied(t, list + at) && !same_value(fd, other, list + at))
			return bad_implied(
				t,
				"%.80s: a directory that the image only implies has another attribute than below: %.60s",
				path, list + at);
	}
	return 0;
}

/* No attribute at all, but for the mark that is rest.c's to judge. */
static int check_no_attributes(struct tree *t, int fd, const char *path, bool trusted_only)
{
	char list[LIST_MAX];
	ssize_t size = flistxattr(fd, list, sizeof list);

	if (size < 0)
		return errno == ENOTSUP ? 0 : bad_implied(t, "%.160s: its attributes cannot be read", path);
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(list + at) + 1) {
		if (tree_serves_xattr(t, list + at) && !str_equal(list + at, tree_opaque_name(t)) &&
		    (!trusted_only || str_starts(list + at, "trusted.")))
			return bad_implied(t, "%.100s: a directory that the image only implies has an attribute: %.60s",
					   path, list + at);
	}
	return 0;
}

static int bad_mkfs(struct tree *t, const struct stat *st, const char *path)
{
	return bad_implied(
		t,
		"%.50s: a directory that the image only implies is %04o of %u:%u (mkfs.erofs); unpack it by the "
		"differ walking alone",
		path, st->st_mode & 07777, st->st_uid, st->st_gid);
}

static int check_like(struct tree *t, int fd, int lower, const struct stat *st, const char *path)
{
	struct stat below;

	if (fstat(lower, &below) < 0)
		return bad_implied(t, "%.160s: the layer below cannot be looked at", path);
#ifdef HRUN_MUTANT_COMPARE_IMPLIED
	return 0;
#endif
	bool is_other = st->st_uid != below.st_uid || st->st_gid != below.st_gid || st->st_mode != below.st_mode;
	if (is_other && t->flags & TREE_EROFS)
		return bad_mkfs(t, st, path);
	if (is_other)
		return bad_implied(
			t, "%.110s: a directory that the image only implies is %04o of %u:%u, and below %04o of %u:%u",
			path, st->st_mode & 07777, st->st_uid, st->st_gid, below.st_mode & 07777, below.st_uid,
			below.st_gid);
	TRY(check_no_attributes(t, fd, path, true));
	TRY(check_attributes(t, fd, lower, path));
	return check_attributes(t, lower, fd, path);
}

int tree_check_implied(struct tree *t, int fd, const struct stat *st, const char *path)
{
	autofd int lower = open_lower(t, path);

	if (lower >= 0)
		return check_like(t, fd, lower, st, path);
	bool is_other = st->st_uid != 0 || st->st_gid != 0 || (st->st_mode & 07777) != IMPLIED_MODE;
	if (is_other && t->flags & TREE_EROFS)
		return bad_mkfs(t, st, path);
	if (is_other)
		return bad_implied(t, "%.160s: a directory that the image only implies is not 0755 and root's", path);
	return check_no_attributes(t, fd, path, false);
}
