/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capabilities.c - five sets of names as bits (capabilities(7)).
 *
 * An absent object means none.  What nobody can grant (an unknown name: never guessed; effective outside
 * permitted, anything outside the bounding set) is
 * left out and said so: the sets in the plan are those that the process has.
 */
#include <hrun/capability.h>
#include <hrun/planning.h>

static const char *const set_names[CAPS_SETS] = {
	[CAPS_BOUNDING] = "bounding",	    [CAPS_PERMITTED] = "permitted", [CAPS_EFFECTIVE] = "effective",
	[CAPS_INHERITABLE] = "inheritable", [CAPS_AMBIENT] = "ambient",
};

int plan_capability(const char *name)
{
	return capability_number(name);
}

const char *plan_capability_name(int capability)
{
	return capability_name(capability);
}

/* config.md: a runtime should not fail because of one that cannot be granted; whether it may is the policy's word. */
static uint64_t read_set(struct pool *pool, const struct string_list *list, enum capability_set set, struct plan *plan)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < list->count; i++) {
		int capability = plan_capability(list->item[i]);
		if (capability >= 0)
			bits |= UINT64_C(1) << capability;
		else
			plan_warn(pool, plan,
				  "process.capabilities.%s[%zu]: unknown capability %s is left out; write it as in "
				  "capabilities(7), such as CAP_NET_BIND_SERVICE",
				  set_names[set], i, plan_quote(pool, list->item[i]));
	}
	return bits;
}

static void keep_within(struct pool *pool, struct plan *plan, enum capability_set set, uint64_t limit,
			const char *reason)
{
	uint64_t *bits = &plan->creds.caps[set];

	for (int i = 0; i < CAPABILITY_COUNT; i++) {
		if (*bits & ~limit & UINT64_C(1) << i)
			plan_warn(pool, plan, "process.capabilities.%s: %s is left out: not in %s", set_names[set],
				  capability_name(i), reason);
	}
	*bits &= limit;
}

void plan_capabilities(struct pool *pool, const struct config_process *process, struct plan *plan)
{
	uint64_t *caps = plan->creds.caps;

	for (enum capability_set set = 0; set < CAPS_SETS; set++)
		caps[set] = process->has_capabilities ? read_set(pool, &process->capabilities[set], set, plan) : 0;
	keep_within(pool, plan, CAPS_PERMITTED, caps[CAPS_BOUNDING], "bounding");
	keep_within(pool, plan, CAPS_INHERITABLE, caps[CAPS_BOUNDING], "bounding");
	keep_within(pool, plan, CAPS_EFFECTIVE, caps[CAPS_PERMITTED], "permitted");
	keep_within(pool, plan, CAPS_AMBIENT, caps[CAPS_PERMITTED] & caps[CAPS_INHERITABLE],
		    "permitted and inheritable");
}
