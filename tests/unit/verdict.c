/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict.c - the table is whole, the line for the log is one that engines cannot take
 * for another error, and a repair never touches the original.
 */
#include "check.h"

#include <hrun/rules.h>
#include <hrun/str.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What podman, docker and containerd look for in a runtime's message (facts of their error handling, case-insensitive). */
static bool engine_mistakes(const char *line)
{
	static const char pattern[] = "permission denied|operation not permitted|executable file not found in|"
				      "no such file|open executable|not found|executable path is empty|"
				      "is a directory|not a directory|does not exist|no such process|"
				      "container not running|process already finished|"
				      "`/proc/[a-z0-9-].+/attr.*`";
	regex_t regex;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0)
		exit(1);
	bool hit = regexec(&regex, line, 0, NULL, 0) == 0;
	regfree(&regex);
	return hit;
}

static void test_table(void)
{
	for (size_t i = 0; i < rule_count; i++) {
		const struct rule *rule = &rules[i];
		bool can_harden = false;
		for (int level = 0; level < LEVELS; level++)
			can_harden |= rule->action[level] == ACTION_HARDEN;
		CHECK(rule_by_id(rule->id) == rule); /* no id twice */
		CHECK(!(can_harden || rule->repair_is_asked) || rule->harden);
		CHECK(rule->action[LEVEL_RESTRICTED] != ACTION_NONE);
		CHECK(*rule->title && *rule->remedy && *rule->references);
		CHECK(rule->remedy[strlen(rule->remedy) - 1] == '.');
		CHECK(!engine_mistakes(rule->remedy) && !engine_mistakes(rule->id));
	}
	CHECK(rule_by_id("no-such-rule") == NULL);
}

static struct verdict judge(struct pool *pool, const struct config *config, enum level level)
{
	const struct judged judged = {.pool = pool, .config = config, .process = config->process, .host_root = true};
	struct policy policy = policy_default();
	policy.level = level;
	struct verdict verdict;

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

static void test_example_line(void)
{
	struct pool pool = {0};
	const char *args[] = {"/bin/true"};
	struct config_process process = {.cwd = "/", .args = {.item = args, .count = 1, .present = true}};
	struct config_namespace namespaces[] = {{.type = "pid"}};
	struct config_linux linux_ = {.namespaces = namespaces, .namespace_count = 1};
	struct config config = {.oci_version = "1.0.2", .process = &process, .linux_ = &linux_};

	config.has_root = true;
	config.root.path = "rootfs";
	struct verdict verdict = judge(&pool, &config, LEVEL_PRIVILEGED);
	CHECK(verdict_refuses(&verdict));
	CHECK(str_equal(verdict_line(&pool, &verdict, "x"),
			"hrun: refused [ns-mount-missing] linux.namespaces no mount "
			"namespace; add {\"type\":\"mount\"}"));
	config.has_root = false;
	config.oci_version = "9.0.0";
	verdict = judge(&pool, &config, LEVEL_PRIVILEGED);
	CHECK(str_ends(verdict_line(&pool, &verdict, "hrun check /b"), " (+2 more: hrun check /b)"));
	/* What no policy lets pass, nobody is told to waive. */
	CHECK(!strstr(verdict_line(&pool, &verdict, "x"), "waive"));
	config = (struct config){.oci_version = "1.0.2", .has_root = true, .process = &process, .linux_ = &linux_};
	config.root.path = "rootfs";
	namespaces[0].type = "mount";
	verdict = judge(&pool, &config, LEVEL_BASELINE);
	CHECK(strstr(verdict_line(&pool, &verdict, "x"), "; drop --pid host or waive the rule (+"));
	pool_free(&pool);
}

/* Whoever writes the config must not choose what podman tells its user. */
static void test_hostile_text(void)
{
	static const char *const hostile[] = {
		"no such file or directory",
		"Permission Denied",
		"operation not permitted",
		"executable file not found in $PATH",
		"permi\xc5\xbf\xc5\xbfion denied",
		"`/proc/1/attr/exec`",
		"a\nlevel=error",
		"\x1b[2J\x7f\xc2\x9b",
		"open executable not  found not found",
		"Is A Directory, not a directory",
		"container not running: no such process, does not exist",
	};
	struct config_process process = {.cwd = "/"};
	struct config config = {.process = &process};

	for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
		struct pool pool = {0};
		struct string_pair annotation = {.key = pool_printf(&pool, "io.hrun.%s", hostile[i]), .value = ""};
		config.annotations = (struct string_map){.item = &annotation, .count = 1, .present = true};
		process.cwd = hostile[i];
		struct verdict verdict = judge(&pool, &config, LEVEL_BASELINE);
		for (size_t k = 0; k < verdict.count; k++) {
			struct verdict one = {.level = LEVEL_BASELINE, .findings = &verdict.findings[k], .count = 1};
			const char *line = verdict_line(&pool, &one, hostile[i]);
			CHECK(!engine_mistakes(line) && !str_has_control(line));
			CHECK(strlen(line) < 600);
			CHECK(!str_has_control(verdict.findings[k].text));
			for (const char *p = line; *p; p++)
				CHECK((unsigned char)*p < 0x7f);
		}
		pool_free(&pool);
	}
}

