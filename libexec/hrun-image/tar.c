// SPDX-License-Identifier: Apache-2.0
/*
 * tar.c - headers of 512 bytes, and what follows them.  See tar.h.
 */
#include "tar.h"
#include <errno.h>
#include <string.h>

/* A header's fields: where they begin. */
enum {
	NAME = 0,
	MODE = 100,
	UID = 108,
	GID = 116,
	SIZE = 124,
	MTIME = 136,
	CHECKSUM = 148,
	TYPE = 156,
	LINK = 157,
	MAGIC = 257,
	DEVICE_MAJOR = 329,
	DEVICE_MINOR = 337,
	PREFIX = 345,
	STAR = 508,
	NAME_SIZE = 100,
	PREFIX_SIZE = 155,
};

int tar_read(struct tar *t, void *buffer, size_t size)
{
	int r = stream_read(t->in, buffer, size);

	return r == 1 ? 0 : r == -EBADMSG ? r : bad_tar(t, "an archive ends in the middle");
}

int tar_skip(struct tar *t, uint64_t size)
{
	const unsigned char *bytes;

	while (size > 0) {
		ssize_t n = stream_take(t->in, size, &bytes);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return bad_tar(t, "an archive ends in the middle");
		size -= (uint64_t)n;
	}
	return 0;
}

ssize_t tar_take(struct tar *t, uint64_t max, const unsigned char **ret_bytes)
{
	if (t->left == 0 || max == 0)
		return 0;
	ssize_t n = stream_take(t->in, t->left < max ? t->left : max, ret_bytes);
	if (n == 0)
		return bad_tar(t, "an archive ends in the middle of a file");
	if (n > 0)
		t->left -= (uint64_t)n;
	return n;
}

int tar_decimal(const char *text, size_t size, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (size == 0 || size > 18)
		return -EINVAL;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		value = 10 * value + (uint64_t)(text[i] - '0');
	}
	*ret_value = value;
	return 0;
}

/* Base 256, two's complement: bit 7 of the first byte marks it, bit 6 is the sign. */
static int binary_number(const unsigned char *field, size_t size, int64_t *ret_value)
{
	bool negative = field[0] & 0x40;
	uint64_t value = negative ? UINT64_MAX : 0;

	for (size_t i = 0; i < size; i++) {
		unsigned char byte = i > 0 ? field[i] : negative ? field[0] | 0x80 : field[0] & 0x7f;
		if (value >> 55 != (negative ? UINT64_MAX >> 55 : 0))
			return -EINVAL;
		value = value << 8 | byte;
	}
	*ret_value = (int64_t)value;
	return 0;
}

int tar_number(const unsigned char *field, size_t size, int64_t *ret_value)
{
	uint64_t value = 0;
	size_t i = 0;

	if (field[0] & 0x80)
		return binary_number(field, size, ret_value);
	while (i < size && field[i] == ' ')
		i++;
	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
		value = value << 3 | (uint64_t)(field[i] - '0'); /* 12 bytes: 36 bits */
	for (; i < size; i++) {
		if (field[i] != ' ' && field[i] != 0)
			return -EINVAL;
	}
	*ret_value = (int64_t)value;
	return 0;
}

static int field_u32(struct tar *t, const unsigned char *field, size_t size, uint64_t max, const char *what,
		     uint32_t *ret)
{
	int64_t value;

	if (tar_number(field, size, &value) < 0 || value < 0 || (uint64_t)value > max)
		return bad_tar(t, "an archive has a header whose %s is no such number", what);
	*ret = (uint32_t)value;
	return 0;
}

static bool checksum_holds(const unsigned char *header)
{
	uint32_t sum = 0;
	int64_t expected;

	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += i >= CHECKSUM && i < CHECKSUM + 8 ? ' ' : header[i];
	return tar_number(header + CHECKSUM, 8, &expected) == 0 && expected == sum;
}

static bool is_zero(const unsigned char *block)
{
	return block[0] == 0 && memcmp(block, block + 1, TAR_BLOCK - 1) == 0;
}

/* The next header: 1, or 0 at the end: two blocks of zeros (the second may be missing), or nothing more. */
static int read_header(struct tar *t, unsigned char *header)
{
	int r = stream_read(t->in, header, TAR_BLOCK);

	if (r == -EPIPE)
		return bad_tar(t, "an archive ends in the middle of a header");
	if (r <= 0)
		return r;
	if (is_zero(header)) {
		r = stream_read(t->in, header, TAR_BLOCK);
		if (r == 1 && !is_zero(header))
			return bad_tar(t, "an archive goes on after its end");
		return r == -EPIPE ? bad_tar(t, "an archive ends in the middle of its end") : r < 0 ? r : 0;
	}
	if (!checksum_holds(header))
		return bad_tar(t, "an archive has a header with a wrong checksum");
	return 1;
}

