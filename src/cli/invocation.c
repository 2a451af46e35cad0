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

enum { LISTEN_FDS_MAX = 1 << 20, HOST_FDS_MAX = 8 };

void invocation_read(struct command *command, bool is_exec)
{
	const struct options *options = &command->options;

	command->invocation.is_exec = is_exec;
	command->invocation.no_pivot = options->no_pivot;
	command->invocation.no_new_keyring = options->no_new_keyring;
	/* exec takes the cgroup from the record, whatever the flag says. */
	command->invocation.cgroups_disabled =
		!is_exec && options->cgroup_manager && str_equal(options->cgroup_manager, "disabled");
}

int invocation_apply(struct command *command, const struct verdict *verdict, struct err *e)
{
	struct options *options = &command->options;

	if (options->no_pivot)
		return err_set(
			e, EPERM,
			"--no-pivot: hrun leaves the host's root by pivot_root at every level, since a chroot can "
			"be left; let it be used");
	bool own_keyring = verdict_hardens(verdict, "flag-no-new-keyring");
#ifdef HRUN_MUTANT_NEW_KEYRING
	own_keyring = false;
#endif
	options->no_new_keyring = options->no_new_keyring && !own_keyring;
	return 0;
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

static bool leads_to_the_host(int flags, const struct stat *st)
{
#ifdef HRUN_MUTANT_PRESERVE_FDS
	return false;
#endif
	return flags & O_PATH || S_ISDIR(st->st_mode) || S_ISBLK(st->st_mode);
}

static void add_host_fd(struct command *command, int fd)
{
	struct invocation *invocation = &command->invocation;
	int *fds = pool_alloc(&command->pool, (invocation->host_fd_count + 1) * sizeof *fds);

	for (size_t i = 0; i < invocation->host_fd_count; i++)
		fds[i] = invocation->host_fds[i];
	fds[invocation->host_fd_count++] = fd;
	invocation->host_fds = fds;
}

/* A directory among them is a way out for the program that gets it (CVE-2024-21626); 0, 1 and 2 are always passed. */
int preserved_fds_look(struct command *command, struct err *e)
{
	unsigned int count = command->options.preserve_fds;

	for (int fd = STDIN_FILENO; fd < STDERR_FILENO + 1 + (int)count; fd++) {
		struct stat st;
		/* Our log file may have got the number of one that the caller forgot to open. */
		int flags = fd == log_descriptor() ? -1 : fcntl(fd, F_GETFL);
		if (flags < 0 || fstat(fd, &st) < 0)
			return err_set(e, EBADF, "option --preserve-fds %u: descriptor %d is not open", count, fd);
		/* The first few tell enough. */
		if (leads_to_the_host(flags, &st) && command->invocation.host_fd_count < HOST_FDS_MAX)
			add_host_fd(command, fd);
	}
	return 0;
}

int inherited_fds_look(struct command *command, struct err *e)
{
	command->options.listen_fds = listen_fds();
	command->options.preserve_fds += command->options.listen_fds;
	return preserved_fds_look(command, e);
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
	if (fd < 0) {
		err_errno(e, "open the directory of the pid file %s", path);
		return err_advise(e, "make it first");
	}
	return fd;
}

static int cannot_make_pid_file(const char *path, struct err *e)
{
	err_errno(e, "make the pid file %s", path);
	return err_advise(e, "name a file in a directory that this user may write");
}

int pid_file_write(const char *path, pid_t pid, struct err *e)
{
	char digits[16], temporary[300];
	const char *name;
	autofd int directory = open_parent(path, &name, e);

	TRY(directory);
#ifdef HRUN_MUTANT_PID_FILE
	autofd int followed = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return followed < 0 || dprintf(followed, "%d", pid) < 0 ? err_errno(e, "write %s", path) : 0;
#endif
	/* The same name every time: what a killed hrun leaves is taken over by the next one. */
	if (str_format(temporary, sizeof temporary, ".%s.new", name) < 0)
		return err_set(e, ENAMETOOLONG, "the name of the pid file is too long");
	if (unlinkat(directory, temporary, 0) < 0 && errno != ENOENT)
		return cannot_make_pid_file(path, e);
	autofd int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return cannot_make_pid_file(path, e);
	int length = str_format(digits, sizeof digits, "%d", pid);
	int r = fd_write_all(fd, digits, (size_t)length);
	if (r < 0)
		err_set(e, -r, "write the pid file %s: %s", path, strerrordesc_np(-r));
	else if (renameat(directory, temporary, directory, name) < 0)
		r = cannot_make_pid_file(path, e);
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
