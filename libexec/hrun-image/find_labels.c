// SPDX-License-Identifier: Apache-2.0
/*
 * find_labels.c - as what was an image unpacked, says containerd?
 *
 * So that nothing in use is thrown away, containerd labels each document with those that it names (containerd.io/gc.ref.content...), and
 * the config of an image with the snapshot that it was unpacked to (containerd.io/gc.ref.snapshot.SNAPSHOTTER).  It does so each
 * time when it pulls or loads an image, whatever the documents look like.
 *
 *     v1/NAMESPACE/content/blob/DIGEST/labels
 */
#include "find.h"
#include <errno.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>

enum { DIGEST_TEXT_MAX = 160 };

static const char content_label[] = "containerd.io/gc.ref.content", snapshot_label[] = "containerd.io/gc.ref.snapshot.";

struct find_label {
	const char *from, *to;
	bool is_snapshot;
	enum find_unpacked state; /* of FROM, in its first label */
};

struct reading {
	struct bolt *b;
	struct find_labels *labels;
	const char *snapshotter, *from;
};

static const char *text_of(struct pool *pool, const unsigned char *bytes, size_t size)
{
	return pool_strndup(pool, (const char *)bytes, size);
}

static bool starts(const struct bolt_item *item, const char *prefix)
{
	return item->key_size >= strlen(prefix) && memcmp(item->key, prefix, strlen(prefix)) == 0;
}

static bool is_of(const struct bolt_item *item, const char *snapshotter)
{
	const size_t head = sizeof snapshot_label - 1, size = strlen(snapshotter);

	return starts(item, snapshot_label) && item->key_size >= head + size &&
	       memcmp(item->key + head, snapshotter, size) == 0 &&
	       (item->key_size == head + size || item->key[head + size] == '/');
}

static int look_at_label(void *context, const struct bolt_item *item)
{
	const struct reading *reading = context;
	struct find_labels *labels = reading->labels;
	bool is_snapshot = is_of(item, reading->snapshotter);

	if (item->is_bucket || item->value_size > DIGEST_TEXT_MAX || (!is_snapshot && !starts(item, content_label)))
		return 0;
	struct find_label *label = pool_array_add(reading->b->pool, labels->item, labels->count);
	label->from = reading->from;
	label->to = text_of(reading->b->pool, item->value, item->value_size);
	label->is_snapshot = is_snapshot;
	label->state = FIND_NEVER;
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

int find_labels_read(struct bolt *b, const char *namespace, const char *snapshotter, struct find_labels *ret)
{
	const char *const path[] = {"v1", namespace, "content", "blob", NULL};
	struct reading reading = {.b = b, .labels = ret, .snapshotter = snapshotter};
	struct bolt_bucket bucket;

	*ret = (struct find_labels){0};
	int r = bolt_path(b, path, &bucket);
	if (r == 1)
		r = bolt_walk(b, &bucket, look_at_blob, &reading);
	if (r == 0 && ret->count > 0)
		qsort(ret->item, ret->count, sizeof *ret->item, compare);
	return r;
}

/* ---- from a snapshot up ---- */

/* The first label of FROM; NULL: it has none. */
static struct find_label *labels_of(const struct find_labels *labels, const char *from)
{
	size_t low = 0, high = labels->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(labels->item[middle].from, from) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < labels->count && str_equal(labels->item[low].from, from) ? &labels->item[low] : NULL;
}

/* The first of those that name TO, or what is behind them. */
static size_t first_to(const struct find_labels *labels, struct find_label *const *by_to, const char *to)
{
	size_t low = 0, high = labels->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(by_to[middle]->to, to) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int compare_to(const void *a, const void *b)
{
	const struct find_label *const *x = a, *const *y = b;

	return strcmp((*x)->to, (*y)->to);
}

/* Documents whose state is new, and not yet that of those that name them. */
struct changed {
	struct find_label **item;
	size_t count;
};

static void mark(const struct find_labels *labels, const char *from, enum find_unpacked state, struct changed *changed)
{
	struct find_label *first = labels_of(labels, from);

	if (!first || first->state >= state)
		return;
	first->state = state;
	changed->item[changed->count++] = first;
}

/* Upwards, each label twice at most: what others have in the store, and how much, must not keep this image from being found. */
void find_labels_judge(struct find_labels *labels, struct pool *pool, const char *chain)
{
	if (labels->count == 0)
		return;
	struct find_label **by_to = pool_alloc(pool, labels->count * sizeof *by_to);
	struct changed changed = {.item = pool_alloc(pool, 2 * labels->count * sizeof *changed.item)};
	for (size_t i = 0; i < labels->count; i++) {
		struct find_label *label = by_to[i] = &labels->item[i];
		if (label->is_snapshot)
			mark(labels, label->from, str_equal(label->to, chain) ? FIND_HERE : FIND_ELSEWHERE, &changed);
	}
	qsort(by_to, labels->count, sizeof(struct find_label *), compare_to);
	while (changed.count > 0) {
		const struct find_label *below = changed.item[--changed.count];
		for (size_t i = first_to(labels, by_to, below->from);
		     i < labels->count && str_equal(by_to[i]->to, below->from); i++) {
			if (!by_to[i]->is_snapshot)
				mark(labels, by_to[i]->from, below->state, &changed);
		}
	}
}

enum find_unpacked find_unpacked(const struct find_labels *labels, const char *digest)
{
	const struct find_label *first = labels_of(labels, digest);

	return first ? first->state : FIND_NEVER;
}
