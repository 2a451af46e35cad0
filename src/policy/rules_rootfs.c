/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_rootfs.c - the bundle and the directory that becomes the container's root.
 *
 * Judged on the descriptors that the bundle opened, which are those that are used.
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/mount_sources.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <string.h>
#include <unistd.h>

static bool last_component_is_link(const struct bundle *bundle, const char *clean)
{
	struct stat st;

	return fstatat(bundle->dir, clean, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

static bool is_outside(struct pool *pool, const struct bundle *bundle)
{
	const char *inside = bundle_root_fd(bundle) >= 0 ? path_of_fd(pool, bundle_root_fd(bundle)) : NULL;
	const char *dir = path_of_fd(pool, bundle->dir);

	return inside && dir && !path_is_below(inside, dir);
}

/* CVE-2021-30465, CVE-2024-45310: a link that is exchanged between check and use. */
void judge_root_path_escape(struct finder *finder)
{
	const struct bundle *bundle = finder->judged->bundle;
	const char *path = finder->judged->config->has_root ? finder->judged->config->root.path : NULL;

	if (!path || !*path || (bundle && bundle->unpacked))
		return;
	const char *shown = quote(finder, path);
	if (*path != '/' && path_has_dotdot(path))
		find_value(finder, path, "root.path", "%s holds \"..\"", shown);
	else if (bundle && last_component_is_link(bundle, path_clean(finder->judged->pool, path)))
		find_value(finder, path, "root.path", "%s is a symbolic link", shown);
	else if (bundle && *path != '/' && is_outside(finder->judged->pool, bundle))
		find_value(finder, path, "root.path", "%s leads out of the bundle", shown);
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

/* PREFIX, an id of 64 hexadecimal digits, SUFFIX, and nothing else. */
static bool is_layer(const char *path, const char *prefix, const char *suffix)
{
	enum { ID_LENGTH = 64 };

	if (!str_starts(path, prefix))
		return false;
	path += strlen(prefix);
	return strspn(path, "0123456789abcdef") == ID_LENGTH && str_equal(path + ID_LENGTH, suffix);
}

/* An ordinary user's engine keeps its images in the user's home. */
static bool is_users_storage(const char *path)
{
	static const char podman[] = "/.local/share/containers/storage/", docker[] = "/.local/share/docker/";
	const char *rest;

	if (!path_is_below(path, "/home") && !path_is_below(path, "/root"))
		return false;
	if ((rest = strstr(path, podman))) {
		rest += sizeof podman - 1;
		return is_layer(rest, "overlay/", "/merged") || is_layer(rest, "vfs/dir/", "");
	}
	if ((rest = strstr(path, docker))) {
		rest += sizeof docker - 1;
		return is_layer(rest, "overlay2/", "/merged") || is_layer(rest, "fuse-overlayfs/", "/merged") ||
		       is_layer(rest, "vfs/dir/", "") || is_layer(rest, "rootfs/overlayfs/", "");
	}
	return false;
}

/* Strictly below a root that the policy file names, wherever the administrator put that. */
static bool is_below_engine(const struct string_list *roots, const char *path)
{
	for (size_t i = 0; i < roots->count; i++) {
		const char *root = roots->item[i];
		if (path_is_clean(root) && root[0] == '/' && root[1] && path_is_below(path, root) &&
		    !str_equal(path, root))
			return true;
	}
	return false;
}

static bool is_engine_storage(const struct policy *policy, const char *path)
{
	if (path_has_dotdot(path))
		return false;
	return is_users_storage(path) || is_below_engine(&policy->engines.containers_storage, path) ||
	       is_below_engine(&policy->engines.containerd, path) || is_below_engine(&policy->engines.docker, path) ||
	       is_below_engine(&policy->engines.other, path);
}

/*
 * What is where an engine keeps its files must be what it makes for one container: the directory `rootfs` of a bundle, the
 * union of an image's layers, a layer of a driver without unions.
 */
static bool is_layer_of_engine(const char *path)
{
	static const char *const parents[] = {"/vfs/dir/", "/btrfs/subvolumes/", "/zfs/graph/", "/rootfs/"};
	const char *name = strrchr(path, '/');

	/* A verified image that is kept: later runs believe what is in there. */
	if (path_is_below(path, "/var/lib/hrun"))
		return false;
	if (str_equal(name, "/rootfs") || str_equal(name, "/merged") || str_equal(name, "/mnt") ||
	    str_equal(name, "/fs"))
		return true;
	for (size_t i = 0; i < sizeof parents / sizeof parents[0]; i++) {
		if (strstr(path, parents[i]))
			return true;
	}
	return false;
}

/* The root as a bind mount with all that lies below: what may not be mounted may not be the root either.  NULL: nothing. */
static const char *gives_away(const struct finder *finder, const char *path, int *ret_error)
{
	const struct judged *judged = finder->judged;
	const char *rbind = "rbind";
	const struct config_mount mount = {.type = "bind", .source = path, .options = {.item = &rbind, .count = 1}};
	struct host_view *host = judged->config->mount_count && judged->mounts ? judged->mounts[0].host : NULL;
	struct mount_look look = {0};

	if (judged->bundle && !host)
		host = host_view_new(judged->pool);
	autofd int looked_at = source_look(judged, path, host, &look);
	(void)looked_at;
	const struct source_verdict *source = source_judge(judged, &mount, &look);
	unsigned int bits = source->bits;
	*ret_error = source->error == -ENOENT ? 0 : source->error;
	if ((bits & BREAKS_ENGINE_STATE) && !source->is_in_store &&
	    is_layer_of_engine(source->path[__builtin_ctz(BREAKS_ENGINE_STATE)]))
		bits &= ~(unsigned int)BREAKS_ENGINE_STATE;
	return bits ? source->path[__builtin_ctz(bits)] : NULL;
}

static bool is_engines_layer(const struct policy *policy, const char *path)
{
	return is_engine_storage(policy, path) && is_layer_of_engine(path);
}

static bool is_hosts(const struct finder *finder, const char *path)
{
	return path && path[0] == '/' && is_host_directory(path) && !is_engine_storage(finder->judged->policy, path);
}

/* A store is no engine's, wherever it is: later runs believe what is in there. */
static bool is_in_store(const struct finder *finder, const char *real, int *ret_error)
{
	int r = real ? path_is_in_image_store(real, bundle_root_stat(finder->judged->bundle)) : 0;

	if (r < 0)
		*ret_error = r;
	return r > 0;
}

/* As it is written and as it is: both count. */
void judge_root_path_host(struct finder *finder)
{
	const struct judged *judged = finder->judged;
	const struct bundle *bundle = judged->bundle;
	const char *given = judged->config->has_root ? judged->config->root.path : NULL;
	const char *real =
		bundle && bundle_root_fd(bundle) >= 0 ? path_of_fd(judged->pool, bundle_root_fd(bundle)) : NULL;
	const char *path = bundle ? bundle->rootfs_path : given;
	const char *other;
	int error = 0;
	struct stat root;

	/* An unpacked image has no place on the host. */
	if (!path || (bundle && bundle->unpacked))
		return;
	const char *written = path_clean(judged->pool, path);
	/* The root of the host has other names where it is bind-mounted. */
	if (real && stat("/", &root) == 0 && fd_is_same_stat(&root, bundle_root_stat(bundle)))
		real = "/";
	/* What stands below a directory of the host by a link in the bundle is its real path's to answer for. */
	if (is_hosts(finder, real))
		find_value(finder, real, "root.path", "%s belongs to the host", quote(finder, real));
	else if (given && given[0] == '/' && is_hosts(finder, written))
		find_value(finder, written, "root.path", "%s belongs to the host", quote(finder, written));
	else if (is_in_store(finder, real, &error))
		find_value(finder, real, "root.path", "%s is in a store of verified images", quote(finder, real));
	else if (!error && written[0] == '/' && !is_engines_layer(judged->policy, real ? real : written) &&
		 (other = gives_away(finder, written, &error)))
		find_value(finder, real ? real : written, "root.path", "%s gives the container what is the host's (%s)",
			   quote(finder, real ? real : written), quote(finder, other));
	else if (bundle && real && path_is_below(bundle->path, real))
		find_value(finder, real, "root.path", "%s holds the bundle itself", quote(finder, real));
	else if (error && bundle && bundle_root_fd(bundle) >= 0) /* else rootfs-permissions says so */
		cannot_judge(finder, "root.path", "%s cannot be looked at: %s", quote(finder, written),
			     strerrorname_np(-error));
	else if ((judged->config_only && written[0] == '/') || (bundle && bundle_root_fd(bundle) >= 0 && !real))
		cannot_judge(finder, "root.path", "where it leads was not looked at");
}

static bool owner_is_trusted(const struct finder *finder, uid_t owner)
{
	return owner == 0 || owner == geteuid() || owner_is_host_root(finder->judged, owner);
}

/* Whom the container's own uid 0 is out here, where the config says it. */
static bool is_mapped_root(const struct config *config, uid_t owner)
{
	const struct config_linux *linux_ = config->linux_;

	for (size_t i = 0; linux_ && namespace_of(config, "user") && i < linux_->uid_mappings.count; i++) {
		const struct id_mapping *map = &linux_->uid_mappings.item[i];
		if (map->container_id == 0 && map->size > 0 && map->host_id == owner)
			return true;
	}
	return false;
}

/* Judged on the descriptor that becomes the container's root. */
void judge_rootfs_permissions(struct finder *finder)
{
	const struct bundle *bundle = finder->judged->bundle;
	const struct stat *st = bundle ? bundle_root_stat(bundle) : NULL;
	const char *what = bundle && bundle->root_is_file ? "the root's file" : "the root directory";

	if (!bundle && finder->judged->config_only)
		cannot_judge(finder, "root.path", "whose directory it is was not looked at");
	/* Nobody out here reaches what hrun has unpacked for itself. */
	if (!bundle || !bundle->rootfs_path || bundle->unpacked)
		return;
	if (bundle->root_is_file && !finder->judged->image_digest) {
		find_root_file(finder);
		return;
	}
	if (bundle->rootfs == -ENOTDIR && !bundle->root_is_file) {
		find(finder, "root.path", "%s is no directory", quote(finder, bundle->rootfs_path));
		return;
	}
	if (bundle_root_fd(bundle) < 0) {
		/* Where there is nothing, plan/ says so. */
		if (bundle->rootfs != -ENOENT)
			cannot_judge(finder, "root.path", "%s cannot be looked at (%s)",
				     quote(finder, bundle->rootfs_path), strerrorname_np(-bundle->rootfs));
		return;
	}
	bool overflow = st->st_uid != 0 && st->st_uid != geteuid() && !finder->judged->host_root;
	if ((st->st_mode & S_IWOTH) && !(st->st_mode & S_ISVTX))
		find(finder, "root.path", "%s is writable by others (mode %04o)", what, st->st_mode & 07777u);
	if (!owner_is_trusted(finder, st->st_uid) && !is_mapped_root(finder->judged->config, st->st_uid))
		find(finder, "root.path", "%s belongs to uid %u", what, st->st_uid);
	else if (overflow && owner_is_host_root(finder->judged, st->st_uid) && (st->st_mode & (S_IWGRP | S_IWOTH)))
		find(finder, "root.path", "%s belongs to nobody that is known here and others may write to it", what);
}

void judge_rootfs_writable(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	if (config->has_root && !config->root.readonly)
		find(finder, "root.readonly", "the root file system is writable");
}

void harden_rootfs_writable(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)pool, (void)finding;
	config->root.readonly = true;
}

/* No scan: where the mount flag is set, such files count for nothing, whoever puts them there and when. */
void judge_rootfs_setuid_files(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	if (!config->has_root || config->root.nosuid)
		return;
	if (finder->judged->config_only)
		cannot_judge(finder, "root", "the files of the image");
	else
		find(finder, "root", "setuid, setgid and file capabilities of the image are left without effect");
}

void harden_rootfs_setuid_files(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)pool, (void)finding;
	config->root.nosuid = true;
}

/* Done already, by the policy's own word: told, whatever else the rule does. */
static void tell_dropped_devices(const struct finder *finder)
{
	const struct image_devices *devices = finder->judged->devices;
	struct finder warning = *finder;

	if (!devices || !devices->count)
		return;
	warning.action = ACTION_WARN;
	find(&warning, "root.path", "%u device nodes of the image were left out (images.devices), the first is %s",
	     devices->count, quote(finder, devices->first));
}

void judge_rootfs_device_nodes(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	tell_dropped_devices(finder);
	if (!config->has_root || config->root.nodev)
		return;
	if (finder->judged->config_only)
		cannot_judge(finder, "root", "the files of the image");
	else
		find(finder, "root", "device nodes of the image cannot be opened");
}

void harden_rootfs_device_nodes(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)pool, (void)finding;
	config->root.nodev = true;
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
	       fstatat(bundle->dir, "config.json", &target, 0) == 0 && fd_is_same_stat(&target, &bundle->config_stat);
}

void judge_bundle_permissions(struct finder *finder)
{
	const struct bundle *bundle = finder->judged->bundle;

	/* Whoever writes to a layout changes nothing that is signed. */
	if (!bundle || (bundle->unpacked && finder->judged->image_digest))
		return;
	find_permissions(finder, bundle->unpacked ? "the image layout" : "the bundle directory", &bundle->dir_stat);
	find_permissions(finder, bundle->unpacked ? "index.json of the layout" : "config.json", &bundle->config_stat);
	if (!bundle->unpacked && config_is_link(bundle))
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
		find_value(finder, word, "linux.rootfsPropagation", "%s: mounts made inside appear on the host",
			   quote(finder, word));
}

void harden_rootfs_propagation_shared(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)pool, (void)finding;
	config->linux_->rootfs_propagation = "rslave";
}

void judge_rootfs_propagation_unknown(struct finder *finder)
{
	static const char *const known[] = {"",	       "shared",   "rshared",	 "slave",      "rslave",
					    "private", "rprivate", "unbindable", "runbindable"};
	const char *word = propagation_of(finder->judged->config);

	if (!IS_ONE_OF(word, known))
		find(finder, "linux.rootfsPropagation", "unknown word %s", quote(finder, word));
}
