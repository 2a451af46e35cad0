/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust_notation.c - notation's trustpolicy.json and the trust store beside it, as they are.
 *
 * Of a statement that asks for something that hrun cannot check (time stamps, other levels for single checks) nothing is
 * believed.  The levels audit and skip are those of an image that nobody has to sign.
 */
#include <dirent.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_name.h>
#include <hrun/image_trust_file.h>
#include <hrun/policy_open.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_STATEMENTS = 1024, MAX_ENTRIES = 256 };

struct statement {
	struct image_rule rule;
	struct string_list scopes, stores;
	bool is_skip;
	const struct json *place;
};

/* ---- one statement ---- */

static int read_name(struct policy_reader *r, const struct json *value, void *place)
{
	(void)place;
	return *value->text ? 0 : policy_refuse(r, value, "is empty");
}

static const char *check_scope(struct pool *pool, const char **text)
{
	return str_equal(*text, "*") ? NULL : image_name_check_repository(pool, *text);
}

/* A scope that stands alone, or several that are no wildcard. */
static int read_list(struct policy_reader *r, const struct json *value,
		     const char *(*check)(struct pool *pool, const char **text), struct string_list *list)
{
	TRY(policy_read_strings(r, value, check, list));
	if (list->count == 0)
		return policy_refuse(r, value, "is empty");
	if (list->count != value->count)
		return policy_refuse(r, value, "says the same twice");
	for (size_t i = 0; list->count > 1 && i < list->count; i++) {
		if (str_equal(list->item[i], "*"))
			return policy_refuse(r, value, "has others beside *, which mean nothing");
	}
	return 0;
}

static int read_scopes(struct policy_reader *r, const struct json *value, void *place)
{
	return read_list(r, value, check_scope, &((struct statement *)place)->scopes);
}

static int read_level(struct policy_reader *r, const struct json *value, void *place)
{
	static const char *const words[] = {"strict", "permissive", "audit", "skip"};
	struct statement *statement = place;
	int level = policy_read_word(r, value, words, 4);

	TRY(level);
	statement->is_skip = level == 3;
	if (level >= 2)
		statement->rule.demand = IMAGE_DEMAND_NOTHING;
	else
		statement->rule.level = level == 0 ? IMAGE_NOTATION_STRICT : IMAGE_NOTATION_PERMISSIVE;
	return 0;
}

static int not_built(struct image_rule *rule, const char *what)
{
	/* What is unsigned anyway needs no checks. */
	if (rule->demand == IMAGE_DEMAND_SIGNATURE) {
		rule->demand = IMAGE_DEMAND_NOT_BUILT;
		rule->missing = what;
	}
	return 0;
}

static int read_override(struct policy_reader *r, const struct json *value, void *place)
{
	static const char *const checks[] = {"integrity", "authenticity", "authenticTimestamp", "expiry", "revocation"};
	static const char *const words[] = {"enforce", "log", "skip"};

	for (const struct json *v = value->first; v; v = v->next) {
		size_t i = 0;
		while (i < sizeof checks / sizeof checks[0] && !str_equal(checks[i], v->key))
			i++;
		if (i == sizeof checks / sizeof checks[0])
			return policy_refuse(r, v, "is not a check that hrun knows; remove it");
		TRY(policy_expect(r, v, JSON_STRING));
		TRY(policy_read_word(r, v, words, 3));
	}
	((struct statement *)place)->rule.missing = "notation with `override`";
	return 0;
}

static int read_timestamp(struct policy_reader *r, const struct json *value, void *place)
{
	static const char *const words[] = {"always", "afterCertExpiry"};

	TRY(policy_read_word(r, value, words, 2));
	((struct statement *)place)->rule.missing = "notation with `verifyTimestamp`";
	return 0;
}

static int read_verification(struct policy_reader *r, const struct json *value, void *place)
{
	static const struct policy_row rows[] = {
		{"level", JSON_STRING, true, read_level},
		{"override", JSON_OBJECT, false, read_override},
		{"verifyTimestamp", JSON_STRING, false, read_timestamp},
	};
	struct image_rule *rule = &((struct statement *)place)->rule;

	TRY(POLICY_READ_OBJECT(r, value, rows, place));
	return rule->missing ? not_built(rule, rule->missing) : 0;
}

static const char *check_store(struct pool *pool, const char **text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	static const char *const kinds[] = {"ca:", "signingAuthority:", "tsa:"};

	(void)pool;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (!str_starts(*text, kinds[i]))
			continue;
		const char *name = *text + strlen(kinds[i]);
		if (*name && *name != '.' && strspn(name, letters) == strlen(name))
			return NULL;
	}
	return "must be ca:NAME, signingAuthority:NAME or tsa:NAME";
}

