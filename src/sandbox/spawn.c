/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn.c - one new process in exactly these namespaces and this cgroup.
 *
 * A pid namespace is entered only at birth, and whoever calls setns(2) for it changes what its own
 * children are.  So namespaces are joined by a borrowed body: a child that shares our memory and
 * descriptors (CLONE_VM|CLONE_VFORK|CLONE_FILES), enters them, makes the real child with CLONE_PARENT and
 * is gone.  The child is ours, its pid, pidfd and any errno are in our memory, and we never left
 * our namespaces.
 *
 * DANGER: while the body lives it runs on our memory.  The process is single-threaded, all
 * signals are blocked, and the body touches nothing but its struct.
 */
#include <fcntl.h>
#include <hrun/cgroup_dir.h>
#include <hrun/fd.h>
#include <hrun/proc.h>
#include <hrun/spawn.h>
#include <hrun/str.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BODY_STACK = 64 * 1024 };

struct body {
	const struct spawn *how;
	void (*child)(void *);
	void *argument;
	int cgroup;	      /* to be born in: how->cgroup or -1 */
	uint64_t extra_flags; /* CLONE_PARENT in the borrowed body */
	pid_t pid;
	int pidfd;
	int errnum;	   /* of the step that failed, 0: none */
	const char *tried; /* what failed, static */
	size_t failed_join;
};

/* fork(2) with namespaces, cgroup and pidfd: clone3(2).  In the child it does not return. */
static void make_child(struct body *body)
{
	const struct spawn *how = body->how;
	struct clone_args args = {
		.flags = how->create | body->extra_flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&body->pidfd,
		/* With CLONE_PARENT the signal is the body's own, which is SIGCHLD as well. */
		.exit_signal = body->extra_flags & CLONE_PARENT ? 0 : SIGCHLD,
	};

	if (body->cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned int)body->cgroup;
	}
	long pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0) {
		body->child(body->argument);
		_exit(1);
	}
	if (pid < 0) {
		body->errnum = errno;
		body->tried = "make a process in new namespaces";
	}
	body->pid = (pid_t)pid;
}

static bool join_all(struct body *body)
{
	const struct spawn *how = body->how;

	for (size_t i = 0; i < how->join_count; i++) {
		if (setns(how->join[i], 0) < 0) {
			body->errnum = errno;
			body->tried = "join a namespace by path";
			body->failed_join = i;
			return false;
		}
	}
	if (how->join_pidfd >= 0 && setns(how->join_pidfd, how->join_types) < 0) {
		body->errnum = errno;
		body->tried = "join the namespaces of the container's init";
		return false;
	}
	return true;
}

static int borrowed_body(void *argument)
{
	struct body *body = argument;

	if (join_all(body))
		make_child(body);
	return 0;
}

/* Not on our own stack: the frames below us must survive the body's calls. */
static int run_borrowed(struct body *body, struct err *e)
{
	static _Alignas(16) char stack[BODY_STACK];

	body->extra_flags = CLONE_PARENT;
	int pid = clone(borrowed_body, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, body);
	if (pid < 0)
		return err_errno(e, "make a process to join namespaces");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	/* Killed on its way; a child that it may have made sees EOF and ends. */
	if (!body->errnum && body->pid <= 0)
		return err_set(e, ECHILD, "the process that joins the namespaces was killed");
	return 0;
}

/* The number in FILE; false where there is none: no such controller here, the root, or "max". */
static bool read_number(int cgroup, const char *file, uint64_t *ret)
{
	char text[24];

	if (cgroup_dir_read(cgroup, file, text, sizeof text) <= 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return str_to_u64(text, UINT64_MAX, ret) == 0;
}

/* Is there one process more than CGROUP, or one above it, may hold?  A fork would have failed, a move does not. */
static bool is_overfull(int cgroup)
{
	enum { DEEPEST = 64 };
	autofd int dir = openat(cgroup, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	for (int depth = 0; depth < DEEPEST && dir >= 0 && fstatfs(dir, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
	     depth++) {
		uint64_t count, max;
		if (read_number(dir, "pids.current", &count) && read_number(dir, "pids.max", &max) && count > max)
			return true;
		int above = openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		fd_close(&dir);
		dir = above;
	}
	return false;
}

/*
 * Where cgroup2 is mounted with nsdelegate, as systemd does, whoever has entered a cgroup namespace can put nobody into a cgroup from
 * without it any more (ENOENT).  A child that can enter it by itself does so after its birth (joiner.c); here is the rest: it is born
 * where we are, and we, who have entered nothing, move it.  It waits for us.
 */
static int move_into_cgroup(struct body *body)
{
	char pid[16];

	str_format(pid, sizeof pid, "%d", body->pid);
	int r = fd_write_file_at(body->how->cgroup, "cgroup.procs", pid);
	if (r == 0 && is_overfull(body->how->cgroup))
		r = -EAGAIN;
	if (r == 0)
		return 0;
	proc_pidfd_signal(body->pidfd, SIGKILL);
	while (waitid(P_PIDFD, (id_t)body->pidfd, NULL, WEXITED) < 0 && errno == EINTR)
		;
	fd_close(&body->pidfd);
	body->errnum = -r;
	body->tried = "put the new process into the container's cgroup";
	return 0;
}

static int run_joining(struct body *body, struct err *e)
{
	TRY(run_borrowed(body, e));
#ifdef HRUN_MUTANT_NSDELEGATE
	return 0;
#endif
	if (body->errnum != ENOENT || body->cgroup < 0 || !body->how->joins_cgroup)
		return 0;
	body->cgroup = -1;
	body->errnum = 0;
	TRY(run_borrowed(body, e));
	return body->errnum ? 0 : move_into_cgroup(body);
}

static bool target_is_gone(const struct body *body)
{
	return body->how->join_pidfd >= 0 && body->errnum == ESRCH;
}

int spawn_init_ended(struct err *e)
{
	return err_set(e, ESRCH, "container not running: its init ended meanwhile (no such process)");
}

static int result(const struct body *body, struct err *e)
{
	if (!body->errnum)
		return 0;
	errno = body->errnum;
	if (target_is_gone(body))
		return spawn_init_ended(e);
	if (body->errnum == ENOSYS)
		return err_set(e, ENOSYS, "%s: this kernel is too old; hrun needs Linux 5.14", body->tried);
	if (body->errnum == ENOSPC || body->errnum == EUSERS)
		return err_set(e, body->errnum,
			       "%s: the limit of namespaces is reached; see /proc/sys/user/max_*_namespaces",
			       body->tried);
	return err_errno(e, "%s", body->tried);
}

int spawn(const struct spawn *how, void (*child)(void *argument), void *argument, pid_t *ret_pid, int *ret_pidfd,
	  struct err *e)
{
	struct body body = {.how = how, .child = child, .argument = argument, .cgroup = how->cgroup, .pidfd = -1};
	sigset_t all, before;
	int r = 0;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	if (how->join_count || how->join_pidfd >= 0)
		r = run_joining(&body, e);
	else
		make_child(&body);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (r >= 0)
		r = result(&body, e);
	TRY(r);
	*ret_pid = body.pid;
	*ret_pidfd = body.pidfd;
	return 0;
}
