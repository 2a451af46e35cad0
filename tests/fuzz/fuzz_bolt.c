// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_bolt.c - any pages as a database of containerd: every item of every bucket lies in what was read, and the work has an end.
 *
 * The sums of the two heads are made right, so that what they say is believed.
 */
#include "../../libexec/hrun-image/bolt.h"
#include <errno.h>
#include <hrun/fd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_MAX_READ = 1 << 18, DEPTH = 6, ITEMS_MAX = 20000, HEAD_AT = 16, SUMMED = 56 };

struct walk {
	struct bolt *b;
	unsigned int depth, items;
	unsigned char sum;
};

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static int visit(void *context, const struct bolt_item *item)
{
	struct walk *walk = context;
	struct bolt_bucket bucket;
	int r = 0;

	for (size_t i = 0; i < item->key_size; i++)
		walk->sum = (unsigned char)(walk->sum + item->key[i]);
	for (size_t i = 0; i < item->value_size; i++)
		walk->sum = (unsigned char)(walk->sum + item->value[i]);
	if (++walk->items > ITEMS_MAX)
		return -E2BIG;
	expect(!item->is_inside || bolt_bucket_of(item, &bucket) < 0);
	if (!item->is_bucket || walk->depth == DEPTH || bolt_bucket_of(item, &bucket) < 0)
		return 0;
	walk->depth++;
	r = bolt_walk(walk->b, &bucket, visit, walk);
	walk->depth--;
	return r;
}

static void make_sum(unsigned char *pages, size_t size, size_t at)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	if (at + HEAD_AT + SUMMED + sizeof sum > size)
		return;
	for (size_t i = 0; i < SUMMED; i++) {
		sum ^= pages[at + HEAD_AT + i];
		sum *= UINT64_C(0x100000001b3);
	}
	memcpy(pages + at + HEAD_AT + SUMMED, &sum, sizeof sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pool pool = {0};
	struct bolt_item item;
	uint32_t page_size = 0;
	struct bolt b;

	if (size > SIZE_MAX_READ || size < HEAD_AT + SUMMED)
		return 0;
	unsigned char *pages = malloc(size);
	expect(pages != NULL);
	memcpy(pages, data, size);
	memcpy(&page_size, pages + HEAD_AT + 8, sizeof page_size);
	make_sum(pages, size, 0);
	make_sum(pages, size, page_size);
	autofd int fd = memfd_create("bolt", MFD_CLOEXEC);
	expect(fd >= 0 && fd_write_all(fd, pages, size) == 0);
	free(pages);
	if (bolt_open(&pool, fd, &b) == 0) {
		struct walk walk = {.b = &b};
		expect(bolt_is_unchanged(&b));
		int r = bolt_walk(&b, &b.top, visit, &walk);
		expect(r == 0 || r == -EBADMSG || r == -E2BIG);
		r = bolt_value(&b, &b.top, "v1", &item);
		expect(r == 0 || r == 1 || r == -EBADMSG);
	}
	pool_free(&pool);
	return 0;
}
