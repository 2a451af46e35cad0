// SPDX-License-Identifier: Apache-2.0
/*
 * image_hasher.c - a digest by a thread is the digest of the bytes as they were given, whoever is faster; the thread can be had
 * behind hrun-image's filter, and a thread that cannot be had is done without.
 */
#include "../../libexec/hrun-image/hasher.h"
#include "../../libexec/hrun-image/image.h"
#include "check.h"
#include "child.h"
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { SIZE = 128 << 10, ROUNDS = 300 };

static unsigned char buffers[HASHER_JOBS][SIZE];

/* Each buffer is written anew as soon as it may be: far faster than it is hashed. */
static void feed(struct hasher *h, struct sha256 *all)
{
	for (int i = 0; i < ROUNDS; i++) {
		size_t size = i % 7 ? SIZE : SIZE - (size_t)(i * 100);
		hasher_make_room(h);
		memset(buffers[i % HASHER_JOBS], i, size);
		hasher_add(h, buffers[i % HASHER_JOBS], size);
		if (!all)
			continue;
		static unsigned char copy[SIZE];
		memset(copy, i, size);
		sha256_add(all, copy, size);
	}
}

static void test_digest(bool threaded)
{
	unsigned char expected[SHA256_SIZE], found[SHA256_SIZE];
	struct sha256 all;
	struct hasher h = {0};

	/* First the whole, so that nothing slows the second feeding. */
	sha256_init(&all);
	hasher_start(&h, false);
	feed(&h, &all);
	sha256_end(&all, expected);
	hasher_end(&h, found);
	CHECK(memcmp(found, expected, sizeof found) == 0);

	hasher_start(&h, threaded);
	CHECK(h.threaded == threaded);
	feed(&h, NULL);
	hasher_end(&h, found);
	CHECK(memcmp(found, expected, sizeof found) == 0, "threaded: %d", threaded);
	hasher_stop(&h);
}

static void test_nothing(void)
{
	static const unsigned char empty[] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
					      0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
					      0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55};
	unsigned char found[SHA256_SIZE];
	struct hasher h = {0};

	hasher_stop(&h); /* never begun */
	hasher_start(&h, true);
	hasher_end(&h, found);
	CHECK(memcmp(found, empty, sizeof found) == 0);
	/* Who gives up in the middle leaves no thread behind. */
	hasher_start(&h, true);
	hasher_add(&h, buffers[0], SIZE);
	hasher_stop(&h);
	CHECK(!h.threaded);
}

#ifndef __SANITIZE_ADDRESS__ /* its run-time library maps what it likes, and opens files */
static void behind_the_filter(void)
{
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && filter_load() == 0);
	test_digest(true);
}

/* No room for a stack: there is no thread, and the same digest. */
static void without_room(void)
{
	const struct rlimit none = {0, 0};
	unsigned char expected[SHA256_SIZE], found[SHA256_SIZE];
	struct hasher h = {0};

	sha256_init(&h.hash);
	sha256_add(&h.hash, buffers[0], SIZE);
	sha256_end(&h.hash, expected);
	CHECK(setrlimit(RLIMIT_AS, &none) == 0);
	hasher_start(&h, true);
	CHECK(!h.threaded);
	hasher_make_room(&h);
	hasher_add(&h, buffers[0], SIZE);
	hasher_end(&h, found);
	CHECK(memcmp(found, expected, sizeof found) == 0);
}
#endif

int main(void)
{
#ifndef __SANITIZE_ADDRESS__
	in_child(without_room); /* first: the stack of a thread that has ended is kept for the next */
	in_child(behind_the_filter);
#endif
	test_nothing();
	test_digest(false);
	test_digest(true);
	return failures != 0;
}
