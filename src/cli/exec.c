/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec.c - one more process in a container: judged like its first one, never stronger.
 *
 * The bounding set, no_new_privs, the filter and the labels come from the container's record, whatever
 * the process object or the config says.
 */
#include <hrun/action.h>
#include <hrun/capability.h>
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/cli_creation.h>
#include <hrun/cli_image.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/proc.h>
#include <hrun/state.h>
#include <hrun/str.h>
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

/* As bits; an unknown name is never granted. */
static uint64_t capabilities_of(const struct config_process *process)
{
	uint64_t bits = 0;

	for (int set = 0; process && set < CAPS_SETS; set++) {
		for (size_t i = 0; i < process->capabilities[set].count; i++) {
			int number = capability_number(process->capabilities[set].item[i]);
			bits |= number < 0 ? 0 : UINT64_C(1) << number;
		}
	}
	return bits;
}

struct labels {
	const char *selinux, *apparmor; /* NULL: none */
};

/* What create applied, which may be a rule's repair; the config's where an older hrun made the record. */
static struct labels labels_of(const struct container_record *record, const struct config_process *own)
{
	struct labels labels = {.selinux = record->selinux_label, .apparmor = record->apparmor_profile};

	if (!labels.selinux && own)
		labels.selinux = own->selinux_label;
	if (!labels.apparmor && own)
		labels.apparmor = own->apparmor_profile;
	return labels;
}

/* A process without a label of its own runs with the container's; an empty one is none. */
static void inherit_labels(const struct container *container, const struct config *config, struct config_process *asked)
{
	const struct labels labels = labels_of(&container->record, config->process);

	if (!str_has_text(asked->selinux_label))
		asked->selinux_label = labels.selinux;
	if (!str_has_text(asked->apparmor_profile))
		asked->apparmor_profile = labels.apparmor;
}

/*
 * What exec may ask for without raising anything.  Engines send the config's own process with every exec: what
 * create took from that, exec takes again (keep_within_container), and it is no raise.
 */
static void read_invocation(struct command *command, const struct container *container, const struct config *config)
{
	const struct config_process *own = config->process;
	const struct labels labels = labels_of(&container->record, own);

	invocation_read(command, true);
	command->invocation.capabilities = container->record.bounding | capabilities_of(own);
	command->invocation.no_new_privs =
		container->record.no_new_privs && own && own->no_new_privileges.set && own->no_new_privileges.value;
	command->invocation.selinux_label = labels.selinux;
	command->invocation.apparmor_profile = labels.apparmor;
}

/* Its process by the same rules as the container's own; the rest of the config was judged at create. */
static int judge(struct command *command, const struct container *container, const struct policy *policy,
		 const struct config *config, struct config_process *process, struct verdict *ret_verdict,
		 const struct config_process **ret_process, struct err *e)
{
	struct config with_process = *config;

	with_process.process = process;
	struct judged judged = {
		.pool = &command->pool,
		.config = &with_process,
		.process = process,
		.host_root = proc_in_first_user_namespace(),
		.invocation = &command->invocation,
		.chapters = 1U << CHAPTER_PROCESS | 1U << CHAPTER_INVOCATION,
		.cgroup_path = container->record.cgroup,
	};
	root_image_recorded(&container->record, &judged);
	read_invocation(command, container, config);
	policy_judge(&judged, policy, ret_verdict);
	TRY(judge_tell(command, policy, ret_verdict, "hrun --debug exec", e));
	TRY(invocation_apply(command, ret_verdict, e));
	*ret_process = policy_harden(&command->pool, &with_process, ret_verdict)->process;
	return 0;
}

/* Those that a waiver lets exec have beyond the container's own; all where the policy asks nothing of exec. */
static uint64_t raised(const struct policy *policy, const struct verdict *verdict)
{
	const struct rule *rule = rule_by_id("exec-raises");
	uint64_t bits = 0;

	if (policy_decide(policy, rule, false).action < ACTION_REFUSE)
		return UINT64_MAX;
	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];
		int number = finding->rule == rule && finding->value ? capability_number(finding->value) : -1;
		bits |= number < 0 ? 0 : UINT64_C(1) << number;
	}
	return bits;
}

