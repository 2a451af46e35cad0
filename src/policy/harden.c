/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harden.c - a changed copy of the config, with every repair of a verdict.
 *
 * The original stays as it was judged: everything that a repair may write to is
 * copied first, once, so that no repair has to think of it.  Lists of options and paths are
 * replaced, never written into (list_append).
 */
#include <hrun/action.h>
#include <hrun/judging.h>
#include <string.h>

static void *copy_of(struct pool *pool, const void *original, size_t size)
{
	return original ? memcpy(pool_alloc(pool, size ? size : 1), original, size) : NULL;
}
#define COPY(pool, array, count) copy_of((pool), (array), (count) * sizeof *(array))

/* There is always one: limits that are missing are put into it. */
static struct config_resources *copy_resources(struct pool *pool, const struct config_resources *original)
{
	struct config_resources *copy = pool_alloc(pool, sizeof *copy);

	if (original)
		*copy = *original;
	copy->memory = COPY(pool, copy->memory, 1);
	copy->cpu = COPY(pool, copy->cpu, 1);
	copy->pids = COPY(pool, copy->pids, 1);
	return copy;
}

static struct config_linux *copy_linux(struct pool *pool, const struct config_linux *original)
{
	if (!original)
		return NULL;
	struct config_linux *copy = pool_alloc(pool, sizeof *copy);
	*copy = *original;
	copy->namespaces = COPY(pool, copy->namespaces, copy->namespace_count);
	copy->seccomp = COPY(pool, copy->seccomp, 1);
	copy->resources = copy_resources(pool, copy->resources);
	return copy;
}

static struct config *copy_config(struct pool *pool, const struct config *original)
{
	struct config *copy = pool_alloc(pool, sizeof *copy);

	*copy = *original;
	copy->process = COPY(pool, copy->process, 1);
	if (copy->process)
		copy->process->rlimits = COPY(pool, copy->process->rlimits, copy->process->rlimit_count);
	copy->mounts = COPY(pool, copy->mounts, copy->mount_count);
	for (size_t i = 0; copy->mounts && i < copy->mount_count; i++)
		copy->mounts[i].judged_as = i + 1;
	copy->linux_ = copy_linux(pool, copy->linux_);
	for (int kind = 0; kind < HOOK_KINDS; kind++)
		copy->hooks[kind].item = COPY(pool, copy->hooks[kind].item, copy->hooks[kind].count);
	return copy;
}

/* What was judged is what will be executed, now and by later commands. */
static void remember_hooks(const struct verdict *verdict, struct config *copy)
{
	for (int kind = 0; kind < HOOK_KINDS; kind++) {
		for (size_t i = 0; verdict->hooks[kind] && kind != HOOK_START_CONTAINER && i < copy->hooks[kind].count;
		     i++) {
			const struct hook_look *look = &verdict->hooks[kind][i];
			if (!look->errnum)
				copy->hooks[kind].item[i].file = file_identity_of(&look->file);
		}
	}
}

struct config *policy_harden(struct pool *pool, const struct config *config, const struct verdict *verdict)
{
	struct config *copy = copy_config(pool, config);

	if (verdict->dropped && copy->process)
		process_drop_capabilities(pool, copy->process, verdict->dropped);
	remember_hooks(verdict, copy);
	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];
		if (finding->action == ACTION_HARDEN && finding->rule->harden && finding->why != WHY_DROPPED)
			finding->rule->harden(pool, copy, finding);
	}
	return copy;
}
