/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheme_notation_cose.c - notation's COSE envelope (RFC 9052, COSE_Sign1 with its tag).
 */
#include "signature.h"
#include <errno.h>
#include <hrun/str.h>

#define SCHEME "io.cncf.notary.signingScheme"
#define EXPIRY "io.cncf.notary.expiry"
#define SIGNING_TIME "io.cncf.notary.signingTime"

/* Labels of RFC 9052 and 9360. */
enum { LABEL_ALGORITHM = 1, LABEL_CRITICAL = 2, LABEL_CONTENT_TYPE = 3, LABEL_X5CHAIN = 33 };

static bool is_string(const struct cbor *value, const char *text)
{
	struct cbor_item item;
	struct cbor at = value ? *value : (struct cbor){0};

	return value && cbor_next(&at, &item) == 0 && item.type == CBOR_TEXT && item.string.size == strlen(text) &&
	       memcmp(item.string.bytes, text, item.string.size) == 0;
}

static const char *copy_text(struct judgement *j, const struct cbor_item *text)
{
	return pool_strndup(j->pool, (const char *)text->string.bytes, text->string.size);
}

/* Tag 1 and a number of seconds. */
static int read_time(const struct cbor *value, int64_t *ret_seconds)
{
	struct cbor at = *value;
	struct cbor_item item;

	TRY(cbor_next(&at, &item));
	if (item.type != CBOR_TAG || item.value != 1)
		return -EINVAL;
	TRY(cbor_next(&at, &item));
	if (item.type != CBOR_UNSIGNED || item.value > INT64_MAX / 2)
		return -EINVAL;
	*ret_seconds = (int64_t)item.value;
	return 0;
}

static int read_algorithm(const struct cbor *value, enum jose_algorithm *ret_algorithm)
{
	/* As CBOR has them: -7 is 6. */
	static const uint64_t numbers[JOSE_NONE] = {6, 34, 35, 36, 37, 38};
	struct cbor at = value ? *value : (struct cbor){0};
	struct cbor_item item;

	if (!value || cbor_next(&at, &item) < 0 || item.type != CBOR_NEGATIVE)
		return -EINVAL;
	for (size_t i = 0; i < JOSE_NONE; i++) {
		if (item.value == numbers[i]) {
			*ret_algorithm = (enum jose_algorithm)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_crit(struct judgement *j, const struct cbor_map *map)
{
	const struct cbor *value = cbor_map_number(map, LABEL_CRITICAL);
	struct cbor at = value ? *value : (struct cbor){0};
	struct cbor_item list, item;
	bool has_scheme = false, has_expiry = false;

	if (!value || cbor_next(&at, &list) < 0 || list.type != CBOR_ARRAY)
		return bad(j, IMAGE_STAGE_SIGNATURE, "\"crit\" of the signed header is not a list");
	for (uint64_t i = 0; i < list.value; i++) {
		const char *name = "...";
		if (cbor_next(&at, &item) == 0 && item.type == CBOR_TEXT)
			name = copy_text(j, &item);
		if (!notation_is_known(name) || !cbor_map_text(map, name))
			return bad(j, IMAGE_STAGE_SIGNATURE,
				   "The envelope calls \"%.80s\" critical, which hrun does not know", name);
		bool *seen = str_equal(name, SCHEME) ? &has_scheme : &has_expiry;
		if (*seen)
			return bad(j, IMAGE_STAGE_SIGNATURE, "\"crit\" of the signed header names a member twice");
		*seen = true;
	}
	if (!has_scheme || (cbor_map_text(map, EXPIRY) && !has_expiry))
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "\"crit\" of the signed header lacks the signing scheme or the expiry");
	return 0;
}

static int check_labels(struct judgement *j, const struct cbor_map *map)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct cbor_item *key = &map->entries[i].key;
		if (key->type == CBOR_UNSIGNED && key->value >= LABEL_ALGORITHM && key->value <= LABEL_CONTENT_TYPE)
			continue;
		if (key->type != CBOR_TEXT)
			return bad(j, IMAGE_STAGE_SIGNATURE, "The signed header has a label that hrun does not know");
		const char *name = copy_text(j, key);
		if (str_starts(name, "io.cncf.notary.verificationPlugin"))
			return bad(j, IMAGE_STAGE_SIGNATURE, "It asks for a verification plugin, and hrun has none");
		if (!notation_is_known(name) && !str_equal(name, SIGNING_TIME) && !notation_may_ignore(name))
			return bad(j, IMAGE_STAGE_SIGNATURE,
				   "The signed header has a member \"%.64s\" that hrun does not know", name);
	}
	return 0;
}

static int read_times(struct judgement *j, const struct cbor_map *map, struct notation *n)
{
	const struct cbor *made = cbor_map_text(map, SIGNING_TIME), *expiry = cbor_map_text(map, EXPIRY);

	if (!made || read_time(made, &n->signed_at) < 0)
		return bad(j, IMAGE_STAGE_SIGNATURE, "The signing time is no time");
	n->has_expiry = expiry;
	if (expiry && read_time(expiry, &n->expiry) < 0)
		return bad(j, IMAGE_STAGE_SIGNATURE, "The expiry is no time");
	return 0;
}

