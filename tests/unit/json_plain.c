/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_plain.c - the fast reader takes nothing that the careful one would not, and sees the same.
 *
 * The careful reader gets the same document with one escape or odd space more, which the fast one leaves alone.
 */
#include "check.h"

#include <hrun/json.h>
#include <hrun/json_check.h>
#include <hrun/str.h>
#include <stdlib.h>

static struct pool pool;

static char *copy_of(const char *text, size_t size)
{
	char *copy = pool_alloc(&pool, size + JSON_ROOM);

	return memcpy(copy, text, size);
}

static const struct json *plain(const char *text)
{
	size_t size = strlen(text);
	char *bytes = copy_of(text, size);
	const struct json *tree = json_plain_read(&pool, bytes, size, NULL);

	/* What it does not take it leaves as it was. */
	CHECK(tree || memcmp(bytes, text, size) == 0, "%s", text);
	return tree;
}

static const char *const not_plain[] = {
	"",
	" ",
	"[]",
	"1",
	"\"a\"",
	"null",
	"{",
	"}",
	"{}}",
	"{},",
	"{} x",
	"{\"a\"}",
	"{\"a\":}",
	"{\"a\":1,}",
	"{,}",
	"{a:1}",
	"{'a':1}",
	"{\"a\" 1}",
	"{\"a\":1 \"b\":2}",
	"{\"a\":1,,\"b\":2}",
	"{\"a\":[1,]}",
	"{\"a\":[,1]}",
	"{\"a\":[1}",
	"{\"a\":[1 2]}",
	"{\"a\":{]}",
	"{\"a\":01}",
	"{\"a\":-}",
	"{\"a\":+1}",
	"{\"a\":1.0}",
	"{\"a\":1e3}",
	"{\"a\":-01}",
	"{\"a\":0x1}",
	"{\"a\":.5}",
	"{\"a\":1a}",
	"{\"a\":tru}",
	"{\"a\":True}",
	"{\"a\":nul}",
	"{\"a\":NaN}",
	"{\"a\":truefalse}",
	"{\"a\":\"b}",
	"{\"a\":\"b\\n\"}",
	"{\"\\u0061\":1}",
	"{\"a\":\"\xc3\xa9\"}",
	"{\"\xc3\xa9\":1}",
	"{\"a\":\"\t\"}",
	"{\"a\":\"\n\"}",
	"{\"a\":\"12345678\x1f\"}",
	"{\"a\":\"1234567\x80\"}",
	"\xef\xbb\xbf{}",
	"/**/{}",
	"{}//",
	"{\v}",
	"{\f}",
	"{\"a\":1,\"a\":2}",
	"{\"a\":1,\"b\":{\"c\":1,\"c\":1}}",
};

static void test_not_plain(void)
{
	for (size_t i = 0; i < sizeof not_plain / sizeof not_plain[0]; i++)
		CHECK(!plain(not_plain[i]), "%s", not_plain[i]);
	char deep[80] = "{\"a\":";
	memset(deep + 5, '[', 32);
	memset(deep + 37, ']', 32);
	deep[69] = '}';
	CHECK(!plain(deep));
	deep[5] = deep[68] = ' ';
	CHECK(plain(deep));
	/* A NUL is no end: nothing may stand behind it. */
	char nul[] = "{\"a\":1}\0}";
	CHECK(!json_plain_read(&pool, copy_of(nul, 9), 9, NULL) &&
	      !json_plain_read(&pool, copy_of("{\"a\0\":1}", 8), 8, NULL));
}

static bool same(const struct json *a, const struct json *b, bool places)
{
	if (!a || !b)
		return a == b;
	bool texts = (!a->text && !b->text) || (a->text && b->text && str_equal(a->text, b->text));
	bool keys = (!a->key && !b->key) || (a->key && b->key && str_equal(a->key, b->key));
	if (a->type != b->type || a->boolean != b->boolean || !texts || !keys || a->index != b->index ||
	    a->count != b->count)
		return false;
	if (places && (a->line != b->line || a->column != b->column))
		return false;
	const struct json *x = a->first, *y = b->first;
	for (; x && y; x = x->next, y = y->next) {
		if (x->parent != a || y->parent != b || !same(x, y, places))
			return false;
	}
	return !x && !y;
}

