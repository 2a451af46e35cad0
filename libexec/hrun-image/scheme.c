/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheme.c - which scheme judges a candidate, and what it says.
 *
 * A further scheme is a further function in the table.
 */
#include "signature.h"
#include <errno.h>
#include <hrun/str.h>
#include <stdarg.h>
#include <stdio.h>

static const struct scheme {
	enum image_scheme scheme;
	const char *format;
	int (*check)(struct judgement *j);
} schemes[] = {
	[COSIGN_LEGACY] = {IMAGE_SCHEME_COSIGN_KEY, "cosign-legacy", cosign_check},
	[SIGSTORE_BUNDLE] = {IMAGE_SCHEME_COSIGN_KEY, "sigstore-bundle", bundle_check},
	[NOTATION_JWS] = {IMAGE_SCHEME_NOTATION, "notation-jws", notation_jws_check},
	[NOTATION_COSE] = {IMAGE_SCHEME_NOTATION, "notation-cose", notation_cose_check},
	[TREE_STATEMENT] = {IMAGE_SCHEME_COSIGN_KEY, "sigstore-bundle", tree_check},
};

/* A text that was cut may end in the middle of a character. */
static void drop_half_character(char *text)
{
	size_t end = strlen(text), start = end;

	while (start > 0 && end - start < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0 || ((unsigned char)text[start - 1] & 0xc0) != 0xc0)
		return;
	unsigned char lead = (unsigned char)text[start - 1];
	size_t want = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
	if (end - start < want)
		text[start - 1] = '\0';
}

static void __attribute__((format(printf, 2, 0)))
write_reason(struct judgement *j, const char *format, va_list arguments)
{
	char *reason = j->v->reason;

	if (reason[0])
		return;
	if (vsnprintf(reason, IMAGE_REASON_SIZE, format, arguments) >= IMAGE_REASON_SIZE)
		drop_half_character(reason);
	str_remove_controls(reason);
}

int(bad)(struct judgement *j, enum image_stage stage, const char *format, ...)
{
	va_list arguments;

	j->v->reason[0] = '\0'; /* (a note is no reason) */
	va_start(arguments, format);
	write_reason(j, format, arguments);
	va_end(arguments);
	j->stage = stage;
	return -EBADMSG;
}

void note(struct judgement *j, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_reason(j, format, arguments);
	va_end(arguments);
}

int signed_by_a_key(struct judgement *j, struct blob message, struct blob signature)
{
	const struct image_trust *wire = j->trust->wire;

	for (size_t i = 0; i < wire->key_count && i < IMAGE_KEYS_MAX; i++) {
		const struct key *key = j->trust->keys[i];
		if (key && verify_plain(key->public_key, key->kind, message, signature)) {
			j->key = i;
			memcpy(j->v->key, wire->key_names[i], sizeof j->v->key);
			j->v->key[sizeof j->v->key - 1] = '\0';
			return 0;
		}
	}
	if (wire->key_count == 1)
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "It was not made by the key %.200s, or what was signed has been changed",
			   wire->key_names[0]);
	return bad(j, IMAGE_STAGE_SIGNATURE,
		   "It was made by none of the %u keys that the policy trusts, or what was signed has been changed",
		   wire->key_count);
}

static int judge(struct judgement *j)
{
	const struct scheme *scheme = &schemes[j->candidate->format];

	if (j->trust->wire->scheme != (uint32_t)scheme->scheme)
		return bad(j, IMAGE_STAGE_SIGNATURE, "It is of another scheme than the policy asks for");
	if (j->candidate->blob.size == 0 || j->candidate->blob.size > ENVELOPE_MAX)
		return bad(j, IMAGE_STAGE_SIGNATURE, "It is empty or larger than 4 MiB");
	return scheme->check(j);
}

bool scheme_judge(struct judgement *j)
{
	*j->v = (struct image_signature){0};
	if ((unsigned int)j->candidate->format >= sizeof schemes / sizeof *schemes) {
		bad(j, IMAGE_STAGE_SIGNATURE, "It is of a format that is not built");
		return false;
	}
	crypto_start();
	j->v->scheme = (uint32_t)schemes[j->candidate->format].scheme;
	str_format(j->v->format, sizeof j->v->format, "%s", schemes[j->candidate->format].format);
	j->v->ok = judge(j) == 0;
	return j->v->ok;
}

void scheme_check(struct pool *pool, const struct candidate *candidate, const struct subject *subject,
		  const struct trust *trust, const char *name, int64_t now, struct image_signature *v, size_t *ret_key)
{
	struct judgement j = {
		.pool = pool,
		.candidate = candidate,
		.subject = subject,
		.trust = trust,
		.name = name,
		.now = now,
		.v = v,
	};

	if (scheme_judge(&j))
		*ret_key = j.key;
}
