/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_resources.c - linux.resources, whose words are those of cgroup v1, as the
 * files of cgroup v2: cpu, memory, pids.
 *
 * A value that means "unset" writes nothing; a limit that v2 does not have is
 * refused by name, never skipped: who asked for it would believe in it.
 */
#include <hrun/plan_cgroup.h>
#include <hrun/str.h>
#include <inttypes.h>

struct cgroup_write *plan_cgroup_write(struct pool *pool, struct cgroup_plan *plan, enum cgroup_write_kind kind,
				       const char *file, const char *value, const char *where)
{
	struct cgroup_write *write = pool_array_add(pool, plan->writes, plan->write_count);

	write->kind = kind;
	write->controller = pool_strndup(pool, file, strcspn(file, "."));
	write->file = file;
	write->value = value;
	write->where = where;
	/* A new cgroup has no maximum: where it cannot be written it is so already. */
	write->absent_ok = kind == CGROUP_LIMIT && str_equal(value, "max");
	return write;
}

int plan_not_on_v2(const char *where, struct err *e)
{
	return err_set(e, EOPNOTSUPP, "%s: cgroup v2 cannot do this; remove it", where);
}

/* -1 is "no limit" everywhere in linux.resources. */
static const char *limit_text(struct pool *pool, int64_t limit)
{
	return limit < 0 ? "max" : pool_printf(pool, "%" PRId64, limit);
}

static int check_limit(const struct opt_i64 *limit, const char *where, struct err *e)
{
	if (limit->set && limit->value < -1)
		return err_set(e, EINVAL, "%s: must be -1 (no limit) or not negative", where);
	return 0;
}

/* ---- pids ---- */

/*
 * 0 is a real limit: no process.  Init must exist, so it is written as 1.  Last of all: the hooks and helpers of
 * create would run into it.
 */
static int plan_pids(struct pool *pool, const struct opt_i64 *limit, struct cgroup_plan *plan, struct err *e)
{
	static const char where[] = "linux.resources.pids.limit";

	TRY(check_limit(limit, where, e));
	if (limit->set)
		plan_cgroup_write(pool, plan, CGROUP_LIMIT, "pids.max",
				  limit->value == 0 ? "1" : limit_text(pool, limit->value), where)
			->last = true;
	return 0;
}

/* ---- memory ---- */

/* v1 counts memory and swap together, v2 swap alone.  *ret_swap NULL: nothing to write. */
static int convert_swap(struct pool *pool, int64_t limit, int64_t swap, const char **ret_swap, struct err *e)
{
	*ret_swap = NULL;
	if (swap == -1 || (swap == 0 && limit == -1))
		*ret_swap = "max";
	else if (swap == 0)
		return 0;
	else if (limit == 0)
		return err_set(e, EINVAL, "linux.resources.memory.swap: needs linux.resources.memory.limit as well");
	else if (limit > swap)
		return err_set(e, EINVAL,
			       "linux.resources.memory.swap: is memory and swap together, so it cannot be less than "
			       "linux.resources.memory.limit");
	else
		*ret_swap = limit_text(pool, limit == -1 ? swap : swap - limit);
	return 0;
}

static int refuse_v1_memory(const struct config_memory *memory, struct err *e)
{
	if (memory->kernel.set && memory->kernel.value != 0 && memory->kernel.value != -1)
		return plan_not_on_v2("linux.resources.memory.kernel", e);
	if (memory->kernel_tcp.set && memory->kernel_tcp.value != 0 && memory->kernel_tcp.value != -1)
		return plan_not_on_v2("linux.resources.memory.kernelTCP", e);
	/* 0 is a real swappiness, so there is no value that asks for nothing. */
	if (memory->swappiness.set)
		return plan_not_on_v2("linux.resources.memory.swappiness", e);
	if (memory->disable_oom_killer.set && memory->disable_oom_killer.value)
		return plan_not_on_v2("linux.resources.memory.disableOOMKiller", e);
	/* useHierarchy: v2 always does; checkBeforeUpdate: a new cgroup uses nothing yet. */
	return 0;
}

static int check_use(int64_t limit, uint64_t used, const char *where, struct err *e)
{
	if (limit <= 0 || (uint64_t)limit > used)
		return 0;
	return err_set(e, EBUSY, "%s: %" PRId64 " bytes, but the container uses %" PRIu64 " now; ask for more", where,
		       limit, used);
}

