/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_process.c - the program and what it may do from the start.
 *
 * exec's process is judged here too: always finder->judged->process, never
 * config->process.
 */
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>

void judge_no_new_privileges(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;

	if (process && !process->no_new_privileges.value)
		find(finder, "process.noNewPrivileges", "not true: a setuid program could raise privileges");
}

void harden_no_new_privileges(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)pool, (void)finding;
	if (config->process)
		config->process->no_new_privileges = (struct opt_bool){.set = true, .value = true};
}

/* CVE-2024-21626: /proc/self/fd/N as working directory led out of the container. */
void judge_cwd_unsafe(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;

	if (!process || !process->cwd || !*process->cwd)
		return;
	if (process->cwd[0] != '/')
		find(finder, "process.cwd", "%s is relative", quote(finder, process->cwd));
	else if (path_has_dotdot(process->cwd))
		find(finder, "process.cwd", "%s holds \"..\"", quote(finder, process->cwd));
	else if (path_is_below(path_clean(finder->judged->pool, process->cwd), "/proc"))
		find(finder, "process.cwd", "%s lies in /proc", quote(finder, process->cwd));
}

static bool is_rlimit(const char *type)
{
	static const char *const known[] = {
		"RLIMIT_AS",	 "RLIMIT_CORE",	  "RLIMIT_CPU",	       "RLIMIT_DATA",
		"RLIMIT_FSIZE",	 "RLIMIT_LOCKS",  "RLIMIT_MEMLOCK",    "RLIMIT_MSGQUEUE",
		"RLIMIT_NICE",	 "RLIMIT_NOFILE", "RLIMIT_NPROC",      "RLIMIT_RSS",
		"RLIMIT_RTPRIO", "RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK",
	};

	return IS_ONE_OF(type, known);
}

static bool is_repeated(const struct config_process *process, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (str_equal(process->rlimits[k].type, process->rlimits[i].type))
			return true;
	}
	return false;
}

void judge_rlimit_invalid(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;

	for (size_t i = 0; process && i < process->rlimit_count; i++) {
		const struct config_rlimit *limit = &process->rlimits[i];
		const char *where = at(finder, "process.rlimits[%zu]", i);
		if (!is_rlimit(limit->type))
			find(finder, where, "unknown type %s", quote(finder, limit->type));
		else if (is_repeated(process, i))
			find(finder, where, "%s stands in the list twice", limit->type);
		if (limit->soft > limit->hard)
			find(finder, where, "soft limit above the hard limit");
	}
}

void judge_user_root(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;

	if (process && process->user.uid.value == 0 && root_is_host_root(finder->judged))
		find(finder, "process.user.uid", "runs as the root of the host");
}

void judge_scheduler_realtime(struct finder *finder)
{
	static const char *const realtime[] = {"SCHED_FIFO", "SCHED_RR", "SCHED_DEADLINE"};
	const struct config_process *process = finder->judged->process;
	const struct config_scheduler *scheduler = process ? process->scheduler : NULL;

	if (scheduler && scheduler->policy && IS_ONE_OF(scheduler->policy, realtime))
		find(finder, "process.scheduler.policy", "%s runs before everything else", scheduler->policy);
	if (scheduler && scheduler->nice.value < 0)
		find(finder, "process.scheduler.nice", "%d takes time from others", scheduler->nice.value);
}

void judge_io_priority_realtime(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;

	if (process && process->io_priority && process->io_priority->class &&
	    str_equal(process->io_priority->class, "IOPRIO_CLASS_RT"))
		find(finder, "process.ioPriority.class", "IOPRIO_CLASS_RT is served before everything else");
}
