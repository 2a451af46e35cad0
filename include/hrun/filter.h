/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.h - load the plan's seccomp program into the calling process.
 */
#ifndef HRUN_FILTER_H
#define HRUN_FILTER_H

#include <hrun/err.h>
#include <hrun/plan.h>

/*
 * Does this kernel know seccomp filters, the plan's flags, and every action that its program
 * can answer?  An action that it does not know would kill; asked before anything is made.
 */
int filter_check_support(const struct filter_plan *plan, struct err *e);

/*
 * Load it; nothing where there is none.  Needs no_new_privs, or CAP_SYS_ADMIN in the caller's user
 * namespace.  From here on this process makes only the calls that the filter allows.
 */
int filter_load(const struct filter_plan *plan, struct err *e);

#endif
