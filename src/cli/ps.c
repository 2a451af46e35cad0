/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ps.c - the processes of a container, in cgroups of its own making too, by their numbers here.
 */
#include <hrun/cgroup.h>
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <stdio.h>
#include <stdlib.h>

struct pids {
	struct pool *pool;
	pid_t *item;
	size_t count;
};

static int add(pid_t pid, void *argument, struct err *e)
{
	struct pids *pids = argument;

	(void)e;
	*pool_array_add(pids->pool, pids->item, pids->count) = pid;
	return 0;
}

static int compare(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return x < y ? -1 : x > y;
}

static int collect(const struct container *container, struct pids *pids, struct err *e)
{
	/* Nobody is left: an empty list, as engines expect it. */
	if (container_status(container) == STATUS_STOPPED)
		return 0;
	autofd int cgroup = living_cgroup(container, e);
	TRY(cgroup);
	TRY(cgroup_each_process(cgroup, add, pids, e));
	if (pids->count)
		qsort(pids->item, pids->count, sizeof *pids->item, compare);
	return 0;
}

static void print(const struct pids *pids, bool json)
{
	fputs(json ? "[" : "PID\n", stdout);
	for (size_t i = 0; i < pids->count; i++)
		printf(json ? "%s%d" : "%s%d\n", json && i ? "," : "", pids->item[i]);
	fputs(json ? "]\n" : "", stdout);
}

int cmd_ps(struct command *command, struct err *e)
{
	struct pids pids = {.pool = &command->pool};
	struct container container;
	bool json;

	TRY(format_read(&command->options, &json, e));
	TRY(target_open(command, false, false, &container, e));
	int r = collect(&container, &pids, e);
	container_close(&container);
	TRY(r);
	print(&pids, json);
	return 0;
}
