/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup.c - where the container's cgroup is and what will be written there.
 *
 * A limit that this host cannot give is refused here, before anything has
 * happened: a container that runs without the limit it was started with is worse
 * than none.  The texts avoid the phrases that engines take for a missing command.
 */
#include <fcntl.h>
#include <hrun/cgroup2.h>
#include <hrun/fd.h>
#include <hrun/plan_cgroup.h>
#include <hrun/plan_scope.h>
#include <hrun/proc.h>
#include <hrun/rules.h>
#include <hrun/str.h>
#include <limits.h>
#include <unistd.h>

static void warn(struct pool *pool, struct plan *plan, const char *text)
{
	/* Both files of one weight say the same. */
	if (plan->warning_count && str_equal(plan->warnings[plan->warning_count - 1], text))
		return;
	*pool_array_add(pool, plan->warnings, plan->warning_count) = text;
}

/* ---- the path ---- */

static bool is_component(const char *name, size_t length)
{
	if (length == 0 || length > NAME_MAX)
		return false;
	return !(length == 1 && name[0] == '.') && !(length == 2 && name[0] == '.' && name[1] == '.');
}

static int check_path(const char *path, struct err *e)
{
	const char *colon = strchr(path, ':');

	if (str_has_control(path))
		return err_set(e, EINVAL, "linux.cgroupsPath: holds a control character");
	if (strlen(path) >= PATH_MAX - 64)
		return err_set(e, ENAMETOOLONG, "linux.cgroupsPath: is too long");
	if (colon && strchr(colon + 1, ':'))
		return err_set(
			e, EOPNOTSUPP,
			"linux.cgroupsPath: %s is for systemd, which only --systemd-cgroup asks; give it or use a "
			"plain path",
			path);
	if (str_equal(path, "/"))
		return err_set(e, EINVAL, "linux.cgroupsPath: / is the cgroup of the whole host; use a path below it");
	/* Who ends a container there ends all that live below. */
	if (str_equal(path, "/hrun"))
		return err_set(e, EINVAL,
			       "linux.cgroupsPath: in /hrun are the cgroups of other containers; use a path below it");
	for (const char *name = path + (path[0] == '/');; name++) {
		size_t length = strcspn(name, "/");
		if (!is_component(name, length))
			return err_set(
				e, EINVAL,
				"linux.cgroupsPath: %s has an empty, \".\", \"..\" or too long component; use a clean "
				"path",
				path);
		name += length;
		if (!*name)
			return 0;
	}
}

int plan_cgroup_path(struct pool *pool, const char *path, const char *id, const char **ret_path, struct err *e)
{
	const char *name = path && *path ? path : id;

	TRY(check_path(name, e));
	*ret_path = name[0] == '/' ? name : pool_printf(pool, "/hrun/%s", name);
	return 0;
}

/* ---- the mount ---- */

static int read_controllers(struct pool *pool, const struct cgroup_plan *plan, const char **ret_words, struct err *e)
{
	char text[1024];
	autofd int fd = openat(plan->root, "cgroup.controllers", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_errno(e, "open %s/cgroup.controllers", plan->mountpoint);
	ssize_t n = fd_read_kernel(fd, text, sizeof text);
	if (n < 0 || (size_t)n == sizeof text)
		return err_set(e, EIO, "%s/cgroup.controllers cannot be read", plan->mountpoint);
	*ret_words = pool_strndup(pool, text, (size_t)n);
	return 0;
}

static int read_handed_down(struct pool *pool, struct cgroup_plan *plan, const char **ret_words, struct err *e)
{
	TRY(read_controllers(pool, plan, ret_words, e));
	*ret_words = plan_cgroup_handed_down(pool, plan, *ret_words);
	return 0;
}

/* ---- what this host can give ---- */

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *p = words; *p; p += strspn(p, " \n")) {
		size_t n = strcspn(p, " \n");
		if (n == length && memcmp(p, word, n) == 0)
			return true;
		p += n;
	}
	return false;
}

static void need_controller(struct pool *pool, struct cgroup_plan *plan, const char *controller)
{
	for (size_t i = 0; i < plan->controller_count; i++) {
		if (str_equal(plan->controllers[i], controller))
			return;
	}
	*pool_array_add(pool, plan->controllers, plan->controller_count) = controller;
}

