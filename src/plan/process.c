/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.c - who the program is and what it is started with; for the container's first process
 * and for each later one (exec) alike.
 */
#include <errno.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <limits.h>

enum { GROUPS_MAX = 65536 };

static bool is_mapped(const struct id_mapping *map, size_t count, uint32_t id)
{
	for (size_t i = 0; i < count; i++) {
		if (id >= map[i].container_id && id - map[i].container_id < map[i].size)
			return true;
	}
	return false;
}

/* 2^32-1 is "leave unchanged" to the kernel: with it the process would stay root. */
static int check_id(const struct ids_plan *ids, bool user, uint32_t id, const char *where, struct err *e)
{
	if (id == UINT32_MAX)
		return err_set(e, EINVAL, "%s: 4294967295 is no id", where);
	if (ids->new_namespace && !is_mapped(user ? ids->uid : ids->gid, user ? ids->uid_count : ids->gid_count, id))
		return err_set(e, EINVAL,
			       "%s: %u is not mapped in the container's user namespace; map it in linux.%s or choose "
			       "another one",
			       where, id, user ? "uidMappings" : "gidMappings");
	return 0;
}

static int plan_groups(struct pool *pool, const struct config_process *process, struct plan *plan, struct err *e)
{
	struct creds_plan *creds = &plan->creds;

	if (process->user.additional_gid_count > GROUPS_MAX)
		return err_set(e, EINVAL, "process.user.additionalGids: more than %d groups", GROUPS_MAX);
	for (size_t i = 0; i < process->user.additional_gid_count; i++) {
		char where[64];
		snprintf(where, sizeof where, "process.user.additionalGids[%zu]", i);
		TRY(check_id(&plan->ids, false, process->user.additional_gids[i], where, e));
		*pool_array_add(pool, creds->groups, creds->group_count) = process->user.additional_gids[i];
	}
	return 0;
}

static int plan_user(struct pool *pool, const struct config_process *process, struct plan *plan, struct err *e)
{
	struct creds_plan *creds = &plan->creds;

	creds->uid = process->user.uid.set ? process->user.uid.value : 0;
	creds->gid = process->user.gid.set ? process->user.gid.value : 0;
	TRY(check_id(&plan->ids, true, creds->uid, "process.user.uid", e));
	TRY(check_id(&plan->ids, false, creds->gid, "process.user.gid", e));
	creds->has_umask = true;
	creds->umask = process->user.umask.set ? process->user.umask.value : 0022;
	if (creds->umask > 0777)
		return err_set(e, EINVAL, "process.user.umask: 0%o is above 0777", creds->umask);
	return plan_groups(pool, process, plan, e);
}

static int plan_creds(struct pool *pool, const struct config_process *process, struct plan *plan, struct err *e)
{
	struct creds_plan *creds = &plan->creds;

	*creds = (struct creds_plan){.new_keyring = true, .where = "process"};
	TRY(plan_user(pool, process, plan, e));
	plan_capabilities(pool, process, plan);
	TRY(plan_rlimits(pool, process, plan, e));
	creds->no_new_privs = process->no_new_privileges.set && process->no_new_privileges.value;
	if (!process->oom_score_adj.set)
		return 0;
	if (process->oom_score_adj.value < -1000 || process->oom_score_adj.value > 1000)
		return err_set(e, EINVAL, "process.oomScoreAdj: must be from -1000 to 1000");
	creds->has_oom_score_adj = true;
	creds->oom_score_adj = (int)process->oom_score_adj.value;
	return 0;
}

/* As getenv(3) does: the first entry of that name counts. */
static const char *value_of(char **env, const char *name_and_equals)
{
	for (; *env; env++) {
		if (str_starts(*env, name_and_equals))
			return *env + strlen(name_and_equals);
	}
	return NULL;
}

static void plan_env(struct pool *pool, const struct config_process *process, int rootfs, struct plan *plan)
{
	size_t count = process->env.count;
	char **env = pool_alloc(pool, (count + 2) * sizeof *env);

	for (size_t i = 0; i < count; i++)
		env[i] = pool_strdup(pool, process->env.item[i]);
	if (!value_of(env, "HOME="))
		env[count] = pool_printf(pool, "HOME=%s", plan_home(pool, rootfs, plan->creds.uid));
	plan->exec.env = env;
	plan->exec.path_variable = value_of(env, "PATH=");
}

void plan_set_variable(struct pool *pool, struct plan *plan, const char *name, const char *value)
{
	const char *start = pool_printf(pool, "%s=", name);
	size_t count = 0, kept = 0;

	while (plan->exec.env[count])
		count++;
	char **env = pool_alloc(pool, (count + 2) * sizeof *env);
	for (size_t i = 0; i < count; i++) {
		if (!str_starts(plan->exec.env[i], start))
			env[kept++] = plan->exec.env[i];
	}
	env[kept] = pool_printf(pool, "%s%s", start, value);
	plan->exec.env = env;
}

static int plan_args(struct pool *pool, const struct config_process *process, struct plan *plan, struct err *e)
{
	size_t count = process->args.count;

	if (count == 0)
		return err_set(e, EINVAL, "process.args: empty; say which program to run");
	if (!*process->args.item[0])
		return err_set(e, EINVAL, "process.args[0]: empty; say which program to run");
	char **args = pool_alloc(pool, (count + 1) * sizeof *args);
	for (size_t i = 0; i < count; i++)
		args[i] = pool_strdup(pool, process->args.item[i]);
	plan->exec.args = args;
	return 0;
}

static int plan_terminal(const struct config_process *process, struct plan *plan, struct err *e)
{
	plan->exec.terminal = process->terminal;
	if (!process->has_console_size)
		return 0;
	if (process->console_height > USHRT_MAX || process->console_width > USHRT_MAX)
		return err_set(e, EINVAL, "process.consoleSize: height and width must be at most %d", USHRT_MAX);
	plan->exec.console_height = (unsigned short)process->console_height;
	plan->exec.console_width = (unsigned short)process->console_width;
	return 0;
}

static int plan_exec(struct pool *pool, const struct config_process *process, int rootfs, struct plan *plan,
		     struct err *e)
{
	plan->exec = (struct exec_plan){.cwd = process->cwd, .where = "process.args"};
	TRY(plan_args(pool, process, plan, e));
	if (!process->cwd || process->cwd[0] != '/')
		return err_set(e, EINVAL, "process.cwd: must be an absolute path");
	TRY(plan_terminal(process, plan, e));
	plan_env(pool, process, rootfs, plan);
	return 0;
}

int plan_process(struct pool *pool, const struct config_process *process, int rootfs, struct plan *plan, struct err *e)
{
	TRY(plan_creds(pool, process, plan, e));
	TRY(plan_process_labels(pool, process, plan, e));
	TRY(plan_scheduling(pool, process, plan, e));
	return plan_exec(pool, process, rootfs, plan, e);
}
