/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64.c - base64 as RFC 4648 has it and nothing else.
 *
 * One text for each byte string: libcrypto's decoders pass over white space and take any padding bits, so that several
 * texts would be the same signature.
 */
#include "signature.h"
#include <errno.h>

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
static int decode(struct pool *pool, const char *text, size_t length, const char *last_digits, struct blob *ret_bytes)
{
	unsigned char *bytes = pool_alloc(pool, length / 4 * 3 + 3), *out = bytes;
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
	*ret_bytes = (struct blob){.bytes = bytes, .size = (size_t)(out - bytes)};
	return 0;
}

int base64_decode(struct pool *pool, const char *text, size_t length, struct blob *ret_bytes)
{
	size_t padding = 0;

	if (length % 4 != 0)
		return -EINVAL;
	while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
		padding++;
	return decode(pool, text, length - padding, "+/", ret_bytes);
}

int base64url_decode(struct pool *pool, const char *text, size_t length, struct blob *ret_bytes)
{
	return decode(pool, text, length, "-_", ret_bytes);
}
