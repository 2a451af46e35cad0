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
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
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
	FILES_MAX = 2 * TREE_DEPTH_MAX + TREE_LOWERS_MAX + 32,
};
struct landlock_rules {
	uint64_t fs, net, scoped;
};

static uint64_t kept_capabilities(const struct tree *t, uint32_t task)
{
	uint64_t write = 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_CHOWN | 1ULL << CAP_FOWNER | 1ULL << CAP_FSETID |
			 1ULL << CAP_SETFCAP;

#ifdef HRUN_MUTANT_TREE_CAPABILITIES
	return UINT64_MAX;
#endif
	if (task == TREE_WALK)
		return 1ULL << CAP_DAC_READ_SEARCH;
	/* The kernel shows trusted.* to nobody else; none of the calls that this capability is feared for are left. */
	if (task == TREE_SERVE)
		return 1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_SYS_ADMIN;
	return write | (t->flags & TREE_DEVICES ? 1ULL << CAP_MKNOD : 0);
}

/*
 * The directory becomes the root: Landlock lets chmod, chown, utimensat, stat and readlink through whatever path they are given.
 * No descriptor leads out of it.  An ordinary user gets there, and into a network of his own, by a user namespace in which he then
 * has nothing; where he may not make one, he has his own rights only.  So has he for a walk: the namespace would know one owner, and
 * a walk has to tell them apart.  It has no call that writes.
 */
static int leave_machine(const struct tree *t, uint32_t task, bool *ret_alone)
{
	const int others = CLONE_NEWNET | CLONE_NEWIPC;
	bool ordinary = geteuid() != 0;

	*ret_alone = false;
	if (unshare(others) < 0) {
		if (errno != EPERM)
			return -errno;
		*ret_alone = ordinary && task == TREE_APPLY && unshare(CLONE_NEWUSER | others) == 0;
	}
#ifdef HRUN_MUTANT_TREE_ROOT
	return 0;
#endif
	if (fchdir(t->root) < 0)
		return -errno;
	return chroot(".") == 0 || (ordinary && errno == EPERM) ? 0 : -errno;
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
			 LANDLOCK_ACCESS_FS_MAKE_SYM | FS_REFER | FS_TRUNCATE;

	if (task != TREE_APPLY)
		return read;
	if (!(t->flags & TREE_SHARED))
		write |= LANDLOCK_ACCESS_FS_MAKE_FIFO;
	if (t->flags & TREE_DROP_DEVICES)
		write |= LANDLOCK_ACCESS_FS_MAKE_SOCK;
	if (t->flags & TREE_DEVICES)
		write |= LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
	return read | write;
}

/* FD allows what is below it.  0 or negative errno. */
static int allow_below(int rules, int fd, uint64_t access)
{
	const struct landlock_path_beneath_attr beneath = {.allowed_access = access, .parent_fd = fd};

	return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0 ? -errno : 0;
}

/* The one directory, and those that were given beside it.  ABI 1 knows no hard links from one directory to another and denies them all: it cannot be used. */
static int restrict_files(const struct tree *t, uint32_t task)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_rules rules = {.net = NET_ALL, .scoped = SCOPE_ALL};

	if (abi < 2)
		return 0;
	rules.fs = FS_REFER | (FS_REFER - 1) | (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEVICE : 0);
	const uint64_t access = landlock_needed(t, task) & rules.fs;
	int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, abi >= 6 ? sizeof rules : abi >= 4 ? 16 : 8, 0);
	if (fd < 0)
		return -errno;
	int r = allow_below(fd, t->root, access);
	for (size_t i = 0; i < t->lower_count && r == 0; i++)
		r = allow_below(fd, t->lowers[i], access);
	if (r == 0 && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		r = -errno;
	close(fd);
	return r;
}

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "hrun-tree: this architecture has no filter"
#endif

/*
 * What either task takes, and the C library's memory.  openat2's flags are in memory, where no filter looks: Landlock does.
 * mmap comes apart: it makes no code.  Debian 12's qsort asks sysinfo(2) how much memory there is before it sorts 1024 bytes or more.
 */
static const unsigned short reading[] = {
	SYS_read,	  SYS_write,	       SYS_close,      SYS_lseek,      SYS_openat2,   SYS_fstat,
	SYS_newfstatat,	  SYS_statx,	       SYS_getdents64, SYS_readlinkat, SYS_fgetxattr, SYS_flistxattr,
	SYS_sendto,	  SYS_sendmsg,	       SYS_brk,	       SYS_munmap,     SYS_mremap,    SYS_madvise,
	SYS_rt_sigreturn, SYS_restart_syscall, SYS_exit_group, SYS_exit,       SYS_sysinfo,
};
static const unsigned short writing[] = {
	SYS_mkdirat, SYS_mknodat,  SYS_symlinkat, SYS_linkat,	 SYS_unlinkat,	SYS_fchown,	  SYS_fchownat,
	SYS_fchmod,  SYS_fchmodat, SYS_utimensat, SYS_ftruncate, SYS_fsetxattr, SYS_fremovexattr,
};

enum { READING = sizeof reading / sizeof reading[0], WRITING = sizeof writing / sizeof writing[0] };

struct program {
	struct sock_filter code[2 * (READING + WRITING) + 16];
	unsigned short length;
};

static void add(struct program *p, int code, uint32_t k, unsigned char jump_true, unsigned char jump_false)
{
	p->code[p->length++] =
		(struct sock_filter){.code = (unsigned short)code, .jt = jump_true, .jf = jump_false, .k = k};
}

static void allow(struct program *p, const unsigned short *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		add(p, BPF_JMP | BPF_JEQ | BPF_K, calls[i], 0, 1);
		add(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	}
}

/* What is not in it ends the program; so does a call of another ABI. */
static void write_filter(struct program *p, uint32_t task)
{
	add(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	add(p, BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	add(p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	add(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	allow(p, reading, READING);
	allow(p, writing, task == TREE_WALK ? 0 : WRITING);
	add(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0);
	add(p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	add(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]), 0, 0);
	add(p, BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1);
	add(p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	add(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

static int load_filter(uint32_t task)
{
	static struct program program;

	write_filter(&program, task);
	const struct sock_fprog load = {program.length, program.code};
#ifdef HRUN_MUTANT_TREE_FILTER
	return 0;
#endif
	if (SANITIZED)
		return 0;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &load) < 0 ? -errno : 0;
}

int tree_confine(struct tree *t, uint32_t task)
{
	bool alone;
	int r = leave_machine(t, task, &alone);

	if (r < 0)
		return tree_fail(t, -r, "it cannot leave the machine's root and network: %s", strerror(-r));
	r = set_limits(t);
	if (r == 0)
		r = drop_capabilities(alone ? 0 : kept_capabilities(t, task));
	if (r == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = -errno;
	/* A change of credentials clears both. */
	if (r == 0 && (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0))
		r = -errno;
	if (r == 0)
		r = restrict_files(t, task);
	if (r == 0)
		r = load_filter(task);
	return r < 0 ? tree_fail(t, -r, "it cannot confine itself: %s", strerror(-r)) : 0;
}
