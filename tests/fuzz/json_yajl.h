/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_yajl.h - the JSON reader held against another one: yajl reads the same bytes, token by token beside the tree.
 *
 * What json_read takes yajl takes, and sees the same values, names and places.  What json_read refuses yajl refuses, but
 * for what it is known to take although it must not: then json_read names one of those reasons.
 */
#ifndef TESTS_FUZZ_JSON_YAJL_H
#define TESTS_FUZZ_JSON_YAJL_H

#include <hrun/json.h>
#include <string.h>
#include <yajl/yajl_parse.h>

struct other {
	yajl_handle parser;
	const unsigned char *bytes;
	size_t offset, line_start; /* up to where lines were counted */
	unsigned int line;
	const struct json *next, *open[JSON_MAX_DEPTH + 1]; /* the value that must come; the containers around it */
	size_t depth;
	const char *differs;
};

static int other_says(struct other *o, bool same, const char *what)
{
	if (!same)
		o->differs = what;
	return same;
}

/* Does VALUE stand where the token of LENGTH bytes that yajl has just read begins? */
static bool other_place(struct other *o, const struct json *value, size_t length)
{
	size_t start = yajl_get_bytes_consumed(o->parser) - length;

	for (; o->offset < start; o->offset++) {
		if (o->bytes[o->offset] == '\n') {
			o->line++;
			o->line_start = o->offset + 1;
		}
	}
	return value->line == o->line && value->column == start - o->line_start + 1;
}

static const struct json *other_value(struct other *o, enum json_type type)
{
	const struct json *value = o->next;

	if (!other_says(o, value && value->type == type, "another type, or no value"))
		return NULL;
	o->next = value->next;
	return value;
}

static bool other_text(const char *ours, const void *text, size_t length)
{
	return ours && strlen(ours) == length && memcmp(ours, text, length) == 0;
}

static int other_null(void *o)
{
	return other_value(o, JSON_NULL) != NULL;
}

static int other_boolean(void *o, int boolean)
{
	const struct json *value = other_value(o, JSON_BOOLEAN);

	return value && other_says(o, value->boolean == (boolean != 0), "another boolean");
}

static int other_number(void *o, const char *text, size_t length)
{
	const struct json *value = other_value(o, JSON_NUMBER);

	return value && other_says(o, other_text(value->text, text, length), "another number") &&
	       other_says(o, other_place(o, value, length), "another place of a number");
}

static int other_string(void *context, const unsigned char *text, size_t length)
{
	struct other *o = context;
	const struct json *value = other_value(o, JSON_STRING);
	bool as_written = text[length] == '"' && text > o->bytes && text[-1] == '"';

	return value && other_says(o, other_text(value->text, text, length), "another string") &&
	       other_says(o, !as_written || other_place(o, value, length + 2), "another place of a string");
}

static int other_key(void *context, const unsigned char *text, size_t length)
{
	struct other *o = context;

	return other_says(o, o->next && other_text(o->next->key, text, length), "another name");
}

static int other_open(struct other *o, enum json_type type)
{
	const struct json *value = other_value(o, type);

	if (!value || !other_says(o, other_place(o, value, 1), "another place of a list or object"))
		return 0;
	o->open[o->depth++] = value;
	o->next = value->first;
	return 1;
}

static int other_object(void *o)
{
	return other_open(o, JSON_OBJECT);
}

static int other_array(void *o)
{
	return other_open(o, JSON_ARRAY);
}

static int other_end(void *context)
{
	struct other *o = context;
	bool ends = !o->next;

	o->next = o->open[--o->depth]->next;
	return other_says(o, ends, "a value that is not there");
}

static const yajl_callbacks other_callbacks = {
	.yajl_null = other_null,
	.yajl_boolean = other_boolean,
	.yajl_number = other_number,
	.yajl_string = other_string,
	.yajl_start_map = other_object,
	.yajl_map_key = other_key,
	.yajl_end_map = other_end,
	.yajl_start_array = other_array,
	.yajl_end_array = other_end,
};

/*
 * What yajl takes: equal names, any depth, escaped NULs, any top value, more white space, half characters,
 * half a string after the end.
 */
static bool other_known(const struct json_error *error)
{
	static const char *const texts[] = {"top value is not an object", "vertical tab", "half of a surrogate pair",
					    "not UTF-8", "after the end"};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (strcmp(error->rule, "json-not-strict") == 0 && strstr(error->text, texts[i]))
			return true;
	}
	return strcmp(error->rule, "json-duplicate-key") == 0 || strcmp(error->rule, "json-too-deep") == 0 ||
	       (strcmp(error->rule, "json-nul-in-string") == 0 && strstr(error->text, "U+0000"));
}

/* How json_read and yajl differ about BYTES, or NULL.  Static. */
static const char *json_differs(const char *bytes, size_t size)
{
	struct pool pool = {0};
	struct other o = {.bytes = (const unsigned char *)bytes, .line = 1};
	struct json_error error;
	bool taken = json_read(&pool, bytes, size, size, &o.next, &error) == 0;

	o.parser = yajl_alloc(taken ? &other_callbacks : NULL, NULL, &o);
	bool other_taken = yajl_parse(o.parser, o.bytes, size) == yajl_status_ok &&
			   yajl_complete_parse(o.parser) == yajl_status_ok;
	if (taken && !other_taken && !o.differs)
		o.differs = "yajl refuses it";
	if (!taken && other_taken && !other_known(&error))
		o.differs = "yajl takes it";
	yajl_free(o.parser);
	pool_free(&pool);
	return o.differs;
}

#endif
