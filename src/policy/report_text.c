/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_text.c - a verdict for people: the worst first, a line a finding, below it what to do.
 */
#include <hrun/report.h>
#include <hrun/str.h>

enum { PLACE_MAX = 120, MESSAGE_MAX = 300 };

static const char *color_of(const struct report *report, enum action action)
{
	static const char *const colors[] = {"", "\033[33m", "\033[36m", "\033[31m"};

	return report->color ? colors[action] : "";
}

static const char *place_of(const struct report *report, const struct finding *finding)
{
	const char *where = *finding->where ? finding->where : "(document)";

	where = printable(report->pool, where, PLACE_MAX);
	if (!finding->line)
		return where;
	return pool_printf(report->pool, "%s:%u:%u", where, finding->line, finding->column);
}

static void print_finding(FILE *out, const struct report *report, const struct finding *finding, int width)
{
	fprintf(out, "%s%-6s%s  %-8s  %-*s  %s  %s\n", color_of(report, finding->action), action_name(finding->action),
		report->color ? "\033[0m" : "", severity_name(finding->rule->severity), width, finding->rule->id,
		place_of(report, finding), printable(report->pool, finding->text, MESSAGE_MAX));
}

/* For one action, the most severe first; in between the order of the table.  Below the findings of a rule: what to do. */
static void print_action(FILE *out, const struct report *report, enum action action, int width)
{
	const struct verdict *verdict = report->verdict;
	const struct finding *last = NULL;

	for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_LOW; severity--) {
		for (size_t i = 0; i < verdict->count; i++) {
			const struct finding *finding = &verdict->findings[i];
			if (finding->action != action || (int)finding->rule->severity != severity)
				continue;
			if (last && finding_remedy(last) != finding_remedy(finding))
				fprintf(out, "        %s\n", finding_remedy(last));
			print_finding(out, report, finding, width);
			last = finding;
		}
	}
	if (last)
		fprintf(out, "        %s\n", finding_remedy(last));
}

static size_t count_action(const struct verdict *verdict, enum action action)
{
	size_t count = 0;

	for (size_t i = 0; i < verdict->count; i++)
		count += verdict->findings[i].action == action;
	return count;
}

static void print_not_judged(FILE *out, const struct verdict *verdict)
{
	if (verdict->not_judged_count == 0)
		return;
	fprintf(out, "not judged without the bundle:");
	for (size_t i = 0; i < verdict->not_judged_count; i++)
		fprintf(out, " %s", verdict->not_judged[i]->id);
	fprintf(out, "\n");
}

static void print_score(FILE *out, const struct score *score)
{
	fprintf(out, "\nexposure, 0.0 (none) to 10.0:\n");
	for (int i = 0; i < CHAPTERS; i++) {
		if (score->chapter[i].rules)
			fprintf(out, "  %-28s  %4.1f  %zu rule%s\n", chapter_title((enum chapter)i),
				score->chapter[i].value, score->chapter[i].rules,
				score->chapter[i].rules == 1 ? "" : "s");
	}
	fprintf(out, "  %-28s  %4.1f\n", "all", score->total);
}

void report_text(FILE *out, const struct report *report)
{
	const struct verdict *verdict = report->verdict;
	int width = 0;

	for (size_t i = 0; i < verdict->count; i++) {
		int length = (int)strlen(verdict->findings[i].rule->id);
		width = length > width ? length : width;
	}
	print_action(out, report, ACTION_REFUSE, width);
	print_action(out, report, ACTION_HARDEN, width);
	print_action(out, report, ACTION_WARN, width);
	print_not_judged(out, verdict);
	if (report->score)
		print_score(out, report->score);
	fprintf(out, "%s%s: %s at level %s: %zu refused, %zu hardened, %zu warned about%s\n",
		verdict->count || report->score ? "\n" : "",
		str_equal(report->name, "-") ? "stdin" : printable(report->pool, report->name, MESSAGE_MAX),
		verdict_word(verdict), policy_level_name(verdict->level), count_action(verdict, ACTION_REFUSE),
		count_action(verdict, ACTION_HARDEN), count_action(verdict, ACTION_WARN),
		verdict->count ? " (hrun explain RULE tells more)" : "");
}
