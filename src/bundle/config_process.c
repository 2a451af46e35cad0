/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_process.c - the tables of `process` (config.md#process).
 */
#include <hrun/field.h>

static const struct field user_fields[] = {
	{"uid", FIELD_OPT_U32, .offset = offsetof(struct config_user, uid)},
	{"gid", FIELD_OPT_U32, .offset = offsetof(struct config_user, gid)},
	{"umask", FIELD_OPT_U32, .offset = offsetof(struct config_user, umask)},
	{"additionalGids", FIELD_U32S, .offset = offsetof(struct config_user, additional_gids),
	 .count_offset = offsetof(struct config_user, additional_gid_count)},
	{"username", FIELD_STRING, .offset = offsetof(struct config_user, username)},
};
static const struct field_table user_table = FIELD_TABLE(struct config_user, user_fields);

/* Both stand in struct config_process itself. */
static const struct field console_size_fields[] = {
	{"height", FIELD_U64, .required = true, .offset = offsetof(struct config_process, console_height)},
	{"width", FIELD_U64, .required = true, .offset = offsetof(struct config_process, console_width)},
};
static const struct field_table console_size_table = FIELD_TABLE(struct config_process, console_size_fields);

/* Offsets are those in the array of the five sets. */
#define CAPABILITY_SET(set) FIELD_STRINGS, .offset = (set) * sizeof(struct string_list)
static const struct field capabilities_fields[] = {
	{"bounding", CAPABILITY_SET(CAPS_BOUNDING)},   {"permitted", CAPABILITY_SET(CAPS_PERMITTED)},
	{"effective", CAPABILITY_SET(CAPS_EFFECTIVE)}, {"inheritable", CAPABILITY_SET(CAPS_INHERITABLE)},
	{"ambient", CAPABILITY_SET(CAPS_AMBIENT)},
};
static const struct field_table capabilities_table = FIELD_TABLE(struct string_list[CAPS_SETS], capabilities_fields);

static const struct field rlimit_fields[] = {
	{"type", FIELD_STRING, .required = true, .rule = "rlimit-invalid",
	 .offset = offsetof(struct config_rlimit, type)},
	{"soft", FIELD_U64, .required = true, .offset = offsetof(struct config_rlimit, soft)},
	{"hard", FIELD_U64, .required = true, .offset = offsetof(struct config_rlimit, hard)},
};
static const struct field_table rlimit_table = FIELD_TABLE(struct config_rlimit, rlimit_fields);

static const struct field scheduler_fields[] = {
	{"policy", FIELD_STRING, .required = true, .offset = offsetof(struct config_scheduler, policy)},
	{"nice", FIELD_OPT_I32, .offset = offsetof(struct config_scheduler, nice)},
	{"priority", FIELD_OPT_I32, .offset = offsetof(struct config_scheduler, priority)},
	{"flags", FIELD_STRINGS, .offset = offsetof(struct config_scheduler, flags)},
	{"runtime", FIELD_OPT_U64, .offset = offsetof(struct config_scheduler, runtime)},
	{"deadline", FIELD_OPT_U64, .offset = offsetof(struct config_scheduler, deadline)},
	{"period", FIELD_OPT_U64, .offset = offsetof(struct config_scheduler, period)},
};
static const struct field_table scheduler_table = FIELD_TABLE(struct config_scheduler, scheduler_fields);

static const struct field io_priority_fields[] = {
	{"class", FIELD_STRING, .required = true, .offset = offsetof(struct config_io_priority, class)},
	{"priority", FIELD_OPT_I32, .offset = offsetof(struct config_io_priority, priority)},
};
static const struct field_table io_priority_table = FIELD_TABLE(struct config_io_priority, io_priority_fields);

static const struct field cpu_affinity_fields[] = {
	{"initial", FIELD_STRING, .offset = offsetof(struct config_cpu_affinity, initial)},
	{"final", FIELD_STRING, .offset = offsetof(struct config_cpu_affinity, final)},
};
static const struct field_table cpu_affinity_table = FIELD_TABLE(struct config_cpu_affinity, cpu_affinity_fields);

static const struct field process_fields[] = {
	{"terminal", FIELD_BOOL, .offset = offsetof(struct config_process, terminal)},
	{"consoleSize", FIELD_OBJECT, .offset = 0, .present_offset = offsetof(struct config_process, has_console_size),
	 .table = &console_size_table},
	{"cwd", FIELD_STRING, .offset = offsetof(struct config_process, cwd)},
	{"args", FIELD_STRINGS, .offset = offsetof(struct config_process, args)},
	{"env", FIELD_STRINGS, .offset = offsetof(struct config_process, env), .max_count = 65536},
	{"commandLine", FIELD_STRING, .offset = offsetof(struct config_process, command_line)},
	{"user", FIELD_OBJECT, .offset = offsetof(struct config_process, user), .table = &user_table},
	{"capabilities", FIELD_OBJECT, .offset = offsetof(struct config_process, capabilities),
	 .present_offset = offsetof(struct config_process, has_capabilities), .table = &capabilities_table},
	{"rlimits", FIELD_ARRAY(struct config_process, rlimits, rlimit_count, rlimit_table)},
	{"noNewPrivileges", FIELD_OPT_BOOL, .offset = offsetof(struct config_process, no_new_privileges)},
	{"apparmorProfile", FIELD_STRING, .offset = offsetof(struct config_process, apparmor_profile)},
	{"selinuxLabel", FIELD_STRING, .offset = offsetof(struct config_process, selinux_label)},
	{"oomScoreAdj", FIELD_OPT_I64, .offset = offsetof(struct config_process, oom_score_adj)},
	{"scheduler", FIELD_POINTER, .offset = offsetof(struct config_process, scheduler), .table = &scheduler_table},
	{"ioPriority", FIELD_POINTER, .offset = offsetof(struct config_process, io_priority),
	 .table = &io_priority_table},
	{"execCPUAffinity", FIELD_POINTER, .offset = offsetof(struct config_process, exec_cpu_affinity),
	 .table = &cpu_affinity_table},
};
const struct field_table config_process_table = FIELD_TABLE(struct config_process, process_fields);
