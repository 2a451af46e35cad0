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

enum { NAMES_MAX = 4096, BYTES_MAX = 4 << 20 };

/*
 * They stand in the order of their bytes, so that each entry costs a search, however many there are.  The place of the first that is
 * PATH and then NEXT, or comes behind that: '\0' is PATH itself, '/' what is below it.
 */
static size_t place_of(const struct dropped *dropped, const char *path, unsigned char next)
{
	size_t size = strlen(path), low = 0, high = dropped->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *other = dropped->item[middle].path;
		int order = strncmp(other, path, size);
		if (order < 0 || (order == 0 && (unsigned char)other[size] < next))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Those of layers below END that are PATH and then NEXT are no more. */
static void take_out(struct dropped *dropped, const char *path, unsigned char next, uint32_t end)
{
	bool is_all = next == '/' && !*path;
	size_t from = is_all ? 0 : place_of(dropped, path, next);
	size_t to = is_all ? dropped->count : place_of(dropped, path, next + 1), kept = from;

	for (size_t i = from; i < to; i++) {
		if (dropped->item[i].layer >= end)
			dropped->item[kept++] = dropped->item[i];
	}
	if (kept == to)
		return;
	memmove(dropped->item + kept, dropped->item + to, (dropped->count - to) * sizeof *dropped->item);
	dropped->count -= to - kept;
}

void dropped_replace(struct layers *l, bool is_directory)
{
	take_out(&l->dropped, l->path, '\0', UINT32_MAX);
	if (!is_directory)
		take_out(&l->dropped, l->path, '/', UINT32_MAX);
}

void dropped_hide(struct layers *l, bool is_opaque)
{
	if (!is_opaque)
		take_out(&l->dropped, l->path, '\0', l->layer);
	take_out(&l->dropped, l->path, '/', l->layer);
}

bool dropped_has(const struct layers *l, const char *path)
{
	size_t i = place_of(&l->dropped, path, '\0');

	return i < l->dropped.count && str_equal(l->dropped.item[i].path, path);
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
	size_t i = place_of(dropped, l->path, '\0');
	memmove(dropped->item + i + 1, dropped->item + i, (dropped->count++ - i) * sizeof *dropped->item);
	dropped->item[i] = (struct dropped_name){pool_strdup(l->pool, l->path), l->layer};
	return 0;
}
