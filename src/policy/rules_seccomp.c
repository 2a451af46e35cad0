/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_seccomp.c - the filter as it is written: words that have a meaning, and a default
 * that denies.  Whether it compiles is found by plan/.
 */
#include <hrun/judging.h>
#include <hrun/str.h>

static const struct config_seccomp *seccomp_of(const struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	return linux_ ? linux_->seccomp : NULL;
}

void judge_seccomp_absent(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	if (linux_ && !linux_->seccomp && !linux_->builtin_seccomp)
		find(finder, "linux.seccomp", "absent: every system call would be allowed");
}

/* The profile itself is chosen by plan/, which knows the capabilities. */
void harden_seccomp_absent(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)pool, (void)finding;
	if (config->linux_ && !config->linux_->seccomp)
		config->linux_->builtin_seccomp = true;
}

void judge_seccomp_default_allow(struct finder *finder)
{
	static const char *const allowing[] = {"SCMP_ACT_ALLOW", "SCMP_ACT_LOG"};
	const struct config_seccomp *seccomp = seccomp_of(finder);

	if (seccomp && seccomp->default_action && IS_ONE_OF(seccomp->default_action, allowing))
		find(finder, "linux.seccomp.defaultAction", "%s lets through what no rule names",
		     seccomp->default_action);
}

static void require_action(struct finder *finder, const char *action, const char *where)
{
	static const char *const known[] = {
		"SCMP_ACT_KILL",  "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP",   "SCMP_ACT_ERRNO",
		"SCMP_ACT_TRACE", "SCMP_ACT_ALLOW",	   "SCMP_ACT_LOG",	   "SCMP_ACT_NOTIFY",
	};

	if (!action || !IS_ONE_OF(action, known))
		find(finder, where, "unknown action %s", quote(finder, action ? action : ""));
}

static void judge_flags(struct finder *finder, const struct string_list *flags)
{
	static const char *const known[] = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
					    "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};

	for (size_t i = 0; i < flags->count; i++) {
		if (!IS_ONE_OF(flags->item[i], known))
			find(finder, at(finder, "linux.seccomp.flags[%zu]", i), "unknown flag %s",
			     quote(finder, flags->item[i]));
	}
}

static void judge_args(struct finder *finder, const struct config_seccomp_syscall *call, const char *where)
{
	static const char *const operators[] = {"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",	   "SCMP_CMP_EQ",
						"SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"};

	for (size_t i = 0; i < call->arg_count; i++) {
		const char *op = call->args[i].op ? call->args[i].op : "";
		const char *place = at(finder, "%s.args[%zu]", where, i);
		if (call->args[i].index > 5)
			find(finder, place, "a system call has no argument %u", call->args[i].index);
		if (!IS_ONE_OF(op, operators))
			find(finder, place, "unknown operator %s", quote(finder, op));
	}
}

static void judge_syscall(struct finder *finder, const struct config_seccomp_syscall *call, const char *where)
{
	require_action(finder, call->action, at(finder, "%s.action", where));
	if (!call->names.count)
		find(finder, at(finder, "%s.names", where), "no system call is named");
	for (size_t i = 0; i < call->names.count; i++) {
		if (!*call->names.item[i])
			find(finder, at(finder, "%s.names[%zu]", where, i), "an empty name");
	}
	judge_args(finder, call, where);
}

void judge_seccomp_invalid(struct finder *finder)
{
	const struct config_seccomp *seccomp = seccomp_of(finder);

	if (!seccomp)
		return;
	require_action(finder, seccomp->default_action, "linux.seccomp.defaultAction");
	judge_flags(finder, &seccomp->flags);
	for (size_t i = 0; i < seccomp->syscall_count; i++)
		judge_syscall(finder, &seccomp->syscalls[i], at(finder, "linux.seccomp.syscalls[%zu]", i));
}

static void find_action(struct finder *finder, const struct config_seccomp *seccomp, const char *action,
			const char *what)
{
	if (seccomp->default_action && str_equal(seccomp->default_action, action))
		find(finder, "linux.seccomp.defaultAction", "%s", what);
	for (size_t i = 0; i < seccomp->syscall_count; i++) {
		if (seccomp->syscalls[i].action && str_equal(seccomp->syscalls[i].action, action))
			find(finder, at(finder, "linux.seccomp.syscalls[%zu].action", i), "%s", what);
	}
}

void judge_seccomp_listener(struct finder *finder)
{
	const struct config_seccomp *seccomp = seccomp_of(finder);

	if (!seccomp)
		return;
	if (seccomp->listener_path && *seccomp->listener_path)
		find(finder, "linux.seccomp.listenerPath", "names an agent outside the container");
	if (seccomp->listener_metadata && *seccomp->listener_metadata)
		find(finder, "linux.seccomp.listenerMetadata", "is for an agent outside the container");
	find_action(finder, seccomp, "SCMP_ACT_NOTIFY", "an agent outside the container decides");
}

void judge_seccomp_trace(struct finder *finder)
{
	const struct config_seccomp *seccomp = seccomp_of(finder);

	if (seccomp)
		find_action(finder, seccomp, "SCMP_ACT_TRACE", "a tracer decides");
}
