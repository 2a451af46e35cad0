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

int compression_of(const char *media_type)
{
	static const struct {
		const char *type;
		enum compression compression;
	} types[] = {
		{"application/vnd.oci.image.layer.v1.tar", COMPRESSION_NONE},
		{"application/vnd.oci.image.layer.v1.tar+gzip", COMPRESSION_GZIP},
		{"application/vnd.oci.image.layer.v1.tar+zstd", COMPRESSION_ZSTD},
		{"application/vnd.oci.image.layer.nondistributable.v1.tar", COMPRESSION_NONE},
		{"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", COMPRESSION_GZIP},
		{"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", COMPRESSION_ZSTD},
		{"application/vnd.docker.image.rootfs.diff.tar", COMPRESSION_NONE},
		{"application/vnd.docker.image.rootfs.diff.tar.gzip", COMPRESSION_GZIP},
		{"application/vnd.docker.image.rootfs.diff.tar.zstd", COMPRESSION_ZSTD},
		{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", COMPRESSION_GZIP},
	};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		if (str_equal(types[i].type, media_type))
			return (int)types[i].compression;
	}
	return -EINVAL;
}

static int open_blob(struct layer_stream *s, int layout, const struct descriptor *what)
{
	struct stat st;

	s->fd = blob_open(layout, &what->digest);
	if (s->fd < 0)
		return fail(s, "layer %s: the blob is absent or cannot be opened", what->digest.text);
	if (file_look(s->fd, &st) < 0)
		return fail(s, "layer %s: the blob cannot be looked at", what->digest.text);
	if ((uint64_t)st.st_size != what->size)
		return fail(s, "layer %s: the blob has %lld bytes, its descriptor says %llu", what->digest.text,
			    (long long)st.st_size, (unsigned long long)what->size);
	return 0;
}

static int start_decompressor(struct layer_stream *s)
{
	if (s->compression == COMPRESSION_GZIP) {
		s->z_ready = inflateInit2(&s->z, 15 + 16) == Z_OK; /* gzip only, not zlib's own format */
		return s->z_ready ? 0 : fail(s, "no memory for the decompressor");
	}
	if (s->compression == COMPRESSION_ZSTD) {
		s->zstd = ZSTD_createDCtx();
		if (!s->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, STREAM_WINDOW_LOG)))
			return fail(s, "no memory for the decompressor");
	}
	return 0;
}

int stream_open(struct layer_stream *s, int layout, const struct descriptor *what)
{
	int compression = compression_of(what->media_type);

	if (compression < 0)
		return fail(s, "layer %s has the media type %.100s, which is none of a tar archive", what->digest.text,
			    what->media_type);
	s->compression = (enum compression)compression;
	s->expected = what->size;
	sha256_init(&s->in_hash);
	hasher_start(&s->out_hash, what->size >= STREAM_THREAD_MIN);
	s->in = malloc(STREAM_IN);
	s->out = malloc((size_t)STREAM_OUT * (s->out_hash.threaded ? HASHER_JOBS : 1));
	if (!s->in || !s->out)
		return fail(s, "no memory for a layer's buffers");
	TRY(open_blob(s, layout, what));
	return start_decompressor(s);
}

void stream_close(struct layer_stream *s)
{
	hasher_stop(&s->out_hash); /* it reads what is freed here */
	if (s->fd >= 0)
		close(s->fd);
	if (s->z_ready)
		inflateEnd(&s->z);
	ZSTD_freeDCtx(s->zstd);
	free(s->in);
	free(s->out);
}

