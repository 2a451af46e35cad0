/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root_file.c - a container does not get the EROFS image that it is mounted from to write to.
 *
 * The kernel reads the file for as long as the container lives, so that whoever writes there changes what was verified.  A mount
 * gives it away where its directory is the file, holds it or lies above; directories are told apart by device and inode, so
 * that it does not matter by which mount they are reached.
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* Nobody can write to a file with fs-verity, and what is put in its place is another file. */
static bool has_verity(const struct bundle *bundle)
{
	struct statx stx;

	return statx(bundle->root_file, "", AT_EMPTY_PATH, 0, &stx) == 0 && stx.stx_attributes & STATX_ATTR_VERITY;
}

/* A directory can be its own parent's twin by a bind mount; only where the mount is the same as well is it "/". */
static int is_top(int dir, int parent)
{
	struct statx a, b;

	if (statx(dir, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &a) < 0 ||
	    statx(parent, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &b) < 0)
		return -errno;
	return a.stx_mnt_id == b.stx_mnt_id && a.stx_ino == b.stx_ino && a.stx_dev_major == b.stx_dev_major &&
	       a.stx_dev_minor == b.stx_dev_minor;
}

/* The directory of the very file that will be mounted. */
static int open_place(struct pool *pool, const struct bundle *bundle)
{
	const char *path = bundle->config->root.path, *slash = strrchr(path, '/');
	const char *place = slash ? pool_strndup(pool, path, (size_t)(slash - path)) : ".";

	autofd int dir = openat(bundle->dir, *place ? place : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	int named = fd_is_named(dir, slash ? slash + 1 : path, bundle->root_file);
	return named > 0 ? TAKE_FD(dir) : named < 0 ? named : -ESTALE;
}

/* 1: what GIVEN is open on is the file, or one of the directories above it. */
static int holds_root_file(struct pool *pool, const struct bundle *bundle, int given)
{
	struct stat wanted, st;

	if (fstat(given, &wanted) < 0)
		return -errno;
	if (fd_is_same_stat(&wanted, &bundle->root_file_stat))
		return 1;
	autofd int dir = open_place(pool, bundle);
	for (int top = 0; dir >= 0 && !top;) {
		if (fstat(dir, &st) < 0)
			return -errno;
		if (fd_is_same_stat(&wanted, &st))
			return 1;
		autofd int parent = openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		top = parent < 0 ? -errno : is_top(dir, parent);
		if (top < 0)
			return top;
		fd_close(&dir);
		dir = TAKE_FD(parent);
	}
	return dir < 0 ? dir : 0;
}

/* A plain `ro` leaves the mounts below the top as they are. */
static bool is_read_only(const struct mount_step *step)
{
	if (step->recursive_attr_set & MOUNT_ATTR_RDONLY)
		return !(step->attr_clear & MOUNT_ATTR_RDONLY);
	return !step->recursive && step->attr_set & MOUNT_ATTR_RDONLY &&
	       !(step->recursive_attr_clear & MOUNT_ATTR_RDONLY);
}

static int check(struct pool *pool, const struct bundle *bundle, const struct mount_step *step, const char *what,
		 int given, struct err *e)
{
	int r = given >= 0 ? holds_root_file(pool, bundle, given) : 0;

	if (r < 0)
		return err_set(e, -r, "%s: is the root's file in it? Its directories cannot be walked: %s", step->where,
			       strerrordesc_np(-r));
#ifdef HRUN_MUTANT_EROFS_WRITABLE
	return 0;
#endif
	if (r)
		return err_set(e, EPERM,
			       "%s.%s: the container could write to the EROFS image that it is mounted from; mount it "
			       "read-only (rro), keep the image elsewhere, or give it fs-verity",
			       step->where, what);
	return 0;
}

int plan_spare_root_file(struct pool *pool, const struct bundle *bundle, const struct mount_step *step, struct err *e)
{
	if (!bundle->root_is_file || has_verity(bundle))
		return 0;
	if (step->kind == MOUNT_BIND)
		return is_read_only(step) ? 0 : check(pool, bundle, step, "source", step->source_fd, e);
	for (size_t i = 0; i < step->data_count; i++) {
		if (str_equal(step->data[i].key, "upperdir"))
			TRY(check(pool, bundle, step, "options: upperdir", step->data[i].fd, e));
	}
	return 0;
}
