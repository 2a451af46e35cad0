/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_resources.c - linux.resources as writes to cgroup v2, paths, and what happens where a controller is missing.
 */
#include <hrun/plan_cgroup.h>
#include <hrun/str.h>
#include <stdio.h>

static int failures;
static struct pool pool;
static struct err e;

#define SET(x)            \
	{                 \
		true, (x) \
	}

/* "FILE=VALUE" with a mark of its kind, one line a write. */
static const char *text_of(const struct cgroup_plan *plan)
{
	const char *text = "";

	for (size_t i = 0; i < plan->write_count; i++) {
		const struct cgroup_write *w = &plan->writes[i];
		text = pool_printf(&pool, "%s%s%s%s=%s%s%s%s", text, *text ? "; " : "",
				   w->kind == CGROUP_WEIGHT ? "~" : "", w->file, w->value, w->absent_ok ? "?" : "",
				   w->either ? "|" : "", w->last ? "!" : "");
	}
	return text;
}

static void expect(const char *name, const struct config_resources *resources, const char *want)
{
	struct cgroup_plan plan = {0};
	int r = plan_resources(&pool, resources, &plan, &e);
	const char *got = r < 0 ? e.text : text_of(&plan);

	if (r == 0 ? str_equal(got, want) : str_starts(want, "!") && str_starts(got, want + 1))
		return;
	printf("%s: %s\n   instead of %s\n", name, got, want);
	failures++;
}

static void test_shares(void)
{
	static const uint64_t known[][2] = {{1, 1},	 {2, 1},	  {3, 2},	   {100, 17},
					    {512, 59},	 {1024, 100},	  {2000, 170},	   {2048, 174},
					    {4096, 303}, {262144, 10000}, {262145, 10000}, {UINT64_MAX, 10000}};
	uint64_t sum = 0xcbf29ce484222325;

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		uint64_t weight = plan_weight_of_shares(known[i][0]);
		if (weight != known[i][1]) {
			printf("%ju shares are %ju, not %ju\n", (uintmax_t)known[i][0], (uintmax_t)weight,
			       (uintmax_t)known[i][1]);
			failures++;
		}
	}
	/* FNV-1a over all weights, low byte first; the reference was computed with 50 decimal digits. */
	for (uint64_t shares = 0; shares < 262200; shares++) {
		uint64_t weight = shares ? plan_weight_of_shares(shares) : 0;
		sum = (sum ^ (weight & 255)) * 0x100000001b3;
		sum = (sum ^ (weight >> 8)) * 0x100000001b3;
	}
	if (sum != 0xadc685f7178bee46) {
		printf("some weights are off by one: %jx\n", (uintmax_t)sum);
		failures++;
	}
}

static void cpu(struct config_cpu value, const char *want)
{
	expect("cpu", &(struct config_resources){.cpu = &value}, want);
}

static void test_cpu(void)
{
	cpu((struct config_cpu){.shares = SET(0), .quota = SET(0), .period = SET(0)}, "");
	cpu((struct config_cpu){.shares = SET(1024)}, "~cpu.weight=100");
	cpu((struct config_cpu){.shares = SET(1024), .idle = SET(0)}, "~cpu.weight=100");
	cpu((struct config_cpu){.shares = SET(1024), .idle = SET(1)}, "cpu.idle=1");
	cpu((struct config_cpu){.idle = SET(2)}, "!linux.resources.cpu.idle: ");
	cpu((struct config_cpu){.quota = SET(50000)}, "cpu.max=50000 100000");
	cpu((struct config_cpu){.quota = SET(50000), .period = SET(20000)}, "cpu.max=50000 20000");
	cpu((struct config_cpu){.quota = SET(-1), .period = SET(20000)}, "cpu.max=max 20000");
	cpu((struct config_cpu){.quota = SET(-1), .period = SET(100000)}, "cpu.max=max 100000?");
	cpu((struct config_cpu){.quota = SET(-1)}, "cpu.max=max 100000?");
	cpu((struct config_cpu){.period = SET(20000)}, "cpu.max=max 20000");
	cpu((struct config_cpu){.quota = SET(50000), .burst = SET(1000)}, "cpu.max=50000 100000; cpu.max.burst=1000");
	cpu((struct config_cpu){.cpus = "0-3,7", .mems = "0"}, "cpuset.cpus=0-3,7; cpuset.mems=0");
	cpu((struct config_cpu){.cpus = "", .mems = ""}, "");
	cpu((struct config_cpu){.cpus = "0\n1"}, "!linux.resources.cpu.cpus: ");
	cpu((struct config_cpu){.mems = "all"}, "!linux.resources.cpu.mems: ");
	cpu((struct config_cpu){.cpus = ","}, "!linux.resources.cpu.cpus: ");
	cpu((struct config_cpu){.mems = ",-,"}, "!linux.resources.cpu.mems: ");
	cpu((struct config_cpu){.realtime_period = SET(0), .realtime_runtime = SET(0)}, "");
	cpu((struct config_cpu){.realtime_period = SET(1)}, "!linux.resources.cpu.realtimePeriod: cgroup v2");
	cpu((struct config_cpu){.realtime_runtime = SET(1)}, "!linux.resources.cpu.realtimeRuntime: cgroup v2");
}

