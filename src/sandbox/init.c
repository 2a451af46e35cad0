/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init.c - the container's half of create: the table of contents of sandbox/.
 *
 * Born by spawn() in all of its new and joined namespaces and in its cgroup, with every host object as
 * a descriptor and nothing else to ask the host for.  It ends as a process that has lost everything but
 * what the plan leaves it, waiting on a socket for START; then it becomes the program.
 *
 * The frames carry the same numbers as in creator.c and start.c.
 */
#include <fcntl.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/filter.h>
#include <hrun/proc.h>
#include <hrun/sync.h>
#include <limits.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* In: the new namespaces, the host's mount tree (a copy).  Out: the root attached at root.path, filled, writable. */
static int build(struct init *i, struct err *e)
{
	const struct plan *plan = i->plan;
	int rootfs = i->objects.rootfs;
	autopile struct fd_pile pile = {.count = 0};

	TRY(uts_apply(&plan->namespaces, e));
	if (plan->namespaces.loopback_up)
		TRY(loopback_up(e));
	TRY(rootfs_attach(&plan->rootfs, rootfs, &pile, e));
	TRY(mounts_apply(plan, rootfs, &pile, e));
	TRY(devices_apply(plan, rootfs, &pile, e));
	TRY(console_prepare(plan, rootfs, e));
	return sysctl_apply(plan, &pile, e);
}

/* In: the root filled.  Out: inside it, the host gone, nothing writable that should not be. */
static int close_root(struct init *i, struct err *e)
{
	const struct plan *plan = i->plan;
	int rootfs = i->objects.rootfs;

	if (plan->hooks[HOOK_CREATE_CONTAINER].count)
		i->hook_state[0].pid = getpid();
	TRY(hooks_apply(&plan->hooks[HOOK_CREATE_CONTAINER], HOOK_CREATE_CONTAINER, &i->hook_state[0], rootfs, NULL,
			e));
	cwd_make(plan, rootfs);
	TRY(mounts_freeze(plan, rootfs, e));
	TRY(masks_apply(plan, rootfs, i->objects.null_device, e));
	return rootfs_enter(&plan->rootfs, rootfs, e);
}

/* In: inside the root, powerful.  Out: powerless, *ret_path is the program; no host descriptor is open. */
static int become_program(struct init *i, char *ret_path, size_t size, struct err *e)
{
	const struct plan *plan = i->plan;
	int rootfs = i->objects.rootfs;
	const int keep[] = {i->sync, i->start, plan->filter.agent ? plan->filter.agent->socket : -1};

	/* After the hooks that run programs of the host, before no_new_privs. */
	TRY(labels_apply(&plan->creds, i->has_apparmor, i->proc, e));
	fd_close(&i->proc);
	TRY(console_apply(plan, rootfs, i->console, true, e));
	TRY(scheduling_apply_self(&plan->scheduling, e));
	TRY(creds_apply(plan, rootfs, e));
	TRY(program_find(&plan->exec, ret_path, size, e));
	return fd_close_except(3 + plan->exec.preserve_fds, keep, sizeof keep / sizeof *keep, e);
}

/* The runtime is dead or sent something else: nobody is left to report to. */
static void expect_or_die(int socket, enum sync_kind kind)
{
	struct err e;

	if (sync_expect(socket, kind, &e) < 0)
		_exit(1);
}

static void __attribute__((noreturn)) fail(int socket, const struct err *e)
{
	sync_send(socket, SYNC_FAILED, e); /* 6 FAILED */
	_exit(1);
}

static void __attribute__((noreturn)) start_program(struct init *i, int starter, const char *path)
{
	struct err e = {0};
	const struct plan *plan = i->plan;

	if (plan->hooks[HOOK_START_CONTAINER].count)
		i->hook_state[1].pid = getpid();
	if (hooks_apply(&plan->hooks[HOOK_START_CONTAINER], HOOK_START_CONTAINER, &i->hook_state[1], -1, &plan->filter,
			&e) >= 0)
		program_execute(plan, path, &e);
	fail(starter, &e);
}

/* The machine is short of something for a moment: a container that waits may not die of it. */
static bool may_pass(int errnum)
{
	static const struct timespec moment = {.tv_nsec = 10000000};

	if (errnum == EINTR || errnum == ECONNABORTED)
		return true;
	if (errnum != EMFILE && errnum != ENFILE && errnum != ENOBUFS && errnum != ENOMEM)
		return false;
	nanosleep(&moment, NULL);
	return true;
}

/* Wait for START; a starter that goes away without it is forgotten, unless it is the only one. */
static void __attribute__((noreturn)) serve(struct init *i, const char *path)
{
	struct err e;

	if (i->start < 0) {
		expect_or_die(i->sync, SYNC_START); /* 5 START */
		start_program(i, i->sync, path);
	}
	fd_close(&i->sync);
	for (;;) {
		autofd int starter = accept4(i->start, NULL, NULL, SOCK_CLOEXEC);
		if (starter < 0 && !may_pass(errno))
			_exit(1);
		if (starter >= 0 && sync_expect(starter, SYNC_START, &e) >= 0) /* 5 START */
			start_program(i, starter, path);
	}
}

/* While /proc is still the runtime's. */
static int find_own_pid(struct filter_agent *agent, struct err *e)
{
	autofd int proc = agent ? open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC) : -EBADF;

	if (!agent)
		return 0;
	return proc < 0 ? err_errno(e, "open /proc") : agent_find_pid(agent, proc, e);
}

/* The same, for what is done when another /proc will be in its place. */
static int keep_proc(struct init *i, struct err *e)
{
	i->proc = labels_are_asked(&i->plan->creds) ? proc_open(e) : -EBADF;
	return i->proc == -EBADF ? 0 : i->proc;
}

void init_main(void *argument)
{
	struct init *i = argument;
	struct err e = {0};
	char path[PATH_MAX];
	int r;

#ifndef HRUN_MUTANT_PEER
	fd_close(&i->peer);
#endif
	umask(0);
#ifndef HRUN_MUTANT_SESSION
	setsid();
#endif
	prctl(PR_SET_NAME, "hrun:init", 0, 0, 0);
	r = find_own_pid(i->plan->filter.agent, &e);
	if (r >= 0)
		r = keep_proc(i, &e);
	if (r >= 0)
		r = time_make(&i->plan->namespaces, &e); /* while its own /proc is still its own */
	if (r >= 0 && i->lift)
		r = objects_lift_inside(i->lift, &i->objects, &e); /* as the user who called us */
	expect_or_die(i->sync, SYNC_MAPPED);			   /* 1 MAPPED */
	if (r < 0 || idmap_become_root(i->plan, &e) < 0 || idmap_make_late(&i->plan->namespaces, &e) < 0)
		fail(i->sync, &e);
	/* Dumpable until now only where an ordinary user's runtime had to write the maps; after a change of ids always. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || build(i, &e) < 0)
		fail(i->sync, &e);
	if (hooks_wait(i->plan)) {
		if (sync_send(i->sync, SYNC_MOUNTED, NULL) < 0) /* 2 MOUNTED */
			_exit(1);
		expect_or_die(i->sync, SYNC_PIVOT); /* 3 PIVOT */
	}
	if (close_root(i, &e) < 0 || become_program(i, path, sizeof path, &e) < 0)
		fail(i->sync, &e);
	if (sync_send(i->sync, SYNC_READY, NULL) < 0) /* 4 READY */
		_exit(1);
	serve(i, path);
}
