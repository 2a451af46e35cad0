/* SPDX-License-Identifier: Apache-2.0 */
/*
 * creator.c - the runtime's half of create, and its undo.
 *
 * Nothing is parsed or judged here: the plan says what to do.  Whatever is made is first written to the
 * container's record, so that a create that is killed at any point leaves nothing that `delete` cannot find;
 * a create that fails removes it itself.
 *
 * The frames carry the same numbers as in init.c.
 */
#include <fcntl.h>
#include <hrun/cgroup.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/filter.h>
#include <hrun/proc.h>
#include <hrun/sandbox.h>
#include <hrun/scope.h>
#include <hrun/spawn.h>
#include <hrun/sync.h>
#include <hrun/unix.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct creation {
	struct plan *plan;
	struct container *container;
	const struct sandbox_options *options;
	struct sandbox *sandbox;
	struct pool pool;
	struct init init;
	int net_namespace; /* owned: where network devices were moved to */
	int sync;	   /* owned: our end */
	struct placeholder placeholder;
	const char *phase; /* for the text where init dies without a word */
};

/* ---- namespaces to join, by owner ---- */

/* Is the namespace owned by our own user namespace?  Then it must be joined before we leave that. */
static bool is_ours(int namespace, int own_user)
{
	autofd int owner = ioctl(namespace, NS_GET_USERNS);

	return owner >= 0 && fd_is_same_file(owner, own_user);
}

/*
 * Ours first, then the user namespace, then what it owns, a mount namespace last of all: after the user
 * namespace a host-owned network namespace would be EPERM.
 */
static int join_rank(const struct namespace_join *join, int own_user)
{
	if (join->type == NS_MOUNT)
		return 3;
	if (join->type == NS_USER)
		return 1;
	return is_ours(join->fd, own_user) ? 0 : 2;
}

static int time_namespace(const struct namespaces_plan *plan)
{
	for (size_t i = 0; i < plan->join_count; i++) {
		if (plan->joins[i].type == NS_TIME)
			return plan->joins[i].fd;
	}
	return -EBADF;
}

static int order_joins(const struct namespaces_plan *plan, struct spawn *how, struct err *e)
{
	autofd int own_user = plan->join_count ? open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC) : -EBADF;

	if (plan->join_count && own_user < 0)
		return err_errno(e, "open /proc/self/ns/user");
	for (int rank = 0; rank <= 3; rank++) {
		for (size_t i = 0; i < plan->join_count; i++) {
			if (plan->joins[i].type == NS_TIME)
				continue; /* visited by R itself */
			how->joins_cgroup |= plan->joins[i].type == NS_CGROUP;
			if (how->join_count < SPAWN_MAX_JOINS && join_rank(&plan->joins[i], own_user) == rank)
				how->join[how->join_count++] = plan->joins[i].fd;
		}
	}
	if (how->join_count + (time_namespace(plan) >= 0) != plan->join_count)
		return err_set(e, E2BIG, "linux.namespaces: too many namespaces to join");
	return 0;
}

/* ---- before the process ---- */

/* Until then the record has the unit's name, and `delete` stops that. */
static int make_scope(struct creation *c, struct err *e)
{
	struct container_record *record = &c->container->record;
	struct cgroup_plan *plan = &c->plan->cgroup;

	int r = scope_start(plan->scope, NULL, &c->placeholder, e);
	/* There is nothing to stop: hrun-scope has ended, and whatever it may have begun is empty. */
	if (r < 0)
		record->unit = NULL;
	TRY(r);
	autofd int cgroup = cgroup_adopt(plan, c->placeholder.pid, &record->cgroup_inode, e);
	TRY(cgroup);
	record->cgroup = plan->path;
	record->invocation = plan->scope->answer.invocation;
	return TAKE_FD(cgroup);
}

static int make_cgroup(struct creation *c, struct err *e)
{
	struct container_record *record = &c->container->record;

	if (c->plan->cgroup.disabled)
		return 0;
	int cgroup = c->plan->cgroup.scope ? make_scope(c, e) : cgroup_make(&c->plan->cgroup, &record->cgroup_inode, e);
	TRY(cgroup);
	c->sandbox->cgroup = cgroup; /* its inode is saved with the pid; until then `delete` knows the path */
	TRY(cgroup_apply(&c->plan->cgroup, cgroup, e));
	TRY(cgroup_delegate(&c->plan->cgroup, cgroup, e));
	return objects_lift_cgroup(c->plan, cgroup, e);
}

static int prepare_agent(struct creation *c, struct err *e)
{
	struct filter_agent *agent = c->plan->filter.agent;

	if (!agent)
		return 0;
	container_process_state_split(&c->pool, &c->container->record, "created", agent->metadata, agent->text);
	return agent_connect(agent, e);
}

static void write_hook_states(struct creation *c)
{
	container_state_split(&c->pool, &c->container->record, "creating", c->init.hook_state[0].text);
	container_state_split(&c->pool, &c->container->record, "created", c->init.hook_state[1].text);
}

