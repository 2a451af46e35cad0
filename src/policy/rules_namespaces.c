/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_namespaces.c - what is shared with the host.
 *
 * A namespace path is judged by what it opens: the file system and the kernel's own
 * word for its type.  Where nothing is there, plan/ fails with the reason.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* The names below /proc/PID/ns. */
static const char *file_of(const char *type)
{
	return str_equal(type, "network") ? "net" : str_equal(type, "mount") ? "mnt" : type;
}

/* Is it the host's by the back door: the namespace that we, or the host's first process, live in, however it is spelled? */
static bool is_the_hosts(struct pool *pool, const struct config_namespace *namespace)
{
	static const char *const whose[] = {"self", "1"};
	struct stat joined, own;

#ifdef HRUN_MUTANT_HOST_NAMESPACE
	return false;
#endif
	if (!namespace->path || stat(namespace->path, &joined) < 0)
		return false;
	for (size_t i = 0; i < sizeof whose / sizeof *whose; i++) {
		if (stat(pool_printf(pool, "/proc/%s/ns/%s", whose[i], file_of(namespace->type)), &own) == 0 &&
		    own.st_dev == joined.st_dev && own.st_ino == joined.st_ino)
			return true;
	}
	return false;
}

static void require_namespace(struct finder *finder, const char *type, const char *what)
{
	const struct config_namespace *namespace = namespace_of(finder->judged->config, type);

	if (!namespace)
		find(finder, "linux.namespaces", "no %s namespace%s", type, what);
	else if (is_the_hosts(finder->judged->pool, namespace))
		find(finder, "linux.namespaces", "the %s namespace named by path is the host's own%s", type, what);
}

void judge_ns_mount_missing(struct finder *finder)
{
	require_namespace(finder, "mount", "");
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

void judge_ns_duplicate(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; config->linux_ && i < config->linux_->namespace_count; i++) {
		const struct config_namespace *namespace = &config->linux_->namespaces[i];
		const char *where = at(finder, "linux.namespaces[%zu].type", i);
		if (spec_namespace_type(namespace->type) == NS_TYPES)
			find(finder, where, "unknown type %s", quote(finder, namespace->type));
		else if (namespace_of(config, namespace->type) != namespace)
			find(finder, where, "%s stands in the list twice", namespace->type);
	}
}

static int clone_flag_of(enum namespace_type type)
{
	static const int flags[NS_TYPES] = {
		[NS_MOUNT] = CLONE_NEWNS,  [NS_PID] = CLONE_NEWPID,	  [NS_NETWORK] = CLONE_NEWNET,
		[NS_UTS] = CLONE_NEWUTS,   [NS_IPC] = CLONE_NEWIPC,	  [NS_USER] = CLONE_NEWUSER,
		[NS_TIME] = CLONE_NEWTIME, [NS_CGROUP] = CLONE_NEWCGROUP,
	};

	return type < NS_TYPES ? flags[type] : 0;
}

/* Opened with O_PATH first: a device or FIFO must not notice that it was looked at. */
static const char *complaint_about(struct pool *pool, const struct config_namespace *namespace)
{
	struct statfs fs;

	autofd int found = open(namespace->path, O_PATH | O_CLOEXEC);
	if (found < 0)
		return NULL;
	if (fstatfs(found, &fs) < 0 || fs.f_type != NSFS_MAGIC)
		return "is not a namespace file";
	autofd int opened = open(pool_printf(pool, "/proc/self/fd/%d", found), O_RDONLY | O_CLOEXEC);
	int flag = opened < 0 ? -1 : ioctl(opened, NS_GET_NSTYPE);
	if (flag != clone_flag_of(spec_namespace_type(namespace->type)))
		return "is a namespace of another type";
	return NULL;
}

void judge_ns_path_invalid(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	for (size_t i = 0; linux_ && i < linux_->namespace_count; i++) {
		const struct config_namespace *namespace = &linux_->namespaces[i];
		const char *complaint;
		if (!namespace->path || !*namespace->path)
			continue;
		if (namespace->path[0] != '/')
			complaint = "is relative";
		else if (path_has_dotdot(namespace->path))
			complaint = "holds \"..\"";
		else if (finder->judged->bundle)
			complaint = complaint_about(finder->judged->pool, namespace);
		else
			complaint = NULL; /* exec: it was judged when it was joined, and may be gone */
		if (complaint)
			find(finder, at(finder, "linux.namespaces[%zu].path", i), "%s %s",
			     quote(finder, namespace->path), complaint);
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
		find(finder, at_key(finder, "linux.netDevices", linux_->net_devices.item[i].key),
		     "the device would leave the host");
}
