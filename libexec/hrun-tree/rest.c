// SPDX-License-Identifier: Apache-2.0
/*
 * rest.c - what a served directory holds beyond what was asked for.
 *
 * Allowed is only what an engine makes by itself on the way to an entry (implied.c).  Overlayfs hides lower layers by an attribute
 * of a directory, so each of these must have been asked for as well.
 */
#include "tree.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define bad_rest(t, ...) tree_fail((t), EBADMSG, __VA_ARGS__)

/* A file's own hash; a path begins with no slash. */
static uint64_t file_hash(const struct tree *t, const struct stat *st)
{
	char text[64];

	str_format(text, sizeof text, "/%llx:%llx", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
	return name_hash(&t->key, text);
}

int tree_count_name(struct tree *t, const struct stat *st)
{
	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return 0;
	uint32_t *value = name_add(&t->directories, file_hash(t, st));
	if (!value)
		return tree_fail(t, ENOMEM, "no memory for the names of a layer");
	++*value;
	return 0;
}

/* Whoever has another name of the file, elsewhere, has the file. */
static int check_names(struct tree *t, const struct stat *st, const char *path)
{
	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return 0;
	const uint32_t *value = name_find(&t->directories, file_hash(t, st));
	if (value && *value == st->st_nlink)
		return 0;
	return bad_rest(t, "%.160s: the file has a name outside of the layer or one more in it (%ju hard links)", path,
			(uintmax_t)st->st_nlink);
}

static int check_opaque(struct tree *t, int fd, const char *path)
{
	int opaque = tree_is_opaque(t, fd);
	bool is_asked = tree_made(t, path) & MADE_OPAQUE;

	path = *path ? path : "the top directory";
	if (opaque < 0)
		return bad_rest(t, "%.160s: its attribute %s cannot be read or is not \"y\"", path,
				tree_opaque_name(t));
	if (opaque == is_asked)
		return 0;
	return bad_rest(t, "%.160s: the directory %s what lower layers have in it, and in the image it %s", path,
			opaque ? "hides" : "shows", opaque ? "does not" : "does not show it");
}

static int rest_of_directory(struct tree *t, int fd, char *path, int depth);

static int check_directory(struct tree *t, int dir, const char *name, char *path, enum made made, int depth)
{
	autofd int fd = tree_open(dir, name, O_RDONLY | O_DIRECTORY, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return bad_rest(t, "%.160s cannot be opened", path);
	if (!(made & MADE_ENTRY))
		TRY(tree_check_implied(t, fd, &st, path));
	return rest_of_directory(t, fd, path, depth);
}

static int check_entry(struct tree *t, int dir, const char *name, char *path, int depth)
{
	enum made made = tree_made(t, path);
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return bad_rest(t, "%.160s cannot be looked at: %s", path, strerror(errno));
	if (++t->entries > t->max_entries)
		return bad_rest(t, "it has more than %llu entries", (unsigned long long)t->max_entries);
	if (!(made & MADE_ENTRY) && !(made && S_ISDIR(st.st_mode)))
		return bad_rest(t, "%.160s is not in the image", path);
	TRY(check_names(t, &st, path));
	return S_ISDIR(st.st_mode) ? check_directory(t, dir, name, path, made, depth) : 0;
}

static int check_child(struct tree *t, int fd, const char *name, char *path, int depth)
{
	size_t size = strlen(path), more = strlen(name);

	if (size + more + 2 > TREE_PATH_MAX || depth == TREE_DEPTH_MAX)
		return bad_rest(t, "%.160s: what is in it is too deep", path);
	if (size > 0)
		path[size] = '/';
	memcpy(path + size + (size > 0), name, more + 1);
	int r = check_entry(t, fd, name, path, depth + 1);
	path[size] = 0;
	return r;
}

static int rest_of_directory(struct tree *t, int fd, char *path, int depth)
{
	_Alignas(struct dirent64) char entries[4096];
	long n;

	TRY(check_opaque(t, fd, path));
	while ((n = syscall(SYS_getdents64, fd, entries, sizeof entries)) > 0) {
		for (long at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(entries + at);
			at += entry->d_reclen;
			if (!str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
				TRY(check_child(t, fd, entry->d_name, path, depth));
		}
	}
	return n < 0 ? bad_rest(t, "%.160s cannot be listed", path) : 0;
}

int tree_rest(struct tree *t)
{
	char path[TREE_PATH_MAX] = "";
	autofd int fd = tree_open(t->root, "", O_RDONLY | O_DIRECTORY, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return bad_rest(t, "the layer's directory cannot be opened");
	/* (mkfs.erofs gives everybody the right, and its file system nobody.) */
	if (!(t->flags & TREE_EROFS) && (st.st_uid != 0 || st.st_mode & (S_IWGRP | S_IWOTH)))
		return bad_rest(t, "the layer's directory can be written by others than root");
	t->entries = 0;
	return rest_of_directory(t, fd, path, 0);
}
