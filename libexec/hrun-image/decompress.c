// SPDX-License-Identifier: Apache-2.0
/*
 * decompress.c - see decompress.h.
 */
#include "decompress.h"
#include <errno.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define fail(d, ...) refuse(&(d)->r, IMAGE_STAGE_LAYER, __VA_ARGS__)

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

int decompress_start(struct decompressor *d, enum compression compression)
{
	d->compression = compression;
	sha256_init(&d->in_hash);
	d->in = malloc(DECOMPRESS_IN);
	if (!d->in)
		return fail(d, "no memory for a layer's buffers");
	if (compression == COMPRESSION_GZIP) {
		d->z_ready = inflateInit2(&d->z, 15 + 16) == Z_OK; /* gzip only, not zlib's own format */
		return d->z_ready ? 0 : fail(d, "no memory for the decompressor");
	}
	if (compression == COMPRESSION_ZSTD) {
		d->zstd = ZSTD_createDCtx();
		if (!d->zstd ||
		    ZSTD_isError(ZSTD_DCtx_setParameter(d->zstd, ZSTD_d_windowLogMax, DECOMPRESS_WINDOW_LOG)))
			return fail(d, "no memory for the decompressor");
	}
	return 0;
}

void decompress_end(struct decompressor *d)
{
	if (d->z_ready)
		inflateEnd(&d->z);
	ZSTD_freeDCtx(d->zstd);
	free(d->in);
}

/* Bytes of the blob: their number, 0 at its end. */
static ssize_t read_blob(struct decompressor *d, unsigned char *to, size_t size)
{
	ssize_t n;

	do
		n = read(d->fd, to, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(d, "a layer's blob cannot be read: %s", strerror(errno));
	d->in_total += (uint64_t)n;
	if (d->in_total > d->expected)
		return fail(d, "a layer's blob grew while it was read");
	return n;
}

/* At least WANT bytes of input, or all that are left.  Returns how many there are. */
static ssize_t input(struct decompressor *d, size_t want)
{
	if (d->in_have - d->in_at >= want)
		return (ssize_t)(d->in_have - d->in_at);
	memmove(d->in, d->in + d->in_at, d->in_have - d->in_at);
	d->in_have -= d->in_at;
	d->in_at = 0;
	while (d->in_have < want) {
		ssize_t n = read_blob(d, d->in + d->in_have, DECOMPRESS_IN - d->in_have);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		sha256_add(&d->in_hash, d->in + d->in_have, (size_t)n);
		d->in_have += (size_t)n;
	}
	return (ssize_t)d->in_have;
}

/* One call of inflate. */
static int inflate_some(struct decompressor *d)
{
	d->z.next_in = d->in + d->in_at;
	d->z.avail_in = (unsigned int)(d->in_have - d->in_at);
	int result = inflate(&d->z, Z_NO_FLUSH);
	d->in_at = d->in_have - d->z.avail_in;
	if (result == Z_STREAM_END) {
		d->in_member = false;
		d->members++;
	} else if (result != Z_OK && result != Z_BUF_ERROR) {
		return fail(d, "a layer's gzip stream is damaged, or something else follows it: %s",
			    d->z.msg ? d->z.msg : "no gzip data");
	}
	return 0;
}

static ssize_t fill_gzip(struct decompressor *d, unsigned char *to, size_t size)
{
	d->z.next_out = to;
	d->z.avail_out = (unsigned int)size;
	while (d->z.avail_out > 0) {
		ssize_t n = input(d, 1);
		if (n < 0)
			return n;
		if (n == 0 && (d->in_member || d->members == 0))
			return fail(d, "a layer's gzip stream ends in the middle");
		if (n == 0)
			break;
		if (!d->in_member && d->members > 0)
			inflateReset(&d->z); /* one more member: they are one stream */
		d->in_member = true;
		TRY(inflate_some(d));
	}
	return (ssize_t)(size - d->z.avail_out);
}

/* Only frames of the format as it is specified: the library knows older ones, with decoders of their own. */
static bool is_zstd_frame(const unsigned char *p)
{
	uint32_t magic = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;

	return magic == ZSTD_MAGICNUMBER || (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

static int zstd_some(struct decompressor *d, ZSTD_outBuffer *out)
{
	ZSTD_inBuffer in = {d->in + d->in_at, d->in_have - d->in_at, 0};
	size_t result = ZSTD_decompressStream(d->zstd, out, &in);

	d->in_at += in.pos;
	if (ZSTD_isError(result))
		return fail(d, "a layer's zstd stream is damaged or needs a window over 8 MiB: %s",
			    ZSTD_getErrorName(result));
	d->in_member = result != 0;
	d->members += result == 0;
	return 0;
}

static ssize_t fill_zstd(struct decompressor *d, void *to, size_t size)
{
	ZSTD_outBuffer out = {to, size, 0};

	while (out.pos < out.size) {
		ssize_t n = input(d, d->in_member ? 1 : 4);
		if (n < 0)
			return n;
		size_t before = out.pos;
		if (n == 0 && d->in_member) {
			/* All input is taken; the decoder may still hold output. */
			TRY(zstd_some(d, &out));
			if (d->in_member && out.pos == before)
				return fail(d, "a layer's zstd stream ends in the middle");
			continue;
		}
		if (n == 0 && d->members > 0)
			break;
		if (!d->in_member && (n < 4 || !is_zstd_frame(d->in + d->in_at)))
			return fail(d, "a layer's zstd stream is none, or something else follows it");
		TRY(zstd_some(d, &out));
	}
	return (ssize_t)out.pos;
}

ssize_t decompress_some(struct decompressor *d, unsigned char *to, size_t size)
{
	switch (d->compression) {
	case COMPRESSION_GZIP:
		return fill_gzip(d, to, size);
	case COMPRESSION_ZSTD:
		return fill_zstd(d, to, size);
	default:
		return read_blob(d, to, size);
	}
}
