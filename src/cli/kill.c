/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill.c - a signal to a container's init, or to all of its processes.
 *
 * No lock: a container must be killable while somebody else holds it.  The process is
 * recognised by pidfd and start time, the cgroup by its inode.
 */
#include <hrun/cgroup.h>
#include <hrun/cli.h>
#include <hrun/fd.h>
#include <hrun/proc.h>
#include <signal.h>
#include <string.h>

static int not_running(const struct container *container, struct err *e)
{
	/* Engines look for both phrases. */
	return err_set(e, ESRCH, "container not running: `%s`: no such process", container->id);
}

static int signal_cgroup(const struct container *container, int signal, struct err *e)
{
	const struct container_record *record = &container->record;
	autofd int cgroup = cgroup_open(record->cgroup_mountpoint, record->cgroup, record->cgroup_inode, e);

	if (cgroup == -ENOENT)
		return 0; /* gone with the last process */
	TRY(cgroup);
	return signal == SIGKILL ? cgroup_kill(cgroup, e) : cgroup_signal(cgroup, signal, e);
}

static int signal_init(const struct container *container, int signal, struct err *e)
{
	autofd int proc = proc_open(e);
	TRY(proc);
	autofd int pidfd = proc_open_same(proc, container->record.pid, container->record.start_ticks);
	int r = pidfd < 0 ? pidfd : proc_pidfd_signal(pidfd, signal);

	if (r == -ESRCH)
		return not_running(container, e);
	return r < 0 ? err_set(e, -r, "signal container `%s`: %s", container->id, strerrordesc_np(-r)) : 0;
}

static int send(const struct container *container, int signal, bool all, struct err *e)
{
	const struct container_record *record = &container->record;
	enum container_status status = container_status(container);
	/* Remains know their process, not how far its create got. */
	if (status == STATUS_CREATING && !record->id)
		status = STATUS_RUNNING;
	bool has_cgroup = record->cgroup && record->cgroup_inode;

	if (status == STATUS_CREATING)
		return err_set(e, EBUSY, "container `%s` is still being created", container->id);
	/* Without a pid namespace of its own the children of init outlive it. */
	if (has_cgroup && (all || (signal == SIGKILL && !record->new_pid_namespace && status != STATUS_STOPPED)))
		return signal_cgroup(container, signal, e);
	if (status == STATUS_STOPPED)
		return all ? 0 : not_running(container, e);
	return signal_init(container, signal, e);
}

int cmd_kill(struct command *command, struct err *e)
{
	const char *word = command->arg_count > 1 ? command->args[1] : "TERM";
	int signal = signal_number(word);
	struct container container;

	if (signal < 0)
		return err_set(e, EINVAL, "unknown signal `%s`", word);
	int r = target_open(command, false, false, &container, e);
	/* The record is damaged or another version's: what it still says about the process must do. */
	if (r == -EBADMSG)
		r = target_open_remains(command, &container, e);
	TRY(r);
	r = send(&container, signal, command->options.all, e);
	container_close(&container);
	return r;
}
