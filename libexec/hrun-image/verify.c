/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.c - one signature, one key, one message.
 *
 * The digest is the key's own, never one that the data names.
 */
#include "signature.h"
#include <hrun/str.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

const EVP_MD *key_digest(enum key_kind kind)
{
	switch (kind) {
	case KEY_P384:
		return EVP_sha384();
	case KEY_P521:
		return EVP_sha512();
	case KEY_ED25519:
		return NULL; /* pure: it hashes by itself */
	default:
		return EVP_sha256();
	}
}

static bool verify(EVP_PKEY *key, const EVP_MD *digest, bool pss, struct blob message, struct blob signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options = NULL; /* the context's */
	bool good = context && EVP_DigestVerifyInit(context, &options, digest, NULL, key) == 1;

	if (good && pss)
		good = EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1 &&
		       EVP_PKEY_CTX_set_rsa_mgf1_md(options, digest) == 1;
	good = good && EVP_DigestVerify(context, signature.bytes, signature.size, message.bytes, message.size) == 1;
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return good;
}

bool verify_plain(EVP_PKEY *public_key, enum key_kind kind, struct blob message, struct blob signature)
{
	return verify(public_key, key_digest(kind), false, message, signature);
}

const char *const jose_names[JOSE_NONE] = {"ES256", "ES384", "ES512", "PS256", "PS384", "PS512"};

enum jose_algorithm jose_algorithm_of(EVP_PKEY *public_key, enum key_kind kind)
{
	switch (kind) {
	case KEY_P256:
		return JOSE_ES256;
	case KEY_P384:
		return JOSE_ES384;
	case KEY_P521:
		return JOSE_ES512;
	case KEY_RSA: {
		int bits = EVP_PKEY_get_bits(public_key);
		return bits == 2048 ? JOSE_PS256 : bits == 3072 ? JOSE_PS384 : bits == 4096 ? JOSE_PS512 : JOSE_NONE;
	}
	default:
		return JOSE_NONE;
	}
}

/* r and s, each of half the size, as the DER that libcrypto wants; freed by the caller.  The size, or 0. */
static size_t der_of_halves(struct blob halves, unsigned char **ret_der)
{
	int half = (int)(halves.size / 2), size = 0;
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(halves.bytes, half, NULL), *s = BN_bin2bn(halves.bytes + half, half, NULL);

	if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
		r = s = NULL;
		size = i2d_ECDSA_SIG(pair, ret_der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(pair);
	return size > 0 ? (size_t)size : 0;
}

bool verify_jose(EVP_PKEY *public_key, enum jose_algorithm algorithm, struct blob message, struct blob signature)
{
	static const size_t widths[] = {[JOSE_ES256] = 64, [JOSE_ES384] = 96, [JOSE_ES512] = 132};
	static const EVP_MD *(*const digests[JOSE_NONE])(void) = {EVP_sha256, EVP_sha384, EVP_sha512,
								  EVP_sha256, EVP_sha384, EVP_sha512};
	unsigned char *der = NULL;

	if (algorithm >= JOSE_NONE)
		return false;
	if (algorithm >= JOSE_PS256)
		return verify(public_key, digests[algorithm](), true, message, signature);
	if (signature.size != widths[algorithm])
		return false;
	size_t size = der_of_halves(signature, &der);
	bool good = size &&
		    verify(public_key, digests[algorithm](), false, message, (struct blob){.bytes = der, .size = size});
	OPENSSL_free(der);
	return good;
}
