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

static const char *const verity_too[] = {STATEMENT_VERITY, NULL};

/* One subject with exactly this name and one digest, or with one of MORE. */
static int read_tree_subject(struct judgement *j, const struct json *subject, const char *name, const char *const *more,
			     const char **ret_hex)
{
	static const char *const needed[] = {"name", "digest", NULL};
	static const char *const digests[] = {"sha256", NULL};

	TRY(exact_members(j, subject, "A subject of the signed statement", needed, NULL));
	TRY(exact_members(j, json_at(subject, "digest"), "A subject's \"digest\"", digests, more));
	const char *says = text_at(subject, "name");
	*ret_hex = text_at(json_at(subject, "digest"), "sha256");
	if (!says || !str_equal(says, name) || !*ret_hex)
		return bad(j, IMAGE_STAGE_SIGNATURE, "The signed statement has no subject \"%s\" where it belongs",
			   name);
	return 0;
}

static bool is_digest(const struct digest *digest, const char *hex)
{
	return digest->text[0] && hex && str_equal(hex, digest->text + strlen("sha256:"));
}

/*
 * The kernel vouches for the file by its fs-verity digest; its SHA-256 is what the statement says beside that.  Two who disagree about
 * it cannot both be right.
 */
static int take_digest(struct judgement *j, const char *hex)
{
	struct digest says = {0};
	const char *text = pool_printf(j->pool, "sha256:%s", hex);

	if (!j->subject->verity.text[0])
		return 0;
	if (digest_read(text, &says) < 0)
		return bad(j, IMAGE_STAGE_SIGNATURE, "\"sha256\" of the root in the signed statement is no digest");
	if (!j->subject->told->text[0])
		*j->subject->told = says;
	if (!str_equal(j->subject->told->text, says.text))
		return bad(j, IMAGE_STAGE_SIGNATURE, "It and another signature say different SHA-256 of the same file");
	return 0;
}

/* What the two subjects are digests of: the root and config.json. */
static int read_bundle_statement(struct judgement *j, bool *ret_same_root, const char **ret_root,
				 const char **ret_config)
{
	const bool file = j->subject->is_file;
	const struct json *subjects = NULL;

	TRY(read_statement(j, file ? STATEMENT_EROFS_PREDICATE : STATEMENT_BUNDLE_PREDICATE, "bundle", &subjects));
	if (!subjects || subjects->type != JSON_ARRAY || subjects->count != 2)
		return bad(j, IMAGE_STAGE_SIGNATURE, "The signed statement does not have exactly two subjects");
	const struct json *root = subjects->first;
	TRY(read_tree_subject(j, root, file ? STATEMENT_EROFS_NAME : STATEMENT_TREE_NAME, file ? verity_too : NULL,
			      ret_root));
	TRY(read_tree_subject(j, root->next, STATEMENT_CONFIG_NAME, NULL, ret_config));
	*ret_same_root = j->subject->verity.text[0]
				 ? is_digest(&j->subject->verity, text_at(json_at(root, "digest"), STATEMENT_VERITY))
				 : is_digest(&j->subject->digest, *ret_root);
	return 0;
}

int tree_check(struct judgement *j)
{
	const char *root, *config;
	bool same_root;

	TRY(read_bundle_statement(j, &same_root, &root, &config));
	bool same_config = is_digest(&j->subject->config, config);
	if (!same_root && !same_config)
		return bad(j, IMAGE_STAGE_SIGNATURE, "It is a good signature of another bundle");
	if (!same_root)
		return bad(j, IMAGE_STAGE_MANIFEST, "%s is another one than was signed",
			   j->subject->is_file ? "the root's file" : STATEMENT_TREE_NAME);
#ifdef HRUN_MUTANT_BUNDLE_CONFIG
	same_config = true;
#endif
	if (!same_config)
		return bad(j, IMAGE_STAGE_CONFIG, STATEMENT_CONFIG_NAME " is another one than was signed");
	TRY(identity_check(j, NULL));
	return take_digest(j, root);
}
