/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capabilities.c - five sets of names as bits (capabilities(7)).
 *
 * An absent object means none.  What nobody can grant (an unknown name: never guessed; effective outside
 * permitted, anything outside the bounding set) is
 * left out and said so: the sets in the plan are those that the process has.
 */
#include <errno.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <linux/capability.h>

static const char *const names[] = {
	[CAP_CHOWN] = "CAP_CHOWN",
	[CAP_DAC_OVERRIDE] = "CAP_DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
	[CAP_FOWNER] = "CAP_FOWNER",
	[CAP_FSETID] = "CAP_FSETID",
	[CAP_KILL] = "CAP_KILL",
	[CAP_SETGID] = "CAP_SETGID",
	[CAP_SETUID] = "CAP_SETUID",
	[CAP_SETPCAP] = "CAP_SETPCAP",
	[CAP_LINUX_IMMUTABLE] = "CAP_LINUX_IMMUTABLE",
	[CAP_NET_BIND_SERVICE] = "CAP_NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "CAP_NET_BROADCAST",
	[CAP_NET_ADMIN] = "CAP_NET_ADMIN",
	[CAP_NET_RAW] = "CAP_NET_RAW",
	[CAP_IPC_LOCK] = "CAP_IPC_LOCK",
	[CAP_IPC_OWNER] = "CAP_IPC_OWNER",
	[CAP_SYS_MODULE] = "CAP_SYS_MODULE",
	[CAP_SYS_RAWIO] = "CAP_SYS_RAWIO",
	[CAP_SYS_CHROOT] = "CAP_SYS_CHROOT",
	[CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
	[CAP_SYS_PACCT] = "CAP_SYS_PACCT",
	[CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
	[CAP_SYS_BOOT] = "CAP_SYS_BOOT",
	[CAP_SYS_NICE] = "CAP_SYS_NICE",
	[CAP_SYS_RESOURCE] = "CAP_SYS_RESOURCE",
	[CAP_SYS_TIME] = "CAP_SYS_TIME",
	[CAP_SYS_TTY_CONFIG] = "CAP_SYS_TTY_CONFIG",
	[CAP_MKNOD] = "CAP_MKNOD",
	[CAP_LEASE] = "CAP_LEASE",
	[CAP_AUDIT_WRITE] = "CAP_AUDIT_WRITE",
	[CAP_AUDIT_CONTROL] = "CAP_AUDIT_CONTROL",
	[CAP_SETFCAP] = "CAP_SETFCAP",
	[CAP_MAC_OVERRIDE] = "CAP_MAC_OVERRIDE",
	[CAP_MAC_ADMIN] = "CAP_MAC_ADMIN",
	[CAP_SYSLOG] = "CAP_SYSLOG",
	[CAP_WAKE_ALARM] = "CAP_WAKE_ALARM",
	[CAP_BLOCK_SUSPEND] = "CAP_BLOCK_SUSPEND",
	[CAP_AUDIT_READ] = "CAP_AUDIT_READ",
	[CAP_PERFMON] = "CAP_PERFMON",
	[CAP_BPF] = "CAP_BPF",
	[CAP_CHECKPOINT_RESTORE] = "CAP_CHECKPOINT_RESTORE",
};
enum { NAMES = sizeof names / sizeof *names };
_Static_assert(NAMES == CAP_LAST_CAP + 1, "the kernel headers know a capability that this table does not name");

static const char *const set_names[CAPS_SETS] = {
	[CAPS_BOUNDING] = "bounding",	    [CAPS_PERMITTED] = "permitted", [CAPS_EFFECTIVE] = "effective",
	[CAPS_INHERITABLE] = "inheritable", [CAPS_AMBIENT] = "ambient",
};

int plan_capability(const char *name)
{
	for (int i = 0; i < NAMES; i++) {
		if (str_equal(name, names[i]))
			return i;
	}
	return -ENOENT;
}

const char *plan_capability_name(int capability)
{
	return capability >= 0 && capability < NAMES ? names[capability] : "CAP_?";
}

/* config.md: a runtime should not fail because of one that cannot be granted; whether it may is the policy's word. */
static uint64_t read_set(struct pool *pool, const struct string_list *list, enum capability_set set, struct plan *plan)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < list->count; i++) {
		int capability = plan_capability(list->item[i]);
		if (capability >= 0)
			bits |= UINT64_C(1) << capability;
		else
			plan_warn(pool, plan,
				  "process.capabilities.%s[%zu]: unknown capability %s is left out; write it as in "
				  "capabilities(7), such as CAP_NET_BIND_SERVICE",
				  set_names[set], i, plan_quote(pool, list->item[i]));
	}
	return bits;
}

static void keep_within(struct pool *pool, struct plan *plan, enum capability_set set, uint64_t limit,
			const char *reason)
{
	uint64_t *bits = &plan->creds.caps[set];

	for (int i = 0; i < NAMES; i++) {
		if (*bits & ~limit & UINT64_C(1) << i)
			plan_warn(pool, plan, "process.capabilities.%s: %s is left out: not in %s", set_names[set],
				  names[i], reason);
	}
	*bits &= limit;
}

void plan_capabilities(struct pool *pool, const struct config_process *process, struct plan *plan)
{
	uint64_t *caps = plan->creds.caps;

	for (enum capability_set set = 0; set < CAPS_SETS; set++)
		caps[set] = process->has_capabilities ? read_set(pool, &process->capabilities[set], set, plan) : 0;
	keep_within(pool, plan, CAPS_PERMITTED, caps[CAPS_BOUNDING], "bounding");
	keep_within(pool, plan, CAPS_INHERITABLE, caps[CAPS_BOUNDING], "bounding");
	keep_within(pool, plan, CAPS_EFFECTIVE, caps[CAPS_PERMITTED], "permitted");
	keep_within(pool, plan, CAPS_AMBIENT, caps[CAPS_PERMITTED] & caps[CAPS_INHERITABLE],
		    "permitted and inheritable");
}
