/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_aliases.c - the other names of a directory.
 *
 * `mount --bind /etc /srv/x` makes /srv/x as good as /etc, and no path says so.  The kernel does: /proc/self/mountinfo has
 * for each mount the file system and which directory of it is seen.  So the place of a source in its file system
 * is known, and with it every path under which another mount shows the same place.
 */
#include <hrun/engine_paths.h>
#include <hrun/mount_sources.h>
#include <hrun/mountinfo.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct linked_path {
	enum engine engine; /* ENGINES: a protected directory */
	const char *path;
	unsigned int breaks;
};

struct host_view {
	struct pool *pool;
	bool has_mounts, has_links, has_own_paths;
	int error; /* of reading the mounts */
	struct mountinfo *mounts;
	size_t mount_count;
	struct linked_path *links;
	size_t link_count;
	struct string_list own_paths;
};

struct host_view *host_view_new(struct pool *pool)
{
	struct host_view *host = pool_alloc(pool, sizeof *host);

	host->pool = pool;
	return host;
}

static int need_mounts(struct host_view *host)
{
	if (!host->has_mounts)
		host->error = mountinfo_read(host->pool, &host->mounts, &host->mount_count);
	host->has_mounts = true;
	return host->error;
}

/* The part of PATH below PARENT, "" or "/..."; NULL where it is not below. */
static const char *below(const char *path, const char *parent)
{
	if (!path || !path_is_below(path, parent))
		return NULL;
	return str_equal(parent, "/") ? (str_equal(path, "/") ? "" : path) : path + strlen(parent);
}

static const char *join(struct pool *pool, const char *parent, const char *rest)
{
	if (!*rest)
		return parent;
	return str_equal(parent, "/") ? rest : pool_printf(pool, "%s%s", parent, rest);
}

/* Every path under which a mount shows PLACE of the file system DEVICE, or something in it. */
static void visit_place(struct host_view *host, dev_t device, const char *place, struct alias_visit *visit)
{
	for (size_t i = 0; i < host->mount_count; i++) {
		const struct mountinfo *mount = &host->mounts[i];
		const char *rest = mount->device == device ? below(place, mount->root) : NULL;
		if (rest)
			visit->path(visit, join(host->pool, mount->point, rest));
#ifndef HRUN_MUTANT_MOUNT_BACKING
		else if (mount->device == device && below(mount->root, place))
			visit->path(visit, mount->point);
#endif
	}
}

/* rbind takes the mounts below along. */
static void visit_submounts(struct host_view *host, const char *real, struct alias_visit *visit)
{
	for (size_t i = 0; i < host->mount_count; i++) {
		const struct mountinfo *mount = &host->mounts[i];
		if (str_equal(mount->point, real) || !path_is_below(mount->point, real))
			continue;
		visit->type(visit, mount->type);
		if (mount->root[0] == '/')
			visit_place(host, mount->device, mount->root, visit);
	}
}

bool host_has_mounts_below(struct host_view *host, const char *real)
{
	if (need_mounts(host) < 0)
		return true;
	for (size_t i = 0; i < host->mount_count; i++) {
		if (path_is_below(host->mounts[i].point, real) && !str_equal(host->mounts[i].point, real))
			return true;
	}
	return false;
}

int host_visit_aliases(struct host_view *host, const struct mount_look *look, bool recursive, struct alias_visit *visit)
{
	const char *real = look->real_source;
	int r = real ? need_mounts(host) : 0;

#ifdef HRUN_MUTANT_MOUNT_ALIASES
	return 0;
#endif
	if (r < 0 || !real)
		return r;
	for (size_t i = 0; i < host->mount_count; i++) {
		const struct mountinfo *mount = &host->mounts[i];
		const char *rest = mount->id == look->mount_id ? below(real, mount->point) : NULL;
		if (!rest)
			continue;
		visit->type(visit, mount->type);
		if (mount->root[0] == '/')
			visit_place(host, mount->device, join(host->pool, mount->root, rest), visit);
		break;
	}
	if (recursive)
		visit_submounts(host, real, visit);
	return 0;
}

