/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_json.c - a verdict as JSON, for verdict.json and `hrun check --json`.
 */
#include <hrun/rules.h>

static void add_member(struct json_out *out, const char *name, const char *value)
{
	json_out_string(out, name);
	json_out_raw(out, ":");
	json_out_string(out, value);
}

static void add_finding(struct json_out *out, const struct finding *finding)
{
	static const char *const actions[] = {"none", "warn", "harden", "refuse"};
	static const char *const severities[] = {"low", "medium", "high", "critical"};

	json_out_raw(out, "{");
	add_member(out, "rule", finding->rule->id);
	json_out_raw(out, ",");
	add_member(out, "action", actions[finding->action]);
	json_out_raw(out, ",");
	add_member(out, "severity", severities[finding->rule->severity]);
	json_out_raw(out, ",");
	add_member(out, "pointer", json_pointer_of_where(out->pool, finding->where));
	json_out_raw(out, ",");
	add_member(out, "text", finding->text);
	json_out_raw(out, ",");
	add_member(out, "remedy", finding->rule->remedy);
	json_out_raw(out, "}");
}

void verdict_to_json(struct json_out *out, const struct verdict *verdict)
{
	json_out_raw(out, "{");
	add_member(out, "level", policy_level_name(verdict->level));
	json_out_raw(out, ",");
	add_member(out, "ruleSet", POLICY_RULE_SET);
	json_out_raw(out, ",\"findings\":[");
	for (size_t i = 0; i < verdict->count; i++) {
		if (i)
			json_out_raw(out, ",");
		add_finding(out, &verdict->findings[i]);
	}
	json_out_raw(out, "]}");
}
