/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.c - what a rule looks at, why, and what to do about it, in the words of each engine.
 */
#include <hrun/cli.h>
#include <hrun/explain.h>
#include <hrun/report.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_ = 100 };

/* NAME, then TEXT broken at blanks, all lines indented alike. */
static void print_part(const char *name, const char *text)
{
	enum { INDENT = 12 };
	size_t column = INDENT;

	printf("%-*s", INDENT, name);
	while (*text) {
		size_t length = strcspn(text, " ");
		if (column + length > LINE_MAX_ && column > INDENT) {
			printf("\n%*s", INDENT, "");
			column = INDENT;
		} else if (column > INDENT) {
			printf(" ");
			column++;
		}
		printf("%.*s", (int)length, text);
		column += length;
		text += length + (text[length] == ' ');
	}
	printf("\n");
}

static bool refuses_always(const struct rule *rule)
{
	return rule->action[LEVEL_PRIVILEGED] == ACTION_REFUSE;
}

static const char *freedom(const struct rule *rule)
{
	if (refuses_always(rule))
		return "refuses at every level: no waiver, no looser action, no audit mode.";
	if (rule->severity >= SEVERITY_HIGH)
		return "may be looser by the policy file; a waiver needs the digest of a verified image or a class file of its own.";
	return "may be looser or be waived by the policy file.";
}

static const char *repair(const struct rule *rule)
{
	if (!rule->harden)
		return "none.";
	if (rule->repair_is_asked)
		return "where the policy file says onViolation harden, and by hrun check --fix.";
	return "by itself where the action is harden, and by hrun check --fix.";
}

static void print_actions(struct pool *pool, const struct rule *rule)
{
	static const char *const words[] = {"nothing", "warn", "harden", "refuse"};
	struct json_out out = {.pool = pool};

	for (int level = 0; level < LEVELS; level++)
		json_out_printf(&out, "%s%s %s", level ? ", " : "", policy_level_name((enum level)level),
				words[rule->action[level]]);
	print_part("levels", out.text);
}

static void print_rule(struct pool *pool, const struct rule *rule, const struct explanation *explanation)
{
	printf("%s (%s, %s)\n\n", rule->id, severity_name(rule->severity), chapter_title(rule->chapter));
	print_part("looks at", explanation ? explanation->looks_at : rule->title);
	print_part("stops", rule->title);
	print_part("see", rule->references);
	print_actions(pool, rule);
	print_part("policy", freedom(rule));
	print_part("repair", repair(rule));
	printf("\nwhat to do: %s\n\n", rule->remedy);
	if (!explanation)
		return;
	print_part("config", explanation->config);
	print_part("podman", explanation->podman);
	print_part("docker", explanation->docker);
	print_part("kubernetes", explanation->kubernetes);
}

int cmd_explain(struct command *command, struct err *e)
{
	const struct rule *near[NEAREST];

	if (command->arg_count == 0) {
		for (size_t i = 0; i < rule_count; i++)
			printf("%s\n", rules[i].id);
		return 0;
	}
	const struct rule *rule = rule_by_id(command->args[0]);
	if (!rule) {
		rules_nearest(command->args[0], near);
		return err_set(e, EINVAL, "there is no rule `%.100s`; near it are %s, %s, %s", command->args[0],
			       near[0]->id, near[1]->id, near[2]->id);
	}
	print_rule(&command->pool, rule, explanation_of(rule->id));
	return 0;
}
