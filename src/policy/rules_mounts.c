/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_mounts.c - where bind mounts come from.
 *
 * What a source is says mount_sources.c, once for all of these rules.
 */
#include <errno.h>
#include <hrun/mount_sources.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/stat.h>

static const char *shown_path(const struct mount_look *look)
{
	return look->real_source ? look->real_source : look->clean_source;
}

/* "... is /etc", or where the source is called so: "... is"; the path that gives it away may be another than the text. */
static void find_source(struct finder *finder, size_t i, const char *path, const char *what)
{
	const char *text = finder->judged->config->mounts[i].source;
	const char *where = at(finder, "mounts[%zu].source", i);
	const char *value = shown_path(&finder->judged->mounts[i]);

	if (str_equal(path, text))
		find_item(finder, i, value, where, "%s %s", quote(finder, text), what);
	else
		find_item(finder, i, value, where, "%s %s (%s)", quote(finder, text), what, quote(finder, path));
}

/* Every bind mount whose source has the bit BREAKS (one of enum breaks). */
static void find_sources(struct finder *finder, unsigned int breaks, const char *what)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		const struct mount_look *look = &finder->judged->mounts[i];
		if (!look->is_bind || !mount->source)
			continue;
		const struct source_verdict *source = source_judge(finder->judged, mount, look);
		if (source->bits & breaks)
			find_source(finder, i, source->path[__builtin_ctz(breaks)], what);
		else if (source->error)
			cannot_judge(finder, at(finder, "mounts[%zu].source", i), "%s cannot be looked at: %s",
				     quote(finder, mount->source), strerrorname_np(-source->error));
		else if (finder->judged->config_only && !source->is_managed)
			cannot_judge(finder, at(finder, "mounts[%zu].source", i), "not looked at");
	}
}

void judge_mount_host_root(struct finder *finder)
{
	find_sources(finder, BREAKS_HOST_ROOT, "is the root of the host");
}

void judge_mount_host_system_dir(struct finder *finder)
{
	find_sources(finder, BREAKS_SYSTEM_DIR, "belongs to the host's system, or holds what does");
}

void judge_mount_engine_state(struct finder *finder)
{
	find_sources(finder, BREAKS_ENGINE_STATE, "is a container engine's own, or holds what is");
}

/* A socket of root's that is nobody's volume leads to some service with root's rights. */
static void warn_of_root_socket(struct finder *finder, size_t i)
{
	const struct mount_look *look = &finder->judged->mounts[i];
	const struct source_verdict *source = look->answer;
	struct finder milder = *finder;

	if (!look->has_source || !S_ISSOCK(look->source.st_mode) || look->source.st_uid != 0 || source->is_managed ||
	    (source->bits & BREAKS_ENGINE_SOCKET))
		return;
	milder.action = ACTION_WARN;
	find_source(&milder, i, look->real_source, "is a socket of a service that root runs");
}

void judge_mount_engine_socket(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	find_sources(finder, BREAKS_ENGINE_SOCKET, "gives full control of the host");
	for (size_t i = 0; i < config->mount_count; i++) {
		if (finder->judged->mounts[i].is_bind)
			warn_of_root_socket(finder, i);
	}
}

void judge_mount_host_proc(struct finder *finder)
{
	find_sources(finder, BREAKS_HOST_PROC, "shows processes, descriptors or namespaces of the host");
}

void judge_mount_host_sys(struct finder *finder)
{
	find_sources(finder, BREAKS_HOST_SYS, "is the kernel's own of the host");
}

/* Type devtmpfs without a bind mount is the host's /dev as well. */
void judge_mount_host_dev(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	find_sources(finder, BREAKS_HOST_DEV, "is a device of the host, or holds them");
	for (size_t i = 0; i < config->mount_count; i++) {
		if (!finder->judged->mounts[i].is_bind && mount_type_is(&config->mounts[i], "devtmpfs"))
			find_item(finder, i, "devtmpfs", at(finder, "mounts[%zu].type", i),
				  "devtmpfs holds every device of the host");
	}
}

/* The root file system a second time, where root.readonly does not hold; the config that the next start reads. */
static bool is_judged_itself(const struct bundle *bundle, const char *path)
{
	const char *root = bundle->rootfs_path;

	return (root && (path_is_below(path, root) || path_is_below(root, path))) ||
	       str_equal(path + strlen(bundle->path), "/config.json");
}

/* In the bundle lies what the engine has put there for this container; the bundle as a whole is nobody's volume. */
static bool is_in_bundle(const struct judged *judged, const struct config_mount *mount, const char *path)
{
	const char *bundle = judged->bundle ? judged->bundle->path : NULL;

	if (!bundle)
		return mount->source[0] != '/' && judged->config_only;
	return !str_equal(bundle, "/") && path_is_below(path, bundle) && !str_equal(path, bundle) &&
	       !is_judged_itself(judged->bundle, path);
}

static bool is_allowed_prefix(const struct judged *judged, const struct config_mount *mount,
			      const struct mount_look *look, const char *path)
{
	const struct policy *policy = judged->policy;

	for (size_t i = 0; policy && i < policy->allow.mount_prefix_count; i++) {
		const struct policy_mount_prefix *prefix = &policy->allow.mount_prefixes[i];
		if (path_is_below(path, prefix->path) && (!prefix->read_only || source_is_read_only(mount, look)))
			return true;
	}
	return false;
}

bool source_is_host_path(const struct judged *judged, const struct config_mount *mount, const struct mount_look *look)
{
	const struct source_verdict *source = source_judge(judged, mount, look);
	const char *path = shown_path(look);

	if (!path)
		return false;
	return !source->bits && !source->is_managed && !source->is_exempt && !is_in_bundle(judged, mount, path) &&
	       !is_allowed_prefix(judged, mount, look, path);
}

void judge_mount_host_path(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		if (finder->judged->mounts[i].is_bind && mount->source &&
		    source_is_host_path(finder->judged, mount, &finder->judged->mounts[i]))
			find_source(finder, i, shown_path(&finder->judged->mounts[i]), "is a path of the host");
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
		if (finder->judged->mounts[i].is_bind && mount->source && mount->source[0] != '/' &&
		    (climbs_out(mount->source) || finder->judged->mounts[i].source_leaves))
			find_item(finder, i, mount->source, at(finder, "mounts[%zu].source", i),
				  "%s leads out of the bundle", quote(finder, mount->source));
	}
}

/* The real path of a source that is not written as it should be; NULL where it is. */
static const char *better_path(const struct judged *judged, const char *source, const struct mount_look *look)
{
	const char *path = source[0] == '/' ? path_fold(judged->pool, source) : path_clean(judged->pool, source);
	const char *whole = source;

	if (look->has_source && source[0] != '/')
		whole = pool_printf(judged->pool, "%s/%s", judged->bundle->path, source);
	if (look->has_source)
		path = look->real_source;
	return str_equal(path, whole) ? NULL : path;
}

void judge_mount_source_not_canonical(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		if (!finder->judged->mounts[i].is_bind || !mount->source || !*mount->source)
			continue;
		const char *path = better_path(finder->judged, mount->source, &finder->judged->mounts[i]);
		if (path)
			find_item(finder, i, path, at(finder, "mounts[%zu].source", i), "%s is really %s",
				  quote(finder, mount->source), quote(finder, path));
	}
}

/* What is mounted is the descriptor that was judged, here as everywhere; this is for who reads the config next. */
void harden_mount_source_not_canonical(struct pool *pool, struct config *config, const struct finding *finding)
{
	config->mounts[finding->index].source = pool_strdup(pool, finding->value);
}
