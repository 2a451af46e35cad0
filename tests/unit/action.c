/* SPDX-License-Identifier: Apache-2.0 */
/*
 * action.c - level, rules, onViolation, warnLevel, mode audit, waivers, drop and the pod sandbox: every way in which
 * a finding gets another action than its level's, and that none of them moves what refuses at every level.
 */
#include "check.h"

#include <hrun/action.h>
#include <hrun/config.h>
#include <hrun/judging.h>
#include <hrun/report.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>

static struct pool pool;

#define PRIV LEVEL_PRIVILEGED
#define BASE LEVEL_BASELINE
#define REST LEVEL_RESTRICTED
enum { NO = POLICY_UNCHANGED, NONE = ACTION_NONE, WARN = ACTION_WARN, HARDEN = ACTION_HARDEN, REFUSE = ACTION_REFUSE };

/* ---- a rule ---- */

static signed char *own_actions(const char *rule, int own)
{
	signed char *actions = pool_alloc(&pool, rule_count);

	memset(actions, POLICY_UNCHANGED, rule_count);
	actions[rule_by_id(rule) - rules] = (signed char)own;
	return actions;
}

static const struct transition {
	const char *
		rule; /* ns-mount-missing RRR, ns-net-host -RR, user-root -WR, no-new-privileges -HH, caps-inheritable -HR */
	enum level level, warn_level;
	int own;
	bool harden_violations, audit;
	int action, would;
	enum why why;
} transitions[] = {
	/* the level alone */
	{"ns-net-host", PRIV, LEVELS, NO, false, false, NONE, NONE, WHY_LEVEL},
	{"ns-net-host", BASE, LEVELS, NO, false, false, REFUSE, REFUSE, WHY_LEVEL},
	{"user-root", BASE, LEVELS, NO, false, false, WARN, WARN, WHY_LEVEL},
	{"user-root", REST, LEVELS, NO, false, false, REFUSE, REFUSE, WHY_LEVEL},
	{"no-new-privileges", BASE, LEVELS, NO, false, false, HARDEN, HARDEN, WHY_LEVEL},
	{"ns-mount-missing", PRIV, LEVELS, NO, false, false, REFUSE, REFUSE, WHY_LEVEL},
	/* rules: stricter, looser, the same, and a repair where there is none */
	{"ns-net-host", PRIV, LEVELS, REFUSE, false, false, REFUSE, REFUSE, WHY_POLICY_RULE},
	{"ns-net-host", BASE, LEVELS, WARN, false, false, WARN, REFUSE, WHY_POLICY_RULE},
	{"ns-net-host", BASE, LEVELS, NONE, false, false, NONE, REFUSE, WHY_POLICY_RULE},
	{"ns-net-host", BASE, LEVELS, REFUSE, false, false, REFUSE, REFUSE, WHY_LEVEL},
	{"ns-net-host", BASE, LEVELS, HARDEN, false, false, REFUSE, REFUSE, WHY_LEVEL},
	{"user-root", BASE, LEVELS, HARDEN, false, false, REFUSE, REFUSE, WHY_POLICY_RULE},
	{"no-new-privileges", PRIV, LEVELS, HARDEN, false, false, HARDEN, HARDEN, WHY_POLICY_RULE},
	{"no-new-privileges", BASE, LEVELS, REFUSE, false, false, REFUSE, REFUSE, WHY_POLICY_RULE},
	{"no-new-privileges", BASE, LEVELS, NONE, false, false, NONE, HARDEN, WHY_POLICY_RULE},
	/* what refuses at every level is touched by nothing */
	{"ns-mount-missing", BASE, LEVELS, NONE, true, true, REFUSE, REFUSE, WHY_LEVEL},
	{"ns-mount-missing", PRIV, REST, WARN, true, true, REFUSE, REFUSE, WHY_LEVEL},
	{"flag-preserve-fds", PRIV, LEVELS, NONE, true, true, REFUSE, REFUSE, WHY_LEVEL},
	/* onViolation: a rule without a repair, and one that is repaired by its level only */
	{"ns-net-host", BASE, LEVELS, NO, true, false, REFUSE, REFUSE, WHY_LEVEL},
	{"caps-inheritable", REST, LEVELS, NO, true, false, REFUSE, REFUSE, WHY_LEVEL},
	/* warnLevel: nothing -> warn, warn -> warn, a repair stays a repair; no stricter, no change */
	{"ns-net-host", PRIV, BASE, NO, false, false, WARN, REFUSE, WHY_WARN_LEVEL},
	{"no-new-privileges", PRIV, REST, NO, false, false, WARN, HARDEN, WHY_WARN_LEVEL},
	{"user-root", BASE, REST, NO, false, false, WARN, REFUSE, WHY_WARN_LEVEL},
	{"user-root", PRIV, BASE, NO, false, false, WARN, WARN, WHY_WARN_LEVEL},
	{"caps-inheritable", BASE, REST, NO, false, false, HARDEN, REFUSE, WHY_WARN_LEVEL},
	{"ns-net-host", BASE, REST, NO, false, false, REFUSE, REFUSE, WHY_LEVEL},
	{"user-root", REST, BASE, NO, false, false, REFUSE, REFUSE, WHY_LEVEL},
	{"user-root", BASE, REST, NONE, false, false, NONE, WARN, WHY_POLICY_RULE},
	/* mode audit is for findings; a rule keeps its action */
	{"ns-net-host", BASE, LEVELS, NO, false, true, REFUSE, REFUSE, WHY_LEVEL},
};

