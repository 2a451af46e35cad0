/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_shorten.h - the same filter in fewer instructions.
 */
#ifndef HRUN_FILTER_SHORTEN_H
#define HRUN_FILTER_SHORTEN_H

#include <hrun/pool.h>
#include <linux/filter.h>

/*
 * Replace *program by a shorter one that gives the same answer to every call; it stays as it is where none is found.
 * The program must be one that the kernel takes (jumps go forward and stay inside).
 */
void filter_shorten(struct pool *pool, const struct sock_filter **program, size_t *length);

#endif
