/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_idmap.c - who is who: ranges of ids that fit, do not overlap and cover the
 * process (user_namespaces(7)).
 */
#include <hrun/judging.h>
#include <hrun/proc.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static bool ranges_overlap(uint32_t a, uint32_t b, uint32_t a_size, uint32_t b_size)
{
	return a < (uint64_t)b + b_size && b < (uint64_t)a + a_size;
}

static bool overlaps_earlier(const struct id_mapping_list *list, size_t i)
{
	const struct id_mapping *map = &list->item[i];

	for (size_t k = 0; k < i; k++) {
		const struct id_mapping *earlier = &list->item[k];
		if (ranges_overlap(map->container_id, earlier->container_id, map->size, earlier->size) ||
		    ranges_overlap(map->host_id, earlier->host_id, map->size, earlier->size))
			return true;
	}
	return false;
}

static bool exceeds_ids(uint32_t start, uint32_t size)
{
	return (uint64_t)start + size > UINT64_C(1) << 32;
}

static const char *complaint_about_range(const struct id_mapping_list *list, size_t i)
{
	const struct id_mapping *map = &list->item[i];

	if (map->size == 0)
		return "an empty range";
	if (exceeds_ids(map->container_id, map->size) || exceeds_ids(map->host_id, map->size))
		return "a range that ends beyond the last id";
	return overlaps_earlier(list, i) ? "a range that overlaps an earlier one" : NULL;
}

static void find_bad_ranges(struct finder *finder, const struct id_mapping_list *list, const char *where)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *complaint = complaint_about_range(list, i);
		if (complaint)
			find(finder, at(finder, "%s[%zu]", where, i), "%s", complaint);
	}
}

/* Most mounts have none. */
static void find_bad_ranges_of_mount(struct finder *finder, const struct config_mount *mount, size_t i)
{
	if (mount->uid_mappings.count)
		find_bad_ranges(finder, &mount->uid_mappings, at(finder, "mounts[%zu].uidMappings", i));
	if (mount->gid_mappings.count)
		find_bad_ranges(finder, &mount->gid_mappings, at(finder, "mounts[%zu].gidMappings", i));
}

static bool is_mapped(const struct id_mapping_list *list, uint32_t id)
{
	for (size_t i = 0; i < list->count; i++) {
		if (id >= list->item[i].container_id && id - list->item[i].container_id < list->item[i].size)
			return true;
	}
	return false;
}

static void find_unmapped(struct finder *finder, const struct id_mapping_list *list, const char *name, uint32_t id)
{
	if (list->count && !is_mapped(list, id))
		find(finder, at(finder, "process.user.%s", name), "%u is not mapped into the user namespace", id);
}

void judge_idmap_invalid(struct finder *finder)
{
	const struct config *config = finder->judged->config;
	const struct config_linux *linux_ = config->linux_;
	const struct config_namespace *user = namespace_of(config, "user");

	if (!linux_)
		return;
	find_bad_ranges(finder, &linux_->uid_mappings, "linux.uidMappings");
	find_bad_ranges(finder, &linux_->gid_mappings, "linux.gidMappings");
	for (size_t i = 0; i < config->mount_count; i++)
		find_bad_ranges_of_mount(finder, &config->mounts[i], i);
	if (!user && (linux_->uid_mappings.count || linux_->gid_mappings.count))
		find(finder, linux_->uid_mappings.count ? "linux.uidMappings" : "linux.gidMappings",
		     "mappings without a user namespace");
	if (!user || (user->path && *user->path) || !finder->judged->process)
		return;
	find_unmapped(finder, &linux_->uid_mappings, "uid", finder->judged->process->user.uid.value);
	find_unmapped(finder, &linux_->gid_mappings, "gid", finder->judged->process->user.gid.value);
	for (size_t i = 0; i < finder->judged->process->user.additional_gid_count; i++)
		find_unmapped(finder, &linux_->gid_mappings, at(finder, "additionalGids[%zu]", i),
			      finder->judged->process->user.additional_gids[i]);
}

/* ---- what the ids are outside: judged through the map of the user namespace that hrun is in ---- */

struct outside {
	struct proc_id_range ranges[PROC_MAP_LINES];
	int count; /* or negative errno */
};

/* Does MAP give the container an id of the parent from FIRST to LAST?  The first one goes to *ret_id. */
static bool reaches(const struct outside *outside, const struct id_mapping *map, uint32_t first, uint32_t last,
		    uint32_t *ret_id)
{
	for (int i = 0; i < outside->count; i++) {
		const struct proc_id_range *own = &outside->ranges[i];
		uint64_t begin = map->host_id > own->inside ? map->host_id : own->inside;
		uint64_t end = (uint64_t)map->host_id + map->size, own_end = (uint64_t)own->inside + own->count;
		if (own_end < end)
			end = own_end;
		if (begin >= end)
			continue;
		uint64_t low = begin - own->inside + own->outside, high = end - own->inside + own->outside; /* beyond */
		if (low <= last && high > first) {
			*ret_id = (uint32_t)(low > first ? low : first);
			return true;
		}
	}
	return false;
}

