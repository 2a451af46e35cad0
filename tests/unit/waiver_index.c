/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waiver_index.c - waivers are found by a table: what it answers is what a look at each of them answers.
 *
 * Lists and findings are drawn from few words, so that many of them match, nearly match, or stand twice.
 */
#include "check.h"

#include <hrun/action.h>
#include <hrun/str.h>
#include <stdlib.h>

enum { LISTS = 400, LIST_MAX = 120, FINDINGS = 60, RULES = 3 };

#define TEXT_100                                           \
	"/abcdefghijklmnopqrstuvwxyz/abcdefghijklmnopqrst" \
	"/abcdefghijklmnopqrstuvwxyz/abcdefghijklmnopqrstuvwx"
static const char *const values[] = {NULL, "CAP_CHOWN", "CAP_CHOW",  "CAP_CHOWN_",
				     "8",  "12345678",	"123456789", "/srv/data/1"};
static const char *const images[] = {NULL, "sha256:1", "sha256:2", "sha256:00000000000000000000000000000001",
				     "sha256:10000000000000000000000000000001"};
static const char *const globs[] = {
	NULL,
	"*",
	"/",
	"/a",
	"/a*",
	"/a/b",
	"/a/?",
	"/abc",
	"/abc*",
	"/abcd*",
	"?abcd/",
	"/abcd/*",
	"/abcd/e?",
	"/\\*",
	"/abcd\\?",
	"/ab\\cd",
	"*/e",
	"**",
	"/*d/*",
	"a",
	TEXT_100,
	TEXT_100 "*",
	TEXT_100 TEXT_100 TEXT_100,
	TEXT_100 TEXT_100 TEXT_100 "/x?",
};
static const char *const cgroups[] = {NULL,
				      "/",
				      "/a",
				      "/ab",
				      "/a/b",
				      "/abc",
				      "/abcd",
				      "/abcd/",
				      "/abcd/e",
				      "/abcd/ef",
				      "/*",
				      "/abcd?",
				      "",
				      "/ab\\cd",
				      TEXT_100,
				      TEXT_100 TEXT_100 TEXT_100,
				      TEXT_100 TEXT_100 TEXT_100 "/xy"};

static struct pool pool;
static unsigned int seed = 1;

#define ANY_OF(words) ((words)[any(sizeof(words) / sizeof *(words))])
static size_t any(size_t count)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % count;
}

static bool is_text(const char *a, const char *b)
{
	return a && b && str_equal(a, b);
}

/* hrun-policy(5): all that is asked for must match; of several the one that holds longest, of these the first. */
static const struct waiver *look_at_each(const struct policy *policy, size_t rule, const struct judged *judged,
					 const char *value)
{
	const struct waiver *best = NULL;

	for (size_t i = 0; i < policy->waiver_count; i++) {
		const struct waiver *w = &policy->waivers[i];
		bool is_image = is_text(w->image_digest, judged->image_digest) ||
				(judged->image_digest && is_text(w->image_digest, judged->image_manifest));
		bool is_cgroup = w->cgroup && judged->cgroup_path && glob_match(w->cgroup, judged->cgroup_path);
		if (w->rule == rule && (!w->value || is_text(w->value, value)) && (!w->image_digest || is_image) &&
		    (!w->cgroup || is_cgroup) && (w->value || w->image_digest || w->cgroup) &&
		    (!best || w->days_left > best->days_left))
			best = w;
	}
	return best;
}

/* Some ask for one thing, some for all. */
static void draw_list(struct policy *policy, struct waiver *waivers)
{
	policy->waivers = waivers;
	policy->waiver_count = any(LIST_MAX);
	for (size_t i = 0; i < policy->waiver_count; i++)
		waivers[i] = (struct waiver){
			.rule = i * RULES / policy->waiver_count, /* sorted */
			.value = any(2) ? ANY_OF(values) : NULL,
			.image_digest = any(3) ? NULL : ANY_OF(images),
			.cgroup = any(2) ? ANY_OF(globs) : NULL,
			.days_left = (int)any(7) - 2,
		};
	policy_index_waivers(&pool, policy);
}

static void test_lists(void)
{
	static struct waiver waivers[LIST_MAX];
	unsigned int found = 0;

	for (int list = 0; list < LISTS; list++) {
		struct policy policy = policy_default();
		draw_list(&policy, waivers);
		for (int i = 0; i < FINDINGS; i++) {
			const struct judged judged = {.pool = &pool,
						      .policy = &policy,
						      .cgroup_path = ANY_OF(cgroups),
						      .image_digest = ANY_OF(images),
						      .image_manifest = ANY_OF(images)};
			struct finder finder = {.judged = &judged, .rule = &rules[any(RULES + 1)]};
			/* The second one gets what the first has left in the finder. */
			for (int k = 0; k < 2; k++) {
				const struct finding finding = {.rule = finder.rule, .value = ANY_OF(values)};
				const struct waiver *waiver = waiver_of(&finder, &finding);
				found += waiver != NULL;
				CHECK(waiver == look_at_each(&policy, (size_t)(finder.rule - rules), &judged,
							     finding.value),
				      "list %d, finding %d of `%s` in `%s`", list, i,
				      finding.value ? finding.value : "", judged.cgroup_path ? judged.cgroup_path : "");
			}
		}
	}
	CHECK(found > LISTS * FINDINGS / 4, "only %u have a waiver: the lists say little", found);
}

/* A list that nobody has indexed lifts nothing. */
static void test_without_index(void)
{
	const struct waiver waiver = {.rule = 0, .cgroup = "*", .days_left = 1};
	struct policy policy = policy_default();
	const struct judged judged = {.pool = &pool, .policy = &policy, .cgroup_path = "/a"};
	struct finder finder = {.judged = &judged, .rule = rules};
	const struct finding finding = {.rule = rules};

	policy.waivers = &waiver;
	policy.waiver_count = 1;
	CHECK(!waiver_of(&finder, &finding));
	policy_index_waivers(&pool, &policy);
	finder.has_waiver = false;
	CHECK(waiver_of(&finder, &finding) == &waiver);
	policy.waiver_count = 0;
	policy_index_waivers(&pool, &policy);
	CHECK(!policy.waiver_index);
}

int main(void)
{
	test_lists();
	test_without_index();
	pool_free(&pool);
	return failures != 0;
}