/* A field of text that ends at a NUL or with the field. */
static size_t text_size(const unsigned char *field, size_t size)
{
	return strnlen((const char *)field, size);
}

static void set_names(struct tar *t, const unsigned char *h)
{
	struct tar_entry *e = &t->entry;
	size_t n = 0, prefix = 0;

	/* The old GNU format keeps other things there. */
	if (memcmp(h + MAGIC,
		   "ustar\0"
		   "00",
		   8) == 0)
		prefix = text_size(h + PREFIX, PREFIX_SIZE);
	if (prefix > 0) {
		memcpy(e->path, h + PREFIX, prefix);
		e->path[prefix] = '/';
		n = prefix + 1;
	}
	size_t name = text_size(h + NAME, NAME_SIZE);
	memcpy(e->path + n, h + NAME, name);
	e->path[n + name] = 0;
	size_t link = text_size(h + LINK, NAME_SIZE);
	memcpy(e->link, h + LINK, link);
	e->link[link] = 0;
}

static int check_magic(struct tar *t, const unsigned char *h)
{
	static const unsigned char none[8];

	if (memcmp(h + MAGIC,
		   "ustar\0"
		   "00",
		   8) == 0 &&
	    memcmp(h + STAR, "tar", 4) == 0)
		return bad_tar(t, "an archive has a header of the old star format");
	if (memcmp(h + MAGIC,
		   "ustar\0"
		   "00",
		   8) != 0 &&
	    memcmp(h + MAGIC, "ustar  ", 8) != 0 && memcmp(h + MAGIC, none, 8) != 0)
		return bad_tar(t, "an archive has a header of no known format");
	return 0;
}

static int set_numbers(struct tar *t, const unsigned char *h)
{
	struct tar_entry *e = &t->entry;
	int64_t size;

	TRY(field_u32(t, h + MODE, 8, 0177777777, "mode", &e->mode));
	e->mode &= 07777; /* some writers put the file's type there as well */
	TRY(field_u32(t, h + UID, 8, UINT32_MAX - 1, "owner", &e->uid));
	TRY(field_u32(t, h + GID, 8, UINT32_MAX - 1, "group", &e->gid));
	if (tar_number(h + MTIME, 12, &e->mtime) < 0)
		return bad_tar(t, "an archive has a header whose time is no such number");
	if (tar_number(h + SIZE, 12, &size) < 0 || size < 0)
		return bad_tar(t, "an archive has a header whose size is no such number");
	e->size = e->stored = (uint64_t)size;
	if (e->type != '3' && e->type != '4')
		return 0;
	TRY(field_u32(t, h + DEVICE_MAJOR, 8, UINT32_MAX, "device", &e->major));
	return field_u32(t, h + DEVICE_MINOR, 8, UINT32_MAX, "device", &e->minor);
}

/* t->pax gets SIZE bytes of an extended header, and their padding is skipped. */
static int read_extension(struct tar *t, uint64_t size, uint64_t max)
{
	if (size > max)
		return bad_tar(t, "an archive has an extended header of %llu bytes", (unsigned long long)size);
	TRY(tar_read(t, t->pax, (size_t)size));
	t->pax[size] = 0;
	return tar_skip(t, -size & (TAR_BLOCK - 1));
}

/* A GNU long name: it ends with a NUL, and there is one of each kind at most. */
static int read_long_name(struct tar *t, bool is_link)
{
	struct tar_extended *x = &t->extended;
	uint64_t size = t->entry.stored;

	if (is_link ? x->has_link : x->has_path)
		return bad_tar(t, "an archive names an entry twice");
	TRY(read_extension(t, size, TREE_PATH_MAX));
	size_t length = strlen((const char *)t->pax);
	if (length == 0 || length >= TREE_PATH_MAX || length + 1 < size)
		return bad_tar(t, "an archive has a long name that is empty, too long or holds a NUL");
	memcpy(is_link ? x->link : x->path, t->pax, length + 1);
	*(is_link ? &x->has_link : &x->has_path) = true;
	x->gnu = true;
	return x->pax ? bad_tar(t, "an archive has PAX and GNU extensions for one entry") : 0;
}

static int read_pax_header(struct tar *t)
{
	if (t->extended.pax || t->extended.gnu)
		return bad_tar(t, "an archive has two extended headers for one entry");
	TRY(read_extension(t, t->entry.stored, TAR_PAX_MAX));
	t->extended.pax = true;
	return tar_read_pax(t, (size_t)t->entry.stored, false);
}

