/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judged_objects.c - namespaces and hooks as the rules looked at them: a namespace that is exchanged afterwards is
 * not joined, a hook is known again by what it was, and allow.hooks means a path with one content.
 */
#include "check.h"

#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/judging.h>
#include <hrun/plan.h>
#include <hrun/sha256.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct pool pool;
static char directory[] = "/tmp/hrun-judged-XXXXXX";
static struct config_namespace namespaces[2] = {{.type = "mount"}, {.type = "uts"}};
static struct config_linux linux_;
static struct config_process process;
static struct config config;
static struct bundle bundle = {.path = directory, .rootfs = -ENOENT};
static struct policy policy;

static const char *below(const char *name)
{
	return pool_printf(&pool, "%s/%s", directory, name);
}

static struct verdict judge_as(bool host_root, bool config_only)
{
	const struct judged judged = {
		.pool = &pool,
		.bundle = config_only ? NULL : &bundle,
		.config = &config,
		.process = config.process,
		.host_root = host_root,
		.config_only = config_only,
	};
	struct verdict verdict;

	policy_judge(&judged, &policy, &verdict);
	return verdict;
}

static const struct finding *finding_of(const struct verdict *verdict, const char *rule)
{
	for (size_t i = 0; i < verdict->count; i++) {
		if (strcmp(verdict->findings[i].rule->id, rule) == 0)
			return &verdict->findings[i];
	}
	return NULL;
}

static bool is_not_judged(const struct verdict *verdict, const char *rule)
{
	for (size_t i = 0; i < verdict->not_judged_count; i++) {
		if (strcmp(verdict->not_judged[i]->id, rule) == 0)
			return true;
	}
	return false;
}

static void reset(void)
{
	config = (struct config){.oci_version = "1.2.0", .linux_ = &linux_, .process = &process};
	linux_ = (struct config_linux){.namespaces = namespaces, .namespace_count = 2};
	namespaces[1] = (struct config_namespace){.type = "uts"};
	policy = policy_default();
	policy.level = LEVEL_RESTRICTED;
}

/* ---- namespaces ---- */

static void turn(const char *target)
{
	unlink(below("link"));
	CHECK(symlink(target, below("link")) == 0);
}

static int plan_after(const struct verdict *verdict, struct err *e)
{
	const struct plan_options options = {.verdict = verdict};
	struct plan plan = {.cgroup = {.root = -1}, .rootfs = {.fd = -1}};
	int r = plan_namespaces(&pool, &config, &options, &plan, e);

	plan_close(&plan);
	return r;
}

/* A uts namespace of our own, and the one that we came from: the link is turned from one to the other. */
static void test_exchanged_namespace(void)
{
	struct err e = {0};
	autofd int before = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);

	reset();
	if (unshare(CLONE_NEWUTS) < 0) {
		printf("no uts namespace of its own here: not tried\n");
		return;
	}
	const char *first = pool_printf(&pool, "/proc/self/fd/%d", before);
	namespaces[1].path = below("link");
	turn(first);
	struct verdict verdict = judge_as(true, false);
	CHECK(!finding_of(&verdict, "ns-path-invalid"));
	CHECK(plan_after(&verdict, &e) == 0, "%s", e.text);
	turn("/proc/self/ns/uts");
	CHECK(plan_after(&verdict, &e) == -ESTALE, "%s", e.text);
	CHECK(strstr(e.text, "linux.namespaces[1].path: ") && strstr(e.text, "was replaced"), "%s", e.text);
	verdict = judge_as(true, false);
	CHECK(finding_of(&verdict, "ns-path-host"));
	unlink(below("link"));
	verdict = judge_as(true, false);
	turn(first);
	CHECK(plan_after(&verdict, &e) == -ESTALE, "not there when it was judged: %s", e.text);
	unlink(below("link"));
}

static void test_names_only(void)
{
	static const char *const hosts[] = {"/proc/1/ns/uts", "/proc//self/./ns/uts", "/proc/thread-self/ns/uts"};

	reset();
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		namespaces[1].path = hosts[i];
		struct verdict verdict = judge_as(true, true);
		CHECK(finding_of(&verdict, "ns-path-host"), "%s", hosts[i]);
		CHECK(is_not_judged(&verdict, "ns-path-invalid"), "%s", hosts[i]);
	}
	namespaces[1].path = "/run/netns/x";
	struct verdict verdict = judge_as(true, true);
	CHECK(!finding_of(&verdict, "ns-path-host") && is_not_judged(&verdict, "ns-path-host"));
	CHECK(finding_of(&verdict, "ns-user-missing"));
	verdict = judge_as(false, true);
	CHECK(!finding_of(&verdict, "ns-user-missing"), "the root of a user namespace is nobody's host root");
}

