/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.c - the table of rules, for people and for machines.
 */
#include <hrun/cli.h>
#include <hrun/explain.h>
#include <hrun/report.h>
#include <hrun/str.h>
#include <stdio.h>

static bool is_shown(const struct rule *rule, enum level level)
{
	return level == LEVELS || rule->action[level] != ACTION_NONE;
}

static void add(struct json_out *out, const char *before, const char *value)
{
	json_out_raw(out, before);
	json_out_string(out, value);
}

static void add_explanation(struct json_out *out, const struct explanation *explanation)
{
	if (!explanation)
		return;
	add(out, ",\"looksAt\":", explanation->looks_at);
	add(out, ",\"config\":", explanation->config);
	add(out, ",\"podman\":", explanation->podman);
	add(out, ",\"docker\":", explanation->docker);
	add(out, ",\"kubernetes\":", explanation->kubernetes);
}

static void add_rule(struct json_out *out, const struct rule *rule)
{
	add(out, "{\"id\":", rule->id);
	add(out, ",\"chapter\":", chapter_title(rule->chapter));
	add(out, ",\"severity\":", severity_name(rule->severity));
	for (int level = 0; level < LEVELS; level++) {
		add(out, level ? "," : ",\"actions\":{", policy_level_name((enum level)level));
		add(out, ":", action_name(rule->action[level]));
	}
	add(out, "},\"repair\":", !rule->harden ? "none" : rule->repair_is_asked ? "asked" : "automatic");
	json_out_printf(out, ",\"waivable\":%s", rule->action[LEVEL_PRIVILEGED] == ACTION_REFUSE ? "false" : "true");
	add(out, ",\"stops\":", rule->title);
	add(out, ",\"remedy\":", rule->remedy);
	add(out, ",\"references\":", rule->references);
	add_explanation(out, explanation_of(rule->id));
	json_out_raw(out, "}");
}

static void print_json(struct pool *pool, enum level level)
{
	struct json_out out = {.pool = pool};
	bool first = true;

	json_out_raw(&out, "{\"ruleSet\":\"" POLICY_RULE_SET "\",\"rules\":[");
	for (size_t i = 0; i < rule_count; i++) {
		if (!is_shown(&rules[i], level))
			continue;
		json_out_raw(&out, first ? "" : ",");
		add_rule(&out, &rules[i]);
		first = false;
	}
	printf("%s]}\n", out.text);
}

static const char *action_word(const struct rule *rule, enum level level)
{
	return rule->action[level] == ACTION_NONE ? "-" : action_name(rule->action[level]);
}

static void print_table(enum level level)
{
	printf("%-28s  %-8s  %-10s  %-8s  %-10s  %s\n", "RULE", "SEVERITY", "PRIVILEGED", "BASELINE", "RESTRICTED",
	       "STOPS");
	for (size_t i = 0; i < rule_count; i++) {
		const struct rule *rule = &rules[i];
		if (is_shown(rule, level))
			printf("%-28s  %-8s  %-10s  %-8s  %-10s  %s\n", rule->id, severity_name(rule->severity),
			       action_word(rule, LEVEL_PRIVILEGED), action_word(rule, LEVEL_BASELINE),
			       action_word(rule, LEVEL_RESTRICTED), rule->title);
	}
}

int cmd_rules(struct command *command, struct err *e)
{
	const char *word = command->options.level;
	enum level level = word ? policy_level_of(word) : LEVELS;

	if (word && level == LEVELS)
		return err_set(e, EINVAL, "option --level takes privileged, baseline or restricted, not `%s`", word);
	if (command->options.json)
		print_json(&command->pool, level);
	else
		print_table(level);
	return 0;
}
