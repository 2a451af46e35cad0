/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_yajl.c - the JSON reader against yajl: every document that the tests have, and each of them damaged.
 *
 * A document is cut at each of its bytes, and each byte is replaced by those that mean something in JSON.
 */
#include "../fuzz/json_yajl.h"
#include "check.h"

#include <fts.h>
#include <stdio.h>
#include <stdlib.h>

enum { LARGEST = 1 << 20, DAMAGED = 300 };

static unsigned int documents;

static void check_bytes(const char *bytes, size_t size, const char *name)
{
	/* Of its own size: reading past the end is seen by the sanitizer. */
	char *copy = memcpy(malloc(size + 1), bytes, size);
	const char *differs = json_differs(copy, size);

	CHECK(!differs, "%s: %s: %.*s", name, differs, (int)(size < 200 ? size : 200), bytes);
	free(copy);
}

static void check_damaged(char *bytes, size_t size, const char *name)
{
	static const char other[] = "\"\\{}[]:,0-e \n\v\x01\x80\xe2u";

	for (size_t i = 0; i < size && i < DAMAGED; i++) {
		char kept = bytes[i];
		check_bytes(bytes, i, name);
		for (size_t k = 0; k < sizeof other; k++) { /* its NUL as well */
			bytes[i] = other[k];
			check_bytes(bytes, size < i + DAMAGED ? size : i + DAMAGED, name);
		}
		bytes[i] = kept;
	}
}

static void check_file(const char *path)
{
	char *bytes = malloc(LARGEST);
	FILE *file = fopen(path, "re");
	size_t size = file ? fread(bytes, 1, LARGEST, file) : 0;

	CHECK(file, "%s", path);
	check_bytes(bytes, size, path);
	check_damaged(bytes, size, path);
	documents++;
	if (file)
		fclose(file);
	free(bytes);
}

int main(void)
{
	char data[] = "tests/data/json", config[] = "tests/fuzz/corpus/config", json[] = "tests/fuzz/corpus/json",
	     policy[] = "tests/fuzz/corpus/policy";
	char *const places[] = {data, config, json, policy, NULL};
	FTS *tree = fts_open(places, FTS_PHYSICAL | FTS_NOCHDIR, NULL);

	for (FTSENT *entry; tree && (entry = fts_read(tree));) {
		if (entry->fts_info == FTS_F)
			check_file(entry->fts_path);
	}
	if (tree)
		fts_close(tree);
	CHECK(documents > 50, "%u documents", documents);
	return failures != 0;
}
