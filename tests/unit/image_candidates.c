/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_candidates.c - in the layout of every vector the image is found, and the signatures that every tool left there.
 */
#include "../../libexec/hrun-image/image.h"
#include <dirent.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int failed;

static void expect(bool good, const char *name, const char *what)
{
	if (good)
		return;
	printf("%s: %s\n", name, what);
	failed = 1;
}

static const struct json *read_json(struct pool *pool, int dir, const char *name)
{
	autofd int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	struct refusal r = {0};
	const struct json *tree;
	struct blob blob;

	if (fd < 0 || file_read(pool, fd, DOCUMENT_MAX, &blob) < 0 ||
	    document_read(pool, &blob, name, IMAGE_STAGE_INDEX, &tree, &r) < 0)
		return NULL;
	return tree;
}

static int format_of(const char *word)
{
	static const char *const words[] = {"cosign-legacy", "sigstore-bundle", "notation-jws", "notation-cose"};

	for (int i = 0; i < 4; i++) {
		if (str_equal(word, words[i]))
			return i;
	}
	return -1;
}

/* How many signatures of the vector's own format there must be at least. */
static size_t fewest(const char *name)
{
	if (strstr(name, "missing") || strstr(name, "unsigned") || strstr(name, "gpg-") ||
	    str_equal(name, "tamper-index-points-to-unsigned-image") ||
	    str_equal(name, "index-rewritten-to-other-child"))
		return str_equal(name, "legacy-signature-annotation-missing") ||
		       str_equal(name, "tamper-layer-missing");
	return strstr(name, "threshold-2of3") || strstr(name, "two-sigs") || strstr(name, "bad-then-good") ? 2 : 1;
}

static void look(struct pool *pool, int vectors, const char *name)
{
	struct image_request request = {.os = "linux", .architecture = "amd64"};
	autofd int dir = openat(vectors, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofd int files = openat(dir, "layout", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct json *manifest = read_json(pool, dir, "manifest.json");
	struct candidates found;
	struct refusal r = {0};
	struct layout layout;
	struct descriptor d;
	size_t count = 0;

	if (!manifest) {
		expect(false, name, "manifest.json cannot be read");
		return;
	}
	const char *ref = member_text(manifest, "ref"), *format = member_text(manifest, "format");
	str_format(request.ref, sizeof request.ref, "%s", ref ? ref : "");
	if (layout_read(pool, files, &layout, &r) < 0 || layout_choose(&layout, &request, &d, &r) < 0) {
		expect(false, name, r.reason);
		return;
	}
	expect(str_equal(d.digest.text, member_text(manifest, "image_digest")), name, "another image was chosen");
	candidates_find(pool, &layout, &d.digest, &found);
	expect(!found.incomplete, name, "not everything was looked at");
	for (size_t i = 0; format && i < found.count; i++)
		count += (int)found.item[i].format == format_of(format);
	if (format && format_of(format) >= 0 && count < fewest(name)) {
		printf("%zu signatures (%s) of %zu\n", count, format, found.count);
		expect(false, name, "too few signatures were found");
	}
}

int main(void)
{
	const char *tests = getenv("TESTS");
	struct pool pool = {NULL};
	size_t count = 0;

	if (!tests || chdir(tests) < 0) {
		printf("run it by tests/run\n");
		return 77;
	}
	autofd int vectors = open("vectors", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fdopendir(dup(vectors));
	for (struct dirent *entry; list && (entry = readdir(list));) {
		if (entry->d_name[0] == '.' || entry->d_type != DT_DIR)
			continue;
		look(&pool, vectors, entry->d_name);
		pool_free(&pool);
		count++;
	}
	if (list)
		closedir(list);
	printf("%zu layouts\n", count);
	return failed || count < 80;
}
