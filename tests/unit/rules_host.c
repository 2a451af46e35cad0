/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_host.c - what is judged against the machine: ids through both maps, the group file, security modules; and what the
 * policy file allows of devices and sysctls.
 */
#include "check.h"

#include <fcntl.h>
#include <hrun/host.h>
#include <hrun/judging.h>
#include <hrun/rules.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/hrun-host-XXXXXX";
static struct pool pool;

static const char *file(const char *name, const char *text)
{
	const char *path = pool_printf(&pool, "%s/%s", directory, name);
	FILE *f = fopen(path, "we");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		exit(1);
	return path;
}

static struct verdict judge(const char *id, const struct judged *judged, const struct policy *policy)
{
	struct judged with_policy = *judged;
	struct verdict verdict = {0};
	struct finder finder = {.rule = rule_by_id(id), .action = ACTION_REFUSE, .verdict = &verdict};

	with_policy.pool = &pool;
	with_policy.policy = policy;
	finder.judged = &with_policy;
	finder.rule->judge(&finder);
	return verdict;
}

/* ---- ids ---- */

static void test_rootless(void)
{
	static const char *const ids[] = {"user-root", "user-gid-root", "user-host-privileged-gid"};
	const struct policy policy = policy_default();
	struct host_files files = {.group = file("group", "docker:x:100997:\nwheel:x:1000:\n"),
				   .uid_map = file("uid_map", "         0       1000          1\n1 100000 65536\n"),
				   .gid_map = file("gid_map", "         0       1000          1\n1 100000 65536\n")};
	uint32_t more[] = {6, 42};
	struct config_process process = {.user = {.additional_gids = more, .additional_gid_count = 2}};
	struct config config = {.process = &process};
	struct judged judged = {.config = &config, .process = &process, .host_files = &files};

	for (int i = 0; i < 3; i++) /* what podman hands over: root inside is nobody's root outside */
		CHECK(judge(ids[i], &judged, &policy).count == 0, "%s", ids[i]);
	process.user.uid.value = 5;
	process.user.gid.value = 7;
	CHECK(judge("user-host-privileged-gid", &judged, &policy).count == 0);
	process.user.gid.value = 998; /* 100997 on the host */
	struct verdict verdict = judge("user-host-privileged-gid", &judged, &policy);
	CHECK(verdict.count == 1 && str_equal(verdict.findings[0].value, "998"));
	process.user.gid.value = 0; /* the caller's own group, wheel there; no root group */
	CHECK(judge("user-host-privileged-gid", &judged, &policy).count == 1);
	CHECK(judge("user-gid-root", &judged, &policy).count == 0);
	judged.host_root = true; /* the same ids in the first user namespace */
	CHECK(judge("user-gid-root", &judged, &policy).count == 1);
	CHECK(judge("user-host-privileged-gid", &judged, &policy).count == 2); /* disk, shadow */
}

/* A container's own namespace inside of ours, and a map that leads back to root. */
static void test_both_maps(void)
{
	const struct policy policy = policy_default();
	struct host_files files = {.group = file("group", ""),
				   .uid_map = file("uid_map", "0 100000 10\n10 0 1\n"),
				   .gid_map = file("gid_map", "0 100000 10\n10 42 1\n")};
	struct id_mapping map[] = {{0, 0, 5}, {7, 10, 1}};
	struct config_namespace namespaces[] = {{.type = "user"}};
	struct config_linux linux_ = {.namespaces = namespaces, .namespace_count = 1};
	struct config_process process = {.user = {.uid = {true, 7}, .gid = {true, 7}}};
	struct config config = {.process = &process, .linux_ = &linux_};
	struct judged judged = {.config = &config, .process = &process, .host_files = &files};

	linux_.uid_mappings = linux_.gid_mappings = (struct id_mapping_list){.item = map, .count = 2, .present = true};
	CHECK(judge("user-root", &judged, &policy).count == 1);
	CHECK(judge("user-host-privileged-gid", &judged, &policy).count == 1);
	process.user.uid.value = process.user.gid.value = 4;
	CHECK(judge("user-root", &judged, &policy).count == 0);
	CHECK(judge("user-host-privileged-gid", &judged, &policy).count == 0);
	process.user.uid.value = 99; /* not mapped: other rules refuse it */
	CHECK(judge("user-root", &judged, &policy).count == 0);
	process.user.uid.value = 7;
	namespaces[0].path = "/proc/1/ns/user"; /* joined: its map is not this one */
	CHECK(judge("user-root", &judged, &policy).count == 0);
	files.uid_map = "/nonexistent/map"; /* nobody can tell: as if it were the host's */
	namespaces[0] = (struct config_namespace){.type = "pid"};
	process.user.uid.value = 0;
	CHECK(judge("user-root", &judged, &policy).count == 1);
}

