/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_mount_types.c - what kinds of file systems are mounted: the kernel's views, and those that a container may not have.
 */
#include <errno.h>
#include <hrun/fd.h>
#include <hrun/mount_sources.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <string.h>

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
		if (mount_type_is(mount, "sysfs") && !mount_is_bind(mount) && !mount_is_read_only(mount))
			find_item(finder, i, NULL, at(finder, "mounts[%zu].options", i), "a writable sysfs");
	}
}

static void make_read_only(struct pool *pool, struct config_mount *mount)
{
	if (!mount_is_read_only(mount))
		mount_options_add(pool, mount, "ro");
}

void harden_mount_sysfs_writable(struct pool *pool, struct config *config, const struct finding *finding)
{
	make_read_only(pool, &config->mounts[finding->index]);
}

static bool is_cgroup(const struct config_mount *mount)
{
	return !mount_is_bind(mount) && (mount_type_is(mount, "cgroup") || mount_type_is(mount, "cgroup2"));
}

/*
 * hrun mounts cgroup2 only.  With a cgroup namespace of its own and nsdelegate the kernel keeps the container's hands
 * off the limits in its own root, and what it makes below is its own affair.  Without nsdelegate the container gets
 * it read-only: engines ask for a writable one where nothing inside needs it (podman build).
 */
static void find_writable_cgroup(struct finder *finder, size_t i)
{
	const struct judged *judged = finder->judged;
	const struct config_namespace *cgroup = namespace_of(judged->config, "cgroup");
	const char *where = at(finder, "mounts[%zu].options", i);
	bool is_private = cgroup && !cgroup->path;
	int delegates = 0;
	struct finder milder = *finder;

	if (is_private && judged->config_only)
		cannot_judge(finder, where, "not looked at");
	else if (is_private && !judged->bundle)
		return; /* exec: it was judged when it was made */
	else if (is_private)
		delegates = host_has_nsdelegate(judged->mounts[i].host);
	if (is_private && judged->policy->level < LEVEL_RESTRICTED && milder.action == ACTION_REFUSE)
		milder.action = delegates > 0 || judged->config_only ? ACTION_WARN : ACTION_HARDEN;
	find_item(&milder, i, NULL, where, "a writable cgroup%s",
		  !is_private				 ? ", without a cgroup namespace of its own"
		  : delegates > 0 || judged->config_only ? ""
							 : "; the host's cgroup2 is mounted without nsdelegate");
}

void judge_mount_cgroup_writable(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		if (is_cgroup(&config->mounts[i]) && !mount_is_read_only(&config->mounts[i]))
			find_writable_cgroup(finder, i);
	}
}

void harden_mount_cgroup_writable(struct pool *pool, struct config *config, const struct finding *finding)
{
	make_read_only(pool, &config->mounts[finding->index]);
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

/* ---- overlay ---- */

static void judge_directory(struct finder *finder, size_t i, const char *key, const char *path)
{
	const struct judged *judged = finder->judged;
	const struct config_mount *mount = &judged->config->mounts[i];
	const char *where = at(finder, "mounts[%zu].options", i), *shown = quote(finder, path);
	struct mount_look *look = pool_alloc(judged->pool, sizeof *look);

	if (path[0] != '/' || path_has_dotdot(path)) {
		find_item(finder, i, path, where, "%s %s is not absolute, or holds \"..\"", key, shown);
		return;
	}
	autofd int looked_at = source_look(judged, path, judged->mounts[i].host, look);
	(void)looked_at;
	*pool_array_add(judged->pool, finder->verdict->layers, finder->verdict->layer_count) = look;
	const struct source_verdict *source = source_judge(judged, mount, look);
	const char *value = look->real_source ? look->real_source : look->clean_source;
	if (source->bits)
		find_item(finder, i, value, where, "%s %s is nothing that may be bind-mounted (%s)", key, shown,
			  quote(finder, source->path[__builtin_ctz(source->bits)]));
	else if (source->error)
		cannot_judge(finder, where, "%s %s cannot be looked at: %s", key, shown,
			     strerrorname_np(-source->error));
	else if (judged->policy->level >= LEVEL_RESTRICTED && source_is_host_path(judged, mount, look))
		find_item(finder, i, value, where, "%s %s is a path of the host", key, shown);
	else if (judged->config_only && !source->is_managed)
		cannot_judge(finder, where, "not looked at");
}

static void judge_layers(struct finder *finder, size_t i, const char *list)
{
	for (int layers = 0; *list; layers++) {
		const char *path = overlay_next_directory(finder->judged->pool, &list);
		if (layers == OVERLAY_LAYERS_MAX) {
			find_item(finder, i, NULL, at(finder, "mounts[%zu].options", i),
				  "lowerdir has more than %d layers", OVERLAY_LAYERS_MAX);
			return;
		}
		if (*path) /* "::" sets data-only layers apart */
			judge_directory(finder, i, "lowerdir", path);
	}
}

static void judge_overlay_option(struct finder *finder, size_t i, const char *option)
{
	static const char *const keys[] = {"lowerdir+", "datadir+", "upperdir", "workdir"};

	if (str_starts(option, "lowerdir="))
		judge_layers(finder, i, option + sizeof "lowerdir=" - 1);
	for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
		size_t length = strlen(keys[k]);
		if (str_starts(option, keys[k]) && option[length] == '=')
			judge_directory(finder, i, keys[k], option + length + 1);
	}
}

void judge_mount_overlay_dirs(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		if (!mount_type_is(mount, "overlay") || mount_is_bind(mount))
			continue;
		for (size_t k = 0; k < mount->options.count && k < 2 * OVERLAY_LAYERS_MAX; k++)
			judge_overlay_option(finder, i, mount->options.item[k]);
		if (mount->options.count >= 2 * OVERLAY_LAYERS_MAX)
			find_item(finder, i, NULL, at(finder, "mounts[%zu].options", i), "more than %d options",
				  2 * OVERLAY_LAYERS_MAX);
	}
}
