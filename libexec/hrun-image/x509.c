/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x509.c - from the signer's certificate to one that the policy holds.
 *
 * The list that came is the chain, in its order; nothing is searched.  Its last certificate must be byte for byte one of
 * the requirement's: a name proves nothing.  libcrypto then judges the same chain by its own rules (name constraints, path
 * length, extensions that it does not know), and both have to agree.
 */
#include "signature.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

void chain_free(struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		X509_free(chain->certificates[i]);
	ERR_clear_error();
}

static int chain_read(struct judgement *j, const struct notation *n, struct chain *chain)
{
	for (size_t i = 0; i < n->chain_count; i++) {
		X509 *certificate = certificate_read(n->chain[i].bytes, n->chain[i].size);
		if (!certificate)
			return bad(j, IMAGE_STAGE_SIGNATURE, "Certificate %zu of the chain is damaged", i + 1);
		chain->certificates[chain->count++] = certificate;
	}
	return 0;
}

/* Is it fit for its place at all?  Version 3, no extension that is critical and unknown, a key that hrun takes. */
static int check_certificate(struct judgement *j, X509 *certificate, size_t i)
{
	uint32_t flags = X509_get_extension_flags(certificate);
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	enum key_kind kind;

	if ((flags & (EXFLAG_INVALID | EXFLAG_CRITICAL | EXFLAG_V1 | EXFLAG_PROXY)) ||
	    X509_get_version(certificate) != 2)
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "Certificate %zu of the chain has an extension that is wrong or unknown", i + 1);
	const char *fault = key ? key_kind_of(key, &kind) : "cannot be read";
	if (fault)
		return bad(j, IMAGE_STAGE_SIGNATURE, "The key of certificate %zu of the chain %s", i + 1, fault);
	if (!(flags & EXFLAG_KUSAGE))
		return bad(j, IMAGE_STAGE_SIGNATURE, "Certificate %zu of the chain does not tell its key's usage",
			   i + 1);
	return 0;
}

static int check_leaf(struct judgement *j, X509 *leaf)
{
	uint32_t flags = X509_get_extension_flags(leaf);

	if (flags & EXFLAG_CA)
		return bad(j, IMAGE_STAGE_SIGNATURE, "The signing certificate is a CA's");
	if (X509_get_key_usage(leaf) != KU_DIGITAL_SIGNATURE)
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "The signing certificate's key usage is not digitalSignature alone");
#ifndef HRUN_MUTANT_IMAGE_EKU
	/* (Bits for usages without a name of libcrypto's are not in the flags; they forbid nothing.) */
	uint32_t usage = X509_get_extended_key_usage(leaf);
	if ((flags & EXFLAG_XKUSAGE) &&
	    (!(usage & XKU_CODE_SIGN) ||
	     (usage & (XKU_SSL_SERVER | XKU_SMIME | XKU_TIMESTAMP | XKU_OCSP_SIGN | XKU_ANYEKU))))
		return bad(j, IMAGE_STAGE_SIGNATURE, "The signing certificate is not for code signing alone");
#endif
	return 0;
}

static int check_ca(struct judgement *j, X509 *ca, size_t i)
{
	uint32_t flags = X509_get_extension_flags(ca);

	if (!(flags & EXFLAG_BCONS) || !(flags & EXFLAG_CA) || !(X509_get_key_usage(ca) & KU_KEY_CERT_SIGN))
		return bad(j, IMAGE_STAGE_SIGNATURE, "Certificate %zu of the chain may not issue certificates", i + 1);
	return 0;
}

/* Each is issued by the next one, the last one by itself. */
static int check_links(struct judgement *j, const struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++) {
		X509 *this = chain->certificates[i];
		X509 *issuer = chain->certificates[i + 1 < chain->count ? i + 1 : i];
		bool last = this == issuer;
		TRY(check_certificate(j, this, i));
		TRY(i == 0 ? check_leaf(j, this) : check_ca(j, this, i));
		if (X509_NAME_cmp(X509_get_issuer_name(this), X509_get_subject_name(issuer)) != 0 ||
		    X509_verify(this, X509_get0_pubkey(issuer)) != 1)
			return bad(j, IMAGE_STAGE_SIGNATURE,
				   last ? "The last certificate of the chain is not self-signed"
					: "Certificate %zu of the chain was not issued by the next one",
				   i + 1);
		if (!last && X509_NAME_cmp(X509_get_issuer_name(this), X509_get_subject_name(this)) == 0)
			return bad(j, IMAGE_STAGE_SIGNATURE, "Certificate %zu of the chain names itself as its issuer",
				   i + 1);
	}
	return 0;
}

