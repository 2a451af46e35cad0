/* SPDX-License-Identifier: Apache-2.0 */
/*
 * links.c - files with several names: told with their content at the first, as a hard link at each further one.
 *
 * A name outside of the tree is not seen by a walk.  Whoever may write to the file by that name changes the tree from
 * elsewhere, so TREE_NAMES refuses such a file, unless it is one that only root (or the caller) may write.
 */
#include "tree.h"
#include <errno.h>
#include <hrun/str.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct tree_link {
	char *path; /* the first name */
	uint64_t names, seen;
	bool others_may_write;
};

static struct tree_link *new_link(struct tree *t)
{
	struct tree_link *all = tree_grow(t->links, t->link_count, &t->link_room, sizeof *all);

	if (!all)
		return NULL;
	t->links = all;
	return &t->links[t->link_count];
}

static struct tree_link *add(struct tree *t, const struct stat *st, const char *path)
{
	struct tree_link *link = new_link(t);

	if (!link)
		return NULL;
	*link = (struct tree_link){
		.names = st->st_nlink,
		.others_may_write = !S_ISLNK(st->st_mode) &&
				    ((st->st_uid != 0 && st->st_uid != t->uid) || (st->st_mode & (S_IWGRP | S_IWOTH))),
	};
	/* asprintf: gcc's analyzer takes what strdup gives an element of this array for lost. */
	if (asprintf(&link->path, "%s", path) < 0)
		return NULL;
	t->link_count++;
	return link;
}

int tree_link_look(struct tree *t, const struct stat *st, const char *path, const char **ret_first)
{
	char text[64];

	*ret_first = NULL;
	if (st->st_nlink < 2)
		return 0;
	str_format(text, sizeof text, "%llu:%llu", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
	uint32_t *index = name_add(&t->inodes, name_hash(&t->key, text));
	struct tree_link *link = index && *index ? &t->links[*index - 1] : index ? add(t, st, path) : NULL;
	if (!link)
		return tree_fail(t, ENOMEM, "no memory for the files with several names");
	if (*index)
		*ret_first = link->path;
	*index = (uint32_t)(link - t->links) + 1;
	link->seen++;
	return 0;
}

int tree_links_check(struct tree *t)
{
#ifdef HRUN_MUTANT_TREE_NAMES
	return 0;
#endif
	for (size_t i = 0; i < t->link_count && t->flags & TREE_NAMES; i++) {
		const struct tree_link *link = &t->links[i];
		if (link->others_may_write && link->seen < link->names)
			return tree_fail(
				t, EMLINK,
				"%.120s has another name outside of the tree, and others than root may write to it",
				link->path);
	}
	return 0;
}

void tree_links_forget(struct tree *t)
{
	for (size_t i = 0; i < t->link_count; i++)
		free(t->links[i].path);
	free(t->links);
	t->links = NULL;
	t->link_count = t->link_room = 0;
	name_clear(&t->inodes);
}
