/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_scan.c - any bytes as the file of an engine: read to the end, or to a line that the file has.
 */
#include <assert.h>
#include <hrun/doctor_look.h>
#include <hrun/pool.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
	struct pool pool = {0};
	struct scan scan;
	unsigned int lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += bytes[i] == '\n';
	doctor_scan(&pool, pool_strndup(&pool, (const char *)bytes, size), &scan);
	assert(scan.stopped <= lines && scan.entry_count <= SCAN_ENTRIES);
	for (size_t i = 0; i < scan.entry_count; i++) {
		const struct scan_entry *entry = &scan.entries[i];
		assert(entry->depth > 0 && entry->depth <= SCAN_DEPTH);
		for (size_t k = 0; k < entry->depth; k++)
			assert(entry->path[k] && !strchr(entry->path[k], '\n'));
		for (size_t k = 0; k < entry->item_count; k++)
			assert(entry->items[k] && strlen(entry->items[k]) <= size);
	}
	pool_free(&pool);
	return 0;
}
