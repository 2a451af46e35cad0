/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_shorten.c - the shorter filter answers every call as libseccomp's does: made-up filters of all sizes, each with
 * every number near a rule and arguments near what the rules compare with.
 */
#include <hrun/fd.h>
#include <hrun/filter_shorten.h>
#include <hrun/filter_simulate.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FILTERS = 30, NUMBERS = 480 };

static const uint64_t values[] = {0, 1, 2, 7, 0x80, 0xffffffff, 0x100000001, UINT64_MAX};
enum { VALUES = sizeof values / sizeof *values };

/* The same on every machine. */
static uint32_t state = 1;
static unsigned int pick(unsigned int below)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % below;
}

static void add_rules(scmp_filter_ctx context, unsigned int count)
{
	static const uint32_t actions[] = {SCMP_ACT_ALLOW, SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(1), SCMP_ACT_ERRNO(22)};
	static const enum scmp_compare operators[] = {SCMP_CMP_NE, SCMP_CMP_LT, SCMP_CMP_EQ, SCMP_CMP_GE, SCMP_CMP_GT};

	for (unsigned int i = 0; i < count; i++) {
		struct scmp_arg_cmp compare[2];
		unsigned int arguments = pick(4) ? 0 : 1 + pick(2), first = pick(3);
		for (unsigned int j = 0; j < arguments; j++)
			compare[j] = SCMP_CMP(first + j, operators[pick(5)], values[pick(VALUES)], 0);
		uint32_t action = actions[pick(4)];
		unsigned int number = pick(NUMBERS - 60), end = number + (arguments ? 1 : 1 + pick(30));
		for (; number < end; number++)
			seccomp_rule_add_array(context, action, (int)number, arguments, compare);
	}
}

/* libseccomp's program of a made-up filter. */
static size_t make(struct sock_filter *program, unsigned int rules)
{
	scmp_filter_ctx context = seccomp_init(pick(2) ? SCMP_ACT_ERRNO(38) : SCMP_ACT_KILL_PROCESS);

	if (seccomp_arch_exist(context, SCMP_ARCH_X86_64) != 0)
		seccomp_arch_add(context, SCMP_ARCH_X86_64);
	if (pick(2))
		seccomp_arch_add(context, SCMP_ARCH_X86);
	if (pick(2))
		seccomp_arch_add(context, SCMP_ARCH_X32);
	seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, pick(3) ? 2 : 1);
	add_rules(context, rules);
	autofd int fd = memfd_create("filter", MFD_CLOEXEC);
	int r = seccomp_export_bpf(context, fd);
	seccomp_release(context);
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return 0;
	ssize_t size = fd_read_all(fd, program, BPF_MAXINSNS * sizeof *program);
	return size < 0 ? 0 : (size_t)size / sizeof *program;
}

static int compare_call(const struct sock_filter *old, size_t old_length, const struct sock_filter *new,
			size_t new_length, const struct seccomp_data *call)
{
	uint32_t expected = filter_simulate(old, old_length, call), got = filter_simulate(new, new_length, call);

	if (got == expected)
		return 0;
	printf("arch %x number %x arguments %llx %llx: %x, expected %x\n", call->arch, (unsigned int)call->nr,
	       (unsigned long long)call->args[0], (unsigned long long)call->args[1], got, expected);
	return 1;
}

static int compare_number(const struct sock_filter *old, size_t old_length, const struct sock_filter *new,
			  size_t new_length, uint32_t arch, uint32_t number)
{
	struct seccomp_data call = {.nr = (int)number, .arch = arch};
	int failures = 0;

	for (unsigned int i = 0; i < VALUES; i++) {
		for (unsigned int j = 0; j < 6; j++)
			call.args[j] = values[(i + j * pick(VALUES)) % VALUES];
		failures += compare_call(old, old_length, new, new_length, &call);
	}
	return failures != 0;
}

static int check(unsigned int rules, size_t *before, size_t *after)
{
	static const uint32_t archs[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64};
	static const uint32_t edges[] = {0x3fffffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
	static struct sock_filter program[BPF_MAXINSNS];
	const struct sock_filter *shorter = program;
	struct pool pool = {NULL};
	size_t length = make(program, rules), shorter_length = length;
	int failures = length == 0;

	if (length)
		filter_shorten(&pool, &shorter, &shorter_length);
	for (size_t a = 0; a < sizeof archs / sizeof *archs; a++) {
		for (uint32_t number = 0; number < NUMBERS; number++) {
			failures += compare_number(program, length, shorter, shorter_length, archs[a], number);
			failures +=
				compare_number(program, length, shorter, shorter_length, archs[a], number | 0x40000000);
		}
		for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
			failures += compare_number(program, length, shorter, shorter_length, archs[a], edges[i]);
	}
	*before += length;
	*after += shorter_length;
	pool_free(&pool);
	return failures != 0;
}

int main(void)
{
	size_t before = 0, after = 0;
	int failures = 0;

	for (unsigned int i = 0; i < FILTERS && failures < 20; i++)
		failures += check(i < 20 ? i : 20 + pick(60), &before, &after);
	printf("%zu instructions instead of %zu\n", after, before);
	return failures != 0 || after >= before;
}
