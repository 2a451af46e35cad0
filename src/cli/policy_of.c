/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_of.c - the policy that holds for a command: by --policy, by the name that hrun is called by, by who calls.
 */
#include <hrun/cli.h>
#include <hrun/policy.h>

int class_of_command(struct command *command, const char **ret_class_name, struct err *e)
{
	return policy_class_of(&command->pool, command->argv[0], ret_class_name, e);
}

static int load(struct command *command, bool any_readable, struct policy *ret_policy, struct err *e)
{
	const char *class_name;

	*ret_policy = policy_default();
	TRY(class_of_command(command, &class_name, e));
	struct policy_request request = policy_request_of_caller(command->options.policy, class_name);
	request.any_readable = any_readable;
	return policy_load_for(&command->pool, &request, ret_policy, e);
}

int policy_of_command(struct command *command, struct policy *ret_policy, struct err *e)
{
	return load(command, false, ret_policy, e);
}

int readable_policy_of_command(struct command *command, struct policy *ret_policy, struct err *e)
{
	return load(command, true, ret_policy, e);
}
