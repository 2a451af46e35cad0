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

bool erofs_holds(int dir)
{
	struct statfs fs;

	return fstatfs(dir, &fs) == 0 && fs.f_type == EROFS_SUPER_MAGIC_V1;
}

/* The line of the mount whose top DIR is, which is an erofs; or NULL. */
static const struct mountinfo *find_mount(const struct mountinfo *mounts, size_t count, int dir)
{
	struct statx st;

	if (!erofs_holds(dir) || statx(dir, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0 ||
	    !(st.stx_mask & STATX_MNT_ID) || !(st.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return NULL;
	for (size_t i = 0; i < count; i++) {
		if (mounts[i].id == st.stx_mnt_id && str_equal(mounts[i].root, "/"))
			return &mounts[i];
	}
	return NULL;
}

int erofs_layer_open(struct pool *pool, struct stored_layer *layer, struct err *e)
{
	const char *name = strrchr(layer->path, '/');
	const char *above = pool_strndup(pool, layer->path, (size_t)(name - layer->path));
	autofd int parent = store_open_path(pool, above, e);

	TRY(parent);
	layer->dir = openat(parent, name + 1, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return layer->dir < 0 ? err_errno(e, "open `%s`", layer->path) : 0;
}

/* Whoever mounted it may have named it by way of a link. */
static const char *path_of_source(struct pool *pool, const struct mountinfo *mount)
{
	autofd int fd = mount->source[0] == '/' ? open(mount->source, O_PATH | O_CLOEXEC) : -EBADF;

	return store_path_of(pool, fd);
}

const char *erofs_image_of(struct pool *pool, const struct mountinfo *mounts, size_t count, int dir)
{
	const struct mountinfo *mount = find_mount(mounts, count, dir);

	return mount ? path_of_source(pool, mount) : NULL;
}

/* The path of what is mounted. */
static int find_image(struct pool *pool, const struct mountinfo *mounts, size_t count, const struct stored_layer *layer,
		      const char **ret_image, struct err *e)
{
	const struct mountinfo *mount = find_mount(mounts, count, layer->dir);

	if (!mount)
		return err_set(e, EINVAL, "`%s` is no mount of an erofs; unpack the image again", layer->path);
	if (str_starts(mount->source, "/dev/"))
		return err_set(
			e, EINVAL,
			"`%s` is mounted by way of `%s`, behind which nothing is compared; Linux 6.12 mounts the file "
			"itself, or use the snapshotter overlayfs",
			layer->path, mount->source);
	*ret_image = path_of_source(pool, mount);
	if (!*ret_image)
		return err_set(e, ENOENT, "`%s` is mounted of `%s`, which is not there; unpack the image again",
			       layer->path, mount->source);
	return 0;
}

int erofs_layer_open_image(struct pool *pool, const struct mountinfo *mounts, size_t count, struct stored_layer *ret,
			   const char **ret_image, struct err *e)
{
	struct statx st;

	TRY(find_image(pool, mounts, count, ret, ret_image, e));
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
