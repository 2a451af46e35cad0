/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builtin_filter.h - the profiles of seccomp-profiles/, compiled at build time.
 *
 * A profile has, for each architecture, programs for sets of capabilities in common
 * use, and one general program with patches that is exact for every other set.
 */
#ifndef HRUN_BUILTIN_FILTER_H
#define HRUN_BUILTIN_FILTER_H

#include <hrun/err.h>
#include <hrun/filter_arch.h>
#include <hrun/plan.h>
#include <hrun/pool.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* program[index].k is WITH where the container has one of the capabilities any_of, else WITHOUT. */
struct builtin_patch {
	size_t index;
	uint64_t any_of;
	uint32_t with, without;
};

struct builtin_filter {
	const char *profile;   /* "default.json" */
	uint32_t arch;	       /* AUDIT_ARCH_* of the machine */
	bool general;	       /* for any capabilities, by its patches */
	uint64_t relevant;     /* the capabilities that the profile asks for */
	uint64_t capabilities; /* not general: the relevant ones that the container has */
	const struct sock_filter *program;
	size_t length;
	const struct builtin_patch *patches;
	size_t patch_count;
	const char *default_action; /* "ERRNO(ENOSYS)" */
};

/* Made at build time; the general program of a profile comes after its others. */
extern const struct builtin_filter builtin_filters[];
extern const size_t builtin_filter_count;

/*
 * The filter of PROFILE for ARCH and a container that can have CAPABILITIES.  -ENOENT where
 * there is no such profile for ARCH.
 */
int builtin_filter_get(struct pool *pool, const char *profile, uint32_t arch, uint64_t capabilities,
		       struct filter_plan *ret_filter, struct err *e);

#endif
