/* SPDX-License-Identifier: Apache-2.0 */
/*
 * objects.c - host objects cross into the container as detached trees.
 *
 * After CLONE_NEWNS a descriptor of a host mount is good for nothing but fstat: mounting it is EINVAL,
 * and a path would be looked up again.  So the runtime clones every host object while it is still on the
 * host, from the descriptor that was judged, gives the clone its attributes while nobody can reach it, and
 * the container's init only moves it into place.
 *
 * Where the runtime may not clone (an ordinary user), init does it first of all, in the user and mount
 * namespaces that are its own, with the user's own rights and before it changes ids (objects_lift_inside).
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

/* What a clone gets in the call that makes it; no propagation: nothing. */
struct clothes {
	uint64_t set, propagation;
};
static const struct clothes private_only = {.propagation = MS_PRIVATE};

/* Recursive words first: the plain ones that the plan keeps are those that no later recursive one undid. */
static bool has_several(const struct mount_step *m)
{
	return m->recursive || m->recursive_attr_set || m->recursive_attr_clear;
}

static bool stays_peer(const struct mount_step *m)
{
	return m->propagation == MS_SLAVE || m->propagation == MS_SHARED;
}

/* Not where a flag to be cleared may be locked, nor before ids are mapped. */
static struct clothes clothes_of(const struct mount_step *m)
{
	if (stays_peer(m) || m->idmapped || (!has_several(m) && m->attr_clear))
		return (struct clothes){.propagation = 0};
	return (struct clothes){.set = has_several(m) ? 0 : m->attr_set, .propagation = MS_PRIVATE};
}

/*
 * A clone is in its source's peer group: it becomes private, unless the config wants to stay a peer or a slave.
 * The attributes of the top mount go with it in one call where it is the only one.
 */