static int read_stores(struct policy_reader *r, const struct json *value, void *place)
{
	struct statement *statement = place;

	return read_list(r, value, check_store, &statement->stores);
}

static const char *check_identity(struct pool *pool, const char **text)
{
	if (strlen(*text) >= IMAGE_NAME_SIZE || str_has_control(*text))
		return "must be at most 511 printable bytes";
	return image_trust_check_subject(pool, *text);
}

static int read_identities(struct policy_reader *r, const struct json *value, void *place)
{
	struct string_list *list = &((struct statement *)place)->rule.trusted_identities;

	TRY(read_list(r, value, check_identity, list));
	if (list->count > IMAGE_KEYS_MAX)
		return policy_refuse(r, value, "has %zu identities; at most %d are read", list->count, IMAGE_KEYS_MAX);
	return 0;
}

static int read_statement(struct policy_reader *r, const struct json *value, struct statement *statement)
{
	static const struct policy_row rows[] = {
		{"name", JSON_STRING, true, read_name},
		{"registryScopes", JSON_ARRAY, true, read_scopes},
		{"signatureVerification", JSON_OBJECT, true, read_verification},
		{"trustStores", JSON_ARRAY, false, read_stores},
		{"trustedIdentities", JSON_ARRAY, false, read_identities},
	};

	*statement = (struct statement){
		.rule = {.scheme = IMAGE_SCHEME_NOTATION, .threshold = 1, .where = json_where(r->pool, value)},
		.place = value,
	};
	TRY(POLICY_READ_OBJECT(r, value, rows, statement));
	bool has_trust = statement->stores.count && statement->rule.trusted_identities.count;
	bool has_any = statement->stores.count || statement->rule.trusted_identities.count;
	if (statement->is_skip && has_any)
		return policy_refuse(r, value, "has level skip and says whom to trust; one of the two is a mistake");
	if (!statement->is_skip && !has_trust)
		return policy_refuse(r, value, "needs `trustStores` and `trustedIdentities`");
	for (size_t i = 0; i < statement->stores.count; i++) {
		if (!str_starts(statement->stores.item[i], "ca:"))
			not_built(&statement->rule, "notation with another trust store than ca:NAME");
	}
	return 0;
}

/* ---- the trust store ---- */

static bool is_certificate(const char *name)
{
	static const char *const ends[] = {".crt", ".pem", ".cer", ".der"};

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		if (*name != '.' && str_ends(name, ends[i]))
			return true;
	}
	return false;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of certificates in DIRECTORY, in order. */
static int list_store(struct pool *pool, const char *directory, enum policy_owner owner, struct string_list *ret_list,
		      struct err *e)
{
	autofd int fd = policy_open(pool, directory, owner, e);
	const struct dirent *entry;
	int seen = 0;

	TRY(fd);
	DIR *dir = fdopendir(fd);
	if (!dir)
		return err_set(e, errno, "policy: `%s` is not a directory", directory);
	(void)TAKE_FD(fd); /* it is DIR's now */
	ret_list->item = pool_alloc(pool, MAX_ENTRIES * sizeof *ret_list->item);
	while (seen < MAX_ENTRIES && (entry = readdir(dir))) {
		seen++;
		if (is_certificate(entry->d_name))
			ret_list->item[ret_list->count++] = pool_strdup(pool, entry->d_name);
	}
	closedir(dir);
	if (seen == MAX_ENTRIES)
		return err_set(e, E2BIG, "policy: `%s` has %d entries or more; a trust store has a few", directory,
			       MAX_ENTRIES);
	qsort(ret_list->item, ret_list->count, sizeof *ret_list->item, by_text);
	return 0;
}

static int add_store(struct policy_reader *r, const char *store, struct image_rule *rule)
{
	const char *base = image_trust_directory(r->pool, r->policy->path);
	const char *directory =
		policy_absolute(r->pool, base, pool_printf(r->pool, "truststore/x509/ca/%s", store + strlen("ca:")));
	struct string_list names = {0};

	TRY(list_store(r->pool, directory, r->policy->owner, &names, r->e));
	if (names.count == 0)
		return err_set(r->e, EINVAL, "policy: `%s` holds no certificate (*.crt, *.pem, *.cer, *.der)",
			       directory);
	if (rule->key_count + names.count > IMAGE_KEYS_MAX)
		return err_set(r->e, EINVAL, "policy: `%s` has too many certificates; at most %d are taken", directory,
			       IMAGE_KEYS_MAX);
	for (size_t i = 0; i < names.count; i++) {
		struct image_key *key = &rule->keys[rule->key_count++];
		key->name = pool_printf(r->pool, "%s/%.128s", store, names.item[i]);
		key->path = pool_printf(r->pool, "%s/%s", directory, names.item[i]);
	}
	return 0;
}

