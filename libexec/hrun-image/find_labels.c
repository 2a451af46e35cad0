// SPDX-License-Identifier: Apache-2.0
/*
 * find_labels.c - as what was an image unpacked, says containerd?
 *
 * So that nothing in use is thrown away, containerd labels each document with those that it names (containerd.io/gc.ref.content...), and
 * the config of an image with the snapshot that it was unpacked to (containerd.io/gc.ref.snapshot.overlayfs).  It does so each
 * time when it pulls or loads an image, whatever the documents look like.
 *
 *     v1/NAMESPACE/content/blob/DIGEST/labels
 */
#include "find.h"
#include <errno.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>

enum { VISITED_MAX = 512, DIGEST_TEXT_MAX = 160 };

static const char content_label[] = "containerd.io/gc.ref.content",
		  snapshot_label[] = "containerd.io/gc.ref.snapshot.overlayfs";

struct find_label {
	const char *from, *to;
	bool is_snapshot;
};

struct reading {
	struct bolt *b;
	struct find_labels *labels;
	const char *from;
};

static const char *text_of(struct pool *pool, const unsigned char *bytes, size_t size)
{
	return pool_strndup(pool, (const char *)bytes, size);
}

static bool starts(const struct bolt_item *item, const char *prefix)
{
	return item->key_size >= strlen(prefix) && memcmp(item->key, prefix, strlen(prefix)) == 0;
}

static int look_at_label(void *context, const struct bolt_item *item)
{
	const struct reading *reading = context;
	struct find_labels *labels = reading->labels;
	bool is_snapshot = starts(item, snapshot_label);

	if (item->is_bucket || item->value_size > DIGEST_TEXT_MAX || (!is_snapshot && !starts(item, content_label)))
		return 0;
	struct find_label *label = pool_array_add(reading->b->pool, labels->item, labels->count);
	label->from = reading->from;
	label->to = text_of(reading->b->pool, item->value, item->value_size);
	label->is_snapshot = is_snapshot;
	return 0;
}

static int look_at_blob(void *context, const struct bolt_item *item)
{
	const struct reading *all = context;
	struct bolt_bucket blob, labels;
	struct reading reading = *all;

	if (!item->is_bucket || item->key_size > DIGEST_TEXT_MAX)
		return 0;
	TRY(bolt_bucket_of(item, &blob));
	int r = bolt_bucket(all->b, &blob, "labels", &labels);
	if (r != 1)
		return r;
	reading.from = text_of(all->b->pool, item->key, item->key_size);
	return bolt_walk(all->b, &labels, look_at_label, &reading);
}

static int compare(const void *a, const void *b)
{
	const struct find_label *x = a, *y = b;

	return strcmp(x->from, y->from);
}

int find_labels_read(struct bolt *b, const char *namespace, struct find_labels *ret)
{
	const char *const path[] = {"v1", namespace, "content", "blob", NULL};
	struct reading reading = {.b = b, .labels = ret};
	struct bolt_bucket bucket;

	*ret = (struct find_labels){0};
	int r = bolt_path(b, path, &bucket);
	if (r == 1)
		r = bolt_walk(b, &bucket, look_at_blob, &reading);
	if (r == 0 && ret->count > 0)
		qsort(ret->item, ret->count, sizeof *ret->item, compare);
	return r;
}

/* ---- from an image down ---- */

/* The first label of FROM, or those behind it. */
static size_t first_of(const struct find_labels *labels, const char *from)
{
	size_t low = 0, high = labels->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(labels->item[middle].from, from) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct visited {
	const char *item[VISITED_MAX];
	size_t count;
};

/* False where there are too many. */
static bool add(struct visited *visited, const char *digest)
{
	for (size_t i = 0; i < visited->count; i++) {
		if (str_equal(visited->item[i], digest))
			return true;
	}
	if (visited->count == VISITED_MAX)
		return false;
	visited->item[visited->count++] = digest;
	return true;
}

enum find_unpacked find_unpacked(const struct find_labels *labels, const char *digest, const char *chain)
{
	struct visited visited = {.item = {digest}, .count = 1};
	enum find_unpacked found = FIND_NEVER;
	bool is_whole = true;

	for (size_t i = 0; i < visited.count; i++) {
		const char *from = visited.item[i];
		for (size_t k = first_of(labels, from); k < labels->count && str_equal(labels->item[k].from, from);
		     k++) {
			const struct find_label *label = &labels->item[k];
			if (!label->is_snapshot)
				is_whole &= add(&visited, label->to);
			else if (str_equal(label->to, chain))
				return FIND_HERE;
			else
				found = FIND_ELSEWHERE;
		}
	}
	return is_whole ? found : FIND_NEVER;
}