static int dress(const struct mount_step *m, int tree, struct err *e)
{
	bool peer = stays_peer(m), several = has_several(m);
	uint64_t top = several ? 0 : m->attr_set, top_clear = several ? 0 : m->attr_clear;

	if (!peer && !clothes_of(m).propagation)
		TRY(mnt_setattr_unlocked(tree, top, top_clear, MS_PRIVATE, m->recursive, e));
	bool below = true;
#ifdef HRUN_MUTANT_RECURSIVE_ATTRIBUTES
	below = false;
#endif
	if (m->recursive_attr_set || m->recursive_attr_clear)
		TRY(mnt_setattr_unlocked(tree, m->recursive_attr_set, m->recursive_attr_clear, 0, below, e));
	if ((peer || several) && (m->attr_set || m->attr_clear))
		TRY(mnt_setattr_unlocked(tree, m->attr_set, m->attr_clear, 0, false, e));
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

/*
 * An ordinary user's runtime may clone nothing on the host; its init may, in its own namespaces, but only what it
 * looked up there.  It must be the very file that was judged.
 */
int objects_reopen(int judged, const char *path, struct err *e)
{
	struct stat before, now;

	autofd int fd = path_open_host(path, false, e);
	TRY(fd);
	if (fstat(judged, &before) < 0 || fstat(fd, &now) < 0)
		return err_errno(e, "stat `%s`", path);
#ifdef HRUN_MUTANT_REOPEN
	return TAKE_FD(fd);
#endif
	if (!fd_is_same_stat(&before, &now) || (before.st_mode ^ now.st_mode) & S_IFMT)
		return err_set(e, ESTALE, "`%s` was replaced while the container was being made", path);
	return TAKE_FD(fd);
}

static int clone_judged(int judged, const char *path, struct clothes first, bool recursive, bool again, struct err *e)
{
	autofd int fd = again ? objects_reopen(judged, path, e) : -EBADF;

	if (again)
		TRY(fd);
	int from = again ? fd : judged;
	int tree = first.propagation ? mnt_clone_with(from, "", first.set, first.propagation, recursive, e)
				     : mnt_clone(from, recursive, e);
	/* In a less privileged mount namespace what was mounted together stays together. */
	if (tree == -EINVAL && again && !recursive)
		return err_set(e, EINVAL,
			       "other mounts lie below `%s`, and an ordinary user cannot leave them behind; use rbind",
			       path);
	return tree;
}

static int lift_mount(struct mount_step *m, bool again, struct err *e)
{
	autofd int tree = clone_judged(m->source_fd, m->source, clothes_of(m), m->recursive, again, e);

	TRY(tree);
	if (m->idmapped)
		TRY(map_ids(m, tree, e));
	TRY(dress(m, tree, e));
	m->tree = TAKE_FD(tree);
	return 0;
}

static int lift_mounts(struct plan *plan, bool again, struct err *e)
{
	for (size_t i = 0; i < plan->mount_count; i++) {
		struct mount_step *m = &plan->mounts[i];
		struct err why;
		if (m->kind != MOUNT_BIND)
			continue;
		int r = lift_mount(m, again, &why);
		if (r < 0)
			return err_set(e, -r, "%s: bind `%s`: %s", m->where, m->source, why.text);
	}
	return 0;
}

static int lift_devices(struct plan *plan, bool again, struct err *e)
{
	for (size_t i = 0; i < plan->device_count; i++) {
		struct device_step *d = &plan->devices[i];
		if (d->kind != DEVICE_BIND)
			continue;
		d->tree = clone_judged(d->source_fd, d->target, private_only, false, again, e);
		TRY(d->tree);
	}
	return 0;
}

/* Before Linux 6.15 no detached mount can be cloned: it is moved itself, and nobody else has it. */
static int take_detached(const struct rootfs_plan *plan, struct err *e)
{
	int tree = fcntl(plan->fd, F_DUPFD_CLOEXEC, 0);

	return tree < 0 ? err_errno(e, "take the unpacked root") : tree;
}

/* root.path as the plan's propagation wants it; `shared` is made later, on its own (rootfs_enter). */
static int lift_rootfs(const struct rootfs_plan *plan, bool again, struct err *e)
{
	uint64_t propagation = plan->propagation == MS_SLAVE ? MS_SLAVE : MS_PRIVATE;
	uint64_t attr = plan->attr;

#ifdef HRUN_MUTANT_ROOTFS_NOSUID
	attr &= ~(uint64_t)MOUNT_ATTR_NOSUID;
#endif
#ifdef HRUN_MUTANT_ROOTFS_NODEV
	attr &= ~(uint64_t)MOUNT_ATTR_NODEV;
#endif
	struct clothes clothes = {.set = attr, .propagation = propagation};
	if (!plan->detached)
		return clone_judged(plan->fd, plan->path, clothes, true, again, e);
	autofd int tree = take_detached(plan, e);
	TRY(tree);
	TRY(mnt_setattr(tree, clothes.set, 0, clothes.propagation, true, e));
	return TAKE_FD(tree);
}

/*
 * What covers masked files.  It must be the null device itself: the image's /dev/null may be a
 * symbolic link to a file of procfs that the "mask" would then open up (CVE-2025-31133).
 */
static int lift_null_device(struct err *e)
{
	const uint64_t attr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	autofd int tree = mnt_clone_with(AT_FDCWD, "/dev/null", attr, MS_PRIVATE, false, e);
	struct stat st;

	if (tree < 0 && tree != -EPERM)
		return err_advise(e, "repair /dev/null of the host");
	TRY(tree);
	if (fstat(tree, &st) < 0)
		return err_errno(e, "stat /dev/null");
#ifdef HRUN_MUTANT_NULL_DEVICE
	st = (struct stat){.st_mode = S_IFCHR, .st_rdev = makedev(1, 3)};
#endif
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_set(e, ENODEV, "/dev/null of the host is not character device 1:3; repair it");
	return TAKE_FD(tree);
}

static int lift(struct plan *plan, struct host_objects *ret_objects, bool again, struct err *e)
{
	autofd int rootfs = lift_rootfs(&plan->rootfs, again, e);
	TRY(rootfs);
	autofd int null_device = lift_null_device(e);
	TRY(null_device);
	TRY(lift_mounts(plan, again, e));
	TRY(lift_devices(plan, again, e));
	ret_objects->rootfs = TAKE_FD(rootfs);
	ret_objects->null_device = TAKE_FD(null_device);
	return 0;
}

int objects_lift(struct plan *plan, struct host_objects *ret_objects, struct err *e)
{
	return lift(plan, ret_objects, false, e);
}

int objects_lift_inside(struct plan *plan, struct host_objects *ret_objects, struct err *e)
{
	return lift(plan, ret_objects, true, e);
}

bool objects_can_lift(const struct plan *plan)
{
	struct err ignored;
	autofd int tree = mnt_clone(plan->rootfs.fd, false, &ignored);

	return tree != -EPERM;
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

void objects_close(struct plan *plan, struct host_objects *objects)
{
	autopile struct fd_pile pile = {.count = 0};

#ifdef HRUN_MUTANT_LIFTED_TREES
	return;
#endif
	fd_pile_add(&pile, &objects->rootfs);
	fd_pile_add(&pile, &objects->null_device);
	for (size_t i = 0; i < plan->mount_count; i++)
		fd_pile_add(&pile, &plan->mounts[i].tree);
	for (size_t i = 0; i < plan->device_count; i++)
		fd_pile_add(&pile, &plan->devices[i].tree);
}
