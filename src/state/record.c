/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.c - state.json: what later verbs trust to kill, enter and remove.
 *
 * One table drives writing and reading, so the two cannot disagree.  The file is ours, in a
 * directory that only we may write, and is still read as if a stranger had written it: every
 * member must be there, known, of its type and in range.
 */
#include <hrun/json.h>
#include <hrun/state.h>
#include <hrun/str.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>

enum kind {
	KIND_STRING,
	KIND_PATH,
	KIND_CGROUP,
	KIND_UNIT,
	KIND_DIGEST,
	KIND_BOOL,
	KIND_UINT,
	KIND_PID,
	KIND_U64,
	KIND_NAMESPACES,
	KIND_MAP,
	KIND_HOOKS
};

struct field {
	const char *name;
	enum kind kind;
	bool nullable; /* a string that may be NULL; absent then */
	size_t offset;
};

#define FIELD(name, kind, member)                                            \
	{                                                                    \
		name, kind, false, offsetof(struct container_record, member) \
	}
#define FIELD_OR_NULL(name, kind, member)                                   \
	{                                                                   \
		name, kind, true, offsetof(struct container_record, member) \
	}

static const struct field fields[] = {
	FIELD("id", KIND_STRING, id),
	FIELD("ociVersion", KIND_STRING, oci_version),
	FIELD("bundle", KIND_PATH, bundle),
	FIELD_OR_NULL("rootfs", KIND_PATH, rootfs),
	FIELD("created", KIND_STRING, created),
	FIELD("owner", KIND_UINT, owner),
	FIELD("createdDone", KIND_BOOL, created_done),
	FIELD("pid", KIND_PID, pid),
	FIELD("startTicks", KIND_U64, start_ticks),
	FIELD_OR_NULL("cgroup", KIND_CGROUP, cgroup),
	FIELD_OR_NULL("cgroupMountpoint", KIND_PATH, cgroup_mountpoint),
	FIELD("cgroupInode", KIND_U64, cgroup_inode),
	FIELD_OR_NULL("unit", KIND_UNIT, unit),
	FIELD_OR_NULL("bus", KIND_PATH, bus),
	FIELD("noNewPrivs", KIND_BOOL, no_new_privs),
	FIELD("bounding", KIND_U64, bounding),
	FIELD("hasFilter", KIND_BOOL, has_filter),
	FIELD("hasFloor", KIND_BOOL, has_floor),
	FIELD("filterFlags", KIND_UINT, filter_flags),
	FIELD("newPidNamespace", KIND_BOOL, new_pid_namespace),
	FIELD("namespaces", KIND_NAMESPACES, namespaces),
	FIELD_OR_NULL("level", KIND_STRING, level),
	FIELD_OR_NULL("imageDigest", KIND_DIGEST, image_digest),
	FIELD_OR_NULL("imageManifest", KIND_DIGEST, image_manifest),
	FIELD_OR_NULL("imageSigner", KIND_STRING, image_signer),
	FIELD_OR_NULL("imagePolicy", KIND_PATH, image_policy),
	FIELD("annotations", KIND_MAP, annotations),
	FIELD("poststart", KIND_HOOKS, poststart),
	FIELD("poststop", KIND_HOOKS, poststop),
	FIELD("hooksBegun", KIND_BOOL, hooks_begun),
};
enum { FIELD_COUNT = sizeof fields / sizeof *fields };

/* Raised when a member changes its meaning; another number is refused. */
#define RECORD_FORMAT "1"

_Static_assert(sizeof(uid_t) == sizeof(unsigned int) && sizeof(pid_t) == sizeof(int), "KIND_UINT, KIND_PID");

#define ALL_NAMESPACES                                                                                        \
	((uint64_t)(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
		    CLONE_NEWCGROUP) |                                                                        \
	 0x80 /* CLONE_NEWTIME */)

/* ---- writing ---- */

static void write_list(struct json_out *out, const struct string_list *list)
{
	json_out_raw(out, "[");
	for (size_t i = 0; i < list->count; i++) {
		json_out_raw(out, i ? "," : "");
		json_out_string(out, list->item[i]);
	}
	json_out_raw(out, "]");
}

static void write_hook(struct json_out *out, const struct config_hook *hook)
{
	json_out_raw(out, "{\"path\":");
	json_out_string(out, hook->path);
	json_out_raw(out, ",\"args\":");
	write_list(out, &hook->args);
	json_out_raw(out, ",\"env\":");
	write_list(out, &hook->env);
	if (hook->timeout.set)
		json_out_printf(out, ",\"timeout\":%" PRId64, hook->timeout.value);
	if (hook->file.known)
		json_out_printf(out, ",\"file\":[%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]",
				hook->file.device, hook->file.inode, hook->file.size, hook->file.mtime,
				hook->file.ctime);
	json_out_raw(out, "}");
}

static void write_hooks(struct json_out *out, const struct config_hook_list *hooks)
{
	json_out_raw(out, "[");
	for (size_t i = 0; i < hooks->count; i++) {
		json_out_raw(out, i ? "," : "");
		write_hook(out, &hooks->item[i]);
	}
	json_out_raw(out, "]");
}

