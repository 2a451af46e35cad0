// SPDX-License-Identifier: Apache-2.0
/*
 * image_stream.c - a layer's blob that is large enough for threads says what a small one says, which is read without: the same bytes, or
 * the same refusal; and it may be closed at any moment.
 */
#include "../../libexec/hrun-image/stream.h"
#include "check.h"
#include <fcntl.h>
#include <hrun/fd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SMALL = 300 << 10, LARGE = 4 << 20, BLOB_MAX = LARGE + (1 << 20) };
enum damage { WHOLE, TWICE, TRUNCATED, OVERWRITTEN, FOLLOWED, OTHER_DIGEST, OTHER_DIFF_ID, TOO_LARGE, DAMAGES };

static const char *const refusals[][DAMAGES] = {
	[COMPRESSION_NONE] = {NULL, NULL, "another digest", "another digest", "another digest", "another digest",
			      "not the one of diff_id", "the layers are larger than"},
	[COMPRESSION_GZIP] = {NULL, NULL, "gzip stream ends in the middle", "gzip stream is damaged",
			      "something else follows it", "another digest", "not the one of diff_id",
			      "the layers are larger than"},
	[COMPRESSION_ZSTD] = {NULL, NULL, "zstd stream ends in the middle", "zstd stream is damaged",
			      "something else follows it", "another digest", "not the one of diff_id",
			      "the layers are larger than"},
};
static const char *const media_types[] = {"application/vnd.oci.image.layer.v1.tar",
					  "application/vnd.oci.image.layer.v1.tar+gzip",
					  "application/vnd.oci.image.layer.v1.tar+zstd"};
static const char name[] = "blobs/sha256/0000000000000000000000000000000000000000000000000000000000000000";

static unsigned char archive[2 * LARGE], blob[2 * BLOB_MAX];
static int layout;

/* Half of it can be compressed: the blob of the large one is larger than 1 MB. */
static void write_archive(size_t size)
{
	uint64_t x = 88172645463325252;

	for (size_t i = 0; i < size; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		archive[i] = i / 4096 % 2 ? 'a' : (unsigned char)x;
	}
}

static size_t compress_archive(enum compression compression, size_t size)
{
	if (compression == COMPRESSION_NONE) {
		memcpy(blob, archive, size);
		return size;
	}
	if (compression == COMPRESSION_ZSTD) {
		ZSTD_CCtx *zstd = ZSTD_createCCtx();
		ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
		size_t n = ZSTD_compress2(zstd, blob, BLOB_MAX, archive, size);
		CHECK(!ZSTD_isError(n));
		ZSTD_freeCCtx(zstd);
		return n;
	}
	z_stream z = {.next_in = archive, .avail_in = (unsigned int)size, .next_out = blob, .avail_out = BLOB_MAX};
	CHECK(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END && deflateEnd(&z) == Z_OK);
	return z.total_out;
}

static void digest(const unsigned char *bytes, size_t size, struct digest *ret)
{
	struct sha256 hash;

	sha256_init(&hash);
	sha256_add(&hash, bytes, size);
	sha256_end(&hash, ret->bytes);
	memcpy(ret->text, "sha256:", strlen("sha256:"));
	memcpy(ret->text + strlen("sha256:"), strrchr(name, '/') + 1, 65);
}

/* The blob in its place; the archive's size, as it is meant. */
static size_t write_blob(enum compression compression, enum damage damage, size_t size, struct descriptor *what,
			 struct digest *diff_id)
{
	write_archive(size);
	size_t n = compress_archive(compression, size);
	if (damage == TWICE) {
		memcpy(blob + n, blob, n);
		memcpy(archive + size, archive, size);
		n *= 2;
		size *= 2;
	}
	digest(archive, size, diff_id);
	digest(blob, n, &what->digest);
	if (damage == TRUNCATED)
		n -= n / 3;
	if (damage == OVERWRITTEN)
		memset(blob + n / 2, 0xff, 64);
	if (damage == FOLLOWED) {
		memset(blob + n, 'x', 100);
		n += 100;
	}
	what->digest.bytes[0] ^= damage == OTHER_DIGEST;
	diff_id->bytes[0] ^= damage == OTHER_DIFF_ID;
	what->size = n;
	what->media_type = media_types[compression];
	autofd int fd = openat(layout, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && fd_write_all(fd, blob, n) == 0);
	return size;
}

