/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delete.c - end what is left of a container and forget it.
 */
#include <hrun/cli.h>
#include <hrun/fd.h>
#include <hrun/state.h>
#include <hrun/str.h>

/* A directory whose record is missing or damaged: nothing in it says what to end. */
static int delete_partial(int root, const char *id, struct err *e)
{
	struct container container;

	TRY(container_open_directory(root, id, true, &container, e));
	int r = container_remove(&container, e);
	container_close(&container);
	return r;
}

static int delete_whole(struct command *command, struct container *container, struct err *e)
{
	enum container_status status = container_status(container);

	if (!command->options.force && status != STATUS_STOPPED && status != STATUS_CREATED)
		return err_set(e, EBUSY, "cannot delete container `%s` that is not stopped: %s; use --force",
			       container->id, container_status_name(status));
	return lifecycle_delete(&command->pool, container, e);
}

int cmd_delete(struct command *command, struct err *e)
{
	const char *id = command->args[0];
	bool force = command->options.force;
	struct container container;

	int r = target_open(command, false, true, &container, e);
	if (r == -ENOENT && force)
		return 0;
	if ((r == -ENODATA || r == -EBADMSG) && force) {
		autofd int root = container_root_open(command->options.root, false, e);
		TRY(root);
		r = delete_partial(root, id, e);
		return r == -ENOENT ? 0 : r;
	}
	TRY(r);
	r = delete_whole(command, &container, e);
	container_close(&container);
	return r;
}
