// SPDX-License-Identifier: Apache-2.0
/*
 * replay.c - feed each file of a corpus to a fuzz target, without libFuzzer: replay FILE|DIRECTORY...
 *
 * The target's answer is of no interest here; what counts is that it returns (or that a sanitizer says why it does not).
 * An empty corpus is a failure: a test that ran nothing must not pass.
 */
#include <fcntl.h>
#include <fts.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed(const char *path, size_t size)
{
	/* Exactly as large as the file, so that a read past the end is seen. */
	uint8_t *data = malloc(size ? size : 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = data && fd >= 0 ? read(fd, data, size) : -1;

	if (n >= 0)
		LLVMFuzzerTestOneInput(data, (size_t)n);
	else
		perror(path);
	if (fd >= 0)
		close(fd);
	free(data);
	return n < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	FTS *tree = argc > 1 ? fts_open(argv + 1, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
	int count = 0;

	for (FTSENT *entry; tree && (entry = fts_read(tree));) {
		if (entry->fts_info != FTS_F)
			continue;
		if (feed(entry->fts_path, (size_t)entry->fts_statp->st_size) < 0)
			return 1;
		count++;
	}
	if (tree)
		fts_close(tree);
	printf("%d inputs\n", count);
	return count > 0 ? 0 : 1;
}
