/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selinux.c - the policy's labels for containers, fresh categories, and what the kernel is asked before selinux-missing repairs: by a
 * directory that stands for selinuxfs, and a function for its file `access`.
 */
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/rules.h>
#include <hrun/selinux.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PROCESS "system_u:system_r:container_t:s0"
#define FILES "system_u:object_r:container_file_t:s0"
#define GIVEN "# contexts\n process = \"u:r:container_kvm_t:s0\"\nfile=u:o:x_t:s0\nro_file = \"u:o:y_t:s0\"\n"

static struct pool pool;
static char directory[] = "/tmp/hrun-selinux-XXXXXX";

static const char *below(const char *name)
{
	return pool_printf(&pool, "%s/%s", directory, name);
}

static void make_directory(const char *name)
{
	CHECK(mkdir(below(name), 0755) == 0, "%s", name);
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(below(name), "we");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		exit(1);
}

/* ---- the policy's own labels ---- */

static bool labels_are(const char *process, const char *mount)
{
	struct selinux_labels labels;
	struct err e = {0};
	int r = selinux_container_labels(&pool, directory, geteuid(), &labels, &e);

	if (!process)
		return r < 0 && *e.text;
	return r == 0 && str_equal(labels.process, process) && str_equal(labels.mount, mount);
}

static void test_policy_labels(void)
{
	static const char contexts[] = "default/contexts/lxc_contexts";

	CHECK(labels_are(PROCESS, FILES), "no policy at all");
	put("config", "SELINUX=enforcing\n#SELINUXTYPE=mls\nSELINUXTYPE=default\n");
	CHECK(labels_are(PROCESS, FILES), "a policy that says nothing of containers");
	make_directory("default");
	make_directory("default/contexts");
	put(contexts, GIVEN);
	CHECK(labels_are("u:r:container_kvm_t:s0", "u:o:x_t:s0"));
	put(contexts, "process = \"u:r:t:s0\"\n");
	CHECK(labels_are(NULL, NULL), "no file");
	static const char *const bad[] = {
		"u:r:t", "u:r:t:s0-s0:c0.c1023", "u:r:t:s0:c1,c2", "u:r::s0", "u r:r:t:s0", "\"u:r:t:s0", ""};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		put(contexts, pool_printf(&pool, "process = %s\nfile = u:o:x_t:s0\n", bad[i]));
		CHECK(labels_are(NULL, NULL), "%s", bad[i]);
	}
	put(contexts, GIVEN);
	put("config", "SELINUXTYPE=../default\n");
	CHECK(labels_are(NULL, NULL), "a path");
	put("config", "SELINUXTYPE=default\nSELINUXTYPE=default\n");
	CHECK(labels_are(NULL, NULL), "twice");
	put("config", "SELINUXTYPE=default\n");
	CHECK(labels_are("u:r:container_kvm_t:s0", "u:o:x_t:s0"));
	chmod(below("config"), 0664);
	CHECK(labels_are(NULL, NULL), "its group may write");
	chmod(below("config"), 0644);
	struct selinux_labels labels;
	struct err e;
	CHECK(selinux_container_labels(&pool, directory, geteuid() + 1, &labels, &e) < 0, "of somebody else");
}

/* ---- categories ---- */

static void test_categories(void)
{
	enum { DRAWS = 200 };
	unsigned int one, other, same = 0, highest = 0;
	struct err e;
	char rest;

	for (int i = 0; i < DRAWS; i++) {
		struct selinux_labels labels = {PROCESS, FILES};
		CHECK(selinux_add_categories(&pool, &labels, &e) == 0, "%s", e.text);
		CHECK(sscanf(labels.process, PROCESS ":c%u,c%u%c", &one, &other, &rest) == 2, "%s", labels.process);
		CHECK(one < other && other < 1024, "%s", labels.process);
		CHECK(str_equal(labels.mount, pool_printf(&pool, FILES ":c%u,c%u", one, other)), "%s", labels.mount);
		same += one == 1 && other == 2;
		highest = other > highest ? other : highest;
	}
	CHECK(same < DRAWS / 10 && highest > 512, "%u times c1,c2; highest c%u", same, highest);
}

