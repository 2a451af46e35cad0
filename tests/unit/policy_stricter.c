/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_stricter.c - two policies at once: each member, both ways round.
 */
#include "check.h"

#include <hrun/action.h>
#include <hrun/policy.h>
#include <hrun/rules.h>
#include <hrun/str.h>
#include <hrun/utc.h>

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct pool pool;

/* A NULL is another text. */
static bool is_text(const char *a, const char *b)
{
	return a && b && str_equal(a, b);
}

static struct policy read_members(const char *members)
{
	const char *text = pool_printf(&pool, "{\"format\":1%s%s}", *members ? "," : "", members);
	struct policy policy = policy_default();
	struct err e = {0};
	int64_t today;

	utc_days_of_date("2026-11-22", &today);
	policy.path = "/p";
	int r = policy_read(&pool, text, strlen(text), true, today, &policy, &e);
	CHECK(r == 0, "%s", e.text);
	return policy;
}

static struct policy stricter(const char *a, const char *b)
{
	struct policy x = read_members(a), y = read_members(b);

	return policy_stricter(&pool, &x, &y);
}

/* HOLDS (about `both`) whichever of the two comes first. */
#define BOTH(a, b, holds)                                 \
	do {                                              \
		struct policy both = stricter(a, b);      \
		CHECK(holds, "%s and %s", a, b);          \
		both = stricter(b, a);                    \
		CHECK(holds, "%s and %s (turned)", a, b); \
	} while (0)

static bool lists(const struct string_list *list, const char *const *words)
{
	size_t n = 0;

	while (words[n]) {
		bool found = false;
		for (size_t i = 0; i < list->count; i++)
			found = found || is_text(list->item[i], words[n]);
		if (!found)
			return false;
		n++;
	}
	return n == list->count;
}
#define LISTS(list, ...) lists(&(list), (const char *const[]){__VA_ARGS__, NULL})

static void test_levels(void)
{
	CHECK(policy_stricter_level(LEVEL_BASELINE, LEVEL_RESTRICTED) == LEVEL_RESTRICTED);
	CHECK(policy_stricter_level(LEVEL_BASELINE, LEVEL_PRIVILEGED) == LEVEL_BASELINE);
	BOTH("\"level\":\"restricted\"", "\"level\":\"privileged\"", both.level == LEVEL_RESTRICTED);
	BOTH("\"level\":\"privileged\"", "\"level\":\"privileged\"", both.level == LEVEL_PRIVILEGED);
	BOTH("\"level\":\"privileged\"", "", both.level == LEVEL_BASELINE);
	BOTH("\"warnLevel\":\"restricted\"", "", both.level == LEVEL_BASELINE && both.warn_level == LEVEL_RESTRICTED);
	BOTH("\"warnLevel\":\"restricted\"", "\"level\":\"restricted\"", both.warn_level == LEVELS);
	BOTH("\"level\":\"privileged\",\"warnLevel\":\"baseline\"",
	     "\"level\":\"privileged\",\"warnLevel\":\"restricted\"", both.warn_level == LEVEL_RESTRICTED);
	BOTH("\"level\":\"privileged\",\"warnLevel\":\"baseline\"", "", both.warn_level == LEVELS);
	BOTH("", "", both.warn_level == LEVELS);
}

static void test_flags(void)
{
	static const char audit[] = "\"mode\":\"audit\",\"auditUntil\":\"2027-01-01\"",
			  sooner[] = "\"mode\":\"audit\",\"auditUntil\":\"2026-12-01\"";

	BOTH(audit, "", !both.audit);
	BOTH(audit, sooner, both.audit && is_text(both.audit_until, "2026-12-01"));
	BOTH("\"onViolation\":\"harden\"", "", !both.harden_violations);
	BOTH("\"onViolation\":\"harden\"", "\"onViolation\":\"harden\"", both.harden_violations);
	BOTH("\"images\":{\"devices\":\"drop\"}", "", !both.images.drop_devices);
	BOTH("\"images\":{\"devices\":\"drop\"}", "\"images\":{\"require\":\"off\"}", !both.images.drop_devices);
	BOTH("\"images\":{\"devices\":\"drop\"}", "\"images\":{\"devices\":\"drop\"}", both.images.drop_devices);
	BOTH("\"criSandbox\":true", "", !both.cri_sandbox);
	BOTH("\"criSandbox\":true", "\"criSandbox\":true", both.cri_sandbox);
	BOTH("\"allow\":{\"cgroupsDisabled\":true}", "", !both.allow.cgroups_disabled);
	BOTH("\"allow\":{\"cgroupsDisabled\":true}", "\"allow\":{\"cgroupsDisabled\":true}",
	     both.allow.cgroups_disabled);
}

