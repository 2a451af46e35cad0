/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_empty.c - a directory emptied, whatever an image has put into it.
 *
 * Two descriptors and no recursion, however deep it is: a directory that is not empty is moved up to the top and has its
 * turn there.  Names are single components of open directories; no link is followed and no mount entered.
 */
#include <dirent.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_store.h>
#include <hrun/str.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct emptying {
	int top;
	uint64_t moved; /* directories that came up so far: their names */
};

DIR *store_names(int dir)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = again < 0 ? NULL : fdopendir(again);

	if (!names)
		fd_close(&again);
	return names;
}

void store_names_close(DIR **names)
{
	if (*names)
		closedir(*names);
}

const char *store_next_name(DIR *names)
{
	struct dirent *entry;

	while ((entry = readdir(names))) {
		if (!str_equal(entry->d_name, ".") && !str_equal(entry->d_name, ".."))
			return entry->d_name;
	}
	return NULL;
}

/* 1: gone; 0: a directory that is not empty. */
static int remove_name(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) == 0)
		return 1;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
		return 1;
	return errno == ENOTEMPTY || errno == EEXIST ? 0 : -errno;
}

/* The image may have a name like that: then the next number. */
static int move_up(struct emptying *w, int dir, const char *name)
{
	char up[32];

	for (;;) {
		TRY(str_format(up, sizeof up, ".%llx", (unsigned long long)w->moved++));
		if (renameat2(dir, name, w->top, up, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
}

/* The directory NAME of the top: its files go, its directories come up, then it goes. */
static int flatten(struct emptying *w, const char *name)
{
	const char *child;

	autofd int dir = store_open_at(w->top, name, O_RDONLY | O_DIRECTORY);
	TRY(dir);
	autonames DIR *names = store_names(dir);
	if (!names)
		return -errno;
	while ((child = store_next_name(names))) {
		int gone = remove_name(dir, child);
		TRY(gone);
		if (!gone)
			TRY(move_up(w, dir, child));
	}
	return 0;
}

/* Everything that is there now; names that come or are skipped meanwhile are for the next pass.  Returns how many there were. */
static int pass(struct emptying *w)
{
	autonames DIR *names = store_names(w->top);
	const char *name;
	int count = 0;

	if (!names)
		return -errno;
	while ((name = store_next_name(names))) {
		int gone = remove_name(w->top, name);
		TRY(gone);
		if (!gone)
			TRY(flatten(w, name));
		count = 1;
	}
	return count;
}

int store_empty(int dir)
{
	struct emptying w = {.top = dir};
	int r;

	do {
		r = pass(&w);
	} while (r > 0);
	return r;
}
