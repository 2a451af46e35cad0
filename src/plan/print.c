/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print.c - a plan as a numbered list for people: step, chapter, verb, detail, and
 * the place in config.json that caused it.  Warnings are the caller's to show, on stderr.
 */
#include <hrun/planning.h>
#include <string.h>

enum { DETAIL_WIDTH = 48 };

static void print_line(FILE *out, size_t number, const struct plan_line *line)
{
	if (*line->where)
		fprintf(out, "%3zu %-9s %-7s %-*s  %s\n", number, line->chapter, line->verb, DETAIL_WIDTH, line->detail,
			line->where);
	else
		fprintf(out, "%3zu %-9s %-7s %s\n", number, line->chapter, line->verb, line->detail);
}

void plan_print(FILE *out, const struct plan *plan)
{
	struct pool pool = {0};
	struct plan_lines lines;

	plan_describe(&pool, plan, &lines);
	for (size_t i = 0; i < lines.count; i++)
		print_line(out, i + 1, &lines.item[i]);
	pool_free(&pool);
}