/* ---- the root ---- */

static bool belongs_to_the_host(const char *path, const char *engine)
{
	const char *roots[] = {engine};

	config.has_root = true;
	config.root.path = path;
	policy.engines.containers_storage = (struct string_list){roots, 1, true};
	struct verdict verdict = judge_as(true, true);
	return finding_of(&verdict, "root-path-host") != NULL;
}

static void test_engine_storage(void)
{
	reset();
	CHECK(!belongs_to_the_host("/home/data/overlay/x/merged", "/home/data"));
	CHECK(belongs_to_the_host("/home/data", "/home/data"), "the storage itself");
	CHECK(belongs_to_the_host("/home/database/x", "/home/data"));
	CHECK(belongs_to_the_host("/home/data/../user", "/home/data/.."));
	CHECK(belongs_to_the_host("/home/data/../user", "/home/data"));
	CHECK(belongs_to_the_host("/etc/x", "/"), "a root that means everything means nothing");
	CHECK(belongs_to_the_host("/", "/"));
	CHECK(!belongs_to_the_host("/srv/x", "/srv"));
	struct verdict verdict = judge_as(true, true);
	CHECK(is_not_judged(&verdict, "root-path-host") && is_not_judged(&verdict, "rootfs-permissions"));
	reset();
}

/* ---- id mappings ---- */

static void test_own_id_is_mapped(void)
{
	reset();
	namespaces[1] = (struct config_namespace){.type = "user"};
	process.user.uid = (struct opt_u32){true, 1000};
	process.user.gid = (struct opt_u32){true, 1001};
	struct verdict verdict = judge_as(false, false);
	const struct finding *finding = finding_of(&verdict, "idmap-missing");
	CHECK(finding && finding->action == ACTION_HARDEN);
	const struct config_linux *hardened = policy_harden(&pool, &config, &verdict)->linux_;
	CHECK(hardened->uid_mappings.count == 1 && hardened->gid_mappings.count == 1);
	const struct id_mapping uid = hardened->uid_mappings.item[0], gid = hardened->gid_mappings.item[0];
	CHECK(uid.container_id == 1000 && uid.host_id == geteuid() && uid.size == 1);
	CHECK(gid.container_id == 1001 && gid.host_id == getegid() && gid.size == 1);
	CHECK(linux_.uid_mappings.count == 0, "the original stays as it was");
	process = (struct config_process){0};
	if (geteuid() != 0)
		return;
	verdict = judge_as(true, false);
	finding = finding_of(&verdict, "idmap-missing");
	CHECK(finding && finding->action == ACTION_REFUSE, "root must say what it maps");
}

/* ---- hooks ---- */

static struct config_hook hook;

static void write_hook(const char *text)
{
	FILE *f = fopen(hook.path, "we");

	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0 && chmod(hook.path, 0755) == 0);
}

static const char *digest_of(const char *text)
{
	unsigned char digest[SHA256_SIZE];
	char *hex = pool_alloc(&pool, 2 * SHA256_SIZE + 1);
	struct sha256 hash;

	sha256_init(&hash);
	sha256_add(&hash, text, strlen(text));
	sha256_end(&hash, digest);
	sha256_hex(digest, hex);
	return hex;
}

static bool is_allowed(const char *path, const char *sha256)
{
	const struct policy_hook allowed[] = {{.path = "/bin/other", .sha256 = digest_of("")},
					      {.path = path, .sha256 = sha256}};

	policy.allow.hooks = allowed;
	policy.allow.hook_count = 2;
	struct verdict verdict = judge_as(true, false);
	policy.allow.hook_count = 0;
	return !finding_of(&verdict, "hook-not-allowed");
}

