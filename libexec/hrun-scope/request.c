/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - every offset and every text of a request lies inside it and ends there.
 */
#include "scope.h"
#include <errno.h>
#include <hrun/str.h>
#include <string.h>

static bool is_text(const struct scope_request *request, uint32_t place)
{
	return place < request->text_size && memchr(request->text + place, '\0', request->text_size - place);
}

static bool is_item(const struct scope_request *request, const struct scope_property *property,
		    const struct scope_item *item)
{
	if (property->type == SCOPE_BYTES)
		return item->first <= request->text_size && item->number <= request->text_size - item->first;
	return is_text(request, item->first) && is_text(request, item->second);
}

static bool is_property(const struct scope_request *request, const struct scope_property *property)
{
	bool needs_one = property->type == SCOPE_STRING || property->type == SCOPE_BYTES;

	if (property->type >= SCOPE_TYPES || !memchr(property->name, '\0', sizeof property->name) ||
	    !property->name[0] || property->first_item > request->item_count ||
	    property->item_count > request->item_count - property->first_item ||
	    (needs_one && property->item_count != 1))
		return false;
	for (uint32_t i = 0; i < property->item_count; i++) {
		if (!is_item(request, property, &request->items[property->first_item + i]))
			return false;
	}
	return true;
}

/* A new unit has none yet; any other must be named by it.  By the id 0 systemd would take the unit that the caller is in. */
static bool is_invocation(const struct scope_request *request)
{
	const char *id = request->invocation;

	if (!memchr(id, '\0', sizeof request->invocation))
		return false;
	return request->task == SCOPE_START ? !id[0] : str_is_hex(id, SCOPE_INVOCATION_SIZE - 1) && id[strspn(id, "0")];
}

static bool is_sound(const struct scope_request *request)
{
	if (request->task >= SCOPE_TASKS || request->direct > 1 || request->timeout_ms == 0 ||
	    !memchr(request->unit, '\0', sizeof request->unit) || !str_ends(request->unit, ".scope") ||
	    !is_invocation(request) || request->property_count > SCOPE_PROPERTIES_MAX ||
	    request->item_count > SCOPE_ITEMS_MAX || request->text_size > SCOPE_TEXT_SIZE)
		return false;
	for (uint32_t i = 0; i < request->property_count; i++) {
		if (!is_property(request, &request->properties[i]))
			return false;
	}
	return true;
}

int talk_check(struct talk *t)
{
	if (t->request.version != SCOPE_WIRE_VERSION)
		return talk_fail(t, EPROTO, "hrun and hrun-scope are of different builds; install both again");
	return is_sound(&t->request) ? 0 : talk_fail(t, EPROTO, "the request is malformed");
}
