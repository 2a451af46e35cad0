/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members.c - JSON of an exact shape: what is missing, of another type or unknown is named.
 */
#include "signature.h"
#include <errno.h>
#include <hrun/str.h>

int json_document(struct judgement *j, struct blob bytes, const char *what, const struct json **ret_tree)
{
	struct json_error error = {0};

	if (json_read(j->pool, (const char *)bytes.bytes, bytes.size, ENVELOPE_MAX, ret_tree, &error) == 0)
		return 0;
	return bad(j, IMAGE_STAGE_SIGNATURE, "%s is not strict JSON, line %u column %u: %s", what, error.line,
		   error.column, error.text ? error.text : "it is damaged");
}

static bool is_among(const char *name, const char *const *list)
{
	for (; list && *list; list++) {
		if (str_equal(name, *list))
			return true;
	}
	return false;
}

int exact_members(struct judgement *j, const struct json *object, const char *what, const char *const *needed,
		  const char *const *allowed)
{
	size_t found = 0, want = 0;

	if (!object || object->type != JSON_OBJECT)
		return bad(j, IMAGE_STAGE_SIGNATURE, "%s is not an object", what);
	for (const struct json *member = object->first; member; member = member->next) {
		bool is_needed = is_among(member->key, needed);
		found += is_needed;
		if (!is_needed && !is_among(member->key, allowed))
			return bad(j, IMAGE_STAGE_SIGNATURE, "%s has a member \"%.64s\" that does not belong there",
				   what, member->key);
	}
	/* (Names are unique, so the count decides.) */
	while (needed[want])
		want++;
	if (found != want)
		return bad(j, IMAGE_STAGE_SIGNATURE, "%s lacks a member that belongs there", what);
	return 0;
}

const char *text_at(const struct json *object, const char *name)
{
	const struct json *value = object && object->type == JSON_OBJECT ? json_at(object, name) : NULL;

	return value && value->type == JSON_STRING ? value->text : NULL;
}
