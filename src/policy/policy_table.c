/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_table.c - one object of the policy file by its table, strictly; and what several members have in common.
 */
#include <hrun/path.h>
#include <hrun/policy_read.h>
#include <hrun/rules.h>
#include <hrun/sha256.h>
#include <hrun/str.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

int policy_refuse(struct policy_reader *r, const struct json *value, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return err_set(r->e, EINVAL, "policy: `%s`, line %u: `%.120s` %s", r->policy->path, value->line,
		       json_where(r->pool, value), text);
}

static const char *type_word(enum json_type type)
{
	static const char *const words[] = {
		[JSON_NULL] = "null",	    [JSON_BOOLEAN] = "true or false", [JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string", [JSON_ARRAY] = "a list",	      [JSON_OBJECT] = "an object"};

	return words[type];
}

int policy_expect(struct policy_reader *r, const struct json *value, enum json_type type)
{
	if (value->type == type)
		return 0;
	if (value->type == JSON_NULL)
		return policy_refuse(r, value, "is null; write a value or leave it out");
	return policy_refuse(r, value, "must be %s, not %s", type_word(type), type_word(value->type));
}

size_t policy_row_of(const struct policy_row *rows, size_t count, const char *name)
{
	size_t i = 0;

	while (i < count && !str_equal(rows[i].name, name))
		i++;
	return i;
}

int policy_read_object(struct policy_reader *r, const struct json *object, const struct policy_row *rows, size_t count,
		       void *place)
{
	uint32_t seen = 0;
	size_t next = 0;

	TRY(policy_expect(r, object, JSON_OBJECT));
	for (const struct json *member = object->first; member; member = member->next) {
		/* Members mostly stand in the order of the rows. */
		size_t i = next < count && str_equal(rows[next].name, member->key)
				   ? next
				   : policy_row_of(rows, count, member->key);
		next = i + 1;
		if (i == count)
			return policy_refuse(r, member, "is not a member that hrun knows; remove it");
		seen |= UINT32_C(1) << i;
		TRY(policy_expect(r, member, rows[i].type));
		TRY(rows[i].read(r, member, place));
	}
	for (size_t i = 0; i < count; i++) {
		if (rows[i].required && !(seen >> i & 1))
			return policy_refuse(r, object, "has no `%s`, which is required", rows[i].name);
	}
	return 0;
}

int policy_read_word(struct policy_reader *r, const struct json *value, const char *const *words, size_t count)
{
	const char *known = "";

	for (size_t i = 0; i < count; i++) {
		if (str_equal(value->text, words[i]))
			return (int)i;
		known = pool_printf(r->pool, "%s%s%s", known, i ? (i + 1 == count ? " or " : ", ") : "", words[i]);
	}
	return policy_refuse(r, value, "must be %s", known);
}

int policy_read_integer(struct policy_reader *r, const struct json *value, int64_t min, int64_t max,
			int64_t *ret_number)
{
	TRY(policy_expect(r, value, JSON_NUMBER));
	if (str_to_i64(value->text, min, max, ret_number) < 0)
		return policy_refuse(r, value, "must be an integer from %" PRId64 " to %" PRId64 ", written in digits",
				     min, max);
	return 0;
}

int policy_check_length(struct policy_reader *r, const struct json *list)
{
	if (list->count <= POLICY_MAX_LIST)
		return 0;
	return policy_refuse(r, list, "has %u elements; at most %d are read", list->count, POLICY_MAX_LIST);
}

static bool holds(const struct string_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++) {
		if (str_equal(list->item[i], text))
			return true;
	}
	return false;
}

int policy_read_strings(struct policy_reader *r, const struct json *value,
			const char *(*check)(struct pool *pool, const char **text), struct string_list *ret_list)
{
	TRY(policy_check_length(r, value));
	*ret_list = (struct string_list){.item = pool_alloc(r->pool, (value->count + 1) * sizeof *ret_list->item),
					 .present = true};
	for (const struct json *v = value->first; v; v = v->next) {
		TRY(policy_expect(r, v, JSON_STRING));
		const char *text = v->text, *complaint = check(r->pool, &text);
		if (complaint)
			return policy_refuse(r, v, "%s", complaint);
		if (!holds(ret_list, text))
			ret_list->item[ret_list->count++] = text;
	}
	return 0;
}

const char *policy_check_path(struct pool *pool, const char **text)
{
	if (**text != '/' || path_has_dotdot(*text) || str_has_control(*text))
		return "must be an absolute path without \"..\"";
	*text = path_clean(pool, *text);
	return NULL;
}

bool policy_is_sha256(const char *text)
{
	return strlen(text) == 2 * SHA256_SIZE && strspn(text, "0123456789abcdef") == 2 * SHA256_SIZE;
}

const struct rule *policy_rule(struct policy_reader *r, const struct json *value, const char *id)
{
	const struct rule *rule = rule_by_id(id);

	if (!rule)
		policy_refuse(r, value, "names no rule of this version (hrun rules lists them)");
	return rule;
}
