/* SPDX-License-Identifier: Apache-2.0 */
/*
 * code.c - instructions of classic BPF, put from the end of a program to its start.
 */
#include "emit.h"
#include <linux/seccomp.h>

size_t code_put(struct code *code, uint16_t op, uint32_t k)
{
	if (code->top == 0)
		die("a program is longer than %d instructions", BPF_MAXINSNS);
	code->insn[--code->top] = (struct sock_filter){.code = op, .k = k};
	return code->top;
}

/* A conditional jump reaches 255 instructions; farther ones go by way of an unconditional jump. */
static size_t in_reach(struct code *code, size_t label)
{
	return label - code->top <= 254 ? label : code_put(code, BPF_JMP | BPF_JA, (uint32_t)(label - code->top));
}

size_t code_jump(struct code *code, uint16_t op, uint32_t k, size_t yes, size_t no)
{
	yes = in_reach(code, yes);
	no = in_reach(code, no);
	size_t label = code_put(code, (uint16_t)(BPF_JMP | BPF_K | op), k);
	code->insn[label].jt = (uint8_t)(yes - label - 1);
	code->insn[label].jf = (uint8_t)(no - label - 1);
	return label;
}

static bool is_patched(const struct code *code, size_t label)
{
	for (size_t i = 0; i < code->patch_count; i++) {
		if (code->patches[i].index == label)
			return true;
	}
	return false;
}

/* One that is in easy reach serves again. */
size_t code_return(struct code *code, uint32_t action)
{
	for (size_t i = code->top; i < BPF_MAXINSNS && i - code->top < 200; i++) {
		if (code->insn[i].code == (BPF_RET | BPF_K) && code->insn[i].k == action && !is_patched(code, i))
			return i;
	}
	return code_put(code, BPF_RET | BPF_K, action);
}

/* The instruction that was put last is different with and without a capability. */
void code_patch(struct code *code, uint64_t any_of, uint32_t with, uint32_t without)
{
	if (code->patch_count == PATCHES)
		die("too many patches");
	code->insn[code->top].k = without;
	code->patches[code->patch_count++] = (struct patch){code->top, any_of, with, without};
}

static const struct {
	size_t low, high;
} offsets = {offsetof(struct seccomp_data, args), offsetof(struct seccomp_data, args) + 4};

static size_t load_half(struct code *code, const struct profile_arg *arg, size_t base)
{
	return code_put(code, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(base + 8 * arg->index));
}

static size_t masked_half(struct code *code, const struct profile_arg *arg, size_t base, uint32_t mask, uint32_t value,
			  size_t pass, size_t fail)
{
	if (mask == 0)
		return pass;
	code_jump(code, BPF_JEQ, value, pass, fail);
	if (mask != UINT32_MAX)
		code_put(code, BPF_ALU | BPF_AND | BPF_K, mask);
	return load_half(code, arg, base);
}

static size_t masked(struct code *code, const struct profile_arg *arg, uint64_t mask, uint64_t value, size_t pass,
		     size_t fail)
{
	size_t low = masked_half(code, arg, offsets.low, (uint32_t)mask, (uint32_t)value, pass, fail);

	return masked_half(code, arg, offsets.high, (uint32_t)(mask >> 32), (uint32_t)(value >> 32), low, fail);
}

/* argument >= value, or > with op BPF_JGT, over both halves */
static size_t greater(struct code *code, const struct profile_arg *arg, uint16_t op, size_t pass, size_t fail)
{
	code_jump(code, op, (uint32_t)arg->value, pass, fail);
	size_t low = load_half(code, arg, offsets.low);
	size_t high = (uint32_t)(arg->value >> 32);
	size_t equal = code_jump(code, BPF_JEQ, (uint32_t)high, low, fail);
	code_jump(code, BPF_JGT, (uint32_t)high, pass, equal);
	return load_half(code, arg, offsets.high);
}

size_t emit_arg(struct code *code, const struct profile_arg *arg, size_t pass, size_t fail)
{
	switch (arg->op) {
	case OP_EQ:
		return masked(code, arg, UINT64_MAX, arg->value, pass, fail);
	case OP_NE:
		return masked(code, arg, UINT64_MAX, arg->value, fail, pass);
	case OP_MASKED_EQ:
		return masked(code, arg, arg->value, arg->value_two, pass, fail);
	case OP_GE:
		return greater(code, arg, BPF_JGE, pass, fail);
	case OP_GT:
		return greater(code, arg, BPF_JGT, pass, fail);
	case OP_LT:
		return greater(code, arg, BPF_JGE, fail, pass);
	case OP_LE:
		return greater(code, arg, BPF_JGT, fail, pass);
	}
	die("unknown operator %d", (int)arg->op);
}
