/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idmap.c - the maps of a new user namespace (user_namespaces(7)).
 *
 * A map is written once, in one write(2), by the runtime; until then the new
 * process has no ids and must not act.
 */
#include <fcntl.h>
#include <grp.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/proc.h>
#include <hrun/spawn.h>
#include <hrun/str.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_map(int proc, pid_t pid, const char *file, const struct id_mapping *map, size_t count, struct err *e)
{
	char text[PROC_MAP_BYTES + 1], name[64];
	size_t length = 0;

	for (size_t i = 0; i < count; i++) {
		int n = str_format(text + length, sizeof text - length, "%u %u %u\n", map[i].container_id,
				   map[i].host_id, map[i].size);
		if (n < 0)
			return err_set(e, E2BIG, "write %s: too many mappings", file);
		length += (size_t)n;
	}
	TRY(str_format(name, sizeof name, "%d/%s", pid, file));
	int r = fd_write_file_at(proc, name, text);
	if (r == -EPERM)
		return err_set(e, EPERM,
			       "linux.%cidMappings: the kernel refused them; name ids only that are mapped in the user "
			       "namespace of hrun itself (/proc/self/%s)",
			       file[0], file);
	if (r < 0) {
		errno = -r;
		return err_errno(e, "write linux.%cidMappings to %s", file[0], file);
	}
	return 0;
}

/* ---- newuidmap(1), newgidmap(1) ---- */

struct helper_call {
	char *argv[2 + PROC_MAP_LINES * 3 + 1];
	char text[PROC_MAP_BYTES + 1 + 16];
};

static void run_helper(void *argument)
{
	struct helper_call *call = argument;
	char *const environment[] = {NULL};
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (null < 0 || dup2(null, fd) < 0)
			_exit(1);
	}
	execve(call->argv[0], call->argv, environment);
	_exit(errno == ENOENT ? 127 : 126);
}

/* Its arguments: the process, then each line of the map as three words. */
static int fill_call(struct helper_call *call, pid_t pid, const struct id_mapping *map, size_t count, struct err *e)
{
	size_t length = 0;
	int n = str_format(call->text, sizeof call->text, "%d", pid);

	call->argv[1] = call->text;
	for (size_t i = 0; n >= 0 && i < count * 3; i++) {
		const struct id_mapping *m = &map[i / 3];
		const uint32_t word[3] = {m->container_id, m->host_id, m->size};
		length += (size_t)n + 1;
		n = length < sizeof call->text
			    ? str_format(call->text + length, sizeof call->text - length, "%u", word[i % 3])
			    : -E2BIG;
		call->argv[2 + i] = call->text + length;
	}
	return n < 0 || count > PROC_MAP_LINES ? err_set(e, E2BIG, "too many mappings") : 0;
}

static int call_helper(const char *program, pid_t pid, const struct id_mapping *map, size_t count, struct err *e)
{
	const struct spawn how = {.join_pidfd = -1, .cgroup = -1};
	const char *file = program[sizeof "/usr/bin/new" - 1] == 'u' ? "uid" : "gid";
	struct helper_call call = {.argv = {(char *)program}};
	siginfo_t end = {0};
	pid_t helper;
	autofd int pidfd = -EBADF;

	TRY(fill_call(&call, pid, map, count, e));
	TRY(spawn(&how, run_helper, &call, &helper, &pidfd, e));
	while (waitid(P_PIDFD, (id_t)pidfd, &end, WEXITED) < 0 && errno == EINTR)
		;
	if (end.si_code == CLD_EXITED && end.si_status == 0)
		return 0;
	if (end.si_code == CLD_EXITED && end.si_status > 125)
		return err_set(e, ENOENT, "linux.%sMappings: %s cannot be executed; install the package uidmap", file,
			       program);
	return err_set(e, EPERM,
		       "linux.%sMappings: %s refused them; map the own %s and ids that /etc/sub%s gives to this user",
		       file, program, file, file);
}