/* PATH may be a link, as /var/run is: then what it leads to is protected as well. */
static void add_link(struct host_view *host, enum engine engine, const char *path, unsigned int breaks)
{
	char real[PATH_MAX];

	if (strpbrk(path, "*{") || !realpath(path, real) || str_equal(real, path) || str_equal(real, "/"))
		return;
	*pool_array_add(host->pool, host->links, host->link_count) =
		(struct linked_path){.engine = engine, .path = pool_strdup(host->pool, real), .breaks = breaks};
}

static void need_links(struct host_view *host, const struct policy *policy)
{
	static const char *const system[] = {"/etc",	"/usr", "/boot", "/root", "/var/log", "/var/spool/cron",
					     "/opt/cni"};
	struct string_list fixed = engine_fixed_paths();
	size_t root_count;
	const struct engine_root *own = engine_fixed_roots(&root_count);

	if (host->has_links)
		return;
	host->has_links = true;
	for (size_t i = 0; i < sizeof system / sizeof system[0]; i++)
		add_link(host, ENGINES, system[i], BREAKS_SYSTEM_DIR);
	for (size_t i = 0; i < fixed.count; i++)
		add_link(host, ENGINES, fixed.item[i], BREAKS_ENGINE_STATE);
	for (size_t i = 0; i < root_count; i++)
		add_link(host, own[i].engine, own[i].root, BREAKS_ENGINE_STATE);
	for (enum engine engine = 0; engine < ENGINES; engine++) {
		struct string_list roots = engine_roots(policy, engine);
		for (size_t i = 0; i < roots.count; i++)
			add_link(host, engine, roots.item[i], BREAKS_ENGINE_STATE);
	}
}

enum managed host_managed_kind(struct host_view *host, const struct policy *policy, const char *path)
{
	enum managed kind = engine_path_kind(policy, path);

	if (kind != MANAGED_NOT)
		return kind;
	need_links(host, policy);
	for (size_t i = 0; i < host->link_count && kind == MANAGED_NOT; i++)
		kind = engine_path_kind_below(host->links[i].engine, host->links[i].path, path);
	return kind;
}

bool host_path_is_staged(struct host_view *host, const struct policy *policy, const char *path)
{
	bool is_staged = engine_path_is_staged(policy, path);

	need_links(host, policy);
	for (size_t i = 0; i < host->link_count && !is_staged; i++)
		is_staged = engine_path_is_staged_below(host->links[i].engine, host->links[i].path, path);
	return is_staged;
}

unsigned int host_linked_breaks(struct host_view *host, const struct policy *policy, const char *path)
{
	unsigned int bits = 0;

	need_links(host, policy);
	for (size_t i = 0; i < host->link_count; i++) {
		const struct linked_path *link = &host->links[i];
		if (path_meets(path, link->path) != PATHS_APART)
			bits |= link->breaks;
	}
	return bits;
}

/* What is not there yet as it will be: the directory that is there may be behind a link. */
static const char *real_path(struct pool *pool, const char *path)
{
	char real[PATH_MAX], *above = pool_strdup(pool, path), *end = NULL;
	bool found = realpath(path, real) != NULL;

	while (!found && (end = strrchr(above, '/')) && end > above) {
		*end = '\0';
		found = realpath(above, real) != NULL;
	}
	return found ? pool_printf(pool, "%s%s", real, end ? path + (end - above) : "") : path;
}

const struct string_list *host_own_paths(struct host_view *host, const struct judged *judged)
{
	struct string_list *own = &host->own_paths;

	for (size_t i = 0; i < judged->own_paths.count && !host->has_own_paths; i++)
		*pool_array_add(host->pool, own->item, own->count) = real_path(host->pool, judged->own_paths.item[i]);
	host->has_own_paths = true;
	return own;
}

static bool has_word(const char *options, const char *word)
{
	size_t length = strlen(word);

	for (const char *p = options; *p;) {
		size_t n = strcspn(p, ",");
		if (n == length && memcmp(p, word, n) == 0)
			return true;
		p += n + (p[n] == ',');
	}
	return false;
}

int host_has_nsdelegate(struct host_view *host)
{
	int r = need_mounts(host);

	if (r < 0)
		return r;
	for (size_t i = 0; i < host->mount_count; i++) {
		if (str_equal(host->mounts[i].type, "cgroup2") && has_word(host->mounts[i].options, "nsdelegate"))
			return 1;
	}
	return 0;
}