static void memory(struct config_memory value, const char *want)
{
	expect("memory", &(struct config_resources){.memory = &value}, want);
}

static void test_memory(void)
{
	memory((struct config_memory){.limit = SET(0), .swap = SET(0), .reservation = SET(0)}, "");
	memory((struct config_memory){.limit = SET(4096)}, "memory.max=4096");
	memory((struct config_memory){.limit = SET(-1)}, "memory.swap.max=max?; memory.max=max?");
	memory((struct config_memory){.limit = SET(4096), .swap = SET(4096)}, "memory.swap.max=0?; memory.max=4096");
	memory((struct config_memory){.limit = SET(4096), .swap = SET(10000)}, "memory.swap.max=5904; memory.max=4096");
	memory((struct config_memory){.limit = SET(4096), .swap = SET(-1)}, "memory.swap.max=max?; memory.max=4096");
	memory((struct config_memory){.limit = SET(-1), .swap = SET(10000)}, "memory.swap.max=10000; memory.max=max?");
	memory((struct config_memory){.swap = SET(-1)}, "memory.swap.max=max?");
	memory((struct config_memory){.limit = SET(4096), .swap = SET(4095)}, "!linux.resources.memory.swap: ");
	memory((struct config_memory){.swap = SET(1)}, "!linux.resources.memory.swap: needs");
	memory((struct config_memory){.limit = SET(-2)}, "!linux.resources.memory.limit: ");
	memory((struct config_memory){.swap = SET(INT64_MIN)}, "!linux.resources.memory.swap: ");
	memory((struct config_memory){.limit = SET(1), .swap = SET(INT64_MAX)},
	       "memory.swap.max=9223372036854775806; memory.max=1");
	memory((struct config_memory){.reservation = SET(2048)}, "memory.low=2048");
	memory((struct config_memory){.reservation = SET(-1)}, "memory.low=max");
	memory((struct config_memory){.kernel = SET(-1),
				      .kernel_tcp = SET(0),
				      .disable_oom_killer = SET(false),
				      .use_hierarchy = SET(true),
				      .check_before_update = SET(true)},
	       "");
	memory((struct config_memory){.kernel = SET(1)}, "!linux.resources.memory.kernel: cgroup v2");
	memory((struct config_memory){.kernel_tcp = SET(1)}, "!linux.resources.memory.kernelTCP: cgroup v2");
	memory((struct config_memory){.swappiness = SET(0)}, "!linux.resources.memory.swappiness: cgroup v2");
	memory((struct config_memory){.disable_oom_killer = SET(true)},
	       "!linux.resources.memory.disableOOMKiller: cgroup v2");
}

/* The type of resources->pids has no name. */
static void pids(int64_t limit, const char *want)
{
	struct opt_i64 value = SET(limit);

	expect("pids", &(struct config_resources){.pids = (void *)&value}, want);
}

static void test_pids(void)
{
	pids(0, "pids.max=1!");
	pids(2048, "pids.max=2048!");
	pids(-1, "pids.max=max?!");
	pids(-2, "!linux.resources.pids.limit: ");
}

static void io(struct config_block_io value, const char *want)
{
	expect("blockIO", &(struct config_resources){.block_io = &value}, want);
}

