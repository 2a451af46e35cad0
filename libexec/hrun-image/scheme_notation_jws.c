/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheme_notation_jws.c - notation's JWS envelope (RFC 7515, flattened JSON).
 *
 * The signature is over the base64url text as it came; that text is strict, so it stands for one
 * header and one payload.
 */
#include "signature.h"
#include <errno.h>
#include <hrun/str.h>
#include <hrun/utc.h>

#define SCHEME "io.cncf.notary.signingScheme"
#define EXPIRY "io.cncf.notary.expiry"
#define SIGNING_TIME "io.cncf.notary.signingTime"

static int decode_member(struct judgement *j, const struct json *envelope, const char *name, struct blob *ret_bytes)
{
	const char *text = text_at(envelope, name);

	if (!text || !text[0] || base64url_decode(j->pool, text, strlen(text), ret_bytes) < 0)
		return bad(j, IMAGE_STAGE_SIGNATURE, "\"%s\" of the envelope is no exact base64url", name);
	return 0;
}

static int read_chain(struct judgement *j, const struct json *header, struct notation *n)
{
	static const char *const needed[] = {"x5c", NULL};
	static const char *const allowed[] = {"io.cncf.notary.signingAgent", "io.cncf.notary.timestampSignature", NULL};

	TRY(exact_members(j, header, "\"header\" of the envelope", needed, allowed));
	const struct json *list = json_at(header, "x5c");
	if (!list || list->type != JSON_ARRAY || list->count < 1 || list->count > CHAIN_MAX)
		return bad(j, IMAGE_STAGE_SIGNATURE, "\"x5c\" of the envelope is not a list of 1 to 8 certificates");
	for (const struct json *item = list->first; item; item = item->next) {
		if (item->type != JSON_STRING ||
		    base64_decode(j->pool, item->text, strlen(item->text), &n->chain[n->chain_count]) < 0)
			return bad(j, IMAGE_STAGE_SIGNATURE,
				   "A certificate in \"x5c\" of the envelope is no exact base64");
		n->chain_count++;
	}
	return 0;
}

static int read_crit(struct judgement *j, const struct json *header)
{
	const struct json *list = json_at(header, "crit");
	bool has_scheme = false, has_expiry = false;

	if (!list || list->type != JSON_ARRAY)
		return bad(j, IMAGE_STAGE_SIGNATURE, "\"crit\" of the signed header is not a list");
	for (const struct json *item = list->first; item; item = item->next) {
		if (item->type != JSON_STRING || !notation_is_known(item->text) || !text_at(header, item->text))
			return bad(j, IMAGE_STAGE_SIGNATURE,
				   "The envelope calls \"%.80s\" critical, which hrun does not know",
				   item->type == JSON_STRING ? item->text : "...");
		bool *seen = str_equal(item->text, SCHEME) ? &has_scheme : &has_expiry;
		if (*seen)
			return bad(j, IMAGE_STAGE_SIGNATURE, "\"crit\" of the signed header names a member twice");
		*seen = true;
	}
	if (!has_scheme || (json_at(header, EXPIRY) && !has_expiry))
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "\"crit\" of the signed header lacks the signing scheme or the expiry");
	return 0;
}

static int check_members(struct judgement *j, const struct json *header)
{
	static const char *const known[] = {"alg", "crit", "cty", SCHEME, SIGNING_TIME, EXPIRY};

	for (const struct json *member = header->first; member; member = member->next) {
		bool good = notation_may_ignore(member->key);
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			good = good || str_equal(member->key, known[i]);
		if (str_starts(member->key, "io.cncf.notary.verificationPlugin"))
			return bad(j, IMAGE_STAGE_SIGNATURE, "It asks for a verification plugin, and hrun has none");
		if (!good)
			return bad(j, IMAGE_STAGE_SIGNATURE,
				   "The signed header has a member \"%.64s\" that hrun does not know", member->key);
	}
	return 0;
}

static int read_times(struct judgement *j, const struct json *header, struct notation *n)
{
	const char *made = text_at(header, SIGNING_TIME), *expiry = text_at(header, EXPIRY);

	if (!made || rfc3339_read(made, &n->signed_at) < 0)
		return bad(j, IMAGE_STAGE_SIGNATURE, "The signing time is no RFC 3339 time");
	n->has_expiry = json_at(header, EXPIRY);
	if (n->has_expiry && (!expiry || rfc3339_read(expiry, &n->expiry) < 0))
		return bad(j, IMAGE_STAGE_SIGNATURE, "The expiry is no RFC 3339 time");
	return 0;
}

static int read_protected(struct judgement *j, struct blob bytes, struct notation *n)
{
	const struct json *header = NULL;

	TRY(json_document(j, bytes, "The signed header", &header));
	TRY(check_members(j, header));
	const char *algorithm = text_at(header, "alg"), *type = text_at(header, "cty"),
		   *scheme = text_at(header, SCHEME);
	n->algorithm = JOSE_ES256;
	while (n->algorithm < JOSE_NONE && (!algorithm || !str_equal(algorithm, jose_names[n->algorithm])))
		n->algorithm++;
	if (n->algorithm == JOSE_NONE)
		return bad(j, IMAGE_STAGE_SIGNATURE, "The algorithm \"%.32s\" is none that notation uses",
			   algorithm ? algorithm : "");
	if (!type || !str_equal(type, "application/vnd.cncf.notary.payload.v1+json"))
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "The envelope's content is of another type than notation's payload");
	if (!scheme || !str_equal(scheme, "notary.x509"))
		return bad(j, IMAGE_STAGE_SIGNATURE, "The signing scheme is not notary.x509: scheme not built");
	TRY(read_crit(j, header));
	return read_times(j, header, n);
}

int notation_jws_check(struct judgement *j)
{
	static const char *const members[] = {"payload", "protected", "header", "signature", NULL};
	const struct json *top = NULL;
	struct notation n = {0};
	struct blob header = {0};

	TRY(json_document(j, j->candidate->blob, "The envelope", &top));
	TRY(exact_members(j, top, "The envelope", members, NULL));
	TRY(decode_member(j, top, "protected", &header));
	TRY(decode_member(j, top, "payload", &n.payload));
	TRY(decode_member(j, top, "signature", &n.signature));
	TRY(read_protected(j, header, &n));
	TRY(read_chain(j, json_at(top, "header"), &n));
	const char *message = pool_printf(j->pool, "%s.%s", text_at(top, "protected"), text_at(top, "payload"));
	n.message = (struct blob){.bytes = (const unsigned char *)message, .size = strlen(message)};
	return notation_check(j, &n);
}
