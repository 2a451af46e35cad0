/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_image_policy.c - the files of `trustFrom`: whatever is taken keeps within the bounds of a request.
 */
#include <hrun/image_trust.h>
#include <hrun/json.h>
#include <hrun/str.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void check_rule(const struct image_rule *rule)
{
	expect(rule->scope && rule->where && rule->key_count <= IMAGE_KEYS_MAX);
	expect(rule->demand != IMAGE_DEMAND_NOT_BUILT || rule->missing);
	expect(rule->trusted_identities.count <= IMAGE_KEYS_MAX);
	for (size_t i = 0; i < rule->trusted_identities.count; i++)
		expect(strlen(rule->trusted_identities.item[i]) < IMAGE_NAME_SIZE);
	for (size_t i = 0; i < rule->key_count; i++) {
		expect(rule->keys[i].name && strlen(rule->keys[i].name) < IMAGE_TEXT_SIZE);
		expect(rule->keys[i].path ? rule->keys[i].path[0] == '/' : rule->keys[i].size > 0);
	}
	if (rule->demand == IMAGE_DEMAND_SIGNATURE)
		expect(rule->key_count > 0 && rule->threshold == 1);
	expect((rule->identity == IMAGE_IDENTITY_EXACT_REFERENCE || rule->identity == IMAGE_IDENTITY_EXACT_REPOSITORY ||
		rule->identity == IMAGE_IDENTITY_REMAP) == (rule->identity_value != NULL));
	expect((rule->identity == IMAGE_IDENTITY_REMAP) == (rule->identity_signed_prefix != NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct image_place places[] = {
		{.name = "", .ref = "v1", .layout = "/srv/layout"},
		{.name = "registry.example.org:5000/team/app:v1", .ref = "", .layout = NULL},
	};
	struct image_source source = {.path = "/p",
				      .trust_from = "/nowhere/policy.json",
				      .owner = POLICY_OWNER_ROOT,
				      .require = IMAGES_SIGNED};

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		struct pool pool = {NULL};
		char *bytes = pool_alloc(&pool, size + 1);
		struct image_rules rules;
		struct err e = {0};

		memcpy(bytes, data, size);
		int r = image_trust_of_bytes(&pool, &source, bytes, size, &places[i], &rules, &e);
		expect(r == 0 || (r < 0 && strncmp(e.text, "policy: ", 8) == 0));
		expect(rules.count <= IMAGE_TRUSTS_MAX);
		for (size_t k = 0; r == 0 && k < rules.count; k++)
			check_rule(rules.item[k]);
		pool_free(&pool);
	}
	return 0;
}
