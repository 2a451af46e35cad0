/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement.c - what a signed in-toto statement says: that an image is signed, or that a bundle is.
 *
 * The two have predicate types of their own, so neither is ever taken for the other.
 */
#include "signature.h"
#include <errno.h>
#include <hrun/image_statement.h>
#include <hrun/str.h>

static int names_subject(struct judgement *j, const struct json *subjects)
{
	static const char *const needed[] = {"digest", NULL};
	static const char *const allowed[] = {"name",	   "uri",	  "content", "downloadLocation",
					      "mediaType", "annotations", NULL};
	const char *hex = j->subject->digest.text + strlen("sha256:");
	bool found = false;

	if (!subjects || subjects->type != JSON_ARRAY)
		return bad(j, IMAGE_STAGE_SIGNATURE, "\"subject\" of the signed statement is not a list");
	for (const struct json *subject = subjects->first; subject; subject = subject->next) {
		TRY(exact_members(j, subject, "A subject of the signed statement", needed, allowed));
		const char *digest = text_at(json_at(subject, "digest"), "sha256");
		found = found || (digest && str_equal(digest, hex));
	}
	return found ? 0 : bad(j, IMAGE_STAGE_SIGNATURE, "It is a good signature of another image");
}

/* A statement that says PREDICATE of its subjects; SIGNED is what it should sign, for messages. */
static int read_statement(struct judgement *j, const char *predicate, const char *was_signed,
			  const struct json **ret_subjects)
{
	static const char *const members[] = {"_type", "subject", "predicateType", NULL};
	static const char *const allowed[] = {"predicate", NULL};
	const struct json *top = NULL;
	struct blob payload = {0};

	TRY(dsse_check(j, &payload));
	TRY(json_document(j, payload, "The signed statement", &top));
	TRY(exact_members(j, top, "The signed statement", members, allowed));
	const char *type = text_at(top, "_type"), *says = text_at(top, "predicateType");
	if (!type || !str_equal(type, STATEMENT_TYPE))
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "The signed statement is of another type than in-toto's Statement/v1");
	if (!says || !str_equal(says, predicate))
		return bad(j, IMAGE_STAGE_SIGNATURE,
			   "The signed statement says something about the %s (%.80s) but does not sign it", was_signed,
			   says ? says : "no predicateType");
	const struct json *content = json_at(top, "predicate");
	if (content && content->type != JSON_OBJECT)
		return bad(j, IMAGE_STAGE_SIGNATURE, "\"predicate\" of the signed statement is not an object");
	*ret_subjects = json_at(top, "subject");
	return 0;
}

int bundle_check(struct judgement *j)
{
	const struct json *subjects = NULL;

	TRY(read_statement(j, "https://sigstore.dev/cosign/sign/v1", "image", &subjects));
	TRY(names_subject(j, subjects));
	return identity_check(j, NULL);
}

/* ---- a bundle of the runtime specification ---- */

/* One subject with exactly this name and one digest. */
static int read_tree_subject(struct judgement *j, const struct json *subject, const char *name, const char **ret_hex)
{
	static const char *const needed[] = {"name", "digest", NULL};
	static const char *const digests[] = {"sha256", NULL};

	TRY(exact_members(j, subject, "A subject of the signed statement", needed, NULL));
	TRY(exact_members(j, json_at(subject, "digest"), "A subject's \"digest\"", digests, NULL));
	const char *says = text_at(subject, "name");
	*ret_hex = text_at(json_at(subject, "digest"), "sha256");
	if (!says || !str_equal(says, name) || !*ret_hex)
		return bad(j, IMAGE_STAGE_SIGNATURE, "The signed statement has no subject \"%s\" where it belongs",
			   name);
	return 0;
}

int tree_check(struct judgement *j)
{
	const size_t skip = strlen("sha256:");
	const struct json *subjects = NULL;
	const char *tree, *config;

	TRY(read_statement(j, STATEMENT_BUNDLE_PREDICATE, "bundle", &subjects));
	if (!subjects || subjects->type != JSON_ARRAY || subjects->count != 2)
		return bad(j, IMAGE_STAGE_SIGNATURE, "The signed statement does not have exactly two subjects");
	TRY(read_tree_subject(j, subjects->first, STATEMENT_TREE_NAME, &tree));
	TRY(read_tree_subject(j, subjects->first->next, STATEMENT_CONFIG_NAME, &config));
	bool same_tree = str_equal(tree, j->subject->digest.text + skip);
	bool same_config = str_equal(config, j->subject->config.text + skip);
	if (!same_tree && !same_config)
		return bad(j, IMAGE_STAGE_SIGNATURE, "It is a good signature of another bundle");
	if (!same_tree)
		return bad(j, IMAGE_STAGE_MANIFEST, STATEMENT_TREE_NAME " is another one than was signed");
#ifdef HRUN_MUTANT_BUNDLE_CONFIG
	same_config = true;
#endif
	if (!same_config)
		return bad(j, IMAGE_STAGE_CONFIG, STATEMENT_CONFIG_NAME " is another one than was signed");
	return identity_check(j, NULL);
}
