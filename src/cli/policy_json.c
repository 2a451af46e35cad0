/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_json.c - the members of a policy as the file would say them.
 */
#include <hrun/capability.h>
#include <hrun/cli.h>
#include <hrun/json.h>
#include <hrun/rules.h>
#include <inttypes.h>

/* `"NAME":`, after a comma where something stands before. */
static void name(struct json_out *out, bool *first, const char *text)
{
	json_out_raw(out, *first ? "" : ",");
	json_out_string(out, text);
	json_out_raw(out, ":");
	*first = false;
}

static void named_string(struct json_out *out, bool *first, const char *key, const char *value)
{
	if (!value)
		return;
	name(out, first, key);
	json_out_string(out, value);
}

static void named_number(struct json_out *out, bool *first, const char *key, int64_t value)
{
	if (!value)
		return;
	name(out, first, key);
	json_out_printf(out, "%" PRId64, value);
}

static void named_strings(struct json_out *out, bool *first, const char *key, const struct string_list *list)
{
	name(out, first, key);
	for (size_t i = 0; i < list->count; i++) {
		json_out_raw(out, i ? "," : "[");
		json_out_string(out, list->item[i]);
	}
	json_out_raw(out, list->count ? "]" : "[]");
}

static void named_capabilities(struct json_out *out, bool *first, uint64_t bits)
{
	const char *separator = "";

	name(out, first, "capabilities");
	json_out_raw(out, "[");
	for (int i = 0; i < CAPABILITY_COUNT; i++) {
		if (!(bits >> i & 1))
			continue;
		json_out_raw(out, separator);
		json_out_string(out, capability_name(i));
		separator = ",";
	}
	json_out_raw(out, "]");
}

static void devices(struct json_out *out, const struct policy *policy)
{
	for (size_t i = 0; i < policy->allow.device_count; i++) {
		const struct policy_device *device = &policy->allow.devices[i];
		json_out_printf(out,
				"%s{\"type\":\"%c\",\"major\":%" PRId64 ",\"minor\":%" PRId64 ",\"access\":\"%s\"}",
				i ? "," : "", device->type, device->major, device->minor, device->access);
	}
}

static void mount_prefixes(struct json_out *out, const struct policy *policy)
{
	for (size_t i = 0; i < policy->allow.mount_prefix_count; i++) {
		const struct policy_mount_prefix *prefix = &policy->allow.mount_prefixes[i];
		json_out_raw(out, i ? ",{\"path\":" : "{\"path\":");
		json_out_string(out, prefix->path);
		json_out_raw(out, prefix->read_only ? ",\"readOnly\":true}" : ",\"readOnly\":false}");
	}
}

static void hooks(struct json_out *out, const struct policy *policy)
{
	for (size_t i = 0; i < policy->allow.hook_count; i++) {
		json_out_raw(out, i ? ",{\"path\":" : "{\"path\":");
		json_out_string(out, policy->allow.hooks[i].path);
		json_out_printf(out, ",\"sha256\":\"%s\"}", policy->allow.hooks[i].sha256);
	}
}

static void allow(struct json_out *out, const struct policy *policy)
{
	static const struct {
		const char *key;
		void (*write)(struct json_out *out, const struct policy *policy);
	} lists[] = {{"devices", devices}, {"mountPrefixes", mount_prefixes}, {"hooks", hooks}};
	bool first = true;

	json_out_raw(out, "{");
	named_capabilities(out, &first, policy->allow.capabilities);
	named_strings(out, &first, "sysctls", &policy->allow.sysctls);
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		name(out, &first, lists[i].key);
		json_out_raw(out, "[");
		lists[i].write(out, policy);
		json_out_raw(out, "]");
	}
	named_strings(out, &first, "annotations", &policy->allow.annotations);
	named_strings(out, &first, "systemdProperties", &policy->allow.systemd_properties);
	named_strings(out, &first, "seccompArchitectures", &policy->allow.seccomp_architectures);
	name(out, &first, "cgroupsDisabled");
	json_out_raw(out, policy->allow.cgroups_disabled ? "true}" : "false}");
}

static void rule_actions(struct json_out *out, const struct policy *policy)
{
	bool first = true;

	json_out_raw(out, "{");
	for (size_t i = 0; policy->rule_actions && i < rule_count; i++) {
		if (policy->rule_actions[i] != POLICY_UNCHANGED)
			named_string(out, &first, rules[i].id,
				     policy_action_name((enum action)policy->rule_actions[i]));
	}
	json_out_raw(out, "}");
}

