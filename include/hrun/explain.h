/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.h - what each rule looks at, and what to do in each engine (explain.def).
 */
#ifndef HRUN_EXPLAIN_H
#define HRUN_EXPLAIN_H

#include <hrun/rules.h>

struct explanation {
	const char *id;
	const char *looks_at; /* precisely, sentences */
	const char *config;   /* what to write into config.json */
	const char *podman, *docker, *kubernetes;
};

extern const struct explanation explanations[];
extern const size_t explanation_count;

/* NULL where there is none. */
const struct explanation *explanation_of(const char *id);
/* The rules whose names are nearest to WORD, the nearest first. */
enum { NEAREST = 3 };
void rules_nearest(const char *word, const struct rule *ret_rules[NEAREST]);

#endif
