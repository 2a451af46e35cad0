/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waiver_index.c - which waiver a finding has.
 *
 * A fleet has a thousand, and most of them of the few rules that find most.  So they are found by all that they ask
 * for at once, by a table that is made when they are read: rule, value, image; and where they ask for no image, the
 * letters that the glob of the cgroup begins with.  What is left is compared.
 */
#include <hrun/action.h>
#include <hrun/str.h>

enum { WAIVERS_MAX = 3 * POLICY_MAX_WAIVERS }; /* of the machine's policy, a class's and the caller's own */
enum { STEP = 4, STEPS = 64 };		       /* letters of globs are counted in fours, and no more than 63 of these */

struct waiver_index {
	uint64_t rules;	   /* bit RULE % 64: it may have some */
	uint64_t prefixes; /* bit N: of some the glob begins with N * STEP letters */
	size_t mask;	   /* of the slots: a power of two less one */
	/* Numbers in the policy's list, plus one; 0: none. */
	uint16_t *next; /* the next one in the same slot */
	uint16_t slot[];
};
_Static_assert(WAIVERS_MAX < UINT16_MAX, "their numbers have room");

/* What is sought; NULL and 0 stand for what is not asked for. */
struct key {
	size_t rule;
	const char *value, *image_digest, *cgroup;
	size_t prefix; /* so many letters of the cgroup */
};

static uint64_t hash_text(uint64_t hash, const char *text)
{
	return str_hash(hash, text, strlen(text));
}

/* The end of a digest says as much as the whole. */
static uint64_t hash_digest(uint64_t hash, const char *digest)
{
	enum { ENOUGH = 16 };
	size_t length = strlen(digest);

	return length < ENOUGH ? hash_text(hash, digest) : str_hash(hash, digest + length - ENOUGH, ENOUGH);
}

static size_t slot_of(const struct waiver_index *index, struct key key)
{
	uint64_t hash = hash_text(key.rule, key.value ? key.value : "");

	if (key.image_digest)
		hash = hash_digest(hash, key.image_digest);
	return (key.prefix ? str_hash(hash, key.cgroup, key.prefix) : hash) & index->mask;
}

static struct key key_of(const struct waiver *waiver)
{
	struct key key = {waiver->rule, waiver->value, waiver->image_digest, waiver->cgroup, 0};

	if (!key.image_digest && key.cgroup)
		key.prefix = strcspn(key.cgroup, "*?\\") / STEP * STEP;
	if (key.prefix >= STEP * STEPS)
		key.prefix = STEP * (STEPS - 1);
	return key;
}

void policy_index_waivers(struct pool *pool, struct policy *policy)
{
	size_t count = policy->waiver_count, slots = 1;

	policy->waiver_index = NULL;
	if (!count)
		return;
	while (slots < 2 * count)
		slots *= 2;
	struct waiver_index *index = pool_alloc(pool, sizeof *index + slots * sizeof *index->slot);
	index->mask = slots - 1;
	index->next = pool_alloc(pool, count * sizeof *index->next);
	for (size_t i = count; i-- > 0;) {
		const struct key key = key_of(&policy->waivers[i]);
		uint16_t *slot = &index->slot[slot_of(index, key)];
		index->next[i] = *slot;
		*slot = (uint16_t)(i + 1);
		index->rules |= UINT64_C(1) << key.rule % 64;
		index->prefixes |= UINT64_C(1) << key.prefix / STEP;
	}
	policy->waiver_index = index;
}

/* The index that was signed, or the manifest below it that runs here. */
static bool is_image(const struct judged *judged, const char *digest)
{
	return judged->image_digest && (str_equal(digest, judged->image_digest) ||
					(judged->image_manifest && str_equal(digest, judged->image_manifest)));
}

static bool matches(const struct waiver *waiver, const struct judged *judged, const char *value)
{
	if (waiver->value && (!value || !str_equal(waiver->value, value)))
		return false;
	if (waiver->image_digest && !is_image(judged, waiver->image_digest))
		return false;
	if (waiver->cgroup && (!judged->cgroup_path || !glob_match(waiver->cgroup, judged->cgroup_path)))
		return false;
	return waiver->value || waiver->image_digest || waiver->cgroup;
}

/* The one that holds longest, and of these the first: a slot has them in their order. */
static const struct waiver *better(const struct waiver *a, const struct waiver *b)
{
	if (!a || !b)
		return a ? a : b;
	if (a->days_left != b->days_left)
		return a->days_left > b->days_left ? a : b;
	return a < b ? a : b;
}

/* Of those that match a finding of the rule. */
static const struct waiver *best_in_slot(const struct finder *finder, struct key key)
{
	const struct policy *policy = finder->judged->policy;
	const struct waiver_index *index = policy->waiver_index;
	const struct waiver *best = NULL;

	for (size_t i = index->slot[slot_of(index, key)]; i; i = index->next[i - 1]) {
		const struct waiver *waiver = &policy->waivers[i - 1];
		if (waiver->rule == key.rule && (!best || waiver->days_left > best->days_left) &&
		    matches(waiver, finder->judged, key.value))
			best = waiver;
	}
	return best;
}

static const struct waiver *best_by_cgroup(const struct finder *finder, struct key key)
{
	size_t length = key.cgroup ? strlen(key.cgroup) : 0;
	const struct waiver *best = NULL;

	for (uint64_t left = finder->judged->policy->waiver_index->prefixes; left; left &= left - 1) {
		key.prefix = (size_t)__builtin_ctzll(left) * STEP;
		if (key.prefix <= length)
			best = better(best, best_in_slot(finder, key));
	}
	return best;
}

/* Of those that ask for this value, or for none. */
static const struct waiver *best_for(const struct finder *finder, const char *value)
{
	const struct judged *judged = finder->judged;
	const char *const images[] = {judged->image_digest, judged->image_digest ? judged->image_manifest : NULL};
	struct key key = {.rule = (size_t)(finder->rule - rules), .value = value, .cgroup = judged->cgroup_path};
	const struct waiver *best = best_by_cgroup(finder, key);

	key.prefix = 0;
	for (size_t i = 0; i < sizeof images / sizeof images[0]; i++) {
		key.image_digest = images[i];
		if (images[i])
			best = better(best, best_in_slot(finder, key));
	}
	return best;
}

const struct waiver *waiver_of(struct finder *finder, const struct finding *finding)
{
	const struct waiver_index *index = finder->judged->policy->waiver_index;
	size_t rule = (size_t)(finder->rule - rules);

	if (!index || !(index->rules >> rule % 64 & 1))
		return NULL;
	if (!finder->has_waiver) {
		finder->waiver = best_for(finder, NULL);
		finder->has_waiver = true;
	}
	return finding->value ? better(finder->waiver, best_for(finder, finding->value)) : finder->waiver;
}
