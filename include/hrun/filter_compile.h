/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_compile.h - linux.seccomp -> BPF, by libseccomp.
 */
#ifndef HRUN_FILTER_COMPILE_H
#define HRUN_FILTER_COMPILE_H

#include <hrun/config.h>
#include <hrun/err.h>
#include <hrun/pool.h>
#include <linux/filter.h>
#include <stdbool.h>

/*
 * Compile without any cache.  What is unknown (action, operator, architecture, index) is an
 * error that names the place; only unknown names of system calls are skipped, as the
 * specification wants it.
 */
int filter_compile(struct pool *pool, const struct config_seccomp *seccomp, const struct sock_filter **ret_program,
		   size_t *ret_length, struct err *e);

/*
 * The same by a process of its own, -E2BIG where that takes more than some seconds of processor time, -EIO where it ended otherwise
 * without an answer.
 */
int filter_compile_apart(struct pool *pool, const struct config_seccomp *seccomp,
			 const struct sock_filter **ret_program, size_t *ret_length, struct err *e);

/*
 * An action's word and errno -> libseccomp's value; *ret_text (may be NULL) becomes
 * "ERRNO(ENOSYS)", "ALLOW".
 */
int filter_action(struct pool *pool, const char *word, struct opt_u32 errno_ret, const char *where,
		  uint32_t *ret_action, const char **ret_text, struct err *e);

/* Does libseccomp have NAME, for this machine or for another one? */
bool filter_knows_call(const char *name);

/* ENOSYS for calls of ARCHS above the highest that SECCOMP names: a head for *program (newer.c). */
void filter_add_newer(struct pool *pool, const struct config_seccomp *seccomp, const uint32_t *archs, size_t count,
		      const struct sock_filter **program, size_t *length);

#endif
