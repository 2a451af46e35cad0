/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_read.c - the bytes of a policy file: every member, taken and refused, on a day of our choice.
 */
#include "check.h"

#include <hrun/policy.h>
#include <hrun/rules.h>
#include <hrun/str.h>
#include <hrun/utc.h>
#include <stdlib.h>

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct pool pool;
static const char *today = "2026-11-22";
static bool own_class;

static int read_text(const char *text, struct policy *policy, struct err *e)
{
	int64_t days = 0;

	CHECK(utc_days_of_date(today, &days) == 0);
	*policy = policy_default();
	policy->path = "/p";
	*e = (struct err){0};
	return policy_read(&pool, text, strlen(text), own_class, days, policy, e);
}

/* {"format":1, MEMBERS} */
static struct policy take(const char *members)
{
	struct policy policy;
	struct err e;
	const char *text = pool_printf(&pool, "{\"format\":1%s%s}", *members ? "," : "", members);
	int r = read_text(text, &policy, &e);

	CHECK(r == 0, "%s: %s", members, e.text);
	return policy;
}

static void refuse(const char *members, const char *why)
{
	struct policy policy;
	struct err e;
	int r = read_text(pool_printf(&pool, "{\"format\":1,\n%s}", members), &policy, &e);

	CHECK(r == -EINVAL && strstr(e.text, why) && strstr(e.text, "policy: `/p`, line "), "%s: %d %s (expected %s)",
	      members, r, e.text, why);
	CHECK(r == 0 || (!strstr(e.text, "not found") && !strstr(e.text, "no such file")), "%s", e.text);
}

#define WAIVER                                                                                                     \
	"{\"rule\":\"user-root\",\"match\":{\"value\":\"0\"},\"reason\":\"12345678\",\"owner\":\"o\",\"expires\":" \
	"\"2026-12-01\"}"

