/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - print the verdict and what create would do; nothing is changed.
 */
#include <hrun/cli.h>
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

	int r = creation_prepare(command, true, &creation, e);
	if (r == 0)
		print(command, &creation);
	creation_close(&creation);
	return r;
}
