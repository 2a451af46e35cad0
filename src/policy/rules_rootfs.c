/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_rootfs.c - the bundle and the directory that becomes the container's root.
 *
 * Judged on the descriptors that the bundle opened, which are those that are used.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <limits.h>
#include <unistd.h>

static bool last_component_is_link(const struct bundle *bundle, const char *clean)
{
	struct stat st;

	return fstatat(bundle->dir, clean, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static bool is_outside(struct pool *pool, const struct bundle *bundle)
{
	const char *inside = bundle->rootfs >= 0 ? path_of_fd(pool, bundle->rootfs) : NULL;
	const char *dir = path_of_fd(pool, bundle->dir);

	return inside && dir && !path_is_below(inside, dir);
}

/* CVE-2021-30465, CVE-2024-45310: a link that is exchanged between check and use. */
void judge_root_path_escape(struct finder *finder)
{
	const struct bundle *bundle = finder->judged->bundle;
	const char *path = finder->judged->config->has_root ? finder->judged->config->root.path : NULL;

	if (!path || !*path)
		return;
	const char *shown = quote(finder, path);
	if (*path != '/' && path_has_dotdot(path))
		find(finder, "root.path", "%s holds \"..\"", shown);
	else if (bundle && last_component_is_link(bundle, path_clean(finder->judged->pool, path)))
		find(finder, "root.path", "%s is a symbolic link", shown);
	else if (bundle && *path != '/' && is_outside(finder->judged->pool, bundle))
		find(finder, "root.path", "%s leads out of the bundle", shown);
}

static bool is_host_directory(const char *path)
{
	static const char *const host[] = {"/etc",    "/usr",  "/bin", "/sbin", "/lib", "/lib32", "/lib64",
					   "/libx32", "/boot", "/dev", "/proc", "/sys", "/root",  "/home"};

	for (size_t i = 0; i < sizeof host / sizeof host[0]; i++) {
		if (path_is_below(path, host[i]))
			return true;
	}
	return str_equal(path, "/");
}

/* Rootless podman keeps images in the user's home: .../.local/share/containers/storage/{overlay/ID/merged,vfs/dir/ID}. */
static bool is_engine_storage(const char *path)
{
	static const char storage[] = "/.local/share/containers/storage/";
	const char *rest = strstr(path, storage);

	if (!rest || !(path_is_below(path, "/home") || path_is_below(path, "/root")))
		return false;
	rest += sizeof storage - 1;
	return (str_starts(rest, "overlay/") && str_ends(rest, "/merged")) || str_starts(rest, "vfs/dir/");
}

void judge_root_path_host(struct finder *finder)
{
	const struct bundle *bundle = finder->judged->bundle;
	const char *path = bundle ? bundle->rootfs_path : NULL;
	struct stat host_root;

	if (bundle && bundle->rootfs >= 0) {
		const char *real = path_of_fd(finder->judged->pool, bundle->rootfs);
		path = real ? real : path;
		/* The root of the host has other names where it is bind-mounted. */
		if (stat("/", &host_root) == 0 && host_root.st_dev == bundle->rootfs_stat.st_dev &&
		    host_root.st_ino == bundle->rootfs_stat.st_ino)
			path = "/";
	}
	if (!path || *path != '/')
		return;
	path = path_clean(finder->judged->pool, path);
	if (is_host_directory(path) && !is_engine_storage(path))
		find(finder, "root.path", "%s belongs to the host", quote(finder, path));
}

/* In a user namespace without the host's root, files of that root show the overflow id. */
static bool owner_is_trusted(const struct finder *finder, uid_t owner)
{
	enum { OVERFLOW_UID = 65534 };

	return owner == 0 || owner == geteuid() || (owner == OVERFLOW_UID && !finder->judged->host_root && !geteuid());
}

static void find_permissions(struct finder *finder, const char *what, const struct stat *st)
{
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		find(finder, "", "%s is writable by group or others (mode %04o)", what, st->st_mode & 07777u);
	if (!owner_is_trusted(finder, st->st_uid))
		find(finder, "", "%s belongs to uid %u", what, st->st_uid);
}

/* The name may be another one (create --config); then it is not what was read, and says nothing. */
static bool config_is_link(const struct bundle *bundle)
{
	struct stat name, target;

	return fstatat(bundle->dir, "config.json", &name, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(name.st_mode) &&
	       fstatat(bundle->dir, "config.json", &target, 0) == 0 && target.st_dev == bundle->config_stat.st_dev &&
	       target.st_ino == bundle->config_stat.st_ino;
}

void judge_bundle_permissions(struct finder *finder)
{
	const struct bundle *bundle = finder->judged->bundle;

	if (!bundle)
		return;
	find_permissions(finder, "the bundle directory", &bundle->dir_stat);
	find_permissions(finder, "config.json", &bundle->config_stat);
	if (config_is_link(bundle))
		find(finder, "", "config.json is a symbolic link");
}

static const char *propagation_of(const struct config *config)
{
	const char *word = config->linux_ ? config->linux_->rootfs_propagation : NULL;

	return word ? word : "";
}

void judge_rootfs_propagation_shared(struct finder *finder)
{
	const char *word = propagation_of(finder->judged->config);

	if (str_equal(word, "shared") || str_equal(word, "rshared"))
		find(finder, "linux.rootfsPropagation", "%s: mounts made inside appear on the host",
		     quote(finder, word));
}

void judge_rootfs_propagation_unknown(struct finder *finder)
{
	static const char *const known[] = {"",	       "shared",   "rshared",	 "slave",      "rslave",
					    "private", "rprivate", "unbindable", "runbindable"};
	const char *word = propagation_of(finder->judged->config);

	if (!IS_ONE_OF(word, known))
		find(finder, "linux.rootfsPropagation", "unknown word %s", quote(finder, word));
}
