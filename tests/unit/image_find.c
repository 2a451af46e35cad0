/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_find.c - what a search through containerd's documents may cost: each document before it is read, and not without end.
 * tests/image/compare_containerd.py has the documents themselves.
 */
#include "../../libexec/hrun-image/find.h"
#include "check.h"
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/sha256.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define INDEX "application/vnd.oci.image.index.v1+json"
#define CHAIN "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define BAD "sha256:2222222222222222222222222222222222222222222222222222222222222222"

static struct pool pool;
static char directory[] = "/tmp/hrun-find-XXXXXX";
static int files = -1;
static size_t taken;

static const char *digest_of(const char *text)
{
	unsigned char bytes[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	struct sha256 hash;

	sha256_init(&hash);
	sha256_add(&hash, text, strlen(text));
	sha256_end(&hash, bytes);
	sha256_hex(bytes, hex);
	return pool_printf(&pool, "sha256:%s", hex);
}

/* A document under DIGEST, or under its own. */
static const char *put(const char *digest, const char *text)
{
	digest = digest ? digest : digest_of(text);
	autofd int fd = openat(files, pool_printf(&pool, "blobs/sha256/%s", digest + strlen("sha256:")),
			       O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0);
	return digest;
}

static const char *put_image(const char *diff_id)
{
	const char *config = put(NULL, pool_printf(&pool, "{\"rootfs\":{\"diff_ids\":[\"%s\"]}}", diff_id));

	return put(NULL, pool_printf(&pool, "{\"config\":{\"digest\":\"%s\"}}", config));
}

static int take(void *context, const struct find_way *way, const struct digest *config)
{
	(void)context;
	(void)config;
	taken += way->count;
	return 0;
}

static const char *find(struct find_documents *f, const char *digest, const char *media_type)
{
	const char *why;

	f->files = files;
	f->chain = CHAIN;
	f->take = take;
	taken = 0;
	CHECK(find_documents(f, &pool, digest, media_type, &why) == 0);
	return why;
}

/* What cannot be read costs what it is long, before it is read. */
static void costs(void)
{
	const char *image = put_image(CHAIN), *other = put_image(BAD);
	struct find_documents f = {0};

	CHECK(!find(&f, image, MANIFEST) && taken == 1);
	CHECK(f.documents == 2 && f.bytes > 100);
	CHECK(!find(&f, other, MANIFEST) && taken == 0);
	put(BAD, pool_printf(&pool, "%0500d", 0));
	f = (struct find_documents){0};
	for (size_t i = 1; i <= 3; i++)
		CHECK(find(&f, BAD, MANIFEST) && f.bytes == 500 * i && f.documents == i);
	put(BAD, "{");
	f = (struct find_documents){.bytes = FIND_BYTES_MAX};
	const char *why = find(&f, image, MANIFEST);
	CHECK(why && strstr(why, "too many bytes") && taken == 0);
	f = (struct find_documents){.documents = FIND_DOCUMENTS_MAX};
	why = find(&f, image, MANIFEST);
	CHECK(why && strstr(why, "too many documents") && taken == 0);
}

static void depths(void)
{
	struct find_documents f = {0};
	const char *text = put_image(CHAIN), *type = MANIFEST;

	for (size_t depth = 1; depth <= FIND_DEPTH_MAX; depth++) {
		CHECK(!find(&f, text, type) && taken == depth, "%zu", depth);
		text = put(NULL, pool_printf(&pool, "{\"manifests\":[{\"mediaType\":\"%s\",\"digest\":\"%s\"}]}", type,
					     text));
		type = INDEX;
	}
	const char *why = find(&f, text, type);
	CHECK(why && strstr(why, "too deep") && taken == 0);
}

/* What one target may cost all others is its own bound, and an index costs each of its entries once. */
static void bounds(void)
{
	struct find_documents f = {0};
	const char *image = put_image(CHAIN), *entries = "", *one = "";

	for (int i = 0; i < 600; i++) {
		entries = pool_printf(&pool, "%s%s{\"mediaType\":\"%s\",\"digest\":\"sha256:%064d\"}", entries,
				      i ? "," : "", MANIFEST, i);
		one = pool_printf(&pool, "%s%s{\"mediaType\":\"%s\",\"digest\":\"%s\"}", one, i ? "," : "", MANIFEST,
				  image);
	}
	const char *wide = put(NULL, pool_printf(&pool, "{\"manifests\":[%s]}", entries));
	const char *why = find(&f, wide, INDEX);
	CHECK(why && strstr(why, "too many documents") && f.documents == FIND_TARGET_DOCUMENTS, "%zu", f.documents);
	f = (struct find_documents){0};
	CHECK(!find(&f, put(NULL, pool_printf(&pool, "{\"manifests\":[%s]}", one)), INDEX));
	CHECK(taken == 2 && f.documents == 3, "%zu, %zu", taken, f.documents);
	/* Large ones, each of which differs. */
	entries = "";
	for (int i = 0; i < 12; i++) {
		const char *large = put(NULL, pool_printf(&pool, "{\"x\":\"%01000000d\"}", i));
		entries = pool_printf(&pool, "%s%s{\"mediaType\":\"%s\",\"digest\":\"%s\"}", entries, i ? "," : "",
				      MANIFEST, large);
	}
	f = (struct find_documents){0};
	why = find(&f, put(NULL, pool_printf(&pool, "{\"manifests\":[%s]}", entries)), INDEX);
	CHECK(why && strstr(why, "too many bytes") && f.bytes <= FIND_TARGET_BYTES, "%zu", f.bytes);
}

int main(void)
{
	CHECK(mkdtemp(directory) != NULL);
	files = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(mkdirat(files, "blobs", 0700) == 0 && mkdirat(files, "blobs/sha256", 0700) == 0);
	costs();
	depths();
	bounds();
	CHECK(system(pool_printf(&pool, "rm -r %s", directory)) == 0);
	close(files);
	pool_free(&pool);
	return failures != 0;
}
