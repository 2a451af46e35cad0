/* SPDX-License-Identifier: Apache-2.0 */
/*
 * split.h - a layer's archive made again from the record that containers/storage keeps of it (tar-split) and its files.
 *
 * The record is gzip over lines of JSON, in the order of the archive: {"type":2,"payload":BASE64,"position":N} are bytes as they
 * stood there (headers, padding), {"type":1,"name":...,"size":N,"payload":BASE64,"position":N} stands for a file's content, and the
 * payload is its CRC-64.  Names in it are not looked at: a content is read of the file that the archive's own header names.
 */
#ifndef HRUN_IMAGE_SPLIT_H
#define HRUN_IMAGE_SPLIT_H

#include "stream.h"

enum { SPLIT_LINE_MAX = 4 << 20 };

struct split {
	struct layer_stream gz; /* the record, decompressed */
	char *line;		/* SPLIT_LINE_MAX bytes */
	bool has_checksum;
	uint64_t checksum; /* of the file whose turn it is */
};

/* S gets the bytes of the archive that FD (borrowed) records; S->r is set before.  split_close in any case. */
int split_open(struct layer_stream *s, struct split *split, int fd, uint64_t max_bytes);
void split_close(struct layer_stream *s);

/* For stream.c: the next bytes that stood in the archive. */
ssize_t split_fill(struct layer_stream *s);

/*
 * The content whose turn it is: SIZE bytes, and all of the file FD.  Nothing that was recorded can take its place.
 * SUMS: the file's CRC-64 is compared as well, which tells which of them changed.
 */
int split_content(struct layer_stream *s, int fd, uint64_t size, bool sums, const char *path);

/* The archive is at its end, has the digest DIFF_ID, and nothing but zeros followed it. */
int split_finish(struct layer_stream *s, const struct digest *diff_id);

#endif
