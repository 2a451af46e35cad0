/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_config.c - any bytes as config.json: read or refused, never more.
 *
 * What is refused names a rule and a place; what is read can be written as a place
 * and read again.
 */
#include <assert.h>
#include <hrun/config.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

static void check_refusal(const struct json_error *error, size_t size)
{
	assert(error->rule && error->rule[0] && error->where && error->pointer && error->text && error->text[0]);
	assert(!error->pointer[0] || error->pointer[0] == '/');
	assert(error->line <= size + 1 && error->column <= size + 1);
}

static void check_places(struct pool *pool, const struct json *value)
{
	if (value->type == JSON_STRING || value->type == JSON_NUMBER)
		assert(strcmp(json_pointer_of_where(pool, json_where(pool, value)), json_pointer(pool, value)) == 0);
	for (const struct json *child = value->first; child; child = child->next) {
		assert(child->parent == value);
		check_places(pool, child);
	}
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
	struct pool pool = {0};
	const struct json *tree;
	struct json_error error = {0};
	struct config *config;
	struct config_process *process;

	if (json_read(&pool, (const char *)bytes, size, 1 << 20, &tree, &error) < 0) {
		check_refusal(&error, size);
	} else {
		check_places(&pool, tree);
		if (config_read(&pool, tree, &config, &error) < 0)
			check_refusal(&error, size);
		if (config_read_process(&pool, tree, &process, &error) < 0)
			check_refusal(&error, size);
	}
	pool_free(&pool);
	return 0;
}
