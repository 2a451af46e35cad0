/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judging_cgroup.c - limits above a cgroup and processes in it, in a made-up hierarchy of files.
 */
#include "check.h"
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/judging.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/hrun-cgroups-XXXXXX";

static void put(int root, const char *file, const char *text)
{
	autofd int fd = openat(root, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && fd_write_all(fd, text, strlen(text)) >= 0, "%s", file);
}

static void check_limits(int root)
{
	put(root, "memory.max", "1000\n"); /* the root has none in the kernel, and is not asked */
	put(root, "a/memory.max", "max\n");
	put(root, "a/b/memory.max", "max\n");
	put(root, "a/b/c/memory.max", "5\n");
	CHECK(!cgroup_limited_below(root, "/a/b/c", "memory.max")); /* its own is not above it */
	CHECK(cgroup_limited_below(root, "/a/b/c/d", "memory.max"));
	put(root, "a/memory.max", "67108864\n");
	CHECK(cgroup_limited_below(root, "/a/b/c", "memory.max"));
	CHECK(cgroup_limited_below(root, "/a/b", "memory.max"));
	CHECK(!cgroup_limited_below(root, "/a", "memory.max"));
	CHECK(!cgroup_limited_below(root, "/", "memory.max"));
	CHECK(!cgroup_limited_below(root, "/a/b/c", "pids.max"));
	CHECK(cgroup_limited_below(root, "/a/missing/c", "memory.max"));
	CHECK(!cgroup_limited_below(root, "/link/b/c", "memory.max"));
	CHECK(!cgroup_limited_below(root, "/missing", "memory.max"));
}

static void check_use(int root)
{
	put(root, "a/cgroup.procs", "");
	CHECK(cgroup_use_below(root, "/a") == CGROUP_FREE);
	put(root, "a/cgroup.procs", "12\n");
	CHECK(cgroup_use_below(root, "/a") == CGROUP_USED);
	CHECK(cgroup_use_below(root, "/a/b") == CGROUP_FREE);
	CHECK(cgroup_use_below(root, "/missing/x") == CGROUP_FREE);
	CHECK(cgroup_use_below(root, "/link") == CGROUP_UNKNOWN);
}

int main(void)
{
	char command[64];

	if (!mkdtemp(directory))
		return 1;
	autofd int root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	mkdirat(root, "a", 0700);
	mkdirat(root, "a/b", 0700);
	mkdirat(root, "a/b/c", 0700);
	CHECK(symlinkat("a", root, "link") == 0);
	check_limits(root);
	check_use(root);
	snprintf(command, sizeof command, "rm -r %s", directory);
	CHECK(system(command) == 0);
	return failures != 0;
}
