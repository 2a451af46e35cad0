/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.c - a seccomp program followed on every path that a call can take.
 *
 * The number and the architecture are known, the arguments are not.  So the accumulator is a set of values: a range, with
 * the bits that are known to be 0 and to be 1.  A jump goes where some value of the set goes, and the set is cut to these.
 * Whatever this cannot follow (the index register, the scratch memory) may be any value: the walk may believe in a path
 * that no call takes, never the other way round.
 *
 * Jumps go forward only, so all ways to an instruction are known when it is its turn.  More than a few different sets
 * become one that holds them all: a program of n instructions takes at most FILTER_WALK_VALUES * n steps, whoever wrote it.
 */
#include <hrun/filter_walk.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <string.h>

/* From LOW to HIGH, with ONES set and ZEROS not. */
struct value {
	uint32_t low, high, ones, zeros;
};

struct filter_walk {
	const struct sock_filter *program;
	size_t length, last; /* LAST: no later instruction has a value */
	unsigned char *counts;
	struct value (*values)[FILTER_WALK_VALUES];
	unsigned int answers;
};

enum { ANYTHING = FILTER_ALLOWS | FILTER_DENIES };

static const struct value any = {0, UINT32_MAX, 0, 0};

static struct value constant(uint32_t n)
{
	return (struct value){n, n, n, ~n};
}

static bool is_constant(const struct value *v)
{
	return v->low == v->high;
}

/* What the range says of the bits and the bits of the range; false where no value is left. */
static bool settle(struct value *v)
{
	if (v->ones & v->zeros)
		return false;
	v->low = v->low > v->ones ? v->low : v->ones;
	v->high = v->high < ~v->zeros ? v->high : ~v->zeros;
	if (v->low > v->high)
		return false;
	if (!is_constant(v))
		return true;
	if ((v->low & v->zeros) || (~v->low & v->ones))
		return false;
	*v = constant(v->low);
	return true;
}

static struct value join(const struct value *a, const struct value *b)
{
	return (struct value){
		.low = a->low < b->low ? a->low : b->low,
		.high = a->high > b->high ? a->high : b->high,
		.ones = a->ones & b->ones,
		.zeros = a->zeros & b->zeros,
	};
}

static bool includes(const struct value *a, const struct value *b)
{
	return a->low <= b->low && a->high >= b->high && !(a->ones & ~b->ones) && !(a->zeros & ~b->zeros);
}

/* V gets to instruction PC. */
static void reach(struct filter_walk *w, size_t pc, struct value v)
{
	if (pc >= w->length) {
		w->answers |= ANYTHING;
		return;
	}
	struct value *values = w->values[pc];
	size_t count = w->counts[pc];
	for (size_t i = 0; i < count; i++) {
		if (includes(&values[i], &v))
			return;
	}
	w->last = pc > w->last ? pc : w->last;
	if (count < FILTER_WALK_VALUES) {
		values[w->counts[pc]++] = v;
		return;
	}
	for (size_t i = 0; i < count; i++)
		v = join(&v, &values[i]);
	values[0] = v;
	w->counts[pc] = 1;
}

/* ---- what an instruction makes of the accumulator ---- */

static struct value load(const struct filter_question *question, uint32_t offset)
{
	struct value v = any;

	switch (offset) {
	case offsetof(struct seccomp_data, nr):
		return constant(question->number);
	case offsetof(struct seccomp_data, arch):
		return constant(question->arch);
	case offsetof(struct seccomp_data, args): /* little endian: the low half */
		v.ones = question->set_bits;
		settle(&v);
		return v;
	default:
		return any;
	}
}

static struct value calculate(uint16_t op, uint32_t a, uint32_t k)
{
	switch (op) {
	case BPF_ADD:
		return constant(a + k);
	case BPF_SUB:
		return constant(a - k);
	case BPF_MUL:
		return constant(a * k);
	case BPF_DIV:
		return k ? constant(a / k) : any;
	case BPF_AND:
		return constant(a & k);
	case BPF_OR:
		return constant(a | k);
	case BPF_XOR:
		return constant(a ^ k);
	case BPF_LSH:
		return k < 32 ? constant(a << k) : any;
	case BPF_RSH:
		return k < 32 ? constant(a >> k) : any;
	case BPF_NEG:
		return constant(0 - a);
	default:
		return any;
	}
}

static struct value alu(const struct sock_filter *insn, const struct value *a)
{
	uint32_t k = insn->k;
	struct value v = any;

	if (BPF_SRC(insn->code) == BPF_X && BPF_OP(insn->code) != BPF_NEG)
		return any;
	if (is_constant(a))
		return calculate(BPF_OP(insn->code), a->low, k);
	if (BPF_OP(insn->code) == BPF_AND) {
		v = (struct value){0, a->high, a->ones & k, a->zeros | ~k};
	} else if (BPF_OP(insn->code) == BPF_OR) {
		v = (struct value){a->low, UINT32_MAX, a->ones | k, a->zeros & ~k};
	}
	settle(&v);
	return v;
}

