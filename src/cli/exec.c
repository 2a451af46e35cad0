/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec.c - one more process in a container: judged like its first one, never stronger.
 *
 * The bounding set, no_new_privs and the filter come from the container's record, whatever
 * the process object says.
 */
#include <hrun/cli.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/proc.h>
#include <hrun/state.h>
#include <linux/filter.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int check_status(const struct container *container, bool ignore_paused, struct err *e)
{
	switch (container_status(container)) {
	case STATUS_CREATED:
	case STATUS_RUNNING:
		return 0;
	case STATUS_PAUSED:
		if (ignore_paused)
			return 0;
		return err_set(e, EBUSY, "cannot exec in a paused container (use --ignore-paused to override)");
	case STATUS_CREATING:
		return err_set(e, EBUSY, "cannot exec in a container that is still being created");
	case STATUS_STOPPED:
		break;
	}
	return err_set(e, ESRCH, "cannot exec in a stopped container");
}

/* The same rules as for the container's own process, at the level of today. */
static int judge(struct command *command, const struct policy *policy, const struct config *config,
		 struct config_process *process, const struct config_process **ret_process, struct err *e)
{
	struct verdict verdict = {0};
	struct config with_process = *config;

	with_process.process = process;
	struct judged judged = {
		.pool = &command->pool,
		.config = &with_process,
		.process = process,
		.host_root = proc_in_first_user_namespace(),
	};
	TRY(invocation_check(command, policy, e));
	policy_judge(&judged, policy, &verdict);
	if (verdict_refuses(&verdict)) {
		command->line = pool_printf(&command->pool, "hrun: %s", verdict_line(&command->pool, &verdict));
		return err_set(e, EPERM, "baseline violation");
	}
	*ret_process = policy_harden(&command->pool, &with_process, &verdict)->process;
	return 0;
}

/* Now, and when the container was made: what was judged by its bounding set stays below it. */
static bool is_privileged(const struct policy *policy, const struct container *container)
{
	const char *level = container->record.level;

	return policy->level == LEVEL_PRIVILEGED && level && policy_level_of(level) == LEVEL_PRIVILEGED;
}

static int check_capabilities(const struct creds_plan *creds, uint64_t bounding, struct err *e)
{
#ifdef HRUN_MUTANT_EXEC_BOUNDING
	bounding = UINT64_MAX;
#endif
	for (int set = 0; set < CAPS_SETS; set++) {
		if (creds->caps[set] & ~bounding)
			return err_set(e, EPERM,
				       "hrun: baseline violation: exec-raises: process.capabilities: a capability is "
				       "asked for that the container may not have; start one that may");
	}
	return 0;
}

static int load_filter(struct command *command, const struct container *container, struct filter_plan *filter,
		       struct err *e)
{
	char *data;
	size_t size, one = sizeof(struct sock_filter);

#ifdef HRUN_MUTANT_EXEC_FILTER
	return 0;
#endif
	if (!container->record.has_filter)
		return 0;
	int r = container_read_file(container, &command->pool, "filter.bpf", BPF_MAXINSNS * one, &data, &size, e);
	if (r == -ENOENT || (r == 0 && (size == 0 || size % one)))
		return document_missing(&command->pool, container, "filter", e);
	TRY(r);
	*filter = (struct filter_plan){
		.program = (const void *)data,
		.length = size / one,
		.flags = container->record.filter_flags,
		.name = "filter.bpf",
		.where = "",
	};
	return 0;
}

static int make_plan(struct command *command, const struct container *container, struct plan *plan, struct err *e)
{
	const struct config *config;
	struct config_process *asked;
	const struct config_process *process;
	struct policy policy;

	TRY(exec_process_read(command, container, &config, &asked, e));
	/* As runc does: the processors that process.json leaves open are as the config has them. */
	if (!asked->exec_cpu_affinity && config->process)
		asked->exec_cpu_affinity = config->process->exec_cpu_affinity;
	TRY(policy_load(&command->pool, command->options.policy, &policy, e));
	TRY(judge(command, &policy, config, asked, &process, e));
	TRY(load_filter(command, container, &plan->filter, e));
	if (plan->filter.program && config->linux_ && config->linux_->seccomp)
		plan->filter.agent = plan_filter_agent(&command->pool, config->linux_->seccomp);
	plan->id = container->id;
	plan->oci_version = container->record.oci_version;
	plan->bundle_path = container->record.bundle;
	/* For HOME; where the root is gone from the host it is "/". */
	struct err ignored;
	autofd int rootfs = path_open_host(container->record.rootfs, true, &ignored);
	TRY(plan_process(&command->pool, process, rootfs, plan, e));
	TRY(plan_inherited(&command->pool, config, plan, e));
	plan->exec.preserve_fds = command->options.preserve_fds;
	plan->exec.ignored_signals = command->ignored_signals;
#ifndef HRUN_MUTANT_EXEC_NNP
	plan->creds.no_new_privs |= container->record.no_new_privs;
#endif
	plan->creds.new_keyring = true;
	plan->namespaces.has_user = container->record.namespaces & CLONE_NEWUSER;
	if (is_privileged(&policy, container))
		return 0;
	return check_capabilities(&plan->creds, container->record.bounding, e);
}

