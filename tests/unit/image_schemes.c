/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_schemes.c - every signature case is accepted or refused as it says, and no byte of a good one can be changed.
 *
 * The cases of tests/data/image-signatures (make.py writes them), or of the files given as arguments.
 */
#include "check.h"
#include "image_driver.h"

static const char *const stages[] = {"", "index", "signature", "policy", "manifest", "config", "layer", "unpack"};

static void check_answer(const struct driver_case *c, const struct image_answer *answer)
{
	for (size_t i = 0; i < answer->signature_count; i++) {
		const struct image_signature *v = &answer->signatures[i];
		CHECK(v->ok || v->reason[0], "%s: a bad one without a reason", c->name);
		CHECK(v->format[0] && (!v->ok || v->key[0]), "%s", c->name);
		CHECK(!str_has_control(v->reason) && !str_has_control(v->identity), "%s: %s", c->name, v->reason);
	}
}

static void check_case(struct pool *pool, const struct driver_case *c)
{
	struct image_answer *answer = pool_alloc(pool, sizeof *answer);
	struct refusal r = {0};
	bool accepted =
		signatures_check(pool, c->request, c->trusts, c->candidates, c->count, &c->subject, answer, &r) == 0;

	check_answer(c, answer);
	if (getenv("IMAGE_SCHEMES_TELL"))
		printf("%-50s %s %s: %s\n", c->name, accepted ? "accept" : "reject", stages[r.stage], r.reason);
	if (str_equal(c->expect, "either"))
		return;
	CHECK(accepted == str_equal(c->expect, "accept"), "%s: %s", c->name, r.reason);
	CHECK(accepted == !r.reason[0], "%s: %s", c->name, r.reason);
	if (!accepted && c->stage[0])
		CHECK(r.stage <= driver_index(c->stage, stages, 8), "%s: at %s: %s", c->name, stages[r.stage],
		      r.reason);
}

static bool is_good(struct pool *pool, const struct driver_case *c, const struct candidate *candidate)
{
	struct image_signature v;
	size_t key = SIZE_MAX;

	scheme_check(pool, candidate, &c->subject, &c->trusts[0], c->request->name, c->request->now, &v, &key);
	if (v.ok != (key < IMAGE_KEYS_MAX) || str_has_control(v.reason) || (!v.ok && !v.reason[0]))
		CHECK(false, "%s: %s", c->name, v.reason);
	return v.ok;
}

/* The one stretch of an envelope that nobody signs and that says nothing: behind WORD, up to END. */
static bool is_unsigned(const struct blob *blob, size_t at, const char *word, size_t skip, char end)
{
	const unsigned char *from = memmem(blob->bytes, blob->size, word, strlen(word));

	if (!from)
		return false;
	from += strlen(word) + skip;
	const unsigned char *to = memchr(from, end, (size_t)(blob->bytes + blob->size - from));
	return to && blob->bytes + at >= from && blob->bytes + at < to;
}

static bool may_change(const struct candidate *candidate, size_t at)
{
	switch (candidate->format) {
	case SIGSTORE_BUNDLE:
		return is_unsigned(&candidate->blob, at, "\"hint\":", 1, '"') ||
		       is_unsigned(&candidate->blob, at, "\"tlogEntries\":", 2, '}');
	case NOTATION_JWS:
		return is_unsigned(&candidate->blob, at, "\"io.cncf.notary.signingAgent\":", 1, '"');
	case NOTATION_COSE:
		return is_unsigned(&candidate->blob, at, "io.cncf.notary.signingAgent", 1, '\x58') ||
		       is_unsigned(&candidate->blob, at, "io.cncf.notary.timestampSignature", 1, '\x58');
	default:
		return false;
	}
}

static void check_flips(const struct driver_case *c, const struct candidate *good, unsigned int step)
{
	unsigned char *bytes = malloc(good->blob.size + 1);

	memcpy(bytes, good->blob.bytes, good->blob.size + 1);
	for (size_t i = 0; i < good->blob.size; i++) {
		for (unsigned int bit = (unsigned int)i % step; bit < 8; bit += step) {
			struct pool pool = {0};
			struct candidate bad_one = *good;
			bad_one.blob.bytes = bytes;
			bytes[i] ^= (unsigned char)(1 << bit);
			CHECK(!is_good(&pool, c, &bad_one) || may_change(good, i), "%s: byte %zu bit %u", c->name, i,
			      bit);
			bytes[i] ^= (unsigned char)(1 << bit);
			pool_free(&pool);
		}
	}
	/* Nor can it be cut or be longer. */
	for (size_t size = 0; size < good->blob.size; size += 1 + size / 64) {
		struct pool pool = {0};
		struct candidate bad_one = *good;
		bad_one.blob = (struct blob){.bytes = bytes, .size = size};
		CHECK(!is_good(&pool, c, &bad_one), "%s: cut to %zu", c->name, size);
		pool_free(&pool);
	}
	struct pool pool = {0};
	struct candidate bad_one = *good;
	bad_one.blob.size++; /* (the NUL behind it) */
	CHECK(!is_good(&pool, c, &bad_one), "%s: a NUL more", c->name);
	pool_free(&pool);
	free(bytes);
}

static void check_annotation_flips(const struct driver_case *c, const struct candidate *good)
{
	size_t length = strlen(good->base64);
	char *text = malloc(length + 2);

	for (size_t i = 0; i <= length; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			struct pool pool = {0};
			struct candidate bad_one = *good;
			memcpy(text, good->base64, length + 1);
			memcpy(text + length, "\0", 2);
			text[i] = (char)(text[i] ^ (1 << bit));
			bad_one.base64 = text;
			CHECK(!is_good(&pool, c, &bad_one), "%s: digit %zu bit %u", c->name, i, bit);
			pool_free(&pool);
		}
	}
	free(text);
}

static void check_changes(struct pool *pool, const struct driver_case *c, bool thorough)
{
	if (!c->flip || !str_equal(c->expect, "accept") || c->count != 1 || c->request->trust_count != 1 ||
	    !is_good(pool, c, &c->candidates[0]))
		return;
	check_flips(c, &c->candidates[0], thorough ? 1 : 8);
	if (c->candidates[0].base64)
		check_annotation_flips(c, &c->candidates[0]);
}

int main(int argc, char **argv)
{
	static char file[] = "tests/data/image-signatures/cases.json";
	char *own[] = {file, NULL};
	size_t count = 0;

	for (char **path = argc > 1 ? argv + 1 : own; *path; path++) {
		struct pool pool = {0};
		const struct json *tree = driver_read(&pool, *path);
		for (const struct json *item = json_at(tree, "cases")->first; item; item = item->next) {
			struct driver_case *c = driver_case(&pool, json_at(tree, "keys"), item);
			check_case(&pool, c);
			check_changes(&pool, c, getenv("IMAGE_SCHEMES_THOROUGH"));
			driver_case_free(c);
			count++;
		}
		pool_free(&pool);
	}
	printf("%zu cases\n", count);
	CHECK(count > 0);
	return failures != 0;
}
