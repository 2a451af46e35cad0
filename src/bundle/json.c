/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c - a strict JSON tree from bytes: RFC 8259's grammar and nothing else.
 *
 * The bytes are hostile.  One loop and no recursion: each round reads one child of the innermost open container, or closes
 * it.  The tree lives in a private copy of the bytes, behind which NULs stand: no token takes a NUL, so nothing reads
 * further.  A string is unescaped and terminated where it stood (json_string.c).
 * tests/unit/json_yajl.c and tests/fuzz/fuzz_json.c hold this reader against another one, yajl.
 */
#include <hrun/json_check.h>
#include <stdint.h>
#include <string.h>

#define PLAIN "; write plain JSON (RFC 8259)"

struct reader {
	struct pool *pool;
	struct json_error *error;
	char *p; /* what comes next */
	const char *end, *line_start;
	unsigned int line;					    /* of p */
	struct json *open[JSON_MAX_DEPTH], *newest[JSON_MAX_DEPTH]; /* containers, and their last child */
	size_t depth;
	const char *key;     /* name of the member whose value comes next */
	struct json *unused; /* zeroed */
	size_t unused_count, chunk;
};

/* Refuse what stands at p: the value or the name that comes next in the innermost open container. */
static int refuse(struct reader *r, const char *rule, const char *text)
{
	const struct json *parent = r->depth ? r->open[r->depth - 1] : NULL;
	const struct json value = {.parent = parent, .key = r->key, .index = parent ? parent->count : 0};
	bool is_value = parent && (r->key || parent->type == JSON_ARRAY);

	json_refuse(r->pool, r->error, rule, is_value ? &value : parent, "%s", text);
	r->error->line = r->line;
	r->error->column = (unsigned int)(r->p - r->line_start) + 1;
	return -EINVAL;
}

/* Something else than the grammar has at p; MISSING is what should be there. */
static int refuse_syntax(struct reader *r, const char *missing)
{
	const char *text = missing;

	if (r->p == r->end)
		text = "the document ends too early" PLAIN;
	else if (*r->p == '\v' || *r->p == '\f')
		text = "a vertical tab or form feed is no white space in JSON; remove it";
	else if (*r->p == '/' || *r->p == '#')
		text = "a comment is no part of JSON; remove it";
	else if (*r->p == '\'')
		text = "single quotes are no part of JSON; write double ones";
	return refuse(r, "json-not-strict", text);
}

/* Newlines are only ever here: none may stand in a string. */
static void skip_space(struct reader *r)
{
	char *p = r->p;

	for (; *p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'; p++) {
		if (*p != '\n')
			continue;
		r->line++;
		r->line_start = p + 1;
		while (memcmp(p + 1, "        ", 8) == 0) /* indentation */
			p += 8;
	}
	r->p = p;
}

static struct json *add_value(struct reader *r, enum json_type type)
{
	if (r->unused_count == 0) {
		r->unused = pool_alloc_now(r->pool, r->chunk * sizeof *r->unused);
		r->unused_count = r->chunk;
	}
	struct json *value = r->unused++;
	r->unused_count--;
	value->type = type;
	value->line = r->line;
	value->column = (unsigned int)(r->p - r->line_start) + 1;
	if (!r->depth)
		return value;
	struct json *parent = r->open[r->depth - 1], **newest = &r->newest[r->depth - 1];
	value->parent = parent;
	value->index = parent->count++;
	value->key = r->key;
	r->key = NULL;
	if (*newest)
		(*newest)->next = value;
	else
		parent->first = value;
	*newest = value;
	return value;
}

static int open_container(struct reader *r, enum json_type type)
{
	if (r->depth == JSON_MAX_DEPTH)
		return refuse(r, "json-too-deep", "more than 32 arrays and objects inside one another");
	struct json *value = add_value(r, type);
	r->newest[r->depth] = NULL;
	r->open[r->depth++] = value;
	r->p++;
	return 0;
}

static int close_container(struct reader *r)
{
	const struct json *closed = r->open[r->depth - 1];
	const struct json *twin = closed->type == JSON_OBJECT ? json_check_members(r->pool, closed) : NULL;

#ifdef HRUN_MUTANT_JSON_TWINS
	twin = NULL;
#endif
	if (twin)
		return json_refuse(r->pool, r->error, "json-duplicate-key", twin,
				   "the name stands twice in one object; keep one of the two");
	r->depth--;
	r->p++;
	return 0;
}

/* The string whose opening quote stands at p; *ret_text is it, unescaped and terminated.  p stays, *ret_next is behind it. */
static int read_string(struct reader *r, const char **ret_text, char **ret_next)
{
	const char *rule, *wrong;

	*ret_text = r->p + 1;
	*ret_next = json_string(r->p + 1, r->end, &rule, &wrong);
	return *ret_next ? 0 : refuse(r, rule, wrong);
}

