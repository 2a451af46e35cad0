// SPDX-License-Identifier: Apache-2.0
/*
 * stream.c - the pipe of records, read and written through one buffer.
 */
#include "tree.h"
#include <errno.h>
#include <hrun/fd.h>
#include <string.h>
#include <unistd.h>

static int fill(struct tree_stream *s)
{
	ssize_t n;

	do
		n = read(s->fd, s->buffer, sizeof s->buffer);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : -EPIPE;
	s->at = 0;
	s->have = (size_t)n;
	return 0;
}

ssize_t tree_stream_take(struct tree_stream *s, uint64_t max, const unsigned char **ret_bytes)
{
	if (s->at == s->have)
		TRY(fill(s));
	size_t n = s->have - s->at;
	if (n > max)
		n = (size_t)max;
	*ret_bytes = s->buffer + s->at;
	s->at += n;
	return (ssize_t)n;
}

int tree_stream_read(struct tree_stream *s, void *to, size_t size)
{
	unsigned char *at = to;
	const unsigned char *bytes = s->buffer;

	while (size > 0) {
		ssize_t n = tree_stream_take(s, size, &bytes);
		if (n < 0)
			return (int)n;
		memcpy(at, bytes, (size_t)n);
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int tree_stream_flush(struct tree_stream *s)
{
	size_t used = s->have;

	s->have = 0;
	return used > 0 ? fd_write_all(s->fd, s->buffer, used) : 0;
}

int tree_stream_write(struct tree_stream *s, const void *from, size_t size)
{
	if (size == 0)
		return 0;
	if (size > sizeof s->buffer - s->have)
		TRY(tree_stream_flush(s));
	if (size >= sizeof s->buffer)
		return fd_write_all(s->fd, from, size);
	memcpy(s->buffer + s->have, from, size);
	s->have += size;
	return 0;
}