static int add_stores(struct policy_reader *r, struct statement *statement)
{
	struct image_rule *rule = &statement->rule;

	rule->keys = pool_alloc(r->pool, IMAGE_KEYS_MAX * sizeof *rule->keys);
	for (size_t i = 0; i < statement->stores.count; i++)
		TRY(add_store(r, statement->stores.item[i], rule));
	return 0;
}

/* ---- the file ---- */

struct search {
	const char *repository;
	size_t closeness;
	struct statement *found, *statements;
	size_t count;
};

/* No name and no scope may be there twice: which of the two holds would be a guess. */
static int check_unique(struct policy_reader *r, const struct search *search, const struct statement *statement)
{
	const char *name = json_at(statement->place, "name")->text;

	for (size_t i = 0; i < search->count; i++) {
		const struct statement *other = &search->statements[i];
		if (str_equal(json_at(other->place, "name")->text, name))
			return policy_refuse(r, statement->place, "has the name of another statement");
		for (size_t k = 0; k < other->scopes.count * statement->scopes.count; k++) {
			if (str_equal(other->scopes.item[k / statement->scopes.count],
				      statement->scopes.item[k % statement->scopes.count]))
				return policy_refuse(r, statement->place, "has a scope of another statement");
		}
	}
	return 0;
}

static int read_statements(struct policy_reader *r, const struct json *value, void *place)
{
	enum { MAX_PAIRS = 128 };
	struct search *search = place;

	if (value->count == 0 || value->count > MAX_PAIRS)
		return policy_refuse(r, value, "must have 1 to %d statements, not %u", MAX_PAIRS, value->count);
	search->statements = pool_alloc(r->pool, value->count * sizeof *search->statements);
	for (const struct json *v = value->first; v; v = v->next) {
		struct statement *statement = &search->statements[search->count];
		TRY(read_statement(r, v, statement));
		TRY(check_unique(r, search, statement));
		search->count++;
		for (size_t i = 0; i < statement->scopes.count; i++) {
			size_t closeness = image_name_in_scope(search->repository, statement->scopes.item[i]);
			if (closeness <= search->closeness)
				continue;
			search->closeness = closeness;
			search->found = statement;
			statement->rule.scope = statement->scopes.item[i];
		}
	}
	return 0;
}

static int read_version(struct policy_reader *r, const struct json *value, void *place)
{
	(void)place;
	return str_equal(value->text, "1.0") ? 0 : policy_refuse(r, value, "must be 1.0");
}

/* As notation itself asks; where the owner matters, opening it has asked for more. */
static int check_mode(struct policy_reader *r)
{
	struct stat st;

	if (r->policy->owner == POLICY_OWNER_ANY && stat(r->policy->path, &st) == 0 &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)))
		return err_set(r->e, EPERM, "policy: `%s` is writable by group or others (mode %04o); chmod go-w it",
			       r->policy->path, st.st_mode & 07777u);
	return 0;
}

int image_trust_read_notation(struct policy_reader *r, const struct json *tree, const struct image_place *place,
			      struct image_rules *ret_rules)
{
	static const struct policy_row rows[] = {
		{"version", JSON_STRING, true, read_version},
		{"trustPolicies", JSON_ARRAY, true, read_statements},
	};
	struct image_name name = {.repository = ""};
	const char *complaint = *place->name ? image_name_read(r->pool, place->name, &name) : NULL;
	struct search search = {.repository = name.repository};

	if (complaint)
		return err_set(r->e, EINVAL, "the image's name `%.200s` %s", place->name, complaint);
	TRY(check_mode(r));
	TRY(POLICY_READ_OBJECT(r, tree, rows, &search));
	if (!search.found)
		return 0;
	if (search.found->rule.demand == IMAGE_DEMAND_SIGNATURE)
		TRY(add_stores(r, search.found));
	ret_rules->item = pool_alloc(r->pool, sizeof *ret_rules->item);
	ret_rules->item[ret_rules->count++] = &search.found->rule;
	return 0;
}
