/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec.c - words of the runtime specification.
 */
#include <errno.h>
#include <hrun/spec.h>
#include <hrun/str.h>
#include <linux/capability.h>

static const char *const hook_kinds[HOOK_KINDS] = {
	[HOOK_PRESTART] = "prestart",
	[HOOK_CREATE_RUNTIME] = "createRuntime",
	[HOOK_CREATE_CONTAINER] = "createContainer",
	[HOOK_START_CONTAINER] = "startContainer",
	[HOOK_POSTSTART] = "poststart",
	[HOOK_POSTSTOP] = "poststop",
};

static const char *const namespace_types[NS_TYPES] = {
	[NS_MOUNT] = "mount", [NS_PID] = "pid",	  [NS_NETWORK] = "network", [NS_UTS] = "uts",
	[NS_IPC] = "ipc",     [NS_USER] = "user", [NS_CGROUP] = "cgroup",   [NS_TIME] = "time",
};

const char *spec_hook_kind_name(enum hook_kind kind)
{
	return hook_kinds[kind];
}

const char *spec_namespace_name(enum namespace_type type)
{
	return namespace_types[type];
}

enum namespace_type spec_namespace_type(const char *word)
{
	for (enum namespace_type type = 0; type < NS_TYPES; type++) {
		if (str_equal(word, namespace_types[type]))
			return type;
	}
	return NS_TYPES;
}

static const char *const capabilities[] = {
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
enum { CAPABILITIES = sizeof capabilities / sizeof *capabilities };
_Static_assert(CAPABILITIES == CAP_LAST_CAP + 1, "the kernel headers know a capability that this table does not name");

int spec_capability(const char *name)
{
	for (int i = 0; i < CAPABILITIES; i++) {
		if (str_equal(name, capabilities[i]))
			return i;
	}
	return -ENOENT;
}

const char *spec_capability_name(int capability)
{
	return capability >= 0 && capability < CAPABILITIES ? capabilities[capability] : "CAP_?";
}
