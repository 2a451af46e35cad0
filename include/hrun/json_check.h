/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_check.h - what the JSON parser lets through and the reader must not.
 *
 * Shared by the files of bundle/ only.
 */
#ifndef HRUN_JSON_CHECK_H
#define HRUN_JSON_CHECK_H

#include <hrun/json.h>

/*
 * Is this string token, as written between its quotes, well-formed UTF-8 without
 * lone surrogate escapes?  NULL, or what is wrong with it.
 */
const char *json_check_string(const char *raw, size_t length);

/* Length of the well-formed UTF-8 character at TEXT, of which LEFT bytes (at least one) are there; or 0. */
size_t json_utf8_length(const char *text, size_t left);

/* The member of OBJECT whose name stands there a second time (unescaped), or NULL. */
const struct json *json_check_members(struct pool *pool, const struct json *object);

/*
 * The tree of a document that is plain beyond doubt, or NULL: then nothing is said about it and BYTES are as before.
 * BYTES has JSON_ROOM zero bytes behind SIZE; in the tree's place quotes are overwritten.
 */
const struct json *json_plain_read(struct pool *pool, char *bytes, size_t size, struct json_stream *stream);

/* Fill *error for VALUE, place and all.  Returns -EINVAL. */
int json_refuse(struct pool *pool, struct json_error *error, const char *rule, const struct json *value,
		const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
