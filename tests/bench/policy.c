/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.c - processor time of reading and judging one policy file: policy [FILE]...
 *
 * Each round is what create does: open every directory, check the owners, read, parse, check each member, sort.
 * The digest is for the audit record, where somebody takes it.
 * Without FILE: files of 1,000 waivers that it makes in a directory below /run (a policy must lie where only root can
 * write): by value; by image digest and cgroup; the latter indented, one member a line.
 */
#include <hrun/policy.h>
#include <hrun/utc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 500 };

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

static void measure(const char *path)
{
	static double taken[ROUNDS], digested[ROUNDS];
	struct policy policy;
	struct err e = {0};
	struct stat st;

	for (int i = 0; i < ROUNDS; i++) {
		struct pool pool = {0};
		double before = now();
		int r = policy_load_file(&pool, path, false, POLICY_OWNER_ROOT, utc_today(), &policy, &e);
		taken[i] = now() - before;
		policy_digest(&pool, &policy.source);
		digested[i] = now() - before;
		pool_free(&pool);
		if (r < 0 || stat(path, &st) < 0) {
			fprintf(stderr, "%s\n", e.text);
			exit(1);
		}
	}
	qsort(taken, ROUNDS, sizeof *taken, compare);
	qsort(digested, ROUNDS, sizeof *digested, compare);
	printf("%-28s %4zu waivers, %6lld bytes: median %4.0f us, best %4.0f us; with its digest %4.0f, %4.0f of %d\n",
	       path, policy.waiver_count, (long long)st.st_size, taken[ROUNDS / 2], taken[0], digested[ROUNDS / 2],
	       digested[0], ROUNDS);
}

static void write_file(const char *path, int kind)
{
	static const char *const nl[] = {"", "", "\n      "};
	char date[UTC_TEXT_SIZE];
	FILE *out = fopen(path, "we");

	if (!out || fchmod(fileno(out), 0644) < 0) {
		perror(path);
		exit(1);
	}
	utc_date_text(utc_today() + 100, date, sizeof date);
	fprintf(out, "{\"format\":1,\"level\":\"baseline\",\"waivers\":[");
	for (int i = 0; i < POLICY_MAX_WAIVERS; i++) {
		fprintf(out, "%s{%s\"rule\":\"%s\",%s\"match\":{", i ? "," : "", nl[kind],
			i % 3 ? "ns-uts-host" : "user-root", nl[kind]);
		if (kind == 0)
			fprintf(out, "\"value\":\"/srv/data/service-%d\"}", i);
		else
			fprintf(out, "\"imageDigest\":\"sha256:%064x\",%s\"cgroup\":\"/system.slice/service-%d*\"}", i,
				nl[kind], i);
		fprintf(out,
			",%s\"reason\":\"reads the host's network counters\",%s\"owner\":\"platform team\",%s\"expires\":\"%s\"}",
			nl[kind], nl[kind], nl[kind], date);
	}
	fprintf(out, "]}\n");
	if (fclose(out) != 0) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static const char *const names[] = {"value", "digest", "indented"};
	char directory[] = "/run/hrun-bench-XXXXXX", path[64];

	for (int i = 1; i < argc; i++)
		measure(argv[i]);
	if (argc > 1)
		return 0;
	if (!mkdtemp(directory)) {
		perror(directory);
		return 1;
	}
	for (int kind = 0; kind < 3; kind++) {
		snprintf(path, sizeof path, "%s/%s", directory, names[kind]);
		write_file(path, kind);
		measure(path);
		unlink(path);
	}
	rmdir(directory);
	return 0;
}
