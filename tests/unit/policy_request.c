/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_request.c - which file holds for whom: root and others, --policy, classes.
 *
 * In a directory of its own below /run, which only root can write: without root all but the names of classes is left out.
 */
#include "check.h"

#include <fcntl.h>
#include <hrun/policy.h>
#include <hrun/policy_open.h>
#include <hrun/str.h>
#include <hrun/utc.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { USER = 1000 };

static struct pool pool;

/* A NULL is another text. */
static bool is_text(const char *a, const char *b)
{
	return a && b && str_equal(a, b);
}
static const char *directory;

static const char *write_file(const char *name, const char *text)
{
	const char *path = pool_printf(&pool, "%s/%s", directory, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, 0644) < 0 || close(fd) < 0) {
		perror(path);
		exit(1);
	}
	return path;
}

static void remove_file(const char *name)
{
	unlink(pool_printf(&pool, "%s/%s", directory, name));
}

static int load(const char *file, const char *class_name, bool is_root, struct policy *policy, struct err *e)
{
	struct policy_request request = {.file = file,
					 .class_name = class_name,
					 .is_root = is_root,
					 .today = utc_today(),
					 .directory = directory};

	*e = (struct err){0};
	return policy_load_for(&pool, &request, policy, e);
}

/* The level that holds, or LEVELS where WHY is told. */
static enum level level(const char *file, const char *class_name, bool is_root, const char *why)
{
	struct policy policy;
	struct err e;
	int r = load(file, class_name, is_root, &policy, &e);

	if (r < 0)
		CHECK(why && strstr(e.text, why) && policy.level == LEVEL_BASELINE, "%s (expected: %s)", e.text, why);
	return r < 0 ? LEVELS : policy.level;
}

static const char privileged[] = "{\"format\":1,\"level\":\"privileged\"}",
		  restricted[] = "{\"format\":1,\"level\":\"restricted\"}";

static void test_machine(void)
{
	CHECK(level(NULL, NULL, true, NULL) == LEVEL_BASELINE && level(NULL, NULL, false, NULL) == LEVEL_BASELINE);
	write_file("policy.json", privileged);
	CHECK(level(NULL, NULL, true, NULL) == LEVEL_PRIVILEGED && level(NULL, NULL, false, NULL) == LEVEL_PRIVILEGED);
	write_file("policy.json", "{");
	CHECK(level(NULL, NULL, true, "line 1") == LEVELS);
	remove_file("policy.json");
}

/* The host's root chooses freely; anybody else can only tighten, and a broken machine's file is no way out. */
static void test_option(void)
{
	const char *loose = write_file("loose.json", privileged), *tight = write_file("tight.json", restricted);

	CHECK(level(loose, NULL, true, NULL) == LEVEL_PRIVILEGED && level(loose, NULL, false, NULL) == LEVEL_BASELINE);
	CHECK(level(tight, NULL, true, NULL) == LEVEL_RESTRICTED &&
	      level(tight, NULL, false, NULL) == LEVEL_RESTRICTED);
	write_file("policy.json", restricted);
	CHECK(level(loose, NULL, true, NULL) == LEVEL_PRIVILEGED &&
	      level(loose, NULL, false, NULL) == LEVEL_RESTRICTED);
	write_file("policy.json", "{}}");
	CHECK(level(loose, NULL, true, NULL) == LEVEL_PRIVILEGED && level(tight, NULL, false, "line 1") == LEVELS);
	remove_file("policy.json");
	CHECK(level(pool_printf(&pool, "%s/absent.json", directory), NULL, true, "ENOENT") == LEVELS);
	CHECK(level(pool_printf(&pool, "%s/absent.json", directory), NULL, false, "ENOENT") == LEVELS);
}

static void test_own_file(void)
{
	const char *own = write_file("own.json", restricted);

	CHECK(chown(own, USER, 0) == 0 &&
	      level(own, NULL, true, "belongs to uid 1000, not to the host's root;") == LEVELS);
	CHECK(level(own, NULL, true, "chown root it") == LEVELS);
	CHECK(seteuid(USER) == 0);
	CHECK(level(own, NULL, false, NULL) == LEVEL_RESTRICTED && !policy_caller_is_root());
	CHECK(seteuid(0) == 0 && chmod(own, 0666) == 0 && seteuid(USER) == 0);
	CHECK(level(own, NULL, false, "is writable by group or others") == LEVELS);
	CHECK(seteuid(0) == 0 && chmod(own, 0644) == 0 && chown(own, USER + 1, 0) == 0 && seteuid(USER) == 0);
	CHECK(level(own, NULL, false, "belongs to uid 1001, not to the host's root or to you") == LEVELS);
	/* The machine's may not be his. */
	CHECK(seteuid(0) == 0 && chown(write_file("policy.json", privileged), USER, 0) == 0 && seteuid(USER) == 0);
	CHECK(level(NULL, NULL, false, "belongs to uid 1000") == LEVELS && seteuid(0) == 0);
	remove_file("policy.json");
}

