/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.c - judging as create, run, exec and update do it: which policy, whom to tell, what the refusal says.
 */
#include <hrun/cli.h>
#include <hrun/json.h>
#include <hrun/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int judge_policy(struct command *command, struct policy *ret_policy, struct err *e)
{
	TRY(policy_of_command(command, ret_policy, e));
	command->audit.level = policy_level_name(ret_policy->level);
	command->audit.policy = ret_policy->source;
	return 0;
}

void judge_by_stricter_level(struct command *command, struct policy *policy, const char *recorded_level)
{
	/* A level that nobody knows was made by a hrun that knows more: the strictest of ours is meant. */
	enum level level = recorded_level ? policy_level_of(recorded_level) : LEVELS;

	if (level == LEVELS)
		level = LEVEL_RESTRICTED;
#ifdef HRUN_MUTANT_EXEC_LEVEL
	level = policy->level;
#endif
	level = policy_stricter_level(level, policy->level);
	if (level != policy->level) {
		policy->level = level;
		policy->audit = false; /* it is for getting used to today's level, not to this one */
	}
	command->audit.level = policy_level_name(policy->level);
}

static void log_findings(const struct verdict *verdict)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = log_has_debug() ? open_memstream(&text, &size) : NULL;

	if (!out)
		return;
	verdict_print(out, verdict);
	fclose(out);
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		if (*line)
			log_debug("%s", line);
	}
	free(text);
}

static void note_for_audit(struct command *command, const struct verdict *verdict)
{
	struct verdict *copy = pool_alloc(&command->pool, sizeof *copy);

	*copy = *verdict;
	command->audit.verdict = copy;
}

static int refuse(struct command *command, const struct verdict *verdict, const char *how, struct err *e)
{
	command->line = verdict_line(&command->pool, verdict, how);
	return err_set(e, EPERM, "refused");
}

int judge_tell(struct command *command, const struct policy *policy, const struct verdict *verdict, const char *how,
	       struct err *e)
{
	const char *warning = verdict_waiver_warning(&command->pool, policy, verdict);

	note_for_audit(command, verdict);
	log_findings(verdict);
	if (verdict_refuses(verdict))
		return refuse(command, verdict, how, e);
	if (warning)
		log_warning("%s", warning);
	return 0;
}

int judge_unreadable(struct command *command, const struct policy *policy, const struct json_error *error,
		     const char *how, struct verdict *ret_verdict, struct err *e)
{
	verdict_of_json_error(&command->pool, policy, error, ret_verdict);
	note_for_audit(command, ret_verdict);
	return refuse(command, ret_verdict, how, e);
}
