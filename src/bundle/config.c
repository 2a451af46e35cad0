/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.c - config.json: the top of the document (config.md).
 *
 * ociVersion, root.path and process are not required here: a document without
 * them is read, and judged by the rules.
 */
#include <hrun/field.h>
#include <hrun/path.h>

static const struct field id_mapping_fields[] = {
	{"containerID", FIELD_U32, .required = true, .offset = offsetof(struct id_mapping, container_id)},
	{"hostID", FIELD_U32, .required = true, .offset = offsetof(struct id_mapping, host_id)},
	{"size", FIELD_U32, .required = true, .offset = offsetof(struct id_mapping, size)},
};
const struct field_table config_id_mapping_table = FIELD_TABLE(struct id_mapping, id_mapping_fields);

static const struct field root_fields[] = {
	{"path", FIELD_STRING, .offset = offsetof(struct config_root, path)},
	{"readonly", FIELD_BOOL, .offset = offsetof(struct config_root, readonly)},
};
static const struct field_table root_table = FIELD_TABLE(struct config_root, root_fields);

static const struct field mount_fields[] = {
	{"destination", FIELD_STRING, .required = true, .offset = offsetof(struct config_mount, destination)},
	{"type", FIELD_STRING, .offset = offsetof(struct config_mount, type)},
	{"source", FIELD_STRING, .offset = offsetof(struct config_mount, source)},
	{"options", FIELD_STRINGS, .offset = offsetof(struct config_mount, options)},
	{"uidMappings", FIELD_ID_MAPPINGS(struct config_mount, uid_mappings)},
	{"gidMappings", FIELD_ID_MAPPINGS(struct config_mount, gid_mappings)},
};
static const struct field_table mount_table = FIELD_TABLE(struct config_mount, mount_fields);

static const struct field hook_fields[] = {
	{"path", FIELD_STRING, .required = true, .rule = "hook-path-invalid",
	 .offset = offsetof(struct config_hook, path)},
	{"args", FIELD_STRINGS, .offset = offsetof(struct config_hook, args)},
	{"env", FIELD_STRINGS, .offset = offsetof(struct config_hook, env), .max_count = 65536},
	{"timeout", FIELD_OPT_I64, .offset = offsetof(struct config_hook, timeout)},
};
static const struct field_table hook_table = FIELD_TABLE(struct config_hook, hook_fields);

/* Offsets are those in the array config.hooks. */
#define HOOK_LIST(name, kind)                                                                                         \
	{                                                                                                             \
		name, FIELD_LIST,                                                                                     \
			.offset = (kind) * sizeof(struct config_hook_list) + offsetof(struct config_hook_list, item), \
			.count_offset =                                                                               \
				(kind) * sizeof(struct config_hook_list) + offsetof(struct config_hook_list, count),  \
			.max_count = 64, .table = &hook_table                                                         \
	}
static const struct field hooks_fields[] = {
	HOOK_LIST("prestart", HOOK_PRESTART),
	HOOK_LIST("createRuntime", HOOK_CREATE_RUNTIME),
	HOOK_LIST("createContainer", HOOK_CREATE_CONTAINER),
	HOOK_LIST("startContainer", HOOK_START_CONTAINER),
	HOOK_LIST("poststart", HOOK_POSTSTART),
	HOOK_LIST("poststop", HOOK_POSTSTOP),
};
static const struct field_table hooks_table = FIELD_TABLE(struct config_hook_list[HOOK_KINDS], hooks_fields);

static const struct field config_fields[] = {
	{"ociVersion", FIELD_STRING, .offset = offsetof(struct config, oci_version)},
	{"root", FIELD_OBJECT, .offset = offsetof(struct config, root),
	 .present_offset = offsetof(struct config, has_root), .table = &root_table},
	{"process", FIELD_POINTER, .offset = offsetof(struct config, process), .table = &config_process_table},
	{"hostname", FIELD_STRING, .offset = offsetof(struct config, hostname)},
	{"domainname", FIELD_STRING, .offset = offsetof(struct config, domainname)},
	{"mounts", FIELD_ARRAY(struct config, mounts, mount_count, mount_table), .max_count = 4096},
	{"hooks", FIELD_OBJECT, .offset = offsetof(struct config, hooks), .table = &hooks_table},
	{"annotations", FIELD_MAP, .offset = offsetof(struct config, annotations)},
	{"linux", FIELD_POINTER, .offset = offsetof(struct config, linux_), .table = &config_linux_table},
	{"windows", FIELD_FOREIGN, .required = false},
	{"solaris", FIELD_FOREIGN, .required = false},
	{"vm", FIELD_FOREIGN, .required = false},
	{"zos", FIELD_FOREIGN, .required = false},
	{"freebsd", FIELD_FOREIGN, .required = false},
};
const struct field_table config_table = FIELD_TABLE(struct config, config_fields);

int config_read(struct pool *pool, const struct json *tree, struct config **ret_config, struct json_error *ret_error)
{
	struct config *config = pool_alloc(pool, sizeof *config);
	const struct field_notes notes = {&config->foreign_sections, &config->unknown, &config->unknown_count};

	TRY(field_read(pool, &config_table, tree, config, &notes, ret_error));
	*ret_config = config;
	return 0;
}

int config_read_process(struct pool *pool, const struct json *tree, struct config_process **ret_process,
			struct json_error *ret_error)
{
	*ret_process = pool_alloc(pool, sizeof **ret_process);
	return field_read(pool, &config_process_table, tree, *ret_process, NULL, ret_error);
}

int config_read_resources(struct pool *pool, const struct json *tree, struct config_resources **ret_resources,
			  struct json_error *ret_error)
{
	*ret_resources = pool_alloc(pool, sizeof **ret_resources);
	return field_read(pool, &config_resources_table, tree, *ret_resources, NULL, ret_error);
}

bool config_mount_is_covered(struct pool *pool, const struct config *config, size_t index)
{
	const char *path = path_fold(pool, config->mounts[index].destination);

	for (size_t i = 0; i < index; i++) {
		if (path_is_below(path, path_fold(pool, config->mounts[i].destination)))
			return true;
	}
	return false;
}
