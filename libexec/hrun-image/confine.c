/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine.c - whoever takes over this program has a processor for some minutes and the descriptors that it was given.
 *
 * Every wall that needs privilege is built with what the caller has and stands without it where he has none; those that count
 * (no capability, no_new_privs, the system call filter, the limits) are there for everybody or the program ends.
 *
 * Root's hrun-image gets uid and gid HRUN_IMAGE_ID: of nobody, in no range that Debian, systemd or the usual subuid ranges
 * give away; and an empty user namespace on top, in which no id is mapped.
 */
#include "image.h"
#include <errno.h>
#include <grp.h>
#include <hrun/fd.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	HRUN_IMAGE_ID = 2146483547,
	MEMORY_MAX = 512 << 20, /* address space; what is really used stays far below */
	CPU_SECONDS_MAX = 900,
	/* The socket, 0 to 2, a request's descriptors, and what is open while a blob is read. */
	FILES_MAX = 3 + 1 + IMAGE_FDS_MAX + 12,
	THREADS_MAX = 64, /* of this uid */
};

/* A caller's own limit that is lower stays, since nobody here may raise it. */
static int limit(int resource, rlim_t value)
{
	struct rlimit limits;

	if (getrlimit((__rlimit_resource_t)resource, &limits) < 0)
		return -errno;
	if (limits.rlim_max > value)
		limits.rlim_max = value;
	limits.rlim_cur = limits.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &limits) < 0 ? -errno : 0;
}

static int set_limits(void)
{
	TRY(limit(RLIMIT_CORE, 0));
	TRY(limit(RLIMIT_FSIZE, 0));
	TRY(limit(RLIMIT_CPU, CPU_SECONDS_MAX));
	TRY(limit(RLIMIT_NOFILE, FILES_MAX));
	TRY(limit(RLIMIT_NPROC, THREADS_MAX));
#ifndef __SANITIZE_ADDRESS__
	TRY(limit(RLIMIT_AS, MEMORY_MAX));
#endif
	return 0;
}

/* Another user where we are root and there is one; the caller himself where not. */
static int change_user(void)
{
	const gid_t none[1] = {0};

	if (geteuid() != 0)
		return 0;
	if (setgroups(0, none) < 0 && errno != EPERM)
		return -errno;
	/* EINVAL: root of a user namespace that does not know this id.  The namespace below takes its place. */
	if (syscall(SYS_setresgid, HRUN_IMAGE_ID, HRUN_IMAGE_ID, HRUN_IMAGE_ID) < 0)
		return errno == EINVAL || errno == EPERM ? 0 : -errno;
	if (syscall(SYS_setresuid, HRUN_IMAGE_ID, HRUN_IMAGE_ID, HRUN_IMAGE_ID) < 0)
		return errno == EINVAL || errno == EPERM ? 0 : -errno;
	return 0;
}

static void leave_namespaces(bool privileged)
{
	const int others = CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

	/* Refused inside of some containers: the filter then still has no call that makes a socket. */
	if (privileged && unshare(CLONE_NEWNET | others) == 0)
		return;
	if (!privileged && unshare(CLONE_NEWUSER | CLONE_NEWNET | others) < 0)
		unshare(CLONE_NEWUSER);
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[2] = {{0}};

	/* EPERM: no CAP_SETPCAP; no_new_privs and a program that executes nothing make the bounding set meaningless. */
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno != EPERM)
			return -errno;
	}
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
#ifdef HRUN_MUTANT_IMAGE_CAPS
	return 0;
#endif
	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

/* Landlock, whichever version the kernel has: everything is handled, nothing is allowed. */
static int deny_files(void)
{
	struct {
		uint64_t files, network, scopes;
	} rules = {0};
	enum { VERSION = 1 };
	static const unsigned char file_rights[] = {0, 13, 14, 15, 15, 16};
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION);

	if (abi <= 0)
		return 0; /* not in this kernel: the filter has no call that opens a file */
	size_t last = sizeof file_rights - 1;
	rules.files = (UINT64_C(1) << file_rights[(size_t)abi < last ? (size_t)abi : last]) - 1;
	rules.network = abi >= 4 ? 3 : 0;
	rules.scopes = abi >= 6 ? 3 : 0;
	size_t size = abi >= 6 ? sizeof rules : abi >= 4 ? offsetof(__typeof__(rules), scopes) : sizeof rules.files;
	autofd int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (fd < 0)
		return -errno;
	return syscall(SYS_landlock_restrict_self, fd, 0) < 0 ? -errno : 0;
}

int confine(bool dies_with_parent, const char **ret_what)
{
	bool privileged = geteuid() == 0;
	int r;

	*ret_what = "prctl";
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	*ret_what = "set limits";
	TRY(set_limits());
	if (privileged)
		leave_namespaces(true);
	*ret_what = "change the user";
	r = change_user();
	TRY(r);
	leave_namespaces(false);
	*ret_what = "drop capabilities";
	TRY(drop_capabilities());
	*ret_what = "deny files (Landlock)";
	TRY(deny_files());
	*ret_what = "follow the parent";
	/* A change of credentials has cleared what hrun had set. */
	if (prctl(PR_SET_PDEATHSIG, dies_with_parent ? SIGKILL : 0, 0, 0, 0) < 0)
		return -errno;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	*ret_what = "load the system call filter";
#ifdef __SANITIZE_ADDRESS__
	return 0; /* its run-time library opens and maps what it likes */
#endif
	return filter_load();
}
