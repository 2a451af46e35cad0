/* SPDX-License-Identifier: Apache-2.0 */
/*
 * creation_store.c - an image's root out of the store, which is read-only from the first moment.
 *
 * In memory the container's init makes what is mounted onto where the image has not got it.  In the store nobody may, so it is made
 * when the image is unpacked, from the same document; the config determines that, and the manifest digest the config.
 */
#include <hrun/cli.h>
#include <hrun/cli_creation.h>
#include <hrun/fd.h>
#include <hrun/image_config.h>
#include <hrun/image_store.h>
#include <hrun/path.h>
#include <hrun/str.h>

struct finishing {
	struct pool *pool;
	const struct string_list *args;
};

static int read_config(const struct finishing *f, int rootfs, const struct image_result *result, struct config **ret,
		       struct err *e)
{
	const struct image_container container = {.rootfs = rootfs, .root_path = "rootfs", .args = *f->args};
	struct json_out out = {.pool = f->pool};
	struct image_config image;
	struct string_list missing;
	struct json_error error;
	const struct json *tree;

	TRY(image_config_read(f->pool, result->config, result->config_size, &image, e));
	TRY(image_config_document(f->pool, &image, &container, &out, &missing, e));
	if (json_read(f->pool, out.text, out.length, out.length, &tree, &error) < 0 ||
	    config_read(f->pool, tree, ret, &error) < 0)
		return err_set(e, EINVAL, "the image's config: %.160s: %s", error.where, error.text);
	return 0;
}

/* What lies below another mount is made there, each time. */
static bool is_below_another(const struct config *config, size_t number)
{
	for (size_t i = 0; i < config->mount_count; i++) {
		if (i != number && path_is_below(config->mounts[number].destination, config->mounts[i].destination))
			return true;
	}
	return false;
}

/* As init does it; on what is read-only this only looks. */
static int make_mount_points(void *context, int rootfs, const struct image_result *result, struct err *e)
{
	struct config *config;

	TRY(read_config(context, rootfs, result, &config, e));
	for (size_t i = 0; i < config->mount_count; i++) {
		if (is_below_another(config, i))
			continue;
		autofd int fd = path_make_in_root(rootfs, config->mounts[i].destination, true, 0755, e);
		TRY(fd);
	}
	/* Where this fails, entering it does, too. */
	autofd int cwd = path_make_in_root(rootfs, config->process->cwd, true, 0755, e);
	return cwd == -EROFS ? cwd : 0;
}

int creation_store(struct pool *pool, const struct image_store *store, const struct image_call *call,
		   const struct string_list *args, struct image_result *ret, int *ret_mount, struct err *e)
{
	struct finishing f = {pool, args};
	const struct store_finish finish = {make_mount_points, &f};
	struct err why;
	int directory;

	TRY(image_store_take(pool, store, call, &finish, ret, &directory, e));
	if (ret->answer.verdict != IMAGE_ACCEPT)
		return 0;
	autofd int root = directory;
	autofd int mount = image_store_mount(root, e);
	TRY(mount);
	/* Another hrun, which unpacked it, may have mounted less. */
	int r = make_mount_points(&f, mount, ret, &why);
	if (r == -EROFS)
		return err_set(e, EROFS,
			       "store: `%s` was unpacked by another version of hrun (%.200s); remove it from `%s`",
			       ret->answer.manifest_digest, why.text, store->path);
	if (r < 0) {
		*e = why;
		return r;
	}
	*ret_mount = TAKE_FD(mount);
	return 0;
}