static void test_group_file(void)
{
	const struct policy policy = policy_default();
	struct host_files files = {.group = "/nonexistent/group"};
	struct config_process process = {.user = {.uid = {true, 1000}, .gid = {true, 27}}};
	struct config config = {.process = &process};
	struct judged judged = {.config = &config, .process = &process, .host_files = &files, .host_root = true};
	const char *rule = "user-host-privileged-gid";

	CHECK(judge(rule, &judged, &policy).count == 0); /* no file: no group has a name */
	files.group = file("group", "root:x:0:\nsudo:x:27:joe\nsudo:x:28:\n");
	CHECK(judge(rule, &judged, &policy).count == 1);
	files.group = directory; /* no file: nobody knows */
	struct verdict verdict = judge(rule, &judged, &policy);
	CHECK(verdict.count == 1 && !verdict.findings[0].value);
	process.user.gid.value = 6; /* what needs no file is judged without one */
	verdict = judge(rule, &judged, &policy);
	CHECK(verdict.count == 1 && str_equal(verdict.findings[0].value, "6"));
	process.user.gid.value = 0;
	CHECK(judge(rule, &judged, &policy).count == 0);
	judged.config_only = true; /* another machine's config: the group file says nothing about it */
	process.user.gid.value = 27;
	files.group = file("group", "sudo:x:27:\n");
	verdict = judge(rule, &judged, &policy);
	CHECK(verdict.count == 0 && verdict.not_judged_count == 1);
	files.group = file("group", "");
	if (truncate(files.group, 2 * 1024 * 1024) != 0)
		exit(1);
	judged.config_only = false;
	CHECK(judge(rule, &judged, &policy).count == 1); /* too large */
}

static void test_many_groups(void)
{
	const struct policy policy = policy_default();
	struct host_files files = {.group = file("group", "docker:x:998:\n")};
	struct config_process process = {.user = {.uid = {true, 1000}}};
	struct config config = {.process = &process};
	struct judged judged = {.config = &config, .process = &process, .host_files = &files, .host_root = true};

	process.user.additional_gid_count = 500000;
	process.user.additional_gids = pool_alloc(&pool, 500000 * sizeof(uint32_t));
	for (size_t i = 0; i < 500000; i++)
		process.user.additional_gids[i] = 998;
	struct verdict verdict = judge("user-host-privileged-gid", &judged, &policy);
	CHECK(verdict.count == 1 && str_equal(verdict.findings[0].where, "process.user.additionalGids[0]"));
}

/* ---- security modules ---- */

static void test_modules(void)
{
	const struct policy policy = policy_default();
	struct host_files files = {.apparmor_enabled = file("apparmor", "Y\n"),
				   .apparmor_profiles = directory,
				   .selinux_enforce = file("selinux", "1"),
				   .selinux_policies = directory};
	struct config_process process = {.apparmor_profile = "", .selinux_label = NULL};
	struct config config = {.process = &process};
	struct judged judged = {.config = &config, .process = &process, .host_files = &files};

	CHECK(judge("apparmor-missing", &judged, &policy).count == 1);
	CHECK(judge("selinux-missing", &judged, &policy).count == 1);
	process.apparmor_profile = process.selinux_label = "x";
	files.apparmor_enabled = files.selinux_enforce = directory; /* not looked at where it does not matter */
	CHECK(judge("apparmor-missing", &judged, &policy).count == 0);
	CHECK(judge("selinux-missing", &judged, &policy).count == 0);
	process.apparmor_profile = process.selinux_label = NULL;
	CHECK(judge("apparmor-missing", &judged, &policy).count == 1); /* cannot look */
	files.apparmor_enabled = files.selinux_enforce = file("off", "");
	CHECK(judge("apparmor-missing", &judged, &policy).count == 0);
	CHECK(judge("selinux-missing", &judged, &policy).count == 0);
	judged.config_only = true;
	CHECK(judge("selinux-missing", &judged, &policy).not_judged_count == 1);
}

