/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec.h - small types and words of the runtime specification that both sides of
 * the line use.  Nothing here reads a document.
 */
#ifndef HRUN_SPEC_H
#define HRUN_SPEC_H

#include <hrun/identity.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
struct opt_bool { bool set; bool value; };
struct opt_i32 { bool set; int32_t value; };
struct opt_i64 { bool set; int64_t value; };
struct opt_u32 { bool set; uint32_t value; };
struct opt_u64 { bool set; uint64_t value; };

struct string_list { const char **item; size_t count; bool present; };
struct string_pair { const char *key, *value; };
struct string_map { struct string_pair *item; size_t count; bool present; };

struct id_mapping { uint32_t container_id, host_id, size; };
struct id_mapping_list { struct id_mapping *item; size_t count; bool present; };
/* clang-format on */

/* config.md#linux-process; the order of the five sets everywhere in hrun */
enum capability_set { CAPS_BOUNDING, CAPS_PERMITTED, CAPS_EFFECTIVE, CAPS_INHERITABLE, CAPS_AMBIENT, CAPS_SETS };

/* config.md#posix-platform-hooks */
enum hook_kind {
	HOOK_PRESTART,
	HOOK_CREATE_RUNTIME,
	HOOK_CREATE_CONTAINER,
	HOOK_START_CONTAINER,
	HOOK_POSTSTART,
	HOOK_POSTSTOP,
	HOOK_KINDS
};
struct config_hook {
	const char *path;
	struct string_list args, env;
	struct opt_i64 timeout;	   /* seconds, > 0 */
	struct file_identity file; /* as it was judged (policy_harden); not of the document */
};
struct config_hook_list {
	struct config_hook *item;
	size_t count;
};

/* config-linux.md#namespaces */
enum namespace_type { NS_MOUNT, NS_PID, NS_NETWORK, NS_UTS, NS_IPC, NS_USER, NS_CGROUP, NS_TIME, NS_TYPES };

/* config-linux.md#allowed-device-list */
struct config_device_rule {
	bool allow;
	const char *type;	     /* NULL or "a": all */
	struct opt_i64 major, minor; /* absent or -1: all */
	const char *access;	     /* NULL: all */
};

/* The specification's word of a hook kind ("createRuntime") and of a namespace type ("network"). */
const char *spec_hook_kind_name(enum hook_kind kind);
const char *spec_namespace_name(enum namespace_type type);
/* NS_TYPES where the word is unknown. */
enum namespace_type spec_namespace_type(const char *word);

#endif
