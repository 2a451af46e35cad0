/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - config.json as the OCI runtime specification 1.3 names it.
 *
 * Field names are the specification's in snake case.  null is absent.  An absent
 * string is NULL, an absent list has count 0 (present_x tells null/absent from
 * empty where a rule needs it), an absent optional number or boolean has set ==
 * false, an absent optional object is a NULL pointer.  Everything lives in the
 * pool of the reader.  `where` in an element is its place in json_where's form.
 */
#ifndef HRUN_CONFIG_H
#define HRUN_CONFIG_H

#include <hrun/json.h>
#include <hrun/pool.h>
#include <hrun/spec.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- process (config.md#process) ---- */

struct config_rlimit {
	const char *type;
	uint64_t soft, hard;
};
struct config_scheduler {
	const char *policy;
	struct opt_i32 nice, priority;
	struct string_list flags;
	struct opt_u64 runtime, deadline, period;
};
struct config_process {
	bool terminal;
	bool has_console_size;
	uint64_t console_height, console_width;
	const char *cwd;
	struct string_list args, env;
	const char *command_line; /* Windows only */
	struct config_user {
		struct opt_u32 uid, gid, umask; /* absent uid and gid are 0 */
		uint32_t *additional_gids;
		size_t additional_gid_count;
		const char *username; /* Windows only */
	} user;
	bool has_capabilities;
	struct string_list capabilities[CAPS_SETS]; /* names as written; judged by rules, turned into bits by plan/ */
	struct config_rlimit *rlimits;
	size_t rlimit_count;
	struct opt_bool no_new_privileges;
	const char *apparmor_profile, *selinux_label;
	struct opt_i64 oom_score_adj;
	struct config_scheduler *scheduler;
	struct config_io_priority {
		const char *class;
		struct opt_i32 priority;
	} * io_priority;
	struct config_cpu_affinity {
		const char *initial, *final;
	} * exec_cpu_affinity;
};

/* ---- mounts (config.md#mounts) ---- */
struct config_mount {
	const char *destination, *type, *source;
	struct string_list options;
	struct id_mapping_list uid_mappings, gid_mappings;
	size_t judged_as; /* 1 + its place in the document that was judged; 0: a repair has added it */
};

