/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apart.c - a profile compiled by a process of its own, which may take so much time and no more.
 *
 * Eight rules of four conditions each keep libseccomp busy for hours: it lays out every order in which conditions can
 * fail.  No count of rules or conditions tells which profile does that, and a library cannot be interrupted.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/filter_compile.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMPILE_SECONDS = 5 }; /* of processor time; engines' profiles take some hundredths of one */

struct answer {
	int result;
	size_t length; /* instructions; they follow */
	struct err error;
};

static _Noreturn void compile_here(struct pool *pool, const struct config_seccomp *seccomp, int output)
{
	const struct rlimit limit = {COMPILE_SECONDS, COMPILE_SECONDS};
	struct answer answer = {0};
	const struct sock_filter *program = NULL;

	/* A lower limit of the caller's stays. */
	setrlimit(RLIMIT_CPU, &limit);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	answer.result = filter_compile(pool, seccomp, &program, &answer.length, &answer.error);
	if (answer.result < 0)
		answer.length = 0;
	if (fd_write_all(output, &answer, sizeof answer) < 0)
		_exit(1);
	_exit(fd_write_all(output, program, answer.length * sizeof *program) < 0);
}

static int take(struct pool *pool, int input, const struct sock_filter **ret_program, size_t *ret_length, struct err *e)
{
	struct answer answer;

	if (fd_read_all(input, &answer, sizeof answer) != (ssize_t)sizeof answer || answer.length > BPF_MAXINSNS)
		return err_set(e, E2BIG,
			       "linux.seccomp: not compiled within %d seconds: use fewer rules with several args",
			       COMPILE_SECONDS);
	if (answer.result < 0) {
		*e = answer.error;
		return answer.result;
	}
	size_t size = answer.length * sizeof **ret_program;
	struct sock_filter *program = pool_alloc(pool, size);
	if (fd_read_all(input, program, size) != (ssize_t)size)
		return err_set(e, EIO, "linux.seccomp: the process that compiled it ended early");
	*ret_program = program;
	*ret_length = answer.length;
	return 0;
}

int filter_compile_apart(struct pool *pool, const struct config_seccomp *seccomp,
			 const struct sock_filter **ret_program, size_t *ret_length, struct err *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, "linux.seccomp: make a pipe");
	autofd int input = ends[0], output = ends[1];
	pid_t pid = fork();
	if (pid < 0)
		return err_errno(e, "linux.seccomp: start a process to compile it");
	if (pid == 0)
		compile_here(pool, seccomp, output);
	fd_close(&output);
	int r = take(pool, input, ret_program, ret_length, e);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}
