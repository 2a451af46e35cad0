/* SPDX-License-Identifier: Apache-2.0 */
/*
 * private_key.c - private keys as PEM: read, made, and named by their public half.
 */
#include "sign.h"
#include <errno.h>
#include <hrun/fd.h>
#include <hrun/sha256.h>
#include <hrun/str.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <unistd.h>

/* PKCS #5: what a passphrase costs who guesses it; a quarter of a second here. */
enum { ITERATIONS = 600000, RSA_BITS = 3072 };

struct passphrase {
	struct signer *signer;
	char *text; /* on the secure heap; NULL: none was given */
	size_t size;
	bool asked;
};

static void passphrase_free(struct passphrase *p)
{
	OPENSSL_secure_clear_free(p->text, SIGN_PASSPHRASE_MAX + 1);
	p->text = NULL;
}

/* The line, a byte at a time: what comes behind it in the descriptor is somebody else's. */
static int passphrase_read(struct signer *s, struct passphrase *p)
{
	ssize_t n = 0;

	*p = (struct passphrase){.signer = s};
	if (s->passphrase_fd < 0)
		return 0;
	p->text = OPENSSL_secure_zalloc(SIGN_PASSPHRASE_MAX + 1);
	if (!p->text)
		return sign_fail(s, ENOMEM, "no memory for the passphrase");
	while (p->size <= SIGN_PASSPHRASE_MAX && (n = fd_read_all(s->passphrase_fd, p->text + p->size, 1)) == 1 &&
	       p->text[p->size] != '\n')
		p->size++;
	if (n < 0)
		return sign_fail(s, (int)-n, "the passphrase cannot be read: %s", strerror((int)-n));
	if (p->size == 0 || p->size > SIGN_PASSPHRASE_MAX)
		return sign_fail(s, EINVAL, "the passphrase is %s", p->size ? "longer than 1024 bytes" : "empty");
	return 0;
}

static int give_passphrase(char *buffer, int size, int writing, void *context)
{
	struct passphrase *p = context;

	(void)writing;
	p->asked = true;
	if (!p->text || p->size > (size_t)size)
		return -1;
	memcpy(buffer, p->text, p->size);
	return (int)p->size;
}

static const char *fault_of(const char *pem, const struct passphrase *p)
{
	if (p->asked && !p->text)
		return "is encrypted; give --passphrase-fd";
	if (p->asked)
		return "cannot be decrypted: another passphrase, or it is damaged";
	if (strstr(pem, "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----") ||
	    strstr(pem, "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----"))
		return "is in cosign's own format; hrun takes PKCS #8";
	if (strstr(pem, "-----BEGIN PUBLIC KEY-----"))
		return "is a public key";
	return "is no private key in PEM";
}

/* Two in one file: which one signs would be libcrypto's choice.  A NUL ends nothing here, as it does not for libcrypto. */
static bool holds_another(const char *pem, size_t size)
{
	static const char label[] = "PRIVATE KEY-----";
	const char *at = pem, *end = pem + size;
	size_t count = 0; /* BEGIN and END of one are two */

	while ((at = memmem(at, (size_t)(end - at), label, sizeof label - 1))) {
		at += sizeof label - 1;
		count++;
	}
	return count > 2;
}

/* PEM is what it is, and there is just one kind of signature for it. */
static int parse(struct signer *s, const char *pem, size_t size, struct passphrase *p, EVP_PKEY **ret_key)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)size);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, p) : NULL;
	enum key_kind kind;
	const char *fault = key ? key_kind_of(key, &kind) : fault_of(pem, p);

	BIO_free(bio);
	ERR_clear_error();
	if (!fault && holds_another(pem, size))
		fault = "file holds more than one private key; give one alone";
	if (fault) {
		EVP_PKEY_free(key);
		return sign_fail(s, EINVAL, "the key %s", fault);
	}
	*ret_key = key;
	return 0;
}

