/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decompress.h - a layer's blob read, hashed as it is, and decompressed.  One thread at a time: the one that fills ahead (ahead.h).
 */
#ifndef HRUN_IMAGE_DECOMPRESS_H
#define HRUN_IMAGE_DECOMPRESS_H

#include "image.h"
#include <hrun/sha256.h>
#include <sys/types.h>
#include <zlib.h>
#include <zstd.h>

enum {
	DECOMPRESS_IN = 128 << 10,
	DECOMPRESS_WINDOW_LOG = 23, /* 8 MiB: what a zstd decoder must be ready for, and not more */
};

enum compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD };

struct decompressor {
	int fd; /* of the blob: borrowed */
	enum compression compression;
	uint64_t expected;     /* bytes of the blob, by its descriptor */
	uint64_t in_total;     /* so far */
	struct sha256 in_hash; /* of what is compressed; of COMPRESSION_NONE nothing */
	unsigned char *in;
	size_t in_at, in_have; /* input that the decompressor has not taken */
	bool in_member;	       /* within a gzip member or a zstd frame */
	uint64_t members;
	z_stream z;
	bool z_ready;
	ZSTD_DCtx *zstd;
	struct refusal r; /* why, after -EBADMSG */
};

/* Which decompressor a media type asks for, or -EINVAL. */
int compression_of(const char *media_type);

/* 0, or -EBADMSG; decompress_end in any case. */
int decompress_start(struct decompressor *d, enum compression compression);
/* SIZE bytes of the archive, fewer only at its end and of COMPRESSION_NONE: their number, 0 at the end, or -EBADMSG. */
ssize_t decompress_some(struct decompressor *d, unsigned char *to, size_t size);
void decompress_end(struct decompressor *d);

#endif
