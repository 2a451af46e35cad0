// SPDX-License-Identifier: Apache-2.0
/*
 * names.c - see tree.h.  The hash is SipHash-2-4.
 */
#include "tree.h"
#include <stdlib.h>
#include <string.h>

static uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_rounds(uint64_t v[4], int count)
{
	while (count-- > 0) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_rounds(v, 2);
	v[0] ^= word;
}

uint64_t name_hash(const struct name_key *key, const char *path)
{
	uint64_t v[4] = {key->k0 ^ 0x736f6d6570736575, key->k1 ^ 0x646f72616e646f6d, key->k0 ^ 0x6c7967656e657261,
			 key->k1 ^ 0x7465646279746573};
	size_t size = strlen(path), at = 0;
	uint64_t word = 0;

	for (; at + 8 <= size; at += 8) {
		memcpy(&word, path + at, 8);
		sip_word(v, word);
	}
	word = (uint64_t)size << 56;
	for (size_t i = 0; at + i < size; i++)
		word |= (uint64_t)(unsigned char)path[at + i] << (8 * i);
	sip_word(v, word);
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	word = v[0] ^ v[1] ^ v[2] ^ v[3];
	return word ? word : 1;
}

static struct name_slot *slot_of(const struct name_table *table, uint64_t hash)
{
	size_t i = hash & (table->size - 1);

	while (table->slots[i].hash && table->slots[i].hash != hash)
		i = (i + 1) & (table->size - 1);
	return &table->slots[i];
}

uint32_t *name_find(const struct name_table *table, uint64_t hash)
{
	struct name_slot *slot = table->size ? slot_of(table, hash) : NULL;

	return slot && slot->hash ? &slot->value : NULL;
}

static bool grow(struct name_table *table)
{
	struct name_table larger = {.size = table->size ? 2 * table->size : 1024, .count = table->count};

	larger.slots = calloc(larger.size, sizeof *larger.slots);
	if (!larger.slots)
		return false;
	for (size_t i = 0; i < table->size; i++) {
		if (table->slots[i].hash)
			*slot_of(&larger, table->slots[i].hash) = table->slots[i];
	}
	free(table->slots);
	*table = larger;
	return true;
}

uint32_t *name_add(struct name_table *table, uint64_t hash)
{
	if (2 * (table->count + 1) > table->size && !grow(table))
		return NULL;
	struct name_slot *slot = slot_of(table, hash);
	if (!slot->hash) {
		slot->hash = hash;
		slot->value = 0;
		table->count++;
	}
	return &slot->value;
}

void *tree_grow(void *array, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return array;
	size_t more = *room ? 2 * *room : 256;
	void *larger = reallocarray(array, more, size);
	if (larger)
		*room = more;
	return larger;
}

void name_clear(struct name_table *table)
{
	free(table->slots);
	*table = (struct name_table){NULL, 0, 0};
}
