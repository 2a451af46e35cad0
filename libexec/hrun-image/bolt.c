/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bolt.c - see bolt.h.
 *
 *     page     id 8, flags 2, count 2, overflow 4 (as many pages more), then COUNT elements
 *     branch   position 4, size of the key 4, page 8
 *     leaf     flags 4 (1: the value is a bucket), position 4, size of the key 4, of the value 4
 *     bucket   first page 8 (0: one page follows here), sequence 8
 *
 * Positions count from their own element; numbers are little-endian, as the machines are on which hrun runs.
 */
#include "bolt.h"
#include <errno.h>
#include <hrun/err.h>
#include <string.h>
#include <unistd.h>

enum {
	HEAD = 16, /* of a page, of an element, of a bucket's value */
	META_SIZE = 64,
	META_SUMMED = 56,
	PAGE_MIN = 1024,
	PAGE_MAX = 65536,
	OVERFLOW_MAX = 4096,
	DEPTH_MAX = 32,
	READ_MAX = 32 << 20,
	IS_BRANCH = 1,
	IS_LEAF = 2,
	IS_BUCKET = 1,
};
static const uint32_t magic = 0xED0CDAED;

static uint64_t number(const unsigned char *at, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, at, size);
	return value;
}

/* ---- the newest state: one of two pages that are written in turns ---- */

/* FNV-1a of 64 bits. */
static uint64_t sum_of(const unsigned char *bytes, size_t size)
{
	uint64_t sum = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ bytes[i]) * UINT64_C(1099511628211);
	return sum;
}

static bool read_state(int fd, uint64_t at, struct bolt *ret)
{
	unsigned char page[HEAD + META_SIZE], *meta = page + HEAD;

	if (pread(fd, page, sizeof page, (off_t)at) != (ssize_t)sizeof page)
		return false;
	uint32_t page_size = (uint32_t)number(meta + 8, 4);
	if (number(meta, 4) != magic || number(meta + 4, 4) != 2 || page_size < PAGE_MIN || page_size > PAGE_MAX ||
	    (page_size & (page_size - 1)) != 0 || (at != 0 && at != page_size) ||
	    number(meta + META_SUMMED, 8) != sum_of(meta, META_SUMMED))
		return false;
	uint64_t transaction = number(meta + 48, 8);
	if (ret->page_size && transaction < ret->transaction)
		return false;
	ret->page_size = page_size;
	ret->transaction = transaction;
	ret->top.root = number(meta + 16, 8);
	ret->pages = number(meta + 40, 8);
	return true;
}

/*
 * How large pages are says the first one; where it is damaged they are the machine's own, as for who made the file.  Nothing else
 * in the file is asked: elsewhere are values, in which anybody may have put what looks like a state.
 */
static bool read_newest(int fd, struct bolt *ret)
{
	off_t size = lseek(fd, 0, SEEK_END);
	bool found = read_state(fd, 0, ret);

	found |= read_state(fd, found ? ret->page_size : (uint64_t)sysconf(_SC_PAGESIZE), ret);
	return found && size > 0 && ret->top.root > 1 && ret->pages <= (uint64_t)size / ret->page_size;
}

int bolt_open(struct pool *pool, int fd, struct bolt *ret)
{
	*ret = (struct bolt){.pool = pool, .fd = fd, .left = READ_MAX};
	return read_newest(fd, ret) ? 0 : -EBADMSG;
}

bool bolt_is_unchanged(const struct bolt *b)
{
	struct bolt now = {0};

	return read_newest(b->fd, &now) && now.transaction == b->transaction;
}

/* ---- pages ---- */

struct page {
	const unsigned char *bytes;
	size_t size, count;
	unsigned int flags;
	bool is_inside; /* a value, not the file */
};

static bool page_of(const unsigned char *bytes, size_t size, struct page *ret)
{
	if (size < HEAD)
		return false;
	*ret = (struct page){bytes, size, number(bytes + 10, 2), (unsigned int)number(bytes + 8, 2), false};
	return (ret->flags == IS_BRANCH || ret->flags == IS_LEAF) && ret->count <= (size - HEAD) / HEAD;
}

