/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_check.h - the parts of the JSON reader.
 *
 * Shared by the files of bundle/ only.
 */
#ifndef HRUN_JSON_CHECK_H
#define HRUN_JSON_CHECK_H

#include <hrun/json.h>

/* So many NULs stand behind a document's bytes while it is read: string and white space are looked at eight bytes at a time. */
enum { JSON_ROOM = 8 };

/*
 * The string whose first byte, behind the opening quote, is at TEXT, in a document that ends at END and has JSON_ROOM NULs
 * there: it is unescaped and terminated in place.  Returns what follows the closing quote, or NULL with the rule that
 * refuses it and what is wrong, both static; the bytes are then spoilt.
 */
char *json_string(char *text, const char *end, const char **ret_rule, const char **ret_wrong);

/* Length of the well-formed UTF-8 character at TEXT, of which LEFT bytes (at least one) are there; or 0. */
size_t json_utf8_length(const char *text, size_t left);

/* The member of OBJECT whose name stands there a second time (unescaped), or NULL. */
const struct json *json_check_members(struct pool *pool, const struct json *object);

/* Fill *error for VALUE, place and all.  Returns -EINVAL. */
int json_refuse(struct pool *pool, struct json_error *error, const char *rule, const struct json *value,
		const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
