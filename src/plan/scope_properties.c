/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope_properties.c - what is going to be written to the cgroup, in the words of systemd.resource-control(5).
 *
 * hrun writes the files itself as well, and exactly.  systemd has to know because it writes its own values again whenever it
 * likes (a reload, another property): a limit that it does not know would then be gone.  What has no property, systemd never writes.
 */
#include <hrun/plan_scope.h>
#include <hrun/str.h>
#include <stdlib.h>

enum { CPU_STEP_US = 10000, BYTES_MAX = 1024 };

static const struct {
	const char *file, *property;
	uint32_t since;
} numbers[] = {
	{"memory.max", "MemoryMax", 0},
	{"memory.high", "MemoryHigh", 0},
	{"memory.low", "MemoryLow", 0},
	{"memory.min", "MemoryMin", 240},
	{"memory.swap.max", "MemorySwapMax", 0},
	{"memory.zswap.max", "MemoryZSwapMax", 253},
	{"pids.max", "TasksMax", 0},
	{"cpu.weight", "CPUWeight", 0},
	{"io.weight", "IOWeight", 0},
};

/* As the kernel reads one: "max", or a number with k, m, g, t, for 1024 and so on. */
static bool read_number(struct pool *pool, const char *text, uint64_t *ret)
{
	static const char units[] = "kmgt";
	size_t digits = strspn(text, "0123456789");
	const char *unit = text[digits] ? strchr(units, text[digits] | 0x20) : NULL;
	unsigned int shift = unit ? 10 * (unsigned int)(unit - units + 1) : 0;

	*ret = UINT64_MAX;
	if (str_equal(text, "max"))
		return true;
	if ((text[digits] && (!unit || text[digits + 1])) ||
	    str_to_u64(pool_strndup(pool, text, digits), UINT64_MAX >> shift, ret) < 0)
		return false;
	*ret <<= shift;
	return true;
}

static void add_number(struct pool *pool, const struct cgroup_write *write, struct scope_plan *scope)
{
	const char *text = str_starts(write->value, "default ") ? write->value + strlen("default ") : write->value;
	uint64_t number;

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		if (!str_equal(write->file, numbers[i].file) || !read_number(pool, text, &number))
			continue;
		scope_add_number(scope, numbers[i].property, SCOPE_UINT64, number)->since = numbers[i].since;
	}
}

/* "QUOTA PERIOD" in microseconds; systemd counts what a second may use, in steps. */
static void add_bandwidth(struct pool *pool, const struct cgroup_write *write, struct scope_plan *scope)
{
	size_t length = strcspn(write->value, " ");
	const char *rest = write->value[length] ? write->value + length + 1 : "100000";
	uint64_t quota, period, per_second = UINT64_MAX;

	if (!read_number(pool, pool_strndup(pool, write->value, length), &quota) || !read_number(pool, rest, &period) ||
	    period == 0 || period > UINT32_MAX)
		return;
	if (quota != UINT64_MAX) {
		if (quota > UINT64_MAX / 1000000 - CPU_STEP_US)
			return;
		per_second = (quota * 1000000 + period - 1) / period;
		per_second = (per_second + CPU_STEP_US - 1) / CPU_STEP_US * CPU_STEP_US;
	}
	scope_add_number(scope, "CPUQuotaPerSecUSec", SCOPE_UINT64, per_second);
	scope_add_number(scope, "CPUQuotaPeriodUSec", SCOPE_UINT64, period)->since = 242;
}

/* "0-3,7" as a mask, bit N of byte N/8 first. */
static bool read_set(const char *list, unsigned char mask[BYTES_MAX], size_t *ret_size)
{
	*ret_size = 0;
	for (const char *p = list; *p;) {
		uint64_t first, last;
		char *end;
		if (*p < '0' || *p > '9')
			return false;
		first = last = strtoull(p, &end, 10);
		if (*end == '-' && end[1] >= '0' && end[1] <= '9')
			last = strtoull(end + 1, &end, 10);
		if ((*end && *end != ',') || last < first || last >= 8 * BYTES_MAX)
			return false;
		for (uint64_t bit = first; bit <= last; bit++)
			mask[bit / 8] = (unsigned char)(mask[bit / 8] | 1U << bit % 8);
		*ret_size = last / 8 + 1 > *ret_size ? last / 8 + 1 : *ret_size;
		p = end + (*end == ',');
	}
	return *ret_size > 0;
}

