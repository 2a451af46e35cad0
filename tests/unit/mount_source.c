/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_source.c - a bind source, or a layer of an overlay, that is exchanged between the rules' look and the plan's is not mounted.
 */
#include "check.h"

#include <fcntl.h>
#include <hrun/fd.h>
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
	const struct judged judged = {.pool = &pool, .bundle = &bundle, .config = &config};
	struct verdict verdict;

	policy_judge(&judged, &policy, &verdict);
	return verdict;
}

static int plan_after(const struct verdict *verdict, struct err *e)
{
	const struct plan_options plan_options = {.verdict = verdict};
	struct plan plan = {.cgroup = {.root = -1}, .rootfs = {.fd = -1}};
	int r = plan_mounts(&pool, &config, &bundle, &plan_options, &plan, e);

	plan_close(&plan);
	return r;
}

static void turn(const char *target)
{
	unlinkat(bundle.dir, "link", 0);
	CHECK(symlinkat(target, bundle.dir, "link") == 0);
}

/* WHERE is the place that the errors name. */
static void test_turning(const char *where)
{
	struct err e = {0};

	turn("first");
	struct verdict verdict = judge();
	CHECK(plan_after(&verdict, &e) == 0, "%s", e.text);
	turn("second");
	CHECK(plan_after(&verdict, &e) == -ESTALE, "%s", e.text);
	CHECK(strstr(e.text, where) && strstr(e.text, "was replaced"), "%s", e.text);
	unlinkat(bundle.dir, "link", 0);
	verdict = judge();
	turn("first");
	CHECK(plan_after(&verdict, &e) == -ESTALE, "not there when it was judged: %s", e.text);
}

static void test_source(const char *source)
{
	mount.source = source;
	test_turning("mounts[0].source: ");
}

static void test_layer(const char *key)
{
	options[0] = pool_printf(&pool, "%s=%s/link", key, directory);
	mount.type = mount.source = "overlay";
	test_turning("mounts[0].options: ");
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
