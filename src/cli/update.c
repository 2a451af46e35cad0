/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update.c - new limits for a container that lives.
 *
 * Judged like linux.resources at create and turned into writes by the same plan. Nothing is recorded: the cgroup
 * itself is the memory of its limits. A value whose meaning depends on one that was not given (a quota without a
 * period, memory and swap without memory) takes that from the cgroup.
 */
#include <hrun/cgroup.h>
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/cli_image.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/log.h>
#include <hrun/plan_cgroup.h>
#include <hrun/proc.h>
#include <hrun/rules.h>
#include <hrun/str.h>

static int read_resources(struct command *command, struct config_resources **ret_resources, struct err *e)
{
	const char *path = command->options.update.resources;
	struct json_error error = {0};
	const struct json *tree;

	if (!path)
		return update_options_read(&command->pool, &command->options, ret_resources, e);
	TRY(document_read(command, path, "resources file", &tree, e));
	if (config_read_resources(&command->pool, tree, ret_resources, &error) < 0)
		return document_refused(command, "resources file", &error, e);
	return 0;
}

/* ---- judging ---- */

/* A limit that was not given stays. */
static struct config_memory *merged_memory(struct pool *pool, const struct config_memory *own,
					   const struct config_memory *asked)
{
	struct config_memory *memory = pool_alloc(pool, sizeof *memory);

	*memory = *asked;
	if (own && !asked->limit.set)
		memory->limit = own->limit;
	return memory;
}

/* What is written: a limit that was not asked for, but was needed to judge, is not. */
static struct config_memory *repaired_memory(struct pool *pool, const struct config_memory *asked,
					     const struct config_memory *repaired)
{
	struct config_memory *memory = pool_alloc(pool, sizeof *memory);

	*memory = *repaired;
	if (asked && !asked->limit.set)
		memory->limit = asked->limit;
	return memory;
}

/* What the container would have: its own resources with the new ones on top. */
static struct config *with_resources(struct pool *pool, const struct config *config,
				     const struct config_resources *asked)
{
	struct config *copy = pool_alloc(pool, sizeof *copy);
	struct config_linux *linux_ = pool_alloc(pool, sizeof *linux_);
	struct config_resources *resources = pool_alloc(pool, sizeof *resources);

	*copy = *config;
	if (config->linux_)
		*linux_ = *config->linux_;
	copy->linux_ = linux_;
	*resources = *asked;
	if (asked->memory && linux_->resources)
		resources->memory = merged_memory(pool, linux_->resources->memory, asked->memory);
	if (!asked->devices_present && linux_->resources) {
		resources->devices = linux_->resources->devices;
		resources->device_count = linux_->resources->device_count;
		resources->devices_present = linux_->resources->devices_present;
	}
	linux_->resources = resources;
	return copy;
}

/*
 * An update answers for what it asks for: what else the container has was judged when it was created, and a limit
 * that is missing there is not missed again.
 */
static bool is_asked(const struct config_resources *asked, const char *where)
{
	const struct {
		const char *place;
		bool asked;
	} parts[] = {
		{"linux.resources.devices", asked->devices_present},
		{"linux.resources.memory.limit", asked->memory && asked->memory->limit.set},
		{"linux.resources.memory", asked->memory != NULL},
		{"linux.resources.cpu", asked->cpu != NULL},
		{"linux.resources.pids", asked->pids != NULL},
	};

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (str_starts(where, parts[i].place))
			return parts[i].asked;
	}
	return str_starts(where, "linux.resources.");
}

static void keep_asked(const struct config_resources *asked, struct verdict *verdict)
{
	size_t kept = 0;

	for (size_t i = 0; i < verdict->count; i++) {
		if (is_asked(asked, verdict->findings[i].where))
			verdict->findings[kept++] = verdict->findings[i];
	}
	verdict->count = kept;
}

static bool is_hardened(const struct verdict *verdict, const char *where)
{
	for (size_t i = 0; i < verdict->count; i++) {
		if (verdict->findings[i].action == ACTION_HARDEN && str_starts(verdict->findings[i].where, where))
			return true;
	}
	return false;
}

static int judge(struct command *command, const struct container *container, struct config_resources *asked,
		 struct verdict *ret_verdict, struct err *e)
{
	struct pool *pool = &command->pool;
	struct policy policy;
	const struct config *saved;

