// SPDX-License-Identifier: Apache-2.0
/*
 * fuzz_tree.c - any bytes as hrun-tree's stream: nothing outside the directory is ever touched.
 *
 * Input is a short form of records, so that good ones are found: kind, length of the path, path, length of the extra, extra, content.
 * A first byte of 0xff: what follows is the raw stream.
 */
#include "../../libexec/hrun-tree/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char top[] = "/dev/shm/fuzz-tree-XXXXXX";

int tree_fail(struct tree *t, int errnum, const char *format, ...)
{
	va_list args;

	if (!t->reason[0]) {
		va_start(args, format);
		vsnprintf(t->reason, sizeof t->reason, format, args);
		va_end(args);
	}
	return errnum > 0 ? -errnum : -EIO;
}

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	return ftw->level == 0 ? 0 : remove(path);
}

static int open_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type == FTW_D || type == FTW_DNR)
		chmod(path, st->st_mode | 0700);
	return 0;
}

static void remove_top(void)
{
	nftw(top, remove_one, 64, FTW_PHYS | FTW_DEPTH);
	rmdir(top);
}

static void make_top(void)
{
	static char path[64];

	if (top[strlen(top) - 1] != 'X')
		return;
	expect(mkdtemp(top) != NULL && atexit(remove_top) == 0);
	snprintf(path, sizeof path, "%s/target", top);
	expect(mkdir(path, 0700) == 0);
	snprintf(path, sizeof path, "%s/canary", top);
	expect(mkdir(path, 0711) == 0);
	snprintf(path, sizeof path, "%s/canary/file", top);
	expect(close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640)) == 0);
}

static void check_canary(void)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, "%s/canary", top);
	expect(stat(path, &st) == 0 && (st.st_mode & 07777) == 0711);
	snprintf(path, sizeof path, "%s/canary/file", top);
	expect(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640 && st.st_size == 0 && st.st_nlink == 1);
	expect(lstat(top, &st) == 0 && st.st_nlink == 4);
}

static size_t part(const uint8_t **data, size_t *size, char *to, size_t max)
{
	size_t n = *size ? **data % max : 0;

	if (*size) {
		(*data)++;
		(*size)--;
	}
	if (n > *size)
		n = *size;
	memcpy(to, *data, n);
	*data += n;
	*size -= n;
	return n;
}

static void put(int fd, const void *bytes, size_t size)
{
	expect(write(fd, bytes, size) == (ssize_t)size);
}

static void write_stream(int fd, const uint8_t *data, size_t size)
{
	char path[64], extra[64], content[64];

	if (size > 0 && data[0] == 0xff) {
		put(fd, data + 1, size - 1);
		return;
	}
	while (size > 2) {
		struct tree_record record = {.magic = TREE_WIRE_MAGIC,
					     .kind = data[0] % TREE_KINDS,
					     .mode = data[1] * 8U,
					     .uid = data[1] & 1};
		data += 2;
		size -= 2;
		bool extended =
			record.kind == TREE_SYMLINK || record.kind == TREE_HARDLINK || record.kind == TREE_XATTR;
		if (record.kind != TREE_XATTR && record.kind < TREE_LAYER_END)
			record.path_size = (uint32_t)part(&data, &size, path, sizeof path);
		if (extended)
			record.extra_size = (uint32_t)part(&data, &size, extra, sizeof extra);
		if (record.kind == TREE_FILE)
			record.size = part(&data, &size, content, sizeof content);
		put(fd, &record, sizeof record);
		put(fd, path, record.path_size);
		put(fd, extra, record.extra_size);
		put(fd, content, (size_t)record.size);
	}
	const struct tree_record end = {.magic = TREE_WIRE_MAGIC, .kind = TREE_END};
	put(fd, &end, sizeof end);
}

static void run(struct tree *t, const char *target, int stream, bool walk)
{
	t->root = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	t->parent = t->file = -1;
	t->max_entries = 1000;
	t->max_bytes = 1 << 20;
	t->stream.fd = stream;
	expect(t->root >= 0);
	int r = walk ? tree_walk(t) : tree_apply(t);
	expect(r == 0 || t->reason[0]);
	tree_forget_parent(t);
	if (t->file >= 0)
		close(t->file);
	close(t->root);
	name_clear(&t->made);
	name_clear(&t->directories);
	for (size_t i = 0; i < t->pending_count; i++)
		free(t->pending[i].path);
	free(t->pending);
	for (size_t i = 0; i < t->dropped_count; i++)
		free(t->dropped[i]);
	free(t->dropped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tree apply, walk;
	char target[64];

	make_top();
	snprintf(target, sizeof target, "%s/target", top);
	int stream = memfd_create("stream", MFD_CLOEXEC), walked = memfd_create("walked", MFD_CLOEXEC);
	expect(stream >= 0 && walked >= 0);
	write_stream(stream, data, size);
	lseek(stream, 0, SEEK_SET);
	memset(&apply, 0, sizeof apply);
	apply.flags = TREE_SQUASH | (size % 2 ? TREE_DROP_DEVICES : 0);
	run(&apply, target, stream, false);
	memset(&walk, 0, sizeof walk);
	run(&walk, target, walked, true);
	check_canary();
	chmod(target, 0700);
	nftw(target, open_one, 64, FTW_PHYS);
	nftw(target, remove_one, 64, FTW_PHYS | FTW_DEPTH);
	close(stream);
	close(walked);
	return 0;
}
