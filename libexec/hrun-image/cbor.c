/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cbor.c - CBOR (RFC 8949) in its shortest form only, so that one value has one encoding.
 *
 * No indefinite lengths, no floats, no undefined; equal keys of a map are refused, which then is comparing bytes.
 */
#include "signature.h"
#include <errno.h>
#include <hrun/str.h>

/* The argument of a head: its value must need the bytes that it takes. */
static int read_argument(struct cbor *c, unsigned int info, uint64_t *ret_value)
{
	static const uint64_t least[] = {24, 1 << 8, 1 << 16, 1ULL << 32};

	*ret_value = info;
	if (info < 24)
		return 0;
	if (info > 27)
		return -EINVAL;
	size_t width = (size_t)1 << (info - 24);
	if ((size_t)(c->end - c->at) < width)
		return -EINVAL;
	uint64_t value = 0;
	for (size_t i = 0; i < width; i++)
		value = value << 8 | *c->at++;
	*ret_value = value;
	return value < least[info - 24] ? -EINVAL : 0;
}

/* Well-formed UTF-8 without NUL: no overlong form, no surrogate, nothing above U+10FFFF. */
static bool is_text(struct blob string)
{
	for (size_t i = 0; i < string.size;) {
		unsigned char lead = string.bytes[i++];
		unsigned int more = lead < 0x80 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
		uint32_t point = more ? lead & (0x3fU >> more) : lead;
		static const uint32_t least[] = {1, 0x80, 0x800, 0x10000};
		if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || string.size - i < more)
			return false;
		for (unsigned int k = 0; k < more; k++, i++) {
			if ((string.bytes[i] & 0xc0) != 0x80)
				return false;
			point = point << 6 | (string.bytes[i] & 0x3fU);
		}
		if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
			return false;
	}
	return true;
}

int cbor_next(struct cbor *c, struct cbor_item *ret_item)
{
	*ret_item = (struct cbor_item){0};
	if (c->at == c->end)
		return -EINVAL;
	unsigned char head = *c->at++;
	ret_item->type = (enum cbor_type)(head >> 5);
	TRY(read_argument(c, head & 31, &ret_item->value));
	if (ret_item->type == CBOR_SIMPLE)
		return ret_item->value >= 20 && ret_item->value <= 22 && (head & 31) < 24
			       ? 0
			       : -EINVAL; /* false, true, null */
	if (ret_item->type == CBOR_BYTES || ret_item->type == CBOR_TEXT) {
		if (ret_item->value > (uint64_t)(c->end - c->at))
			return -EINVAL;
		ret_item->string = (struct blob){.bytes = c->at, .size = (size_t)ret_item->value};
		c->at += ret_item->value;
	}
	return ret_item->type == CBOR_TEXT && !is_text(ret_item->string) ? -EINVAL : 0;
}

static bool same_bytes(const struct cbor *a, const struct cbor *b)
{
	return a->end - a->at == b->end - b->at && memcmp(a->at, b->at, (size_t)(a->end - a->at)) == 0;
}

static int skip_map(struct cbor *c, uint64_t count, unsigned int depth)
{
	struct cbor keys[CBOR_MAP_MAX];

	if (count > CBOR_MAP_MAX)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		keys[i].at = c->at;
		TRY(cbor_skip(c, depth));
		keys[i].end = c->at;
		for (size_t k = 0; k < i; k++) {
			if (same_bytes(&keys[i], &keys[k]))
				return -EINVAL;
		}
		TRY(cbor_skip(c, depth));
	}
	return 0;
}

int cbor_skip(struct cbor *c, unsigned int depth)
{
	struct cbor_item item;

	if (depth == 0)
		return -EINVAL;
	TRY(cbor_next(c, &item));
	if (item.type == CBOR_TAG)
		return cbor_skip(c, depth - 1);
	if (item.type == CBOR_MAP)
		return skip_map(c, item.value, depth - 1);
	if (item.type == CBOR_ARRAY) {
		/* (Each element takes a byte at least: a count that is too large ends with the bytes.) */
		for (uint64_t i = 0; i < item.value; i++)
			TRY(cbor_skip(c, depth - 1));
	}
	return 0;
}

int cbor_map_read(struct cbor *c, struct cbor_map *ret_map)
{
	struct cbor whole = *c;
	struct cbor_item item;

	TRY(cbor_skip(&whole, CBOR_MAX_DEPTH)); /* keys differ, everything is well-formed */
	TRY(cbor_next(c, &item));
	if (item.type != CBOR_MAP)
		return -EINVAL;
	*ret_map = (struct cbor_map){.count = (size_t)item.value};
	for (size_t i = 0; i < ret_map->count; i++) {
		TRY(cbor_next(c, &ret_map->entries[i].key));
		if (ret_map->entries[i].key.type != CBOR_TEXT && ret_map->entries[i].key.type > CBOR_NEGATIVE)
			return -EINVAL;
		ret_map->entries[i].value.at = c->at;
		TRY(cbor_skip(c, CBOR_MAX_DEPTH));
		ret_map->entries[i].value.end = c->at;
	}
	return 0;
}

const struct cbor *cbor_map_number(const struct cbor_map *map, uint64_t key)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct cbor_item *have = &map->entries[i].key;
		if (have->type == CBOR_UNSIGNED && have->value == key)
			return &map->entries[i].value;
	}
	return NULL;
}

const struct cbor *cbor_map_text(const struct cbor_map *map, const char *key)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct cbor_item *have = &map->entries[i].key;
		if (have->type == CBOR_TEXT && have->string.size == strlen(key) &&
		    memcmp(have->string.bytes, key, have->string.size) == 0)
			return &map->entries[i].value;
	}
	return NULL;
}