/* ---- the rule ---- */

static char questions[4][512];
static size_t asked;
static const char *says;

static ssize_t kernel(const char *path, const char *question, char *answer, size_t size)
{
	CHECK(str_equal(path, below("access")), "%s", path);
	if (asked < 4)
		str_format(questions[asked++], sizeof questions[0], "%s", question);
	if (!says)
		return -EACCES;
	size_t length = strlen(says);
	CHECK(length < size);
	memcpy(answer, says, length);
	return (ssize_t)length;
}

static struct host_files files;
static struct bundle bundle;
static const char *args[] = {"/bin/app"};
static struct config_process process = {.cwd = "/", .args = {.item = args, .count = 1, .present = true}};
static struct config_linux linux_;
static struct config config = {.process = &process, .linux_ = &linux_};
static const struct invocation *invocation;

static struct verdict judge(void)
{
	const struct policy policy = policy_default();
	const struct judged judged = {.pool = &pool,
				      .bundle = &bundle,
				      .config = &config,
				      .process = &process,
				      .policy = &policy,
				      .host_files = &files,
				      .invocation = invocation,
				      .host_root = true};
	struct verdict verdict = {0};
	struct finder finder = {.judged = &judged,
				.rule = rule_by_id("selinux-missing"),
				.action = ACTION_HARDEN,
				.would = ACTION_HARDEN,
				.verdict = &verdict};

	asked = 0;
	finder.rule->judge(&finder);
	return verdict;
}

static void check_refused(const char *answer, const char *why)
{
	says = answer;
	struct verdict verdict = judge();
	CHECK(verdict.count == 1 && verdict.findings[0].action == ACTION_REFUSE, "%s", answer);
	CHECK(verdict.count == 1 && strstr(verdict.findings[0].text, why), "%s", verdict.findings[0].text);
	const struct config *hard = policy_harden(&pool, &config, &verdict);
	CHECK(!hard->process->selinux_label && !hard->linux_->mount_label);
}

static void make_selinuxfs(void)
{
	static const char *const names[] = {"class", "class/dir", "class/file", "class/dir/perms", "class/file/perms"};
	static const char *const numbers[][2] = {
		{"dir/index", "7"},	  {"dir/perms/read", "1"},	{"dir/perms/search", "2"},
		{"dir/perms/write", "3"}, {"dir/perms/add_name", "31"}, {"file/index", "12\n"},
		{"file/perms/read", "1"}, {"file/perms/execute", "5"},	{"file/perms/entrypoint", "32"}};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		make_directory(names[i]);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		put(pool_printf(&pool, "class/%s", numbers[i][0]), numbers[i][1]);
	put("enforce", "1");
	files = (struct host_files){.selinux_enforce = below("enforce"),
				    .selinux_fs = directory,
				    .selinux_policies = below("none"),
				    .ask = kernel};
}

static bool make_root(void)
{
	make_directory("rootfs");
	make_directory("rootfs/bin");
	put("rootfs/bin/app", "");
	bundle.rootfs = open(below("rootfs"), O_PATH | O_DIRECTORY | O_CLOEXEC);
	return setxattr(below("rootfs"), "security.selinux", "u:o:root_t:s0", sizeof "u:o:root_t:s0", 0) == 0 &&
	       setxattr(below("rootfs/bin/app"), "security.selinux", "u:o:app_t:s0", sizeof "u:o:app_t:s0" - 1, 0) == 0;
}

static bool is_about(const char *question, const char *label, const char *target, const char *class)
{
	return str_equal(question, pool_printf(&pool, "%s %s %s", label, target, class));
}

static const char *root_label(void)
{
	const char *label = "";
	struct err e = {0};

	CHECK(selinux_root_label(&pool, &files, geteuid(), &label, &e) == 0, "%s", e.text);
	return label;
}

