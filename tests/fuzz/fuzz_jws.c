/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_jws.c - any bytes as notation's JWS envelope.
 */
#include "fuzz_signature.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
	fuzz_candidate(NOTATION_JWS, bytes, size, NULL);
	return 0;
}
