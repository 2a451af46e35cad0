/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduling.c - sched_setattr(2), ioprio_set(2), sched_setaffinity(2), set_mempolicy(2), personality(2).
 *
 * The first three are the runtime's to set, from outside: they take capabilities over the host that a
 * container in a user namespace of its own does not have.  The last two work on oneself only.
 */
#include <hrun/chapters.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

/* sched_setattr(2) as of its first version; sched.h of the kernel and of libc cannot be included together. */
struct scheduling_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static int set_scheduler(const struct scheduling_plan *s, pid_t pid, struct err *e)
{
	const struct scheduling_attr attr = {
		.size = sizeof attr,
		.policy = s->policy,
		.flags = s->flags,
		.nice = s->nice,
		.priority = s->priority,
		.runtime = s->runtime,
		.deadline = s->deadline,
		.period = s->period,
	};

	if (syscall(SYS_sched_setattr, pid, &attr, 0) < 0)
		return err_errno(e, "process.scheduler: set %s", s->policy_name);
	return 0;
}

int scheduling_apply(const struct scheduling_plan *s, pid_t pid, struct err *e)
{
	unsigned int priority = s->io_class << IOPRIO_CLASS_SHIFT | s->io_level;

	if (s->has_scheduler)
		TRY(set_scheduler(s, pid, e));
	if (s->io_class && syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, priority) < 0)
		return err_errno(e, "process.ioPriority: set %s", s->io_class_name);
	return 0;
}

int scheduling_set_cpus(const struct number_set *cpus, pid_t pid, const char *where, struct err *e)
{
	if (cpus && syscall(SYS_sched_setaffinity, pid, sizeof cpus->bits, cpus->bits) < 0)
		return err_errno(e, "%s: set the processors", where);
	return 0;
}

int scheduling_get_cpus(struct number_set *ret_cpus, struct err *e)
{
	*ret_cpus = (struct number_set){0};
	if (syscall(SYS_sched_getaffinity, 0, sizeof ret_cpus->bits, ret_cpus->bits) < 0)
		return err_errno(e, "read the processors that hrun may use");
	return 0;
}

int scheduling_apply_self(const struct scheduling_plan *s, struct err *e)
{
	const unsigned long *nodes = s->memory_nodes ? s->memory_nodes->bits : NULL;

	if (s->memory_text &&
	    syscall(SYS_set_mempolicy, s->memory_mode, nodes, nodes ? NUMBER_SET_BITS + 1UL : 0UL) < 0)
		return err_errno(e, "linux.memoryPolicy: set %s", s->memory_text);
	/* Always: the caller's own, without address randomisation for one (setarch -R), is not the container's. */
	if (personality(s->personality) < 0)
		return err_errno(e, "linux.personality: set %s", s->domain_name ? s->domain_name : "LINUX");
	return 0;
}
