/* SPDX-License-Identifier: Apache-2.0 */
/*
 * creds.c - the process becomes powerless: keyring, ids, the five capability sets, no_new_privs.
 *
 * Exactly what the plan says, in init and in exec alike: sets that were not given are empty (CVE-2022-24769,
 * CVE-2022-29162), groups are set even where there are none, and every id is read back.
 * Order: what needs a capability comes before the capability goes.
 */
#include <fcntl.h>
#include <grp.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/filter.h>
#include <hrun/mnt.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CAPS_END = 64 };
#define CAP_BIT(cap) (UINT64_C(1) << (cap))

static int new_keyring(struct err *e)
{
#ifdef HRUN_MUTANT_KEYRING
	return 0;
#endif
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0 || errno == ENOSYS)
		return 0; /* a kernel without keys has none to share */
	err_errno(e, "join a new session keyring");
	if (e->errnum == EPERM)
		err_advise(e, "the filter over the caller's system calls must allow keyctl(2) (systemd-nspawn: "
			      "--system-call-filter=keyctl)");
	return -e->errnum;
}

static int get_caps(uint64_t *ret_permitted, struct err *e)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return err_errno(e, "read capabilities");
	*ret_permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	return 0;
}

static int set_caps(uint64_t effective, uint64_t permitted, uint64_t inheritable, struct err *e)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(effective >> (32 * i));
		data[i].permitted = (uint32_t)(permitted >> (32 * i));
		data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
	}
	if (syscall(SYS_capset, &header, data) < 0)
		return err_errno(e, "set capabilities");
	return 0;
}

static int drop_bounding(uint64_t keep, struct err *e)
{
#ifdef HRUN_MUTANT_BOUNDING
	return 0;
#endif
	for (unsigned long cap = 0; cap < CAPS_END; cap++) {
		if (keep & CAP_BIT(cap))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				break; /* above the last capability of this kernel */
			return err_errno(e, "drop capability %lu from the bounding set", cap);
		}
	}
	return 0;
}

static int raise_ambient(uint64_t ambient, struct err *e)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_errno(e, "clear the ambient capabilities");
	for (unsigned long cap = 0; cap < CAPS_END; cap++) {
		if (!(ambient & CAP_BIT(cap)))
			continue;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return err_errno(e, "raise ambient capability %lu", cap);
	}
	return 0;
}

static bool setgroups_is_denied(void)
{
	char text[8] = "";
	struct err ignored;
	autopile struct fd_pile pile = {.count = 0};
	autofd int proc = mnt_private_proc(&pile, &ignored);
	autofd int fd = proc < 0 ? -EBADF : openat(proc, "self/setgroups", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && fd_read_all(fd, text, sizeof text - 1) > 0 && str_starts(text, "deny");
}

static int set_groups(const struct creds_plan *c, struct err *e)
{
#ifdef HRUN_MUTANT_GROUPS
	return 0;
#endif
	if (setgroups(c->group_count, c->groups) < 0) {
		/* Denied for good in a namespace of an ordinary user: the caller's groups stay, they are nobody's there. */
		if (errno == EPERM && !c->group_count && setgroups_is_denied())
			return 0;
		return err_errno(e, "process.user.additionalGids: set %zu supplementary groups", c->group_count);
	}
	return 0;
}

static int set_ids(const struct creds_plan *c, struct err *e)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	TRY(set_groups(c, e));
	if (setresgid(c->gid, c->gid, c->gid) < 0)
		return err_errno(e, "process.user.gid: become gid %u", c->gid);
	if (setresuid(c->uid, c->uid, c->uid) < 0)
		return err_errno(e, "process.user.uid: become uid %u", c->uid);
	if (getresuid(&ruid, &euid, &suid) < 0 || getresgid(&rgid, &egid, &sgid) < 0)
		return err_errno(e, "read the ids back");
	if (ruid != c->uid || euid != c->uid || suid != c->uid || rgid != c->gid || egid != c->gid || sgid != c->gid)
		return err_set(e, EPERM, "the kernel did not set the ids that were asked for");
	/* A change of ids sets this to fs.suid_dumpable, which an administrator may have raised. */
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? err_errno(e, "stay undumpable") : 0;
}

/* Engines count on a missing working directory being made.  Where it cannot be, entering it tells. */
void cwd_make(const struct plan *plan, int root)
{
	struct err ignored;

	if (str_equal(plan->exec.cwd, "/"))
		return;
	autofd int fd = path_make_in_root(root, plan->exec.cwd, true, 0755, &ignored);
	(void)fd;
}

/*
 * The kernel shows a directory outside the root as "(unreachable)/...": a leaked descriptor
 * of the host that process.cwd named (CVE-2024-21626).
 */
static int enter_cwd(const char *cwd, struct err *e)
{
	char now[PATH_MAX];

	int r = chdir(cwd);
	if (r < 0 && errno == ENOENT)
		return err_set(e, ENOENT,
			       "process.cwd: enter `%s`: No such file or directory; make it in the image, "
			       "hrun cannot on a read-only root",
			       cwd);
	if (r < 0)
		return err_errno(e, "process.cwd: enter `%s`", cwd);
	if (str_equal(cwd, "/"))
		return 0;
	long n = syscall(SYS_getcwd, now, sizeof now);
	if (n < 0)
		return err_errno(e, "process.cwd: read the working directory back");
#ifdef HRUN_MUTANT_CWD_CHECK
	now[0] = '/';
#endif
	if (now[0] != '/')
		return err_set(e, EXDEV, "process.cwd: `%s` is outside the container; name a directory of the image",
			       cwd);
	return 0;
}

