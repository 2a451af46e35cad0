/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_bundle.c - any bytes as a Sigstore bundle.
 */
#include "fuzz_signature.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
	fuzz_candidate(SIGSTORE_BUNDLE, bytes, size, NULL);
	return 0;
}
