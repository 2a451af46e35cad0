/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shorten.c - comparisons of the call's number by ranges.
 *
 * libseccomp compares with one number after the other.  But whatever stands behind a load of the number and compares only
 * that is a function from numbers to the instruction that is reached, and long runs of numbers reach the same one.  The
 * runs are found by following the program with a range instead of a number; a balanced tree of them takes the place of the
 * comparisons.  Everything else is copied as it is.  The kernel compiles the program at every start of a container.
 *
 * The new program is written from its end to its start, as jumps go forward only: a label is a distance from the end.
 */
#include <hrun/filter_shorten.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A conditional jump reaches 255 instructions; a trampoline for the one target moves the other away. */
enum { REACH = 250, RETURN_REACH = 120 };

/* From START to the start of the next run. */
struct run {
	uint32_t start;
	size_t target; /* in the old program */
};

struct shorten {
	struct pool *pool;
	const struct sock_filter *old;
	struct sock_filter *out; /* backwards */
	size_t length;
	size_t *labels; /* of old instructions: length of OUT behind it; 0: none yet */
};

struct runs {
	struct run *run;
	size_t count;
};

static bool is_return(const struct sock_filter *insn)
{
	return insn->code == (BPF_RET | BPF_K);
}

static bool loads_number(const struct sock_filter *insn)
{
	return insn->code == (BPF_LD | BPF_W | BPF_ABS) && insn->k == offsetof(struct seccomp_data, nr);
}

static bool same_target(const struct shorten *s, size_t a, size_t b)
{
	return a == b || (is_return(&s->old[a]) && is_return(&s->old[b]) && s->old[a].k == s->old[b].k);
}

static void add_run(const struct shorten *s, struct runs *runs, uint32_t start, size_t target)
{
	if (runs->count && same_target(s, runs->run[runs->count - 1].target, target))
		return;
	*pool_array_add(s->pool, runs->run, runs->count) = (struct run){start, target};
}

/* Where do the numbers FIRST..LAST get to from instruction I on?  Runs are added in order. */
static void follow(const struct shorten *s, size_t i, uint32_t first, uint32_t last, struct runs *runs)
{
	for (;;) {
		const struct sock_filter *insn = &s->old[i];
		size_t yes = i + 1 + insn->jt, no = i + 1 + insn->jf;
		uint32_t k = insn->k;
#ifdef HRUN_MUTANT_SHORTEN
		yes += insn->code == (BPF_JMP | BPF_JEQ | BPF_K) && insn->jt > 1;
#endif
		if (loads_number(insn)) {
			i++;
		} else if (insn->code == (BPF_JMP | BPF_JA)) {
			i += 1 + (size_t)k;
		} else if (insn->code == (BPF_JMP | BPF_JEQ | BPF_K)) {
			if (k < first || k > last) {
				i = no;
				continue;
			}
			if (k > first)
				follow(s, no, first, k - 1, runs);
			follow(s, yes, k, k, runs);
			if (k == last)
				return;
			first = k + 1;
			i = no;
		} else if (insn->code == (BPF_JMP | BPF_JGT | BPF_K) || insn->code == (BPF_JMP | BPF_JGE | BPF_K)) {
			/* The first number that jumps, as a wider one: none is above the last of all. */
			uint64_t jumps = (uint64_t)k + (BPF_OP(insn->code) == BPF_JGT);
			if (last < jumps) {
				i = no;
				continue;
			}
			if (first < jumps) {
				follow(s, no, first, (uint32_t)jumps - 1, runs);
				first = (uint32_t)jumps;
			}
			i = yes;
		} else {
			add_run(s, runs, first, i);
			return;
		}
	}
}

static size_t emit(struct shorten *s, struct sock_filter insn)
{
	*pool_array_add(s->pool, s->out, s->length) = insn;
	return s->length;
}

