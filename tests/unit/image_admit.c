/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_admit.c - denyDigests, allowDigests and notBefore against answers that accept; each alone, together, and of two files.
 */
#include "check.h"
#include <hrun/image.h>
#include <hrun/str.h>
#include <stdio.h>
#include <string.h>

#define D(c) "sha256:" c c c c c c c c c c c c c c c c
#define INDEX D("1111")
#define MANIFEST D("2222")
#define OTHER D("3333")

static struct pool pool;

static struct image_source none(const char *path)
{
	return (struct image_source){.path = path, .require = IMAGES_SIGNED};
}

static struct string_list list_of(const char *digest)
{
	static const char *items[8][1];
	static size_t used;
	const char **item = items[used++ % 8];

	item[0] = digest;
	return (struct string_list){.item = item, .count = 1, .present = true};
}

/* The answer about an image with both digests, whose config is CONFIG, under the sources. */
static struct image_result ask_as(uint32_t verdict, const char *config, const char *name, bool denied_only,
				  struct image_source *sources, size_t count)
{
	const struct policy_images images = {.require = IMAGES_SIGNED, .sources = sources, .source_count = count};
	struct image_call *call = pool_alloc(&pool, sizeof *call);
	struct image_result result = {.config = config, .config_size = config ? strlen(config) : 0};

	call->admitted_by = &images;
	call->denied_only = denied_only;
	str_format(call->request.name, sizeof call->request.name, "%s", name);
	result.answer.verdict = verdict;
	result.answer.config_size = result.config_size;
	str_format(result.answer.image_digest, sizeof result.answer.image_digest, "%s", INDEX);
	str_format(result.answer.manifest_digest, sizeof result.answer.manifest_digest, "%s", MANIFEST);
	image_admit(&pool, call, &result);
	return result;
}

static struct image_result ask(const char *config, const char *name, struct image_source *source)
{
	return ask_as(IMAGE_ACCEPT, config, name, false, source, 1);
}

static bool rejects(const struct image_result *result, const char *why)
{
	bool right = result->answer.verdict == IMAGE_REJECT && result->answer.stage == IMAGE_STAGE_POLICY &&
		     strstr(result->answer.reason, why) && !result->config && !result->config_size &&
		     !result->answer.config_size;

	if (!right)
		printf("%u at %u: %s, expected %s\n", result->answer.verdict, result->answer.stage,
		       result->answer.reason, why);
	return right;
}

static bool accepts(const struct image_result *result)
{
	return result->answer.verdict == IMAGE_ACCEPT && !result->answer.reason[0] && !result->denied;
}

static void test_denied(void)
{
	static const char *const both[] = {INDEX, MANIFEST};
	struct image_source source = none("/p");
	struct image_result r;

	for (size_t i = 0; i < 2; i++) {
		source.deny_digests = list_of(both[i]);
		r = ask("{}", "", &source);
		CHECK(rejects(&r, pool_printf(&pool, "%s stands in images.denyDigests of `/p`", both[i])) && r.denied);
		r = ask_as(IMAGE_LAYERS_UNREAD, "{}", "", false, &source, 1);
		CHECK(rejects(&r, both[i]) && r.denied);
		r = ask_as(IMAGE_ACCEPT, "{}", "", true, &source, 1);
		CHECK(rejects(&r, both[i]) && r.denied);
	}
	source.deny_digests = list_of(OTHER);
	r = ask("{}", "", &source);
	CHECK(accepts(&r) && r.config);
	/* Both lists: denied is stronger. */
	source.deny_digests = source.allow_digests = list_of(INDEX);
	r = ask("{}", "", &source);
	CHECK(rejects(&r, "denyDigests") && r.denied);
	/* What is refused already keeps its reason. */
	r = ask_as(IMAGE_MALFORMED, NULL, "", false, &source, 1);
	CHECK(r.answer.verdict == IMAGE_MALFORMED && !r.denied);
}

static void test_allowed(void)
{
	struct image_source source = none("/p");
	struct image_result r;

	source.allow_digests = list_of(OTHER);
	r = ask("{}", "", &source);
	CHECK(rejects(&r, INDEX " does not stand in images.allowDigests of `/p`") && !r.denied);
	r = ask_as(IMAGE_ACCEPT, "{}", "", true, &source, 1);
	CHECK(accepts(&r));
	source.allow_digests = list_of(INDEX);
	r = ask("{}", "", &source);
	CHECK(accepts(&r));
	source.allow_digests = list_of(MANIFEST);
	r = ask("{}", "", &source);
	CHECK(accepts(&r));
}

