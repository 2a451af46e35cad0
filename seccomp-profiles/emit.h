/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.h - a profile -> classic BPF, as a balanced tree over ranges of numbers with the same decision.
 */
#ifndef HRUN_EMIT_H
#define HRUN_EMIT_H

#include "profile.h"
#include <linux/filter.h>

/* Where a program differs between containers: insn[index].k is WITH where the container has one of any_of. */
struct patch {
	size_t index;
	uint64_t any_of;
	uint32_t with, without;
};

enum { PATCHES = 256 };

/*
 * A program is built from its end: every jump goes forward, so its target is there
 * already.  A label is an index into insn.
 */
struct code {
	struct sock_filter insn[BPF_MAXINSNS];
	size_t top; /* insn[top..BPF_MAXINSNS) is done */
	struct patch patches[PATCHES];
	size_t patch_count;
};

/* Which containers a program is for. */
struct variant {
	bool general;	       /* any container: the program has patches */
	uint64_t capabilities; /* otherwise: those whose relevant capabilities are these */
};

/* What the rules of PROFILE ask for. */
uint64_t emit_relevant(const struct profile *profile);

/*
 * One program for ARCHS (the first one is the machine's own, others its foreign ABIs).
 * A call of any other ABI kills the process.
 */
void emit_program(const struct profile *profile, const uint32_t *archs, size_t arch_count,
		  const struct variant *variant, struct code *ret_code);

/* Compare one argument; jumps to PASS or FAIL.  Returns the label of its first instruction. */
size_t emit_arg(struct code *code, const struct profile_arg *arg, size_t pass, size_t fail);

/* The pieces: each returns the label of what it has put. */
size_t code_put(struct code *code, uint16_t op, uint32_t k);
size_t code_jump(struct code *code, uint16_t op, uint32_t k, size_t yes, size_t no);
size_t code_return(struct code *code, uint32_t action);
void code_patch(struct code *code, uint64_t any_of, uint32_t with, uint32_t without);

#endif
