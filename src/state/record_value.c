/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_value.c - one member of state.json, by its kind: written, and read as a stranger's.
 */
#include <hrun/json.h>
#include <hrun/state.h>
#include <hrun/str.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>

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

void record_write_value(struct json_out *out, enum record_kind kind, const void *member)
{
	switch (kind) {
	case KIND_STRING:
	case KIND_PATH:
	case KIND_CGROUP:
	case KIND_UNIT:
	case KIND_INVOCATION:
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
		json_out_map(out, member);
		break;
	case KIND_HOOKS:
		write_hooks(out, member);
		break;
	}
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

bool record_read_value(struct pool *pool, const struct json *value, enum record_kind kind, void *member)
{
	uint64_t number = 0;

	switch (kind) {
	case KIND_STRING:
		return read_string(pool, value, member);
	case KIND_PATH:
		return read_path(pool, value, member);
	case KIND_CGROUP:
		return read_string(pool, value, member) && record_is_cgroup(*(const char **)member);
	case KIND_UNIT:
		return read_string(pool, value, member) && record_is_unit(*(const char **)member);
	case KIND_INVOCATION:
		return read_string(pool, value, member) && record_is_invocation(*(const char **)member);
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
