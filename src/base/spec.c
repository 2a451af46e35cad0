/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec.c - words of the runtime specification.
 */
#include <hrun/spec.h>
#include <hrun/str.h>

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
