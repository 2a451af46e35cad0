/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts.c - the mounts of the config, in their order.
 *
 * A target is found, or made, inside the root by descriptor; what goes there is a tree that the runtime has
 * cloned and judged, or a new file system made here, in the container's own namespaces.  Nothing
 * is looked up twice, so a volume that swaps a directory for a symbolic link gains nothing (CVE-2021-30465).
 */
#include <fcntl.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/mnt.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

/*
 * A read-only tmpfs (podman asks for one on /dev) has to be filled first: with nodes, targets of other mounts, what
 * tmpcopyup brings.  It becomes read-only when all that is done.
 */
static bool is_frozen_late(const struct mount_step *m)
{
	return m->kind == MOUNT_FILESYSTEM && m->attr_set & MOUNT_ATTR_RDONLY && str_equal(m->type, "tmpfs");
}

static uint64_t attr_at_first(const struct mount_step *m)
{
	return is_frozen_late(m) ? m->attr_set & ~(uint64_t)MOUNT_ATTR_RDONLY : m->attr_set;
}

/*
 * proc and sysfs go onto a real directory of the root only: a /proc that is a symbolic link would
 * leave the place where everybody expects it to the image (CVE-2023-27561).
 */
static int open_real_target(const struct mount_step *m, int rootfs, struct err *e)
{
	int real = path_open_in_root_with(rootfs, m->destination, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS, e);

	if (real == -ELOOP)
		return err_set(e, ELOOP, "it is a symbolic link in the image; put a directory there");
	if (real != -ENOENT)
		return real;
	autofd int made = path_make_in_root(rootfs, m->destination, true, 0755, e);
	TRY(made);
	return path_open_in_root_with(rootfs, m->destination, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS, e);
}

static int open_target(const struct mount_step *m, int rootfs, bool *ret_made, struct err *e)
{
	bool directory = m->kind != MOUNT_BIND || m->source_is_directory;

	if (m->real_target)
		return open_real_target(m, rootfs, e);
	if (str_equal(m->type, "tmpfs")) {
		int there = path_open_in_root(rootfs, m->destination, e);
		if (there != -ENOENT)
			return there;
		*ret_made = true;
	}
	return path_make_in_root(rootfs, m->destination, directory, directory ? 0755 : 0644, e);
}

/*
 * A tmpfs without a mode takes over that of the directory which it hides; where there was none it is the kernel's 1777,
 * but for /dev, where nobody else is to make files.
 */
static int inherit_mode(const struct mount_step *m, int fs, int target, bool target_is_new, struct err *e)
{
	char mode[8];
	struct stat st;

	if (!str_equal(m->type, "tmpfs") || (target_is_new && !str_equal(m->destination, "/dev")))
		return 0;
	for (size_t i = 0; i < m->data_count; i++) {
		if (str_equal(m->data[i].key, "mode"))
			return 0;
	}
	if (fstat(target, &st) < 0)
		return err_errno(e, "stat the target");
	snprintf(mode, sizeof mode, "%04o", st.st_mode & 07777);
	return mnt_fs_set(fs, "mode", mode, e);
}

static int make_filesystem(const struct mount_step *m, int target, bool target_is_new, struct fd_pile *pile,
			   struct err *e)
{
	__attribute__((cleanup(overlay_close))) struct overlay_fds fds = {.count = 0};
	autofd int fs = mnt_fs_open(m->type, e);

	TRY(fs);
	if (m->source)
		TRY(mnt_fs_set(fs, "source", m->source, e));
	TRY(inherit_mode(m, fs, target, target_is_new, e));
	for (size_t i = 0; i < m->data_count; i++) {
		if (m->data[i].fd < 0)
			TRY(mnt_fs_set(fs, m->data[i].key, m->data[i].value, e));
	}
	TRY(overlay_set(m, fs, &fds, e));
	int mnt = mnt_fs_mount(fs, attr_at_first(m), e);
	fd_pile_add(pile, &fs);
	if (mnt == -EPERM && (str_equal(m->type, "proc") || str_equal(m->type, "sysfs")))
		return err_advise(
			e, "to a user namespace the kernel gives one only where other mounts cover no part of the "
			   "caller's own (LXC: security.nesting)");
	return mnt;
}

