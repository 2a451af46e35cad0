// SPDX-License-Identifier: Apache-2.0
/*
 * find_snapshot.c - of which chain of layers is a snapshot of containerd's, and in which namespace?
 */
#include "find.h"
#include <errno.h>
#include <hrun/str.h>
#include <string.h>

enum { PARENTS_MAX = 8 };

#define no_chain(s, ...) refuse((s)->r, IMAGE_STAGE_INDEX, __VA_ARGS__)

struct search {
	struct bolt *b;
	const struct image_request *request;
	struct find_snapshot *ret;
	struct refusal *r;
	struct bolt_item found; /* the key of the one that is looked for, and its bucket */
};

static bool read_varint(const struct bolt_item *item, uint64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < item->value_size && i < 9; i++) {
		*ret |= (uint64_t)(item->value[i] & 0x7f) << (7 * i);
		if (!(item->value[i] & 0x80))
			return true;
	}
	return false;
}

/* The key of a snapshot is "NAMESPACE/NUMBER/NAME"; an image's own has the chain as its name.  1: it is; 0: it is not. */
static int take_key(struct search *s, const char *key)
{
	const char *first = strchr(key, '/'), *last = strrchr(key, '/');

	if (!first || first == last || digest_read(last + 1, &s->ret->chain) < 0)
		return 0;
	const char *namespace = pool_strndup(s->b->pool, key, (size_t)(first - key));
	if (str_format(s->ret->namespace, sizeof s->ret->namespace, "%s", namespace) < 0)
		return no_chain(s, "containerd's namespace has too long a name");
	return 1;
}

static int look_at_snapshot(void *context, const struct bolt_item *item)
{
	struct search *s = context;
	struct bolt_bucket bucket;
	struct bolt_item id;
	uint64_t number;

	if (!item->is_bucket)
		return 0;
	TRY(bolt_bucket_of(item, &bucket));
	int r = bolt_value(s->b, &bucket, "id", &id);
	if (r <= 0)
		return r;
	if (!read_varint(&id, &number) || number != s->request->snapshot)
		return 0;
	s->found = *item;
	return 1;
}

/* What stands between a container and its image (a copy for mapped ids, Docker's own layer) is made of the image's. */
static int take_parents(struct search *s, const struct bolt_bucket *all, const struct bolt_item *item)
{
	const char *key = pool_strndup(s->b->pool, (const char *)item->key, item->key_size), *name = strrchr(key, '/');
	struct bolt_bucket bucket;
	struct bolt_item parent;

	TRY(bolt_bucket_of(item, &bucket));
	for (int i = 0; i < PARENTS_MAX; i++) {
		int r = take_key(s, key);
		if (r != 0)
			return r;
		if (!s->request->parents)
			return no_chain(
				s,
				"the topmost layer is no image's own but `%.100s` (Docker adds one; a mapped user's is a copy)",
				name ? name + 1 : key);
		r = bolt_value(s->b, &bucket, "parent", &parent);
		if (r <= 0)
			return r;
		key = pool_strndup(s->b->pool, (const char *)parent.value, parent.value_size);
		r = bolt_bucket(s->b, all, key, &bucket);
		if (r < 0)
			return r;
		if (r == 0)
			return no_chain(s, "containerd knows no snapshot `%.100s`, of which another one is made", key);
	}
	return no_chain(s, "more than %d snapshots stand between the container and its image", PARENTS_MAX - 1);
}

int find_snapshot(struct bolt *b, const struct image_request *request, struct find_snapshot *ret, struct refusal *r)
{
	static const char *const path[] = {"v1", "snapshots", NULL};
	struct search s = {.b = b, .request = request, .ret = ret, .r = r};
	struct bolt_bucket bucket;

	*ret = (struct find_snapshot){0};
	int found = bolt_path(b, path, &bucket);
	if (found == 1)
		found = bolt_walk(b, &bucket, look_at_snapshot, &s);
	if (found == 0)
		return no_chain(&s, "containerd knows no snapshot %ju", (uintmax_t)request->snapshot);
	return found < 0 ? found : take_parents(&s, &bucket, &s.found);
}
