/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delete.c - end what is left of a container and forget it.
 */
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/fd.h>
#include <hrun/log.h>
#include <hrun/state.h>
#include <hrun/str.h>

/*
 * The record is missing, damaged or another version's. What can still be read of it says which process and cgroup
 * to end; both are recognised again (start time, inode), so nothing else is touched.
 */
static int delete_damaged(struct command *command, const char *id, bool had_record, struct err *e)
{
	struct container container;

	autofd int root = container_root_open(command->options.root, false, e);
	TRY(root);
	int r = container_open_remains(&command->pool, root, id, true, &container, e);
	if (r == -ENOENT)
		return 0;
	TRY(r);
	if (had_record && !container.record.pid && !container.record.cgroup)
		log_warning(
			"the record of container `%s` named neither its process nor its cgroup; look for them in cgroup "
			"/hrun/%s, or where linux.cgroupsPath was",
			id, id);
	r = sandbox_destroy(&container, e);
	if (r == 0)
		r = container_remove(&container, e);
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

static int delete_one(struct command *command, const char *id, struct err *e)
{
	bool force = command->options.force;
	struct container container;

	command->args = (char *[]){pool_strdup(&command->pool, id), NULL};
	int r = target_open(command, false, true, &container, e);
	if (r == -ENOENT && force)
		return 0;
	if ((r == -ENODATA || r == -EBADMSG) && force)
		return delete_damaged(command, id, r == -EBADMSG, e);
	TRY(r);
	r = delete_whole(command, &container, e);
	container_close(&container);
	return r;
}

/* One that cannot be deleted does not keep the others; the first reason is told, once. */
int cmd_delete(struct command *command, struct err *e)
{
	char **ids = command->args;
	int count = command->arg_count, failed = 0, first = 0;

	for (int i = 0; i < count; i++) {
		struct err why = {0};
		int r = delete_one(command, ids[i], &why);
		command->audit.id = ids[i];
		command->audit.done = false;
		audit_write(command, r, &why);
		if (r < 0 && failed++ == 0) {
			*e = why;
			first = r;
		}
	}
	if (failed > 1)
		command->line = pool_printf(&command->pool, "%s (and %d more of %d were not deleted)", e->text,
					    failed - 1, count);
	return first;
}
