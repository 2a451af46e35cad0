/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_invocation.c - what the command line asks for, and what exec asks for beyond its container.
 *
 * A finding names no place in the config (where is ""): it stands on the command line.
 */
#include <hrun/capability.h>
#include <hrun/judging.h>
#include <hrun/str.h>

void judge_flag_no_pivot(struct finder *finder)
{
	const struct invocation *invocation = finder->judged->invocation;

	if (invocation && invocation->no_pivot)
		find_value(finder, "--no-pivot", "", "--no-pivot asks for a chroot, which can be left");
}

void judge_flag_cgroups_disabled(struct finder *finder)
{
	const struct invocation *invocation = finder->judged->invocation;

	if (invocation && invocation->cgroups_disabled && !finder->judged->policy->allow.cgroups_disabled)
		find_value(finder, "--cgroup-manager disabled", "",
			   "--cgroup-manager disabled: there would be no limits and no device filter");
}

void judge_flag_no_new_keyring(struct finder *finder)
{
	const struct invocation *invocation = finder->judged->invocation;

	if (invocation && invocation->no_new_keyring)
		find_value(finder, "--no-new-keyring", "",
			   "--no-new-keyring: the container would share the caller's session keyring");
}

/* The config says nothing of it: who acts on the flag asks verdict_hardens. */
void harden_flag_no_new_keyring(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)pool, (void)config, (void)finding;
}

void judge_flag_preserve_fds(struct finder *finder)
{
	const struct invocation *invocation = finder->judged->invocation;

	for (size_t i = 0; invocation && i < invocation->host_fd_count; i++)
		find(finder, "",
		     "descriptor %d, which the container's program would get, leads to a directory or a block device, or is O_PATH",
		     invocation->host_fds[i]);
}

/* ---- exec ---- */

/* By name: each once, whatever the number of sets and of times it stands there. */
static void find_capabilities(struct finder *finder, const struct config_process *process, uint64_t allowed)
{
	static const char *const sets[CAPS_SETS] = {"bounding", "permitted", "effective", "inheritable", "ambient"};
	uint64_t seen = allowed;

	for (int set = 0; set < CAPS_SETS; set++) {
		const struct string_list *list = &process->capabilities[set];
		for (size_t i = 0; i < list->count; i++) {
			int number = capability_number(list->item[i]);
			if (number < 0 || seen >> number & 1)
				continue; /* an unknown name is never granted */
			seen |= UINT64_C(1) << number;
			find_value(finder, capability_name(number),
				   at(finder, "process.capabilities.%s[%zu]", sets[set], i),
				   "%s is a capability that the container may not have", capability_name(number));
		}
	}
}

static bool is_another(const char *label, const char *own)
{
	return str_has_text(label) && (!own || !str_equal(label, own));
}

void judge_exec_raises(struct finder *finder)
{
	const struct invocation *invocation = finder->judged->invocation;
	const struct config_process *process = finder->judged->process;

	if (!invocation || !invocation->is_exec || !process)
		return;
	uint64_t allowed = invocation->capabilities;
#ifdef HRUN_MUTANT_EXEC_BOUNDING
	allowed = UINT64_MAX;
#endif
	find_capabilities(finder, process, allowed);
	/* Silent: the container's own holds.  Explicit: asked for. */
	if (invocation->no_new_privs && process->no_new_privileges.set && !process->no_new_privileges.value)
		find_value(finder, "noNewPrivileges", "process.noNewPrivileges",
			   "false, but the container has no_new_privs");
	if (is_another(process->selinux_label, invocation->selinux_label))
		find_value(finder, process->selinux_label, "process.selinuxLabel", "%s is not the container's label",
			   quote(finder, process->selinux_label));
	if (is_another(process->apparmor_profile, invocation->apparmor_profile))
		find_value(finder, process->apparmor_profile, "process.apparmorProfile",
			   "%s is not the container's profile", quote(finder, process->apparmor_profile));
}
