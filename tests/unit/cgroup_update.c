/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_update.c - weights: one of the kernel's files must take them, of a new cgroup and of a living one; and values that are put
 * back, by the files alone and by `hrun update`.  The cgroup is a plain directory.
 */
#include "check.h"

#include <fcntl.h>
#include <hrun/cgroup.h>
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/fd.h>
#include <hrun/plan_cgroup.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int set(struct config_resources *resources, const char *directory, bool live, struct err *e)
{
	struct pool pool = {0};
	struct plan plan = {.cgroup = {.path = "/a", .live = live}};
	autofd int root = open(".", O_PATH | O_CLOEXEC), cgroup = open(directory, O_PATH | O_CLOEXEC);

	plan.cgroup.root = root;
	CHECK(cgroup >= 0 && plan_resources(&pool, resources, &plan.cgroup, e) == 0 && plan.cgroup.write_count);
	int r = live ? cgroup_update_check(&plan.cgroup, cgroup, e) : cgroup_apply(&plan.cgroup, cgroup, e);
	if (live && r == 0)
		r = cgroup_update(&plan.cgroup, cgroup, e);
	pool_free(&pool);
	return r;
}

static int update(struct config_resources *resources, const char *directory, struct err *e)
{
	return set(resources, directory, true, e);
}

static int apply(struct config_resources *resources, const char *directory, struct err *e)
{
	return set(resources, directory, false, e);
}

static void make(const char *file)
{
	autofd int fd = open(file, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
}

static void check_file(const char *file, const char *expected)
{
	char text[32] = "";
	autofd int fd = open(file, O_RDONLY | O_CLOEXEC);

	CHECK(fd_read_all(fd, text, sizeof text - 1) >= 0 && strcmp(text, expected) == 0, "%s: %s", file, text);
}

/* Nothing is written where one of many has no file. */
static void test_nothing_before_all_was_looked_at(struct config_block_io *io)
{
	struct config_pids pids = {{true, 7}};
	struct config_resources both = {.pids = &pids, .block_io = io};
	struct err e = {0};

	make("a/pids.max");
	CHECK(update(&both, "a", &e) == -EOPNOTSUPP && strstr(e.text, "blockIO"), "%s", e.text);
	check_file("a/pids.max", "");
	CHECK(unlink("a/pids.max") == 0);
}

/* The others are put back though one cannot be. */
static void test_restore(void)
{
	struct cgroup_write writes[] = {{.file = "io.max", .value = "8:0 rbps=max"}, {.file = "none", .value = "1"}};
	const struct cgroup_plan before = {.writes = writes, .write_count = 2};
	autofd int cgroup = open("a", O_PATH | O_CLOEXEC);
	struct err e = {0};

	make("a/io.max");
	CHECK(cgroup_restore(&before, cgroup, &e) < 0, "a missing file");
	check_file("a/io.max", "8:0 rbps=max");
	CHECK(unlink("a/io.max") == 0);
}

static void fill(const char *file, size_t size)
{
	autofd int fd = open(file, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	while (size-- > 0)
		CHECK(write(fd, "5", 1) == 1);
}

/* What update_apply says where the kernel refuses the last part: a plain directory takes no device filter. */
static void refused_update(struct cgroup_write *writes, size_t count, char *said, size_t size)
{
	const struct config_resources devices = {.devices_present = true};
	const struct container_record record = {0};
	struct plan plan = {.cgroup = {.path = "/a", .live = true, .writes = writes, .write_count = count}};
	struct pool pool = {0};
	struct err e = {0};
	autofd int root = open(".", O_PATH | O_CLOEXEC), cgroup = open("a", O_PATH | O_CLOEXEC);
	autofd int stderr_before = dup(STDERR_FILENO), out = memfd_create("said", MFD_CLOEXEC);

	plan.cgroup.root = root;
	CHECK(stderr_before >= 0 && dup2(out, STDERR_FILENO) >= 0);
	CHECK(update_apply(&pool, &record, &devices, &plan, cgroup, &e) < 0);
	CHECK(dup2(stderr_before, STDERR_FILENO) >= 0 && lseek(out, 0, SEEK_SET) == 0);
	CHECK(fd_read_all(out, said, size - 1) >= 0);
	pool_free(&pool);
}

/* What is too long, or cannot be read, is not remembered; it is named, all of it, and the others are put back. */
static void test_what_could_not_be_remembered(void)
{
	enum { TOO_LONG = 16384 };
	struct cgroup_write writes[] = {{.file = "io.max", .value = "7"},
					{.file = "pids.max", .value = "7"},
					{.file = "misc.max", .value = "7"}};
	char said[1024] = "";

	fill("a/pids.max", 1);
	fill("a/io.max", TOO_LONG - 2);
	fill("a/misc.max", 1);
	refused_update(writes, 3, said, sizeof said);
	check_file("a/pids.max", "5");
	CHECK(!strstr(said, "may have the new value"), "%s", said);
	fill("a/io.max", TOO_LONG - 1);
	fill("a/misc.max", TOO_LONG);
	refused_update(writes, 3, said, sizeof said);
	check_file("a/pids.max", "5");
	CHECK(strstr(said, "io.max, misc.max may have the new value all the same"), "%s", said);
	CHECK(unlink("a/pids.max") == 0 && unlink("a/io.max") == 0 && unlink("a/misc.max") == 0);
}

int main(void)
{
	char directory[] = "/tmp/cgroup_update.XXXXXX";
	struct config_weight_device device = {.major = 8, .weight = {true, 200}};
	struct config_block_io weight = {.weight = {true, 500}},
			       devices = {.weight_device = &device, .weight_device_count = 1};
	struct config_cpu busy = {.idle = {true, 0}};
	struct config_resources all = {.block_io = &weight}, one = {.block_io = &devices}, idle = {.cpu = &busy};
	struct err e = {0};

	CHECK(mkdtemp(directory) && chdir(directory) == 0 && mkdir("a", 0700) == 0);
	CHECK(update(&all, "a", &e) == -EOPNOTSUPP && strstr(e.text, "linux.resources.blockIO.weight: "), "%s", e.text);
	CHECK(update(&one, "a", &e) == -EOPNOTSUPP && strstr(e.text, "weightDevice[0]: "), "%s", e.text);
	CHECK(update(&idle, "a", &e) == 0, "what is not idle already: %s", e.text);
	CHECK(apply(&all, "a", &e) == -EOPNOTSUPP && strstr(e.text, "linux.resources.blockIO.weight: "), "%s", e.text);
	CHECK(apply(&one, "a", &e) == -EOPNOTSUPP && strstr(e.text, "weightDevice[0]: "), "%s", e.text);
	test_nothing_before_all_was_looked_at(&weight);
	test_restore();
	test_what_could_not_be_remembered();
	make("a/io.weight");
	CHECK(apply(&all, "a", &e) == 0, "%s", e.text);
	CHECK(update(&all, "a", &e) == 0, "%s", e.text);
	check_file("a/io.weight", "4950");
	CHECK(update(&one, "a", &e) == -EOPNOTSUPP, "a file for the weight of all is none for that of one");
	make("a/io.bfq.weight");
	CHECK(update(&one, "a", &e) == 0, "%s", e.text);
	check_file("a/io.bfq.weight", "8:0 200");
	CHECK(unlink("a/io.weight") == 0 && unlink("a/io.bfq.weight") == 0 && rmdir("a") == 0 && rmdir(directory) == 0);
	return failures != 0;
}
