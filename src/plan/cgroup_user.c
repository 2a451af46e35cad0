/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_user.c - where the cgroup of an ordinary user's container is, if nobody says where.
 */
#include <fcntl.h>
#include <hrun/cgroup2.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/plan_cgroup.h>
#include <hrun/planning.h>
#include <hrun/proc.h>
#include <hrun/str.h>
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

static bool is_ordinary_user(void)
{
	return proc_euid() != 0 || plan_cgroup_in_user_namespace();
}

static bool is_homeless(const struct cgroup_plan *plan)
{
	return is_ordinary_user() && !plan->beside && !may_make_cgroup(plan->root);
}

/* Beside and not below: where hrun is there are processes, so nothing can be handed down. */
static bool find_above(int root, char above[PATH_MAX])
{
	if (cgroup2_own_path(above, PATH_MAX) < 0)
		return false;
	*strrchr(above, '/') = '\0';
	return *above && is_delegated(root, above);
}

void plan_cgroup_beside(struct pool *pool, const char *id, struct cgroup_plan *plan)
{
	char above[PATH_MAX];

	plan->beside = is_homeless(plan) && find_above(plan->root, above);
	if (plan->beside)
		plan->path = pool_printf(pool, "%s/hrun-%s", above, id);
}

/* ---- limits ---- */

static bool is_maximum(const char *word, size_t length)
{
	return length >= 3 && memcmp(word + length - 3, "max", 3) == 0 && (length == 3 || word[length - 4] == '=');
}

/* Does WRITE set what every new cgroup has?  Where that cannot be told, it is a limit. */
static bool sets_no_limit(const struct cgroup_write *write)
{
	static const char *const zero[] = {"memory.low", "memory.min", "memory.oom.group", "cpu.idle", "cpu.max.burst"};
	static const char *const keyed[] = {"io.max", "rdma.max", "misc.max"};
	const char *value = write->value + strspn(write->value, " \t");

	for (size_t i = 0; i < sizeof zero / sizeof zero[0]; i++) {
		if (str_equal(write->file, zero[i]))
			return str_equal(value, "0");
	}
	/* A period without a quota. */
	if (str_equal(write->file, "cpu.max"))
		return is_maximum(value, strcspn(value, " \t"));
	if (!str_ends(write->file, ".max") && !str_ends(write->file, ".high"))
		return false;
	for (size_t i = 0; i < sizeof keyed / sizeof keyed[0]; i++)
		value += str_equal(write->file, keyed[i]) ? strcspn(value, " \t") : 0;
	do {
		value += strspn(value, " \t");
		size_t length = strcspn(value, " \t");
		if (!is_maximum(value, length))
			return false;
		value += length;
	} while (value[strspn(value, " \t")]);
	return true;
}

static const struct cgroup_write *first_limit(const struct cgroup_plan *plan)
{
	for (size_t i = 0; i < plan->write_count; i++) {
		if (plan->writes[i].kind == CGROUP_LIMIT && !sets_no_limit(&plan->writes[i]))
			return &plan->writes[i];
	}
	return NULL;
}

/* ---- what is the user's, but his systemd's to write ---- */

/*
 * systemd alone writes to slices and to its own service (its CGROUP_DELEGATION page: delegated are scopes and services).  Whenever a unit
 * there starts or ends it takes back the controllers that no unit of its own needs, and with them the limits of a cgroup that it
 * does not know.
 */
static bool is_systemds(const char *path, size_t length)
{
	const char *name = memrchr(path, '/', length);
	const char *end = path + length;

#ifdef HRUN_MUTANT_CGROUP_SYSTEMDS
	return false;
#endif
	if (!name)
		return false;
	size_t size = (size_t)(end - ++name);
	return (size > strlen(".slice") && memcmp(end - strlen(".slice"), ".slice", strlen(".slice")) == 0) ||
	       (size > strlen("user@.service") && memcmp(name, "user@", strlen("user@")) == 0);
}

bool plan_cgroup_needs_unit(const char *path)
{
	const char *mountpoint;
	char above[PATH_MAX];

	if ((path && *path) || !is_ordinary_user())
		return false;
	autofd int root = cgroup2_open(&mountpoint);
	return root >= 0 && !may_make_cgroup(root) && find_above(root, above) && is_systemds(above, strlen(above));
}

/* The length of what is right above the path; 0 where that is not systemd's own. */
static size_t systemds_length(const struct cgroup_plan *plan)
{
	const char *slash = strrchr(plan->path, '/');
	size_t length = slash ? (size_t)(slash - plan->path) : 0;

	if (plan->disabled || plan->scope || !is_ordinary_user() || !is_systemds(plan->path, length))
		return 0;
	return length;
}

const struct cgroup_write *plan_cgroup_endangered(const struct cgroup_plan *plan)
{
	return systemds_length(plan) ? first_limit(plan) : NULL;
}

/* With LOOK_ONLY what would refuse a container is said, and no error. */
static int would_refuse(struct pool *pool, bool look_only, struct plan *plan, const struct err *refusal, struct err *e)
{
	if (!look_only) {
		*e = *refusal;
		return -EACCES;
	}
	plan_warn(pool, plan, "%s; no container would start here", refusal->text);
	return 0;
}

int plan_cgroup_check_place(struct pool *pool, bool look_only, struct plan *plan, struct err *e)
{
	const struct cgroup_plan *cgroup = &plan->cgroup;
	const struct cgroup_write *limit = plan_cgroup_endangered(cgroup);
	int length = (int)systemds_length(cgroup);
	struct err refusal = {0};

	for (size_t i = 0; length && i < cgroup->write_count; i++) {
		const struct cgroup_write *write = &cgroup->writes[i];
		if (write->kind != CGROUP_LIMIT && !sets_no_limit(write))
			plan_warn(pool, plan,
				  "%s: cgroup %.*s is systemd's own, which may take its %s controller back at any "
				  "time, and %s with it",
				  write->where, length, cgroup->path, write->controller, write->file);
	}
	if (!limit)
		return 0;
	err_set(&refusal, EACCES,
		"%s: cgroup %.*s is systemd's own, which may take its %s controller back at any time, and the limit "
		"with it; use --systemd-cgroup, or name a cgroup that is delegated in linux.cgroupsPath",
		limit->where, length, cgroup->path, limit->controller);
	return would_refuse(pool, look_only, plan, &refusal, e);
}

int plan_cgroup_without(struct pool *pool, const struct plan_options *options, struct plan *plan, struct err *e)
{
	const struct cgroup_write *limit = first_limit(&plan->cgroup);
	struct err refusal = {0};

	if (!is_homeless(&plan->cgroup))
		return 0;
	if (limit) {
		err_set(&refusal, EACCES,
			"%s: no cgroup below %s is delegated to uid %u, so no limit can be set; have one delegated and "
			"name it in linux.cgroupsPath, or remove the limit",
			limit->where, plan->cgroup.mountpoint, proc_euid());
		return would_refuse(pool, options->look_only, plan, &refusal, e);
	}
	if (options->look_only)
		return 0;
	plan->cgroup.write_count = plan->cgroup.controller_count = 0;
	plan->cgroup.disabled = true;
	*pool_array_add(pool, plan->warnings, plan->warning_count) =
		"linux.cgroupsPath: this user may not make a cgroup; the container stays in the caller's";
	return 0;
}
