/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_place.c - what is a limit where an ordinary user's systemd may take controllers back, and what every new cgroup has.
 */
#include "check.h"
#include <errno.h>
#include <hrun/plan_cgroup.h>
#include <sched.h>

static const struct {
	const char *file, *value;
	bool is_limit;
} cases[] = {
	{"hugetlb.2MB.max", "max", false},
	{"hugetlb.2MB.max", " max ", false},
	{"hugetlb.2MB.max", "0", true},
	{"hugetlb.2MB.max", "maximum", true},
	{"memory.max", "max", false},
	{"memory.max", "climax", true},
	{"memory.high", "max", false},
	{"memory.low", "0", false},
	{"memory.low", "max", true},
	{"memory.oom.group", "1", true},
	{"cpu.max", "max 50000", false},
	{"cpu.max", "50000 max", true},
	{"cpu.idle", "0", false},
	{"cpu.idle", "1", true},
	{"cpuset.cpus", "max", true},
	{"io.max", "8:0 rbps=max wiops=max", false},
	{"io.max", "8:0 rbps=max wiops=1", true},
	{"io.max", "8:0", true},
	{"rdma.max", "mlx5_0 hca_handle=max", false},
	{"misc.max", "max 1", true},
	{"misc.max", "sgx_epc max", false},
};

static bool is_limit(const char *path, enum cgroup_write_kind kind, size_t i)
{
	struct cgroup_write write = {.kind = kind, .file = cases[i].file, .value = cases[i].value, .where = "here"};
	const struct cgroup_plan plan = {.path = path, .writes = &write, .write_count = 1};

	return plan_cgroup_endangered(&plan) == &write;
}

/* What could vanish is named; a limit refuses all, and hrun plan says so. */
static void test_warnings(void)
{
	static const struct {
		enum cgroup_write_kind kind;
		const char *value, *path;
		bool look_only, warns;
		int result;
	} of[] = {
		{CGROUP_WEIGHT, "7", "/a.slice/b", false, true, 0},
		{CGROUP_DEFAULT, "7", "/a.slice/b", false, true, 0},
		{CGROUP_DEFAULT, "max", "/a.slice/b", false, false, 0},
		{CGROUP_WEIGHT, "7", "/a.scope/b", false, false, 0},
		{CGROUP_LIMIT, "7", "/a.slice/b", false, false, -EACCES},
		{CGROUP_LIMIT, "7", "/a.slice/b", true, true, 0},
	};

	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
		struct pool pool = {0};
		struct err e = {0};
		struct cgroup_write write = {.kind = of[i].kind,
					     .file = "pids.max",
					     .value = of[i].value,
					     .controller = "pids",
					     .where = "here"};
		struct plan plan = {.cgroup = {.path = of[i].path, .writes = &write, .write_count = 1}};
		CHECK(plan_cgroup_check_place(&pool, of[i].look_only, &plan, &e) == of[i].result, "case %zu", i);
		CHECK(plan.warning_count == of[i].warns, "case %zu: %zu warnings", i, plan.warning_count);
		pool_free(&pool);
	}
}

int main(void)
{
	/* Who is root on the host needs no systemd. */
	CHECK(unshare(CLONE_NEWUSER) == 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CHECK(is_limit("/user.slice/box", CGROUP_LIMIT, i) == cases[i].is_limit, "%s %s", cases[i].file,
		      cases[i].value);
		CHECK(!is_limit("/user.slice/box", CGROUP_WEIGHT, i), "a weight");
		CHECK(!is_limit("/user.slice/x.scope/box", CGROUP_LIMIT, i), "a delegated scope");
		CHECK(is_limit("/user@7.service/box", CGROUP_LIMIT, i) == cases[i].is_limit, "its own service");
	}
	test_warnings();
	return failures != 0;
}
