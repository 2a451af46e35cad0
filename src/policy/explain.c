/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.c - the table of explanations, from explain.def.
 */
#include <hrun/explain.h>
#include <hrun/str.h>

const struct explanation explanations[] = {
#define EXPLAIN(...) {__VA_ARGS__},
#include <hrun/explain.def>
};
const size_t explanation_count = sizeof explanations / sizeof *explanations;

const struct explanation *explanation_of(const char *id)
{
	for (size_t i = 0; i < explanation_count; i++) {
		if (str_equal(explanations[i].id, id))
			return &explanations[i];
	}
	return NULL;
}

enum { WORD_MAX = 64 };

static size_t least(size_t a, size_t b, size_t c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* How many letters have to be put in, taken out or changed? */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], length = strnlen(b, WORD_MAX);

	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 0; i < WORD_MAX && a[i]; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 1; j <= length; j++) {
			size_t above = row[j];
			row[j] = least(row[j] + 1, row[j - 1] + 1, diagonal + (a[i] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[length];
}

void rules_nearest(const char *word, const struct rule *ret_rules[NEAREST])
{
	size_t away[NEAREST];

	for (int n = 0; n < NEAREST; n++) {
		ret_rules[n] = &rules[0];
		away[n] = (size_t)-1;
	}
	for (size_t i = 0; i < rule_count; i++) {
		const struct rule *rule = &rules[i];
		/* A part of a name is meant to be it. */
		size_t distant = *word && strstr(rule->id, word) ? 0 : distance(word, rule->id);
		for (int n = 0; n < NEAREST; n++) {
			if (distant >= away[n])
				continue;
			const struct rule *moved = ret_rules[n];
			size_t moved_away = away[n];
			ret_rules[n] = rule;
			away[n] = distant;
			rule = moved;
			distant = moved_away;
		}
	}
}
