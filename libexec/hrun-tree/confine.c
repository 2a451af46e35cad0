// SPDX-License-Identifier: Apache-2.0
/*
 * confine.c - hrun-tree takes from itself what it does not need: descriptors, capabilities, network, files, system calls.
 *
 * As root it keeps the capabilities that foreign owners and modes take; an ordinary user has none to keep, unless in a user
 * namespace of his own.  What this kernel has not (Landlock) or does not let an ordinary user do is left out; the filter is not.
 */
#include "tree.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0 /* a sanitizer's own calls and its address space would not fit in */
#endif

/* Newer than the headers at hand may be. */
enum {
	FS_REFER = 1 << 13,
	FS_TRUNCATE = 1 << 14,
	FS_IOCTL_DEVICE = 1 << 15,
	NET_ALL = 3,   /* bind and connect of TCP */
	SCOPE_ALL = 3, /* abstract sockets, signals */
	FILES_MAX = 2 * TREE_DEPTH_MAX + 32,
};
struct landlock_rules {
	uint64_t fs, net, scoped;
};

static uint64_t kept_capabilities(const struct tree *t, uint32_t task)
{
	uint64_t read = 1ULL << CAP_DAC_OVERRIDE;
	uint64_t write = 1ULL << CAP_CHOWN | 1ULL << CAP_FOWNER | 1ULL << CAP_FSETID | 1ULL << CAP_SETFCAP;

#ifdef HRUN_MUTANT_TREE_CAPABILITIES
	return UINT64_MAX;
#endif
	if (task == TREE_WALK)
		return read;
	/* The kernel shows trusted.* to nobody else; none of the calls that this capability is feared for are left. */
	if (task == TREE_SERVE)
		return read | 1ULL << CAP_SYS_ADMIN;
	return read | write | (t->flags & TREE_DEVICES ? 1ULL << CAP_MKNOD : 0);
}

static int drop_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
		/* Who has no CAP_SETPCAP has nothing that is worth it either: no_new_privs holds for the rest. */
		if (cap >= 64 || !(keep >> cap & 1))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	}
	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(keep >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* The stream, the directory and the socket: no more descriptors than these and one for each level of the tree. */
static int set_limits(const struct tree *t)
{
	const struct rlimit files = {FILES_MAX, FILES_MAX}, none = {0, 0}, memory = {1U << 30, 1U << 30};
	const struct rlimit size = {t->max_bytes, t->max_bytes};

	if (setrlimit(RLIMIT_NOFILE, &files) < 0 || setrlimit(RLIMIT_CORE, &none) < 0 ||
	    setrlimit(RLIMIT_MEMLOCK, &none) < 0 || setrlimit(RLIMIT_MSGQUEUE, &none) < 0 ||
	    setrlimit(RLIMIT_FSIZE, &size) < 0)
		return -errno;
	return SANITIZED || setrlimit(RLIMIT_AS, &memory) == 0 ? 0 : -errno;
}

static uint64_t landlock_needed(const struct tree *t, uint32_t task)
{
	uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	uint64_t write = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
			 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
			 LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_MAKE_FIFO | FS_REFER | FS_TRUNCATE;

	if (task != TREE_APPLY)
		return read;
	if (t->flags & TREE_DEVICES)
		write |= LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
	return read | write;
}

/* The one directory.  ABI 1 knows no hard links from one directory to another and denies them all: it cannot be used. */
static int restrict_files(const struct tree *t, uint32_t task)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_rules rules = {.net = NET_ALL, .scoped = SCOPE_ALL};
	struct landlock_path_beneath_attr beneath = {.parent_fd = t->root};

	if (abi < 2)
		return 0;
	rules.fs = FS_REFER | (FS_REFER - 1) | (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEVICE : 0);
	beneath.allowed_access = landlock_needed(t, task) & rules.fs;
	int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, abi >= 6 ? sizeof rules : abi >= 4 ? 16 : 8, 0);
	if (fd < 0)
		return -errno;
	int r = syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0 ||
				syscall(SYS_landlock_restrict_self, fd, 0) < 0
			? -errno
			: 0;
	close(fd);
	return r;
}

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#define NUMBERS_END 0x40000000 /* x32 */
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#define NUMBERS_END 0x7fffffff
#else
#error "hrun-tree: this architecture has no filter"
#endif

/* What apply, walk and the C library's memory take.  openat2's flags are in memory, where no filter looks: Landlock does. */
static const unsigned short calls[] = {
	SYS_read,	  SYS_write,	       SYS_close,      SYS_lseek,
	SYS_openat2,	  SYS_fstat,	       SYS_newfstatat, SYS_statx,
	SYS_getdents64,	  SYS_readlinkat,      SYS_mkdirat,    SYS_mknodat,
	SYS_symlinkat,	  SYS_linkat,	       SYS_unlinkat,   SYS_fchown,
	SYS_fchownat,	  SYS_fchmod,	       SYS_fchmodat,   SYS_utimensat,
	SYS_ftruncate,	  SYS_fsetxattr,       SYS_fgetxattr,  SYS_flistxattr,
	SYS_fremovexattr, SYS_sendto,	       SYS_sendmsg,    SYS_brk,
	SYS_mmap,	  SYS_munmap,	       SYS_mremap,     SYS_madvise,
	SYS_rt_sigreturn, SYS_restart_syscall, SYS_exit_group, SYS_exit,
};

enum { CALLS = sizeof calls / sizeof calls[0] };

static int load_filter(void)
{
	struct sock_filter program[CALLS + 7];
	size_t n = 0;

	program[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	program[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	program[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < CALLS; i++)
		program[n++] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], (uint8_t)(CALLS - i), 0);
	program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	program[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog fprog = {(unsigned short)n, program};
#ifdef HRUN_MUTANT_TREE_FILTER
	return 0;
#endif
	if (SANITIZED)
		return 0;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &fprog) < 0 ? -errno : 0;
}

int tree_confine(struct tree *t, uint32_t task)
{
	int r;

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	/* An ordinary user may not; without the calls for sockets there is no network either way. */
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0 && errno != EPERM)
		return tree_fail(t, errno, "no network namespace of its own: %s", strerror(errno));
	r = set_limits(t);
	if (r == 0)
		r = drop_capabilities(kept_capabilities(t, task));
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0)
		r = restrict_files(t, task);
	if (r == 0)
		r = load_filter();
	return r < 0 ? tree_fail(t, -r, "it cannot confine itself: %s", strerror(-r)) : 0;
}
