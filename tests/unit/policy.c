/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.c - the policy file: whose it must be (policy_read.c: what it may say).
 *
 * The accepted cases need a directory that only root can write; without root, or where
 * /root is not such a directory, they are left out and only refusals are tested.
 */
#include "check.h"

#include <fcntl.h>
#include <hrun/policy.h>
#include <hrun/str.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0 || close(fd) < 0) {
		perror(path);
		exit(1);
	}
}

/* The level that PATH selects, or LEVELS where it is refused with a text that holds WHY. */
static enum level load(const char *path, const char *why)
{
	struct pool pool = {0};
	struct policy policy;
	struct err e = {0};
	struct policy_request request = policy_request_of_caller(path, NULL);
	int r = policy_load_for(&pool, &request, &policy, &e);

	if (r < 0 && (!strstr(e.text, why) || !strstr(e.text, "policy: ") || policy.level != LEVEL_BASELINE)) {
		fprintf(stderr, "%s: %s (expected: %s)\n", path, e.text, why);
		failures++;
	}
	pool_free(&pool);
	return r < 0 ? LEVELS : policy.level;
}

static void test_words(void)
{
	CHECK(policy_level_of("privileged") == LEVEL_PRIVILEGED && policy_level_of("restricted") == LEVEL_RESTRICTED);
	CHECK(policy_level_of("Baseline") == LEVELS && policy_level_of("") == LEVELS);
	CHECK(str_equal(policy_level_name(LEVEL_BASELINE), "baseline"));
}

/* /tmp is writable by everybody, sticky or not. */
static void test_parent_directory(void)
{
	char path[] = "/tmp/hrun-policy-XXXXXX";
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	close(fd);
	write_file(path, "{\"format\":1,\"level\":\"privileged\"}", 0644);
	CHECK(load(path, "`/tmp` is writable") == LEVELS);
	unlink(path);
}

static const struct {
	const char *text;
	enum level level;
	const char *why;
} documents[] = {
	{"{\"format\":1,\"level\":\"privileged\"}", LEVEL_PRIVILEGED, ""},
	{"{\"format\":1,\"level\":\"restricted\"}", LEVEL_RESTRICTED, ""},
	{"{\"format\":1}", LEVEL_BASELINE, ""},
	{"{\"level\":\"restricted\"}", LEVEL_RESTRICTED, ""},
	{"{\"format\":2}", LEVELS, "`format` must be 1"},
	{"{\"format\":1,\"level\":\"none\"}", LEVELS, "`level` must be"},
	{"{\"format\":1,\"level\":null}", LEVELS, "is null"},
	{"{\"format\":1,\"Level\":\"privileged\"}", LEVELS, "`Level` is not a member"},
	{"{\"format\":1,\"level\":\"restricted\",\"level\":\"privileged\"}", LEVELS, "line 1"},
	{"{\"format\":1,}", LEVELS, "line 1"},
	{"", LEVELS, "policy: "},
};

static void test_documents(const char *path)
{
	for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
		write_file(path, documents[i].text, 0644);
		enum level level = load(path, documents[i].why);
		if (level != documents[i].level) {
			fprintf(stderr, "%s: level %d\n", documents[i].text, level);
			failures++;
		}
	}
}

static void test_file(const char *directory, const char *path)
{
	char other[256], link[256], through[300];

	write_file(path, "{\"format\":1,\"level\":\"privileged\"}", 0664);
	CHECK(load(path, "is writable by group or others") == LEVELS);
	CHECK(chmod(path, 0646) == 0 && load(path, "is writable by group or others") == LEVELS);
	CHECK(chmod(path, 0600) == 0 && load(path, "") == LEVEL_PRIVILEGED);
	if (chown(path, 1000, 0) == 0)
		CHECK(load(path, "belongs to uid 1000") == LEVELS);
	else
		printf("a foreign owner not tested: uid 1000 is not mapped here\n");
	CHECK(chown(path, 0, 0) == 0 && load(path, "") == LEVEL_PRIVILEGED);
	CHECK(chmod(directory, 01777) == 0 && load(path, "is writable by group or others") == LEVELS);
	CHECK(chmod(directory, 0755) == 0 && load(path, "") == LEVEL_PRIVILEGED);

	CHECK(str_format(link, sizeof link, "%s/link", directory) > 0 && symlink(path, link) == 0);
	CHECK(load(link, "is a symbolic link") == LEVELS);
	unlink(link);
	CHECK(symlink(directory, link) == 0 && str_format(through, sizeof through, "%s/policy.json", link) > 0);
	CHECK(load(through, "is a symbolic link") == LEVELS);
	unlink(link);
	CHECK(str_format(other, sizeof other, "%s/../%s", directory, "x") > 0 && load(other, "holds \"..\"") == LEVELS);
	CHECK(str_format(other, sizeof other, "%s/absent.json", directory) > 0 && load(other, "ENOENT") == LEVELS);
	CHECK(load(directory, "is not a regular file") == LEVELS);
	CHECK(chdir(directory) == 0 && load("policy.json", "") == LEVEL_PRIVILEGED && chdir("/") == 0);
}

int main(void)
{
	char directory[] = "/root/.hrun-policy-XXXXXX", path[64];

	test_words();
	if (access(POLICY_FILE, F_OK) < 0)
		CHECK(load(NULL, "") == LEVEL_BASELINE);
	test_parent_directory();
	if (geteuid() != 0 || !mkdtemp(directory)) {
		printf("accepted policy files not tested: needs root and /root\n");
		return failures != 0;
	}
	CHECK(chmod(directory, 0755) == 0 && str_format(path, sizeof path, "%s/policy.json", directory) > 0);
	test_documents(path);
	test_file(directory, path);
	unlink(path);
	rmdir(directory);
	return failures != 0;
}
