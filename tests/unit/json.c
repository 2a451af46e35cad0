/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c - the tree, the places of its values, and JSON as text.
 *
 * What is refused is in tests/data/json, read by config.c.
 */
#include "check.h"

#include <hrun/json.h>
#include <hrun/str.h>
#include <stdio.h>
#include <stdlib.h>

static struct pool pool;

static const struct json *read_text(const char *text)
{
	const struct json *tree;
	struct json_error error;

	if (json_read(&pool, text, strlen(text), 1 << 20, &tree, &error) == 0)
		return tree;
	fprintf(stderr, "%s: %s\n", text, error.text);
	abort();
}

/* The rule that refuses TEXT, or "". */
static const char *refusal(const char *text, size_t length, size_t max_size)
{
	const struct json *tree;
	struct json_error error;

	return json_read(&pool, text, length, max_size, &tree, &error) < 0 ? error.rule : "";
}

static void test_tree(void)
{
	const struct json *tree = read_text("{\"a\": [1, \"x\", null,\n true, -0.5e+10], \"b\": {}, \"n\": null}");
	const struct json *list = json_at(tree, "a");

	CHECK(tree->type == JSON_OBJECT && tree->count == 3 && !tree->parent && !tree->key);
	CHECK(list && list->type == JSON_ARRAY && list->count == 5 && list->parent == tree);
	CHECK(str_equal(list->first->text, "1") && list->first->type == JSON_NUMBER && !list->first->key);
	CHECK(str_equal(list->first->next->text, "x"));
	CHECK(list->first->next->next->type == JSON_NULL);
	const struct json *flag = list->first->next->next->next;
	CHECK(flag->type == JSON_BOOLEAN && flag->boolean && flag->index == 3 && flag->line == 2 && flag->column == 2);
	CHECK(str_equal(flag->next->text, "-0.5e+10") && flag->next->column == 8 && !flag->next->next);
	CHECK(json_at(tree, "b")->count == 0);
	CHECK(!json_at(tree, "n") && !json_at(tree, "c") && !json_at(list, "a"));
}

static void test_text(void)
{
	const struct json *tree =
		read_text("{\"\\u0061\\n\": \"\\u00e9\\ud83d\\ude00\\/\\\\\\\"\xc3\xa9\", \"e\": \"\"}");

	CHECK(str_equal(tree->first->key, "a\n"));
	CHECK(str_equal(tree->first->text, "\xc3\xa9\xf0\x9f\x98\x80/\\\"\xc3\xa9"));
	CHECK(str_equal(json_at(tree, "e")->text, ""));
}

/* The tree does not point into the caller's bytes, and does not change them. */
static void test_own_copy(void)
{
	char bytes[] = "{\"a\": \"b\"}";
	const struct json *tree = read_text(bytes);

	CHECK(str_equal(bytes, "{\"a\": \"b\"}"));
	memset(bytes, 'x', sizeof bytes - 1);
	CHECK(str_equal(json_at(tree, "a")->text, "b"));
}

static void check_place(const struct json *value, const char *where, const char *pointer)
{
	const char *w = json_where(&pool, value), *p = json_pointer(&pool, value);

	if (!str_equal(w, where) || !str_equal(p, pointer) || !str_equal(json_pointer_of_where(&pool, w), pointer)) {
		failures++;
		fprintf(stderr, "place: %s (%s), %s (%s), %s\n", w, where, p, pointer, json_pointer_of_where(&pool, w));
	}
}

static void test_places(void)
{
	const struct json *tree =
		read_text("{\"a\": {\"b-c\": [[1, 2]], \"a.b\": 1, \"m~n/o\": 2, \"\": 3, \"q\\\"\\\\]\": 4,"
			  " \"\\u0001\\n\\u007f\": 5, \"0\": 6, \"\\u00e9\": 7}, \"x y\": {\"z\": 1}}");
	const struct json *a = json_at(tree, "a");

	check_place(tree, "", "");
	check_place(a, "a", "/a");
	check_place(json_at(a, "b-c")->first->first->next, "a.b-c[0][1]", "/a/b-c/0/1");
	check_place(json_at(a, "a.b"), "a[\"a.b\"]", "/a/a.b");
	check_place(json_at(a, "m~n/o"), "a[\"m~n/o\"]", "/a/m~0n~1o");
	check_place(json_at(a, ""), "a[\"\"]", "/a/");
	check_place(json_at(a, "q\"\\]"), "a[\"q\\\"\\\\]\"]", "/a/q\"\\]");
	check_place(json_at(a, "\001\n\177"), "a[\"\\u0001\\n\\u007f\"]", "/a/\001\n\177");
	check_place(json_at(a, "0"), "a.0", "/a/0");
	check_place(json_at(a, "\xc3\xa9"), "a[\"\xc3\xa9\"]", "/a/\xc3\xa9");
	check_place(json_at(json_at(tree, "x y"), "z"), "[\"x y\"].z", "/x y/z");
	CHECK(str_equal(json_pointer_of_where(&pool, "mounts[7].source"), "/mounts/7/source"));
	CHECK(str_equal(json_pointer_of_where(&pool, "x[\"cut"), "/x/cut"));
}

