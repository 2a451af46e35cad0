/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - what no later code may doubt.
 *
 * A plan that breaks one of these would be carried out as root without another
 * question, so the process ends here; assert stays in release builds.
 */
#undef NDEBUG
#include <assert.h>
#include <hrun/path.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

static void check_absolute(const char *path)
{
	assert(path && path[0] == '/' && !path_has_dotdot(path));
}

static void check_namespaces(const struct plan *plan)
{
	const struct namespaces_plan *ns = &plan->namespaces;
	bool joins_mount = false, joins_user = false;

	for (size_t i = 0; i < ns->join_count; i++) {
		assert(ns->joins[i].fd >= 0 && ns->joins[i].type < NS_TYPES);
		joins_mount |= ns->joins[i].type == NS_MOUNT;
		joins_user |= ns->joins[i].type == NS_USER;
	}
	assert(!(ns->create & CLONE_NEWNS) == joins_mount);
	assert(plan->ids.new_namespace == !!(ns->create & CLONE_NEWUSER));
	assert(ns->has_user == (plan->ids.new_namespace || joins_user));
	assert(!plan->ids.new_namespace || (plan->ids.uid_count && plan->ids.gid_count));
}

static void check_cgroup(const struct cgroup_plan *cgroup)
{
	assert(cgroup->disabled || cgroup->root >= 0);
	if (cgroup->disabled)
		return;
	check_absolute(cgroup->path);
	assert(!str_equal(cgroup->path, "/"));
	assert(!cgroup->scope || (cgroup->scope->bus && !cgroup->scope->too_large && cgroup->scope->request.unit[0]));
	for (size_t i = 0; i < cgroup->write_count; i++) {
		assert(cgroup->writes[i].file && !strchr(cgroup->writes[i].file, '/'));
		assert(cgroup->writes[i].value);
	}
}

static void check_rootfs(const struct rootfs_plan *rootfs)
{
	assert(rootfs->fd >= 0 && rootfs->path && rootfs->path[0] == '/');
	assert(rootfs->propagation);
}

static void check_mount(const struct mount_step *step)
{
	check_absolute(step->destination);
	assert(!str_equal(step->destination, "/"));
	assert((step->kind == MOUNT_BIND) == (step->source_fd >= 0) && step->tree < 0);
	assert(step->type && *step->type);
	assert(!(step->attr_set & step->attr_clear & ~(uint64_t)MOUNT_ATTR__ATIME));
	assert(!(step->recursive_attr_set & step->recursive_attr_clear & ~(uint64_t)MOUNT_ATTR__ATIME));
	assert(step->kind == MOUNT_FILESYSTEM || step->data_count == 0);
	assert(!step->idmapped || (step->kind == MOUNT_BIND && step->source_filesystem &&
				   step->idmap.new_namespace == (step->idmap_namespace < 0)));
}

static void check_device(const struct device_step *step)
{
	check_absolute(step->path);
	assert(str_starts(step->path, "/dev/"));
	assert((step->kind == DEVICE_BIND) == (step->source_fd >= 0) && step->tree < 0);
	assert((step->kind == DEVICE_SYMLINK) == S_ISLNK(step->type_and_mode));
	assert(step->kind == DEVICE_NODE || step->target);
}

static void check_creds(const struct creds_plan *creds)
{
	const uint64_t *caps = creds->caps;

	assert(creds->uid != (uid_t)-1 && creds->gid != (gid_t)-1);
	assert(!(caps[CAPS_PERMITTED] & ~caps[CAPS_BOUNDING]));
	assert(!(caps[CAPS_EFFECTIVE] & ~caps[CAPS_PERMITTED]));
	assert(!(caps[CAPS_INHERITABLE] & ~caps[CAPS_BOUNDING]));
	assert(!(caps[CAPS_AMBIENT] & ~(caps[CAPS_PERMITTED] & caps[CAPS_INHERITABLE])));
}

static void check_filter(const struct filter_plan *filter)
{
	const struct filter_plan *floor = filter->floor;

	assert(!filter->program == !filter->length && filter->length <= BPF_MAXINSNS);
	assert(!floor || (filter->program && floor->program && floor->length && floor->length <= BPF_MAXINSNS));
	assert(!floor || (!floor->agent && !floor->floor));
}

static void check_exec(const struct exec_plan *exec)
{
	assert(exec->args && exec->args[0] && *exec->args[0]);
	assert(exec->env);
	assert(exec->cwd && exec->cwd[0] == '/');
}

static void check_hooks(const struct hook_list *hooks)
{
	for (size_t i = 0; i < hooks->count; i++) {
		assert(hooks->item[i].path && hooks->item[i].path[0] == '/');
		assert(hooks->item[i].args && hooks->item[i].args[0] && hooks->item[i].env);
	}
}

void plan_check(const struct plan *plan)
{
	check_namespaces(plan);
	check_cgroup(&plan->cgroup);
	check_rootfs(&plan->rootfs);
	for (size_t i = 0; i < plan->mount_count; i++)
		check_mount(&plan->mounts[i]);
	for (size_t i = 0; i < plan->device_count; i++)
		check_device(&plan->devices[i]);
	for (size_t i = 0; i < plan->mask_count; i++)
		check_absolute(plan->masks[i].path);
	for (size_t i = 0; i < plan->sysctl_count; i++)
		assert(!path_has_dotdot(plan->sysctls[i].file) && plan->sysctls[i].file[0] != '/');
	check_creds(&plan->creds);
	check_filter(&plan->filter);
	check_exec(&plan->exec);
	for (enum hook_kind kind = 0; kind < HOOK_KINDS; kind++)
		check_hooks(&plan->hooks[kind]);
}
