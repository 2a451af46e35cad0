/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_seccomp.c - the tables of `linux.seccomp` (config-linux.md#seccomp).
 */
#include <hrun/field.h>

#define SECCOMP_RULE "seccomp-invalid"

static const struct field arg_fields[] = {
	{"index", FIELD_U32, .required = true, .offset = offsetof(struct config_seccomp_arg, index)},
	{"value", FIELD_U64, .required = true, .offset = offsetof(struct config_seccomp_arg, value)},
	{"valueTwo", FIELD_U64, .offset = offsetof(struct config_seccomp_arg, value_two)},
	{"op", FIELD_STRING, .required = true, .rule = SECCOMP_RULE, .offset = offsetof(struct config_seccomp_arg, op)},
};
static const struct field_table arg_table = FIELD_TABLE(struct config_seccomp_arg, arg_fields);

static const struct field syscall_fields[] = {
	{"names", FIELD_STRINGS, .required = true, .rule = SECCOMP_RULE,
	 .offset = offsetof(struct config_seccomp_syscall, names)},
	{"action", FIELD_STRING, .required = true, .rule = SECCOMP_RULE,
	 .offset = offsetof(struct config_seccomp_syscall, action)},
	{"errnoRet", FIELD_OPT_U32, .offset = offsetof(struct config_seccomp_syscall, errno_ret)},
	{"args", FIELD_ARRAY(struct config_seccomp_syscall, args, arg_count, arg_table)},
};
static const struct field_table syscall_table = FIELD_TABLE(struct config_seccomp_syscall, syscall_fields);

static const struct field seccomp_fields[] = {
	{"defaultAction", FIELD_STRING, .required = true, .rule = SECCOMP_RULE,
	 .offset = offsetof(struct config_seccomp, default_action)},
	{"defaultErrnoRet", FIELD_OPT_U32, .offset = offsetof(struct config_seccomp, default_errno_ret)},
	{"architectures", FIELD_STRINGS, .offset = offsetof(struct config_seccomp, architectures)},
	{"flags", FIELD_STRINGS, .offset = offsetof(struct config_seccomp, flags)},
	{"listenerPath", FIELD_STRING, .offset = offsetof(struct config_seccomp, listener_path)},
	{"listenerMetadata", FIELD_STRING, .offset = offsetof(struct config_seccomp, listener_metadata)},
	{"syscalls", FIELD_ARRAY(struct config_seccomp, syscalls, syscall_count, syscall_table), .max_count = 4096},
};
const struct field_table config_seccomp_table = FIELD_TABLE(struct config_seccomp, seccomp_fields);
