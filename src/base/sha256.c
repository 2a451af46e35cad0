/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256.c - SHA-256 (FIPS 180-4), the straightforward way; sha256_x86.c where the processor knows it.
 */
#include <hrun/sha256.h>
#include <string.h>

/* 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes */
static const uint32_t k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotr(uint32_t x, unsigned int n)
{
	return x >> n | x << (32 - n);
}

static uint32_t load_be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_be32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (24 - 8 * i));
}

/* 6.2.2, step 1 */
static void schedule(const unsigned char *block, uint32_t w[64])
{
	for (int t = 0; t < 16; t++)
		w[t] = load_be32(block + 4 * t);
	for (int t = 16; t < 64; t++) {
		uint32_t s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
		uint32_t s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10;
		w[t] = s1 + w[t - 7] + s0 + w[t - 16];
	}
}

/*
 * Eight rounds of 6.2.2, step 3; v is a to h.  Instead of moving all eight on by one, a moves back by one each round:
 * unrolled, the indices are constants and v stays in registers.
 */
static inline void eight_rounds(uint32_t v[8], const uint32_t *constant, const uint32_t *w)
{
#define V(i) v[((i)-round) & 7]
#pragma GCC unroll 8
	for (int round = 0; round < 8; round++) {
		uint32_t s1 = rotr(V(4), 6) ^ rotr(V(4), 11) ^ rotr(V(4), 25);
		uint32_t ch = (V(4) & V(5)) ^ (~V(4) & V(6));
		uint32_t t1 = V(7) + s1 + ch + constant[round] + w[round];
		uint32_t s0 = rotr(V(0), 2) ^ rotr(V(0), 13) ^ rotr(V(0), 22);
		uint32_t maj = (V(0) & V(1)) ^ (V(0) & V(2)) ^ (V(1) & V(2));
		V(3) += t1;
		V(7) = t1 + s0 + maj;
	}
#undef V
}

/* 6.2.2, steps 2 to 4 */
static void compress(uint32_t state[8], const unsigned char *block)
{
	uint32_t w[64] = {0}, v[8]; /* zeroed for gcc's analyzer, which loses count in schedule() */

	schedule(block, w);
	memcpy(v, state, sizeof v);
	for (int t = 0; t < 64; t += 8)
		eight_rounds(v, k + t, w + t);
	for (int i = 0; i < 8; i++)
		state[i] += v[i];
}

static bool plain;

void sha256_set_plain(bool plain_)
{
	plain = plain_;
}

void sha256_init(struct sha256 *hash)
{
	/* 5.3.3: square roots of the first eight primes */
	static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	memcpy(hash->state, start, sizeof start);
	hash->length = 0;
}

void sha256_add(struct sha256 *hash, const void *data, size_t size)
{
	const unsigned char *p = data;

	/* Whole blocks as they lie, where the processor does them. */
	if (hash->length % SHA256_BLOCK == 0 && size >= SHA256_BLOCK && !plain && sha256_has_instructions()) {
		size_t blocks = size / SHA256_BLOCK;
		sha256_blocks(hash->state, p, blocks, k);
		hash->length += blocks * SHA256_BLOCK;
		p += blocks * SHA256_BLOCK;
		size -= blocks * SHA256_BLOCK;
	}
	while (size) {
		size_t used = hash->length % SHA256_BLOCK;
		size_t n = SHA256_BLOCK - used < size ? SHA256_BLOCK - used : size;
		memcpy(hash->block + used, p, n);
		hash->length += n;
		p += n;
		size -= n;
		if (used + n == SHA256_BLOCK)
			compress(hash->state, hash->block);
	}
}

void sha256_end(struct sha256 *hash, unsigned char digest[SHA256_SIZE])
{
	static const unsigned char padding[SHA256_BLOCK] = {0x80};
	uint64_t bits = hash->length * 8;
	size_t used = hash->length % SHA256_BLOCK;
	unsigned char tail[8];

	sha256_add(hash, padding, used < 56 ? 56 - used : 120 - used);
	store_be32(tail, (uint32_t)(bits >> 32));
	store_be32(tail + 4, (uint32_t)bits);
	sha256_add(hash, tail, sizeof tail);
	for (int i = 0; i < 8; i++)
		store_be32(digest + 4 * i, hash->state[i]);
}

void sha256_hex(const unsigned char digest[SHA256_SIZE], char text[2 * SHA256_SIZE + 1])
{
	for (int i = 0; i < SHA256_SIZE; i++) {
		text[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		text[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	text[2 * SHA256_SIZE] = '\0';
}