/* The careful reader by itself: a member with an escape at the end keeps the fast one away. */
static const struct json *careful(const char *text)
{
	size_t size = strlen(text);
	char *changed = pool_printf(&pool, "%.*s,\"\\u007a\":0}", (int)size - 1, text);
	const struct json *tree;
	struct json_error error;

	CHECK(!plain(changed));
	if (json_read(&pool, changed, strlen(changed), 1 << 20, &tree, &error) < 0)
		return NULL;
	/* Take the member away again. */
	struct json *top = (struct json *)tree;
	struct json *last = (struct json *)top->first;
	while (last->next && last->next->next)
		last = (struct json *)last->next;
	last->next = NULL;
	top->count--;
	return top;
}

static const char *const documents[] = {
	"{\"a\":1}",
	"{\"a\":-1,\"b\":0,\"c\":-0,\"d\":12345678901234567890123}",
	" \t\r\n{ \"a\" : [ ] , \"b\" : { } , \"\" : \"\" }",
	"{\"a\":[1,[2,[3,{\"b\":[null,true,false]}]]],\n\n  \"c\":\n        {\"d\":\"e\"},\n                 \"f\":1}",
	"{\"a\":\"1\",\"b\":\"12345678\",\"c\":\"123456789\",\"d\":\"1234567\",\"e\":\"a longer text of more than sixteen bytes\",\"f\":\"\x7f/'\"}",
	"{\"12345678\":\"\",\"1234567890123456\":{\"12345678\":1}}",
	"{\r\n\t\"a\":\t1\r\n}",
	"{\"k0\":0,\"k1\":1,\"k2\":2,\"k3\":3,\"k4\":4,\"k5\":5,\"k6\":6,\"k7\":7,\"k8\":8,\"k9\":9,\"k10\":10,\"k11\":11,\"k12\":12,\"k13\":13}",
};

static void test_same(void)
{
	for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
		const struct json *tree = plain(documents[i]), *other = careful(documents[i]);
		CHECK(tree && other && same(tree, other, true), "%s", documents[i]);
	}
}

/* ---- a list that is given away ---- */

struct taken {
	unsigned int count, stop;
	char texts[256];
};

static bool take(void *context, const struct json *element)
{
	struct taken *taken = context;
	const struct json *a = json_at(element, "a");

	CHECK(element->index <= taken->count && element->parent && !element->next);
	if (a)
		strcat(strcat(taken->texts, a->text ? a->text : "?"), ";");
	return ++taken->count != taken->stop;
}

static const struct json *stream(const char *text, struct taken *taken, struct json_stream *s)
{
	const struct json *tree = NULL;
	struct json_error error;
	size_t size = strlen(text);

	*s = (struct json_stream){.member = "w", .take = take, .context = taken};
	if (json_read_own(&pool, copy_of(text, size), size, 1 << 20, s, &tree, &error) < 0)
		return NULL;
	return tree;
}

static void test_stream(void)
{
	static const char text[] =
		"{\"x\":[{\"a\":\"no\"}],\"w\":[{\"a\":\"1\",\"b\":[1,2,{}]},{\"a\":\"2\"},{}, {\"w\":[1]}],\"y\":{\"w\":[3]}}";
	struct taken taken = {0};
	struct json_stream s;
	const struct json *tree = stream(text, &taken, &s), *list = json_at(tree, "w");

	CHECK(s.done && taken.count == 4 && str_equal(taken.texts, "1;2;"), "%u %s", taken.count, taken.texts);
	CHECK(list->count == 4 && !list->first && json_at(tree, "x")->first &&
	      json_at(json_at(tree, "y"), "w")->count == 1);
	CHECK(tree->count == 3 && tree->first->next == list && list->next == json_at(tree, "y"));
	/* Whoever stops gets the whole tree, and so does a document that is not plain. */
	taken = (struct taken){.stop = 2};
	tree = stream(text, &taken, &s);
	CHECK(!s.done && taken.count == 2 && json_at(tree, "w")->first->next->next);
	taken = (struct taken){0};
	tree = stream("{\"w\":[{\"a\":\"1\"}],\"z\":\"\\n\"}", &taken, &s);
	CHECK(!s.done && taken.count == 1 && str_equal(json_at(json_at(tree, "w")->first, "a")->text, "1"));
	taken = (struct taken){0};
	CHECK(!stream("{\"w\":[1],\"w\":[2]}", &taken, &s) && !s.done);
	/* More elements than one piece of memory holds. */
	struct json_out out = {.pool = &pool};
	for (int i = 0; i < 500; i++)
		json_out_printf(&out, "%s[%d,[%d]]", i ? "," : "{\"w\":[", i, i);
	json_out_raw(&out, "]}");
	taken = (struct taken){0};
	CHECK(stream(out.text, &taken, &s) && s.done && taken.count == 500);
}

int main(void)
{
	test_stream();
	test_not_plain();
	test_same();
	pool_free(&pool);
	return failures != 0;
}
