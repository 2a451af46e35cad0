/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope_request.c - a request to hrun-scope is filled: fixed arrays, nothing behind their end.
 */
#include <hrun/plan_scope.h>
#include <hrun/str.h>
#include <inttypes.h>

/* Behind each other, and the first byte is "": so 0 is a text, too. */
static uint32_t add_text(struct scope_plan *scope, const char *text, size_t size)
{
	struct scope_request *request = &scope->request;
	uint32_t place = request->text_size ? request->text_size : 1;

	if (size > SCOPE_TEXT_SIZE - place) {
		scope->too_large = true;
		return 0;
	}
	memcpy(request->text + place, text, size);
	request->text_size = place + (uint32_t)size;
	return place;
}

static uint32_t add_string(struct scope_plan *scope, const char *text)
{
	return text ? add_text(scope, text, strlen(text) + 1) : 0;
}

const struct scope_property *scope_find(const struct scope_plan *scope, const char *name)
{
	for (uint32_t i = 0; i < scope->request.property_count; i++) {
		if (str_equal(scope->request.properties[i].name, name))
			return &scope->request.properties[i];
	}
	return NULL;
}

struct scope_property *scope_property(struct scope_plan *scope, const char *name, enum scope_type type)
{
	struct scope_request *request = &scope->request;
	static struct scope_property nowhere;
	struct scope_property *property = request->properties;
	const struct scope_property *end = property + request->property_count;

	while (property < end && !str_equal(property->name, name))
		property++;
	if (property == end && request->property_count == SCOPE_PROPERTIES_MAX) {
		scope->too_large = true;
		property = &nowhere;
	} else if (property == end) {
		request->property_count++;
	}
	*property = (struct scope_property){.type = type, .first_item = request->item_count};
	if (str_format(property->name, sizeof property->name, "%s", name) < 0)
		scope->too_large = true;
	return property;
}

struct scope_property *scope_add_number(struct scope_plan *scope, const char *name, enum scope_type type,
					uint64_t number)
{
	struct scope_property *property = scope_property(scope, name, type);

	property->number = number;
	return property;
}

void scope_add_item(struct scope_plan *scope, struct scope_property *property, const char *first, const char *second,
		    uint64_t number)
{
	struct scope_request *request = &scope->request;

	if (request->item_count == SCOPE_ITEMS_MAX) {
		scope->too_large = true;
		return;
	}
	request->items[request->item_count++] = (struct scope_item){
		.first = add_string(scope, first), .second = add_string(scope, second), .number = number};
	property->item_count++;
}

struct scope_property *scope_add_string(struct scope_plan *scope, const char *name, const char *text)
{
	struct scope_property *property = scope_property(scope, name, SCOPE_STRING);

	scope_add_item(scope, property, text, NULL, 0);
	return property;
}

struct scope_property *scope_add_bytes(struct scope_plan *scope, const char *name, const unsigned char *bytes,
				       size_t size)
{
	struct scope_property *property = scope_property(scope, name, SCOPE_BYTES);

	scope_add_item(scope, property, NULL, NULL, size);
	if (!scope->too_large)
		scope->request.items[property->first_item].first = add_text(scope, (const char *)bytes, size);
	return property;
}

int scope_check_size(const struct scope_plan *scope, struct err *e)
{
	if (!scope->too_large)
		return 0;
	return err_set(
		e, E2BIG,
		"linux.resources: too much for one unit of systemd (%d properties, %d list items, %d bytes of text)",
		SCOPE_PROPERTIES_MAX, SCOPE_ITEMS_MAX, SCOPE_TEXT_SIZE);
}

/* ---- for people ---- */

static const char *bytes_text(struct pool *pool, const struct scope_request *request, const struct scope_item *item)
{
	const char *text = "0x";

	/* The highest number first, as bit masks are read. */
	for (size_t i = item->number; i-- > 0;)
		text = pool_printf(pool, "%s%02x", text, (unsigned char)request->text[item->first + i]);
	return text;
}

static const char *item_text(struct pool *pool, const struct scope_request *request,
			     const struct scope_property *property, const struct scope_item *item)
{
	const char *first = request->text + item->first, *second = request->text + item->second;

	switch (property->type) {
	case SCOPE_BYTES:
		return bytes_text(pool, request, item);
	case SCOPE_PAIRS:
		return pool_printf(pool, "%s %s", first, second);
	case SCOPE_WITH_TEXT:
		return item->number == UINT64_MAX ? pool_printf(pool, "%s infinity", first)
						  : pool_printf(pool, "%s %" PRIu64, first, item->number);
	default:
		return first;
	}
}

static const char *number_text(struct pool *pool, const struct scope_property *property)
{
	if (property->type == SCOPE_BOOL)
		return property->number ? "yes" : "no";
	if (property->type == SCOPE_INT32)
		return pool_printf(pool, "%" PRId32, (int32_t)property->number);
	if (property->number == UINT64_MAX)
		return "infinity";
	return pool_printf(pool, "%" PRIu64, property->number);
}

const char *scope_property_text(struct pool *pool, const struct scope_request *request,
				const struct scope_property *property)
{
	const char *text = pool_printf(pool, "%s=", property->name);

	if (property->type < SCOPE_STRING)
		return pool_printf(pool, "%s%s", text, number_text(pool, property));
	for (size_t i = 0; i < property->item_count; i++)
		text = pool_printf(pool, "%s%s%s", text, i ? ", " : "",
				   item_text(pool, request, property, &request->items[property->first_item + i]));
	return text;
}
