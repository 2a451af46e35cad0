/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_json.c - what the fast reader takes, the careful one takes as well and sees the same; what it leaves is unchanged.
 *
 * The careful reader is forced by a first member with an escape in its name.
 */
#include <hrun/json.h>
#include <hrun/json_check.h>
#include <hrun/str.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same_text(const char *a, const char *b)
{
	return a && b ? str_equal(a, b) : a == b;
}

static bool same(const struct json *a, const struct json *b, bool top)
{
	const struct json *x = a->first, *y = top ? b->first->next : b->first;

	if (a->type != b->type || a->boolean != b->boolean || !same_text(a->text, b->text) ||
	    !same_text(a->key, b->key) || a->count + top != b->count)
		return false;
	for (; x && y; x = x->next, y = y->next) {
		if (x->line != y->line || !same(x, y, false))
			return false;
	}
	return !x && !y;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char prefix[] = "{\"\\u0001x\":0,";
	struct pool pool = {NULL};
	char *bytes = pool_alloc(&pool, size + JSON_ROOM);

	memcpy(bytes, data, size);
	const struct json *tree = json_plain_read(&pool, bytes, size, NULL), *other;
	if (!tree && memcmp(bytes, data, size) != 0)
		abort();
	const uint8_t *open = tree && tree->first ? memchr(data, '{', size) : NULL;
	if (open) {
		/* White space before the brace, the prefix instead of it, the rest. */
		size_t before = (size_t)(open - data), length = sizeof prefix - 1;
		char *text = pool_alloc(&pool, size + length);
		memcpy(text, data, before);
		memcpy(text + before, prefix, length);
		memcpy(text + before + length, open + 1, size - before - 1);
		struct json_error error;
		if (json_read(&pool, text, size + length - 1, SIZE_MAX, &other, &error) < 0)
			abort();
		if (!same(tree, other, true))
			abort();
	}
	pool_free(&pool);
	return 0;
}
