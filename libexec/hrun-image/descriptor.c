/* SPDX-License-Identifier: Apache-2.0 */
/*
 * descriptor.c - descriptors of the image specification, member by member.
 */
#include "image.h"
#include <hrun/str.h>

const char *member_text(const struct json *object, const char *name)
{
	const struct json *member = object && object->type == JSON_OBJECT ? json_at(object, name) : NULL;

	return member && member->type == JSON_STRING ? member->text : NULL;
}

/* A member that may be missing, but is a string where it is not. */
static bool take_text(const struct json *object, const char *name, const char **ret)
{
	const struct json *member = json_at(object, name);

	*ret = member && member->type == JSON_STRING ? member->text : NULL;
	return !member || *ret;
}

static bool take_size(const struct json *object, uint64_t *ret)
{
	const struct json *size = json_at(object, "size");

	return size && size->type == JSON_NUMBER && str_to_u64(size->text, UINT64_C(1) << 50, ret) == 0;
}

static bool take_object(const struct json *object, const char *name, const struct json **ret)
{
	*ret = json_at(object, name);
	return !*ret || (*ret)->type == JSON_OBJECT;
}

static bool take_annotations(const struct json *object, const struct json **ret)
{
	if (!take_object(object, "annotations", ret))
		return false;
	for (const struct json *a = *ret ? (*ret)->first : NULL; a; a = a->next) {
		if (a->type != JSON_STRING)
			return false;
	}
	return true;
}

int descriptor_read(const struct json *object, struct descriptor *ret, const char **ret_why)
{
	const struct json *platform;
	const char *why = NULL;

	*ret = (struct descriptor){0};
	if (!object || object->type != JSON_OBJECT)
		why = "a descriptor is not an object";
	else if (!take_text(object, "mediaType", &ret->media_type) || !ret->media_type)
		why = "a descriptor has no mediaType";
	else if (digest_read(member_text(object, "digest"), &ret->digest) < 0)
		why = "a descriptor's digest is not sha256: and 64 lower-case digits";
	else if (!take_size(object, &ret->size))
		why = "a descriptor's size is not a number of bytes";
	else if (!take_text(object, "artifactType", &ret->artifact_type))
		why = "a descriptor's artifactType is not a string";
	else if (!take_annotations(object, &ret->annotations))
		why = "a descriptor's annotations are not strings";
	else if (!take_object(object, "platform", &platform))
		why = "a descriptor's platform is not an object";
	else if (platform &&
		 (!take_text(platform, "os", &ret->os) || !take_text(platform, "architecture", &ret->architecture) ||
		  !take_text(platform, "variant", &ret->variant)))
		why = "a descriptor's platform does not consist of strings";
	*ret_why = why;
	return why ? -EINVAL : 0;
}

bool media_is_index(const char *media_type)
{
	return str_equal(media_type, "application/vnd.oci.image.index.v1+json") ||
	       str_equal(media_type, "application/vnd.docker.distribution.manifest.list.v2+json");
}

bool media_is_manifest(const char *media_type)
{
	return str_equal(media_type, "application/vnd.oci.image.manifest.v1+json") ||
	       str_equal(media_type, "application/vnd.docker.distribution.manifest.v2+json");
}
