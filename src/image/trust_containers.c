/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust_containers.c - containers-policy.json(5): the file that podman, buildah, skopeo and CRI-O ask, as it is.
 *
 * The whole file is read, since one that somebody mistyped says nothing reliable about any image.  What only part of an
 * image's tools can check (GPG, keyless) is no mistake: it is told where it would be needed.
 */
#include <hrun/image_name.h>
#include <hrun/image_trust_file.h>
#include <hrun/path.h>
#include <hrun/policy_open.h>
#include <hrun/str.h>
#include <string.h>

enum { MAX_SCOPES = 1024 };

struct requirement {
	struct image_rule rule;
	unsigned int key_members; /* keyPath, keyPaths, ...: exactly one must be there */
	bool has_certificate, has_log;
};

/* ---- keys ---- */

static int read_key_path(struct policy_reader *r, const struct json *value, void *place)
{
	((struct requirement *)place)->key_members++;
	return image_trust_read_key_file(r, value, &((struct requirement *)place)->rule);
}

static int read_key_data(struct policy_reader *r, const struct json *value, void *place)
{
	((struct requirement *)place)->key_members++;
	return image_trust_read_key_text(r, value, &((struct requirement *)place)->rule);
}

static int read_key_list(struct policy_reader *r, const struct json *value, struct requirement *requirement,
			 int (*read)(struct policy_reader *r, const struct json *value, struct image_rule *rule))
{
	requirement->key_members++;
	if (!value->first)
		return policy_refuse(r, value, "is empty");
	for (const struct json *v = value->first; v; v = v->next)
		TRY(read(r, v, &requirement->rule));
	return 0;
}

static int read_key_paths(struct policy_reader *r, const struct json *value, void *place)
{
	return read_key_list(r, value, place, image_trust_read_key_file);
}

static int read_key_datas(struct policy_reader *r, const struct json *value, void *place)
{
	return read_key_list(r, value, place, image_trust_read_key_text);
}

/* ---- what is known and not checked yet ---- */

static int read_text(struct policy_reader *r, const struct json *value, void *place)
{
	(void)place;
	return *value->text ? 0 : policy_refuse(r, value, "is empty");
}

static int read_texts(struct policy_reader *r, const struct json *value, void *place)
{
	(void)place;
	if (!value->first)
		return policy_refuse(r, value, "is empty");
	for (const struct json *v = value->first; v; v = v->next) {
		TRY(policy_expect(r, v, JSON_STRING));
		TRY(read_text(r, v, NULL));
	}
	return 0;
}

static int read_log_text(struct policy_reader *r, const struct json *value, void *place)
{
	((struct requirement *)place)->has_log = true;
	return read_text(r, value, place);
}

static int read_log_texts(struct policy_reader *r, const struct json *value, void *place)
{
	((struct requirement *)place)->has_log = true;
	return read_texts(r, value, place);
}

static int read_fulcio(struct policy_reader *r, const struct json *value, void *place)
{
	static const struct policy_row rows[] = {
		{"caPath", JSON_STRING, false, read_text},
		{"caData", JSON_STRING, false, read_text},
		{"oidcIssuer", JSON_STRING, true, read_text},
		{"subjectEmail", JSON_STRING, true, read_text},
	};

	((struct requirement *)place)->key_members++;
	((struct requirement *)place)->has_certificate = true;
	return POLICY_READ_OBJECT(r, value, rows, place);
}

static int read_pki(struct policy_reader *r, const struct json *value, void *place)
{
	static const struct policy_row rows[] = {
		{"caRootsPath", JSON_STRING, false, read_text},
		{"caRootsData", JSON_STRING, false, read_text},
		{"caIntermediatesPath", JSON_STRING, false, read_text},
		{"caIntermediatesData", JSON_STRING, false, read_text},
		{"subjectEmail", JSON_STRING, false, read_text},
		{"subjectHostname", JSON_STRING, false, read_text},
	};

	((struct requirement *)place)->key_members++;
	((struct requirement *)place)->has_certificate = true;
	return POLICY_READ_OBJECT(r, value, rows, place);
}

/* ---- one requirement ---- */

static int read_type(struct policy_reader *r, const struct json *value, void *place)
{
	(void)r;
	(void)value;
	(void)place;
	return 0;
}

static int read_key_type(struct policy_reader *r, const struct json *value, void *place)
{
	static const char *const words[] = {"GPGKeys", "signedByGPGKeys", "X509Certificates", "signedByX509CAs"};
	int type = policy_read_word(r, value, words, sizeof words / sizeof words[0]);

	(void)place;
	return type < 0 ? type : 0;
}

