/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_store.c - the first line as the options of a mount, the rest as images.json of an engine's store: hints of whoever wrote them.
 */
#include <hrun/image_engine.h>
#include <hrun/str.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char top[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void check_mount(struct pool *pool, const char *options)
{
	struct root_mount mount;

	if (root_mount_options(pool, options, &mount))
		return;
	expect(mount.lowers.count > 0 && mount.lowers.count <= ENGINE_LAYERS_MAX);
	for (size_t i = 0; i < mount.lowers.count; i++)
		expect(*mount.lowers.item[i] && !strchr(mount.lowers.item[i], ':'));
	if (storage_owns(mount.upper))
		expect(*mount.upper == '/' && str_ends(mount.upper, "/diff"));
}

static void check_images(struct pool *pool, const char *bytes, size_t size)
{
	struct stored_root *root = pool_alloc(pool, sizeof *root);
	const struct stored_list list = {"images.json", bytes, size};
	const struct policy_images none = {0};
	struct err e;

	if (stored_images_read(pool, &list, top, &none, root, &e) < 0)
		return;
	expect(root->candidate_count <= ENGINE_IMAGES_MAX);
	for (size_t i = 0; i < root->candidate_count; i++) {
		const struct stored_image *image = &root->candidates[i];
		/* Its id becomes part of a path. */
		expect(strlen(image->id) == 64 && strspn(image->id, "0123456789abcdef") == 64);
		expect(image->names.count <= ENGINE_NAMES_MAX && image->manifests.count <= IMAGE_MANIFESTS_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	struct pool pool = {NULL};

	if (end) {
		check_mount(&pool, pool_strndup(&pool, (const char *)data, (size_t)(end - data)));
		check_images(&pool, (const char *)end + 1, size - (size_t)(end + 1 - data));
	}
	pool_free(&pool);
	return 0;
}