static int action_of(const struct policy *policy, const char *rule)
{
	return policy->rule_actions ? policy->rule_actions[rule_by_id(rule) - rules] : POLICY_UNCHANGED;
}

/* What one file sets stands beside what the other one's level says. */
static void test_rules(void)
{
	BOTH("", "", !both.rule_actions);
	BOTH("\"rules\":{\"ns-net-host\":\"off\"}", "", action_of(&both, "ns-net-host") == ACTION_REFUSE);
	BOTH("\"rules\":{\"ns-net-host\":\"off\"}", "\"level\":\"privileged\"",
	     action_of(&both, "ns-net-host") == ACTION_NONE);
	BOTH("\"rules\":{\"ns-net-host\":\"off\"}", "\"rules\":{\"ns-net-host\":\"warn\"}",
	     action_of(&both, "ns-net-host") == ACTION_WARN);
	BOTH("\"rules\":{\"user-root\":\"refuse\"}", "", action_of(&both, "user-root") == ACTION_REFUSE);
	BOTH("\"rules\":{\"user-root\":\"off\"}", "\"level\":\"restricted\"",
	     action_of(&both, "user-root") == ACTION_REFUSE);
	BOTH("\"rules\":{\"user-root\":\"off\"}", "", action_of(&both, "user-root") == ACTION_WARN);
	BOTH("\"rules\":{\"user-root\":\"off\"}", "", action_of(&both, "ns-net-host") == POLICY_UNCHANGED);
	BOTH("\"rules\":{\"no-new-privileges\":\"warn\"}", "\"rules\":{\"no-new-privileges\":\"harden\"}",
	     action_of(&both, "no-new-privileges") == ACTION_HARDEN);
}

static void test_lists(void)
{
	BOTH("\"allow\":{\"capabilities\":[\"CAP_CHOWN\",\"CAP_KILL\"]}", "\"allow\":{\"capabilities\":[\"CAP_KILL\"]}",
	     both.allow.capabilities == 1 << 5);
	BOTH("\"allow\":{\"capabilities\":[\"CAP_CHOWN\"]}", "", !both.allow.capabilities);
	BOTH("\"drop\":{\"capabilities\":[\"CAP_CHOWN\"]}", "\"drop\":{\"capabilities\":[\"CAP_KILL\"]}",
	     both.drop_capabilities == 33);
	BOTH("\"allow\":{\"sysctls\":[\"a\",\"b\"]}", "\"allow\":{\"sysctls\":[\"b\",\"c\"]}",
	     LISTS(both.allow.sysctls, "b"));
	BOTH("\"allow\":{\"sysctls\":[\"a\",\"b\"]}", "", both.allow.sysctls.count == 0);
	BOTH("\"allow\":{\"systemdProperties\":[\"A\",\"B\"]}", "\"allow\":{\"systemdProperties\":[\"A\"]}",
	     LISTS(both.allow.systemd_properties, "A"));
	BOTH("\"allow\":{\"seccompArchitectures\":[\"SCMP_ARCH_X86\"]}",
	     "\"allow\":{\"seccompArchitectures\":[\"SCMP_ARCH_X32\"]}", both.allow.seccomp_architectures.count == 0);
	BOTH("\"allow\":{\"annotations\":[\"org.a.*\",\"x\"]}",
	     "\"allow\":{\"annotations\":[\"org.a.b\",\"org.c\",\"x\"]}",
	     LISTS(both.allow.annotations, "org.a.b", "x"));
	BOTH("\"allow\":{\"annotations\":[\"org.a.*\"]}", "\"allow\":{\"annotations\":[\"org.*\",\"com.*\"]}",
	     LISTS(both.allow.annotations, "org.a.*"));
	BOTH("\"allow\":{\"annotations\":[\"org.a.*\"]}", "\"allow\":{\"annotations\":[\"org.ab\",\"org.a\"]}",
	     both.allow.annotations.count == 0);
}

#define DEVICE(type, major, minor, access)                                                                            \
	"\"allow\":{\"devices\":[{\"type\":\"" type "\",\"major\":" major ",\"minor\":" minor ",\"access\":\"" access \
	"\"}]}"
#define PREFIX(path, more) "\"allow\":{\"mountPrefixes\":[{\"path\":\"" path "\"" more "}]}"
#define HOOK(path, sha256) "\"allow\":{\"hooks\":[{\"path\":\"" path "\",\"sha256\":\"" sha256 "\"}]}"

