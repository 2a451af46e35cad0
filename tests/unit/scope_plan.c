/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope_plan.c - linux.cgroupsPath as the name of a unit, and what is written to a cgroup in systemd's words.
 */
#include <hrun/plan_cgroup.h>
#include <hrun/plan_scope.h>
#include <hrun/str.h>
#include <stdio.h>

static int failures;
static struct pool pool;
static struct err e;

static void compare(const char *name, const char *got, const char *want)
{
	if (str_equal(got, want))
		return;
	printf("%s: %s\n   instead of %s\n", name, got, want);
	failures++;
}

/* ---- names ---- */

static void test_names(void)
{
	/* path, rootless, unit's place; NULL: refused */
	static const struct {
		const char *path;
		bool user;
		const char *place;
	} cases[] = {
		{"machine.slice:libpod:0f", false, "/machine.slice/libpod-0f.scope"},
		{"machine-libpod_pod_ab.slice:libpod:0f", false,
		 "/machine.slice/machine-libpod_pod_ab.slice/libpod-0f.scope"},
		{"a-b-c.slice:p:n", false, "/a.slice/a-b.slice/a-b-c.slice/p-n.scope"},
		{"kubepods-besteffort-pod1_2.slice:cri-containerd:x", false,
		 "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice/cri-containerd-x.scope"},
		{"-:p:n", false, "/p-n.scope"},
		{"-.slice:p:n", false, "/p-n.scope"},
		{":p:n", false, "/system.slice/p-n.scope"},
		{":p:n", true, "/user.slice/p-n.scope"},
		{"user.slice::n", true, "/user.slice/n.scope"},
		{"", false, "/system.slice/hrun-web.scope"},
		{NULL, true, "/user.slice/hrun-web.scope"},
		{"a\\x2db.slice:p:n", false, "/a\\x2db.slice/p-n.scope"},
		{"a.slice:p:n@1.x_y", false, "/a.slice/p-n@1.x_y.scope"},
		{"a.slice:p", false, NULL},
		{"a.slice:p:n:m", false, NULL},
		{"/a/b", false, NULL},
		{"a.service:p:n", false, NULL},
		{"a:p:n", false, NULL},
		{".slice:p:n", false, NULL},
		{"-a.slice:p:n", false, NULL},
		{"a-.slice:p:n", false, NULL},
		{"a--b.slice:p:n", false, NULL},
		{"a/b.slice:p:n", false, NULL},
		{"../a.slice:p:n", false, NULL},
		{"a..slice:p:n", false, NULL},
		{"a.slice:p:", false, NULL},
		{"a.slice:p:n.slice", false, NULL},
		{"a.slice:p/q:n", false, NULL},
		{"a.slice:p:n/m", false, NULL},
		{"a.slice:..:n", false, NULL},
		{"a.slice:-p:n", false, NULL},
		{"a.slice:p:n\n", false, NULL},
		{"a.slice:p:n m", false, NULL},
		{"a.slice:p:n+m", false, NULL},
	};
	struct scope_name name;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int r = plan_scope_name(&pool, cases[i].path, "web", cases[i].user, &name, &e);
		compare(cases[i].path ? cases[i].path : "(null)", r < 0 ? "refused" : name.path,
			cases[i].place ? cases[i].place : "refused");
	}
	char *longest = pool_printf(&pool, "a.slice:p:%0247d", 1), *longer = pool_printf(&pool, "a.slice:p:%0248d", 1);
	if (plan_scope_name(&pool, longest, "", false, &name, &e) < 0 || strlen(name.unit) != 255 ||
	    plan_scope_name(&pool, longer, "", false, &name, &e) != -ENAMETOOLONG) {
		printf("the length of names: %s\n", e.text);
		failures++;
	}
}

/* ---- properties ---- */

static struct scope_plan *empty(void)
{
	struct scope_plan *scope = pool_alloc(&pool, sizeof *scope);

	scope->request.version = SCOPE_WIRE_VERSION;
	return scope;
}

/* "NAME=VALUE; ...", with @N where an older systemd does not know it. */
static const char *text_of(const struct scope_plan *scope)
{
	const char *text = "";

	for (size_t i = 0; i < scope->request.property_count; i++) {
		const struct scope_property *p = &scope->request.properties[i];
		text = pool_printf(&pool, "%s%s%s", text, *text ? "; " : "",
				   scope_property_text(&pool, &scope->request, p));
		if (p->since)
			text = pool_printf(&pool, "%s@%u", text, p->since);
	}
	return text;
}

