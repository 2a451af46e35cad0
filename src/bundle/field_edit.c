/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field_edit.c - what differs between two structs of the same table, as changes of the JSON tree that the first was read from.
 *
 * The tables that read config.json also write it: whatever a repair has changed in the struct is found by comparing, so
 * no repair has to say twice what it does, and members that no table knows stay where they are.
 */
#include <hrun/field.h>
#include <hrun/json_edit.h>
#include <hrun/str.h>
#include <inttypes.h>

static void write_object(struct json_out *out, const struct field_table *table, const void *base);

static const void *at_offset(const void *base, size_t offset)
{
	return (const char *)base + offset;
}

static size_t count_of(const struct field *field, const void *base)
{
	return *(const size_t *)at_offset(base, field->count_offset);
}

static const void *items_of(const struct field *field, const void *base)
{
	return *(const void *const *)at_offset(base, field->offset);
}

static bool is_present(const struct field *field, const void *base)
{
	return field->present_offset && *(const bool *)at_offset(base, field->present_offset);
}

/* A number as text; false where it is absent. */
static bool write_number(struct json_out *out, const struct field *field, const void *place)
{
	const struct opt_i32 *i32 = place;
	const struct opt_i64 *i64 = place;
	const struct opt_u32 *u32 = place;
	const struct opt_u64 *u64 = place;
	bool is_signed = field->kind == FIELD_I64 || field->kind == FIELD_OPT_I32 || field->kind == FIELD_OPT_I64;
	bool set = true;
	uint64_t bits = 0;

	switch (field->kind) {
	case FIELD_U32:
		bits = *(const uint32_t *)place, set = field->required || bits;
		break;
	case FIELD_U64:
	case FIELD_I64:
		bits = *(const uint64_t *)place, set = field->required || bits;
		break;
	case FIELD_OPT_I32:
		bits = (uint64_t)(int64_t)i32->value, set = i32->set;
		break;
	case FIELD_OPT_I64:
		bits = (uint64_t)i64->value, set = i64->set;
		break;
	case FIELD_OPT_U32:
		bits = u32->value, set = u32->set;
		break;
	default:
		bits = u64->value, set = u64->set;
	}
	if (set && is_signed)
		json_out_printf(out, "%" PRId64, (int64_t)bits);
	else if (set)
		json_out_printf(out, "%" PRIu64, bits);
	return set;
}

static bool write_boolean(struct json_out *out, const struct field *field, const void *place)
{
	const struct opt_bool *optional = place;
	bool plain = field->kind == FIELD_BOOL;
	bool value = plain ? *(const bool *)place : optional->value;

	if (plain ? !field->required && !value : !optional->set)
		return false;
	json_out_raw(out, value ? "true" : "false");
	return true;
}

static bool write_strings(struct json_out *out, const struct string_list *list)
{
	if (!list->present && list->count == 0)
		return false;
	json_out_raw(out, "[");
	for (size_t i = 0; i < list->count; i++) {
		json_out_raw(out, i ? "," : "");
		json_out_string(out, list->item[i]);
	}
	json_out_raw(out, "]");
	return true;
}

static bool write_numbers(struct json_out *out, const struct field *field, const void *base)
{
	const uint32_t *number = items_of(field, base);
	size_t count = count_of(field, base);

	json_out_raw(out, "[");
	for (size_t i = 0; i < count; i++)
		json_out_printf(out, "%s%" PRIu32, i ? "," : "", number[i]);
	json_out_raw(out, "]");
	return count > 0;
}

static bool write_map(struct json_out *out, const struct string_map *map)
{
	if (!map->present && map->count == 0)
		return false;
	json_out_map(out, map);
	return true;
}

static bool write_elements(struct json_out *out, const struct field *field, const void *base)
{
	bool named = field->kind == FIELD_NAMED;
	size_t count = count_of(field, base);
	const char *element = items_of(field, base);

	json_out_raw(out, named ? "{" : "[");
	for (size_t i = 0; i < count; i++, element += field->table->size) {
		json_out_raw(out, i ? "," : "");
		if (named) {
			json_out_string(out, *(const char *const *)(const void *)element);
			json_out_raw(out, ":");
		}
		write_object(out, field->table, element);
	}
	json_out_raw(out, named ? "}" : "]");
	return count > 0 || is_present(field, base);
}

