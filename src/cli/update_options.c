/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update_options.c - the flags of `update` as linux.resources, so that both go the same way.
 */
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/str.h>
#include <inttypes.h>

struct asked {
	struct config_resources resources;
	struct config_memory memory;
	struct config_cpu cpu;
	struct config_pids pids;
	struct config_block_io block_io;
};

enum kind { KIND_U32, KIND_U64, KIND_I64, KIND_BYTES, KIND_LIST, KIND_IGNORED, KIND_NOT_BUILT };
enum section { SECTION_NONE, SECTION_MEMORY, SECTION_CPU, SECTION_PIDS, SECTION_BLOCK_IO };

struct row {
	const char *name;
	size_t option; /* in struct options */
	enum kind kind;
	enum section section;
	size_t target; /* in struct asked */
};
#define ROW(name, option, kind, section, target)                                               \
	{                                                                                      \
		name, offsetof(struct options, update.option), KIND_##kind, SECTION_##section, \
			offsetof(struct asked, target)                                         \
	}

static const struct row rows[] = {
	ROW("blkio-weight", blkio_weight, U32, BLOCK_IO, block_io.weight),
	ROW("cpu-period", cpu_period, U64, CPU, cpu.period),
	ROW("cpu-quota", cpu_quota, I64, CPU, cpu.quota),
	ROW("cpu-burst", cpu_burst, U64, CPU, cpu.burst),
	ROW("cpu-share", cpu_share, U64, CPU, cpu.shares),
	ROW("cpu-rt-period", cpu_rt_period, U64, CPU, cpu.realtime_period),
	ROW("cpu-rt-runtime", cpu_rt_runtime, I64, CPU, cpu.realtime_runtime),
	ROW("cpu-idle", cpu_idle, I64, CPU, cpu.idle),
	ROW("cpuset-cpus", cpuset_cpus, LIST, CPU, cpu.cpus),
	ROW("cpuset-mems", cpuset_mems, LIST, CPU, cpu.mems),
	ROW("memory", memory, BYTES, MEMORY, memory.limit),
	ROW("memory-reservation", memory_reservation, BYTES, MEMORY, memory.reservation),
	ROW("memory-swap", memory_swap, BYTES, MEMORY, memory.swap),
	ROW("kernel-memory", kernel_memory, IGNORED, NONE, resources),
	ROW("kernel-memory-tcp", kernel_memory_tcp, IGNORED, NONE, resources),
	ROW("pids-limit", pids_limit, I64, PIDS, pids.limit),
	ROW("l3-cache-schema", l3_cache_schema, NOT_BUILT, NONE, resources),
	ROW("mem-bw-schema", mem_bw_schema, NOT_BUILT, NONE, resources),
};

/* "-1", "268435456", "256m", "256M", "256MB", "256MiB": powers of 1024. */
static int read_bytes(const char *text, int64_t *ret_bytes)
{
	static const char units[] = "bkmgtp";
	size_t digits = strspn(text, "0123456789");
	char number[24];
	uint64_t value, shift = 0;

	if (str_equal(text, "-1")) {
		*ret_bytes = -1;
		return 0;
	}
	if (digits == 0 || str_format(number, sizeof number, "%.*s", (int)digits, text) < 0 ||
	    str_to_u64(number, INT64_MAX, &value) < 0)
		return -EINVAL;
	const char *suffix = text + digits, *unit = *suffix ? strchr(units, *suffix | 0x20) : units;
	if (!unit)
		return -EINVAL;
	suffix += *suffix != '\0';
	if (unit != units && *suffix && !str_equal(suffix, "b") && !str_equal(suffix, "B") && !str_equal(suffix, "iB"))
		return -EINVAL;
	if (unit == units && *suffix)
		return -EINVAL;
	shift = 10 * (uint64_t)(unit - units);
	if (value > ((uint64_t)INT64_MAX >> shift))
		return -ERANGE;
	*ret_bytes = (int64_t)(value << shift);
	return 0;
}

static int read_value(const struct row *row, const char *text, void *target)
{
	uint64_t number = 0;
	int r = 0;

	switch (row->kind) {
	case KIND_U32:
		r = str_to_u64(text, UINT32_MAX, &number);
		*(struct opt_u32 *)target = (struct opt_u32){true, (uint32_t)number};
		return r;
	case KIND_U64:
		r = str_to_u64(text, UINT64_MAX, &number);
		*(struct opt_u64 *)target = (struct opt_u64){true, number};
		return r;
	case KIND_I64:
		((struct opt_i64 *)target)->set = true;
		return str_to_i64(text, INT64_MIN, INT64_MAX, &((struct opt_i64 *)target)->value);
	case KIND_BYTES:
		((struct opt_i64 *)target)->set = true;
		return read_bytes(text, &((struct opt_i64 *)target)->value);
	case KIND_LIST:
		*(const char **)target = text;
		return 0;
	case KIND_IGNORED:
	case KIND_NOT_BUILT:
		break;
	}
	return 0;
}

static void link_section(struct asked *asked, enum section section)
{
	if (section == SECTION_MEMORY)
		asked->resources.memory = &asked->memory;
	else if (section == SECTION_CPU)
		asked->resources.cpu = &asked->cpu;
	else if (section == SECTION_PIDS)
		asked->resources.pids = &asked->pids;
	else if (section == SECTION_BLOCK_IO)
		asked->resources.block_io = &asked->block_io;
}

int update_options_read(struct pool *pool, const struct options *options, struct config_resources **ret_resources,
			struct err *e)
{
	struct asked *asked = pool_alloc(pool, sizeof *asked);
	size_t given = 0;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *text = *(const char *const *)((const char *)options + rows[i].option);
		if (!text)
			continue;
		given++;
		if (rows[i].kind == KIND_NOT_BUILT)
			return err_set(e, EOPNOTSUPP, "option --%s: not supported by this version of hrun",
				       rows[i].name);
		if (read_value(&rows[i], text, (char *)asked + rows[i].target) < 0)
			return err_set(e, EINVAL, "option --%s: `%s` is no such value; see hrun update --help",
				       rows[i].name, text);
		link_section(asked, rows[i].section);
	}
	if (!given)
		return err_set(e, EINVAL, "update needs --resources FILE or a new value; see hrun update --help");
	*ret_resources = &asked->resources;
	return 0;
}
