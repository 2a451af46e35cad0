/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_user.c - who the program is on the machine.
 *
 * An id of the config is one of the container; it goes through the container's own map and through the one that hrun itself
 * is in (an engine without root starts it inside a user namespace) before it is compared with anything of the host.
 */
#include <hrun/host.h>
#include <hrun/judging.h>
#include <hrun/str.h>

/* How ids of one kind lead to the host. */
struct id_view {
	bool unknown;			   /* a joined user namespace: its map is not ours to know */
	const struct id_mapping_list *own; /* of the container's new user namespace, or NULL */
	const struct proc_id_range *outer; /* of ours; NULL: we are in the first one */
	size_t outer_count;
};

static const struct host_files *files_of(const struct judged *judged)
{
	return judged->host_files ? judged->host_files : &host_files;
}

static struct id_view view_of(const struct judged *judged, bool groups)
{
	const struct config *config = judged->config;
	const struct config_namespace *user = namespace_of(config, "user");
	const char *map = groups ? files_of(judged)->gid_map : files_of(judged)->uid_map;
	struct id_view view = {.unknown = user && user->path};

	if (user)
		view.own = groups ? &config->linux_->gid_mappings : &config->linux_->uid_mappings;
	/* A map that cannot be read changes nothing: an id then counts as the host's. */
	if (!judged->host_root && !view.unknown && host_id_map(judged->pool, map, &view.outer, &view.outer_count) < 0)
		view.outer = NULL;
	return view;
}

static bool through_own_map(const struct id_mapping_list *own, uint32_t *id)
{
	for (size_t i = 0; i < own->count; i++) {
		if (*id >= own->item[i].container_id && *id - own->item[i].container_id < own->item[i].size) {
			*id = own->item[i].host_id + (*id - own->item[i].container_id);
			return true;
		}
	}
	return false;
}

static bool through_outer_map(const struct id_view *view, uint32_t *id)
{
	for (size_t i = 0; i < view->outer_count; i++) {
		const struct proc_id_range *range = &view->outer[i];
		if (*id >= range->inside && *id - range->inside < range->count) {
			*id = range->outside + (*id - range->inside);
			return true;
		}
	}
	return false;
}

/* The host's id of the container's ID; false: it has none, or nobody can tell. */
static bool on_host(const struct id_view *view, uint32_t id, uint32_t *ret_id)
{
	*ret_id = id;
	if (view->unknown || (view->own && !through_own_map(view->own, ret_id)))
		return false;
	return !view->outer || through_outer_map(view, ret_id);
}

void judge_user_root(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;
	uint32_t uid;

	if (!process)
		return;
	const struct id_view view = view_of(finder->judged, false);
	if (on_host(&view, process->user.uid.value, &uid) && uid == 0)
		find(finder, "process.user.uid", "runs as the root of the host");
}

/* A gid of the process, with the host's. */
struct gid {
	uint32_t gid, on_host;
	const char *where;
};

/* The kernel takes no more, and plan/ refuses them. */
enum { GROUPS_MAX = 65536 };

/* gid and additionalGids, as far as they have a gid on the host. */
static struct gid *gids_of(const struct finder *finder, size_t *ret_count)
{
	const struct config_user *user = &finder->judged->process->user;
	const struct id_view view = view_of(finder->judged, true);
	size_t count = 0, most = user->additional_gid_count;

	most = most < GROUPS_MAX ? most : GROUPS_MAX;
	struct gid *gids = pool_alloc(finder->judged->pool, (most + 1) * sizeof *gids);
	for (size_t i = 0; i <= most; i++) {
		struct gid gid = {.gid = i ? user->additional_gids[i - 1] : user->gid.value};
		if (!on_host(&view, gid.gid, &gid.on_host))
			continue;
		gid.where = i ? NULL : "process.user.gid";
		gids[count++] = gid;
	}
	*ret_count = count;
	return gids;
}

/* Finding its place is for those that are found. */
static const char *where_of(const struct finder *finder, const struct gid *gid)
{
	const struct config_user *user = &finder->judged->process->user;

	for (size_t i = 0; !gid->where && i < user->additional_gid_count; i++) {
		if (user->additional_gids[i] == gid->gid)
			return at(finder, "process.user.additionalGids[%zu]", i);
	}
	return gid->where ? gid->where : "process.user.additionalGids";
}

void judge_user_gid_root(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;
	size_t count = 0;

	if (!process || process->user.uid.value == 0)
		return;
	const struct gid *gids = gids_of(finder, &count);
	for (size_t i = 0; i < count; i++) {
		if (gids[i].on_host == 0) {
			find(finder, where_of(finder, &gids[i]), "the root group of the host");
			return;
		}
	}
}

/* Debian's, Fedora's and Alpine's numbers; the group file of the machine may know others. */
static const struct host_group known_groups[] = {{"disk", 6}, {"kmem", 9}, {"kmem", 15}, {"shadow", 42}};
enum { KNOWN_GROUPS = sizeof known_groups / sizeof known_groups[0] };

static bool is_known(uint32_t gid)
{
	for (size_t i = 0; i < KNOWN_GROUPS; i++) {
		if (known_groups[i].gid == gid)
			return true;
	}
	return false;
}

/* The first of GIDS that is GROUP: one finding a group. */
static void find_group(struct finder *finder, const struct gid *gids, size_t count, const struct host_group *group)
{
	for (size_t i = 0; i < count; i++) {
		if (gids[i].on_host != group->gid)
			continue;
		find_value(finder, at(finder, "%u", gids[i].gid), where_of(finder, &gids[i]),
			   "%u is the host's group %s (%u)", gids[i].gid, group->name, group->gid);
		return;
	}
}

static void find_groups_by_name(struct finder *finder, const struct gid *gids, size_t count)
{
	const struct host_group *groups = NULL;
	size_t group_count = 0;

	if (finder->judged->config_only) {
		cannot_judge(finder, "process.user", "the groups of the machine are not known here");
		return;
	}
	int r = host_privileged_groups(finder->judged->pool, files_of(finder->judged)->group, &groups, &group_count);
	if (r < 0)
		cannot_judge(finder, "process.user",
			     "the machine's group file cannot be read (error %d), so nobody knows what the group may",
			     -r);
	for (size_t i = 0; i < group_count; i++) {
		if (!is_known(groups[i].gid))
			find_group(finder, gids, count, &groups[i]);
	}
}

/* Root of the container is exempt: images give it such groups, and it needs none of them. */
void judge_user_host_privileged_gid(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;
	bool others = false;
	size_t count = 0;

	if (!process || process->user.uid.value == 0)
		return;
	const struct gid *gids = gids_of(finder, &count);
	for (size_t i = 0; i < KNOWN_GROUPS; i++)
		find_group(finder, gids, count, &known_groups[i]);
	for (size_t i = 0; i < count && !others; i++)
		others = gids[i].on_host != 0 && !is_known(gids[i].on_host);
#ifdef HRUN_MUTANT_HOST_GROUPS
	others = false;
#endif
	if (others)
		find_groups_by_name(finder, gids, count);
}

void judge_user_umask_permissive(struct finder *finder)
{
	const struct config_process *process = finder->judged->process;

	if (process && process->user.umask.set && (process->user.umask.value & 02) == 0)
		find(finder, "process.user.umask", "%04o lets everybody write to new files", process->user.umask.value);
}
