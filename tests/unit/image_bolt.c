/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_bolt.c - pages written out by hand: which state of a database counts, and what lies in a page twice or without end.
 */
#include "../../libexec/hrun-image/bolt.h"
#include "check.h"
#include <errno.h>
#include <hrun/fd.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIZE = 1 << 16, HEAD = 16, LEAF = 2, META = 4, BUCKET = 1 };

static unsigned char file[SIZE];
static struct pool pool;

static void put(size_t at, uint64_t value, size_t size)
{
	memcpy(file + at, &value, size);
}

/* The head of a page at byte AT. */
static void put_page(size_t at, uint64_t id, unsigned int flags, unsigned int count)
{
	put(at, id, 8);
	put(at + 8, flags, 2);
	put(at + 10, count, 2);
	put(at + 12, 0, 4);
}

/* A state: page 3 is the first of all. */
static void put_state(size_t at, uint64_t id, uint32_t page_size, uint64_t pages, uint64_t transaction)
{
	const size_t meta = at + HEAD, summed = 56;
	uint64_t sum = UINT64_C(14695981039346656037);

	put_page(at, id, META, 0);
	put(meta, 0xED0CDAED, 4);
	put(meta + 4, 2, 4);
	put(meta + 8, page_size, 4);
	put(meta + 12, 0, 4);
	put(meta + 16, 3, 8);
	put(meta + 24, 0, 8);
	put(meta + 32, 2, 8);
	put(meta + 40, pages, 8);
	put(meta + 48, transaction, 8);
	for (size_t i = 0; i < summed; i++)
		sum = (sum ^ file[meta + i]) * UINT64_C(1099511628211);
	put(meta + summed, sum, 8);
}

/* Element INDEX of the page at AT: key of one byte and VALUE bytes, POSITION behind the page's beginning. */
static void put_item(size_t at, size_t index, unsigned int flags, size_t position, size_t value)
{
	size_t element = at + HEAD + index * HEAD;

	put(element, flags, 4);
	put(element + 4, at + position - element, 4);
	put(element + 8, 1, 4);
	put(element + 12, value, 4);
	file[at + position] = 'k';
}

/* Two states, and a page with two items. */
static void put_database(uint32_t page_size)
{
	memset(file, 0, sizeof file);
	put_state(0, 0, page_size, 8, 6);
	put_state(page_size, 1, page_size, 8, 7);
	put_page(3 * page_size, 3, LEAF, 2);
	put_item(3 * page_size, 0, 0, 100, 10);
	put_item(3 * page_size, 1, 0, 111, 20);
}

static int count_items(void *context, const struct bolt_item *item)
{
	size_t *count = context;

	*count += item->key_size == 1;
	return 0;
}

/* Opened and walked: how many items there are, or negative. */
static int walk(struct bolt *ret)
{
	size_t count = 0;
	autofd int fd = memfd_create("bolt", MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, file, sizeof file) < 0)
		return -EIO;
	int r = bolt_open(&pool, fd, ret);
	if (r == 0)
		r = bolt_walk(ret, &ret->top, count_items, &count);
	return r < 0 ? r : (int)count;
}

static void states(void)
{
	const uint32_t own = (uint32_t)sysconf(_SC_PAGESIZE);
	struct bolt b;

	for (uint32_t size = 1024; size <= 8192; size *= 2) {
		put_database(size);
		CHECK(walk(&b) == 2 && b.page_size == size && b.transaction == 7, "%u", size);
	}
	/* In a value stands what looks like a later state of larger pages. */
	put_database(own);
	put_state((size_t)2 * own, 1, 2 * own, 4, 99);
	CHECK(walk(&b) == 2 && b.page_size == own && b.transaction == 7);
	/* The same with a damaged first page: the second one is where this machine's pages have it, or nowhere. */
	file[HEAD + 20] ^= 1;
	CHECK(walk(&b) == 2 && b.transaction == 7);
	put_database(own / 2);
	file[HEAD + 20] ^= 1;
	CHECK(walk(&b) == -EBADMSG);
	put_database(own);
	put_state(own, 1, 2 * own, 8, 99);
	CHECK(walk(&b) == 2 && b.transaction == 6);
	/* More pages than the file has. */
	put_database(own);
	put_state(own, 1, own, SIZE / own + 1, 7);
	CHECK(walk(&b) == -EBADMSG);
}

static void items(void)
{
	struct bolt_bucket bucket;
	struct bolt_item item;
	struct bolt b;

	/* The same bytes twice. */
	put_database(4096);
	put_item(3 * 4096, 1, 0, 110, 20);
	CHECK(walk(&b) == -EBADMSG);
	put_database(4096);
	put_item(3 * 4096, 0, 0, 40, 10);
	CHECK(walk(&b) == -EBADMSG);
	/* A bucket in the value of a bucket, and another one in that one's: the first is read, the second is none. */
	put_database(4096);
	put_item(3 * 4096, 1, BUCKET, 111, 16 + 16 + 16 + 64);
	put_page(3 * 4096 + 112 + 16, 0, LEAF, 1);
	put_item(3 * 4096 + 112 + 16, 0, BUCKET, 32, 48);
	put_page(3 * 4096 + 112 + 16 + 33 + 16, 0, LEAF, 0);
	file[3 * 4096 + 111] = 'o';
	CHECK(walk(&b) == 2);
	autofd int fd = memfd_create("bolt", MFD_CLOEXEC);
	CHECK(fd >= 0 && fd_write_all(fd, file, sizeof file) == 0 && bolt_open(&pool, fd, &b) == 0);
	CHECK(bolt_bucket(&b, &b.top, "o", &bucket) == 1 && bucket.root == 0);
	CHECK(bolt_bucket(&b, &bucket, "k", &bucket) == -EBADMSG);
	CHECK(bolt_value(&b, &b.top, "k", &item) == 1 && item.value_size == 10 && !item.is_inside);
}

int main(void)
{
	states();
	items();
	pool_free(&pool);
	return failures != 0;
}