static void test_depth(void)
{
	char text[200] = "{\"a\":";

	memset(text + 5, '[', 32);
	memset(text + 5 + 32, ']', 32);
	text[5 + 64] = '}';
	CHECK(str_equal(refusal(text, 70, 200), "json-too-deep"));
	text[5] = text[5 + 63] = ' ';
	CHECK(str_equal(refusal(text, 70, 200), ""));
	char *open = malloc(1 << 20);
	memset(open, '[', 1 << 20);
	memcpy(open, "{\"a\":", 5);
	CHECK(str_equal(refusal(open, 1 << 20, 1 << 20), "json-too-deep"));
	free(open);
}

static void test_size(void)
{
	CHECK(str_equal(refusal("{}", 2, 2), ""));
	CHECK(str_equal(refusal("{} ", 3, 2), "json-too-large"));
}

/* As many members as a megabyte holds; the twin of one of them is found, wherever it stands. */
static void test_many_members(void)
{
	enum { MEMBERS = 65536 };
	char *text = malloc(MEMBERS * 12), *p = text;

	*p++ = '{';
	for (int i = 0; i < MEMBERS; i++)
		p += sprintf(p, "\"%05x\":1,", i);
	p[-1] = '}';
	CHECK(str_equal(refusal(text, (size_t)(p - text), MEMBERS * 12), ""));
	memcpy(p - 10, "\"00007\"", 7);
	CHECK(str_equal(refusal(text, (size_t)(p - text), MEMBERS * 12), "json-duplicate-key"));
	free(text);
}

static void test_twin_among_many(void)
{
	for (int count = 2; count < 40; count++) {
		for (int twin = 0; twin < count - 1; twin++) {
			struct json_out out = {.pool = &pool};
			for (int i = 0; i < count; i++)
				json_out_printf(&out, "%s\"k%d\":%d", i ? "," : "{", i == count - 1 ? twin : i, i);
			json_out_raw(&out, "}");
			CHECK(str_equal(refusal(out.text, out.length, 4096), "json-duplicate-key"));
		}
	}
}

static void test_writing(void)
{
	struct json_out out = {.pool = &pool};

	json_out_raw(&out, "[");
	json_out_string(&out, "a/b\"\\\n\t\r\001\177\xc3\xa9");
	json_out_raw(&out, ",");
	json_out_string(&out, "x\xff\xed\xa0\x80\xc3");
	json_out_printf(&out, ",%d]", 7);
	CHECK(str_equal(out.text,
			"[\"a/b\\\"\\\\\\n\\t\\r\\u0001\\u007f\xc3\xa9\",\"x\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
			"\xef\xbf\xbd\xef\xbf\xbd\",7]"));
	CHECK(out.length == strlen(out.text));
	struct json_out grown = {.pool = &pool};
	for (int i = 0; i < 1000; i++)
		json_out_printf(&grown, "%0200d", i);
	CHECK(grown.length == 200000 && str_ends(grown.text, "0999"));
}

/* What is written can be read again as it was, for every byte but NUL. */
static void test_round_trip(void)
{
	struct json_out out = {.pool = &pool};
	char text[128];

	for (int i = 0; i < 127; i++)
		text[i] = (char)(i + 1);
	text[127] = '\0';
	json_out_raw(&out, "{\"a\":");
	json_out_string(&out, text);
	json_out_raw(&out, "}");
	CHECK(str_equal(json_at(read_text(out.text), "a")->text, text));
}

int main(void)
{
	test_tree();
	test_text();
	test_own_copy();
	test_places();
	test_depth();
	test_size();
	test_many_members();
	test_twin_among_many();
	test_writing();
	test_round_trip();
	pool_free(&pool);
	return failures != 0;
}
