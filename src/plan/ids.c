/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ids.c - who is who in a new user namespace (user_namespaces(7)).
 *
 * The kernel takes at most 340 lines a map and refuses overlapping ranges only
 * after the process is born; everything that it would refuse is refused here.
 */
#include <errno.h>
#include <hrun/planning.h>
#include <hrun/proc.h>
#include <hrun/str.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool ranges_overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
	return (uint64_t)a < (uint64_t)b + b_size && (uint64_t)b < (uint64_t)a + a_size;
}

static int check_range(const struct id_mapping *m, const char *field, size_t index, struct err *e)
{
	if (m->size == 0)
		return err_set(e, EINVAL, "%s[%zu].size: must be greater than 0", field, index);
	/* 2^32-1 is no id: it means "leave unchanged" to setresuid(2). */
	if ((uint64_t)m->container_id + m->size > UINT32_MAX || (uint64_t)m->host_id + m->size > UINT32_MAX)
		return err_set(e, EINVAL, "%s[%zu]: the range ends above 4294967294; make it smaller", field, index);
	return 0;
}

static int check_overlap(const struct id_mapping_list *list, const char *field, size_t index, struct err *e)
{
	const struct id_mapping *m = &list->item[index];

	for (size_t i = 0; i < index; i++) {
		const struct id_mapping *other = &list->item[i];
		if (ranges_overlap(m->container_id, m->size, other->container_id, other->size) ||
		    ranges_overlap(m->host_id, m->size, other->host_id, other->size))
			return err_set(e, EINVAL, "%s[%zu]: overlaps with entry %zu; give each id once", field, index,
				       i);
	}
	return 0;
}

int plan_check_map(const struct id_mapping_list *list, const char *field, struct err *e)
{
	if (list->count == 0)
		return err_set(e, EINVAL, "%s: missing; a new user namespace needs its ids mapped", field);
	if (list->count > PROC_MAP_LINES)
		return err_set(e, EINVAL, "%s: %zu entries, the kernel takes at most %d", field, list->count,
			       PROC_MAP_LINES);
	for (size_t i = 0; i < list->count; i++) {
		TRY(check_range(&list->item[i], field, i, e));
		TRY(check_overlap(list, field, i, e));
	}
	return 0;
}

static const struct config_namespace *user_namespace(const struct config_linux *linux_)
{
	for (size_t i = 0; i < linux_->namespace_count; i++) {
		if (str_equal(linux_->namespaces[i].type, "user"))
			return &linux_->namespaces[i];
	}
	return NULL;
}

static bool may_map_any_id(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};
	const uint32_t needed = 1U << CAP_SETUID | 1U << CAP_SETGID;

	return syscall(SYS_capget, &header, data) == 0 && (data[0].effective & needed) == needed;
}

static bool is_own_id(const struct id_mapping_list *list, uint32_t id)
{
	return list->count == 1 && list->item->size == 1 && list->item->host_id == id;
}

/* An ordinary user may map the own id; whatever else is the set-user-ID programs' to allow (/etc/subuid). */
static int plan_ordinary_user(const struct config_linux *linux_, const struct plan_options *options,
			      struct ids_plan *ids, struct err *e)
{
	if (may_map_any_id())
		return 0;
	if (is_own_id(&linux_->uid_mappings, geteuid()) && is_own_id(&linux_->gid_mappings, getegid())) {
		ids->keep_groups = true;
		return 0;
	}
	ids->by_helper = true;
	if (options->look_only || (access(NEWUIDMAP, X_OK) == 0 && access(NEWGIDMAP, X_OK) == 0))
		return 0;
	return err_set(e, ENOENT,
		       "linux.uidMappings: more than the own uid %u and gid %u takes " NEWUIDMAP " and " NEWGIDMAP
		       ", which are missing; install the package uidmap or map the own ids only",
		       geteuid(), getegid());
}

int plan_ids(struct pool *pool, const struct config *config, const struct plan_options *options, struct plan *plan,
	     struct err *e)
{
	const struct config_linux *linux_ = config->linux_;
	const struct config_namespace *user = user_namespace(linux_);

	(void)pool;
	if (!user && (linux_->uid_mappings.count || linux_->gid_mappings.count))
		return err_set(e, EINVAL,
			       "linux.%s: without a user namespace nothing is mapped; add {\"type\": \"user\"} to "
			       "linux.namespaces or remove the mappings",
			       linux_->uid_mappings.count ? "uidMappings" : "gidMappings");
	/* A namespace joined by path has its maps already. */
	if (!user || user->path)
		return 0;
	TRY(plan_check_map(&linux_->uid_mappings, "linux.uidMappings", e));
	TRY(plan_check_map(&linux_->gid_mappings, "linux.gidMappings", e));
	plan->ids = (struct ids_plan){
		.new_namespace = true,
		.uid = linux_->uid_mappings.item,
		.uid_count = linux_->uid_mappings.count,
		.gid = linux_->gid_mappings.item,
		.gid_count = linux_->gid_mappings.count,
	};
	return plan_ordinary_user(linux_, options, &plan->ids, e);
}
