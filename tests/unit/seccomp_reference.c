/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every built-in program against its JSON profile, read and evaluated the slow way: all numbers
 * 0..600 and those of x32, for every machine and ABI, with arguments that matter, for
 * sets of capabilities: none, each one alone, those of engines, all, and random ones.
 */
#include "../seccomp/read_profile.h"
#include <hrun/builtin_filter.h>
#include <hrun/filter_simulate.h>
#include <linux/audit.h>

static unsigned long failures, checks;

static const struct subject {
	const char *profile;
	uint32_t machine, abi;
} subjects[] = {
	{"default.json", AUDIT_ARCH_X86_64, AUDIT_ARCH_X86_64},
	{"default.json", AUDIT_ARCH_AARCH64, AUDIT_ARCH_AARCH64},
	{"strict.json", AUDIT_ARCH_X86_64, AUDIT_ARCH_X86_64},
	{"strict.json", AUDIT_ARCH_AARCH64, AUDIT_ARCH_AARCH64},
	{"compat-x86.json", AUDIT_ARCH_X86_64, AUDIT_ARCH_X86_64},
	{"compat-x86.json", AUDIT_ARCH_X86_64, AUDIT_ARCH_I386},
};

/* The first entry that applies decides. */
static uint32_t expected(const struct test_profile *profile, const bool *named, uint64_t capabilities,
			 const struct seccomp_data *call)
{
	uint64_t args[6];

	memcpy(args, call->args, sizeof args);
	for (size_t i = 0; i < profile->seccomp.syscall_count; i++) {
		const struct config_seccomp_syscall *entry = &profile->syscalls[i];
		if (named[i] && (!profile->any_of[i] || (profile->any_of[i] & capabilities)) &&
		    test_args_hold(entry, args))
			return test_action(entry->action, entry->errno_ret);
	}
	return test_action(profile->seccomp.default_action, profile->seccomp.default_errno_ret);
}

static void check(const struct subject *subject, const struct filter_plan *filter, uint64_t capabilities,
		  const struct seccomp_data *call, uint32_t want)
{
	uint32_t got = filter_simulate(filter->program, filter->length, call);

	checks++;
	if (got == want || failures++ > 20)
		return;
	printf("%s machine %#x abi %#x caps %#llx call %d(%#llx, %#llx, %#llx): got %#x, expected %#x\n",
	       subject->profile, subject->machine, subject->abi, (unsigned long long)capabilities, call->nr,
	       call->args[0], call->args[1], call->args[2], got, want);
}

static void check_number(const struct subject *subject, const struct test_profile *profile, int number,
			 const struct filter_plan *filters, const uint64_t *sets, size_t set_count)
{
	uint64_t values[3][256];
	size_t count[3];
	bool named[TEST_ENTRIES];

	for (size_t i = 0; i < profile->seccomp.syscall_count; i++)
		named[i] = test_names(&profile->syscalls[i], subject->abi, number);
	for (unsigned int i = 0; i < 3; i++)
		count[i] = test_values(profile, subject->abi, number, i, values[i], 256);
	for (size_t n = 0; n < count[0] * count[1] * count[2]; n++) {
		struct seccomp_data call = {.nr = number, .arch = subject->abi};
		call.args[0] = values[0][n % count[0]];
		call.args[1] = values[1][n / count[0] % count[1]];
		call.args[2] = values[2][n / count[0] / count[1]];
		for (size_t s = 0; s < set_count; s++)
			check(subject, &filters[s], sets[s], &call, expected(profile, named, sets[s], &call));
	}
}

/* ABIs that a program does not serve kill the process, whatever the number. */
static void check_foreign(const struct subject *subject, const struct filter_plan *filter)
{
	static const uint32_t abis[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386,    AUDIT_ARCH_AARCH64,
					AUDIT_ARCH_ARM,	   AUDIT_ARCH_RISCV64, 0,
					UINT32_MAX};

	for (size_t i = 0; i < sizeof abis / sizeof *abis; i++) {
		bool served = abis[i] == subject->machine ||
			      (abis[i] == AUDIT_ARCH_I386 && strcmp(subject->profile, "compat-x86.json") == 0);
		for (int number = -1; !served && number <= 600; number++) {
			struct seccomp_data call = {.nr = number, .arch = abis[i]};
			check(subject, filter, 0, &call, SECCOMP_RET_KILL_PROCESS);
		}
	}
}

static size_t fill_sets(uint64_t *sets)
{
	static const uint64_t engines[] = {UINT64_C(0x800405fb), UINT64_C(0xa80425fb), UINT64_C(0x1ffffffffff)};
	size_t n = 0;
	uint64_t random = 1;

	sets[n++] = 0;
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		sets[n++] = UINT64_C(1) << i;
	for (size_t i = 0; i < 3; i++)
		sets[n++] = engines[i];
	for (int i = 0; i < 20; i++) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
		sets[n++] = random >> 20;
	}
	return n;
}

static void check_subject(struct pool *pool, const struct subject *subject, const uint64_t *sets, size_t set_count)
{
	const struct test_profile *profile = read_test_profile("seccomp-profiles", subject->profile);
	struct filter_plan filters[128];
	struct err e;

	for (size_t s = 0; s < set_count; s++) {
		if (builtin_filter_get(pool, subject->profile, subject->machine, sets[s], &filters[s], &e) < 0)
			die("%s", e.text);
		check_foreign(subject, &filters[s]);
	}
	for (int number = 0; number <= 600; number++)
		check_number(subject, profile, number, filters, sets, set_count);
	for (int number = 0x40000000; number <= 0x40000000 + 600; number++)
		check_number(subject, profile, number, filters, sets, set_count);
	check_number(subject, profile, INT32_MIN, filters, sets, set_count);
	check_number(subject, profile, -1, filters, sets, set_count);
}

int main(void)
{
	struct pool pool = {0};
	uint64_t sets[128];
	size_t set_count = fill_sets(sets);

	for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
		check_subject(&pool, &subjects[i], sets, set_count);
	test_free();
	pool_free(&pool);
	printf("%lu calls checked, %lu differ\n", checks, failures);
	return failures || checks < 100000 ? EXIT_FAILURE : EXIT_SUCCESS;
}
