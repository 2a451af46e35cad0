// SPDX-License-Identifier: Apache-2.0
/*
 * tar_pax.c - the records "LENGTH KEY=VALUE\n" of an extended header.
 *
 * A key that says twice what an entry is, or a value that one reader would cut and another not, ends the reading.
 */
#include "tar.h"
#include <errno.h>
#include <hrun/str.h>
#include <string.h>

struct record {
	const char *key, *value; /* each ends with a NUL */
	size_t value_size;
};

static int set_path(struct tar *t, const struct record *record, char *to, bool *has)
{
	if (record->value_size == 0 || record->value_size >= TREE_PATH_MAX ||
	    strlen(record->value) != record->value_size)
		return bad_tar(t, "an archive has a %s that is empty, too long or holds a NUL", record->key);
	if (*has)
		return bad_tar(t, "an archive says %s twice for one entry", record->key);
	memcpy(to, record->value, record->value_size + 1);
	*has = true;
	return 0;
}

static int set_number(struct tar *t, const struct record *record, uint64_t max, uint64_t *to, bool *has)
{
	if (tar_decimal(record->value, record->value_size, to) < 0 || *to > max)
		return bad_tar(t, "an archive has a %s that is no such number", record->key);
	if (*has)
		return bad_tar(t, "an archive says %s twice for one entry", record->key);
	*has = true;
	return 0;
}

/* "[-]SECONDS[.FRACTION]" */
static int set_time(struct tar *t, const struct record *record)
{
	struct tar_extended *x = &t->extended;
	const char *text = record->value;
	bool negative = *text == '-';
	uint64_t seconds, fraction = 0;
	size_t size = strcspn(text += negative, ".");
	const char *digits = text[size] ? text + size + 1 : "";
	size_t places = strlen(digits), used = places < 9 ? places : 9;

	if (x->has_mtime || strlen(record->value) != record->value_size || tar_decimal(text, size, &seconds) < 0 ||
	    seconds > 1ULL << 40 || strspn(digits, "0123456789") != places ||
	    (used > 0 && tar_decimal(digits, used, &fraction) < 0))
		return bad_tar(t, "an archive has an mtime that is no time, or two");
	for (; used < 9; used++)
		fraction *= 10;
	x->mtime = negative ? -(int64_t)seconds : (int64_t)seconds;
	if (negative && fraction > 0) {
		x->mtime--;
		fraction = 1000000000 - fraction;
	}
	x->mtime_nsec = (uint32_t)fraction;
	x->has_mtime = true;
	return 0;
}

/* GNU.sparse.map of 0.1: "offset,size,offset,size..." */
static int set_map(struct tar *t, const struct record *record)
{
	const char *text = record->value, *end = text + record->value_size;
	uint64_t pair[2];

	t->extended.sparse_map = true;
	while (text < end) {
		for (int i = 0; i < 2; i++) {
			size_t size = strcspn(text, ",");
			if (tar_decimal(text, size, &pair[i]) < 0)
				return bad_tar(t, "an archive has a sparse map that is none");
			text += size + (text[size] == ',');
		}
		TRY(tar_add_part(t, pair[0], pair[1]));
	}
	return 0;
}

/* 0.0: offset and numbytes take turns. */
static int set_half(struct tar *t, const struct record *record, bool is_size)
{
	struct tar_extended *x = &t->extended;
	uint64_t value;

	if (tar_decimal(record->value, record->value_size, &value) < 0 || x->sparse_half != is_size)
		return bad_tar(t, "an archive has a sparse map that is none");
	x->sparse_half = !is_size;
	if (!is_size)
		return tar_add_part(t, value, 0);
	t->parts[t->entry.part_count - 1].size = value;
	return 0;
}

static int set_sparse(struct tar *t, const struct record *record)
{
	struct tar_extended *x = &t->extended;
	const char *key = record->key + strlen("GNU.sparse.");
	bool ignored = false;
	uint64_t blocks;

	if (str_equal(key, "name"))
		return set_path(t, record, x->name, &x->sparse_name);
	if (str_equal(key, "size") || str_equal(key, "realsize"))
		return set_number(t, record, INT64_MAX / 2, &x->real_size, &x->sparse_size);
	if (str_equal(key, "major"))
		return set_number(t, record, 1, &x->major, &x->sparse_major);
	if (str_equal(key, "minor"))
		return set_number(t, record, 0, &x->minor, &x->sparse_minor);
	if (str_equal(key, "map"))
		return set_map(t, record);
	if (str_equal(key, "offset") || str_equal(key, "numbytes"))
		return set_half(t, record, str_equal(key, "numbytes"));
	if (str_equal(key, "numblocks"))
		return set_number(t, record, TAR_SPARSE_MAX, &blocks, &ignored);
	return bad_tar(t, "an archive has an unknown sparse format");
}

