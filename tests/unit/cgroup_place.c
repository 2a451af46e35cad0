/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_place.c - what is a limit where an ordinary user's systemd may take controllers back, and what every new cgroup has.
 */
#include "check.h"
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
	return failures != 0;
}
