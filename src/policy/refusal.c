/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refusal.c - a verdict in lines: the one that says why a container was refused, the findings, the warning
 * of waivers that end.
 *
 * Engines show this line and look for phrases in it; what it quotes was written by whoever made the bundle.
 */
#include <hrun/report.h>
#include <hrun/str.h>
#include <stdio.h>
#include <strings.h>

enum { WHERE_MAX = 120, TEXT_MAX = 200, HOW_MAX = 250 };

/* The refusal that the line tells: the first of the most severe ones. */
static const struct finding *worst_refusal(const struct verdict *verdict, size_t *ret_refusing_rules)
{
	const struct finding *worst = NULL;
	const struct finding *last = NULL;

	*ret_refusing_rules = 0;
	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];
		if (finding->action != ACTION_REFUSE)
			continue;
		/* Findings stand in the order of the table, so those of one rule stand together. */
		*ret_refusing_rules += !last || finding->rule != last->rule;
		last = finding;
		if (!worst || finding->rule->severity > worst->rule->severity)
			worst = finding;
	}
	return worst;
}

/* In printable ASCII: letters that fold to ASCII ones are a way around defuse().  And without backquotes. */
static const char *ascii(struct pool *pool, const char *text, size_t max)
{
	char *copy = pool_strdup(pool, printable(pool, text, max));

	for (char *p = copy; (p = strchr(p, '`'));)
		*p = '\'';
	return copy;
}

/*
 * podman, docker and containerd look for these phrases in the line and then tell their user about a missing
 * command, file permissions or a process that is gone, whoever wrote the words: a bundle's author could choose the error.
 */
static void defuse(char *line)
{
	static const char *const phrases[] = {
		"not found",
		"no such file",
		"permission denied",
		"operation not permitted",
		"executable path is empty",
		"open executable",
		"is a directory",
		"not a directory",
		"does not exist",
		"no such process",
		"container not running",
		"process already finished",
	};

	for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
		for (char *hit; (hit = strcasestr(line, phrases[i]));) {
			for (size_t k = 0; k < strlen(phrases[i]); k++) {
				if (hit[k] == ' ')
					hit[k] = '_';
			}
		}
	}
}

/* "Add {...}." -> "add {...}": the remedy as the end of a line; what begins with an acronym stays. */
static const char *remedy_clause(struct pool *pool, const char *remedy)
{
	char *clause = pool_strdup(pool, remedy);
	size_t length = strlen(clause);

	if (length && clause[length - 1] == '.')
		clause[length - 1] = '\0';
	if (clause[0] >= 'A' && clause[0] <= 'Z' && !(clause[1] >= 'A' && clause[1] <= 'Z'))
		clause[0] = (char)(clause[0] - 'A' + 'a');
	return clause;
}

const char *finding_remedy(const struct finding *finding)
{
	return finding->remedy ? finding->remedy : finding->rule->remedy;
}

/* The readers' own texts end with a remedy where they know a better one than their rule. */
static bool has_remedy(const struct finding *finding)
{
	return !finding->rule->judge && strstr(finding->text, "; ");
}

/* Where the policy file could let it pass, for a time and with a reason. */
static bool may_be_waived(const struct rule *rule)
{
	return !rule_refuses_always(rule) && rule->chapter != CHAPTER_INVOCATION;
}

static const char *what_to_do(struct pool *pool, const struct finding *finding)
{
	if (has_remedy(finding))
		return "";
	return pool_printf(pool, "; %s%s", remedy_clause(pool, finding_remedy(finding)),
			   !finding->remedy && may_be_waived(finding->rule) ? " or waive the rule" : "");
}

const char *verdict_line(struct pool *pool, const struct verdict *verdict, const char *how)
{
	size_t refusing;
	const struct finding *finding = worst_refusal(verdict, &refusing);

	if (!finding)
		return "";
	const char *where = ascii(pool, finding->where, WHERE_MAX);
	char *line = pool_printf(pool, "hrun: refused [%s] %s%s%s%s", finding->rule->id, where, *where ? " " : "",
				 ascii(pool, finding->text, TEXT_MAX), what_to_do(pool, finding));
	if (refusing > 1)
		line = pool_printf(pool, "%s (+%zu more: %s)", line, refusing - 1, ascii(pool, how, HOW_MAX));
	defuse(line);
	return line;
}

static bool ends_soon(const struct finding *finding)
{
	return finding->waiver && finding->waiver->days_left <= WAIVER_WARNING_DAYS;
}

const char *verdict_waiver_warning(struct pool *pool, const struct policy *policy, const struct verdict *verdict)
{
	const struct finding *first = NULL;

	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];
		if (ends_soon(finding) && (!first || finding->waiver->days_left < first->waiver->days_left))
			first = finding;
	}
	if (!first)
		return NULL;
	const struct waiver *waiver = first->waiver;
	return pool_printf(pool,
			   "the waiver of %s for %s (%s, line %u) ends on %s: from the next day on the rule is back",
			   waiver->owner ? waiver->owner : "?", first->rule->id, policy->path ? policy->path : "policy",
			   waiver->line, waiver->expires);
}

/* What the reader must know of a finding whose action is not the level's. */
static const char *remark(struct pool *pool, const struct finding *finding)
{
	switch (finding->why) {
	case WHY_AUDIT:
		return "  (mode audit: would refuse)";
	case WHY_WARN_LEVEL:
		return pool_printf(pool, "  (warnLevel: would %s)", action_name(finding->would));
	case WHY_WAIVED:
		return pool_printf(pool, "  (waived until %s: would %s)", finding->waiver->expires,
				   action_name(finding->would));
	case WHY_POLICY_RULE:
		return "  (by the policy file)";
	case WHY_LEVEL:
	case WHY_ASKED_REPAIR:
	case WHY_CRI_SANDBOX:
	case WHY_DROPPED:
		break;
	}
	return "";
}

void verdict_print(FILE *out, const struct verdict *verdict)
{
	struct pool pool = {0};

	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];
		fprintf(out, "%-6s  %s  %s  %s%s\n", action_name(finding->action), finding->rule->id,
			ascii(&pool, finding->where, WHERE_MAX), ascii(&pool, finding->text, TEXT_MAX),
			remark(&pool, finding));
	}
	pool_free(&pool);
}
