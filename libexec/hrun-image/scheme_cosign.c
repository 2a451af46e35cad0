/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheme_cosign.c - cosign's first format: a "simple signing" payload, and its signature in an annotation.
 */
#include "signature.h"
#include <errno.h>
#include <hrun/str.h>

static int read_payload(struct judgement *j, const struct json **ret_identity, const struct json **ret_image)
{
	static const char *const top_members[] = {"critical", "optional", NULL};
	static const char *const members[] = {"identity", "image", "type", NULL};
	static const char *const identity_members[] = {"docker-reference", NULL};
	static const char *const image_members[] = {"docker-manifest-digest", NULL};
	const struct json *top = NULL;

	TRY(json_document(j, j->candidate->blob, "The signed payload", &top));
	TRY(exact_members(j, top, "The signed payload", top_members, NULL));
	const struct json *optional = json_at(top, "optional"), *critical = json_at(top, "critical");
	if (optional && optional->type != JSON_OBJECT)
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "\"optional\" of the signed payload is neither null nor an object");
	TRY(exact_members(j, critical, "\"critical\" of the signed payload", members, NULL));
	*ret_identity = json_at(critical, "identity");
	*ret_image = json_at(critical, "image");
	TRY(exact_members(j, *ret_identity, "\"identity\" of the signed payload", identity_members, NULL));
	TRY(exact_members(j, *ret_image, "\"image\" of the signed payload", image_members, NULL));
	const char *type = text_at(critical, "type");
	if (!type || !str_equal(type, "cosign container image signature"))
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "The signed payload is of another type than an image signature of cosign");
	return 0;
}

int cosign_check(struct judgement *j)
{
	const char *text = j->candidate->base64;
	const struct json *identity = NULL, *image = NULL;
	struct blob signature = {0};

	if (!text || !text[0])
		return bad(j, IMAGE_STAGE_SIGNATURE, "The annotation dev.cosignproject.cosign/signature is missing");
	if (strlen(text) > KEY_FILE_MAX || base64_decode(j->pool, text, strlen(text), &signature) < 0)
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "The annotation dev.cosignproject.cosign/signature is no exact base64");
	TRY(signed_by_a_key(j, j->candidate->blob, signature));
	TRY(read_payload(j, &identity, &image));
	const char *digest = text_at(image, "docker-manifest-digest");
	if (!digest || !str_equal(digest, j->subject->digest.text))
		return bad(j, IMAGE_STAGE_SIGNATURE, "It is a good signature of another image, %.71s",
			   digest ? digest : "");
	const char *reference = text_at(identity, "docker-reference");
	if (!reference)
		return bad(j, IMAGE_STAGE_SIGNATURE, "\"docker-reference\" of the signed payload is not a string");
	return identity_check(j, reference);
}
