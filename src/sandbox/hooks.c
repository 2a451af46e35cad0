/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hooks.c - programs that the config asks to run around the container (config.md#posix-platform-hooks).
 *
 * A hook gets the state object on stdin, its own environment and nothing else: neither the caller's nor
 * the container's (CVE-2025-23266).  It runs in a session of its own, so that a timeout ends all of it.
 * What it prints is kept for the error text; the container's own stdout and stderr stay clean.
 */
#include <fcntl.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/filter.h>
#include <hrun/proc.h>
#include <hrun/sandbox.h>
#include <hrun/spec.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct run {
	const struct hook_step *hook;
	const struct filter_plan *filter;
	int dir;
	int input;	/* the state object, at its start */
	int output[2];	/* pipe: what the hook prints */
	char tail[200]; /* the beginning of it */
	size_t tail_length;
};

/* A file in memory, not a pipe: a hook that does not read cannot block us. */
static int make_input(const struct hook_state *state, struct err *e)
{
	autofd int fd = memfd_create("state", MFD_CLOEXEC);
	char number[16];
	int r;

	if (fd < 0)
		return err_errno(e, "make a file for the state");
	snprintf(number, sizeof number, "%d", state->pid);
	r = fd_write_all(fd, state->text[0], strlen(state->text[0]));
	if (r >= 0 && state->text[1]) {
		r = fd_write_all(fd, number, strlen(number));
		r = r < 0 ? r : fd_write_all(fd, state->text[1], strlen(state->text[1]));
	}
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, EIO, "write the state for a hook");
	return TAKE_FD(fd);
}

/* Into the pipe that watch() reads: the reason becomes part of the error. */
static void __attribute__((noreturn)) hook_failed(int status, const char *what, const char *why)
{
	if (fd_write_all(STDERR_FILENO, what, strlen(what)) >= 0)
		fd_write_all(STDERR_FILENO, why, strlen(why));
	_exit(status);
}

/*
 * The very file that was judged, by descriptor.  A script's interpreter needs a name: who could exchange that
 * between the two calls is root, or the rules were told to let it be (hook-writable).
 */
