/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_write.c - JSON as text.
 *
 * What is written may come from a container's image or config: everything that is
 * not well-formed UTF-8 without control characters leaves here replaced or escaped.
 */
#include <hrun/json.h>
#include <hrun/json_check.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void append(struct json_out *out, const char *text, size_t length)
{
	if (out->capacity - out->length <= length) {
		size_t capacity = (out->length + length + 1) * 2;
		char *grown = pool_alloc(out->pool, capacity);
		if (out->length)
			memcpy(grown, out->text, out->length);
		out->text = grown;
		out->capacity = capacity;
	}
	memcpy(out->text + out->length, text, length);
	out->length += length;
	out->text[out->length] = '\0';
}

void json_out_raw(struct json_out *out, const char *text)
{
	append(out, text, strlen(text));
}

static void append_escaped(struct json_out *out, unsigned char c)
{
	switch (c) {
	case '"':
		json_out_raw(out, "\\\"");
		break;
	case '\\':
		json_out_raw(out, "\\\\");
		break;
	case '\n':
		json_out_raw(out, "\\n");
		break;
	case '\r':
		json_out_raw(out, "\\r");
		break;
	case '\t':
		json_out_raw(out, "\\t");
		break;
	default:
		json_out_printf(out, "\\u%04x", c);
	}
}

void json_out_string(struct json_out *out, const char *text)
{
	const char *end = text + strlen(text);

	json_out_raw(out, "\"");
	while (text < end) {
		unsigned char c = (unsigned char)*text;
		size_t n = c < 0x80 ? 1 : json_utf8_length(text, (size_t)(end - text));
		/* U+0080..U+009F: a terminal may obey them as well. */
		bool c1 = n == 2 && c == 0xc2 && (unsigned char)text[1] < 0xa0;
		if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
			append_escaped(out, c);
		else if (c1)
			append_escaped(out, (unsigned char)text[1]);
		else if (n)
			append(out, text, n);
		else
			json_out_raw(out, "\xef\xbf\xbd"); /* U+FFFD for each byte that is no UTF-8 */
		text += n ? n : 1;
	}
	json_out_raw(out, "\"");
}

void json_out_map(struct json_out *out, const struct string_map *map)
{
	json_out_raw(out, "{");
	for (size_t i = 0; i < map->count; i++) {
		json_out_raw(out, i ? "," : "");
		json_out_string(out, map->item[i].key);
		json_out_raw(out, ":");
		json_out_string(out, map->item[i].value);
	}
	json_out_raw(out, "}");
}

void json_out_printf(struct json_out *out, const char *format, ...)
{
	char shorter[128], *text = shorter;
	va_list args;

	va_start(args, format);
	int n = vsnprintf(shorter, sizeof shorter, format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof shorter) {
		text = pool_alloc(out->pool, (size_t)n + 1);
		va_start(args, format);
		vsnprintf(text, (size_t)n + 1, format, args);
		va_end(args);
	}
	append(out, text, (size_t)n);
}
