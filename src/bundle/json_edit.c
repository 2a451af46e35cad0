/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_edit.c - a private copy of a JSON tree that may be changed, and trees as text for people.
 *
 * Whoever reads a repaired document next wants to find it as he wrote it: what is not set here keeps its place, its
 * spelling and its unknown neighbours.
 */
#include <hrun/json_edit.h>
#include <hrun/str.h>

/* Values of a copy are ours; struct json names its children const because readers share it. */
static struct json *own(const struct json *value)
{
	return (struct json *)value;
}

struct json *json_copy(struct pool *pool, const struct json *value)
{
	struct json *copy = pool_alloc(pool, sizeof *copy), *newest = NULL;

	*copy = *value;
	copy->parent = copy->next = copy->first = NULL;
	for (const struct json *child = value->first; child; child = child->next) {
		struct json *one = json_copy(pool, child);
		one->parent = copy;
		if (newest)
			newest->next = one;
		else
			copy->first = one;
		newest = one;
	}
	return copy;
}

struct json *json_of_text(struct pool *pool, const char *text)
{
	const char *whole = pool_printf(pool, "{\"v\":%s}", text);
	struct json_error error = {0};
	const struct json *tree;

	if (json_read(pool, whole, strlen(whole), strlen(whole), &tree, &error) < 0)
		return NULL;
	struct json *value = json_copy(pool, tree->first);
	value->key = NULL;
	return value;
}

struct json *json_member(struct json *object, const char *key)
{
	if (object->type != JSON_OBJECT)
		return NULL;
	for (const struct json *member = object->first; member; member = member->next) {
		if (str_equal(member->key, key))
			return own(member);
	}
	return NULL;
}

struct json *json_element(struct json *array, size_t index)
{
	const struct json *element = array->type == JSON_ARRAY ? array->first : NULL;

	while (element && index-- > 0)
		element = element->next;
	return own(element);
}

/* Indices and the count follow from the order. */
static void renumber(struct json *parent)
{
	parent->count = 0;
	for (const struct json *child = parent->first; child; child = child->next)
		own(child)->index = parent->count++;
}

static void link_before(struct json *parent, const struct json *successor, struct json *value)
{
	const struct json **place = &parent->first;

	while (*place && *place != successor)
		place = &own(*place)->next;
	value->next = *place;
	value->parent = parent;
	*place = value;
	renumber(parent);
}

static void unlink_child(struct json *parent, const struct json *child)
{
	const struct json **place = &parent->first;

	while (*place && *place != child)
		place = &own(*place)->next;
	if (*place)
		*place = child->next;
	renumber(parent);
}

void json_set(struct json *object, const char *key, struct json *value)
{
	struct json *old = json_member(object, key);

	value->key = key;
	link_before(object, old, value);
	if (old)
		unlink_child(object, old);
}

void json_remove(struct json *object, const char *key)
{
	struct json *old = json_member(object, key);

	if (old)
		unlink_child(object, old);
}

void json_insert(struct json *array, size_t index, struct json *value)
{
	link_before(array, json_element(array, index), value);
}

void json_delete(struct json *array, size_t index)
{
	struct json *old = json_element(array, index);

	if (old)
		unlink_child(array, old);
}

static void print_value(struct json_out *out, const struct json *value, size_t depth);

static void new_line(struct json_out *out, size_t depth)
{
	json_out_raw(out, "\n");
	while (depth-- > 0)
		json_out_raw(out, "\t");
}

static void print_children(struct json_out *out, const struct json *value, size_t depth)
{
	for (const struct json *child = value->first; child; child = child->next) {
		new_line(out, depth + 1);
		if (child->key) {
			json_out_string(out, child->key);
			json_out_raw(out, ": ");
		}
		print_value(out, child, depth + 1);
		if (child->next)
			json_out_raw(out, ",");
	}
	if (value->first)
		new_line(out, depth);
}

static void print_value(struct json_out *out, const struct json *value, size_t depth)
{
	bool is_object = value->type == JSON_OBJECT;

	switch (value->type) {
	case JSON_NULL:
		json_out_raw(out, "null");
		break;
	case JSON_BOOLEAN:
		json_out_raw(out, value->boolean ? "true" : "false");
		break;
	case JSON_NUMBER:
		json_out_raw(out, value->text);
		break;
	case JSON_STRING:
		json_out_string(out, value->text);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		json_out_raw(out, is_object ? "{" : "[");
		print_children(out, value, depth);
		json_out_raw(out, is_object ? "}" : "]");
		break;
	}
}

void json_print(struct json_out *out, const struct json *value)
{
	print_value(out, value, 0);
	json_out_raw(out, "\n");
}

/* One reference token of a pointer: "~1" is "/", "~0" is "~".  *POINTER moves behind it. */
static const char *next_token(struct pool *pool, const char **pointer)
{
	size_t length = strcspn(*pointer, "/"), n = 0;
	char *token = pool_strndup(pool, *pointer, length);

	*pointer += length;
	for (size_t i = 0; i < length; i++) {
		bool escaped = token[i] == '~' && (token[i + 1] == '0' || token[i + 1] == '1');
		token[n++] = !escaped ? token[i] : token[i + 1] == '1' ? '/' : '~';
		i += escaped;
	}
	token[n] = '\0';
	return token;
}

static bool is_child(const struct json *value, const struct json *child, const char *token, uint64_t index)
{
	return value->type == JSON_OBJECT ? str_equal(child->key, token) : child->index == index;
}

/* From the last one found on, and then from the beginning: a hostile document has a hundred thousand members. */
static const struct json *child_of(const struct json *value, const char *token, struct json_cursor *cursor)
{
	const struct json *start = cursor->parent == value ? cursor->child : value->first;
	uint64_t index = 0;

	if (value->type != JSON_OBJECT && (value->type != JSON_ARRAY || str_to_u64(token, UINT32_MAX, &index) < 0))
		return NULL;
	for (int round = 0; round < 2; round++) {
		const struct json *end = round ? start : NULL;
		for (const struct json *child = round ? value->first : start; child != end; child = child->next) {
			if (!is_child(value, child, token, index))
				continue;
			*cursor = (struct json_cursor){value, child};
			return child;
		}
	}
	return NULL;
}

const struct json *json_nearest(struct pool *pool, const struct json *tree, const char *pointer,
				struct json_cursor cursor[JSON_MAX_DEPTH])
{
	for (int depth = 0; *pointer == '/' && depth < JSON_MAX_DEPTH; depth++) {
		pointer++;
		const struct json *child = child_of(tree, next_token(pool, &pointer), &cursor[depth]);
		if (!child)
			break;
		tree = child;
	}
	return tree;
}
