/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain.c - from the signed digest down to the layers: index, manifest, config, layers.
 *
 * A signature says nothing about files until every arrow of this chain was followed: each blob has the digest that the one
 * before it names, and the last name, diff_ids, is of the files themselves.
 */
#include "image.h"
#include <hrun/str.h>
#include <string.h>

static int check_manifest(const struct json *manifest, const char *media_type, struct refusal *r)
{
	const struct json *version = json_at(manifest, "schemaVersion"), *own = json_at(manifest, "mediaType");
	const struct json *layers = json_at(manifest, "layers");

	if (!version || version->type != JSON_NUMBER || !str_equal(version->text, "2"))
		return refuse(r, IMAGE_STAGE_MANIFEST, "the manifest has no schemaVersion 2");
	if (own && (own->type != JSON_STRING || !str_equal(own->text, media_type)))
		return refuse(r, IMAGE_STAGE_MANIFEST,
			      "the manifest says of itself that it is something else (mediaType)");
	if (json_at(manifest, "manifests"))
		return refuse(r, IMAGE_STAGE_MANIFEST, "the manifest has members of an index");
	if (!layers || layers->type != JSON_ARRAY)
		return refuse(r, IMAGE_STAGE_MANIFEST, "the manifest has no list `layers`");
	if (layers->count > LAYERS_MAX)
		return refuse(r, IMAGE_STAGE_MANIFEST, "the manifest has %u layers, %d are read at most", layers->count,
			      LAYERS_MAX);
	return 0;
}

static bool media_is_config(const char *media_type)
{
	return str_equal(media_type, "application/vnd.oci.image.config.v1+json") ||
	       str_equal(media_type, "application/vnd.docker.container.image.v1+json");
}

int manifest_read(struct pool *pool, const struct blob *blob, const char *media_type, struct image *ret,
		  struct refusal *r)
{
	const struct json *manifest;
	const char *why;

	TRY(document_read(pool, blob, "manifest", IMAGE_STAGE_MANIFEST, &manifest, r));
	TRY(check_manifest(manifest, media_type, r));
	if (descriptor_read(json_at(manifest, "config"), &ret->config, &why) < 0)
		return refuse(r, IMAGE_STAGE_MANIFEST, "manifest: config: %s", why);
	if (!media_is_config(ret->config.media_type))
		return refuse(r, IMAGE_STAGE_MANIFEST, "the manifest is not an image's: its config is `%.100s`",
			      ret->config.media_type);
	ret->layer_count = 0;
	for (const struct json *layer = json_at(manifest, "layers")->first; layer; layer = layer->next) {
		if (descriptor_read(layer, &ret->layers[ret->layer_count], &why) < 0)
			return refuse(r, IMAGE_STAGE_MANIFEST, "manifest: layers[%zu]: %s", ret->layer_count, why);
		ret->layer_count++;
	}
	return 0;
}

static int check_platform(const struct json *config, const struct image_request *request, struct refusal *r)
{
	const char *os = member_text(config, "os"), *architecture = member_text(config, "architecture");
	const char *variant = member_text(config, "variant");

	if (!os || !architecture)
		return refuse(r, IMAGE_STAGE_CONFIG, "the config names no os and architecture");
	if (!str_equal(os, request->os) || !str_equal(architecture, request->architecture))
		return refuse(r, IMAGE_STAGE_CONFIG, "the image is for %.40s/%.40s, not %s/%s", os, architecture,
			      request->os, request->architecture);
	if (variant && variant[0] && request->variant[0] && !str_equal(variant, request->variant))
		return refuse(r, IMAGE_STAGE_CONFIG, "the image is for variant %.40s, not %s", variant,
			      request->variant);
	return 0;
}

static int read_diff_ids(const struct json *config, struct image *image, struct refusal *r)
{
	const struct json *rootfs = json_at(config, "rootfs");
	const char *type = rootfs && rootfs->type == JSON_OBJECT ? member_text(rootfs, "type") : NULL;
	const struct json *ids = type ? json_at(rootfs, "diff_ids") : NULL;
	size_t n = 0;

	if (!type || !str_equal(type, "layers"))
		return refuse(r, IMAGE_STAGE_CONFIG, "the config's rootfs.type is not `layers`");
	if (ids ? ids->type != JSON_ARRAY || ids->count != image->layer_count : image->layer_count > 0)
		return refuse(r, IMAGE_STAGE_CONFIG, "the config's rootfs.diff_ids are %u, the manifest's layers %zu",
			      ids ? ids->count : 0, image->layer_count);
	for (const struct json *id = ids ? ids->first : NULL; id; id = id->next, n++) {
		if (id->type != JSON_STRING || digest_read(id->text, &image->diff_ids[n]) < 0)
			return refuse(r, IMAGE_STAGE_CONFIG,
				      "the config's rootfs.diff_ids[%zu] is not sha256: and 64 lower-case digits", n);
	}
	return 0;
}

