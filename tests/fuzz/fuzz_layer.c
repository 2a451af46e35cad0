// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_layer.c - any bytes as a layer: the first chooses the compression, the rest is the blob.
 *
 * Its digests are made right, so that the archive counts.  What comes out is records in range, whatever went in.
 */
#include "../../libexec/hrun-image/layer.h"
#include <fcntl.h>
#include <hrun/str.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void set_digest(struct digest *digest, const void *bytes, size_t size)
{
	struct sha256 hash;

	sha256_init(&hash);
	sha256_add(&hash, bytes, size);
	sha256_end(&hash, digest->bytes);
	memcpy(digest->text, "sha256:", 8);
	sha256_hex(digest->bytes, digest->text + 7);
}

static char layout_path[] = "/dev/shm/fuzz-layer-XXXXXX";

static void remove_layout(void)
{
	char path[64];

	for (const char *const *end = (const char *const[]){"/blobs/sha256", "/blobs", "", NULL}; *end; end++) {
		snprintf(path, sizeof path, "%s%s", layout_path, *end);
		rmdir(path);
	}
}

/* A layout of one blob, on /dev/shm where there is one. */
static int layout(void)
{
	static int fd = -1;

	if (fd < 0) {
		expect(mkdtemp(layout_path) != NULL && atexit(remove_layout) == 0);
		fd = open(layout_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		expect(fd >= 0 && mkdirat(fd, "blobs", 0700) == 0 && mkdirat(fd, "blobs/sha256", 0700) == 0);
	}
	return fd;
}

static bool is_clean(const char *path)
{
	char again[TREE_PATH_MAX];

	return entry_clean_path(path, again) == NULL && str_equal(path, again);
}

/* What was sent: hrun-tree would take it. */
static void check_records(int fd)
{
	static struct tree_record record;
	static char path[TREE_PATH_MAX], extra[TREE_EXTRA_MAX + 1];
	off_t at = 0;

	for (;;) {
		ssize_t n = pread(fd, &record, sizeof record, at);
		if (n < (ssize_t)sizeof record)
			return;
		expect(record.magic == TREE_WIRE_MAGIC && record.kind < TREE_KINDS && record.path_size < sizeof path &&
		       record.extra_size < sizeof extra && record.mode <= 07777 && record.mtime_nsec < 1000000000);
		expect(record.kind != TREE_CHAR_DEVICE && record.kind != TREE_BLOCK_DEVICE);
		at += (off_t)sizeof record;
		if (pread(fd, path, record.path_size, at) < (ssize_t)record.path_size)
			return;
		path[record.path_size] = 0;
		at += record.path_size;
		if (pread(fd, extra, record.extra_size, at) < (ssize_t)record.extra_size)
			return;
		extra[record.extra_size] = 0;
		at += record.extra_size + (off_t)record.size;
		expect(is_clean(path) && strlen(path) == record.path_size);
		expect(record.kind != TREE_HARDLINK || is_clean(extra));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {"application/vnd.oci.image.layer.v1.tar",
					    "application/vnd.oci.image.layer.v1.tar+gzip",
					    "application/vnd.oci.image.layer.v1.tar+zstd"};
	struct image_devices devices = {0};
	const struct layer_limits limits = {.max_layer_bytes = 1 << 22,
					    .max_total_bytes = 1 << 22,
					    .max_entries = 100,
					    .max_ratio = 100,
					    .devices = size % 2 ? &devices : NULL};
	struct descriptor layer = {.media_type = types[size ? data[0] % 3 : 0], .size = size ? size - 1 : 0};
	struct digest diff_id = {{0}, ""};
	struct refusal r = {0};
	struct pool pool = {NULL};
	char path[96];

	set_digest(&layer.digest, data + (size > 0), layer.size);
	diff_id = layer.digest; /* right where there is no compression */
	str_format(path, sizeof path, "blobs/sha256/%s", layer.digest.text + 7);
	int fd = openat(layout(), path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600),
	    tree = memfd_create("tree", MFD_CLOEXEC);
	expect(fd >= 0 && tree >= 0 && write(fd, data + (size > 0), layer.size) == (ssize_t)layer.size);
	close(fd);
	int result = layers_read(&pool, layout(), &layer, &diff_id, 1, &limits, tree, NULL, &r);
	expect(result == 0 || r.reason[0]);
	expect((devices.count > 0) == (devices.first[0] != 0) || result < 0);
	check_records(tree);
	close(tree);
	unlinkat(layout(), path, 0);
	pool_free(&pool);
	return 0;
}
