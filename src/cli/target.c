/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target.c - which container, which bundle.
 *
 * An argument that holds a '/' or is "." or ".." is a path; anything else is an id, and
 * no id can hold a '/', so the two cannot be taken for each other.
 */
#include <hrun/cli.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <sys/random.h>
#include <unistd.h>

static bool is_path(const char *argument)
{
	return strchr(argument, '/') || str_equal(argument, ".") || str_equal(argument, "..");
}

static int check_id(const char *id, struct err *e)
{
	if (container_id_valid(id))
		return 0;
	return err_set(
		e, EINVAL,
		"invalid container id `%s`: it begins with a letter, a digit or one of _+-, goes on with these or "
		"'.', and has at most 255 bytes",
		id);
}

static int make_up_id(struct pool *pool, const char **ret_id, struct err *e)
{
	uint64_t number;

	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
		return err_errno(e, "get random bytes for a container id");
	*ret_id = pool_printf(pool, "hrun-%016llx", (unsigned long long)number);
	return 0;
}

int target_bundle(struct command *command, const char **ret_bundle, const char **ret_id, struct err *e)
{
	const char *bundle = command->options.bundle, *id = NULL;
	int i = 0;

	if (!bundle && command->arg_count > 0 && is_path(command->args[0]))
		bundle = command->args[i++];
	if (i < command->arg_count) {
		id = command->args[i++];
		TRY(check_id(id, e));
	}
	if (i < command->arg_count)
		return err_set(e, EINVAL, "%s takes no argument `%s`: give a bundle with a '/' in it, then an id",
			       command->verb->name, command->args[i]);
	/* The specification (runtime.md, create): without an id an error. Who calls `create` has to name it later. */
	if (!id && command->verb->run == cmd_create)
		return err_set(e, EINVAL, "create needs ID; see hrun create --help");
	if (!id)
		TRY(make_up_id(&command->pool, &id, e));
	*ret_bundle = bundle ? bundle : ".";
	*ret_id = id;
	return 0;
}

int target_open(struct command *command, bool make_root, bool lock, struct container *ret, struct err *e)
{
	const char *id = command->args[0];

	TRY(check_id(id, e));
	command->audit.id = id;
	autofd int root = container_root_open(command->options.root, make_root, e);
	if (root == -ENOENT)
		return err_set(e, ENOENT, "container `%s` does not exist", id);
	TRY(root);
	TRY(container_open(&command->pool, root, id, lock, ret, e));
	command->audit.level = ret->record.level;
	return 0;
}

int target_open_remains(struct command *command, struct container *ret, struct err *e)
{
	autofd int root = container_root_open(command->options.root, false, e);

	TRY(root);
	return container_open_remains(&command->pool, root, command->args[0], false, ret, e);
}
