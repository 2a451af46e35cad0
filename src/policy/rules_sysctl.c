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
			find_value(finder, key, at_key(finder, "linux.sysctl", key),
				   "%s is a setting of the whole host", quote(finder, key));
	}
}

/* What Kubernetes calls safe (Pod Security Standards, v1.37). */
static bool is_safe(const char *key)
{
	static const char *const safe[] = {
		"kernel.shm_rmid_forced",
		"net.ipv4.ip_local_port_range",
		"net.ipv4.ip_local_reserved_ports",
		"net.ipv4.ip_unprivileged_port_start",
		"net.ipv4.ping_group_range",
		"net.ipv4.tcp_fin_timeout",
		"net.ipv4.tcp_keepalive_intvl",
		"net.ipv4.tcp_keepalive_probes",
		"net.ipv4.tcp_keepalive_time",
		"net.ipv4.tcp_notsent_lowat",
		"net.ipv4.tcp_rmem",
		"net.ipv4.tcp_slow_start_after_idle",
		"net.ipv4.tcp_syncookies",
		"net.ipv4.tcp_wmem",
	};

	return IS_ONE_OF(key, safe);
}

/* allow.sysctls of the policy file: an exact name, or the beginning of one and ".*". */
static bool is_allowed(const struct policy *policy, const char *key)
{
	for (size_t i = 0; i < policy->allow.sysctls.count; i++) {
		const char *allowed = policy->allow.sysctls.item[i];
		if (str_equal(allowed, key))
			return true;
		if (str_ends(allowed, ".*") && strncmp(key, allowed, strlen(allowed) - 1) == 0)
			return true;
	}
	return false;
}

void judge_sysctl_not_safe(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	for (size_t i = 0; linux_ && i < linux_->sysctl.count; i++) {
		const char *key = linux_->sysctl.item[i].key;
		if (namespace_type_of(key) && !is_safe(key) && !is_allowed(finder->judged->policy, key))
			find_value(finder, key, at_key(finder, "linux.sysctl", key), "%s is not known to be harmless",
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
			find_value(finder, key, at_key(finder, "linux.sysctl", key),
				   "%s without a %s namespace changes the host", quote(finder, key), type);
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
			find_value(finder, key, at_key(finder, "linux.sysctl", key), "%s does not name one setting",
				   quote(finder, key));
	}
}
