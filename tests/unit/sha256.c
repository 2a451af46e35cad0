/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NIST's examples of FIPS 180-4, and every split of one message.
 */
#include <hrun/sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void check(const char *what, struct sha256 *hash, const char *expected)
{
	unsigned char digest[SHA256_SIZE];
	char text[2 * SHA256_SIZE + 1];

	sha256_end(hash, digest);
	sha256_hex(digest, text);
	if (strcmp(text, expected) != 0) {
		printf("%s: got %s, expected %s\n", what, text, expected);
		failures++;
	}
}

static void check_text(const char *message, const char *expected)
{
	for (size_t split = 0; split <= strlen(message); split++) {
		struct sha256 hash;
		sha256_init(&hash);
		sha256_add(&hash, message, split);
		sha256_add(&hash, message + split, strlen(message) - split);
		check(message, &hash, expected);
	}
}

static void test(void)
{
	static char a[1000];
	struct sha256 hash;

	check_text("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check_text("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		   "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	check_text("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
		   "mnopqrstnopqrstu",
		   "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
	memset(a, 'a', sizeof a);
	sha256_init(&hash);
	for (int i = 0; i < 1000; i++)
		sha256_add(&hash, a, sizeof a);
	check("a million a", &hash, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* As the processor does it, and as C does it. */
int main(void)
{
	test();
	sha256_set_plain(true);
	test();
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
