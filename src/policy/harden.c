/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harden.c - a changed copy of the config, with every repair of a verdict.
 *
 * The original stays as it was judged: everything that a repair may write to is
 * copied first, once, so that no repair has to think of it.  Lists of options and paths are
 * replaced, never written into (list_append).
 */
#include <hrun/rules.h>
#include <string.h>

static void *copy_of(struct pool *pool, const void *original, size_t size)
{
	return original ? memcpy(pool_alloc(pool, size ? size : 1), original, size) : NULL;
}
#define COPY(pool, array, count) copy_of((pool), (array), (count) * sizeof *(array))

static struct config_linux *copy_linux(struct pool *pool, const struct config_linux *original)
{
	if (!original)
		return NULL;
	struct config_linux *copy = pool_alloc(pool, sizeof *copy);
	*copy = *original;
	copy->namespaces = COPY(pool, copy->namespaces, copy->namespace_count);
	if (copy->resources)
		copy->resources = COPY(pool, copy->resources, 1);
	else
		copy->resources = pool_alloc(pool, sizeof *copy->resources);
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
	copy->linux_ = copy_linux(pool, copy->linux_);
	for (int kind = 0; kind < HOOK_KINDS; kind++)
		copy->hooks[kind].item = COPY(pool, copy->hooks[kind].item, copy->hooks[kind].count);
	return copy;
}

struct config *policy_harden(struct pool *pool, const struct config *config, const struct verdict *verdict)
{
	struct config *copy = copy_config(pool, config);

	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];
		if (finding->action == ACTION_HARDEN && finding->rule->harden)
			finding->rule->harden(pool, copy, finding);
	}
	return copy;
}