static void test_class(void)
{
	struct policy policy;
	struct err e;

	CHECK(level(NULL, "gpu", true, "hrun-gpu needs") == LEVELS && level(NULL, "gpu", false, "not there") == LEVELS);
	write_file("gpu.json", privileged);
	CHECK(load(NULL, "gpu", true, &policy, &e) == 0 && policy.level == LEVEL_PRIVILEGED &&
	      is_text(policy.class_name, "gpu"));
	CHECK(load(NULL, "gpu", false, &policy, &e) == 0 && policy.level == LEVEL_BASELINE &&
	      is_text(policy.class_name, "gpu"));
	write_file("policy.json", restricted);
	CHECK(level(NULL, "gpu", true, NULL) == LEVEL_PRIVILEGED &&
	      level(NULL, "gpu", false, NULL) == LEVEL_RESTRICTED);
	write_file("gpu.json", "{\"level\":\"strict\"}");
	CHECK(level(NULL, "gpu", true, "`level` must be") == LEVELS &&
	      level(NULL, "gpu", false, "`level` must be") == LEVELS);
	/* A broken policy.json does not stop root's class, and does everybody else's. */
	write_file("gpu.json", restricted);
	write_file("policy.json", "x");
	CHECK(level(NULL, "gpu", true, NULL) == LEVEL_RESTRICTED && level(NULL, "gpu", false, "line 1") == LEVELS);
	remove_file("policy.json");
	remove_file("gpu.json");
}

/* A severe waiver without a digest holds in the file of a class, not in the machine's under the name of a class. */
static void test_class_waiver(void)
{
	char date[UTC_TEXT_SIZE];
	struct policy policy;
	struct err e;

	utc_date_text(utc_today() + 30, date, sizeof date);
	const char *text = pool_printf(&pool,
				       "{\"waivers\":[{\"rule\":\"ns-net-host\",\"match\":{\"value\":\"x\"},\"reason\":"
				       "\"a good reason\",\"owner\":\"o\",\"expires\":\"%s\"}]}",
				       date);
	const char *file = write_file("gpu.json", text);
	CHECK(load(NULL, "gpu", true, &policy, &e) == 0 && policy.waiver_count == 1);
	/* Not root: policy.json does not waive it. */
	CHECK(load(NULL, "gpu", false, &policy, &e) == 0 && policy.waiver_count == 0);
	CHECK(load(file, NULL, true, &policy, &e) < 0 && strstr(e.text, "a severe rule"));
	write_file("policy.json", text);
	CHECK(load(NULL, "policy", true, &policy, &e) < 0 && strstr(e.text, "a severe rule"));
	remove_file("policy.json");
	remove_file("gpu.json");
}

static const struct {
	const char *program, *name; /* name "!": an error; NULL: no class */
} programs[] = {
	{"hrun", NULL},
	{"/usr/bin/hrun", NULL},
	{"runc", NULL},
	{"", NULL},
	{"/opt/hrun-1.0/bin/hrun", NULL},
	{"hrunx", NULL},
	{"xhrun-a", NULL},
	{"hrun-restricted", "restricted"},
	{"/usr/bin/hrun-gpu-2", "gpu-2"},
	{"./hrun-0", "0"},
	{"hrun-abcdefghijklmnopqrstuvwxyz012345", "abcdefghijklmnopqrstuvwxyz012345"},
	{"hrun-abcdefghijklmnopqrstuvwxyz0123456", "!"},
	{"hrun-", "!"},
	{"/usr/bin/hrun-", "!"},
	{"hrun--a", "!"},
	{"hrun-UPPER", "!"},
	{"hrun-a_b", "!"},
	{"hrun-a.json", "!"},
	{"hrun-a b", "!"},
	{"hrun-\xc3\xa4", "!"},
	{"hrun-..", "!"},
	{"hrun-../x", "!"},
	{"hrun-/x", "!"},
	{"/bin/hrun-./hrun", "!"},
	{"hrun-../../etc/passwd", "!"},
	{"hrun-a\n", "!"},
};

static void test_names(void)
{
	for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
		const char *name = "", *expected = programs[i].name;
		struct err e = {0};
		int r = policy_class_of(&pool, programs[i].program, &name, &e);
		if (expected && is_text(expected, "!"))
			CHECK(r == -EINVAL && strstr(e.text, "no name of a class"), "%s: %d", programs[i].program, r);
		else
			CHECK(r == 0 && (expected ? name && is_text(name, expected) : !name), "%s: %d %s",
			      programs[i].program, r, e.text);
	}
	const char *name = "";
	struct err e;
	CHECK(policy_class_of(&pool, NULL, &name, &e) == 0 && !name);
}

int main(void)
{
	char template[] = "/run/hrun-policy-XXXXXX";

	test_names();
	directory = geteuid() == 0 ? mkdtemp(template) : NULL;
	if (!directory || chmod(directory, 0755) < 0) {
		printf("which file holds not tested: needs root and /run\n");
		return failures != 0;
	}
	test_machine();
	test_option();
	if (chown(directory, USER, 0) == 0 && chown(directory, 0, 0) == 0)
		test_own_file();
	test_class();
	test_class_waiver();
	for (const char *const *name = (const char *const[]){"loose.json", "tight.json", "own.json", NULL}; *name;
	     name++)
		remove_file(*name);
	CHECK(rmdir(directory) == 0);
	pool_free(&pool);
	return failures != 0;
}