static bool read_page(struct bolt *b, uint64_t id, struct page *ret)
{
	unsigned char head[HEAD];
	off_t at = (off_t)(id * b->page_size);

	if (id < 2 || id >= b->pages || pread(b->fd, head, sizeof head, at) != (ssize_t)sizeof head)
		return false;
	uint64_t more = number(head + 12, 4), size = (more + 1) * b->page_size;
	if (number(head, 8) != id || more > OVERFLOW_MAX || size > b->left)
		return false;
	b->left -= size;
	unsigned char *bytes = pool_alloc_now(b->pool, size);
	return pread(b->fd, bytes, size, at) == (ssize_t)size && page_of(bytes, size, ret);
}

/* Items lie one behind the other, the first at *AT or later: none is read twice, whatever their number. */
static bool leaf_item(const struct page *page, size_t i, const unsigned char **at, struct bolt_item *ret)
{
	const unsigned char *element = page->bytes + HEAD + i * HEAD;
	size_t left = page->size - HEAD - i * HEAD, position = number(element + 4, 4);

	*ret = (struct bolt_item){.key_size = number(element + 8, 4),
				  .value_size = number(element + 12, 4),
				  .is_bucket = number(element, 4) == IS_BUCKET,
				  .is_inside = page->is_inside};
	if (position > left || ret->key_size > left - position || ret->value_size > left - position - ret->key_size ||
	    element + position < *at)
		return false;
	ret->key = element + position;
	ret->value = ret->key + ret->key_size;
	*at = ret->value + ret->value_size;
	return true;
}

/* ---- walks ---- */

static int walk_page(struct bolt *b, const struct page *page, unsigned int depth, bolt_visit *visit, void *context)
{
	const unsigned char *at = page->bytes + HEAD + page->count * HEAD;
	struct bolt_item item;
	struct page child;
	int r = 0;

	for (size_t i = 0; i < page->count && r == 0; i++) {
		const unsigned char *element = page->bytes + HEAD + i * HEAD;
		if (page->flags == IS_LEAF)
			r = leaf_item(page, i, &at, &item) ? visit(context, &item) : -EBADMSG;
		else if (depth == DEPTH_MAX || !read_page(b, number(element + 8, 8), &child))
			r = -EBADMSG;
		else
			r = walk_page(b, &child, depth + 1, visit, context);
	}
	return r;
}

int bolt_walk(struct bolt *b, const struct bolt_bucket *bucket, bolt_visit *visit, void *context)
{
	struct page page;

	if (bucket->root ? !read_page(b, bucket->root, &page) : !page_of(bucket->inside, bucket->size, &page))
		return -EBADMSG;
	/* A page in a value has none below it. */
	if (!bucket->root && page.flags != IS_LEAF)
		return -EBADMSG;
	page.is_inside = !bucket->root;
	return walk_page(b, &page, 0, visit, context);
}

struct wanted {
	const char *key;
	struct bolt_item *item;
};

static int match(void *context, const struct bolt_item *item)
{
	const struct wanted *wanted = context;
	size_t size = strlen(wanted->key);

	if (item->key_size != size || memcmp(item->key, wanted->key, size) != 0)
		return 0;
	*wanted->item = *item;
	return 1;
}

int bolt_value(struct bolt *b, const struct bolt_bucket *bucket, const char *key, struct bolt_item *ret)
{
	struct wanted wanted = {key, ret};
	int r = bolt_walk(b, bucket, match, &wanted);

	return r == 1 && ret->is_bucket ? 0 : r;
}

int bolt_bucket_of(const struct bolt_item *item, struct bolt_bucket *ret)
{
	/* A bucket that lies in a value holds none: what looks so would have no depth that ends. */
	if (!item->is_bucket || item->is_inside || item->value_size < HEAD)
		return -EBADMSG;
	*ret = (struct bolt_bucket){.root = number(item->value, 8)};
	if (!ret->root) {
		ret->inside = item->value + HEAD;
		ret->size = item->value_size - HEAD;
	}
	return 0;
}

int bolt_bucket(struct bolt *b, const struct bolt_bucket *bucket, const char *key, struct bolt_bucket *ret)
{
	struct bolt_item item;
	struct wanted wanted = {key, &item};
	int r = bolt_walk(b, bucket, match, &wanted);

	if (r != 1 || !item.is_bucket)
		return r == 1 ? 0 : r;
	TRY(bolt_bucket_of(&item, ret));
	return 1;
}

int bolt_path(struct bolt *b, const char *const *names, struct bolt_bucket *ret)
{
	*ret = b->top;
	for (; *names; names++) {
		struct bolt_bucket above = *ret;
		int r = bolt_bucket(b, &above, *names, ret);
		if (r != 1)
			return r;
	}
	return 1;
}
