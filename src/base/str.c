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

void str_remove_controls(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
		else if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
			p[0] = p[1] = '?';
	}
}

bool str_is_digest(const char *text)
{
	static const char prefix[] = "sha256:";
	enum { START = sizeof prefix - 1, DIGITS = 64 };

	return strncmp(text, prefix, START) == 0 && strspn(text + START, "0123456789abcdef") == DIGITS &&
	       text[START + DIGITS] == '\0';
}
