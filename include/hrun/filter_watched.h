/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_watched.h - the system calls that a profile is judged by, and what its program lets through of them.
 */
#ifndef HRUN_FILTER_WATCHED_H
#define HRUN_FILTER_WATCHED_H

#include <hrun/pool.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum filter_abi { FILTER_NATIVE, FILTER_X32, FILTER_COMPANION, FILTER_ABIS };

enum watch {
	WATCH_DANGEROUS,	       /* a known way out, whatever the arguments: none may pass */
	WATCH_DANGEROUS_UNCONDITIONAL, /* with arguments that the profile chooses it is harmless */
	WATCH_RESTRICTED,	       /* what user namespaces give to anybody */
};
struct watched_call {
	const char *name;
	/* Who has one of these is allowed the call: the kernel asks for it, or the engines' profiles do. NULL: nobody. */
	const char *capabilities[2];
	enum watch watch;
	uint32_t set_bits; /* only calls that have these bits in the low half of args[0] */
};
extern const struct watched_call watched_calls[];
extern const size_t watched_call_count;

/* Bit i: PROGRAM lets watched_calls[i] through. */
struct filter_judgement {
	uint64_t lets[FILTER_ABIS];
	uint64_t unknown_names; /* in the profile: how many */
};
void filter_judge(struct pool *pool, const struct sock_filter *program, size_t length,
		  struct filter_judgement *ret_judgement);

/* "kexec_load" is the call of which ABI?  "i386", "x32", NULL for the machine's own. */
const char *filter_abi_name(enum filter_abi abi);
/* AUDIT_ARCH_* of ABI; 0: this machine does not have it. */
uint32_t filter_abi_arch(enum filter_abi abi);
/* The number of NAME there, negative where it has no such call. */
int filter_abi_number(enum filter_abi abi, const char *name);

#endif
