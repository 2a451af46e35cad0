/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h - a layer's blob as the bytes of its archive, hashed on both sides of the decompressor.
 *
 * Memory is the same whatever the layer's size: the buffers, and the decompressor's window (zstd: at most 8 MiB).
 */
#ifndef HRUN_IMAGE_STREAM_H
#define HRUN_IMAGE_STREAM_H

#include "ahead.h"
#include "decompress.h"
#include "hasher.h"
#include "image.h"
#include <sys/types.h>

enum {
	STREAM_OUT = 128 << 10,	      /* AHEAD_CHUNKS of these, where threads decompress and hash */
	STREAM_THREAD_MIN = 1 << 20,  /* a smaller blob is read before a thread would have begun */
	STREAM_RATIO_FREE = 16 << 20, /* what may come out whatever the ratio: small layers are mostly zeros */
};
/* A buffer that is taken in turn is hashed in turn. */
_Static_assert((int)AHEAD_CHUNKS == (int)HASHER_JOBS, "");

struct layer_stream {
	/* The thread's that fills ahead, where there is one, until its last chunk was taken. */
	struct decompressor from; /* from.fd: owned */
	struct hasher out_hash;	  /* of the archive */

	struct ahead ahead;
	unsigned char *out;
	const unsigned char *chunk;
	size_t at, have;	      /* output that the reader has not taken */
	uint64_t in_total, out_total; /* so far, with what CHUNK has */
	uint64_t out_max;
	uint32_t max_ratio;
	const struct progress *progress;
	uint64_t done_before; /* compressed bytes of the layers before */
	struct split *split;  /* NULL, or where the archive's bytes come from instead (split.h) */
	struct refusal *r;
	bool failed; /* *r says why */
};

/* Open blobs/sha256/HEX of WHAT below LAYOUT: a regular file of the right size.  stream_close in any case. */
int stream_open(struct layer_stream *s, int layout, const struct descriptor *what);
void stream_close(struct layer_stream *s);

/* For split.h, which opens itself: from.fd and from.expected are set before anything is taken, and before if THREADED. */
int stream_start(struct layer_stream *s, enum compression compression, bool threaded);

/* Up to MAX bytes of the archive where they lie, until the next call.  Their number, 0 at the end, or -EBADMSG. */
ssize_t stream_take(struct layer_stream *s, uint64_t max, const unsigned char **ret_bytes);

/* Exactly SIZE bytes: 1.  0 where the stream ends before the first, -EPIPE where it ends after it, or -EBADMSG. */
int stream_read(struct layer_stream *s, void *buffer, size_t size);

/* Read to the end: *ret_zero, was it all zero? */
int stream_drain(struct layer_stream *s, bool *ret_zero);
/* SIZE bytes of CHUNK went out: they are hashed, and counted against the limits. */
int stream_passed(struct layer_stream *s, const unsigned char *chunk, size_t size);
/* The same, then size, digest and DIFF_ID must be right. */
int stream_finish(struct layer_stream *s, const struct descriptor *what, const struct digest *diff_id, bool *ret_zero);

#endif
