/* SPDX-License-Identifier: Apache-2.0 */
/*
 * properties.c - the request's properties as D-Bus values.
 *
 * sd-bus keeps a failure to append in the message until the call is made; each is looked at all the same.
 */
#include "scope.h"
#include <hrun/err.h>
#include <hrun/str.h>

static const char *text_of(const struct talk *t, uint32_t place)
{
	return t->request.text + place;
}

static int append_number(sd_bus_message *call, const struct scope_property *property)
{
	switch (property->type) {
	case SCOPE_BOOL:
		return sd_bus_message_append(call, "v", "b", property->number != 0);
	case SCOPE_INT32:
		return sd_bus_message_append(call, "v", "i", (int32_t)property->number);
	case SCOPE_UINT32:
		return sd_bus_message_append(call, "v", "u", (uint32_t)property->number);
	default:
		return sd_bus_message_append(call, "v", "t", property->number);
	}
}

static int append_item(const struct talk *t, sd_bus_message *call, uint32_t type, const struct scope_item *item)
{
	const char *first = text_of(t, item->first);

	if (type == SCOPE_STRINGS)
		return sd_bus_message_append(call, "s", first);
	if (type == SCOPE_PAIRS)
		return sd_bus_message_append(call, "(ss)", first, text_of(t, item->second));
	return sd_bus_message_append(call, "(st)", first, item->number);
}

/* The items from FIRST to END of one list; none: an empty one. */
static int append_list(const struct talk *t, sd_bus_message *call, const struct scope_property *property,
		       uint32_t count)
{
	static const char *const types[SCOPE_TYPES] = {
		[SCOPE_STRINGS] = "s", [SCOPE_PAIRS] = "(ss)", [SCOPE_WITH_TEXT] = "(st)"};
	static const char *const lists[SCOPE_TYPES] = {
		[SCOPE_STRINGS] = "as", [SCOPE_PAIRS] = "a(ss)", [SCOPE_WITH_TEXT] = "a(st)"};

	TRY(sd_bus_message_open_container(call, 'v', lists[property->type]));
	TRY(sd_bus_message_open_container(call, 'a', types[property->type]));
	for (uint32_t i = 0; i < count; i++)
		TRY(append_item(t, call, property->type, &t->request.items[property->first_item + i]));
	TRY(sd_bus_message_close_container(call));
	return sd_bus_message_close_container(call);
}

static int append_bytes(const struct talk *t, sd_bus_message *call, const struct scope_property *property)
{
	const struct scope_item *item = &t->request.items[property->first_item];

	TRY(sd_bus_message_open_container(call, 'v', "ay"));
	TRY(sd_bus_message_append_array(call, 'y', text_of(t, item->first), item->number));
	return sd_bus_message_close_container(call);
}

static int append_value(const struct talk *t, sd_bus_message *call, const struct scope_property *property,
			uint32_t count)
{
	if (property->type < SCOPE_STRING)
		return append_number(call, property);
	if (property->type == SCOPE_BYTES)
		return append_bytes(t, call, property);
	if (property->type == SCOPE_STRING)
		return sd_bus_message_append(call, "v", "s", text_of(t, t->request.items[property->first_item].first));
	return append_list(t, call, property, count);
}

static int append_one(const struct talk *t, sd_bus_message *call, const struct scope_property *property, uint32_t count)
{
	TRY(sd_bus_message_open_container(call, 'r', "sv"));
	TRY(sd_bus_message_append(call, "s", property->name));
	TRY(append_value(t, call, property, count));
	return sd_bus_message_close_container(call);
}

int properties_append(const struct talk *t, sd_bus_message *call)
{
	for (uint32_t i = 0; i < t->request.property_count; i++) {
		const struct scope_property *property = &t->request.properties[i];
		if (property->since > t->answer.systemd)
			continue;
		/* A list that is set again is added to what is there; only an empty one takes that away. */
		if (t->request.task == SCOPE_SET && property->type == SCOPE_PAIRS && property->item_count)
			TRY(append_one(t, call, property, 0));
		TRY(append_one(t, call, property, property->item_count));
	}
	return 0;
}
