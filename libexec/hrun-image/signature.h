/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signature.h - what the schemes of hrun-image share.
 *
 * A scheme first checks the signature over the very bytes that came, and only then reads what they say.
 * scheme.c chooses the scheme, key.c and verify.c hold everything that is about keys, x509.c about certificates.
 */
#ifndef HRUN_IMAGE_SIGNATURE_H
#define HRUN_IMAGE_SIGNATURE_H

#include "image.h"
#include <openssl/evp.h>
#include <openssl/x509.h>

enum {
	KEY_FILE_MAX = 1 << 16,
	ENVELOPE_MAX = 4 << 20, /* a payload, bundle or envelope */
	CHAIN_MAX = 8,		/* certificates of one signature */
};

/* ---- key.c ---- */
enum key_kind { KEY_P256, KEY_P384, KEY_P521, KEY_RSA, KEY_ED25519 };
struct key {
	EVP_PKEY *public_key; /* owned */
	X509 *certificate;    /* owned; NULL where the file holds a bare public key */
	enum key_kind kind;
	int bits;
};
/* libcrypto without its configuration file; any number of times. */
void crypto_start(void);
/* What hrun takes as a key.  NULL and *ret_kind, or what is wrong with it ("is ..."). */
const char *key_kind_of(EVP_PKEY *public_key, enum key_kind *ret_kind);
/* One certificate of exactly SIZE bytes of DER, to be freed; or NULL. */
X509 *certificate_read(const unsigned char *der, size_t size);
bool key_same(const struct key *a, const struct key *b);
void key_free(struct key *key);

/* ---- verify.c ---- */
/* The digest that goes with a key; NULL: Ed25519 hashes by itself. */
const EVP_MD *key_digest(enum key_kind kind);
/* A signature as cosign writes it: DER for ECDSA, PKCS #1 v1.5 for RSA; the digest follows the key. */
bool verify_plain(EVP_PKEY *public_key, enum key_kind kind, struct blob message, struct blob signature);
/* As JWS and COSE have it: r and s of fixed width, or RSA-PSS; ALGORITHM must be the one of this key. */
enum jose_algorithm { JOSE_ES256, JOSE_ES384, JOSE_ES512, JOSE_PS256, JOSE_PS384, JOSE_PS512, JOSE_NONE };
enum jose_algorithm jose_algorithm_of(EVP_PKEY *public_key, enum key_kind kind);
extern const char *const jose_names[JOSE_NONE];
bool verify_jose(EVP_PKEY *public_key, enum jose_algorithm algorithm, struct blob message, struct blob signature);

/* ---- base64.c ---- */
/* Strict: alphabet, length, unused bits zero; nothing else in the text.  0 or -EINVAL. */
int base64_decode(struct pool *pool, const char *text, size_t length, struct blob *ret_bytes);
/* RFC 4648 section 5 without padding. */
int base64url_decode(struct pool *pool, const char *text, size_t length, struct blob *ret_bytes);