int config_read(struct pool *pool, const struct blob *blob, const struct image_request *request, struct image *image,
		struct refusal *r)
{
	const struct json *config;

	TRY(document_read(pool, blob, "config", IMAGE_STAGE_CONFIG, &config, r));
	TRY(check_platform(config, request, r));
	return read_diff_ids(config, image, r);
}

/* What one judgement works with. */
struct judgement {
	struct pool *pool;
	const struct image_request *request;
	const struct trust *trusts;
	struct layout layout;
	struct descriptor top;	 /* what the ref names: an index or a manifest */
	struct descriptor child; /* the manifest of our platform; the same where the top is one */
	struct image_answer *answer;
	struct refusal *r;
};

/* Is this very digest signed as the policy asks? */
static int check_signed(struct judgement *j, const struct descriptor *d, struct refusal *r, bool *ret_any)
{
	struct subject subject = {.digest = d->digest, .media_type = d->media_type, .size = d->size};
	struct candidates found;

	if (j->request->task == IMAGE_COMPARE)
		stored_candidates(j->pool, j->layout.files, j->request, &d->digest, &found);
	else
		candidates_find(j->pool, &j->layout, &d->digest, &found);
	*ret_any = found.count > 0;
	const char *more = found.incomplete ? " (of what is there, not all was looked at: it is too much)" : "";
	j->answer->signature_count = 0;
	if (!found.count && found.unreadable)
		return refuse(r, IMAGE_STAGE_SIGNATURE, "no signature can be read: %s%s", found.unreadable, more);
	if (!found.count)
		return refuse(r, IMAGE_STAGE_SIGNATURE, "the image is not signed: %s no signature of %s%s",
			      j->request->task == IMAGE_COMPARE ? "the engine's store and images.signatures have"
								: "the layout has",
			      d->digest.text, more);
	int result = signatures_check(j->pool, j->request, j->trusts, found.item, found.count, &subject, j->answer, r);
#ifdef HRUN_MUTANT_IMAGE_SIGNATURE
	return 0;
#endif
	return result < 0 ? refuse(r, IMAGE_STAGE_SIGNATURE, "no signature that the policy asks for") : 0;
}

static int read_child(struct judgement *j, struct refusal *r)
{
	const struct json *index;
	struct blob blob;

	TRY(blob_read(j->pool, j->layout.files, &j->top, DOCUMENT_MAX, IMAGE_STAGE_MANIFEST, &blob, r));
	TRY(document_read(j->pool, &blob, "index", IMAGE_STAGE_MANIFEST, &index, r));
	return index_choose(index, j->request, &j->child, r);
}

/*
 * A signature of the index covers the child that it names; otherwise the child's own counts as well: what it covers is all
 * that runs.  Where neither is good the refusal is that of the one that has signatures at all, at the earlier stage.
 */
static int check_signatures(struct judgement *j)
{
	struct refusal of_top = {0}, of_child = {0};
	bool any, any_child;

	if (!j->request->signatures_required || check_signed(j, &j->top, &of_top, &any) == 0)
		return media_is_index(j->top.media_type) ? read_child(j, j->r) : 0;
	*j->r = of_top;
	if (!media_is_index(j->top.media_type))
		return -EBADMSG;
	struct image_answer *saved = pool_alloc(j->pool, sizeof *saved);
	*saved = *j->answer;
	if (read_child(j, &of_child) == 0) {
		if (check_signed(j, &j->child, &of_child, &any_child) == 0) {
			*j->r = (struct refusal){0};
			return 0;
		}
		if (any_child && !any) {
			*j->r = of_child;
			j->r->stage = of_top.stage;
			return -EBADMSG;
		}
	}
	*j->answer = *saved;
	return -EBADMSG;
}

/* Of the manifests that an engine keeps of an image any one may be the signed one, with or without an index above it. */
static int choose_stored(struct judgement *j)
{
	struct refusal first = {0};

	for (uint32_t i = 0; i < j->request->manifest_count; i++) {
		*j->r = (struct refusal){0};
		if (stored_manifest(j->pool, j->layout.files, j->request, i, &j->top, j->r) == 0) {
			j->child = j->top;
			if (check_signatures(j) == 0)
				return 0;
		}
		if (!first.reason[0])
			first = *j->r;
	}
	*j->r = first;
	return refuse(j->r, IMAGE_STAGE_MANIFEST, "the engine's store has no manifest of the image");
}

