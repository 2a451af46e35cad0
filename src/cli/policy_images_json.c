/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_images_json.c - the member `images` of a policy as the file would say it; of two files, one after the other.
 */
#include <hrun/cli.h>
#include <hrun/json.h>
#include <hrun/policy.h>

static void named_string(struct json_out *out, const char *separator, const char *name, const char *value)
{
	if (!value)
		return;
	json_out_printf(out, "%s\"%s\":", separator, name);
	json_out_string(out, value);
}

static void keys(struct json_out *out, const char *name, const struct image_rule *rule)
{
	json_out_printf(out, ",\"%s\":[", name);
	for (size_t i = 0; i < rule->key_count; i++) {
		json_out_raw(out, i ? "," : "");
		json_out_string(out, rule->keys[i].name);
	}
	json_out_raw(out, "]");
}

static void strings(struct json_out *out, const char *name, const struct string_list *list)
{
	json_out_printf(out, ",\"%s\":[", name);
	for (size_t i = 0; i < list->count; i++) {
		json_out_raw(out, i ? "," : "");
		json_out_string(out, list->item[i]);
	}
	json_out_raw(out, "]");
}

static void identity(struct json_out *out, const struct image_rule *rule)
{
	const char *type = image_identity_name(rule->identity);
	const char *value = rule->identity == IMAGE_IDENTITY_EXACT_REFERENCE	? "dockerReference"
			    : rule->identity == IMAGE_IDENTITY_EXACT_REPOSITORY ? "dockerRepository"
										: "prefix";

	if (!type)
		return;
	named_string(out, ",\"identity\":{", "type", type);
	named_string(out, ",", value, rule->identity_value);
	named_string(out, ",", "signedPrefix", rule->identity_signed_prefix);
	json_out_raw(out, "}");
}

static void of_keys(struct json_out *out, const struct image_rule *rule)
{
	keys(out, "keys", rule);
	json_out_printf(out, ",\"threshold\":%u", rule->threshold);
	identity(out, rule);
}

static void of_notation(struct json_out *out, const struct image_rule *rule)
{
	named_string(out, ",", "level", rule->level == IMAGE_NOTATION_STRICT ? "strict" : "permissive");
	keys(out, "ca", rule);
	strings(out, "trustedIdentities", &rule->trusted_identities);
}

static void entry(struct json_out *out, const struct image_rule *rule)
{
	named_string(out, "{", "scope", rule->scope);
	named_string(out, ",", "scheme", image_scheme_name(rule->scheme));
	if (rule->scheme == IMAGE_SCHEME_NOTATION)
		of_notation(out, rule);
	else
		of_keys(out, rule);
	json_out_raw(out, "}");
}

static void not_before(struct json_out *out, const struct image_source *from)
{
	if (!from->not_before_count)
		return;
	json_out_raw(out, ",\"notBefore\":");
	for (size_t i = 0; i < from->not_before_count; i++)
		named_string(out, i ? "," : "{", from->not_before[i].scope, from->not_before[i].text);
	json_out_raw(out, "}");
}

static void source(struct json_out *out, const struct image_source *from)
{
	named_string(out, "{", "require", images_require_name(from->require));
	if (from->has_trust) {
		json_out_raw(out, ",\"trust\":[");
		for (size_t i = 0; i < from->rule_count; i++) {
			json_out_raw(out, i ? "," : "");
			entry(out, &from->rules[i]);
		}
		json_out_raw(out, "]");
	}
	named_string(out, ",", "trustFrom", from->trust_from);
	if (from->signatures.count > 0)
		strings(out, "signatures", &from->signatures);
	named_string(out, ",", "devices", from->drop_devices ? "drop" : "refuse");
	if (from->allow_digests.present)
		strings(out, "allowDigests", &from->allow_digests);
	if (from->deny_digests.present)
		strings(out, "denyDigests", &from->deny_digests);
	not_before(out, from);
	json_out_raw(out, "}");
}

void policy_images_write(struct json_out *out, const struct policy *policy)
{
	size_t count = policy->images.source_count;

	if (count == 0)
		json_out_raw(out, "null");
	if (count > 1)
		json_out_raw(out, "[");
	for (size_t i = 0; i < count; i++) {
		json_out_raw(out, i ? "," : "");
		source(out, &policy->images.sources[i]);
	}
	if (count > 1)
		json_out_raw(out, "]");
}
