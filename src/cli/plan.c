/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - print the verdict and what create would do; nothing is changed.
 */
#include <hrun/cli.h>
#include <hrun/cli_creation.h>
#include <hrun/log.h>
#include <stdio.h>

static void print(struct command *command, struct creation *creation)
{
	if (command->options.json) {
		plan_print_json(stdout, &command->pool, &creation->plan);
		return;
	}
	plan_print(stdout, &creation->plan);
	for (size_t i = 0; i < creation->plan.warning_count; i++)
		log_warning("%s", creation->plan.warnings[i]);
}

int cmd_plan(struct command *command, struct err *e)
{
	struct creation creation = CREATION_EMPTY;
	struct options *options = &command->options;

	/* The one argument is the bundle, whether or not it looks like a path; the id is only shown. */
	if (command->arg_count > 0 && options->bundle)
		return err_set(e, EINVAL, "plan takes a bundle or --bundle, not both");
	if (command->arg_count > 0)
		options->bundle = command->args[0];
	command->args = (char *[]){pool_strdup(&command->pool, "ID"), NULL};
	command->arg_count = 1;
	TRY(preserved_fds_look(command, e));
	int r = creation_prepare(command, true, &creation, e);
	/* What was found is for the reader's eyes; stdout is the plan alone. */
	verdict_print(stderr, &creation.verdict);
	if (r == 0)
		print(command, &creation);
	creation_end(&creation);
	return r;
}
