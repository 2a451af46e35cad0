/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_stricter.c - two policies at once: a container starts only where it would start under each of them.
 *
 * Each file is taken as if it stood alone, with its defaults: what one does not allow is not allowed.  One function a
 * kind of member; each has its line in tests/unit/policy_stricter.c.
 */
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/policy.h>
#include <hrun/rules.h>
#include <hrun/str.h>
#include <stdlib.h>

enum level policy_stricter_level(enum level a, enum level b)
{
	return a > b ? a : b;
}

/* LEVELS is none; one that the common level has reached warns of nothing more. */
static enum level stricter_warn_level(enum level a, enum level b, enum level level)
{
	enum level warn = a == LEVELS ? b : b == LEVELS ? a : policy_stricter_level(a, b);

	return warn != LEVELS && warn > level ? warn : LEVELS;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* 0: what is BUILT_IN. */
static int64_t least_or(int64_t a, int64_t b, int64_t built_in)
{
	return a || b ? least(a ? a : built_in, b ? b : built_in) : 0;
}

static const char *stricter_profile(const char *a, const char *b)
{
	int rank_a = a ? policy_profile_rank(a) : 0, rank_b = b ? policy_profile_rank(b) : 0;

	return rank_a >= rank_b ? a : b;
}

/* Dates as text have their order. */
static const char *earlier(const char *a, const char *b)
{
	if (!a || !b)
		return a ? a : b;
	return strcmp(a, b) <= 0 ? a : b;
}

/* ---- rules ---- */

static enum action action_of(const struct policy *policy, size_t rule)
{
	if (policy->rule_actions && policy->rule_actions[rule] != POLICY_UNCHANGED)
		return (enum action)policy->rule_actions[rule];
	return rules[rule].action[policy->level];
}

static bool is_set(const struct policy *policy, size_t rule)
{
	return policy->rule_actions && policy->rule_actions[rule] != POLICY_UNCHANGED;
}

static const signed char *stricter_actions(struct pool *pool, const struct policy *a, const struct policy *b)
{
	if (!a->rule_actions && !b->rule_actions)
		return NULL;
	signed char *actions = pool_alloc(pool, rule_count);
	for (size_t i = 0; i < rule_count; i++) {
		enum action of_a = action_of(a, i), of_b = action_of(b, i);
		bool set = is_set(a, i) || is_set(b, i);
		actions[i] = set ? (signed char)(of_a > of_b ? of_a : of_b) : POLICY_UNCHANGED;
	}
	return actions;
}

/* ---- lists: what is in both ---- */

static struct string_list in_both(struct pool *pool, const struct string_list *a, const struct string_list *b)
{
	struct string_list both = {.item = pool_alloc(pool, (a->count + 1) * sizeof *both.item), .present = true};

