/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_walk.h - everything that a seccomp program may answer to one call, whatever its arguments are.
 */
#ifndef HRUN_FILTER_WALK_H
#define HRUN_FILTER_WALK_H

#include <hrun/pool.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

struct filter_question {
	uint32_t arch, number;
	uint32_t set_bits; /* of the low half of args[0]: these are known to be set, the others are not known */
};

/* A set of answers. */
enum { FILTER_ALLOWS = 1, FILTER_DENIES = 2 }; /* SECCOMP_RET_ALLOW or _LOG; anything else */

struct filter_walk; /* room for the walks over one program */
struct filter_walk *filter_walk_new(struct pool *pool, const struct sock_filter *program, size_t length);

/*
 * The answers that some arguments may get.  What the kernel can answer is always in the set; the set is larger than that
 * only where a condition cannot be decided from one look at one half of an argument.  A program that the kernel would not
 * take may answer anything.  *RET_STEPS (may be NULL): instructions looked at, at most FILTER_WALK_VALUES times the length.
 */
unsigned int filter_walk(struct filter_walk *walk, const struct filter_question *question, size_t *ret_steps);

enum { FILTER_WALK_VALUES = 8 };

#endif