/* ---- scheme.c: one candidate under judgement ---- */
struct judgement {
	struct pool *pool;
	const struct candidate *candidate;
	const struct subject *subject;
	const struct trust *trust;
	const char *name;
	int64_t now;
	enum image_stage stage; /* where it fails */
	struct image_signature *v;
	size_t key; /* which one of the requirement has signed */
};
/* As scheme_check, and where it fails.  Returns v->ok. */
bool scheme_judge(struct judgement *j);
/* Not a good signature: the reason, once.  Returns -EBADMSG. */
int bad(struct judgement *j, enum image_stage stage, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define bad(...) err_failure((bad)(__VA_ARGS__))
/* What a good signature has to tell all the same. */
void note(struct judgement *j, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Which key of the requirement signed MESSAGE?  0 with j->key set, or -EBADMSG with the reason. */
int signed_by_a_key(struct judgement *j, struct blob message, struct blob signature);

int cosign_check(struct judgement *j);
int bundle_check(struct judgement *j);
int tree_check(struct judgement *j);
int notation_jws_check(struct judgement *j);
int notation_cose_check(struct judgement *j);

/* ---- dsse.c ---- */
/* What DSSE signs of an in-toto statement: the payload with its type and both lengths in front. */
struct blob dsse_encode(struct pool *pool, struct blob payload);
/* ---- scheme_bundle.c ---- */
/* A Sigstore bundle of version 0.3 with a good signature of the requirement over *ret_payload. */
int dsse_check(struct judgement *j, struct blob *ret_payload);

/* ---- members.c: JSON of an exact shape ---- */
/* WHAT names the document in messages ("the payload"). */
int json_document(struct judgement *j, struct blob bytes, const char *what, const struct json **ret_tree);
/* OBJECT is one, has every member of NEEDED and else only members of ALLOWED; the lists end with NULL, ALLOWED may be NULL. */
int exact_members(struct judgement *j, const struct json *object, const char *what, const char *const *needed,
		  const char *const *allowed);
/* A string member's text, or NULL. */
const char *text_at(const struct json *object, const char *name);

/* ---- notation.c: what both envelopes share ---- */
struct notation {
	enum jose_algorithm algorithm; /* that the envelope names */
	struct blob message, signature;
	struct blob chain[CHAIN_MAX]; /* DER, leaf first */
	size_t chain_count;
	struct blob payload;
	bool has_expiry;
	int64_t signed_at, expiry;
};
/* May this name be in `crit`, or stand in the protected header without being there? */
bool notation_is_known(const char *name);
bool notation_may_ignore(const char *name);
int notation_check(struct judgement *j, const struct notation *n);

/* ---- x509.c ---- */
struct chain {
	X509 *certificates[CHAIN_MAX]; /* leaf first */
	size_t count;
};
void chain_free(struct chain *chain);
/* The chain is one, and ends in a certificate of the requirement.  *chain is the caller's to free, also after a failure. */
int chain_check(struct judgement *j, const struct notation *n, struct chain *chain);
int chain_check_times(struct judgement *j, const struct chain *chain);
/* Does a certificate below the root say that it can be revoked? */
int chain_check_revocation(struct judgement *j, const struct chain *chain);
/* ---- x509_name.c ---- */
/* One of the requirement's trusted identities is SUBJECT.  Sets v->identity. */
int subject_check(struct judgement *j, const X509_NAME *subject);

/* ---- identity.c ---- */
/* Does the reference that was signed satisfy the requirement's identity? */
int identity_check(struct judgement *j, const char *signed_reference);
/* Why the operator's NAME of an image is none; NULL where it is one.  "registry/repository[:tag][@digest]". */
const char *name_fault(const char *name);

/* ---- cbor.c ---- */
struct cbor {
	const unsigned char *at, *end;
};
enum cbor_type { CBOR_UNSIGNED, CBOR_NEGATIVE, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP, CBOR_TAG, CBOR_SIMPLE };
struct cbor_item {
	enum cbor_type type;
	uint64_t value;	    /* the number, count, tag; the number is -1 - value for CBOR_NEGATIVE */
	struct blob string; /* CBOR_BYTES, CBOR_TEXT */
};
enum { CBOR_MAX_DEPTH = 8, CBOR_MAP_MAX = 32 };
/* The next head, and the bytes of a string.  0 or -EINVAL: only the shortest form, no indefinite length, no float. */
int cbor_next(struct cbor *c, struct cbor_item *ret_item);
/* Over one whole item; equal keys of a map and invalid UTF-8 are refused. */
int cbor_skip(struct cbor *c, unsigned int depth);
struct cbor_map {
	size_t count;
	struct {
		struct cbor_item key;
		struct cbor value; /* exactly one item */
	} entries[CBOR_MAP_MAX];
};
int cbor_map_read(struct cbor *c, struct cbor_map *ret_map);
/* The value of an integer or a text key; NULL where there is none. */
const struct cbor *cbor_map_number(const struct cbor_map *map, uint64_t key);
const struct cbor *cbor_map_text(const struct cbor_map *map, const char *key);

#endif
