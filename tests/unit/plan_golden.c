/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_golden.c - bundle in, text out, through the library alone.
 *
 * As `plan_golden plan [--json] BUNDLE` it is what `hrun plan` is, without cgroup and
 * filter, which depend on the machine.  Without arguments it runs tests/golden/run.sh on itself.
 */
#include <hrun/bundle.h>
#include <hrun/plan.h>
#include <hrun/verdict.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "no_machine.h"

static int print_plan(struct pool *pool, const struct bundle *bundle, const struct verdict *verdict, bool json)
{
	struct plan_options options = {.id = "golden", .cgroup_disabled = true, .verdict = verdict};
	const struct config *config = policy_harden(pool, bundle->config, verdict);
	struct plan plan;
	struct err e;

	if (plan_container(pool, config, bundle, &options, &plan, &e) < 0) {
		fprintf(stderr, "hrun: %s\n", e.text);
		return 1;
	}
	if (json)
		plan_print_json(stdout, pool, &plan);
	else
		plan_print(stdout, &plan);
	plan_close(&plan);
	return 0;
}

static int run(struct pool *pool, const char *directory, bool json)
{
	struct policy policy = policy_default();
	policy.level = LEVEL_BASELINE;
	struct json_error error = {0};
	struct bundle bundle;
	struct verdict verdict;
	struct err e;

	if (bundle_open(pool, directory, NULL, 1 << 20, &bundle, &error, &e) < 0) {
		if (error.rule)
			verdict_of_json_error(pool, &policy, &error, &verdict);
		fprintf(stderr, "%s%s\n",
			error.rule ? "" : "hrun: ", error.rule ? verdict_line(pool, &verdict, "hrun check") : e.text);
		return 1;
	}
	const struct judged judged = {
		.pool = pool,
		.bundle = &bundle,
		.config = bundle.config,
		.process = bundle.config->process,
		.host_root = true,
		.keeps_sources = true,
	};
	policy_judge(&judged, &policy, &verdict);
	int status = 1;
	if (verdict_refuses(&verdict))
		fprintf(stderr, "%s\n", verdict_line(pool, &verdict, "hrun check"));
	else
		status = print_plan(pool, &bundle, &verdict, json);
	verdict_close(&verdict);
	bundle_close(&bundle);
	return status;
}

int main(int argc, char **argv)
{
	struct pool pool = {0};
	char self[4096];

	if (argc >= 3 && strcmp(argv[1], "plan") == 0) {
		int status = run(&pool, argv[argc - 1], argc == 4);
		pool_free(&pool);
		return status;
	}
	ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
	if (length < 0)
		return 1;
	self[length] = '\0';
	setenv("HRUN", self, 1);
	execl("/bin/sh", "sh", "tests/golden/run.sh", "--library", (char *)NULL);
	perror("tests/golden/run.sh");
	return 1;
}
