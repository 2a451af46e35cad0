/* SPDX-License-Identifier: Apache-2.0 */
/*
 * erofs.c - a layer that is one file, which the kernel has mounted (containerd's snapshotter erofs).
 *
 * Times and inode numbers of its entries stand in the file, and say nothing about who changed what: what counts is the file, and that
 * this mount is one of it.  The kernel tells what was mounted by name only; nobody but root could have given another file that name,
 * and the number of a mount is given once.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_engine.h>
#include <hrun/mnt.h>
#include <hrun/mountinfo.h>
#include <hrun/str.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U /* Linux 6.8 */
#endif

/* The line of the mount whose top DIR is, which is an erofs; or NULL. */
static const struct mountinfo *find_mount(struct pool *pool, int dir)
{
	struct mountinfo *mounts;
	struct statfs fs;
	struct statx st;
	size_t count;

	if (fstatfs(dir, &fs) < 0 || fs.f_type != EROFS_SUPER_MAGIC_V1 ||
	    statx(dir, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0 || !(st.stx_mask & STATX_MNT_ID) ||
	    !(st.stx_attributes & STATX_ATTR_MOUNT_ROOT) || mountinfo_read(pool, &mounts, &count) < 0)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (mounts[i].id == st.stx_mnt_id && str_equal(mounts[i].root, "/"))
			return &mounts[i];
	}
	return NULL;
}

/* Nobody but root could have put something else where the mount is. */
static int open_directory(struct pool *pool, struct stored_layer *layer, struct err *e)
{
	const char *name = strrchr(layer->path, '/');
	const char *above = pool_strndup(pool, layer->path, (size_t)(name - layer->path));
	autofd int parent = store_open_path(pool, above, e);

	TRY(parent);
	layer->dir = openat(parent, name + 1, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return layer->dir < 0 ? err_errno(e, "open `%s`", layer->path) : 0;
}

/* The path of what is mounted; whoever mounted it may have named it by way of a link. */
static int find_image(struct pool *pool, const struct stored_layer *layer, const char **ret_image, struct err *e)
{
	const struct mountinfo *mount = find_mount(pool, layer->dir);

	if (!mount)
		return err_set(e, EINVAL, "`%s` is no mount of an erofs; unpack the image again", layer->path);
	if (str_starts(mount->source, "/dev/"))
		return err_set(
			e, EINVAL,
			"`%s` is mounted by way of `%s`, behind which nothing is compared; Linux 6.12 mounts the file "
			"itself, or use the snapshotter overlayfs",
			layer->path, mount->source);
	autofd int fd = mount->source[0] == '/' ? open(mount->source, O_PATH | O_CLOEXEC) : -EBADF;
	*ret_image = store_path_of(pool, fd);
	if (!*ret_image)
		return err_set(e, ENOENT, "`%s` is mounted of `%s`, which is not there; unpack the image again",
			       layer->path, mount->source);
	return 0;
}

int erofs_layer_open(struct pool *pool, struct stored_layer *ret, const char **ret_image, struct err *e)
{
	struct statx st;

	TRY(open_directory(pool, ret, e));
	TRY(find_image(pool, ret, ret_image, e));
	ret->image = store_open_path(pool, *ret_image, e);
	TRY(ret->image);
	if (statx(ret->dir, "", AT_EMPTY_PATH, STATX_MNT_ID_UNIQUE, &st) < 0 || !(st.stx_mask & STATX_MNT_ID_UNIQUE))
		return err_set(e, ENOSYS, "the mount `%s` has no number of its own: that needs Linux 6.8", ret->path);
	ret->mount = st.stx_mnt_id;
	return 0;
}

int erofs_layer_mount(const struct stored_layer *layer, struct err *e)
{
	char source[64];
	autofd int fs = mnt_fs_open("erofs", e);

	TRY(fs);
	TRY(str_format(source, sizeof source, "/proc/self/fd/%d", layer->image));
	TRY(mnt_fs_set(fs, "source", source, e));
	return mnt_fs_mount(fs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, e);
}
