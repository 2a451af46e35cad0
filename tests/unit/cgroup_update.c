/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_update.c - the weights of a living cgroup: one of the kernel's files must take them.  The cgroup is a plain directory.
 */
#include "check.h"

#include <fcntl.h>
#include <hrun/cgroup.h>
#include <hrun/fd.h>
#include <hrun/plan_cgroup.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int update(struct config_resources *resources, const char *directory, struct err *e)
{
	struct pool pool = {0};
	struct plan plan = {.cgroup = {.path = "/a", .live = true}};
	autofd int root = open(".", O_PATH | O_CLOEXEC), cgroup = open(directory, O_PATH | O_CLOEXEC);

	plan.cgroup.root = root;
	CHECK(cgroup >= 0 && plan_resources(&pool, resources, &plan.cgroup, e) == 0 && plan.cgroup.write_count);
	int r = cgroup_update(&plan.cgroup, cgroup, false, e);
	pool_free(&pool);
	return r;
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
	make("a/io.weight");
	CHECK(update(&all, "a", &e) == 0, "%s", e.text);
	check_file("a/io.weight", "4950");
	CHECK(update(&one, "a", &e) == -EOPNOTSUPP, "a file for the weight of all is none for that of one");
	make("a/io.bfq.weight");
	CHECK(update(&one, "a", &e) == 0, "%s", e.text);
	check_file("a/io.bfq.weight", "8:0 200");
	CHECK(unlink("a/io.weight") == 0 && unlink("a/io.bfq.weight") == 0 && rmdir("a") == 0 && rmdir(directory) == 0);
	return failures != 0;
}