static void test_block_io(void)
{
	struct config_weight_device weight[] = {{8, 0, SET(500), {0}}, {8, 16, {0}, SET(0)}},
				    none[] = {{8, 0, {0}, {0}}}, leaf[] = {{8, 0, {0}, SET(10)}},
				    wild[] = {{4096, 0, SET(10), {0}}};
	struct config_throttle a[] = {{8, 0, SET(1048576)}, {8, 16, SET(0)}}, b[] = {{8, 0, {0}}},
			       c[] = {{8, -1, SET(1)}};

	io((struct config_block_io){.weight = SET(0), .leaf_weight = SET(0)}, "");
	io((struct config_block_io){.weight = SET(10)}, "io.bfq.weight=10|; io.weight=1|");
	io((struct config_block_io){.weight = SET(500)}, "io.bfq.weight=500|; io.weight=4950|");
	io((struct config_block_io){.weight = SET(1000)}, "io.bfq.weight=1000|; io.weight=10000|");
	io((struct config_block_io){.weight = SET(9)}, "!linux.resources.blockIO.weight: must");
	io((struct config_block_io){.weight = SET(1001)}, "!linux.resources.blockIO.weight: must");
	io((struct config_block_io){.leaf_weight = SET(10)}, "!linux.resources.blockIO.leafWeight: cgroup v2");
	io((struct config_block_io){.weight_device = weight, .weight_device_count = 2}, "io.bfq.weight=8:0 500");
	io((struct config_block_io){.weight_device = leaf, .weight_device_count = 1},
	   "!linux.resources.blockIO.weightDevice[0].leafWeight: cgroup v2");
	io((struct config_block_io){.weight_device = none, .weight_device_count = 1},
	   "!linux.resources.blockIO.weightDevice[0]: neither weight nor leafWeight is given");
	io((struct config_block_io){.weight_device = wild, .weight_device_count = 1},
	   "!linux.resources.blockIO.weightDevice[0]: 4096:0");
	io((struct config_block_io){.read_bps = a, .read_bps_count = 2},
	   "io.max=8:0 rbps=1048576; io.max=8:16 rbps=max?");
	io((struct config_block_io){.write_bps = a, .write_bps_count = 1}, "io.max=8:0 wbps=1048576");
	io((struct config_block_io){.read_iops = a, .read_iops_count = 1}, "io.max=8:0 riops=1048576");
	io((struct config_block_io){.write_iops = a, .write_iops_count = 1}, "io.max=8:0 wiops=1048576");
	io((struct config_block_io){.read_bps = b, .read_bps_count = 1},
	   "!linux.resources.blockIO.throttleReadBpsDevice[0].rate: is missing");
	io((struct config_block_io){.read_iops = c, .read_iops_count = 1},
	   "!linux.resources.blockIO.throttleReadIOPSDevice[0]: 8:-1");
}

static void huge(const char *size, const char *want)
{
	struct config_hugepage_limit limit = {size, 4194304};

	expect("hugepageLimits", &(struct config_resources){.hugepage_limits = &limit, .hugepage_limit_count = 1},
	       want);
}

static void rdma(struct config_rdma value, const char *want)
{
	expect("rdma", &(struct config_resources){.rdma = &value, .rdma_count = 1}, want);
}

static void unified(const char *key, const char *value, const char *want)
{
	struct string_pair pair = {key, value};

	expect("unified", &(struct config_resources){.unified = {&pair, 1, true}}, want);
}

