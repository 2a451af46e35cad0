/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_json.c - a verdict as JSON, for verdict.json and `hrun check --format json`.
 */
#include <hrun/report.h>
#include <stdio.h>

static void add_member(struct json_out *out, const char *name, const char *value)
{
	json_out_string(out, name);
	json_out_raw(out, ":");
	json_out_string(out, value);
}

static void add_next(struct json_out *out, const char *name, const char *value)
{
	json_out_raw(out, ",");
	add_member(out, name, value);
}

static void add_waiver(struct json_out *out, const struct waiver *waiver)
{
	json_out_raw(out, ",\"waiver\":{");
	add_member(out, "reason", waiver->reason ? waiver->reason : "");
	add_next(out, "owner", waiver->owner ? waiver->owner : "");
	add_next(out, "expires", waiver->expires ? waiver->expires : "");
	json_out_raw(out, "}");
}

/* The member of the policy file that decided instead of the level. */
static const char *why_word(enum why why)
{
	static const char *const words[] = {
		[WHY_LEVEL] = NULL,
		[WHY_POLICY_RULE] = "rules",
		[WHY_ASKED_REPAIR] = "onViolation",
		[WHY_CRI_SANDBOX] = "criSandbox",
		[WHY_WARN_LEVEL] = "warnLevel",
		[WHY_AUDIT] = "mode",
		[WHY_WAIVED] = "waivers",
		[WHY_DROPPED] = "drop",
	};

	return words[why];
}

static void add_reasons(struct json_out *out, const struct finding *finding)
{
	const char *why = why_word(finding->why);

	if (finding->would != finding->action)
		add_next(out, "would", action_name(finding->would));
	if (why)
		add_next(out, "why", why);
	if (finding->waiver)
		add_waiver(out, finding->waiver);
}

static void add_finding(struct json_out *out, const struct finding *finding)
{
	json_out_raw(out, "{");
	add_member(out, "rule", finding->rule->id);
	json_out_raw(out, ",");
	add_member(out, "action", action_name(finding->action));
	json_out_raw(out, ",");
	add_member(out, "severity", severity_name(finding->rule->severity));
	json_out_raw(out, ",");
	add_member(out, "pointer", json_pointer_of_where(out->pool, finding->where));
	json_out_raw(out, ",");
	if (finding->line)
		json_out_printf(out, "\"line\":%u,\"column\":%u,", finding->line, finding->column);
	add_member(out, "message", finding->text);
	json_out_raw(out, ",");
	add_member(out, "remedy", finding_remedy(finding));
	add_reasons(out, finding);
	json_out_raw(out, "}");
}

static void add_not_judged(struct json_out *out, const struct verdict *verdict)
{
	json_out_raw(out, ",\"notJudged\":[");
	for (size_t i = 0; i < verdict->not_judged_count; i++) {
		json_out_raw(out, i ? "," : "");
		json_out_string(out, verdict->not_judged[i]->id);
	}
	json_out_raw(out, "]");
}

/* All but the closing brace: check has more to say. */
static void add_verdict(struct json_out *out, const struct verdict *verdict, const char *word)
{
	json_out_raw(out, "{");
	add_member(out, "ruleSet", POLICY_RULE_SET);
	json_out_raw(out, ",");
	add_member(out, "level", policy_level_name(verdict->level));
	json_out_raw(out, ",");
	add_member(out, "verdict", word);
	json_out_raw(out, ",\"findings\":[");
	for (size_t i = 0; i < verdict->count; i++) {
		if (i)
			json_out_raw(out, ",");
		add_finding(out, &verdict->findings[i]);
	}
	json_out_raw(out, "]");
	if (verdict->not_judged_count)
		add_not_judged(out, verdict);
}

void verdict_to_json(struct json_out *out, const struct verdict *verdict)
{
	add_verdict(out, verdict, verdict_word(verdict));
	json_out_raw(out, "}");
}

void report_json(FILE *out, const struct report *report)
{
	struct json_out text = {.pool = report->pool};

	add_verdict(&text, report->verdict, report->unreadable ? "refuse" : verdict_word(report->verdict));
	if (report->score)
		json_out_printf(&text, ",\"score\":%.1f", report->score->total);
	if (report->unreadable) {
		json_out_raw(&text, ",");
		add_member(&text, "error", report->unreadable);
	}
	json_out_raw(&text, "}\n");
	fputs(text.text, out);
}
