/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement.c - an in-toto statement over a bundle, in a DSSE envelope, in a Sigstore bundle of version 0.3.
 *
 * hrun names the digests, and what is signed is made of them here: nobody gets other bytes signed by asking.
 */
#include "sign.h"
#include <errno.h>
#include <hrun/image_statement.h>
#include <hrun/sha256.h>
#include <hrun/str.h>
#include <openssl/err.h>

/* The root's name, its SHA-256, what else is known of it; config.json's SHA-256; the type. */
#define STATEMENT                                                                   \
	"{\"_type\":\"" STATEMENT_TYPE "\",\"subject\":["                           \
	"{\"name\":\"%s\",\"digest\":{\"sha256\":\"%s\"%s}},"                       \
	"{\"name\":\"" STATEMENT_CONFIG_NAME "\",\"digest\":{\"sha256\":\"%s\"}}]," \
	"\"predicateType\":\"%s\",\"predicate\":{}}"
#define ENVELOPE                                                                                                  \
	"{\"mediaType\":\"" STATEMENT_MEDIA_TYPE "\",\"verificationMaterial\":{\"publicKey\":{\"hint\":\"%s\"}}," \
	"\"dsseEnvelope\":{\"payload\":\"%s\",\"payloadType\":\"" STATEMENT_PAYLOAD_TYPE "\","                    \
	"\"signatures\":[{\"sig\":\"%s\"}]}}\n"

static const char *to_base64(struct pool *pool, struct blob bytes)
{
	char *text = pool_alloc(pool, (bytes.size + 2) / 3 * 4 + 1);

	EVP_EncodeBlock((unsigned char *)text, bytes.bytes, (int)bytes.size);
	return text;
}

static struct blob payload_of(struct signer *s)
{
	const struct sign_request *request = &s->request;
	const char *verity = request->verity_hex[0]
				     ? pool_printf(&s->pool, ",\"" STATEMENT_VERITY "\":\"%s\"", request->verity_hex)
				     : "";
	char *text =
		pool_printf(&s->pool, STATEMENT, request->root_is_file ? STATEMENT_EROFS_NAME : STATEMENT_TREE_NAME,
			    request->root_hex, verity, request->config_hex,
			    request->root_is_file ? STATEMENT_EROFS_PREDICATE : STATEMENT_BUNDLE_PREDICATE);

	return (struct blob){.bytes = (unsigned char *)text, .size = strlen(text)};
}

/* The signature, proved with the public half: a fault while signing can give the key away. */
static int sign(struct signer *s, EVP_PKEY *key, struct blob message, struct blob *ret_signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	enum key_kind kind = KEY_P256;
	size_t size = (size_t)EVP_PKEY_get_size(key);
	unsigned char *bytes = pool_alloc(&s->pool, size);

	bool good = context && !key_kind_of(key, &kind) &&
		    EVP_DigestSignInit(context, NULL, key_digest(kind), NULL, key) == 1 &&
		    EVP_DigestSign(context, bytes, &size, message.bytes, message.size) == 1;
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	*ret_signature = (struct blob){.bytes = bytes, .size = size};
	if (!good || !verify_plain(key, kind, message, *ret_signature))
		return sign_fail(s, EIO, "OpenSSL does not sign with this key");
	return 0;
}

static int write_answer(struct signer *s, struct blob id, struct blob payload, struct blob signature)
{
	int n = str_format(s->answer.text, sizeof s->answer.text, ENVELOPE, to_base64(&s->pool, id),
			   to_base64(&s->pool, payload), to_base64(&s->pool, signature));

	if (n < 0)
		return sign_fail(s, E2BIG, "the signature is too large");
	s->answer.text_size = (uint32_t)n;
	return 0;
}

int statement_sign(struct signer *s)
{
	const struct blob payload = payload_of(s);
	unsigned char id[SHA256_SIZE];
	struct blob signature = {0};
	EVP_PKEY *key = NULL;
	int r = private_key_read(s, &key);

	if (r == 0)
		r = sign(s, key, dsse_encode(&s->pool, payload), &signature);
	if (r == 0)
		r = private_key_name(s, key, id);
	if (r == 0)
		r = write_answer(s, (struct blob){.bytes = id, .size = sizeof id}, payload, signature);
	EVP_PKEY_free(key);
	return r;
}
