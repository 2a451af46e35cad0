/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - memory that lives as long as the command.
 *
 * Everything left of the line (reading, judging, planning) allocates from one
 * pool and never frees a single object.  Running out of memory there ends the
 * program with status 1: nothing has happened on the machine yet.  sandbox/
 * does not allocate.
 */
#ifndef HRUN_POOL_H
#define HRUN_POOL_H

#include <stddef.h>

struct pool_block;
struct pool {
	struct pool_block *newest;
};

/* Zeroed memory of SIZE bytes, aligned for any type.  Never NULL. */
void *pool_alloc(struct pool *pool, size_t size) __attribute__((malloc, returns_nonnull));

/* The same for memory that will all be written soon: the kernel gives many pages at once, which is half the price. */
void *pool_alloc_now(struct pool *pool, size_t size) __attribute__((malloc, returns_nonnull));

/* Copies of strings; pool_strndup copies exactly LENGTH bytes and terminates them. */
char *pool_strdup(struct pool *pool, const char *text) __attribute__((returns_nonnull));
char *pool_strndup(struct pool *pool, const char *text, size_t length) __attribute__((returns_nonnull));
char *pool_printf(struct pool *pool, const char *format, ...) __attribute__((returns_nonnull, format(printf, 2, 3)));

/*
 * Append one zeroed element to the array at *array that has *count elements of
 * element_size bytes; returns the new element.  Addresses of older elements
 * change.  Use the macro.
 */
void *pool_array_grow(struct pool *pool, void *array, size_t *count, size_t element_size)
	__attribute__((returns_nonnull));
#define pool_array_add(pool, array, count) \
	((__typeof__(*(array)) *)pool_array_grow((pool), &(array), &(count), sizeof *(array)))

/* With which exit status the program ends where there is no memory; 1 until then. */
void pool_set_failure_status(int status);

/* Give all memory back; the pool can be used again. */
void pool_free(struct pool *pool);

#endif
