/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root.c - a file system in memory that nobody else has: what an image is unpacked into, and what its container then has as root.
 *
 * It is detached: it has no place in any mount namespace, and is gone when the last process that holds it is.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image.h>
#include <hrun/mnt.h>
#include <hrun/str.h>
#include <sys/mount.h>

int image_root_make(const char *size, int *ret_mount, int *ret_directory, struct err *e)
{
	autofd int fs = mnt_fs_open("tmpfs", e);

	TRY(fs);
	TRY(mnt_fs_set(fs, "mode", "0755", e));
	TRY(mnt_fs_set(fs, "size", size ? size : IMAGE_ROOT_SIZE, e));
	autofd int mount = mnt_fs_mount(fs, MOUNT_ATTR_NODEV, e);
	TRY(mount);
	/* A descriptor of fsmount(2) is only a place. */
	*ret_directory = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_directory < 0)
		return err_errno(e, "open the root for the image");
	*ret_mount = TAKE_FD(mount);
	return 0;
}
