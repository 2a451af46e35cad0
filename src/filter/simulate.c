/* SPDX-License-Identifier: Apache-2.0 */
/*
 * simulate.c - classic BPF over struct seccomp_data, as far as seccomp lets a program go.
 *
 * Every jump goes forward, so a program of n instructions ends within n steps.
 */
#include <hrun/filter_simulate.h>
#include <stdbool.h>
#include <string.h>

struct machine {
	uint32_t a, x, memory[BPF_MEMWORDS];
	const struct seccomp_data *call;
	bool looked_at_arguments; /* or at where the call came from */
};

static bool load(struct machine *m, const struct sock_filter *insn)
{
	switch (insn->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		if (insn->k % 4 || insn->k > sizeof *m->call - 4)
			return false;
		memcpy(&m->a, (const char *)m->call + insn->k, 4);
		if (insn->k >= offsetof(struct seccomp_data, instruction_pointer))
			m->looked_at_arguments = true;
		return true;
	case BPF_LD | BPF_W | BPF_LEN:
		m->a = sizeof *m->call;
		return true;
	case BPF_LDX | BPF_W | BPF_LEN:
		m->x = sizeof *m->call;
		return true;
	case BPF_LD | BPF_IMM:
		m->a = insn->k;
		return true;
	case BPF_LDX | BPF_IMM:
		m->x = insn->k;
		return true;
	default:
		return false;
	}
}

static bool memory(struct machine *m, const struct sock_filter *insn)
{
	if (insn->k >= BPF_MEMWORDS)
		return false;
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		m->a = m->memory[insn->k];
		return true;
	case BPF_LDX:
		m->x = m->memory[insn->k];
		return true;
	case BPF_ST:
		m->memory[insn->k] = m->a;
		return true;
	default:
		m->memory[insn->k] = m->x;
		return true;
	}
}

static bool alu(struct machine *m, const struct sock_filter *insn)
{
	uint32_t v = BPF_SRC(insn->code) == BPF_X ? m->x : insn->k;

	switch (BPF_OP(insn->code)) {
	case BPF_ADD:
		return m->a += v, true;
	case BPF_SUB:
		return m->a -= v, true;
	case BPF_MUL:
		return m->a *= v, true;
	case BPF_DIV:
		return v && (m->a /= v, true);
	case BPF_AND:
		return m->a &= v, true;
	case BPF_OR:
		return m->a |= v, true;
	case BPF_XOR:
		return m->a ^= v, true;
	case BPF_LSH:
		return v < 32 && (m->a <<= v, true);
	case BPF_RSH:
		return v < 32 && (m->a >>= v, true);
	case BPF_NEG:
		return m->a = 0 - m->a, true;
	default:
		return false;
	}
}

/* How many instructions to pass over, or -1. */
static int64_t jump(const struct machine *m, const struct sock_filter *insn)
{
	uint32_t v = BPF_SRC(insn->code) == BPF_X ? m->x : insn->k;

	switch (BPF_OP(insn->code)) {
	case BPF_JA:
		return insn->k;
	case BPF_JEQ:
		return m->a == v ? insn->jt : insn->jf;
	case BPF_JGT:
		return m->a > v ? insn->jt : insn->jf;
	case BPF_JGE:
		return m->a >= v ? insn->jt : insn->jf;
	case BPF_JSET:
		return m->a & v ? insn->jt : insn->jf;
	default:
		return -1;
	}
}

static bool step(struct machine *m, const struct sock_filter *insn)
{
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
	case BPF_LDX:
		return BPF_MODE(insn->code) == BPF_MEM ? memory(m, insn) : load(m, insn);
	case BPF_ST:
	case BPF_STX:
		return memory(m, insn);
	case BPF_ALU:
		return alu(m, insn);
	case BPF_MISC:
		if (insn->code == (BPF_MISC | BPF_TAX))
			m->x = m->a;
		else
			m->a = m->x;
		return true;
	default:
		return false;
	}
}

static uint32_t run(struct machine *m, const struct sock_filter *program, size_t length)
{
	for (size_t at = 0; at < length; at++) {
		const struct sock_filter *insn = &program[at];
		if (insn->code == (BPF_RET | BPF_K))
			return insn->k;
		if (insn->code == (BPF_RET | BPF_A))
			return m->a;
		if (BPF_CLASS(insn->code) == BPF_JMP) {
			int64_t over = jump(m, insn);
			if (over < 0 || (uint64_t)over >= length - at)
				break;
			at += (size_t)over;
		} else if (!step(m, insn)) {
			break;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}

uint32_t filter_simulate(const struct sock_filter *program, size_t length, const struct seccomp_data *call)
{
	struct machine m = {.call = call};

	return run(&m, program, length);
}

bool filter_always_allows(const struct sock_filter *program, size_t length, uint32_t arch, int number)
{
	struct seccomp_data call = {.nr = number, .arch = arch};
	struct machine m = {.call = &call};
	uint32_t action = run(&m, program, length) & SECCOMP_RET_ACTION_FULL;

	return !m.looked_at_arguments && (action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG);
}