/* The value of FIELD in the struct at BASE; false, and anything in *out, where it is absent. */
static bool write_field(struct json_out *out, const struct field *field, const void *base)
{
	const void *place = at_offset(base, field->offset);
	const char *text = field->kind == FIELD_STRING ? *(const char *const *)place : NULL;
	size_t length = out->length;

	switch (field->kind) {
	case FIELD_STRING:
		if (text)
			json_out_string(out, text);
		return text != NULL;
	case FIELD_BOOL:
	case FIELD_OPT_BOOL:
		return write_boolean(out, field, place);
	case FIELD_STRINGS:
		return write_strings(out, place);
	case FIELD_U32S:
		return write_numbers(out, field, base);
	case FIELD_MAP:
		return write_map(out, place);
	case FIELD_OBJECT:
		write_object(out, field->table, place);
		return field->present_offset ? is_present(field, base) : out->length > length + 2;
	case FIELD_POINTER:
		if (!items_of(field, base))
			return false;
		write_object(out, field->table, items_of(field, base));
		return out->length > length + 2; /* a repair may have made it and left it empty */
	case FIELD_LIST:
	case FIELD_NAMED:
		return write_elements(out, field, base);
	case FIELD_FOREIGN:
		return false;
	default:
		return write_number(out, field, place);
	}
}

/* NULL where it is absent. */
static const char *text_of(struct pool *pool, const struct field *field, const void *base)
{
	struct json_out out = {.pool = pool};

	json_out_raw(&out, "");
	return write_field(&out, field, base) ? out.text : NULL;
}

static void write_object(struct json_out *out, const struct field_table *table, const void *base)
{
	bool first = true;

	json_out_raw(out, "{");
	for (size_t i = 0; i < table->count; i++) {
		const char *text = text_of(out->pool, &table->fields[i], base);
		if (!text)
			continue;
		json_out_raw(out, first ? "" : ",");
		json_out_string(out, table->fields[i].name);
		json_out_raw(out, ":");
		json_out_raw(out, text);
		first = false;
	}
	json_out_raw(out, "}");
}

static const char *object_text(struct pool *pool, const struct field_table *table, const void *base)
{
	struct json_out out = {.pool = pool};

	write_object(&out, table, base);
	return out.text;
}

/* Are both the same element of the document?  The string that it must have is shared; without one the whole must be equal. */
static bool same_element(struct pool *pool, const struct field_table *table, const void *before, const void *after)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];
		if (field->kind == FIELD_STRING && field->required)
			return items_of(field, before) == items_of(field, after);
	}
	return str_equal(object_text(pool, table, before), object_text(pool, table, after));
}

static void edit_list(struct pool *pool, const struct field *field, struct json *array, const void *before,
		      const void *after)
{
	const struct field_table *table = field->table;
	const char *old = items_of(field, before), *new = items_of(field, after);
	const char *old_end = old + count_of(field, before) * table->size;
	size_t index = 0;

	for (size_t i = 0; i < count_of(field, after); i++, new += table->size) {
		const char *match = old;
		while (match < old_end && !same_element(pool, table, match, new))
			match += table->size;
		if (match == old_end) {
			json_insert(array, index++, json_of_text(pool, object_text(pool, table, new)));
			continue;
		}
		for (; old < match; old += table->size)
			json_delete(array, index);
		field_edit(pool, table, json_element(array, index++), match, new);
		old = match + table->size;
	}
	for (; old < old_end; old += table->size)
		json_delete(array, index);
}

/* Objects and lists that are on both sides keep what is between the changes. */
static bool edit_inside(struct pool *pool, const struct field *field, struct json *member, const void *before,
			const void *after)
{
	switch (field->kind) {
	case FIELD_OBJECT:
		if (member->type == JSON_OBJECT)
			field_edit(pool, field->table, member, at_offset(before, field->offset),
				   at_offset(after, field->offset));
		return member->type == JSON_OBJECT;
	case FIELD_POINTER:
		if (member->type != JSON_OBJECT || !items_of(field, before))
			return false;
		field_edit(pool, field->table, member, items_of(field, before), items_of(field, after));
		return true;
	case FIELD_LIST:
		if (member->type == JSON_ARRAY)
			edit_list(pool, field, member, before, after);
		return member->type == JSON_ARRAY;
	default:
		return false;
	}
}

void field_edit(struct pool *pool, const struct field_table *table, struct json *object, const void *before,
		const void *after)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];
		const char *was = text_of(pool, field, before), *is = text_of(pool, field, after);
		struct json *member = json_member(object, field->name);
		if (was == is || (was && is && str_equal(was, is)))
			continue;
		if (!is)
			json_remove(object, field->name);
		else if (!member || !edit_inside(pool, field, member, before, after))
			json_set(object, field->name, json_of_text(pool, is));
	}
}
