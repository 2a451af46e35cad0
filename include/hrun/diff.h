/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff.h - two texts as a unified diff, line by line.
 */
#ifndef HRUN_DIFF_H
#define HRUN_DIFF_H

#include <hrun/pool.h>
#include <stdio.h>

/* Nothing where BEFORE and AFTER are the same.  What does not fit into 2,000 changes is one change. */
void diff_print(FILE *out, struct pool *pool, const char *before_name, const char *after_name, const char *before,
		const char *after);

#endif