static void test_allowed_hooks(void)
{
	static const char text[] = "#!/bin/true\n";

	reset();
	hook = (struct config_hook){.path = below("hook")};
	config.hooks[HOOK_CREATE_RUNTIME] = (struct config_hook_list){&hook, 1};
	write_hook(text);
	CHECK(!is_allowed("/bin/other", digest_of(text)), "another path");
	CHECK(is_allowed(hook.path, digest_of(text)));
	CHECK(!is_allowed(hook.path, digest_of("something else")));
	CHECK(!is_allowed(hook.path, ""));
	write_hook("#!/bin/false\n");
	CHECK(!is_allowed(hook.path, digest_of(text)), "other content");
	write_hook(text);
	CHECK(symlink("hook", below("other")) == 0);
	const char *real = hook.path;
	hook.path = below("other");
	CHECK(is_allowed(real, digest_of(text)), "a link to what is allowed");
	hook.path = pool_printf(&pool, "%s/./hook", directory);
	CHECK(is_allowed(real, digest_of(text)), "another spelling");
	unlink(below("other"));
	hook.path = real;
}

static void test_identity(void)
{
	struct stat st;

	struct verdict verdict = judge_as(true, false);
	const struct config_hook *hardened = policy_harden(&pool, &config, &verdict)->hooks[HOOK_CREATE_RUNTIME].item;
	CHECK(hardened->file.known && stat(hook.path, &st) == 0 && file_identity_is(&hardened->file, &st));
	CHECK(!hook.file.known);
	CHECK(chmod(hook.path, 0700) == 0 && stat(hook.path, &st) == 0);
	CHECK(!file_identity_is(&hardened->file, &st), "its mode was changed");
	CHECK(!file_identity_is(&hook.file, &st), "nothing is known of it");
	verdict = judge_as(true, true);
	CHECK(is_not_judged(&verdict, "hook-writable") && is_not_judged(&verdict, "hook-path-invalid"));
}

static void test_timeouts(void)
{
	const int64_t given[] = {0, 7, INT64_MAX}, wanted[] = {30, 7, 30};

	for (size_t i = 0; i < 3; i++) {
		policy.defaults.hook_timeout = given[i];
		struct verdict verdict = judge_as(true, false);
		const struct config_hook *hardened =
			policy_harden(&pool, &config, &verdict)->hooks[HOOK_CREATE_RUNTIME].item;
		CHECK(hardened->timeout.set && hardened->timeout.value == wanted[i], "%lld",
		      (long long)hardened->timeout.value);
	}
	unlink(hook.path);
	reset();
}

/* ---- annotations ---- */

static void test_annotations(void)
{
	static const char *allowed[] = {"run.oci.handler", "umask.crio.*", "org.systemd.property.*"},
			  *properties[] = {"Slice"};
	static struct string_pair pairs[] = {{"run.oci.handler", "x"},	      {"run.oci.handlers.x", "\t"},
					     {"umask.crio.io", "x"},	      {"org.systemd.property.Slice", "x"},
					     {"org.systemd.property.X", "x"}, {"io.hrun.level", "x"}};

	reset();
	config.annotations = (struct string_map){pairs, 6, true};
	struct verdict verdict = judge_as(true, false);
	CHECK(strcmp(finding_of(&verdict, "annotation-runtime-weaken")->value, "run.oci.handler") == 0);
	CHECK(strcmp(finding_of(&verdict, "annotation-systemd-property")->value, "org.systemd.property.Slice") == 0);
	policy.allow.annotations = (struct string_list){allowed, 3, true};
	policy.allow.systemd_properties = (struct string_list){properties, 1, true};
	verdict = judge_as(true, false);
	CHECK(!finding_of(&verdict, "annotation-runtime-weaken"));
	CHECK(strcmp(finding_of(&verdict, "annotation-systemd-property")->value, "org.systemd.property.X") == 0);
	CHECK(finding_of(&verdict, "annotation-invalid"));
	CHECK(finding_of(&verdict, "annotation-policy-override"));
	for (size_t i = 0; i < verdict.count; i++)
		verdict.findings[i].action = ACTION_HARDEN; /* as onViolation asks for it */
	const struct config *hardened = policy_harden(&pool, &config, &verdict);
	CHECK(hardened->annotations.count == 5 && config.annotations.count == 6);
}

int main(void)
{
	CHECK(mkdtemp(directory));
	autofd int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bundle.dir = dir;
	CHECK(fstat(dir, &bundle.dir_stat) == 0);
	test_exchanged_namespace();
	test_names_only();
	test_engine_storage();
	test_own_id_is_mapped();
	test_allowed_hooks();
	test_identity();
	test_timeouts();
	test_annotations();
	rmdir(directory);
	pool_free(&pool);
	return failures != 0;
}
