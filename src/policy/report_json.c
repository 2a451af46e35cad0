/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_json.c - a verdict as JSON, for verdict.json and `hrun check --format json`.
 */
#include <hrun/rules.h>

const char *action_name(enum action action)
{
	static const char *const names[] = {"none", "warn", "harden", "refuse"};

	return names[action];
}

const char *severity_name(enum severity severity)
{
	static const char *const names[] = {"low", "medium", "high", "critical"};

	return names[severity];
}

const char *verdict_word(const struct verdict *verdict)
{
	enum action worst = ACTION_NONE;

	for (size_t i = 0; i < verdict->count; i++) {
		if (verdict->findings[i].action > worst)
			worst = verdict->findings[i].action;
	}
	return worst == ACTION_NONE ? "pass" : action_name(worst);
}

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

static void add_position(struct json_out *out, const struct positions *positions, const char *pointer)
{
	unsigned int line, column;

	if (positions && positions->find(positions, pointer, &line, &column))
		json_out_printf(out, ",\"line\":%u,\"column\":%u", line, column);
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

static void add_finding(struct json_out *out, const struct finding *finding, const struct positions *positions)
{
	const char *pointer = json_pointer_of_where(out->pool, finding->where);
	const char *why = why_word(finding->why);

	json_out_raw(out, "{");
	add_member(out, "rule", finding->rule->id);
	add_next(out, "action", action_name(finding->action));
	add_next(out, "severity", severity_name(finding->rule->severity));
	add_next(out, "pointer", pointer);
	add_position(out, positions, pointer);
	add_next(out, "message", finding->text);
	add_next(out, "remedy", finding->rule->remedy);
	if (finding->would != finding->action)
		add_next(out, "would", action_name(finding->would));
	if (why)
		add_next(out, "why", why);
	if (finding->waiver)
		add_waiver(out, finding->waiver);
	json_out_raw(out, "}");
}

static void add_not_judged(struct json_out *out, const struct verdict *verdict)
{
	json_out_raw(out, ",\"notJudged\":[");
	for (size_t i = 0; i < verdict->not_judged_count; i++) {
		if (i)
			json_out_raw(out, ",");
		json_out_string(out, verdict->not_judged[i]->id);
	}
	json_out_raw(out, "]");
}

void verdict_members_to_json(struct json_out *out, const struct verdict *verdict, const struct positions *positions)
{
	add_member(out, "ruleSet", POLICY_RULE_SET);
	add_next(out, "level", policy_level_name(verdict->level));
	add_next(out, "verdict", verdict_word(verdict));
	json_out_raw(out, ",\"findings\":[");
	for (size_t i = 0; i < verdict->count; i++) {
		if (i)
			json_out_raw(out, ",");
		add_finding(out, &verdict->findings[i], positions);
	}
	json_out_raw(out, "]");
	if (verdict->not_judged_count)
		add_not_judged(out, verdict);
}

void verdict_to_json(struct json_out *out, const struct verdict *verdict, const struct positions *positions)
{
	json_out_raw(out, "{");
	verdict_members_to_json(out, verdict, positions);
	json_out_raw(out, "}");
}
