/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_source.c - a bind source is mounted as it was judged, also where something else has its name by then; a layer of an overlay
 * that is exchanged between the rules' look and the plan's is not mounted.
 */
#include "check.h"

#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/judging.h>
#include <hrun/plan.h>
#include <hrun/verdict.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct pool pool;
static char directory[] = "/tmp/hrun-source-XXXXXX";
static const char *options[] = {"rbind"};
static struct config_mount mount = {
	.destination = "/data", .type = "bind", .options = {.item = options, .count = 1, .present = true}};
static struct config_linux linux_;
static struct config config = {.mounts = &mount, .mount_count = 1, .linux_ = &linux_};
static struct bundle bundle = {.path = directory, .rootfs = -ENOENT, .config = &config};

static struct verdict judge(void)
{
	struct policy policy = policy_default();
	policy.level = LEVEL_BASELINE;
	const struct judged judged = {.pool = &pool, .bundle = &bundle, .config = &config, .keeps_sources = true};
	struct verdict verdict;

	policy_judge(&judged, &policy, &verdict);
	return verdict;
}

/* *RET_FD is owned: the source, or -1. */
static int plan_after(const struct verdict *verdict, int *ret_fd, struct err *e)
{
	const struct plan_options plan_options = {.verdict = verdict};
	struct plan plan = {.cgroup = {.root = -1}, .rootfs = {.fd = -1}};
	int r = plan_mounts(&pool, policy_harden(&pool, &config, verdict), &bundle, &plan_options, &plan, e);

	*ret_fd = r == 0 ? TAKE_FD(plan.mounts[0].source_fd) : -1;
	plan_close(&plan);
	return r;
}

static void turn(const char *target)
{
	unlinkat(bundle.dir, "link", 0);
	CHECK(symlinkat(target, bundle.dir, "link") == 0);
}

static bool is_directory(int fd, const char *name)
{
	autofd int directory_fd = openat(bundle.dir, name, O_PATH | O_CLOEXEC);

	return fd_is_same_file(fd, directory_fd);
}

/* One look-up: what was judged is what is mounted. */
static void test_held(void)
{
	struct err e = {0};

	turn("first");
	struct verdict verdict = judge();
	turn("second");
	autofd int fd = -1;
	CHECK(plan_after(&verdict, &fd, &e) == 0 && is_directory(fd, "first") && !is_directory(fd, "second"), "%s",
	      e.text);
	autofd int again = -1;
	CHECK(plan_after(&verdict, &again, &e) == -EBADF, "handed over once");
	verdict_close(&verdict);
	unlinkat(bundle.dir, "link", 0);
	verdict = judge();
	turn("first");
	CHECK(plan_after(&verdict, &again, &e) == -ENOENT, "not there when it was judged: %s", e.text);
	CHECK(strstr(e.text, "mounts[0].source: ") && strstr(e.text, "make it on the host"), "%s", e.text);
	verdict_close(&verdict);
}

/* Nobody takes it: it is closed. */
static void test_left(void)
{
	turn("first");
	struct verdict verdict = judge();
	int fd = verdict.mounts[0].source_fd;
	CHECK(fcntl(fd, F_GETFD) >= 0);
	verdict_close(&verdict);
	CHECK(fcntl(fd, F_GETFD) < 0 && verdict.mounts[0].source_fd < 0);
	verdict_close(&verdict);
}

static void test_source(const char *source)
{
	mount.source = source;
	test_held();
	test_left();
}

static void test_layer(const char *key)
{
	struct err e = {0};
	int none;

	options[0] = pool_printf(&pool, "%s=%s/link", key, directory);
	mount.type = mount.source = "overlay";
	turn("first");
	struct verdict verdict = judge();
	CHECK(plan_after(&verdict, &none, &e) == 0, "%s", e.text);
	turn("second");
	CHECK(plan_after(&verdict, &none, &e) == -ESTALE, "%s", e.text);
	CHECK(strstr(e.text, "mounts[0].options: ") && strstr(e.text, "was replaced"), "%s", e.text);
	unlinkat(bundle.dir, "link", 0);
	verdict = judge();
	turn("first");
	CHECK(plan_after(&verdict, &none, &e) == -ESTALE, "not there when it was judged: %s", e.text);
}

int main(void)
{
	CHECK(mkdtemp(directory));
	autofd int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bundle.dir = dir;
	CHECK(mkdirat(dir, "first", 0755) == 0 && mkdirat(dir, "second", 0755) == 0);
	test_source("link");
	test_source(pool_printf(&pool, "%s/link", directory));
	test_layer("lowerdir+");
	test_layer("lowerdir");
	unlinkat(dir, "link", 0);
	unlinkat(dir, "first", AT_REMOVEDIR);
	unlinkat(dir, "second", AT_REMOVEDIR);
	rmdir(directory);
	pool_free(&pool);
	return failures != 0;
}