/* ---- jumps ---- */

/* V cut to what jumps (or does not) at a comparison with K; false where nothing is left. */
static bool cut(uint16_t op, uint32_t k, bool jumps, struct value *v)
{
	switch (op) {
	case BPF_JEQ:
		if (!jumps && is_constant(v))
			return v->low != k;
		if (!jumps) {
			v->low += v->low == k;
			v->high -= v->high == k;
			break;
		}
		if (k < v->low || k > v->high || (k & v->zeros) || (~k & v->ones))
			return false;
		*v = constant(k);
		return true;
	case BPF_JGT:
		if (jumps ? v->high <= k : v->low > k)
			return false;
		if (jumps)
			v->low = v->low > k ? v->low : k + 1;
		else
			v->high = v->high < k ? v->high : k;
		break;
	case BPF_JGE:
		if (jumps ? v->high < k : v->low >= k)
			return false;
		if (jumps)
			v->low = v->low > k ? v->low : k;
		else
			v->high = v->high < k ? v->high : k - 1;
		break;
	default: /* BPF_JSET */
		k &= ~v->zeros;
		if (jumps ? !k : (v->ones & k) != 0)
			return false;
		if (!jumps)
			v->zeros |= k;
		else if (!(k & (k - 1)))
			v->ones |= k;
		break;
	}
	return settle(v);
}

static void jump(struct filter_walk *w, size_t pc, const struct value *a)
{
	const struct sock_filter *insn = &w->program[pc];
	uint16_t op = BPF_OP(insn->code);

	if (op == BPF_JA) {
		reach(w, insn->k < w->length ? pc + 1 + insn->k : w->length, *a);
		return;
	}
	for (int jumps = 0; jumps < 2; jumps++) {
		struct value v = *a;
		bool known = BPF_SRC(insn->code) == BPF_K && op <= BPF_JSET;
#ifdef HRUN_MUTANT_WALK_CUT
		if (known && op == BPF_JEQ && jumps && !is_constant(a))
			continue;
#endif
		if (!known || cut(op, insn->k, jumps, &v))
			reach(w, pc + 1 + (jumps ? insn->jt : insn->jf), v);
	}
}

/* ---- all ---- */

static unsigned int classify(uint32_t answer)
{
	uint32_t action = answer & SECCOMP_RET_ACTION_FULL;

#ifdef HRUN_MUTANT_WALK_LOG
	return action == SECCOMP_RET_ALLOW ? FILTER_ALLOWS : FILTER_DENIES;
#endif
	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG ? FILTER_ALLOWS : FILTER_DENIES;
}

static void step(struct filter_walk *w, size_t pc, const struct value *a, const struct filter_question *question)
{
	const struct sock_filter *insn = &w->program[pc];

	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		if (insn->code == (BPF_LD | BPF_W | BPF_ABS))
			reach(w, pc + 1, load(question, insn->k));
		else if (insn->code == (BPF_LD | BPF_IMM))
			reach(w, pc + 1, constant(insn->k));
		else if (insn->code == (BPF_LD | BPF_W | BPF_LEN))
			reach(w, pc + 1, constant(sizeof(struct seccomp_data)));
		else
			reach(w, pc + 1, any);
		break;
	case BPF_LDX:
	case BPF_ST:
	case BPF_STX:
		reach(w, pc + 1, *a);
		break;
	case BPF_ALU:
		reach(w, pc + 1, alu(insn, a));
		break;
	case BPF_MISC:
		reach(w, pc + 1, insn->code == (BPF_MISC | BPF_TXA) ? any : *a);
		break;
	case BPF_JMP:
		jump(w, pc, a);
		break;
	default: /* BPF_RET */
		if (BPF_RVAL(insn->code) == BPF_K)
			w->answers |= classify(insn->k);
		else
			w->answers |= is_constant(a) ? classify(a->low) : ANYTHING;
		break;
	}
}

struct filter_walk *filter_walk_new(struct pool *pool, const struct sock_filter *program, size_t length)
{
	struct filter_walk *w = pool_alloc(pool, sizeof *w);

	*w = (struct filter_walk){.program = program, .length = length};
	w->counts = pool_alloc(pool, length + 1);
	w->values = pool_alloc(pool, (length + 1) * sizeof *w->values);
	return w;
}

unsigned int filter_walk(struct filter_walk *w, const struct filter_question *question, size_t *ret_steps)
{
	size_t steps = 0;

	w->answers = 0;
	w->last = 0;
	memset(w->counts, 0, w->length + 1);
	/* The kernel starts with 0 in the accumulator. */
	reach(w, 0, constant(0));
	for (size_t pc = 0; pc <= w->last && pc < w->length; pc++) {
		for (size_t i = 0; i < w->counts[pc]; i++, steps++)
			step(w, pc, &w->values[pc][i], question);
	}
	if (ret_steps)
		*ret_steps = steps;
	return w->answers;
}
