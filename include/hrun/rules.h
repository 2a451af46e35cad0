/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.h - the table of rules; one file of predicates a chapter (rules_mounts.c ...).
 */
#ifndef HRUN_RULES_H
#define HRUN_RULES_H

#include <hrun/verdict.h>

/* What a predicate reports through: one call a finding. */
struct finder {
	const struct judged *judged;
	const struct rule *rule;
	enum action action;
	struct verdict *verdict;
};
void find(struct finder *finder, const char *where, const char *format, ...) __attribute__((format(printf, 3, 4)));

struct rule {
	const char *id;
	enum severity severity;
	enum action action[LEVELS];
	const char *title;      /* what it stops, half a sentence */
	const char *remedy;     /* what to do, one imperative sentence */
	const char *references; /* "CVE-2024-21626; CWE-403" */
	/* Calls find() for each hit.  NULL: found while reading (section A). */
	void (*judge)(struct finder *finder);
	/* Repairs *config (a private copy) where action can be ACTION_HARDEN; else NULL. */
	void (*harden)(struct pool *pool, struct config *config);
};

extern const struct rule rules[];
extern const size_t rule_count;

/* NULL where there is no such rule. */
const struct rule *rule_by_id(const char *id);

#endif
