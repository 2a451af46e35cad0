/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.c - the walk over a filter believes in every answer that the simulator gives, for made-up programs of every kind;
 * it decides what can be decided; and whoever wrote the program, it ends within a bound.
 */
#include <hrun/filter_arch.h>
#include <hrun/filter_simulate.h>
#include <hrun/filter_walk.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long failures, checks;

static void check(bool holds, const char *what)
{
	checks++;
	if (holds)
		return;
	failures++;
	printf("wrong: %s\n", what);
}

/* The same on every machine. */
static uint64_t state = 1;
static uint32_t pick(uint32_t below)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((state >> 33) % below);
}

static const uint32_t words[] = {0,	     1,		 2,	     7,		 8,	     0x80,
				 0x10000000, 0x7e020000, 0x40000000, 0x7fffffff, 0x80000000, UINT32_MAX};
enum { WORDS = sizeof words / sizeof *words, NUMBER = 7 };

static uint32_t word(void)
{
	return pick(8) ? words[pick(WORDS)] : pick(UINT32_MAX);
}

/* ---- against the simulator ---- */

static struct sock_filter made_up_jump(size_t left)
{
	static const uint16_t operations[] = {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET};
	uint32_t reach = left < 256 ? (uint32_t)left : 255;

	if (!pick(12))
		return (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, pick(reach));
	uint16_t source = pick(10) ? BPF_K : BPF_X;
	return (struct sock_filter)BPF_JUMP((uint16_t)(BPF_JMP | operations[pick(4)] | source), word(),
					    (uint8_t)pick(reach), (uint8_t)pick(reach));
}

static struct sock_filter made_up_step(void)
{
	static const uint16_t operations[] = {BPF_AND, BPF_AND, BPF_AND, BPF_OR,  BPF_XOR, BPF_ADD,
					      BPF_SUB, BPF_MUL, BPF_LSH, BPF_RSH, BPF_NEG, BPF_DIV};
	static const uint16_t others[] = {BPF_LDX | BPF_IMM,
					  BPF_ST,
					  BPF_STX,
					  BPF_LD | BPF_MEM,
					  BPF_LDX | BPF_MEM,
					  BPF_MISC | BPF_TAX,
					  BPF_MISC | BPF_TXA,
					  BPF_LD | BPF_W | BPF_LEN,
					  BPF_LD | BPF_IMM};

	switch (pick(8)) {
	case 0:
		return (struct sock_filter)BPF_STMT(others[pick(9)], pick(BPF_MEMWORDS));
	case 1:
	case 2: {
		uint16_t op = operations[pick(12)];
		uint32_t k = op == BPF_LSH || op == BPF_RSH ? pick(32) : op == BPF_DIV ? 1 + pick(9) : word();
		return (struct sock_filter)BPF_STMT((uint16_t)(BPF_ALU | op | BPF_K), k);
	}
	case 3:
		return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4 * pick(4));
	default:
		return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16 + 4 * pick(4));
	}
}