static const char *lack(struct pool *pool, const struct cgroup_plan *plan, const char *controller)
{
	if (plan->disabled)
		return "cgroups are disabled for this container";
	if (plan->lived_in)
		return pool_printf(pool,
				   "cgroup %s holds processes itself and hands no %s controller down; choose another "
				   "linux.cgroupsPath, move them,",
				   plan->lived_in, controller);
	return pool_printf(pool, "this host's cgroup2 has no %s controller", controller);
}

/* The controller of WRITE is missing.  Returns whether the write is kept all the same, or negative errno. */
static int without_controller(struct pool *pool, const struct cgroup_write *write, bool look_only, struct plan *plan,
			      struct err *e)
{
	const char *why = lack(pool, &plan->cgroup, write->controller);

	if (write->kind == CGROUP_DEFAULT || (write->kind == CGROUP_WEIGHT && !plan->cgroup.live)) {
		warn(pool, plan, pool_printf(pool, "%s: %s; %s is left out", write->where, why, write->file));
		return false;
	}
	if (write->absent_ok)
		return false;
#ifdef HRUN_MUTANT_CGROUP_LIMIT
	return false;
#endif
	if (!look_only)
		return err_set(e, EOPNOTSUPP, "%s: %s; %s remove the limit", write->where, why,
			       plan->cgroup.disabled   ? "enable them or"
			       : plan->cgroup.lived_in ? "or"
						       : "enable it or");
	warn(pool, plan, pool_printf(pool, "%s: %s; no container would start here", write->where, why));
	return true;
}

int plan_cgroup_available(struct pool *pool, const char *available, bool look_only, struct plan *plan, struct err *e)
{
	struct cgroup_plan *cgroup = &plan->cgroup;
	size_t kept = 0;

	for (size_t i = 0; i < cgroup->write_count; i++) {
		struct cgroup_write write = cgroup->writes[i];
		int keep = has_word(available, write.controller);
		if (!keep)
			keep = without_controller(pool, &write, look_only, plan, e);
		TRY(keep);
		if (!keep)
			continue;
		need_controller(pool, cgroup, write.controller);
		cgroup->writes[kept++] = write;
	}
	cgroup->write_count = kept;
	return 0;
}

/* What a hardening put into the config nobody asked for: it may be missing. */
static void mark_hardened(struct pool *pool, const struct verdict *verdict, struct cgroup_plan *plan)
{
	for (size_t i = 0; verdict && i < plan->write_count; i++) {
		struct cgroup_write *write = &plan->writes[i];
		for (size_t j = 0; j < verdict->count; j++) {
			const struct finding *finding = &verdict->findings[j];
			if (finding->action != ACTION_HARDEN || !str_equal(finding->where, write->where))
				continue;
			write->kind = CGROUP_DEFAULT;
			write->where = pool_printf(pool, "(hardened, %s)", finding->rule->id);
			break;
		}
	}
}

/* ---- devices ---- */

static const char *no_device_filter(const struct cgroup_plan *plan, const struct plan_options *options)
{
	if (plan->disabled)
		return "no device filter: cgroups are disabled";
	if (plan_cgroup_in_user_namespace() || (proc_euid() != 0 && !options->look_only))
		return "no device filter: the kernel takes none from a user namespace or an ordinary user";
	return NULL;
}

static int plan_device_filter(struct pool *pool, const struct config_resources *resources,
			      const struct plan_options *options, struct cgroup_plan *plan, struct err *e)
{
	const struct config_device_rule *allowed = resources ? resources->devices : NULL;

	/* Built in any case: a bad rule is an error for everybody. */
	TRY(plan_device_program(pool, allowed, resources ? resources->device_count : 0, true, &plan->device_program,
				&plan->device_program_length, e));
	plan->device_note = no_device_filter(plan, options);
	plan->takes_no_filter = plan->device_note != NULL;
	if (plan->takes_no_filter)
		plan->device_program = NULL;
	else if (!plan->device_program)
		plan->device_note = "no device filter: linux.resources.devices allows every device";
	if (!plan->device_program)
		plan->device_program_length = 0;
	return 0;
}

/* ---- all ---- */

/* Where nobody says where: beside hrun's own, or in a unit where a limit would not last there. */
static int find_place(struct pool *pool, const struct plan_options *options, struct plan *plan, struct err *e)
{
	struct cgroup_plan *cgroup = &plan->cgroup;

	plan_cgroup_beside(pool, options->id, cgroup);
	const struct cgroup_write *limit = options->scope && cgroup->beside ? plan_cgroup_endangered(cgroup) : NULL;
	if (!limit)
		return 0;
	cgroup->beside = false;
	return plan_scope_unasked(pool, options, limit, plan, e);
}