static void test_objects(void)
{
	BOTH(DEVICE("c", "1", "2", "rw"), DEVICE("c", "1", "2", "wm"),
	     both.allow.device_count == 1 && is_text(both.allow.devices[0].access, "w") &&
		     both.allow.devices[0].minor == 2);
	BOTH(DEVICE("c", "1", "2", "r"), DEVICE("c", "1", "2", "wm"), both.allow.device_count == 0);
	BOTH(DEVICE("c", "1", "2", "r"), DEVICE("b", "1", "2", "r"), both.allow.device_count == 0);
	BOTH(DEVICE("c", "1", "2", "r"), DEVICE("c", "3", "2", "r"), both.allow.device_count == 0);
	BOTH(DEVICE("c", "1", "2", "r"), DEVICE("c", "1", "3", "r"), both.allow.device_count == 0);
	BOTH(DEVICE("c", "1", "2", "r"), "", both.allow.device_count == 0);
	BOTH(PREFIX("/srv", ",\"readOnly\":false"), PREFIX("/srv/data", ""),
	     both.allow.mount_prefix_count == 1 && is_text(both.allow.mount_prefixes[0].path, "/srv/data") &&
		     both.allow.mount_prefixes[0].read_only);
	BOTH(PREFIX("/srv", ",\"readOnly\":false"), PREFIX("/srv", ",\"readOnly\":false"),
	     both.allow.mount_prefix_count == 1 && !both.allow.mount_prefixes[0].read_only);
	BOTH(PREFIX("/srv", ""), PREFIX("/srv2", ""), both.allow.mount_prefix_count == 0);
	BOTH(PREFIX("/srv", ""), "", both.allow.mount_prefix_count == 0);
	BOTH(HOOK("/h", A64), HOOK("/h", A64), both.allow.hook_count == 1);
	BOTH(HOOK("/h", A64), HOOK("/h", B64), both.allow.hook_count == 0);
	BOTH(HOOK("/h", A64), HOOK("/i", A64), both.allow.hook_count == 0);
	BOTH(HOOK("/h", A64), "", both.allow.hook_count == 0);
}

static void test_numbers(void)
{
	BOTH("\"defaults\":{\"pidsLimit\":10}", "\"defaults\":{\"pidsLimit\":20}", both.defaults.pids_limit == 10);
	BOTH("\"defaults\":{\"pidsLimit\":10}", "", both.defaults.pids_limit == 10);
	/* The built-in default is smaller. */
	BOTH("\"defaults\":{\"pidsLimit\":4000000}", "", both.defaults.pids_limit == POLICY_PIDS_LIMIT);
	BOTH("", "",
	     both.defaults.pids_limit == 0 && both.defaults.memory_limit == 0 && both.defaults.hook_timeout == 0);
	BOTH("\"defaults\":{\"memoryLimitBytes\":10}", "", both.defaults.memory_limit == 10);
	BOTH("\"defaults\":{\"memoryLimitBytes\":10}", "\"defaults\":{\"memoryLimitBytes\":9}",
	     both.defaults.memory_limit == 9);
	BOTH("\"defaults\":{\"hookTimeoutSeconds\":1}", "", both.defaults.hook_timeout == 1);
	BOTH("\"defaults\":{\"hookTimeoutSeconds\":100}", "", both.defaults.hook_timeout == POLICY_HOOK_TIMEOUT);
	BOTH("\"defaults\":{\"seccompProfile\":\"strict\"}", "", is_text(both.defaults.seccomp_profile, "strict"));
	BOTH("\"defaults\":{\"seccompProfile\":\"compat-x86\"}", "\"defaults\":{\"seccompProfile\":\"default\"}",
	     is_text(both.defaults.seccomp_profile, "default"));
	BOTH("\"defaults\":{\"seccompProfile\":\"compat-x86\"}", "", !both.defaults.seccomp_profile);
	BOTH("\"limits\":{\"configBytes\":100}", "", both.config_bytes == 100);
	BOTH("\"limits\":{\"configBytes\":4194304}", "", both.config_bytes == POLICY_CONFIG_BYTES);
}

#define WAIVER(rule, match, expires)                                                                 \
	"{\"rule\":\"" rule "\",\"match\":{" match "},\"reason\":\"a good reason\",\"owner\":\"o\"," \
	"\"expires\":\"" expires "\"}"
#define WAIVERS(...) "\"waivers\":[" __VA_ARGS__ "]"

