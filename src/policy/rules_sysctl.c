/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_sysctl.c - kernel settings: only those that have a value per namespace, and
 * only in a namespace of the container's own.
 */
#include <hrun/judging.h>
#include <hrun/str.h>

static bool is_ipc_sysctl(const char *key)
{
	static const char *const names[] = {"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
					    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem"};

	return IS_ONE_OF(key, names) || str_starts(key, "fs.mqueue.");
}

/* The type of namespace that KEY belongs to, or NULL: it is the host's alone. */
static const char *namespace_type_of(const char *key)
{
	if (str_starts(key, "net."))
		return "network";
	if (is_ipc_sysctl(key))
		return "ipc";
	if (str_equal(key, "kernel.hostname") || str_equal(key, "kernel.domainname"))
		return "uts";
	return NULL;
}

/* CVE-2022-0811: kernel.core_pattern runs a program on the host. */
void judge_sysctl_not_namespaced(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	for (size_t i = 0; linux_ && i < linux_->sysctl.count; i++) {
		const char *key = linux_->sysctl.item[i].key;
		if (!namespace_type_of(key))
			find(finder, at_key(finder, "linux.sysctl", key), "%s is a setting of the whole host",
			     quote(finder, key));
	}
}

void judge_sysctl_host_namespace(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; config->linux_ && i < config->linux_->sysctl.count; i++) {
		const char *key = config->linux_->sysctl.item[i].key;
		const char *type = namespace_type_of(key);
		if (type && !namespace_is_separate(finder->judged, type))
			find(finder, at_key(finder, "linux.sysctl", key), "%s without a %s namespace changes the host",
			     quote(finder, key), type);
	}
}

/* A "/" separates as well for sysctl(8): such a key names two different files. */
static bool key_is_clean(const char *key)
{
	size_t length = strlen(key);

	if (!length || key[0] == '.' || key[length - 1] == '.' || strstr(key, "..") || strpbrk(key, "/ "))
		return false;
	return !str_has_control(key);
}

void judge_sysctl_key_invalid(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	for (size_t i = 0; linux_ && i < linux_->sysctl.count; i++) {
		const char *key = linux_->sysctl.item[i].key;
		if (!key_is_clean(key))
			find(finder, at_key(finder, "linux.sysctl", key), "%s does not name one setting",
			     quote(finder, key));
	}
}