int plan_memory_fits(const struct config_memory *memory, uint64_t used, uint64_t swap_used, struct err *e)
{
	if (!memory->check_before_update.set || !memory->check_before_update.value)
		return 0;
	TRY(check_use(memory->limit.set ? memory->limit.value : 0, used, "linux.resources.memory.limit", e));
	return check_use(memory->swap.set ? memory->swap.value : 0, used + swap_used, "linux.resources.memory.swap", e);
}

static int plan_memory(struct pool *pool, const struct config_memory *memory, struct cgroup_plan *plan, struct err *e)
{
	int64_t limit = memory->limit.set ? memory->limit.value : 0;
	int64_t swap = memory->swap.set ? memory->swap.value : 0;
	const char *swap_text;

	TRY(check_limit(&memory->limit, "linux.resources.memory.limit", e));
	TRY(check_limit(&memory->swap, "linux.resources.memory.swap", e));
	TRY(check_limit(&memory->reservation, "linux.resources.memory.reservation", e));
	TRY(refuse_v1_memory(memory, e));
	TRY(convert_swap(pool, limit, swap, &swap_text, e));
	if (swap_text) {
		struct cgroup_write *write =
			plan_cgroup_write(pool, plan, CGROUP_LIMIT, "memory.swap.max", swap_text,
					  swap ? "linux.resources.memory.swap" : "linux.resources.memory.limit");
		/* Without swap there is no such file; engines send 0 there, too. */
		write->absent_ok = write->absent_ok || str_equal(swap_text, "0");
	}
	if (limit)
		plan_cgroup_write(pool, plan, CGROUP_LIMIT, "memory.max", limit_text(pool, limit),
				  "linux.resources.memory.limit");
	/* A guarantee and not a maximum: without the file there is none, also none of "max". */
	if (memory->reservation.set && memory->reservation.value)
		plan_cgroup_write(pool, plan, CGROUP_LIMIT, "memory.low", limit_text(pool, memory->reservation.value),
				  "linux.resources.memory.reservation")
			->absent_ok = false;
	return 0;
}

/* ---- cpu ---- */

enum { CPU_PERIOD_DEFAULT = 100000 }; /* microseconds; the kernel's */

/*
 * log2 and 10^x by their series, which the compiler's arithmetic is exact enough for; one
 * conversion is not worth a library that every start would have to load.
 */
static double log2_of(uint64_t value)
{
	const double ln_2 = 0.693147180559945309417;
	unsigned int whole = 63u - (unsigned int)__builtin_clzll(value);
	double mantissa = (double)value / (double)(UINT64_C(1) << whole);
	double z = (mantissa - 1) / (mantissa + 1), power = z, sum = 0;

	/* ln m = 2 (z + z^3/3 + z^5/5 ...), z <= 1/3 */
	for (int n = 1; n < 41; n += 2) {
		sum += power / n;
		power *= z * z;
	}
	return whole + 2 * sum / ln_2;
}

static double power_of_10(double exponent)
{
	const double ln_10 = 2.302585092994045684018;
	int whole = (int)exponent;
	double x = (exponent - whole) * ln_10, term = 1, sum = 1;

	for (int n = 1; n < 30; n++) {
		term *= x / n;
		sum += term;
	}
	for (; whole > 0; whole--)
		sum *= 10;
	return sum;
}

uint64_t plan_weight_of_shares(uint64_t shares)
{
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	double l = log2_of(shares);
	double weight = power_of_10((l * l + 125 * l) / 612 - 7.0 / 34);
	uint64_t whole = (uint64_t)weight;

	/* Rounded up; 1024 is exactly 100 and stays so in spite of the last bit. */
	return weight - (double)whole > 1e-7 ? whole + 1 : whole;
}

static void plan_bandwidth(struct pool *pool, const struct config_cpu *cpu, struct cgroup_plan *plan)
{
	int64_t quota = cpu->quota.set ? cpu->quota.value : 0;
	uint64_t period = cpu->period.set ? cpu->period.value : 0;
	const char *where = quota ? "linux.resources.cpu.quota" : "linux.resources.cpu.period";

	if (!quota && !period)
		return;
	period = period ? period : CPU_PERIOD_DEFAULT;
	const char *value = quota > 0 ? pool_printf(pool, "%" PRId64 " %" PRIu64, quota, period)
				      : pool_printf(pool, "max %" PRIu64, period);
	/* What every cgroup has: no quota, and this period. */
	plan_cgroup_write(pool, plan, CGROUP_LIMIT, "cpu.max", value, where)->absent_ok =
		quota <= 0 && period == CPU_PERIOD_DEFAULT;
}

