/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watched.c - the system calls that a profile is judged by.
 *
 * Judged is the program that will be loaded, and each ABI that it could meet: a name that the profile denies says nothing
 * of the number that the program lets through.
 */
#include <hrun/filter_arch.h>
#include <hrun/filter_walk.h>
#include <hrun/filter_watched.h>
#include <sched.h>
#include <seccomp.h>

#define CALL(name, ...)                                   \
	{                                                 \
		(name), {__VA_ARGS__}, WATCH_DANGEROUS, 0 \
	}
#define UNCONDITIONAL(name, ...)                                        \
	{                                                               \
		(name), {__VA_ARGS__}, WATCH_DANGEROUS_UNCONDITIONAL, 0 \
	}
#define RESTRICTED(name, bits)                                      \
	{                                                           \
		(name), {"CAP_SYS_ADMIN"}, WATCH_RESTRICTED, (bits) \
	}

const struct watched_call watched_calls[] = {
	/* Another kernel, or code in this one. */
	CALL("kexec_load", "CAP_SYS_BOOT"),
	CALL("kexec_file_load", "CAP_SYS_BOOT"),
	CALL("init_module", "CAP_SYS_MODULE"),
	CALL("finit_module", "CAP_SYS_MODULE"),
	CALL("delete_module", "CAP_SYS_MODULE"),
	CALL("create_module", "CAP_SYS_MODULE"),
	CALL("bpf", "CAP_BPF", "CAP_SYS_ADMIN"),
	CALL("perf_event_open", "CAP_PERFMON", "CAP_SYS_ADMIN"),
	/* Holds a kernel thread at a place of one's choice: without the capability it is for user memory only. */
	CALL("userfaultfd", "CAP_SYS_PTRACE"),
	/* Any file of the file system, by its number. */
	CALL("open_by_handle_at", "CAP_DAC_READ_SEARCH"),
	CALL("iopl", "CAP_SYS_RAWIO"),
	CALL("ioperm", "CAP_SYS_RAWIO"),
	/* The whole host's, not in any namespace. */
	CALL("swapon", "CAP_SYS_ADMIN"),
	CALL("swapoff", "CAP_SYS_ADMIN"),
	CALL("acct", "CAP_SYS_PACCT"),
	CALL("quotactl", "CAP_SYS_ADMIN"),
	CALL("quotactl_fd", "CAP_SYS_ADMIN"),
	CALL("lookup_dcookie", "CAP_SYS_ADMIN"),
	CALL("settimeofday", "CAP_SYS_TIME"),
	CALL("stime", "CAP_SYS_TIME"),
	CALL("clock_settime", "CAP_SYS_TIME"),
	CALL("clock_settime64", "CAP_SYS_TIME"),
	CALL("move_pages", "CAP_SYS_NICE"),
	/* Keys have no namespace; no capability makes them the container's own. */
	CALL("add_key", NULL),
	CALL("request_key", NULL),
	/* Work in the kernel that no filter sees. */
	CALL("io_uring_setup", NULL),
	CALL("io_uring_enter", NULL),
	CALL("io_uring_register", NULL),
	/* Old doors that nothing needs. */
	CALL("vm86", NULL),
	CALL("vm86old", NULL),
	CALL("uselib", NULL),
	CALL("nfsservctl", NULL),
	/* Personalities that turn off protections; sockets of every family that the kernel can load a module for. */
	UNCONDITIONAL("personality", NULL),
	UNCONDITIONAL("socket", "CAP_AUDIT_WRITE"),
	RESTRICTED("mount", 0),
	RESTRICTED("umount", 0),
	RESTRICTED("umount2", 0),
	RESTRICTED("pivot_root", 0),
	RESTRICTED("fsopen", 0),
	RESTRICTED("fsconfig", 0),
	RESTRICTED("fsmount", 0),
	RESTRICTED("fspick", 0),
	RESTRICTED("move_mount", 0),
	RESTRICTED("open_tree", 0),
	RESTRICTED("mount_setattr", 0),
	RESTRICTED("setns", 0),
	RESTRICTED("unshare", CLONE_NEWUSER),
	RESTRICTED("clone", CLONE_NEWUSER),
	/* Its flags are behind a pointer. */
	RESTRICTED("clone3", 0),
};
const size_t watched_call_count = sizeof watched_calls / sizeof *watched_calls;
_Static_assert(sizeof watched_calls / sizeof *watched_calls <= 64, "struct filter_judgement has a bit for each");

uint32_t filter_abi_arch(enum filter_abi abi)
{
	static const uint32_t x32_machine = SCMP_ARCH_X86_64;

	if (abi == FILTER_COMPANION)
		return filter_companion_arch();
	return abi == FILTER_X32 && filter_native_arch() != x32_machine ? 0 : filter_native_arch();
}

const char *filter_abi_name(enum filter_abi abi)
{
	if (abi == FILTER_COMPANION)
		return filter_companion_arch() == SCMP_ARCH_X86 ? "i386" : "arm";
	return abi == FILTER_X32 ? "x32" : NULL;
}

int filter_abi_number(enum filter_abi abi, const char *name)
{
	uint32_t token = abi == FILTER_X32 ? SCMP_ARCH_X32 : filter_abi_arch(abi);

	/* libseccomp has negative numbers for calls that only others have. */
	return seccomp_syscall_resolve_name_arch(token, name);
}

static bool lets(struct filter_walk *walk, uint32_t arch, uint32_t number, const struct watched_call *call)
{
	const struct filter_question question = {.arch = arch, .number = number, .set_bits = call->set_bits};
	unsigned int answers = filter_walk(walk, &question, NULL);

	if (call->watch == WATCH_DANGEROUS_UNCONDITIONAL)
		return answers == FILTER_ALLOWS;
	return answers & FILTER_ALLOWS;
}

static void judge_abi(struct filter_walk *walk, enum filter_abi abi, uint64_t *ret_lets)
{
	uint32_t arch = filter_abi_arch(abi);

	for (size_t i = 0; arch && i < watched_call_count; i++) {
		int number = filter_abi_number(abi, watched_calls[i].name);
		bool passes = number >= 0 && lets(walk, arch, (uint32_t)number, &watched_calls[i]);
		/* A kernel takes some of the machine's own numbers with the bit, too. */
		int own = abi == FILTER_X32 ? filter_abi_number(FILTER_NATIVE, watched_calls[i].name) : -1;
		if (!passes && own >= 0)
			passes = lets(walk, arch, (uint32_t)own | FILTER_X32_BIT, &watched_calls[i]);
#ifdef HRUN_MUTANT_FILTER_JUDGE
		passes = false;
#endif
		*ret_lets |= passes ? UINT64_C(1) << i : 0;
	}
}

void filter_judge(struct pool *pool, const struct sock_filter *program, size_t length,
		  struct filter_judgement *ret_judgement)
{
	struct filter_walk *walk = filter_walk_new(pool, program, length);

	*ret_judgement = (struct filter_judgement){0};
	for (int abi = 0; abi < FILTER_ABIS; abi++)
		judge_abi(walk, (enum filter_abi)abi, &ret_judgement->lets[abi]);
}
