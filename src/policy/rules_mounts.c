/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_mounts.c - where mounts come from and where they go.
 *
 * A bind source is judged by what it opens, a destination by where it really leads
 * inside the root file system.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <sys/stat.h>

/* HOST_ROOT NULL: cannot be looked at. */
static bool is_host_root(const struct judged *judged, size_t i, const struct stat *host_root)
{
	const struct mount_look *look = &judged->mounts[i];
	const char *source = judged->config->mounts[i].source;

	/* The host's root has other names where it is bind-mounted. */
	if (look->has_source && host_root)
		return look->source.st_dev == host_root->st_dev && look->source.st_ino == host_root->st_ino;
	return source && str_equal(path_clean(judged->pool, source), "/");
}

void judge_mount_host_root(struct finder *finder)
{
	const struct config *config = finder->judged->config;
	struct stat root;
	const struct stat *host_root = stat("/", &root) == 0 ? &root : NULL;

	for (size_t i = 0; i < config->mount_count; i++) {
		if (mount_is_bind(&config->mounts[i]) && is_host_root(finder->judged, i, host_root))
			find(finder, at(finder, "mounts[%zu].source", i), "%s is the root of the host",
			     quote(finder, config->mounts[i].source));
	}
}

/* Does a relative path climb above where it starts, at any point? */
static bool climbs_out(const char *path)
{
	int depth = 0;

	for (const char *part = path; *part;) {
		size_t length = strcspn(part, "/");
		if (length == 2 && part[0] == '.' && part[1] == '.')
			depth--;
		else if (length && !(length == 1 && part[0] == '.'))
			depth++;
		if (depth < 0)
			return true;
		part += length + (part[length] == '/');
	}
	return false;
}

void judge_mount_source_escape(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		if (mount_is_bind(mount) && mount->source && mount->source[0] != '/' && climbs_out(mount->source))
			find(finder, at(finder, "mounts[%zu].source", i), "%s leads out of the bundle",
			     quote(finder, mount->source));
	}
}

void judge_mount_dest_invalid(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const char *path = config->mounts[i].destination ? config->mounts[i].destination : "";
		const char *where = at(finder, "mounts[%zu].destination", i);
		if (path[0] != '/')
			find(finder, where, "%s is not absolute", quote(finder, path));
		else if (path_has_dotdot(path))
			find(finder, where, "%s holds \"..\"", quote(finder, path));
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
static bool belongs_there(const struct config_mount *mount, const char *path)
{
	bool bind = mount_is_bind(mount);

	if (str_equal(path, "/proc"))
		return !bind && mount_type_is(mount, "proc");
	if (str_equal(path, "/sys"))
		return bind ? mount->source && str_equal(mount->source, "/sys") : mount_type_is(mount, "sysfs");
	if (str_equal(path, "/sys/fs/cgroup"))
		return bind ? mount->source && path_is_below(mount->source, "/sys/fs/cgroup")
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
		    !belongs_there(&config->mounts[i], path))
			find(finder, at(finder, "mounts[%zu].destination", i), "%s hides what the kernel says",
			     quote(finder, config->mounts[i].destination));
	}
}

void judge_mount_proc_elsewhere(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		const char *home = mount_type_is(mount, "proc")	   ? "/proc"
				   : mount_type_is(mount, "sysfs") ? "/sys"
								   : NULL;
		const char *path = home && !mount_is_bind(mount) ? finder->judged->mounts[i].destination : NULL;
		if (path && !str_equal(path, home))
			find(finder, at(finder, "mounts[%zu]", i), "a second %s at %s, where nothing is masked",
			     mount->type, quote(finder, mount->destination));
	}
}

void judge_mount_sysfs_writable(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		const char *last = option_last(mount, "ro", "rw");
		if (mount_type_is(mount, "sysfs") && !mount_is_bind(mount) && !(last && str_equal(last, "ro")))
			find(finder, at(finder, "mounts[%zu].options", i), "a writable sysfs");
	}
}

void judge_mount_type_unsafe(struct finder *finder)
{
	static const char *const safe[] = {"proc",   "sysfs",  "tmpfs",	  "devpts",
					   "mqueue", "cgroup", "cgroup2", "overlay"};
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		const char *type = mount->type ? mount->type : "";
		bool says_bind = !*type || str_equal(type, "none") || str_equal(type, "bind");
		if (!IS_ONE_OF(type, safe) && !(mount_is_bind(mount) && says_bind))
			find(finder, at(finder, "mounts[%zu].type", i), "type %s is none that a container may mount",
			     quote(finder, type));
	}
}