static void find_outside(struct finder *finder, const struct id_mapping_list *list, bool gids, uint32_t first,
			 uint32_t last, const char *what)
{
	const char *name = gids ? "gidMappings" : "uidMappings";
	struct outside *outside;
	uint32_t id;

	if (!list->count)
		return;
	outside = pool_alloc(finder->judged->pool, sizeof *outside);
	outside->count = proc_own_id_map(gids, outside->ranges, PROC_MAP_LINES);
	if (outside->count < 0)
		cannot_judge(finder, at(finder, "linux.%s", name), "the ids that hrun itself has cannot be read (%s)",
			     strerrorname_np(-outside->count));
	for (size_t i = 0; i < list->count; i++) {
		if (reaches(outside, &list->item[i], first, last, &id))
			find_value(finder, at(finder, "%" PRIu32, id), at(finder, "linux.%s[%zu]", name, i),
				   "maps %s %" PRIu32 " of the host%s", gids ? "gid" : "uid", id, what);
	}
}

static void judge_outside(struct finder *finder, uint32_t first, uint32_t last, const char *what)
{
	const struct config *config = finder->judged->config;

	if (!config->linux_ || !namespace_of(config, "user"))
		return;
	find_outside(finder, &config->linux_->uid_mappings, false, first, last, what);
	find_outside(finder, &config->linux_->gid_mappings, true, first, last, what);
}

/*
 * An idmapped mount shows the files of somebody as another's.  Without a user namespace that other is somebody of the host: who
 * is shown as the owner of root's files is root there, and makes setuid programs that the host runs.
 */
static void find_mapped_root(struct finder *finder, const struct id_mapping_list *list, size_t i, const char *name)
{
	for (size_t k = 0; k < list->count; k++) {
		const struct id_mapping *map = &list->item[k];
		if (map->container_id == 0 && map->size && map->host_id != 0)
			find_item(finder, i, "0", at(finder, "mounts[%zu].%s[%zu]", i, name, k),
				  "what belongs to root on the disk belongs to %" PRIu32
				  " of the host, without a user namespace",
				  map->host_id);
	}
}

/* Whoever is not root cannot map it either: newuidmap(1) asks /etc/subuid, and its words are better than ours. */
void judge_idmap_host_root(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	if (geteuid() != 0)
		return;
	judge_outside(finder, 0, 0, ", its root");
	for (size_t i = 0; !namespace_of(config, "user") && i < config->mount_count; i++) {
		find_mapped_root(finder, &config->mounts[i].uid_mappings, i, "uidMappings");
		find_mapped_root(finder, &config->mounts[i].gid_mappings, i, "gidMappings");
	}
}

void judge_idmap_system_ids(struct finder *finder)
{
	judge_outside(finder, 1, 999, ", a system account's");
}

/* ---- idmap-missing ---- */

static bool is_rootless(const struct judged *judged)
{
	return geteuid() != 0 || !judged->host_root;
}

/* Whoever is no root of the host can map nothing but the own id; root could map anything, and must say what. */
void judge_idmap_missing(struct finder *finder)
{
	const struct config *config = finder->judged->config;
	const struct config_namespace *user = namespace_of(config, "user");

	if (!user || (user->path && *user->path))
		return;
	if (config->linux_->uid_mappings.count && config->linux_->gid_mappings.count)
		return;
	const char *where = config->linux_->uid_mappings.count ? "linux.gidMappings" : "linux.uidMappings";
	if (is_rootless(finder->judged)) {
		find(finder, where, "a user namespace without mappings: the own id is mapped");
		return;
	}
	find_unrepairable(finder, where, "a user namespace without mappings: all files would belong to nobody");
}

static void map_self(struct pool *pool, struct id_mapping_list *list, uint32_t inside, uint32_t outside)
{
	if (list->count)
		return;
	struct id_mapping *map = pool_alloc(pool, sizeof *map);
	*map = (struct id_mapping){.container_id = inside, .host_id = outside, .size = 1};
	*list = (struct id_mapping_list){.item = map, .count = 1, .present = true};
}

void harden_idmap_missing(struct pool *pool, struct config *config, const struct finding *finding)
{
	const struct config_process *process = config->process;

	(void)finding;
	map_self(pool, &config->linux_->uid_mappings, process ? process->user.uid.value : 0, geteuid());
	map_self(pool, &config->linux_->gid_mappings, process ? process->user.gid.value : 0, getegid());
}
