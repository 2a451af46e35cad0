/* SPDX-License-Identifier: Apache-2.0 */
/*
 * joiner.c - one more process in a container (exec).
 *
 * DANGER: processes of the container see it as soon as it is in their pid namespace.  It is not dumpable
 * before it joins anything, holds no descriptor of the host but close-on-exec ones that it needs, and
 * goes through the same creds_apply and filter as init, never weaker.
 */
#include <fcntl.h>
#include <hrun/cgroup.h>
#include <hrun/cgroup_dir.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/filter.h>
#include <hrun/proc.h>
#include <hrun/sandbox.h>
#include <hrun/spawn.h>
#include <hrun/str.h>
#include <hrun/sync.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <linux/prctl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

struct joiner {
	const struct plan *plan;
	int sync, console;
	int proc;	      /* the runtime's */
	int cgroup_namespace; /* to be entered; -1: it was born there */
	bool has_apparmor;
};

/* In: the container's namespaces and cgroup, all capabilities there.  Out: the program. */
static int become(struct joiner *j, struct err *e)
{
	const struct plan *plan = j->plan;
	char path[PATH_MAX];

	TRY(idmap_become_root(plan, e));
	autofd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_errno(e, "open the container's root");
	TRY(console_apply(plan, root, j->console, false, e));
	TRY(scheduling_apply_self(&plan->scheduling, e));
	TRY(creds_apply(plan, root, e));
	TRY(program_find(&plan->exec, path, sizeof path, e));
	return program_execute(plan, path, e);
}

static int enter_cgroup_namespace(const struct joiner *j, struct err *e)
{
	if (j->cgroup_namespace >= 0 && setns(j->cgroup_namespace, CLONE_NEWCGROUP) < 0)
		return err_errno(e, "enter the container's cgroup namespace");
	return 0;
}

static void join_main(void *argument)
{
	struct joiner *j = argument;
	struct filter_agent *agent = j->plan->filter.agent;
	const int keep[] = {j->sync, j->console, agent ? agent->socket : -1};
	struct err e = {0};

	/*
	 * First of all: who has CAP_SYS_PTRACE in there sees our descriptors (CVE-2016-9962). Among them is R's end
	 * of the socket, whose EOF must mean that R is dead.
	 */
	int r = enter_cgroup_namespace(j, &e);
	if (r >= 0 && agent)
		r = agent_find_pid(agent, j->proc, &e);
	/* From here, since /proc is the container's by now; nothing is executed before the program. */
	if (r >= 0)
		r = labels_apply(&j->plan->creds, j->has_apparmor, j->proc, &e);
	if (fd_close_except(3 + j->plan->exec.preserve_fds, keep, sizeof keep / sizeof *keep, &e) < 0)
		_exit(1);
	umask(0);
	setsid();
	if (sync_expect(j->sync, SYNC_MAPPED, &e) < 0) /* 1 MAPPED */
		_exit(1);
	if (r >= 0)
		become(j, &e);
	sync_send(j->sync, SYNC_FAILED, &e); /* 6 FAILED */
	_exit(1);
}

static int open_cgroup(const struct container_record *record, const char *below, struct err *e)
{
	autofd int own = cgroup_open(record->cgroup_mountpoint, record->cgroup, record->cgroup_inode, e);

	TRY(own);
	if (!below)
		return TAKE_FD(own);
	int fd = cgroup_dir_open(own, below, O_RDONLY);
	return fd < 0 ? err_set(e, -fd, "open cgroup `%s` below that of the container: %s", below, strerrordesc_np(-fd))
		      : fd;
}

/*
 * A container that manages cgroups itself has moved its init below its own cgroup and handed controllers down:
 * then nobody may be in that one (EBUSY), and a new process goes where init is.
 */
static int spawn_beside_init(struct joiner *j, struct spawn *how, const struct container_record *record, int proc,
			     struct sandbox *ret, struct err *e)
{
	autofd int beside = cgroup_open_of(ret->cgroup, record->cgroup, proc, record->pid, e);

