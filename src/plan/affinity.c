/* SPDX-License-Identifier: Apache-2.0 */
/*
 * affinity.c - process.execCPUAffinity: lists of CPUs, for exec alone (the container's init has none).
 */
#include <errno.h>
#include <hrun/config.h>
#include <hrun/planning.h>
#include <hrun/str.h>

/* The number at *p, which ends in front of one of the characters that may follow one; -1 where there is none. */
static int read_cpu(const char **p)
{
	char digits[8];
	uint64_t number;
	size_t length = strspn(*p, "0123456789");

	if (str_format(digits, sizeof digits, "%.*s", (int)length, *p) < 0 ||
	    str_to_u64(digits, CPU_SETSIZE - 1, &number) < 0)
		return -1;
	*p += length;
	return (int)number;
}

/* "0-3,7" */
static int read_list(const char *text, cpu_set_t *ret_set)
{
	CPU_ZERO(ret_set);
	for (const char *p = text;; p++) {
		int first = read_cpu(&p), last = first;
		if (*p == '-') {
			p++;
			last = read_cpu(&p);
		}
		if (first < 0 || last < first || (*p && *p != ','))
			return -EINVAL;
		for (int cpu = first; cpu <= last; cpu++)
			CPU_SET((size_t)cpu, ret_set);
		if (!*p)
			return 0;
	}
}

static int plan_set(struct pool *pool, const char *list, const char *where, const cpu_set_t **ret_set, struct err *e)
{
	if (!list || !*list)
		return 0;
	cpu_set_t *set = pool_alloc(pool, sizeof *set);
	if (read_list(list, set) < 0)
		return err_set(e, EINVAL, "%s: must be a list of numbers and ranges below %d, as 0-3,7", where,
			       CPU_SETSIZE);
	*ret_set = set;
	return 0;
}

int plan_cpu_affinity(struct pool *pool, const struct config_cpu_affinity *affinity, struct plan *plan, struct err *e)
{
	if (!affinity)
		return 0;
	TRY(plan_set(pool, affinity->initial, "process.execCPUAffinity.initial", &plan->exec.cpus_initial, e));
	return plan_set(pool, affinity->final, "process.execCPUAffinity.final", &plan->exec.cpus_final, e);
}
