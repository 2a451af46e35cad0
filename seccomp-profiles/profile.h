/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile.h - a profile of this directory as the build tool sees it.
 *
 * The input is our own, but it decides what a container may do: whatever the tool
 * does not know is an error, never skipped.
 */
#ifndef HRUN_PROFILE_H
#define HRUN_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROFILE_RULES = 256, PROFILE_NAMES = 512, PROFILE_ARGS = 6, PROFILE_ARCHS = 4 };

enum profile_op { OP_NE, OP_LT, OP_LE, OP_EQ, OP_GE, OP_GT, OP_MASKED_EQ };

struct profile_arg {
	unsigned int index;
	enum profile_op op;
	uint64_t value, value_two; /* OP_MASKED_EQ: mask, and what must remain */
};

struct profile_rule {
	const char *names[PROFILE_NAMES];
	size_t name_count;
	uint32_t action;		       /* SECCOMP_RET_*, with its data */
	uint64_t any_of;		       /* capabilities, one of which the container must have; 0: always */
	struct profile_arg args[PROFILE_ARGS]; /* all must hold */
	size_t arg_count;
};

/* The first rule that applies decides. */
struct profile {
	struct profile_rule rules[PROFILE_RULES];
	size_t rule_count;
	uint32_t default_action;
	uint32_t archs[PROFILE_ARCHS]; /* AUDIT_ARCH_*, which is also libseccomp's token */
	size_t arch_count;
};

/* Read PATH and, after it, the file that its "hrun:base" names.  Ends the program with a message where anything is wrong. */
void profile_read(const char *path, struct profile *ret_profile);

/* The number of NAME on ARCH, or -1 where ARCH does not have that call.  Ends the program where nobody knows the name. */
int profile_number(uint32_t arch, const char *name);

/* Print "compile-profiles: " and the message, end with status 1. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
