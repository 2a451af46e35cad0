/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_program.h - a profile of a config as the program that is loaded, and what that lets through.
 */
#ifndef HRUN_FILTER_PROGRAM_H
#define HRUN_FILTER_PROGRAM_H

#include <hrun/config.h>
#include <hrun/err.h>
#include <hrun/filter_watched.h>
#include <hrun/pool.h>

struct filter_program {
	const struct sock_filter *program;
	size_t length;
	struct filter_judgement judgement;
};

/*
 * The program of SECCOMP: from CACHE_DIR (NULL: none), or compiled and kept there with its judgement.  0 or negative errno
 * with *e, which names the place in the profile.
 */
int filter_program_get(struct pool *pool, const struct config_seccomp *seccomp, const char *cache_dir,
		       struct filter_program *ret_program, struct err *e);

#endif