static int read_protected(struct judgement *j, struct blob bytes, struct notation *n)
{
	struct cbor c = {bytes.bytes, bytes.bytes + bytes.size};
	struct cbor_map *map = pool_alloc(j->pool, sizeof *map);

	if (cbor_map_read(&c, map) < 0 || c.at != c.end)
		return bad(j, IMAGE_STAGE_SIGNATURE, "The signed header is no strict CBOR map");
	TRY(check_labels(j, map));
	if (read_algorithm(cbor_map_number(map, LABEL_ALGORITHM), &n->algorithm) < 0)
		return bad(j, IMAGE_STAGE_SIGNATURE, "The algorithm is none that notation uses");
	if (!is_string(cbor_map_number(map, LABEL_CONTENT_TYPE), "application/vnd.cncf.notary.payload.v1+json"))
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "The envelope's content is of another type than notation's payload");
	if (!is_string(cbor_map_text(map, SCHEME), "notary.x509"))
		return bad(j, IMAGE_STAGE_SIGNATURE, "The signing scheme is not notary.x509: scheme not built");
	TRY(read_crit(j, map));
	return read_times(j, map, n);
}

static int read_unprotected(struct judgement *j, struct cbor *c, struct notation *n)
{
	struct cbor_map *map = pool_alloc(j->pool, sizeof *map);
	struct cbor_item list, item;

	if (cbor_map_read(c, map) < 0)
		return bad(j, IMAGE_STAGE_SIGNATURE, "The unsigned header is no strict CBOR map");
	const struct cbor *value = cbor_map_number(map, LABEL_X5CHAIN);
	size_t known = (value ? 1U : 0U) + (cbor_map_text(map, "io.cncf.notary.signingAgent") ? 1U : 0U) +
		       (cbor_map_text(map, "io.cncf.notary.timestampSignature") ? 1U : 0U);
	if (!value || known != map->count)
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "The unsigned header lacks the certificates or has a member that hrun does not know");
	struct cbor at = *value;
	if (cbor_next(&at, &list) < 0 || list.type != CBOR_ARRAY || list.value < 1 || list.value > CHAIN_MAX)
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "\"x5chain\" of the envelope is not a list of 1 to 8 certificates");
	for (; n->chain_count < list.value; n->chain_count++) {
		if (cbor_next(&at, &item) < 0 || item.type != CBOR_BYTES)
			return bad(j, IMAGE_STAGE_SIGNATURE,
				   "\"x5chain\" of the envelope holds something else than certificates");
		n->chain[n->chain_count] = item.string;
	}
	return 0;
}

static void put(unsigned char **at, const void *bytes, size_t size)
{
	memcpy(*at, bytes, size);
	*at += size;
}

/* A byte string with its head, in the shortest form. */
static void put_bytes(unsigned char **at, struct blob string)
{
	unsigned char head[5] = {0x5a, (unsigned char)(string.size >> 24), (unsigned char)(string.size >> 16),
				 (unsigned char)(string.size >> 8), (unsigned char)string.size};
	/* How many bytes of the length are left out. */
	size_t left_out = string.size < 24 ? 4 : string.size < 0x100 ? 3 : string.size < 0x10000 ? 2 : 0;

	head[left_out] = (unsigned char)(left_out == 4	 ? 0x40 | string.size
					 : left_out == 3 ? 0x58
					 : left_out == 2 ? 0x59
							 : 0x5a);
	put(at, head + left_out, sizeof head - left_out);
	put(at, string.bytes, string.size);
}

/* What COSE signs: ["Signature1", protected header as it came, h'', payload]. */
static struct blob signed_structure(struct pool *pool, struct blob header, struct blob payload)
{
	static const char start[] = "\x84\x6aSignature1";
	unsigned char *bytes = pool_alloc(pool, sizeof start + header.size + payload.size + 16), *at = bytes;

	put(&at, start, sizeof start - 1);
	put_bytes(&at, header);
	put_bytes(&at, (struct blob){.bytes = bytes, .size = 0});
	put_bytes(&at, payload);
	return (struct blob){.bytes = bytes, .size = (size_t)(at - bytes)};
}

static int next_bytes(struct judgement *j, struct cbor *c, const char *what, struct blob *ret_bytes)
{
	struct cbor_item item;

	if (cbor_next(c, &item) < 0 || item.type != CBOR_BYTES || item.string.size == 0)
		return bad(j, IMAGE_STAGE_SIGNATURE, "The envelope's %s is no byte string", what);
	*ret_bytes = item.string;
	return 0;
}

int notation_cose_check(struct judgement *j)
{
	struct blob envelope = j->candidate->blob, header = {0};
	struct cbor c = {envelope.bytes, envelope.bytes + envelope.size};
	struct cbor_item item;
	struct notation n = {0};

	if (cbor_next(&c, &item) < 0 || item.type != CBOR_TAG || item.value != 18 || cbor_next(&c, &item) < 0 ||
	    item.type != CBOR_ARRAY || item.value != 4)
		return bad(j, IMAGE_STAGE_SIGNATURE, "It is no COSE_Sign1 envelope");
	TRY(next_bytes(j, &c, "signed header", &header));
	TRY(read_protected(j, header, &n));
	TRY(read_unprotected(j, &c, &n));
	TRY(next_bytes(j, &c, "payload", &n.payload));
	TRY(next_bytes(j, &c, "signature", &n.signature));
	if (c.at != c.end)
		return bad(j, IMAGE_STAGE_SIGNATURE, "There is something behind the envelope's end");
	n.message = signed_structure(j->pool, header, n.payload);
	return notation_check(j, &n);
}
