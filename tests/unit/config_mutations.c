/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_mutations.c - good documents with a few bytes changed: the fuzzer's checks
 * on a fixed series of inputs, for every test run.  Run from the top directory.
 */
#include "../fuzz/fuzz_config.c"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { RUNS = 1500, MAX_SIZE = 65536 };

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Change a few bytes into ones that mean something to JSON, or anything; sometimes cut the end. */
static size_t mutate(char *bytes, size_t size, uint32_t *state)
{
	static const char meaning[] = "\"\\{}[],:0-9eun\0\t\v\x7f\x80\xc3\xed\xff";
	uint32_t changes = 1 + next_random(state) % 4;

	while (changes--) {
		uint32_t r = next_random(state);
		bytes[r % size] = r & 0x10000 ? (char)next_random(state) : meaning[next_random(state) % sizeof meaning];
	}
	return next_random(state) % 8 ? size : next_random(state) % size;
}

/* Exactly as large as the input, so that the sanitizer sees a read beyond its end. */
static void run_once(const char *bytes, size_t size)
{
	char *exact = malloc(size ? size : 1);

	memcpy(exact, bytes, size);
	LLVMFuzzerTestOneInput((const unsigned char *)exact, size);
	free(exact);
}

static int mutate_file(const char *name, uint32_t *state)
{
	static char good[MAX_SIZE], bytes[MAX_SIZE];
	char path[128];

	snprintf(path, sizeof path, "tests/fuzz/corpus/config/%s.json", name);
	FILE *file = fopen(path, "r");
	if (!file) {
		perror(path);
		return 1;
	}
	size_t size = fread(good, 1, sizeof good, file);
	fclose(file);
	if (!size)
		return 1;
	for (int run = 0; run < RUNS; run++) {
		memcpy(bytes, good, size);
		run_once(bytes, mutate(bytes, size, state));
	}
	return 0;
}

int main(void)
{
	uint32_t state = 1;

	return mutate_file("full", &state) | mutate_file("podman", &state) | mutate_file("docker", &state) |
	       mutate_file("cri", &state) | mutate_file("spec", &state);
}
