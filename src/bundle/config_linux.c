/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_linux.c - the tables of `linux` (config-linux.md).
 */
#include <hrun/field.h>

static const struct field namespace_fields[] = {
	{"type", FIELD_STRING, .required = true, .offset = offsetof(struct config_namespace, type)},
	{"path", FIELD_STRING, .offset = offsetof(struct config_namespace, path)},
};
static const struct field_table namespace_table = FIELD_TABLE(struct config_namespace, namespace_fields);

#define DEVICE_RULE "device-path-invalid"
static const struct field device_fields[] = {
	{"type", FIELD_STRING, .required = true, .rule = DEVICE_RULE, .offset = offsetof(struct config_device, type)},
	{"path", FIELD_STRING, .required = true, .rule = DEVICE_RULE, .offset = offsetof(struct config_device, path)},
	{"major", FIELD_OPT_I64, .offset = offsetof(struct config_device, major), .min = -1, .max = INT64_MAX},
	{"minor", FIELD_OPT_I64, .offset = offsetof(struct config_device, minor), .min = -1, .max = INT64_MAX},
	{"fileMode", FIELD_OPT_U32, .offset = offsetof(struct config_device, file_mode), .max = 0177777},
	{"uid", FIELD_OPT_U32, .offset = offsetof(struct config_device, uid)},
	{"gid", FIELD_OPT_U32, .offset = offsetof(struct config_device, gid)},
};
static const struct field_table device_table = FIELD_TABLE(struct config_device, device_fields);

/* An element is the pair itself: the name on the host, and the name inside. */
_Static_assert(offsetof(struct string_pair, key) == 0, "FIELD_NAMED writes the name there");
static const struct field net_device_fields[] = {
	{"name", FIELD_STRING, .offset = offsetof(struct string_pair, value)},
};
static const struct field_table net_device_table = FIELD_TABLE(struct string_pair, net_device_fields);

static const struct field intel_rdt_fields[] = {
	{"closID", FIELD_STRING, .offset = offsetof(struct config_intel_rdt, clos_id)},
	{"schemata", FIELD_STRINGS, .offset = offsetof(struct config_intel_rdt, schemata)},
	{"l3CacheSchema", FIELD_STRING, .offset = offsetof(struct config_intel_rdt, l3_cache_schema)},
	{"memBwSchema", FIELD_STRING, .offset = offsetof(struct config_intel_rdt, mem_bw_schema)},
	{"enableMonitoring", FIELD_OPT_BOOL, .offset = offsetof(struct config_intel_rdt, enable_monitoring)},
};
static const struct field_table intel_rdt_table = FIELD_TABLE(struct config_intel_rdt, intel_rdt_fields);

static const struct field memory_policy_fields[] = {
	{"mode", FIELD_STRING, .offset = offsetof(struct config_memory_policy, mode)},
	{"nodes", FIELD_STRING, .offset = offsetof(struct config_memory_policy, nodes)},
	{"flags", FIELD_STRINGS, .offset = offsetof(struct config_memory_policy, flags)},
};
static const struct field_table memory_policy_table = FIELD_TABLE(struct config_memory_policy, memory_policy_fields);

static const struct field personality_fields[] = {
	{"domain", FIELD_STRING, .offset = offsetof(struct config_personality, domain)},
	{"flags", FIELD_STRINGS, .offset = offsetof(struct config_personality, flags)},
};
static const struct field_table personality_table = FIELD_TABLE(struct config_personality, personality_fields);

static const struct field time_offset_fields[] = {
	{"secs", FIELD_OPT_I64, .offset = offsetof(struct config_time_offset, secs)},
	{"nanosecs", FIELD_OPT_U32, .offset = offsetof(struct config_time_offset, nanosecs)},
};
static const struct field_table time_offset_table = FIELD_TABLE(struct config_time_offset, time_offset_fields);

/* Both stand in struct config_linux itself. */
static const struct field time_offsets_fields[] = {
	{"boottime", FIELD_OBJECT, .offset = offsetof(struct config_linux, boottime), .table = &time_offset_table},
	{"monotonic", FIELD_OBJECT, .offset = offsetof(struct config_linux, monotonic), .table = &time_offset_table},
};
static const struct field_table time_offsets_table = FIELD_TABLE(struct config_linux, time_offsets_fields);

static const struct field linux_fields[] = {
	{"namespaces", FIELD_ARRAY(struct config_linux, namespaces, namespace_count, namespace_table), .max_count = 16},
	{"uidMappings", FIELD_ID_MAPPINGS(struct config_linux, uid_mappings)},
	{"gidMappings", FIELD_ID_MAPPINGS(struct config_linux, gid_mappings)},
	{"devices", FIELD_ARRAY(struct config_linux, devices, device_count, device_table), .max_count = 4096},
	{"netDevices", FIELD_NAMED, .offset = offsetof(struct config_linux, net_devices.item),
	 .count_offset = offsetof(struct config_linux, net_devices.count),
	 .present_offset = offsetof(struct config_linux, net_devices.present), .table = &net_device_table},
	{"cgroupsPath", FIELD_STRING, .offset = offsetof(struct config_linux, cgroups_path)},
	{"resources", FIELD_POINTER, .offset = offsetof(struct config_linux, resources),
	 .table = &config_resources_table},
	{"rootfsPropagation", FIELD_STRING, .offset = offsetof(struct config_linux, rootfs_propagation)},
	{"seccomp", FIELD_POINTER, .offset = offsetof(struct config_linux, seccomp), .table = &config_seccomp_table},
	{"sysctl", FIELD_MAP, .offset = offsetof(struct config_linux, sysctl)},
	{"maskedPaths", FIELD_STRINGS, .offset = offsetof(struct config_linux, masked_paths)},
	{"readonlyPaths", FIELD_STRINGS, .offset = offsetof(struct config_linux, readonly_paths)},
	{"mountLabel", FIELD_STRING, .offset = offsetof(struct config_linux, mount_label)},
	{"intelRdt", FIELD_POINTER, .offset = offsetof(struct config_linux, intel_rdt), .table = &intel_rdt_table},
	{"memoryPolicy", FIELD_POINTER, .offset = offsetof(struct config_linux, memory_policy),
	 .table = &memory_policy_table},
	{"personality", FIELD_POINTER, .offset = offsetof(struct config_linux, personality),
	 .table = &personality_table},
	{"timeOffsets", FIELD_OBJECT, .offset = 0, .present_offset = offsetof(struct config_linux, has_time_offsets),
	 .table = &time_offsets_table},
};
const struct field_table config_linux_table = FIELD_TABLE(struct config_linux, linux_fields);