static void test_transitions(void)
{
	for (size_t i = 0; i < sizeof transitions / sizeof transitions[0]; i++) {
		const struct transition *t = &transitions[i];
		struct policy policy = policy_default();
		policy.level = t->level;
		policy.warn_level = t->warn_level;
		policy.harden_violations = t->harden_violations;
		policy.audit = t->audit;
		policy.rule_actions = t->own == NO ? NULL : own_actions(t->rule, t->own);
		struct decision d = policy_decide(&policy, rule_by_id(t->rule), false);
		CHECK((int)d.action == t->action && (int)d.would == t->would && d.why == t->why,
		      "row %zu, %s: %s, would %s, why %d", i, t->rule, action_name(d.action), action_name(d.would),
		      (int)d.why);
	}
}

/* Over the whole table, whatever else is built: no policy lets through what refuses at every level. */
static void test_every_rule(void)
{
	struct policy policy = policy_default();

	policy.audit = policy.harden_violations = true;
	for (size_t i = 0; i < rule_count; i++) {
		const struct rule *rule = &rules[i];
		for (int level = 0; level < LEVELS; level++) {
			policy.level = (enum level)level;
			policy.rule_actions = NULL;
			struct decision d = policy_decide(&policy, rule, false);
			CHECK(d.action <= d.would, "%s", rule->id);
			if (rule->repair_is_asked && rule->action[level] == ACTION_REFUSE &&
			    rule->action[PRIV] != ACTION_REFUSE)
				CHECK(d.action == ACTION_HARDEN && d.would == ACTION_REFUSE, "%s", rule->id);
			policy.rule_actions = own_actions(rule->id, ACTION_NONE);
			bool always = rule->action[PRIV] == ACTION_REFUSE;
			CHECK((policy_decide(&policy, rule, true).action == ACTION_REFUSE) == always, "%s", rule->id);
		}
	}
}