/* 1: the lowest there is, so a weight says nothing any more. */
static int plan_idle(struct pool *pool, const struct config_cpu *cpu, struct cgroup_plan *plan, struct err *e)
{
	static const char where[] = "linux.resources.cpu.idle";

	if (!cpu->idle.set)
		return 0;
	if (cpu->idle.value != 0 && cpu->idle.value != 1)
		return err_set(e, EINVAL, "%s: must be 0 or 1", where);
	if (cpu->idle.value == 1 || plan->live)
		plan_cgroup_write(pool, plan, CGROUP_LIMIT, "cpu.idle", cpu->idle.value ? "1" : "0", where)->absent_ok =
			cpu->idle.value == 0;
	return 0;
}

static int plan_cpu_time(struct pool *pool, const struct config_cpu *cpu, struct cgroup_plan *plan, struct err *e)
{
	bool idle = cpu->idle.set && cpu->idle.value == 1;

	if (cpu->realtime_period.set && cpu->realtime_period.value)
		return plan_not_on_v2("linux.resources.cpu.realtimePeriod", e);
	if (cpu->realtime_runtime.set && cpu->realtime_runtime.value)
		return plan_not_on_v2("linux.resources.cpu.realtimeRuntime", e);
	/* An idle cgroup takes no weight: who stops being idle gets it after. */
	if (plan->live && !idle)
		TRY(plan_idle(pool, cpu, plan, e));
	if (cpu->shares.set && cpu->shares.value && !idle)
		plan_cgroup_write(pool, plan, CGROUP_WEIGHT, "cpu.weight",
				  pool_printf(pool, "%" PRIu64, plan_weight_of_shares(cpu->shares.value)),
				  "linux.resources.cpu.shares");
	plan_bandwidth(pool, cpu, plan);
	/* After cpu.max: a burst above the quota is refused. */
	if (cpu->burst.set && (cpu->burst.value || plan->live))
		plan_cgroup_write(pool, plan, CGROUP_LIMIT, "cpu.max.burst",
				  pool_printf(pool, "%" PRIu64, cpu->burst.value), "linux.resources.cpu.burst")
			->absent_ok = cpu->burst.value == 0;
	return plan->live && !idle ? 0 : plan_idle(pool, cpu, plan, e);
}

static int plan_set(struct pool *pool, const char *list, const char *file, const char *where, struct cgroup_plan *plan,
		    struct err *e)
{
	if (!list || !*list)
		return 0;
	/* Without any number the kernel may take it for the empty list, which leaves every one of them. */
	if (list[strspn(list, "0123456789,-")] != '\0' || list[strcspn(list, "0123456789")] == '\0')
		return err_set(e, EINVAL, "%s: must be a list of numbers and ranges, as 0-3,7", where);
	plan_cgroup_write(pool, plan, CGROUP_LIMIT, file, list, where);
	return 0;
}

static int plan_cpu(struct pool *pool, const struct config_cpu *cpu, struct cgroup_plan *plan, struct err *e)
{
	TRY(plan_cpu_time(pool, cpu, plan, e));
	TRY(plan_set(pool, cpu->cpus, "cpuset.cpus", "linux.resources.cpu.cpus", plan, e));
	return plan_set(pool, cpu->mems, "cpuset.mems", "linux.resources.cpu.mems", plan, e);
}

/* ---- all ---- */

static int refuse_network(const struct config_resources *resources, struct err *e)
{
	if (resources->network && resources->network->class_id.set && resources->network->class_id.value)
		return plan_not_on_v2("linux.resources.network.classID", e);
	if (resources->network && resources->network->priority_count)
		return plan_not_on_v2("linux.resources.network.priorities", e);
	return 0;
}

int plan_resources(struct pool *pool, const struct config_resources *resources, struct cgroup_plan *plan, struct err *e)
{
	TRY(refuse_network(resources, e));
	if (resources->pids)
		TRY(plan_pids(pool, &resources->pids->limit, plan, e));
	if (resources->memory)
		TRY(plan_memory(pool, resources->memory, plan, e));
	if (resources->block_io)
		TRY(plan_block_io(pool, resources->block_io, plan, e));
	if (resources->cpu)
		TRY(plan_cpu(pool, resources->cpu, plan, e));
	TRY(plan_hugepages(pool, resources, plan, e));
	TRY(plan_rdma(pool, resources, plan, e));
	/* Last: it may refine what the fields above have set. */
	return plan_unified(pool, &resources->unified, plan, e);
}