	TRY(beside);
	fd_close(&ret->cgroup);
	ret->cgroup = how->cgroup = TAKE_FD(beside);
	return spawn(how, join_main, j, &ret->pid, &ret->pidfd, e);
}

static int open_namespace(int proc, pid_t pid, const char *name, struct err *e)
{
	char path[48];

	TRY(str_format(path, sizeof path, "%d/ns/%s", pid, name));
	int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	/* A process that has ended has no namespaces, also while it waits to be reaped. */
	if (fd < 0 && (errno == ENOENT || errno == ESRCH))
		return spawn_init_ended(e);
	return fd < 0 ? err_errno(e, "open /proc/%s of the container's init", path) : fd;
}

/*
 * Who has entered a cgroup namespace cannot have a child in a cgroup from without it where cgroup2 is mounted with nsdelegate; a child
 * that is moved there later is in reach of the container before the cgroup's limits and device filter hold for it, and pids.max does not
 * stop a move.  So it is born in the cgroup and then enters the namespace by itself, which takes CAP_SYS_ADMIN in the user namespace
 * that owns this one: *RET is owned, -1 where that is another one than the container's.
 */
static int find_cgroup_namespace(const struct container_record *record, int proc, int init, int *ret, struct err *e)
{
	autofd int namespace = open_namespace(proc, record->pid, "cgroup", e);

	TRY(namespace);
	if (record->namespaces & CLONE_NEWUSER) {
		autofd int user = open_namespace(proc, record->pid, "user", e);
		TRY(user);
		autofd int owner = ioctl(namespace, NS_GET_USERNS);
		if (owner < 0 || !fd_is_same_file(owner, user))
			return 0;
	}
	/* It lives, so the number was its own all the time. */
	if (proc_pidfd_wait(init, 0) != -ETIMEDOUT)
		return err_set(e, ESRCH, "cannot exec in a stopped container");
	*ret = TAKE_FD(namespace);
	return 0;
}

static int spawn_joiner(struct joiner *j, const struct container_record *record, int proc, int init,
			const char *sub_cgroup, struct sandbox *ret, struct err *e)
{
	struct spawn how = {
		.join_pidfd = init,
		.join_types = (int)record->namespaces & ~CLONE_NEWTIME,
		.cgroup = -1,
	};
	bool time = record->namespaces & CLONE_NEWTIME;

	if (record->cgroup) {
		ret->cgroup = open_cgroup(record, sub_cgroup, e);
		TRY(ret->cgroup);
		how.cgroup = ret->cgroup;
	}
	autofd int namespace = -1;
	if (record->cgroup && record->namespaces & CLONE_NEWCGROUP)
		TRY(find_cgroup_namespace(record, proc, init, &namespace, e));
	j->cgroup_namespace = namespace;
	if (namespace >= 0)
		how.join_types &= ~CLONE_NEWCGROUP;
	how.joins_cgroup = how.join_types & CLONE_NEWCGROUP;
#ifndef HRUN_MUTANT_DUMPABLE
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_errno(e, "become undumpable");
#endif
	autofd int home = time ? time_visit(init, e) : -EBADF;
	if (time)
		TRY(home);
	int r = spawn(&how, join_main, j, &ret->pid, &ret->pidfd, e);
	if (r == -EBUSY && how.cgroup >= 0 && !sub_cgroup)
		r = spawn_beside_init(j, &how, record, proc, ret, e);
	TRY(time_return(home, e));
	return r;
}

/* It comes into the container's cgroup with its first processors: they are inherited from us. */
static int spawn_on_cpus(struct joiner *j, const struct container_record *record, int proc, int init,
			 const char *sub_cgroup, struct sandbox *ret, struct err *e)
{
	static const char where[] = "process.execCPUAffinity.initial";
	const struct number_set *initial = j->plan->scheduling.initial_cpus;
	struct number_set own;

	if (!initial)
		return spawn_joiner(j, record, proc, init, sub_cgroup, ret, e);
	TRY(scheduling_get_cpus(&own, e));
	TRY(scheduling_set_cpus(initial, 0, where, e));
	int r = spawn_joiner(j, record, proc, init, sub_cgroup, ret, e);
	TRY(scheduling_set_cpus(&own, 0, where, e));
	return r;
}

