/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_adopt.c - a cgroup that systemd has made for the container.
 *
 * hrun-scope says where it is, and that could be anywhere.  So it must be where the plan expects it, and hold the one process
 * that was started for it and no other: whoever may move that process into a cgroup could have made one there as well.
 */
#include <fcntl.h>
#include <hrun/cgroup.h>
#include <hrun/cgroup_dir.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/stat.h>

/* The machine's systemd begins at the root of the hierarchy; a user's begins at the user's own service. */
static int check_place(const struct cgroup_plan *plan, const char *given, struct err *e)
{
	bool is_there = plan->scope->user ? str_ends(given, plan->path) : str_equal(given, plan->path);

#ifdef HRUN_MUTANT_SCOPE_PLACE
	is_there = true;
#endif
	/* What follows opens it without links and without "..": the prefix needs no look here. */
	if (given[0] == '/' && is_there)
		return 0;
	return err_set(e, EPROTO, "systemd has put unit %s into cgroup `%.200s`, but `%.200s` was asked for",
		       plan->scope->request.unit, given, plan->path);
}

static int check_alone(int cgroup, pid_t placeholder, const char *path, struct err *e)
{
	char expected[32], text[64];

	str_format(expected, sizeof expected, "%d\n", placeholder);
	ssize_t n = cgroup_dir_read(cgroup, "cgroup.procs", text, sizeof text);
#ifdef HRUN_MUTANT_SCOPE_ALONE
	return 0;
#endif
	if (n >= 0 && str_equal(text, expected))
		return 0;
	return err_set(e, EBUSY, "cgroup %s of the new unit does not hold hrun's own process alone", path);
}

/* systemd has set its TasksMax, and there are processes of hrun's for a moment more. */
static int lift_pids(const struct cgroup_plan *plan, int cgroup, struct err *e)
{
	const struct cgroup_write unlimited = {
		.file = "pids.max", .value = "max", .where = "linux.resources.pids.limit"};

	for (size_t i = 0; i < plan->write_count; i++) {
		if (plan->writes[i].last)
			return cgroup_dir_write(&unlimited, cgroup, e);
	}
	return 0;
}

int cgroup_adopt(struct cgroup_plan *plan, pid_t placeholder, uint64_t *ret_inode, struct err *e)
{
	const char *given = plan->scope->answer.cgroup;
	struct stat st;

	TRY(check_place(plan, given, e));
	autofd int dir = cgroup_dir_open(plan->root, given + 1, O_RDONLY);
	if (dir < 0) {
		errno = -dir;
		return err_errno(e, "open cgroup %s of unit %s", given, plan->scope->request.unit);
	}
	if (fstat(dir, &st) < 0)
		return err_errno(e, "stat cgroup %s", given);
	TRY(check_alone(dir, placeholder, given, e));
	plan->path = given;
	*ret_inode = st.st_ino;
	TRY(cgroup_dir_enable_above(plan, e));
	TRY(lift_pids(plan, dir, e));
	return TAKE_FD(dir);
}