static void test_two_files(void)
{
	struct image_source sources[] = {none("/a"), none("/b")};
	struct image_result r;

	sources[0].allow_digests = list_of(INDEX);
	sources[1].deny_digests = list_of(MANIFEST);
	r = ask_as(IMAGE_ACCEPT, "{}", "", false, sources, 2);
	CHECK(rejects(&r, "denyDigests of `/b`"));
	sources[1] = none("/b");
	sources[1].allow_digests = list_of(MANIFEST);
	r = ask_as(IMAGE_ACCEPT, "{}", "", false, sources, 2);
	CHECK(accepts(&r));
	sources[1].allow_digests = list_of(OTHER);
	r = ask_as(IMAGE_ACCEPT, "{}", "", false, sources, 2);
	CHECK(rejects(&r, "allowDigests of `/b`"));
}

#define CREATED(time) "{\"created\":\"" time "\",\"os\":\"linux\"}"

static void test_time(void)
{
	struct image_not_before limits[] = {
		{.scope = "*", .text = "2026-01-01T00:00:00Z", .seconds = 1767225600},
		{.scope = "r/a/*", .text = "2027-01-01T00:00:00Z", .seconds = 1798761600},
		{.scope = "r/a/b", .text = "2025-01-01T00:00:00Z", .seconds = 1735689600},
	};
	static const struct {
		const char *name, *config, *why; /* NULL: accepted */
	} cases[] = {
		{"", CREATED("2026-01-01T00:00:00Z"), NULL},
		{"", CREATED("2025-12-31T23:59:59.999999999Z"),
		 "it was created at 2025-12-31T23:59:59.999999999Z, before images.notBefore of `/p`, 2026-01-01T00:00:00Z"},
		{"", CREATED("2026-01-01T00:59:59+01:00"), "before images.notBefore"},
		{"", CREATED("2025-12-31T23:30:00-01:00"), NULL},
		{"", CREATED("0001-01-01T00:00:00Z"), "before images.notBefore"},
		{"", CREATED("1970-01-01T00:00:00Z"), "before images.notBefore"},
		{"", CREATED("9999-12-31T23:59:59Z"), NULL},
		{"", CREATED(""), "nothing that is signed says when it was created"},
		{"", CREATED("yesterday"), "nothing that is signed says"},
		{"", CREATED("2026-01-01"), "nothing that is signed says"},
		{"", "{\"created\":null}", "nothing that is signed says"},
		{"", "{\"created\":1767225600}", "nothing that is signed says"},
		{"", "{\"Created\":\"2027-01-01T00:00:00Z\"}", "nothing that is signed says"},
		{"", "{\"history\":[{\"created\":\"2027-01-01T00:00:00Z\"}]}", "nothing that is signed says"},
		{"", NULL, "nothing that is signed says"},
		/* The most specific scope. */
		{"r/a/c:v1", CREATED("2026-06-01T00:00:00Z"), "2027-01-01T00:00:00Z"},
		{"r/a/b:v1", CREATED("2025-06-01T00:00:00Z"), NULL},
		{"r/a/b", CREATED("2024-06-01T00:00:00Z"), "2025-01-01T00:00:00Z"},
		{"r/ab", CREATED("2026-06-01T00:00:00Z"), NULL},
	};
	struct image_source source = none("/p");
	struct image_result r;

	source.not_before = limits;
	source.not_before_count = 3;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		r = ask(cases[i].config, cases[i].name, &source);
		CHECK(cases[i].why ? rejects(&r, cases[i].why) && !r.denied : accepts(&r), "%s %s: %s", cases[i].name,
		      cases[i].config, r.answer.reason);
	}
	/* No scope is for it: no limit. */
	source.not_before = limits + 1;
	source.not_before_count = 2;
	r = ask("{}", "", &source);
	CHECK(accepts(&r));
	r = ask("{}", "r/a/x", &source);
	CHECK(rejects(&r, "nothing that is signed says"));
}

static void test_nobody_asks(void)
{
	struct image_call *call = pool_alloc(&pool, sizeof *call);
	struct image_result r = {.answer = {.verdict = IMAGE_ACCEPT}};

	image_admit(&pool, call, &r);
	CHECK(accepts(&r));
}

int main(void)
{
	test_denied();
	test_allowed();
	test_two_files();
	test_time();
	test_nobody_asks();
	pool_free(&pool);
	return failures != 0;
}