/* images.require: at every level, and the stricter of it and of `rules`. */
static void test_images(void)
{
	static const struct {
		enum images_require require;
		enum level level;
		int own, action;
	} rows[] = {
		{IMAGES_UNSAID, PRIV, NO, NONE},     {IMAGES_UNSAID, REST, NO, REFUSE},
		{IMAGES_UNSAID, REST, NONE, NONE},   {IMAGES_OFF, PRIV, NO, NONE},
		{IMAGES_OFF, BASE, NO, NONE},	     {IMAGES_OFF, REST, NO, NONE},
		{IMAGES_OFF, BASE, WARN, WARN},	     {IMAGES_WARN, PRIV, NO, WARN},
		{IMAGES_WARN, REST, NO, WARN},	     {IMAGES_WARN, BASE, NONE, WARN},
		{IMAGES_WARN, BASE, REFUSE, REFUSE}, {IMAGES_SIGNED, PRIV, NO, REFUSE},
		{IMAGES_SIGNED, BASE, NO, REFUSE},   {IMAGES_SIGNED, BASE, NONE, REFUSE},
		{IMAGES_SIGNED, REST, WARN, REFUSE},
	};
	const struct rule *rule = rule_by_id("image-signature-missing"), *other = rule_by_id("ns-net-host");

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct policy policy = policy_default();
		policy.level = rows[i].level;
		policy.images.require = rows[i].require;
		if (rows[i].own != NO)
			policy.rule_actions = own_actions("image-signature-missing", rows[i].own);
		CHECK(policy_decide(&policy, rule, false).action == (enum action)rows[i].action, "row %zu", i);
		CHECK(policy_decide(&policy, other, false).action == other->action[policy.level], "row %zu", i);
		policy.warn_level = policy.level == PRIV ? REST : LEVELS;
		int at_least = rows[i].require == IMAGES_UNSAID ? WARN : rows[i].action;
		if (policy.warn_level != LEVELS)
			CHECK(policy_decide(&policy, rule, false).action == (enum action)at_least, "row %zu", i);
	}
}

/* ---- a finding ---- */

static struct string_pair annotation = {.key = "io.kubernetes.cri.container-type", .value = "sandbox"};
static const char *pause_args[] = {"/pause"};
static const char *net_raw[] = {"CAP_CHOWN", "CAP_NET_RAW"};
static struct config_namespace host_network[] = {{.type = "mount"}, {.type = "pid"}, {.type = "ipc"}, {.type = "uts"}};

static struct config_process process;
static struct config_linux linux_;
static struct config config;

static void fresh_config(void)
{
	process = (struct config_process){
		.cwd = "/", .args = {.item = pause_args, .count = 1, .present = true}, .has_capabilities = true};
	process.capabilities[CAPS_BOUNDING] = (struct string_list){.item = net_raw, .count = 2, .present = true};
	linux_ = (struct config_linux){.namespaces = host_network, .namespace_count = 4};
	config = (struct config){.oci_version = "1.0.2",
				 .has_root = true,
				 .process = &process,
				 .linux_ = &linux_,
				 .root.path = "rootfs"};
}

static struct judged judged_of(void)
{
	return (struct judged){.pool = &pool, .config = &config, .process = &process, .host_root = true};
}

static const struct finding *finding_of(const struct verdict *verdict, const char *rule)
{
	for (size_t i = 0; i < verdict->count; i++) {
		if (str_equal(verdict->findings[i].rule->id, rule))
			return &verdict->findings[i];
	}
	return NULL;
}

static const struct finding *judge(const struct policy *policy, const struct judged *judged, const char *rule)
{
	struct verdict *verdict = pool_alloc(&pool, sizeof *verdict);

	policy_judge(judged, policy, verdict);
	return finding_of(verdict, rule);
}

static void test_audit(void)
{
	struct policy policy = policy_default();
	const struct invocation invocation = {.no_pivot = true};
	struct judged judged = judged_of();
	const char *unknown[] = {"CAP_FLY"};

	judged.invocation = &invocation;
	policy.audit = true;
	fresh_config();
	const struct finding *f = judge(&policy, &judged, "ns-net-host");
	CHECK(f && f->action == ACTION_WARN && f->would == ACTION_REFUSE && f->why == WHY_AUDIT);
	f = judge(&policy, &judged, "no-new-privileges");
	CHECK(f && f->action == ACTION_HARDEN && f->why == WHY_LEVEL);
	f = judge(&policy, &judged, "flag-no-pivot");
	CHECK(f && f->action == ACTION_REFUSE);
	process.capabilities[CAPS_BOUNDING] = (struct string_list){.item = unknown, .count = 1, .present = true};
	f = judge(&policy, &judged, "caps-unknown-name");
	CHECK(f && f->action == ACTION_WARN && f->would == ACTION_REFUSE);
	linux_.namespace_count = 0;
	f = judge(&policy, &judged, "ns-mount-missing");
	CHECK(f && f->action == ACTION_REFUSE && f->why == WHY_LEVEL);
	/* the warning of a stricter level is no would-refuse of this one */
	fresh_config();
	policy.level = LEVEL_PRIVILEGED;
	policy.warn_level = LEVEL_BASELINE;
	f = judge(&policy, &judged, "ns-net-host");
	CHECK(f && f->action == ACTION_WARN && f->why == WHY_WARN_LEVEL);
}

