// SPDX-License-Identifier: Apache-2.0
/*
 * attributes.c - owners, modes, attributes and times, in the order in which one does not undo the other:
 * the owner (which clears setuid and capabilities), the mode, the attributes, at last the times.
 */
#include "tree.h"
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

int tree_set_owner(struct tree *t, int dir, const char *name, uint32_t uid, uint32_t gid)
{
	if (t->flags & TREE_SQUASH)
		return 0;
	return fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH)) < 0 ? -errno : 0;
}

mode_t tree_mode(const struct tree *t, uint32_t mode)
{
	/* Without the owner that it was meant for, setuid would lend somebody else's rights. */
	return (mode_t)(t->flags & TREE_SQUASH ? mode & 01777 : mode & 07777);
}

static bool is_kept(const char *name)
{
	return str_equal(name, "security.capability") || str_starts(name, "user.");
}

int tree_set_xattr(struct tree *t, int fd, const char *name, const void *value, size_t size)
{
	if (!is_kept(name))
		return tree_fail(t, EINVAL, "the attribute %.100s is none that is set", name);
	if (fsetxattr(fd, name, value, size, 0) == 0)
		return 0;
	/* Not every file system keeps user.*: nothing that protects depends on these. */
	if (errno == ENOTSUP && str_starts(name, "user."))
		return 0;
	if ((t->flags & TREE_SQUASH) && (errno == EPERM || errno == ENOTSUP))
		return 0;
	return tree_fail(t, errno, "%.100s: the attribute %.100s cannot be set: %s", t->entry_path, name,
			 strerror(errno));
}

int tree_clear_xattrs(int fd)
{
	char *names = malloc(65536);
	ssize_t size = names ? flistxattr(fd, names, 65536) : -1;
	int r = 0;

	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1) {
		if (is_kept(names + at) && fremovexattr(fd, names + at) < 0)
			r = -errno;
	}
	free(names);
	return r;
}

/* PATH at the end of the list; NULL: no memory. */
static struct tree_directory *new_pending(struct tree *t, const char *path)
{
	struct tree_directory *all = tree_grow(t->pending, t->pending_count, &t->pending_room, sizeof *all);

	if (!all)
		return NULL;
	t->pending = all;
	struct tree_directory *d = &t->pending[t->pending_count];
	/* asprintf: gcc's analyzer takes what strdup gives an element of this array for lost. */
	if (asprintf(&d->path, "%s", path) < 0)
		return NULL;
	t->pending_count++;
	return d;
}

int tree_later(struct tree *t, const char *path, const struct tree_record *record)
{
	uint32_t *number = name_add(&t->directories, name_hash(&t->key, path));
	struct tree_directory *d = !number ? NULL : *number ? &t->pending[*number - 1] : new_pending(t, path);

	if (!d)
		return tree_fail(t, ENOMEM, "no memory for the directories of the tree");
	if (!*number)
		*number = (uint32_t)t->pending_count;
	d->mode = record->mode;
	d->uid = record->uid;
	d->gid = record->gid;
	d->mtime = record->mtime;
	d->mtime_nsec = record->mtime_nsec;
	return 0;
}

static int finish(struct tree *t, const struct tree_directory *d)
{
	autofd int fd = tree_open(t->root, d->path, O_RDONLY | O_DIRECTORY, 0);
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = d->mtime, .tv_nsec = d->mtime_nsec}};

	/* A later layer has removed or replaced it. */
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return 0;
	int r = fd < 0 ? fd : tree_set_owner(t, fd, "", d->uid, d->gid);
	if (r == 0 && (fchmod(fd, tree_mode(t, d->mode)) < 0 || futimens(fd, times) < 0))
		r = -errno;
	return r < 0 ? tree_fail(t, -r, "the directory %.120s cannot get its owner, mode and time: %s", d->path,
				 strerror(-r))
		     : 0;
}

/* What is inside comes after what it is in: backwards, no directory is closed before what is below it is done. */
int tree_finish_directories(struct tree *t)
{
	for (size_t i = t->pending_count; i-- > 0;)
		TRY(finish(t, &t->pending[i]));
	return 0;
}