/* ---- what the policy file allows ---- */

static void test_allowed_devices(void)
{
	struct policy policy = policy_default();
	struct policy_device allowed[] = {{'c', 10, 229, "rw"}, {'b', 8, 1, "r"}};
	struct config_device node = {.type = "c", .path = "/dev/x", .major = {true, 10}, .minor = {true, 229}};
	struct config_device_rule rule = {
		.allow = true, .type = "b", .major = {true, 8}, .minor = {true, 1}, .access = "rm"};
	struct config_resources resources = {.devices = &rule, .device_count = 1};
	struct config_linux linux_ = {.devices = &node, .device_count = 1, .resources = &resources};
	struct config config = {.linux_ = &linux_};
	const struct judged judged = {.config = &config};

	CHECK(judge("device-extra", &judged, &policy).count == 1);
	CHECK(str_equal(judge("device-extra", &judged, &policy).findings[0].value, "c 10:229"));
	CHECK(judge("device-cgroup-dangerous", &judged, &policy).count == 1);
	CHECK(str_equal(judge("device-cgroup-dangerous", &judged, &policy).findings[0].value, "b 8:1"));
	policy.allow.devices = allowed;
	policy.allow.device_count = 2;
	CHECK(judge("device-extra", &judged, &policy).count == 0);
	CHECK(judge("device-cgroup-dangerous", &judged, &policy).count == 0);
	node.minor.value = 228;
	CHECK(judge("device-extra", &judged, &policy).count == 1);
	node.type = "b";
	CHECK(judge("device-block", &judged, &policy).count == 1);
	node.major.value = 8, node.minor.value = 1;
	CHECK(judge("device-block", &judged, &policy).count == 0);
	rule.access = "rw"; /* more than is allowed */
	CHECK(judge("device-cgroup-dangerous", &judged, &policy).count == 1);
	rule = (struct config_device_rule){.allow = true, .type = "b", .major = {true, 8}, .access = "r"};
	CHECK(judge("device-cgroup-dangerous", &judged, &policy).count == 1); /* more numbers */
	CHECK(str_equal(judge("device-cgroup-dangerous", &judged, &policy).findings[0].value, "b 8:*"));
}

static void test_many_device_rules(void)
{
	enum { MANY = 50000 };
	const struct policy policy = policy_default();
	struct config_device_rule *list = pool_alloc(&pool, MANY * sizeof *list);
	struct config_resources resources = {.devices = list, .device_count = MANY};
	struct config_linux linux_ = {.resources = &resources};
	struct config config = {.linux_ = &linux_};
	const struct judged judged = {.config = &config};

	for (size_t i = 0; i < MANY; i++)
		list[i] = (struct config_device_rule){.allow = i < MANY / 2, .type = "c", .major = {true, 10}};
	CHECK(judge("device-cgroup-dangerous", &judged, &policy).count == MANY / 2);
	resources.device_count = 1024; /* as many as the filter takes */
	list[1023].allow = false;
	CHECK(judge("device-cgroup-dangerous", &judged, &policy).count == 0);
}

static void test_allowed_sysctls(void)
{
	struct policy policy = policy_default();
	const char *allowed[] = {"net.core.somaxconn", "net.ipv4.conf", "kernel"};
	struct string_pair keys[] = {
		{"net.core.somaxconn", "1"}, {"net.core.somaxconn2", "1"}, {"net.ipv4.conf.eth0.forwarding", "1"},
		{"net.ipv4.conf", "1"},	     {"net.ipv4.confx.y", "1"},	   {"kernel.sem", "1"},
		{"kernel.core_pattern", "1"}};
	struct config_linux linux_ = {.sysctl = {.item = keys, .count = 7, .present = true}};
	struct config config = {.linux_ = &linux_};
	const struct judged judged = {.config = &config};

	CHECK(judge("sysctl-not-safe", &judged, &policy).count == 6);
	policy.allow.sysctls = (struct string_list){.item = allowed, .count = 3, .present = true};
	struct verdict verdict = judge("sysctl-not-safe", &judged, &policy);
	/* The whole key and nothing below it. */
	CHECK(verdict.count == 4);
	CHECK(str_equal(verdict.findings[0].value, "net.core.somaxconn2"));
	CHECK(str_equal(verdict.findings[1].value, "net.ipv4.conf.eth0.forwarding"));
	CHECK(judge("sysctl-not-namespaced", &judged, &policy).count == 1); /* no policy allows the host's */
}

