/* SPDX-License-Identifier: Apache-2.0 */
/*
 * masks.c - what the container must not see and what it must not change.
 *
 * Read-only first, hidden after: a path hidden below a read-only one is looked up
 * in the read-only mount and covered there, and a path in both lists ends
 * hidden.  The other way round the copy that makes a tree read-only would have to
 * carry the covers along.
 */
#include <errno.h>
#include <hrun/path.h>
#include <hrun/planning.h>
#include <hrun/str.h>

/* Engines' lists name some paths twice (podman: /sys/devices/virtual/powercap); in a long list that is not looked for. */
static bool is_masked(const struct plan *plan, enum mask_kind kind, const char *path)
{
	enum { LONG = 256 };

	for (size_t i = 0; i < plan->mask_count && plan->mask_count <= LONG; i++) {
		if (plan->masks[i].kind == kind && str_equal(plan->masks[i].path, path))
			return true;
	}
	return false;
}

static int add_masks(struct pool *pool, const struct string_list *list, enum mask_kind kind, const char *field,
		     struct plan *plan, struct err *e)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *where = pool_printf(pool, "linux.%s[%zu]", field, i);
		const char *path = list->item[i];

		if (path[0] != '/' || path_has_dotdot(path))
			return err_set(e, EINVAL, "%s: %s is not an absolute path without \"..\"", where,
				       plan_quote(pool, path));
		path = path_clean(pool, path);
		if (!is_masked(plan, kind, path))
			*pool_array_add(pool, plan->masks, plan->mask_count) =
				(struct mask_step){.kind = kind, .path = path, .where = where};
	}
	return 0;
}

int plan_masks(struct pool *pool, const struct config *config, struct plan *plan, struct err *e)
{
	TRY(add_masks(pool, &config->linux_->readonly_paths, MASK_READONLY, "readonlyPaths", plan, e));
	return add_masks(pool, &config->linux_->masked_paths, MASK_HIDE, "maskedPaths", plan, e);
}
