/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_images.c - the member `images` of the policy file: who must have signed what runs here.
 *
 * Nothing is opened here but the file itself: keys are, when an image is asked about.
 */
#include <hrun/image_name.h>
#include <hrun/image_trust.h>
#include <hrun/path.h>
#include <hrun/policy_open.h>
#include <hrun/policy_read.h>
#include <hrun/str.h>
#include <limits.h>

#define READ_WORD(r, value, words) policy_read_word((r), (value), (words), sizeof(words) / sizeof(words)[0])

const char *images_require_name(enum images_require require)
{
	static const char *const names[] = {"off", NULL, "warn", "signed"};

	return names[require];
}

const char *image_identity_name(enum image_identity identity)
{
	static const char *const names[] = {NULL,
					    "matchExact",
					    "matchRepoDigestOrExact",
					    "matchRepository",
					    "exactReference",
					    "exactRepository",
					    "remapIdentity"};

	return names[identity];
}

const char *image_scheme_name(enum image_scheme scheme)
{
	return scheme == IMAGE_SCHEME_NOTATION ? "notation" : "cosign-key";
}

static struct image_source *own_source(struct policy_reader *r)
{
	struct policy *policy = r->policy;

	if (!policy->images.source_count) {
		struct image_source *source =
			pool_array_add(r->pool, policy->images.sources, policy->images.source_count);
		const char *slash = strrchr(policy->path, '/');
		source->path = policy->path;
		source->directory =
			slash ? pool_strndup(r->pool, policy->path, (size_t)(slash - policy->path) + 1) : NULL;
		source->owner = policy->owner;
		source->require = IMAGES_SIGNED;
	}
	return policy->images.sources;
}

/* ---- one entry of trust; PLACE is its struct image_rule ---- */

/* A text that hrun-image gets in SIZE bytes. */
static int check_text(struct policy_reader *r, const struct json *value, size_t size)
{
	if (!*value->text || strlen(value->text) >= size || str_has_control(value->text))
		return policy_refuse(r, value, "must be 1 to %zu printable bytes", size - 1);
	return 0;
}

static int read_scope(struct policy_reader *r, const struct json *value, void *place)
{
	const char *complaint = image_name_check_scope(r->pool, value->text);

	if (complaint)
		return policy_refuse(r, value, "%s; or the scope * alone", complaint);
	((struct image_rule *)place)->scope = value->text;
	return 0;
}

static int read_scheme(struct policy_reader *r, const struct json *value, void *place)
{
	static const char *const words[] = {"cosign-key", "notation"};
	static const char *const later[] = {"cosign-keyless", "keyless", "gpg", "signedBy"};

	for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
		if (str_equal(value->text, later[i]))
			return policy_refuse(r, value, "is %s: scheme not built; use cosign-key or notation", later[i]);
	}
	int scheme = READ_WORD(r, value, words);
	TRY(scheme);
	((struct image_rule *)place)->scheme = (enum image_scheme)scheme;
	return 0;
}

static int read_key(struct policy_reader *r, const struct json *value, struct image_rule *rule)
{
	TRY(policy_expect(r, value, JSON_STRING));
	TRY(check_text(r, value, IMAGE_TEXT_SIZE));
	const char *path = policy_absolute(r->pool, own_source(r)->directory, value->text);
	for (size_t i = 0; i < rule->key_count; i++) {
		if (str_equal(rule->keys[i].path, path))
			return policy_refuse(r, value, "is the same file as the one before; name each key once");
	}
	rule->keys[rule->key_count++] = (struct image_key){.name = value->text, .path = path};
	return 0;
}

static int read_keys(struct policy_reader *r, const struct json *value, void *place)
{
	struct image_rule *rule = place;

	if (value->count == 0 || value->count > IMAGE_KEYS_MAX)
		return policy_refuse(r, value, "must name 1 to %d files, not %u", IMAGE_KEYS_MAX, value->count);
	rule->keys = pool_alloc(r->pool, value->count * sizeof *rule->keys);
	for (const struct json *v = value->first; v; v = v->next)
		TRY(read_key(r, v, rule));
	return 0;
}

static int read_threshold(struct policy_reader *r, const struct json *value, void *place)
{
	int64_t threshold = 1;

	TRY(policy_read_integer(r, value, 1, IMAGE_KEYS_MAX, &threshold));
	((struct image_rule *)place)->threshold = (uint32_t)threshold;
	return 0;
}

static int read_tlog(struct policy_reader *r, const struct json *value, void *place)
{
	(void)place;
	if (str_equal(value->text, "require"))
		return policy_refuse(r, value, "is require: scheme not built: transparency log; say ignore");
	return str_equal(value->text, "ignore") ? 0 : policy_refuse(r, value, "must be ignore");
}

static int read_level(struct policy_reader *r, const struct json *value, void *place)
{
	static const char *const words[] = {"strict", "permissive"};

	if (str_equal(value->text, "audit") || str_equal(value->text, "skip"))
		return policy_refuse(r, value, "is %s, which is as good as no signature; say strict or permissive",
				     value->text);
	int level = READ_WORD(r, value, words);
	TRY(level);
	((struct image_rule *)place)->level = (enum image_notation_level)level;
	return 0;
}