static void write_map(struct json_out *out, const struct string_map *map)
{
	json_out_raw(out, "{");
	for (size_t i = 0; i < map->count; i++) {
		json_out_raw(out, i ? "," : "");
		json_out_string(out, map->item[i].key);
		json_out_raw(out, ":");
		json_out_string(out, map->item[i].value);
	}
	json_out_raw(out, "}");
}

static void write_value(struct json_out *out, const struct field *field, const void *member)
{
	switch (field->kind) {
	case KIND_STRING:
	case KIND_PATH:
	case KIND_CGROUP:
	case KIND_UNIT:
	case KIND_DIGEST:
		json_out_string(out, *(const char *const *)member);
		break;
	case KIND_BOOL:
		json_out_raw(out, *(const bool *)member ? "true" : "false");
		break;
	case KIND_UINT:
		json_out_printf(out, "%u", *(const unsigned int *)member);
		break;
	case KIND_PID:
		json_out_printf(out, "%d", *(const int *)member);
		break;
	case KIND_U64:
	case KIND_NAMESPACES:
		json_out_printf(out, "%" PRIu64, *(const uint64_t *)member);
		break;
	case KIND_MAP:
		write_map(out, member);
		break;
	case KIND_HOOKS:
		write_hooks(out, member);
		break;
	}
}

void record_write(struct json_out *out, const struct container_record *record)
{
	json_out_raw(out, "{\"format\":" RECORD_FORMAT);
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const void *member = (const char *)record + fields[i].offset;
		if (fields[i].nullable && !*(const char *const *)member)
			continue;
		json_out_printf(out, ",\"%s\":", fields[i].name);
		write_value(out, &fields[i], member);
	}
	json_out_raw(out, "}\n");
}

/* ---- reading: each reader says whether the value is acceptable ---- */

static bool read_string(struct pool *pool, const struct json *value, const char **ret)
{
	if (value->type != JSON_STRING)
		return false;
	*ret = pool_strdup(pool, value->text);
	return true;
}

static bool read_path(struct pool *pool, const struct json *value, const char **ret)
{
	return read_string(pool, value, ret) && (*ret)[0] == '/';
}

static bool read_u64(const struct json *value, uint64_t max, uint64_t *ret)
{
	return value->type == JSON_NUMBER && str_to_u64(value->text, max, ret) == 0;
}

static bool read_list(struct pool *pool, const struct json *value, struct string_list *ret)
{
	if (!value || value->type != JSON_ARRAY)
		return false;
	*ret = (struct string_list){.present = true, .item = pool_alloc(pool, (value->count + 1) * sizeof *ret->item)};
	for (const struct json *item = value->first; item; item = item->next) {
		if (!read_string(pool, item, &ret->item[ret->count++]))
			return false;
	}
	return true;
}

static bool read_identity(const struct json *value, struct file_identity *ret)
{
	uint64_t *const members[] = {&ret->device, &ret->inode, &ret->size, &ret->mtime, &ret->ctime};
	const struct json *item = value->first;

	if (value->type != JSON_ARRAY || value->count != sizeof members / sizeof *members)
		return false;
	for (size_t i = 0; i < value->count; i++, item = item->next) {
		if (!read_u64(item, UINT64_MAX, members[i]))
			return false;
	}
	ret->known = true;
	return true;
}

static bool read_hook(struct pool *pool, const struct json *value, struct config_hook *ret)
{
	const struct json *path = json_at(value, "path"), *timeout = json_at(value, "timeout");
	const struct json *file = json_at(value, "file");

	if (value->type != JSON_OBJECT || !path || value->count != 3u + (timeout != NULL) + (file != NULL))
		return false;
	if (file && !read_identity(file, &ret->file))
		return false;
	if (timeout) {
		ret->timeout.set = true;
		if (timeout->type != JSON_NUMBER || str_to_i64(timeout->text, 1, INT_MAX, &ret->timeout.value) < 0)
			return false;
	}
	return read_path(pool, path, &ret->path) && read_list(pool, json_at(value, "args"), &ret->args) &&
	       read_list(pool, json_at(value, "env"), &ret->env);
}

static bool read_hooks(struct pool *pool, const struct json *value, struct config_hook_list *ret)
{
	if (value->type != JSON_ARRAY)
		return false;
	ret->item = pool_alloc(pool, (value->count + 1) * sizeof *ret->item);
	for (const struct json *item = value->first; item; item = item->next) {
		if (item->type != JSON_OBJECT || !read_hook(pool, item, &ret->item[ret->count++]))
			return false;
	}
	return true;
}

static bool read_map(struct pool *pool, const struct json *value, struct string_map *ret)
{
	if (value->type != JSON_OBJECT)
		return false;
	*ret = (struct string_map){.present = true, .item = pool_alloc(pool, (value->count + 1) * sizeof *ret->item)};
	for (const struct json *item = value->first; item; item = item->next) {
		struct string_pair *pair = &ret->item[ret->count++];
		pair->key = pool_strdup(pool, item->key);
		if (!read_string(pool, item, &pair->value))
			return false;
	}
	return true;
}

