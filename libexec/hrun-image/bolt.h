/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bolt.h - a database of containerd (bbolt) read as it lies there: buckets in buckets, each a tree of pages.
 *
 * Whoever writes it holds a lock that a reader need not wait for: pages are never changed where they are in use, only written
 * anew, and what one transaction gave up is used again by the one after the next.  So what was read is of one state if the
 * newest transaction is the same before and after (bolt_is_unchanged).
 */
#ifndef HRUN_IMAGE_BOLT_H
#define HRUN_IMAGE_BOLT_H

#include <hrun/pool.h>
#include <stdbool.h>
#include <stdint.h>

struct bolt_bucket {
	uint64_t root;		     /* its first page, or 0: */
	const unsigned char *inside; /* the page lies in the value, SIZE bytes */
	size_t size;
};

struct bolt {
	struct pool *pool; /* keys and values stay as long as it does */
	int fd;		   /* borrowed */
	uint32_t page_size;
	uint64_t pages, transaction;
	struct bolt_bucket top;
	uint64_t left; /* bytes that may still be read */
};

struct bolt_item {
	const unsigned char *key, *value;
	size_t key_size, value_size;
	bool is_bucket, is_inside; /* of a bucket that lies in a value */
};

/* The newest state of the file FD.  0 or -EBADMSG: it is no such database. */
int bolt_open(struct pool *pool, int fd, struct bolt *ret);

/* Has nothing been written since bolt_open? */
bool bolt_is_unchanged(const struct bolt *b);

/* What is given one item after the other.  0: the next one; anything else ends the walk. */
typedef int bolt_visit(void *context, const struct bolt_item *item);

/* Every item of BUCKET in the order of its keys: 0, what VISIT ended with, or -EBADMSG (damaged, or more than is read of a file). */
int bolt_walk(struct bolt *b, const struct bolt_bucket *bucket, bolt_visit *visit, void *context);

/* The value of KEY in BUCKET: 1; 0: there is none; or -EBADMSG. */
int bolt_value(struct bolt *b, const struct bolt_bucket *bucket, const char *key, struct bolt_item *ret);

/* The same for the bucket KEY. */
int bolt_bucket(struct bolt *b, const struct bolt_bucket *bucket, const char *key, struct bolt_bucket *ret);
/* The bucket in which the last of NAMES is, each in the one before; NULL at their end. */
int bolt_path(struct bolt *b, const char *const *names, struct bolt_bucket *ret);
int bolt_bucket_of(const struct bolt_item *item, struct bolt_bucket *ret);

#endif