static int check_root(struct judgement *j, const struct notation *n)
{
	const struct image_trust *wire = j->trust->wire;
	struct blob root = n->chain[n->chain_count - 1];

	for (size_t i = 0; i < wire->key_count && i < IMAGE_KEYS_MAX; i++) {
		const struct key *key = j->trust->keys[i];
		unsigned char *der = NULL;
		int size = key && key->certificate ? i2d_X509(key->certificate, &der) : 0;
		bool same = size > 0 && (size_t)size == root.size && CRYPTO_memcmp(der, root.bytes, root.size) == 0;
		OPENSSL_free(der);
		if (!same)
			continue;
		j->key = i;
		memcpy(j->v->key, wire->key_names[i], sizeof j->v->key);
		j->v->key[sizeof j->v->key - 1] = '\0';
		return 0;
	}
	return bad(j, IMAGE_STAGE_SIGNATURE, "The chain's root is none of the CA certificates that the policy trusts");
}

/* The same chain by libcrypto's rules; times are judged apart. */
static bool libcrypto_agrees(const struct chain *chain)
{
	X509 *root = chain->certificates[chain->count - 1];
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	STACK_OF(X509) *others = sk_X509_new_null();
	bool good = store && context && others && X509_STORE_add_cert(store, root) == 1;

	for (size_t i = 1; good && i < chain->count; i++)
		good = sk_X509_push(others, chain->certificates[i]) > 0;
	good = good && X509_STORE_CTX_init(context, store, chain->certificates[0], others) == 1;
	if (good) {
		X509_VERIFY_PARAM *rules = X509_STORE_CTX_get0_param(context);
		X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_CHECK_SS_SIGNATURE);
		X509_VERIFY_PARAM_set_auth_level(rules, 2); /* 112 bits: no SHA-1, no short RSA */
		X509_VERIFY_PARAM_set_depth(rules, CHAIN_MAX);
		good = X509_verify_cert(context) == 1 && X509_STORE_CTX_get_error(context) == X509_V_OK;
	}
	const STACK_OF(X509) *built = good ? X509_STORE_CTX_get0_chain(context) : NULL;
	good = good && sk_X509_num(built) == (int)chain->count;
	for (size_t i = 0; good && i < chain->count; i++)
		good = X509_cmp(sk_X509_value(built, (int)i), chain->certificates[i]) == 0;
	sk_X509_free(others);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	return good;
}

/* Without a countersignature that tells the time, the certificates must be valid now; permissive only tells it. */
int chain_check_times(struct judgement *j, const struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++) {
		const ASN1_TIME *from = X509_get0_notBefore(chain->certificates[i]);
		const ASN1_TIME *until = X509_get0_notAfter(chain->certificates[i]);
		int begun = ASN1_TIME_cmp_time_t(from, (time_t)j->now),
		    ended = ASN1_TIME_cmp_time_t(until, (time_t)j->now);
		if (begun == -2 || ended == -2)
			return bad(j, IMAGE_STAGE_SIGNATURE, "Certificate %zu of the chain has no valid times", i + 1);
		if (begun <= 0 && ended >= 0)
			continue;
		const char *when = begun > 0 ? "is not valid yet" : "has expired";
#ifndef HRUN_MUTANT_IMAGE_VALIDITY
		if (j->trust->wire->notation_level != IMAGE_NOTATION_PERMISSIVE)
			return bad(j, IMAGE_STAGE_POLICY, "Certificate %zu of the chain %s", i + 1, when);
#endif
		note(j, "Certificate %zu of the chain %s, which the level permissive only tells", i + 1, when);
	}
	return 0;
}

static bool names_revocation(X509 *certificate)
{
	STACK_OF(OPENSSL_STRING) *responders = X509_get1_ocsp(certificate);
	bool named = sk_OPENSSL_STRING_num(responders) > 0 ||
		     X509_get_ext_by_NID(certificate, NID_crl_distribution_points, -1) >= 0;

	X509_email_free(responders);
	return named;
}

/* Strict asks for it, and there is no network to ask in.  What the policy holds itself it can take back itself. */
int chain_check_revocation(struct judgement *j, const struct chain *chain)
{
	for (size_t i = 0; i + 1 < chain->count; i++) {
		if (!names_revocation(chain->certificates[i]))
			continue;
#ifndef HRUN_MUTANT_IMAGE_REVOCATION
		if (j->trust->wire->notation_level != IMAGE_NOTATION_PERMISSIVE)
			return bad(
				j, IMAGE_STAGE_POLICY,
				"Certificate %zu of the chain may have been revoked, and hrun cannot ask (CRL, OCSP); the "
				"level permissive takes it",
				i + 1);
#endif
		note(j, "Certificate %zu of the chain may have been revoked, which the level permissive only tells",
		     i + 1);
	}
	return 0;
}

int chain_check(struct judgement *j, const struct notation *n, struct chain *chain)
{
	TRY(chain_read(j, n, chain));
	TRY(check_root(j, n));
	TRY(check_links(j, chain));
	if (!libcrypto_agrees(chain))
		return bad(j, IMAGE_STAGE_SIGNATURE, "The certificate chain breaks the rules of X.509 (RFC 5280)");
	return 0;
}
