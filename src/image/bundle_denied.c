/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle_denied.c - denyDigests of a bundle whose signature is missing or spoilt: what is denied does not become less so.
 *
 * The list may be spoilt as well, so that what counts is the tree that is there.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_bundle.h>
#include <hrun/image_tree.h>
#include <hrun/str.h>

static const char *denied_by(struct pool *pool, const struct policy_images *images, const char *hex)
{
	const char *digest = pool_printf(pool, "sha256:%s", hex), *path = image_denied_by(images, digest);

	return path ? pool_printf(pool, "%s stands in images.denyDigests of `%.100s`", digest, path) : NULL;
}

static const char *untold(struct pool *pool, const struct err *e)
{
	return pool_printf(pool, "whether the bundle stands in images.denyDigests cannot be told: %.300s", e->text);
}

static const char *denied_file(struct pool *pool, const struct policy_images *images, const struct bundle *bundle)
{
	char hex[2 * SHA256_SIZE + 1];
	struct err e;
	autofd int fd = fd_reopen(bundle->root_file, O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		err_set(&e, -fd, "the root's file cannot be opened");
	if (fd < 0 || bundle_erofs_hash(pool, fd, hex, &e) < 0)
		return untold(pool, &e);
	return denied_by(pool, images, hex);
}

static const char *denied_tree(struct pool *pool, const struct policy_images *images, const struct bundle *bundle)
{
	const struct image_tree tree = {.root = bundle->rootfs};
	struct image_tree_result found;
	struct err e;

	if (image_tree_walk(pool, &tree, &found, &e) == 0)
		return denied_by(pool, images, found.hex);
	return untold(pool, &e);
}

const char *bundle_denied(struct pool *pool, const struct policy_images *images, const struct bundle *bundle)
{
	char hex[2 * SHA256_SIZE + 1];
	const char *denied = NULL;
	struct err e;

#ifdef HRUN_MUTANT_BUNDLE_DENIED
	return NULL;
#endif
	if (image_denies(images) && bundle->root_is_file && bundle_has_signature(bundle->dir))
		return denied_file(pool, images, bundle);
	if (!image_denies(images) || bundle->rootfs < 0)
		return NULL;
	autofd int list = bundle_open_list(bundle->dir, &e);
	if (list == -ENOENT && !bundle_has_signature(bundle->dir))
		return NULL;
	if (list >= 0 && bundle_hash_list(pool, list, hex, &e) == 0)
		denied = denied_by(pool, images, hex);
	return denied ? denied : denied_tree(pool, images, bundle);
}
