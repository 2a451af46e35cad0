/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - one image under one policy: the requirements that apply, with their keys opened.
 *
 * hrun-image has no file system.  Whose a key file is, is judged here, by the same walk as for the policy file: whoever
 * can exchange a key can sign.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_name.h>
#include <hrun/image_request.h>
#include <hrun/image_trust.h>
#include <hrun/policy_open.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct building {
	struct pool *pool;
	struct image_request *request;
	int *fds;
	size_t fd_count;
	struct err *e;
};

/* ---- keys ---- */

static int check_key_file(int fd, const char *path, struct stat *st, struct err *e)
{
	if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode))
		return err_set(e, EINVAL, "policy: the key `%s` is not a regular file", path);
	if (st->st_size == 0 || st->st_size > IMAGE_KEY_FILE_MAX)
		return err_set(e, EINVAL, "policy: the key `%s` has %lld bytes; 1 to %d are read", path,
			       (long long)st->st_size, IMAGE_KEY_FILE_MAX);
	return 0;
}

/* The policy's own bytes as a file that nobody changes any more. */
static int open_data(const struct image_key *key, struct err *e)
{
	autofd int fd = memfd_create("hrun-key", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return err_errno(e, "make a file for the key `%s`", key->name);
	if (key->size > IMAGE_KEY_FILE_MAX)
		return err_set(e, EINVAL, "policy: the key `%s` is larger than %d bytes", key->name,
			       IMAGE_KEY_FILE_MAX);
	int r = fd_write_all(fd, key->data, key->size);
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return err_set(e, r < 0 ? -r : errno, "cannot keep the key `%s` in memory", key->name);
	return TAKE_FD(fd);
}

static int open_key(struct building *b, const struct image_source *source, const struct image_key *key, struct stat *st)
{
	autofd int fd = key->path ? policy_open(b->pool, key->path, source->owner, b->e) : open_data(key, b->e);

	TRY(fd);
	TRY(check_key_file(fd, key->name, st, b->e));
	return TAKE_FD(fd);
}

static int add_key(struct building *b, const struct image_source *source, const struct image_key *key,
		   struct image_trust *trust)
{
	struct stat st, other;

	autofd int fd = open_key(b, source, key, &st);
	TRY(fd);
	for (size_t i = 0; i < trust->key_count; i++) {
		if (fstat(b->fds[trust->first_fd + i], &other) == 0 && fd_is_same_stat(&other, &st))
			return err_set(b->e, EINVAL, "policy: `%s` and `%s` are the same file; name each key once",
				       trust->key_names[i], key->name);
	}
	TRY(str_format(trust->key_names[trust->key_count], IMAGE_TEXT_SIZE, "%s", key->name));
	b->fds[b->fd_count++] = TAKE_FD(fd);
	trust->key_count++;
	return 0;
}

/* ---- one requirement ---- */

static int fill_texts(const struct image_rule *rule, struct image_trust *trust)
{
	const char *value = rule->identity_value ? rule->identity_value : "";
	const char *prefix = rule->identity_signed_prefix ? rule->identity_signed_prefix : "";

	TRY(str_format(trust->identity_value, sizeof trust->identity_value, "%s", value));
	TRY(str_format(trust->identity_signed_prefix, sizeof trust->identity_signed_prefix, "%s", prefix));
	for (size_t i = 0; i < rule->trusted_identities.count; i++)
		TRY(str_format(trust->trusted_identities[trust->trusted_identity_count++], IMAGE_NAME_SIZE, "%s",
			       rule->trusted_identities.item[i]));
	return 0;
}

static int add_trust(struct building *b, const struct image_source *source, const struct image_rule *rule)
{
	if (b->request->trust_count == IMAGE_TRUSTS_MAX)
		return err_set(b->e, E2BIG, "policy: more than %d requirements hold for one image", IMAGE_TRUSTS_MAX);
	struct image_trust *trust = &b->request->trusts[b->request->trust_count++];
	*trust = (struct image_trust){
		.scheme = rule->scheme,
		.threshold = rule->threshold,
		.first_fd = (uint32_t)b->fd_count,
		.identity = rule->identity,
		.notation_level = rule->level,
	};
	if (fill_texts(rule, trust) < 0)
		return err_set(b->e, ENAMETOOLONG, "policy: `%s`, `%s` holds a text that is too long", source->path,
			       rule->where);
	for (size_t i = 0; i < rule->key_count; i++)
		TRY(add_key(b, source, &rule->keys[i], trust));
	return 0;
}

/* What no signature can satisfy. */
static int check_demand(struct building *b, const struct image_rule *rule, const char *file)
{
	switch (rule->demand) {
	case IMAGE_DEMAND_REJECT:
		(err_set)(b->e, EPERM, "`%s`, `%s` rejects every image of this scope (%.80s)", file, rule->where,
			  rule->scope);
		return IMAGE_REJECTED;
	case IMAGE_DEMAND_NOT_BUILT:
		(err_set)(b->e, EPERM, "`%s`, `%s` asks for %s: scheme not built", file, rule->where, rule->missing);
		return IMAGE_REJECTED;
	default:
		return 0;
	}
}

/* ---- one source ---- */

/* Requirements that one file makes; SIGNED counts those that take a signature. */
static int add_rules(struct building *b, const struct image_source *source, const char *file,
		     const struct image_rules *rules)
{
	size_t signatures = 0;

	if (!rules->count) {
		(err_set)(b->e, EPERM, "`%s` has no rule for this image%s", file,
			  *b->request->name ? "" : ", which has no name (--name); only the scope * is for such ones");
		return IMAGE_REJECTED;
	}
	for (size_t i = 0; i < rules->count; i++) {
		int r = check_demand(b, rules->item[i], file);
		if (r)
			return r;
		if (rules->item[i]->demand == IMAGE_DEMAND_SIGNATURE) {
			TRY(add_trust(b, source, rules->item[i]));
			signatures++;
		}
	}
	if (signatures || source->require != IMAGES_SIGNED)
		return 0;
	(err_set)(b->e, EPERM, "`%s`, `%s` takes unsigned images of this scope (%.80s), and images.require is signed",
		  file, rules->item[0]->where, rules->item[0]->scope);
	return IMAGE_REJECTED;
}

static int add_source(struct building *b, const struct image_source *source, const struct image_place *place)
{
	struct image_rules rules = {0};
	int r = 0;

	if (source->has_trust || !source->trust_from) {
		TRY(image_trust_of_policy(b->pool, source, place, &rules, b->e));
		r = add_rules(b, source, source->path, &rules);
	}
	if (r || !source->trust_from)
		return r;
	TRY(image_trust_of_file(b->pool, source, place, &rules, b->e));
	return add_rules(b, source, source->trust_from, &rules);
}

static int add_sources(struct building *b, const struct policy *policy, const struct image_place *place)
{
	for (size_t i = 0; i < policy->images.source_count; i++) {
		const struct image_source *source = &policy->images.sources[i];
		if (source->require < IMAGES_WARN)
			continue;
		int r = add_source(b, source, place);
		if (r)
			return r;
	}
	b->request->signatures_required = b->request->trust_count > 0;
	return IMAGE_ASK;
}

/* ---- the request ---- */

static int fill_request(const struct image_asked *asked, struct image_request *request)
{
	*request = (struct image_request){.version = IMAGE_WIRE_VERSION, .now = time(NULL)};
	TRY(str_format(request->ref, sizeof request->ref, "%s", asked->ref));
	TRY(str_format(request->name, sizeof request->name, "%s", asked->name));
	TRY(str_format(request->os, sizeof request->os, "%s", asked->os));
	TRY(str_format(request->architecture, sizeof request->architecture, "%s", asked->architecture));
	return str_format(request->variant, sizeof request->variant, "%s", asked->variant);
}

static int check_name(struct pool *pool, const char *text, struct err *e)
{
	struct image_name name;
	const char *complaint = *text ? image_name_read(pool, text, &name) : NULL;

	return complaint ? err_set(e, EINVAL, "the image's name `%.200s` %s", text, complaint) : 0;
}

static void drop_keys(struct building *b)
{
	while (b->fd_count)
		fd_close(&b->fds[--b->fd_count]);
	b->request->trust_count = 0;
	memset(b->request->trusts, 0, sizeof b->request->trusts);
}

int image_request_of(struct pool *pool, const struct policy *policy, const struct image_asked *asked,
		     struct image_call *call, struct err *e)
{
	struct building b = {.pool = pool, .request = &call->request, .fds = call->fds + call->fd_count, .e = e};
	struct image_place place = {.name = asked->name, .layout = asked->layout, .ref = asked->ref};

	call->admitted_by = &policy->images;
	TRY(check_name(pool, asked->name, e));
	if (fill_request(asked, &call->request) < 0)
		return err_set(e, ENAMETOOLONG, "the image's name, ref or platform is too long");
	call->request.drop_devices = policy->images.drop_devices;
	int r = add_sources(&b, policy, &place);
	if (r == IMAGE_REJECTED) {
		drop_keys(&b);
		call->request.signatures_required = 1;
	} else if (r < 0) {
		drop_keys(&b);
	}
	call->fd_count += b.fd_count;
	return r;
}

/* ---- does everything exist? ---- */

static int check_rules(struct building *b, const struct image_source *source)
{
	for (size_t i = 0; i < source->rule_count; i++) {
		for (size_t k = 0; k < source->rules[i].key_count; k++) {
			struct stat st;
			autofd int fd = open_key(b, source, &source->rules[i].keys[k], &st);
			TRY(fd);
		}
	}
	return 0;
}

int image_policy_check(struct pool *pool, const struct policy *policy, struct err *e)
{
	struct building b = {.pool = pool, .e = e};
	struct image_place place = {.name = "", .ref = ""};
	struct image_rules rules;

	for (size_t i = 0; i < policy->images.source_count; i++) {
		const struct image_source *source = &policy->images.sources[i];
		TRY(check_rules(&b, source));
		if (source->trust_from)
			TRY(image_trust_of_file(pool, source, &place, &rules, e));
	}
	return 0;
}
