/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - what hrun asks, checked field by field: it is trusted, but a mistake there must not become one here.
 */
#include "image.h"
#include <string.h>

#define IS_TERMINATED(array) (memchr((array), '\0', sizeof(array)) != NULL)

static bool strings_are_terminated(const struct image_trust *t)
{
	for (size_t i = 0; i < IMAGE_KEYS_MAX; i++) {
		if (!IS_TERMINATED(t->key_names[i]) || !IS_TERMINATED(t->trusted_identities[i]))
			return false;
	}
	return IS_TERMINATED(t->identity_value) && IS_TERMINATED(t->identity_signed_prefix);
}

static bool trust_is_sound(const struct image_trust *t, size_t keys)
{
	return t->scheme <= IMAGE_SCHEME_NOTATION && t->identity <= IMAGE_IDENTITY_REMAP &&
	       t->notation_level <= IMAGE_NOTATION_PERMISSIVE && t->key_count >= 1 && t->key_count <= IMAGE_KEYS_MAX &&
	       t->first_fd <= keys && t->key_count <= keys - t->first_fd && t->threshold >= 1 &&
	       t->threshold <= t->key_count && t->trusted_identity_count <= IMAGE_KEYS_MAX && strings_are_terminated(t);
}

size_t request_first_key(const struct image_request *request)
{
	if (request->task >= IMAGE_COMPARE)
		return 0;
	return request->task == IMAGE_BUNDLE ? request->signature_files : request->task == IMAGE_UNPACK ? 2 : 1;
}

/* What only a bundle has; a layout's digests come from its index. */
static bool bundle_is_sound(const struct image_request *request)
{
	struct digest digest;

	if (request->task != IMAGE_BUNDLE)
		return request->signature_files == 0 && request->root_is_file == 0;
	if (!IS_TERMINATED(request->tree_digest) || !IS_TERMINATED(request->verity_digest) ||
	    !IS_TERMINATED(request->bundle_config_digest))
		return false;
	bool measured = request->verity_digest[0];
	const char *root = measured ? request->verity_digest : request->tree_digest;
	return request->signature_files <= IMAGE_SIGNATURES_MAX && request->root_is_file <= 1 &&
	       (!measured || (request->root_is_file && request->signatures_required && !request->tree_digest[0])) &&
	       digest_read(root, &digest) == 0 && digest_read(request->bundle_config_digest, &digest) == 0;
}

static bool comparison_is_sound(const struct image_request *q)
{
	if (q->task != IMAGE_COMPARE)
		return q->manifest_count == 0 && q->place_count == 0 && q->whole_blobs == 0 && q->layer_count == 0 &&
		       q->parents <= (q->task == IMAGE_FIND) && (q->task != IMAGE_FIND || *q->snapshotter);
	for (uint32_t i = 0; i < q->manifest_count && i < IMAGE_MANIFESTS_MAX; i++) {
		struct digest digest;
		if (!IS_TERMINATED(q->manifests[i]) || digest_read(q->manifests[i], &digest) < 0)
			return false;
	}
	return q->parents == 0 && q->manifest_count <= IMAGE_MANIFESTS_MAX && q->place_count <= IMAGE_PLACES_MAX &&
	       q->layer_count <= LAYERS_MAX && q->whole_blobs <= 1;
}

int request_check(const struct image_request *request, size_t fd_count, struct refusal *r)
{
	size_t first_key = request->task > IMAGE_FIND ? 0 : request_first_key(request);

	if (request->version != IMAGE_WIRE_VERSION)
		return refuse(r, IMAGE_STAGE_NONE, "hrun and hrun-image are of different builds; install both again");
	if (request->task > IMAGE_FIND || !comparison_is_sound(request) || !bundle_is_sound(request) ||
	    fd_count < first_key || fd_count > IMAGE_FDS_MAX || request->trust_count > IMAGE_TRUSTS_MAX ||
	    request->signatures_required > 1 || request->drop_devices > 1 || request->now < 0 ||
	    !IS_TERMINATED(request->ref) || !IS_TERMINATED(request->name) || !IS_TERMINATED(request->os) ||
	    !IS_TERMINATED(request->architecture) || !IS_TERMINATED(request->variant) ||
	    !IS_TERMINATED(request->snapshotter))
		return refuse(r, IMAGE_STAGE_NONE, "the request is malformed");
	/* Signatures are asked for and nobody is trusted: that is a policy which no image can satisfy. */
	if (request->signatures_required && !request->trust_count)
		return refuse(r, IMAGE_STAGE_POLICY, "the policy trusts nobody for this image");
	for (uint32_t i = 0; i < request->trust_count; i++) {
		if (!trust_is_sound(&request->trusts[i], fd_count - first_key))
			return refuse(r, IMAGE_STAGE_POLICY, "requirement %u of the policy is out of range", i + 1);
	}
	return 0;
}
