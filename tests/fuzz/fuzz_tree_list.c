/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_tree_list.c - any bytes as what hrun-tree tells of a tree: a digest and a list of good lines, or a reason.
 *
 * The first byte says what the answer is like; the rest is the stream of records.
 */
#include <hrun/fd.h>
#include <hrun/image_tree.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

/* One newline, at the end; nothing that a terminal obeys; a known letter in front. */
static int take(void *context, const struct image_tree_line *line, struct err *e)
{
	size_t *lines = context;

	(void)e;
	expect(line->size >= 4 && line->size <= sizeof line->text && line->text[line->size - 1] == '\n');
	expect(strchr("hdflpcbx", line->text[0]) && (line->text[1] == ' ' || *lines == 0));
	for (size_t i = 0; i + 1 < line->size; i++)
		expect(line->text[i] >= ' ' && line->text[i] < 0x7f);
	++*lines;
	return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
	struct tree_answer answer = {.magic = TREE_WIRE_MAGIC};
	struct pool pool = {NULL};
	struct image_tree_result result;
	struct err e = {0};
	size_t lines = 0;
	int pair[2];

	if (size == 0)
		return 0;
	autofd int stream = memfd_create("stream", MFD_CLOEXEC);
	expect(stream >= 0 && fd_write_all(stream, bytes + 1, size - 1) == 0 && lseek(stream, 0, SEEK_SET) == 0);
	expect(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	autofd int ours = pair[0], theirs = pair[1];
	answer.error = bytes[0] & 1 ? -5 : 0;
	memset(answer.reason, bytes[0] & 2 ? 'x' : 0, sizeof answer.reason);
	if (!(bytes[0] & 4))
		expect(send(theirs, &answer, sizeof answer - (bytes[0] >> 3 & 1), 0) > 0);
	fd_close(&theirs);
	const struct image_tree tree = {.root = -1, .guarded = true, .take = take, .context = &lines};
	int r = image_tree_listen(&pool, &tree, stream, ours, &result, &e);
	expect(r == 0 ? strlen(result.hex) == 64 && lines > 0 : e.errnum > 0 && e.text[0]);
	pool_free(&pool);
	return 0;
}
