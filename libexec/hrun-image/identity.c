/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.c - is the name that was signed one that the policy takes for this image?
 *
 * The kinds are those of signedIdentity in containers-policy.json(5).
 * Names are taken as they are written: no registry, namespace or tag is added, so that two readers see the same name.
 */
#include "signature.h"
#include <errno.h>
#include <hrun/str.h>

struct reference {
	char text[IMAGE_NAME_SIZE];
	char repository[IMAGE_NAME_SIZE]; /* registry/path */
	const char *tag;		  /* in text, up to '@' or its end; NULL */
	const char *digest;		  /* in text, "sha256:..."; NULL */
};

#define LOWER_DIGITS "abcdefghijklmnopqrstuvwxyz0123456789"
#define LETTERS_DIGITS LOWER_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* "host", "host:port", "[address]:port"; a host is told from a namespace by a dot, a port or the name localhost. */
static bool registry_is_name(const char *text, size_t length)
{
	size_t host = strspn(text, LETTERS_DIGITS ".-");

	if (text[0] == '[') {
		host = 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
		if (host < 3 || text[host++] != ']')
			return false;
	} else if (host == 0 || host > 253 || text[0] == '.' || text[0] == '-' || text[host - 1] == '.' ||
		   text[host - 1] == '-') {
		return false;
	}
	if (host > length)
		return false;
	if (host == length)
		return memchr(text, '.', length) || (length == 9 && memcmp(text, "localhost", 9) == 0) ||
		       text[0] == '[';
	size_t port = text[host] == ':' ? strspn(text + host + 1, "0123456789") : 0;
	return port >= 1 && port <= 5 && host + 1 + port == length;
}

/* Over one or more of "." "_" "__" "-"...; 0 where there is none or another number of them. */
static size_t separator(const char *text)
{
	size_t dashes = strspn(text, "-"), lines = strspn(text, "_");

	if (dashes)
		return dashes;
	if (lines)
		return lines <= 2 ? lines : 0;
	return text[0] == '.' ? 1 : 0;
}

/* The length of the path at TEXT, components with '/' between them; 0 where one is wrong. */
static size_t path_length(const char *text)
{
	const char *at = text;

	for (;;) {
		size_t letters = strspn(at, LOWER_DIGITS);
		if (!letters)
			return 0;
		at += letters;
		size_t skip = separator(at);
		if (skip)
			at += skip;
		else if (*at == '/')
			at++;
		else
			return (size_t)(at - text);
	}
}

static int read_reference(const char *text, struct reference *ret)
{
	*ret = (struct reference){0};
	if (strlen(text) > 255 + IMAGE_DIGEST_SIZE || str_format(ret->text, sizeof ret->text, "%s", text) < 0)
		return -EINVAL;
	const char *slash = strchr(ret->text, '/');
	if (!slash || !registry_is_name(ret->text, (size_t)(slash - ret->text)))
		return -EINVAL;
	size_t path = path_length(slash + 1);
	const char *end = slash + 1 + path;
	if (!path || end - ret->text > 255)
		return -EINVAL;
	memcpy(ret->repository, ret->text, (size_t)(end - ret->text));
	if (*end == ':') {
		size_t letters = strspn(end + 1, LETTERS_DIGITS "_.-");
		if (!letters || letters > 128 || end[1] == '.' || end[1] == '-')
			return -EINVAL;
		ret->tag = end + 1;
		end += 1 + letters;
	}
	if (*end == '@') {
		struct digest digest;
		if (digest_read(end + 1, &digest) < 0)
			return -EINVAL;
		ret->digest = end + 1;
		end += strlen(end);
	}
	return *end ? -EINVAL : 0;
}

const char *name_fault(const char *name)
{
	struct reference reference;

	if (read_reference(name, &reference) < 0)
		return "is not of the form registry/repository[:tag][@sha256:...]";
	return NULL;
}

bool name_is_of_other(const char *name, const struct digest *digest)
{
	const char *at_sign = strchr(name, '@');

	return at_sign && !str_equal(at_sign + 1, digest->text);
}

/* The prefix ends where a component of NAME ends; what it stands for takes its place. */
static int remap(const struct image_trust *wire, struct reference *name)
{
	size_t prefix = strlen(wire->identity_value);
	char text[IMAGE_NAME_SIZE];

	if (!prefix || !str_starts(name->repository, wire->identity_value) ||
	    (name->repository[prefix] && name->repository[prefix] != '/'))
		return 0;
	TRY(str_format(text, sizeof text, "%s%s", wire->identity_signed_prefix, name->text + prefix));
	return read_reference(text, name);
}