static int find_available(struct pool *pool, const char *path, const struct plan_options *options, struct plan *plan,
			  const char **ret_words, struct err *e)
{
	struct cgroup_plan *cgroup = &plan->cgroup;

	*ret_words = "";
	if (options->cgroup_disabled) {
		cgroup->disabled = true;
		return 0;
	}
	cgroup->root = cgroup2_open(&cgroup->mountpoint);
	if (cgroup->root >= 0) {
		if (!cgroup->scope && !(path && *path))
			TRY(find_place(pool, options, plan, e));
		return read_handed_down(pool, cgroup, ret_words, e);
	}
	if (!options->look_only)
		return err_set(e, ENOTSUP,
			       "no cgroup2 is mounted at /sys/fs/cgroup or /sys/fs/cgroup/unified; mount it or use "
			       "--cgroup-manager disabled");
	warn(pool, plan, "no cgroup2 is mounted at /sys/fs/cgroup or /sys/fs/cgroup/unified");
	return 0;
}

static int fill(struct pool *pool, const struct config *config, const struct plan_options *options, struct plan *plan,
		struct err *e)
{
	const char *path = config->linux_ ? config->linux_->cgroups_path : NULL;
	const struct config_resources *resources = config->linux_ ? config->linux_->resources : NULL;
	const char *available;

	plan->cgroup.where = path && *path ? "linux.cgroupsPath" : "";
	TRY(options->scope && !options->scope->unasked
		    ? plan_scope(pool, config, options, plan, e)
		    : plan_cgroup_path(pool, path, options->id, &plan->cgroup.path, e));
	if (resources)
		TRY(plan_resources(pool, resources, &plan->cgroup, e));
	mark_hardened(pool, options->verdict, &plan->cgroup);
	TRY(find_available(pool, path, options, plan, &available, e));
	TRY(plan_cgroup_available(pool, available, options->look_only, plan, e));
	if (!plan->cgroup.disabled && !plan->cgroup.scope && plan->cgroup.root >= 0 && !(path && *path))
		TRY(plan_cgroup_without(pool, options, plan, e));
	TRY(plan_cgroup_check_place(pool, options->look_only, plan, e));
	TRY(plan_device_filter(pool, resources, options, &plan->cgroup, e));
	if (plan->cgroup.scope)
		TRY(plan_scope_fill(pool, config, options, plan, e));
	if (plan->cgroup.disabled)
		fd_close(&plan->cgroup.root);
	return 0;
}

int plan_cgroup(struct pool *pool, const struct config *config, const struct plan_options *options, struct plan *plan,
		struct err *e)
{
	plan->cgroup.root = -1;
	int r = fill(pool, config, options, plan, e);
	/* fd_close leaves -EBADF; "none" is -1 in a plan. */
	if (r < 0)
		fd_close(&plan->cgroup.root);
	if (plan->cgroup.root < 0)
		plan->cgroup.root = -1;
	return r;
}

static int fill_update(struct pool *pool, const struct config_resources *resources, const struct verdict *verdict,
		       struct plan *plan, struct err *e)
{
	const struct plan_options options = {0};
	const char *available;

	if (plan->cgroup.root < 0)
		return err_set(e, ENOTSUP, "no cgroup2 is mounted at %s any more", plan->cgroup.mountpoint);
	TRY(plan_resources(pool, resources, &plan->cgroup, e));
	mark_hardened(pool, verdict, &plan->cgroup);
	TRY(read_handed_down(pool, &plan->cgroup, &available, e));
	TRY(plan_cgroup_available(pool, available, false, plan, e));
	return resources->devices_present ? plan_device_filter(pool, resources, &options, &plan->cgroup, e) : 0;
}

int plan_update(struct pool *pool, const struct config_resources *resources, const struct verdict *verdict,
		const char *mountpoint, const char *path, struct plan *ret_plan, struct err *e)
{
	*ret_plan = (struct plan){.rootfs.fd = -1,
				  .cgroup = {.live = true, .root = -1, .mountpoint = mountpoint, .path = path}};
	ret_plan->cgroup.root = cgroup2_open_at(mountpoint);
	int r = fill_update(pool, resources, verdict, ret_plan, e);
	if (r < 0)
		plan_close(ret_plan);
	return r;
}