static void test_repair(void)
{
	says = "c0000017 ffffffff 0 ffffffff 1 0\n"; /* bits of the numbers 1, 2, 3, 5, 31 and 32 */
	struct verdict verdict = judge();
	CHECK(verdict.count == 1 && verdict.findings[0].action == ACTION_HARDEN && asked == 3);
	const struct config *hard = policy_harden(&pool, &config, &verdict);
	const char *label = hard->process->selinux_label, *mount = hard->linux_->mount_label;
	CHECK(label && str_starts(label, PROCESS ":c") && mount && str_starts(mount, FILES ":c"));
	CHECK(str_equal(label + strlen(PROCESS), mount + strlen(FILES)));
	CHECK(!process.selinux_label && !linux_.mount_label, "the original stays");
	CHECK(is_about(questions[0], label, "u:o:root_t:s0", "7"), "%s", questions[0]);
	CHECK(is_about(questions[1], label, mount, "7"), "%s", questions[1]);
	CHECK(is_about(questions[2], label, "u:o:app_t:s0", "12"), "%s", questions[2]);
	CHECK(policy_harden(&pool, &config, &verdict)->process->selinux_label == label, "it is drawn once");
	linux_.mount_label = "u:o:given_t:s0";
	verdict = judge();
	hard = policy_harden(&pool, &config, &verdict);
	CHECK(str_equal(hard->linux_->mount_label, "u:o:given_t:s0") &&
	      str_starts(hard->process->selinux_label, PROCESS ":c"));
	CHECK(is_about(questions[1], hard->process->selinux_label, "u:o:given_t:s0", "7"), "%s", questions[1]);
	linux_.mount_label = NULL;
	CHECK(str_equal(root_label(), FILES));
}

static void test_writable_root(void)
{
	config.has_root = true;
	check_refused("80000017 ffffffff 0 ffffffff 1 0\n", "the root directory, which is writable"); /* no add_name */
	config.root.readonly = true;
	check_refused("80000017 ffffffff 0 ffffffff 1 0\n", "what is mounted for");
	config.root.readonly = config.has_root = false;
}

/* It joins what has no label: categories of its own would fit nothing there. */
static void test_exec(void)
{
	const struct invocation exec = {.is_exec = true};

	invocation = &exec;
	struct verdict verdict = judge();
	CHECK(verdict.count == 1 && verdict.findings[0].action == ACTION_WARN && asked == 0);
	CHECK(!policy_harden(&pool, &config, &verdict)->process->selinux_label);
	invocation = NULL;
}

static void test_refusals(void)
{
	check_refused("00000001 ffffffff 0 ffffffff 1 0\n", "the root directory");  /* no search */
	check_refused("80000017 ffffffff 0 ffffffff 1 0\n", "what is mounted for"); /* no add_name */
	check_refused("40000017 ffffffff 0 ffffffff 1 0\n", "the program");	    /* no entrypoint */
	static const char *const answers[] = {"", "x", "c0000017", "1c0000017 ff 0 ff 1 0\n", " c0000017 ff"};
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		check_refused(answers[i], "SELinux does not say");
	check_refused(NULL, "SELinux does not say");
	says = "ffffffff ffffffff 0 ffffffff 1 0\n";
	put("class/dir/perms/search", "33"); /* of no kernel */
	check_refused(says, "SELinux does not say");
	put("class/dir/perms/search", "2");
	removexattr(below("rootfs/bin/app"), "security.selinux");
	check_refused(says, "of the program its label");
	unlink(below("rootfs/bin/app")); /* what is not there is another error's */
	CHECK(judge().findings[0].action == ACTION_HARDEN && asked == 2);
	removexattr(below("rootfs"), "security.selinux");
	check_refused(says, "of the root directory its label");
	bundle.rootfs = -ENOENT;
	check_refused(says, "no root directory");
	put("enforce", "0");
	CHECK(judge().count == 0, "permissive");
	CHECK(!root_label());
}

int main(void)
{
	umask(022);
	if (!mkdtemp(directory))
		return 1;
	test_policy_labels();
	test_categories();
	make_selinuxfs();
	if (make_root()) {
		test_repair();
		test_writable_root();
		test_exec();
		int root = bundle.rootfs;
		test_refusals();
		close(root);
	} else {
		printf("only root labels files: the rule is not tested\n");
	}
	CHECK(system(pool_printf(&pool, "rm -rf %s", directory)) == 0);
	pool_free(&pool);
	return failures != 0;
}
