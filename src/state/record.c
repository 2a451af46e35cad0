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

struct field {
	const char *name;
	enum record_kind kind;
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
	FIELD_OR_NULL("invocation", KIND_INVOCATION, invocation),
	FIELD("noNewPrivs", KIND_BOOL, no_new_privs),
	FIELD("bounding", KIND_U64, bounding),
	FIELD("hasFilter", KIND_BOOL, has_filter),
	FIELD("hasFloor", KIND_BOOL, has_floor),
	FIELD("filterFlags", KIND_UINT, filter_flags),
	FIELD_OR_NULL("selinuxLabel", KIND_STRING, selinux_label),
	FIELD_OR_NULL("apparmorProfile", KIND_STRING, apparmor_profile),
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

void record_write(struct json_out *out, const struct container_record *record)
{
	json_out_raw(out, "{\"format\":" RECORD_FORMAT);
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const void *member = (const char *)record + fields[i].offset;
		if (fields[i].nullable && !*(const char *const *)member)
			continue;
		json_out_printf(out, ",\"%s\":", fields[i].name);
		record_write_value(out, fields[i].kind, member);
	}
	json_out_raw(out, "}\n");
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
		if (!record_read_value(pool, value, fields[i].kind, (char *)ret + fields[i].offset))
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
	if (ret->unit && ret->cgroup && !ret->invocation)
		return refuse(expected_id, e, "invocation", "is missing");
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
		if (!record_read_value(pool, value, fields[i].kind, (char *)ret + offset))
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
