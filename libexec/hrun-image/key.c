/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key.c - the public keys and certificates of the policy.
 *
 * A file holds exactly one object, in PEM or DER, and every byte of it is accounted for: what stands behind a key could
 * be another key to another reader.
 */
#include "signature.h"
#include <errno.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>

void crypto_start(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
}

static const char *rsa_fault(EVP_PKEY *key)
{
	BIGNUM *exponent = NULL;
	int bits = EVP_PKEY_get_bits(key);
	bool good = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 && BN_is_odd(exponent) &&
		    !BN_is_one(exponent) && BN_num_bits(exponent) <= 64;

	BN_free(exponent);
	if (bits < 2048)
		return "is an RSA key of less than 2048 bits";
	if (bits > 8192)
		return "is an RSA key of more than 8192 bits";
	return good ? NULL : "is an RSA key with an exponent that nobody uses";
}

static const char *curve_fault(EVP_PKEY *key, enum key_kind *ret_kind)
{
	static const char *const curves[] = {
		[KEY_P256] = "prime256v1", [KEY_P384] = "secp384r1", [KEY_P521] = "secp521r1"};
	char name[64] = "";
	int is_explicit = 1;

	if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is_explicit) != 1 ||
	    is_explicit)
		return "has its curve's parameters written out instead of the curve's name";
	if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name, NULL) != 1)
		return "is on an unknown curve";
	for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
		if (str_equal(name, curves[i])) {
			*ret_kind = (enum key_kind)i;
			return NULL;
		}
	}
	return "is on another curve than P-256, P-384 and P-521";
}

const char *key_kind_of(EVP_PKEY *public_key, enum key_kind *ret_kind)
{
	*ret_kind = KEY_RSA;
	if (EVP_PKEY_is_a(public_key, "RSA"))
		return rsa_fault(public_key);
	if (EVP_PKEY_is_a(public_key, "EC"))
		return curve_fault(public_key, ret_kind);
	*ret_kind = KEY_ED25519;
	return EVP_PKEY_is_a(public_key, "ED25519") ? NULL : "is of another kind than ECDSA, RSA and Ed25519";
}

/* The encoding that was read is the only one of what it holds. */
static bool encodes_as(int size, unsigned char *encoded, const unsigned char *der, size_t der_size)
{
	bool same = size > 0 && (size_t)size == der_size && memcmp(encoded, der, der_size) == 0;

	OPENSSL_free(encoded);
	return same;
}

X509 *certificate_read(const unsigned char *der, size_t size)
{
	const unsigned char *at = der;
	unsigned char *encoded = NULL;
	X509 *certificate = size <= KEY_FILE_MAX ? d2i_X509(NULL, &at, (long)size) : NULL;
	int encoded_size = certificate ? i2d_X509(certificate, &encoded) : 0;

	if (!encodes_as(encoded_size, encoded, der, size) || at != der + size) {
		X509_free(certificate);
		certificate = NULL;
	}
	ERR_clear_error();
	return certificate;
}

static EVP_PKEY *public_key_read(const unsigned char *der, size_t size)
{
	const unsigned char *at = der;
	unsigned char *encoded = NULL;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)size);
	int encoded_size = key ? i2d_PUBKEY(key, &encoded) : 0;
	bool same = encodes_as(encoded_size, encoded, der, size);
	enum key_kind kind;

	/* (A key that is refused anyway is told by its kind.) */
	if (key && (at != der + size || (!same && !key_kind_of(key, &kind)))) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	ERR_clear_error();
	return key;
}

/* ---- files ---- */

/* Over "PREFIX LABEL-----" and the end of its line; NULL where that is not there. */
static const char *over_line(const char *at, const char *prefix, const char *label)
{
	if (!str_starts(at, prefix) || !str_starts(at + strlen(prefix), label))
		return NULL;
	at += strlen(prefix) + strlen(label);
	if (!str_starts(at, "-----"))
		return NULL;
	at += 5;
	if (*at == '\r')
		at++;
	return *at == '\n' ? at + 1 : *at ? NULL : at;
}