static size_t made_up(struct sock_filter *program, size_t most)
{
	static const uint32_t answers[] = {SECCOMP_RET_ALLOW,	  SECCOMP_RET_ALLOW,	    SECCOMP_RET_LOG,
					   SECCOMP_RET_ERRNO | 1, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_TRACE,
					   SECCOMP_RET_USER_NOTIF};
	size_t length = 2 + pick((uint32_t)most - 2);

	for (size_t i = 0; i + 1 < length; i++) {
		if (!pick(9))
			program[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answers[pick(7)]);
		else
			program[i] = pick(2) ? made_up_jump(length - i - 1) : made_up_step();
	}
	program[length - 1] = pick(9) ? (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answers[pick(7)])
				      : (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
	return length;
}

static unsigned int simulate(const struct sock_filter *program, size_t length, const struct filter_question *question)
{
	struct seccomp_data call = {.nr = (int)question->number, .arch = question->arch, .instruction_pointer = word()};

	for (int i = 0; i < 6; i++)
		call.args[i] = (uint64_t)word() << 32 | word();
	call.args[0] |= question->set_bits;
	uint32_t action = filter_simulate(program, length, &call) & SECCOMP_RET_ACTION_FULL;
	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG ? FILTER_ALLOWS : FILTER_DENIES;
}

static void compare(struct pool *pool, size_t most)
{
	static struct sock_filter program[BPF_MAXINSNS];
	size_t length = made_up(program, most), steps;
	struct filter_question question = {
		.arch = pick(2) ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_I386,
		.number = pick(2) ? NUMBER : word(),
		.set_bits = pick(3) ? 0 : word(),
	};
	struct filter_walk *walk = filter_walk_new(pool, program, length);
	unsigned int answers = filter_walk(walk, &question, &steps), seen = 0;

	for (int i = 0; i < 200; i++)
		seen |= simulate(program, length, &question);
	check(!(seen & ~answers), "a made-up program gives an answer that the walk did not find");
	check(steps <= FILTER_WALK_VALUES * length, "more steps than the bound");
	check(filter_walk(walk, &question, NULL) == answers, "the second walk finds something else");
}

/* ---- what can be decided ---- */

#define ARG(n) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, args) + (n))
#define JUMP(op, k, yes, no) BPF_JUMP(BPF_JMP | (op) | BPF_K, (k), (yes), (no))
#define RET(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define ALLOW RET(SECCOMP_RET_ALLOW)
#define DENY RET(SECCOMP_RET_ERRNO | 1)

static const struct {
	const char *what;
	unsigned int answers;
	uint32_t set_bits;
	struct sock_filter program[8];
} decided[] = {
	{"equal to a number", 3, 0, {ARG(0), JUMP(BPF_JEQ, 5, 0, 1), ALLOW, DENY}},
	{"at least 0", 1, 0, {ARG(4), JUMP(BPF_JGT, 0, 3, 0), JUMP(BPF_JEQ, 0, 0, 1), ALLOW, DENY, ALLOW}},
	{"above the last", 2, 0, {ARG(0), JUMP(BPF_JGT, UINT32_MAX, 0, 1), ALLOW, DENY}},
	{"below 0", 2, 0, {ARG(0), JUMP(BPF_JGE, 0, 1, 0), ALLOW, DENY}},
	{"a mask of nothing",
	 1,
	 0,
	 {ARG(0), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0), JUMP(BPF_JEQ, 0, 0, 1), ALLOW, DENY}},
	{"a value outside its mask",
	 2,
	 0,
	 {ARG(0), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 6), JUMP(BPF_JEQ, 1, 0, 1), ALLOW, DENY}},
	{"no bit", 2, 0, {ARG(0), JUMP(BPF_JSET, 0, 0, 1), ALLOW, DENY}},
	{"two ranges that do not meet", 2, 0, {ARG(0), JUMP(BPF_JGT, 9, 0, 2), JUMP(BPF_JGT, 9, 1, 0), ALLOW, DENY}},
	{"a bit that is set",
	 2,
	 0x10000000,
	 {ARG(0), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x7e020000), JUMP(BPF_JEQ, 0, 0, 1), ALLOW, DENY}},
	{"another bit",
	 3,
	 0x00000100,
	 {ARG(0), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x7e020000), JUMP(BPF_JEQ, 0, 0, 1), ALLOW, DENY}},
	{"a bit that is set, by jset", 2, 0x10000000, {ARG(0), JUMP(BPF_JSET, 0x7e020000, 1, 0), ALLOW, DENY}},
	{"log is allowed", 1, 0, {RET(SECCOMP_RET_LOG)}},
	{"an agent is not", 2, 0, {RET(SECCOMP_RET_USER_NOTIF)}},
	{"the accumulator", 3, 0, {ARG(0), BPF_STMT(BPF_RET | BPF_A, 0)}},
	{"the end is missing", 3, 0, {ARG(0), ARG(0), ARG(0), ARG(0), ARG(0), ARG(0), ARG(0), ARG(0)}},
	{"a jump outside", 3, 0, {BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX)}},
};

static void check_decided(struct pool *pool)
{
	for (size_t i = 0; i < sizeof decided / sizeof *decided; i++) {
		struct filter_question question = {filter_native_arch(), NUMBER, decided[i].set_bits};
		struct filter_walk *walk = filter_walk_new(pool, decided[i].program, 8);
		check(filter_walk(walk, &question, NULL) == decided[i].answers, decided[i].what);
	}
}

/* ---- hostile programs ---- */

/* Each instruction doubles the paths; every path has another range. */
static void check_tree(struct pool *pool, uint16_t op, uint8_t yes)
{
	static struct sock_filter program[BPF_MAXINSNS];
	struct filter_question question = {.arch = filter_native_arch(), .number = NUMBER};
	size_t steps;

	program[0] = (struct sock_filter)ARG(0);
	for (uint32_t i = 1; i < BPF_MAXINSNS - 2; i++)
		program[i] = (struct sock_filter)BPF_JUMP((uint16_t)(BPF_JMP | op | BPF_K), i * 0x9e3779b1, yes, 0);
	program[BPF_MAXINSNS - 2] = (struct sock_filter)ALLOW;
	program[BPF_MAXINSNS - 1] = (struct sock_filter)DENY;
	struct filter_walk *walk = filter_walk_new(pool, program, BPF_MAXINSNS);
	unsigned int answers = filter_walk(walk, &question, &steps);
	check(answers & FILTER_ALLOWS, "a deep tree that allows");
	check(steps <= (size_t)FILTER_WALK_VALUES * BPF_MAXINSNS, "a deep tree takes more steps than the bound");
}

int main(void)
{
	struct pool pool = {NULL};

	check_decided(&pool);
	for (uint8_t yes = 0; yes < 3; yes++) {
		check_tree(&pool, BPF_JGT, yes);
		check_tree(&pool, BPF_JGE, yes);
		check_tree(&pool, BPF_JEQ, yes);
		check_tree(&pool, BPF_JSET, yes);
	}
	pool_free(&pool);
	for (int i = 0; i < 20000 && failures < 10; i++) {
		compare(&pool, i % 100 ? 24 : 400);
		if (i % 100 == 0)
			pool_free(&pool);
	}
	pool_free(&pool);
	printf("%lu checks, %lu failures\n", checks, failures);
	return failures != 0;
}