static int read_trusted_identities(struct policy_reader *r, const struct json *value, void *place)
{
	struct string_list *list = &((struct image_rule *)place)->trusted_identities;

	if (value->count == 0 || value->count > IMAGE_KEYS_MAX)
		return policy_refuse(r, value, "must have 1 to %d elements, not %u", IMAGE_KEYS_MAX, value->count);
	list->item = pool_alloc(r->pool, value->count * sizeof *list->item);
	for (const struct json *v = value->first; v; v = v->next) {
		TRY(policy_expect(r, v, JSON_STRING));
		TRY(check_text(r, v, IMAGE_NAME_SIZE));
		const char *complaint = image_trust_check_subject(r->pool, v->text);
		if (complaint)
			return policy_refuse(r, v, "%s", complaint);
		if (str_equal(v->text, "*") && value->count > 1)
			return policy_refuse(r, v, "is everybody; the others beside it mean nothing");
		list->item[list->count++] = v->text;
	}
	return 0;
}

/* ---- identity ---- */

static int read_identity_type(struct policy_reader *r, const struct json *value, void *place)
{
	static const char *const words[] = {"matchExact",     "matchRepoDigestOrExact", "matchRepository",
					    "exactReference", "exactRepository",	"remapIdentity"};
	int type = READ_WORD(r, value, words);

	TRY(type);
	((struct image_rule *)place)->identity = (enum image_identity)(IMAGE_IDENTITY_MATCH_EXACT + type);
	return 0;
}

static int read_reference(struct policy_reader *r, const struct json *value, void *place)
{
	struct image_name name;
	const char *complaint = image_name_read(r->pool, value->text, &name);

	if (complaint)
		return policy_refuse(r, value, "%s", complaint);
	if (!name.tag && !name.digest)
		return policy_refuse(r, value, "names neither a tag nor a digest; exactRepository is for all of them");
	((struct image_rule *)place)->identity_value = value->text;
	return 0;
}

static int read_repository(struct policy_reader *r, const struct json *value, void *place)
{
	const char *complaint = image_name_check_repository(r->pool, value->text);

	if (complaint)
		return policy_refuse(r, value, "%s", complaint);
	((struct image_rule *)place)->identity_value = value->text;
	return 0;
}

static int read_prefix(struct policy_reader *r, const struct json *value, void *place)
{
	const char *complaint = image_name_check_prefix(r->pool, value->text);

	if (complaint)
		return policy_refuse(r, value, "%s", complaint);
	((struct image_rule *)place)->identity_value = value->text;
	return 0;
}

static int read_signed_prefix(struct policy_reader *r, const struct json *value, void *place)
{
	const char *complaint = image_name_check_prefix(r->pool, value->text);

	if (complaint)
		return policy_refuse(r, value, "%s", complaint);
	((struct image_rule *)place)->identity_signed_prefix = value->text;
	return 0;
}

/* As containers-policy.json(5) says it. */
int policy_read_image_identity(struct policy_reader *r, const struct json *value, void *place)
{
#define TYPE                                                  \
	{                                                     \
		"type", JSON_STRING, true, read_identity_type \
	}
	static const struct policy_row plain[] = {TYPE};
	static const struct policy_row reference[] = {TYPE, {"dockerReference", JSON_STRING, true, read_reference}};
	static const struct policy_row repository[] = {TYPE, {"dockerRepository", JSON_STRING, true, read_repository}};
	static const struct policy_row remap[] = {
		TYPE,
		{"prefix", JSON_STRING, true, read_prefix},
		{"signedPrefix", JSON_STRING, true, read_signed_prefix},
	};
	const struct json *type = json_at(value, "type");

	if (!type)
		return policy_refuse(r, value, "has no `type`, which is required");
	TRY(policy_expect(r, type, JSON_STRING));
	TRY(read_identity_type(r, type, place));
	switch (((struct image_rule *)place)->identity) {
	case IMAGE_IDENTITY_EXACT_REFERENCE:
		return POLICY_READ_OBJECT(r, value, reference, place);
	case IMAGE_IDENTITY_EXACT_REPOSITORY:
		return POLICY_READ_OBJECT(r, value, repository, place);
	case IMAGE_IDENTITY_REMAP:
		return POLICY_READ_OBJECT(r, value, remap, place);
	default:
		return POLICY_READ_OBJECT(r, value, plain, place);
	}
}

/* ---- the member ---- */

