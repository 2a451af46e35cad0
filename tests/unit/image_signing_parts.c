/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_signing_parts.c - what the schemes are made of: base64, CBOR, times, names, key files.
 */
#include "check.h"
#include "image_driver.h"
#include <hrun/utc.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>

static void test_base64(void)
{
	static const char *const good[][2] = {
		{"", ""}, {"Zg==", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm9vYg==", "foob"}};
	static const char *const bad[] = {
		"Z",	  "Zg",	      "Zg=",	  "Zh==",  "Zm9=", " Zg==", "Zg==\n", "Zg= =", "Zm9vZg==Zm9v",
		"=Zg=",	  "====",     "===",	  "=",	   "Zm-_", "Zm9v ", "Zm\n9v", "Z===",  "Zm9v====",
		"Zm9v==", "Zg==Zg==", "Zm9v\x80", "Zm8=Zg"};
	struct pool pool = {0};
	struct blob out;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		const char *text = good[i][0];
		CHECK(base64_decode(&pool, text, strlen(text), &out) == 0 && out.size == strlen(good[i][1]) &&
			      memcmp(out.bytes, good[i][1], out.size) == 0,
		      "%s", text);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(base64_decode(&pool, bad[i], strlen(bad[i]), &out) < 0, "%s", bad[i]);
	CHECK(base64_decode(&pool, "Zm9v\0AAA", 8, &out) < 0);
	CHECK(base64url_decode(&pool, "-_8", 3, &out) == 0 && out.size == 2 && out.bytes[0] == 0xfb &&
	      out.bytes[1] == 0xff);
	CHECK(base64url_decode(&pool, "-_9", 3, &out) < 0);
	CHECK(base64url_decode(&pool, "-_8=", 4, &out) < 0);
	CHECK(base64url_decode(&pool, "+/8", 3, &out) < 0);
	CHECK(base64url_decode(&pool, "A", 1, &out) < 0);
	pool_free(&pool);
}

static void test_times(void)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} good[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-22T07:00:00Z", 1795330800},
		{"2026-11-22T08:00:00+01:00", 1795330800},
		{"2026-11-22T06:30:00.123456789-00:30", 1795330800},
		{"2024-02-29T23:59:59Z", 1709251199},
	};
	static const char *const bad[] = {
		"",
		"2026-11-22",
		"2026-11-22T07:00:00",
		"2026-11-22t07:00:00Z",
		"2026-11-22T24:00:00Z",
		"2026-11-22T07:60:00Z",
		"2026-11-22T07:00:60Z",
		"2025-02-29T00:00:00Z",
		"2026-11-22T07:00:00.Z",
		"2026-11-22T07:00:00.1234567890Z",
		"2026-11-22T07:00:00ZZ",
		"2026-11-22T07:00:00+1:00",
		"2026-11-22T07:00:00+24:00",
		"2026-11-22T07:00:00+01:00 ",
		" 2026-11-22T07:00:00Z",
		"2026-11-22T07:00: 0Z",
	};
	int64_t seconds;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		CHECK(rfc3339_read(good[i].text, &seconds) == 0 && seconds == good[i].seconds, "%s", good[i].text);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(rfc3339_read(bad[i], &seconds) < 0, "%s", bad[i]);
}

static int skip(const char *hex)
{
	unsigned char bytes[256];
	size_t size = strlen(hex) / 2;

	for (size_t i = 0; i < size; i++) {
		const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
		bytes[i] = (unsigned char)strtoul(digits, NULL, 16);
	}
	struct cbor c = {bytes, bytes + size};
	int status = cbor_skip(&c, CBOR_MAX_DEPTH);
	return status < 0 ? status : c.at == c.end ? 0 : 1;
}

