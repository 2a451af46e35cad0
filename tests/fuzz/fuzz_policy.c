/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_policy.c - the policy file: what is taken keeps its promises, and the stricter of it and itself is itself.
 */
#include <hrun/policy.h>
#include <hrun/rules.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct policy *policy, bool own_class)
{
	size_t last = 0;

	expect(policy->level < LEVELS && (policy->warn_level == LEVELS || policy->warn_level > policy->level));
	expect(!policy->audit || policy->audit_until);
	expect(policy->config_bytes > 0 && policy->config_bytes <= POLICY_CONFIG_BYTES_MAX);
	expect(policy->waiver_count <= POLICY_MAX_WAIVERS && (policy->source.bytes || !policy->given));
	for (size_t i = 0; policy->rule_actions && i < rule_count; i++)
		expect(!rule_refuses_always(&rules[i]) || policy->rule_actions[i] == POLICY_UNCHANGED ||
		       policy->rule_actions[i] == ACTION_REFUSE);
	for (size_t i = 0; i < policy->waiver_count; i++) {
		const struct waiver *waiver = &policy->waivers[i];
		expect(waiver->rule >= last && waiver->rule < rule_count && !rule_refuses_always(&rules[waiver->rule]));
		last = waiver->rule;
		expect(waiver->image_digest || waiver->cgroup || waiver->value);
		expect(waiver->image_digest || own_class || rules[waiver->rule].severity < SEVERITY_HIGH);
		expect(waiver->days_left <= POLICY_MAX_DAYS && strlen(waiver->reason) >= 8 && *waiver->owner);
	}
	for (size_t i = 0; i < policy->allow.mount_prefix_count; i++)
		expect(policy->allow.mount_prefixes[i].path[0] == '/' &&
		       !strstr(policy->allow.mount_prefixes[i].path, "/../"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { TODAY = 20779 }; /* 2026-11-22 */
	struct pool pool = {NULL};
	struct policy policy = policy_default(), defaults = policy_default(), both;
	bool own_class = size & 1;
	struct err e = {0};

	policy.path = "policy.json";
	if (policy_read(&pool, (const char *)data, size, own_class, TODAY, &policy, &e) == 0) {
		check(&policy, own_class);
		both = policy_stricter(&pool, &policy, &policy);
		check(&both, own_class);
		expect(both.level == policy.level && both.audit == policy.audit);
		both = policy_stricter(&pool, &policy, &defaults);
		check(&both, own_class);
		expect(both.level >= LEVEL_BASELINE && !both.audit && both.allow.capabilities == 0);
	} else {
		expect(strncmp(e.text, "policy: ", 8) == 0);
	}
	pool_free(&pool);
	return 0;
}
