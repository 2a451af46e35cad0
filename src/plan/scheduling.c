/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduling.c - how the program shares processors, disks and memory nodes with others.
 *
 * The words are the kernel's; a value that does not belong to its policy is refused here, since the kernel would ignore some of
 * them in silence.
 */
#include <errno.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>

#ifndef MPOL_WEIGHTED_INTERLEAVE
#define MPOL_WEIGHTED_INTERLEAVE 6 /* Linux 6.9 */
#endif

struct number_word {
	const char *word;
	unsigned int number;
};

static const struct number_word policies[] = {
	{"SCHED_OTHER", SCHED_NORMAL}, {"SCHED_FIFO", SCHED_FIFO}, {"SCHED_RR", SCHED_RR},
	{"SCHED_BATCH", SCHED_BATCH},  {"SCHED_IDLE", SCHED_IDLE}, {"SCHED_DEADLINE", SCHED_DEADLINE},
};
static const struct number_word scheduler_flags[] = {
	{"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
	{"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
	{"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
	{"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
	{"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
	{"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
	{"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX},
};
static const struct number_word io_classes[] = {
	{"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT},
	{"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
	{"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE},
};
static const struct number_word memory_modes[] = {
	{"MPOL_DEFAULT", MPOL_DEFAULT},	      {"MPOL_BIND", MPOL_BIND},
	{"MPOL_INTERLEAVE", MPOL_INTERLEAVE}, {"MPOL_WEIGHTED_INTERLEAVE", MPOL_WEIGHTED_INTERLEAVE},
	{"MPOL_PREFERRED", MPOL_PREFERRED},   {"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
	{"MPOL_LOCAL", MPOL_LOCAL},
};
static const struct number_word memory_flags[] = {
	{"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING},
	{"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
	{"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
};
static const struct number_word domains[] = {{"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}};

static int find_number(struct pool *pool, const struct number_word *words, size_t count, const char *word,
		       const char *where, unsigned int *ret, struct err *e)
{
	for (size_t i = 0; word && i < count; i++) {
		if (str_equal(words[i].word, word)) {
			*ret = words[i].number;
			return 0;
		}
	}
	return err_set(e, EINVAL, "%s: unknown word %s", where, word ? plan_quote(pool, word) : "(none)");
}
#define FIND_NUMBER(pool, words, ...) find_number((pool), (words), sizeof(words) / sizeof *(words), __VA_ARGS__)

static int add_flags(struct pool *pool, const struct number_word *words, size_t count, const struct string_list *list,
		     const char *where, unsigned int *flags, struct err *e)
{
	for (size_t i = 0; i < list->count; i++) {
		unsigned int flag = 0;
		TRY(find_number(pool, words, count, list->item[i], pool_printf(pool, "%s[%zu]", where, i), &flag, e));
		*flags |= flag;
	}
	return 0;
}

/* "0-3,7" as the kernel writes its lists of processors and nodes. */
static int read_list(struct pool *pool, const char *text, const char *where, struct number_set **ret, struct err *e)
{
	struct number_set *set = pool_alloc(pool, sizeof *set);

	for (const char *p = text;; p++) {
		char *end;
		unsigned long first = *p >= '0' && *p <= '9' ? strtoul(p, &end, 10) : NUMBER_SET_BITS, last = first;
		if (first < NUMBER_SET_BITS && *end == '-')
			last = end[1] >= '0' && end[1] <= '9' ? strtoul(end + 1, &end, 10) : NUMBER_SET_BITS;
		if (first >= NUMBER_SET_BITS || last >= NUMBER_SET_BITS || last < first || (*end && *end != ','))
			return err_set(e, EINVAL, "%s: %s is no list such as 0-3,7 of numbers below %d", where,
				       plan_quote(pool, text), NUMBER_SET_BITS);
		for (unsigned long n = first; n <= last; n++)
			set->bits[n / NUMBER_SET_WORD] |= 1UL << n % NUMBER_SET_WORD;
		p = end;
		if (!*p)
			break;
	}
	*ret = set;
	return 0;
}

static int check_values(const struct config_scheduler *c, const struct scheduling_plan *s, struct err *e)
{
	bool nice = s->policy == SCHED_NORMAL || s->policy == SCHED_BATCH;
	bool realtime = s->policy == SCHED_FIFO || s->policy == SCHED_RR;

	if (s->nice < -20 || s->nice > 19)
		return err_set(e, EINVAL, "process.scheduler.nice: must be from -20 to 19");
	if (s->nice && !nice)
		return err_set(e, EINVAL, "process.scheduler.nice: has no effect with %s; remove it", c->policy);
	if (realtime ? c->priority.value < 1 || c->priority.value > 99 : c->priority.value != 0)
		return err_set(e, EINVAL, "process.scheduler.priority: must be %s with %s",
			       realtime ? "from 1 to 99" : "0", c->policy);
	if ((s->runtime || s->deadline || s->period) && s->policy != SCHED_DEADLINE)
		return err_set(e, EINVAL,
			       "process.scheduler: runtime, deadline and period have no effect with %s; remove them",
			       c->policy);
	return 0;
}

static int plan_scheduler(struct pool *pool, const struct config_scheduler *c, struct scheduling_plan *s, struct err *e)
{
	unsigned int flags = 0;

	TRY(FIND_NUMBER(pool, policies, c->policy, "process.scheduler.policy", &s->policy, e));
	TRY(add_flags(pool, scheduler_flags, sizeof scheduler_flags / sizeof *scheduler_flags, &c->flags,
		      "process.scheduler.flags", &flags, e));
	s->has_scheduler = true;
	s->policy_name = c->policy;
	s->flags = flags;
	s->nice = c->nice.value;
	s->runtime = c->runtime.value;
	s->deadline = c->deadline.value;
	s->period = c->period.value;
	TRY(check_values(c, s, e));
	s->priority = (uint32_t)c->priority.value;
	return 0;
}

static int plan_io_priority(struct pool *pool, const struct config_io_priority *c, struct scheduling_plan *s,
			    struct err *e)
{
	TRY(FIND_NUMBER(pool, io_classes, c->class, "process.ioPriority.class", &s->io_class, e));
	if (c->priority.value < 0 || c->priority.value >= IOPRIO_NR_LEVELS)
		return err_set(e, EINVAL, "process.ioPriority.priority: must be from 0 to %d", IOPRIO_NR_LEVELS - 1);
	s->io_class_name = c->class;
	s->io_level = (unsigned int)c->priority.value;
	return 0;
}

int plan_scheduling(struct pool *pool, const struct config_process *process, struct plan *plan, struct err *e)
{
	const struct config_cpu_affinity *affinity = process->exec_cpu_affinity;
	struct scheduling_plan *s = &plan->scheduling;

	if (process->scheduler)
		TRY(plan_scheduler(pool, process->scheduler, s, e));
	if (process->io_priority)
		TRY(plan_io_priority(pool, process->io_priority, s, e));
	if (affinity && affinity->initial && *affinity->initial)
		TRY(read_list(pool, affinity->initial, "process.execCPUAffinity.initial", &s->initial_cpus, e));
	if (affinity && affinity->final && *affinity->final)
		TRY(read_list(pool, affinity->final, "process.execCPUAffinity.final", &s->final_cpus, e));
	else if (s->initial_cpus) /* back to all that the container's cgroup allows */
		s->final_cpus = memset(pool_alloc(pool, sizeof *s->final_cpus), 0xff, sizeof *s->final_cpus);
	return 0;
}

/* The kernel's own table, set_mempolicy(2): which modes need nodes, which take none. */
static int check_nodes(const struct config_memory_policy *c, unsigned int mode, bool nodes, struct err *e)
{
	if (nodes && (mode == MPOL_DEFAULT || mode == MPOL_LOCAL))
		return err_set(e, EINVAL, "linux.memoryPolicy.nodes: %s takes none; remove them", c->mode);
	if (!nodes && mode != MPOL_DEFAULT && mode != MPOL_LOCAL && mode != MPOL_PREFERRED)
		return err_set(e, EINVAL, "linux.memoryPolicy.nodes: missing; %s needs them", c->mode);
	return 0;
}

static int plan_memory_policy(struct pool *pool, const struct config_memory_policy *c, struct scheduling_plan *s,
			      struct err *e)
{
	bool nodes = c->nodes && *c->nodes;
	unsigned int mode = 0;

	TRY(FIND_NUMBER(pool, memory_modes, c->mode, "linux.memoryPolicy.mode", &mode, e));
	TRY(check_nodes(c, mode, nodes, e));
	TRY(add_flags(pool, memory_flags, sizeof memory_flags / sizeof *memory_flags, &c->flags,
		      "linux.memoryPolicy.flags", &mode, e));
	if (nodes)
		TRY(read_list(pool, c->nodes, "linux.memoryPolicy.nodes", &s->memory_nodes, e));
	s->memory_mode = mode;
	s->memory_text = nodes ? pool_printf(pool, "%s %s", c->mode, plan_quote(pool, c->nodes)) : c->mode;
	return 0;
}

int plan_inherited(struct pool *pool, const struct config *config, struct plan *plan, struct err *e)
{
	const struct config_personality *personality = config->linux_->personality;
	struct scheduling_plan *s = &plan->scheduling;

	if (config->linux_->memory_policy)
		TRY(plan_memory_policy(pool, config->linux_->memory_policy, s, e));
	if (!personality)
		return 0;
	if (personality->flags.count)
		return err_set(e, EINVAL, "linux.personality.flags: the specification knows none; remove them");
	TRY(FIND_NUMBER(pool, domains, personality->domain, "linux.personality.domain", &s->personality, e));
	s->domain_name = personality->domain;
	return 0;
}
