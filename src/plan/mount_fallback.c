/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_fallback.c - proc and sysfs for containers that share a namespace of the host.
 *
 * A new sysfs shows a network namespace, a new procfs a pid namespace, and the kernel makes one only for who
 * owns that namespace (EPERM otherwise).  A container with a user namespace of its own and the host's network gets
 * the host's /sys, all of it read-only; one with the host's processes gets the host's /proc.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/planning.h>
#include <hrun/proc.h>
#include <hrun/str.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

bool plan_is_kernel_view(const char *type)
{
	return str_equal(type, "proc") || str_equal(type, "sysfs");
}

static const struct namespace_join *join_of(const struct namespaces_plan *ns, enum namespace_type type)
{
	for (size_t i = 0; i < ns->join_count; i++) {
		if (ns->joins[i].type == type)
			return &ns->joins[i];
	}
	return NULL;
}

/* Is the joined namespace owned by the user namespace that is joined as well (two containers of a pod)? */
static bool owned_by_joined_user(const struct namespaces_plan *ns, const struct namespace_join *join)
{
	const struct namespace_join *user = join_of(ns, NS_USER);

	if (!user)
		return false;
	autofd int owner = ioctl(join->fd, NS_GET_USERNS);
	return owner >= 0 && fd_is_same_file(owner, user->fd);
}

/* Inside an engine's user namespace: is the namespace, joined or the one that we are in, owned by it? */
static bool is_ours(const struct namespace_join *join, enum namespace_type type)
{
	struct stat owner_stat, user_stat;
	const char *own = type == NS_NETWORK ? "/proc/self/ns/net" : "/proc/self/ns/pid";

	autofd int opened = join ? -EBADF : open(own, O_RDONLY | O_CLOEXEC);
	autofd int owner = ioctl(join ? join->fd : opened, NS_GET_USERNS);
	return owner >= 0 && fstat(owner, &owner_stat) == 0 && stat("/proc/self/ns/user", &user_stat) == 0 &&
	       fd_is_same_stat(&owner_stat, &user_stat);
}

/* Will the kernel make the file system that shows namespaces of TYPE? */
static bool may_make(const struct namespaces_plan *ns, enum namespace_type type, uint64_t flag)
{
	const struct namespace_join *join = join_of(ns, type);

	if (ns->create & flag)
		return true;
	if (!ns->has_user)
		return proc_in_first_user_namespace() || is_ours(join, type);
	return join && owned_by_joined_user(ns, join);
}

static int bind_of_host(struct mount_step *step, const char *path, __fsword_t magic, struct err *e)
{
	autofd int fd = path_open_host(path, true, e);
	struct statfs fs;

	TRY(fd);
	if (fstatfs(fd, &fs) < 0)
		return err_errno(e, "%s: look at `%s`", step->where, path);
	if (fs.f_type != magic)
		return err_set(e, EINVAL, "%s: `%s` of the host is not a %s; mount one there", step->where, path,
			       step->type);
	step->kind = MOUNT_BIND;
	step->type = "bind";
	step->source = path;
	step->source_is_directory = true;
	step->recursive = true;
	step->data_count = 0;
	step->source_fd = TAKE_FD(fd);
	return 0;
}

int plan_mount_fallback(struct pool *pool, struct plan *plan, struct mount_step *step, struct err *e)
{
	const struct namespaces_plan *ns = &plan->namespaces;

	if (step->kind != MOUNT_FILESYSTEM)
		return 0;
	if (str_equal(step->type, "sysfs") && !may_make(ns, NS_NETWORK, CLONE_NEWNET)) {
		step->recursive_attr_set |=
			MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
		plan_warn(pool, plan,
			  "%s: the host's /sys, read-only: its network namespace is not the container's own",
			  step->where);
		return bind_of_host(step, "/sys", SYSFS_MAGIC, e);
	}
	if (str_equal(step->type, "proc") && !join_of(ns, NS_PID) && !may_make(ns, NS_PID, CLONE_NEWPID)) {
		plan_warn(pool, plan, "%s: the host's /proc: its processes are not the container's own", step->where);
		return bind_of_host(step, "/proc", PROC_SUPER_MAGIC, e);
	}
	return 0;
}