static void test_lists(void)
{
	huge("2MB", "hugetlb.2MB.rsvd.max=4194304?; hugetlb.2MB.max=4194304");
	huge("1GB", "hugetlb.1GB.rsvd.max=4194304?; hugetlb.1GB.max=4194304");
	static const char *const sizes[] = {"",	  "2mb",  "02MB", "MB",	       "2MB.max/../x",
					    "2M", "2MBB", "-2MB", "12345678KB"};
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		huge(sizes[i], "!linux.resources.hugepageLimits[0].pageSize: ");
	rdma((struct config_rdma){"mlx5_1", SET(3), SET(10000)}, "rdma.max=mlx5_1 hca_handle=3 hca_object=10000");
	rdma((struct config_rdma){"mlx5_1", {0}, SET(5)}, "rdma.max=mlx5_1 hca_object=5");
	rdma((struct config_rdma){"mlx5_1", {0}, {0}}, "!linux.resources.rdma[\"mlx5_1\"]: neither");
	rdma((struct config_rdma){"a hca_handle=9", SET(1), {0}}, "!linux.resources.rdma: ");
	unified("memory.high", "1000", "memory.high=1000");
	unified("memory.max", "max", "memory.max=max");
	unified("cpu.weight", "50", "cpu.weight=50");
	unified("pids.max", "5", "pids.max=5!");
	unified("hugetlb.2MB.max", "0", "hugetlb.2MB.max=0");
	unified("io.max", "8:0 rbps=1\n8:16 rbps=2\n", "io.max=8:0 rbps=1; io.max=8:16 rbps=2");
	unified("memory.high", "", "!linux.resources.unified[\"memory.high\"]: the value is empty");
	unified("memory.high", "\n", "!linux.resources.unified[\"memory.high\"]: the value is empty");
	unified("memory.high", " ", "!linux.resources.unified[\"memory.high\"]: the value is empty");
	unified("cpuset.cpus", "\t\n \n", "!linux.resources.unified[\"cpuset.cpus\"]: the value is empty");
	unified("memory.high", "1\r2", "!linux.resources.unified[\"memory.high\"]: the value holds");
	static const char *const keys[] = {"",
					   "memory",
					   "memory.",
					   ".max",
					   "cgroup.procs",
					   "cgroup.kill",
					   "a/memory.max",
					   "memory./max",
					   "memory..",
					   "memory max",
					   "../x.y",
					   "memory.ma\nx"};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		unified(keys[i], "1", "!linux.resources.unified: the key ");
}

/* The order on which the kernel and the tables of docs/ agree; unified last. */
static void test_order(void)
{
	struct config_memory m = {.limit = SET(4096)};
	struct config_cpu c = {.quota = SET(1000)};
	struct opt_i64 p = SET(5);
	struct string_pair pair = {"memory.high", "1"};
	struct config_hugepage_limit h = {"2MB", 0};

	expect("order",
	       &(struct config_resources){.memory = &m,
					  .cpu = &c,
					  .pids = (void *)&p,
					  .hugepage_limits = &h,
					  .hugepage_limit_count = 1,
					  .unified = {&pair, 1, true}},
	       "pids.max=5!; memory.max=4096; cpu.max=1000 100000; hugetlb.2MB.rsvd.max=0?; hugetlb.2MB.max=0; "
	       "memory.high=1");
}

static void path(const char *given, const char *want)
{
	const char *got = NULL;
	int r = plan_cgroup_path(&pool, given, "web-1", &got, &e);

	if (want ? r == 0 && str_equal(got, want) : r < 0 && str_starts(e.text, "linux.cgroupsPath: "))
		return;
	printf("path %s: %s\n", given ? given : "NULL", r < 0 ? e.text : got);
	failures++;
}

