/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_where.c - the place of a value, for people and as RFC 6901 pointer.
 *
 * Names come from the document.  They are quoted and escaped here, so that a place
 * is one line of text and can be turned into a pointer without ambiguity.
 */
#include <hrun/json.h>
#include <hrun/str.h>
#include <stdlib.h>

const struct json *json_at(const struct json *object, const char *name)
{
	if (object->type != JSON_OBJECT)
		return NULL;
	for (const struct json *m = object->first; m; m = m->next) {
		if (str_equal(m->key, name))
			return m->type == JSON_NULL ? NULL : m;
	}
	return NULL;
}

static bool is_plain_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static size_t plain_length(const char *text)
{
	size_t n = 0;

	while (is_plain_byte(text[n]))
		n++;
	return n;
}

static void write_where_step(struct json_out *out, const struct json *value)
{
	if (!value->key) {
		json_out_printf(out, "[%u]", value->index);
	} else if (value->key[0] && !value->key[plain_length(value->key)]) {
		json_out_raw(out, out->length ? "." : "");
		json_out_raw(out, value->key);
	} else {
		json_out_raw(out, "[");
		json_out_string(out, value->key);
		json_out_raw(out, "]");
	}
}

static void write_pointer_step(struct json_out *out, const char *key)
{
	json_out_raw(out, "/");
	for (; *key; key++) {
		const char byte[2] = {*key, '\0'};
		json_out_raw(out, *key == '~' ? "~0" : *key == '/' ? "~1" : byte);
	}
}

/* The way from the top value down to VALUE; the top itself is no step. */
static size_t steps_to(const struct json *value, const struct json *step[JSON_MAX_DEPTH])
{
	size_t n = 0;

	for (const struct json *v = value; v && v->parent; v = v->parent)
		n++;
	size_t left = n;
	for (const struct json *v = value; v && v->parent; v = v->parent)
		step[--left] = v;
	return n;
}

const char *json_where(struct pool *pool, const struct json *value)
{
	const struct json *step[JSON_MAX_DEPTH];
	struct json_out out = {.pool = pool};
	size_t n = steps_to(value, step);

	json_out_raw(&out, "");
	for (size_t i = 0; i < n; i++)
		write_where_step(&out, step[i]);
	return out.text;
}

const char *json_pointer(struct pool *pool, const struct json *value)
{
	const struct json *step[JSON_MAX_DEPTH];
	struct json_out out = {.pool = pool};
	size_t n = steps_to(value, step);

	json_out_raw(&out, "");
	for (size_t i = 0; i < n; i++) {
		if (step[i]->key)
			write_pointer_step(&out, step[i]->key);
		else
			json_out_printf(&out, "/%u", step[i]->index);
	}
	return out.text;
}

/* Undo json_out_string: P stands behind the opening quote; returns what follows the closing one. */
static const char *unquote(struct pool *pool, const char *p, char **ret_text)
{
	char *text = pool_alloc(pool, strlen(p) + 1), *end = text;

	for (; *p && *p != '"'; p++) {
		if (*p != '\\' || !p[1]) {
			*end++ = *p;
			continue;
		}
		p++;
		if (*p == 'u' && strlen(p) >= 5) {
			const char digits[5] = {p[1], p[2], p[3], p[4], '\0'};
			unsigned long code =
				strtoul(digits, NULL, 16); /* only control characters, up to U+009F, are written so */
			if (code >= 0x80)
				*end++ = (char)(0xc0 | code >> 6);
			*end++ = (char)(code < 0x80 ? code : 0x80 | (code & 0x3f));
			p += 4;
		} else {
			*end++ = *p == 'n' ? '\n' : *p == 't' ? '\t' : *p == 'r' ? '\r' : *p;
		}
	}
	*ret_text = text;
	return *p ? p + 1 : p;
}

const char *json_pointer_of_where(struct pool *pool, const char *where)
{
	struct json_out out = {.pool = pool};

	json_out_raw(&out, "");
	for (const char *p = where; *p;) {
		size_t n = plain_length(p);
		if (n) {
			write_pointer_step(&out, pool_strndup(pool, p, n));
			p += n;
		} else if (str_starts(p, "[\"")) {
			char *key;
			p = unquote(pool, p + 2, &key);
			write_pointer_step(&out, key);
		} else {
			p++; /* "." "[" "]" stand between steps */
		}
	}
	return out.text;
}