/* ---- linux (config-linux.md) ---- */
struct config_namespace {
	const char *type, *path;
}; /* type as written; NULL path = new */
struct config_device {
	const char *type, *path; /* type: "c" "b" "u" "p" */
	struct opt_i64 major, minor;
	struct opt_u32 file_mode, uid, gid;
};
struct config_throttle {
	int64_t major, minor;
	struct opt_u64 rate;
};
struct config_weight_device {
	int64_t major, minor;
	struct opt_u32 weight, leaf_weight;
};
struct config_block_io {
	struct opt_u32 weight, leaf_weight;
	struct config_weight_device *weight_device;
	size_t weight_device_count;
	struct config_throttle *read_bps, *write_bps, *read_iops, *write_iops;
	size_t read_bps_count, write_bps_count, read_iops_count, write_iops_count;
};
struct config_cpu {
	const char *cpus, *mems;
	struct opt_u64 shares, period, burst, realtime_period;
	struct opt_i64 quota, realtime_runtime, idle;
};
struct config_memory {
	struct opt_i64 limit, reservation, swap, kernel, kernel_tcp;
	struct opt_u64 swappiness;
	struct opt_bool disable_oom_killer, use_hierarchy, check_before_update;
};
struct config_hugepage_limit {
	const char *page_size;
	uint64_t limit;
};
struct config_rdma {
	const char *device;
	struct opt_u32 hca_handles, hca_objects;
};
struct config_network_priority {
	const char *name;
	uint32_t priority;
};
struct config_resources {
	struct config_device_rule *devices;
	size_t device_count;
	bool devices_present;
	struct config_memory *memory;
	struct config_cpu *cpu;
	struct config_pids {
		struct opt_i64 limit;
	} * pids;
	struct config_block_io *block_io;
	struct config_hugepage_limit *hugepage_limits;
	size_t hugepage_limit_count;
	struct config_network {
		struct opt_u32 class_id;
		struct config_network_priority *priorities;
		size_t priority_count;
	} * network;
	struct config_rdma *rdma;
	size_t rdma_count;
	struct string_map unified;
};
struct config_seccomp_arg {
	uint32_t index;
	uint64_t value, value_two;
	const char *op;
};
struct config_seccomp_syscall {
	struct string_list names;
	const char *action;
	struct opt_u32 errno_ret;
	struct config_seccomp_arg *args;
	size_t arg_count;
};
struct config_seccomp {
	const char *default_action;
	struct opt_u32 default_errno_ret;
	struct string_list architectures, flags;
	const char *listener_path, *listener_metadata;
	struct config_seccomp_syscall *syscalls;
	size_t syscall_count;
};
struct config_time_offset {
	struct opt_i64 secs;
	struct opt_u32 nanosecs;
};
struct config_intel_rdt {
	const char *clos_id, *l3_cache_schema, *mem_bw_schema;
	struct string_list schemata;
	struct opt_bool enable_monitoring;
};
struct config_linux {
	struct config_namespace *namespaces;
	size_t namespace_count;
	struct id_mapping_list uid_mappings, gid_mappings;
	struct config_device *devices;
	size_t device_count;
	struct string_map net_devices; /* key: name on the host, value: name inside or NULL */
	const char *cgroups_path;
	struct config_resources *resources;
	const char *rootfs_propagation;
	struct config_seccomp *seccomp;
	/* Set by policy_harden: */
	const char *builtin_seccomp; /* where seccomp is absent, the built-in profile: "default.json" */
	enum seccomp_floor {	     /* what stands below the config's own profile */
			     SECCOMP_FLOOR_NONE,
			     SECCOMP_FLOOR_DANGEROUS, /* none of the dangerous calls */
			     SECCOMP_FLOOR_PROFILE,   /* nothing that the built-in profile denies */
	} seccomp_floor;
	struct string_map sysctl;
	struct string_list masked_paths, readonly_paths;
	const char *mount_label;
	struct config_intel_rdt *intel_rdt;
	struct config_memory_policy {
		const char *mode, *nodes;
		struct string_list flags;
	} * memory_policy;
	struct config_personality {
		const char *domain;
		struct string_list flags;
	} * personality;
	bool has_time_offsets;
	struct config_time_offset boottime, monotonic;
};

/* A member that no table knows (json-unknown-key), with its place. */
struct config_unknown {
	const char *where;
};

struct config {
	const char *oci_version;
	bool has_root;
	struct config_root {
		const char *path;
		bool readonly;
		bool nosuid, nodev; /* set by policy_harden only: the document has no member for them */
	} root;
	struct config_process *process; /* NULL where absent */
	const char *hostname, *domainname;
	struct config_mount *mounts;
	size_t mount_count;
	struct config_hook_list hooks[HOOK_KINDS];
	struct string_map annotations;
	struct config_linux *linux_;	     /* NULL where absent (`linux` is a macro of the compiler) */
	struct string_list foreign_sections; /* windows, solaris, vm, zos, freebsd as present */
	struct config_unknown *unknown;
	size_t unknown_count;
};

/*
 * Read a config tree.  Refuses wrong types, numbers out of range, keys that differ
 * from a known one only by case, missing members that the JSON schema requires in
 * elements (mounts[].destination, ...), lists that are too long.  Whether values
 * make sense is judged by policy/ and plan/.  0, or -EINVAL with *ret_error.
 */
int config_read(struct pool *pool, const struct json *tree, struct config **ret_config, struct json_error *ret_error);

/* Read a `process` object on its own (exec --process FILE); same rules. */
int config_read_process(struct pool *pool, const struct json *tree, struct config_process **ret_process,
			struct json_error *ret_error);

/* Read a `linux.resources` object on its own (update --resources). */
int config_read_resources(struct pool *pool, const struct json *tree, struct config_resources **ret_resources,
			  struct json_error *ret_error);

/* Does mounts[INDEX] lie on a mount that comes before it?  Then its place is not in the root. */
bool config_mount_is_covered(struct pool *pool, const struct config *config, size_t index);

#endif
