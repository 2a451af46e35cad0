/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - a strict JSON tree from bytes (RFC 8259), read-only, in a pool.
 *
 * RFC 8259 exactly; and what two readers could understand differently is refused:
 * duplicate keys (after unescaping), NUL, invalid UTF-8, lone surrogates, a BOM,
 * comments, trailing data, depth > JSON_MAX_DEPTH.
 * Numbers are kept as text; who reads them checks the range.
 */
#ifndef HRUN_JSON_H
#define HRUN_JSON_H

#include <hrun/err.h>
#include <hrun/pool.h>
#include <hrun/spec.h>
#include <stdbool.h>
#include <stddef.h>

enum { JSON_MAX_DEPTH = 32 };

enum json_type { JSON_NULL, JSON_BOOLEAN, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_type type;
	bool boolean;
	unsigned int line, column; /* of the value's first byte, both from 1; column in bytes */
	unsigned int index;	   /* position in the parent */
	unsigned int count;	   /* elements of an array, members of an object */
	const char *text;	   /* JSON_NUMBER: as written; JSON_STRING: unescaped, NUL-terminated */
	const char *key;	   /* member name where the parent is an object, else NULL */
	const struct json *parent;
	const struct json *first, *next; /* children of this value; next child of the same parent */
};

/* What failed, for the rules of section A (json-not-strict, json-duplicate-key, ...). */
struct json_error {
	const char *rule;	   /* rule id, static */
	const char *where;	   /* "mounts[7].source"; "" for the top value */
	const char *pointer;	   /* "/mounts/7/source" (RFC 6901) */
	unsigned int line, column; /* 0 where unknown */
	const char *text;	   /* what is wrong, one sentence without the place */
};

/*
 * Read SIZE bytes as one JSON object.  0 and *ret_tree, or -EINVAL with *ret_error.
 * MAX_SIZE is the caller's limit (json-too-large).
 */
int json_read(struct pool *pool, const char *bytes, size_t size, size_t max_size, const struct json **ret_tree,
	      struct json_error *ret_error);

/* Member NAME of an object, or NULL; a null value counts as absent (NULL). */
const struct json *json_at(const struct json *object, const char *name);

/*
 * Where a value stands: "mounts[7].source", annotations["a.b"] where a key is not
 * a plain word; and the RFC 6901 pointer of it.  From the pool.
 */
const char *json_where(struct pool *pool, const struct json *value);
const char *json_pointer(struct pool *pool, const struct json *value);

/* The RFC 6901 pointer of a place in json_where's form, for findings that name a place as text. */
const char *json_pointer_of_where(struct pool *pool, const char *where);

/*
 * Writing: a growing text in a pool.  json_out_string quotes and escapes; invalid
 * UTF-8 becomes U+FFFD, "/" is not escaped (hooks and engines want it so).
 */
struct json_out {
	struct pool *pool;
	char *text; /* NUL-terminated */
	size_t length, capacity;
};
void json_out_raw(struct json_out *out, const char *text);
void json_out_string(struct json_out *out, const char *text);
/* An object of strings, as the map has them. */
void json_out_map(struct json_out *out, const struct string_map *map);
void json_out_printf(struct json_out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
