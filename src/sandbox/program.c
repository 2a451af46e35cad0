/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.c - the program that the container is for.
 *
 * It is looked up at create already, inside the finished root and with the rights of the container's own
 * user, so that a missing one fails there and not at start.
 */
#include <fcntl.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* 0, or why PATH cannot be executed by this process. */
static int check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return -EACCES;
	return 0;
}

/* The words that engines look for: a missing program is 127 to them, one that may not be run 126. */
static int explain(const char *name, int r, struct err *e)
{
	if (r == -ENOENT || r == -ENOTDIR)
		return err_set(e, ENOENT, "exec: \"%s\": executable file not found in $PATH: No such file or directory",
			       name);
	if (r == -EISDIR)
		return err_set(e, EACCES, "exec: \"%s\": is a directory: permission denied", name);
	if (r == -EACCES)
		return err_set(e, EACCES, "exec: \"%s\": not an executable file for this user: permission denied",
			       name);
	errno = -r;
	return err_errno(e, "exec: \"%s\"", name);
}

static int find_in_path(const char *name, const char *path, char *ret_path, size_t size)
{
	int worst = -ENOENT;

	for (const char *p = path;; p++) {
		size_t n = strcspn(p, ":");
		int r = str_format(ret_path, size, "%.*s/%s", n ? (int)n : 1, n ? p : ".", name);
		if (r >= 0)
			r = check_executable(ret_path);
		if (r == 0)
			return 0;
		if (r == -EACCES)
			worst = r; /* as execvp(3): go on, but remember */
		p += n;
		if (!*p)
			return worst;
	}
}

int program_find(const struct exec_plan *plan, char *ret_path, size_t size, struct err *e)
{
	const char *name = plan->args[0];
	const char *path = plan->path_variable ? plan->path_variable : default_path;
	int r;

	if (!*name)
		return err_set(e, EINVAL, "process.args[0]: the name of the program is empty");
	if (strchr(name, '/')) {
		r = str_format(ret_path, size, "%s", name);
		r = r < 0 ? r : check_executable(name);
	} else {
		r = find_in_path(name, path, ret_path, size);
	}
	return r < 0 ? explain(name, r, e) : 0;
}

/*
 * What the caller ignores stays ignored across execve; a service that was started with SIGPIPE or SIGHUP
 * ignored would pass that on.  Handlers end with execve; the realtime ones were reset by cli.c.
 */
static void reset_signals(uint64_t ignored)
{
	struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int signal = 1; signal < 32; signal++) {
		if (ignored >> (signal - 1) & 1)
			sigaction(signal, &standard, NULL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* 3 .. 3+N-1 go to the program, everything above is closed by execve. */
static int sort_descriptors(unsigned int preserve, struct err *e)
{
	for (unsigned int i = 0; i < preserve; i++) {
		if (fcntl((int)(3 + i), F_SETFD, 0) < 0)
			return err_errno(e, "--preserve-fds: descriptor %u", 3 + i);
	}
#ifdef HRUN_MUTANT_CLOEXEC
	return 0;
#endif
	return fd_cloexec_from(3 + preserve, e);
}

int program_execute(const struct plan *plan, const char *path, struct err *e)
{
	TRY(sort_descriptors(plan->exec.preserve_fds, e));
	reset_signals(plan->exec.ignored_signals);
	TRY(creds_seal(plan, e));
#ifdef HRUN_MUTANT_ENVIRONMENT
	execve(path, plan->exec.args, environ);
#endif
	execve(path, plan->exec.args, plan->exec.env);
	if (errno == ENOENT)
		return err_set(e, ENOENT,
			       "exec %s: no such file or directory; or it names an interpreter that is missing",
			       path); /* the words that are 127 to an engine */
	if (errno == E2BIG)
		return err_set(e, E2BIG, "exec: \"%s\": %s; shorten process.args and process.env", path,
			       strerrordesc_np(E2BIG));
	return err_errno(e, "exec: \"%s\"", path);
}
