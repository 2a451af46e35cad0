// SPDX-License-Identifier: Apache-2.0
/*
 * tar_sparse.c - which parts of a file an archive holds: the old GNU header, and PAX 0.0, 0.1 and 1.0.
 */
#include "tar.h"
#include <errno.h>
#include <string.h>

int tar_add_part(struct tar *t, uint64_t offset, uint64_t size)
{
	if (t->entry.part_count == TAR_SPARSE_MAX)
		return bad_tar(t, "an archive has a file in more than %d parts", TAR_SPARSE_MAX);
	t->parts[t->entry.part_count++] = (struct tar_part){offset, size};
	return 0;
}

/* Parts follow each other within the file, and together they are what is stored. */
int tar_check_parts(struct tar *t)
{
	const struct tar_entry *e = &t->entry;
	uint64_t end = 0, sum = 0;

	for (size_t i = 0; i < e->part_count; i++) {
		const struct tar_part *part = &t->parts[i];
		if (part->offset < end || part->offset > e->size || part->size > e->size - part->offset)
			return bad_tar(t, "an archive has a sparse file whose parts are not in order within it: %.100s",
				       e->path);
		end = part->offset + part->size;
		sum += part->size;
	}
	return sum == t->left
		       ? 0
		       : bad_tar(t, "an archive has a sparse file whose parts are not what is stored: %.100s", e->path);
}

/* COUNT pairs of 12-byte numbers; the first empty one ends them. */
static int add_pairs(struct tar *t, const unsigned char *pairs, size_t count, bool *ret_ended)
{
	int64_t offset, size;

	for (size_t i = 0; i < count && !*ret_ended; i++, pairs += 24) {
		if (pairs[0] == 0 && pairs[12] == 0) {
			*ret_ended = true;
			return 0;
		}
		if (tar_number(pairs, 12, &offset) < 0 || tar_number(pairs + 12, 12, &size) < 0 || offset < 0 ||
		    size < 0)
			return bad_tar(t, "an archive has a sparse map that is none");
		TRY(tar_add_part(t, (uint64_t)offset, (uint64_t)size));
	}
	return 0;
}

int tar_read_gnu_sparse(struct tar *t, const unsigned char *header)
{
	unsigned char more[TAR_BLOCK];
	struct tar_entry *e = &t->entry;
	int64_t size;
	bool ended = false, extended = header[482] != 0;

	if (memcmp(header + 257, "ustar  ", 7) != 0 || tar_number(header + 483, 12, &size) < 0 || size < 0 ||
	    size > INT64_MAX / 2)
		return bad_tar(t, "an archive has a sparse header that is none: %.100s", e->path);
	TRY(add_pairs(t, header + 386, 4, &ended));
	while (extended) {
		TRY(tar_read(t, more, sizeof more));
		if (ended)
			return bad_tar(t, "an archive has a sparse map that goes on after its end: %.100s", e->path);
		TRY(add_pairs(t, more, 21, &ended));
		extended = more[504] != 0;
	}
	e->size = (uint64_t)size;
	e->sparse = true;
	return 0;
}

/* One decimal line of the map in front of the data; it never is longer than 20 bytes. */
static int read_line(struct tar *t, uint64_t *ret_value)
{
	char line[20];
	const unsigned char *byte;

	for (size_t n = 0; n < sizeof line; n++) {
		ssize_t r = tar_take(t, 1, &byte);
		if (r < 0)
			return (int)r;
		if (r == 0)
			break;
		if (*byte == '\n')
			return tar_decimal(line, n, ret_value) < 0
				       ? bad_tar(t, "an archive has a sparse map that is none")
				       : 0;
		line[n] = (char)*byte;
	}
	return bad_tar(t, "an archive has a sparse map that is none");
}

/* 1.0: COUNT, then pairs, filled up to a whole block. */
static int read_map(struct tar *t)
{
	uint64_t count, pair[2], before = t->left;

	TRY(read_line(t, &count));
	if (count > TAR_SPARSE_MAX)
		return bad_tar(t, "an archive has a file in more than %d parts", TAR_SPARSE_MAX);
	while (count-- > 0) {
		TRY(read_line(t, &pair[0]));
		TRY(read_line(t, &pair[1]));
		TRY(tar_add_part(t, pair[0], pair[1]));
	}
	uint64_t fill = -(before - t->left) & (TAR_BLOCK - 1);
	if (fill > t->left)
		return bad_tar(t, "an archive has a sparse map that is none");
	t->left -= fill;
	return tar_skip(t, fill);
}

int tar_read_pax_sparse(struct tar *t)
{
	const struct tar_extended *x = &t->extended;
	struct tar_entry *e = &t->entry;

	if (!x->sparse_size)
		return bad_tar(t, "an archive has a sparse file without its size: %.100s", e->path);
	if (x->sparse_major != x->sparse_minor || (x->sparse_major && x->major == 1 && e->part_count > 0) ||
	    (x->sparse_major && x->major == 0 && e->part_count == 0))
		return bad_tar(t, "an archive has an unknown sparse format: %.100s", e->path);
	if (x->sparse_major && x->major == 1)
		TRY(read_map(t));
	e->size = x->real_size;
	e->sparse = true;
	return 0;
}