static int read_global_header(struct tar *t)
{
	if (t->extended.pax || t->extended.gnu)
		return bad_tar(t, "an archive has a global header between an entry and its extended header");
	TRY(read_extension(t, t->entry.stored, TAR_PAX_MAX));
	return tar_read_pax(t, (size_t)t->entry.stored, true);
}

static void set_extended(struct tar *t)
{
	const struct tar_extended *x = &t->extended;
	struct tar_entry *e = &t->entry;

	if (x->has_path)
		memcpy(e->path, x->path, sizeof e->path);
	if (x->sparse_name)
		memcpy(e->path, x->name, sizeof e->path);
	if (x->has_link)
		memcpy(e->link, x->link, sizeof e->link);
	if (x->has_size)
		e->size = e->stored = x->size;
	if (x->has_uid)
		e->uid = (uint32_t)x->uid;
	if (x->has_gid)
		e->gid = (uint32_t)x->gid;
	if (x->has_mtime) {
		e->mtime = x->mtime;
		e->mtime_nsec = x->mtime_nsec;
	}
}

/* Only what has content has a size: readers disagree about what else would follow. */
static int check_entry(struct tar *t)
{
	struct tar_entry *e = &t->entry;

	if (e->type == 0 || e->type == '7')
		e->type = '0';
	if (!strchr("0123456S", e->type))
		return bad_tar(t, "an archive has an entry of type 0x%02x, which is not taken: %.100s",
			       (unsigned int)(unsigned char)e->type, e->path);
	if (e->type != '0' && e->type != 'S' && e->stored > 0)
		return bad_tar(t, "an archive has content where there can be none: %.100s", e->path);
	if (e->type != '1' && e->type != '2')
		e->link[0] = 0;
	size_t length = strlen(e->path);
	if (e->type == '0' && length > 0 && e->path[length - 1] == '/') {
		/* How the oldest format writes a directory. */
		if (e->stored > 0)
			return bad_tar(t, "an archive has a directory with content: %.100s", e->path);
		e->type = '5';
	}
	if (e->stored > INT64_MAX / 2)
		return bad_tar(t, "an archive has an entry of an impossible size: %.100s", e->path);
	return 0;
}

static int read_sparse(struct tar *t, const unsigned char *header)
{
	const struct tar_extended *x = &t->extended;
	struct tar_entry *e = &t->entry;
	bool pax = x->sparse_map || x->sparse_name || x->sparse_size || x->sparse_major || x->sparse_minor ||
		   e->part_count > 0;

	if (e->type == 'S' && pax)
		return bad_tar(t, "an archive says twice which parts a file has: %.100s", e->path);
	if (e->type != 'S' && e->type != '0' && pax)
		return bad_tar(t, "an archive has a sparse entry that is no file: %.100s", e->path);
	if (e->type == 'S') {
		TRY(tar_read_gnu_sparse(t, header));
		e->type = '0';
	} else if (pax) {
		TRY(tar_read_pax_sparse(t));
	}
	return e->sparse ? tar_check_parts(t) : 0;
}

/* One header.  1: an entry; 0: the end; 2: it was an extension. */
static int read_one(struct tar *t)
{
	unsigned char header[TAR_BLOCK];
	int r = read_header(t, header);

	if (r <= 0)
		return r == 0 && (t->extended.pax || t->extended.gnu)
			       ? bad_tar(t, "an archive ends after an extended header")
			       : r;
	t->entry.type = (char)header[TYPE];
	TRY(check_magic(t, header));
	TRY(set_numbers(t, header));
	switch (t->entry.type) {
	case 'x':
		TRY(read_pax_header(t));
		return 2;
	case 'g':
		TRY(read_global_header(t));
		return 2;
	case 'L':
	case 'K':
		TRY(read_long_name(t, t->entry.type == 'K'));
		return 2;
	default:
		break;
	}
	set_names(t, header);
	set_extended(t);
	TRY(check_entry(t));
	t->left = t->entry.stored;
	t->padding = (uint32_t)(-t->left & (TAR_BLOCK - 1));
	TRY(read_sparse(t, header));
	return 1;
}

int tar_next(struct tar *t)
{
	int r;

	TRY(tar_skip(t, t->left));
	TRY(tar_skip(t, t->padding));
	t->left = t->padding = 0;
	memset(&t->extended, 0, offsetof(struct tar_extended, path));
	t->entry.mtime_nsec = t->entry.major = t->entry.minor = 0;
	t->entry.sparse = false;
	t->entry.part_count = t->entry.xattr_count = 0;
	do
		r = read_one(t);
	while (r == 2);
	return r;
}
