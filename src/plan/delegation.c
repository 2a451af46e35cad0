/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delegation.c - whose the container's cgroup is (config-linux.md#cgroup-ownership).
 *
 * Where the container sees its own cgroup writable, in a cgroup namespace of its own, its user may make cgroups below it: the
 * directory and the files that the kernel names for that become that user's.  Limits stay ours.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

static bool is_writable_cgroup(const struct mount_step *step)
{
#ifdef HRUN_MUTANT_DELEGATION
	return step->kind == MOUNT_CGROUP;
#endif
	return step->kind == MOUNT_CGROUP && step->source && str_equal(step->source, "cgroup") &&
	       str_equal(step->destination, "/sys/fs/cgroup") &&
	       !((step->attr_set | step->recursive_attr_set) & MOUNT_ATTR_RDONLY);
}

/* The host's id of the process's user; false in a joined user namespace, whose map is not ours to read. */
static bool host_uid(const struct plan *plan, uid_t *ret_uid)
{
	uid_t uid = plan->creds.uid;

	if (!plan->namespaces.has_user) {
		*ret_uid = uid;
		return true;
	}
	for (size_t i = 0; i < plan->ids.uid_count; i++) {
		const struct id_mapping *m = &plan->ids.uid[i];
		if (uid >= m->container_id && uid - m->container_id < m->size) {
			*ret_uid = m->host_id + (uid - m->container_id);
			return true;
		}
	}
	return false;
}

/* The kernel's list, or the one that the specification gives for older kernels. */
static void read_files(struct pool *pool, struct cgroup_plan *cgroup)
{
	char text[4096] = "";
	autofd int fd = open("/sys/kernel/cgroup/delegate", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, text, sizeof text - 1);

	if (n <= 0)
		str_format(text, sizeof text, "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n");
	for (char *save = NULL, *name = strtok_r(text, "\n", &save); name; name = strtok_r(NULL, "\n", &save)) {
		if (!strchr(name, '/') && name[0] != '.')
			*pool_array_add(pool, cgroup->delegated, cgroup->delegated_count) = pool_strdup(pool, name);
	}
}

void plan_delegation(struct pool *pool, struct plan *plan)
{
	bool writable = false;

	for (size_t i = 0; i < plan->mount_count; i++)
		writable |= is_writable_cgroup(&plan->mounts[i]);
	if (plan->cgroup.disabled || !writable || !(plan->namespaces.create & CLONE_NEWCGROUP))
		return;
	if (host_uid(plan, &plan->cgroup.owner))
		read_files(pool, &plan->cgroup);
}