/* What would have been repaired, but could not be looked at, is no matter of getting used to the rules. */
static void test_audit_of_what_cannot_be_judged(void)
{
	struct policy policy = policy_default();
	struct judged judged = judged_of();

	policy.audit = true;
	judged.policy = &policy;
	fresh_config();
	for (int action = ACTION_WARN; action <= ACTION_REFUSE; action++) {
		static const enum action expected[] = {
			[ACTION_WARN] = ACTION_WARN, [ACTION_HARDEN] = ACTION_REFUSE, [ACTION_REFUSE] = ACTION_WARN};
		struct verdict verdict = {.level = BASE};
		struct finder finder = {.judged = &judged,
					.rule = rule_by_id("rootfs-device-nodes"),
					.action = (enum action)action,
					.would = (enum action)action,
					.verdict = &verdict};
		cannot_judge(&finder, "root.path", "cannot be looked at");
		CHECK(verdict.count == 1 && verdict.findings[0].action == expected[action], "%d", action);
	}
}

/* Who asks for a repair by the rule's name gets it or a refusal; where a level refuses, an audit is what it always is. */
static void test_audit_of_what_cannot_be_repaired(void)
{
	static struct config_namespace user[] = {{.type = "user"}};
	struct policy policy = policy_default();
	struct judged judged = judged_of();
	signed char *actions = pool_alloc(&pool, rule_count);

	memset(actions, POLICY_UNCHANGED, rule_count);
	policy.audit = true;
	fresh_config();
	linux_.namespaces = user;
	linux_.namespace_count = 1;
	const struct finding *f = judge(&policy, &judged, "idmap-missing");
	CHECK(f && f->action == ACTION_REFUSE && f->why == WHY_LEVEL);

	policy.level = LEVEL_RESTRICTED;
	f = judge(&policy, &judged, "memory-limit-missing");
	CHECK(f && f->action == ACTION_WARN && f->would == ACTION_REFUSE && f->why == WHY_AUDIT);
	policy.harden_violations = true;
	f = judge(&policy, &judged, "memory-limit-missing");
	CHECK(f && f->action == ACTION_WARN && f->would == ACTION_REFUSE && f->why == WHY_AUDIT);
	policy.rule_actions = actions;
	actions[rule_by_id("memory-limit-missing") - rules] = ACTION_HARDEN;
	f = judge(&policy, &judged, "memory-limit-missing");
	CHECK(f && f->action == ACTION_REFUSE && f->why == WHY_POLICY_RULE);
	policy.defaults.memory_limit = 1 << 20;
	f = judge(&policy, &judged, "memory-limit-missing");
	CHECK(f && f->action == ACTION_HARDEN);
}

/* A finding with a value: CAP_SYS_ADMIN among the flags of exec. */
static const struct finding *waived(const struct waiver *waiver, const char *cgroup, const char *digest)
{
	const struct invocation invocation = {.is_exec = true};
	struct policy policy = policy_default();
	struct judged judged = judged_of();

	judged.invocation = &invocation;
	judged.cgroup_path = cgroup;
	judged.image_digest = digest;
	policy.waivers = waiver;
	policy.waiver_count = 1;
	policy_index_waivers(&pool, &policy);
	return judge(&policy, &judged, "exec-raises");
}

