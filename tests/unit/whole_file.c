/* SPDX-License-Identifier: Apache-2.0 */
/*
 * whole_file.c - whole or not at all, never over what is there, and nobody's lock is waited for without end.
 */
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <hrun/whole_file.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/hrun-whole-file.XXXXXX";

static bool holds(int dir, const char *name, const char *expected)
{
	char text[64] = "";

	autofd int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, text, sizeof text - 1) >= 0 && str_equal(text, expected);
}

static int count_names(void)
{
	DIR *names = opendir(top);
	int count = -2; /* "." and ".." */

	while (names && readdir(names))
		count++;
	closedir(names);
	return count;
}

static void test_locked(int dir)
{
	struct err e = {0};

	/* Somebody else's, by a descriptor of his own. */
	autofd int other = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(other >= 0 && flock(other, LOCK_EX) == 0);
	CHECK(whole_file_write(dir, "locked", 0600, "x", 1, false, &e) == -EBUSY && strstr(e.text, "locked"), "%s",
	      e.text);
	CHECK(faccessat(dir, "locked", F_OK, 0) < 0);
	CHECK(flock(other, LOCK_UN) == 0 && whole_file_write(dir, "locked", 0600, "x", 1, false, &e) == 0, "%s",
	      e.text);
}

int main(void)
{
	struct err e = {0};
	struct stat st;

	CHECK(mkdtemp(top));
	autofd int dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(whole_file_write(dir, "a", 0640, "one", 3, false, &e) == 0 && holds(dir, "a", "one"), "%s", e.text);
	CHECK(fstatat(dir, "a", &st, 0) == 0 && (st.st_mode & 07777) == 0640);
	CHECK(whole_file_write(dir, "a", 0600, "two", 3, false, &e) == -EEXIST && holds(dir, "a", "one"));
	CHECK(whole_file_write(dir, "a", 0600, "two", 3, true, &e) == 0 && holds(dir, "a", "two"), "%s", e.text);
	/* What a killed writer left is taken over, and no link is followed. */
	CHECK(symlinkat("a", dir, ".b.new") == 0);
	CHECK(whole_file_write(dir, "b", 0600, "b", 1, false, &e) == 0 && holds(dir, "a", "two"), "%s", e.text);
	CHECK(count_names() == 2);
	test_locked(dir);
	CHECK(count_names() == 3);
	CHECK(unlinkat(dir, "a", 0) == 0 && unlinkat(dir, "b", 0) == 0 && unlinkat(dir, "locked", 0) == 0 &&
	      rmdir(top) == 0);
	return failures != 0;
}
