/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_edit.h - a private copy of a JSON tree that may be changed, and trees as text for people.
 *
 * json_read's trees are never written to.  A copy keeps every member, its order and the text of its numbers.
 */
#ifndef HRUN_JSON_EDIT_H
#define HRUN_JSON_EDIT_H

#include <hrun/json.h>

/* A deep copy of VALUE; strings are shared.  It has no parent. */
struct json *json_copy(struct pool *pool, const struct json *value);
/* TEXT, which hrun has written itself, as a value; NULL where it is no JSON. */
struct json *json_of_text(struct pool *pool, const char *text);

/* These work on a copy only.  The member KEY of OBJECT, null included, or NULL. */
struct json *json_member(struct json *object, const char *key);
/* The element INDEX of ARRAY, or NULL. */
struct json *json_element(struct json *array, size_t index);
/* Give member KEY the VALUE, where it stands or at the end. */
void json_set(struct json *object, const char *key, struct json *value);
void json_remove(struct json *object, const char *key);
/* Let VALUE be element INDEX (or the last one); what stands there moves. */
void json_insert(struct json *array, size_t index, struct json *value);
void json_delete(struct json *array, size_t index);

/* One value a line, indented by tabs, and a newline at the end. */
void json_print(struct json_out *out, const struct json *value);

/* Where the last look-up was: who asks for many places in the order of the document pays for one walk. */
struct json_cursor {
	const struct json *parent, *child;
};

/*
 * The value that POINTER (RFC 6901) names in TREE, or the nearest ancestor that is there: a finding about an absent
 * member has the place where it would stand.  *CURSOR begins zeroed and belongs to TREE.
 */
const struct json *json_nearest(struct pool *pool, const struct json *tree, const char *pointer,
				struct json_cursor cursor[JSON_MAX_DEPTH]);

#endif
