/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ahead.h - chunks of bytes that a thread fills while the ones before are used: a large layer is decompressed beside who reads it.
 *
 * Who takes a chunk has it until he takes the next one.  The thread is never more than AHEAD_CHUNKS chunks ahead, so memory is
 * the same whatever there is to read.
 */
#ifndef HRUN_IMAGE_AHEAD_H
#define HRUN_IMAGE_AHEAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { AHEAD_CHUNKS = 8 };

struct ahead_chunk {
	unsigned char *bytes;
	ssize_t size;	   /* 0 at the end, or a negative errno: then nothing follows */
	uint64_t in_total; /* the filler's, of what it has read when the chunk was full */
};

/* Fills chunk->bytes and says the rest; called by the thread alone, or, where there is none, in ahead_take. */
typedef void ahead_fill(void *context, struct ahead_chunk *chunk);

struct ahead {
	ahead_fill *fill;
	void *context;
	struct ahead_chunk chunks[AHEAD_CHUNKS];
	size_t count;	/* of them that there is memory for */
	uint64_t taken; /* the reader's: chunks so far; number N is chunks[N % count] */
	bool threaded;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t filled_more, released_more;
	uint64_t filled, released;
	bool ended, stop; /* nothing follows; nobody reads any more */
};

/* MEMORY (borrowed) is COUNT chunks of SIZE bytes: AHEAD_CHUNKS for a thread, if one can be had, 1 for none.  ahead_stop in any case. */
void ahead_start(struct ahead *a, unsigned char *memory, size_t size, size_t count, ahead_fill *fill, void *context);
/* The next chunk, and the one before may be filled again.  After the last one that one again. */
const struct ahead_chunk *ahead_take(struct ahead *a);
/* End the thread, at the latest when the chunk that it works at is full.  Once more is nothing. */
void ahead_stop(struct ahead *a);

#endif
