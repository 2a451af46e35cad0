/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update.c - the flags of update, what a living cgroup is written, memory.checkBeforeUpdate, execCPUAffinity.
 */
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/plan_cgroup.h>
#include <hrun/str.h>
#include <inttypes.h>
#include <stdio.h>

static int failures;
static struct pool pool;
static struct err e;

static void check(bool condition, const char *what)
{
	if (condition)
		return;
	printf("%s\n", what);
	failures++;
}

static const char *writes_of(const struct config_resources *resources, bool live)
{
	struct cgroup_plan plan = {.live = live};
	const char *text = "";

	if (plan_resources(&pool, resources, &plan, &e) < 0)
		return pool_strdup(&pool, e.text);
	for (size_t i = 0; i < plan.write_count; i++)
		text = pool_printf(&pool, "%s%s%s=%s%s", text, *text ? " " : "", plan.writes[i].file,
				   plan.writes[i].value, plan.writes[i].absent_ok ? "?" : "");
	return text;
}

static void expect(const char *name, const struct options *options, const char *want)
{
	struct config_resources *resources;
	const char *got =
		update_options_read(&pool, options, &resources, &e) < 0 ? "refused" : writes_of(resources, true);

	if (str_equal(got, want))
		return;
	printf("%s: %s\n   instead of %s\n", name, got, want);
	failures++;
}

static void test_bytes(void)
{
	static const char *const known[][2] = {
		{"-1", "memory.swap.max=max? memory.max=max?"},
		{"1", "memory.max=1"},
		{"12b", "memory.max=12"},
		{"4k", "memory.max=4096"},
		{"4K", "memory.max=4096"},
		{"3m", "memory.max=3145728"},
		{"3MB", "memory.max=3145728"},
		{"3MiB", "memory.max=3145728"},
		{"2g", "memory.max=2147483648"},
		{"1T", "memory.max=1099511627776"},
		{"1p", "memory.max=1125899906842624"},
		{"8191p", "memory.max=9222246136947933184"},
		{"0", ""},
		{"8192p", "refused"},
		{"9223372036854775808", "refused"},
		{"-2", "refused"},
		{"", "refused"},
		{"m", "refused"},
		{"1.5g", "refused"},
		{"1x", "refused"},
		{"1mx", "refused"},
		{"1bb", "refused"},
		{" 1", "refused"},
		{"1 ", "refused"},
		{"0x10", "refused"},
		{"18446744073709551617", "refused"},
		{"1M\xff", "refused"},
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct options options = {.update.memory = known[i][0]};
		expect(known[i][0], &options, known[i][1]);
	}
}

static void test_flags(void)
{
	expect("nothing", &(struct options){0}, "refused");
	expect("pids", &(struct options){.update.pids_limit = "-1"}, "pids.max=max?");
	expect("pids 0", &(struct options){.update.pids_limit = "0"}, "pids.max=1");
	expect("quota", &(struct options){.update.cpu_quota = "5000", .update.cpu_period = "10000"},
	       "cpu.max=5000 10000");
	expect("quota and burst",
	       &(struct options){.update.cpu_quota = "5000", .update.cpu_period = "10000", .update.cpu_burst = "7"},
	       "cpu.max=5000 10000 cpu.max.burst=7");
	expect("no burst", &(struct options){.update.cpu_burst = "0"}, "cpu.max.burst=0?");
	expect("idle", &(struct options){.update.cpu_idle = "1", .update.cpu_share = "1024"}, "cpu.idle=1");
	expect("idle no more", &(struct options){.update.cpu_idle = "0", .update.cpu_share = "1024"},
	       "cpu.idle=0? cpu.weight=100");
	expect("sets", &(struct options){.update.cpuset_cpus = "0-1", .update.cpuset_mems = "0"},
	       "cpuset.cpus=0-1 cpuset.mems=0");
	expect("swap", &(struct options){.update.memory = "1k", .update.memory_swap = "3k"},
	       "memory.swap.max=2048 memory.max=1024");
	expect("weight", &(struct options){.update.blkio_weight = "10"}, "io.bfq.weight=10 io.weight=1");
	expect("weight too great", &(struct options){.update.blkio_weight = "4294967296"}, "refused");
	expect("ignored", &(struct options){.update.kernel_memory = "7"}, "");
	expect("not built", &(struct options){.update.l3_cache_schema = "L3:0=f"}, "refused");
}

/* A new cgroup is not idle and has no burst: nothing to write. */
static void test_new_cgroup(void)
{
	struct config_cpu cpu = {.idle = {true, 0}, .burst = {true, 0}, .shares = {true, 1024}};
	struct config_resources resources = {.cpu = &cpu};

	check(str_equal(writes_of(&resources, false), "cpu.weight=100"), "a new cgroup is written what it has anyway");
}

static void test_check_before_update(void)
{
	struct config_memory memory = {.limit = {true, 100}, .swap = {true, 150}};

	check(plan_memory_fits(&memory, 200, 0, &e) == 0, "refused without checkBeforeUpdate");
	memory.check_before_update = (struct opt_bool){true, true};
	check(plan_memory_fits(&memory, 99, 50, &e) == 0, "99 of 100, 149 of 150 do not fit");
	check(plan_memory_fits(&memory, 100, 0, &e) == -EBUSY, "100 of 100 fit");
	check(plan_memory_fits(&memory, 99, 51, &e) == -EBUSY, "150 of 150 fit");
	memory.limit.value = memory.swap.value = -1;
	check(plan_memory_fits(&memory, UINT64_MAX / 2, 0, &e) == 0, "no limit is too small");
}

int main(void)
{
	test_bytes();
	test_flags();
	test_new_cgroup();
	test_check_before_update();
	pool_free(&pool);
	return failures != 0;
}