/* EOF: it has executed, or it is dead and has never done so. */
static int await_program(int sync, int proc, const struct sandbox *s, struct err *e)
{
	struct proc_stat stat;

	if (sync_send(sync, SYNC_MAPPED, NULL) < 0) /* 1 MAPPED */
		return err_set(e, ESRCH, "the new process was killed before it could execute its program");
	int r = sync_expect(sync, SYNC_FAILED, e); /* 6 FAILED, or EOF */
	if (r != -EPIPE || *e->text)
		return r < 0 ? r : err_set(e, EPROTO, "unexpected answer of the new process");
	/* We are its parent: it cannot have been reaped. */
	if (proc_read_stat(proc, s->pid, &stat) < 0 || stat.fork_no_exec)
		return err_set(e, ESRCH, "the new process was killed before it could execute its program");
	return 0;
}

static void reap(struct sandbox *s)
{
	if (s->pidfd >= 0) {
		proc_pidfd_signal(s->pidfd, SIGKILL);
		while (waitid(P_PIDFD, (id_t)s->pidfd, NULL, WEXITED) < 0 && errno == EINTR)
			;
	}
	sandbox_close(s);
}

static int prepare_agent(struct filter_agent *agent, const struct container_record *record, struct pool *pool,
			 struct err *e)
{
	if (!agent)
		return 0;
	agent->init = record->pid;
	container_process_state_split(pool, record, "running", agent->metadata, agent->text);
	return agent_connect(agent, e);
}

static int join(const struct plan *plan, const struct container_record *record, const struct sandbox_options *options,
		bool has_apparmor, struct sandbox *ret, struct err *e)
{
	autofd int proc = proc_open(e);
	int pair[2];

	TRY(proc);
	autofd int init = proc_open_same(proc, record->pid, record->start_ticks);
	if (init < 0)
		return err_set(e, ESRCH, "cannot exec in a stopped container");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, "make a socket pair");
	autofd int ours = pair[0];
	autofd int theirs = pair[1];
	struct joiner j = {.plan = plan,
			   .sync = theirs,
			   .console = options->console_socket,
			   .proc = proc,
			   .has_apparmor = has_apparmor};
	int r = spawn_on_cpus(&j, record, proc, init, options->sub_cgroup, ret, e);
	/* It has ended meanwhile, or is about to (ESRCH): that is why its namespaces or its cgroup cannot be joined. */
	if (r == -ESRCH || (r < 0 && proc_pidfd_wait(init, 0) == 0))
		return err_set(e, ESRCH, "cannot exec in a stopped container");
	TRY(r);
	fd_close(&theirs);
	TRY(scheduling_apply(&plan->scheduling, ret->pid, e));
	TRY(scheduling_set_cpus(plan->scheduling.final_cpus, ret->pid, "process.execCPUAffinity.final", e));
	TRY(creds_raise_limits(&plan->creds, ret->pid, e));
	TRY(creds_set_oom_score(&plan->creds, proc, ret->pid, e));
	return await_program(ours, proc, ret, e);
}

int sandbox_join(const struct plan *plan, const struct container *container, const struct sandbox_options *options,
		 struct sandbox *ret, struct err *e)
{
	*ret = SANDBOX_EMPTY;
	bool has_apparmor;
	TRY(labels_check(plan, &has_apparmor, e));
	struct filter_agent *agent = plan->filter.agent;
	struct pool pool = {0};
	int r = prepare_agent(agent, &container->record, &pool, e);
	if (r >= 0)
		r = join(plan, &container->record, options, has_apparmor, ret, e);
	if (agent)
		fd_close(&agent->socket);
	pool_free(&pool);
	if (r < 0)
		reap(ret);
	return r;
}