static int read_text(struct reader *r)
{
	const char *text;
	char *next;

	TRY(read_string(r, &text, &next));
	add_value(r, JSON_STRING)->text = text;
	r->p = next;
	return 0;
}

static bool skip_digits(char **p)
{
	const char *first = *p;

	while (**p >= '0' && **p <= '9')
		++*p;
	return *p > first;
}

/* As it is written: never through a double. */
static int read_number(struct reader *r)
{
	char *p = r->p + (*r->p == '-');
	bool ok;

	if (*p == '0')
		ok = true, p++; /* a second digit would be another token */
	else
		ok = skip_digits(&p);
	if (ok && *p == '.')
		p++, ok = skip_digits(&p);
	if (ok && (*p == 'e' || *p == 'E')) {
		p += p[1] == '+' || p[1] == '-' ? 2 : 1;
		ok = skip_digits(&p);
	}
	if (!ok)
		return refuse(r, "json-not-strict", "the number is not whole" PLAIN);
	add_value(r, JSON_NUMBER)->text = pool_strndup(r->pool, r->p, (size_t)(p - r->p));
	r->p = p;
	return 0;
}

static int read_word(struct reader *r)
{
	static const struct {
		const char *word;
		size_t length;
		enum json_type type;
	} words[] = {{"true", 4, JSON_BOOLEAN}, {"false", 5, JSON_BOOLEAN}, {"null", 4, JSON_NULL}};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (strncmp(r->p, words[i].word, words[i].length) != 0)
			continue;
		add_value(r, words[i].type)->boolean = i == 0;
		r->p += words[i].length;
		return 0;
	}
	return refuse_syntax(r, "a value is missing" PLAIN);
}

/* One value; a container is only opened. */
static int read_value(struct reader *r)
{
	switch (*r->p) {
	case '"':
		return read_text(r);
	case '{':
		return open_container(r, JSON_OBJECT);
	case '[':
		return open_container(r, JSON_ARRAY);
	case '-':
	case '0' ... '9':
		return read_number(r);
	default:
		return read_word(r);
	}
}

/* The name of a member, and the colon behind it. */
static int read_key(struct reader *r)
{
	const char *key;
	char *next;

	if (*r->p != '"')
		return refuse_syntax(r, "the name of a member is missing" PLAIN);
	TRY(read_string(r, &key, &next));
	r->key = key;
	r->p = next;
	skip_space(r);
	if (*r->p != ':')
		return refuse_syntax(r, "a colon is missing" PLAIN);
	r->p++;
	skip_space(r);
	return 0;
}

/* The next child of the innermost open container, or its end. */
static int read_child(struct reader *r)
{
	const struct json *parent = r->open[r->depth - 1];
	bool object = parent->type == JSON_OBJECT;

	skip_space(r);
	if (*r->p == (object ? '}' : ']'))
		return close_container(r);
	if (parent->count) {
		if (*r->p != ',')
			return refuse_syntax(r, "a comma or the end of the list or object is missing" PLAIN);
		r->p++;
		skip_space(r);
	}
	if (object)
		TRY(read_key(r));
	return read_value(r);
}

static int read_document(struct reader *r, const struct json **ret_tree)
{
	skip_space(r);
	if (*r->p != '{')
		return refuse_syntax(r, "the top value is not an object; write one {...}");
	TRY(open_container(r, JSON_OBJECT));
	const struct json *top = r->open[0];
	while (r->depth)
		TRY(read_child(r));
	skip_space(r);
	if (r->p != r->end)
		return refuse_syntax(r, "text after the end of the document; remove it");
	*ret_tree = top;
	return 0;
}

int json_read(struct pool *pool, const char *bytes, size_t size, size_t max_size, const struct json **ret_tree,
	      struct json_error *ret_error)
{
	enum { BYTES_PER_VALUE = 32, MAX_CHUNK = 1024 };

	if (size > max_size)
		return json_refuse(pool, ret_error, "json-too-large", NULL,
				   "the document has %zu bytes, %zu are allowed; remove bulk data", size, max_size);

	char *copy = memcpy(pool_alloc_now(pool, size + JSON_ROOM), bytes, size);
	size_t values = size / BYTES_PER_VALUE + 4;
	struct reader r = {.pool = pool,
			   .error = ret_error,
			   .p = copy,
			   .end = copy + size,
			   .line_start = copy,
			   .line = 1,
			   .chunk = values < MAX_CHUNK ? values : MAX_CHUNK};
	if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
		return refuse(&r, "json-not-strict",
			      "the document begins with a byte order mark; write UTF-8 without it");
	return read_document(&r, ret_tree);
}
