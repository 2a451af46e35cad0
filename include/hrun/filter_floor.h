/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_floor.h - a filter that denies the dangerous calls and nothing else.
 */
#ifndef HRUN_FILTER_FLOOR_H
#define HRUN_FILTER_FLOOR_H

#include <hrun/pool.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

/*
 * To be loaded below a profile that lets too much through: of two filters the kernel takes the stricter answer.  Bit i of
 * GRANTED: watched_calls[i] is not denied, since the container has a capability for it.
 */
void filter_floor(struct pool *pool, uint64_t granted, const struct sock_filter **ret_program, size_t *ret_length);

#endif
