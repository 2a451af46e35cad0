// SPDX-License-Identifier: Apache-2.0
/*
 * open.c - how anything of the tree is reached: by openat2 below the root, through directories only.
 */
#include "tree.h"
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef HRUN_MUTANT_TREE_LINKS
#define RESOLVE RESOLVE_NO_MAGICLINKS
#else
#define RESOLVE (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)
#endif

int tree_open(int dir, const char *path, int flags, mode_t mode)
{
	struct open_how how = {.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC), .mode = mode, .resolve = RESOLVE};
#ifndef HRUN_MUTANT_TREE_LINKS
	how.flags |= O_NOFOLLOW;
#endif
	int fd = (int)syscall(SYS_openat2, dir, *path ? path : ".", &how, sizeof how);

	return fd < 0 ? -errno : fd;
}

void tree_forget_parent(struct tree *t)
{
	if (t->parent >= 0)
		close(t->parent);
	t->parent = -1;
}

enum made tree_made(const struct tree *t, const char *path)
{
	const uint32_t *value = name_find(&t->made, name_hash(&t->key, path));

	return value ? (enum made) * value : (enum made)0;
}

int tree_mark(struct tree *t, const char *path, enum made made)
{
	if (t->layer == 0)
		return 0;
	uint32_t *value = name_add(&t->made, name_hash(&t->key, path));
	if (!value)
		return tree_fail(t, ENOMEM, "no memory for the names of a layer");
	*value |= made;
	return 0;
}

int tree_count(struct tree *t)
{
	if (++t->entries <= t->max_entries)
		return 0;
	return tree_fail(t, EFBIG, "the tree has more than %llu entries", (unsigned long long)t->max_entries);
}

int tree_first_whiteout(struct tree *t, bool opaque, const char *path)
{
	char name[TREE_PATH_MAX + 2] = "//";

	/* No path begins so. */
	memcpy(name + (opaque ? 1 : 2), path, strlen(path) + 1);
	if (tree_made(t, name))
		return 0;
	TRY(tree_mark(t, name, MADE_ENTRY));
	return 1;
}

/* The directory PATH, where it is missing; the one in which it is exists. */
static int make_one(struct tree *t, const char *path)
{
	static const struct tree_record plain = {.mode = 0755};
	const char *last = strrchr(path, '/');
	char above[TREE_PATH_MAX];
	size_t size = last ? (size_t)(last - path) : 0;

	memcpy(above, path, size);
	above[size] = 0;
	autofd int dir = tree_open(t->root, above, O_PATH | O_DIRECTORY, 0);
	if (dir < 0)
		return dir;
	if (mkdirat(dir, last ? last + 1 : path, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	/* Nobody has counted it: one entry of an archive can be a hundred directories. */
	TRY(tree_count(t));
	return tree_later(t, path, &plain);
}

/* Each directory on the way to PATH, and PATH. */
static int pass(struct tree *t, char *path)
{
	for (char *slash = path;; slash++) {
		slash = strchr(slash, '/');
		if (slash)
			*slash = 0;
		int r = make_one(t, path);
		if (slash)
			*slash = '/';
		if (r < 0 || !slash)
			return r;
	}
}

int tree_mark_way(struct tree *t, char *path)
{
	for (char *slash = path; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		int r = tree_mark(t, path, MADE_PARENT);
		*slash = '/';
		TRY(r);
	}
	return tree_mark(t, path, MADE_PARENT);
}

/* Open t->parent_path and keep it. */
static int open_way(struct tree *t, bool make)
{
	char *path = t->parent_path;
	int fd = tree_open(t->root, path, O_PATH | O_DIRECTORY, 0);

	if (fd == -ENOENT && make) {
		TRY(pass(t, path));
		fd = tree_open(t->root, path, O_PATH | O_DIRECTORY, 0);
	}
	if (fd < 0)
		return fd;
	t->parent = fd;
	return 0;
}

int tree_open_parent(struct tree *t, const char *path, bool make, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) : 0;

	*ret_name = slash ? slash + 1 : path;
	int r = 0;
	if (t->parent < 0 || strncmp(t->parent_path, path, size) != 0 || t->parent_path[size] != 0) {
		tree_forget_parent(t);
		memcpy(t->parent_path, path, size);
		t->parent_path[size] = 0;
		t->parent_marked = false;
		r = open_way(t, make);
	}
	if (!make)
		return r < 0 ? r : t->parent;
	if (r == 0 && !t->parent_marked)
		TRY(tree_mark_way(t, t->parent_path));
	t->parent_marked = true;
	if (r == -ELOOP || r == -ENOTDIR)
		return tree_fail(t, -r, "%.120s: a directory on the way is %s", path,
				 r == -ELOOP ? "a symbolic link" : "none");
	return r < 0 ? tree_fail(t, -r, "%.120s: its directory cannot be opened or made: %s", path, strerror(-r))
		     : t->parent;
}
