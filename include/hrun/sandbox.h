/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.h - plan -> container.  The runtime's half (R): create and its undo,
 * start, one more process, end.
 */
#ifndef HRUN_SANDBOX_H
#define HRUN_SANDBOX_H

#include <hrun/container.h>
#include <hrun/err.h>
#include <hrun/plan.h>
#include <stdbool.h>
#include <sys/types.h>

/* A process of a container that R has just made; R is its parent.  Each descriptor is owned, or -1 where there is none. */
struct sandbox {
	pid_t pid; /* as R sees it */
	int pidfd;
	int cgroup;
	int proc;    /* of sandbox_create: R's own procfs (proc_open) */
	int starter; /* to an init that nobody else can start (sandbox_options.starts) */
};
#define SANDBOX_EMPTY ((struct sandbox){.pidfd = -1, .cgroup = -1, .proc = -1, .starter = -1})

struct sandbox_options {
	/*
	 * A connected SOCK_STREAM socket that gets the pty's master in one SCM_RIGHTS message
	 * (ENGINE console socket, or one end of R's own socketpair in the foreground); -1
	 * without terminal.  Borrowed.
	 */
	int console_socket;
	int bundle_dir; /* borrowed: working directory of runtime hooks */
	bool starts;	/* the caller starts it itself: there is no start.sock, and init ends with the caller */
	/* sandbox_join: a cgroup below the container's own that exists; NULL: that itself, or where init has gone. */
	const char *sub_cgroup;
};

/*
 * Build the container up to the point where its init waits for `start`.  Saves the container's
 * record as it goes (cgroup inode, pid and start time, created_done).  On failure everything
 * outside the state directory is undone: process, cgroup; the caller removes the state
 * directory, and of a unit of systemd the unit and its cgroup.  Returns when init is READY; ret->pid is R's child.  PLAN gets the detached trees that
 * the creator makes of host objects (mount_step.tree, device_step.tree).
 */
int sandbox_create(struct plan *plan, struct container *container, const struct sandbox_options *options,
		   struct sandbox *ret, struct err *e);

/*
 * Let a created container's init execute its program: START over start.sock or to HELD, then wait until
 * the kernel says that it runs (PF_FORKNOEXEC is clear).  -ESRCH etc. with the reason where the
 * program could not be started or was killed before its execve, -ECANCELED where a startContainer hook failed.
 * HELD is what sandbox_create made with options.starts, its init a child of this process that nobody has waited for; or NULL: then
 * the recorded process is looked for.  Its `proc` and `starter` are closed.
 */
int sandbox_start(const struct container *container, struct sandbox *held, struct err *e);

/*
 * One more process in a running or created container, as PLAN's creds, filter and exec say
 * (its other sections are empty).  Enters the namespaces of the container's init by pidfd and
 * its cgroup.  Returns when the program has been executed; ret->pid is R's child.
 */
int sandbox_join(const struct plan *plan, const struct container *container, const struct sandbox_options *options,
		 struct sandbox *ret, struct err *e);

/*
 * End a container, whatever is left of it: kill its init and every process of its cgroup, wait for
 * them, remove the cgroup.  Works from the record alone, also from that of a create that was killed.
 */
int sandbox_destroy(const struct container *container, struct err *e);

void sandbox_close(struct sandbox *sandbox);

/*
 * Run hooks of one kind in the runtime's namespaces, in order, each with STATE (compact JSON) on
 * stdin, only its own environment, DIR as working directory (-1: the caller's).  A timeout kills
 * the whole process group.  Stops at the first failure, with *e naming the hook; poststop hooks all run.
 */
int hooks_run(const struct hook_list *hooks, enum hook_kind kind, const char *state, int dir, struct err *e);

/*
 * The runtime's own file cannot be written from inside a container: where it lies on a writable
 * mount this function executes the program again from a detached read-only clone of it, with
 * the same arguments (but for argv[0]: entry_rename) and environment (CVE-2019-5736).  Called before anything else by create, run, exec.
 * Returns 0 where nothing is needed (any more).
 */
int sandbox_protect_self(char **argv, struct err *e);

#endif
