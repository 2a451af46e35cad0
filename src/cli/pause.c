/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause.c - freeze a container's cgroup, and thaw it.
 */
#include <hrun/cgroup.h>
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/fd.h>

int living_cgroup(const struct container *container, struct err *e)
{
	const struct container_record *record = &container->record;
	enum container_status status = container_status(container);

	if (status == STATUS_CREATING)
		return err_set(e, EBUSY, "container `%s` is still being created", container->id);
	if (status == STATUS_STOPPED)
		return err_set(e, ESRCH, "container not running: `%s`: no such process", container->id);
	if (!record->cgroup || !record->cgroup_inode)
		return err_set(e, ENOTSUP, "container `%s` was created without a cgroup", container->id);
	return cgroup_open(record->cgroup_mountpoint, record->cgroup, record->cgroup_inode, e);
}

static int freeze(const struct container *container, bool on, struct err *e)
{
	autofd int cgroup = living_cgroup(container, e);
	TRY(cgroup);
	bool paused = container_status(container) == STATUS_PAUSED;

	if (on && paused)
		return err_set(e, EBUSY, "container not running: `%s` is paused already", container->id);
	if (!on && !paused)
		return err_set(e, EINVAL, "container not paused: `%s`", container->id);
	return cgroup_freeze(cgroup, on, e);
}

static int run(struct command *command, bool on, struct err *e)
{
	struct container container;

	TRY(target_open(command, false, true, &container, e));
	int r = freeze(&container, on, e);
	container_close(&container);
	return r;
}

int cmd_pause(struct command *command, struct err *e)
{
	return run(command, true, e);
}

int cmd_resume(struct command *command, struct err *e)
{
	return run(command, false, e);
}
