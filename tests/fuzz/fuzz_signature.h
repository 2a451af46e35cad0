/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_signature.h - one candidate of hostile bytes against a fixed policy of a key and a CA.
 *
 * A fuzzer cannot sign, so every signature is tried and then taken for good: what stands behind that check is reached, too.
 * (The linker puts these in the place of verify.c's functions.)
 */
#ifndef TESTS_FUZZ_SIGNATURE_H
#define TESTS_FUZZ_SIGNATURE_H

#include "../unit/image_driver.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

bool __real_verify_plain(EVP_PKEY *public_key, enum key_kind kind, struct blob message, struct blob signature);
bool __wrap_verify_plain(EVP_PKEY *public_key, enum key_kind kind, struct blob message, struct blob signature);
bool __real_verify_jose(EVP_PKEY *public_key, enum jose_algorithm algorithm, struct blob message,
			struct blob signature);
bool __wrap_verify_jose(EVP_PKEY *public_key, enum jose_algorithm algorithm, struct blob message,
			struct blob signature);

bool __wrap_verify_plain(EVP_PKEY *public_key, enum key_kind kind, struct blob message, struct blob signature)
{
	(void)__real_verify_plain(public_key, kind, message, signature);
	return true;
}

bool __wrap_verify_jose(EVP_PKEY *public_key, enum jose_algorithm algorithm, struct blob message, struct blob signature)
{
	(void)__real_verify_jose(public_key, algorithm, message, signature);
	return true;
}

static inline void fuzz_expect(bool holds)
{
	if (!holds)
		abort();
}

static const char fuzz_public_key[] = "-----BEGIN PUBLIC KEY-----\n"
				      "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE3Dh8T09/yiYwNUTuyId0lzy2jpE9\n"
				      "F76Qus/YtZpAWexHygaxmmc4EAt3gBH7v1INwuIuFruYQa2tkeiKF1TKYw==\n"
				      "-----END PUBLIC KEY-----\n";
static const char fuzz_certificate[] = "-----BEGIN CERTIFICATE-----\n"
				       "MIIBkjCCATmgAwIBAgIUEbGZIIpfEGTQk10Fs4usQJAkYS0wCgYIKoZIzj0EAwIw\n"
				       "NzELMAkGA1UEBhMCVVMxCzAJBgNVBAgMAldBMQwwCgYDVQQKDANvcmcxDTALBgNV\n"
				       "BAMMBHJvb3QwHhcNMjAwMTAxMDAwMDAwWhcNNDYwMTAxMDAwMDAwWjA3MQswCQYD\n"
				       "VQQGEwJVUzELMAkGA1UECAwCV0ExDDAKBgNVBAoMA29yZzENMAsGA1UEAwwEcm9v\n"
				       "dDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMCh4kfcdldcSbYrJIXAVm63h6Bg\n"
				       "ZLw31HcU7Ip3OyTl9+9G3/PjAplcjc1P7/zP3ff2VK3KNRUs+4pmt/1/zB6jIzAh\n"
				       "MA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgEGMAoGCCqGSM49BAMCA0cA\n"
				       "MEQCID8j0cqBrmFyX+/XmLaW/Vslpm82jsIhJa0YQ5CuydR2AiBhExS5e9Nmckbm\n"
				       "cXT3sdbki1kfaE987TOippk3jc8Bgw==\n"
				       "-----END CERTIFICATE-----\n";

/* Judge it, and look at what is told about it. */
static inline void fuzz_candidate(enum signature_format format, const unsigned char *bytes, size_t size,
				  const char *base64)
{
	bool notation = format == NOTATION_JWS || format == NOTATION_COSE;
	static struct image_trust wires[2];
	static struct trust trusts[2];
	static struct pool lasting;
	static struct key held[2] __attribute__((unused)); /* where the leak checker looks */
	struct image_trust *wire = &wires[notation];
	struct trust *trust = &trusts[notation];
	struct pool pool = {0};
	struct image_signature v;
	struct refusal r = {0};
	size_t key = SIZE_MAX;

	if (!trust->wire) {
		const char *pem = notation ? fuzz_certificate : fuzz_public_key;
		trust->wire = wire;
		wire->scheme = notation ? IMAGE_SCHEME_NOTATION : IMAGE_SCHEME_COSIGN_KEY;
		wire->key_count = wire->threshold = 1;
		str_format(wire->key_names[0], IMAGE_TEXT_SIZE, "key");
		wire->identity = notation ? IMAGE_IDENTITY_ANY : IMAGE_IDENTITY_MATCH_REPOSITORY;
		wire->trusted_identity_count = 1;
		str_format(wire->trusted_identities[0], IMAGE_NAME_SIZE, "x509.subject: C=US, ST=WA, O=org");
		fuzz_expect(driver_key(&lasting, pem, strlen(pem), (enum image_scheme)wire->scheme, &trust->keys[0],
				       &r) == 0);
		held[notation] = *trust->keys[0];
	}
	unsigned char *copy = pool_alloc(&pool, size + 1);
	memcpy(copy, bytes, size);
	struct candidate candidate = {.format = format, .blob = {.bytes = copy, .size = size}, .base64 = base64};
	struct subject subject = {.media_type = "application/vnd.oci.image.manifest.v1+json", .size = 457};
	fuzz_expect(digest_read("sha256:6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d",
				&subject.digest) == 0);
	if (format == TREE_STATEMENT)
		subject.config = subject.digest;
	scheme_check(&pool, &candidate, &subject, trust, "registry.example/team/app:v1", 1795330800, &v, &key);
	fuzz_expect(v.ok ? key == 0 && v.key[0] : v.reason[0] != '\0');
	fuzz_expect(!str_has_control(v.reason) && !str_has_control(v.identity));
	fuzz_expect(memchr(v.reason, 0, sizeof v.reason) && memchr(v.identity, 0, sizeof v.identity));
	pool_free(&pool);
}

#endif
