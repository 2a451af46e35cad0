/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_cose.c - any bytes as notation's COSE envelope.
 */
#include "fuzz_signature.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
	fuzz_candidate(NOTATION_COSE, bytes, size, NULL);
	return 0;
}