static void test_cbor(void)
{
	/* Mostly RFC 8949, appendix A and F. */
	static const char *const good[] = {"00",
					   "17",
					   "1818",
					   "190100",
					   "1a00010000",
					   "1b0000000100000000",
					   "20",
					   "3863",
					   "1bffffffffffffffff",
					   "40",
					   "4401020304",
					   "60",
					   "62c3bc",
					   "64f0908591",
					   "80",
					   "83010203",
					   "a0",
					   "a201020304",
					   "c11a514b67b0",
					   "f4",
					   "f5",
					   "f6",
					   "a26161016162820203",
					   "8181818181818100"};
	static const char *const bad[] = {
		"",
		"18",
		"1817",
		"1900ff",
		"1a0000ffff",
		"1b00000000ffffffff",
		"1c",
		"1f",
		"3817",
		"41",
		"5801",
		"5f41004100ff",
		"7f6100ff",
		"9f00ff",
		"bf0000ff",
		"ff",
		"f7",
		"f0",
		"f818",
		"f814",
		"f90000",
		"fa00000000",
		"fb0000000000000000",
		"6180",
		"62c080",
		"63eda080",
		"64f4908080",
		"6100",
		"81",
		"820000ff00",
		"a1",
		"a100",
		"a201020103",
		"a2616101616102",
		"c1",
		"818181818181818100",
		"c1c1c1c1c1c1c1c100",
		"9bffffffffffffffff",
		"bbffffffffffffffff",
		"5bffffffffffffffff",
		"7affffffff",
		"b821",
	};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		CHECK(skip(good[i]) == 0, "%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(skip(bad[i]) != 0, "%s", bad[i]);
}

static void test_names(void)
{
	CHECK(!name_fault("registry.example/team/app"));
	CHECK(!name_fault("localhost:5000/a:v1"));
	CHECK(name_fault("app") && name_fault("team/app") && name_fault("") && name_fault("a.b/") &&
	      name_fault("a.b/c:") && name_fault("a.b/C") && name_fault("a.b/c@sha256:1") && name_fault("a..b./c") &&
	      name_fault("a.b/c-") && name_fault("[::1/c"));
}

/* ---- key files ---- */

static const char *fault_of(const char *bytes, size_t size, enum image_scheme scheme)
{
	static char reason[IMAGE_REASON_SIZE];
	struct pool pool = {0};
	struct key *key = NULL;
	struct refusal r = {0};

	reason[0] = '\0';
	if (driver_key(&pool, bytes, size, scheme, &key, &r) < 0) {
		memcpy(reason, r.reason, sizeof reason);
		CHECK(r.stage == IMAGE_STAGE_POLICY && reason[0] && !str_has_control(reason), "%s", reason);
		pool_free(&pool);
		return reason;
	}
	key_free(key);
	pool_free(&pool);
	return NULL;
}

static char *text_of(BIO *bio, size_t *ret_size)
{
	char *data = NULL;
	long size = BIO_get_mem_data(bio, &data);
	char *copy = malloc((size_t)size + 1);

	memcpy(copy, data, (size_t)size);
	copy[size] = '\0';
	*ret_size = (size_t)size;
	BIO_free(bio);
	return copy;
}

static char *public_pem(EVP_PKEY *key, size_t *ret_size)
{
	BIO *bio = BIO_new(BIO_s_mem());

	CHECK(key && PEM_write_bio_PUBKEY(bio, key) == 1);
	EVP_PKEY_free(key);
	return text_of(bio, ret_size);
}

static void expect_fault(char *text, size_t size, enum image_scheme scheme, const char *word)
{
	const char *fault = fault_of(text, size, scheme);

	CHECK(word ? fault && strstr(fault, word) : !fault, "%s, wanted %s", fault ? fault : "taken",
	      word ? word : "none");
	free(text);
}

static void test_kinds(void)
{
	static const struct {
		const char *curve, *word;
	} curves[] = {{"P-256", NULL},
		      {"P-384", NULL},
		      {"P-521", NULL},
		      {"P-224", "another curve"},
		      {"secp256k1", "another curve"},
		      {"brainpoolP256r1", "another curve"}};
	static const struct {
		unsigned int bits;
		const char *word;
	} sizes[] = {{1024, "less than 2048"}, {2040, "less than 2048"}, {2048, NULL}};
	char *text;
	size_t size;

	for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
		text = public_pem(EVP_EC_gen(curves[i].curve), &size);
		expect_fault(text, size, IMAGE_SCHEME_COSIGN_KEY, curves[i].word);
	}
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		text = public_pem(EVP_RSA_gen(sizes[i].bits), &size);
		expect_fault(text, size, IMAGE_SCHEME_COSIGN_KEY, sizes[i].word);
	}
	static const char *const others[] = {"X25519", "ED448", "X448"};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		text = public_pem(EVP_PKEY_Q_keygen(NULL, NULL, others[i]), &size);
		expect_fault(text, size, IMAGE_SCHEME_COSIGN_KEY, "another kind");
	}
	text = public_pem(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), &size);
	expect_fault(text, size, IMAGE_SCHEME_COSIGN_KEY, NULL);
}

