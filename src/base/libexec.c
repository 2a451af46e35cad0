/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libexec.c - hrun's own programs under libexec: found, judged and started by descriptor.
 *
 * What is judged is what is executed.  The environment is never asked where they are, and they get none.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/libexec.h>
#include <hrun/path.h>
#include <hrun/proc.h>
#include <hrun/str.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef HRUN_LIBEXEC
#error "HRUN_LIBEXEC: the directory of hrun's libexec programs"
#endif

enum { SOCKET = 3, LOST = 127 };

/* Whoever may change hrun's own file needs no other way in. */
static uid_t owner_of_hrun(void)
{
	struct stat st;

	return stat("/proc/self/exe", &st) == 0 ? st.st_uid : 0;
}

static int check_owner(int fd, const char *what, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(e, "look at `%s`", what);
#ifdef HRUN_MUTANT_LIBEXEC_OWNER
	return 0;
#endif
	if (geteuid() != 0)
		return 0; /* with nobody else's rights */
	if (st.st_uid != 0 && st.st_uid != owner_of_hrun())
		return err_set(e, EPERM, "`%s` belongs to uid %u; chown it to root", what, (unsigned int)st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(e, EPERM, "`%s` may be written by others; chmod go-w", what);
	return 0;
}

/* The kernel's own answer, security modules asked; after the fork there would be nobody left to tell why. */
static int check_executable(int fd, const char *directory, const char *name, struct err *e)
{
	if (faccessat(fd, "", X_OK, AT_EMPTY_PATH | AT_EACCESS) < 0 && errno == EACCES)
		return err_set(e, EACCES,
			       "`%s/%s` may not be executed; chmod 755, no noexec mount, and with SELinux a type that "
			       "container engines may execute: chcon -t bin_t",
			       directory, name);
	return 0;
}

static int open_in(const char *directory, const char *name, struct err *e)
{
	autofd int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (dir < 0)
		return -errno;
	autofd int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, EPERM, "`%s/%s` is not a regular file; install hrun again", directory, name);
	TRY(check_owner(dir, directory, e));
	TRY(check_owner(fd, name, e));
	TRY(check_executable(fd, directory, name, e));
	return TAKE_FD(fd);
}

/* build/hrun -> build */
static bool cut_name(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
	return slash != NULL;
}

/* Does our own file lie in DIRECTORY?  A copy in memory (self.c) lies nowhere, and is only made where there is no privilege. */
static bool is_own_directory(const char *directory)
{
	char path[PATH_MAX];
	struct stat own, there;

#ifdef HRUN_MUTANT_LIBEXEC_NAME
	return true;
#endif
	if (stat("/proc/self/exe", &own) < 0)
		return false;
	if (own.st_nlink == 0)
		return true;
	return str_format(path, sizeof path, "%s/hrun", directory) >= 0 && stat(path, &there) == 0 &&
	       fd_is_same_stat(&there, &own);
}

/*
 * build/hrun -> build/libexec/hrun; "" where nobody knows.  create and run have executed themselves again from a file that has no path
 * (self.c), and are called by the path that it had: this is anybody's to say, and so it is asked whether our file is there.
 */
static void find_beside(char *directory, size_t size)
{
	char own[PATH_MAX], called[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);

	directory[0] = '\0';
	own[n > 0 ? n : 0] = '\0';
	if (program_invocation_name[0] == '/' &&
	    str_format(called, sizeof called, "%s", program_invocation_name) >= 0 && cut_name(called) &&
	    is_own_directory(called))
		str_format(directory, size, "%s/libexec/hrun", called);
	else if (cut_name(own))
		str_format(directory, size, "%s/libexec/hrun", own);
}

static bool is_absent(int error)
{
	return error == -ENOENT || error == -ENOTDIR;
}

int libexec_find(const char *name, const char *dir, struct err *e)
{
	char beside[PATH_MAX];
	int fd = -ENOENT;

	*e = (struct err){0};
	if (!dir) {
		find_beside(beside, sizeof beside);
		if (beside[0])
			fd = open_in(beside, name, e);
	}
	if (is_absent(fd))
		fd = open_in(dir ? dir : HRUN_LIBEXEC, name, e);
	if (fd >= 0 || e->errnum)
		return fd;
	return err_set(e, -fd, "the program %s is missing in %s; install hrun with `make install`", name,
		       dir ? dir : HRUN_LIBEXEC);
}

/* In the child.  Only calls that are safe after fork; what fails ends it, and its parent sees that no answer comes. */
static _Noreturn void become(int program, char *name, int socket)
{
	char *const argv[] = {name, NULL}, *const none[] = {NULL};
	sigset_t empty;

	sigemptyset(&empty);
	sigprocmask(SIG_SETMASK, &empty, NULL);
	/* Whose reader is gone has an errno, and still says why it stops. */
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* Both move out of the way of 0 to 3 first. */
	int high_socket = fcntl(socket, F_DUPFD_CLOEXEC, SOCKET + 1);
	int high_program = fcntl(program, F_DUPFD_CLOEXEC, SOCKET + 1);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (high_socket < 0 || high_program < 0 || null < 0 || chdir("/") < 0)
		_exit(LOST);
	for (int fd = 0; fd < SOCKET; fd++) {
#ifdef __SANITIZE_ADDRESS__
		if (fd == STDERR_FILENO)
			continue; /* for what the sanitizers find */
#endif
		if (dup2(null, fd) < 0)
			_exit(LOST);
	}
	if (dup2(high_socket, SOCKET) < 0 || close_range(SOCKET + 1, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		_exit(LOST);
	execveat(high_program, "", argv, none, AT_EMPTY_PATH);
	_exit(LOST);
}

static int start(int program, const char *name, int socket, pid_t *ret_pid, int *ret_pidfd, struct err *e)
{
	char copy[64];

	TRY(str_format(copy, sizeof copy, "%s", name));
	pid_t pid = fork();
	if (pid < 0)
		return err_errno(e, "start %s", name);
	if (pid == 0)
		become(program, copy, socket);
	*ret_pidfd = proc_pidfd_open(pid);
	if (*ret_pidfd < 0) {
		int r = err_set(e, -*ret_pidfd, "watch %s", name);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return r;
	}
	*ret_pid = pid;
	return 0;
}

int libexec_run(const char *name, const char *dir, int *ret_socket, pid_t *ret_pid, int *ret_pidfd, struct err *e)
{
	/* Requests and answers are larger than what a socket takes without it; who may not have as much gets what he may. */
	const int buffer = 1 << 20;
	int pair[2];

	autofd int program = libexec_find(name, dir, e);
	TRY(program);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, "make a socket for %s", name);
	autofd int ours = pair[0], theirs = pair[1];
	setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
	setsockopt(theirs, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
	TRY(start(program, name, theirs, ret_pid, ret_pidfd, e));
	*ret_socket = TAKE_FD(ours);
	return 0;
}

int libexec_reap(pid_t pid, int pidfd)
{
	int status = 0;

	proc_pidfd_signal(pidfd, SIGKILL);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return status;
}
