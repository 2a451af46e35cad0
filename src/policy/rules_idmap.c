/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_idmap.c - who is who: ranges of ids that fit, do not overlap and cover the
 * process (user_namespaces(7)).
 */
#include <hrun/judging.h>

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

static void find_bad_ranges(struct finder *finder, const struct id_mapping_list *list, const char *where)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct id_mapping *map = &list->item[i];
		const char *place = at(finder, "%s[%zu]", where, i);
		if (map->size == 0)
			find(finder, place, "an empty range");
		else if (exceeds_ids(map->container_id, map->size) || exceeds_ids(map->host_id, map->size))
			find(finder, place, "a range that ends beyond the last id");
		else if (overlaps_earlier(list, i))
			find(finder, place, "a range that overlaps an earlier one");
	}
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
	for (size_t i = 0; i < config->mount_count; i++) {
		find_bad_ranges(finder, &config->mounts[i].uid_mappings, at(finder, "mounts[%zu].uidMappings", i));
		find_bad_ranges(finder, &config->mounts[i].gid_mappings, at(finder, "mounts[%zu].gidMappings", i));
	}
	if (!user && (linux_->uid_mappings.count || linux_->gid_mappings.count))
		find(finder, linux_->uid_mappings.count ? "linux.uidMappings" : "linux.gidMappings",
		     "mappings without a user namespace");
	if (!user || user->path || !finder->judged->process)
		return;
	find_unmapped(finder, &linux_->uid_mappings, "uid", finder->judged->process->user.uid.value);
	find_unmapped(finder, &linux_->gid_mappings, "gid", finder->judged->process->user.gid.value);
}
