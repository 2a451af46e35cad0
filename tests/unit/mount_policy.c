/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_policy.c - what the policy file allows of mounts, who is rootless, what cannot be looked at, and that asked repairs hold.
 */
#include "check.h"

#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/judging.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct pool pool;
static char directory[] = "/tmp/hrun-policy-XXXXXX";
static struct config_mount mount;
static struct config_linux linux_;
static struct config config = {.mounts = &mount, .mount_count = 1, .linux_ = &linux_};
static struct bundle bundle = {.path = directory, .rootfs = -ENOENT, .config = &config};
static struct policy policy;
static struct judged judged;

static void set_mount(const char *type, const char *source, const char *destination, const char *words)
{
	static const char *item[8];
	static char copy[256];
	char *rest = copy, *word;

	snprintf(copy, sizeof copy, "%s", words);
	mount = (struct config_mount){.type = type, .source = source, .destination = destination};
	mount.options = (struct string_list){.item = item, .present = true};
	while (*words && (word = strsep(&rest, ",")))
		item[mount.options.count++] = word;
}

static struct verdict judge(enum level level)
{
	struct verdict verdict;

	policy.level = level;
	policy_judge(&judged, &policy, &verdict);
	return verdict;
}

static const struct finding *finding_of(const struct verdict *verdict, const char *rule)
{
	for (size_t i = 0; i < verdict->count; i++) {
		if (str_equal(verdict->findings[i].rule->id, rule))
			return &verdict->findings[i];
	}
	return NULL;
}

static bool refuses(enum level level, const char *rule)
{
	struct verdict verdict = judge(level);
	const struct finding *finding = finding_of(&verdict, rule);

	return finding && finding->action == ACTION_REFUSE;
}

static bool is_not_judged(const struct verdict *verdict, const char *rule)
{
	for (size_t i = 0; i < verdict->not_judged_count; i++) {
		if (str_equal(verdict->not_judged[i]->id, rule))
			return true;
	}
	return false;
}

static void start(void)
{
	policy = policy_default();
	judged = (struct judged){.pool = &pool, .bundle = &bundle, .config = &config, .host_root = true};
}