/* The process runs: only now may a pid file say so. */
static int announce(struct command *command, int pidfd_socket, const struct sandbox *sandbox, struct err *e)
{
	const char *pid_file = command->options.pid_file;

	TRY(pid_file ? pid_file_write(pid_file, sandbox->pid, e) : 0);
	int r = pidfd_send(pidfd_socket, sandbox->pidfd, e);
	if (r < 0 && pid_file)
		unlink(pid_file);
	return r;
}

static int joined(struct command *command, struct foreground *fg, int pidfd_socket, const struct sandbox *sandbox,
		  struct err *e)
{
	TRY(command->options.detach ? 0 : foreground_hold_signals(e));
	TRY(announce(command, pidfd_socket, sandbox, e));
	if (command->options.detach)
		return 0;
	return foreground_wait(fg, sandbox, NULL, e);
}

/* --cgroup: below the container's own; "/" and "" are that itself. */
static int read_sub_cgroup(const char *path, const struct container *container, const char **ret_path, struct err *e)
{
	*ret_path = NULL;
	if (!path)
		return 0;
	path += strspn(path, "/");
	if (!container->record.cgroup)
		return err_set(e, ENOTSUP, "option --cgroup: container `%s` was created without a cgroup",
			       container->id);
	if (path_has_dotdot(path))
		return err_set(e, EINVAL, "option --cgroup takes a path without \"..\" below the container's cgroup");
	*ret_path = *path ? path : ".";
	return 0;
}

static int join(struct command *command, struct container *container, struct plan *plan, struct foreground *fg,
		struct err *e)
{
	bool detach = command->options.detach, terminal = plan->exec.terminal;
	struct sandbox sandbox = {.pidfd = -1, .cgroup = -1};
	/* conmon and containerd always detach; a socket without --detach is a caller that waits for the exit code. */
	autofd int socket = -1;
	autofd int pidfd_socket = -1;
	const char *sub_cgroup;

	TRY(read_sub_cgroup(command->options.cgroup, container, &sub_cgroup, e));
	TRY(pidfd_connect(&command->options, &pidfd_socket, e));
	TRY(console_connect(&command->options, terminal, detach || command->options.console_socket, &socket, e));
	if (socket < 0)
		TRY(foreground_open(fg, terminal, e));
	struct sandbox_options options = {
		.console_socket = socket < 0 ? fg->pair[1] : socket, .bundle_dir = -1, .sub_cgroup = sub_cgroup};
	TRY(sandbox_join(plan, container, &options, &sandbox, e));
	container_unlock(container);
	int r = joined(command, fg, pidfd_socket, &sandbox, e);
#ifndef HRUN_MUTANT_EXEC_UNDO
	if (r < 0)
		proc_pidfd_signal(sandbox.pidfd, SIGKILL); /* a failed exec leaves no process that nobody knows of */
#endif
	sandbox_close(&sandbox);
	return r;
}

static int prepare_and_join(struct command *command, struct container *container, struct err *e)
{
	struct plan plan = {.cgroup = {.root = -1}, .rootfs = {.fd = -1}};
	struct foreground fg = FOREGROUND_EMPTY;

	TRY(check_status(container, command->options.ignore_paused, e));
	int r = make_plan(command, container, &plan, e);
	if (r == 0)
		r = join(command, container, &plan, &fg, e);
	foreground_close(&fg);
	plan_close(&plan);
	return r;
}

int cmd_exec(struct command *command, struct err *e)
{
	struct container container;

	TRY(protected_check(command, e));
	TRY(preserved_fds_check(command->options.preserve_fds, e));
	TRY(target_open(command, false, false, &container, e));
	int r = prepare_and_join(command, &container, e);
	container_close(&container);
	return r;
}
