/* SPDX-License-Identifier: Apache-2.0 */
/*
 * no_machine.h - plans without cgroup and filter, which depend on the machine: the linker takes these where it is
 * not given the real ones.
 */
#ifndef HRUN_NO_MACHINE_H
#define HRUN_NO_MACHINE_H

#include <hrun/plan.h>

int plan_cgroup(struct pool *pool, const struct config *config, const struct plan_options *options, struct plan *plan,
		struct err *e) __attribute__((weak));
int plan_cgroup(struct pool *pool, const struct config *config, const struct plan_options *options, struct plan *plan,
		struct err *e)
{
	(void)pool, (void)config, (void)options, (void)e;
	plan->cgroup.disabled = true;
	return 0;
}

int plan_filter(struct pool *pool, const struct config *config, const struct plan_options *options, struct plan *plan,
		struct err *e) __attribute__((weak));
int plan_filter(struct pool *pool, const struct config *config, const struct plan_options *options, struct plan *plan,
		struct err *e)
{
	(void)pool, (void)config, (void)options, (void)plan, (void)e;
	return 0;
}

#endif