/* One PEM object and nothing around it but empty lines behind.  NULL and *ret_der, or what is wrong. */
static const char *pem_read(struct pool *pool, const char *text, const char *label, struct blob *ret_der)
{
	const char *at = over_line(text, "-----BEGIN ", label);
	char *digits = pool_alloc(pool, strlen(text) + 1);
	size_t count = 0;

	if (!at)
		return NULL;
	for (; *at && *at != '-'; at++) {
		if (*at != '\n' && !(*at == '\r' && at[1] == '\n'))
			digits[count++] = *at;
	}
	at = over_line(at, "-----END ", label);
	if (!at)
		return "ends before its END line";
	if (at[strspn(at, "\r\n")])
		return "holds more than one object; write one key or certificate in each file";
	return base64_decode(pool, digits, count, ret_der) < 0 ? "is damaged: its base64 is wrong" : NULL;
}

static const char *wrong_kind(const char *text, enum image_scheme scheme)
{
	if (strstr(text, "PRIVATE KEY-----"))
		return "holds a private key; give the public one here and keep the private one elsewhere";
	if (strstr(text, "-----BEGIN CERTIFICATE-----") && scheme == IMAGE_SCHEME_COSIGN_KEY)
		return "holds a certificate where a public key is needed";
	if (strstr(text, "-----BEGIN PUBLIC KEY-----") && scheme == IMAGE_SCHEME_NOTATION)
		return "holds a bare public key where a CA's certificate is needed";
	return scheme == IMAGE_SCHEME_NOTATION ? "is no certificate in PEM or DER" : "is no public key in PEM or DER";
}

/* Every way that a key file can be wrong, as the end of a sentence that begins with its name. */
static const char *key_parse(struct pool *pool, struct blob file, enum image_scheme scheme, struct key *key)
{
	const char *text = (const char *)file.bytes;
	const char *label = scheme == IMAGE_SCHEME_NOTATION ? "CERTIFICATE" : "PUBLIC KEY";
	struct blob der = {0};

	if (file.size == 0)
		return "is empty";
	if (file.bytes[0] == 0x30) {
		der = file;
	} else if (strlen(text) == file.size) {
		const char *fault = pem_read(pool, text, label, &der);
		if (fault)
			return fault;
	}
	if (!der.size)
		return wrong_kind(text, scheme);
	if (scheme == IMAGE_SCHEME_NOTATION) {
		key->certificate = certificate_read(der.bytes, der.size);
		key->public_key = key->certificate ? X509_get_pubkey(key->certificate) : NULL;
	} else {
		key->public_key = public_key_read(der.bytes, der.size);
	}
	ERR_clear_error();
	if (!key->public_key)
		return wrong_kind(text, scheme);
	key->bits = EVP_PKEY_get_bits(key->public_key);
	return key_kind_of(key->public_key, &key->kind);
}

int key_load(struct pool *pool, int fd, const char *name, enum image_scheme scheme, struct key **ret_key,
	     struct refusal *r)
{
	unsigned char *bytes = pool_alloc(pool, KEY_FILE_MAX + 2);
	ssize_t n = fd_read_all(fd, bytes, KEY_FILE_MAX + 1);
	struct key *key = pool_alloc(pool, sizeof *key);

	crypto_start();
	if (n < 0) {
		refuse(r, IMAGE_STAGE_POLICY, "The key file %s cannot be read (error %d)", name, (int)-n);
		return (int)n;
	}
	if (n > KEY_FILE_MAX) {
		refuse(r, IMAGE_STAGE_POLICY, "The key file %s is larger than 64 KiB", name);
		return -EFBIG;
	}
	const char *fault = key_parse(pool, (struct blob){.bytes = bytes, .size = (size_t)n}, scheme, key);
	if (fault) {
		key_free(key);
		refuse(r, IMAGE_STAGE_POLICY, "The key file %s %s", name, fault);
		return -EINVAL;
	}
	*ret_key = key;
	return 0;
}

bool key_same(const struct key *a, const struct key *b)
{
	return EVP_PKEY_eq(a->public_key, b->public_key) == 1;
}

void key_free(struct key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->public_key);
	X509_free(key->certificate);
	key->public_key = NULL;
	key->certificate = NULL;
}
