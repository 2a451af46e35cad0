/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hooks.c - programs of the engine that run at six moments.
 *
 * A hook is the host's root: its environment is its own list and nothing else, never
 * the container's (CVE-2025-23266).
 */
#include <errno.h>
#include <hrun/planning.h>
#include <limits.h>

static char **terminated(struct pool *pool, const struct string_list *list)
{
	char **copy = pool_alloc(pool, (list->count + 1) * sizeof *copy);

	for (size_t i = 0; i < list->count; i++)
		copy[i] = pool_strdup(pool, list->item[i]);
	return copy;
}

static int plan_hook(struct pool *pool, const struct config_hook *hook, struct hook_step *step, struct err *e)
{
	const struct string_list path_only = {.item = (const char *[]){hook->path}, .count = 1};

	if (!hook->path || hook->path[0] != '/')
		return err_set(e, EINVAL, "%s.path: must be an absolute path", step->where);
	if (hook->timeout.set && (hook->timeout.value <= 0 || hook->timeout.value > INT_MAX))
		return err_set(e, EINVAL, "%s.timeout: must be a number of seconds from 1 to %d", step->where, INT_MAX);
	step->path = hook->path;
	step->args = terminated(pool, hook->args.count ? &hook->args : &path_only);
	step->env = terminated(pool, &hook->env);
	step->timeout_seconds = hook->timeout.set ? (int)hook->timeout.value : 0;
	step->file = hook->file;
	return 0;
}

int plan_hooks(struct pool *pool, const struct config *config, struct plan *plan, struct err *e)
{
	for (enum hook_kind kind = 0; kind < HOOK_KINDS; kind++) {
		const struct config_hook_list *from = &config->hooks[kind];
		struct hook_list *to = &plan->hooks[kind];

		for (size_t i = 0; i < from->count; i++) {
			struct hook_step *step = pool_array_add(pool, to->item, to->count);
			step->where = pool_printf(pool, "hooks.%s[%zu]", spec_hook_kind_name(kind), i);
			TRY(plan_hook(pool, &from->item[i], step, e));
		}
	}
	return 0;
}
