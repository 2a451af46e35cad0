/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.c - policy FILE [ROUNDS]: processor time of reading and judging one policy file, in microseconds: median and best.
 *
 * Each round is what create does: open every directory, check the owners, read, digest, parse, check each member, sort.
 * The file must pass the ownership check (below /root or /run).
 */
#include <hrun/policy.h>
#include <hrun/utc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 500;
	double *taken = calloc((size_t)rounds + 1, sizeof *taken);
	struct policy policy;
	struct err e;

	if (argc < 2 || rounds < 1 || !taken)
		return 2;
	for (int i = 0; i < rounds; i++) {
		struct pool pool = {0};
		double before = now();
		int r = policy_load_file(&pool, argv[1], false, false, utc_today(), &policy, &e);
		if (r < 0) {
			printf("%s\n", e.text);
			return 1;
		}
		taken[i] = now() - before;
		pool_free(&pool);
	}
	qsort(taken, (size_t)rounds, sizeof *taken, compare);
	printf("%zu waivers: median %.0f us, best %.0f us of %d\n", policy.waiver_count, taken[rounds / 2], taken[0], rounds);
	return 0;
}
