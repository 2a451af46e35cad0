/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_user.c - where the cgroup of an ordinary user's container is, if nobody says where.
 */
#include <fcntl.h>
#include <hrun/cgroup2.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/plan_cgroup.h>
#include <hrun/proc.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The inode of the host's own user namespace (PROC_USER_INIT_INO), the same since Linux 3.8. */
#define HOST_USER_NAMESPACE 0xEFFFFFFDu

bool plan_cgroup_in_user_namespace(void)
{
	static enum { UNKNOWN, NO, YES } known; /* we never leave ours */
	struct stat st;

	if (known == UNKNOWN)
		known = stat("/proc/self/ns/user", &st) == 0 && st.st_ino != HOST_USER_NAMESPACE ? YES : NO;
	return known == YES;
}

static bool may_make_cgroup(int root)
{
	if (faccessat(root, "hrun", W_OK, AT_EACCESS) == 0)
		return true;
	return errno == ENOENT && faccessat(root, ".", W_OK, AT_EACCESS) == 0;
}

/* May this user make cgroups in PATH, "/user.slice/...", and put processes there? */
static bool is_delegated(int root, const char *path)
{
	struct err ignored;
	autofd int dir = path_open_in_root_with(root, path + 1, O_RDONLY | O_DIRECTORY,
						RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV, &ignored);

	return dir >= 0 && faccessat(dir, ".", W_OK, AT_EACCESS) == 0 &&
	       faccessat(dir, "cgroup.procs", W_OK, AT_EACCESS) == 0;
}

static bool is_homeless(const struct cgroup_plan *plan)
{
	return (proc_euid() != 0 || plan_cgroup_in_user_namespace()) && !plan->beside && !may_make_cgroup(plan->root);
}

/* Beside and not below: where hrun is there are processes, so nothing can be handed down. */
void plan_cgroup_beside(struct pool *pool, const char *id, struct cgroup_plan *plan)
{
	char above[PATH_MAX];

	if (!is_homeless(plan) || cgroup2_own_path(above, sizeof above) < 0)
		return;
	*strrchr(above, '/') = '\0';
	plan->beside = *above && is_delegated(plan->root, above);
	if (plan->beside)
		plan->path = pool_printf(pool, "%s/hrun-%s", above, id);
}

int plan_cgroup_without(struct pool *pool, const struct plan_options *options, struct plan *plan, struct err *e)
{
	if (options->look_only || !is_homeless(&plan->cgroup))
		return 0;
	for (size_t i = 0; i < plan->cgroup.write_count; i++) {
		const struct cgroup_write *write = &plan->cgroup.writes[i];
		if (write->kind == CGROUP_LIMIT)
			return err_set(
				e, EACCES,
				"%s: no cgroup below %s is delegated to uid %u, so no limit can be set; have one "
				"delegated and name it in linux.cgroupsPath, or remove the limit",
				write->where, plan->cgroup.mountpoint, proc_euid());
	}
	plan->cgroup.write_count = plan->cgroup.controller_count = 0;
	plan->cgroup.disabled = true;
	*pool_array_add(pool, plan->warnings, plan->warning_count) =
		"linux.cgroupsPath: this user may not make a cgroup; the container stays in the caller's";
	return 0;
}