static const struct {
	const char *members, *why;
} bad[] = {
	{"\"forma\":1", "`forma` is not a member that hrun knows"},
	{"\"Level\":\"baseline\"", "`Level` is not a member"},
	{"\"image\":{}", "`image` is not a member"},
	{"\"images\":{\"trusts\":[]}", "`images.trusts` is not a member"},
	{"\"level\":\"baseline\",\"level\":\"baseline\"", "twice"},
	{"\"ruleSet\":null", "`ruleSet` is null"},
	{"\"ruleSet\":1", "`ruleSet` must be a string, not a number"},
	{"\"ruleSet\":\"2\"", "must be a rule set of this version"},
	{"\"ruleSet\":\"\"", "must be a rule set"},
	{"\"level\":null", "line 2: `level` is null"},
	{"\"level\":\"Baseline\"", "`level` must be privileged, baseline or restricted"},
	{"\"level\":\"\"", "`level` must be"},
	{"\"level\":1", "`level` must be a string"},
	{"\"level\":[\"baseline\"]", "`level` must be a string, not a list"},
	{"\"warnLevel\":\"privileged\"", "`warnLevel` must be baseline or restricted"},
	{"\"warnLevel\":\"baseline\"", "`warnLevel` must be stricter than the level, which is baseline"},
	{"\"level\":\"restricted\",\"warnLevel\":\"restricted\"", "must be stricter than the level"},
	{"\"warnLevel\":\"baseline\",\"level\":\"restricted\"", "must be stricter"},
	{"\"warnLevel\":null", "is null"},
	{"\"mode\":\"audit\"", "`mode` audit needs `auditUntil`"},
	{"\"mode\":\"warn\"", "`mode` must be enforce or audit"},
	{"\"mode\":true", "`mode` must be a string, not true or false"},
	{"\"mode\":null", "is null"},
	{"\"auditUntil\":\"2027-02-29\"", "`auditUntil` must be a date of the calendar"},
	{"\"auditUntil\":\"2027-2-28\"", "must be a date"},
	{"\"auditUntil\":\"2027-02-28 \"", "must be a date"},
	{"\"auditUntil\":\"2027-02-28T00:00:00Z\"", "must be a date"},
	{"\"auditUntil\":\"2027-11-24\"", "`auditUntil` is more than a year ahead (366 days)"},
	{"\"mode\":\"audit\",\"auditUntil\":\"2099-01-01\"", "more than a year ahead"},
	{"\"auditUntil\":20270228", "must be a string"},
	{"\"auditUntil\":null", "is null"},
	{"\"onViolation\":\"warn\"", "`onViolation` must be refuse or harden"},
	{"\"onViolation\":false", "must be a string"},
	{"\"criSandbox\":\"true\"", "`criSandbox` must be true or false, not a string"},
	{"\"criSandbox\":1", "must be true or false, not a number"},
	{"\"criSandbox\":null", "is null"},
	{"\"rules\":[]", "`rules` must be an object"},
	{"\"rules\":{\"no-such-rule\":\"off\"}", "names no rule of this version"},
	{"\"rules\":{\"Ns-net-host\":\"off\"}", "names no rule"},
	{"\"rules\":{\"ns-net-host\":\"none\"}", "must be off, warn, harden or refuse"},
	{"\"rules\":{\"ns-net-host\":null}", "is null"},
	{"\"rules\":{\"ns-net-host\":false}", "must be a string"},
	{"\"rules\":{\"ns-net-host\":\"harden\"}", "knows no repair"},
	{"\"rules\":{\"ns-mount-missing\":\"off\"}", "ns-mount-missing` cannot be loosened"},
	{"\"rules\":{\"ns-mount-missing\":\"warn\"}", "cannot be loosened"},
	{"\"rules\":{\"json-duplicate-key\":\"harden\"}", "cannot be loosened"},
	{"\"allow\":null", "is null"},
	{"\"allow\":[]", "`allow` must be an object"},
	{"\"allow\":{\"caps\":[]}", "`allow.caps` is not a member"},
	{"\"allow\":{\"capabilities\":\"CAP_CHOWN\"}", "must be a list"},
	{"\"allow\":{\"capabilities\":[\"CHOWN\"]}", "`allow.capabilities[0]` must be a capability's whole name"},
	{"\"allow\":{\"capabilities\":[\"cap_chown\"]}", "whole name"},
	{"\"allow\":{\"capabilities\":[\"ALL\"]}", "whole name"},
	{"\"allow\":{\"capabilities\":[null]}", "whole name"},
	{"\"allow\":{\"capabilities\":[13]}", "whole name"},
	{"\"allow\":{\"sysctls\":[\"\"]}", "must be the whole key"},
	{"\"allow\":{\"sysctls\":[\"net/core/somaxconn\"]}", "whole key"},
	{"\"allow\":{\"sysctls\":[\"net.*\"]}", "whole key"},
	{"\"allow\":{\"sysctls\":[\"net..core\"]}", "whole key"},
	{"\"allow\":{\"sysctls\":[\"net.core \"]}", "whole key"},
	{"\"allow\":{\"sysctls\":[null]}", "`allow.sysctls[0]` is null"},
	{"\"allow\":{\"devices\":{}}", "must be a list"},
	{"\"allow\":{\"devices\":[null]}", "is null"},
	{"\"allow\":{\"devices\":[{\"major\":1,\"minor\":1,\"access\":\"r\"}]}", "`allow.devices[0]` has no `type`"},
	{"\"allow\":{\"devices\":[{\"type\":\"c\",\"minor\":1,\"access\":\"r\"}]}", "has no `major`"},
	{"\"allow\":{\"devices\":[{\"type\":\"c\",\"major\":1,\"access\":\"r\"}]}", "has no `minor`"},
	{"\"allow\":{\"devices\":[{\"type\":\"c\",\"major\":1,\"minor\":1}]}", "has no `access`"},
	{"\"allow\":{\"devices\":[{\"type\":\"a\",\"major\":1,\"minor\":1,\"access\":\"r\"}]}", "must be b or c"},
	{"\"allow\":{\"devices\":[{\"type\":\"c\",\"major\":-1,\"minor\":1,\"access\":\"r\"}]}", "from 0 to 4095"},
	{"\"allow\":{\"devices\":[{\"type\":\"c\",\"major\":4096,\"minor\":1,\"access\":\"r\"}]}", "from 0 to 4095"},
	{"\"allow\":{\"devices\":[{\"type\":\"c\",\"major\":1,\"minor\":1048576,\"access\":\"r\"}]}", "1048575"},
	{"\"allow\":{\"devices\":[{\"type\":\"c\",\"major\":1.0,\"minor\":1,\"access\":\"r\"}]}", "written in digits"},
	{"\"allow\":{\"devices\":[{\"type\":\"c\",\"major\":1,\"minor\":1,\"access\":\"\"}]}", "letters of"},
	{"\"allow\":{\"devices\":[{\"type\":\"c\",\"major\":1,\"minor\":1,\"access\":\"rx\"}]}", "letters of"},
	{"\"allow\":{\"devices\":[{\"type\":\"c\",\"major\":1,\"minor\":1,\"access\":\"r\",\"path\":\"/dev/x\"}]}",
	 "`allow.devices[0].path` is not a member"},
	{"\"allow\":{\"mountPrefixes\":[{\"readOnly\":true}]}", "has no `path`"},
	{"\"allow\":{\"mountPrefixes\":[\"/srv\"]}", "must be an object"},
	{"\"allow\":{\"mountPrefixes\":[{\"path\":\"srv\"}]}", "must be an absolute path"},
	{"\"allow\":{\"mountPrefixes\":[{\"path\":\"\"}]}", "must be an absolute path"},
	{"\"allow\":{\"mountPrefixes\":[{\"path\":\"/srv/../etc\"}]}", "without \"..\""},
	{"\"allow\":{\"mountPrefixes\":[{\"path\":\"/srv\",\"readOnly\":null}]}", "is null"},
	{"\"allow\":{\"mountPrefixes\":[{\"path\":\"/srv\",\"readonly\":false}]}", "readonly` is not a member"},
	{"\"allow\":{\"hooks\":[{\"path\":\"/h\"}]}", "has no `sha256`"},
	{"\"allow\":{\"hooks\":[{\"path\":\"h\",\"sha256\":\"" A64 "\"}]}", "must be an absolute path"},
	{"\"allow\":{\"hooks\":[{\"path\":\"/h\",\"sha256\":\"" A64 "a\"}]}", "64 lower-case"},
	{"\"allow\":{\"hooks\":[{\"path\":\"/h\",\"sha256\":\"AAA\"}]}", "64 lower-case"},
	{"\"allow\":{\"hooks\":[{\"sha256\":\"" A64 "\"}]}", "has no `path`"},
	{"\"allow\":{\"annotations\":[\"*\"]}", "or a prefix of keys that ends in .*"},
	{"\"allow\":{\"annotations\":[\".*\"]}", "ends in .*"},
	{"\"allow\":{\"annotations\":[\"a*\"]}", "ends in .*"},
	{"\"allow\":{\"annotations\":[\"a.*.b\"]}", "ends in .*"},
	{"\"allow\":{\"annotations\":[\"\"]}", "annotation's key"},
	{"\"allow\":{\"systemdProperties\":[\"Collect Mode\"]}", "a property of systemd"},
	{"\"allow\":{\"systemdProperties\":[\"\"]}", "a property of systemd"},
	{"\"allow\":{\"seccompArchitectures\":[\"x86\"]}", "as SCMP_ARCH_X86"},
	{"\"allow\":{\"seccompArchitectures\":[\"SCMP_ARCH_\"]}", "as SCMP_ARCH_X86"},
	{"\"allow\":{\"cgroupsDisabled\":\"false\"}", "must be true or false"},
	{"\"drop\":[]", "must be an object"},
	{"\"drop\":{\"sysctls\":[]}", "is not a member"},
	{"\"drop\":{\"capabilities\":[\"CAP_MKNOD\",\"CAP_NO\"]}", "`drop.capabilities[1]`"},
	{"\"defaults\":{\"seccompProfile\":\"mine\"}", "must be a built-in profile"},
	{"\"defaults\":{\"seccompProfile\":\"/etc/profile.json\"}", "must be a built-in profile"},
	{"\"defaults\":{\"pidsLimit\":0}", "from 1 to 4194304"},
	{"\"defaults\":{\"pidsLimit\":-1}", "from 1 to"},
	{"\"defaults\":{\"pidsLimit\":4194305}", "from 1 to"},
	{"\"defaults\":{\"pidsLimit\":\"12\"}", "must be a number"},
	{"\"defaults\":{\"pidsLimit\":1e3}", "written in digits"},
	{"\"defaults\":{\"memoryLimitBytes\":0}", "from 1 to"},
	{"\"defaults\":{\"memoryLimitBytes\":9223372036854775808}", "from 1 to"},
	{"\"defaults\":{\"hookTimeoutSeconds\":0}", "from 1 to 86400"},
	{"\"defaults\":{\"hookTimeoutSeconds\":86401}", "from 1 to 86400"},
	{"\"defaults\":{\"timeout\":1}", "is not a member"},
	{"\"limits\":{\"configBytes\":4194305}", "from 1 to 4194304"},
	{"\"limits\":{\"configBytes\":0}", "from 1 to"},
	{"\"limits\":{\"configBytes\":null}", "is null"},
	{"\"limits\":{\"mounts\":1}", "is not a member"},
	{"\"engines\":{\"docker\":\"/var/lib/docker\"}", "must be a list"},
	{"\"engines\":{\"docker\":[\"var\"]}", "`engines.docker[0]` must be an absolute path"},
	{"\"engines\":{\"kubelet\":[\"/a/..\"]}", "without \"..\""},
	{"\"engines\":{\"podman\":[]}", "is not a member"},
	{"\"engines\":{\"other\":[null]}", "is null"},
	{"\"waivers\":{}", "`waivers` must be a list"},
	{"\"waivers\":[null]", "`waivers[0]` is null"},
	{"\"waivers\":[[]]", "must be an object"},
	/* There is one list, at the top. */
	{"\"waivers\":[],\"waivers\":[" WAIVER "]", "stands twice"},
	{"\"waivers\":[" WAIVER "],\"wa\\u0069vers\":[]", "stands twice"},
	{"\"allow\":{\"waivers\":[" WAIVER "]}", "`allow.waivers` is not a member"},
	{"\"waivers\":[" WAIVER ",{\"rule\":\"x\"}]", "`waivers[1].rule` names no rule"},
};

