/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.c - what judging one bundle costs: microseconds of processor time for each policy_judge.
 *
 *     judge BUNDLE          the figures, a line each: the median of several runs of many
 *     judge --once BUNDLE   judge it once and print the verdict; for strace
 *
 * "data" judges the config alone, as far as that goes (bundle absent, as for exec); "objects" is all that create
 * does.  The difference are look-ups of real objects.
 */
#include <hrun/bundle.h>
#include <hrun/judging.h>
#include <hrun/rules.h>
#include <hrun/str.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CACHE "/tmp/hrun-bench-cache" /* of compiled filters, so that a warm one is measured */

#define IMAGE_OF "sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" /* and four digits */

enum { RUNS = 11, TIMES = 200, MANY = 1000 };

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct work {
	void (*run)(struct work *work, struct pool *pool);
	const char *path;
	struct judged judged;
	struct policy policy;
};

static double median_of(struct work *work)
{
	double us[RUNS];

	for (int run = 0; run < RUNS; run++) {
		double begin = now_us();
		for (int i = 0; i < TIMES; i++) {
			struct pool pool = {0};
			work->run(work, &pool);
			pool_free(&pool);
		}
		us[run] = (now_us() - begin) / TIMES;
	}
	qsort(us, RUNS, sizeof *us, ascending);
	return us[RUNS / 2];
}

static void measure(struct work *work, void (*run)(struct work *, struct pool *), const char *what)
{
	work->run = run;
	printf("%8.1f us  %s\n", median_of(work), what);
}

static void open_or_end(struct pool *pool, const char *path, struct bundle *bundle)
{
	struct json_error error = {0};
	struct err e = {0};

	if (bundle_open(pool, path, NULL, 4 << 20, bundle, &error, &e) < 0) {
		fprintf(stderr, "%s: %s\n", path, error.text ? error.text : e.text);
		exit(1);
	}
}

static void run_read(struct work *work, struct pool *pool)
{
	struct bundle bundle;

	open_or_end(pool, work->path, &bundle);
	bundle_close(&bundle);
}

static void run_judge(struct work *work, struct pool *pool)
{
	struct verdict verdict;

	work->judged.pool = pool;
	policy_judge(&work->judged, &work->policy, &verdict);
}

static void run_harden(struct work *work, struct pool *pool)
{
	struct verdict verdict;

	work->judged.pool = pool;
	policy_judge(&work->judged, &work->policy, &verdict);
	policy_harden(pool, work->judged.config, &verdict);
}

static void run_mount_look(struct work *work, struct pool *pool)
{
	work->judged.pool = pool;
	mount_look(&work->judged);
}

/* How a fleet's waivers may look; of one rule, they are of the one that finds most. */
static const struct fleet {
	const char *title;
	bool over_all_rules;
	const char *value, *image_digest, *cgroup; /* "#" stands for a number of its own; NULL: not asked for */
} fleets[] = {
	{"judge, data, 1000 waivers over all rules", true, "/srv/data/#", NULL, "/hrun/*"},
	{"judge, data, 1000 waivers of the rule that finds most", false, "/srv/data/#", NULL, "/hrun/*"},
	{"the same by the digest of an image", false, NULL, IMAGE_OF "#", "/hrun/*"},
	{"the same by the cgroup alone", false, NULL, NULL, "/hrun/service-#*"},
	{"the same by a value that is found and the cgroup", false, "CAP_CHOWN", NULL, "/hrun/service-#*"},
};

static const char *numbered(struct pool *pool, const char *text, size_t number)
{
	const char *place = text ? strchr(text, '#') : NULL;

	return place ? pool_printf(pool, "%.*s%04zu%s", (int)(place - text), text, number, place + 1) : text;
}

static size_t rule_that_finds_most(struct pool *pool, struct work *work)
{
	struct verdict verdict;
	size_t rule = 0, most = 0, same = 0;

	work->judged.pool = pool;
	policy_judge(&work->judged, &work->policy, &verdict);
	for (size_t i = 0; i < verdict.count; i++) {
		same = i && verdict.findings[i].rule == verdict.findings[i - 1].rule ? same + 1 : 1;
		if (same > most && !rule_refuses_always(verdict.findings[i].rule)) {
			most = same;
			rule = (size_t)(verdict.findings[i].rule - rules);
		}
	}
	return rule;
}

static void make_waivers(struct pool *pool, struct work *work, const struct fleet *fleet)
{
	struct waiver *waivers = pool_alloc(pool, MANY * sizeof *waivers);

	work->policy = policy_default();
	size_t rule = rule_that_finds_most(pool, work);
	for (size_t i = 0; i < MANY; i++) {
		waivers[i].rule = fleet->over_all_rules ? i * rule_count / MANY : rule;
		waivers[i].value = numbered(pool, fleet->value, i);
		waivers[i].image_digest = numbered(pool, fleet->image_digest, i);
		waivers[i].cgroup = numbered(pool, fleet->cgroup, i);
		waivers[i].expires = "2027-03-31";
		waivers[i].days_left = 100;
	}
	work->policy.waivers = waivers;
	work->policy.waiver_count = MANY;
	policy_index_waivers(pool, &work->policy);
}

static void measure_all(struct pool *pool, struct work *work, const struct bundle *bundle)
{
	measure(work, run_read, "open the bundle, read config.json (for comparison)");
	work->judged.bundle = NULL;
	measure(work, run_judge, "judge, data, no waivers");
	for (size_t i = 0; i < sizeof fleets / sizeof fleets[0]; i++) {
		make_waivers(pool, work, &fleets[i]);
		work->judged.image_digest = fleets[i].image_digest ? IMAGE_OF "ffff" : NULL;
		measure(work, run_judge, fleets[i].title);
	}
	work->policy = policy_default();
	work->judged.image_digest = NULL;
	measure(work, run_harden, "judge and harden, data");
	work->policy.level = LEVEL_RESTRICTED;
	measure(work, run_judge, "judge, data, level restricted");
	work->policy.level = LEVEL_BASELINE;
	work->judged.bundle = bundle;
	work->judged.filter_cache = CACHE;
	measure(work, run_judge, "judge, objects, no waivers");
	measure(work, run_mount_look, "of these: both ends of each mount (mount_look)");
	struct config_linux without_filter = *bundle->config->linux_;
	struct config config = *bundle->config;
	without_filter.seccomp = NULL;
	config.linux_ = &without_filter;
	work->judged.config = &config;
	measure(work, run_judge, "judge, objects, the same without linux.seccomp");
}

int main(int argc, char **argv)
{
	bool once = argc == 3 && str_equal(argv[1], "--once");
	struct pool pool = {0};
	struct bundle bundle;

	if (argc < 2 || (argc == 3 && !once)) {
		fprintf(stderr, "usage: judge [--once] BUNDLE\n");
		return 1;
	}
	struct work work = {.path = argv[argc - 1], .policy = policy_default()};
	open_or_end(&pool, work.path, &bundle);
	work.judged = (struct judged){.pool = &pool,
				      .bundle = &bundle,
				      .config = bundle.config,
				      .process = bundle.config->process,
				      .host_root = true,
				      .cgroup_path = "/hrun/x"};
	if (once) {
		struct verdict verdict;
		fputs("judging\n", stderr);
		policy_judge(&work.judged, &work.policy, &verdict);
		fputs("judged\n", stderr);
		verdict_print(stdout, &verdict);
	} else {
		measure_all(&pool, &work, &bundle);
	}
	bundle_close(&bundle);
	pool_free(&pool);
	return 0;
}
