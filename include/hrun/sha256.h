/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256.h - SHA-256 (FIPS 180-4).
 */
#ifndef HRUN_SHA256_H
#define HRUN_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32, SHA256_BLOCK = 64 };

struct sha256 {
	uint32_t state[8];
	uint64_t length; /* bytes so far */
	unsigned char block[SHA256_BLOCK];
};

void sha256_init(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t size);
void sha256_end(struct sha256 *hash, unsigned char digest[SHA256_SIZE]);

/* sha256_x86.c: has the processor instructions for it?  Then COUNT blocks of DATA go into STATE; K is the table of constants. */
bool sha256_has_instructions(void);
void sha256_blocks(uint32_t state[8], const unsigned char *data, size_t count, const uint32_t k[64]);
/* For tests: from now on as on a processor without (PLAIN), or as it is. */
void sha256_set_plain(bool plain);

/* 64 lower-case hex digits and a NUL. */
void sha256_hex(const unsigned char digest[SHA256_SIZE], char text[2 * SHA256_SIZE + 1]);

#endif
