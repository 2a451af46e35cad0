/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust_file.c - the file that `trustFrom` names, whichever of the two formats it is.
 */
#include <hrun/image_trust.h>
#include <hrun/image_trust_file.h>
#include <hrun/policy_open.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/stat.h>

enum { TRUST_FILE_MAX = 1 << 20 };

int image_trust_of_bytes(struct pool *pool, const struct image_source *source, char *bytes, size_t size,
			 const struct image_place *place, struct image_rules *ret_rules, struct err *e)
{
	struct policy policy = {.path = source->trust_from, .owner = source->owner};
	struct policy_reader r = {.pool = pool, .policy = &policy, .e = e};
	const struct json *tree;
	struct json_error error;

	*ret_rules = (struct image_rules){0};
	if (json_read(pool, bytes, size, TRUST_FILE_MAX, &tree, &error) < 0)
		return err_set(e, EINVAL, "policy: `%s`, line %u, column %u: %s", policy.path, error.line, error.column,
			       error.text);
	if (json_at(tree, "trustPolicies"))
		return image_trust_read_notation(&r, tree, place, ret_rules);
	if (json_at(tree, "default"))
		return image_trust_read_containers(&r, tree, place, ret_rules);
	return err_set(
		e, EINVAL,
		"policy: `%s` is neither a policy.json of the container tools (`default`) nor a trustpolicy.json of "
		"notation (`trustPolicies`)",
		policy.path);
}

int image_trust_of_file(struct pool *pool, const struct image_source *source, const struct image_place *place,
			struct image_rules *ret_rules, struct err *e)
{
	char *bytes = NULL;
	size_t size = 0;

	*ret_rules = (struct image_rules){0};
	TRY(policy_open_bytes(pool, source->trust_from, source->owner, TRUST_FILE_MAX, &bytes, &size, e));
	return image_trust_of_bytes(pool, source, bytes, size, place, ret_rules, e);
}

const char *image_trust_directory(struct pool *pool, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? pool_strndup(pool, path, (size_t)(slash - path) + 1) : NULL;
}
