/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_json.c - any bytes: the JSON reader and yajl see the same, or the reason is a known one.
 */
#include "json_yajl.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *differs = json_differs((const char *)data, size);

	if (differs) {
		fprintf(stderr, "%s\n", differs);
		abort();
	}
	return 0;
}
