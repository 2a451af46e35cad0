/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.c - the system calls of hrun-image.  By hand: a short list, and libseccomp stays outside of this program.
 *
 * Not in it: anything that opens, makes or names a file, a socket, a process; ioctl; execve.  What is not in it fails with EPERM;
 * a call of another ABI ends the program.
 */
#include "image.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define HRUN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define HRUN_ARCH AUDIT_ARCH_AARCH64
#else
#error "hrun-image: the filter knows x86_64 and aarch64"
#endif

/* Allowed whatever the arguments. */
static const unsigned short plain[] = {
	SYS_read,
	SYS_readv,
	SYS_pread64,
	SYS_write,
	SYS_writev,
	SYS_close,
	SYS_lseek,
	SYS_fstat,
	SYS_sendmsg,
	SYS_recvmsg,
	SYS_sendto,
	SYS_recvfrom,
	SYS_ppoll,
	SYS_getdents64,
	SYS_fadvise64,
	SYS_munmap,
	SYS_mremap,
	SYS_brk,
	SYS_madvise,
	SYS_futex,
	SYS_set_robust_list,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_restart_syscall,
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_clock_gettime,
	SYS_gettimeofday,
	SYS_clock_nanosleep,
	SYS_getrandom,
	SYS_sysinfo,
	SYS_getpid,
	SYS_gettid,
	SYS_exit,
	SYS_exit_group,
#ifdef SYS_poll
	SYS_poll,
#endif
#ifdef SYS_rseq
	SYS_rseq,
#endif
};

enum condition {
	NOT_EXECUTABLE, /* mmap, mprotect: no bit of PROT_EXEC */
	THREAD,		/* clone: only a thread of this process */
	OWN_PROCESS,	/* tgkill: a thread of this process, as abort(3) does */
	READ_FLAGS,	/* fcntl: F_GETFD, F_SETFD, F_GETFL */
};
static const struct {
	unsigned short number;
	unsigned char argument, condition;
} conditional[] = {
	{SYS_mmap, 2, NOT_EXECUTABLE}, {SYS_mprotect, 2, NOT_EXECUTABLE}, {SYS_clone, 0, THREAD},
	{SYS_tgkill, 0, OWN_PROCESS},  {SYS_fcntl, 1, READ_FLAGS},
};

enum { MAX_INSTRUCTIONS = 160 };
struct program {
	struct sock_filter code[MAX_INSTRUCTIONS];
	unsigned short length;
};

static void add(struct program *p, int code, uint32_t k, unsigned char jump_true, unsigned char jump_false)
{
	p->code[p->length++] =
		(struct sock_filter){.code = (unsigned short)code, .jt = jump_true, .jf = jump_false, .k = k};
}

static void add_return(struct program *p, uint32_t action)
{
	add(p, BPF_RET | BPF_K, action, 0, 0);
}

static void add_load(struct program *p, size_t offset)
{
	add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* Little endian on both: the low half comes first.  No flag that is looked at is in the high half. */
static void add_condition(struct program *p, unsigned char argument, enum condition condition)
{
	enum { LAST_READ_FLAG = 3 };

	add_load(p, offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t));
	switch (condition) {
	case NOT_EXECUTABLE:
		add(p, BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0);
		break;
	case THREAD:
		add(p, BPF_ALU | BPF_AND | BPF_K, CLONE_THREAD | CLONE_VM | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID,
		    0, 0);
		add(p, BPF_JMP | BPF_JEQ | BPF_K, CLONE_THREAD | CLONE_VM, 0, 1);
		break;
	case OWN_PROCESS:
		add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)getpid(), 0, 1);
		break;
	case READ_FLAGS:
		add(p, BPF_JMP | BPF_JGT | BPF_K, LAST_READ_FLAG, 1, 0);
		break;
	}
	add_return(p, SECCOMP_RET_ALLOW);
	add_return(p, SECCOMP_RET_ERRNO | EPERM);
}

static void write_program(struct program *p)
{
	add_load(p, offsetof(struct seccomp_data, arch));
	add(p, BPF_JMP | BPF_JEQ | BPF_K, HRUN_ARCH, 1, 0);
	add_return(p, SECCOMP_RET_KILL_PROCESS);
	add_load(p, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
		add(p, BPF_JMP | BPF_JEQ | BPF_K, plain[i], 0, 1);
		add_return(p, SECCOMP_RET_ALLOW);
	}
	for (size_t i = 0; i < sizeof conditional / sizeof *conditional; i++) {
		unsigned short jump = p->length;
		add(p, BPF_JMP | BPF_JEQ | BPF_K, conditional[i].number, 0, 0);
		add_condition(p, conditional[i].argument, conditional[i].condition);
		p->code[jump].jf = (unsigned char)(p->length - jump - 1);
	}
	/* The C library then makes threads with clone, whose flags can be seen. */
	add(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
	add_return(p, SECCOMP_RET_ERRNO | ENOSYS);
	add_return(p, SECCOMP_RET_ERRNO | EPERM);
}

int filter_load(void)
{
	static struct program program;
	struct sock_fprog load = {.filter = program.code};

	write_program(&program);
	load.len = program.length;
#ifdef HRUN_MUTANT_IMAGE_FILTER
	return 0;
#endif
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &load) < 0 ? -errno : 0;
}