static void test_bad_members(void)
{
	struct policy policy;
	struct err e;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		refuse(bad[i].members, bad[i].why);
	CHECK(read_text("{\"format\":2}", &policy, &e) < 0 && strstr(e.text, "`format` must be 1"));
	CHECK(read_text("{\"format\":\"1\"}", &policy, &e) < 0 && strstr(e.text, "`format` must be a number"));
	CHECK(read_text("{\"format\":1.0}", &policy, &e) < 0 && strstr(e.text, "`format` must be 1"));
	CHECK(read_text("{\"format\":null}", &policy, &e) < 0 && strstr(e.text, "`format` is null"));
	CHECK(read_text("{\"level\":\"restricted\"}", &policy, &e) == 0 && policy.level == LEVEL_RESTRICTED);
	CHECK(read_text("{}", &policy, &e) == 0 && policy.level == LEVEL_BASELINE && policy.given == 0);
	CHECK(read_text("[]", &policy, &e) < 0 && read_text("", &policy, &e) < 0 &&
	      read_text("{\"format\":1,}", &policy, &e) < 0);
	CHECK(read_text("{\"format\":1} {}", &policy, &e) < 0 && read_text("{/**/}", &policy, &e) < 0);
}

static bool is_list(const struct string_list *list, const char *first, size_t count)
{
	return list->count == count && (!first || str_equal(list->item[0], first));
}