/* The next instruction is to go on at LABEL, or jump there if that is close enough. */
static size_t trampoline(struct shorten *s, size_t label, size_t reach)
{
	if (s->length - label <= reach)
		return label;
	return emit(s, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)(s->length - label)));
}

static size_t emit_jump(struct shorten *s, uint16_t code, uint32_t k, size_t yes, size_t no)
{
	yes = trampoline(s, yes, REACH);
	no = trampoline(s, no, REACH);
	return emit(s, (struct sock_filter)BPF_JUMP(code, k, (uint8_t)(s->length - yes), (uint8_t)(s->length - no)));
}

/* A return of the same value that is not far behind, or one more. */
static size_t emit_return(struct shorten *s, const struct sock_filter *insn)
{
	for (size_t i = s->length; i-- > 0 && s->length - i <= RETURN_REACH;) {
		if (is_return(&s->out[i]) && s->out[i].k == insn->k)
			return i + 1;
	}
	return emit(s, *insn);
}

static size_t copy(struct shorten *s, size_t i);

/* A tree over COUNT runs, which end before the number END (not used for the last of all). */
static size_t emit_tree(struct shorten *s, const struct run *run, size_t count)
{
	if (count == 1)
		return copy(s, run->target);
	/* One number with the same on both sides. */
	if (count == 3 && run[2].start == run[1].start + 1 && same_target(s, run[0].target, run[2].target)) {
		size_t other = copy(s, run[0].target), one = copy(s, run[1].target);
		return emit_jump(s, BPF_JMP | BPF_JEQ | BPF_K, run[1].start, one, other);
	}
	size_t half = count / 2;
	size_t high = emit_tree(s, run + half, count - half), low = emit_tree(s, run, half);
	return emit_jump(s, BPF_JMP | BPF_JGE | BPF_K, run[half].start, high, low);
}

static size_t copy_number(struct shorten *s, size_t i)
{
	struct runs runs = {NULL, 0};

	follow(s, i + 1, 0, UINT32_MAX, &runs);
	/* What the runs lead to comes first, that is, behind the tree. */
	for (size_t j = runs.count; j-- > 0;) {
		if (!is_return(&s->old[runs.run[j].target]))
			copy(s, runs.run[j].target);
	}
	trampoline(s, emit_tree(s, runs.run, runs.count), 0);
	return emit(s, s->old[i]);
}

/* The label of old instruction I in the new program, where it is written with all that follows, unless it is there. */
static size_t copy(struct shorten *s, size_t i)
{
	const struct sock_filter *insn = &s->old[i];
	size_t label;

	if (s->labels[i])
		return s->labels[i];
	if (is_return(insn))
		return emit_return(s, insn); /* never remembered: a near one is better */
	if (loads_number(insn)) {
		label = copy_number(s, i);
	} else if (insn->code == (BPF_JMP | BPF_JA)) {
		label = copy(s, i + 1 + (size_t)insn->k);
	} else if (BPF_CLASS(insn->code) == BPF_JMP) {
		size_t no = copy(s, i + 1 + insn->jf), yes = copy(s, i + 1 + insn->jt);
		label = emit_jump(s, insn->code, insn->k, yes, no);
	} else if (BPF_CLASS(insn->code) == BPF_RET) {
		label = emit(s, *insn);
	} else {
		trampoline(s, copy(s, i + 1), 0);
		label = emit(s, *insn);
	}
	s->labels[i] = label;
	return label;
}

void filter_shorten(struct pool *pool, const struct sock_filter **program, size_t *length)
{
	struct shorten s = {.pool = pool, .old = *program};

	s.labels = pool_alloc(pool, *length * sizeof *s.labels);
	trampoline(&s, copy(&s, 0), 0);
	if (s.length >= *length)
		return;
	for (size_t i = 0; i < s.length / 2; i++) {
		struct sock_filter other = s.out[i];
		s.out[i] = s.out[s.length - 1 - i];
		s.out[s.length - 1 - i] = other;
	}
	*program = s.out;
	*length = s.length;
}
