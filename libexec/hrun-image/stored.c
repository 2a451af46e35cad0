// SPDX-License-Identifier: Apache-2.0
/*
 * stored.c - an image as an engine keeps it: manifests by digest, and signatures that stand in its store or in layouts beside it.
 *
 * containers/storage keeps of each signature that it verified at the pull "\0sigstore-json\n" and an object
 * {mimeType, payload, annotations}, one behind the other; GPG signatures, which stand there without a mark, are passed over.
 */
#include "image.h"
#include "signature.h"
#include <errno.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/stat.h>

enum { SIGNATURES_MAX = 4 << 20 };

static const char mark[] = "\0sigstore-json\n";
enum { MARK_SIZE = sizeof mark - 1 };

/* ---- manifests ---- */

/* A manifest may leave its own media type out; then its members say it. */
static const char *media_type_of(const struct json *manifest)
{
	const char *own = member_text(manifest, "mediaType");

	if (own)
		return own;
	return json_at(manifest, "manifests") ? "application/vnd.oci.image.index.v1+json"
					      : "application/vnd.oci.image.manifest.v1+json";
}

int stored_document(struct pool *pool, int files, const struct digest *digest, struct descriptor *ret,
		    struct blob *ret_blob, const struct json **ret_tree, struct refusal *r)
{
	struct stat st;

	*ret = (struct descriptor){.digest = *digest};
	layout_place(0);
	autofd int fd = blob_open(files, digest);
	if (fd < 0 || file_look(fd, &st) < 0)
		return refuse(r, IMAGE_STAGE_MANIFEST, "the engine's store has no manifest %s", ret->digest.text);
	ret->size = (uint64_t)st.st_size;
	TRY(blob_read(pool, files, ret, DOCUMENT_MAX, IMAGE_STAGE_MANIFEST, ret_blob, r));
	TRY(document_read(pool, ret_blob, "manifest", IMAGE_STAGE_MANIFEST, ret_tree, r));
	ret->media_type = media_type_of(*ret_tree);
	if (media_is_index(ret->media_type) || media_is_manifest(ret->media_type))
		return 0;
	return refuse(r, IMAGE_STAGE_MANIFEST, "the manifest %s is of the type `%.80s`, which is no image",
		      ret->digest.text, ret->media_type);
}

int stored_manifest(struct pool *pool, int files, const struct image_request *request, uint32_t number,
		    struct descriptor *ret, struct refusal *r)
{
	const struct json *manifest;
	struct digest digest;
	struct blob blob;

	if (digest_read(request->manifests[number], &digest) < 0)
		return refuse(r, IMAGE_STAGE_MANIFEST, "the request is malformed");
	return stored_document(pool, files, &digest, ret, &blob, &manifest, r);
}

/* ---- signatures in the store ---- */

/* The length of the object at the beginning of TEXT, or 0: strings are passed over, braces counted. */
static size_t object_size(const char *text, size_t size)
{
	size_t depth = 0;
	bool string = false;

	for (size_t i = 0; i < size; i++) {
		if (string && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			string = !string;
		else if (!string && text[i] == '{')
			depth++;
		else if (!string && text[i] == '}' && --depth == 0)
			return i + 1;
		if (depth == 0)
			return 0;
	}
	return 0;
}

static void add_signature(struct pool *pool, const char *text, size_t size, const struct digest *subject,
			  struct candidates *found)
{
	struct candidate candidate = {.format = COSIGN_LEGACY, .manifest = *subject};
	struct json_error error;
	const struct json *tree;

	if (json_read(pool, text, size, SIGNATURES_MAX, &tree, &error) < 0)
		return;
	const char *payload = member_text(tree, "payload"), *type = member_text(tree, "mimeType");
	if (!payload || !type || !str_equal(type, "application/vnd.dev.cosign.simplesigning.v1+json") ||
	    base64_decode(pool, payload, strlen(payload), &candidate.blob) < 0)
		return;
	candidate.base64 = member_text(json_at(tree, "annotations"), "dev.cosignproject.cosign/signature");
	if (found->count == CANDIDATES_MAX)
		found->incomplete = true;
	else
		*pool_array_add(pool, found->item, found->count) = candidate;
}

static bool add_stored(struct pool *pool, int files, const char *hex, const struct digest *subject,
		       struct candidates *found)
{
	struct image_ask ask = {.version = IMAGE_WIRE_VERSION, .kind = IMAGE_ASK_SIGNATURES};
	bool known = false;
	struct blob blob;

	str_format(ask.hex, sizeof ask.hex, "%s", hex);
	autofd int fd = file_ask(files, &ask, &known);
	if (known || fd < 0 || file_read(pool, fd, SIGNATURES_MAX, &blob) < 0)
		return false;
	const char *at = (const char *)blob.bytes, *end = at + blob.size;
	while ((at = memmem(at, (size_t)(end - at), mark, MARK_SIZE))) {
		at += MARK_SIZE;
		size_t size = object_size(at, (size_t)(end - at));
		if (size > 0)
			add_signature(pool, at, size, subject, found);
		at += size;
	}
	return blob.size > 0;
}

/* ---- all places ---- */

static void append(struct pool *pool, const struct candidates *more, struct candidates *ret)
{
	ret->incomplete |= more->incomplete || more->count > CANDIDATES_MAX - ret->count;
	for (size_t i = 0; i < more->count && ret->count < CANDIDATES_MAX; i++)
		*pool_array_add(pool, ret->item, ret->count) = more->item[i];
	if (!ret->unreadable)
		ret->unreadable = more->unreadable;
}

void stored_candidates(struct pool *pool, int files, const struct image_request *request, const struct digest *subject,
		       struct candidates *ret)
{
	*ret = (struct candidates){0};
	if (!add_stored(pool, files, subject->text + strlen("sha256:"), subject, ret))
		add_stored(pool, files, "", subject, ret);
	for (uint32_t place = 1; place <= request->place_count; place++) {
		struct refusal ignored = {0};
		struct candidates found = {0};
		struct layout layout;
		layout_place(place);
		if (layout_read(pool, files, &layout, &ignored) == 0)
			candidates_find(pool, &layout, subject, &found);
		else
			found.unreadable = pool_strdup(pool, ignored.reason);
		append(pool, &found, ret);
	}
	layout_place(0);
}
