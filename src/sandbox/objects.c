/* SPDX-License-Identifier: Apache-2.0 */
/*
 * objects.c - host objects cross into the container as detached trees.
 *
 * After CLONE_NEWNS a descriptor of a host mount is good for nothing but fstat: mounting it is EINVAL,
 * and a path would be looked up again.  So the runtime clones every host object while it is still on the
 * host, from the descriptor that was judged, gives the clone its attributes while nobody can reach it, and
 * the container's init only moves it into place.
 */
#include <fcntl.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/mnt.h>
#include <hrun/path.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/*
 * A clone is in its source's peer group: it becomes private, unless the config wants to stay a peer or a slave.
 * The attributes of the top mount go with it in one call where it is the only one.
 */
static int dress(const struct mount_step *m, int tree, struct err *e)
{
	bool peer = m->propagation == MS_SLAVE || m->propagation == MS_SHARED;
	/* Recursive words first: the plain ones that the plan keeps are those that no later recursive one undid. */
	bool several = m->recursive || m->recursive_attr_set || m->recursive_attr_clear;
	uint64_t top = several ? 0 : m->attr_set, top_clear = several ? 0 : m->attr_clear;

	if (!peer)
		TRY(mnt_setattr(tree, top, top_clear, MS_PRIVATE, m->recursive, e));
	if (m->recursive_attr_set || m->recursive_attr_clear)
		TRY(mnt_setattr(tree, m->recursive_attr_set, m->recursive_attr_clear, 0, true, e));
	if ((peer || several) && (m->attr_set || m->attr_clear))
		TRY(mnt_setattr(tree, m->attr_set, m->attr_clear, 0, false, e));
	if (m->propagation && m->propagation != MS_PRIVATE)
		TRY(mnt_setattr(tree, 0, 0, m->propagation, m->propagation_recursive, e));
	return 0;
}

/* Only a mount that nobody has seen yet can be idmapped, and only once. */
static int map_ids(const struct mount_step *m, int tree, struct err *e)
{
	autofd int made = m->idmap_namespace < 0 ? idmap_make_namespace(&m->idmap, e) : -EBADF;

	if (m->idmap_namespace < 0)
		TRY(made);
#ifdef HRUN_MUTANT_IDMAP
	return 0;
#endif
	int r = mnt_idmap(tree, made >= 0 ? made : m->idmap_namespace, m->idmap_recursive, e);
	if (r == -EINVAL)
		return err_set(e, EINVAL,
			       "%s%s cannot show other ids (idmapped mounts); remove idmap and the mappings of the "
			       "mount, or use another file system",
			       m->source_filesystem, m->idmap_recursive ? ", or a file system below it," : "");
	return r;
}

static int lift_mount(struct mount_step *m, struct err *e)
{
	autofd int tree = mnt_clone(m->source_fd, m->recursive, e);

	TRY(tree);
	if (m->idmapped)
		TRY(map_ids(m, tree, e));
	TRY(dress(m, tree, e));
	m->tree = TAKE_FD(tree);
	return 0;
}

static int lift_mounts(struct plan *plan, struct err *e)
{
	for (size_t i = 0; i < plan->mount_count; i++) {
		struct mount_step *m = &plan->mounts[i];
		struct err why;
		if (m->kind != MOUNT_BIND)
			continue;
		int r = lift_mount(m, &why);
		if (r < 0)
			return err_set(e, -r, "%s: bind `%s`: %s", m->where, m->source, why.text);
	}
	return 0;
}

static int lift_devices(struct plan *plan, struct err *e)
{
	for (size_t i = 0; i < plan->device_count; i++) {
		struct device_step *d = &plan->devices[i];
		if (d->kind != DEVICE_BIND)
			continue;
		d->tree = mnt_clone(d->source_fd, false, e);
		TRY(d->tree);
		TRY(mnt_setattr(d->tree, 0, 0, MS_PRIVATE, false, e));
	}
	return 0;
}

/* root.path as the plan's propagation wants it; `shared` is made later, on its own (rootfs_enter). */
static int lift_rootfs(const struct rootfs_plan *plan, struct err *e)
{
	autofd int tree = mnt_clone(plan->fd, true, e);
	uint64_t propagation = plan->propagation == MS_SLAVE ? MS_SLAVE : MS_PRIVATE;

	TRY(tree);
	TRY(mnt_setattr(tree, 0, 0, propagation, true, e));
	return TAKE_FD(tree);
}

/*
 * What covers masked files.  It must be the null device itself: the image's /dev/null may be a
 * symbolic link to a file of procfs that the "mask" would then open up (CVE-2025-31133).
 */
static int lift_null_device(struct err *e)
{
	autofd int fd = path_open_host("/dev/null", true, e);
	struct stat st;

	TRY(fd);
	if (fstat(fd, &st) < 0)
		return err_errno(e, "stat /dev/null");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_set(e, ENODEV, "/dev/null of the host is not character device 1:3; repair it");
	autofd int tree = mnt_clone(fd, false, e);
	TRY(tree);
	TRY(mnt_setattr(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0, MS_PRIVATE, false, e));
	return TAKE_FD(tree);
}

int objects_lift(struct plan *plan, struct host_objects *ret_objects, struct err *e)
{
	autofd int rootfs = lift_rootfs(&plan->rootfs, e);
	TRY(rootfs);
	autofd int null_device = lift_null_device(e);
	TRY(null_device);
	TRY(lift_mounts(plan, e));
	TRY(lift_devices(plan, e));
	ret_objects->rootfs = TAKE_FD(rootfs);
	ret_objects->null_device = TAKE_FD(null_device);
	return 0;
}

/*
 * Where the container does not get a cgroup namespace of its own, only its own directory may be seen.  One clone a
 * mount: init could not make more of them, a tree that is not its own cannot be cloned there.
 */
int objects_lift_cgroup(struct plan *plan, int cgroup, struct err *e)
{
	if (plan->namespaces.create & CLONE_NEWCGROUP || cgroup < 0)
		return 0;
	for (size_t i = 0; i < plan->mount_count; i++) {
		struct mount_step *m = &plan->mounts[i];
		if (m->kind != MOUNT_CGROUP)
			continue;
		m->tree = mnt_clone(cgroup, false, e);
		TRY(m->tree);
		TRY(mnt_setattr(m->tree, m->attr_set, m->attr_clear, MS_PRIVATE, false, e));
	}
	return 0;
}

void objects_close(struct host_objects *objects)
{
	fd_close(&objects->rootfs);
	fd_close(&objects->null_device);
}
