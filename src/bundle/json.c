/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c - a strict JSON tree from bytes.
 *
 * The bytes are hostile.  yajl finds the tokens (its tree API is not used: it cuts
 * strings at \u0000, keeps equal names and clamps numbers); this file finds where
 * each token stands and refuses what yajl takes although RFC 8259 does not: vertical
 * tab and form feed between tokens, malformed UTF-8, lone surrogates.
 * The tree lives in a private copy of the bytes: a string is terminated where its
 * closing quote stood, which yajl has already read.
 */
#include <assert.h>
#include <hrun/json_check.h>
#include <hrun/str.h>
#include <stdint.h>
#include <string.h>
#include <yajl/yajl_parse.h>

struct builder {
	struct pool *pool;
	struct json_error *error;
	yajl_handle parser;
	char *bytes;
	size_t size;
	size_t start, end;					    /* of the newest token */
	unsigned int line;					    /* of start */
	size_t line_start;					    /* offset of that line's first byte */
	struct json *open[JSON_MAX_DEPTH], *newest[JSON_MAX_DEPTH]; /* containers, and their last child */
	size_t depth;
	const char *key; /* name of the member whose value comes next */
	struct json *top;
	bool refused;
};

/* yajl never checks its allocator; a pool cannot fail.  The size in front is for realloc. */
static void *parser_alloc(void *pool, size_t size)
{
	size_t *block = pool_alloc(pool, size + 16);

	*block = size;
	return (char *)block + 16;
}

static void *parser_realloc(void *pool, void *old, size_t size)
{
	void *block = parser_alloc(pool, size);

	if (old) {
		size_t old_size = *(size_t *)(void *)((char *)old - 16);
		memcpy(block, old, old_size < size ? old_size : size);
	}
	return block;
}

static void parser_free(void *pool, void *block)
{
	(void)pool;
	(void)block;
}

/*
 * Go over what may stand between two tokens; newlines are only ever here.  Commas
 * and colons are passed by where they end before LIMIT.
 */
static void skip_to_token(struct builder *b, size_t limit)
{
	size_t p = b->end;

	for (; p < b->size; p++) {
		char c = b->bytes[p];
		if (c == ' ') {
			continue;
		} else if (c == '\n') {
			b->line++;
			b->line_start = p + 1;
		} else if (c == ',' || c == ':') {
			if (p + 1 >= limit)
				break;
		} else if (c != '\t' && c != '\r') {
			break;
		}
	}
	b->start = p;
}

static unsigned int column_of(const struct builder *b)
{
	return (unsigned int)(b->start - b->line_start) + 1;
}

/* Refuse the token at start: the value or the name that comes next in the innermost open container. */
static int refuse_token(struct builder *b, const char *rule, const char *text)
{
	const struct json *parent = b->depth ? b->open[b->depth - 1] : NULL;
	const struct json value = {.parent = parent, .key = b->key, .index = parent ? parent->count : 0};
	bool is_value = parent && (b->key || parent->type == JSON_ARRAY);

	json_refuse(b->pool, b->error, rule, is_value ? &value : parent, "%s", text);
	b->error->line = b->line;
	b->error->column = column_of(b);
	b->refused = true;
	return 0;
}

static int refuse_value(struct builder *b, const char *rule, const struct json *value, const char *text)
{
	json_refuse(b->pool, b->error, rule, value, "%s", text);
	b->refused = true;
	return 0;
}

/* Find the token that yajl has just read.  Callbacks return 0 to stop, as yajl wants it. */
static int take_token(struct builder *b)
{
	size_t consumed = yajl_get_bytes_consumed(b->parser);

	skip_to_token(b, SIZE_MAX);
	b->end = consumed > b->start && consumed <= b->size ? consumed : b->start;
	if (b->start < b->size && (b->bytes[b->start] == '\v' || b->bytes[b->start] == '\f'))
		return refuse_token(b, "json-not-strict",
				    "a vertical tab or form feed is no white space in JSON; remove it");
	return 1;
}

static struct json *add_value(struct builder *b, enum json_type type)
{
	if (!take_token(b))
		return NULL;
	if (!b->depth && type != JSON_OBJECT) {
		refuse_token(b, "json-not-strict", "the top value is not an object; write one {...}");
		return NULL;
	}
	struct json *value = pool_alloc(b->pool, sizeof *value);
	value->type = type;
	value->line = b->line;
	value->column = column_of(b);
	if (!b->depth) {
		b->top = value;
		return value;
	}
	struct json *parent = b->open[b->depth - 1], **newest = &b->newest[b->depth - 1];
	value->parent = parent;
	value->index = parent->count++;
	value->key = b->key;
	b->key = NULL;
	if (*newest)
		(*newest)->next = value;
	else
		parent->first = value;
	*newest = value;
	return value;
}

static int on_null(void *builder)
{
	return add_value(builder, JSON_NULL) != NULL;
}

static int on_boolean(void *builder, int boolean)
{
	struct json *value = add_value(builder, JSON_BOOLEAN);

	if (value)
		value->boolean = boolean;
	return value != NULL;
}

static int on_number(void *builder, const char *text, size_t length)
{
	struct builder *b = builder;
	struct json *value = add_value(b, JSON_NUMBER);

	if (value)
		value->text = pool_strndup(b->pool, text, length);
	return value != NULL;
}

/* What is wrong with the string token at start; *ret_rule is the rule that says so. */
static const char *check_text(const struct builder *b, const unsigned char *text, size_t length, const char **ret_rule)
{
	*ret_rule = "json-nul-in-string";
	/* Without an escape the text is the token itself, and the lexer has looked at each byte. */
	if (text != (const unsigned char *)b->bytes + b->start + 1 && memchr(text, '\0', length))
		return "the string holds U+0000, where C programs would cut it; remove it";
	*ret_rule = "json-not-strict";
	return json_check_string(b->bytes + b->start + 1, b->end - b->start - 2);
}