int private_key_read(struct signer *s, EVP_PKEY **ret_key)
{
	char *pem = OPENSSL_secure_zalloc(SIGN_KEY_FILE_MAX + 2);
	ssize_t size = pem ? fd_read_all(s->key_fd, pem, SIGN_KEY_FILE_MAX + 1) : -ENOMEM;
	struct passphrase p = {0};
	int r;

	if (size < 0)
		r = sign_fail(s, (int)-size, "the key cannot be read: %s", strerror((int)-size));
	else if (size == 0 || size > SIGN_KEY_FILE_MAX)
		r = sign_fail(s, EINVAL, "the key file is %s", size ? "larger than 64 KiB" : "empty");
	else
		r = passphrase_read(s, &p);
	if (r == 0)
		r = parse(s, pem, (size_t)size, &p, ret_key);
	passphrase_free(&p);
	OPENSSL_secure_clear_free(pem, SIGN_KEY_FILE_MAX + 2);
	return r;
}

int private_key_name(struct signer *s, EVP_PKEY *key, unsigned char id[SHA256_SIZE])
{
	unsigned char *der = NULL;
	int size = i2d_PUBKEY(key, &der);
	struct sha256 hash;

	if (size <= 0)
		return sign_fail(s, EIO, "the public key cannot be written");
	sha256_init(&hash);
	sha256_add(&hash, der, (size_t)size);
	sha256_end(&hash, id);
	sha256_hex(id, s->answer.key_id);
	OPENSSL_free(der);
	return 0;
}

/* ---- a new key ---- */

static EVP_PKEY *generate(enum sign_key type)
{
	switch (type) {
	case SIGN_P256:
		return EVP_EC_gen("P-256");
	case SIGN_P384:
		return EVP_EC_gen("P-384");
	case SIGN_P521:
		return EVP_EC_gen("P-521");
	case SIGN_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	default:
		return EVP_RSA_gen(RSA_BITS);
	}
}

/* PKCS #8, with PBES2 (AES-256-CBC, PBKDF2 with HMAC-SHA-256) where there is a passphrase. */
static bool write_private(BIO *bio, EVP_PKEY *key, const struct passphrase *p)
{
	PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
	X509_SIG *encrypted = plain && p->text ? PKCS8_encrypt(-1, EVP_aes_256_cbc(), p->text, (int)p->size, NULL, 0,
							       ITERATIONS, plain)
					       : NULL;
	bool good = plain && (p->text ? encrypted && PEM_write_bio_PKCS8(bio, encrypted) == 1
				      : PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, plain) == 1);

	X509_SIG_free(encrypted);
	PKCS8_PRIV_KEY_INFO_free(plain);
	return good;
}

static uint32_t take_text(BIO *bio, char *text, size_t size)
{
	char *data = NULL;
	long n = BIO_get_mem_data(bio, &data);

	if (n <= 0 || (size_t)n > size)
		return 0;
	memcpy(text, data, (size_t)n);
	return (uint32_t)n;
}

static int write_both(struct signer *s, EVP_PKEY *key, const struct passphrase *p)
{
	BIO *secret = BIO_new(BIO_s_secmem()), *public = BIO_new(BIO_s_mem());

	if (secret && public && write_private(secret, key, p) && PEM_write_bio_PUBKEY(public, key) == 1) {
		s->answer.text_size = take_text(secret, s->answer.text, sizeof s->answer.text);
		s->answer.public_size = take_text(public, s->answer.public_text, sizeof s->answer.public_text);
	}
	BIO_free(secret);
	BIO_free(public);
	return s->answer.text_size && s->answer.public_size ? 0 : sign_fail(s, EIO, "the new key cannot be written");
}

int private_key_make(struct signer *s)
{
	unsigned char id[SHA256_SIZE];
	struct passphrase p = {0};
	EVP_PKEY *key = NULL;
	int r = passphrase_read(s, &p);

	if (r == 0) {
		key = generate((enum sign_key)s->request.key);
		r = key ? write_both(s, key, &p) : sign_fail(s, EIO, "OpenSSL makes no key of this type");
	}
	if (r == 0)
		r = private_key_name(s, key, id);
	EVP_PKEY_free(key);
	passphrase_free(&p);
	ERR_clear_error();
	return r;
}