static void test_waivers(void)
{
	size_t raises = (size_t)(rule_by_id("exec-raises") - rules),
	       other = (size_t)(rule_by_id("ns-net-host") - rules);
	static const char *const one[] = {"CAP_CHOWN"};
	const struct {
		struct waiver waiver;
		const char *cgroup, *digest;
		bool matches;
	} rows[] = {
		{{.rule = raises, .value = "CAP_CHOWN", .days_left = 20}, NULL, NULL, true},
		{{.rule = raises, .value = "CAP_CHOWN", .days_left = 0}, NULL, NULL, true},
		{{.rule = raises, .value = "CAP_CHOWN", .days_left = -1}, NULL, NULL, false},
		{{.rule = raises, .value = "CAP_CHOW", .days_left = 20}, NULL, NULL, false},
		{{.rule = raises, .value = "cap_chown", .days_left = 20}, NULL, NULL, false},
		{{.rule = raises, .value = "*", .days_left = 20}, NULL, NULL, false},
		{{.rule = other, .value = "CAP_CHOWN", .days_left = 20}, NULL, NULL, false},
		{{.rule = raises, .days_left = 20}, "/a", "sha256:1", false},
		{{.rule = raises, .cgroup = "/a*", .days_left = 20}, "/a/b", NULL, true},
		{{.rule = raises, .cgroup = "/a*", .days_left = 20}, "/b/a", NULL, false},
		{{.rule = raises, .cgroup = "*", .days_left = 20}, NULL, NULL, false},
		{{.rule = raises, .value = "CAP_CHOWN", .cgroup = "/b", .days_left = 20}, "/a", NULL, false},
		{{.rule = raises, .image_digest = "sha256:1", .days_left = 20}, NULL, NULL, false},
		{{.rule = raises, .image_digest = "sha256:1", .days_left = 20}, NULL, "sha256:2", false},
		{{.rule = raises, .image_digest = "sha256:1", .days_left = 20}, NULL, "sha256:1", true},
		{{.rule = raises, .value = "CAP_CHOWN", .image_digest = "sha256:1", .days_left = 20},
		 NULL,
		 NULL,
		 false},
	};

	fresh_config();
	process.capabilities[CAPS_BOUNDING] =
		(struct string_list){.item = (const char **)one, .count = 1, .present = true};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct waiver waiver = rows[i].waiver;
		waiver.expires = "2026-01-02";
		const struct finding *f = waived(&waiver, rows[i].cgroup, rows[i].digest);
		bool is_waived = f && f->action == ACTION_WARN && f->why == WHY_WAIVED && f->waiver == &waiver &&
				 f->would == ACTION_REFUSE;
		CHECK(is_waived == rows[i].matches, "row %zu", i);
		CHECK(f && (is_waived || f->action == ACTION_REFUSE), "row %zu", i);
		CHECK(f && (strstr(f->text, "its waiver ended on 2026-01-02") != NULL) ==
				      (waiver.days_left < 0 && waiver.value != NULL),
		      "row %zu", i);
	}
}

/* A repair that is waived is not made; what refuses at every level has no waivers. */
static void test_waived_repair(void)
{
	struct policy policy = policy_default();
	struct judged judged = judged_of();
	struct verdict verdict;
	struct waiver waivers[] = {
		{.rule = (size_t)(rule_by_id("no-new-privileges") - rules), .cgroup = "*", .days_left = 30},
		{.rule = (size_t)(rule_by_id("ns-mount-missing") - rules), .cgroup = "*", .days_left = 30},
	};

	fresh_config();
	linux_.namespace_count = 0;
	judged.cgroup_path = "/x";
	policy.waivers = waivers;
	policy.waiver_count = 2;
	policy_index_waivers(&pool, &policy);
	CHECK(waivers[0].rule < waivers[1].rule);
	policy_judge(&judged, &policy, &verdict);
	const struct finding *f = finding_of(&verdict, "no-new-privileges");
	CHECK(f && f->action == ACTION_WARN && f->would == ACTION_HARDEN && f->waiver == &waivers[0]);
	CHECK(!policy_harden(&pool, &config, &verdict)->process->no_new_privileges.value);
	f = finding_of(&verdict, "ns-mount-missing");
	CHECK(f && f->action == ACTION_REFUSE && !f->waiver);
}

