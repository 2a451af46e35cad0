/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storage.c - containers/storage with the driver overlay: where podman, CRI-O and buildah keep images.
 *
 *     overlay/ID/diff                   the files of a layer; overlay/l/XXXX are links to them, by which they are mounted
 *     overlay-layers/ID.tar-split.gz    the record of the layer's archive
 *     overlay-images/images.json        id, names, the id of the topmost layer
 *     overlay-images/ID/=BASE64         its big data: manifests, config, signatures; the name is the key in base64
 *
 * All of it are hints and none is believed: what is signed is compared with what is there.
 */
#include <hrun/fd.h>
#include <hrun/image_engine.h>
#include <hrun/str.h>
#include <string.h>

enum { LOWER_FILE_MAX = 65536 };

bool storage_is_id(const char *text, size_t size)
{
	return size == STORAGE_ID_SIZE && strspn(text, "0123456789abcdef") >= STORAGE_ID_SIZE;
}

/* TOP "/overlay/" ID "/diff": where ID begins, or NULL. */
static const char *id_in(const char *path)
{
	static const char driver[] = "/overlay/", last[] = "/diff";
	size_t size = strlen(path), tail = STORAGE_ID_SIZE + sizeof last - 1;

	if (size < tail + sizeof driver || !str_ends(path, last))
		return NULL;
	const char *id = path + size - tail;
	if (strncmp(id - (sizeof driver - 1), driver, sizeof driver - 1) != 0 || !storage_is_id(id, strcspn(id, "/")))
		return NULL;
	return id;
}

bool storage_owns(const char *path)
{
	return path[0] == '/' && id_in(path);
}

/* ---- its directories ---- */

static int open_layer(struct pool *pool, const char *path, const char *top, struct stored_layer *ret, struct err *e)
{
	const char *real = *path == '/' ? store_real_path(pool, path) : NULL, *id = real ? id_in(real) : NULL;

	if (!id)
		return err_set(e, EINVAL,
			       "the layer `%s` is none of this store as hrun knows it (it is mapped, additional or "
			       "composefs); use the image without --uidmap, --userns and additional stores",
			       path);
	if (strncmp(real, top, strlen(top)) != 0 || id != real + strlen(top) + strlen("/overlay/"))
		return err_set(e, EINVAL, "the layer `%s` is of another store than %s; pull the image into this one",
			       real, top);
	ret->id = pool_strndup(pool, id, STORAGE_ID_SIZE);
	ret->path = real;
	ret->dir = store_open_path(pool, real, e);
	return ret->dir < 0 ? ret->dir : 0;
}

/*
 * With many layers the options of a mount are longer than a page, so the engine mounts by names that mean something in its own
 * process only ("l/XXXX" in overlay/, or numbers of descriptors).  What they stand for is in the file beside the writable
 * layer, from which it has just mounted; as many as the kernel says there are.
 */
static int read_lower_file(struct pool *pool, const struct stored_root *root, size_t count, struct string_list *ret,
			   struct err *e)
{
	const char *directory = pool_strndup(pool, root->upper_path, strlen(root->upper_path) - strlen("/diff"));
	const char *path = pool_printf(pool, "%s/lower", directory);
	char *text = pool_alloc(pool, LOWER_FILE_MAX + 1), *one;
	autofd int fd = store_open_path(pool, path, e);

	TRY(fd);
	ssize_t n = fd_read_all(fd, text, LOWER_FILE_MAX);
	if (n < 0 || n == LOWER_FILE_MAX || strlen(text) != (size_t)n)
		return err_set(e, EINVAL, "`%s` cannot be read", path);
	while ((one = strsep(&text, ":")))
		*pool_array_add(pool, ret->item, ret->count) = pool_printf(pool, "%s/overlay/%s", root->top, one);
	if (ret->count != count)
		return err_set(e, EINVAL, "`%s` names %zu layers, the mount has %zu", path, ret->count, count);
	return 0;
}

static int open_layers(struct pool *pool, const struct root_mount *mount, struct stored_root *root, struct err *e)
{
	struct string_list lowers = mount->lowers;

	if (*lowers.item[0] != '/') {
		lowers = (struct string_list){0};
		TRY(read_lower_file(pool, root, mount->lowers.count, &lowers, e));
	}
	for (size_t i = lowers.count; i-- > 0;) {
		struct stored_layer *layer = &root->layers[root->layer_count];
		layer->dir = layer->image = -EBADF;
		root->layer_count++;
		TRY(open_layer(pool, lowers.item[i], root->top, layer, e));
	}
	return 0;
}

/* ---- images.json ---- */

static int read_images(struct pool *pool, const struct policy_images *images, struct stored_root *root, struct err *e)
{
	const char *path = pool_printf(pool, "%s/overlay-images/images.json", root->top);
	struct stored_list list = {.file = "overlay-images/images.json of the store"};

	TRY(store_read_file(pool, path, &list.bytes, &list.size, e));
	return stored_images_read(pool, &list, root->layers[root->layer_count - 1].id, images, root, e);
}

/* ---- the store ---- */

int storage_open(struct pool *pool, const struct image_root_asked *asked, const struct root_mount *mount,
		 struct stored_root *ret, struct err *e)
{
	TRY(store_open_upper(pool, mount->upper, ret, e));
	const char *id = id_in(ret->upper_path);
	if (!id)
		return err_set(e, EINVAL, "the writable layer `%s` cannot be opened", mount->upper);
	ret->top = pool_strndup(pool, ret->upper_path, (size_t)(id - ret->upper_path) - strlen("/overlay/"));
	ret->user_overlay = mount->user_overlay;
	TRY(open_layers(pool, mount, ret, e));
	ret->images = store_open_path(pool, pool_printf(pool, "%s/overlay-images", ret->top), e);
	TRY(ret->images);
	ret->records = store_open_path(pool, pool_printf(pool, "%s/overlay-layers", ret->top), e);
	TRY(ret->records);
	return read_images(pool, &asked->policy->images, ret, e);
}

/* Without the mark "=" only plain words are file names; no key that is looked for is one, but this. */
const char *storage_big_data(struct pool *pool, const char *image, const char *key)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = (const unsigned char *)key;
	size_t size = strlen(key), at = 0;
	char name[256];

	if (str_equal(key, "signatures") || (size + 2) / 3 * 4 >= sizeof name)
		return pool_printf(pool, "%s/%s", image, key);
	for (size_t i = 0; i < size; i += 3) {
		unsigned int bits = (unsigned int)in[i] << 16;
		bits |= i + 1 < size ? (unsigned int)in[i + 1] << 8 : 0;
		bits |= i + 2 < size ? in[i + 2] : 0;
		name[at++] = digits[bits >> 18];
		name[at++] = digits[bits >> 12 & 63];
		name[at++] = i + 1 < size ? digits[bits >> 6 & 63] : '=';
		name[at++] = i + 2 < size ? digits[bits & 63] : '=';
	}
	name[at] = '\0';
	return pool_printf(pool, "%s/=%s", image, name);
}
