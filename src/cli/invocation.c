/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invocation.c - what the command line asks for, and the files and sockets it names.
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/fd.h>
#include <hrun/log.h>
#include <hrun/str.h>
#include <hrun/unix.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LISTEN_FDS_MAX = 1 << 20 };

static int refuse_no_pivot(const struct policy *policy, struct err *e)
{
	if (policy->level == LEVEL_PRIVILEGED)
		return err_set(
			e, EPERM,
			"--no-pivot: hrun leaves the host's root by pivot_root at every level, since a chroot can "
			"be left; let it be used");
	return err_set(e, EPERM,
		       "hrun: baseline violation: flag-no-pivot: --no-pivot: a chroot can be left; let pivot_root be "
		       "used");
}

int invocation_check(struct command *command, const struct policy *policy, struct err *e)
{
	struct options *options = &command->options;

	if (options->no_pivot)
		return refuse_no_pivot(policy, e);
	if (options->cgroup_manager && str_equal(options->cgroup_manager, "disabled") &&
	    policy->level != LEVEL_PRIVILEGED)
		return err_set(e, EPERM,
			       "hrun: baseline violation: flag-cgroups-disabled: --cgroup-manager disabled: there "
			       "would be no limits and no device filter; use a cgroup");
#ifndef HRUN_MUTANT_NEW_KEYRING
	if (options->no_new_keyring && policy->level != LEVEL_PRIVILEGED) {
		log_debug("hardened: flag-no-new-keyring: --no-new-keyring is ignored: the container would share the "
			  "caller's session keyring");
		options->no_new_keyring = false;
	}
#endif
	return preserved_fds_check(options->preserve_fds, e);
}

/* sd_listen_fds(3): only where they were meant for this very process; a child of the one they were for has none. */
unsigned int listen_fds(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	uint64_t number;

	if (!pid || !count || str_to_u64(pid, INT_MAX, &number) < 0)
		return 0;
#ifndef HRUN_MUTANT_LISTEN_PID
	if (number != (uint64_t)getpid())
		return 0;
#endif
	return str_to_u64(count, LISTEN_FDS_MAX, &number) < 0 ? 0 : (unsigned int)number;
}

/* Connected before anything is made: a caller that is not there is found out while that costs nothing. */
int pidfd_connect(const struct options *options, int *ret_socket, struct err *e)
{
	*ret_socket = -1;
	if (!options->pidfd_socket)
		return 0;
	*ret_socket = unix_connect(options->pidfd_socket, SOCK_STREAM, e);
	return *ret_socket < 0 ? *ret_socket : 0;
}

int pidfd_send(int socket, int pidfd, struct err *e)
{
	static const char name[] = "pidfd";

	if (socket < 0)
		return 0;
	int r = unix_send(socket, name, sizeof name - 1, pidfd);
	return r < 0 ? err_set(e, -r, "send the pidfd over --pidfd-socket: %s", strerrordesc_np(-r)) : 0;
}

/* A directory on 0, 1 or 2 is a way out for the program that gets it (CVE-2024-21626). */
static int check_stdio(struct err *e)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		struct stat st;
		int flags = fcntl(fd, F_GETFL);
		if (flags < 0 || fstat(fd, &st) < 0)
			return err_errno(e, "look at descriptor %d", fd);
		if (flags & O_PATH || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode))
			return err_set(e, EPERM,
				       "descriptor %d, which the container's program would get, is a directory, a "
				       "block device or O_PATH; redirect it",
				       fd);
	}
	return 0;
}

int preserved_fds_check(unsigned int count, struct err *e)
{
	TRY(check_stdio(e));
	for (int fd = STDERR_FILENO + 1; fd < STDERR_FILENO + 1 + (int)count; fd++) {
		struct stat st;
		/* Our log file may have got the number of one that the caller forgot to open. */
		int flags = fd == log_descriptor() ? -1 : fcntl(fd, F_GETFL);
		if (flags < 0 || fstat(fd, &st) < 0)
			return err_set(e, EBADF, "option --preserve-fds %u: descriptor %d is not open", count, fd);
#ifndef HRUN_MUTANT_PRESERVE_FDS
		if (flags & O_PATH || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode))
			return err_set(e, EPERM,
				       "hrun: baseline violation: flag-preserve-fds: descriptor %d is a directory, a "
				       "block device or O_PATH; pass sockets, pipes and regular files only",
				       fd);
#endif
	}
	return 0;
}

int inherited_fds_check(struct options *options, struct err *e)
{
	options->listen_fds = listen_fds();
	options->preserve_fds += options->listen_fds;
	return preserved_fds_check(options->preserve_fds, e);
}

/* The directory of PATH, and its last component in *ret_name. */
static int open_parent(const char *path, const char **ret_name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char directory[4096];

	*ret_name = slash ? slash + 1 : path;
	if (!**ret_name || str_equal(*ret_name, ".") || str_equal(*ret_name, ".."))
		return err_set(e, EINVAL, "the pid file %s has no name", path);
	if (str_format(directory, sizeof directory, "%.*s", slash ? (int)(slash - path) + 1 : 2, slash ? path : "./") <
	    0)
		return err_set(e, ENAMETOOLONG, "the path of the pid file is too long");
	int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_errno(e, "open the directory of the pid file %s", path) : fd;
}

int pid_file_write(const char *path, pid_t pid, struct err *e)
{
	char digits[16], temporary[300];
	const char *name;
	autofd int directory = open_parent(path, &name, e);

	TRY(directory);
	/* The same name every time: what a killed hrun leaves is taken over by the next one. */
	if (str_format(temporary, sizeof temporary, ".%s.new", name) < 0)
		return err_set(e, ENAMETOOLONG, "the name of the pid file is too long");
	if (unlinkat(directory, temporary, 0) < 0 && errno != ENOENT)
		return err_errno(e, "remove %s", temporary);
	autofd int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_errno(e, "make the pid file %s", path);
	int length = str_format(digits, sizeof digits, "%d", pid);
	int r = fd_write_all(fd, digits, (size_t)length);
	if (r < 0)
		err_set(e, -r, "write the pid file %s: %s", path, strerrordesc_np(-r));
	else if (renameat(directory, temporary, directory, name) < 0)
		r = err_errno(e, "rename the pid file %s", path);
	if (r < 0)
		unlinkat(directory, temporary, 0);
	return r;
}

int console_connect(const struct options *options, bool terminal, bool detached, int *ret_socket, struct err *e)
{
	*ret_socket = -1;
	if (options->console_socket && !(terminal && detached))
		return err_set(e, EINVAL, "option --console-socket needs a detached container with process.terminal");
	if (!terminal || !detached)
		return 0;
	if (!options->console_socket)
		return err_set(e, EINVAL, "process.terminal is set: give --console-socket, or stay in the foreground");
	*ret_socket = unix_connect(options->console_socket, SOCK_STREAM, e);
	return *ret_socket < 0 ? *ret_socket : 0;
}
