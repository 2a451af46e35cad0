/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256_x86.c - the rounds of SHA-256 by the processor's own instructions, where it has them.
 *
 * A state is held as two vectors, ABEF and CDGH, as sha256rnds2 wants it; a vector of four message words is made from
 * the four before it by sha256msg1 and sha256msg2.
 */
#include <hrun/sha256.h>

#if defined(__x86_64__) && __has_include(<sys/platform/x86.h>)
#include <immintrin.h>
#include <sys/platform/x86.h>

/* As the C library has found it when it began: each CPUID is a trap in a virtual machine, and costs more than the digest. */
bool sha256_has_instructions(void)
{
	return CPU_FEATURE_ACTIVE(SHA) && CPU_FEATURE_ACTIVE(SSE4_1) && CPU_FEATURE_ACTIVE(SSSE3);
}

__attribute__((target("sha,sse4.1"))) void sha256_blocks(uint32_t state[8], const unsigned char *data, size_t count,
							 const uint32_t k[64])
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)state), 0xb1);
	__m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)(state + 4)), 0x1b);
	__m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xf0);

	for (; count; count--, data += SHA256_BLOCK) {
		const __m128i abef_before = abef, cdgh_before = cdgh;
		__m128i w[4];
#pragma GCC unroll 16
		for (int i = 0; i < 16; i++) {
			__m128i *now = &w[i & 3];
			if (i < 4) {
				*now = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(data + 16 * i)),
							swap);
			} else {
				__m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(*now, w[(i + 1) & 3]),
							    _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4));
				*now = _mm_sha256msg2_epu32(sum, w[(i + 3) & 3]);
			}
			__m128i wk = _mm_add_epi32(*now, _mm_loadu_si128((const __m128i *)(const void *)(k + 4 * i)));
			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
			abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0e));
		}
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}
	low = _mm_shuffle_epi32(abef, 0x1b);
	high = _mm_shuffle_epi32(cdgh, 0xb1);
	_mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(low, high, 0xf0));
	_mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(high, low, 8));
}
#else
bool sha256_has_instructions(void)
{
	return false;
}

void sha256_blocks(uint32_t state[8], const unsigned char *data, size_t count, const uint32_t k[64])
{
	(void)state, (void)data, (void)count, (void)k;
}
#endif
