/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_limits.c - resource limits, and a process's share of processors and disks.
 */
#include <hrun/judging.h>
#include <hrun/str.h>

enum { NO_RLIMIT = 32 };

/* Where the kernel's own names stand in a list of them; NO_RLIMIT: unknown. */
static size_t rlimit_number(const char *type)
{
	static const char *const known[] = {
		"RLIMIT_AS",	 "RLIMIT_CORE",	  "RLIMIT_CPU",	       "RLIMIT_DATA",
		"RLIMIT_FSIZE",	 "RLIMIT_LOCKS",  "RLIMIT_MEMLOCK",    "RLIMIT_MSGQUEUE",
		"RLIMIT_NICE",	 "RLIMIT_NOFILE", "RLIMIT_NPROC",      "RLIMIT_RSS",
		"RLIMIT_RTPRIO", "RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK",
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (str_equal(type, known[i]))
			return i;
	}
	return NO_RLIMIT;
}

static const char *rlimit_place(const struct finder *finder, size_t i)
{
	return at(finder, "process.rlimits[%zu]", i);
}

void judge_rlimit_invalid(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;
	uint64_t seen = 0;

	for (size_t i = 0; process && i < process->rlimit_count; i++) {
		const struct config_rlimit *limit = &process->rlimits[i];
		size_t number = rlimit_number(limit->type);
		if (number == NO_RLIMIT)
			find(finder, rlimit_place(finder, i), "unknown type %s", quote(finder, limit->type));
		else if (seen >> number & 1)
			find(finder, rlimit_place(finder, i), "%s stands in the list twice", limit->type);
		seen |= UINT64_C(1) << number;
		if (limit->soft > limit->hard)
			find(finder, rlimit_place(finder, i), "soft limit above the hard limit");
	}
}

/* What must have an end, and the end that a repair gives it. */
static const struct config_rlimit bounded[] = {
	{.type = "RLIMIT_NPROC", .hard = 65536},
	{.type = "RLIMIT_NOFILE", .hard = 1048576},
	{.type = "RLIMIT_CORE", .hard = 0},
	{.type = "RLIMIT_MEMLOCK", .hard = 8 * 1024 * 1024},
};

static const struct config_rlimit *bound_of(const char *type)
{
	for (size_t i = 0; i < sizeof bounded / sizeof bounded[0]; i++) {
		if (str_equal(type, bounded[i].type))
			return &bounded[i];
	}
	return NULL;
}

/* RLIM_INFINITY as the config writes it is 2^64-1; what no machine has is no limit either. */
static const uint64_t no_rlimit = UINT64_C(1) << 52;

void judge_rlimit_unlimited(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;

	for (size_t i = 0; process && i < process->rlimit_count; i++) {
		const struct config_rlimit *limit = &process->rlimits[i];
		if (limit->hard >= no_rlimit && bound_of(limit->type))
			find_item(finder, i, limit->type, at(finder, "process.rlimits[%zu].hard", i), "%s has no limit",
				  limit->type);
	}
}

void harden_rlimit_unlimited(struct pool *pool, struct config *config, const struct finding *finding)
{
	struct config_process *process = config->process;

	(void)pool;
	if (!process || finding->index >= process->rlimit_count)
		return;
	struct config_rlimit *limit = &process->rlimits[finding->index];
	const struct config_rlimit *bound = bound_of(limit->type);
	if (!bound)
		return;
	limit->hard = bound->hard;
	limit->soft = limit->soft < bound->hard ? limit->soft : bound->hard;
}

/* Who may set RLIMIT_RTPRIO above 0 is free to choose SCHED_FIFO; RLIMIT_NICE is 20 minus the lowest nice value. */
static const struct config_rlimit ordinary[] = {{.type = "RLIMIT_RTPRIO", .hard = 0},
						{.type = "RLIMIT_NICE", .hard = 20}};
enum { ORDINARY = sizeof ordinary / sizeof ordinary[0] };

static void find_priority_limits(struct finder *finder, const struct config_process *process)
{
	for (size_t i = 0; i < process->rlimit_count; i++) {
		const struct config_rlimit *limit = &process->rlimits[i];
		for (size_t k = 0; k < ORDINARY; k++) {
			if (str_equal(limit->type, ordinary[k].type) && limit->hard > ordinary[k].hard)
				find_value(finder, limit->type, at(finder, "process.rlimits[%zu].hard", i),
					   "%s lets the program choose to run before others", limit->type);
		}
	}
}

static void lower_priority_limits(struct config_process *process)
{
	for (size_t i = 0; i < process->rlimit_count; i++) {
		struct config_rlimit *limit = &process->rlimits[i];
		for (size_t k = 0; k < ORDINARY; k++) {
			if (!str_equal(limit->type, ordinary[k].type) || limit->hard <= ordinary[k].hard)
				continue;
			limit->soft = limit->hard = 0; /* the kernel's own, to which everybody may lower his */
		}
	}
}

void judge_scheduler_realtime(struct finder *finder)
{
	static const char *const realtime[] = {"SCHED_FIFO", "SCHED_RR", "SCHED_DEADLINE"};
	const struct config_process *process = finder->judged->process;
	const struct config_scheduler *scheduler = process ? process->scheduler : NULL;

	if (scheduler && scheduler->policy && IS_ONE_OF(scheduler->policy, realtime))
		find_value(finder, scheduler->policy, "process.scheduler.policy", "%s runs before everything else",
			   scheduler->policy);
	if (scheduler && scheduler->nice.value < 0)
		find_value(finder, at(finder, "%d", scheduler->nice.value), "process.scheduler.nice",
			   "%d takes time from others", scheduler->nice.value);
	if (process)
		find_priority_limits(finder, process);
}

void harden_scheduler_realtime(struct pool *pool, struct config *config, const struct finding *finding)
{
	struct config_process *process = config->process;

	(void)pool, (void)finding;
	if (!process)
		return;
	process->scheduler = NULL;
	lower_priority_limits(process);
}

void judge_io_priority_realtime(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;

	if (process && process->io_priority && process->io_priority->class &&
	    str_equal(process->io_priority->class, "IOPRIO_CLASS_RT"))
		find_value(finder, "IOPRIO_CLASS_RT", "process.ioPriority.class",
			   "IOPRIO_CLASS_RT is served before everything else");
}

void harden_io_priority_realtime(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)pool, (void)finding;
	if (config->process)
		config->process->io_priority = NULL;
}
