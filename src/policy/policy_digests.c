/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_digests.c - images.allowDigests, denyDigests and notBefore: which of the images that are signed may start.
 */
#include <hrun/image_name.h>
#include <hrun/judging.h>
#include <hrun/policy_read.h>
#include <hrun/str.h>
#include <hrun/utc.h>

static int read_digests(struct policy_reader *r, const struct json *value, struct string_list *list)
{
	TRY(policy_check_length(r, value));
	*list = (struct string_list){.item = pool_alloc(r->pool, (value->count + 1) * sizeof *list->item),
				     .present = true};
	for (const struct json *v = value->first; v; v = v->next) {
		TRY(policy_expect(r, v, JSON_STRING));
		if (!str_is_digest(v->text))
			return policy_refuse(r, v, "must be \"sha256:\" and 64 lower-case hexadecimal digits");
		if (list_has(list, v->text))
			return policy_refuse(r, v, "is in the list already; name each digest once");
		list->item[list->count++] = v->text;
	}
	return 0;
}

int policy_read_allow_digests(struct policy_reader *r, const struct json *value, void *place)
{
	if (!value->count)
		return policy_refuse(r, value, "is empty: no image could start; name one or leave it out");
	return read_digests(r, value, &((struct image_source *)place)->allow_digests);
}

int policy_read_deny_digests(struct policy_reader *r, const struct json *value, void *place)
{
	return read_digests(r, value, &((struct image_source *)place)->deny_digests);
}

static int read_time(struct policy_reader *r, const struct json *value, const char *scope, struct image_source *source)
{
	struct image_not_before *added = &source->not_before[source->not_before_count++];

	TRY(policy_expect(r, value, JSON_STRING));
	*added = (struct image_not_before){.scope = scope, .text = value->text};
	if (rfc3339_read(value->text, &added->seconds) < 0)
		return policy_refuse(r, value, "must be a time as RFC 3339 has it, as 2026-11-22T00:00:00Z");
	return 0;
}

int policy_read_not_before(struct policy_reader *r, const struct json *value, void *place)
{
	struct image_source *source = place;

	source->not_before = pool_alloc(r->pool, (value->count + 1) * sizeof *source->not_before);
	if (value->type == JSON_STRING)
		return read_time(r, value, "*", source);
	if (!value->count)
		return policy_refuse(r, value, "names no scope; name one, or * for every image");
	TRY(policy_check_length(r, value));
	for (const struct json *v = value->first; v; v = v->next) {
		const char *complaint = image_name_check_scope(r->pool, v->key);
		if (complaint)
			return policy_refuse(r, v, "%s; or the scope * alone", complaint);
		TRY(read_time(r, v, v->key, source));
	}
	return 0;
}

/* What nobody would be asked for: a list that does nothing looks like one that does. */
int policy_check_digests(struct policy_reader *r, const struct json *images, const struct image_source *source)
{
	static const char *const names[] = {"allowDigests", "denyDigests", "notBefore"};

	for (size_t i = 0; source->require == IMAGES_OFF && i < sizeof names / sizeof *names; i++) {
		const struct json *member = json_at(images, names[i]);
		if (member)
			return policy_refuse(r, member, "does nothing where images.require is off; say warn or signed");
	}
	return 0;
}