/* What it says of the blob is in *r. */
static void read_blob(enum compression compression, enum damage damage, size_t size, struct refusal *r)
{
	struct layer_stream s = {.from.fd = -1, .out_max = damage == TOO_LARGE ? size / 2 : UINT64_MAX, .r = r};
	struct descriptor what = {0};
	struct digest diff_id;
	const unsigned char *bytes;
	size_t at = 0;
	bool zero;
	ssize_t n;

	size_t expected = write_blob(compression, damage, size, &what, &diff_id);
	CHECK(stream_open(&s, layout, &what) == 0, "%s", r->reason);
	CHECK(s.ahead.threaded == (size == LARGE));
	while ((n = stream_take(&s, 100000, &bytes)) > 0) {
		size_t part = at > expected ? 0 : at + (size_t)n > expected ? expected - at : (size_t)n;
		CHECK(damage == OVERWRITTEN || memcmp(bytes, archive + at, part) == 0);
		at += (size_t)n;
	}
	if (n == 0)
		n = stream_finish(&s, &what, &diff_id, &zero);
	const char *refusal = refusals[compression][damage];
	CHECK((n < 0) == (refusal != NULL) && s.failed == (refusal != NULL), "%s", r->reason);
	CHECK(refusal ? strstr(r->reason, refusal) != NULL : at == expected && s.in_total == what.size, "%s",
	      r->reason);
	CHECK(!refusal || stream_take(&s, 1, &bytes) < 0);
	stream_close(&s);
}

/* A limit of the ratio is one of what was read when the bytes came out, not of what the thread has read since. */
static void test_ratio(void)
{
	struct refusal r = {0};
	struct layer_stream s = {.from.fd = -1, .out_max = UINT64_MAX, .max_ratio = 8, .r = &r};
	struct descriptor what = {0};
	struct digest diff_id;
	bool zero;

	write_blob(COMPRESSION_GZIP, TWICE, LARGE, &what, &diff_id);
	CHECK(stream_open(&s, layout, &what) == 0);
	s.out_total = STREAM_RATIO_FREE;
	CHECK(stream_drain(&s, &zero) < 0 && strstr(r.reason, "expands to more than 8 times"), "%s", r.reason);
	CHECK(s.out_total <= STREAM_RATIO_FREE + STREAM_OUT);
	stream_close(&s);
}

static void test_early_close(enum compression compression)
{
	struct descriptor what = {0};
	struct digest diff_id;

	write_blob(compression, WHOLE, LARGE, &what, &diff_id);
	for (int takes = 0; takes < 30; takes += 3) {
		struct refusal r = {0};
		struct layer_stream s = {.from.fd = -1, .out_max = UINT64_MAX, .r = &r};
		const unsigned char *bytes;

		CHECK(stream_open(&s, layout, &what) == 0, "%s", r.reason);
		for (int i = 0; i < takes; i++)
			CHECK(stream_take(&s, UINT64_MAX, &bytes) > 0);
		stream_close(&s);
	}
}

int main(void)
{
	char top[] = "/tmp/hrun-stream-XXXXXX";

	CHECK(mkdtemp(top) && (layout = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0);
	CHECK(mkdirat(layout, "blobs", 0700) == 0 && mkdirat(layout, "blobs/sha256", 0700) == 0);
	for (enum compression compression = COMPRESSION_NONE; compression <= COMPRESSION_ZSTD; compression++) {
		for (enum damage damage = WHOLE; damage < DAMAGES; damage++) {
			struct refusal small = {0}, large = {0};
			read_blob(compression, damage, SMALL, &small);
			read_blob(compression, damage, LARGE, &large);
			/* What zlib finds first depends on where it is, and the limit is another one. */
			CHECK(damage == OVERWRITTEN || damage == TOO_LARGE || strcmp(small.reason, large.reason) == 0,
			      "%s / %s", small.reason, large.reason);
		}
		test_early_close(compression);
	}
	test_ratio();
	unlinkat(layout, name, 0);
	unlinkat(layout, "blobs/sha256", AT_REMOVEDIR);
	unlinkat(layout, "blobs", AT_REMOVEDIR);
	close(layout);
	CHECK(rmdir(top) == 0);
	return failures != 0;
}