/* cgroup2 seen from the container's own cgroup namespace. */
static int make_cgroup(const struct mount_step *m, struct fd_pile *pile, struct err *e)
{
	autofd int fs = mnt_fs_open("cgroup2", e);
	TRY(fs);
	TRY(mnt_fs_set(fs, "source", "cgroup", e));
	int mnt = mnt_fs_mount(fs, m->attr_set, e);
	fd_pile_add(pile, &fs);
	return mnt;
}

static int make_mount(const struct mount_step *m, int target, bool target_is_new, struct fd_pile *pile, struct err *e)
{
	autofd int mnt =
		m->kind == MOUNT_CGROUP ? make_cgroup(m, pile, e) : make_filesystem(m, target, target_is_new, pile, e);

	TRY(mnt);
	if (m->label)
		TRY(labels_set_file(mnt, m->label, e));
	if (m->copy_up)
		TRY(copyup_apply(target, mnt, e));
	/* It is one mount: recursive words first, then the plain ones that no later recursive one undid. */
	if (m->recursive_attr_set || m->recursive_attr_clear) {
		TRY(mnt_setattr(mnt, m->recursive_attr_set, m->recursive_attr_clear, 0, true, e));
		TRY(mnt_setattr(mnt, attr_at_first(m), m->attr_clear, 0, false, e));
	}
	/* It is private from the beginning. */
	if (m->propagation && m->propagation != MS_PRIVATE)
		TRY(mnt_setattr(mnt, 0, 0, m->propagation, m->propagation_recursive, e));
	return TAKE_FD(mnt);
}

/* move_mount(2) says no more than "invalid argument" where a directory and a file meet. */
static int attach_failed(const struct mount_step *m, int target, int r, struct err *e)
{
	struct stat st;

	if (m->kind != MOUNT_BIND || fstat(target, &st) < 0 || S_ISDIR(st.st_mode) == m->source_is_directory)
		return r;
	return err_set(e, -r, "the source is %s and the destination is %s; make both directories or both files",
		       m->source_is_directory ? "a directory" : "a file",
		       m->source_is_directory ? "a file" : "a directory");
}

static int apply_one(const struct mount_step *m, int rootfs, struct fd_pile *pile, struct err *e)
{
	bool target_is_new = false;
	autofd int target = open_target(m, rootfs, &target_is_new, e);

	TRY(target);
	if (m->tree >= 0) { /* lifted by the runtime: a bind, or the cgroup that the container shares */
		int r = mnt_attach(m->tree, target, e);
		if (r < 0)
			return attach_failed(m, target, r, e);
		fd_pile_add(pile, &target);
		return 0;
	}
	autofd int mnt = make_mount(m, target, target_is_new, pile, e);
	TRY(mnt);
	TRY(mnt_attach(mnt, target, e));
	fd_pile_add(pile, &mnt);
	fd_pile_add(pile, &target);
	return 0;
}

int mounts_apply(const struct plan *plan, int rootfs, struct fd_pile *pile, struct err *e)
{
	for (size_t i = 0; i < plan->mount_count; i++) {
		const struct mount_step *m = &plan->mounts[i];
		struct err why;
		int r = apply_one(m, rootfs, pile, &why);
		if (r < 0)
			return err_set(e, -r, "%s: mount %s on `%s`: %s", m->where, m->type, m->destination, why.text);
	}
	return 0;
}

static bool is_covered(const struct plan *plan, size_t i)
{
	for (size_t later = i + 1; later < plan->mount_count; later++) {
		if (str_equal(plan->mounts[later].destination, plan->mounts[i].destination))
			return true;
	}
	return false;
}

int mounts_freeze(const struct plan *plan, int rootfs, struct err *e)
{
	for (size_t i = 0; i < plan->mount_count; i++) {
		const struct mount_step *m = &plan->mounts[i];
		if (!is_frozen_late(m) || is_covered(plan, i))
			continue;
		autofd int top = path_open_in_root(rootfs, m->destination, e);
		TRY(top);
		TRY(mnt_setattr(top, MOUNT_ATTR_RDONLY, 0, 0, false, e));
	}
	return 0;
}
