/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.c - print a container's state.
 */
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/json.h>
#include <stdio.h>

int cmd_state(struct command *command, struct err *e)
{
	struct json_out out = {.pool = &command->pool};
	struct container container;

	TRY(target_open(command, false, false, &container, e));
	show_state(&out, &container, true);
	container_close(&container);
	puts(out.text);
	return 0;
}
