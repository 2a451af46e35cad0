/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_seccomp_calls.c - what the compiled filter lets through, on some path of its program, whatever the profile seems
 * to say: a condition that always holds, a call of another ABI.
 */
#include <hrun/filter_compile.h>
#include <hrun/judging.h>
#include <hrun/str.h>

/*
 * The process as the repairs leave it that were found before, by the rules about capabilities: any of them may take
 * the last mention of one.
 */
static const struct config_process *repaired_process(const struct finder *finder)
{
	struct pool *pool = finder->judged->pool;
	const struct config_process *process = finder->judged->process;
	const struct verdict *verdict = finder->verdict;
	struct config with_process = {.process = NULL};

#ifdef HRUN_MUTANT_GRANTED_TAKEN
	return process;
#endif
	for (size_t i = 0; process && i < verdict->count; i++) {
		const struct finding *finding = &verdict->findings[i];
		if (finding->action != ACTION_HARDEN || !finding->rule->harden || finding->why == WHY_DROPPED ||
		    !str_starts(finding->rule->id, "caps-"))
			continue;
		if (!with_process.process) {
			with_process.process = pool_alloc(pool, sizeof *process);
			*with_process.process = *process;
		}
		finding->rule->harden(pool, &with_process, finding);
	}
	return with_process.process ? with_process.process : process;
}

/* What is inheritable alone nobody has. */
static bool has_capability(const struct config_process *process, const char *name)
{
	for (int set = 0; process && set < CAPS_SETS; set++) {
		if (set != CAPS_INHERITABLE && list_has(&process->capabilities[set], name))
			return true;
	}
	return false;
}

static bool is_granted(const struct config_process *process, const struct watched_call *call)
{
	for (size_t i = 0; i < sizeof call->capabilities / sizeof *call->capabilities; i++) {
		if (call->capabilities[i] && has_capability(process, call->capabilities[i]))
			return true;
	}
	return false;
}

/* Is what the default allows refused by its own rule, or repaired?  Otherwise it is judged here. */
static bool default_is_judged(const struct policy *policy, const struct config_seccomp *seccomp)
{
	size_t rule = (size_t)(rule_by_id("seccomp-default-allow") - rules);
	bool allows = seccomp->default_action && (str_equal(seccomp->default_action, "SCMP_ACT_ALLOW") ||
						  str_equal(seccomp->default_action, "SCMP_ACT_LOG"));

	if (!allows)
		return false;
	return !policy->rule_actions || policy->rule_actions[rule] == POLICY_UNCHANGED ||
	       policy->rule_actions[rule] >= ACTION_HARDEN;
}

/* The entry of the profile that names CALL and allows it, or the whole profile. */
static const char *place_of(const struct finder *finder, const struct config_seccomp *seccomp, const char *call)
{
	for (size_t i = 0; i < seccomp->syscall_count; i++) {
		const char *action = seccomp->syscalls[i].action;
		if (action && (str_equal(action, "SCMP_ACT_ALLOW") || str_equal(action, "SCMP_ACT_LOG")) &&
		    list_has(&seccomp->syscalls[i].names, call))
			return at(finder, "linux.seccomp.syscalls[%zu]", i);
	}
	return "linux.seccomp";
}

static void find_call(struct finder *finder, const struct filter_look *look, size_t number, const char *what)
{
	const struct watched_call *call = &watched_calls[number];

	for (int abi = 0; abi < FILTER_ABIS; abi++) {
		if (!(look->program.judgement.lets[abi] & UINT64_C(1) << number))
			continue;
		const char *name = filter_abi_name((enum filter_abi)abi);
		find_value(finder, call->name, place_of(finder, look->seccomp, call->name), "%s%s%s %s", call->name,
			   name ? " of " : "", name ? name : "", what);
		return; /* one finding a call: a waiver names the call */
	}
}

static bool is_dangerous(const struct watched_call *call)
{
	return call->watch != WATCH_RESTRICTED;
}

/* Calls of one kind that the program lets through, without a capability for them. */
static void judge_calls(struct finder *finder, bool dangerous)
{
	const struct filter_look *look = filter_look(finder->judged);

	if (!look || look->result < 0 || default_is_judged(finder->judged->policy, look->seccomp))
		return;
	const struct config_process *process = repaired_process(finder);
	for (size_t i = 0; i < watched_call_count; i++) {
		const struct watched_call *call = &watched_calls[i];
		if (is_dangerous(call) != dangerous || is_granted(process, call))
			continue;
		find_call(finder, look, i,
			  !dangerous					 ? "may be called"
			  : call->watch == WATCH_DANGEROUS_UNCONDITIONAL ? "may be called with any arguments"
			  : call->watch == WATCH_DANGEROUS_FLAGS ? "may be called with flags that turn off protections"
			  : *call->capabilities			 ? "may be called without the capability for it"
								 : "may be called");
	}
}

void judge_seccomp_dangerous_syscall(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	if (linux_ && linux_->seccomp_floor == SECCOMP_FLOOR_NONE)
		judge_calls(finder, true);
}

void harden_seccomp_dangerous_syscall(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)pool, (void)finding;
	if (config->linux_->seccomp_floor == SECCOMP_FLOOR_NONE)
		config->linux_->seccomp_floor = SECCOMP_FLOOR_DANGEROUS;
}

void judge_seccomp_restricted_syscall(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	if (linux_ && linux_->seccomp_floor != SECCOMP_FLOOR_PROFILE)
		judge_calls(finder, false);
}

void harden_seccomp_restricted_syscall(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)pool, (void)finding;
	config->linux_->seccomp_floor = SECCOMP_FLOOR_PROFILE;
}

void judge_seccomp_unknown_syscall(struct finder *finder)
{
	const struct filter_look *look = filter_look(finder->judged);

	/* Counted when the profile was compiled: mostly there is none. */
	if (!look || look->result < 0 || !look->program.judgement.unknown_names)
		return;
	for (size_t i = 0; i < look->seccomp->syscall_count; i++) {
		const struct string_list *names = &look->seccomp->syscalls[i].names;
		for (size_t k = 0; k < names->count; k++) {
			if (!filter_knows_call(names->item[k]))
				find_value(finder, names->item[k],
					   at(finder, "linux.seccomp.syscalls[%zu].names[%zu]", i, k),
					   "libseccomp does not know %s: this entry does nothing for it",
					   quote(finder, names->item[k]));
		}
	}
}
