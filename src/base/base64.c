/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64.c - base64 as RFC 4648 has it and nothing else.
 *
 * One text for each byte string: libcrypto's decoders pass over white space and take any padding bits, so that several
 * texts would be the same signature.
 */
#include <errno.h>
#include <hrun/base64.h>
#include <stdint.h>

static int digit_of(char c, char digit62, char digit63)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == digit62)
		return 62;
	return c == digit63 ? 63 : -1;
}

/* LENGTH digits, without padding. */
static ssize_t decode(const char *text, size_t length, const char *last_digits, unsigned char *bytes)
{
	unsigned char *out = bytes;
	uint32_t bits = 0;
	unsigned int have = 0;

	if (length % 4 == 1)
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		int digit = digit_of(text[i], last_digits[0], last_digits[1]);
		if (digit < 0)
			return -EINVAL;
		bits = (bits << 6 | (uint32_t)digit) & 0xffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*out++ = (unsigned char)(bits >> have);
		}
	}
	if (bits & ((1U << have) - 1))
		return -EINVAL;
	return out - bytes;
}

ssize_t base64_read(const char *text, size_t length, unsigned char *bytes)
{
	size_t padding = 0;

	if (length % 4 != 0)
		return -EINVAL;
	while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
		padding++;
	return decode(text, length - padding, "+/", bytes);
}

ssize_t base64url_read(const char *text, size_t length, unsigned char *bytes)
{
	return decode(text, length, "-_", bytes);
}