/* Bytes of the blob: their number, 0 at its end. */
static ssize_t read_blob(struct layer_stream *s, unsigned char *to, size_t size)
{
	ssize_t n;

	do
		n = read(s->fd, to, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(s, "a layer's blob cannot be read: %s", strerror(errno));
	s->in_total += (uint64_t)n;
	if (s->in_total > s->expected)
		return fail(s, "a layer's blob grew while it was read");
	if (n > 0 && s->progress && s->progress->tell)
		s->progress->tell(s->progress->context, s->done_before + s->in_total);
	return n;
}

/* At least WANT bytes of input, or all that are left.  Returns how many there are. */
static ssize_t input(struct layer_stream *s, size_t want)
{
	if (s->in_have - s->in_at >= want)
		return (ssize_t)(s->in_have - s->in_at);
	memmove(s->in, s->in + s->in_at, s->in_have - s->in_at);
	s->in_have -= s->in_at;
	s->in_at = 0;
	while (s->in_have < want) {
		ssize_t n = read_blob(s, s->in + s->in_have, STREAM_IN - s->in_have);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		sha256_add(&s->in_hash, s->in + s->in_have, (size_t)n);
		s->in_have += (size_t)n;
	}
	return (ssize_t)s->in_have;
}

/* One call of inflate. */
static int inflate_some(struct layer_stream *s)
{
	s->z.next_in = s->in + s->in_at;
	s->z.avail_in = (unsigned int)(s->in_have - s->in_at);
	int result = inflate(&s->z, Z_NO_FLUSH);
	s->in_at = s->in_have - s->z.avail_in;
	if (result == Z_STREAM_END) {
		s->in_member = false;
		s->members++;
	} else if (result != Z_OK && result != Z_BUF_ERROR) {
		return fail(s, "a layer's gzip stream is damaged, or something else follows it: %s",
			    s->z.msg ? s->z.msg : "no gzip data");
	}
	return 0;
}

static ssize_t fill_gzip(struct layer_stream *s)
{
	s->z.next_out = s->chunk;
	s->z.avail_out = STREAM_OUT;
	while (s->z.avail_out > 0) {
		ssize_t n = input(s, 1);
		if (n < 0)
			return n;
		if (n == 0 && (s->in_member || s->members == 0))
			return fail(s, "a layer's gzip stream ends in the middle");
		if (n == 0)
			break;
		if (!s->in_member && s->members > 0)
			inflateReset(&s->z); /* one more member: they are one stream */
		s->in_member = true;
		TRY(inflate_some(s));
	}
	return (ssize_t)(STREAM_OUT - s->z.avail_out);
}

/* Only frames of the format as it is specified: the library knows older ones, with decoders of their own. */
static bool is_zstd_frame(const unsigned char *p)
{
	uint32_t magic = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;

	return magic == ZSTD_MAGICNUMBER || (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

static int zstd_some(struct layer_stream *s, ZSTD_outBuffer *out)
{
	ZSTD_inBuffer in = {s->in + s->in_at, s->in_have - s->in_at, 0};
	size_t result = ZSTD_decompressStream(s->zstd, out, &in);

	s->in_at += in.pos;
	if (ZSTD_isError(result))
		return fail(s, "a layer's zstd stream is damaged or needs a window over 8 MiB: %s",
			    ZSTD_getErrorName(result));
	s->in_member = result != 0;
	s->members += result == 0;
	return 0;
}

static ssize_t fill_zstd(struct layer_stream *s)
{
	ZSTD_outBuffer out = {s->chunk, STREAM_OUT, 0};

	while (out.pos < out.size) {
		ssize_t n = input(s, s->in_member ? 1 : 4);
		if (n < 0)
			return n;
		size_t before = out.pos;
		if (n == 0 && s->in_member) {
			/* All input is taken; the decoder may still hold output. */
			TRY(zstd_some(s, &out));
			if (s->in_member && out.pos == before)
				return fail(s, "a layer's zstd stream ends in the middle");
			continue;
		}
		if (n == 0 && s->members > 0)
			break;
		if (!s->in_member && (n < 4 || !is_zstd_frame(s->in + s->in_at)))
			return fail(s, "a layer's zstd stream is none, or something else follows it");
		TRY(zstd_some(s, &out));
	}
	return (ssize_t)out.pos;
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

static ssize_t fill(struct layer_stream *s)
{
	ssize_t n;

	/* The buffer whose turn it is may still be hashed from the turn before. */
	hasher_make_room(&s->out_hash);
	s->chunk = s->out + (s->out_hash.threaded ? s->chunks++ % HASHER_JOBS * STREAM_OUT : 0);
	switch (s->compression) {
	case COMPRESSION_GZIP:
		n = fill_gzip(s);
		break;
	case COMPRESSION_ZSTD:
		n = fill_zstd(s);
		break;
	case COMPRESSION_SPLIT:
		n = split_fill(s);
		break;
	default:
		n = read_blob(s, s->chunk, STREAM_OUT);
	}
	s->at = s->have = 0;
	if (n <= 0)
		return n;
	s->have = (size_t)n;
	TRY(stream_passed(s, s->chunk, (size_t)n));
	return n;
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
	sha256_end(&s->in_hash, in_digest);
	hasher_end(&s->out_hash, out_digest);
	if (s->compression == COMPRESSION_NONE)
		memcpy(in_digest, out_digest, sizeof in_digest); /* the same bytes */
	if (s->in_total != what->size || memcmp(in_digest, what->digest.bytes, SHA256_SIZE) != 0)
		return fail(s, "layer %s: the blob's bytes have another digest", what->digest.text);
	if (memcmp(out_digest, diff_id->bytes, SHA256_SIZE) != 0)
		return fail(s, "layer %s: the archive is not the one of diff_id %s", what->digest.text, diff_id->text);
	return 0;
}
