/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.c - memory that lives as long as the command.
 *
 * Blocks of 16 KiB, bigger ones for bigger objects, zeroed by calloc: most of a
 * block is never touched and so costs no page.
 */
#include <hrun/pool.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_SIZE = 16384, ALIGNMENT = 16 };

struct pool_block {
	struct pool_block *older;
	size_t size, used;
	_Alignas(ALIGNMENT) unsigned char data[];
};

/* Nothing has happened on the machine yet, so ending here is safe. */
static void __attribute__((noreturn)) out_of_memory(void)
{
	static const char text[] = "hrun: out of memory\n";

	if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
		_exit(1);
	_exit(1);
}

static struct pool_block *add_block(struct pool *pool, size_t size)
{
	size_t room = size > BLOCK_SIZE - sizeof(struct pool_block) ? size : BLOCK_SIZE - sizeof(struct pool_block);
	struct pool_block *block = calloc(1, sizeof *block + room);

	if (!block)
		out_of_memory();
	block->size = room;
	block->older = pool->newest;
	pool->newest = block;
	return block;
}

void *pool_alloc(struct pool *pool, size_t size)
{
	struct pool_block *block = pool->newest;

	if (size > PTRDIFF_MAX / 2)
		out_of_memory();
	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (!block || block->size - block->used < size)
		block = add_block(pool, size);
	void *p = block->data + block->used;
	block->used += size;
	return p;
}

char *pool_strndup(struct pool *pool, const char *text, size_t length)
{
	char *copy = pool_alloc(pool, length + 1);

	memcpy(copy, text, length);
	return copy;
}

char *pool_strdup(struct pool *pool, const char *text)
{
	return pool_strndup(pool, text, strlen(text));
}

char *pool_printf(struct pool *pool, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0)
		out_of_memory();
	char *text = pool_alloc(pool, (size_t)n + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)n + 1, format, args);
	va_end(args);
	return text;
}

/* The capacity is not stored: it is 4, then the next power of two of the count. */
static size_t capacity_of(size_t count)
{
	size_t capacity = 4;

	while (capacity < count)
		capacity *= 2;
	return count ? capacity : 0;
}

void *pool_array_grow(struct pool *pool, void *array, size_t *count, size_t element_size)
{
	void **elements = array;

	if (*count == capacity_of(*count)) {
		size_t bytes;
		if (__builtin_mul_overflow(capacity_of(*count + 1), element_size, &bytes))
			out_of_memory();
		void *grown = pool_alloc(pool, bytes);
		if (*count)
			memcpy(grown, *elements, *count * element_size);
		*elements = grown;
	}
	return (unsigned char *)*elements + (*count)++ * element_size;
}

void pool_free(struct pool *pool)
{
	while (pool->newest) {
		struct pool_block *block = pool->newest;
		pool->newest = block->older;
		free(block);
	}
}
