/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust_keys.c - the keys that a policy.json of the container tools names or holds.
 */
#include <hrun/base64.h>
#include <hrun/image_trust_file.h>
#include <hrun/policy_open.h>
#include <hrun/str.h>
#include <string.h>

static struct image_key *new_key(struct policy_reader *r, const struct json *value, struct image_rule *rule)
{
	if (rule->key_count == IMAGE_KEYS_MAX) {
		policy_refuse(r, value, "is one key too many; at most %d are taken", IMAGE_KEYS_MAX);
		return NULL;
	}
	if (!rule->keys)
		rule->keys = pool_alloc(r->pool, IMAGE_KEYS_MAX * sizeof *rule->keys);
	return &rule->keys[rule->key_count++];
}

int image_trust_read_key_file(struct policy_reader *r, const struct json *value, struct image_rule *rule)
{
	TRY(policy_expect(r, value, JSON_STRING));
	if (!*value->text || strlen(value->text) >= IMAGE_TEXT_SIZE || str_has_control(value->text))
		return policy_refuse(r, value, "must be 1 to %d printable bytes", IMAGE_TEXT_SIZE - 1);
	const char *path = policy_absolute(r->pool, image_trust_directory(r->pool, r->policy->path), value->text);
	for (size_t i = 0; i < rule->key_count; i++) {
		if (rule->keys[i].path && str_equal(rule->keys[i].path, path))
			return policy_refuse(r, value, "is the same file as one before; name each key once");
	}
	struct image_key *key = new_key(r, value, rule);
	if (!key)
		return -EINVAL;
	key->name = value->text;
	key->path = path;
	return 0;
}

int image_trust_read_key_text(struct policy_reader *r, const struct json *value, struct image_rule *rule)
{
	TRY(policy_expect(r, value, JSON_STRING));
	size_t length = strlen(value->text);
	unsigned char *bytes = pool_alloc(r->pool, length + 1);
	ssize_t size = base64_read(value->text, length, bytes);
	if (size <= 0)
		return policy_refuse(r, value, "must be a key in base64");
	struct image_key *key = new_key(r, value, rule);
	if (!key)
		return -EINVAL;
	key->name = json_where(r->pool, value);
	if (strlen(key->name) >= IMAGE_TEXT_SIZE)
		key->name = value->key ? value->key : "keyDatas";
	key->data = bytes;
	key->size = (size_t)size;
	return 0;
}
