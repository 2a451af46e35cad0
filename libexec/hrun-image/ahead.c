// SPDX-License-Identifier: Apache-2.0
/*
 * ahead.c - see ahead.h.
 */
#include "ahead.h"

/*
 * Who has to wait waits for half of the chunks at once: going to sleep and waking up cost more than a chunk.  Never both: one waits
 * where all are full, the other where none is.
 */
enum { STACK = 256 << 10, HALF = AHEAD_CHUNKS / 2 };

static void *work(void *context)
{
	struct ahead *a = context;

	pthread_mutex_lock(&a->lock);
	while (!a->ended && !a->stop) {
#ifndef HRUN_MUTANT_AHEAD_ROOM
		if (a->filled - a->released >= AHEAD_CHUNKS) {
			while (a->filled - a->released > HALF && !a->stop)
				pthread_cond_wait(&a->released_more, &a->lock);
			continue;
		}
#endif
		struct ahead_chunk *chunk = &a->chunks[a->filled % AHEAD_CHUNKS];
		pthread_mutex_unlock(&a->lock);
		a->fill(a->context, chunk);
		pthread_mutex_lock(&a->lock);
		a->filled++;
		a->ended = chunk->size <= 0;
		if (a->filled - a->released >= HALF || a->ended)
			pthread_cond_signal(&a->filled_more);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

void ahead_start(struct ahead *a, unsigned char *memory, size_t size, size_t count, ahead_fill *fill, void *context)
{
	pthread_attr_t attributes;

	*a = (struct ahead){.fill = fill, .context = context, .count = count};
	for (size_t i = 0; i < count; i++)
		a->chunks[i].bytes = memory + i * size;
	if (count != AHEAD_CHUNKS || pthread_attr_init(&attributes) != 0)
		return;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->filled_more, NULL);
	pthread_cond_init(&a->released_more, NULL);
	a->threaded = pthread_attr_setstacksize(&attributes, STACK) == 0 &&
		      pthread_create(&a->thread, &attributes, work, a) == 0;
	pthread_attr_destroy(&attributes);
}

/* Chunk number a->taken is full afterwards. */
static void await_chunk(struct ahead *a)
{
	pthread_mutex_lock(&a->lock);
	a->released = a->taken;
	if (a->filled - a->released == HALF)
		pthread_cond_signal(&a->released_more);
	if (a->filled == a->released) {
		while (a->filled - a->released < HALF && !a->ended)
			pthread_cond_wait(&a->filled_more, &a->lock);
	}
	pthread_mutex_unlock(&a->lock);
}

const struct ahead_chunk *ahead_take(struct ahead *a)
{
	if (a->taken > 0 && a->chunks[(a->taken - 1) % a->count].size <= 0)
		return &a->chunks[(a->taken - 1) % a->count];
	struct ahead_chunk *chunk = &a->chunks[a->taken % a->count];
	if (a->threaded)
		await_chunk(a);
	else
		a->fill(a->context, chunk);
	a->taken++;
	return chunk;
}

void ahead_stop(struct ahead *a)
{
	if (!a->threaded)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_signal(&a->released_more);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	a->threaded = false;
}
