// SPDX-License-Identifier: Apache-2.0
/*
 * drop.c - device nodes that are left out.
 *
 * What else an image says of such a name depends on it: it replaces what was there, hard links lead to it, whiteouts hide it,
 * nothing can be below it.  So something stands for it until the last record: a socket, which no archive has and no other
 * record makes.  Its type is the mark: names and inode numbers may come back as something else.
 */
#include "tree.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool tree_is_dropped(const struct tree *t, int dir, const char *name)
{
	struct stat st;

	return t->dropped_count > 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode);
}

int tree_drop_later(struct tree *t)
{
	char **all = tree_grow(t->dropped, t->dropped_count, &t->dropped_room, sizeof *all);

	t->dropped = all ? all : t->dropped;
	/* asprintf: as in attributes.c. */
	if (!all || asprintf(&t->dropped[t->dropped_count], "%s", t->path) < 0)
		return tree_fail(t, ENOMEM, "no memory for the device nodes that are left out");
	t->dropped_count++;
	return 0;
}

int tree_drop(struct tree *t)
{
#ifdef HRUN_MUTANT_DEVICES_DROPPED
	return 0;
#endif
	for (size_t i = 0; i < t->dropped_count; i++) {
		const char *path = t->dropped[i], *name;
		int dir = tree_open_parent(t, path, false, &name);
		/* A later layer has removed or replaced it, or the directory that it was in. */
		if (dir == -ENOENT || dir == -ENOTDIR || dir == -ELOOP)
			continue;
		if (dir < 0 || (tree_is_dropped(t, dir, name) && unlinkat(dir, name, 0) < 0))
			return tree_fail(t, dir < 0 ? -dir : errno, "the device node %.120s cannot be left out: %s",
					 path, strerror(dir < 0 ? -dir : errno));
	}
	return 0;
}