/* The unescaped text, never longer than the token, written over it and terminated. */
static const char *keep_text(struct builder *b, const unsigned char *text, size_t length)
{
	char *place = b->bytes + b->start + 1;

	assert(b->end - b->start >= 2 && length <= b->end - b->start - 2);
	if (place != (const char *)text)
		memmove(place, text, length);
	place[length] = '\0';
	return place;
}

static int on_string(void *builder, const unsigned char *text, size_t length)
{
	struct builder *b = builder;
	struct json *value = add_value(b, JSON_STRING);
	const char *rule;

	if (!value)
		return 0;
	const char *wrong = check_text(b, text, length, &rule);
	if (wrong)
		return refuse_value(b, rule, value, wrong);
	value->text = keep_text(b, text, length);
	return 1;
}

static int on_key(void *builder, const unsigned char *text, size_t length)
{
	struct builder *b = builder;
	const char *rule;

	if (!take_token(b))
		return 0;
	const char *wrong = check_text(b, text, length, &rule);
	if (wrong)
		return refuse_token(b, rule, wrong);
	b->key = keep_text(b, text, length);
	return 1;
}

static int open_container(struct builder *b, enum json_type type)
{
	struct json *value = add_value(b, type);

	if (!value)
		return 0;
	if (b->depth == JSON_MAX_DEPTH)
		return refuse_value(b, "json-too-deep", value, "more than 32 arrays and objects inside one another");
	b->newest[b->depth] = NULL;
	b->open[b->depth++] = value;
	return 1;
}

static int on_object(void *builder)
{
	return open_container(builder, JSON_OBJECT);
}

static int on_array(void *builder)
{
	return open_container(builder, JSON_ARRAY);
}

static int on_array_end(void *builder)
{
	struct builder *b = builder;

	b->depth--;
	return take_token(b);
}

static int on_object_end(void *builder)
{
	struct builder *b = builder;
	const struct json *twin = json_check_members(b->pool, b->open[b->depth - 1]);

#ifdef HRUN_MUTANT_JSON_TWINS
	twin = NULL;
#endif
	if (twin)
		return refuse_value(b, "json-duplicate-key", twin,
				    "the name stands twice in one object; keep one of the two");
	b->depth--;
	return take_token(b);
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number, /* the text as written: never through a double */
	.yajl_string = on_string,
	.yajl_start_map = on_object,
	.yajl_map_key = on_key,
	.yajl_end_map = on_object_end,
	.yajl_start_array = on_array,
	.yajl_end_array = on_array_end,
};

/* Did yajl stop at a NUL inside of a string? */
static bool stopped_at_nul(const struct builder *b, size_t consumed)
{
	size_t end = consumed < b->size ? consumed + 1 : b->size;

	return b->start < end && b->bytes[b->start] == '"' && memchr(b->bytes + b->start, '\0', end - b->start);
}

/* yajl stopped: say where the token begins that it did not understand. */
static int refuse_syntax(struct builder *b, bool at_end)
{
	size_t consumed = at_end ? b->size + 1 : yajl_get_bytes_consumed(b->parser);
	const char *said = (const char *)yajl_get_error(b->parser, 0, NULL, 0);
	size_t length = strcspn(said, "\n");

	/* A comma can be the wrong token for the parser, never for the lexer, which may not count what it gave back. */
	skip_to_token(b, str_starts(said, "lexical") ? SIZE_MAX : consumed);
	if (!at_end && stopped_at_nul(b, consumed)) {
		refuse_token(b, "json-nul-in-string", "the string holds a NUL byte; remove it");
		return -EINVAL;
	}
	while (length && said[length - 1] == '.')
		length--;
	refuse_token(b, "json-not-strict",
		     pool_printf(b->pool, "%.*s; write plain JSON (RFC 8259)", (int)length, said));
	return -EINVAL;
}

static int parse(struct builder *b)
{
	yajl_alloc_funcs memory = {parser_alloc, parser_realloc, parser_free, b->pool};

	/* The comment, garbage and no-validation options of yajl are off unless set.  All its memory is the pool's. */
	b->parser = yajl_alloc(&callbacks, &memory, b);
	yajl_status status = yajl_parse(b->parser, (const unsigned char *)b->bytes, b->size);
	bool at_end = status == yajl_status_ok;
	if (at_end)
		status = yajl_complete_parse(b->parser);
	if (b->refused)
		return -EINVAL;
	if (status != yajl_status_ok)
		return refuse_syntax(b, at_end);
	assert(b->top && !b->depth);
	/* What follows the top value is white space to yajl; to RFC 8259 as well? */
	skip_to_token(b, 0);
	if (b->start < b->size) {
		refuse_token(b, "json-not-strict", "text after the end of the document; remove it");
		return -EINVAL;
	}
	return 0;
}

int json_read(struct pool *pool, const char *bytes, size_t size, size_t max_size, const struct json **ret_tree,
	      struct json_error *ret_error)
{
	if (size > max_size)
		return json_refuse(pool, ret_error, "json-too-large", NULL,
				   "the document has %zu bytes, %zu are allowed; remove bulk data", size, max_size);

	char *copy = memcpy(pool_alloc_now(pool, size + 1), bytes, size);
	struct builder b = {.pool = pool, .error = ret_error, .bytes = copy, .size = size, .line = 1};
	if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
		refuse_token(&b, "json-not-strict",
			     "the document begins with a byte order mark; write UTF-8 without it");
		return -EINVAL;
	}
	TRY(parse(&b));
	*ret_tree = b.top;
	return 0;
}