/* (The names of an engine's images are compared with those of the container, in hrun.) */
static int check_named_digest(struct judgement *j)
{
	const char *name = j->request->name;

#ifdef HRUN_MUTANT_IMAGE_NAMED_DIGEST
	return 0;
#endif
	if (name_is_of_other(name, &j->top.digest) && name_is_of_other(name, &j->child.digest))
		return refuse(j->r, IMAGE_STAGE_POLICY, "the image's name %.200s has another digest than the image",
			      name);
	return 0;
}

static int choose(struct judgement *j, int files)
{
	if (j->request->task == IMAGE_COMPARE) {
		j->layout.files = files;
		return choose_stored(j);
	}
	TRY(layout_read(j->pool, files, &j->layout, j->r));
	TRY(layout_choose(&j->layout, j->request, &j->top, j->r));
	str_format(j->answer->image_digest, sizeof j->answer->image_digest, "%s", j->top.digest.text);
	j->child = j->top;
	TRY(check_signatures(j));
	return check_named_digest(j);
}

static int read_layers(struct judgement *j, const struct image *image, int tree, const struct progress *progress)
{
	const struct image_request *q = j->request;
	const struct layer_limits limits = {q->max_layer_bytes, q->max_total_bytes, q->max_entries, q->max_ratio,
					    q->drop_devices ? &j->answer->devices : NULL};

	if (q->task != IMAGE_COMPARE)
		return layers_read(j->pool, j->layout.files, image->layers, image->diff_ids, image->layer_count,
				   &limits, tree, progress, j->r);
	if (q->layer_count != image->layer_count)
		return refuse(j->r, IMAGE_STAGE_LAYER, "the image has %zu layers, the container's root %u",
			      image->layer_count, q->layer_count);
	return layers_compare(j->pool, j->layout.files, q->whole_blobs ? image->layers : NULL, image->diff_ids,
			      image->layer_count, &limits, progress, j->r);
}

static int sum_layers(const struct image *image, uint64_t *ret_bytes)
{
	*ret_bytes = 0;
	for (size_t i = 0; i < image->layer_count; i++)
		*ret_bytes += image->layers[i].size; /* each is at most 2^50, and they are few */
	return 0;
}

static int judge(struct judgement *j, int files, int tree, const struct progress *progress, struct blob *ret_config)
{
	struct image *image = pool_alloc(j->pool, sizeof *image);
	struct image_answer *answer = j->answer;
	struct blob blob;

	TRY(choose(j, files));
	str_format(answer->image_digest, sizeof answer->image_digest, "%s", j->top.digest.text);
	str_format(answer->manifest_digest, sizeof answer->manifest_digest, "%s", j->child.digest.text);
	TRY(blob_read(j->pool, files, &j->child, DOCUMENT_MAX, IMAGE_STAGE_MANIFEST, &blob, j->r));
	TRY(manifest_read(j->pool, &blob, j->child.media_type, image, j->r));
	str_format(answer->config_digest, sizeof answer->config_digest, "%s", image->config.digest.text);
	answer->layer_count = (uint32_t)image->layer_count;
	TRY(sum_layers(image, &answer->bytes_total));
	TRY(blob_read(j->pool, files, &image->config, IMAGE_CONFIG_MAX, IMAGE_STAGE_CONFIG, &image->config_blob, j->r));
	TRY(config_read(j->pool, &image->config_blob, j->request, image, j->r));
	*ret_config = image->config_blob;
	if (j->request->task == IMAGE_DOCUMENTS)
		return 0;
	return read_layers(j, image, tree, progress);
}

void image_judge(struct pool *pool, int files, const struct image_request *request, const struct trust *trusts,
		 int tree, const struct progress *progress, struct image_answer *answer, struct blob *ret_config)
{
	struct refusal r = {0};
	struct judgement j = {.pool = pool, .request = request, .trusts = trusts, .answer = answer, .r = &r};

	*ret_config = (struct blob){0};
	answer->verdict = request->task == IMAGE_DOCUMENTS ? IMAGE_LAYERS_UNREAD : IMAGE_ACCEPT;
	if (judge(&j, files, tree, progress, ret_config) == 0)
		return;
	*ret_config = (struct blob){0};
	/* A function that fails without a word is a bug, and still a refusal. */
	refuse(&r, IMAGE_STAGE_LAYER, "the image cannot be verified");
	answer->verdict = r.verdict;
	answer->stage = r.stage;
	answer->devices = (struct image_devices){0};
	memcpy(answer->reason, r.reason, sizeof answer->reason);
}
