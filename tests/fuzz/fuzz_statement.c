/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_statement.c - any bytes as a signature beside a bundle.
 */
#include "fuzz_signature.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
	fuzz_candidate(TREE_STATEMENT, bytes, size, NULL);
	return 0;
}
