// SPDX-License-Identifier: Apache-2.0
/*
 * image_ahead.c - chunks come whole and in order, whoever is faster; what the reader has is not filled again; the last one stays;
 * the thread ends whenever the reader does, can be had behind hrun-image's filter, and is done without where it cannot be had.
 */
#include "../../libexec/hrun-image/ahead.h"
#include "../../libexec/hrun-image/image.h"
#include "check.h"
#include "child.h"
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SIZE = 16 << 10, CHUNKS = 500 };

static unsigned char memory[AHEAD_CHUNKS * SIZE];

struct source {
	uint64_t chunks; /* then LAST */
	ssize_t last;
	bool slow;
	_Atomic uint64_t filled;
};

static void nap(void)
{
	usleep(2000);
}

static void fill(void *context, struct ahead_chunk *chunk)
{
	struct source *s = context;
	uint64_t number = s->filled;

	if (s->slow && number % 50 == 0)
		nap();
	chunk->in_total = number;
	chunk->size = number < s->chunks ? SIZE - (ssize_t)(number % 3) : s->last;
	if (number < s->chunks)
		memset(chunk->bytes, (int)(number % 251), (size_t)chunk->size);
	s->filled = number + 1;
}

static bool is_number(const struct ahead_chunk *chunk, uint64_t number)
{
	size_t size = SIZE - (size_t)(number % 3);

	return chunk->in_total == number && chunk->size == (ssize_t)size && chunk->bytes[0] == number % 251 &&
	       memcmp(chunk->bytes, chunk->bytes + 1, size - 1) == 0;
}

static void read_all(size_t count, bool threaded, bool slow_source, bool slow_reader, ssize_t last)
{
	struct source source = {.chunks = CHUNKS, .last = last, .slow = slow_source};
	struct ahead a;
	int wrong = 0, too_far = 0;

	ahead_start(&a, memory, SIZE, count, fill, &source);
	CHECK(a.threaded == threaded);
	for (uint64_t i = 0; i < CHUNKS; i++) {
		const struct ahead_chunk *chunk = ahead_take(&a);
		if (slow_reader && i % 50 == 0)
			nap();
		/* The reader has one chunk, and released those before it. */
		too_far += source.filled > i + (threaded ? AHEAD_CHUNKS : 1);
		wrong += !is_number(chunk, i);
	}
	CHECK(wrong == 0 && too_far == 0, "%d wrong, %d too far ahead; threaded: %d", wrong, too_far, threaded);
	for (int i = 0; i < 3; i++)
		CHECK(ahead_take(&a)->size == last && source.filled == CHUNKS + 1);
	ahead_stop(&a);
	ahead_stop(&a);
	CHECK(!a.threaded);
}

/* Who gives up leaves no thread behind: before anything, in the middle, while it waits for room. */
static void give_up(void)
{
	struct ahead a = {0};

	ahead_stop(&a); /* never begun */
	for (uint64_t taken = 0; taken < 2 * AHEAD_CHUNKS; taken++) {
		struct source source = {.chunks = UINT64_MAX};
		ahead_start(&a, memory, SIZE, AHEAD_CHUNKS, fill, &source);
		for (uint64_t i = 0; i < taken; i++)
			CHECK(is_number(ahead_take(&a), i));
		if (taken % 2)
			nap();
		ahead_stop(&a);
		CHECK(!a.threaded);
		CHECK(source.filled <= taken + AHEAD_CHUNKS);
	}
}

static void all_ways(void)
{
	for (int slow = 0; slow < 4; slow++)
		read_all(AHEAD_CHUNKS, true, slow & 1, slow & 2, slow & 1 ? 0 : -EBADMSG);
}

#ifndef __SANITIZE_ADDRESS__ /* its run-time library maps what it likes, and opens files */
static void behind_the_filter(void)
{
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && filter_load() == 0);
	all_ways();
}

/* No room for a stack: there is no thread, and the same chunks. */
static void without_room(void)
{
	const struct rlimit none = {0, 0};

	CHECK(setrlimit(RLIMIT_AS, &none) == 0);
	read_all(AHEAD_CHUNKS, false, false, false, 0);
}
#endif

int main(void)
{
#ifndef __SANITIZE_ADDRESS__
	in_child(without_room); /* first: the stack of a thread that has ended is kept for the next */
	in_child(behind_the_filter);
#endif
	read_all(1, false, false, false, 0);
	read_all(1, false, false, false, -EBADMSG);
	all_ways();
	give_up();
	return failures != 0;
}
