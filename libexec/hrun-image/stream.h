/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h - a layer's blob as the bytes of its archive, hashed on both sides of the decompressor.
 *
 * Memory is the same whatever the layer's size: the buffers, and the decompressor's window (zstd: at most 8 MiB).
 */
#ifndef HRUN_IMAGE_STREAM_H
#define HRUN_IMAGE_STREAM_H

#include "hasher.h"
#include "image.h"
#include <sys/types.h>
#include <zlib.h>
#include <zstd.h>

enum {
	STREAM_IN = 128 << 10,
	STREAM_OUT = 128 << 10,	      /* HASHER_JOBS of these, where a thread hashes */
	STREAM_THREAD_MIN = 1 << 20,  /* a smaller blob is hashed before a thread would have begun */
	STREAM_WINDOW_LOG = 23,	      /* 8 MiB: what a zstd decoder must be ready for, and not more */
	STREAM_RATIO_FREE = 16 << 20, /* what may come out whatever the ratio: small layers are mostly zeros */
};

enum compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD, COMPRESSION_SPLIT };

struct layer_stream {
	int fd;
	enum compression compression;
	uint64_t expected;	      /* bytes of the blob, by its descriptor */
	uint64_t in_total, out_total; /* so far */
	uint64_t out_max;
	uint32_t max_ratio;
	struct sha256 in_hash;	/* of what is compressed */
	struct hasher out_hash; /* of the archive */
	unsigned char *in, *out;
	size_t in_at, in_have; /* input that the decompressor has not taken */
	uint64_t chunks;       /* of output so far; where a thread hashes, they take turns in its buffers */
	unsigned char *chunk;
	size_t at, have; /* output that the reader has not taken */
	bool in_member;	 /* within a gzip member or a zstd frame */
	uint64_t members;
	z_stream z;
	bool z_ready;
	ZSTD_DCtx *zstd;
	const struct progress *progress;
	uint64_t done_before; /* compressed bytes of the layers before */
	struct split *split;  /* COMPRESSION_SPLIT: where the archive's bytes come from (split.h) */
	struct refusal *r;
	bool failed; /* *r says why */
};

/* Which decompressor a media type asks for, or -EINVAL. */
int compression_of(const char *media_type);

/* Open blobs/sha256/HEX of WHAT below LAYOUT: a regular file of the right size.  stream_close in any case. */
int stream_open(struct layer_stream *s, int layout, const struct descriptor *what);
void stream_close(struct layer_stream *s);

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
