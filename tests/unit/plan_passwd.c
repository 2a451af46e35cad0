/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_passwd.c - HOME from an etc/passwd that nobody vouches for.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct row {
	const char *text;
	uid_t uid;
	const char *home;
} rows[] = {
	{"root:x:0:0:root:/root:/bin/sh\n", 0, "/root"},
	{"root:x:0:0:root:/root:/bin/sh", 0, "/root"},
	{"root:x:0:0:root:/root:/bin/sh\n", 1, "/"},
	{"a:x:5:0::/a:\nb:x:5:0::/b:\n", 5, "/a"},
	{"a:x:5:0:/a:\nb:x:5:0::/b:\n", 5, "/b"},     /* six fields are no line */
	{"a:x:5:0::/a:sh:\nb:x:5:0::/b:\n", 5, "/b"}, /* nor are eight */
	{"a:x:05:0::/a:\nb:x:+5:0::/c:\n", 5, "/"},   /* a strict number */
	{"a:x: 5:0::/a:\n", 5, "/"},
	{"a:x:4294967301:0::/a:\n", 5, "/"},		/* 2^32 + 5 does not wrap */
	{"a:x:5:0::relative:\nb:x:5:0::/b:\n", 5, "/"}, /* the first match wins, usable or not */
	{"a:x:5:0::/a\x1b[2J:\n", 5, "/"},
	{"a:x:5:0:::\n", 5, "/"},
	{"\n\n:::::\n::::::\na:x:5:0::/a:", 5, "/a"},
	{"", 0, "/"},
};

static int expect(int rootfs, uid_t uid, const char *home, const char *what)
{
	struct pool pool = {0};
	const char *found = plan_home(&pool, rootfs, uid);
	int failed = !str_equal(found, home);

	if (failed)
		printf("%s: uid %u: %s, expected %s\n", what, uid, found, home);
	pool_free(&pool);
	return failed;
}

static void write_passwd(int rootfs, const void *bytes, size_t size)
{
	unlinkat(rootfs, "etc/passwd", 0);
	autofd int fd = openat(rootfs, "etc/passwd", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || fd_write_all(fd, bytes, size) < 0)
		exit(2);
}

static int check_rows(int rootfs)
{
	int failed = 0;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		write_passwd(rootfs, rows[i].text, strlen(rows[i].text));
		failed += expect(rootfs, rows[i].uid, rows[i].home, rows[i].text);
	}
	return failed;
}

/* A file that is no text, and one that is too long by a byte; at the limit it is read. */
static int check_sizes(int rootfs)
{
	static const char line[] = "a:x:5:0::/a:\n";
	static char big[(1 << 20) + 1];
	int failed = 0;

	write_passwd(rootfs, "a:x:5:0::/a:\n\0", 14);
	failed += expect(rootfs, 5, "/", "NUL");
	memset(big, '\n', sizeof big);
	memcpy(big, line, sizeof line - 1);
	write_passwd(rootfs, big, sizeof big);
	failed += expect(rootfs, 5, "/", "too long");
	write_passwd(rootfs, big, sizeof big - 1);
	return failed + expect(rootfs, 5, "/a", "as long as allowed");
}

/* Opening a device of an image can do harm by itself (a watchdog, a tape): only O_PATH, which inotify does not see. */
static int check_fifo(int rootfs, const char *directory)
{
	char path[4096], event[4096];

	if (mkfifoat(rootfs, "etc/passwd", 0600) < 0)
		exit(2);
	snprintf(path, sizeof path, "%s/etc/passwd", directory);
	autofd int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch < 0 || inotify_add_watch(watch, path, IN_OPEN) < 0)
		exit(2);
	int failed = expect(rootfs, 0, "/", "fifo");
	if (read(watch, event, sizeof event) >= 0)
		failed += printf("fifo: it was opened\n") > 0;
	return failed;
}

/* What is not a regular file inside the root; a FIFO must not be waited for either. */
static int check_kinds(int rootfs, const char *directory)
{
	int failed = 0;

	alarm(20);
	unlinkat(rootfs, "etc/passwd", 0);
	failed += expect(rootfs, 0, "/", "missing");
	failed += expect(-1, 0, "/", "no root");
	failed += check_fifo(rootfs, directory);
	write_passwd(rootfs, "a:x:5:0::/a:\n", 13);
	if (renameat(rootfs, "etc/passwd", rootfs, "etc/other") < 0 ||
	    symlinkat("/etc/other", rootfs, "etc/passwd") < 0)
		exit(2);
	failed += expect(rootfs, 5, "/a", "symbolic link inside");
	unlinkat(rootfs, "etc/passwd", 0);
	/* The host's own file has a line for root; the link must end inside, where there is none. */
	if (symlinkat("../../../../../../../../etc/passwd-", rootfs, "etc/passwd") < 0)
		exit(2);
	failed += expect(rootfs, 0, "/", "symbolic link out");
	unlinkat(rootfs, "etc/passwd", 0);
	if (symlinkat("/proc/self/root/etc/passwd", rootfs, "etc/passwd") < 0)
		exit(2);
	return failed + expect(rootfs, 0, "/", "link to procfs");
}

int main(void)
{
	char directory[] = "/tmp/hrun-passwd-XXXXXX";

	if (!mkdtemp(directory))
		return 2;
	autofd int rootfs = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rootfs < 0 || mkdirat(rootfs, "etc", 0755) < 0)
		return 2;
	int failed = check_rows(rootfs) + check_sizes(rootfs) + check_kinds(rootfs, directory);
	unlinkat(rootfs, "etc/passwd", 0);
	unlinkat(rootfs, "etc/other", 0);
	unlinkat(rootfs, "etc", AT_REMOVEDIR);
	rmdir(directory);
	return failed != 0;
}