static int read_signed_identity(struct policy_reader *r, const struct json *value, void *place)
{
	return policy_read_image_identity(r, value, &((struct requirement *)place)->rule);
}

static int read_plain(struct policy_reader *r, const struct json *value, struct requirement *requirement)
{
	static const struct policy_row rows[] = {{"type", JSON_STRING, true, read_type}};

	return POLICY_READ_OBJECT(r, value, rows, requirement);
}

static int read_accept(struct policy_reader *r, const struct json *value, struct requirement *requirement)
{
	requirement->rule.demand = IMAGE_DEMAND_NOTHING;
	return read_plain(r, value, requirement);
}

static int read_reject(struct policy_reader *r, const struct json *value, struct requirement *requirement)
{
	requirement->rule.demand = IMAGE_DEMAND_REJECT;
	return read_plain(r, value, requirement);
}

static int check_one_key(struct policy_reader *r, const struct json *value, const struct requirement *requirement)
{
	if (requirement->key_members != 1)
		return policy_refuse(r, value, "must name its keys in exactly one way, not in %u",
				     requirement->key_members);
	return 0;
}

static int read_signed_by(struct policy_reader *r, const struct json *value, struct requirement *requirement)
{
	static const struct policy_row rows[] = {
		{"type", JSON_STRING, true, read_type},
		{"keyType", JSON_STRING, true, read_key_type},
		{"keyPath", JSON_STRING, false, read_key_path},
		{"keyPaths", JSON_ARRAY, false, read_key_paths},
		{"keyData", JSON_STRING, false, read_key_data},
		{"signedIdentity", JSON_OBJECT, false, read_signed_identity},
	};

	requirement->rule.demand = IMAGE_DEMAND_NOT_BUILT;
	requirement->rule.missing = "signedBy (GPG)";
	TRY(POLICY_READ_OBJECT(r, value, rows, requirement));
	return check_one_key(r, value, requirement);
}

static int read_sigstore(struct policy_reader *r, const struct json *value, struct requirement *requirement)
{
	static const struct policy_row rows[] = {
		{"type", JSON_STRING, true, read_type},
		{"keyPath", JSON_STRING, false, read_key_path},
		{"keyPaths", JSON_ARRAY, false, read_key_paths},
		{"keyData", JSON_STRING, false, read_key_data},
		{"keyDatas", JSON_ARRAY, false, read_key_datas},
		{"fulcio", JSON_OBJECT, false, read_fulcio},
		{"pki", JSON_OBJECT, false, read_pki},
		{"rekorPublicKeyPath", JSON_STRING, false, read_log_text},
		{"rekorPublicKeyPaths", JSON_ARRAY, false, read_log_texts},
		{"rekorPublicKeyData", JSON_STRING, false, read_log_text},
		{"rekorPublicKeyDatas", JSON_ARRAY, false, read_log_texts},
		{"signedIdentity", JSON_OBJECT, false, read_signed_identity},
	};

	requirement->rule.identity = IMAGE_IDENTITY_MATCH_REPO_DIGEST_OR_EXACT;
	TRY(POLICY_READ_OBJECT(r, value, rows, requirement));
	TRY(check_one_key(r, value, requirement));
	if (!requirement->has_certificate && !requirement->has_log)
		return 0;
	requirement->rule.demand = IMAGE_DEMAND_NOT_BUILT;
	requirement->rule.missing = requirement->has_certificate ? "sigstoreSigned with certificates"
								 : "sigstoreSigned with a transparency log";
	return 0;
}

static int read_base_layer(struct policy_reader *r, const struct json *value, struct requirement *requirement)
{
	static const struct policy_row rows[] = {
		{"type", JSON_STRING, true, read_type},
		{"baseLayerIdentity", JSON_OBJECT, true, read_signed_identity},
	};

	requirement->rule.demand = IMAGE_DEMAND_NOT_BUILT;
	requirement->rule.missing = "signedBaseLayer";
	return POLICY_READ_OBJECT(r, value, rows, requirement);
}

static int read_requirement(struct policy_reader *r, const struct json *value, const char *scope,
			    const struct image_rule **ret_rule)
{
	static int (*const readers[])(struct policy_reader *, const struct json *, struct requirement *) = {
		read_accept, read_reject, read_signed_by, read_sigstore, read_base_layer};
	static const char *const words[] = {"insecureAcceptAnything", "reject", "signedBy", "sigstoreSigned",
					    "signedBaseLayer"};
	struct requirement *requirement = pool_alloc(r->pool, sizeof *requirement);

	requirement->rule = (struct image_rule){.scope = scope, .threshold = 1, .where = json_where(r->pool, value)};
	TRY(policy_expect(r, value, JSON_OBJECT));
	const struct json *type = json_at(value, "type");
	if (!type)
		return policy_refuse(r, value, "has no `type`, which is required");
	TRY(policy_expect(r, type, JSON_STRING));
	int word = policy_read_word(r, type, words, sizeof words / sizeof words[0]);
	TRY(word);
	*ret_rule = &requirement->rule;
	return readers[word](r, value, requirement);
}

