/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_simulate.h - what a seccomp program answers, without the kernel.
 */
#ifndef HRUN_FILTER_SIMULATE_H
#define HRUN_FILTER_SIMULATE_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The SECCOMP_RET_* value (with its data) of PROGRAM for one call.  A program that the
 * kernel would not take (an unknown instruction, a jump or a read out of bounds, no end)
 * answers SECCOMP_RET_KILL_PROCESS.
 */
uint32_t filter_simulate(const struct sock_filter *program, size_t length, const struct seccomp_data *call);

/* Is the answer to call NUMBER of ARCH SECCOMP_RET_ALLOW or _LOG, and does it not even look at arguments? */
bool filter_always_allows(const struct sock_filter *program, size_t length, uint32_t arch, int number);

#endif
