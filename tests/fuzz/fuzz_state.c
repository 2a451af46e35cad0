/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_state.c - the state record: whatever is taken must be written back as it was read.
 */
#include <hrun/json.h>
#include <hrun/state.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pool pool = {NULL};
	struct json_out first = {.pool = &pool}, second = {.pool = &pool};
	struct container_record record, again;
	struct err e = {0};

	if (record_read(&pool, (const char *)data, size, NULL, &record, &e) == 0) {
		if (!container_id_valid(record.id) || record.pid < 0 || record.pid == 1)
			abort();
		record_write(&first, &record);
		if (record_read(&pool, first.text, first.length, record.id, &again, &e) < 0)
			abort();
		record_write(&second, &again);
		if (first.length != second.length || memcmp(first.text, second.text, first.length) != 0)
			abort();
	} else if (!e.text[0]) {
		abort();
	}
	/* What is read of a record that is refused is bounded all the same. */
	record_read_remains(&pool, (const char *)data, size, &again);
	if (again.pid < 0 || again.pid == 1 || (again.cgroup && (!again.cgroup_mountpoint || !again.cgroup[1])))
		abort();
	pool_free(&pool);
	return 0;
}
