/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_tree.h - a directory tree as a text that is the same wherever the tree is the same: docs/TREE-DIGEST.md.
 */
#ifndef HRUN_IMAGE_TREE_H
#define HRUN_IMAGE_TREE_H

#include <hrun/err.h>
#include <hrun/image_wire.h>
#include <hrun/pool.h>
#include <hrun/sha256.h>
#include <hrun/tree_wire.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	IMAGE_TREE_ENTRIES_MAX = 2000000,
	IMAGE_TREE_LINE_MAX = 9 * TREE_PATH_MAX, /* two paths of which every byte is escaped, and numbers */
};

/* ---- tree_line.c: one record, one line ---- */
struct image_tree_line {
	char text[IMAGE_TREE_LINE_MAX]; /* with its newline; not terminated */
	size_t size;
};
/* The first line of every list. */
void image_tree_line_head(struct image_tree_line *line);
/*
 * The line of RECORD; PATH and EXTRA (terminated behind their sizes) are its, CONTENT is the digest of a file's content.  0,
 * or -EPROTO: no record of a walk.
 */
int image_tree_line_write(struct image_tree_line *line, const struct tree_record *record, const char *path,
			  const char *extra, const unsigned char content[SHA256_SIZE]);

/* ---- tree.c: hrun-tree walks, and we listen ---- */
struct image_tree {
	int root; /* borrowed, of the directory (O_PATH) */
	/* What others than root and the caller may write is looked for; no such file may have a name outside of the tree. */
	bool guarded;
	/* Each line as it comes, in order; a negative result ends the walk with *e.  May be NULL. */
	int (*take)(void *context, const struct image_tree_line *line, struct err *e);
	void *context;
	const char *program_dir; /* of libexec programs, for tests; NULL: where this hrun's are */
};
struct image_tree_result {
	char hex[2 * SHA256_SIZE + 1]; /* the digest */
	uint64_t entries, bytes;
	const char
		*writable; /* with `guarded`: the first entry that others than root and the caller may write, or NULL */
};
/* 0 with the whole tree told, or negative errno: what cannot be read, changes meanwhile, or is no tree of this kind. */
int image_tree_walk(struct pool *pool, const struct image_tree *tree, struct image_tree_result *ret, struct err *e);
/* The same of a walk whose records come from STREAM and whose answer from CONTROL, both borrowed: for fuzzers. */
int image_tree_listen(struct pool *pool, const struct image_tree *tree, int stream, int control,
		      struct image_tree_result *ret, struct err *e);

#endif
