/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_image_layout.c - index, manifest and config of an image: any document gives a choice or a reason, and a choice is sound.
 */
#include "../../libexec/hrun-image/image.h"
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static void check_digest(const struct digest *digest)
{
	struct digest again;

	require(digest_read(digest->text, &again) == 0 && memcmp(again.bytes, digest->bytes, sizeof again.bytes) == 0);
}

static void check_refusal(int result, const struct refusal *r)
{
	require(result == 0 || (r->reason[0] && !str_has_control(r->reason) && r->verdict != IMAGE_ACCEPT));
}

static void try_index(struct pool *pool, const struct blob *blob, const char *ref)
{
	struct image_request request = {.os = "linux", .architecture = "amd64"};
	struct layout layout = {.files = -1};
	struct refusal r = {0}, of_child = {0};
	struct candidates found;
	struct descriptor d;

	str_format(request.ref, sizeof request.ref, "%s", ref);
	if (document_read(pool, blob, "index.json", IMAGE_STAGE_INDEX, &layout.index, &r) < 0)
		return;
	int result = index_choose(layout.index, &request, &d, &of_child);
	check_refusal(result, &of_child);
	if (result == 0)
		check_digest(&d.digest);
	const struct json *manifests = json_at(layout.index, "manifests");
	if (!manifests || manifests->type != JSON_ARRAY)
		return;
	result = layout_choose(&layout, &request, &d, &r);
	check_refusal(result, &r);
	if (result < 0)
		return;
	check_digest(&d.digest);
	candidates_find(pool, &layout, &d.digest, &found);
	require(found.count == 0); /* there are no files */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct image_request request = {.os = "linux", .architecture = "amd64"};
	struct pool pool = {NULL};
	struct blob blob = {data, size};
	struct image *image = pool_alloc(&pool, sizeof *image);
	struct refusal r = {0}, of_config = {0};

	if (size > DOCUMENT_MAX)
		return 0;
	try_index(&pool, &blob, "");
	try_index(&pool, &blob, "alpha");
	int result = manifest_read(&pool, &blob, "application/vnd.oci.image.manifest.v1+json", image, &r);
	check_refusal(result, &r);
	for (size_t i = 0; result == 0 && i < image->layer_count; i++)
		check_digest(&image->layers[i].digest);
	image->layer_count = size % 3;
	result = config_read(&pool, &blob, &request, image, &of_config);
	check_refusal(result, &of_config);
	for (size_t i = 0; result == 0 && i < image->layer_count; i++)
		check_digest(&image->diff_ids[i]);
	pool_free(&pool);
	return 0;
}