static void add_set(const struct cgroup_write *write, const char *property, struct scope_plan *scope)
{
	unsigned char mask[BYTES_MAX] = {0};
	size_t size = 0;

	/* Only what takes an update back writes an empty list. */
	if (str_equal(write->value, "\n") || read_set(write->value, mask, &size))
		scope_add_bytes(scope, property, mask, size)->since = 244;
}

/* ---- devices of io: "8:0 KEY=N ..." and "8:0 WEIGHT" ---- */

static const char *node_of(struct pool *pool, const char *value)
{
	return pool_printf(pool, "/dev/block/%.*s", (int)strcspn(value, " "), value);
}

static bool find_rate(struct pool *pool, const char *value, const char *key, uint64_t *ret)
{
	const char *found = strstr(value, pool_printf(pool, " %s=", key));

	if (!found)
		return false;
	found += strlen(key) + 2;
	return read_number(pool, pool_strndup(pool, found, strcspn(found, " ")), ret);
}

static void add_rates(struct pool *pool, const struct cgroup_plan *cgroup, const char *key, const char *name,
		      struct scope_plan *scope)
{
	struct scope_property *property = NULL;
	uint64_t rate;

	for (size_t i = 0; i < cgroup->write_count; i++) {
		const struct cgroup_write *write = &cgroup->writes[i];
		if (!str_equal(write->file, "io.max") || !find_rate(pool, write->value, key, &rate))
			continue;
		if (!property)
			property = scope_property(scope, name, SCOPE_WITH_TEXT);
		scope_add_item(scope, property, node_of(pool, write->value), NULL, rate);
	}
}

/* The weight of one device is bfq's, 1 to 1000 here, and 1 to 10000 there. */
static void add_device_weights(struct pool *pool, const struct cgroup_plan *cgroup, struct scope_plan *scope)
{
	struct scope_property *property = NULL;
	uint64_t weight;

	for (size_t i = 0; i < cgroup->write_count; i++) {
		const char *value = cgroup->writes[i].value, *blank = strchr(value, ' ');
		if (!str_equal(cgroup->writes[i].file, "io.bfq.weight") || !blank || !strchr(value, ':') ||
		    !read_number(pool, blank + 1, &weight) || weight < 10 || weight > 1000)
			continue;
		if (!property)
			property = scope_property(scope, "IODeviceWeight", SCOPE_WITH_TEXT);
		scope_add_item(scope, property, node_of(pool, value), NULL, 1 + (weight - 10) * 9999 / 990);
	}
}

/* ---- all ---- */

/* Of 0, which is idle, nothing remains. */
static bool has_weight(const struct scope_plan *scope)
{
	const struct scope_property *weight = scope_find(scope, "CPUWeight");

	return weight && weight->number != 0;
}

static void add_other(struct pool *pool, const struct cgroup_write *write, struct scope_plan *scope)
{
	if (str_equal(write->file, "cpu.max")) {
		add_bandwidth(pool, write, scope);
	} else if (str_equal(write->file, "cpuset.cpus")) {
		add_set(write, "AllowedCPUs", scope);
	} else if (str_equal(write->file, "cpuset.mems")) {
		add_set(write, "AllowedMemoryNodes", scope);
	} else if (str_equal(write->file, "cpu.idle") && str_equal(write->value, "1")) {
		scope_property(scope, "CPUWeight", SCOPE_UINT64)->since = 252;
	} else if (str_equal(write->file, "cpu.idle") && !has_weight(scope)) {
		/* No weight, as before it was idle; one that comes behind takes its place. */
		scope_add_number(scope, "CPUWeight", SCOPE_UINT64, UINT64_MAX);
	} else if (str_equal(write->file, "memory.oom.group")) {
		scope_add_string(scope, "OOMPolicy", str_equal(write->value, "1") ? "kill" : "continue")->since = 253;
	}
}

void plan_scope_properties(struct pool *pool, const struct cgroup_plan *cgroup, struct scope_plan *scope)
{
	for (size_t i = 0; i < cgroup->write_count; i++) {
		add_number(pool, &cgroup->writes[i], scope);
		add_other(pool, &cgroup->writes[i], scope);
	}
	add_device_weights(pool, cgroup, scope);
	add_rates(pool, cgroup, "rbps", "IOReadBandwidthMax", scope);
	add_rates(pool, cgroup, "wbps", "IOWriteBandwidthMax", scope);
	add_rates(pool, cgroup, "riops", "IOReadIOPSMax", scope);
	add_rates(pool, cgroup, "wiops", "IOWriteIOPSMax", scope);
}
