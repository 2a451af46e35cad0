/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - /etc/hrun/policy.json: who may lower the walls.
 *
 * The file and every parent directory belong to the host's root and are writable
 * by nobody else; otherwise create, run, start and exec are refused (never kill,
 * delete, state or list).
 */
#ifndef HRUN_POLICY_H
#define HRUN_POLICY_H

#include <hrun/err.h>
#include <hrun/pool.h>

#define POLICY_FILE "/etc/hrun/policy.json"
#define POLICY_RULE_SET "1"

enum level { LEVEL_PRIVILEGED, LEVEL_BASELINE, LEVEL_RESTRICTED, LEVELS };

struct policy {
	const char *path; /* where it was read from; NULL: no file, built-in defaults */
	enum level level;
};

/*
 * Read FILE (NULL: POLICY_FILE, whose absence means level baseline; a named FILE
 * must exist).  Members other than format and level are an error in this version.
 * 0 or negative errno with the whole line in *e.
 */
int policy_load(struct pool *pool, const char *file, struct policy *ret_policy, struct err *e);

const char *policy_level_name(enum level level);
/* LEVELS where the word is unknown. */
enum level policy_level_of(const char *word);

#endif
