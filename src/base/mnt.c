/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mnt.c - detached mounts.
 *
 * open_tree(2), move_mount(2), fsopen(2), fsconfig(2), fsmount(2), mount_setattr(2).
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/mnt.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

enum { OPEN_TREE_ATTR = 467 }; /* the number is the same everywhere */

static unsigned int clone_flags(const char *path, bool recursive)
{
	return OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*path ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH) |
	       (recursive ? AT_RECURSIVE : 0);
}

static int clone_path(int fd, const char *path, bool recursive, struct err *e)
{
	int mnt = open_tree(fd, path, clone_flags(path, recursive));

	return mnt < 0 ? err_errno(e, "clone a mount") : mnt;
}

int mnt_clone(int fd, bool recursive, struct err *e)
{
	return clone_path(fd, "", recursive, e);
}

/* Whatever fails here is tried again by two calls, which say what it was. */
static int clone_at_once(int fd, const char *path, struct mount_attr *attr, bool recursive)
{
	static bool missing;

	if (missing)
		return -1;
	int mnt = (int)syscall(OPEN_TREE_ATTR, fd, path, clone_flags(path, recursive), attr, sizeof *attr);
	missing = mnt < 0 && errno == ENOSYS;
	return mnt;
}

int mnt_clone_with(int fd, const char *path, uint64_t set, uint64_t propagation, bool recursive, struct err *e)
{
	struct mount_attr attr = {.attr_set = set, .propagation = propagation};
	autofd int mnt = clone_at_once(fd, path, &attr, recursive);

	if (mnt < 0) {
		mnt = clone_path(fd, path, recursive, e);
		TRY(mnt);
		TRY(mnt_setattr(mnt, set, 0, propagation, recursive, e));
	}
	return TAKE_FD(mnt);
}

int mnt_setattr(int fd, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive, struct err *e)
{
	struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = propagation};

	if (mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof attr) < 0)
		return err_errno(e, "set attributes of a mount");
	return 0;
}

int mnt_setattr_unlocked(int fd, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive, struct err *e)
{
	int r = mnt_setattr(fd, set, clear, propagation, recursive, e);

	if (r != -EPERM || !clear)
		return r;
#ifdef HRUN_MUTANT_LOCKED_FLAGS
	return r;
#endif
	for (uint64_t flag = 1; flag && flag <= clear; flag <<= 1) {
		struct err ignored;
		/* A kind of access time replaces another as a whole. */
		if (flag & clear & ~(uint64_t)MOUNT_ATTR__ATIME)
			mnt_setattr(fd, 0, flag, 0, recursive, &ignored);
	}
	r = clear & MOUNT_ATTR__ATIME ? mnt_setattr(fd, set, MOUNT_ATTR__ATIME, propagation, recursive, e) : -EPERM;
	return r == -EPERM ? mnt_setattr(fd, set & ~(uint64_t)MOUNT_ATTR__ATIME, 0, propagation, recursive, e) : r;
}

int mnt_idmap(int fd, int namespace, bool recursive, struct err *e)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned int)namespace};

	if (mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof attr) < 0)
		return err_errno(e, "map the ids of a mount");
	return 0;
}

int mnt_attach(int mnt, int target, struct err *e)
{
	if (move_mount(mnt, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_errno(e, "attach a mount");
	return 0;
}

/*
 * The kernel's explanations queue up in the context ("e tmpfs: Bad value for 'size'"); the first one is
 * the reason.  Without any, errno has to do.
 */
static int fs_error(int fs, struct err *e, const char *what, const char *detail)
{
	int errnum = errno;
	char message[128];
	ssize_t n = read(fs, message, sizeof message - 1);

	if (n <= 2) {
		errno = errnum;
		return err_errno(e, "%s %s", what, detail);
	}
	message[n] = '\0';
	message[strcspn(message, "\n")] = '\0';
	return err_set(e, errnum, "%s %s: %s (%s)", what, detail, message + 2, strerrordesc_np(errnum));
}

int mnt_fs_open(const char *type, struct err *e)
{
	int fs = fsopen(type, FSOPEN_CLOEXEC);

	if (fs < 0 && errno == ENODEV)
		return err_set(e, ENODEV, "this kernel has no file system type `%s`", type);
	return fs < 0 ? err_errno(e, "open file system type `%s`", type) : fs;
}

int mnt_fs_set(int fs, const char *key, const char *value, struct err *e)
{
	int r = value ? fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0)
		      : fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0);

	return r < 0 ? fs_error(fs, e, "option", key) : 0;
}

int mnt_fs_mount(int fs, uint64_t attr, struct err *e)
{
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fs_error(fs, e, "create", "the file system");
	int mnt = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned int)attr);
	return mnt < 0 ? fs_error(fs, e, "mount", "the file system") : mnt;
}

int mnt_empty_dir(const char *label, struct fd_pile *pile, struct err *e)
{
	autofd int fs = mnt_fs_open("tmpfs", e);

	TRY(fs);
	if (label)
		TRY(mnt_fs_set(fs, "context", label, e));
	TRY(mnt_fs_set(fs, "size", "0", e));
	TRY(mnt_fs_set(fs, "nr_inodes", "2", e));
	TRY(mnt_fs_set(fs, "mode", "0555", e));
	int tree = mnt_fs_mount(fs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, e);

	fd_pile_add(pile, &fs);
	return tree;
}

int mnt_private_proc(struct fd_pile *pile, struct err *e)
{
	autofd int fs = mnt_fs_open("proc", e);

	TRY(fs);
	int tree = mnt_fs_mount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, e);

	fd_pile_add(pile, &fs);
	return tree;
}
