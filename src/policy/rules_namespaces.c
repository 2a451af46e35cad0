/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_namespaces.c - what is shared with the host.
 *
 * A namespace path is judged by what it opens: the file system and the kernel's own
 * word for its type.  Where nothing is there, plan/ fails with the reason.
 */
#include <errno.h>
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <string.h>

static void require_namespace(struct finder *finder, const char *type, const char *what)
{
	if (!namespace_of(finder->judged->config, type))
		find_value(finder, type, "linux.namespaces", "no %s namespace%s", type, what);
}

/* At every level: pivot_root in the host's own, named by its path, is no better than in none. */
void judge_ns_mount_missing(struct finder *finder)
{
	require_namespace(finder, "mount", "");
	if (namespace_of(finder->judged->config, "mount") && !namespace_is_separate(finder->judged, "mount"))
		find_value(finder, "mount", "linux.namespaces", "the mount namespace named by path is the host's own");
}

void judge_ns_pid_host(struct finder *finder)
{
	require_namespace(finder, "pid", ": the host's processes are in reach");
}

void judge_ns_net_host(struct finder *finder)
{
	require_namespace(finder, "network", ": the host's network and abstract sockets are in reach");
}

void judge_ns_ipc_host(struct finder *finder)
{
	require_namespace(finder, "ipc", ": the host's shared memory is in reach");
}

void judge_ns_uts_host(struct finder *finder)
{
	require_namespace(finder, "uts", ": it is the host's name that is used");
}

void judge_ns_cgroup_missing(struct finder *finder)
{
	if (finder->judged->config->linux_)
		require_namespace(finder, "cgroup", ": the host's cgroup tree is visible");
}

void harden_ns_cgroup_missing(struct pool *pool, struct config *config, const struct finding *finding)
{
	struct config_linux *linux_ = config->linux_;

	(void)finding;
	if (!linux_)
		return;
	struct config_namespace *others = pool_alloc(pool, (linux_->namespace_count + 1) * sizeof *others);
	size_t count = 0;
	for (size_t i = 0; i < linux_->namespace_count; i++) {
		if (!str_equal(linux_->namespaces[i].type, "cgroup"))
			others[count++] = linux_->namespaces[i];
	}
	others[count++] = (struct config_namespace){.type = "cgroup"};
	linux_->namespaces = others;
	linux_->namespace_count = count;
}

static const char *type_place(const struct finder *finder, size_t i)
{
	return at(finder, "linux.namespaces[%zu].type", i);
}

void judge_ns_duplicate(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; config->linux_ && i < config->linux_->namespace_count; i++) {
		const struct config_namespace *namespace = &config->linux_->namespaces[i];
		if (spec_namespace_type(namespace->type) == NS_TYPES)
			find_value(finder, namespace->type, type_place(finder, i), "unknown type %s",
				   quote(finder, namespace->type));
		else if (namespace_of(config, namespace->type) != namespace)
			find_value(finder, namespace->type, type_place(finder, i), "%s stands in the list twice",
				   namespace->type);
	}
}

static bool has_path(const struct config_namespace *namespace)
{
	return namespace->path && *namespace->path;
}

/* exec: what a container joined was judged then. */
static bool has_joined(const struct judged *judged)
{
	return !judged->bundle && !judged->config_only;
}

static const char *path_place(const struct finder *finder, size_t i)
{
	return at(finder, "linux.namespaces[%zu].path", i);
}

/* CIS 5.10 and friends through the back door. */
void judge_ns_path_host(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	for (size_t i = 0; linux_ && i < linux_->namespace_count; i++) {
		const struct config_namespace *namespace = &linux_->namespaces[i];
		enum whose whose = namespace_whose(finder->judged, i);
		if (whose == WHOSE_HOST)
			find_value(finder, namespace->path, path_place(finder, i), "%s is the host's %s namespace",
				   quote(finder, namespace->path), namespace->type);
		else if (whose == WHOSE_UNKNOWN)
			cannot_judge(finder, path_place(finder, i),
				     "whether %s is the host's %s namespace cannot be found out",
				     quote(finder, namespace->path), namespace->type);
	}
}