static void test_long_text(void)
{
	struct pool pool = {0};
	char *name = pool_alloc(&pool, 100001);
	struct config_process process = {.cwd = memset(name, 'x', 100000)};
	struct config config = {.process = &process};
	struct verdict verdict = judge(&pool, &config, LEVEL_PRIVILEGED);
	const struct finding *finding = finding_of(&verdict, "cwd-unsafe");

	CHECK(finding && strlen(finding->text) < 200);
	CHECK(strlen(verdict_line(&pool, &verdict, name)) < 800);
	pool_free(&pool);
}

static void test_repair_is_private(void)
{
	struct pool pool = {0};
	const char *masked[] = {"/proc/kcore"}, *option[] = {"suid"};
	struct config_namespace namespaces[] = {
		{.type = "mount"}, {.type = "pid"}, {.type = "network"}, {.type = "ipc"}, {.type = "uts"}};
	struct config_mount mounts[] = {
		{.destination = "/proc", .type = "proc", .options = {.item = option, .count = 1, .present = true}},
		{.destination = "/dev/pts", .type = "devpts"},
		{.destination = "/tmp", .type = "tmpfs"},
	};
	struct config_process process = {.cwd = "/"};
	struct config_linux linux_ = {.namespaces = namespaces,
				      .namespace_count = 5,
				      .masked_paths = {.item = masked, .count = 1, .present = true}};
	struct config config = {.process = &process, .linux_ = &linux_, .mounts = mounts, .mount_count = 3};
	struct verdict verdict = judge(&pool, &config, LEVEL_BASELINE);
	struct config *hard = policy_harden(&pool, &config, &verdict);
	struct config *twice = policy_harden(&pool, hard, &(struct verdict){0});

	CHECK(!process.no_new_privileges.value && hard->process->no_new_privileges.value);
	CHECK(linux_.namespace_count == 5 && hard->linux_->namespace_count == 6);
	CHECK(str_equal(hard->linux_->namespaces[5].type, "cgroup"));
	CHECK(linux_.masked_paths.count == 1 && hard->linux_->masked_paths.count == 13);
	CHECK(!linux_.builtin_seccomp && hard->linux_->builtin_seccomp && !hard->linux_->seccomp);
	CHECK(!linux_.resources && hard->linux_->resources->device_count == 1);
	CHECK(!hard->linux_->resources->devices[0].allow);
	CHECK(config.mount_count == 3 && hard->mount_count == 4);
	CHECK(str_equal(hard->mounts[1].destination, "/dev")); /* before /dev/pts, which it would hide */
	CHECK(mounts[0].options.count == 1 && hard->mounts[0].options.count == 3);
	CHECK(str_equal(hard->mounts[0].options.item[0], "nosuid")); /* in place of "suid" */
	CHECK(mounts[2].options.count == 0 && hard->mounts[3].options.count == 2);
	CHECK(finding_of(&verdict, "seccomp-absent") &&
	      finding_of(&verdict, "seccomp-absent")->action == ACTION_HARDEN);
	CHECK(twice->mount_count == 4);
	verdict = judge(&pool, &config, LEVEL_PRIVILEGED);
	hard = policy_harden(&pool, &config, &verdict);
	CHECK(!hard->linux_->builtin_seccomp && !hard->process->no_new_privileges.value && hard->mount_count == 3);
	pool_free(&pool);
}