static bool has_tag_or_digest(const struct reference *r)
{
	return r->tag || r->digest;
}

static bool same_repository(const struct reference *a, const struct reference *b)
{
	return str_equal(a->repository, b->repository);
}

/* The operator's name with a tag: the very same; with a digest, which is the image's: the same repository. */
static bool matches_repo_digest_or_exact(const struct reference *name, const struct reference *was_signed)
{
	if (name->tag)
		return str_equal(name->text, was_signed->text);
	return name->digest && same_repository(name, was_signed);
}

static bool compare(enum image_identity rule, const struct reference *wanted, const struct reference *was_signed)
{
	switch (rule) {
	case IMAGE_IDENTITY_MATCH_REPO_DIGEST_OR_EXACT:
	case IMAGE_IDENTITY_REMAP:
		return matches_repo_digest_or_exact(wanted, was_signed);
	case IMAGE_IDENTITY_MATCH_EXACT:
	case IMAGE_IDENTITY_EXACT_REFERENCE:
		return has_tag_or_digest(wanted) && str_equal(wanted->text, was_signed->text);
	case IMAGE_IDENTITY_MATCH_REPOSITORY:
	case IMAGE_IDENTITY_EXACT_REPOSITORY:
		return same_repository(wanted, was_signed);
	default:
		return false;
	}
}

/* What the signed name is compared with: the policy's own value, or the operator's name. */
static int read_wanted(struct judgement *j, struct reference *ret)
{
	const struct image_trust *wire = j->trust->wire;
	bool own =
		wire->identity == IMAGE_IDENTITY_EXACT_REFERENCE || wire->identity == IMAGE_IDENTITY_EXACT_REPOSITORY;
	const char *text = own ? wire->identity_value : j->name;

	if (!own && !text[0])
		return bad(
			j, IMAGE_STAGE_POLICY,
			"The policy compares the signed name with the image's, and it has none; give it with --name");
	if (read_reference(text, ret) < 0)
		return bad(j, IMAGE_STAGE_POLICY, "The %s %.100s is not of the form registry/repository[:tag]",
			   own ? "policy's identity" : "image's name", text);
	if (wire->identity == IMAGE_IDENTITY_EXACT_REPOSITORY && has_tag_or_digest(ret))
		return bad(j, IMAGE_STAGE_POLICY,
			   "The policy's identity %.100s has a tag or digest: it is no repository", text);
	if (!own && ret->digest && !str_equal(ret->digest, j->subject->digest.text))
		return bad(j, IMAGE_STAGE_POLICY, "The image's name has another digest than the image");
	if (wire->identity == IMAGE_IDENTITY_REMAP && remap(wire, ret) < 0)
		return bad(j, IMAGE_STAGE_POLICY, "The policy's remapIdentity makes no valid name of %.100s", text);
	return 0;
}

int identity_check(struct judgement *j, const char *signed_reference)
{
	enum image_identity rule = (enum image_identity)j->trust->wire->identity;
	struct reference wanted, was_signed;

	/* (What is too long to be told is no name, and fails below where one is asked for.) */
	if (signed_reference && str_format(j->v->identity, sizeof j->v->identity, "%s", signed_reference) >= 0)
		str_remove_controls(j->v->identity);
	if (rule == IMAGE_IDENTITY_ANY)
		return 0;
	if (!signed_reference)
		return bad(
			j, IMAGE_STAGE_POLICY,
			"A Sigstore bundle names no repository, and the policy asks for an identity; trust the key for a scope instead");
	TRY(read_wanted(j, &wanted));
	if (read_reference(signed_reference, &was_signed) < 0)
		return bad(j, IMAGE_STAGE_POLICY,
			   "The signed name \"%.100s\" is not of the form registry/repository[:tag]", signed_reference);
#ifndef HRUN_MUTANT_IMAGE_IDENTITY
	if (!compare(rule, &wanted, &was_signed))
		return bad(j, IMAGE_STAGE_POLICY, "It was signed as %.110s, and the policy wants %.110s",
			   signed_reference, wanted.text);
#endif
	return 0;
}
