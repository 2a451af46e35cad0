/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lifecycle.c - start and delete, as the verbs of these names and `run` do them.
 *
 * Works from the record alone: config.json of the bundle may have changed since.
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/log.h>

static char **vector(struct pool *pool, const struct string_list *list)
{
	char **items = pool_alloc(pool, (list->count + 1) * sizeof *items);

	for (size_t i = 0; i < list->count; i++)
		items[i] = pool_strdup(pool, list->item[i]);
	return items;
}

static struct hook_list hooks_of(struct pool *pool, const struct config_hook_list *recorded)
{
	struct hook_list hooks = {.item = pool_alloc(pool, (recorded->count + 1) * sizeof *hooks.item)};

	for (; hooks.count < recorded->count; hooks.count++) {
		const struct config_hook *hook = &recorded->item[hooks.count];
		struct string_list only_path = {.item = (const char *[]){hook->path}, .count = 1};
		hooks.item[hooks.count] = (struct hook_step){
			.path = hook->path,
			.args = vector(pool, hook->args.count ? &hook->args : &only_path),
			.env = vector(pool, &hook->env),
			.timeout_seconds = hook->timeout.set ? (int)hook->timeout.value : 0,
			.file = hook->file,
			.where = "",
		};
	}
	return hooks;
}

static int run_hooks(struct pool *pool, const struct container *container, const struct config_hook_list *recorded,
		     enum hook_kind kind, const char *status, pid_t pid, struct err *e)
{
	struct json_out state = {.pool = pool};

	if (recorded->count == 0)
		return 0;
	struct hook_list hooks = hooks_of(pool, recorded);
	container_state_json(&state, &container->record, status, pid);
	autofd int bundle = open(container->record.bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return hooks_run(&hooks, kind, state.text, bundle < 0 ? -1 : bundle, e);
}

int lifecycle_start(struct pool *pool, struct container *container, struct sandbox *held, struct err *e)
{
	const struct container_record *record = &container->record;
	struct err undo = {0};

	int r = sandbox_start(container, held, e);
	if (r < 0 && r != -ECANCELED)
		return r;
	if (r >= 0)
		r = run_hooks(pool, container, &record->poststart, HOOK_POSTSTART, "running", record->pid, e);
	/* The specification (1.3): a failing startContainer or poststart hook takes the container with it. */
	if (r < 0 && lifecycle_delete(pool, container, &undo) < 0)
		log_debug("undo: %s", undo.text);
	return r;
}

int lifecycle_delete(struct pool *pool, struct container *container, struct err *e)
{
	const struct container_record *record = &container->record;
	struct err hook = {0};

	bool has_unit = systemd_has_unit(record);
	TRY(sandbox_destroy(container, e));
	if (has_unit)
		systemd_stop(pool, record);
	/*
	 * Where a hook of create failed, too: what those before it made is the poststop hooks' to clean up (runtime.md,
	 * lifecycle, steps 12 and 13).
	 */
	if ((record->created_done || record->hooks_begun) &&
	    run_hooks(pool, container, &record->poststop, HOOK_POSTSTOP, "stopped", 0, &hook) < 0)
		log_warning("%s", hook.text);
	return container_remove(container, e);
}