static void test_waivers(void)
{
	static const char x[] = WAIVERS(WAIVER("ns-uts-host", "\"value\":\"x\"", "2027-01-01"));

	BOTH(x, "", both.waiver_count == 0);
	BOTH(x, x, both.waiver_count == 1 && both.waivers[0].days_left == 40);
	BOTH(x, WAIVERS(WAIVER("ns-uts-host", "\"value\":\"y\"", "2027-01-01")), both.waiver_count == 0);
	BOTH(x, WAIVERS(WAIVER("ns-net-host", "\"value\":\"x\"", "2027-01-01")), both.waiver_count == 0);
	/* The earlier end, an expired one too; the narrower match. */
	BOTH(x, WAIVERS(WAIVER("ns-uts-host", "\"value\":\"x\"", "2026-11-21")),
	     both.waiver_count == 1 && both.waivers[0].days_left == -1 &&
		     is_text(both.waivers[0].expires, "2026-11-21"));
	BOTH(x, WAIVERS(WAIVER("ns-uts-host", "\"value\":\"x\",\"cgroup\":\"/a\"", "2027-01-01")),
	     both.waiver_count == 1 && both.waivers[0].cgroup && is_text(both.waivers[0].cgroup, "/a"));
	BOTH(WAIVERS(WAIVER("ns-uts-host", "\"imageDigest\":\"sha256:" A64 "\"", "2027-01-01")),
	     WAIVERS(WAIVER("ns-uts-host", "\"imageDigest\":\"sha256:" B64 "\"", "2027-01-01")),
	     both.waiver_count == 0);
	/* The other file lets the rule's findings pass anyway. */
	BOTH(x, "\"level\":\"privileged\"", both.waiver_count == 1);
	BOTH(x, "\"rules\":{\"ns-uts-host\":\"warn\"}", both.waiver_count == 1);
	BOTH(x, "\"rules\":{\"ns-uts-host\":\"refuse\"},\"level\":\"privileged\"", both.waiver_count == 0);
	BOTH(WAIVERS(WAIVER("user-root", "\"value\":\"0\"", "2027-01-01") "," WAIVER("ns-uts-host", "\"value\":\"x\"",
										     "2027-01-01")),
	     "\"level\":\"privileged\"", both.waiver_count == 2 && both.waivers[0].rule < both.waivers[1].rule);
}

/* Engines are facts about the host: the first, the machine's, says them. */
static void test_names(void)
{
	struct policy both = stricter("\"engines\":{\"docker\":[\"/d\"]}", "\"engines\":{\"docker\":[\"/e\"]}");
	struct policy a = policy_default(), b = read_members("");

	CHECK(LISTS(both.engines.docker, "/d"));
	CHECK(is_text(both.path, "/p") && is_text(both.also, "/p") && is_text(both.rule_set, "1"));
	both = policy_stricter(&pool, &a, &b);
	CHECK(is_text(both.path, "/p") && !both.also && both.source.bytes == b.source.bytes);
	a.class_name = "x";
	CHECK(is_text(policy_stricter(&pool, &a, &b).class_name, "x"));
	CHECK(stricter("\"level\":\"baseline\"", "\"rules\":{}").given ==
	      (1u << POLICY_FORMAT | 1u << POLICY_LEVEL | 1u << POLICY_RULES));
}

/* ---- every rule, under every pair of ways to speak of it ---- */

static struct policy way(const char *rule, unsigned int number)
{
	struct policy policy = policy_default();
	int own = (int)(number / 12 % 5) - 1;

	policy.level = (enum level)(number % 3);
	policy.harden_violations = number / 3 % 2;
	policy.cri_sandbox = number / 6 % 2;
	if (own == POLICY_UNCHANGED)
		return policy;
	signed char *actions = pool_alloc(&pool, rule_count);
	memset(actions, POLICY_UNCHANGED, rule_count);
	actions[rule_by_id(rule) - rules] = (signed char)own;
	policy.rule_actions = actions;
	return policy;
}

/* What one of the two refuses or repairs is refused or repaired under both. */
static void test_every_rule(void)
{
	enum { WAYS = 60 };
	static const char *const chosen[] = {"ns-mount-missing", "ns-net-host",	   "no-new-privileges",
					     "caps-inheritable", "caps-net-raw",   "memory-limit-missing",
					     "caps-dangerous",	 "rootfs-writable"};

	for (size_t i = 0; i < sizeof chosen / sizeof chosen[0]; i++) {
		const struct rule *rule = rule_by_id(chosen[i]);
		for (unsigned int k = 0; k < WAYS * WAYS; k++) {
			struct policy a = way(chosen[i], k % WAYS), b = way(chosen[i], k / WAYS);
			struct policy both = policy_stricter(&pool, &a, &b);
			for (int pod = 0; pod < 2; pod++) {
				enum action of_a = policy_decide(&a, rule, pod && a.cri_sandbox).action;
				enum action of_b = policy_decide(&b, rule, pod && b.cri_sandbox).action;
				enum action of_both = policy_decide(&both, rule, pod && both.cri_sandbox).action;
				enum action most = of_a > of_b ? of_a : of_b;
				CHECK(most <= ACTION_WARN || of_both >= most, "%s: %u and %u", chosen[i], k % WAYS,
				      k / WAYS);
			}
		}
	}
}

int main(void)
{
	test_levels();
	test_flags();
	test_rules();
	test_lists();
	test_objects();
	test_numbers();
	test_waivers();
	test_names();
	test_every_rule();
	pool_free(&pool);
	return failures != 0;
}
