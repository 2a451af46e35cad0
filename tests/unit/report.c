/* SPDX-License-Identifier: Apache-2.0 */
/* Editing of JSON trees, places, diffs, the score, and explanations. */
#include "check.h"
#include <hrun/diff.h>
#include <hrun/explain.h>
#include <hrun/field.h>
#include <hrun/json_edit.h>
#include <hrun/report.h>
#include <hrun/str.h>
#include <stdlib.h>

static struct pool pool;

static const struct json *tree_of(const char *text)
{
	struct json_error error = {0};
	const struct json *tree = NULL;

	CHECK(json_read(&pool, text, strlen(text), 1 << 20, &tree, &error) == 0, "%s: %s", text, error.text);
	return tree;
}

static const char *text_of(const struct json *value)
{
	struct json_out out = {.pool = &pool};

	json_print(&out, value);
	return out.text;
}

static void edits_keep_the_rest(void)
{
	const struct json *tree = tree_of("{\"a\":1.50,\"b\":[1,null,{}],\"c\":{\"x\":\"\\u0001\"},\"d\":[]}");
	struct json *copy = json_copy(&pool, tree);

	CHECK(str_equal(text_of(copy), text_of(tree)));
	json_set(copy, "a", json_of_text(&pool, "true"));
	json_set(copy, "e", json_of_text(&pool, "{\"k\":[\"v\"]}"));
	json_remove(copy, "c");
	json_remove(copy, "nothing");
	json_insert(json_member(copy, "b"), 1, json_of_text(&pool, "7"));
	json_insert(json_member(copy, "b"), 99, json_of_text(&pool, "8"));
	json_delete(json_member(copy, "b"), 0);
	json_delete(json_member(copy, "b"), 99);
	CHECK(str_equal(text_of(copy),
			"{\n\t\"a\": true,\n\t\"b\": [\n\t\t7,\n\t\tnull,\n\t\t{},\n\t\t8\n\t],\n\t\"d\": [],\n"
			"\t\"e\": {\n\t\t\"k\": [\n\t\t\t\"v\"\n\t\t]\n\t}\n}\n"),
	      "%s", text_of(copy));
	CHECK(copy->count == 4 && json_member(copy, "b")->count == 4);
	CHECK(json_of_text(&pool, "{") == NULL && json_of_text(&pool, "\"x") == NULL);
	CHECK(str_equal(text_of(tree), "{\n\t\"a\": 1.50,\n\t\"b\": [\n\t\t1,\n\t\tnull,\n\t\t{}\n\t],\n\t\"c\": {\n"
				       "\t\t\"x\": \"\\u0001\"\n\t},\n\t\"d\": []\n}\n"),
	      "the original: %s", text_of(tree));
}

static void places(void)
{
	const struct json *tree = tree_of("{\"a/b\":{\"~\":[10,\n 20]},\"c\":null}");
	struct json_cursor cursor[JSON_MAX_DEPTH] = {{NULL, NULL}};
	static const struct {
		const char *pointer;
		unsigned int line, column;
	} rows[] = {
		{"", 1, 1},
		{"/a~1b/~0/1", 2, 2},
		{"/a~1b/~0/0", 1, 14},
		{"/a~1b/~0/2", 1, 13},
		{"/a~1b/~0/x", 1, 13},
		{"/a~1b/x/y", 1, 8},
		{"/c", 2, 11},
		{"/c/d", 2, 11},
		{"/a/b", 1, 1},
		{"/a~1b/~0/01", 1, 13},
	};

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			const struct json *value = json_nearest(&pool, tree, rows[i].pointer, cursor);
			CHECK(value->line == rows[i].line && value->column == rows[i].column, "%s: %u:%u",
			      rows[i].pointer, value->line, value->column);
		}
	}
}

/* What DOCUMENT is after CHANGE of the config that is read from it. */
static const char *edited(const char *document, void (*change)(struct config *config))
{
	const struct json *tree = tree_of(document);
	struct json *copy = json_copy(&pool, tree);
	struct json_error error = {0};
	struct config *before, after;

	CHECK(config_read(&pool, tree, &before, &error) == 0, "%s", error.text);
	after = *before;
	change(&after);
	field_edit(&pool, &config_table, copy, before, &after);
	return text_of(copy);
}

static void nothing(struct config *config)
{
	(void)config;
}

static void two_mounts_less_one(struct config *config)
{
	struct config_mount *mounts = pool_alloc(&pool, 3 * sizeof *mounts);

	mounts[0] = config->mounts[1];
	mounts[1] = config->mounts[2];
	mounts[2] = (struct config_mount){.destination = "/new", .type = "tmpfs"};
	config->mounts = mounts;
}

static void root_readonly(struct config *config)
{
	config->root.readonly = true;
	config->process = pool_alloc(&pool, sizeof *config->process);
}

