/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_read.h - the policy file's objects as tables, for the files that read its members.
 */
#ifndef HRUN_POLICY_READ_H
#define HRUN_POLICY_READ_H

#include <hrun/json.h>
#include <hrun/policy.h>

struct policy_reader {
	struct pool *pool;
	struct policy *policy;
	bool own_class; /* the file of a class: severe rules need no image digest */
	int64_t today;
	struct err *e;
	struct waiver *waivers;
	size_t waiver_count;
};

/* One member of an object.  READ gets the place that policy_read_object was given. */
struct policy_row {
	const char *name;
	enum json_type type;
	bool required;
	int (*read)(struct policy_reader *r, const struct json *value, void *place);
};

/* Every member must have a row and its type (so no null); the required ones must be there. */
int policy_read_object(struct policy_reader *r, const struct json *object, const struct policy_row *rows, size_t count,
		       void *place);
#define POLICY_READ_OBJECT(r, object, rows, place) \
	policy_read_object((r), (object), (rows), sizeof(rows) / sizeof(rows)[0], (place))

/* "policy: `FILE`, line 3: `allow.sysctls[2]` ...": -EINVAL. */
int policy_refuse(struct policy_reader *r, const struct json *value, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

int policy_expect(struct policy_reader *r, const struct json *value, enum json_type type);
/* COUNT where there is no such row. */
size_t policy_row_of(const struct policy_row *rows, size_t count, const char *name);

/* One of the words; its index. */
int policy_read_word(struct policy_reader *r, const struct json *value, const char *const *words, size_t count);
int policy_read_integer(struct policy_reader *r, const struct json *value, int64_t min, int64_t max,
			int64_t *ret_number);
/* A list of different strings; what CHECK complains about is refused.  *text may be replaced by a cleaned copy. */
int policy_read_strings(struct policy_reader *r, const struct json *value,
			const char *(*check)(struct pool *pool, const char **text), struct string_list *ret_list);
/* Absolute, without ".."; cleaned. */
const char *policy_check_path(struct pool *pool, const char **text);
/* At most POLICY_MAX_LIST elements. */
int policy_check_length(struct policy_reader *r, const struct json *list);
/* SHA-256 as text: 64 lower-case hexadecimal digits. */
bool policy_is_sha256(const char *text);

/* The rows of the file that have a source file of their own. */
int policy_read_allow(struct policy_reader *r, const struct json *value, void *place);
int policy_read_drop(struct policy_reader *r, const struct json *value, void *place);
int policy_read_images(struct policy_reader *r, const struct json *value, void *place);
int policy_read_waivers(struct policy_reader *r, const struct json *value, void *place);
/* Of `images`, into a struct image_source. */
int policy_read_allow_digests(struct policy_reader *r, const struct json *value, void *place);
int policy_read_deny_digests(struct policy_reader *r, const struct json *value, void *place);
int policy_read_not_before(struct policy_reader *r, const struct json *value, void *place);
/* None of the three stands in IMAGES, the file's `images`, where its SOURCE asks for no signature. */
int policy_check_digests(struct policy_reader *r, const struct json *images, const struct image_source *source);
/* signedIdentity of containers-policy.json(5), into a struct image_rule. */
int policy_read_image_identity(struct policy_reader *r, const struct json *value, void *place);
struct rule;
/* The rule that ID names, or NULL with the error told. */
const struct rule *policy_rule(struct policy_reader *r, const struct json *value, const char *id);

#endif
