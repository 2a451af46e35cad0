/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.c - what a container is doing: asked of the kernel, never of the record.
 *
 * A record says what was true when it was written.  Whether the program runs is told by
 * PF_FORKNOEXEC, whether it is frozen by its cgroup, whether it lives by pid and start time.
 */
#include <fcntl.h>
#include <hrun/container.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/proc.h>
#include <hrun/state.h>
#include <stdio.h>
#include <sys/stat.h>

/* An owned descriptor of the recorded cgroup's directory, or < 0 where it is gone or another one. */
static int open_cgroup(const struct container_record *record)
{
	struct stat st;

	if (!record->cgroup || !record->cgroup_inode)
		return -ENOENT;
	autofd int mount = open(record->cgroup_mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mount < 0)
		return -errno;
	autofd int cgroup = openat(mount, record->cgroup + 1, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (cgroup < 0 || fstat(cgroup, &st) < 0)
		return -errno;
	return st.st_ino == record->cgroup_inode ? TAKE_FD(cgroup) : -ENOENT;
}

static bool is_frozen(const struct container_record *record)
{
	char text[2] = "";
	autofd int cgroup = open_cgroup(record);
	if (cgroup < 0)
		return false;
	autofd int freeze = openat(cgroup, "cgroup.freeze", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return freeze >= 0 && fd_read_all(freeze, text, 1) == 1 && text[0] == '1';
}

/* Is the recorded process there and no zombie? */
static bool is_alive(const struct container_record *record, struct proc_stat *ret_stat)
{
	struct err ignored;

	if (record->pid == 0)
		return false;
	autofd int proc = proc_open(&ignored);
	return proc >= 0 && proc_read_stat(proc, record->pid, ret_stat) == 0 &&
	       ret_stat->start_ticks == record->start_ticks && ret_stat->state != 'Z' && ret_stat->state != 'X';
}

static bool holds_lock(const struct container *container)
{
	return container->lock >= 0 && !container->is_unlocked;
}

enum container_status container_status(const struct container *container)
{
	const struct container_record *record = &container->record;
	struct proc_stat stat;
	bool alive = is_alive(record, &stat);

	/* A create at work holds the lock; one that was killed left neither lock nor process. */
	if (!record->created_done)
		return alive || (!holds_lock(container) && lock_is_held(container->dir)) ? STATUS_CREATING
											 : STATUS_STOPPED;
	if (!alive)
		return STATUS_STOPPED;
	if (is_frozen(record))
		return STATUS_PAUSED;
	return stat.fork_no_exec ? STATUS_CREATED : STATUS_RUNNING;
}

const char *container_status_name(enum container_status status)
{
	static const char *const names[] = {
		[STATUS_CREATING] = "creating", [STATUS_CREATED] = "created", [STATUS_RUNNING] = "running",
		[STATUS_PAUSED] = "paused",	[STATUS_STOPPED] = "stopped",
	};

	return names[status];
}

void container_state_json(struct json_out *out, const struct container_record *record, const char *status, pid_t pid)
{
	json_out_raw(out, "{\"ociVersion\":");
	json_out_string(out, record->oci_version);
	json_out_raw(out, ",\"id\":");
	json_out_string(out, record->id);
	json_out_printf(out, ",\"status\":\"%s\",\"pid\":%d,\"bundle\":", status, pid);
	json_out_string(out, record->bundle);
	if (record->annotations.count)
		json_out_raw(out, ",\"annotations\":{");
	for (size_t i = 0; i < record->annotations.count; i++) {
		json_out_raw(out, i ? "," : "");
		json_out_string(out, record->annotations.item[i].key);
		json_out_raw(out, ":");
		json_out_string(out, record->annotations.item[i].value);
	}
	json_out_raw(out, record->annotations.count ? "}}" : "}");
}
