/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tar.h - the entries of a tar archive: v7, ustar, PAX, GNU (long names, sparse), and nothing that two readers read differently.
 *
 * A reader of our own: the library at hand changes names (it composes Unicode, cuts at a NUL and asks the locale), and the
 * files that run must have the very names that were signed.
 */
#ifndef HRUN_IMAGE_TAR_H
#define HRUN_IMAGE_TAR_H

#include "stream.h"
#include <hrun/tree_wire.h>

enum {
	TAR_BLOCK = 512,
	TAR_PAX_MAX = 256 << 10, /* of one entry's extended header */
	TAR_XATTRS_MAX = 64,
	TAR_SPARSE_MAX = 8192,
};

struct tar_xattr {
	const char *name;
	const unsigned char *value;
	size_t size;
};

struct tar_part {
	uint64_t offset, size;
};

struct tar_entry {
	char type; /* '0' file, '1' hard link, '2' symbolic link, '3' and '4' devices, '5' directory, '6' FIFO */
	char path[TREE_PATH_MAX], link[TREE_PATH_MAX]; /* as they are written */
	uint32_t mode, uid, gid, major, minor, mtime_nsec;
	int64_t mtime;
	uint64_t size;	 /* of the file */
	uint64_t stored; /* of it in the archive */
	bool sparse;	 /* parts of the file; the rest is zeros */
	size_t part_count;
	struct tar_xattr xattrs[TAR_XATTRS_MAX];
	size_t xattr_count;
};

/* What extended headers say about the entry that follows. */
struct tar_extended {
	bool pax, gnu; /* there is one */
	bool has_path, has_link, has_size, has_uid, has_gid, has_mtime;
	bool sparse_map, sparse_name, sparse_size, sparse_major, sparse_minor;
	bool sparse_half; /* 0.0: an offset waits for its numbytes */
	char path[TREE_PATH_MAX], link[TREE_PATH_MAX], name[TREE_PATH_MAX];
	uint64_t size, uid, gid, real_size, major, minor;
	int64_t mtime;
	uint32_t mtime_nsec;
};

struct tar {
	struct layer_stream *in;
	struct refusal *r;
	uint64_t left;	  /* of the entry's bytes in the archive */
	uint32_t padding; /* behind them */
	struct tar_extended extended;
	struct tar_entry entry;
	struct tar_part parts[TAR_SPARSE_MAX];
	unsigned char pax[TAR_PAX_MAX + 1];
};

/* The next entry in t->entry, whatever was left of the one before is skipped: 1; 0 at the archive's end, or -EBADMSG. */
int tar_next(struct tar *t);
/* Bytes of the entry as they are stored, at most MAX: their number, 0 after the last, or -EBADMSG. */
ssize_t tar_take(struct tar *t, uint64_t max, const unsigned char **ret_bytes);

/* tar_pax.c: the records of t->pax, SIZE bytes, into t->extended and the entry's xattrs. */
int tar_read_pax(struct tar *t, size_t size, bool global);
/* tar_sparse.c: the map of a GNU header (and what follows it), and of PAX 1.0 (before the data). */
int tar_read_gnu_sparse(struct tar *t, const unsigned char *header);
int tar_read_pax_sparse(struct tar *t);
int tar_add_part(struct tar *t, uint64_t offset, uint64_t size);
int tar_check_parts(struct tar *t);

/* A number field: octal, or binary where the first bit is set.  0 or -EINVAL. */
int tar_number(const unsigned char *field, size_t size, int64_t *ret_value);
int tar_read(struct tar *t, void *buffer, size_t size);
int tar_skip(struct tar *t, uint64_t size);
/* Decimal digits and nothing else. */
int tar_decimal(const char *text, size_t size, uint64_t *ret_value);

#define bad_tar(t, ...) refuse((t)->r, IMAGE_STAGE_UNPACK, __VA_ARGS__)

#endif
