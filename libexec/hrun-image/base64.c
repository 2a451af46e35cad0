/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64.c - base64 into a blob of its own.
 */
#include "signature.h"
#include <errno.h>
#include <hrun/base64.h>

typedef ssize_t read_function(const char *text, size_t length, unsigned char *bytes);

static int decode(struct pool *pool, const char *text, size_t length, read_function *read, struct blob *ret_bytes)
{
	unsigned char *bytes = pool_alloc(pool, length / 4 * 3 + 3);
	ssize_t size = read(text, length, bytes);

	if (size < 0)
		return -EINVAL;
	*ret_bytes = (struct blob){.bytes = bytes, .size = (size_t)size};
	return 0;
}

int base64_decode(struct pool *pool, const char *text, size_t length, struct blob *ret_bytes)
{
	return decode(pool, text, length, base64_read, ret_bytes);
}

int base64url_decode(struct pool *pool, const char *text, size_t length, struct blob *ret_bytes)
{
	return decode(pool, text, length, base64url_read, ret_bytes);
}