static EVP_PKEY *generate(const char *type, const char *group, const char *encoding)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)group, 0),
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, (char *)(uintptr_t)encoding, 0),
		OSSL_PARAM_construct_end(),
	};

	CHECK(EVP_PKEY_keygen_init(context) == 1);
	CHECK(!group || EVP_PKEY_CTX_set_params(context, parameters) == 1);
	CHECK(EVP_PKEY_generate(context, &key) == 1);
	EVP_PKEY_CTX_free(context);
	return key;
}

static void test_odd_keys(void)
{
	size_t size;
	char *text = public_pem(generate("EC", "P-256", "explicit"), &size);

	expect_fault(text, size, IMAGE_SCHEME_COSIGN_KEY, "written out");
	text = public_pem(generate("RSA-PSS", NULL, NULL), &size);
	expect_fault(text, size, IMAGE_SCHEME_COSIGN_KEY, "another kind");
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	CHECK(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
	text = text_of(bio, &size);
	expect_fault(text, size, IMAGE_SCHEME_COSIGN_KEY, "private key");
	bio = BIO_new(BIO_s_mem());
	CHECK(PEM_write_bio_PUBKEY(bio, key) == 1 &&
	      PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
	text = text_of(bio, &size);
	expect_fault(text, size, IMAGE_SCHEME_COSIGN_KEY, "more than one");
	text = public_pem(key, &size);
	expect_fault(text, size, IMAGE_SCHEME_NOTATION, "bare public key");
}

/* A good file, and everything that may not be around or inside it. */
static void test_files(void)
{
	size_t size, n;
	char *pem = public_pem(EVP_EC_gen("P-256"), &size), text[4096];
	static const struct {
		const char *before, *behind, *word;
	} around[] = {
		{"", "", NULL},
		{"", "\n\r\n", NULL},
		{"\n", "", "no public key"},
		{"# comment\n", "", "no public key"},
		{"", "x", "more than one"},
		{"", " \n", "more than one"},
		{"", "# comment\n", "more than one"},
		{"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "", "certificate"},
	};

	for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
		n = (size_t)str_format(text, sizeof text, "%s%s%s", around[i].before, pem, around[i].behind);
		const char *fault = fault_of(text, n, IMAGE_SCHEME_COSIGN_KEY);
		CHECK(around[i].word ? fault && strstr(fault, around[i].word) : !fault, "%zu: %s", i,
		      fault ? fault : "taken");
	}
	n = (size_t)str_format(text, sizeof text, "%s%s", pem, pem);
	CHECK(fault_of(text, n, IMAGE_SCHEME_COSIGN_KEY));
	CHECK(strstr(fault_of("", 0, IMAGE_SCHEME_COSIGN_KEY), "empty"));
	CHECK(fault_of(pem, size + 1, IMAGE_SCHEME_COSIGN_KEY)); /* a NUL more */
	for (n = 1; n < size - 1; n++)
		CHECK(fault_of(pem, n, IMAGE_SCHEME_COSIGN_KEY), "cut to %zu", n);
	char *large = calloc(1, KEY_FILE_MAX + 1);
	CHECK(strstr(fault_of(large, KEY_FILE_MAX + 1, IMAGE_SCHEME_COSIGN_KEY), "larger"));
	CHECK(fault_of(large, KEY_FILE_MAX, IMAGE_SCHEME_NOTATION));
	free(large);
	free(pem);
}

static void test_der(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	unsigned char *der = NULL, longer[128] = {0};
	int size = i2d_PUBKEY(key, &der);

	CHECK(size == 91 && !fault_of((const char *)der, (size_t)size, IMAGE_SCHEME_COSIGN_KEY));
	memcpy(longer, der, (size_t)size);
	CHECK(fault_of((const char *)longer, (size_t)size + 1, IMAGE_SCHEME_COSIGN_KEY));
	CHECK(fault_of((const char *)der, (size_t)size - 1, IMAGE_SCHEME_COSIGN_KEY));
	/* The same length in two bytes. */
	memcpy(longer + 1, der, (size_t)size);
	longer[0] = 0x30;
	longer[1] = 0x81;
	CHECK(fault_of((const char *)longer, (size_t)size + 1, IMAGE_SCHEME_COSIGN_KEY));
	/* Off the curve. */
	der[size - 1] ^= 1;
	CHECK(fault_of((const char *)der, (size_t)size, IMAGE_SCHEME_COSIGN_KEY));
	OPENSSL_free(der);
	EVP_PKEY_free(key);
}

int main(void)
{
	test_base64();
	test_times();
	test_cbor();
	test_names();
	test_kinds();
	test_odd_keys();
	test_files();
	test_der();
	return failures != 0;
}
