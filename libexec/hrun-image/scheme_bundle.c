/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheme_bundle.c - Sigstore bundles of version 0.3: the DSSE envelope, and who signed what is in it.
 *
 * What names a key in it is an unsigned hint and is not looked at.
 */
#include "signature.h"
#include <errno.h>
#include <hrun/image_statement.h>
#include <hrun/str.h>

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
	if (!type || !str_equal(type, STATEMENT_PAYLOAD_TYPE))
		return bad(j, IMAGE_STAGE_SIGNATURE, "\"payloadType\" of the bundle is not " STATEMENT_PAYLOAD_TYPE);
	if (!payload || base64_decode(j->pool, payload, strlen(payload), ret_payload) < 0)
		return bad(j, IMAGE_STAGE_SIGNATURE, "\"payload\" of the bundle is no exact base64");
	return read_signature(j, json_at(envelope, "signatures"), ret_signature);
}

int dsse_check(struct judgement *j, struct blob *ret_payload)
{
	static const char *const members[] = {"mediaType", "verificationMaterial", "dsseEnvelope", NULL};
	const struct json *top = NULL;
	struct blob signature = {0};

	TRY(json_document(j, j->candidate->blob, "The bundle", &top));
	const char *type = text_at(top, "mediaType");
	if (!type || (!str_equal(type, STATEMENT_MEDIA_TYPE) &&
		      !str_equal(type, "application/vnd.dev.sigstore.bundle+json;version=0.3")))
		return bad(j, IMAGE_STAGE_SIGNATURE, "It is no Sigstore bundle of version 0.3");
	if (json_at(top, "messageSignature"))
		return bad(j, IMAGE_STAGE_SIGNATURE, "The bundle signs a file (messageSignature), not an image");
	TRY(exact_members(j, top, "The bundle", members, NULL));
	TRY(read_material(j, json_at(top, "verificationMaterial")));
	TRY(read_envelope(j, json_at(top, "dsseEnvelope"), ret_payload, &signature));
	return signed_by_a_key(j, dsse_encode(j->pool, *ret_payload), signature);
}