static void changes_are_found(void)
{
	static const char document[] =
		"{\"root\":{\"z\":1,\"path\":\"r\"},\"process\":null,\"mounts\":[{\"destination\":\"/a\"},"
		"{\"x\":2,\"destination\":\"/b\"},{\"destination\":\"/c\",\"options\":null}]}";

	CHECK(str_equal(edited(document, nothing), text_of(tree_of(document))));
	CHECK(str_equal(
		      edited(document, two_mounts_less_one),
		      text_of(tree_of(
			      "{\"root\":{\"z\":1,\"path\":\"r\"},\"process\":null,\"mounts\":[{\"x\":2,\"destination\":\"/b\"},"
			      "{\"destination\":\"/c\",\"options\":null},{\"destination\":\"/new\",\"type\":\"tmpfs\"}]}"))),
	      "%s", edited(document, two_mounts_less_one));
	/* A struct that a repair has made and left empty is no change. */
	CHECK(str_equal(
		      edited(document, root_readonly),
		      text_of(tree_of(
			      "{\"root\":{\"z\":1,\"path\":\"r\",\"readonly\":true},\"process\":null,\"mounts\":[{\"destination\":\"/a\"},"
			      "{\"x\":2,\"destination\":\"/b\"},{\"destination\":\"/c\",\"options\":null}]}"))),
	      "%s", edited(document, root_readonly));
}

static const char *diff_of(const char *before, const char *after)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	diff_print(out, &pool, "a", "b", before, after);
	fclose(out);
	const char *copy = pool_strdup(&pool, text);
	free(text);
	return copy;
}

static void diffs(void)
{
	CHECK(str_equal(diff_of("x\n", "x\n"), ""));
	CHECK(str_equal(diff_of("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nX\n6\n7\n8\n9\n"),
			"--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+X\n 6\n 7\n 8\n"),
	      "%s", diff_of("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nX\n6\n7\n8\n9\n"));
	CHECK(str_equal(diff_of("", "x\n"), "--- a\n+++ b\n@@ -0,0 +1,1 @@\n+x\n"), "%s", diff_of("", "x\n"));
	CHECK(str_equal(diff_of("x\ny\n", "y\n"), "--- a\n+++ b\n@@ -1,2 +1,1 @@\n-x\n y\n"));
	CHECK(strstr(diff_of("1\na\nb\nc\nd\ne\nf\ng\nh\n2\n", "X\na\nb\nc\nd\ne\nf\ng\nh\nY\n"), "@@ -7,4 +7,4 @@") !=
	      NULL);
}

static void more_changes_than_are_counted(void)
{
	struct json_out before = {.pool = &pool}, after = {.pool = &pool};

	for (int i = 0; i < 1500; i++) {
		json_out_printf(&before, "a%d\n", i);
		json_out_printf(&after, "b%d\n", i);
	}
	const char *text = diff_of(before.text, after.text);
	CHECK(strstr(text, "@@ -1,1500 +1,1500 @@\n-a0\n-a1\n") != NULL, "%.60s", text);
}

static void names_nearby(void)
{
	const struct rule *near[NEAREST];

	rules_nearest("mount-host-rot", near);
	CHECK(str_equal(near[0]->id, "mount-host-root"));
	rules_nearest("seccomp", near);
	CHECK(str_starts(near[0]->id, "seccomp-") && str_starts(near[2]->id, "seccomp-"));
	rules_nearest("", near);
	CHECK(near[0] && near[1] && near[2] && near[0] != near[1]);
}

static void every_rule_is_explained(void)
{
	for (size_t i = 0; i < rule_count; i++)
		CHECK(explanation_of(rules[i].id), "%s", rules[i].id);
	for (size_t i = 0; i < explanation_count; i++) {
		const struct explanation *e = &explanations[i];
		const char *const texts[] = {e->looks_at, e->config, e->podman, e->docker, e->kubernetes};
		for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
			CHECK(texts[k] && strlen(texts[k]) > 3 && !str_has_control(texts[k]), "%s", e->id);
	}
}

static void scores(void)
{
	struct finding findings[] = {
		{.rule = rule_by_id("ns-pid-host"), .action = ACTION_REFUSE},
		{.rule = rule_by_id("mount-host-root"), .action = ACTION_REFUSE},
		{.rule = rule_by_id("mount-host-root"), .action = ACTION_REFUSE},
		{.rule = rule_by_id("no-new-privileges"), .action = ACTION_HARDEN},
	};
	const struct verdict none = {.count = 0}, all = {.findings = findings, .count = 4};
	struct score score;

	score_of(&none, &none, &score);
	CHECK(score.total > -0.001 && score.total < 0.001);
	score_of(&all, &all, &score); /* high and critical: 10 * (1 - 0.7 * 0.5) */
	CHECK(score.total > 6.499 && score.total < 6.501, "%f", score.total);
	CHECK(score.chapter[CHAPTER_MOUNTS].rules == 1 && score.chapter[CHAPTER_PROCESS].rules == 0);
	score_of(&all, &none, &score); /* what the level does not harden counts */
	CHECK(score.total > 7.549 && score.total < 7.551, "%f", score.total);
	CHECK(str_equal(verdict_word(&none), "pass") && str_equal(verdict_word(&all), "refuse"));
}

static void printable_text(void)
{
	CHECK(str_equal(printable(&pool, "a\x1b\n\xc3\xa9", 10), "a\\x1b\\x0a\\xc3\\xa9"));
	CHECK(str_equal(printable(&pool, "abcdef", 3), "abc..."));
	CHECK(str_equal(printable(&pool, "abc", 3), "abc"));
}

int main(void)
{
	edits_keep_the_rest();
	places();
	changes_are_found();
	diffs();
	more_changes_than_are_counted();
	names_nearby();
	every_rule_is_explained();
	scores();
	printable_text();
	pool_free(&pool);
	return failures != 0;
}