static int prepare(struct creation *c, struct err *e)
{
	int pair[2];

	c->init.plan = c->plan;
	c->init.console = c->options->console_socket;
	TRY(filter_check_support(&c->plan->filter, e));
	int r = objects_lift(c->plan, &c->init.objects, e);
	/* What an ordinary user may not do here its init may, in a user namespace of its own. */
	if (r == -EPERM && !objects_can_lift(c->plan))
		c->init.lift = c->plan;
	else
		TRY(r);
	write_hook_states(c);
	TRY(prepare_agent(c, e));
	if (!c->options->starts) {
		c->init.start = unix_listen_at(c->container->dir, "start.sock", SOCK_SEQPACKET, e);
		TRY(c->init.start);
	}
	TRY(make_cgroup(c, e));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, "make a socket pair");
	c->sync = c->init.peer = pair[0];
	c->init.sync = pair[1];
	return 0;
}

/* ---- the process ---- */

/* What an ordinary user may not do, in more words than the kernel has. */
static int explain_spawn(const struct creation *c, int r, struct err *e)
{
	if (r == -EACCES && c->plan->cgroup.scope)
		return err_set(e, EACCES,
			       "make a process in unit %s: permission denied; hrun itself must be below this user's "
			       "systemd, not in a login session: systemd-run --user --scope hrun ...",
			       c->plan->cgroup.scope->request.unit);
	if (r == -EACCES && c->sandbox->cgroup >= 0)
		return err_set(
			e, EACCES,
			"make a process in cgroup %s: permission denied; hrun itself must be in a cgroup that is "
			"delegated to the same user (cgroups(7))",
			c->plan->cgroup.path);
	if (r == -EPERM && c->init.lift && !c->plan->namespaces.has_user)
		return err_set(e, EPERM,
			       "linux.namespaces: an ordinary user's container needs a user namespace; add {\"type\": "
			       "\"user\"} and the mappings, as `hrun spec --rootless` does");
	return r;
}