static void test_defaults(void)
{
	struct policy policy = take("");

	CHECK(policy.level == LEVEL_BASELINE && policy.warn_level == LEVELS && !policy.audit && !policy.audit_until);
	CHECK(!policy.harden_violations && !policy.cri_sandbox && !policy.rule_actions && !policy.waiver_count);
	CHECK(!policy.allow.capabilities && !policy.allow.sysctls.count && !policy.allow.device_count);
	CHECK(!policy.defaults.seccomp_profile && !policy.defaults.pids_limit && policy.config_bytes == 1 << 20);
	CHECK(is_list(&policy.engines.docker, "/var/lib/docker", 2) && policy.given == 1u << POLICY_FORMAT);
	CHECK(str_equal(policy.rule_set, "1"));
	/* printf '{"format":1}' | sha256sum */
	const char *digest = policy_digest(&pool, &policy.source);
	CHECK(str_equal(digest, "3f0a99256beeb89a6b9f2793885291a6454928fd74903159ab2e51452b13df6f"), "%s", digest);
	policy = policy_default();
	CHECK(str_equal(policy_digest(&pool, &policy.source), ""));
}

static void test_scalars(void)
{
	struct policy policy = take("\"ruleSet\":\"1\",\"level\":\"privileged\",\"warnLevel\":\"baseline\","
				    "\"onViolation\":\"harden\",\"criSandbox\":true,\"mode\":\"enforce\"");

	CHECK(policy.level == LEVEL_PRIVILEGED && policy.warn_level == LEVEL_BASELINE && policy.harden_violations);
	CHECK(policy.cri_sandbox && !policy.audit && policy.given >> POLICY_MODE & 1 &&
	      !(policy.given >> POLICY_RULES & 1));
	policy = take(
		"\"warnLevel\":\"restricted\",\"level\":\"baseline\",\"onViolation\":\"refuse\",\"criSandbox\":false");
	CHECK(policy.warn_level == LEVEL_RESTRICTED && !policy.harden_violations && !policy.cri_sandbox);
	policy = take("\"defaults\":{\"seccompProfile\":\"strict\",\"pidsLimit\":4194304,\"memoryLimitBytes\":1,"
		      "\"hookTimeoutSeconds\":86400},\"limits\":{\"configBytes\":4194304}");
	CHECK(str_equal(policy.defaults.seccomp_profile, "strict") && policy.defaults.pids_limit == 4194304);
	CHECK(policy.defaults.memory_limit == 1 && policy.defaults.hook_timeout == 86400);
	CHECK(policy.config_bytes == 4 << 20 && take("\"limits\":{\"configBytes\":1}").config_bytes == 1);
	take("\"defaults\":{},\"limits\":{},\"engines\":{},\"allow\":{},\"drop\":{},\"rules\":{},\"waivers\":[]");
}

