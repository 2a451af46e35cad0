/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_string.c - one JSON string, unescaped where it stands.
 *
 * What is refused here are the texts that two readers see differently: a NUL, where C programs cut; bytes that are not
 * UTF-8 and halves of surrogate pairs, which some replace and others keep.
 */
#include <endian.h>
#include <hrun/json_check.h>
#include <stdint.h>
#include <string.h>

/* What is read, and where it is written: never further than it was read, as no escape is shorter than its character. */
struct text {
	const char *in;
	char *out;
	bool has_nul;
	const char *wrong; /* what else is wrong first, or NULL */
};

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

/*
 * How many of the eight bytes at P stand for themselves in a string, before one that does not: a quote, a backslash, a
 * control character, or beyond ASCII.  The high bit of a byte is set where it does not; above such a byte a borrow may set
 * more, so only the lowest counts.
 */
static unsigned int plain_bytes(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t word;

	memcpy(&word, p, sizeof word);
	word = le64toh(word);
	uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
	uint64_t ends = (word | (word - ones * ' ') | (quote - ones) | (backslash - ones)) & high;
	return ends ? (unsigned int)__builtin_ctzll(ends) / 8 : 8;
}

static size_t plain_length(const char *text)
{
	const char *p = text;
	unsigned int n;

	while ((n = plain_bytes(p)) == 8)
		p += 8;
	return (size_t)(p - text) + n;
}

/* The four hexadecimal digits of "\uXXXX" at P, or -1 where no such escape stands there. */
static long unicode_escape(const char *p)
{
	long unit = 0;

	if (p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		char c = p[i];
		if (c >= '0' && c <= '9')
			unit = unit * 16 + c - '0';
		else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
			unit = unit * 16 + (c | 0x20) - 'a' + 10;
		else
			return -1;
	}
	return unit;
}

static void write_utf8(struct text *t, unsigned long code)
{
	if (code < 0x80) {
		*t->out++ = (char)code;
		return;
	}
	if (code < 0x800) {
		*t->out++ = (char)(0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*t->out++ = (char)(0xe0 | code >> 12);
		} else {
			*t->out++ = (char)(0xf0 | code >> 18);
			*t->out++ = (char)(0x80 | (code >> 12 & 0x3f));
		}
		*t->out++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	*t->out++ = (char)(0x80 | (code & 0x3f));
}

static void note(struct text *t, const char *wrong)
{
#ifdef HRUN_MUTANT_JSON_UTF8
	return;
#endif
	if (!t->wrong)
		t->wrong = wrong;
}

/* "\uXXXX", or two of them that are one character. */
static bool take_unicode(struct text *t)
{
	long unit = unicode_escape(t->in);

	if (unit < 0)
		return false;
	t->in += 6;
	if (unit >= 0xd800 && unit <= 0xdfff) {
		long low = unit < 0xdc00 ? unicode_escape(t->in) : -1;
		if (low < 0xdc00 || low > 0xdfff) {
			note(t, "the string holds half of a surrogate pair; write the whole character");
			return true;
		}
		t->in += 6;
		unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
	}
#ifndef HRUN_MUTANT_JSON_NUL
	t->has_nul |= unit == 0;
#endif
	write_utf8(t, (unsigned long)unit);
	return true;
}

/* False where JSON has no such escape. */
static bool take_escape(struct text *t)
{
	static const char names[] = "\"\\/bfnrt", characters[] = "\"\\/\b\f\n\r\t";

	if (t->in[1] == 'u')
		return take_unicode(t);
	const char *name = t->in[1] ? strchr(names, t->in[1]) : NULL;
	if (!name)
		return false;
	*t->out++ = characters[name - names];
	t->in += 2;
	return true;
}

static void take_character(struct text *t, const char *end)
{
	size_t length = json_utf8_length(t->in, (size_t)(end - t->in));

	if (!length) {
		note(t, "the string holds bytes that are not UTF-8; write it in UTF-8");
		length = 1;
	}
	memmove(t->out, t->in, length);
	t->in += length;
	t->out += length;
}

/* Up to the closing quote, or a fault of the grammar: its text, *ret_rule its rule. */
static const char *take_string(struct text *t, const char *end, const char **ret_rule)
{
	*ret_rule = "json-not-strict";
	for (;;) {
		size_t n = plain_length(t->in);
		if (t->out != t->in)
			memmove(t->out, t->in, n);
		t->in += n;
		t->out += n;
		if (*t->in == '"')
			return NULL;
		if (t->in == end)
			return "the document ends inside of a string; write plain JSON (RFC 8259)";
		if ((unsigned char)*t->in >= 0x80) {
			take_character(t, end);
		} else if (*t->in == '\\') {
			if (!take_escape(t))
				return "the string holds an escape that JSON does not have; write plain JSON (RFC 8259)";
		} else if (*t->in == '\0') {
			*ret_rule = "json-nul-in-string";
			return "the string holds a NUL byte; remove it";
		} else {
			return "the string holds a control character; write it as an escape";
		}
	}
}

char *json_string(char *text, const char *end, const char **ret_rule, const char **ret_wrong)
{
	struct text t = {.in = text, .out = text};

	*ret_wrong = take_string(&t, end, ret_rule);
	if (*ret_wrong)
		return NULL;
	if (t.has_nul) {
		*ret_rule = "json-nul-in-string";
		*ret_wrong = "the string holds U+0000, where C programs would cut it; remove it";
		return NULL;
	}
	*ret_wrong = t.wrong;
	if (t.wrong)
		return NULL;
	*t.out = '\0';
	return text + (t.in + 1 - text);
}
