/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff.c - two texts as a unified diff.
 *
 * The shortest edit by greedy search (E. Myers, 1986): after d changes, how far does each diagonal reach?  The reaches of
 * every d are kept to find the way back.
 */
#include <hrun/diff.h>
#include <stdbool.h>
#include <string.h>

enum { CONTEXT = 3, CHANGES_MAX = 2000 };

struct lines {
	const char **line;
	size_t *length;
	int count;
};

struct diff {
	struct lines a, b;
	bool *removed, *added; /* which lines of a and b are in no common sequence */
};

static struct lines split(struct pool *pool, const char *text)
{
	struct lines lines = {NULL, NULL, 0};
	size_t count = 0, again = 0;

	while (*text) {
		size_t length = strcspn(text, "\n");
		*pool_array_add(pool, lines.line, count) = text;
		*pool_array_add(pool, lines.length, again) = length;
		text += length + (text[length] == '\n');
	}
	lines.count = (int)count;
	return lines;
}

static bool same(const struct diff *diff, int x, int y)
{
	return diff->a.length[x] == diff->b.length[y] &&
	       memcmp(diff->a.line[x], diff->b.line[y], diff->a.length[x]) == 0;
}

/* Does diagonal K after D changes come from above (a line of b is added) rather than from the left? */
static bool comes_from_above(const int *reach, int d, int k)
{
	return k == -d || (k != d && reach[k - 1] < reach[k + 1]);
}

/* One round: the furthest x on each diagonal with D changes; true where the end is reached. */
static bool search(const struct diff *diff, int d, const int *before, int *reach)
{
	for (int k = -d; k <= d; k += 2) {
		int x = d == 0 ? 0 : comes_from_above(before, d, k) ? before[k + 1] : before[k - 1] + 1;
		while (x < diff->a.count && x - k < diff->b.count && x - k >= 0 && same(diff, x, x - k))
			x++;
		reach[k] = x;
		if (x >= diff->a.count && x - k >= diff->b.count)
			return true;
	}
	return false;
}

static void mark_all(struct diff *diff)
{
	memset(diff->removed, true, (size_t)diff->a.count);
	memset(diff->added, true, (size_t)diff->b.count);
}

static void walk_back(struct diff *diff, int *const *rounds, int d)
{
	int x = diff->a.count, y = diff->b.count;

	for (; d > 0; d--) {
		const int *before = rounds[d - 1];
		int k = x - y;
		bool above = comes_from_above(before, d, k);
		int old_x = above ? before[k + 1] : before[k - 1], old_y = old_x - (above ? k + 1 : k - 1);
		if (above && old_y < diff->b.count)
			diff->added[old_y] = true;
		else if (!above && old_x < diff->a.count)
			diff->removed[old_x] = true;
		x = old_x;
		y = old_y;
	}
}

static void find_changes(struct pool *pool, struct diff *diff)
{
	int **rounds = pool_alloc(pool, (CHANGES_MAX + 1) * sizeof *rounds);

	for (int d = 0; d <= CHANGES_MAX; d++) {
		/* One diagonal more on both sides is asked for by the next round. */
		int *reach = pool_alloc(pool, (size_t)(2 * d + 3) * sizeof *reach);
		rounds[d] = reach + d + 1;
		rounds[d][-d - 1] = rounds[d][d + 1] = -1;
		if (search(diff, d, d ? rounds[d - 1] : NULL, rounds[d])) {
			walk_back(diff, rounds, d);
			return;
		}
	}
	mark_all(diff);
}

/* Where the next change begins, or the ends of both. */
static void skip_common(const struct diff *diff, int *x, int *y)
{
	while (*x < diff->a.count && *y < diff->b.count && !diff->removed[*x] && !diff->added[*y])
		++*x, ++*y;
}

static void skip_change(const struct diff *diff, int *x, int *y)
{
	while (*x < diff->a.count && diff->removed[*x])
		++*x;
	while (*y < diff->b.count && diff->added[*y])
		++*y;
}

static void print_line(FILE *out, char sign, const struct lines *lines, int index)
{
	fprintf(out, "%c%.*s\n", sign, (int)lines->length[index], lines->line[index]);
}

static void print_hunk(FILE *out, const struct diff *diff, int x, int y, int x_end, int y_end)
{
	fprintf(out, "@@ -%d,%d +%d,%d @@\n", x_end > x ? x + 1 : x, x_end - x, y_end > y ? y + 1 : y, y_end - y);
	while (x < x_end || y < y_end) {
		if (x < x_end && diff->removed[x])
			print_line(out, '-', &diff->a, x++);
		else if (y < y_end && diff->added[y])
			print_line(out, '+', &diff->b, y++);
		else
			print_line(out, ' ', &diff->a, x++), y++;
	}
}

static void print_hunks(FILE *out, const struct diff *diff)
{
	int x = 0, y = 0;

	for (skip_common(diff, &x, &y); x < diff->a.count || y < diff->b.count;) {
		int lead = x < y ? x : y;
		lead = lead < CONTEXT ? lead : CONTEXT;
		int first_x = x - lead, first_y = y - lead, end_x, end_y;
		do {
			skip_change(diff, &x, &y);
			end_x = x, end_y = y;
			skip_common(diff, &x, &y);
		} while (x - end_x <= 2 * CONTEXT && (x < diff->a.count || y < diff->b.count));
		int tail = x - end_x < CONTEXT ? x - end_x : CONTEXT;
		print_hunk(out, diff, first_x, first_y, end_x + tail, end_y + tail);
	}
}

void diff_print(FILE *out, struct pool *pool, const char *before_name, const char *after_name, const char *before,
		const char *after)
{
	struct diff diff = {.a = split(pool, before), .b = split(pool, after)};

	if (strcmp(before, after) == 0)
		return;
	diff.removed = pool_alloc(pool, (size_t)diff.a.count + 1);
	diff.added = pool_alloc(pool, (size_t)diff.b.count + 1);
	find_changes(pool, &diff);
	fprintf(out, "--- %s\n+++ %s\n", before_name, after_name);
	print_hunks(out, &diff);
}
