/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notation.c - what is the same in both envelopes of notation: what was signed, by whom, and until when.
 */
#include "signature.h"
#include <errno.h>
#include <hrun/str.h>

bool notation_is_known(const char *name)
{
	return str_equal(name, "io.cncf.notary.signingScheme") || str_equal(name, "io.cncf.notary.expiry");
}

/* An extension that its maker did not call critical has a name of its own ("com.example.build"). */
bool notation_may_ignore(const char *name)
{
	return strchr(name, '.') && !str_starts(name, "io.cncf.notary.");
}

static int check_target(struct judgement *j, const struct json *target)
{
	static const char *const members[] = {"mediaType", "digest", "size", NULL};
	static const char *const allowed[] = {"annotations", NULL};
	uint64_t size = 0;

	TRY(exact_members(j, target, "\"targetArtifact\" of the signed payload", members, allowed));
	const char *digest = text_at(target, "digest"), *type = text_at(target, "mediaType");
	const struct json *number = json_at(target, "size");
	if (!digest || !str_equal(digest, j->subject->digest.text))
		return bad(j, IMAGE_STAGE_SIGNATURE, "It is a good signature of another image, %.71s",
			   digest ? digest : "");
	if (!number || number->type != JSON_NUMBER || str_to_u64(number->text, INT64_MAX, &size) < 0 ||
	    size != j->subject->size)
		return bad(j, IMAGE_STAGE_SIGNATURE, "The signed size is not the image manifest's");
	if (!type || (j->subject->media_type && !str_equal(type, j->subject->media_type)))
		return bad(j, IMAGE_STAGE_SIGNATURE, "The signed media type is not the image manifest's");
	return 0;
}

static int check_payload(struct judgement *j, struct blob payload)
{
	static const char *const members[] = {"targetArtifact", NULL};
	const struct json *top = NULL;

	TRY(json_document(j, payload, "The signed payload", &top));
	TRY(exact_members(j, top, "The signed payload", members, NULL));
	return check_target(j, json_at(top, "targetArtifact"));
}

/* Strict refuses what has expired; permissive tells it. */
static int check_expiry(struct judgement *j, const struct notation *n)
{
	if (n->has_expiry && n->expiry <= n->signed_at)
		return bad(j, IMAGE_STAGE_SIGNATURE, "It had expired before it was made");
	if (!n->has_expiry || n->expiry > j->now)
		return 0;
	if (j->trust->wire->notation_level != IMAGE_NOTATION_PERMISSIVE)
		return bad(j, IMAGE_STAGE_POLICY, "The signature has expired");
	note(j, "The signature has expired, which the level permissive only tells");
	return 0;
}

static int check_signature(struct judgement *j, const struct notation *n, X509 *leaf)
{
	EVP_PKEY *key = X509_get0_pubkey(leaf);
	enum key_kind kind = KEY_RSA;
	enum jose_algorithm own = key_kind_of(key, &kind) ? JOSE_NONE : jose_algorithm_of(key, kind);

	if (own == JOSE_NONE)
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "The signing certificate's key is of a kind or size that notation does not use");
#ifndef HRUN_MUTANT_IMAGE_ALGORITHM
	if (n->algorithm != own)
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "The envelope names the algorithm %s, and the signer's key is for %s",
			   jose_names[n->algorithm], jose_names[own]);
#endif
	if (!verify_jose(key, own, n->message, n->signature))
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "It was not made by its own certificate's key, or what was signed has been changed");
	return 0;
}

/* What is wrong with the envelope itself is told first; what only the policy or the clock refuses, last. */
static int check_with_chain(struct judgement *j, const struct notation *n, struct chain *chain)
{
	TRY(chain_check(j, n, chain));
	TRY(check_signature(j, n, chain->certificates[0]));
	TRY(check_payload(j, n->payload));
	TRY(subject_check(j, X509_get_subject_name(chain->certificates[0])));
	TRY(chain_check_times(j, chain));
	TRY(chain_check_revocation(j, chain));
	return check_expiry(j, n);
}

int notation_check(struct judgement *j, const struct notation *n)
{
	struct chain chain = {0};
	int status = check_with_chain(j, n, &chain);

	chain_free(&chain);
	return status;
}