/* An ordinary user's group map is taken only where nobody inside can drop a group that denies something. */
static int deny_setgroups(int proc, pid_t pid, struct err *e)
{
	char name[64];

	TRY(str_format(name, sizeof name, "%d/setgroups", pid));
	int r = fd_write_file_at(proc, name, "deny");
	return r < 0 ? err_set(e, -r, "deny setgroups in the new user namespace: %s", strerrordesc_np(-r)) : 0;
}

int idmap_write(const struct ids_plan *plan, int proc, pid_t pid, struct err *e)
{
	if (!plan->new_namespace)
		return 0;
	if (plan->by_helper) {
		TRY(call_helper(NEWUIDMAP, pid, plan->uid, plan->uid_count, e));
		return call_helper(NEWGIDMAP, pid, plan->gid, plan->gid_count, e);
	}
	if (plan->keep_groups)
		TRY(deny_setgroups(proc, pid, e));
	TRY(write_map(proc, pid, "uid_map", plan->uid, plan->uid_count, e));
	return write_map(proc, pid, "gid_map", plan->gid, plan->gid_count, e);
}

/* Nobody is left to keep it where the runtime is killed. */
static void hold_namespace(void *argument)
{
	const pid_t *runtime = argument;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == *runtime)
		pause();
	_exit(0);
}

int idmap_make_namespace(const struct ids_plan *plan, struct err *e)
{
	const struct spawn how = {.create = CLONE_NEWUSER, .join_pidfd = -1, .cgroup = -1};
	pid_t pid, runtime = getpid();
	char name[64];
	autofd int pidfd = -EBADF;
	autofd int proc = proc_open(e);

	TRY(proc);
	TRY(spawn(&how, hold_namespace, &runtime, &pid, &pidfd, e));
	int r = idmap_write(plan, proc, pid, e);
	snprintf(name, sizeof name, "%d/ns/user", pid);
	autofd int made = r < 0 ? r : openat(proc, name, O_RDONLY | O_CLOEXEC);
	if (r >= 0 && made < 0)
		made = err_errno(e, "open the user namespace of an idmapped mount");
	proc_pidfd_signal(pidfd, SIGKILL);
	while (waitid(P_PIDFD, (id_t)pidfd, NULL, WEXITED) < 0 && errno == EINTR)
		;
	return TAKE_FD(made);
}

/* The id to act as: 0 where it is mapped, else the first that is. */
static unsigned int acting_id(const struct id_mapping *map, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (map[i].container_id == 0)
			return 0;
	}
	return count ? map[0].container_id : 0;
}

static int become(uid_t uid, gid_t gid, struct err *e)
{
	if (setresgid(gid, gid, gid) < 0)
		return err_errno(e, "become gid %u in the user namespace", gid);
	if (setresuid(uid, uid, uid) < 0)
		return err_errno(e, "become uid %u in the user namespace", uid);
	return 0;
}

/*
 * Until then our ids are not mapped, and nothing can be made in a file system of the namespace.  In a joined one
 * the maps are not ours: 0, or the ids that the process is to have, which must be mapped.
 */
int idmap_become_root(const struct plan *plan, struct err *e)
{
	const struct ids_plan *ids = &plan->ids;

	if (!plan->namespaces.has_user)
		return 0;
	bool dropped = setgroups(0, NULL) >= 0;
	if (!ids->new_namespace)
		return become(0, 0, e) < 0 ? become(plan->creds.uid, plan->creds.gid, e) : 0;
	if (!dropped && !ids->keep_groups)
		return err_errno(e, "drop supplementary groups in the new user namespace");
	return become(acting_id(ids->uid, ids->uid_count), acting_id(ids->gid, ids->gid_count), e);
}

/*
 * A message queue's file system belongs to who makes its ipc namespace.  Made together with the process that would be an
 * id that is not mapped: nobody inside would own it, and SELinux lets only its owner label it.
 */
uint64_t idmap_makes_late(const struct namespaces_plan *plan)
{
	return plan->has_user ? plan->create & CLONE_NEWIPC : 0;
}

int idmap_make_late(const struct namespaces_plan *plan, struct err *e)
{
	uint64_t late = idmap_makes_late(plan);

	if (late && unshare((int)late) < 0)
		return err_errno(e, "linux.namespaces: make an ipc namespace");
	return 0;
}