/* Of several the one that holds longest speaks; the reader is warned fourteen days before the last day of one. */
static void test_many_waivers(void)
{
	enum { MANY = 1000 };
	static struct waiver waivers[MANY];
	static const char *const one[] = {"CAP_CHOWN"};
	const struct invocation invocation = {.is_exec = true};
	size_t raises = (size_t)(rule_by_id("exec-raises") - rules);
	struct policy policy = policy_default();
	struct judged judged = judged_of();
	struct verdict verdict;

	fresh_config();
	process.capabilities[CAPS_BOUNDING] =
		(struct string_list){.item = (const char **)one, .count = 1, .present = true};
	for (size_t i = 0; i < MANY; i++)
		waivers[i] = (struct waiver){.rule = i < 300   ? 0
						     : i < 700 ? raises
							       : rule_count - 1 + i,
					     .value = i == 650 || i == 660 ? "CAP_CHOWN" : "CAP_KILL",
					     .days_left = i == 650   ? 15
							  : i == 660 ? 14
								     : 300,
					     .expires = "2026-01-02",
					     .owner = "me",
					     .line = (unsigned int)i};
	policy.waivers = waivers;
	policy.waiver_count = MANY;
	policy_index_waivers(&pool, &policy);
	judged.invocation = &invocation;
	policy_judge(&judged, &policy, &verdict);
	const struct finding *f = finding_of(&verdict, "exec-raises");
	CHECK(f && f->waiver == &waivers[650]);
	CHECK(!verdict_waiver_warning(&pool, &policy, &verdict));
	waivers[650].value = "CAP_KILL";
	policy_index_waivers(&pool, &policy);
	policy_judge(&judged, &policy, &verdict);
	const char *warning = verdict_waiver_warning(&pool, &policy, &verdict);
	CHECK(warning && strstr(warning, "exec-raises") && strstr(warning, "2026-01-02") &&
	      strstr(warning, "line 660"));
}

static void test_glob(void)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} rows[] = {
		{"/a", "/a", true},
		{"/a", "/ab", false},
		{"/a*", "/a", true},
		{"/a*", "/a/b/c", true},
		{"*", "", true},
		{"", "", true},
		{"", "a", false},
		{"?", "", false},
		{"/?", "/x", true},
		{"*b*d", "abcbd", true},
		{"*b*d", "abcbde", false},
		{"a**b", "ab", true},
		{"/s.slice/n*", "/s.slice/n.service/libpod-1", true},
		{"[a]", "a", false},
		{"[a]", "[a]", true},
		{"/a\\*b", "/a*b", true},
		{"/a\\*b", "/axb", false},
		{"/a\\*b", "/a\\zb", false},
		{"/a\\?b", "/a?b", true},
		{"/a\\?b", "/a\\cb", false},
		{"/a\\\\b", "/a\\b", true},
		{"/a\\\\*", "/a\\b", true},
		{"/a\\x2db", "/a\\x2db", true},
		{"/a\\x2db*", "/ax2db", false},
		{"*\\", "a\\", true},
		{"*\\*", "ab*", true},
		{"*\\*", "a*b", false},
		{"*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		CHECK(glob_match(rows[i].pattern, rows[i].text) == rows[i].matches, "%s %s", rows[i].pattern,
		      rows[i].text);
}

/* ---- drop, the pod sandbox, chapters, exec ---- */

static void test_drop(void)
{
	struct policy policy = policy_default();
	const char *caps[] = {"CAP_SYS_ADMIN", "CAP_CHOWN", "CAP_FLY"};
	struct judged judged = judged_of();
	struct verdict verdict;

	fresh_config();
	process.capabilities[CAPS_BOUNDING] = (struct string_list){.item = caps, .count = 3, .present = true};
	process.capabilities[CAPS_EFFECTIVE] = (struct string_list){.item = caps, .count = 2, .present = true};
	policy.drop_capabilities = UINT64_C(1) << 21 | UINT64_C(1) << 27; /* SYS_ADMIN, MKNOD */
	policy_judge(&judged, &policy, &verdict);
	CHECK(!finding_of(&verdict, "caps-dangerous") && verdict.dropped == UINT64_C(1) << 21);
	CHECK(verdict.count && verdict.findings[0].action == ACTION_HARDEN && verdict.findings[0].why == WHY_DROPPED &&
	      str_equal(verdict.findings[0].value, "CAP_SYS_ADMIN"));
	struct config *hard = policy_harden(&pool, &config, &verdict);
	CHECK(hard->process->capabilities[CAPS_BOUNDING].count == 2 &&
	      str_equal(hard->process->capabilities[CAPS_BOUNDING].item[0], "CAP_CHOWN"));
	CHECK(hard->process->capabilities[CAPS_EFFECTIVE].count == 1);
	CHECK(process.capabilities[CAPS_BOUNDING].count == 3); /* the original stays */
	policy.drop_capabilities = UINT64_C(1) << 27;
	CHECK(judge(&policy, &judged, "caps-dangerous"));
}

