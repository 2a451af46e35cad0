// SPDX-License-Identifier: Apache-2.0
/*
 * remove.c - whiteouts, and entries in the place of others.  Every step is a name in an open directory of the tree.
 */
#include "tree.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <hrun/err.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct removal {
	struct tree *t;
	bool lower;
	int depth;
	char path[TREE_PATH_MAX];
};

static int remove_at(struct removal *r, int dir, const char *name);

/* A record without an own entry for a directory makes it plain: so does the end of what lower layers said of it. */
static int make_plain(struct tree *t, const char *path)
{
	static const struct tree_record plain = {.mode = 0755};
	autofd int fd = tree_open(t->root, path, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return fd;
	TRY(tree_clear_xattrs(fd));
	return tree_later(t, path, &plain);
}

static int remove_child(struct removal *r, int fd, const char *name)
{
	size_t size = strlen(r->path), more = strlen(name);

	if (str_equal(name, ".") || str_equal(name, ".."))
		return 0;
	if (size + more + 2 > sizeof r->path)
		return -ENAMETOOLONG;
	if (size > 0)
		r->path[size] = '/';
	memcpy(r->path + size + (size > 0), name, more + 1);
	int result = remove_at(r, fd, name);
	r->path[size] = 0;
	return result;
}

/* One round over the names of FD. */
static int remove_names(struct removal *r, int fd)
{
	_Alignas(8) char buffer[4096];
	ssize_t n;

	while ((n = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *d = (const struct dirent64 *)(const void *)(buffer + at);
			TRY(remove_child(r, fd, d->d_name));
			at += d->d_reclen;
		}
	}
	return n < 0 ? -errno : 0;
}

static int remove_directory(struct removal *r, int dir, const char *name, bool itself)
{
	autofd int fd = tree_open(dir, name, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return fd;
	if (++r->depth > TREE_DEPTH_MAX)
		return -ENAMETOOLONG;
	/* A file system may skip names while others go: look again. */
	for (int round = 0; round < 8; round++) {
		TRY(remove_names(r, fd));
		if (!itself || unlinkat(dir, name, AT_REMOVEDIR) == 0) {
			r->depth--;
			return 0;
		}
		if (errno != ENOTEMPTY || lseek(fd, 0, SEEK_SET) < 0)
			return -errno;
	}
	return -ENOTEMPTY;
}

static int remove_at(struct removal *r, int dir, const char *name)
{
	enum made made = r->lower ? tree_made(r->t, r->path) : (enum made)0;

	if (made) {
		/* It stays; below it, what this layer has not made goes. */
		int result = remove_directory(r, dir, name, false);
		if (result == 0 && !(made & MADE_ENTRY))
			return make_plain(r->t, r->path);
		return result == -ENOTDIR || result == -ELOOP || result == -ENOENT ? 0 : result;
	}
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	return errno == EISDIR || errno == EPERM ? remove_directory(r, dir, name, true) : -errno;
}

int tree_remove(struct tree *t, int dir, const char *name, const char *path, bool lower)
{
	struct removal r = {.t = t, .lower = lower};

	memcpy(r.path, path, strlen(path) + 1);
	int result = remove_at(&r, dir, name);
	/* The directory that is kept open may be gone; DIR may be it. */
	tree_forget_parent(t);
	return result < 0 ? tree_fail(t, -result, "%.120s cannot be removed: %s", path, strerror(-result)) : 0;
}

int tree_remove_lower(struct tree *t, const char *path)
{
	struct removal r = {.t = t, .lower = true};
	autofd int fd = tree_open(t->root, path, O_RDONLY | O_DIRECTORY, 0);

	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return 0; /* there is nothing that lower layers could have put there */
	memcpy(r.path, path, strlen(path) + 1);
	int result = fd < 0 ? fd : remove_names(&r, fd);
	tree_forget_parent(t);
	return result < 0 ? tree_fail(t, -result, "%.120s cannot be emptied: %s", path, strerror(-result)) : 0;
}
