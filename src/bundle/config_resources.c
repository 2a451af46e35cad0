/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_resources.c - the tables of `linux.resources` (config-linux.md#control-groups).
 */
#include <hrun/field.h>

/* -1 stands for every number; the kernel has no other negative one. */
#define DEVICE_NUMBER .min = -1, .max = INT64_MAX

static const struct field device_rule_fields[] = {
	{"allow", FIELD_BOOL, .required = true, .offset = offsetof(struct config_device_rule, allow)},
	{"type", FIELD_STRING, .offset = offsetof(struct config_device_rule, type)},
	{"major", FIELD_OPT_I64, .offset = offsetof(struct config_device_rule, major), DEVICE_NUMBER},
	{"minor", FIELD_OPT_I64, .offset = offsetof(struct config_device_rule, minor), DEVICE_NUMBER},
	{"access", FIELD_STRING, .offset = offsetof(struct config_device_rule, access)},
};
static const struct field_table device_rule_table = FIELD_TABLE(struct config_device_rule, device_rule_fields);

static const struct field memory_fields[] = {
	{"limit", FIELD_OPT_I64, .offset = offsetof(struct config_memory, limit)},
	{"reservation", FIELD_OPT_I64, .offset = offsetof(struct config_memory, reservation)},
	{"swap", FIELD_OPT_I64, .offset = offsetof(struct config_memory, swap)},
	{"kernel", FIELD_OPT_I64, .offset = offsetof(struct config_memory, kernel)},
	{"kernelTCP", FIELD_OPT_I64, .offset = offsetof(struct config_memory, kernel_tcp)},
	{"swappiness", FIELD_OPT_U64, .offset = offsetof(struct config_memory, swappiness)},
	{"disableOOMKiller", FIELD_OPT_BOOL, .offset = offsetof(struct config_memory, disable_oom_killer)},
	{"useHierarchy", FIELD_OPT_BOOL, .offset = offsetof(struct config_memory, use_hierarchy)},
	{"checkBeforeUpdate", FIELD_OPT_BOOL, .offset = offsetof(struct config_memory, check_before_update)},
};
static const struct field_table memory_table = FIELD_TABLE(struct config_memory, memory_fields);

static const struct field cpu_fields[] = {
	{"cpus", FIELD_STRING, .offset = offsetof(struct config_cpu, cpus)},
	{"mems", FIELD_STRING, .offset = offsetof(struct config_cpu, mems)},
	{"shares", FIELD_OPT_U64, .offset = offsetof(struct config_cpu, shares)},
	{"quota", FIELD_OPT_I64, .offset = offsetof(struct config_cpu, quota)},
	{"period", FIELD_OPT_U64, .offset = offsetof(struct config_cpu, period)},
	{"burst", FIELD_OPT_U64, .offset = offsetof(struct config_cpu, burst)},
	{"realtimePeriod", FIELD_OPT_U64, .offset = offsetof(struct config_cpu, realtime_period)},
	{"realtimeRuntime", FIELD_OPT_I64, .offset = offsetof(struct config_cpu, realtime_runtime)},
	{"idle", FIELD_OPT_I64, .offset = offsetof(struct config_cpu, idle)},
};
static const struct field_table cpu_table = FIELD_TABLE(struct config_cpu, cpu_fields);

static const struct field pids_fields[] = {
	{"limit", FIELD_OPT_I64, .offset = offsetof(struct config_pids, limit)},
};
static const struct field_table pids_table = FIELD_TABLE(struct config_pids, pids_fields);

static const struct field weight_device_fields[] = {
	{"major", FIELD_I64, .required = true, .offset = offsetof(struct config_weight_device, major), DEVICE_NUMBER},
	{"minor", FIELD_I64, .required = true, .offset = offsetof(struct config_weight_device, minor), DEVICE_NUMBER},
	{"weight", FIELD_OPT_U32, .offset = offsetof(struct config_weight_device, weight), .max = UINT16_MAX},
	{"leafWeight", FIELD_OPT_U32, .offset = offsetof(struct config_weight_device, leaf_weight), .max = UINT16_MAX},
};
static const struct field_table weight_device_table = FIELD_TABLE(struct config_weight_device, weight_device_fields);

static const struct field throttle_fields[] = {
	{"major", FIELD_I64, .required = true, .offset = offsetof(struct config_throttle, major), DEVICE_NUMBER},
	{"minor", FIELD_I64, .required = true, .offset = offsetof(struct config_throttle, minor), DEVICE_NUMBER},
	{"rate", FIELD_OPT_U64, .offset = offsetof(struct config_throttle, rate)},
};
static const struct field_table throttle_table = FIELD_TABLE(struct config_throttle, throttle_fields);

static const struct field block_io_fields[] = {
	{"weight", FIELD_OPT_U32, .offset = offsetof(struct config_block_io, weight), .max = UINT16_MAX},
	{"leafWeight", FIELD_OPT_U32, .offset = offsetof(struct config_block_io, leaf_weight), .max = UINT16_MAX},
	{"weightDevice", FIELD_ARRAY(struct config_block_io, weight_device, weight_device_count, weight_device_table)},
	{"throttleReadBpsDevice", FIELD_ARRAY(struct config_block_io, read_bps, read_bps_count, throttle_table)},
	{"throttleWriteBpsDevice", FIELD_ARRAY(struct config_block_io, write_bps, write_bps_count, throttle_table)},
	{"throttleReadIOPSDevice", FIELD_ARRAY(struct config_block_io, read_iops, read_iops_count, throttle_table)},
	{"throttleWriteIOPSDevice", FIELD_ARRAY(struct config_block_io, write_iops, write_iops_count, throttle_table)},
};
static const struct field_table block_io_table = FIELD_TABLE(struct config_block_io, block_io_fields);

static const struct field hugepage_limit_fields[] = {
	{"pageSize", FIELD_STRING, .required = true, .offset = offsetof(struct config_hugepage_limit, page_size)},
	{"limit", FIELD_U64, .required = true, .offset = offsetof(struct config_hugepage_limit, limit)},
};
static const struct field_table hugepage_limit_table = FIELD_TABLE(struct config_hugepage_limit, hugepage_limit_fields);

static const struct field network_priority_fields[] = {
	{"name", FIELD_STRING, .required = true, .offset = offsetof(struct config_network_priority, name)},
	{"priority", FIELD_U32, .required = true, .offset = offsetof(struct config_network_priority, priority)},
};
static const struct field_table network_priority_table =
	FIELD_TABLE(struct config_network_priority, network_priority_fields);

static const struct field network_fields[] = {
	{"classID", FIELD_OPT_U32, .offset = offsetof(struct config_network, class_id)},
	{"priorities", FIELD_ARRAY(struct config_network, priorities, priority_count, network_priority_table)},
};
static const struct field_table network_table = FIELD_TABLE(struct config_network, network_fields);

_Static_assert(offsetof(struct config_rdma, device) == 0, "FIELD_NAMED writes the name there");
static const struct field rdma_fields[] = {
	{"hcaHandles", FIELD_OPT_U32, .offset = offsetof(struct config_rdma, hca_handles)},
	{"hcaObjects", FIELD_OPT_U32, .offset = offsetof(struct config_rdma, hca_objects)},
};
static const struct field_table rdma_table = FIELD_TABLE(struct config_rdma, rdma_fields);

static const struct field resources_fields[] = {
	{"devices", FIELD_ARRAY(struct config_resources, devices, device_count, device_rule_table),
	 .present_offset = offsetof(struct config_resources, devices_present), .max_count = 4096},
	{"memory", FIELD_POINTER, .offset = offsetof(struct config_resources, memory), .table = &memory_table},
	{"cpu", FIELD_POINTER, .offset = offsetof(struct config_resources, cpu), .table = &cpu_table},
	{"pids", FIELD_POINTER, .offset = offsetof(struct config_resources, pids), .table = &pids_table},
	{"blockIO", FIELD_POINTER, .offset = offsetof(struct config_resources, block_io), .table = &block_io_table},
	{"hugepageLimits",
	 FIELD_ARRAY(struct config_resources, hugepage_limits, hugepage_limit_count, hugepage_limit_table)},
	{"network", FIELD_POINTER, .offset = offsetof(struct config_resources, network), .table = &network_table},
	{"rdma", FIELD_NAMED, .offset = offsetof(struct config_resources, rdma),
	 .count_offset = offsetof(struct config_resources, rdma_count), .table = &rdma_table},
	{"unified", FIELD_MAP, .offset = offsetof(struct config_resources, unified)},
};
const struct field_table config_resources_table = FIELD_TABLE(struct config_resources, resources_fields);
