/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle.c - a bundle is opened once and read once; every failure is one line that
 * names the place and the remedy, and leaves no descriptor open.
 */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <hrun/bundle.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct pool pool;
static struct bundle bundle;
static struct json_error refusal;
static struct err failure;

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
		perror(path);
		exit(1);
	}
}

static int open_bundle(const char *directory, const char *config_name, size_t max_size)
{
	failure.text[0] = '\0';
	return bundle_open(&pool, directory, config_name, max_size, &bundle, &refusal, &failure);
}

static size_t open_descriptors(void)
{
	size_t n = 0;
	DIR *dir = opendir("/proc/self/fd");

	while (dir && readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void test_good(const char *top)
{
	struct stat st;
	const char *text = "{\"root\": {\"path\": \"./rootfs/\"}, \"hostname\": \"h\"}";

	write_file("b/config.json", text);
	CHECK(symlink("b", "link") == 0);
	CHECK(open_bundle("link/.", NULL, 4096) == 0);
	CHECK(str_equal(bundle.path, pool_printf(&pool, "%s/b", top)));
	CHECK(bundle.config_size == strlen(text) && memcmp(bundle.config_bytes, text, strlen(text)) == 0);
	CHECK(str_equal(bundle.config->hostname, "h") && !refusal.rule);
	CHECK(str_equal(bundle.rootfs_path, pool_printf(&pool, "%s/b/rootfs", top)));
	CHECK(stat("b/rootfs", &st) == 0 && bundle.rootfs >= 0 && bundle.rootfs_stat.st_ino == st.st_ino);
	CHECK(stat("b", &st) == 0 && bundle.dir_stat.st_ino == st.st_ino);
	CHECK(stat("b/config.json", &st) == 0 && bundle.config_stat.st_ino == st.st_ino);
	CHECK((fcntl(bundle.dir, F_GETFL) & O_PATH) && (fcntl(bundle.dir, F_GETFD) & FD_CLOEXEC));
	CHECK((fcntl(bundle.rootfs, F_GETFL) & O_PATH) && (fcntl(bundle.rootfs, F_GETFD) & FD_CLOEXEC));
	bundle_close(&bundle);
	CHECK(bundle.dir < 0 && bundle.rootfs < 0);
}

static void test_rootfs(const char *top)
{
	write_file("b/config.json", pool_printf(&pool, "{\"root\": {\"path\": \"%s/b/rootfs\"}}", top));
	CHECK(open_bundle("b", NULL, 4096) == 0 && bundle.rootfs >= 0);
	CHECK(str_equal(bundle.rootfs_path, pool_printf(&pool, "%s/b/rootfs", top)));
	bundle_close(&bundle);
	write_file("b/config.json", "{\"root\": {\"path\": \"missing\"}}");
	CHECK(open_bundle("b", NULL, 4096) == 0 && bundle.rootfs == -ENOENT && bundle.rootfs_path);
	bundle_close(&bundle);
	write_file("b/config.json", "{\"root\": {\"path\": \"config.json\"}}");
	CHECK(open_bundle("b", NULL, 4096) == 0 && bundle.rootfs == -ENOTDIR);
	bundle_close(&bundle);
	write_file("b/config.json", "{}");
	CHECK(open_bundle("b", NULL, 4096) == 0 && bundle.rootfs == -ENOENT && !bundle.rootfs_path);
	bundle_close(&bundle);
}

static void expect_failure(const char *directory, const char *config_name, int errnum, const char *line)
{
	int r = open_bundle(directory, config_name, 100);

	if (r == -errnum && str_equal(failure.text, line) && failure.errnum == errnum && bundle.dir < 0)
		return;
	failures++;
	fprintf(stderr, "got  %d %s\nwant %d %s\n", r, failure.text, -errnum, line);
}

static void test_missing(const char *top)
{
	expect_failure("nothing", NULL, ENOENT,
		       "bundle `nothing` cannot be opened: No such file or directory; "
		       "name a directory that holds config.json");
	expect_failure(
		"b/config.json", NULL, ENOTDIR,
		"bundle `b/config.json` cannot be opened: Not a directory; name a directory that holds config.json");
	unlink("b/config.json");
	expect_failure("b", NULL, ENOENT,
		       pool_printf(&pool,
				   "config.json of bundle `%s/b` cannot be opened: No such file or directory; "
				   "`hrun spec` writes a new one",
				   top));
	CHECK(!refusal.rule);
}

static void test_not_a_file(const char *top)
{
	const char *line = pool_printf(
		&pool,
		"config.json of bundle `%s/b` is not a regular file; put the document itself there (json-too-large)",
		top);

	CHECK(mkdir("b/config.json", 0755) == 0);
	expect_failure("b", NULL, EINVAL, line);
	CHECK(rmdir("b/config.json") == 0 && mkfifo("b/config.json", 0600) == 0);
	expect_failure("b", NULL, EINVAL, line);
	CHECK(unlink("b/config.json") == 0 && symlink("/dev/zero", "b/config.json") == 0);
	expect_failure("b", NULL, EINVAL, line);
	CHECK(unlink("b/config.json") == 0);
}

static void test_refused(void)
{
	write_file("b/config.json", "{\n \"root\": {\"path\": 1}}");
	expect_failure("b", NULL, EINVAL,
		       "config.json:2:19: root.path: must be a string, not a number (json-wrong-type)");
	CHECK(str_equal(refusal.rule, "json-wrong-type") && str_equal(refusal.pointer, "/root/path"));
	write_file("b/other.json", "{}\n{}");
	expect_failure("b", "other.json", EINVAL,
		       "other.json:2:1: text after the end of the document; remove it (json-not-strict)");
	write_file("b/config.json", pool_printf(&pool, "{\"hostname\": \"%0100d\"}", 1));
	expect_failure("b", NULL, EINVAL,
		       "config.json: the document has 116 bytes, 100 are allowed; remove bulk data (json-too-large)");
	CHECK(str_equal(refusal.rule, "json-too-large"));
}

/* A name of the document's own choice does not push the reason out of the line, nor break the line. */
static void test_long_name(void)
{
	write_file("b/config.json", pool_printf(&pool, "{\"annotations\": {\"a\\n%0900d\": 1}}", 1));
	CHECK(open_bundle("b", NULL, 4096) == -EINVAL);
	CHECK(str_ends(failure.text, "must be a string, not a number (json-wrong-type)"));
	CHECK(!str_has_control(failure.text));
}

/* Files of /proc say size 0 and then hold more: as good as one that grows. */
static void test_growing(void)
{
	CHECK(open_bundle("b", "/proc/self/status", 4096) == -EBUSY);
	CHECK(strstr(failure.text, "changed while it was read"));
}

int main(void)
{
	char top[] = "/tmp/hrun-unit-bundle-XXXXXX";

	if (!mkdtemp(top) || chdir(top) < 0 || mkdir("b", 0755) < 0 || mkdir("b/rootfs", 0755) < 0) {
		perror(top);
		return 1;
	}
	size_t before = open_descriptors();
	test_good(top);
	test_rootfs(top);
	test_missing(top);
	test_not_a_file(top);
	test_refused();
	test_long_name();
	test_growing();
	CHECK(open_descriptors() == before);
	pool_free(&pool);
	unlink("link");
	unlink("b/config.json");
	unlink("b/other.json");
	if (rmdir("b/rootfs") < 0 || rmdir("b") < 0 || chdir("/") < 0 || rmdir(top) < 0)
		perror(top);
	return failures != 0;
}
