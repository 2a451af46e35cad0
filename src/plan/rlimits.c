/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rlimits.c - resource limits by name (getrlimit(2)).
 */
#include <errno.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <sys/resource.h>

static const struct {
	const char *name;
	int resource;
} resources[] = {
	{"RLIMIT_AS", RLIMIT_AS},
	{"RLIMIT_CORE", RLIMIT_CORE},
	{"RLIMIT_CPU", RLIMIT_CPU},
	{"RLIMIT_DATA", RLIMIT_DATA},
	{"RLIMIT_FSIZE", RLIMIT_FSIZE},
	{"RLIMIT_LOCKS", (int)RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", (int)RLIMIT_MEMLOCK},
	{"RLIMIT_MSGQUEUE", (int)RLIMIT_MSGQUEUE},
	{"RLIMIT_NICE", (int)RLIMIT_NICE},
	{"RLIMIT_NOFILE", RLIMIT_NOFILE},
	{"RLIMIT_NPROC", (int)RLIMIT_NPROC},
	{"RLIMIT_RSS", (int)RLIMIT_RSS},
	{"RLIMIT_RTPRIO", (int)RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", (int)RLIMIT_RTTIME},
	{"RLIMIT_SIGPENDING", (int)RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", RLIMIT_STACK},
};

static int resource_of(const char *name)
{
	for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
		if (str_equal(name, resources[i].name))
			return resources[i].resource;
	}
	return -ENOENT;
}

static int plan_rlimit(struct pool *pool, const struct config_rlimit *limit, size_t index, struct plan *plan,
		       struct err *e)
{
	struct creds_plan *creds = &plan->creds;
	int resource = resource_of(limit->type);

	if (resource < 0)
		return err_set(e, EINVAL, "process.rlimits[%zu].type: unknown limit %s; write it as in getrlimit(2)",
			       index, plan_quote(pool, limit->type));
	if (limit->soft > limit->hard)
		return err_set(e, EINVAL, "process.rlimits[%zu]: soft is above hard; lower soft", index);
	for (size_t i = 0; i < creds->rlimit_count; i++) {
		if (creds->rlimits[i].resource == resource)
			return err_set(e, EINVAL, "process.rlimits[%zu].type: %s is there twice; keep one", index,
				       limit->type);
	}
	*pool_array_add(pool, creds->rlimits, creds->rlimit_count) = (struct rlimit_step){
		.resource = resource,
		.name = limit->type,
		.limit = {.rlim_cur = limit->soft, .rlim_max = limit->hard},
	};
	return 0;
}

int plan_rlimits(struct pool *pool, const struct config_process *process, struct plan *plan, struct err *e)
{
	plan->creds.rlimits = NULL;
	plan->creds.rlimit_count = 0;
	for (size_t i = 0; i < process->rlimit_count; i++)
		TRY(plan_rlimit(pool, &process->rlimits[i], i, plan, e));
	return 0;
}