static int read_requirements(struct policy_reader *r, const struct json *list, const char *scope,
			     struct image_rules *ret_rules)
{
	TRY(policy_expect(r, list, JSON_ARRAY));
	if (list->count == 0 || list->count > IMAGE_TRUSTS_MAX)
		return policy_refuse(r, list, "must have 1 to %d requirements, not %u", IMAGE_TRUSTS_MAX, list->count);
	ret_rules->item = pool_alloc(r->pool, list->count * sizeof *ret_rules->item);
	ret_rules->count = 0;
	for (const struct json *v = list->first; v; v = v->next)
		TRY(read_requirement(r, v, scope, &ret_rules->item[ret_rules->count++]));
	return 0;
}

/* ---- scopes ---- */

enum transport { TRANSPORT_DOCKER, TRANSPORT_OCI, TRANSPORT_DIR, TRANSPORT_OTHER };

struct search {
	const struct image_place *place;
	struct image_name name;
	size_t closeness;
	struct image_rules rules;
};

static int read_scope(struct policy_reader *r, const struct json *value, enum transport transport,
		      struct search *search)
{
	const char *complaint = NULL;
	struct image_rules rules;
	size_t closeness = 0;

	if (transport == TRANSPORT_DOCKER)
		complaint = image_trust_check_docker_scope(r->pool, value->key);
	else if (transport != TRANSPORT_OTHER)
		complaint = image_trust_check_path_scope(r->pool, value->key);
	if (complaint)
		return policy_refuse(r, value, "is no scope: it %s", complaint);
	TRY(read_requirements(r, value, *value->key ? value->key : "every image of this transport", &rules));
	/* A layout has a place; under which name it is known only the operator can say. */
	if (transport == TRANSPORT_DOCKER && *search->place->name)
		closeness = image_trust_docker_closeness(r->pool, &search->name, value->key);
	else if (transport == TRANSPORT_OCI && !*search->place->name)
		closeness = image_trust_oci_closeness(r->pool, search->place, value->key);
	if (closeness > search->closeness) {
		search->closeness = closeness;
		search->rules = rules;
	}
	return 0;
}

static int read_transport(struct policy_reader *r, const struct json *value, struct search *search)
{
	static const char *const known[] = {
		"docker",      "oci",	 "dir", "atomic", "containers-storage", "docker-archive", "docker-daemon",
		"oci-archive", "ostree", "sif", "tarball"};
	size_t transport = 0;

	while (transport < sizeof known / sizeof known[0] && !str_equal(known[transport], value->key))
		transport++;
	if (transport == sizeof known / sizeof known[0])
		return policy_refuse(r, value, "is no transport that hrun knows; remove it");
	TRY(policy_expect(r, value, JSON_OBJECT));
	if (value->count > MAX_SCOPES)
		return policy_refuse(r, value, "has %u scopes; at most %d are read", value->count, MAX_SCOPES);
	for (const struct json *v = value->first; v; v = v->next)
		TRY(read_scope(r, v, transport < TRANSPORT_OTHER ? (enum transport)transport : TRANSPORT_OTHER,
			       search));
	return 0;
}

static int read_transports(struct policy_reader *r, const struct json *value, void *place)
{
	for (const struct json *v = value->first; v; v = v->next)
		TRY(read_transport(r, v, place));
	return 0;
}

static int read_default(struct policy_reader *r, const struct json *value, void *place)
{
	struct search *search = place;
	struct image_rules rules;

	TRY(read_requirements(r, value, "every other image", &rules));
	if (search->closeness < IMAGE_CLOSE_DEFAULT) {
		search->closeness = IMAGE_CLOSE_DEFAULT;
		search->rules = rules;
	}
	return 0;
}

int image_trust_read_containers(struct policy_reader *r, const struct json *tree, const struct image_place *place,
				struct image_rules *ret_rules)
{
	static const struct policy_row rows[] = {
		{"default", JSON_ARRAY, true, read_default},
		{"transports", JSON_OBJECT, false, read_transports},
	};
	struct search search = {.place = place};
	const char *complaint = *place->name ? image_name_read(r->pool, place->name, &search.name) : NULL;

	if (complaint)
		return err_set(r->e, EINVAL, "the image's name `%.200s` %s", place->name, complaint);
	TRY(POLICY_READ_OBJECT(r, tree, rows, &search));
	*ret_rules = search.rules;
	return 0;
}
