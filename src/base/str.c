/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str.c - strict numbers and checked formatting.
 */
#include <errno.h>
#include <hrun/str.h>
#include <stdarg.h>
#include <stdio.h>

int str_to_u64(const char *text, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
	}
	for (const char *p = text; *p; p++) {
		if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return -ERANGE;
	}
	if (value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int str_to_i64(const char *text, int64_t min, int64_t max, int64_t *ret_value)
{
	bool negative = text[0] == '-';
	uint64_t magnitude;

	int r = str_to_u64(text + negative, (uint64_t)INT64_MAX + negative, &magnitude);
	if (r < 0)
		return r;
	if (negative && magnitude == 0)
		return -EINVAL;
	/* Two's complement by way of unsigned arithmetic: INT64_MIN has no positive twin. */
	int64_t value = (int64_t)(negative ? 0 - magnitude : magnitude);
	if (value < min || value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int str_format(char *buffer, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(buffer, size, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= size) {
		if (size)
			buffer[0] = '\0';
		return -ENAMETOOLONG;
	}
	return n;
}

bool str_has_control(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			return true;
	}
	return false;
}

/* The bytes of the UTF-8 character at P; 0 where it is none: a terminal may take such a byte for a control of its own. */
static size_t character_size(const unsigned char *p)
{
	size_t size = p[0] < 0x80 ? 1 : p[0] < 0xc2 || p[0] > 0xf4 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

	for (size_t i = 1; i < size; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return size;
}

/* C0, DEL, C1; line and paragraph separators; what turns the direction of the text that follows. */
static bool is_control(const unsigned char *p, size_t size)
{
	if (size == 1)
		return *p < 0x20 || *p == 0x7f;
	if (size == 2)
		return (p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xd8 && p[1] == 0x9c);
	if (size != 3 || p[0] != 0xe2)
		return false;
	return p[1] == 0x80 ? p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae)
			    : p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9;
}

void str_remove_controls(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p;) {
		size_t size = character_size(p);
		if (!size)
			*p++ = '?';
		else if (is_control(p, size))
			memset(p, '?', size);
		p += size;
	}
}

bool str_is_hex(const char *text, size_t count)
{
	return strspn(text, "0123456789abcdef") == count && text[count] == '\0';
}

bool str_is_digest(const char *text)
{
	static const char prefix[] = "sha256:";
	enum { START = sizeof prefix - 1, DIGITS = 64 };

	return strncmp(text, prefix, START) == 0 && str_is_hex(text + START, DIGITS);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

/* Eight bytes at a time; of more than eight the last ones may be among those before them. */
uint64_t str_hash(uint64_t hash, const char *bytes, size_t length)
{
	uint64_t word = length;

	if (length < sizeof word) {
		for (size_t i = 0; i < length; i++)
			word = word << 8 | (unsigned char)bytes[i];
		return mix(hash, word);
	}
	for (size_t i = 0; i < length - sizeof word; i += sizeof word) {
		memcpy(&word, bytes + i, sizeof word);
		hash = mix(hash, word);
	}
	memcpy(&word, bytes + length - sizeof word, sizeof word);
	return mix(hash, word);
}