static int read_entry(struct policy_reader *r, const struct json *value, struct image_rule *rule)
{
	static const struct policy_row of_keys[] = {
		{"scope", JSON_STRING, false, read_scope},
		{"scheme", JSON_STRING, true, read_scheme},
		{"keys", JSON_ARRAY, true, read_keys},
		{"threshold", JSON_NUMBER, false, read_threshold},
		{"identity", JSON_OBJECT, false, policy_read_image_identity},
		{"tlog", JSON_STRING, false, read_tlog},
	};
	static const struct policy_row of_notation[] = {
		{"scope", JSON_STRING, false, read_scope},
		{"scheme", JSON_STRING, true, read_scheme},
		{"level", JSON_STRING, false, read_level},
		{"ca", JSON_ARRAY, true, read_keys},
		{"trustedIdentities", JSON_ARRAY, true, read_trusted_identities},
	};

	*rule = (struct image_rule){.scope = "*", .threshold = 1, .where = json_where(r->pool, value)};
	TRY(policy_expect(r, value, JSON_OBJECT));
	const struct json *scheme = json_at(value, "scheme");
	if (!scheme)
		return policy_refuse(r, value, "has no `scheme`, which is required");
	TRY(policy_expect(r, scheme, JSON_STRING));
	TRY(read_scheme(r, scheme, rule));
	if (rule->scheme == IMAGE_SCHEME_NOTATION)
		TRY(POLICY_READ_OBJECT(r, value, of_notation, rule));
	else
		TRY(POLICY_READ_OBJECT(r, value, of_keys, rule));
	if (rule->threshold > rule->key_count)
		return policy_refuse(r, json_at(value, "threshold"), "must be at most the number of keys, which is %zu",
				     rule->key_count);
	return 0;
}

/* All entries of a scope hold together: so many fit into one request. */
static int check_scopes(struct policy_reader *r, const struct json *list, const struct image_source *source)
{
	for (size_t i = 0; i < source->rule_count; i++) {
		size_t same = 0;
		for (size_t k = 0; k <= i; k++)
			same += str_equal(source->rules[k].scope, source->rules[i].scope);
		if (same > IMAGE_TRUSTS_MAX)
			return policy_refuse(r, list, "has more than %d entries of the scope `%.64s`", IMAGE_TRUSTS_MAX,
					     source->rules[i].scope);
	}
	return 0;
}

static int read_trust(struct policy_reader *r, const struct json *value, void *place)
{
	struct image_source *source = own_source(r);

	(void)place;
	TRY(policy_check_length(r, value));
	source->has_trust = true;
	source->rules = pool_alloc(r->pool, (value->count + 1) * sizeof *source->rules);
	for (const struct json *v = value->first; v; v = v->next)
		TRY(read_entry(r, v, &source->rules[source->rule_count++]));
	return check_scopes(r, value, source);
}

static int read_trust_from(struct policy_reader *r, const struct json *value, void *place)
{
	struct image_source *source = own_source(r);

	(void)place;
	TRY(check_text(r, value, PATH_MAX));
	source->trust_from = policy_absolute(r->pool, source->directory, value->text);
	return 0;
}

static int read_signatures(struct policy_reader *r, const struct json *value, void *place)
{
	struct string_list *list = &own_source(r)->signatures;

	(void)place;
	if (value->count > IMAGE_PLACES_MAX)
		return policy_refuse(r, value, "must name at most %d directories, not %u", IMAGE_PLACES_MAX,
				     value->count);
	for (const struct json *v = value->first; v; v = v->next) {
		TRY(policy_expect(r, v, JSON_STRING));
		TRY(check_text(r, v, PATH_MAX));
		*pool_array_add(r->pool, list->item, list->count) =
			(char *)(uintptr_t)policy_absolute(r->pool, own_source(r)->directory, v->text);
	}
	return 0;
}

static int read_require(struct policy_reader *r, const struct json *value, void *place)
{
	static const char *const words[] = {"off", "warn", "signed"};
	static const enum images_require meanings[] = {IMAGES_OFF, IMAGES_WARN, IMAGES_SIGNED};
	int require = READ_WORD(r, value, words);

	(void)place;
	TRY(require);
	own_source(r)->require = meanings[require];
	return 0;
}

static int read_devices(struct policy_reader *r, const struct json *value, void *place)
{
	static const char *const words[] = {"refuse", "drop"};
	int devices = READ_WORD(r, value, words);

	(void)place;
	TRY(devices);
	own_source(r)->drop_devices = devices == 1;
	return 0;
}

int policy_read_images(struct policy_reader *r, const struct json *value, void *place)
{
	const struct json *time = json_at(value, "notBefore");
	const struct policy_row rows[] = {
		{"require", JSON_STRING, false, read_require},
		{"trust", JSON_ARRAY, false, read_trust},
		{"trustFrom", JSON_STRING, false, read_trust_from},
		{"signatures", JSON_ARRAY, false, read_signatures},
		{"devices", JSON_STRING, false, read_devices},
		{"allowDigests", JSON_ARRAY, false, policy_read_allow_digests},
		{"denyDigests", JSON_ARRAY, false, policy_read_deny_digests},
		{"notBefore", time && time->type == JSON_OBJECT ? JSON_OBJECT : JSON_STRING, false,
		 policy_read_not_before},
	};
	struct image_source *source = own_source(r);

	(void)place;
	TRY(POLICY_READ_OBJECT(r, value, rows, source));
	r->policy->images.require = source->require;
	r->policy->images.drop_devices = source->drop_devices;
	return policy_check_digests(r, value, source);
}
