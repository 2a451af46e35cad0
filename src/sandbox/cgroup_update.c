/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_update.c - a container's cgroup while it lives: new limits, and where its init has gone.
 *
 * The container may have made cgroups below its own and moved into them.  What is opened for it is its own
 * cgroup or lies below it, whatever its processes say.
 */
#include <fcntl.h>
#include <hrun/cgroup.h>
#include <hrun/cgroup_dir.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* A limit that the container was not created with needs its controller in every cgroup above it. */
int cgroup_dir_enable_above(const struct cgroup_plan *plan, struct err *e)
{
	autofd int dir = cgroup_dir_open(plan->root, ".", O_RDONLY);
	const char *rest = plan->path + 1;
	char name[NAME_MAX + 1];

	while (dir >= 0) {
		size_t length = strcspn(rest, "/");
		TRY(cgroup_dir_enable(plan, dir, plan->path, e));
		if (!rest[length])
			return 0;
		if (str_format(name, sizeof name, "%.*s", (int)length, rest) < 0)
			return err_set(e, ENAMETOOLONG, "cgroup %s: a component is too long", plan->path);
		int next = cgroup_dir_open(dir, name, O_RDONLY);
		fd_close(&dir);
		dir = next;
		rest += length + 1;
	}
	errno = -dir;
	return err_errno(e, "open the cgroups above %s", plan->path);
}

/*
 * Some values bound each other (quota and burst), so the order that fits depends on the old ones: what is
 * refused with EINVAL is tried once more behind the others.
 */
static int write_values(const struct cgroup_plan *plan, int cgroup, struct err *e)
{
	bool again = false;

	for (size_t i = 0; i < plan->write_count; i++) {
		int r = cgroup_dir_write(&plan->writes[i], cgroup, e);
		if (r == -EINVAL)
			again = true;
		else
			TRY(r);
	}
	for (size_t i = 0; again && i < plan->write_count; i++)
		TRY(cgroup_dir_write(&plan->writes[i], cgroup, e));
	return 0;
}

int cgroup_update_check(const struct cgroup_plan *plan, int cgroup, struct err *e)
{
	TRY(cgroup_dir_enable_above(plan, e));
	return cgroup_dir_check_files(plan, cgroup, true, e);
}

int cgroup_update(const struct cgroup_plan *plan, int cgroup, struct err *e)
{
	return write_values(plan, cgroup, e);
}

int cgroup_update_devices(const struct cgroup_plan *plan, int cgroup, int *ret_old, struct err *e)
{
	return cgroup_dir_replace_devices(cgroup, plan->device_program, plan->device_program_length, ret_old, e);
}

int cgroup_restore(const struct cgroup_plan *before, int cgroup, struct err *e)
{
	int r = 0;

	/* Backwards, and then once more what another value was in the way of. */
	for (int attempt = 0; attempt < 2; attempt++) {
		r = 0;
		for (size_t i = before->write_count; i > 0; i--) {
			int written = cgroup_dir_write(&before->writes[i - 1], cgroup, e);
			r = written < 0 ? written : r;
		}
	}
	return r;
}

int cgroup_restore_devices(int cgroup, int old, struct err *e)
{
	return cgroup_dir_put_back_devices(cgroup, old, e);
}

/* The line "0::PATH" of /proc/PID/cgroup; PATH ends where the line does. */
static const char *unified_path(char *text)
{
	for (char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!str_starts(line, "0::"))
			continue;
		line[strcspn(line, "\n")] = '\0';
		return line + 3;
	}
	return NULL;
}

int cgroup_open_of(int cgroup, const char *path, int proc, pid_t pid, struct err *e)
{
	char file[32], text[2 * PATH_MAX];

	str_format(file, sizeof file, "%d/cgroup", pid);
	ssize_t n = cgroup_dir_read(proc, file, text, sizeof text);
	const char *now = n < 0 ? NULL : unified_path(text);
#ifdef HRUN_MUTANT_EXEC_CGROUP
	return cgroup_dir_open(cgroup, ".", O_RDONLY);
#endif
	if (!now || !str_starts(now, path) || (now[strlen(path)] && now[strlen(path)] != '/'))
		return err_set(e, ENOENT, "process %d is not in a cgroup of the container", pid);
	const char *below = now + strlen(path);
	int fd = cgroup_dir_open(cgroup, *below ? below + 1 : ".", O_RDONLY);
	errno = fd < 0 ? -fd : 0;
	return fd < 0 ? err_errno(e, "open the cgroup of process %d", pid) : fd;
}

ssize_t cgroup_read(int cgroup, const char *file, char *buffer, size_t size)
{
	return cgroup_dir_read(cgroup, file, buffer, size);
}
