/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_resources.c - limits: one that is missing, one that is none, and what is written past them.
 *
 * A file of linux.resources.unified is written last, so it decides (plan/cgroup_resources.c).
 */
#include <hrun/judging.h>
#include <hrun/str.h>
#include <stdlib.h>

static const struct config_resources *resources_of(const struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	return linux_ ? linux_->resources : NULL;
}

/* The value of KEY in linux.resources.unified, or NULL. */
static const char *unified_of(const struct config_resources *resources, const char *key)
{
	for (size_t i = 0; resources && i < resources->unified.count; i++) {
		if (str_equal(resources->unified.item[i].key, key))
			return resources->unified.item[i].value;
	}
	return NULL;
}

/* More than any machine has: an address has 52 bits, and a kernel has no more processes than these. */
static const uint64_t no_memory_limit = UINT64_C(1) << 52, no_pids_limit = 4194304;

/* cpu.max has a period behind it. */
static bool is_max(const char *value)
{
	value += strspn(value, " \t\n");
	return str_starts(value, "max");
}

/*
 * The number of a file of cgroup v2 as the kernel reads it: "max", 64M, 0x4000000.  What is not one such number, or means
 * another one to other readers (an octal one), is no limit.
 */
static uint64_t amount(const char *value)
{
	static const char units[] = "KMGTPE";
	char *end;

#ifdef HRUN_MUTANT_LIMIT_AMOUNT
	return is_max(value) ? UINT64_MAX : strtoull(value, &end, 10);
#endif
	value += strspn(value, " \t\n");
	if (*value < '0' || *value > '9' || (*value == '0' && value[1] >= '0' && value[1] <= '9'))
		return UINT64_MAX;
	uint64_t number = strtoull(value, &end, 0);
	const char *unit = *end >= 'A' ? strchr(units, *end & ~0x20) : NULL;
	for (const char *u = units; unit && u <= unit; u++)
		number = number > UINT64_MAX / 1024 ? UINT64_MAX : number * 1024;
	end += unit != NULL;
	return end[strspn(end, " \n")] ? UINT64_MAX : number;
}

/* Without the entries KEY. */
static void drop_unified(struct pool *pool, struct config_resources *resources, const char *key)
{
	const struct string_map *old = &resources->unified;
	struct string_map map = {.present = old->present};

	map.item = pool_alloc(pool, (old->count + 1) * sizeof *map.item);
	for (size_t i = 0; i < old->count; i++) {
		if (!str_equal(old->item[i].key, key))
			map.item[map.count++] = old->item[i];
	}
	resources->unified = map;
}

/* ---- pids and memory: which limit holds? ---- */

enum limit { LIMIT_ABSENT, LIMIT_NONE, LIMIT_BY_UNIFIED, LIMIT_NONE_BY_UNIFIED, LIMIT_GIVEN };

/* NONE and more is no limit. */
static enum limit limit_of(const struct config_resources *resources, struct opt_i64 own, bool zero_is_one,
			   const char *file, uint64_t none)
{
	const char *unified = unified_of(resources, file);

	/* Where both are there, cgroup-unified sees that the one does not undo the other. */
	if (own.set && (own.value > 0 || (own.value == 0 && zero_is_one)) && (uint64_t)own.value < none)
		return LIMIT_GIVEN;
	if (unified)
		return amount(unified) >= none ? LIMIT_NONE_BY_UNIFIED : LIMIT_BY_UNIFIED;
	return own.set ? LIMIT_NONE : LIMIT_ABSENT;
}

/* OWN is the place of the field that is missing. */
static void judge_limit(struct finder *finder, enum limit limit, const char *own, const char *file, size_t number)
{
	if (limit == LIMIT_GIVEN || limit == LIMIT_BY_UNIFIED)
		return;
	if (limit == LIMIT_NONE_BY_UNIFIED)
		find_item(finder, number, NULL, at_key(finder, "linux.resources.unified", file), "no limit");
	else
		find_item(finder, number, NULL, own, limit == LIMIT_ABSENT ? "no limit is given" : "no limit");
}

/* Since version 1.3 of the specification 0 is a limit; before it was none, as engines still write it. */
static bool zero_is_a_limit(const char *version)
{
	static const char *const older[] = {"1.0.", "1.1.", "1.2."};

	for (size_t i = 0; version && i < sizeof older / sizeof older[0]; i++) {
		if (str_starts(version, older[i]))
			return false;
	}
	return version != NULL;
}

