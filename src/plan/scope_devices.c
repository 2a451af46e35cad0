/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope_devices.c - linux.resources.devices as systemd's DeviceAllow.
 *
 * Two filters then stand on the cgroup and both must agree.  hrun's is exact.  systemd's knows no exceptions and not every
 * pattern, so its list has everything that the exact one could let through, and never less: a device that it left out would be gone.
 */
#include <hrun/plan_cgroup.h>
#include <hrun/plan_scope.h>

enum { ENTRIES_MAX = SCOPE_ITEMS_MAX / 4 };

static const char *access_text(int32_t access)
{
	static const char *const words[] = {"", "m", "r", "rm", "w", "wm", "rw", "rwm"};

	_Static_assert(BPF_DEVCG_ACC_MKNOD == 1 && BPF_DEVCG_ACC_READ == 2 && BPF_DEVCG_ACC_WRITE == 4, "words");
	return words[access & DEVICE_ACCESS_ALL];
}

/* "/dev/char/1:3", "char-136", "char-*" */
static const char *pattern(struct pool *pool, const char *type, const struct device_match *match)
{
	if (match->major < 0)
		return pool_printf(pool, "%s-*", type);
	if (match->minor < 0)
		return pool_printf(pool, "%s-%d", type, match->major);
	return pool_printf(pool, "/dev/%s/%d:%d", type, match->major, match->minor);
}

static void add(struct pool *pool, const struct device_match *matches, size_t count, struct scope_plan *scope,
		struct scope_property *property)
{
	for (size_t i = 0; i < count; i++) {
		const struct device_match *match = &matches[i];
		if (!match->allow)
			continue;
		if (match->type != BPF_DEVCG_DEV_BLOCK)
			scope_add_item(scope, property, pattern(pool, "char", match), access_text(match->access), 0);
		if (match->type != BPF_DEVCG_DEV_CHAR)
			scope_add_item(scope, property, pattern(pool, "block", match), access_text(match->access), 0);
	}
}

void plan_scope_devices(struct pool *pool, const struct config_resources *resources, bool filtered,
			struct scope_plan *scope)
{
	const struct device_match everything = {true, -1, -1, -1, DEVICE_ACCESS_ALL};
	struct device_match *matches = NULL;
	struct err ignored;
	size_t default_count, count = resources ? resources->device_count : 0;
	const struct device_match *defaults = plan_device_defaults(&default_count);

	scope_add_string(scope, "DevicePolicy", filtered ? "strict" : "auto");
	struct scope_property *property = scope_property(scope, "DeviceAllow", SCOPE_PAIRS);
	/* The filter was made of the same rules, so none of them is wrong. */
	if (!filtered ||
	    plan_device_matches(pool, resources ? resources->devices : NULL, count, &matches, &ignored) < 0)
		return;
	if (count > ENTRIES_MAX)
		add(pool, &everything, 1, scope, property);
	else
		add(pool, matches, count, scope, property);
	add(pool, defaults, default_count, scope, property);
}
