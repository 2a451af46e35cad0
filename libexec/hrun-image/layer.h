/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer.h - what layer.c and entry.c share: one image's layers on their way.
 */
#ifndef HRUN_IMAGE_LAYER_H
#define HRUN_IMAGE_LAYER_H

#include "send.h"
#include "tar.h"

struct dropped_name {
	const char *path;
	uint32_t layer;
};
struct dropped {
	struct dropped_name *item;
	size_t count, bytes; /* bytes: of all that there ever were */
};

struct layers {
	struct pool *pool;
	const struct layer_limits *limits;
	const struct progress *progress;
	uint64_t entries, bytes; /* of all layers so far: entries; content of files */
	uint64_t archive_bytes;	 /* of the layers before this one */
	uint64_t blob_bytes;
	uint32_t layer; /* the lowest is 0 */
	struct dropped dropped;
	struct sender sender;
	struct tar tar;
	char path[TREE_PATH_MAX], link[TREE_PATH_MAX]; /* of the entry, cleaned */
};

/* Check l->tar.entry and send its records; what is wrong goes to l->tar.r. */
int entry_read(struct layers *l);

/* ---- dropped.c: device nodes that are left out (limits->devices), and hard links to them ---- */
/* The entry l->path comes into the place of what was there. */
void dropped_replace(struct layers *l, bool is_directory);
/* A whiteout of l->path, or of all in the directory l->path: what lower layers had there is gone. */
void dropped_hide(struct layers *l, bool is_opaque);
/* Is PATH one? */
bool dropped_has(const struct layers *l, const char *path);
/* l->path is one, and counted. */
int dropped_add(struct layers *l);

/*
 * RAW without ".", empty components and a "/" at either end, into CLEAN ("" is the root).  NULL, or a text that says what is wrong: "..",
 * a component or the whole too long, too deep.
 */
const char *entry_clean_path(const char *raw, char clean[TREE_PATH_MAX]);

/* ---- what compare.c needs of entry.c ---- */
#define WHITEOUT ".wh."
#define OPAQUE ".wh..wh..opq"
/*
 * May l->tar.entry be, whatever it is?  1, with l->path, l->link and the last name of the path; 0: nobody unpacks it; -EBADMSG, and
 * l->tar.r says why.
 */
int entry_check(struct layers *l, const char **ret_name);
/* l->path, whose last name NAME is a whiteout, becomes the path that it hides, or the directory in which it hides all. */
int entry_whiteout(struct layers *l, const char *name, bool *ret_opaque);

#endif
