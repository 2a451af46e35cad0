/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.c - which manifest of an image layout is meant.
 *
 * Nothing here is signed: index.json says where the image stands, never whom to trust.  Every tool writes it in its own
 * way; what can be taken for two images is refused.
 */
#include "image.h"
#include <hrun/fd.h>
#include <hrun/str.h>
#include <string.h>

enum { MARKER_MAX = 4096 };

static int malformed(struct refusal *r)
{
	r->verdict = IMAGE_MALFORMED;
	return -EBADMSG;
}

static int read_file(struct pool *pool, int files, enum image_ask_kind kind, size_t max, const char *name,
		     const struct json **ret_tree, struct refusal *r)
{
	struct blob blob;
	autofd int fd = layout_open(files, kind, NULL);
	int error = fd < 0 ? fd : file_read(pool, fd, max, &blob);

	if (error < 0)
		return refuse(r, IMAGE_STAGE_INDEX, "%s %s; name the directory of an OCI image layout", name,
			      error == -ENOENT	 ? "is missing"
			      : error == -EFBIG	 ? "is too large"
			      : error == -EINVAL ? "is not a regular file"
			      : error == -ELOOP	 ? "is a symbolic link"
						 : "cannot be read");
	return document_read(pool, &blob, name, IMAGE_STAGE_INDEX, ret_tree, r);
}

/* schemaVersion 2, and where it says what it is, that. */
static int check_index(const struct json *index, enum image_stage stage, struct refusal *r)
{
	const struct json *version = json_at(index, "schemaVersion"), *manifests = json_at(index, "manifests");
	const struct json *media_type = json_at(index, "mediaType");

	if (!version || version->type != JSON_NUMBER || !str_equal(version->text, "2"))
		return refuse(r, stage, "the index has no schemaVersion 2");
	if (media_type && (media_type->type != JSON_STRING || !media_is_index(media_type->text)))
		return refuse(r, stage, "the index says of itself that it is something else (mediaType)");
	/* A document that is an index for one reader and a manifest for another. */
	if (json_at(index, "config") || json_at(index, "layers"))
		return refuse(r, stage, "the index has members of a manifest");
	if (!manifests || manifests->type != JSON_ARRAY)
		return refuse(r, stage, "the index has no list `manifests`");
	if (manifests->count > ENTRIES_MAX)
		return refuse(r, stage, "the index has %u entries, %d are read at most", manifests->count, ENTRIES_MAX);
	return 0;
}

int layout_read(struct pool *pool, int files, struct layout *ret, struct refusal *r)
{
	const struct json *marker;

	ret->files = files;
	if (read_file(pool, files, IMAGE_ASK_LAYOUT, MARKER_MAX, "oci-layout", &marker, r) < 0)
		return malformed(r);
	const char *version = member_text(marker, "imageLayoutVersion");
	if (!version || !str_equal(version, "1.0.0")) {
		refuse(r, IMAGE_STAGE_INDEX, "oci-layout: imageLayoutVersion is not 1.0.0");
		return malformed(r);
	}
	if (read_file(pool, files, IMAGE_ASK_INDEX, DOCUMENT_MAX, "index.json", &ret->index, r) < 0 ||
	    check_index(ret->index, IMAGE_STAGE_INDEX, r) < 0)
		return malformed(r);
	return 0;
}

static const char *annotation(const struct json *entry, const char *name)
{
	const struct json *annotations = entry->type == JSON_OBJECT ? json_at(entry, "annotations") : NULL;

	return annotations && annotations->type == JSON_OBJECT ? member_text(annotations, name) : NULL;
}

static const char *ref_name(const struct json *entry)
{
	return annotation(entry, "org.opencontainers.image.ref.name");
}

/* sha256-HEX, alone or with .sig, .att or .sbom: made by the tools for what belongs to an image. */
static bool is_tag_of_digest(const char *name)
{
	static const char prefix[] = "sha256-";
	const size_t digits = 64;

	if (!str_starts(name, prefix) || strspn(name + sizeof prefix - 1, "0123456789abcdef") != digits)
		return false;
	const char *rest = name + sizeof prefix - 1 + digits;
	return !*rest || str_equal(rest, ".sig") || str_equal(rest, ".att") || str_equal(rest, ".sbom");
}

/* How likely an entry is the image, where no ref says which: the highest rank must be one image's alone. */
enum rank { NO_IMAGE, UNNAMED, MARKED };

static enum rank rank_of(const struct json *entry)
{
	const char *kind = annotation(entry, "kind"), *name = ref_name(entry);

