// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_split.c - any lines as the record of a layer's archive (tar-split), and what tar.c makes of the archive that they give.
 *
 * A file's content is the letter d, as long as its header says: what is counted is what came from there, and nothing else may stand for it.
 */
#include "../../libexec/hrun-image/layer.h"
#include "../../libexec/hrun-image/split.h"
#include <hrun/fd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONTENT_MAX = 8192, ARCHIVE_MAX = 1 << 20 };

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static int compressed(const uint8_t *data, size_t size)
{
	static unsigned char out[ARCHIVE_MAX];
	z_stream z = {.next_in = (unsigned char *)(uintptr_t)data,
		      .avail_in = (unsigned int)size,
		      .next_out = out,
		      .avail_out = sizeof out};
	int fd = memfd_create("record", MFD_CLOEXEC);

	expect(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	expect(deflate(&z, Z_FINISH) == Z_STREAM_END && deflateEnd(&z) == Z_OK);
	expect(fd >= 0 && fd_write_all(fd, out, z.total_out) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static int content(uint64_t size)
{
	static unsigned char letters[CONTENT_MAX];
	int fd = memfd_create("content", MFD_CLOEXEC);

	memset(letters, 'd', sizeof letters);
	expect(fd >= 0 && fd_write_all(fd, letters, size) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static int read_entry(struct layers *l, struct layer_stream *s)
{
	const struct tar_entry *e = &l->tar.entry;
	uint64_t before = s->out_total;

	const char *name;
	int r = entry_check(l, &name);
	if (r <= 0)
		return r;
	if (e->type != '0' || e->sparse || e->size == 0 || e->size > CONTENT_MAX)
		return 0;
	autofd int fd = content(e->size);
	TRY(split_content(s, fd, e->size, false, l->path));
	expect(s->out_total == before + e->size);
	l->tar.left = 0;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct layer_limits limits = {
		.max_layer_bytes = ARCHIVE_MAX, .max_total_bytes = ARCHIVE_MAX, .max_entries = ARCHIVE_MAX};
	static struct layers l;
	static struct split split;
	const struct digest diff_id = {.text = "sha256:0"};
	struct refusal r = {0};
	struct layer_stream s = {.from.fd = -1, .r = &r, .max_ratio = 1100};
	int result;

	if (size > ARCHIVE_MAX / 2)
		return 0;
	autofd int fd = compressed(data, size);
	memset(&l.tar, 0, offsetof(struct tar, parts));
	l.limits = &limits;
	l.entries = l.bytes = 0;
	l.tar.in = &s;
	l.tar.r = &r;
	result = split_open(&s, &split, fd, ARCHIVE_MAX);
	while (result >= 0 && (result = tar_next(&l.tar)) > 0)
		result = read_entry(&l, &s);
	if (result >= 0)
		result = split_finish(&s, &diff_id);
	/* Nothing has the digest 0; and nobody fails without a word. */
	expect(result < 0 && r.reason[0]);
	split_close(&s);
	return 0;
}
