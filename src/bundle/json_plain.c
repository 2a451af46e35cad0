/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_plain.c - the documents that programs write: a fast reader that knows only what is beyond doubt.
 *
 * It takes ASCII strings without escapes, integers, and exact grammar.  Whatever else it meets it gives up, puts the
 * bytes back and says nothing: then json.c reads, which alone refuses.  So this file can make reading faster and never
 * looser, as long as what it takes is what json.c would take (tests/unit/json_plain.c, tests/fuzz/fuzz_json.c).
 */
#include <endian.h>
#include <hrun/json_check.h>
#include <stdint.h>
#include <string.h>

struct scanner {
	struct pool *pool;
	char *p; /* the next byte; a NUL stands behind the last one and is nowhere taken */
	char *line_start;
	unsigned int line;
	struct json *nodes; /* room for more values */
	size_t node_count, chunk;
	unsigned int depth;
	struct json_stream *stream; /* or NULL */
};

static bool read_value(struct scanner *s, struct json *value);

static void skip_space(struct scanner *s)
{
	char *p = s->p;

	for (; *p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'; p++) {
		if (*p != '\n')
			continue;
		s->line++;
		s->line_start = p + 1;
		while (memcmp(p + 1, "        ", 8) == 0) /* indentation */
			p += 8;
	}
	s->p = p;
}

/*
 * How many of eight bytes belong into a plain string before one that does not.  The high bit of a byte is set where it
 * does not; above such a byte a borrow may set more, so only the lowest counts.
 */
static unsigned int plain_bytes(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t word;

	memcpy(&word, p, sizeof word); /* the buffer has room behind its end */
	word = le64toh(word);
	uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
	uint64_t ends = (word | (word - ones * ' ') | (quote - ones) | (backslash - ones)) & high;
	return ends ? (unsigned int)__builtin_ctzll(ends) / 8 : 8;
}

/* From behind the opening quote to the closing one, which becomes the end of the text. */
static const char *read_string(struct scanner *s)
{
	char *text = ++s->p, *p = text;
	unsigned int n;

	while ((n = plain_bytes(p)) == 8)
		p += 8;
	p += n;
	s->p = p;
	if (*p != '"')
		return NULL;
	*p = '\0';
	s->p = p + 1;
	return text;
}

static bool read_number(struct scanner *s, struct json *value)
{
	char *p = s->p + (*s->p == '-');
	bool zero = *p == '0';

	while (*p >= '0' && *p <= '9')
		p++;
	size_t length = (size_t)(p - s->p), digits = length - (*s->p == '-');
	if (digits == 0 || (zero && digits > 1) || *p == '.' || *p == 'e' || *p == 'E')
		return false;
	value->type = JSON_NUMBER;
	value->text = pool_strndup(s->pool, s->p, length);
	s->p = p;
	return true;
}

static bool read_word(struct scanner *s, struct json *value)
{
	if (strncmp(s->p, "true", 4) == 0)
		value->type = JSON_BOOLEAN, value->boolean = true, s->p += 4;
	else if (strncmp(s->p, "false", 5) == 0)
		value->type = JSON_BOOLEAN, s->p += 5;
	else if (strncmp(s->p, "null", 4) == 0)
		value->type = JSON_NULL, s->p += 4;
	else
		return false;
	return true;
}

static struct json *add_node(struct scanner *s, struct json *parent, struct json **newest)
{
	if (s->node_count == 0) {
		s->nodes = pool_alloc_now(s->pool, s->chunk * sizeof *s->nodes);
		s->node_count = s->chunk;
	}
	struct json *value = s->nodes++;
	s->node_count--;
	value->parent = parent;
	value->index = parent->count++;
	if (*newest)
		(*newest)->next = value;
	else
		parent->first = value;
	*newest = value;
	return value;
}

static bool is_streamed(const struct scanner *s, const struct json *list)
{
	return s->stream && list->type == JSON_ARRAY && s->depth == 2 && strcmp(list->key, s->stream->member) == 0;
}

/* The only child of LIST goes: its nodes, those from FIRST on, are free again once it was taken. */
static bool give_away(struct scanner *s, struct json *list, struct json *first, size_t free_before)
{
	size_t used = free_before - s->node_count;

	if (!s->stream->take(s->stream->context, list->first))
		return false;
	list->first = NULL;
	/* Only where all of them lie in one piece. */
	if (free_before >= s->node_count && first + used == s->nodes) {
		memset(first, 0, used * sizeof *first);
		s->nodes = first;
		s->node_count = free_before;
	}
	return true;
}

/* The members or elements up to CLOSE; the opening bracket has been passed. */
static bool read_children(struct scanner *s, struct json *parent, char close)
{
	bool streamed = is_streamed(s, parent);
	struct json *newest = NULL;

	skip_space(s);
	if (*s->p == close) {
		s->p++;
		return true;
	}
	for (;;) {
		const char *key = NULL;
		if (parent->type == JSON_OBJECT) {
			if (*s->p != '"' || !(key = read_string(s)))
				return false;
			skip_space(s);
			if (*s->p != ':')
				return false;
			s->p++;
			skip_space(s);
		}
		struct json *first = s->nodes;
		size_t free_before = s->node_count;
		struct json *value = add_node(s, parent, &newest);
		value->key = key;
		if (!read_value(s, value))
			return false;
		if (streamed && !give_away(s, parent, first, free_before))
			return false;
		newest = streamed ? NULL : value;
		skip_space(s);
		/* What is not taken is not passed: a NUL of the document stays one (put_back). */
		char c = *s->p;
		if (c != close && c != ',')
			return false;
		s->p++;
		if (c == close)
			return true;
		skip_space(s);
	}
}

static bool read_container(struct scanner *s, struct json *value)
{
	bool object = *s->p++ == '{';

	value->type = object ? JSON_OBJECT : JSON_ARRAY;
	if (s->depth == JSON_MAX_DEPTH)
		return false;
	s->depth++;
	bool ok = read_children(s, value, object ? '}' : ']') && !(object && json_check_members(s->pool, value));
	s->depth--;
	return ok;
}

static bool read_value(struct scanner *s, struct json *value)
{
	value->line = s->line;
	value->column = (unsigned int)(s->p - s->line_start) + 1;
	switch (*s->p) {
	case '"':
		value->type = JSON_STRING;
		value->text = read_string(s);
		return value->text != NULL;
	case '{':
	case '[':
		return read_container(s, value);
	case '-':
	case '0' ... '9':
		return read_number(s, value);
	default:
		return read_word(s, value);
	}
}

/* Only closing quotes were replaced, and before the place where it ended no NUL stood. */
static void put_back(char *bytes, const char *end)
{
	for (char *p = bytes; (p = memchr(p, '\0', (size_t)(end - p))); p++)
		*p = '"';
}

const struct json *json_plain_read(struct pool *pool, char *bytes, size_t size, struct json_stream *stream)
{
	enum { BYTES_PER_VALUE = 40 };
	size_t chunk = size / BYTES_PER_VALUE + 8, most = stream ? 64 : 2048;
	struct scanner s = {.pool = pool,
			    .p = bytes,
			    .line_start = bytes,
			    .line = 1,
			    .chunk = chunk < most ? chunk : most,
			    .stream = stream};
	struct json *top = pool_alloc(pool, sizeof *top);

	skip_space(&s);
	bool ok = *s.p == '{' && read_value(&s, top);
	if (ok)
		skip_space(&s);
	if (ok && s.p == bytes + size)
		return top;
	put_back(bytes, s.p < bytes + size ? s.p : bytes + size);
	return NULL;
}
