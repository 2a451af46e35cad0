/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quote.c - text of the config in a line of output.
 *
 * A path may hold a newline, a terminal's escape sequence or a Unicode character that turns
 * the direction of writing; none of them may make a reader see a step that is not there.
 */
#include <hrun/planning.h>
#include <string.h>

/* Length of a character that shows nothing or moves others: C0, DEL, C1, U+2028..202E, U+2060..206F, U+FEFF. */
static size_t hidden_length(const unsigned char *p)
{
	if (*p < 0x20 || *p == 0x7f)
		return 1;
	if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
		return 2;
	if (p[0] == 0xe2 && p[1] == 0x80 && ((p[2] >= 0xa8 && p[2] <= 0xae) || (p[2] >= 0x8b && p[2] <= 0x8f)))
		return 3;
	if ((p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa0) || (p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf))
		return 3;
	return 0;
}

static bool is_plain(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == ' ' || *p == '"' || *p == '\\' || hidden_length(p))
			return false;
	}
	return *text;
}

static char *put_byte(char *out, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";

	*out++ = '\\';
	*out++ = 'x';
	*out++ = digits[byte >> 4];
	*out++ = digits[byte & 15];
	return out;
}

static char *put_hidden(char *out, const unsigned char *bytes, size_t length)
{
	if (*bytes == '\n' || *bytes == '\t') {
		*out++ = '\\';
		*out++ = *bytes == '\n' ? 'n' : 't';
		return out;
	}
	for (size_t i = 0; i < length; i++)
		out = put_byte(out, bytes[i]);
	return out;
}

const char *plan_quote(struct pool *pool, const char *text)
{
	if (is_plain(text))
		return text;
	char *quoted = pool_alloc(pool, 4 * strlen(text) + 3), *out = quoted;

	*out++ = '"';
	for (const unsigned char *p = (const unsigned char *)text; *p;) {
		size_t hidden = hidden_length(p);
		if (hidden) {
			out = put_hidden(out, p, hidden);
			p += hidden;
			continue;
		}
		if (*p == '"' || *p == '\\')
			*out++ = '\\';
		*out++ = (char)*p++;
	}
	*out++ = '"';
	return quoted;
}