/* ---- exec, and repairs that the policy file asks for ---- */

static const char *const process_rules[] = {
	"oom-score-unkillable", "oom-score-negative", "rlimit-unlimited", "scheduler-realtime", "io-priority-realtime",
};

static void test_repairs(void)
{
	const struct policy policy = policy_default();
	struct config_rlimit limits[] = {{"RLIMIT_NOFILE", 5, UINT64_MAX}, {"RLIMIT_CORE", UINT64_MAX, UINT64_MAX}};
	struct config_scheduler scheduler = {.policy = "SCHED_RR", .nice = {true, -3}};
	struct config_io_priority io = {.class = "IOPRIO_CLASS_RT"};
	struct config_process process = {
		.rlimits = limits, .rlimit_count = 2, .scheduler = &scheduler, .io_priority = &io};
	struct config config = {.process = &process};

	for (size_t i = 0; i < sizeof process_rules / sizeof process_rules[0]; i++) {
		process.oom_score_adj = (struct opt_i64){true, i == 0 ? -1000 : -999};
		struct judged judged = {.config = &config, .process = &process};
		struct verdict verdict = judge(process_rules[i], &judged, &policy);
		CHECK(verdict.count, "%s", process_rules[i]);
		for (size_t k = 0; k < verdict.count; k++)
			verdict.findings[k].action = ACTION_HARDEN;
		struct config *hard = policy_harden(&pool, &config, &verdict);
		judged.process = hard->process;
		CHECK(judge(process_rules[i], &judged, &policy).count == 0, "%s", process_rules[i]);
		CHECK(limits[0].hard == UINT64_MAX && process.scheduler && process.io_priority);
		if (hard->process->rlimits[0].hard != UINT64_MAX) {
			CHECK(hard->process->rlimits[0].soft == 5 && hard->process->rlimits[1].soft == 0);
			CHECK(hard->process->rlimits[0].hard == 1048576 && hard->process->rlimits[1].hard == 0);
		}
	}
}

/* exec: no bundle, a process of its own, nothing of the config's. */
static void test_exec(void)
{
	static const char *const ids[] = {
		"args-proc-self",	    "env-secret-value", "env-secret-name",
		"user-host-privileged-gid", "caps-dangerous",	"oom-score-unkillable",
		"apparmor-unconfined",	    "selinux-type",	"terminal-enabled",
	};
	const struct policy policy = policy_default();
	const char *args[] = {"/proc/self/exe"}, *env[] = {"A_TOKEN=npm_aB3dE6gH9jaB3dE6gH9jaB3dE6gH9jaB3dE6"},
		   *caps[] = {"CAP_BPF"};
	struct config_process quiet = {.cwd = "/"};
	struct config_process process = {
		.cwd = "/",
		.terminal = true,
		.args = {.item = args, .count = 1, .present = true},
		.env = {.item = env, .count = 1, .present = true},
		.user = {.uid = {true, 1}, .gid = {true, 6}},
		.oom_score_adj = {true, -1000},
		.apparmor_profile = "unconfined",
		.selinux_label = "system_u:system_r:spc_t:s0",
	};
	struct config config = {.process = &quiet};
	struct judged judged = {.config = &config, .process = &process, .host_root = true};

	process.capabilities[CAPS_BOUNDING] = (struct string_list){.item = caps, .count = 1, .present = true};
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		judged.process = &process;
		judged.capabilities = capability_look(&process);
		CHECK(judge(ids[i], &judged, &policy).count == 1, "%s", ids[i]);
		judged.process = NULL;
		judged.capabilities = capability_look(NULL);
		CHECK(judge(ids[i], &judged, &policy).count == 0, "%s", ids[i]);
	}
}

int main(void)
{
	if (!mkdtemp(directory))
		return 1;
	test_rootless();
	test_both_maps();
	test_group_file();
	test_many_groups();
	test_modules();
	test_allowed_devices();
	test_many_device_rules();
	test_allowed_sysctls();
	test_repairs();
	test_exec();
	static const char *const names[] = {"group", "uid_map", "gid_map", "apparmor", "selinux", "off"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unlink(pool_printf(&pool, "%s/%s", directory, names[i]));
	rmdir(directory);
	pool_free(&pool);
	return failures != 0;
}
