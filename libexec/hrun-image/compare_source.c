// SPDX-License-Identifier: Apache-2.0
/*
 * compare_source.c - where the archive comes from that a layer's files are compared with.
 *
 * containerd keeps the blobs that it has pulled: the archive's bytes are there, and each file's are compared with them.
 * containers/storage keeps the headers and makes contents of the files again (split.h): there the digest compares them.
 */
#include "compare.h"
#include <errno.h>
#include <hrun/fd.h>
#include <string.h>
#include <unistd.h>

static int open_blob(struct comparison *c)
{
	layout_place(0);
	autofd int there = blob_open(c->files, &c->blob->digest);
	if (there == -ENOENT)
		return differs(c,
			       "containerd has thrown its archive away: set discard_unpacked_layers = false (2.x: of "
			       "io.containerd.cri.v1.images, 1.x: io.containerd.grpc.v1.cri) and pull it again");
	return stream_open(&c->in, c->files, c->blob);
}

int source_open(struct comparison *c, int record)
{
	const struct layer_limits *limits = c->layers.limits;
	uint64_t left = limits->max_total_bytes - c->layers.archive_bytes;
	uint64_t max = left < limits->max_layer_bytes ? left : limits->max_layer_bytes;

	c->in = (struct layer_stream){.from.fd = -1,
				      .out_max = max,
				      .max_ratio = limits->max_ratio,
				      .progress = c->layers.progress,
				      .done_before = c->blob ? c->layers.blob_bytes : c->layers.archive_bytes,
				      .r = c->r};
	return c->blob ? open_blob(c) : split_open(&c->in, &c->split, record, max);
}

void source_close(struct comparison *c)
{
	if (c->blob)
		stream_close(&c->in);
	else
		split_close(&c->in);
}

/* ---- contents ---- */

/* SIZE bytes of FD into c->content. */
static int read_file(struct comparison *c, int fd, size_t size)
{
	for (size_t got = 0; got < size;) {
		ssize_t n = read(fd, c->content + got, size - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return differs(c, "%.150s cannot be read: %s", c->layers.path, strerror(errno));
		if (n == 0)
			return differs(c, "%.150s changes while it is read", c->layers.path);
		got += (size_t)n;
	}
	return 0;
}

static int compare_bytes(struct comparison *c, int fd, const unsigned char *bytes, size_t size)
{
	while (size > 0) {
		size_t part = size < sizeof c->content ? size : sizeof c->content;
		TRY(read_file(c, fd, part));
#ifndef HRUN_MUTANT_COMPARE_CONTENT
		if (memcmp(c->content, bytes, part) != 0)
			return differs(c, "%.150s: its content is not the image's", c->layers.path);
#endif
		bytes += part;
		size -= part;
	}
	return 0;
}

static int compare_stored(struct comparison *c, int fd, uint64_t size)
{
	const unsigned char *bytes;

	while (size > 0) {
		ssize_t n = tar_take(&c->layers.tar, size, &bytes);
		if (n <= 0)
			return n < 0 ? (int)n
				     : differs(c, "%.150s is shorter in the archive than its header says",
					       c->layers.path);
		TRY(compare_bytes(c, fd, bytes, (size_t)n));
		size -= (uint64_t)n;
	}
	return 0;
}

int source_content(struct comparison *c, int fd)
{
	const struct tar_entry *e = &c->layers.tar.entry;

	/* No engine's tool writes one into a layer; split.h could not make it again. */
	if (e->sparse)
		return differs(c, "%.160s is a sparse file in the archive, which is not compared", c->layers.path);
	if (c->blob)
		return compare_stored(c, fd, e->size);
	if (e->size == 0)
		return 0;
	TRY(split_content(&c->in, fd, e->size, c->sums, c->layers.path));
	c->layers.tar.left = 0; /* the padding stood in the archive */
	return 0;
}

int source_finish(struct comparison *c, const struct digest *diff_id, bool *ret_zero)
{
	*ret_zero = true;
#ifdef HRUN_MUTANT_COMPARE_BLOB
	if (c->blob)
		return 0;
#endif
	return c->blob ? stream_finish(&c->in, c->blob, diff_id, ret_zero) : split_finish(&c->in, diff_id);
}