static bool read_value(struct pool *pool, const struct json *value, const struct field *field, void *member)
{
	uint64_t number = 0;

	switch (field->kind) {
	case KIND_STRING:
		return read_string(pool, value, member);
	case KIND_PATH:
		return read_path(pool, value, member);
	case KIND_CGROUP:
		return read_string(pool, value, member) && record_is_cgroup(*(const char **)member);
	case KIND_UNIT:
		return read_string(pool, value, member) && record_is_unit(*(const char **)member);
	case KIND_DIGEST:
		return read_string(pool, value, member) && str_is_digest(*(const char **)member);
	case KIND_BOOL:
		*(bool *)member = value->boolean;
		return value->type == JSON_BOOLEAN;
	case KIND_UINT:
		if (!read_u64(value, UINT_MAX, &number))
			return false;
		*(unsigned int *)member = (unsigned int)number;
		return true;
	case KIND_PID:
		/* never 1: that is nobody's container */
		if (!read_u64(value, INT_MAX, &number) || number == 1)
			return false;
		*(int *)member = (int)number;
		return true;
	case KIND_U64:
		return read_u64(value, UINT64_MAX, member);
	case KIND_NAMESPACES:
		return read_u64(value, UINT64_MAX, member) && !(*(uint64_t *)member & ~ALL_NAMESPACES);
	case KIND_MAP:
		return read_map(pool, value, member);
	case KIND_HOOKS:
		return read_hooks(pool, value, member);
	}
	return false;
}

static int refuse(const char *expected_id, struct err *e, const char *name, const char *why)
{
	return err_set(e, EBADMSG, "the record of container `%s` is damaged: %s %s; hrun delete --force removes it",
		       expected_id ? expected_id : "", name, why);
}

static int read_fields(struct pool *pool, const struct json *tree, const char *id, struct container_record *ret,
		       struct err *e)
{
	const struct json *format = json_at(tree, "format");
	size_t known = 1;

	if (!format || format->type != JSON_NUMBER || !str_equal(format->text, RECORD_FORMAT))
		return refuse(id, e, "format", "is not " RECORD_FORMAT);
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const struct json *value = json_at(tree, fields[i].name);
		if (!value && fields[i].nullable)
			continue;
		known++;
		if (!value)
			return refuse(id, e, fields[i].name, "is missing");
		if (!read_value(pool, value, &fields[i], (char *)ret + fields[i].offset))
			return refuse(id, e, fields[i].name, "has a wrong type or value");
	}
	/* The tree holds no duplicates, so a greater count is a member that no table knows. */
	return tree->count == known ? 0 : refuse(id, e, "a member", "is unknown");
}

int record_read(struct pool *pool, const char *bytes, size_t size, const char *expected_id,
		struct container_record *ret, struct err *e)
{
	struct json_error error = {0};
	const struct json *tree;

	*ret = (struct container_record){0};
	if (json_read(pool, bytes, size, RECORD_MAX_SIZE, &tree, &error) < 0)
		return refuse(expected_id, e, "JSON:", error.text ? error.text : "not readable");
	TRY(read_fields(pool, tree, expected_id, ret, e));
	if (!container_id_valid(ret->id) || (expected_id && !str_equal(ret->id, expected_id)))
		return refuse(expected_id, e, "id", "is another one");
	if (ret->cgroup && !ret->cgroup_mountpoint)
		return refuse(expected_id, e, "cgroupMountpoint", "is missing");
	if (ret->unit && !ret->bus)
		return refuse(expected_id, e, "bus", "is missing");
#ifndef HRUN_MUTANT_RECORD_UNIT
	if (ret->unit && ret->cgroup && !record_unit_has_cgroup(ret->unit, ret->cgroup))
		return refuse(expected_id, e, "unit", "has not the container's cgroup");
#endif
	return 0;
}

/* A member that is not there or not possible stays 0: there is nothing to end then. */
static void read_member(struct pool *pool, const struct json *tree, size_t offset, struct container_record *ret)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const struct json *value = json_at(tree, fields[i].name);
		if (fields[i].offset != offset || !value)
			continue;
		if (!read_value(pool, value, &fields[i], (char *)ret + offset))
			memset((char *)ret + offset, 0, fields[i].kind == KIND_PID ? sizeof(pid_t) : sizeof(uint64_t));
	}
}

void record_read_remains(struct pool *pool, const char *bytes, size_t size, struct container_record *ret)
{
	static const size_t members[] = {
		offsetof(struct container_record, pid),		 offsetof(struct container_record, start_ticks),
		offsetof(struct container_record, cgroup),	 offsetof(struct container_record, cgroup_mountpoint),
		offsetof(struct container_record, cgroup_inode),
	};
	struct json_error error = {0};
	const struct json *tree;

	*ret = (struct container_record){0};
	if (json_read(pool, bytes, size, RECORD_MAX_SIZE, &tree, &error) < 0 || tree->type != JSON_OBJECT)
		return;
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		read_member(pool, tree, members[i], ret);
	if (!ret->cgroup_mountpoint)
		ret->cgroup = NULL;
}
