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
#include <string.h>
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

/* At the first limit SIGXCPU says why, the second one nobody can ignore.  Lower ones of the caller stay. */
static struct rlimit time_limit(void)
{
	struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

	getrlimit(RLIMIT_CPU, &limit);
	if (limit.rlim_cur > COMPILE_SECONDS)
		limit.rlim_cur = COMPILE_SECONDS;
	if (limit.rlim_max > limit.rlim_cur + 1)
		limit.rlim_max = limit.rlim_cur + 1;
	return limit;
}

static _Noreturn void compile_here(struct pool *pool, const struct config_seccomp *seccomp, const struct rlimit *limit,
				   int output)
{
	const struct rlimit no_core = {0};
	sigset_t over;
	struct answer answer = {0};
	const struct sock_filter *program = NULL;

	setrlimit(RLIMIT_CPU, limit);
	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGXCPU, SIG_DFL);
	sigemptyset(&over);
	sigaddset(&over, SIGXCPU);
	sigprocmask(SIG_UNBLOCK, &over, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	answer.result = filter_compile(pool, seccomp, &program, &answer.length, &answer.error);
	if (answer.result < 0)
		answer.length = 0;
	if (fd_write_all(output, &answer, sizeof answer) < 0)
		_exit(1);
	_exit(fd_write_all(output, program, answer.length * sizeof *program) < 0);
}

/* False where that is no whole answer; *answer is all zero then. */
static bool take(struct pool *pool, int input, struct answer *answer, const struct sock_filter **ret_program)
{
	if (fd_read_all(input, answer, sizeof *answer) == (ssize_t)sizeof *answer && answer->length <= BPF_MAXINSNS) {
		size_t size = answer->length * sizeof **ret_program;
		struct sock_filter *program = pool_alloc(pool, size);
		*ret_program = program;
		if (fd_read_all(input, program, size) == (ssize_t)size)
			return true;
		*ret_program = NULL;
	}
	*answer = (struct answer){0};
	return false;
}

/* The process PID has not answered: why? */
static int explain_end(pid_t pid, int status, const struct rusage *used, const struct rlimit *limit, struct err *e)
{
	long ms = (used->ru_utime.tv_sec + used->ru_stime.tv_sec) * 1000 +
		  (used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1000;

	if (pid < 0)
		return err_set(e, EIO, "linux.seccomp: not compiled, and why cannot be told while SIGCHLD is ignored");
	/* A hard limit no higher than the soft one comes without SIGXCPU, and the kernel counts ticks: MS may be some less. */
	bool is_over = (rlim_t)ms >= limit->rlim_cur * 750;
	if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || (WTERMSIG(status) == SIGKILL && is_over)))
		return err_set(e, E2BIG, "linux.seccomp: not compiled within %lu s: use fewer rules with several args",
			       (unsigned long)limit->rlim_cur);
	if (WIFSIGNALED(status))
		return err_set(e, EIO,
			       "linux.seccomp: not compiled: signal %d (%s) ended the process that does it after "
			       "%ld ms of %lu s: use fewer rules with several args, or see the kernel's log",
			       WTERMSIG(status), strsignal(WTERMSIG(status)), ms, (unsigned long)limit->rlim_cur);
	return err_set(e, EIO, "linux.seccomp: not compiled: the process that does it ended with exit status %d",
		       WEXITSTATUS(status));
}

int filter_compile_apart(struct pool *pool, const struct config_seccomp *seccomp,
			 const struct sock_filter **ret_program, size_t *ret_length, struct err *e)
{
	const struct rlimit limit = time_limit();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, "linux.seccomp: make a pipe");
	autofd int input = ends[0], output = ends[1];
	pid_t pid = fork();
	if (pid < 0)
		return err_errno(e, "linux.seccomp: start a process to compile it");
	if (pid == 0)
		compile_here(pool, seccomp, &limit, output);
	fd_close(&output);
	struct answer answer;
	bool is_whole = take(pool, input, &answer, ret_program);
	fd_close(&input);
	struct rusage used = {0};
	int status = 0;
	pid_t ended;
	while ((ended = wait4(pid, &status, 0, &used)) < 0 && errno == EINTR)
		;
	if (!is_whole)
		return explain_end(ended, status, &used, &limit, e);
	*ret_length = answer.length;
	if (answer.result < 0)
		*e = answer.error;
	return answer.result;
}
