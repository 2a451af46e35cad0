/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs.c - from the host's mount tree to the container's.
 *
 * In the container's own mount namespace, a copy of the host's: first everything is made
 * private, so that nothing done here reaches the host; the root, judged and cloned by the
 * runtime, is attached over root.path; at last pivot_root(2) puts it at `/` and the whole
 * host tree is detached.
 */
#include <fcntl.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/mnt.h>
#include <hrun/path.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* root.path was opened, judged and cloned on the host; it must still be that directory. */
static int open_judged(const struct rootfs_plan *plan, struct err *e)
{
	autofd int fd = path_open_host(plan->path, true, e);
	struct stat st;

	TRY(fd);
	if (fstat(fd, &st) < 0)
		return err_errno(e, "stat `%s`", plan->path);
	if (st.st_dev != plan->device || st.st_ino != plan->inode)
		return err_set(e, ESTALE, "root.path: `%s` was replaced while the container was being made",
			       plan->path);
	return TAKE_FD(fd);
}

int rootfs_attach(const struct rootfs_plan *plan, int tree, struct fd_pile *pile, struct err *e)
{
#ifndef HRUN_MUTANT_PROPAGATION_PRIVATE
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_errno(e, "make the mount namespace private");
#endif
	autofd int target = open_judged(plan, e);
	TRY(target);
	TRY(mnt_attach(tree, target, e));
	fd_pile_add(pile, &target);
	return 0;
}

/*
 * What was mounted over the caller's own root (`mount --bind / /`) was no ancestor of ours, and lies over our root now: whoever
 * goes to `/..`, or joins the namespace, would see it.
 */
static int uncover(int rootfs, struct err *e)
{
	for (;;) {
		autofd int above = path_open_in_root_with(rootfs, "..", O_PATH | O_DIRECTORY, RESOLVE_NO_XDEV, e);
		if (above != -EXDEV)
			return above < 0 ? above : 0;
		if (umount2("..", MNT_DETACH) < 0)
			return err_errno(e, "detach what lies over the host's root");
	}
}

/* pivot_root(2), NOTES: the old root ends up on top of the new one, where umount2 finds it; we stay below, at `/`. */
static int pivot(int rootfs, struct err *e)
{
	if (fchdir(rootfs) < 0)
		return err_errno(e, "enter the root filesystem");
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return err_errno(e, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		return err_errno(e, "detach the host's root");
#ifdef HRUN_MUTANT_COVERED_ROOT
	return 0;
#endif
	return uncover(rootfs, e);
}

int rootfs_enter(const struct rootfs_plan *plan, int rootfs, struct err *e)
{
	uint64_t attr = plan->readonly ? MOUNT_ATTR_RDONLY : 0;

#ifdef HRUN_MUTANT_ROOTFS_READONLY
	attr &= ~(uint64_t)MOUNT_ATTR_RDONLY;
#endif
	if (attr)
		TRY(mnt_setattr(rootfs, attr, 0, 0, false, e));
	TRY(pivot(rootfs, e));
	/* Shared and unbindable come last: pivot_root refuses a shared root. */
	if (plan->propagation == MS_SHARED || plan->propagation == MS_UNBINDABLE)
		TRY(mnt_setattr(rootfs, 0, 0, plan->propagation, plan->propagation_recursive, e));
	return 0;
}