static void test_prefixes(void)
{
	static const struct policy_mount_prefix prefixes[] = {{"/srv/data", true}, {"/srv/rw", false}};

	start();
	policy.allow.mount_prefixes = prefixes;
	policy.allow.mount_prefix_count = 2;
	static const struct {
		const char *source, *words;
		bool refused;
	} rows[] = {
		{"/srv/data", "bind,ro", false},     {"/srv/data/x", "rbind,ro", false},
		{"/srv/data", "bind", true},	     {"/srv/data", "bind,ro,rw", true},
		{"/srv/database", "bind,ro", true},  {"/srv", "bind,ro", true},
		{"/srv/rw/x", "bind", false},	     {"/srv/data/../x", "bind,ro", true},
		{"/srv/data/x", "rbind,rro", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		set_mount("bind", rows[i].source, "/h", rows[i].words);
		CHECK(refuses(LEVEL_RESTRICTED, "mount-host-path") == rows[i].refused, "%s %s", rows[i].source,
		      rows[i].words);
		CHECK(!refuses(LEVEL_BASELINE, "mount-host-path"));
	}
	/* It allows a path of the host, not what other rules are about. */
	static const struct policy_mount_prefix everything[] = {{"/", false}};
	policy.allow.mount_prefixes = everything;
	policy.allow.mount_prefix_count = 1;
	set_mount("bind", "/etc", "/h", "bind,ro");
	CHECK(refuses(LEVEL_BASELINE, "mount-host-system-dir"));
}

static void test_devices(void)
{
	static const struct policy_device fuse[] = {{'c', 1, 11, "rw"}};
	const char *node = pool_printf(&pool, "%s/kmsg", directory);

	if (mknod(node, S_IFCHR | 0600, 1 << 8 | 11) < 0)
		return;
	start();
	set_mount("bind", node, "/dev/kmsg", "bind");
	CHECK(refuses(LEVEL_BASELINE, "mount-host-dev"));
	policy.allow.devices = fuse;
	policy.allow.device_count = 1;
	CHECK(!refuses(LEVEL_BASELINE, "mount-host-dev"));
	unlink(node);
}

static void test_rootless(void)
{
	start();
	set_mount("bind", "/dev/shm", "/dev/shm", "bind");
	struct config_namespace ipc = {.type = "ipc"};
	linux_.namespaces = &ipc;
	linux_.namespace_count = 1;
	CHECK(refuses(LEVEL_BASELINE, "mount-host-dev"));
	judged.host_root = false;
	CHECK(!refuses(LEVEL_BASELINE, "mount-host-dev"));
	linux_.namespace_count = 0;
	judged.host_root = true;
	CHECK(!refuses(LEVEL_BASELINE, "mount-host-dev"));
}

/* hrun check of a bare config: by its text, and what needs more is said. */
static void test_bare_config(void)
{
	start();
	judged.bundle = NULL;
	judged.config_only = true;
	set_mount("bind", "/etc", "/h", "bind");
	CHECK(refuses(LEVEL_BASELINE, "mount-host-system-dir"));
	set_mount("bind", "/srv/x", "/h", "bind");
	struct verdict verdict = judge(LEVEL_BASELINE);
	CHECK(!verdict_refuses(&verdict) || !finding_of(&verdict, "mount-host-system-dir"));
	CHECK(is_not_judged(&verdict, "mount-host-system-dir") && is_not_judged(&verdict, "mount-engine-socket"));
	CHECK(refuses(LEVEL_RESTRICTED, "mount-host-path"));
	set_mount("bind", "data", "/h", "bind");
	CHECK(!refuses(LEVEL_RESTRICTED, "mount-host-path"));
	set_mount("bind", "/dev/null", "/dev/null", "bind");
	CHECK(!refuses(LEVEL_RESTRICTED, "mount-host-dev"));
	/* exec: nothing is looked at again, and nothing is missed for it. */
	judged.config_only = false;
	set_mount("bind", "/srv/x", "/h", "bind");
	verdict = judge(LEVEL_BASELINE);
	CHECK(!finding_of(&verdict, "mount-host-system-dir") && !verdict.not_judged_count);
	set_mount("cgroup", "cgroup", "/sys/fs/cgroup", "");
	struct config_namespace cgroup = {.type = "cgroup"};
	linux_.namespaces = &cgroup;
	linux_.namespace_count = 1;
	CHECK(!refuses(LEVEL_RESTRICTED, "mount-cgroup-writable"));
	linux_.namespace_count = 0;
}

/* Something that is there and cannot be looked at is not let pass. */
static void test_blind(void)
{
	const char *loop = pool_printf(&pool, "%s/loop", directory);

	CHECK(symlink("loop", loop) == 0);
	start();
	set_mount("bind", loop, "/h", "bind");
	CHECK(refuses(LEVEL_BASELINE, "mount-host-system-dir"));
	unlink(loop);
}

/* No source, no destination, no options, no type. */
static void test_absent(void)
{
	for (int level = 0; level < LEVELS; level++) {
		start();
		mount = (struct config_mount){0};
		judge((enum level)level);
		set_mount(NULL, NULL, "/h", "bind");
		judge((enum level)level);
		set_mount("bind", "", NULL, "rbind,slave,suid");
		judge((enum level)level);
		set_mount("overlay", NULL, "/h", "lowerdir=,upperdir,workdir=");
		judge((enum level)level);
		set_mount("cgroup", NULL, NULL, "");
		judge((enum level)level);
	}
}

/* What an operator asks for is done by the repair of the finding, which then is gone. */
static void test_asked_repairs(void)
{
	static const struct {
		const char *rule, *type, *source, *destination, *words, *after;
	} rows[] = {
		{"mount-explicit-suid-dev", "bind", "/srv", "/h", "bind,suid,nodev", "bind,nodev,nosuid"},
		{"mount-explicit-suid-dev", "bind", "/srv", "/h", "bind,rdev,rsuid", "bind,nosuid,nodev"},
		{"mount-explicit-suid-dev", "tmpfs", "tmpfs", "/dev", "nosuid,dev", "nosuid"},
		{"mount-tmpfs-exec", "tmpfs", "tmpfs", "/t", "noexec,exec", "noexec"},
		{"mount-propagation-shared", "bind", "/srv", "/h", "bind,rshared,ro", "bind,ro,rslave"},
		{"mount-propagation-slave", "bind", "/srv", "/h", "slave,bind", "bind,rprivate"},
		{"mount-sysfs-writable", "sysfs", "sysfs", "/sys", "ro,rw", "ro"},
		{"mount-cgroup-writable", "cgroup", "cgroup", "/sys/fs/cgroup", "", "ro"},
		{"mount-source-not-canonical", "bind", "/tmp/../tmp/", "/h", "bind", "bind"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char words[256] = "";
		start();
		set_mount(rows[i].type, rows[i].source, rows[i].destination, rows[i].words);
		struct verdict verdict = judge(LEVEL_RESTRICTED);
		const struct finding *finding = finding_of(&verdict, rows[i].rule);
		CHECK(finding && finding->rule->repair_is_asked, "%s", rows[i].rule);
		if (!finding)
			continue;
		struct finding asked = *finding;
		struct config copy = config;
		struct config_mount copied = mount;
		asked.action = ACTION_HARDEN;
		copy.mounts = &copied;
		finding->rule->harden(&pool, &copy, &asked);
		for (size_t k = 0; k < copied.options.count; k++)
			snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", k ? "," : "",
				 copied.options.item[k]);
		CHECK(str_equal(words, rows[i].after), "%s: %s", rows[i].rule, words);
		judged.config = &copy;
		verdict = judge(LEVEL_RESTRICTED);
		CHECK(!finding_of(&verdict, rows[i].rule), "%s: %s", rows[i].rule, rows[i].words);
	}
}

int main(void)
{
	umask(022);
	CHECK(mkdtemp(directory));
	autofd int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bundle.dir = dir;
	test_prefixes();
	test_devices();
	test_rootless();
	test_bare_config();
	test_blind();
	test_absent();
	test_asked_repairs();
	rmdir(directory);
	pool_free(&pool);
	return failures != 0;
}