/* The last day is in force; the day after is not. */
static void test_audit(void)
{
	static const char text[] = "\"mode\":\"audit\",\"auditUntil\":\"2026-11-22\"";

	CHECK(take(text).audit);
	today = "2026-11-23";
	CHECK(!take(text).audit && str_equal(take(text).audit_until, "2026-11-22"));
	today = "2026-11-21";
	CHECK(take(text).audit);
	today = "2026-11-22";
	/* The last day that can be written. */
	CHECK(!take("\"auditUntil\":\"2027-11-23\"").audit &&
	      take("\"mode\":\"audit\",\"auditUntil\":\"2027-11-23\"").audit);
}

static enum action action_of(const struct policy *policy, const char *rule)
{
	return (enum action)policy->rule_actions[rule_by_id(rule) - rules];
}

static void test_rules(void)
{
	struct policy policy = take("\"rules\":{\"ns-net-host\":\"off\",\"user-root\":\"refuse\",\"no-new-privileges\":"
				    "\"harden\",\"ns-pid-host\":\"warn\",\"ns-mount-missing\":\"refuse\"}");

	CHECK(action_of(&policy, "ns-net-host") == ACTION_NONE && action_of(&policy, "user-root") == ACTION_REFUSE);
	CHECK(action_of(&policy, "no-new-privileges") == ACTION_HARDEN &&
	      action_of(&policy, "ns-pid-host") == ACTION_WARN);
	CHECK((int)action_of(&policy, "ns-ipc-host") == POLICY_UNCHANGED);
	CHECK(action_of(&policy, "ns-mount-missing") == ACTION_REFUSE);
	/* Each rule that refuses at every level says so itself. */
	for (size_t i = 0; i < rule_count; i++) {
		if (!rule_refuses_always(&rules[i]))
			continue;
		refuse(pool_printf(&pool, "\"rules\":{\"%s\":\"warn\"}", rules[i].id), rules[i].id);
		own_class = true;
		refuse(pool_printf(&pool,
				   "\"waivers\":[{\"rule\":\"%s\",\"match\":{\"imageDigest\":\"sha256:" A64
				   "\"},\"reason\":\"a good reason\",\"owner\":\"me\",\"expires\":\"2026-12-01\"}]",
				   rules[i].id),
		       rules[i].id);
		own_class = false;
	}
}

