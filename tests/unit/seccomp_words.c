/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp_words.c - each word that linux.seccomp takes, by what the compiled program answers and by the flags of the plan: actions,
 * operators with values of 64 bits, several conditions, flags.  What is expected is worked out here.
 */
#include <hrun/filter_arch.h>
#include <hrun/filter_simulate.h>
#include <hrun/planning.h>
#include <hrun/pool.h>
#include <inttypes.h>
#include <string.h>
#include <sys/syscall.h>

#include "check.h"

enum { ERRNO = 33, CONDITIONS_MAX = 2 };
#define RULE_ANSWERS (SECCOMP_RET_ERRNO | ERRNO)

static const char *name[] = {"mkdirat"}, *flag[1];
static struct config_seccomp_arg conditions[CONDITIONS_MAX];
static struct config_seccomp_syscall rule;
static struct config_seccomp seccomp;

static void start_over(const char *action, size_t condition_count)
{
	rule = (struct config_seccomp_syscall){.names = {name, 1, true},
					       .action = action,
					       .args = condition_count ? conditions : NULL,
					       .arg_count = condition_count};
	seccomp = (struct config_seccomp){.default_action = "SCMP_ACT_ALLOW", .syscalls = &rule, .syscall_count = 1};
}

static struct filter_plan compile(struct pool *pool)
{
	struct filter_plan filter = {0};
	struct err e = {0};

	CHECK(plan_filter_compile(pool, &seccomp, NULL, NULL, &filter, &e) >= 0, "%s", e.text);
	return filter;
}

static uint32_t answer(const struct filter_plan *filter, uint64_t first, uint64_t second)
{
	struct seccomp_data call = {.nr = SYS_mkdirat, .arch = filter_native_arch(), .args = {first, second}};

	return filter_simulate(filter->program, filter->length, &call);
}

/* ---- actions ---- */

static void check_actions(struct pool *pool)
{
	static const struct {
		const char *word;
		uint32_t answer;
		bool takes_errno;
	} actions[] = {
		{"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD, false},
		{"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD, false},
		{"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, false},
		{"SCMP_ACT_TRAP", SECCOMP_RET_TRAP, false},
		{"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, true},
		{"SCMP_ACT_TRACE", SECCOMP_RET_TRACE, true},
		{"SCMP_ACT_LOG", SECCOMP_RET_LOG, false},
	};

	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
		start_over(actions[i].word, 0);
		struct filter_plan filter = compile(pool);
		uint32_t got = answer(&filter, 0, 0), want = actions[i].answer | (actions[i].takes_errno ? 1 : 0);
		CHECK(got == want, "%s: %#x, expected %#x", actions[i].word, got, want);
		if (!actions[i].takes_errno)
			continue;
		rule.errno_ret = (struct opt_u32){true, ERRNO};
		filter = compile(pool);
		got = answer(&filter, 0, 0);
		CHECK(got == (actions[i].answer | ERRNO), "%s, errnoRet: %#x", actions[i].word, got);
	}
}

/* ---- conditions ---- */

static const char *const operators[] = {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",	   "SCMP_CMP_EQ",
					"SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"};
static const uint64_t values[] = {
	0, 1, 4711, UINT32_MAX, UINT64_C(1) << 32, (UINT64_C(1) << 32) + 4711, (UINT64_C(1) << 63) + 1, UINT64_MAX};
enum { OPERATORS = sizeof operators / sizeof operators[0], VALUES = sizeof values / sizeof values[0] };

static bool holds(const struct config_seccomp_arg *c, uint64_t value)
{
	if (!strcmp(c->op, "SCMP_CMP_NE"))
		return value != c->value;
	if (!strcmp(c->op, "SCMP_CMP_LT"))
		return value < c->value;
	if (!strcmp(c->op, "SCMP_CMP_LE"))
		return value <= c->value;
	if (!strcmp(c->op, "SCMP_CMP_EQ"))
		return value == c->value;
	if (!strcmp(c->op, "SCMP_CMP_GE"))
		return value >= c->value;
	if (!strcmp(c->op, "SCMP_CMP_GT"))
		return value > c->value;
	return (value & c->value) == c->value_two;
}

static void check_answer(const struct filter_plan *filter, bool expected, uint64_t first, uint64_t second)
{
	uint32_t want = expected ? RULE_ANSWERS : SECCOMP_RET_ALLOW, got = answer(filter, first, second);

	CHECK(got == want, "%s %#" PRIx64 " (%#" PRIx64 ") of %#" PRIx64 ", %#" PRIx64 ": %#x", conditions[0].op,
	      conditions[0].value, conditions[0].value_two, first, second, got);
}

static void check_operators(struct pool *pool)
{
	for (size_t op = 0; op < OPERATORS; op++) {
		for (size_t v = 0; v < VALUES; v++) {
			uint64_t two = op == OPERATORS - 1 ? values[v] & 4711 : 0;
			conditions[0] =
				(struct config_seccomp_arg){.op = operators[op], .value = values[v], .value_two = two};
			start_over("SCMP_ACT_ERRNO", 1);
			rule.errno_ret = (struct opt_u32){true, ERRNO};
			struct filter_plan filter = compile(pool);
			for (size_t i = 0; i < VALUES; i++)
				check_answer(&filter, holds(&conditions[0], values[i]), values[i], 0);
		}
	}
}

/* On two arguments both must hold; two on one argument are alternatives. */
static void check_two_conditions(struct pool *pool)
{
	for (uint32_t index = 0; index < 2; index++) {
		conditions[0] = (struct config_seccomp_arg){.op = "SCMP_CMP_EQ", .value = 1};
		conditions[1] = (struct config_seccomp_arg){.op = "SCMP_CMP_EQ", .value = 4711, .index = index};
		start_over("SCMP_ACT_ERRNO", 2);
		rule.errno_ret = (struct opt_u32){true, ERRNO};
		struct filter_plan filter = compile(pool);
		for (size_t i = 0; i < VALUES * VALUES; i++) {
			uint64_t first = values[i % VALUES], second = values[i / VALUES];
			check_answer(&filter, index ? first == 1 && second == 4711 : first == 1 || first == 4711, first,
				     second);
		}
	}
}

/* ---- flags ---- */

static void check_flags(struct pool *pool)
{
	static const struct {
		const char *word;
		unsigned int flags;
	} flags[] = {
		{"SECCOMP_FILTER_FLAG_TSYNC", 0}, /* one thread: nothing to synchronise */
		{"SECCOMP_FILTER_FLAG_LOG", 1U << 1},
		{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", 1U << 2},
		{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 1U << 5},
	};

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		start_over("SCMP_ACT_NOTIFY", 0);
		seccomp.listener_path = "/agent.sock";
		flag[0] = flags[i].word;
		seccomp.flags = (struct string_list){flag, 1, true};
		struct filter_plan filter = compile(pool);
		CHECK(filter.flags == flags[i].flags, "%s: %#x", flag[0], filter.flags);
	}
}

int main(void)
{
	struct pool pool = {NULL};

	check_actions(&pool);
	check_operators(&pool);
	check_two_conditions(&pool);
	check_flags(&pool);
	pool_free(&pool);
	return failures != 0;
}
