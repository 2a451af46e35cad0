/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64.c - strict base64: whole groups, no white space, no bits left over.
 */
#include <hrun/image_trust_file.h>
#include <string.h>

static int digit(char c)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c ? strchr(alphabet, c) : NULL;

	return found ? (int)(found - alphabet) : -EINVAL;
}

/* Four characters, of which PADDING are '='. */
static int decode_group(const char *text, size_t padding, unsigned char *bytes)
{
	unsigned int bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int d = i + padding < 4 ? digit(text[i]) : 0;
		TRY(d);
		bits = bits << 6 | (unsigned int)d;
	}
	/* Bits below the last byte must not be set. */
	if (bits & ((1U << (8 * padding)) - 1))
		return -EINVAL;
	for (size_t i = 0; i + padding < 3; i++)
		bytes[i] = (unsigned char)(bits >> (16 - 8 * i));
	return 0;
}

ssize_t image_trust_base64(const char *text, unsigned char *bytes)
{
	size_t length = strlen(text), padding = 0, size = 0;

	if (length % 4)
		return -EINVAL;
	for (size_t i = 0; i < length; i += 4) {
		if (i + 4 == length)
			padding = text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
		TRY(decode_group(text + i, padding, bytes + size));
		size += 3 - padding;
	}
	return (ssize_t)size;
}
