// SPDX-License-Identifier: Apache-2.0
/*
 * stream.c - see stream.h.
 */
#include "stream.h"
#include "split.h"
#include <errno.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define fail(s, ...) ((s)->failed = true, refuse((s)->r, IMAGE_STAGE_LAYER, __VA_ARGS__))

static int open_blob(struct layer_stream *s, int layout, const struct descriptor *what)
{
	struct stat st;

	s->from.fd = blob_open(layout, &what->digest);
	if (s->from.fd < 0)
		return fail(s, "layer %s: the blob is absent or cannot be opened", what->digest.text);
	if (file_look(s->from.fd, &st) < 0)
		return fail(s, "layer %s: the blob cannot be looked at", what->digest.text);
	if ((uint64_t)st.st_size != what->size)
		return fail(s, "layer %s: the blob has %lld bytes, its descriptor says %llu", what->digest.text,
			    (long long)st.st_size, (unsigned long long)what->size);
	return 0;
}

/*
 * The thread's, where there is one.  A buffer's turn comes when its reader has released it (ahead.h); from the turn before it may
 * still be hashed.
 */
static void fill_chunk(void *context, struct ahead_chunk *chunk)
{
	struct layer_stream *s = context;

	hasher_make_room(&s->out_hash);
	chunk->size = decompress_some(&s->from, chunk->bytes, STREAM_OUT);
	chunk->in_total = s->from.in_total;
	if (chunk->size > 0)
		hasher_add(&s->out_hash, chunk->bytes, (size_t)chunk->size);
}

/* Why the decompressor has failed, which it says to nobody but itself. */
static int decompressor_failed(struct layer_stream *s)
{
	return fail(s, "%s", s->from.r.reason);
}

int stream_start(struct layer_stream *s, enum compression compression, bool threaded)
{
	size_t count = threaded ? AHEAD_CHUNKS : 1;

	hasher_start(&s->out_hash, threaded);
	s->out = malloc((size_t)STREAM_OUT * count);
	if (!s->out)
		return fail(s, "no memory for a layer's buffers");
	if (decompress_start(&s->from, compression) < 0)
		return decompressor_failed(s);
	ahead_start(&s->ahead, s->out, STREAM_OUT, count, fill_chunk, s);
	return 0;
}

int stream_open(struct layer_stream *s, int layout, const struct descriptor *what)
{
	int compression = compression_of(what->media_type);

	if (compression < 0)
		return fail(s, "layer %s has the media type %.100s, which is none of a tar archive", what->digest.text,
			    what->media_type);
	TRY(open_blob(s, layout, what));
	s->from.expected = what->size;
	return stream_start(s, (enum compression)compression, what->size >= STREAM_THREAD_MIN);
}

void stream_close(struct layer_stream *s)
{
	/* Who uses what is freed here ends first, and who gives the hasher work before that. */
	ahead_stop(&s->ahead);
	hasher_stop(&s->out_hash);
	if (s->from.fd >= 0)
		close(s->from.fd);
	decompress_end(&s->from);
	free(s->out);
}

static int check_limits(struct layer_stream *s)
{
	if (s->out_total > s->out_max)
		return fail(s, "the layers are larger than %llu bytes", (unsigned long long)s->out_max);
	if (s->max_ratio && s->out_total > STREAM_RATIO_FREE && s->out_total / s->max_ratio > s->in_total)
		return fail(s, "a layer expands to more than %u times its size", s->max_ratio);
	return 0;
}

int stream_passed(struct layer_stream *s, const unsigned char *chunk, size_t size)
{
	s->out_total += (uint64_t)size;
	hasher_add(&s->out_hash, chunk, size);
	return check_limits(s);
}

static ssize_t fill_split(struct layer_stream *s)
{
	ssize_t n = split_fill(s);

	s->at = s->have = 0;
	if (n <= 0)
		return n;
	s->have = (size_t)n;
	TRY(stream_passed(s, s->chunk, (size_t)n));
	return n;
}

static ssize_t fill(struct layer_stream *s)
{
	if (s->split)
		return fill_split(s);
	const struct ahead_chunk *chunk = ahead_take(&s->ahead);
	s->at = s->have = 0;
	if (chunk->in_total > s->in_total && s->progress && s->progress->tell)
		s->progress->tell(s->progress->context, s->done_before + chunk->in_total);
	s->in_total = chunk->in_total;
	if (chunk->size < 0)
		return decompressor_failed(s);
	s->chunk = chunk->bytes;
	s->have = (size_t)chunk->size;
	s->out_total += s->have;
	TRY(check_limits(s));
	return chunk->size;
}

ssize_t stream_take(struct layer_stream *s, uint64_t max, const unsigned char **ret_bytes)
{
	if (s->failed)
		return -EBADMSG;
	if (s->at == s->have) {
		ssize_t n = fill(s);
		if (n <= 0)
			return n;
	}
	size_t n = s->have - s->at;
	if (n > max)
		n = (size_t)max;
	*ret_bytes = s->chunk + s->at;
	s->at += n;
	return (ssize_t)n;
}

int stream_read(struct layer_stream *s, void *buffer, size_t size)
{
	unsigned char *to = buffer;
	const unsigned char *bytes;

	for (size_t got = 0; got < size;) {
		ssize_t n = stream_take(s, size - got, &bytes);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return got > 0 ? -EPIPE : 0;
		memcpy(to + got, bytes, (size_t)n);
		got += (size_t)n;
	}
	return 1;
}

static bool all_zero(const unsigned char *bytes, size_t size)
{
	return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

int stream_drain(struct layer_stream *s, bool *ret_zero)
{
	const unsigned char *bytes;
	ssize_t n;

	*ret_zero = true;
	while ((n = stream_take(s, UINT64_MAX, &bytes)) > 0)
		*ret_zero = *ret_zero && all_zero(bytes, (size_t)n);
	return (int)n;
}

int stream_finish(struct layer_stream *s, const struct descriptor *what, const struct digest *diff_id, bool *ret_zero)
{
	unsigned char in_digest[SHA256_SIZE], out_digest[SHA256_SIZE];

	TRY(stream_drain(s, ret_zero));
	ahead_stop(&s->ahead);
	sha256_end(&s->from.in_hash, in_digest);
	hasher_end(&s->out_hash, out_digest);
	if (s->from.compression == COMPRESSION_NONE)
		memcpy(in_digest, out_digest, sizeof in_digest); /* the same bytes */
	if (s->in_total != what->size || memcmp(in_digest, what->digest.bytes, SHA256_SIZE) != 0)
		return fail(s, "layer %s: the blob's bytes have another digest", what->digest.text);
	if (memcmp(out_digest, diff_id->bytes, SHA256_SIZE) != 0)
		return fail(s, "layer %s: the archive is not the one of diff_id %s", what->digest.text, diff_id->text);
	return 0;
}
