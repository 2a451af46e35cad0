/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trial.c - what only a try can tell: a child in namespaces of its own tries it on mounts that are attached nowhere.
 *
 * Nothing of it can be seen from outside, and all of it ends with the child.
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/doctor_look.h>
#include <hrun/fd.h>
#include <hrun/mnt.h>
#include <hrun/str.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}

/* The one id that everybody may map: his own. */
static int map_self(pid_t pid, uid_t uid, gid_t gid)
{
	char name[64], text[32];

	TRY(str_format(name, sizeof name, "/proc/%d/setgroups", pid));
	TRY(fd_write_file_at(AT_FDCWD, name, "deny"));
	TRY(str_format(name, sizeof name, "/proc/%d/uid_map", pid));
	TRY(str_format(text, sizeof text, "0 %u 1", uid));
	TRY(fd_write_file_at(AT_FDCWD, name, text));
	TRY(str_format(name, sizeof name, "/proc/%d/gid_map", pid));
	TRY(str_format(text, sizeof text, "0 %u 1", gid));
	return fd_write_file_at(AT_FDCWD, name, text);
}

/* A user namespace with id 0 of ours in it, whose first process has ended by then. */
static int make_user_namespace(int *ret_errnum)
{
	char name[64], byte;
	int ready[2], go[2], fd = -ECHILD;

	*ret_errnum = TRIAL_UNKNOWN;
	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0) {
		close(go[1]);
		int error = unshare(CLONE_NEWUSER) < 0 ? errno : 0;
		(void)!write(ready[1], &error, sizeof error);
		_exit(read(go[0], &byte, 1) < 0);
	}
	autofd int ready_read = ready[0], ready_write = ready[1], go_read = go[0], go_write = go[1];
	fd_close(&ready_write);
	fd_close(&go_read);
	if (pid > 0 && read(ready_read, ret_errnum, sizeof *ret_errnum) == sizeof *ret_errnum && *ret_errnum == 0) {
		if (map_self(pid, 0, 0) == 0 && str_format(name, sizeof name, "/proc/%d/ns/user", pid) >= 0)
			fd = open(name, O_RDONLY | O_CLOEXEC);
	}
	fd_close(&go_write);
	if (pid > 0)
		wait_for(pid);
	return fd;
}

static void try_mounts(int ret_errnum[TRIALS], int namespace)
{
	struct err e = {0};
	autofd int fs = mnt_fs_open("tmpfs", &e);
	autofd int mount = fs < 0 ? fs : mnt_fs_mount(fs, 0, &e);
	autofd int root = open("/", O_PATH | O_CLOEXEC), clone = -EBADF;

	ret_errnum[TRIAL_MOUNT_API] = mount < 0 ? -mount : 0;
	if (mount < 0)
		return;
	ret_errnum[TRIAL_MOUNT_SETATTR] = -mnt_setattr(mount, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, 0, true, &e);
	if (namespace < 0)
		return;
	ret_errnum[TRIAL_IDMAP] = -mnt_idmap(mount, namespace, false, &e);
	if (ret_errnum[TRIAL_IDMAP] == 0 || root < 0)
		return;
	/* Memory can be shown so since Linux 6.3 only; file systems of disks could before. */
	clone = mnt_clone(root, false, &e);
	if (clone >= 0)
		ret_errnum[TRIAL_IDMAP] = -mnt_idmap(clone, namespace, false, &e);
}

static void try_all(int ret_errnum[TRIALS])
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (uid != 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
			ret_errnum[TRIAL_USER_NAMESPACE] = errno;
			return;
		}
		if (map_self(getpid(), uid, gid) < 0)
			return;
	} else if (unshare(CLONE_NEWNS) < 0) {
		ret_errnum[TRIAL_MOUNT_API] = errno;
		return;
	}
	autofd int namespace = make_user_namespace(&ret_errnum[TRIAL_USER_NAMESPACE]);
	try_mounts(ret_errnum, namespace);
}

void doctor_try(int ret_errnum[TRIALS])
{
	const size_t size = TRIALS * sizeof *ret_errnum;
	int found[TRIALS], ends[2];

	for (int i = 0; i < TRIALS; i++)
		ret_errnum[i] = found[i] = TRIAL_UNKNOWN;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	autofd int input = ends[0], output = ends[1];
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		try_all(found);
		_exit(fd_write_all(output, found, size) < 0);
	}
	fd_close(&output);
	if (pid > 0 && fd_read_all(input, found, size) == (ssize_t)size)
		memcpy(ret_errnum, found, size);
	if (pid > 0)
		wait_for(pid);
}