static void test_allow(void)
{
	struct policy policy =
		take("\"allow\":{\"capabilities\":[\"CAP_NET_RAW\",\"CAP_CHECKPOINT_RESTORE\",\"CAP_NET_RAW\"],"
		     "\"sysctls\":[\"net.core.somaxconn\",\"a\",\"a\"],\"annotations\":[\"org.example.*\",\"x\"],"
		     "\"systemdProperties\":[\"CollectMode\"],\"seccompArchitectures\":[\"SCMP_ARCH_X86\"],"
		     "\"devices\":[{\"type\":\"c\",\"major\":10,\"minor\":229,\"access\":\"wrw\"},"
		     "{\"type\":\"b\",\"major\":4095,\"minor\":1048575,\"access\":\"m\"}],"
		     "\"mountPrefixes\":[{\"path\":\"/srv//data/./x/\"},{\"path\":\"/srv\",\"readOnly\":false}],"
		     "\"hooks\":[{\"path\":\"/usr/libexec//h\",\"sha256\":\"" A64 "\"}],\"cgroupsDisabled\":true},"
		     "\"drop\":{\"capabilities\":[\"CAP_CHOWN\"]}");

	CHECK(policy.allow.capabilities == (UINT64_C(1) << 13 | UINT64_C(1) << 40) && policy.drop_capabilities == 1);
	CHECK(is_list(&policy.allow.sysctls, "net.core.somaxconn", 2) &&
	      is_list(&policy.allow.annotations, "org.example.*", 2));
	CHECK(is_list(&policy.allow.systemd_properties, "CollectMode", 1));
	CHECK(is_list(&policy.allow.seccomp_architectures, "SCMP_ARCH_X86", 1) && policy.allow.cgroups_disabled);
	const struct policy_device *device = policy.allow.devices;
	CHECK(policy.allow.device_count == 2 && device[0].type == 'c' && device[0].major == 10 &&
	      device[0].minor == 229);
	CHECK(str_equal(device[0].access, "rw") && device[1].type == 'b' && str_equal(device[1].access, "m"));
	const struct policy_mount_prefix *prefix = policy.allow.mount_prefixes;
	CHECK(policy.allow.mount_prefix_count == 2 && str_equal(prefix[0].path, "/srv/data/x") && prefix[0].read_only);
	CHECK(!prefix[1].read_only && policy.allow.hook_count == 1);
	CHECK(str_equal(policy.allow.hooks[0].path, "/usr/libexec/h") && str_equal(policy.allow.hooks[0].sha256, A64));
}

static void test_engines(void)
{
	struct policy policy =
		take("\"engines\":{\"containersStorage\":[\"/a/\"],\"containerd\":[\"/b\"],\"docker\":[],"
		     "\"other\":[\"/c\",\"/c/\"]}");

	CHECK(is_list(&policy.engines.containers_storage, "/a", 1) && is_list(&policy.engines.containerd, "/b", 1));
	CHECK(is_list(&policy.engines.docker, NULL, 0) && is_list(&policy.engines.other, "/c", 1));
	/* What is not named keeps its default. */
	CHECK(is_list(&policy.engines.kubelet, "/var/lib/kubelet", 2));
	policy = take("\"engines\":{\"kubelet\":[\"/k\"]}");
	CHECK(is_list(&policy.engines.kubelet, "/k", 1));
}

/* A list that is too long, 1,001 waivers, and 1,000 of them. */
static void test_sizes(void)
{
	static const char waiver[] = "{\"rule\":\"user-root\",\"match\":{\"value\":\"1\"},\"reason\":\"a good reason\","
				     "\"owner\":\"me\",\"expires\":\"2027-01-01\"}";
	char *text = calloc(1, 1 << 20);
	size_t length;

	length = (size_t)sprintf(text, "\"waivers\":[%s", waiver);
	for (int i = 1; i < POLICY_MAX_WAIVERS; i++)
		length += (size_t)sprintf(text + length, ",%s", waiver);
	strcpy(text + length, "]");
	CHECK(take(text).waiver_count == POLICY_MAX_WAIVERS);
	sprintf(text + length, ",%s]", waiver);
	refuse(text, "has 1001 waivers; at most 1000");
	length = (size_t)sprintf(text, "\"allow\":{\"sysctls\":[\"s0\"");
	for (int i = 1; i < POLICY_MAX_LIST; i++)
		length += (size_t)sprintf(text + length, ",\"s%d\"", i);
	strcpy(text + length, "]}");
	CHECK(take(text).allow.sysctls.count == POLICY_MAX_LIST);
	strcpy(text + length, ",\"t\"]}");
	refuse(text, "at most 1024");
	free(text);
}

int main(void)
{
	test_bad_members();
	test_defaults();
	test_scalars();
	test_audit();
	test_rules();
	test_allow();
	test_engines();
	test_sizes();
	pool_free(&pool);
	return failures != 0;
}
