/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint.c - checkpoint and restore, which hrun does not have on purpose.
 *
 * A restored process was never judged: its credentials, filter and mounts come out of image files.  Engines ask
 * `checkpoint --help` whether it can be done, so that answers with an error as well.
 */
#include <hrun/cli.h>

int cmd_checkpoint(struct command *command, struct err *e)
{
	return err_set(e, ENOTSUP,
		       "%s is refused by design: a restored process has not gone through any of hrun's checks",
		       command->verb->name);
}
