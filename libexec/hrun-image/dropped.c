// SPDX-License-Identifier: Apache-2.0
/*
 * dropped.c - which names are device nodes that were left out, as hrun-tree has it at this entry?
 *
 * A hard link to one is left out as well and counts as one more: nobody shall look for a name that the image has and the tree has not.
 */
#include "layer.h"
#include <hrun/str.h>
#include <stdio.h>
#include <string.h>

/* All of them are looked at for each entry. */
enum { NAMES_MAX = 4096, BYTES_MAX = 4 << 20 };

static bool is_below(const char *path, const char *directory, size_t size)
{
	return size == 0 || (strncmp(path, directory, size) == 0 && path[size] == '/');
}

static void take_out(struct dropped *dropped, size_t i)
{
	dropped->item[i] = dropped->item[--dropped->count];
}

void dropped_replace(struct layers *l, bool is_directory)
{
	struct dropped *dropped = &l->dropped;
	size_t size = strlen(l->path);

	for (size_t i = dropped->count; i-- > 0;) {
		const char *path = dropped->item[i].path;
		if (str_equal(path, l->path) || (!is_directory && is_below(path, l->path, size)))
			take_out(dropped, i);
	}
}

void dropped_hide(struct layers *l, bool is_opaque)
{
	struct dropped *dropped = &l->dropped;
	size_t size = strlen(l->path);

	for (size_t i = dropped->count; i-- > 0;) {
		const struct dropped_name *name = &dropped->item[i];
		if (name->layer < l->layer &&
		    (is_below(name->path, l->path, size) || (!is_opaque && str_equal(name->path, l->path))))
			take_out(dropped, i);
	}
}

bool dropped_has(const struct layers *l, const char *path)
{
	for (size_t i = 0; i < l->dropped.count; i++) {
		if (str_equal(l->dropped.item[i].path, path))
			return true;
	}
	return false;
}

int dropped_add(struct layers *l)
{
	struct image_devices *devices = l->limits->devices;
	struct dropped *dropped = &l->dropped;

	if (devices->count++ == 0)
		snprintf(devices->first, sizeof devices->first, "%.*s", (int)sizeof devices->first - 1, l->path);
	dropped->bytes += strlen(l->path) + sizeof *dropped->item;
	if (dropped->count == NAMES_MAX || dropped->bytes > BYTES_MAX)
		return refuse(l->tar.r, IMAGE_STAGE_UNPACK,
			      "the layers have more device nodes than can be left out: %.120s", l->path);
	if (!dropped->item)
		dropped->item = pool_alloc(l->pool, NAMES_MAX * sizeof *dropped->item);
	dropped->item[dropped->count++] = (struct dropped_name){pool_strdup(l->pool, l->path), l->layer};
	return 0;
}
