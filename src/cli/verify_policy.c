/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_policy.c - stand-in: the policy file has no member `images` yet.
 */
#include <hrun/cli.h>

int verify_policy(struct command *command, struct image_call *call, struct err *e)
{
	(void)command;
	(void)call;
	return err_set(e, ENOTSUP, "the policy file has no member `images` in this build; nobody can be trusted");
}
