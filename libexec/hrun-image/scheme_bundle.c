/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheme_bundle.c - Sigstore bundles of version 0.3: a DSSE envelope around an in-toto statement.
 *
 * What names a key in it is an unsigned hint and is not looked at.
 */
#include "signature.h"
#include <errno.h>
#include <hrun/str.h>
#include <stdio.h>

#define PAYLOAD_TYPE "application/vnd.in-toto+json"

/* What DSSE signs: the payload with its type and both lengths in front. */
static struct blob pre_authentication(struct pool *pool, struct blob payload)
{
	size_t room = payload.size + sizeof PAYLOAD_TYPE + 64;
	char *bytes = pool_alloc(pool, room);
	int length = str_format(bytes, room, "DSSEv1 %zu %s %zu ", sizeof PAYLOAD_TYPE - 1, PAYLOAD_TYPE, payload.size);

	memcpy(bytes + length, payload.bytes, payload.size);
	return (struct blob){.bytes = (unsigned char *)bytes, .size = (size_t)length + payload.size};
}

static int read_material(struct judgement *j, const struct json *material)
{
	static const char *const none[] = {NULL};
	static const char *const needed[] = {"publicKey", NULL};
	static const char *const allowed[] = {"tlogEntries", "timestampVerificationData", NULL};
	static const char *const hint[] = {"hint", NULL};

	if (material && material->type == JSON_OBJECT &&
	    (json_at(material, "certificate") || json_at(material, "x509CertificateChain")))
		return bad(j, IMAGE_STAGE_SIGNATURE, "It is a keyless signature with a certificate: scheme not built");
	TRY(exact_members(j, material, "\"verificationMaterial\" of the bundle", needed, allowed));
	return exact_members(j, json_at(material, "publicKey"), "\"publicKey\" of the bundle", none, hint);
}

static int read_signature(struct judgement *j, const struct json *signatures, struct blob *ret_signature)
{
	static const char *const needed[] = {"sig", NULL};
	static const char *const allowed[] = {"keyid", NULL};

	if (!signatures || signatures->type != JSON_ARRAY || signatures->count != 1)
		return bad(j, IMAGE_STAGE_SIGNATURE, "The bundle does not hold exactly one signature");
	TRY(exact_members(j, signatures->first, "The bundle's signature", needed, allowed));
	const char *text = text_at(signatures->first, "sig");
	if (!text || base64_decode(j->pool, text, strlen(text), ret_signature) < 0)
		return bad(j, IMAGE_STAGE_SIGNATURE, "\"sig\" of the bundle is no exact base64");
	return 0;
}

static int read_envelope(struct judgement *j, const struct json *envelope, struct blob *ret_payload,
			 struct blob *ret_signature)
{
	static const char *const members[] = {"payload", "payloadType", "signatures", NULL};

	TRY(exact_members(j, envelope, "\"dsseEnvelope\" of the bundle", members, NULL));
	const char *type = text_at(envelope, "payloadType"), *payload = text_at(envelope, "payload");
	if (!type || !str_equal(type, PAYLOAD_TYPE))
		return bad(j, IMAGE_STAGE_SIGNATURE, "\"payloadType\" of the bundle is not " PAYLOAD_TYPE);
	if (!payload || base64_decode(j->pool, payload, strlen(payload), ret_payload) < 0)
		return bad(j, IMAGE_STAGE_SIGNATURE, "\"payload\" of the bundle is no exact base64");
	return read_signature(j, json_at(envelope, "signatures"), ret_signature);
}

static int names_subject(struct judgement *j, const struct json *subjects)
{
	static const char *const needed[] = {"digest", NULL};
	static const char *const allowed[] = {"name",	   "uri",	  "content", "downloadLocation",
					      "mediaType", "annotations", NULL};
	const char *hex = j->subject->digest.text + strlen("sha256:");
	bool found = false;

	if (!subjects || subjects->type != JSON_ARRAY)
		return bad(j, IMAGE_STAGE_SIGNATURE, "\"subject\" of the signed statement is not a list");
	for (const struct json *subject = subjects->first; subject; subject = subject->next) {
		TRY(exact_members(j, subject, "A subject of the signed statement", needed, allowed));
		const char *digest = text_at(json_at(subject, "digest"), "sha256");
		found = found || (digest && str_equal(digest, hex));
	}
	return found ? 0 : bad(j, IMAGE_STAGE_SIGNATURE, "It is a good signature of another image");
}

static int read_statement(struct judgement *j, struct blob payload)
{
	static const char *const members[] = {"_type", "subject", "predicateType", NULL};
	static const char *const allowed[] = {"predicate", NULL};
	const struct json *top = NULL;

	TRY(json_document(j, payload, "The signed statement", &top));
	TRY(exact_members(j, top, "The signed statement", members, allowed));
	const char *type = text_at(top, "_type"), *predicate = text_at(top, "predicateType");
	if (!type || !str_equal(type, "https://in-toto.io/Statement/v1"))
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "The signed statement is of another type than in-toto's Statement/v1");
	if (!predicate || !str_equal(predicate, "https://sigstore.dev/cosign/sign/v1"))
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "The signed statement says something about the image (%.80s) but does not sign it",
			   predicate ? predicate : "no predicateType");
	const struct json *content = json_at(top, "predicate");
	if (content && content->type != JSON_OBJECT)
		return bad(j, IMAGE_STAGE_SIGNATURE, "\"predicate\" of the signed statement is not an object");
	return names_subject(j, json_at(top, "subject"));
}

int bundle_check(struct judgement *j)
{
	static const char *const members[] = {"mediaType", "verificationMaterial", "dsseEnvelope", NULL};
	const struct json *top = NULL;
	struct blob payload = {0}, signature = {0};

	TRY(json_document(j, j->candidate->blob, "The bundle", &top));
	const char *type = text_at(top, "mediaType");
	if (!type || (!str_equal(type, "application/vnd.dev.sigstore.bundle.v0.3+json") &&
		      !str_equal(type, "application/vnd.dev.sigstore.bundle+json;version=0.3")))
		return bad(j, IMAGE_STAGE_SIGNATURE, "It is no Sigstore bundle of version 0.3");
	if (json_at(top, "messageSignature"))
		return bad(j, IMAGE_STAGE_SIGNATURE, "The bundle signs a file (messageSignature), not an image");
	TRY(exact_members(j, top, "The bundle", members, NULL));
	TRY(read_material(j, json_at(top, "verificationMaterial")));
	TRY(read_envelope(j, json_at(top, "dsseEnvelope"), &payload, &signature));
	TRY(signed_by_a_key(j, pre_authentication(j->pool, payload), signature));
	TRY(read_statement(j, payload));
	return identity_check(j, NULL);
}
