/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_process.c - the process that exec asks for: --process FILE, or the container's own
 * one with the command line's changes.
 */
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/json.h>
#include <hrun/str.h>

#define MAX_ID (UINT32_MAX - 1) /* the one above means "unchanged" to the kernel */

static int from_file(struct command *command, struct config_process **ret_process, struct err *e)
{
	struct json_error error = {0};
	const struct json *tree;

	if (command->arg_count > 1)
		return err_set(e, EINVAL, "exec takes --process FILE or a program, not both");
	TRY(document_read(command, command->options.process, "process file", &tree, e));
	if (config_read_process(&command->pool, tree, ret_process, &error) < 0)
		return document_refused(command, "process file", &error, e);
	return 0;
}

/* "UID" or "UID:GID". */
static int set_user(struct pool *pool, const char *text, struct config_process *process, struct err *e)
{
	const char *colon = strchr(text, ':');
	const char *uid_text = colon ? pool_strndup(pool, text, (size_t)(colon - text)) : text;
	uint64_t uid, gid = 0;

	if (str_to_u64(uid_text, MAX_ID, &uid) < 0 || (colon && str_to_u64(colon + 1, MAX_ID, &gid) < 0))
		return err_set(e, EINVAL, "option --user takes UID or UID:GID as numbers, not `%s`", text);
	process->user.uid = (struct opt_u32){true, (uint32_t)uid};
	if (colon)
		process->user.gid = (struct opt_u32){true, (uint32_t)gid};
	return 0;
}

static int add_groups(struct pool *pool, const struct string_list *groups, struct config_process *process,
		      struct err *e)
{
	size_t count = process->user.additional_gid_count;
	uint32_t *gids = pool_alloc(pool, (count + groups->count + 1) * sizeof *gids);

	if (count)
		memcpy(gids, process->user.additional_gids, count * sizeof *gids);
	for (size_t i = 0; i < groups->count; i++) {
		uint64_t gid;
		if (str_to_u64(groups->item[i], MAX_ID, &gid) < 0)
			return err_set(e, EINVAL, "option --additional-gids takes a number, not `%s`", groups->item[i]);
		gids[count++] = (uint32_t)gid;
	}
	process->user.additional_gids = gids;
	process->user.additional_gid_count = count;
	return 0;
}

/* A list of our own with room for MORE, so that the config's stays as it was read. */
static void make_room(struct pool *pool, struct string_list *list, size_t more)
{
	const char **items = pool_alloc(pool, (list->count + more + 1) * sizeof *items);

	if (list->count)
		memcpy(items, list->item, list->count * sizeof *items);
	list->item = items;
	list->present = true;
}

static void set_variable(struct string_list *env, const char *variable, size_t name_length)
{
	for (size_t i = 0; i < env->count; i++) {
		if (strncmp(env->item[i], variable, name_length + 1) == 0) {
			env->item[i] = variable;
			return;
		}
	}
	env->item[env->count++] = variable;
}

static int set_environment(struct pool *pool, const struct string_list *env, struct config_process *process,
			   struct err *e)
{
	make_room(pool, &process->env, env->count);
	for (size_t i = 0; i < env->count; i++) {
		const char *equals = strchr(env->item[i], '=');
		if (!equals || equals == env->item[i])
			return err_set(e, EINVAL, "option --env takes NAME=VALUE, not `%s`", env->item[i]);
		set_variable(&process->env, env->item[i], (size_t)(equals - env->item[i]));
	}
	return 0;
}

static void add_capabilities(struct pool *pool, const struct string_list *caps, struct config_process *process)
{
	static const enum capability_set sets[] = {CAPS_BOUNDING, CAPS_PERMITTED, CAPS_EFFECTIVE};

	for (size_t set = 0; caps->count && set < sizeof sets / sizeof *sets; set++) {
		struct string_list *list = &process->capabilities[sets[set]];
		make_room(pool, list, caps->count);
		for (size_t i = 0; i < caps->count; i++)
			list->item[list->count++] = caps->item[i];
		process->has_capabilities = true;
	}
}

static int apply_options(struct command *command, struct config_process *process, struct err *e)
{
	const struct options *options = &command->options;

	if (options->tty.set)
		process->terminal = options->tty.value;
	if (options->cwd)
		process->cwd = options->cwd;
	if (options->process_label)
		process->selinux_label = options->process_label;
	if (options->apparmor)
		process->apparmor_profile = options->apparmor;
	if (options->no_new_privs)
		process->no_new_privileges = (struct opt_bool){true, true};
	if (options->user)
		TRY(set_user(&command->pool, options->user, process, e));
	add_capabilities(&command->pool, &options->caps, process);
	TRY(set_environment(&command->pool, &options->env, process, e));
	return add_groups(&command->pool, &options->additional_gids, process, e);
}

static int from_config(struct command *command, const struct config *config, struct config_process **ret_process,
		       struct err *e)
{
	size_t count = (size_t)command->arg_count - 1;

	if (!config->process || count == 0)
		return err_set(e, EINVAL, "exec needs a program to run, or --process FILE");
	struct config_process *process = pool_alloc(&command->pool, sizeof *process);
	*process = *config->process;
	process->terminal = false;
	process->has_console_size = false;
	process->args = (struct string_list){.present = true};
	make_room(&command->pool, &process->args, count);
	for (size_t i = 0; i < count; i++)
		process->args.item[process->args.count++] = command->args[i + 1];
	*ret_process = process;
	return 0;
}

int exec_process_read(struct command *command, const struct container *container, const struct config **ret_config,
		      struct config_process **ret_process, struct err *e)
{
	TRY(document_saved_config(&command->pool, container, ret_config, e));
	if (command->options.process)
		TRY(from_file(command, ret_process, e));
	else
		TRY(from_config(command, *ret_config, ret_process, e));
	return apply_options(command, *ret_process, e);
}