static void keep_within_container(struct creds_plan *creds, const struct container *container, uint64_t more)
{
#ifdef HRUN_MUTANT_EXEC_BOUNDING
	return;
#endif
	for (int set = 0; set < CAPS_SETS; set++)
		creds->caps[set] &= container->record.bounding | more;
}

static int read_filter(struct command *command, const struct container *container, const char *name, unsigned int flags,
		       struct filter_plan *filter, struct err *e)
{
	char *data;
	size_t size, one = sizeof(struct sock_filter);

	int r = container_read_file(container, &command->pool, name, BPF_MAXINSNS * one, &data, &size, e);
	if (r == -ENOENT || (r == 0 && (size == 0 || size % one)))
		return document_missing(&command->pool, container, "filter", e);
	TRY(r);
	*filter = (struct filter_plan){
		.program = (const void *)data,
		.length = size / one,
		.flags = flags,
		.name = name,
		.where = "",
	};
	return 0;
}

static int load_filter(struct command *command, const struct container *container, struct filter_plan *filter,
		       struct err *e)
{
#ifdef HRUN_MUTANT_EXEC_FILTER
	return 0;
#endif
	if (!container->record.has_filter)
		return 0;
#ifdef HRUN_MUTANT_FILTER_GONE
	struct err ignored;
	if (read_filter(command, container, "filter.bpf", 0, filter, &ignored) < 0)
		return 0;
#endif
	TRY(read_filter(command, container, "filter.bpf", container->record.filter_flags, filter, e));
	if (!container->record.has_floor)
		return 0;
	struct filter_plan *floor = pool_alloc(&command->pool, sizeof *floor);
	TRY(read_filter(command, container, "floor.bpf", 0, floor, e));
#ifndef HRUN_MUTANT_EXEC_FLOOR
	filter->floor = floor;
#endif
	return 0;
}

/*
 * What the container runs with.  A personality that no plan takes was repaired away when it was created (the rule
 * personality): it has none, and neither has what joins it.
 */
static const struct config *as_created(struct pool *pool, const struct config *config)
{
	const struct config_personality *personality = config->linux_ ? config->linux_->personality : NULL;
	bool known = personality && personality->domain && !personality->flags.count &&
		     (str_equal(personality->domain, "LINUX") || str_equal(personality->domain, "LINUX32"));

	if (!personality || known)
		return config;
	struct config *copy = pool_alloc(pool, sizeof *copy);
	struct config_linux *linux_ = pool_alloc(pool, sizeof *linux_);
	*copy = *config;
	*linux_ = *config->linux_;
	linux_->personality = NULL;
	copy->linux_ = linux_;
	return copy;
}

static int make_plan(struct command *command, const struct container *container, struct plan *plan, struct err *e)
{
	const struct config *config;
	struct config_process *asked;
	const struct config_process *process;
	struct policy policy;
	struct verdict verdict;

	TRY(exec_process_read(command, container, &config, &asked, e));
	/* As runc does: the processors that process.json leaves open are as the config has them. */
	if (!asked->exec_cpu_affinity && config->process)
		asked->exec_cpu_affinity = config->process->exec_cpu_affinity;
	inherit_labels(container, config, asked);
	TRY(judge_policy(command, &policy, e));
	judge_by_stricter_level(command, &policy, container->record.level);
	TRY(judge(command, container, &policy, config, asked, &verdict, &process, e));
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
	TRY(plan_inherited(&command->pool, as_created(&command->pool, config), plan, e));
	plan->exec.preserve_fds = command->options.preserve_fds;
	plan->exec.ignored_signals = command->ignored_signals;
#ifndef HRUN_MUTANT_EXEC_NNP
	plan->creds.no_new_privs |= container->record.no_new_privs;
#endif
	plan->creds.new_keyring = true;
	plan->namespaces.has_user = container->record.namespaces & CLONE_NEWUSER;
	keep_within_container(&plan->creds, container, raised(&policy, &verdict));
	return 0;
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
	command->audit.pid = sandbox->pid;
	audit_done(command, NULL);
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
	struct sandbox sandbox = SANDBOX_EMPTY;
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
	TRY(preserved_fds_look(command, e));
	TRY(target_open(command, false, false, &container, e));
	int r = prepare_and_join(command, &container, e);
	container_close(&container);
	return r;
}