	if (kind && (str_equal(kind, "dev.cosignproject.cosign/image") ||
		     str_equal(kind, "dev.cosignproject.cosign/imageIndex")))
		return MARKED;
	if (kind && str_starts(kind, "dev.cosignproject.cosign/"))
		return NO_IMAGE;
	if (name)
		return is_tag_of_digest(name) ? NO_IMAGE : UNNAMED;
	return member_text(entry, "artifactType") ? NO_IMAGE : UNNAMED;
}

static bool is_platform(const struct descriptor *d, const struct image_request *request)
{
	const char *variant = d->variant ? d->variant : "";

	return d->os && d->architecture && str_equal(d->os, request->os) &&
	       str_equal(d->architecture, request->architecture) &&
	       (!request->variant[0] || !variant[0] || str_equal(variant, request->variant));
}

/* The entries that are meant so far. */
struct choice {
	const struct json *entry;
	enum rank rank;
	bool ambiguous;
};

static bool same_digest(const struct json *a, const struct json *b)
{
	const char *x = member_text(a, "digest"), *y = member_text(b, "digest");

	return x && y && str_equal(x, y);
}

static void consider(struct choice *choice, const struct json *entry, enum rank rank)
{
	if (rank == NO_IMAGE || rank < choice->rank)
		return;
	if (rank > choice->rank)
		*choice = (struct choice){.entry = entry, .rank = rank};
	else if (!same_digest(entry, choice->entry))
		choice->ambiguous = true;
}

/* One name, several platforms without an index between them. */
static bool is_for_other_platform(const struct json *entry, const struct image_request *request)
{
	struct descriptor d;
	const char *why;

	return descriptor_read(entry, &d, &why) == 0 && d.os && d.architecture && !is_platform(&d, request);
}

static int check_choice(const struct choice *choice, const struct image_request *request, struct refusal *r)
{
	const char *by = request->ref[0] ? " by the ref " : "";

	if (!choice->entry && request->ref[0])
		return refuse(r, IMAGE_STAGE_INDEX,
			      "index.json names no image `%.128s`; see its org.opencontainers.image.ref.name",
			      request->ref);
	if (!choice->entry)
		return refuse(r, IMAGE_STAGE_INDEX, "index.json names no image");
	if (choice->ambiguous)
		return refuse(r, IMAGE_STAGE_INDEX, "index.json names several images%s%.128s; choose one with --ref",
			      by, request->ref);
	return 0;
}

int layout_choose(const struct layout *layout, const struct image_request *request, struct descriptor *ret,
		  struct refusal *r)
{
	struct choice choice = {0};
	const char *why;

	for (const struct json *entry = json_at(layout->index, "manifests")->first; entry; entry = entry->next) {
		const char *name = ref_name(entry);
		if (request->ref[0] && name && str_equal(name, request->ref) && !is_for_other_platform(entry, request))
			consider(&choice, entry, MARKED);
		else if (!request->ref[0] && entry->type == JSON_OBJECT)
			consider(&choice, entry, rank_of(entry));
	}
	if (check_choice(&choice, request, r) < 0)
		return malformed(r);
	if (descriptor_read(choice.entry, ret, &why) < 0) {
		refuse(r, IMAGE_STAGE_INDEX, "index.json: %s", why);
		return malformed(r);
	}
	if (!media_is_index(ret->media_type) && !media_is_manifest(ret->media_type)) {
		refuse(r, IMAGE_STAGE_INDEX, "index.json: media type `%.100s` is no image", ret->media_type);
		return malformed(r);
	}
	return 0;
}

/* Which entry is meant an engine has decided, by rules of its own: one of the manifests that it keeps of the image. */
static bool choose_kept(const struct json *index, const struct image_request *request, struct descriptor *ret)
{
	const char *why;

	for (const struct json *entry = json_at(index, "manifests")->first; entry; entry = entry->next) {
		if (descriptor_read(entry, ret, &why) < 0 || !is_platform(ret, request) ||
		    !media_is_manifest(ret->media_type))
			continue;
		for (uint32_t i = 0; i < request->manifest_count; i++) {
			if (str_equal(request->manifests[i], ret->digest.text))
				return true;
		}
	}
	return false;
}

int index_choose(const struct json *index, const struct image_request *request, struct descriptor *ret,
		 struct refusal *r)
{
	const char *why;

	TRY(check_index(index, IMAGE_STAGE_MANIFEST, r));
	if (choose_kept(index, request, ret))
		return 0;
	for (const struct json *entry = json_at(index, "manifests")->first; entry; entry = entry->next) {
		if (descriptor_read(entry, ret, &why) < 0)
			return refuse(r, IMAGE_STAGE_MANIFEST, "index: %s", why);
		if (is_platform(ret, request) && media_is_manifest(ret->media_type))
			return 0;
	}
	return refuse(r, IMAGE_STAGE_MANIFEST, "the index has no image for %s/%s", request->os, request->architecture);
}
