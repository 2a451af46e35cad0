/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field.c - reading one JSON object by its table.
 *
 * Engines written in Go match names without regard to case and take the last one;
 * so a name that is a known one in other letters is refused, never ignored.  null
 * is absent.  Numbers are read from their text, never rounded, never wrapped.
 */
#include <hrun/field.h>
#include <hrun/json_check.h>
#include <hrun/str.h>
#include <inttypes.h>

enum { MAX_NOTED_BYTES = 65536 };

struct reader {
	struct pool *pool;
	const struct field_notes *notes;
	size_t *noted_bytes; /* of places in notes->unknown */
	struct json_error *error;
};

static int read_object(const struct reader *r, const struct field_table *table, const struct json *object, void *base);

static const char *type_word(enum json_type type)
{
	static const char *const words[] = {
		[JSON_NULL] = "null",	    [JSON_BOOLEAN] = "a boolean", [JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string", [JSON_ARRAY] = "an array",	  [JSON_OBJECT] = "an object"};

	return words[type];
}

static int expect(const struct reader *r, const struct json *value, enum json_type type)
{
	if (value->type == type)
		return 0;
	return json_refuse(r->pool, r->error, "json-wrong-type", value, "must be %s, not %s", type_word(type),
			   type_word(value->type));
}

/* One letter of TEXT without its case, by Unicode's simple folding; ASCII is all that known names have. */
static char fold(const char **text)
{
	const char *p = *text;

	if (str_starts(p, "\xe2\x84\xaa")) { /* U+212A KELVIN SIGN */
		*text += 3;
		return 'k';
	}
	if (str_starts(p, "\xc5\xbf")) { /* U+017F LATIN SMALL LETTER LONG S */
		*text += 2;
		return 's';
	}
	*text += 1;
	return *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
}

static bool differs_by_case(const char *name, const char *known)
{
	while (*name && *known) {
		if (fold(&name) != fold(&known))
			return false;
	}
	return !*name && !*known;
}

static const struct field *find_field(const struct field_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++) {
		if (str_equal(table->fields[i].name, name))
			return &table->fields[i];
	}
	return NULL;
}

/*
 * One unknown member is as bad as a thousand.  The places of all of them, each below
 * a name of half a megabyte, would be gigabytes: after MAX_NOTED_BYTES the rest is
 * not noted.
 */
static void note_unknown(const struct reader *r, const struct json *member)
{
	if (!r->notes || *r->noted_bytes > MAX_NOTED_BYTES)
		return;
	struct config_unknown *unknown = pool_array_add(r->pool, *r->notes->unknown, *r->notes->unknown_count);
	unknown->where = json_where(r->pool, member);
	*r->noted_bytes += strlen(unknown->where);
}

static int judge_unknown(const struct reader *r, const struct field_table *table, const struct json *member)
{
	for (size_t i = 0; i < table->count; i++) {
		const char *known = table->fields[i].name;
		if (differs_by_case(member->key, known))
			return json_refuse(r->pool, r->error, "json-key-case", member,
					   "differs from the known name %s by case only; write %s", known, known);
	}
	note_unknown(r, member);
	return 0;
}

struct range {
	int64_t min;
	uint64_t max;
};

static struct range range_of(const struct field *field)
{
	if (field->min || field->max)
		return (struct range){field->min, field->max};
	switch (field->kind) {
	case FIELD_U32:
	case FIELD_U32S:
	case FIELD_OPT_U32:
		return (struct range){0, UINT32_MAX};
	case FIELD_OPT_I32:
		return (struct range){INT32_MIN, INT32_MAX};
	case FIELD_U64:
	case FIELD_OPT_U64:
		return (struct range){0, UINT64_MAX};
	default:
		return (struct range){INT64_MIN, INT64_MAX};
	}
}

/* The integer as 64 bits; a signed one in two's complement. */
static int read_number(const struct reader *r, const struct field *field, const struct json *value, uint64_t *ret_bits)
{
	struct range range = range_of(field);

	TRY(expect(r, value, JSON_NUMBER));
	/* JSON has a minus zero; it is no other number than zero. */
	const char *text = str_equal(value->text, "-0") ? "0" : value->text;
	int status;
	if (range.min < 0) {
		int64_t number = 0;
		status = str_to_i64(text, range.min, (int64_t)range.max, &number);
		*ret_bits = (uint64_t)number;
	} else {
		status = str_to_u64(text, range.max, ret_bits);
	}
	if (status < 0 || (range.min > 0 && *ret_bits < (uint64_t)range.min))
		return json_refuse(r->pool, r->error, "json-number-range", value,
				   "must be an integer from %" PRId64 " to %" PRIu64 ", written in digits", range.min,
				   range.max);
	return 0;
}

static void store_number(const struct field *field, void *place, uint64_t bits)
{
	switch (field->kind) {
	case FIELD_U32:
		*(uint32_t *)place = (uint32_t)bits;
		break;
	case FIELD_U64:
		*(uint64_t *)place = bits;
		break;
	case FIELD_I64:
		*(int64_t *)place = (int64_t)bits;
		break;
	case FIELD_OPT_I32:
		*(struct opt_i32 *)place = (struct opt_i32){true, (int32_t)bits};
		break;
	case FIELD_OPT_I64:
		*(struct opt_i64 *)place = (struct opt_i64){true, (int64_t)bits};
		break;
	case FIELD_OPT_U32:
		*(struct opt_u32 *)place = (struct opt_u32){true, (uint32_t)bits};
		break;
	default:
		*(struct opt_u64 *)place = (struct opt_u64){true, bits};
	}
}

static int read_boolean(const struct reader *r, const struct field *field, const struct json *value, void *place)
{
	TRY(expect(r, value, JSON_BOOLEAN));
	if (field->kind == FIELD_BOOL)
		*(bool *)place = value->boolean;
	else
		*(struct opt_bool *)place = (struct opt_bool){true, value->boolean};
	return 0;
}

static const char *rule_of(const struct field *field)
{
	return field->rule ? field->rule : "required-field-missing";
}

static int refuse_absent(const struct reader *r, const struct json *object, const struct field *field)
{
	const struct json absent = {
		.key = field->name, .parent = object, .line = object->line, .column = object->column};

	return json_refuse(r->pool, r->error, rule_of(field), &absent,
			   "is absent or empty, the specification requires it; fill it in");
}

static int read_string(const struct reader *r, const struct field *field, const struct json *value, const char **ret)
{
	TRY(expect(r, value, JSON_STRING));
	if (field->required && !value->text[0])
		return json_refuse(r->pool, r->error, rule_of(field), value,
				   "is empty, the specification requires a value; fill it in");
	*ret = value->text;
	return 0;
}

static int expect_list(const struct reader *r, const struct field *field, const struct json *value)
{
	TRY(expect(r, value, JSON_ARRAY));
	if (field->max_count && value->count > field->max_count)
		return json_refuse(r->pool, r->error, "list-too-long", value,
				   "has %u elements, %zu are allowed; shorten the list", value->count,
				   field->max_count);
	return 0;
}

static int read_strings(const struct reader *r, const struct field *field, const struct json *value,
			struct string_list *ret)
{
	TRY(expect_list(r, field, value));
	ret->present = true;
	ret->item = pool_alloc(r->pool, (value->count + 1) * sizeof *ret->item);
	for (const struct json *v = value->first; v; v = v->next) {
		TRY(expect(r, v, JSON_STRING));
		ret->item[ret->count++] = v->text;
	}
	return 0;
}

static int read_u32s(const struct reader *r, const struct field *field, const struct json *value, void *base)
{
	TRY(expect_list(r, field, value));
	uint32_t *number = pool_alloc(r->pool, (value->count + 1) * sizeof *number);
	size_t n = 0;
	for (const struct json *v = value->first; v; v = v->next) {
		uint64_t bits;
		TRY(read_number(r, field, v, &bits));
		number[n++] = (uint32_t)bits;
	}
	*(uint32_t **)((char *)base + field->offset) = number;
	*(size_t *)((char *)base + field->count_offset) = n;
	return 0;
}

static int read_map(const struct reader *r, const struct json *value, struct string_map *ret)
{
	TRY(expect(r, value, JSON_OBJECT));
	ret->present = true;
	ret->item = pool_alloc(r->pool, (value->count + 1) * sizeof *ret->item);
	for (const struct json *v = value->first; v; v = v->next) {
		if (v->type == JSON_NULL)
			continue;
		TRY(expect(r, v, JSON_STRING));
		ret->item[ret->count++] = (struct string_pair){v->key, v->text};
	}
	return 0;
}

/* Elements of FIELD_LIST are objects; of FIELD_NAMED too, and null ones count as absent. */
static int read_elements(const struct reader *r, const struct field *field, const struct json *value, void *base)
{
	bool named = field->kind == FIELD_NAMED;
	size_t n = 0;

	TRY(named ? expect(r, value, JSON_OBJECT) : expect_list(r, field, value));
	char *element = pool_alloc(r->pool, (value->count + 1) * field->table->size);
	*(void **)((char *)base + field->offset) = element;
	for (const struct json *v = value->first; v; v = v->next) {
		if (named && v->type == JSON_NULL)
			continue;
		void *place = element + n++ * field->table->size;
		if (named)
			*(const char **)place = v->key;
		TRY(read_object(r, field->table, v, place));
	}
	*(size_t *)((char *)base + field->count_offset) = n;
	return 0;
}

static int read_pointer(const struct reader *r, const struct field *field, const struct json *value, void **ret)
{
	*ret = pool_alloc(r->pool, field->table->size);
	return read_object(r, field->table, value, *ret);
}

static int note_foreign(const struct reader *r, const struct json *value)
{
	TRY(expect(r, value, JSON_OBJECT));
	if (r->notes) {
		struct string_list *list = r->notes->foreign_sections;
		list->present = true;
		*pool_array_add(r->pool, list->item, list->count) = value->key;
	}
	return 0;
}

static int read_field(const struct reader *r, const struct field *field, const struct json *value, void *base)
{
	void *place = (char *)base + field->offset;
	uint64_t bits;

	if (field->present_offset)
		*(bool *)((char *)base + field->present_offset) = true;
	switch (field->kind) {
	case FIELD_STRING:
		return read_string(r, field, value, place);
	case FIELD_BOOL:
	case FIELD_OPT_BOOL:
		return read_boolean(r, field, value, place);
	case FIELD_STRINGS:
		return read_strings(r, field, value, place);
	case FIELD_U32S:
		return read_u32s(r, field, value, base);
	case FIELD_MAP:
		return read_map(r, value, place);
	case FIELD_OBJECT:
		return read_object(r, field->table, value, place);
	case FIELD_POINTER:
		return read_pointer(r, field, value, place);
	case FIELD_LIST:
	case FIELD_NAMED:
		return read_elements(r, field, value, base);
	case FIELD_FOREIGN:
		return note_foreign(r, value);
	default:
		TRY(read_number(r, field, value, &bits));
		store_number(field, place, bits);
		return 0;
	}
}

static int read_object(const struct reader *r, const struct field_table *table, const struct json *object, void *base)
{
	TRY(expect(r, object, JSON_OBJECT));
	for (const struct json *m = object->first; m; m = m->next) {
		const struct field *field = find_field(table, m->key);
		if (!field)
			TRY(judge_unknown(r, table, m));
		else if (m->type != JSON_NULL)
			TRY(read_field(r, field, m, base));
	}
	for (size_t i = 0; i < table->count; i++) {
		if (table->fields[i].required && !json_at(object, table->fields[i].name))
			return refuse_absent(r, object, &table->fields[i]);
	}
	return 0;
}

int field_read(struct pool *pool, const struct field_table *table, const struct json *object, void *base,
	       const struct field_notes *notes, struct json_error *ret_error)
{
	size_t noted_bytes = 0;
	const struct reader r = {.pool = pool, .notes = notes, .noted_bytes = &noted_bytes, .error = ret_error};

	return read_object(&r, table, object, base);
}