	TRY(judge_policy(command, &policy, e));
	judge_by_stricter_level(command, &policy, container->record.level);
	TRY(document_saved_config(pool, container, &saved, e));
	struct config *config = with_resources(pool, saved, asked);
	struct judged judged = {
		.pool = pool,
		.config = config,
		.process = config->process,
		.host_root = proc_in_first_user_namespace(),
		.chapters = 1U << CHAPTER_CGROUP | 1U << CHAPTER_DEVICES,
		.cgroup_path = container->record.cgroup,
	};
	root_image_recorded(&container->record, &judged);
	policy_judge(&judged, &policy, ret_verdict);
	keep_asked(asked, ret_verdict);
	TRY(judge_tell(command, &policy, ret_verdict, "hrun --debug update", e));
	const struct config_resources *hardened = policy_harden(pool, config, ret_verdict)->linux_->resources;
	if (asked->devices_present) {
		asked->devices = hardened->devices;
		asked->device_count = hardened->device_count;
	}
	/* Each section as it was asked for, unless a repair changed it. */
	if (asked->pids || is_hardened(ret_verdict, "linux.resources.unified[\"pids.max\"]"))
		asked->pids = hardened->pids;
	if ((asked->memory && is_hardened(ret_verdict, "linux.resources.memory")) ||
	    is_hardened(ret_verdict, "linux.resources.unified[\"memory."))
		asked->memory = repaired_memory(pool, asked->memory, hardened->memory);
	if (asked->cpu && is_hardened(ret_verdict, "linux.resources.cpu"))
		asked->cpu = hardened->cpu;
	asked->unified = hardened->unified;
	return 0;
}

/* ---- what the cgroup has now ---- */

/* The words of FILE, NULL where the cgroup has no such file. */
static const char *live_text(struct pool *pool, int cgroup, const char *file)
{
	char text[256];

	return cgroup_read(cgroup, file, text, sizeof text) < 0 ? NULL : pool_strdup(pool, text);
}

/* The number at the beginning of TEXT; where there is none ("max"), UNLIMITED. */
static int64_t live_number(struct pool *pool, const char *text, int64_t unlimited)
{
	int64_t value;

	if (!text || str_to_i64(pool_strndup(pool, text, strspn(text, "0123456789")), 0, INT64_MAX, &value) < 0)
		return unlimited;
	return value;
}

/* What is not idle needs not be told so; to systemd that would be a new weight, too. */
static void forget_idle(struct pool *pool, int cgroup, struct config_cpu *cpu)
{
	if (cpu->idle.set && cpu->idle.value == 0 && live_number(pool, live_text(pool, cgroup, "cpu.idle"), 0) == 0)
		cpu->idle.set = false;
}

static void complete_cpu(struct pool *pool, int cgroup, struct config_cpu *cpu)
{
	bool quota = cpu->quota.set && cpu->quota.value, period = cpu->period.set && cpu->period.value;
	const char *now = quota != period ? live_text(pool, cgroup, "cpu.max") : NULL;

	if (!now)
		return;
	if (!quota)
		cpu->quota = (struct opt_i64){true, live_number(pool, now, -1)};
	else
		cpu->period = (struct opt_u64){
			true, (uint64_t)live_number(pool, strchr(now, ' ') ? strchr(now, ' ') + 1 : "", 100000)};
}

static void complete_memory(struct pool *pool, int cgroup, struct config_memory *memory)
{
	if (!memory->swap.set || memory->swap.value <= 0 || (memory->limit.set && memory->limit.value))
		return;
	const char *now = live_text(pool, cgroup, "memory.max");
	if (now)
		memory->limit = (struct opt_i64){true, live_number(pool, now, -1)};
}

static int check_memory(struct pool *pool, int cgroup, const struct config_memory *memory, struct err *e)
{
	int64_t used = live_number(pool, live_text(pool, cgroup, "memory.current"), 0);
	int64_t swap = live_number(pool, live_text(pool, cgroup, "memory.swap.current"), 0);

	return plan_memory_fits(memory, (uint64_t)used, (uint64_t)swap, e);
}

/* ---- all ---- */

static int apply(struct pool *pool, const struct container *container, struct config_resources *asked,
		 const struct verdict *verdict, int cgroup, struct err *e)
{
	const struct container_record *record = &container->record;
	struct plan plan;

	if (asked->cpu) {
		forget_idle(pool, cgroup, asked->cpu);
		complete_cpu(pool, cgroup, asked->cpu);
	}
	if (asked->memory) {
		complete_memory(pool, cgroup, asked->memory);
		TRY(check_memory(pool, cgroup, asked->memory, e));
	}
	TRY(plan_update(pool, asked, verdict, record->cgroup_mountpoint, record->cgroup, &plan, e));
	int r = record->unit ? 0 : plan_cgroup_check_place(pool, false, &plan, e);
	if (r >= 0)
		r = update_apply(pool, record, asked, &plan, cgroup, e);
	plan_close(&plan);
	return r;
}

static int update(struct command *command, const struct container *container, struct err *e)
{
	struct config_resources *asked;
	struct verdict verdict;

	TRY(read_resources(command, &asked, e));
	TRY(judge(command, container, asked, &verdict, e));
	autofd int cgroup = living_cgroup(container, e);
	TRY(cgroup);
	return apply(&command->pool, container, asked, &verdict, cgroup, e);
}

int cmd_update(struct command *command, struct err *e)
{
	struct container container;

	TRY(target_open(command, false, true, &container, e));
	int r = update(command, &container, e);
	container_close(&container);
	return r;
}
