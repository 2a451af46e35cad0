/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signatures.c - do the policy's requirements hold?
 *
 * Every requirement must, and every candidate is tried for each: a stranger's signature beside a good one is no harm.
 */
#include "signature.h"
#include <errno.h>
#include <hrun/str.h>

struct trial {
	const struct trust *trust;
	bool has_signed[IMAGE_KEYS_MAX];
	size_t tried, good_keys;
	enum image_stage stage;		/* the farthest that a bad one came */
	char reason[IMAGE_REASON_SIZE]; /* of that one */
};

/* A key that is in the list twice, in two files, is one key. */
static size_t first_of_same(const struct trust *trust, size_t key)
{
	for (size_t i = 0; i < key; i++) {
		if (trust->keys[i] && key_same(trust->keys[i], trust->keys[key]))
			return i;
	}
	return key;
}

/* The first ones are told; where there is no room, a good one takes the place of a bad one. */
static void tell(struct image_answer *answer, const struct image_signature *v)
{
	size_t at = answer->signature_count;

	if (at < IMAGE_SIGNATURES_MAX) {
		answer->signature_count++;
	} else {
		for (at = IMAGE_SIGNATURES_MAX; v->ok && at > 0 && answer->signatures[at - 1].ok;)
			at--;
		if (!v->ok || at == 0)
			return;
		at--;
	}
	answer->signatures[at] = *v;
}

static bool is_for(const struct candidate *candidate, const struct trust *trust)
{
	bool notation = candidate->format == NOTATION_JWS || candidate->format == NOTATION_COSE;

	return notation == (trust->wire->scheme == IMAGE_SCHEME_NOTATION);
}

static void record(struct trial *trial, const struct judgement *j)
{
	trial->tried++;
	if (j->v->ok) {
#ifdef HRUN_MUTANT_IMAGE_SAME_KEY
		trial->good_keys++;
#else
		size_t key = first_of_same(trial->trust, j->key);
		trial->good_keys += !trial->has_signed[key];
		trial->has_signed[key] = true;
#endif
	} else if (j->stage > trial->stage) {
		trial->stage = j->stage;
		memcpy(trial->reason, j->v->reason, sizeof trial->reason);
	}
}

static int judge_trial(const struct trial *trial, const struct subject *subject, struct refusal *r)
{
	const struct image_trust *wire = trial->trust->wire;
	unsigned int threshold = wire->threshold ? wire->threshold : 1;

	if (trial->good_keys >= threshold)
		return 0;
	const char *what = subject->config.text[0] ? "bundle" : "image";
	if (!trial->tried)
		return refuse(r, IMAGE_STAGE_SIGNATURE, "The %s %s has no signature of the scheme %s", what,
			      subject->digest.text, wire->scheme == IMAGE_SCHEME_NOTATION ? "notation" : "cosign-key");
	if (trial->good_keys > 0)
		return refuse(r, IMAGE_STAGE_POLICY,
			      "The policy asks for signatures by %u different keys, and %zu signed", threshold,
			      trial->good_keys);
	if (trial->tried == 1)
		return refuse(r, trial->stage, "The %s's signature is refused: %s", what, trial->reason);
	return refuse(r, trial->stage, "None of the %s's %zu signatures is good; of one: %s", what, trial->tried,
		      trial->reason);
}

static bool trust_is_sound(const struct image_trust *wire)
{
	return wire->scheme <= IMAGE_SCHEME_NOTATION && wire->key_count >= 1 && wire->key_count <= IMAGE_KEYS_MAX &&
	       wire->threshold <= wire->key_count && wire->trusted_identity_count <= IMAGE_KEYS_MAX &&
	       (wire->scheme != IMAGE_SCHEME_NOTATION || wire->threshold <= 1);
}

static int check_requirement(struct pool *pool, const struct image_request *request, const struct trust *trust,
			     const struct candidate *candidates, size_t count, const struct subject *subject,
			     struct image_answer *answer, struct refusal *r)
{
	struct trial trial = {.trust = trust};

	if (!trust_is_sound(trust->wire))
		return refuse(r, IMAGE_STAGE_POLICY,
			      "A requirement of the policy has no keys, or asks for more than it has");
	for (size_t i = 0; i < count; i++) {
		struct image_signature v;
		struct judgement j = {
			.pool = pool,
			.candidate = &candidates[i],
			.subject = subject,
			.trust = trust,
			.name = request->name,
			.now = request->now,
			.v = &v,
		};
		if (!is_for(&candidates[i], trust))
			continue;
		scheme_judge(&j);
		record(&trial, &j);
		tell(answer, &v);
	}
	return judge_trial(&trial, subject, r);
}

int signatures_check(struct pool *pool, const struct image_request *request, const struct trust *trusts,
		     const struct candidate *candidates, size_t count, const struct subject *subject,
		     struct image_answer *answer, struct refusal *r)
{
	int status = 0;

	if (!request->signatures_required)
		return 0;
	if (request->trust_count == 0 || request->trust_count > IMAGE_TRUSTS_MAX)
		return refuse(r, IMAGE_STAGE_POLICY, "No rule of the policy is for this %s",
			      subject->config.text[0] ? "bundle" : "image");
	/* (All are looked at, so that the answer tells of every signature; the first refusal counts.) */
	for (size_t i = 0; i < request->trust_count; i++) {
		int one = check_requirement(pool, request, &trusts[i], candidates, count, subject, answer, r);
		status = status < 0 ? status : one;
	}
	return status;
}
