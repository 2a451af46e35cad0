// SPDX-License-Identifier: Apache-2.0
/*
 * entry.c - one entry of an archive: may it be, and which records is it?
 */
#include "layer.h"
#include <hrun/str.h>
#include <stddef.h>
#include <string.h>

#define WHITEOUT_META ".wh..wh."

/* A path with a '/' in front begins at the root as any other (ko, bazel and buildpacks write them so). */
const char *entry_clean_path(const char *raw, char clean[TREE_PATH_MAX])
{
	size_t used = 0, depth = 0;

	clean[0] = 0;
	while (*raw) {
		size_t n = strcspn(raw, "/");
		if (n == 2 && raw[0] == '.' && raw[1] == '.')
			return "has a \"..\"";
		if (n > TREE_NAME_MAX)
			return "has a component of more than 255 bytes";
		if (n > 0 && !(n == 1 && raw[0] == '.')) {
			if (++depth > TREE_DEPTH_MAX)
				return "is too deep";
			if (used + n + 2 > TREE_PATH_MAX)
				return "is too long";
			if (used > 0)
				clean[used++] = '/';
			memcpy(clean + used, raw, n);
			used += n;
		}
		raw += n + (raw[n] == '/');
	}
	clean[used] = 0;
	return NULL;
}

#define bad(l, ...) refuse((l)->tar.r, IMAGE_STAGE_UNPACK, __VA_ARGS__)

static int sent(struct layers *l, int r)
{
	return r < 0 ? bad(l, "the program that writes the files has ended") : 0;
}

/* l->path and l->link of l->tar.entry. */
static int entry_clean_paths(struct layers *l)
{
	const struct tar_entry *e = &l->tar.entry;
	const char *wrong = e->path[0] ? entry_clean_path(e->path, l->path) : "is empty";

	if (wrong)
		return bad(l, "an archive has an entry whose path %s: %.120s", wrong, e->path);
	l->link[0] = 0;
	if (e->type != '1')
		return 0;
	wrong = entry_clean_path(e->link, l->link);
	if (!wrong && !l->link[0])
		wrong = "is empty";
	return wrong ? bad(l, "an archive has a hard link whose target %s: %.100s", wrong, e->link) : 0;
}

static const char *entry_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Is an entry on the way a whiteout?  Their directories hold nothing. */
static bool entry_has_whiteout_directory(const char *path)
{
	for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
		if (str_starts(path, WHITEOUT))
			return true;
	}
	return false;
}

/* What an old driver kept of itself at the top of a layer. */
static bool entry_is_old_metadata(const char *path)
{
	return str_starts(path, WHITEOUT_META) && !str_starts(path, OPAQUE);
}

int entry_whiteout(struct layers *l, const char *name, bool *ret_opaque)
{
	const struct tar_entry *e = &l->tar.entry;
	size_t before = (size_t)(name - l->path);
	const char *hidden = name + strlen(WHITEOUT);

	if ((e->type != '0' && e->type != '1') || e->size > 0)
		return bad(l, "an archive has a whiteout that is no empty file: %.120s", l->path);
	*ret_opaque = str_equal(name, OPAQUE);
	if (*ret_opaque) {
		l->path[before > 0 ? before - 1 : 0] = 0;
	} else if (!*hidden || str_equal(hidden, ".") || str_equal(hidden, "..") || str_starts(hidden, WHITEOUT)) {
		return bad(l, "an archive has a whiteout of no name: %.120s", l->path);
	} else {
		memmove(l->path + before, hidden, strlen(hidden) + 1);
	}
	return 0;
}

static int send_whiteout(struct layers *l, const char *name)
{
	struct tree_record record = {.kind = TREE_REMOVE};
	bool opaque;

	TRY(entry_whiteout(l, name, &opaque));
	if (opaque)
		record.kind = TREE_OPAQUE;
	dropped_hide(l, opaque);
	return sent(l, send_record(&l->sender, record, l->path, NULL, 0));
}

static int send_zeros(struct layers *l, uint64_t size)
{
	static const unsigned char zeros[64 << 10];

	while (size > 0) {
		size_t n = size < sizeof zeros ? (size_t)size : sizeof zeros;
		TRY(sent(l, send_bytes(&l->sender, zeros, n)));
		size -= n;
	}
	return 0;
}

static int send_stored(struct layers *l, uint64_t size)
{
	const unsigned char *bytes;

	while (size > 0) {
		ssize_t n = tar_take(&l->tar, size, &bytes);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return bad(l, "an archive has a file that is shorter than its header says: %.120s", l->path);
		TRY(sent(l, send_bytes(&l->sender, bytes, (size_t)n)));
		size -= (uint64_t)n;
	}
	return 0;
}