	for (size_t i = 0; i < a->count; i++) {
		if (list_has(b, a->item[i]))
			both.item[both.count++] = a->item[i];
	}
	return both;
}

static struct string_list annotations_in_both(struct pool *pool, const struct string_list *a,
					      const struct string_list *b)
{
	struct string_list both = {.item = pool_alloc(pool, (a->count + b->count + 1) * sizeof *both.item),
				   .present = true};

	for (size_t i = 0; i < a->count; i++) {
		if (annotation_is_listed(b, a->item[i]))
			both.item[both.count++] = a->item[i];
	}
	for (size_t i = 0; i < b->count; i++) {
		if (annotation_is_listed(a, b->item[i]) && !list_has(&both, b->item[i]))
			both.item[both.count++] = b->item[i];
	}
	return both;
}

static const char *access_in_both(struct pool *pool, const char *a, const char *b)
{
	char *both = pool_alloc(pool, strlen(a) + 1), *end = both;

	for (; *a; a++) {
		if (strchr(b, *a))
			*end++ = *a;
	}
	return both;
}

static void devices_in_both(struct pool *pool, const struct policy *a, const struct policy *b, struct policy *both)
{
	struct policy_device *devices = NULL;
	size_t count = 0;

	for (size_t i = 0; i < a->allow.device_count; i++) {
		for (size_t k = 0; k < b->allow.device_count; k++) {
			struct policy_device x = a->allow.devices[i];
			const struct policy_device *y = &b->allow.devices[k];
			if (x.type != y->type || x.major != y->major || x.minor != y->minor)
				continue;
			x.access = access_in_both(pool, x.access, y->access);
			if (*x.access)
				*pool_array_add(pool, devices, count) = x;
		}
	}
	both->allow.devices = devices;
	both->allow.device_count = count;
}

/* Of two prefixes the one below the other; read-only where one says so. */
static void prefixes_in_both(struct pool *pool, const struct policy *a, const struct policy *b, struct policy *both)
{
	struct policy_mount_prefix *prefixes = NULL;
	size_t count = 0;

	for (size_t i = 0; i < a->allow.mount_prefix_count; i++) {
		for (size_t k = 0; k < b->allow.mount_prefix_count; k++) {
			const struct policy_mount_prefix *x = &a->allow.mount_prefixes[i],
							 *y = &b->allow.mount_prefixes[k];
			bool x_below = path_is_below(x->path, y->path);
			if (!x_below && !path_is_below(y->path, x->path))
				continue;
			*pool_array_add(pool, prefixes, count) = (struct policy_mount_prefix){
				.path = x_below ? x->path : y->path,
				.read_only = x->read_only || y->read_only,
			};
		}
	}
	both->allow.mount_prefixes = prefixes;
	both->allow.mount_prefix_count = count;
}

static void hooks_in_both(struct pool *pool, const struct policy *a, const struct policy *b, struct policy *both)
{
	struct policy_hook *hooks = NULL;
	size_t count = 0;

	for (size_t i = 0; i < a->allow.hook_count; i++) {
		for (size_t k = 0; k < b->allow.hook_count; k++) {
			const struct policy_hook *x = &a->allow.hooks[i], *y = &b->allow.hooks[k];
			if (str_equal(x->path, y->path) && str_equal(x->sha256, y->sha256)) {
				*pool_array_add(pool, hooks, count) = *x;
				break;
			}
		}
	}
	both->allow.hooks = hooks;
	both->allow.hook_count = count;
}

static void allow_in_both(struct pool *pool, const struct policy *a, const struct policy *b, struct policy *both)
{
	both->allow.capabilities = a->allow.capabilities & b->allow.capabilities;
	both->allow.sysctls = in_both(pool, &a->allow.sysctls, &b->allow.sysctls);
	both->allow.annotations = annotations_in_both(pool, &a->allow.annotations, &b->allow.annotations);
	both->allow.systemd_properties = in_both(pool, &a->allow.systemd_properties, &b->allow.systemd_properties);
	both->allow.seccomp_architectures =
		in_both(pool, &a->allow.seccomp_architectures, &b->allow.seccomp_architectures);
	devices_in_both(pool, a, b, both);
	prefixes_in_both(pool, a, b, both);
	hooks_in_both(pool, a, b, both);
	both->allow.cgroups_disabled = a->allow.cgroups_disabled && b->allow.cgroups_disabled;
}

/* ---- images ---- */

/* What one file demands of signatures the other cannot take away: an image passes the sources of both. */
static void images_in_both(struct pool *pool, const struct policy *a, const struct policy *b, struct policy *both)
{
	struct image_source *sources = NULL;
	size_t count = 0;

	for (size_t i = 0; i < a->images.source_count; i++)
		*pool_array_add(pool, sources, count) = a->images.sources[i];
	for (size_t i = 0; i < b->images.source_count; i++)
		*pool_array_add(pool, sources, count) = b->images.sources[i];
	both->images.require = a->images.require > b->images.require ? a->images.require : b->images.require;
	both->images.drop_devices = a->images.drop_devices && b->images.drop_devices;
	both->images.sources = sources;
	both->images.source_count = count;
}

/* ---- waivers ---- */

static bool asks_no_more(const char *wide, const char *narrow)
{
	return !wide || (narrow && str_equal(wide, narrow));
}

/* Does WIDE waive all that NARROW waives? */
static bool covers(const struct waiver *wide, const struct waiver *narrow)
{
	return wide->rule == narrow->rule && asks_no_more(wide->image_digest, narrow->image_digest) &&
	       asks_no_more(wide->cgroup, narrow->cgroup) && asks_no_more(wide->value, narrow->value);
}

/* The waiver of POLICY that covers this one and lasts longest, or NULL. */
static const struct waiver *cover(const struct policy *policy, const struct waiver *waiver)
{
	const struct waiver *found = NULL;

	for (size_t i = 0; i < policy->waiver_count; i++) {
		const struct waiver *other = &policy->waivers[i];
		if (covers(other, waiver) && (!found || other->days_left > found->days_left))
			found = other;
	}
	return found;
}

static bool waiver_stands(const struct waiver *waivers, size_t count, const struct waiver *waiver)
{
	for (size_t i = 0; i < count; i++) {
		if (covers(&waivers[i], waiver) && covers(waiver, &waivers[i]))
			return true;
	}
	return false;
}

/* What of MINE holds under THEIRS as well: where they waive it too, until the earlier day, or let the rule's finding pass. */
static void add_waivers(struct pool *pool, const struct policy *mine, const struct policy *theirs, struct policy *both)
{
	struct waiver *waivers = (struct waiver *)both->waivers;

	for (size_t i = 0; i < mine->waiver_count; i++) {
		struct waiver waiver = mine->waivers[i];
		const struct waiver *other = cover(theirs, &waiver);
		if (!other && action_of(theirs, waiver.rule) > ACTION_WARN)
			continue;
		if (other && other->days_left < waiver.days_left) {
			waiver.expires = other->expires;
			waiver.days_left = other->days_left;
		}
		if (!waiver_stands(waivers, both->waiver_count, &waiver))
			*pool_array_add(pool, waivers, both->waiver_count) = waiver;
	}
	both->waivers = waivers;
}

static int by_rule(const void *a, const void *b)
{
	const struct waiver *x = a, *y = b;

	return (x->rule > y->rule) - (x->rule < y->rule);
}

static void waivers_in_both(struct pool *pool, const struct policy *a, const struct policy *b, struct policy *both)
{
	both->waivers = NULL;
	both->waiver_count = 0;
	add_waivers(pool, a, b, both);
	add_waivers(pool, b, a, both);
	if (both->waiver_count)
		qsort((struct waiver *)both->waivers, both->waiver_count, sizeof *both->waivers, by_rule);
	policy_index_waivers(pool, both);
}

struct policy policy_stricter(struct pool *pool, const struct policy *a, const struct policy *b)
{
	struct policy both = *a;

#ifdef HRUN_MUTANT_POLICY_STRICTER
	return *b;
#endif
	both.path = a->path ? a->path : b->path;
	both.also = a->path ? b->path : NULL;
	both.given = a->given | b->given;
	if (!a->source.bytes)
		both.source = b->source;
	both.level = policy_stricter_level(a->level, b->level);
	both.warn_level = stricter_warn_level(a->warn_level, b->warn_level, both.level);
	both.audit = a->audit && b->audit;
	both.audit_until = earlier(a->audit_until, b->audit_until);
	both.harden_violations = a->harden_violations && b->harden_violations;
	both.cri_sandbox = a->cri_sandbox && b->cri_sandbox;
	both.rule_actions = stricter_actions(pool, a, b);
	allow_in_both(pool, a, b, &both);
	both.drop_capabilities = a->drop_capabilities | b->drop_capabilities;
	both.defaults.seccomp_profile = stricter_profile(a->defaults.seccomp_profile, b->defaults.seccomp_profile);
	both.defaults.pids_limit = least_or(a->defaults.pids_limit, b->defaults.pids_limit, POLICY_PIDS_LIMIT);
	both.defaults.hook_timeout = least_or(a->defaults.hook_timeout, b->defaults.hook_timeout, POLICY_HOOK_TIMEOUT);
	both.defaults.memory_limit = least_or(a->defaults.memory_limit, b->defaults.memory_limit, INT64_MAX);
	both.config_bytes = a->config_bytes < b->config_bytes ? a->config_bytes : b->config_bytes;
	images_in_both(pool, a, b, &both);
	/* engines: facts about the host, told by the machine's file; the caller sees to it where that is not A. */
	waivers_in_both(pool, a, b, &both);
	return both;
}
