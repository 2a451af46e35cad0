/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - a verdict for readers: people (text), programs (JSON, verdict.h) and code scanners (SARIF 2.1.0).
 */
#ifndef HRUN_REPORT_H
#define HRUN_REPORT_H

#include <hrun/json.h>
#include <hrun/rules.h>
#include <stdio.h>

/*
 * How much of the wall is missing, from 0.0 (nothing) to 10.0.  Each rule that finds something counts once, by its
 * severity, whatever waivers and audit mode say: 10 * (1 - (1 - w1) * (1 - w2) * ...).  What the level hardens counts
 * nothing.  It shows progress and decides nothing.
 */
struct score {
	double total;
	struct {
		double value;
		size_t rules; /* that count */
	} chapter[CHAPTERS];
};
/* STRICTEST is the verdict at restricted, VERDICT that of the level which the config will meet. */
void score_of(const struct verdict *strictest, const struct verdict *verdict, struct score *ret_score);

struct report {
	struct pool *pool;
	const char *name; /* of the config, as the caller gave it; "-": stdin */
	const struct verdict *verdict;
	const char *bytes; /* of the config, for columns in characters; NULL: it could not be read */
	size_t size;
	const char *unreadable;	   /* why there is nothing to judge; NULL: there is */
	const struct score *score; /* NULL: not asked for */
	bool color;
};
void report_text(FILE *out, const struct report *report);
void report_json(FILE *out, const struct report *report);
void report_sarif(FILE *out, const struct report *report);

/* "refuse", "harden", "warn" or "pass": the worst of VERDICT's findings. */
const char *verdict_word(const struct verdict *verdict);
const char *action_name(enum action action);
const char *severity_name(enum severity severity);
/* Fill in line and column of every finding from TREE, which was read from the judged bytes. */
void verdict_locate(struct pool *pool, struct verdict *verdict, const struct json *tree);
/* At most MAX bytes of TEXT in printable ASCII: what a config says is not for a terminal to obey. */
const char *printable(struct pool *pool, const char *text, size_t max);

#endif
