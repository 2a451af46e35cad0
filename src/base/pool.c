/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.c - memory that lives as long as the command.
 *
 * A small block first, for a pool that serves one function; then mappings of 256 KiB, or more for bigger objects: the
 * kernel gives a page of them when it is touched, zeroed, where calloc(3) would clear and so touch all.
 */
#include <hrun/pool.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FIRST_SIZE = 8192, BLOCK_SIZE = 256 * 1024, ALIGNMENT = 16 };

struct pool_block {
	struct pool_block *older;
	size_t size, used;
	bool mapped;
	_Alignas(ALIGNMENT) unsigned char data[];
};

static int failure_status = 1;

void pool_set_failure_status(int status)
{
	failure_status = status;
}

/* Nothing has happened on the machine yet, so ending here is safe. */
static void __attribute__((noreturn)) out_of_memory(void)
{
	static const char text[] = "hrun: out of memory\n";

	if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
		_exit(failure_status);
	_exit(failure_status);
}

static void *map(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static struct pool_block *add_block(struct pool *pool, size_t size)
{
	bool first = !pool->newest && size <= FIRST_SIZE - sizeof(struct pool_block);
	size_t least = (first ? FIRST_SIZE : BLOCK_SIZE) - sizeof(struct pool_block);
	size_t room = size > least ? size : least;
	struct pool_block *block = first ? calloc(1, FIRST_SIZE) : map(sizeof *block + room);

	if (!block)
		out_of_memory();
	block->mapped = !first;
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

void *pool_alloc_now(struct pool *pool, size_t size)
{
	enum { WORTH_IT = 64 * 1024 };
	unsigned char *p = pool_alloc(pool, size);

	if (size >= WORTH_IT) {
		uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), skip = -(uintptr_t)p & (page - 1);
		/* Where it fails the pages come one by one. */
		madvise(p + skip, (size - skip) & ~(page - 1), MADV_POPULATE_WRITE);
	}
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
	char shorter[256];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(shorter, sizeof shorter, format, args);
	va_end(args);
	if (n < 0)
		out_of_memory();
	char *text = pool_alloc(pool, (size_t)n + 1);
	if ((size_t)n < sizeof shorter)
		return memcpy(text, shorter, (size_t)n + 1);
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
		if (block->mapped)
			munmap(block, sizeof *block + block->size);
		else
			free(block);
	}
}