static int start_init(struct creation *c, struct err *e)
{
	const struct namespaces_plan *namespaces = &c->plan->namespaces;
	struct spawn how = {.create = namespaces->create & ~idmap_makes_late(namespaces),
			    .join_pidfd = -1,
			    .cgroup = c->sandbox->cgroup};

	TRY(order_joins(namespaces, &how, e));
	/*
	 * Nobody may look into us from inside: a pod's pid namespace may hold processes already, and whoever is uid 0
	 * outside a new user namespace has every capability in it.  Only an ordinary user must stay dumpable for a
	 * moment, to write the maps: the files are root's otherwise.
	 */
	if ((!c->plan->ids.new_namespace || proc_euid() == 0) && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_errno(e, "become undumpable");
	int time = time_namespace(namespaces);
	autofd int home = time >= 0 ? time_visit(time, e) : -EBADF;
	if (time >= 0)
		TRY(home);
	int r = spawn(&how, init_main, &c->init, &c->sandbox->pid, &c->sandbox->pidfd, e);
	TRY(time_return(home, e));
	TRY(explain_spawn(c, r, e));
	/* Init keeps the unit from being empty now. */
	scope_release(&c->placeholder);
	/* Our copies: EOF must mean that init is gone. */
	fd_close(&c->init.sync);
	fd_close(&c->init.start);
	objects_close(c->plan, &c->init.objects);
	return 0;
}

static int record_process(struct creation *c, int proc, struct err *e)
{
	struct container_record *record = &c->container->record;
	struct proc_stat stat;
	int r = proc_read_stat(proc, c->sandbox->pid, &stat);

	if (r < 0)
		return err_set(e, -r, "read /proc/%d/stat of the container's init", c->sandbox->pid);
	record->pid = c->sandbox->pid;
	record->start_ticks = stat.start_ticks;
	return container_save(c->container, e);
}

static int map_init(struct creation *c, struct err *e)
{
	int proc = c->sandbox->proc = proc_open(e);

	TRY(proc);
	TRY(record_process(c, proc, e));
	TRY(idmap_write(&c->plan->ids, proc, c->sandbox->pid, e));
	TRY(net_devices_apply(c->plan, proc, c->sandbox->pid, &c->net_namespace, e));
	TRY(creds_raise_limits(&c->plan->creds, c->sandbox->pid, e));
	return creds_set_oom_score(&c->plan->creds, proc, c->sandbox->pid, e);
}

static int run_hooks(struct creation *c, enum hook_kind kind, struct err *e)
{
	struct hook_state state = c->init.hook_state[0];

	state.pid = c->sandbox->pid;
	return hooks_apply(&c->plan->hooks[kind], kind, &state, c->options->bundle_dir, NULL, e);
}

/* From here on the poststop hooks have something to clean up, also where this process is killed. */
static int record_hooks(struct creation *c, struct err *e)
{
	struct container_record *record = &c->container->record;

	record->hooks_begun = true;
#ifdef HRUN_MUTANT_HOOKS_BEGUN
	return 0;
#endif
	return record->poststop.count ? container_save(c->container, e) : 0;
}

static int say(struct creation *c, enum sync_kind kind, struct err *e)
{
	if (sync_send(c->sync, kind, NULL) >= 0)
		return 0;
	return err_set(e, EPIPE, "%s", ""); /* init is gone; explain_death says more */
}

/* Init goes on by itself where there are none. */
static int meet_for_hooks(struct creation *c, struct err *e)
{
	if (!hooks_wait(c->plan))
		return 0;
	TRY(sync_expect(c->sync, SYNC_MOUNTED, e)); /* 2 MOUNTED */
	TRY(record_hooks(c, e));
	TRY(run_hooks(c, HOOK_PRESTART, e));
	TRY(run_hooks(c, HOOK_CREATE_RUNTIME, e));
	TRY(say(c, SYNC_PIVOT, e)); /* 3 PIVOT */
	c->phase = "while it entered the root filesystem";
	return 0;
}

static int drive(struct creation *c, struct err *e)
{
	c->phase = "before its ids were mapped";
	TRY(map_init(c, e));
	TRY(say(c, SYNC_MAPPED, e)); /* 1 MAPPED */
	c->phase = "while it built the root filesystem";
	TRY(meet_for_hooks(c, e));
	TRY(sync_expect(c->sync, SYNC_READY, e)); /* 4 READY */
	TRY(scheduling_apply(&c->plan->scheduling, c->sandbox->pid, e));
	if (c->sandbox->cgroup >= 0)
		TRY(cgroup_apply_last(&c->plan->cgroup, c->sandbox->cgroup, e));
	c->container->record.created_done = true;
	return container_save(c->container, e);
}

/* ---- undo ---- */

/* Init closed the socket without a frame: say what ended it. */
static void explain_death(const struct creation *c, const siginfo_t *end, struct err *e)
{
	if (c->sandbox->cgroup >= 0 && cgroup_oom_kills(c->sandbox->cgroup) > 0)
		err_set(e, ENOMEM,
			"the container's init was killed %s: out of memory; raise linux.resources.memory.limit",
			c->phase);
	else if (end->si_code == CLD_EXITED)
		err_set(e, EPIPE, "the container's init ended with status %d %s", end->si_status, c->phase);
	else
		err_set(e, EPIPE, "the container's init was killed by signal %d %s", end->si_status, c->phase);
}

static void undo(struct creation *c, struct err *e)
{
	struct container_record *record = &c->container->record;
	siginfo_t end = {0};
	struct err ignored;

#ifdef HRUN_MUTANT_UNDO
	return;
#endif
	if (c->sandbox->pidfd >= 0) {
		proc_pidfd_signal(c->sandbox->pidfd, SIGKILL);
		while (waitid(P_PIDFD, (id_t)c->sandbox->pidfd, &end, WEXITED) < 0 && errno == EINTR)
			;
		if (!*e->text)
			explain_death(c, &end, e);
	}
	/* The first failure is the one to report. */
	net_devices_return(c->plan, c->net_namespace, &ignored);
	scope_release(&c->placeholder);
	/* systemd's is the deleter's, who stops the unit: that a cgroup got empty systemd never hears if it is gone by then. */
	if (c->sandbox->cgroup >= 0 && !c->plan->cgroup.scope)
		cgroup_remove(record->cgroup_mountpoint, record->cgroup, record->cgroup_inode, &ignored);
}

static void close_creation(struct creation *c)
{
	scope_release(&c->placeholder);
	if (c->plan->filter.agent)
		fd_close(&c->plan->filter.agent->socket);
	fd_close(&c->net_namespace);
	fd_close(&c->sync);
	fd_close(&c->init.sync);
	fd_close(&c->init.start);
	objects_close(c->plan, &c->init.objects);
	pool_free(&c->pool);
}

int sandbox_create(struct plan *plan, struct container *container, const struct sandbox_options *options,
		   struct sandbox *ret, struct err *e)
{
	struct creation c = {.plan = plan,
			     .container = container,
			     .options = options,
			     .sandbox = ret,
			     .sync = -1,
			     .net_namespace = -1,
			     .placeholder = NO_PLACEHOLDER};

	*ret = SANDBOX_EMPTY;
	c.init.sync = c.init.peer = c.init.start = c.init.console = c.init.proc = -1;
	c.init.objects = (struct host_objects){.rootfs = -1, .null_device = -1};
	int r = labels_check(plan, &c.init.has_apparmor, e);
	if (r >= 0)
		r = prepare(&c, e);
	if (r >= 0)
		r = start_init(&c, e);
	if (r >= 0)
		r = drive(&c, e);
	if (r < 0) {
		undo(&c, e);
		sandbox_close(ret);
	} else if (options->starts) {
		ret->starter = TAKE_FD(c.sync);
	}
	close_creation(&c);
	return r;
}

void sandbox_close(struct sandbox *sandbox)
{
	fd_close(&sandbox->pidfd);
	fd_close(&sandbox->cgroup);
	fd_close(&sandbox->proc);
	fd_close(&sandbox->starter);
}