void judge_pids_limit_missing(struct finder *finder)
{
	enum { BUILT_IN = 2048 };
	const struct judged *judged = finder->judged;
	const struct config_resources *resources = resources_of(finder);
	struct opt_i64 own = resources && resources->pids ? resources->pids->limit : (struct opt_i64){0};
	enum limit limit =
		limit_of(resources, own, zero_is_a_limit(judged->config->oci_version), "pids.max", no_pids_limit);
	int64_t number = judged->policy->defaults.pids_limit > 0 ? judged->policy->defaults.pids_limit : BUILT_IN;

	if (!judged->config->linux_ || (limit == LIMIT_ABSENT && cgroup_is_limited_above(judged, "pids.max")))
		return;
	judge_limit(finder, limit, "linux.resources.pids.limit", "pids.max", (size_t)number);
}

void harden_pids_limit_missing(struct pool *pool, struct config *config, const struct finding *finding)
{
	struct config_resources *resources = config->linux_->resources;

	if (!resources->pids)
		resources->pids = pool_alloc(pool, sizeof *resources->pids);
	resources->pids->limit = (struct opt_i64){true, (int64_t)finding->index};
	drop_unified(pool, resources, "pids.max");
}

void judge_memory_limit_missing(struct finder *finder)
{
	const struct judged *judged = finder->judged;
	const struct config_resources *resources = resources_of(finder);
	struct opt_i64 own = resources && resources->memory ? resources->memory->limit : (struct opt_i64){0};
	enum limit limit = limit_of(resources, own, false, "memory.max", no_memory_limit);
	int64_t number = judged->policy->defaults.memory_limit;

	if (!judged->config->linux_ || limit == LIMIT_GIVEN || limit == LIMIT_BY_UNIFIED ||
	    cgroup_is_limited_above(judged, "memory.max"))
		return;
	/* A repair needs a number, and only the policy file knows one. */
	if (finder->action == ACTION_HARDEN && number <= 0)
		find_unrepairable(finder, "linux.resources.memory.limit",
				  "no limit, and the policy file has no defaults.memoryLimit to repair it with");
	else if (finder->action == ACTION_REFUSE && cgroup_host_lacks(judged, "memory"))
		find_item(finder, (size_t)number, NULL, "linux.resources.memory.limit",
			  "no limit, and this host's cgroup2 has no memory controller to give one: enable it first");
	else
		judge_limit(finder, limit, "linux.resources.memory.limit", "memory.max", (size_t)number);
}

static struct config_memory *memory_of(struct pool *pool, struct config *config)
{
	struct config_resources *resources = config->linux_->resources;

	if (!resources->memory)
		resources->memory = pool_alloc(pool, sizeof *resources->memory);
	return resources->memory;
}

void harden_memory_limit_missing(struct pool *pool, struct config *config, const struct finding *finding)
{
	struct config_memory *memory = memory_of(pool, config);

	memory->limit = (struct opt_i64){true, (int64_t)finding->index};
	/* Memory and swap together: not less, and not without limit beside one. */
	if (memory->swap.set && memory->swap.value && memory->swap.value < memory->limit.value)
		memory->swap = memory->limit;
	drop_unified(pool, config->linux_->resources, "memory.max");
}

/* ---- memory ---- */

void judge_memory_oom_kill_disabled(struct finder *finder)
{
	const struct config_resources *resources = resources_of(finder);

	if (resources && resources->memory && resources->memory->disable_oom_killer.set &&
	    resources->memory->disable_oom_killer.value)
		find(finder, "linux.resources.memory.disableOOMKiller", "a container out of memory would hang");
}

void harden_memory_oom_kill_disabled(struct pool *pool, struct config *config, const struct finding *finding)
{
	(void)finding;
	memory_of(pool, config)->disable_oom_killer = (struct opt_bool){0};
}

void judge_memory_swap_unlimited(struct finder *finder)
{
	const struct config_resources *resources = resources_of(finder);
	const struct config_memory *memory = resources ? resources->memory : NULL;
	const char *unified = unified_of(resources, "memory.swap.max");

	if (!memory || !memory->limit.set || memory->limit.value <= 0)
		return;
	/* -1 becomes the largest number there is. */
	if (unified ? amount(unified) >= no_memory_limit
		    : memory->swap.set && (uint64_t)memory->swap.value >= no_memory_limit)
		find(finder,
		     unified ? at_key(finder, "linux.resources.unified", "memory.swap.max")
			     : "linux.resources.memory.swap",
		     "no limit, beside one of memory");
}

void harden_memory_swap_unlimited(struct pool *pool, struct config *config, const struct finding *finding)
{
	struct config_memory *memory = memory_of(pool, config);

	(void)finding;
	memory->swap = memory->limit;
	drop_unified(pool, config->linux_->resources, "memory.swap.max");
}

/* ---- cpu ---- */

void judge_cpu_limit_missing(struct finder *finder)
{
	const struct config_resources *resources = resources_of(finder);
	const struct config_cpu *cpu = resources ? resources->cpu : NULL;
	const char *unified = unified_of(resources, "cpu.max");
	bool quota = cpu && cpu->quota.set && cpu->quota.value > 0;

	if (!finder->judged->config->linux_ || (cpu && cpu->shares.set && cpu->shares.value) ||
	    unified_of(resources, "cpu.weight") || (unified ? !is_max(unified) : quota))
		return;
	find(finder, "linux.resources.cpu", "neither a quota nor a share");
}