#define SANDBOXES "/run/containerd/io.containerd.grpc.v1.cri/sandboxes/"
#define SANDBOX_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static bool is_sandbox(struct judged *judged)
{
	judged->mounts = mount_look(judged);
	return judged_is_pod_sandbox(judged);
}

static void test_pod_sandbox(void)
{
	struct config_mount mount = {.destination = "/dev/shm", .type = "bind", .source = SANDBOXES SANDBOX_ID "/shm"};
	struct policy policy = policy_default();
	struct judged judged = judged_of();

	judged.policy = &policy;
	fresh_config();
	config.annotations = (struct string_map){.item = &annotation, .count = 1, .present = true};
	CHECK(!is_sandbox(&judged));
	policy.cri_sandbox = true;
	CHECK(is_sandbox(&judged));
	config.mounts = &mount;
	config.mount_count = 1;
	CHECK(is_sandbox(&judged));
	mount.source = SANDBOXES SANDBOX_ID "/../../../../../etc";
	CHECK(!is_sandbox(&judged));
	mount.source = "/etc";
	CHECK(!is_sandbox(&judged));
	config.mount_count = 0;
	annotation.value = "container";
	CHECK(!is_sandbox(&judged));
	annotation.value = "sandbox";
	process.args.count = 0;
	CHECK(!is_sandbox(&judged));
	policy.level = LEVEL_RESTRICTED;
	for (size_t i = 0; i < rule_count; i++) {
		bool changed = policy_decide(&policy, &rules[i], true).why == WHY_CRI_SANDBOX;
		bool may_change =
			str_equal(rules[i].id, "caps-net-raw") || str_equal(rules[i].id, "caps-not-minimal") ||
			str_equal(rules[i].id, "rootfs-writable") || str_equal(rules[i].id, "memory-limit-missing");
		CHECK(changed == may_change, "%s", rules[i].id);
	}
	CHECK(policy_decide(&policy, rule_by_id("user-root"), true).action == ACTION_REFUSE);
}

static void test_chapters(void)
{
	struct policy policy = policy_default();
	struct judged judged = judged_of();

	fresh_config();
	judged.chapters = 1U << CHAPTER_PROCESS;
	CHECK(!judge(&policy, &judged, "ns-net-host"));
	CHECK(judge(&policy, &judged, "no-new-privileges"));
}

static void test_exec_raises(void)
{
	const char *caps[] = {"CAP_CHOWN", "CAP_KILL", "CAP_KILL"};
	struct invocation invocation = {.is_exec = true, .capabilities = 1, .no_new_privs = true, .selinux_label = "a"};
	struct policy policy = policy_default();
	struct judged judged = judged_of();

	judged.invocation = &invocation;
	fresh_config();
	process.capabilities[CAPS_BOUNDING] = (struct string_list){.item = caps, .count = 1, .present = true};
	CHECK(!judge(&policy, &judged, "exec-raises"));
	process.selinux_label = "a";
	CHECK(!judge(&policy, &judged, "exec-raises"));
	for (int set = 0; set < CAPS_SETS; set++) {
		fresh_config();
		process.capabilities[CAPS_BOUNDING] = (struct string_list){0};
		process.capabilities[set] = (struct string_list){.item = caps, .count = 3, .present = true};
		const struct finding *f = judge(&policy, &judged, "exec-raises");
		CHECK(f && f->action == ACTION_REFUSE && str_equal(f->value, "CAP_KILL"), "set %d", set);
	}
	fresh_config();
	process.capabilities[CAPS_BOUNDING] = (struct string_list){0};
	process.no_new_privileges = (struct opt_bool){true, false};
	const struct finding *f = judge(&policy, &judged, "exec-raises");
	CHECK(f && str_equal(f->value, "noNewPrivileges"));
	invocation.no_new_privs = false;
	CHECK(!judge(&policy, &judged, "exec-raises"));
	process.selinux_label = "b";
	f = judge(&policy, &judged, "exec-raises");
	CHECK(f && str_equal(f->value, "b"));
	process.selinux_label = NULL;
	process.apparmor_profile = "unconfined";
	f = judge(&policy, &judged, "exec-raises");
	CHECK(f && str_equal(f->value, "unconfined"));
	invocation.is_exec = false;
	CHECK(!judge(&policy, &judged, "exec-raises"));
	invocation.is_exec = true;
	policy.level = LEVEL_PRIVILEGED;
	CHECK(!judge(&policy, &judged, "exec-raises"));
}

