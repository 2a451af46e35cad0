/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_driver.h - cases of signatures from a JSON file, for the tests of hrun-image's schemes.
 *
 * {"keys": {NAME: PEM text}, "cases": [{"name", "subject": {"digest", "mediaType", "size"}, "now", "imageName",
 *  "trusts": [{"scheme", "keys": [NAME], "threshold", "identity": {"type", "value", "signedPrefix"}, "level",
 *              "trustedIdentities": [text]}],
 *  "candidates": [{"format", "blob": base64, "signature": text}], "expect": "accept|reject|either", "stage", "flip": true}]}
 */
#ifndef TESTS_UNIT_IMAGE_DRIVER_H
#define TESTS_UNIT_IMAGE_DRIVER_H

#include "../../libexec/hrun-image/signature.h"
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct driver_case {
	const char *name, *expect, *stage;
	bool flip; /* change each byte in turn */
	struct subject subject;
	struct image_request *request;
	struct trust trusts[IMAGE_TRUSTS_MAX];
	struct candidate candidates[32];
	size_t count;
};

static inline const char *driver_text(const struct json *object, const char *name, const char *otherwise)
{
	const char *text = text_at(object, name);

	return text ? text : otherwise;
}

static inline int64_t driver_number(const struct json *object, const char *name)
{
	const struct json *value = json_at(object, name);

	return value && value->type == JSON_NUMBER ? strtoll(value->text, NULL, 10) : 0;
}

static inline unsigned int driver_index(const char *word, const char *const *words, unsigned int count)
{
	unsigned int i = 0;

	while (i < count && !str_equal(word, words[i]))
		i++;
	if (i == count)
		abort();
	return i;
}

/* A key file with this content, through the descriptor that the real ones come in. */
static inline int driver_key(struct pool *pool, const void *bytes, size_t size, enum image_scheme scheme,
			     struct key **ret_key, struct refusal *r)
{
	autofd int fd = memfd_create("key", MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, bytes, size) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		abort();
	return key_load(pool, fd, "test.pem", scheme, ret_key, r);
}

static inline void driver_identity(const struct json *identity, struct image_trust *wire)
{
	static const char *const types[] = {
		"any",
		"matchExact",
		"matchRepoDigestOrExact",
		"matchRepository",
		"exactReference",
		"exactRepository",
		"remapIdentity",
	};

	if (!identity)
		return;
	wire->identity = driver_index(driver_text(identity, "type", ""), types, sizeof types / sizeof *types);
	str_format(wire->identity_value, sizeof wire->identity_value, "%s", driver_text(identity, "value", ""));
	str_format(wire->identity_signed_prefix, sizeof wire->identity_signed_prefix, "%s",
		   driver_text(identity, "signedPrefix", ""));
}

static inline void driver_trust(struct pool *pool, const struct json *keys, const struct json *item,
				struct image_trust *wire, struct trust *ret_trust)
{
	static const char *const schemes[] = {"cosign-key", "notation"}, *const levels[] = {"strict", "permissive"};

	*ret_trust = (struct trust){.wire = wire};
	wire->scheme = driver_index(driver_text(item, "scheme", "cosign-key"), schemes, 2);
	wire->notation_level = driver_index(driver_text(item, "level", "strict"), levels, 2);
	wire->threshold = json_at(item, "threshold") ? (uint32_t)driver_number(item, "threshold") : 1;
	driver_identity(json_at(item, "identity"), wire);
	for (const struct json *key = json_at(item, "keys")->first; key; key = key->next) {
		const char *pem = text_at(keys, key->text);
		struct refusal r = {0};
		str_format(wire->key_names[wire->key_count], IMAGE_TEXT_SIZE, "%s", key->text);
		if (!pem || driver_key(pool, pem, strlen(pem), (enum image_scheme)wire->scheme,
				       &ret_trust->keys[wire->key_count++], &r) < 0) {
			printf("key %s: %s\n", key->text, r.reason);
			abort();
		}
	}
	const struct json *trusted = json_at(item, "trustedIdentities");
	for (const struct json *text = trusted ? trusted->first : NULL; text; text = text->next)
		str_format(wire->trusted_identities[wire->trusted_identity_count++], IMAGE_NAME_SIZE, "%s", text->text);
}

static inline void driver_candidate(struct pool *pool, const struct json *item, struct candidate *ret)
{
	static const char *const formats[] = {"cosign-legacy", "sigstore-bundle", "notation-jws", "notation-cose"};
	const char *blob = driver_text(item, "blob", "");

	*ret = (struct candidate){
		.format = (enum signature_format)driver_index(driver_text(item, "format", ""), formats, 4),
		.base64 = text_at(item, "signature")};
	if (base64_decode(pool, blob, strlen(blob), &ret->blob) < 0)
		abort();
}

static inline struct driver_case *driver_case(struct pool *pool, const struct json *keys, const struct json *item)
{
	struct driver_case *c = pool_alloc(pool, sizeof *c);
	const struct json *subject = json_at(item, "subject");

	c->name = driver_text(item, "name", "?");
	c->expect = driver_text(item, "expect", "?");
	c->stage = driver_text(item, "stage", "");
	c->flip = json_at(item, "flip");
	if (digest_read(driver_text(subject, "digest", ""), &c->subject.digest) < 0)
		abort();
	c->subject.media_type = driver_text(subject, "mediaType", "application/vnd.oci.image.manifest.v1+json");
	c->subject.size = (uint64_t)driver_number(subject, "size");
	c->request = pool_alloc(pool, sizeof *c->request);
	c->request->signatures_required = 1;
	c->request->now = driver_number(item, "now");
	str_format(c->request->name, sizeof c->request->name, "%s", driver_text(item, "imageName", ""));
	for (const struct json *trust = json_at(item, "trusts")->first; trust; trust = trust->next) {
		uint32_t at = c->request->trust_count++;
		driver_trust(pool, keys, trust, &c->request->trusts[at], &c->trusts[at]);
	}
	for (const struct json *one = json_at(item, "candidates")->first; one && c->count < 32; one = one->next)
		driver_candidate(pool, one, &c->candidates[c->count++]);
	return c;
}

static inline void driver_case_free(struct driver_case *c)
{
	for (size_t i = 0; i < c->request->trust_count; i++) {
		for (size_t k = 0; k < IMAGE_KEYS_MAX; k++)
			key_free(c->trusts[i].keys[k]);
	}
}

/* The whole file as a tree. */
static inline const struct json *driver_read(struct pool *pool, const char *path)
{
	enum { MAX = 16 << 20 };
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *bytes = pool_alloc(pool, MAX);
	ssize_t size = fd < 0 ? -1 : fd_read_all(fd, bytes, MAX);
	const struct json *tree = NULL;
	struct json_error error = {0};

	if (size < 0 || json_read(pool, bytes, (size_t)size, MAX, &tree, &error) < 0) {
		printf("%s: line %u: %s\n", path, error.line, error.text ? error.text : "cannot be read");
		exit(1);
	}
	return tree;
}

#endif