static void drop(struct json_out *out, const struct policy *policy)
{
	bool first = true;

	json_out_raw(out, "{");
	named_capabilities(out, &first, policy->drop_capabilities);
	json_out_raw(out, "}");
}

static void defaults(struct json_out *out, const struct policy *policy)
{
	const char *profile = policy->defaults.seccomp_profile;
	bool first = true;

	json_out_raw(out, "{");
	named_string(out, &first, "seccompProfile", profile ? profile : "default");
	named_number(out, &first, "pidsLimit",
		     policy->defaults.pids_limit ? policy->defaults.pids_limit : POLICY_PIDS_LIMIT);
	named_number(out, &first, "memoryLimitBytes", policy->defaults.memory_limit);
	named_number(out, &first, "hookTimeoutSeconds",
		     policy->defaults.hook_timeout ? policy->defaults.hook_timeout : POLICY_HOOK_TIMEOUT);
	json_out_raw(out, "}");
}

static void engines(struct json_out *out, const struct policy *policy)
{
	bool first = true;

	json_out_raw(out, "{");
	named_strings(out, &first, "containersStorage", &policy->engines.containers_storage);
	named_strings(out, &first, "containerd", &policy->engines.containerd);
	named_strings(out, &first, "docker", &policy->engines.docker);
	named_strings(out, &first, "kubelet", &policy->engines.kubelet);
	named_strings(out, &first, "other", &policy->engines.other);
	json_out_raw(out, "}");
}

void policy_waiver_write(struct json_out *out, const struct waiver *waiver, bool days_left)
{
	bool first = true, first_match = true;

	json_out_raw(out, "{");
	named_string(out, &first, "rule", rules[waiver->rule].id);
	name(out, &first, "match");
	json_out_raw(out, "{");
	named_string(out, &first_match, "imageDigest", waiver->image_digest);
	named_string(out, &first_match, "cgroup", waiver->cgroup);
	named_string(out, &first_match, "value", waiver->value);
	json_out_raw(out, "}");
	named_string(out, &first, "reason", waiver->reason);
	named_string(out, &first, "owner", waiver->owner);
	named_string(out, &first, "expires", waiver->expires);
	if (days_left)
		json_out_printf(out, ",\"daysLeft\":%d,\"expired\":%s", waiver->days_left,
				waiver->days_left < 0 ? "true" : "false");
	json_out_raw(out, "}");
}

static void waivers(struct json_out *out, const struct policy *policy)
{
	json_out_raw(out, "[");
	for (size_t i = 0; i < policy->waiver_count; i++) {
		json_out_raw(out, i ? "," : "");
		policy_waiver_write(out, &policy->waivers[i], false);
	}
	json_out_raw(out, "]");
}

static const char *word_of(const struct policy *policy, enum policy_member member)
{
	switch (member) {
	case POLICY_RULE_SET_PIN:
		return policy->rule_set;
	case POLICY_LEVEL:
		return policy_level_name(policy->level);
	case POLICY_WARN_LEVEL:
		return policy->warn_level == LEVELS ? NULL : policy_level_name(policy->warn_level);
	case POLICY_MODE:
		return policy->audit ? "audit" : "enforce";
	case POLICY_AUDIT_UNTIL:
		return policy->audit_until;
	case POLICY_ON_VIOLATION:
		return policy->harden_violations ? "harden" : "refuse";
	default:
		return NULL;
	}
}

void policy_member_write(struct json_out *out, const struct policy *policy, enum policy_member member)
{
	static void (*const writers[POLICY_MEMBERS])(struct json_out * out, const struct policy *policy) = {
		[POLICY_RULES] = rule_actions, [POLICY_ALLOW] = allow,	   [POLICY_DROP] = drop,
		[POLICY_DEFAULTS] = defaults,  [POLICY_ENGINES] = engines, [POLICY_IMAGES] = policy_images_write,
		[POLICY_WAIVERS] = waivers,
	};
	const char *word = word_of(policy, member);

	if (writers[member])
		writers[member](out, policy);
	else if (member == POLICY_FORMAT)
		json_out_raw(out, "1");
	else if (member == POLICY_CRI_SANDBOX)
		json_out_raw(out, policy->cri_sandbox ? "true" : "false");
	else if (member == POLICY_LIMITS)
		json_out_printf(out, "{\"configBytes\":%zu}", policy->config_bytes);
	else if (word)
		json_out_string(out, word);
	else
		json_out_raw(out, "null");
}