/* A weight remains, whatever stands before and behind; what was idle has none. */
static void test_weight_and_idle(void)
{
	static const struct {
		const char *files[3], *values[3], *told;
	} cases[] = {
		{{"cpu.weight", "cpu.idle"}, {"59", "0"}, "CPUWeight=59"},
		{{"cpu.idle", "cpu.weight"}, {"0", "59"}, "CPUWeight=59"},
		{{"cpu.weight", "cpu.idle"}, {"59", "1"}, "CPUWeight=0@252"},
		{{"cpu.weight", "cpu.idle", "cpu.idle"}, {"59", "1", "0"}, "CPUWeight=infinity"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct cgroup_plan plan = {0};
		struct scope_plan *scope = empty();
		for (size_t j = 0; j < 3 && cases[i].files[j]; j++)
			plan_cgroup_write(&pool, &plan, CGROUP_LIMIT, cases[i].files[j], cases[i].values[j], "");
		plan_scope_properties(&pool, &plan, scope);
		compare(cases[i].values[1], text_of(scope), cases[i].told);
	}
}

/* FILE=VALUE as it would be written, and what systemd is told. */
static void test_properties(void)
{
	static const char *const cases[][2] = {
		{"memory.max=67108864", "MemoryMax=67108864"},
		{"memory.max=max", "MemoryMax=infinity"},
		{"memory.max=64M", "MemoryMax=67108864"},
		{"memory.max=1g", "MemoryMax=1073741824"},
		{"memory.max=1gb", ""},
		{"memory.max=99999999999999999999", ""},
		{"memory.max=18446744073709551615k", ""},
		{"memory.low=5", "MemoryLow=5"},
		{"memory.min=5", "MemoryMin=5@240"},
		{"memory.high=5", "MemoryHigh=5"},
		{"memory.swap.max=0", "MemorySwapMax=0"},
		{"memory.zswap.max=0", "MemoryZSwapMax=0@253"},
		{"memory.oom.group=1", "OOMPolicy=kill@253"},
		{"memory.oom.group=0", "OOMPolicy=continue@253"},
		{"pids.max=1", "TasksMax=1"},
		{"pids.max=max", "TasksMax=infinity"},
		{"cpu.weight=39", "CPUWeight=39"},
		{"cpu.idle=1", "CPUWeight=0@252"},
		{"cpu.idle=0", "CPUWeight=infinity"},
		/* rounded up to 10 ms a second */
		{"cpu.max=50000 100000", "CPUQuotaPerSecUSec=500000; CPUQuotaPeriodUSec=100000@242"},
		{"cpu.max=1000 100000", "CPUQuotaPerSecUSec=10000; CPUQuotaPeriodUSec=100000@242"},
		{"cpu.max=33333 100000", "CPUQuotaPerSecUSec=340000; CPUQuotaPeriodUSec=100000@242"},
		{"cpu.max=1 3000", "CPUQuotaPerSecUSec=10000; CPUQuotaPeriodUSec=3000@242"},
		{"cpu.max=max 50000", "CPUQuotaPerSecUSec=infinity; CPUQuotaPeriodUSec=50000@242"},
		{"cpu.max=200000", "CPUQuotaPerSecUSec=2000000; CPUQuotaPeriodUSec=100000@242"},
		{"cpu.max=1 0", ""},
		/* an update that is taken back: every processor, which was no list */
		{"cpuset.cpus=\n", "AllowedCPUs=0x@244"},
		{"cpuset.cpus=0-3,7", "AllowedCPUs=0x8f@244"},
		{"cpuset.cpus=8", "AllowedCPUs=0x0100@244"},
		{"cpuset.cpus=12,1-2", "AllowedCPUs=0x1006@244"},
		{"cpuset.cpus=0-8192", ""},
		{"cpuset.cpus=3-1", ""},
		{"cpuset.cpus=0-", ""},
		{"cpuset.mems=0", "AllowedMemoryNodes=0x01@244"},
		{"io.weight=500", "IOWeight=500"},
		{"io.weight=default 500", "IOWeight=500"},
		{"io.bfq.weight=8:0 1000", "IODeviceWeight=/dev/block/8:0 10000"},
		{"io.bfq.weight=100", ""},
		{"io.max=8:0 rbps=1024", "IOReadBandwidthMax=/dev/block/8:0 1024"},
		{"io.max=8:0 wbps=max", "IOWriteBandwidthMax=/dev/block/8:0 infinity"},
		{"io.max=8:0 riops=7 wiops=9", "IOReadIOPSMax=/dev/block/8:0 7; IOWriteIOPSMax=/dev/block/8:0 9"},
		{"hugetlb.2MB.max=0", ""},
		{"cpu.max.burst=5", ""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct cgroup_plan plan = {0};
		struct scope_plan *scope = empty();
		const char *equals = strchr(cases[i][0], '=');
		plan_cgroup_write(&pool, &plan, CGROUP_LIMIT,
				  pool_strndup(&pool, cases[i][0], (size_t)(equals - cases[i][0])), equals + 1, "");
		plan_scope_properties(&pool, &plan, scope);
		compare(cases[i][0], text_of(scope), cases[i][1]);
	}
}

/* What stands later in the config is what holds, and it is said once. */
static void test_twice(void)
{
	struct cgroup_plan plan = {0};
	struct scope_plan *scope = empty();

	plan_cgroup_write(&pool, &plan, CGROUP_LIMIT, "memory.max", "5", "");
	plan_cgroup_write(&pool, &plan, CGROUP_LIMIT, "io.max", "8:0 rbps=1", "");
	plan_cgroup_write(&pool, &plan, CGROUP_LIMIT, "io.max", "8:16 rbps=2", "");
	plan_cgroup_write(&pool, &plan, CGROUP_LIMIT, "memory.max", "7", "");
	plan_scope_properties(&pool, &plan, scope);
	compare("twice", text_of(scope), "MemoryMax=7; IOReadBandwidthMax=/dev/block/8:0 1, /dev/block/8:16 2");
}

/* ---- devices ---- */

static void test_devices(void)
{
	struct config_device_rule rules[] = {
		{.access = "rwm"},
		{.allow = true, .type = "c", .major = {true, 10}, .minor = {true, 200}, .access = "rw"},
		{.allow = true, .type = "b", .major = {true, 8}},
		{.allow = true, .type = "c", .minor = {true, 3}, .access = "r"},
		{.allow = true, .major = {true, 7}, .minor = {true, 7}, .access = "m"},
		{.type = "c", .major = {true, 10}, .minor = {true, 200}, .access = "w"},
	};
	const struct config_resources resources = {.devices = rules, .device_count = sizeof rules / sizeof rules[0]};
	struct scope_plan *scope = empty();
	static const char defaults[] =
		", char-* m, block-* m, /dev/char/1:3 rwm, /dev/char/1:5 rwm, /dev/char/1:7 rwm, /dev/char/1:8 rwm, "
		"/dev/char/1:9 rwm, /dev/char/5:0 rwm, /dev/char/5:2 rwm, char-136 rwm";

	plan_scope_devices(&pool, &resources, true, scope);
	compare("devices", text_of(scope),
		pool_printf(
			&pool,
			"DevicePolicy=strict; DeviceAllow=/dev/char/10:200 rw, block-8 rwm, char-* r, /dev/char/7:7 m, "
			"/dev/block/7:7 m%s",
			defaults));
	scope = empty();
	plan_scope_devices(&pool, NULL, false, scope);
	compare("all devices", text_of(scope), "DevicePolicy=auto; DeviceAllow=");
}

/* More than fits is widened and still fits: hrun's own filter is the exact one. */
static void test_many_devices(void)
{
	struct config_device_rule *rules = pool_alloc(&pool, 1000 * sizeof *rules);
	const struct config_resources resources = {.devices = rules, .device_count = 1000};
	struct scope_plan *scope = empty();

	for (int i = 0; i < 1000; i++)
		rules[i] = (struct config_device_rule){
			.allow = true, .type = "c", .major = {true, 10}, .minor = {true, i}};
	plan_scope_devices(&pool, &resources, true, scope);
	if (scope_check_size(scope, &e) < 0 || !strstr(text_of(scope), "DeviceAllow=char-* rwm, block-* rwm, ")) {
		printf("many devices: %s\n", text_of(scope));
		failures++;
	}
}

/* ---- annotations ---- */

static void test_annotations(void)
{
	/* the annotation behind the prefix, its value, what is told; "!": refused */
	static const char *const cases[][3] = {
		{"KillSignal", "15", "KillSignal=15"},
		{"KillSignal", "int32 9", "KillSignal=9"},
		{"TimeoutStopUSec", "uint64 10000000", "TimeoutStopUSec=10000000"},
		{"TimeoutStopUSec", "10", "TimeoutStopUSec=10"},
		{"TimeoutStopUSec", "-1", "!"},
		{"TimeoutStopUSec", "'10'", "!"},
		{"TimeoutStopUSec", "uint64 10 ", "TimeoutStopUSec=10"},
		{"TimeoutStopUSec", "uint64 10 20", "!"},
		{"TimeoutStopUSec", "", "!"},
		{"KillSignal", "uint64 99999999999", "!"},
		{"KillSignal", "99999999999", "!"},
		{"CollectMode", "'inactive'", "CollectMode=inactive"},
		{"CollectMode", "inactive", "!"},
		{"Description", "\"a \\\"b\\\" c\"", "Description=a \"b\" c"},
		{"Description", "'a", "!"},
		{"Description", "'a\\n'", "!"},
		{"Description", "'a\nb'", "!"},
		{"After", "['a.service', \"b.service\"]", "After=a.service, b.service"},
		{"After", "[ ]", "After="},
		{"After", "['a.service'", "!"},
		{"After", "['a' 'b']", "!"},
		{"After", "'a.service'", "!"},
		{"Before", "['a.service']", "Before=a.service"},
		/* would start it */
		{"Wants", "['reboot.target']", ""},
		{"Ab", "true", "!"},
		{"Kill Signal", "15", "!"},
		{"", "15", "!"},
		{"MemoryMax", "uint64 5", ""},
		{"Slice", "'x.slice'", ""},
		{"Delegate", "false", ""},
		{"DelegateControllers", "['cpu']", ""},
		{"PIDs", "[1]", ""},
		/* named by the policy file */
		{"SendSIGKILL", "false", "SendSIGKILL=no"},
		{"SendSIGKILL", "uint32 7", "SendSIGKILL=7"},
		{"RuntimeMaxSec", "5", "RuntimeMaxUSec=5000000"},
		{"RuntimeMaxSec", "'5'", "!"},
		{"DeviceAllow", "['x']", ""},
	};
	static const char *names[] = {"SendSIGKILL", "RuntimeMaxSec", "DeviceAllow"};
	const struct string_list allowed = {.item = names, .count = 3};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct string_pair pair = {pool_printf(&pool, "org.systemd.property.%s", cases[i][0]), cases[i][1]};
		const struct string_map map = {.item = &pair, .count = 1};
		struct plan plan = {.cgroup.scope = empty()};
		int r = plan_scope_annotations(&pool, &map, &allowed, &plan, &e);
		compare(pool_printf(&pool, "%s=%s", cases[i][0], cases[i][1]), r < 0 ? "!" : text_of(plan.cgroup.scope),
			cases[i][2]);
		if (r >= 0 && !*cases[i][2] && plan.warning_count != 1)
			compare(cases[i][0], "no warning", "one");
	}
}

/* ---- size ---- */

static void test_size(void)
{
	struct scope_plan *scope = empty();

	for (int i = 0; i < SCOPE_PROPERTIES_MAX; i++)
		scope_add_number(scope, pool_printf(&pool, "P%d", i), SCOPE_BOOL, 1);
	if (scope_check_size(scope, &e) < 0)
		compare("all properties", e.text, "fit");
	scope_add_number(scope, "More", SCOPE_BOOL, 1);
	if (scope_check_size(scope, &e) != -E2BIG || scope->request.property_count != SCOPE_PROPERTIES_MAX)
		compare("one property too many", "fits", "does not");
	scope = empty();
	scope_add_string(scope, "Text", pool_printf(&pool, "%0*d", SCOPE_TEXT_SIZE - 2, 1));
	if (scope_check_size(scope, &e) < 0)
		compare("the longest text", e.text, "fits");
	scope_add_string(scope, "Text2", "x");
	if (scope_check_size(scope, &e) != -E2BIG)
		compare("one text too many", "fits", "does not");
	scope = empty();
	struct scope_property *list = scope_property(scope, "List", SCOPE_STRINGS);
	for (int i = 0; i <= SCOPE_ITEMS_MAX; i++)
		scope_add_item(scope, list, "x", NULL, 0);
	if (scope_check_size(scope, &e) != -E2BIG || list->item_count != SCOPE_ITEMS_MAX)
		compare("one item too many", "fits", "does not");
}

int main(void)
{
	test_names();
	test_properties();
	test_weight_and_idle();
	test_twice();
	test_devices();
	test_many_devices();
	test_annotations();
	test_size();
	pool_free(&pool);
	return failures != 0;
}
