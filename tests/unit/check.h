/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - CHECK(CONDITION) or CHECK(CONDITION, "more: %d", about): what does not hold is printed and counted, and the test goes on.
 * main() ends with `return failures != 0`.
 */
#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H

#include <stdio.h>

static unsigned int failures;

#define CHECK(condition, ...)                                                \
	do {                                                                 \
		if (!(condition)) {                                          \
			failures++;                                          \
			printf("%s:%d: %s", __FILE__, __LINE__, #condition); \
			printf(" " __VA_ARGS__);                             \
			printf("\n");                                        \
		}                                                            \
	} while (0)

#endif
