/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_mount_dests.c - where mounts go.
 *
 * A destination is judged by where it really leads inside the root file system.
 */
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <sys/stat.h>

void judge_mount_dest_invalid(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const char *path = config->mounts[i].destination ? config->mounts[i].destination : "";
		if (path[0] != '/')
			find(finder, at(finder, "mounts[%zu].destination", i), "%s is not absolute",
			     quote(finder, path));
		else if (path_has_dotdot(path))
			find(finder, at(finder, "mounts[%zu].destination", i), "%s holds \"..\"", quote(finder, path));
	}
}

void judge_mount_dest_root(struct finder *finder)
{
	for (size_t i = 0; i < finder->judged->config->mount_count; i++) {
		const char *path = finder->judged->mounts[i].destination;
		if (path && str_equal(path, "/"))
			find(finder, at(finder, "mounts[%zu].destination", i), "covers the whole root file system");
	}
}

/* Single files that lxcfs and the like replace; nothing is judged or written through them. */
static bool is_proc_information(const char *path)
{
	static const char *const files[] = {
		"/proc/cpuinfo",
		"/proc/diskstats",
		"/proc/meminfo",
		"/proc/stat",
		"/proc/swaps",
		"/proc/uptime",
		"/proc/loadavg",
		"/proc/slabinfo",
		"/proc/net/dev",
		"/proc/sys/kernel/ns_last_pid",
		"/proc/sys/crypto/fips_enabled",
	};

	return IS_ONE_OF(path, files);
}

/* The mounts below /proc and /sys that every container has.  rbind of /sys: rootless without a network of its own. */
static bool belongs_there(const struct config_mount *mount, const struct mount_look *look)
{
	const char *path = look->destination, *source = look->real_source ? look->real_source : look->clean_source;
	bool bind = mount_is_bind(mount);

	if (str_equal(path, "/proc"))
		return !bind && mount_type_is(mount, "proc");
	if (str_equal(path, "/sys"))
		return bind ? source && str_equal(source, "/sys") : mount_type_is(mount, "sysfs");
	if (str_equal(path, "/sys/fs/cgroup"))
		return bind ? source && path_is_below(source, "/sys/fs/cgroup")
			    : mount_type_is(mount, "cgroup") || mount_type_is(mount, "cgroup2");
	return bind && is_proc_information(path);
}

/* CVE-2019-16884, CVE-2019-19921, CVE-2023-27561, CVE-2025-31133, CVE-2025-52565, CVE-2025-52881 */
void judge_mount_dest_proc_sys(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const char *path = finder->judged->mounts[i].destination;
		if (path && (path_is_below(path, "/proc") || path_is_below(path, "/sys")) &&
		    !belongs_there(&config->mounts[i], &finder->judged->mounts[i]))
			find(finder, at(finder, "mounts[%zu].destination", i), "%s hides what the kernel says",
			     quote(finder, config->mounts[i].destination));
	}
}

/* What masks and nodes are made from. */
static bool is_default_device(const char *path)
{
	static const char *const nodes[] = {
		"/dev/null",	"/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
		"/dev/console", "/dev/ptmx", "/dev/fd",	  "/dev/stdin",	 "/dev/stdout",	 "/dev/stderr",
	};

	return IS_ONE_OF(path, nodes);
}

static bool mounts_a_device(const struct config_mount *mount, const struct mount_look *look)
{
	if (!mount_is_bind(mount))
		return false;
	if (look->has_source)
		return S_ISCHR(look->source.st_mode) || S_ISBLK(look->source.st_mode);
	return look->clean_source && path_is_below(look->clean_source, "/dev");
}

static void find_destination(struct finder *finder, size_t i, const char *what, const char *more)
{
	const char *destination = finder->judged->config->mounts[i].destination;
	const char *text = pool_printf(finder->judged->pool, "%s%s%s", quote(finder, destination), what, more);

	find_item(finder, i, finder->judged->mounts[i].destination, at(finder, "mounts[%zu].destination", i), "%s",
		  text);
}

/* CVE-2025-31133, CVE-2025-52565: a runtime that uses the container's /dev/null writes through what lies there. */
void judge_mount_dest_dev(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		const char *path = finder->judged->mounts[i].destination;
		if (!path || !path_is_below(path, "/dev"))
			continue;
		if (str_equal(path, "/dev") && (mount_is_bind(mount) || !mount_type_is(mount, "tmpfs")))
			find_destination(finder, i, " gets something else than a tmpfs", "");
		else if (is_default_device(path) && !mounts_a_device(mount, &finder->judged->mounts[i]))
			find_destination(finder, i, " stands for a device, and this is none", "");
	}
}

/* CVE-2021-30465 and its family */
void judge_mount_dest_symlink(struct finder *finder)
{
	for (size_t i = 0; i < finder->judged->config->mount_count; i++) {
		const struct mount_look *look = &finder->judged->mounts[i];
		if (look->destination_climbs)
			find_destination(finder, i, ": a link on the way leads above the root", "");
		else if (look->destination_link)
			find_destination(finder, i, ": a link on the way leads to ", quote(finder, look->destination));
	}
}

static bool is_kernels(const char *path)
{
	return path_is_below(path, "/proc") || path_is_below(path, "/sys") || path_is_below(path, "/dev");
}

/*
 * containerd 1.6 gives a pod's pause container an empty tmpfs at /dev/shm and the pod's own on top of it.  Either alone is
 * what every container has, and nothing that was checked is hidden.
 */
static bool is_shm_of_pod(const struct judged *judged, size_t hiding, size_t hidden)
{
	const struct mount_look *look = &judged->mounts[hiding];
	const char *source = look->has_source ? look->real_source : look->clean_source;
	const struct config_mount *first = &judged->config->mounts[hidden];

	return str_equal(look->destination, "/dev/shm") && mount_type_is(first, "tmpfs") && !mount_is_bind(first) &&
	       mount_is_bind(&judged->config->mounts[hiding]) && source && path_is_engine_managed(judged, source);
}

/* What was mounted there first was checked, and is hidden by the second: for the kernel's own directories that is refused. */
void judge_mount_duplicate_dest(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct mount_look *look = &finder->judged->mounts[i];
		struct finder own = *finder;
		if (!look->same_as || is_shm_of_pod(finder->judged, i, look->same_as - 1))
			continue;
		if (is_kernels(look->destination) && own.action == ACTION_WARN)
			own.action = ACTION_REFUSE;
		find_item(&own, i, look->destination, at(finder, "mounts[%zu].destination", i), "%s hides mounts[%zu]",
			  quote(finder, config->mounts[i].destination), look->same_as - 1);
	}
}