static void test_flags(void)
{
	static const int fds[] = {0, 7};
	struct invocation invocation = {.no_pivot = true,
					.cgroups_disabled = true,
					.no_new_keyring = true,
					.host_fds = fds,
					.host_fd_count = 2};
	static const char *const names[] = {"flag-no-pivot", "flag-cgroups-disabled", "flag-no-new-keyring",
					    "flag-preserve-fds"};
	struct policy policy = policy_default();
	struct judged judged = judged_of();

	fresh_config();
	for (size_t i = 0; i < 4; i++) {
		judged.invocation = &invocation;
		const struct finding *f = judge(&policy, &judged, names[i]);
		CHECK(f && f->action == rule_by_id(names[i])->action[BASE] && !*f->where, "%s", names[i]);
		judged.invocation = &(const struct invocation){0};
		CHECK(!judge(&policy, &judged, names[i]), "%s", names[i]);
		judged.invocation = NULL;
		CHECK(!judge(&policy, &judged, names[i]), "%s", names[i]);
	}
	judged.invocation = &invocation;
	policy.allow.cgroups_disabled = true;
	CHECK(!judge(&policy, &judged, "flag-cgroups-disabled"));
	policy.level = LEVEL_PRIVILEGED;
	CHECK(!judge(&policy, &judged, "flag-no-pivot") && judge(&policy, &judged, "flag-preserve-fds"));
}

static void test_json(void)
{
	struct waiver waiver = {.rule = (size_t)(rule_by_id("exec-raises") - rules),
				.value = "CAP_CHOWN",
				.days_left = 20,
				.reason = "needs \"it\"",
				.owner = "me",
				.expires = "2026-01-02"};
	static const char *const one[] = {"CAP_CHOWN"};
	struct json_out out = {.pool = &pool};
	const struct json *tree;
	struct json_error error;

	fresh_config();
	process.capabilities[CAPS_BOUNDING] =
		(struct string_list){.item = (const char **)one, .count = 1, .present = true};
	const struct finding *f = waived(&waiver, NULL, NULL);
	struct verdict verdict = {.level = BASE, .findings = (struct finding *)f, .count = 1};
	verdict_to_json(&out, &verdict);
	CHECK(json_read(&pool, out.text, out.length, 1 << 20, &tree, &error) == 0);
	CHECK(str_equal(json_at(tree, "verdict")->text, "warn"));
	const struct json *found = json_at(tree, "findings")->first;
	CHECK(str_equal(json_at(found, "would")->text, "refuse") && str_equal(json_at(found, "why")->text, "waivers"));
	CHECK(str_equal(json_at(json_at(found, "waiver"), "reason")->text, "needs \"it\""));
	CHECK(str_equal(json_at(json_at(found, "waiver"), "expires")->text, "2026-01-02"));
	CHECK(str_equal(verdict_word(&(struct verdict){0}), "pass"));
}

int main(void)
{
	test_transitions();
	test_every_rule();
	test_images();
	test_audit();
	test_audit_of_what_cannot_be_judged();
	test_audit_of_what_cannot_be_repaired();
	test_waivers();
	test_waived_repair();
	test_many_waivers();
	test_glob();
	test_drop();
	test_pod_sandbox();
	test_chapters();
	test_exec_raises();
	test_flags();
	test_json();
	pool_free(&pool);
	return failures != 0;
}