/* The share that every other cgroup has: a quota would be a guess. */
void harden_cpu_limit_missing(struct pool *pool, struct config *config, const struct finding *finding)
{
	enum { ORDINARY = 1024 };
	struct config_resources *resources = config->linux_->resources;

	(void)finding;
	if (!resources->cpu)
		resources->cpu = pool_alloc(pool, sizeof *resources->cpu);
	resources->cpu->shares = (struct opt_u64){true, ORDINARY};
}

void judge_cpu_realtime(struct finder *finder)
{
	const struct config_resources *resources = resources_of(finder);

	if (resources && resources->cpu && resources->cpu->realtime_runtime.set &&
	    resources->cpu->realtime_runtime.value > 0)
		find(finder, "linux.resources.cpu.realtimeRuntime", "runs before everything else on the host");
}

void harden_cpu_realtime(struct pool *pool, struct config *config, const struct finding *finding)
{
	struct config_cpu *cpu = config->linux_->resources->cpu;

	(void)pool, (void)finding;
	cpu->realtime_runtime = (struct opt_i64){0};
	cpu->realtime_period = (struct opt_u64){0};
}

/* ---- unified ---- */

static const char *complaint_about_key(const char *key)
{
	static const char *const controllers[] = {"cpu",  "cpuset", "io",   "memory", "hugetlb",
						  "pids", "rdma",   "misc", "dmem"};

	if (strchr(key, '/') || strstr(key, "..") || str_has_control(key))
		return "names a file elsewhere";
	if (str_starts(key, "cgroup."))
		return "is no limit but the cgroup's own working";
	for (size_t i = 0; i < sizeof controllers / sizeof controllers[0]; i++) {
		size_t length = strlen(controllers[i]);
		if (str_starts(key, controllers[i]) && key[length] == '.' && key[length + 1])
			return NULL;
	}
	return "is no controller's file";
}

/* The limit that KEY's own field sets; -1: none. */
static int64_t own_limit(const struct config_resources *resources, const char *key)
{
	const struct config_memory *memory = resources->memory;
	const struct config_cpu *cpu = resources->cpu;
	struct opt_i64 limit = {0};

	if (str_equal(key, "memory.max") && memory)
		limit = memory->limit;
	else if (str_equal(key, "memory.swap.max") && memory)
		limit = memory->swap;
	else if (str_equal(key, "cpu.max") && cpu)
		limit = cpu->quota;
	else if (str_equal(key, "pids.max") && resources->pids)
		limit = resources->pids->limit;
	if (limit.set && limit.value > 0)
		return limit.value;
	for (size_t i = 0; i < resources->hugepage_limit_count; i++) {
		const struct config_hugepage_limit *huge = &resources->hugepage_limits[i];
		size_t length = huge->page_size ? strlen(huge->page_size) : 0;
		if (length && str_starts(key, "hugetlb.") && strncmp(key + 8, huge->page_size, length) == 0 &&
		    str_equal(key + 8 + length, ".max"))
			return huge->limit > INT64_MAX ? -1 : (int64_t)huge->limit;
	}
	return -1;
}

/* Does VALUE of KEY leave more than LIMIT, its own field's?  cpu.max may repeat the period, not change it. */
static bool undoes(const struct config_resources *resources, const char *key, const char *value, int64_t limit)
{
	enum { PERIOD = 100000 };
	char number[32];
	size_t length = strspn(value, "0123456789");

	if (str_equal(key, "cpu.max") && value[length] == ' ' && length < sizeof number) {
		uint64_t period = resources->cpu->period.value ? resources->cpu->period.value : PERIOD;
		if (amount(value + length) != period)
			return true;
		memcpy(number, value, length);
		number[length] = '\0';
		value = number;
	}
	return amount(value) > (uint64_t)limit;
}

void judge_cgroup_unified(struct finder *finder)
{
	const struct config_resources *resources = resources_of(finder);

	for (size_t i = 0; resources && i < resources->unified.count; i++) {
		const char *key = resources->unified.item[i].key, *value = resources->unified.item[i].value;
		const char *complaint = complaint_about_key(key);
		int64_t limit = own_limit(resources, key);

		if (!complaint && value && strchr(value, '\n'))
			complaint = "has a value of several lines";
		if (!complaint && value && limit >= 0 && undoes(resources, key, value, limit))
			complaint = "undoes the limit of its own field";
		if (complaint)
			find_value(finder, key, at_key(finder, "linux.resources.unified", key), "%s %s",
				   quote(finder, key), complaint);
	}
}