static void test_json(void)
{
	struct pool pool = {0};
	struct string_pair sysctl = {.key = "kernel.core_pattern", .value = "|/x"};
	struct config_linux linux_ = {.sysctl = {.item = &sysctl, .count = 1, .present = true}};
	struct config config = {.linux_ = &linux_};
	struct verdict verdict = judge(&pool, &config, LEVEL_BASELINE);
	struct json_out out = {.pool = &pool};
	const struct json *tree, *found = NULL;
	struct json_error error;

	verdict_to_json(&out, &verdict);
	CHECK(json_read(&pool, out.text, out.length, 1 << 20, &tree, &error) == 0);
	CHECK(str_equal(json_at(tree, "level")->text, "baseline") && str_equal(json_at(tree, "ruleSet")->text, "1"));
	CHECK(json_at(tree, "findings")->count == verdict.count);
	for (const struct json *one = json_at(tree, "findings")->first; one; one = one->next) {
		if (str_equal(json_at(one, "rule")->text, "sysctl-not-namespaced"))
			found = one;
	}
	CHECK(found && str_equal(json_at(found, "pointer")->text, "/linux/sysctl/kernel.core_pattern"));
	CHECK(found && str_equal(json_at(found, "severity")->text, "critical"));
	CHECK(found && str_equal(json_at(found, "action")->text, "refuse"));
	CHECK(found && strstr(json_at(found, "message")->text, "kernel.core_pattern") && !json_at(found, "line"));
	CHECK(found && !json_at(found, "would") && !json_at(found, "why") && !json_at(found, "waiver"));
	CHECK(str_equal(json_at(tree, "verdict")->text, "refuse") && !json_at(tree, "notJudged"));
	pool_free(&pool);
}

/* exec judges the document again, not the host's files, which may be gone by now. */
static void test_exec(void)
{
	struct pool pool = {0};
	struct config_hook hook = {.path = "/absent/hook", .timeout = {.set = true, .value = 1}};
	struct config_namespace namespaces[] = {{.type = "mount"}, {.type = "network", .path = "/dev/null"}};
	struct config_process process = {.cwd = "/proc/self/fd/7"};
	struct config_linux linux_ = {.namespaces = namespaces, .namespace_count = 2};
	struct config config = {.process = NULL, .linux_ = &linux_};
	const struct judged judged = {.pool = &pool, .config = &config, .process = &process};
	struct policy policy = policy_default();
	policy.level = LEVEL_PRIVILEGED;
	struct verdict verdict;

	config.hooks[HOOK_POSTSTOP] = (struct config_hook_list){.item = &hook, .count = 1};
	policy_judge(&judged, &policy, &verdict);
	CHECK(finding_of(&verdict, "cwd-unsafe"));
	CHECK(!finding_of(&verdict, "hook-path-invalid") && !finding_of(&verdict, "ns-path-invalid"));
	hook.path = "hook";
	namespaces[1].path = "net";
	policy_judge(&judged, &policy, &verdict);
	CHECK(finding_of(&verdict, "hook-path-invalid") && finding_of(&verdict, "ns-path-invalid"));
	pool_free(&pool);
}

static void test_json_error(void)
{
	struct pool pool = {0};
	struct policy policy = policy_default();
	policy.level = LEVEL_PRIVILEGED;
	struct json_error error = {
		.rule = "json-duplicate-key", .where = "root", .line = 3, .column = 7, .text = "stands here twice"};
	struct verdict verdict;

	verdict_of_json_error(&pool, &policy, &error, &verdict);
	CHECK(verdict_refuses(&verdict) && verdict.count == 1);
	CHECK(str_equal(verdict_line(&pool, &verdict, "x"), "hrun: refused [json-duplicate-key] root line 3, column 7: "
							    "stands here twice; keep one of the two"));
	error.text = "stands here twice; drop the first";
	verdict_of_json_error(&pool, &policy, &error, &verdict);
	CHECK(str_equal(verdict_line(&pool, &verdict, "x"), "hrun: refused [json-duplicate-key] root line 3, column 7: "
							    "stands here twice; drop the first"));
	error.rule = "unheard-of";
	verdict_of_json_error(&pool, &policy, &error, &verdict);
	CHECK(verdict_refuses(&verdict));
	pool_free(&pool);
}

int main(void)
{
	test_table();
	test_example_line();
	test_hostile_text();
	test_long_text();
	test_repair_is_private();
	test_json();
	test_json_error();
	test_exec();
	return failures != 0;
}
