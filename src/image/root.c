/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root.c - a file system in memory that nobody else has: what an image is unpacked into, and what its container then has as root.
 *
 * It is detached: it has no place in any mount namespace, and is gone when the last process that holds it is.  An ordinary
 * user's is made by a child in a user and a mount namespace of its own, which shares nothing with us but the descriptors.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image.h>
#include <hrun/mnt.h>
#include <hrun/str.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child has done; small enough for a pipe to take it whole. */
struct made {
	int result, mount, directory;
	struct err e;
};

static int make(const char *size, const char *label, int *ret_mount, int *ret_directory, struct err *e)
{
	autofd int fs = mnt_fs_open("tmpfs", e);

	TRY(fs);
	TRY(mnt_fs_set(fs, "mode", "0755", e));
	TRY(mnt_fs_set(fs, "size", size ? size : IMAGE_ROOT_SIZE, e));
	if (label)
		TRY(mnt_fs_set(fs, "context", label, e));
	autofd int mount = mnt_fs_mount(fs, MOUNT_ATTR_NODEV, e);
	TRY(mount);
	/* A descriptor of fsmount(2) is only a place. */
	*ret_directory = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_directory < 0)
		return err_errno(e, "open the root for the image");
	*ret_mount = TAKE_FD(mount);
	return 0;
}

static int write_map(const char *file, const char *text, struct err *e)
{
	int r = fd_write_file_at(AT_FDCWD, file, text);

	if (r >= 0)
		return 0;
	errno = -r;
	return err_errno(e, "write %s", file);
}

/* Root of a namespace that knows nobody but its caller. */
static int become_root(uid_t uid, gid_t gid, struct err *e)
{
	char text[32];

	TRY(write_map("/proc/self/setgroups", "deny", e));
	TRY(str_format(text, sizeof text, "0 %u 1", uid));
	TRY(write_map("/proc/self/uid_map", text, e));
	TRY(str_format(text, sizeof text, "0 %u 1", gid));
	return write_map("/proc/self/gid_map", text, e);
}

static int make_inside(const char *size, const char *label, int *ret_mount, int *ret_directory, struct err *e)
{
	struct made made = {.result = -EPIPE, .mount = -1, .directory = -1};
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int pair[2];

	if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_errno(e, "make a pipe");
	autofd int ours = pair[0], theirs = pair[1];
	long pid = syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		return err_errno(e, "make a user namespace for the image's files; an ordinary user needs it");
	if (pid == 0) {
		made.result = become_root(uid, gid, &made.e);
		if (made.result >= 0)
			made.result = make(size, label, &made.mount, &made.directory, &made.e);
		_exit(write(theirs, &made, sizeof made) == sizeof made ? 0 : 1);
	}
	/* Its descriptors are ours: none may be closed before it has ended. */
	while (waitpid((pid_t)pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (read(ours, &made, sizeof made) != sizeof made)
		return err_set(e, EPIPE, "the process that makes the root for the image was killed");
	*e = made.e;
	*ret_mount = made.mount;
	*ret_directory = made.directory;
	return made.result;
}

int image_root_make(const char *size, const char *label, int *ret_mount, int *ret_directory, struct err *e)
{
	int r = make(size, label, ret_mount, ret_directory, e);

	return r == -EPERM && geteuid() != 0 ? make_inside(size, label, ret_mount, ret_directory, e) : r;
}