void judge_ns_path_privileged_type(struct finder *finder)
{
	static const char *const types[] = {"mount", "cgroup", "time"};
	const struct config_linux *linux_ = finder->judged->config->linux_;

	for (size_t i = 0; !has_joined(finder->judged) && linux_ && i < linux_->namespace_count; i++) {
		const struct config_namespace *namespace = &linux_->namespaces[i];
		if (has_path(namespace) && IS_ONE_OF(namespace->type, types))
			find_value(finder, namespace->type, path_place(finder, i), "joins the %s namespace %s",
				   namespace->type, quote(finder, namespace->path));
	}
}

void judge_ns_pid_joined(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	for (size_t i = 0; !has_joined(finder->judged) && linux_ && i < linux_->namespace_count; i++) {
		const struct config_namespace *namespace = &linux_->namespaces[i];
		if (has_path(namespace) && str_equal(namespace->type, "pid"))
			find_value(finder, namespace->path, path_place(finder, i),
				   "shares its processes with whoever is in %s", quote(finder, namespace->path));
	}
}

/* Where hrun's own root is not the host's, the container's is not either. */
void judge_ns_user_missing(struct finder *finder)
{
	const struct judged *judged = finder->judged;

	if (judged->host_root && judged->config->linux_)
		require_namespace(finder, "user", ": root inside is root of the host");
}

/* What nobody looked at, or what is not there: judged when it was joined, or plan/ fails with the reason. */
static const char *complaint_about(const struct config_namespace *namespace, const struct namespace_look *look)
{
	if (!look || look->errnum)
		return NULL;
	if (!look->is_namespace)
		return "is not a namespace file";
	if (look->clone_flag != namespace_clone_flag(namespace->type))
		return "is a namespace of another type";
	return NULL;
}

static void judge_path(struct finder *finder, const struct config_namespace *namespace, size_t i)
{
	const struct judged *judged = finder->judged;
	const struct namespace_look *look = judged->namespaces ? &judged->namespaces[i] : NULL;
	const char *complaint = namespace->path[0] != '/'	   ? "is relative"
				: path_has_dotdot(namespace->path) ? "holds \"..\""
								   : complaint_about(namespace, look);

	if (complaint)
		find_value(finder, namespace->path, path_place(finder, i), "%s %s", quote(finder, namespace->path),
			   complaint);
	else if (judged->config_only || (look && look->errnum && look->errnum != ENOENT))
		cannot_judge(finder, path_place(finder, i), "%s cannot be looked at (%s)",
			     quote(finder, namespace->path), look ? strerrorname_np(look->errnum) : "");
}

void judge_ns_path_invalid(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	for (size_t i = 0; linux_ && i < linux_->namespace_count; i++) {
		if (has_path(&linux_->namespaces[i]))
			judge_path(finder, &linux_->namespaces[i], i);
	}
}

/* "keys other than monotonic and boottime" are among the unknown members. */
void judge_time_offsets_invalid(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	if (config->linux_ && config->linux_->has_time_offsets && !namespace_of(config, "time"))
		find(finder, "linux.timeOffsets", "offsets without a time namespace");
	for (size_t i = 0; i < config->unknown_count; i++) {
		if (str_starts(config->unknown[i].where, "linux.timeOffsets"))
			find(finder, config->unknown[i].where, "unknown clock");
	}
}

void judge_net_devices(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	for (size_t i = 0; linux_ && i < linux_->net_devices.count; i++)
		find_value(finder, linux_->net_devices.item[i].key,
			   at_key(finder, "linux.netDevices", linux_->net_devices.item[i].key),
			   "the device would leave the host");
}
