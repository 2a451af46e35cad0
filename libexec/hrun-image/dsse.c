/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsse.c - what DSSE signs; hrun-sign makes it by the same words.
 */
#include "signature.h"
#include <hrun/image_statement.h>
#include <hrun/str.h>

struct blob dsse_encode(struct pool *pool, struct blob payload)
{
	size_t room = payload.size + sizeof STATEMENT_PAYLOAD_TYPE + 64;
	char *bytes = pool_alloc(pool, room);
	int length = str_format(bytes, room, "DSSEv1 %zu %s %zu ", sizeof STATEMENT_PAYLOAD_TYPE - 1,
				STATEMENT_PAYLOAD_TYPE, payload.size);

	memcpy(bytes + length, payload.bytes, payload.size);
	return (struct blob){.bytes = (unsigned char *)bytes, .size = (size_t)length + payload.size};
}
