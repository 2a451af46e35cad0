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
/* The same for the program itself: where the plan has an agent it gets the listener. */
int filter_load_and_notify(const struct filter_plan *plan, struct err *e);

/* R: connect to the agent's socket.  The new process: who am I in the runtime's procfs PROC? */
int agent_connect(struct filter_agent *agent, struct err *e);
int agent_find_pid(struct filter_agent *agent, int proc, struct err *e);
/* LOAD a filter and send the listener that it returns; the calling thread makes no system call in between. */
int agent_load_filter(const struct filter_agent *agent, int (*load)(const struct filter_plan *, struct err *),
		      const struct filter_plan *plan, struct err *e);

#endif