/*
 * security.capability and user.* are kept.  trusted.* would make an overlay do things, so it ends the reading.  The rest belongs to
 * the machine that wrote it (labels, measurements, access lists), and is dropped.
 */
static int set_xattr(struct tar *t, const struct record *record)
{
	const char *name = record->key + strlen("SCHILY.xattr.");
	struct tar_entry *e = &t->entry;

	if (str_starts(name, "trusted."))
		return bad_tar(t, "an archive has an attribute that an image cannot have: %.100s", name);
	if (!str_equal(name, "security.capability") && !str_starts(name, "user."))
		return 0;
	if (strlen(name) > 255 || str_equal(name, "user.") || record->value_size > 65536)
		return bad_tar(t, "an archive has an attribute whose name or value is out of range: %.100s", name);
	if (str_equal(name, "security.capability") && record->value_size != 20 && record->value_size != 24)
		return bad_tar(t, "an archive has a security.capability that is none");
	if (e->xattr_count == TAR_XATTRS_MAX)
		return bad_tar(t, "an archive has an entry with more than %d attributes", TAR_XATTRS_MAX);
	for (size_t i = 0; i < e->xattr_count; i++) {
		if (str_equal(e->xattrs[i].name, name))
			return bad_tar(t, "an archive has the attribute %.100s twice for one entry", name);
	}
	e->xattrs[e->xattr_count++] =
		(struct tar_xattr){name, (const unsigned char *)record->value, record->value_size};
	return 0;
}

static int set(struct tar *t, const struct record *record)
{
	struct tar_extended *x = &t->extended;
	const char *key = record->key;

	if (str_equal(key, "path"))
		return set_path(t, record, x->path, &x->has_path);
	if (str_equal(key, "linkpath"))
		return set_path(t, record, x->link, &x->has_link);
	if (str_equal(key, "size"))
		return set_number(t, record, INT64_MAX / 2, &x->size, &x->has_size);
	if (str_equal(key, "uid"))
		return set_number(t, record, UINT32_MAX - 1, &x->uid, &x->has_uid);
	if (str_equal(key, "gid"))
		return set_number(t, record, UINT32_MAX - 1, &x->gid, &x->has_gid);
	if (str_equal(key, "mtime"))
		return set_time(t, record);
	if (str_starts(key, "SCHILY.xattr."))
		return set_xattr(t, record);
	if (str_starts(key, "GNU.sparse."))
		return set_sparse(t, record);
	if (str_starts(key, "SCHILY.realsize") || str_starts(key, "SCHILY.filetype") || str_starts(key, "SCHILY.link"))
		return bad_tar(t, "an archive has an extension of the star program: %.100s", key);
	return 0; /* atime, ctime, uname, gname, comment, LIBARCHIVE.*, SCHILY.dev and such: nothing that is unpacked */
}

/* What a global header may say without changing an entry. */
static bool is_harmless(const char *key)
{
	return str_equal(key, "comment") || str_equal(key, "charset") || str_equal(key, "hdrcharset");
}

/* The record at TEXT, of SIZE bytes at most; the bytes behind key and value become NULs.  Its length, or -EINVAL. */
static ssize_t read_record(char *text, size_t size, struct record *record)
{
	char *space = memchr(text, ' ', size < 20 ? size : 20), *equals;
	uint64_t length;

	if (!space || text[0] == '0' || tar_decimal(text, (size_t)(space - text), &length) < 0 || length > size)
		return -EINVAL;
	if (length < (size_t)(space - text) + 4 || text[length - 1] != '\n')
		return -EINVAL;
	record->key = space + 1;
	equals = memchr(space + 1, '=', length - (size_t)(space + 1 - text));
	if (!equals || equals == space + 1)
		return -EINVAL;
	text[length - 1] = 0;
	*equals = 0;
	record->value = equals + 1;
	record->value_size = (size_t)(text + length - 1 - record->value);
	return strlen(record->key) == (size_t)(equals - record->key) ? (ssize_t)length : -EINVAL;
}

int tar_read_pax(struct tar *t, size_t size, bool global)
{
	char *text = (char *)t->pax;

	while (size > 0) {
		struct record record;
		ssize_t length = read_record(text, size, &record);
		if (length < 0)
			return bad_tar(t, "an archive has an extended header that is none");
		if (global && !is_harmless(record.key))
			return bad_tar(t, "an archive has a global header, with %.100s", record.key);
		if (!global)
			TRY(set(t, &record));
		text += length;
		size -= (size_t)length;
	}
	return t->extended.sparse_half ? bad_tar(t, "an archive has a sparse map that is none") : 0;
}