static void test_paths(void)
{
	path(NULL, "/hrun/web-1");
	path("", "/hrun/web-1");
	path("/machine/web-1", "/machine/web-1");
	path("a/b", "/hrun/a/b");
	path("/a/..b/...", "/a/..b/...");
	path("/one:colon", "/one:colon");
	static const char *const bad[] = {
		"/",  "//",	"/a//b",  "/a/",   "a/",    "/..",    "/a/../b",
		"..", ".",	"/a/./b", "/a\nb", "/a\tb", "/a\x7f", "machine.slice:libpod:1",
		"::", "/a:b:c", "//a"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		path(bad[i], NULL);
	path(pool_printf(&pool, "/%0300d", 0), NULL);
	path(pool_printf(&pool, "/%0200d/%05000d", 0, 0), NULL);
}

/* All that is asked for by name, but for shares. */
static void test_missing_controllers(void)
{
	struct config_block_io io = {.weight = SET(500)};
	struct config_weight_device device = {8, 0, SET(500), {0}};
	struct config_block_io devices = {.weight_device = &device, .weight_device_count = 1};
	struct config_cpu idle = {.idle = SET(1)}, busy = {.idle = SET(0)};
	struct config_memory reservation = {.reservation = SET(4096)}, all = {.reservation = SET(-1)};
	struct string_pair pair = {"cpu.weight", "50"};
	const struct {
		struct config_resources resources;
		const char *controller; /* that is missed; NULL: none */
	} cases[] = {
		{{.block_io = &io}, "io"},
		{{.block_io = &devices}, "io"},
		{{.cpu = &idle}, "cpu"},
		{{.cpu = &busy}, NULL},
		{{.memory = &reservation}, "memory"},
		{{.memory = &all}, "memory"},
		{{.unified = {&pair, 1, true}}, "cpu"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct plan plan = {0};
		plan_resources(&pool, &cases[i].resources, &plan.cgroup, &e);
		int r = plan_cgroup_available(&pool, "pids", false, &plan, &e);
		const char *missed = cases[i].controller;
		if (missed ? r >= 0 || !strstr(e.text, pool_printf(&pool, "no %s controller", missed)) : r < 0)
			printf("%zu: without its controller: %d %s\n", i, r, e.text), failures++;
	}
}

static void test_missing_controller(void)
{
	static const char *const phrases[] = {"no such file", "not found", "permission denied",
					      "operation not permitted"};
	struct config_memory m = {.limit = SET(4096)};
	struct config_cpu c = {.shares = SET(1024)};
	struct config_resources limit = {.memory = &m}, weight = {.cpu = &c};
	struct plan plan = {0};

	plan_resources(&pool, &limit, &plan.cgroup, &e);
	int r = plan_cgroup_available(&pool, "cpu memoryx\n", false, &plan, &e);
	if (r >= 0 ||
	    !str_equal(e.text, "linux.resources.memory.limit: this host's cgroup2 has no memory controller; enable "
			       "it or remove the limit"))
		printf("a limit without its controller: %d %s\n", r, e.text), failures++;
	for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
		if (strcasestr(e.text, phrases[i]))
			printf("an engine takes \"%s\" for something else\n", e.text), failures++;
	if (plan_cgroup_available(&pool, "", true, &plan, &e) != 0 || plan.warning_count != 1)
		printf("to look only is no error, but a warning\n"), failures++;

	plan = (struct plan){0};
	plan_resources(&pool, &weight, &plan.cgroup, &e);
	r = plan_cgroup_available(&pool, "memory", false, &plan, &e);
	if (r != 0 || plan.cgroup.write_count || plan.cgroup.controller_count || plan.warning_count != 1)
		printf("shares without their controller are left out with a warning\n"), failures++;

	plan = (struct plan){0};
	plan_resources(&pool, &limit, &plan.cgroup, &e);
	plan_resources(&pool, &limit, &plan.cgroup, &e);
	plan_resources(&pool, &weight, &plan.cgroup, &e);
	r = plan_cgroup_available(&pool, "cpuset cpu io memory\n", false, &plan, &e);
	if (r != 0 || plan.cgroup.write_count != 3 || plan.cgroup.controller_count != 2 || plan.warning_count)
		printf("what is there is kept, each controller named once\n"), failures++;

	plan = (struct plan){0};
	m.limit.value = -1;
	plan_resources(&pool, &limit, &plan.cgroup, &e);
	if (plan_cgroup_available(&pool, "", false, &plan, &e) != 0 || plan.cgroup.write_count || plan.warning_count)
		printf("no limit needs no controller\n"), failures++;

	plan = (struct plan){.cgroup.disabled = true};
	m.limit.value = 1;
	plan_resources(&pool, &limit, &plan.cgroup, &e);
	if (plan_cgroup_available(&pool, "", false, &plan, &e) >= 0 || !strstr(e.text, "cgroups are disabled"))
		printf("a limit without a cgroup: %s\n", e.text), failures++;
}

static void test_network(void)
{
	struct {
		struct opt_u32 class_id;
		struct config_network_priority *priorities;
		size_t priority_count;
	} net = {0};
	struct config_resources resources = {.network = (void *)&net};

	expect("network", &resources, "");
	net.class_id = (struct opt_u32)SET(1);
	expect("network", &resources, "!linux.resources.network.classID: cgroup v2");
	net.class_id.set = false;
	net.priority_count = 1;
	expect("network", &resources, "!linux.resources.network.priorities: cgroup v2");
}

int main(void)
{
	test_shares();
	test_cpu();
	test_memory();
	test_pids();
	test_block_io();
	test_lists();
	test_order();
	test_paths();
	test_missing_controller();
	test_missing_controllers();
	test_network();
	pool_free(&pool);
	return failures != 0;
}
