/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create.c - build a container and return while its program waits for start.
 */
#include <hrun/cli.h>
#include <hrun/cli_creation.h>

int cmd_create(struct command *command, struct err *e)
{
	struct creation creation = CREATION_EMPTY;

	TRY(protected_check(command, e));
	TRY(inherited_fds_look(command, e));
	int r = creation_prepare(command, false, &creation, e);
	if (r == 0)
		r = creation_build(command, -1, &creation, e);
	creation_end(&creation);
	return r;
}
