/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hardened.c - which steps are the verdict's doing, for the reader of a plan.
 *
 * Only `where` changes here: what is done was decided by the hardened config.
 */
#include <hrun/planning.h>
#include <hrun/rules.h>
#include <hrun/str.h>
#include <hrun/verdict.h>

static const struct finding *hardening(const struct verdict *verdict, const char *rule)
{
	for (size_t i = 0; i < verdict->count; i++) {
		if (verdict->findings[i].action == ACTION_HARDEN && str_equal(verdict->findings[i].rule->id, rule))
			return &verdict->findings[i];
	}
	return NULL;
}

/* The hardening that names the element WHERE or a member of it ("mounts[7].options"). */
static const struct finding *hardening_at(const struct verdict *verdict, const char *where)
{
	size_t length = strlen(where);

	for (size_t i = 0; i < verdict->count; i++) {
		const struct finding *f = &verdict->findings[i];
		if (f->action == ACTION_HARDEN && f->where && strncmp(f->where, where, length) == 0 &&
		    (f->where[length] == '\0' || f->where[length] == '.'))
			return f;
	}
	return NULL;
}

static bool list_has(const struct string_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++) {
		if (str_equal(list->item[i], text))
			return true;
	}
	return false;
}

static void mark_mounts(struct pool *pool, const struct verdict *verdict, struct plan *plan)
{
	for (size_t i = 0; i < plan->mount_count; i++) {
		struct mount_step *step = &plan->mounts[i];
		const struct finding *f = hardening_at(verdict, step->where);
		if (f)
			step->where = pool_printf(pool, "%s  (hardened, %s)", step->where, f->rule->id);
	}
}

static void mark_masks(struct pool *pool, const struct config *original, const struct verdict *verdict,
		       struct plan *plan)
{
	static const struct string_list none;
	const struct config_linux *linux_ = original->linux_;

	for (size_t i = 0; i < plan->mask_count; i++) {
		struct mask_step *step = &plan->masks[i];
		bool hide = step->kind == MASK_HIDE;
		const struct string_list *given = !linux_ ? &none
						  : hide  ? &linux_->masked_paths
							  : &linux_->readonly_paths;
		const char *incomplete = hide ? "masked-paths-incomplete" : "readonly-paths-incomplete";
		const char *absent = hide ? "masked-paths-absent" : "readonly-paths-absent";
		const struct finding *f = hardening(verdict, incomplete);
		if (!f)
			f = hardening(verdict, absent);
		if (f && !list_has(given, step->path))
			step->where = pool_printf(pool, "(hardened, %s)", f->rule->id);
	}
}

static void mark_floor(struct pool *pool, const struct verdict *verdict, struct filter_plan *filter)
{
	static const char *const causes[] = {"seccomp-default-allow", "seccomp-restricted-syscall",
					     "seccomp-dangerous-syscall"};
	struct filter_plan *floor = pool_alloc(pool, sizeof *floor);
	size_t i = 0;

	while (i < 2 && !hardening(verdict, causes[i]))
		i++;
	*floor = *filter->floor;
	floor->where = pool_printf(pool, "%s  (hardened, %s)", floor->where, causes[i]);
	filter->floor = floor;
}

/* Each hardening that names the rule in the line of the root file system. */
static void mark_rootfs(struct pool *pool, const struct verdict *verdict, struct plan *plan)
{
	static const char *const of_rootfs[] = {"rootfs-writable", "rootfs-setuid-files", "rootfs-device-nodes",
						"rootfs-propagation-shared"};
	const char *done = "";

	for (size_t i = 0; i < sizeof of_rootfs / sizeof *of_rootfs; i++) {
		if (hardening(verdict, of_rootfs[i]))
			done = pool_printf(pool, "%s, %s", done, of_rootfs[i]);
	}
	if (*done && plan->rootfs.where)
		plan->rootfs.where = pool_printf(pool, "%s  (hardened%s)", plan->rootfs.where, done);
}

void plan_mark_hardened(struct pool *pool, const struct config *original, const struct verdict *verdict,
			struct plan *plan)
{
	if (!verdict || !original)
		return;
	if (hardening(verdict, "no-new-privileges"))
		plan->creds.where = "(hardened, no-new-privileges)";
	const struct finding *caps = hardening_at(verdict, "process.capabilities");
	if (caps)
		plan->creds.caps_where = pool_printf(pool, "process.capabilities  (hardened, %s)", caps->rule->id);
	if (hardening(verdict, "selinux-missing"))
		plan->creds.selinux_where = "process.selinuxLabel  (hardened, selinux-missing)";
	if (hardening(verdict, "apparmor-missing"))
		plan->creds.apparmor_where = "process.apparmorProfile  (hardened, apparmor-missing)";
	if (hardening(verdict, "ns-cgroup-missing"))
		plan->namespaces.where = "linux.namespaces  (cgroup: hardened, ns-cgroup-missing)";
	if (hardening(verdict, "device-cgroup-no-deny"))
		plan->cgroup.device_where = "(hardened, device-cgroup-no-deny)";
	if (plan->filter.program && hardening(verdict, "seccomp-absent"))
		plan->filter.where = pool_printf(pool, "%s  (hardened, seccomp-absent)", plan->filter.where);
	if (plan->filter.floor)
		mark_floor(pool, verdict, &plan->filter);
	mark_rootfs(pool, verdict, plan);
	mark_mounts(pool, verdict, plan);
	mark_masks(pool, original, verdict, plan);
}
