/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_check.c - what the JSON parser lets through and the reader must not.
 *
 * yajl 2.1 accepts overlong UTF-8, encoded surrogates, code points above U+10FFFF,
 * lone \ud800 (as "?"), and any number of equal names.  Each of them lets two
 * readers see two documents: the one that was checked and the one that is used.
 */
#include <hrun/json_check.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The well-formed sequences by first and second byte (Unicode, table 3-7). */
size_t json_utf8_length(const char *text, size_t left)
{
	const unsigned char *p = (const unsigned char *)text;
	static const struct {
		unsigned char first, last, low, high, length;
	} forms[] = {
		{0x00, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		if (p[0] < forms[i].first || p[0] > forms[i].last)
			continue;
		if (left < forms[i].length)
			return 0;
		if (forms[i].length > 1 && (p[1] < forms[i].low || p[1] > forms[i].high))
			return 0;
		for (size_t k = 2; k < forms[i].length; k++) {
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].length;
	}
	return 0;
}

/* The four hexadecimal digits of "\uXXXX" at P, or -1 where no such escape stands there. */
static long unicode_escape(const unsigned char *p, size_t left)
{
	char digits[5] = "";

	if (left < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	memcpy(digits, p + 2, 4);
	return strspn(digits, "0123456789abcdefABCDEF") == 4 ? strtol(digits, NULL, 16) : -1;
}

/* Length of the escape at P, or 0 for half of a surrogate pair. */
static size_t escape_length(const unsigned char *p, size_t left)
{
	long unit = unicode_escape(p, left);

	if (unit < 0)
		return left < 2 ? 0 : 2;
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return 0;
	if (unit < 0xd800 || unit > 0xdbff)
		return 6;
	long low = unicode_escape(p + 6, left - 6);
	return low >= 0xdc00 && low <= 0xdfff ? 12 : 0;
}

/* How many of the bytes at P are ASCII without a backslash, in steps of a word. */
static size_t plain_words(const unsigned char *p, size_t length)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	size_t i = 0;

	for (uint64_t word; length - i >= sizeof word; i += sizeof word) {
		memcpy(&word, p + i, sizeof word);
		uint64_t backslash = word ^ ones * '\\';
		if ((word | ((backslash - ones) & ~backslash)) & high)
			break;
	}
	return i;
}

const char *json_check_string(const char *raw, size_t length)
{
	const unsigned char *p = (const unsigned char *)raw;
	size_t i = plain_words(p, length);

	while (i < length) {
		size_t step = 1;
		if (p[i] == '\\') {
			step = escape_length(p + i, length - i);
			if (!step)
				return "the string holds half of a surrogate pair; write the whole character";
		} else if (p[i] >= 0x80) {
			step = json_utf8_length(raw + i, length - i);
			if (!step)
				return "the string holds bytes that are not UTF-8; write it in UTF-8";
		}
		i += step;
	}
	return NULL;
}

/* By name, then by position, so that the later of two equal names is the one reported. */
static int compare_members(const void *a, const void *b)
{
	const struct json *const *x = a, *const *y = b;
	int order = strcmp((*x)->key, (*y)->key);

	return order ? order : ((*x)->index > (*y)->index) - ((*x)->index < (*y)->index);
}

static const struct json *find_twin_pairwise(const struct json *object)
{
	for (const struct json *a = object->first; a; a = a->next) {
		for (const struct json *b = a->next; b; b = b->next) {
			if (a->key[0] == b->key[0] && strcmp(a->key, b->key) == 0)
				return b;
		}
	}
	return NULL;
}

/* Sorting, not hashing: nobody can choose names that make it slow. */
const struct json *json_check_members(struct pool *pool, const struct json *object)
{
	if (object->count <= 12)
		return find_twin_pairwise(object);

	const struct json **member = pool_alloc(pool, object->count * sizeof *member);
	size_t n = 0;
	for (const struct json *m = object->first; m; m = m->next)
		member[n++] = m;
	qsort(member, n, sizeof *member, compare_members);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(member[i - 1]->key, member[i]->key) == 0)
			return member[i];
	}
	return NULL;
}

int json_refuse(struct pool *pool, struct json_error *error, const char *rule, const struct json *value,
		const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	*error = (struct json_error){
		.rule = rule,
		.where = json_where(pool, value),
		.pointer = json_pointer(pool, value),
		.line = value ? value->line : 0,
		.column = value ? value->column : 0,
		.text = pool_strdup(pool, text),
	};
	return -EINVAL;
}
