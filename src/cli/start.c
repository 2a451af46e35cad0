/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start.c - let a created container execute its program.
 */
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/cli_creation.h>
#include <hrun/fd.h>
#include <hrun/state.h>

static int check_created(const struct container *container, struct err *e)
{
	const char *id = container->id;

	switch (container_status(container)) {
	case STATUS_CREATED:
		return 0;
	case STATUS_CREATING:
		return err_set(e, EBUSY, "container `%s` is still being created", id);
	case STATUS_RUNNING:
		return err_set(e, EBUSY, "cannot start an already running container: `%s`", id);
	case STATUS_PAUSED:
		return err_set(e, EBUSY, "cannot start a paused container: `%s`", id);
	case STATUS_STOPPED:
		break;
	}
	return err_set(e, ESRCH, "cannot start a container that has stopped: `%s`", id);
}

static int start(struct command *command, struct container *container, struct err *e)
{
	struct notify notify = NOTIFY_EMPTY;

	TRY(check_created(container, e));
	TRY(notify_listen(container, &notify, e));
	int r = lifecycle_start(&command->pool, container, NULL, e);
	if (r == 0) {
		/* It may take its time to be ready: others may work on the container meanwhile. */
		container_unlock(container);
		r = notify_wait(&notify, container, e);
	}
	fd_close(&notify.socket);
	return r;
}

int cmd_start(struct command *command, struct err *e)
{
	struct container container;
	struct policy policy;

	/* Policy may have become unusable since create: then nothing new is let run. */
	TRY(judge_policy(command, &policy, e));
	TRY(target_open(command, false, true, &container, e));
	int r = start(command, &container, e);
	container_close(&container);
	return r;
}