static void execute(const struct hook_step *hook)
{
	struct stat st;

#ifdef HRUN_MUTANT_HOOK_ENVIRONMENT
	execve(hook->path, hook->args, environ);
#endif
	if (!hook->file.known) {
		execve(hook->path, hook->args, hook->env);
		return;
	}
	int fd = open(hook->path, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
#ifndef HRUN_MUTANT_HOOK_IDENTITY
	if (!file_identity_is(&hook->file, &st))
		hook_failed(127, "", "it is not the file that was judged when the container was created");
#endif
	execveat(fd, "", hook->args, hook->env, AT_EMPTY_PATH);
	if (errno == ENOENT)
		execve(hook->path, hook->args, hook->env);
}

static void __attribute__((noreturn)) hook_child(const struct run *run)
{
	struct err e = {0};
	sigset_t none;

	sigemptyset(&none);
	setsid();
	umask(022);
	if (run->dir >= 0 && fchdir(run->dir) < 0)
		_exit(126);
	if (dup2(run->input, 0) < 0 || dup2(run->output[1], 1) < 0 || dup2(run->output[1], 2) < 0)
		_exit(126);
	fd_cloexec_from(3, &e);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (run->filter && run->filter->program && filter_load(run->filter, &e) < 0)
		hook_failed(126, "", e.text);
	execute(run->hook);
	hook_failed(127, "execute it: ", strerrordesc_np(errno));
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Take what is there; the beginning is kept, the rest thrown away.  false at EOF. */
static bool drain(struct run *run)
{
	char buffer[512];
	ssize_t n = read(run->output[0], buffer, sizeof buffer);
	size_t room = sizeof run->tail - 1 - run->tail_length;

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	size_t keep = (size_t)n < room ? (size_t)n : room;
	memcpy(run->tail + run->tail_length, buffer, keep);
	run->tail_length += keep;
	return true;
}

/* Until the hook has ended: 0, or -ETIMEDOUT. */
static int wait_hook(struct run *run, int pidfd)
{
	long long deadline = run->hook->timeout_seconds ? now_ms() + run->hook->timeout_seconds * 1000LL : 0;
	struct pollfd fds[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = run->output[0], .events = POLLIN}};

	for (;;) {
		long long left = deadline ? deadline - now_ms() : -1;
		if (deadline && left <= 0)
			return -ETIMEDOUT;
		if (poll(fds, 2, left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents && !drain(run))
			fds[1].fd = -1;
		if (fds[0].revents)
			return 0;
	}
}

/* How it ended, as text; NULL for success. */
static const char *verdict_of(const struct run *run, int waited, int status, char *text, size_t size)
{
	if (waited == -ETIMEDOUT)
		snprintf(text, size, "it ran past its timeout of %d s and was killed", run->hook->timeout_seconds);
	else if (waited < 0)
		snprintf(text, size, "waiting for it failed: %s", strerrordesc_np(-waited));
	else if (WIFSIGNALED(status))
		snprintf(text, size, "killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		snprintf(text, size, "exit status %d", WEXITSTATUS(status));
	else
		return NULL;
	return text;
}

static int watch(struct run *run, pid_t pid, struct err *e)
{
	autofd int pidfd = proc_pidfd_open(pid);
	char text[96];
	int status = 0;

	int waited = pidfd < 0 ? pidfd : wait_hook(run, pidfd);
	if (waited < 0) {
#ifndef HRUN_MUTANT_HOOK_GROUP
		kill(-pid, SIGKILL);
#endif
		kill(pid, SIGKILL);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	fcntl(run->output[0], F_SETFL, O_NONBLOCK);
	while (run->tail_length < sizeof run->tail - 1 && drain(run) && errno != EAGAIN)
		;
	const char *failure = verdict_of(run, waited, status, text, sizeof text);
	if (!failure)
		return 0;
	run->tail[run->tail_length] = '\0';
	return err_set(e, ECANCELED, "`%s`: %s%s%s", run->hook->path, failure, *run->tail ? ", it said: " : "",
		       run->tail);
}

static int run_one(struct run *run, struct err *e)
{
	if (pipe2(run->output, O_CLOEXEC) < 0)
		return err_errno(e, "make a pipe for a hook");
	pid_t pid = fork();
	if (pid == 0)
		hook_child(run);
	fd_close(&run->output[1]);
	int r = pid < 0 ? err_errno(e, "start `%s`", run->hook->path) : watch(run, pid, e);
	fd_close(&run->output[0]);
	return r;
}

bool hooks_wait(const struct plan *plan)
{
	const struct hook_list *hooks = plan->hooks;

	/* createContainer and poststop: the record says that hooks have begun before the first one runs (creator.c). */
	return hooks[HOOK_PRESTART].count || hooks[HOOK_CREATE_RUNTIME].count || hooks[HOOK_CREATE_CONTAINER].count ||
	       hooks[HOOK_POSTSTOP].count;
}

/* The first failure ends the row; but after a container has ended every poststop hook has its turn. */
int hooks_apply(const struct hook_list *hooks, enum hook_kind kind, const struct hook_state *state, int dir,
		const struct filter_plan *filter, struct err *e)
{
	int worst = 0;

	for (size_t i = 0; i < hooks->count && (worst == 0 || kind == HOOK_POSTSTOP); i++) {
		struct err why;
		autofd int input = make_input(state, e);
		TRY(input);
		struct run run = {.hook = &hooks->item[i], .filter = filter, .dir = dir, .input = input};
		int r = run_one(&run, &why);
		if (r < 0 && worst == 0)
			worst = err_set(e, -r, "error running %s hook #%zu: %s", spec_hook_kind_name(kind), i,
					why.text);
	}
	return worst;
}

int hooks_run(const struct hook_list *hooks, enum hook_kind kind, const char *state, int dir, struct err *e)
{
	struct hook_state whole = {.text = {state, NULL}};

	return hooks_apply(hooks, kind, &whole, dir, NULL, e);
}