static int send_content(struct layers *l)
{
	const struct tar_entry *e = &l->tar.entry;
	uint64_t at = 0;

	if (l->sender.fd < 0)
		return 0; /* it is hashed when it is skipped */
	if (!e->sparse)
		return send_stored(l, e->size);
	for (size_t i = 0; i < e->part_count; i++) {
		TRY(send_zeros(l, l->tar.parts[i].offset - at));
		TRY(send_stored(l, l->tar.parts[i].size));
		at = l->tar.parts[i].offset + l->tar.parts[i].size;
	}
	return send_zeros(l, e->size - at);
}

/* (its buffer is 64 KiB, zeroed: an entry without attributes does without it) */
static int send_xattr(struct layers *l, const struct tar_xattr *x)
{
	struct tree_record record = {.kind = TREE_XATTR};
	char extra[TREE_EXTRA_MAX];
	size_t name_size = strlen(x->name) + 1;

	if (name_size + x->size > sizeof extra)
		return bad(l, "an archive has an attribute that is too large: %.120s", l->path);
	memcpy(extra, x->name, name_size);
	memcpy(extra + name_size, x->value, x->size);
	return sent(l, send_record(&l->sender, record, "", extra, name_size + x->size));
}

static int send_xattrs(struct layers *l)
{
	const struct tar_entry *e = &l->tar.entry;

	/* The kernel keeps none of these for other types. */
	if (e->type != '0' && e->type != '5')
		return 0;
	for (size_t i = 0; i < e->xattr_count; i++)
		TRY(send_xattr(l, &e->xattrs[i]));
	return 0;
}

/* hrun-tree, which knows what else has its name, leaves it out. */
static int drop_device(struct layers *l)
{
#ifndef HRUN_MUTANT_DEVICES_REFUSED
	if (!l->limits->devices)
		return bad(l, "an archive has a device node, and images.devices is refuse: %.120s", l->path);
#endif
	return l->limits->devices ? dropped_add(l) : 0;
}

static int kind_of(struct layers *l, uint32_t *ret_kind)
{
	switch (l->tar.entry.type) {
	case '0':
		*ret_kind = TREE_FILE;
		break;
	case '1':
		*ret_kind = TREE_HARDLINK;
		return dropped_has(l, l->link) ? dropped_add(l) : 0;
	case '2':
		*ret_kind = TREE_SYMLINK;
		return l->tar.entry.link[0] ? 0 : bad(l, "an archive has a symbolic link to nothing: %.120s", l->path);
	case '3':
		*ret_kind = TREE_CHAR_DEVICE;
		return drop_device(l);
	case '4':
		*ret_kind = TREE_BLOCK_DEVICE;
		return drop_device(l);
	case '5':
		*ret_kind = TREE_DIRECTORY;
		break;
	default:
		*ret_kind = TREE_FIFO;
	}
	return 0;
}

static int send_entry(struct layers *l)
{
	const struct tar_entry *e = &l->tar.entry;
	struct tree_record record = {
		.mode = e->mode, .uid = e->uid, .gid = e->gid, .mtime = e->mtime, .mtime_nsec = e->mtime_nsec};
	const char *extra = e->type == '1' ? l->link : e->type == '2' ? e->link : "";

	dropped_replace(l, e->type == '5');
	TRY(kind_of(l, &record.kind));
	if (!l->path[0] && record.kind != TREE_DIRECTORY)
		return bad(l, "an archive has a root that is no directory");
	if (record.kind == TREE_FILE)
		record.size = e->size;
	TRY(sent(l, send_record(&l->sender, record, l->path, extra, strlen(extra))));
	if (record.kind == TREE_FILE)
		TRY(send_content(l));
	return send_xattrs(l);
}

/* Limits that the stream cannot know: entries, and what sparse files are when they are unpacked. */
static int entry_count(struct layers *l)
{
	const struct tar_entry *e = &l->tar.entry;
	uint64_t max = l->limits->max_total_bytes;

	if (++l->entries > l->limits->max_entries)
		return bad(l, "the layers have more than %llu entries", (unsigned long long)l->limits->max_entries);
	if (e->size > max || l->bytes > max - e->size || e->size > l->limits->max_layer_bytes)
		return bad(l, "the layers' files are larger than %llu bytes together: %.100s", (unsigned long long)max,
			   e->path);
	l->bytes += e->size;
	return 0;
}

int entry_check(struct layers *l, const char **ret_name)
{
	TRY(entry_count(l));
	TRY(entry_clean_paths(l));
	if (entry_is_old_metadata(l->path))
		return 0;
	if (entry_has_whiteout_directory(l->path) || entry_has_whiteout_directory(l->link))
		return bad(l, "an archive has an entry below a whiteout: %.120s", l->path);
	*ret_name = entry_name(l->path);
	return 1;
}

int entry_read(struct layers *l)
{
	const char *name;
	int r = entry_check(l, &name);

	if (r <= 0)
		return r;
	return str_starts(name, WHITEOUT) ? send_whiteout(l, name) : send_entry(l);
}