static int set_limits(const struct creds_plan *c, struct err *e)
{
#ifdef HRUN_MUTANT_RLIMITS
	return 0;
#endif
	for (size_t i = 0; i < c->rlimit_count; i++) {
		const struct rlimit_step *r = &c->rlimits[i];
		if (setrlimit((__rlimit_resource_t)r->resource, &r->limit) < 0)
			return err_errno(e, "process.rlimits: set %s", r->name);
	}
	return 0;
}

/* Without no_new_privs the kernel takes a filter from CAP_SYS_ADMIN only: that one is kept until creds_seal. */
static uint64_t kept_for_filter(const struct plan *plan)
{
	return plan->filter.program && !plan->creds.no_new_privs ? CAP_BIT(CAP_SYS_ADMIN) : 0;
}

/* A capability that hrun itself does not have cannot be handed on: it is a right, not a control. */
static int set_sets(const struct plan *plan, uint64_t keep, bool again, struct err *e)
{
	const uint64_t *caps = plan->creds.caps;
	uint64_t own = 0, inheritable = caps[CAPS_INHERITABLE];

	TRY(get_caps(&own, e));
#ifdef HRUN_MUTANT_INHERITABLE
	inheritable = caps[CAPS_PERMITTED];
#endif
	TRY(set_caps((caps[CAPS_EFFECTIVE] & own) | keep, (caps[CAPS_PERMITTED] & own) | keep, inheritable & own, e));
	/* Raised once: with what is permitted later goes what is ambient of it. */
	return again ? 0 : raise_ambient(caps[CAPS_AMBIENT] & own, e);
}

static int become_powerless(const struct plan *plan, struct err *e)
{
	const struct creds_plan *c = &plan->creds;

	TRY(drop_bounding(c->caps[CAPS_BOUNDING], e));
	/* Only who stops being root loses them by that. */
	if (c->uid && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_errno(e, "keep capabilities while the ids change");
	TRY(set_ids(c, e));
	TRY(set_sets(plan, kept_for_filter(plan), false, e));
	if (c->uid && prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return err_errno(e, "reset keepcaps");
#ifndef HRUN_MUTANT_NO_NEW_PRIVS
	if (c->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno(e, "set no_new_privs");
#endif
	return 0;
}

int creds_apply(const struct plan *plan, int root, struct err *e)
{
	const struct creds_plan *c = &plan->creds;

	if (c->new_keyring)
		TRY(new_keyring(e));
	struct err why;
	cwd_make(plan, root);
	umask(c->umask);
	/* As root first: the directory may be closed to the user that the engine chose; NFS may say no to root. */
	bool entered = enter_cwd(plan->exec.cwd, &why) >= 0;
	TRY(become_powerless(plan, e));
	return entered ? 0 : enter_cwd(plan->exec.cwd, e);
}

int creds_seal(const struct plan *plan, struct err *e)
{
	TRY(set_limits(&plan->creds, e));
#ifndef HRUN_MUTANT_FILTER
	if (plan->filter.program)
		TRY(filter_load_and_notify(&plan->filter, e));
#endif
	if (kept_for_filter(plan))
		TRY(set_sets(plan, 0, true, e));
	return 0;
}

int creds_raise_limits(const struct creds_plan *plan, pid_t pid, struct err *e)
{
	for (size_t i = 0; i < plan->rlimit_count; i++) {
		const struct rlimit_step *r = &plan->rlimits[i];
		struct rlimit now;
		if (prlimit(pid, (__rlimit_resource_t)r->resource, NULL, &now) < 0)
			return err_errno(e, "read %s", r->name);
		if (r->limit.rlim_max <= now.rlim_max)
			continue;
		now.rlim_max = r->limit.rlim_max;
		if (prlimit(pid, (__rlimit_resource_t)r->resource, &now, NULL) < 0)
			return err_errno(e, "process.rlimits: raise the hard limit of %s", r->name);
	}
	return 0;
}

int creds_set_oom_score(const struct creds_plan *plan, int proc, pid_t pid, struct err *e)
{
	char file[48], value[16];

	if (!plan->has_oom_score_adj)
		return 0;
	TRY(str_format(file, sizeof file, "%d/oom_score_adj", pid));
	TRY(str_format(value, sizeof value, "%d", plan->oom_score_adj));
	int r = fd_write_file_at(proc, file, value);
	if (r == -EACCES)
		return err_set(e, EACCES,
			       "process.oomScoreAdj: lowering it to %d takes CAP_SYS_RESOURCE, which hrun lacks",
			       plan->oom_score_adj);
	return r < 0 ? err_set(e, -r, "process.oomScoreAdj: write %d: %s", plan->oom_score_adj, strerrordesc_np(-r))
		     : 0;
}
