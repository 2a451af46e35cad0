/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_cosign.c - any bytes as a signature's annotation, a NUL, and cosign's payload.
 */
#include "fuzz_signature.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
	const unsigned char *end = memchr(bytes, 0, size);

	if (end)
		fuzz_candidate(COSIGN_LEGACY, end + 1, (size_t)(bytes + size - end - 1), (const char *)bytes);
	return 0;
}
