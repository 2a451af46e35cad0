/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor.c - a filter that denies the dangerous calls (watched.c) and nothing else.
 *
 * Calls of an ABI that this machine does not run are left to the profile above; its program kills them.
 */
#include <errno.h>
#include <hrun/filter_arch.h>
#include <hrun/filter_floor.h>
#include <hrun/filter_watched.h>
#include <hrun/str.h>
#include <linux/personality.h>
#include <linux/seccomp.h>
#include <sys/socket.h>

/* What is left of calls that are dangerous with some arguments only: these first arguments. */
static const struct exception {
	const char *name;
	uint32_t values[6];
	size_t count;
	uint32_t otherwise;
} exceptions[] = {
	{"personality", {PER_LINUX, PER_LINUX32, UNAME26, PER_LINUX32 | UNAME26, UINT32_MAX}, 5, EPERM},
	{"socket", {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}, 4, EAFNOSUPPORT},
};

struct code {
	struct pool *pool;
	struct sock_filter *insn;
	size_t length;
};

static void put(struct code *code, uint16_t op, uint32_t k)
{
	*pool_array_add(code->pool, code->insn, code->length) = (struct sock_filter){.code = op, .k = k};
}

static void put_jump(struct code *code, uint16_t op, uint32_t k, size_t yes, size_t no)
{
	put(code, (uint16_t)(BPF_JMP | op | BPF_K), k);
	code->insn[code->length - 1].jt = (uint8_t)yes;
	code->insn[code->length - 1].jf = (uint8_t)no;
}

static void put_return(struct code *code, uint32_t action)
{
	put(code, BPF_RET | BPF_K, action);
}

static void put_exception(struct code *code, const struct exception *exception)
{
	size_t count = exception->count;

	put(code, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args));
	for (size_t i = 0; i < count; i++)
		put_jump(code, BPF_JEQ, exception->values[i], count - i, 0);
	put_return(code, SECCOMP_RET_ERRNO | exception->otherwise);
	put_return(code, SECCOMP_RET_ALLOW);
}

static void put_call(struct code *code, const char *name, uint32_t number)
{
	for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++) {
		if (!str_equal(exceptions[i].name, name))
			continue;
		put_jump(code, BPF_JEQ, number, 0, exceptions[i].count + 3);
		put_exception(code, &exceptions[i]);
		return;
	}
	put_jump(code, BPF_JEQ, number, 0, 1);
	put_return(code, SECCOMP_RET_ERRNO | EPERM);
}

/* The number is in the accumulator, and stays there but for the calls that are answered. */
static void put_abi(struct code *code, enum filter_abi abi, uint64_t granted)
{
	put(code, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	if (abi == FILTER_NATIVE && filter_abi_arch(FILTER_X32)) {
		put_jump(code, BPF_JGE, FILTER_X32_BIT, 0, 1);
		put_return(code, SECCOMP_RET_ERRNO | ENOSYS);
	}
	for (size_t i = 0; i < watched_call_count; i++) {
		int number = filter_abi_number(abi, watched_calls[i].name);
		if (watched_calls[i].watch != WATCH_RESTRICTED && !(granted & UINT64_C(1) << i) && number >= 0)
			put_call(code, watched_calls[i].name, (uint32_t)number);
	}
	put_return(code, SECCOMP_RET_ALLOW);
}

void filter_floor(struct pool *pool, uint64_t granted, const struct sock_filter **ret_program, size_t *ret_length)
{
	static const enum filter_abi abis[] = {FILTER_NATIVE, FILTER_COMPANION};
	struct code code = {.pool = pool};

	put(&code, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < sizeof abis / sizeof *abis; i++) {
		struct code part = {.pool = pool};
		put_abi(&part, abis[i], granted);
		put_jump(&code, BPF_JEQ, filter_abi_arch(abis[i]), 1, 0);
		put(&code, BPF_JMP | BPF_JA, (uint32_t)part.length);
		for (size_t k = 0; k < part.length; k++)
			*pool_array_add(pool, code.insn, code.length) = part.insn[k];
	}
	put_return(&code, SECCOMP_RET_ALLOW);
	*ret_program = code.insn;
	*ret_length = code.length;
}
