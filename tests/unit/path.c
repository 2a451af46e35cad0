/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path.c - nothing that an image holds can lead a look-up out of its root.
 */
#include "check.h"

#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/pool.h>
#include <hrun/str.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_text(void)
{
	struct pool pool = {0};

	CHECK(str_equal(path_clean(&pool, "//a///b/./c/"), "/a/b/c"));
	CHECK(str_equal(path_clean(&pool, ""), "."));
	CHECK(str_equal(path_clean(&pool, "/"), "/"));
	CHECK(str_equal(path_clean(&pool, "./a/../b"), "a/../b"));
	CHECK(path_has_dotdot("a/.."));
	CHECK(path_has_dotdot(".."));
	CHECK(!path_has_dotdot("/a..b/..."));
	CHECK(path_is_below("/a/b", "/a"));
	CHECK(path_is_below("/a", "/a"));
	CHECK(!path_is_below("/ab", "/a"));
	CHECK(path_is_below("/x", "/"));
	CHECK(path_is_clean("/a/b"));
	CHECK(!path_is_clean("/a/b/"));
	CHECK(!path_is_clean("/a/../b"));
	CHECK(!path_is_clean("/a//b"));
	pool_free(&pool);
}

/* Every text of up to seven letters of "/.a": what the two say, said in another way. */
static void test_all_texts(void)
{
	static const char letters[] = "/.a";
	char text[8], between[10];

	for (int number = 0; number < 1 << 16; number++) {
		struct pool pool = {0};
		int digits = number, length = 0;
		for (; digits; digits /= 4) {
			if (digits % 4 == 0 || length == 7)
				break;
			text[length++] = letters[digits % 4 - 1];
		}
		if (digits)
			continue;
		text[length] = '\0';
		snprintf(between, sizeof between, "/%s/", text);
		bool has_dotdot = strstr(between, "/../") != NULL;
		CHECK(path_has_dotdot(text) == has_dotdot, "%s", text);
		CHECK(path_is_clean(text) == (!has_dotdot && str_equal(path_clean(&pool, text), text)), "%s", text);
		pool_free(&pool);
	}
}

static void test_length(void)
{
	static char path[PATH_MAX + 3];

	memset(path, 'a', PATH_MAX);
	path[0] = '/';
	CHECK(path_is_clean(path));
	path[PATH_MAX] = 'a';
	CHECK(!path_is_clean(path));
}

static bool same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static void test_root(int dir)
{
	struct err e;
	CHECK(mkdirat(dir, "root", 0755) == 0);
	CHECK(mkdirat(dir, "outside", 0755) == 0);
	autofd int root = openat(dir, "root", O_PATH | O_DIRECTORY);
	autofd int outside = openat(dir, "outside", O_PATH | O_DIRECTORY);
	CHECK(symlinkat("../outside", root, "up") == 0);
	CHECK(symlinkat("/outside", root, "abs") == 0);
	CHECK(symlinkat("/proc/self/root", root, "magic") == 0);
	CHECK(mkdirat(root, "proc", 0755) == 0);

	/* "up" and "abs" resolve to root/outside, which is missing, then made inside. */
	CHECK(path_open_in_root(root, "/up", &e) == -ENOENT);
	autofd int inner = path_make_in_root(root, "/abs/x/y", true, 0700, &e);
	CHECK(inner >= 0); /* a link to nothing: what it names is made, in the root */
	CHECK(faccessat(outside, "x", F_OK, 0) < 0);
	autofd int through = path_open_in_root(root, "/up/x/y", &e);
	CHECK(through >= 0 && same(through, inner));
	autofd int file = path_make_in_root(root, "/abs/x/file", false, 0600, &e);
	struct stat st;
	CHECK(file >= 0 && fstat(file, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0600);
	CHECK(path_make_in_root(root, "/new/../../q", true, 0755, &e) == -EINVAL);
	CHECK(path_make_in_root(root, "/abs/x/file/below", true, 0755, &e) == -ENOTDIR);
	CHECK(symlinkat("../../../not/yet", root, "deep") == 0 && symlinkat("deep", root, "twice") == 0);
	autofd int linked = path_make_in_root(root, "/outside/../twice", false, 0600, &e);
	CHECK(linked == -EINVAL); /* dots are for links, not for whoever asks */
	linked = path_make_in_root(root, "/twice", false, 0600, &e);
	autofd int plain = path_open_in_root(root, "/not/yet", &e);
	CHECK(linked >= 0 && same(linked, plain) && fstat(linked, &st) == 0 && S_ISREG(st.st_mode));
	CHECK(symlinkat("self", root, "self") == 0);
	CHECK(path_make_in_root(root, "/self", false, 0600, &e) == -ELOOP);
	CHECK(symlinkat("/grow/x", root, "grow") == 0); /* longer at every turn */
	CHECK(path_make_in_root(root, "/grow", true, 0755, &e) < 0);
	autofd int dot = path_open_in_root(root, "../../..", &e);
	CHECK(dot >= 0 && same(dot, root));
	autofd int self = path_make_in_root(root, "/", true, 0755, &e);
	CHECK(self >= 0 && same(self, root));
	CHECK(path_open_host("/proc/self/root/etc", false, &e) == -ELOOP);
}

int main(void)
{
	char name[] = "/tmp/hrun-path-XXXXXX", command[64];
	umask(022);
	if (!mkdtemp(name))
		return 99;
	autofd int dir = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	test_text();
	test_all_texts();
	test_length();
	test_root(dir);
	snprintf(command, sizeof command, "rm -rf %s", name);
	if (system(command) != 0)
		failures++;
	return failures != 0;
}
