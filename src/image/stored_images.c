/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stored_images.c - the images that an engine's store might mean: from images.json of containers/storage, or from a list of the same shape
 * that hrun-image has made of containerd's databases.
 */
#include <hrun/image_engine.h>
#include <hrun/str.h>
#include <string.h>

enum { LIST_MAX = 32 << 20 };

static const struct json *member(const struct json *object, const char *name, enum json_type type)
{
	const struct json *value = object->type == JSON_OBJECT ? json_at(object, name) : NULL;

	return value && value->type == type ? value : NULL;
}

/* False where there are too many. */
static bool add_text(struct pool *pool, struct string_list *list, const char *text, size_t max)
{
	for (size_t i = 0; i < list->count; i++) {
		if (str_equal(list->item[i], text))
			return true;
	}
	if (list->count == max)
		return false;
	*pool_array_add(pool, list->item, list->count) = pool_strdup(pool, text);
	return true;
}

static bool has_layer(const struct json *image, const char *top)
{
	const struct json *layer = member(image, "layer", JSON_STRING);

	return layer && str_equal(layer->text, top);
}

/* The digest of a manifest or index that KEY of an image's big data holds, or NULL. */
static const char *manifest_of(const struct json *key)
{
	static const char prefix[] = "manifest-sha256:";

	return key->type == JSON_STRING && str_starts(key->text, prefix) ? key->text + strlen("manifest-") : NULL;
}

static int read_manifests(struct pool *pool, const struct json *image, struct stored_image *ret, struct err *e)
{
	const struct json *digest = member(image, "digest", JSON_STRING),
			  *keys = member(image, "big-data-names", JSON_ARRAY);
	bool all = true;

	if (digest)
		all = add_text(pool, &ret->manifests, digest->text, IMAGE_MANIFESTS_MAX);
	for (const struct json *key = keys ? keys->first : NULL; key && all; key = key->next) {
		const char *manifest = manifest_of(key);
		all = !manifest || add_text(pool, &ret->manifests, manifest, IMAGE_MANIFESTS_MAX);
	}
	return all ? 0
		   : err_set(e, E2BIG,
			     "the image %.12s has more than %d manifests and indexes; remove it and pull it again",
			     ret->id, IMAGE_MANIFESTS_MAX);
}

/* ---- denyDigests ---- */

/* However many there are: nothing is kept of them. */
static const char *denied_digest(const struct policy_images *images, const struct json *image, const char **ret_path)
{
	const struct json *digest = member(image, "digest", JSON_STRING),
			  *keys = member(image, "big-data-names", JSON_ARRAY),
			  *names = member(image, "names", JSON_ARRAY);

	*ret_path = digest ? image_denied_by(images, digest->text) : NULL;
	if (*ret_path)
		return digest->text;
	for (const struct json *key = keys ? keys->first : NULL; key; key = key->next) {
		const char *manifest = manifest_of(key);
		*ret_path = manifest ? image_denied_by(images, manifest) : NULL;
		if (*ret_path)
			return manifest;
	}
	for (const struct json *name = names ? names->first : NULL; name; name = name->next) {
		const char *at = name->type == JSON_STRING ? strrchr(name->text, '@') : NULL;
		*ret_path = at ? image_denied_by(images, at + 1) : NULL;
		if (*ret_path)
			return at + 1;
	}
	return NULL;
}

const char *stored_image_denied(struct pool *pool, const struct policy_images *images, const struct json *image)
{
	const struct json *id = member(image, "id", JSON_STRING);
	const char *path, *digest = denied_digest(images, image, &path);

	return digest ? pool_printf(pool,
				    "image %.12s: %s stands in images.denyDigests of `%s`; remove it from the engine's "
				    "store",
				    id ? id->text : "", digest, path)
		      : NULL;
}

/* ---- candidates ---- */

static int read_names(struct pool *pool, const struct json *image, struct stored_image *ret, struct err *e)
{
	const struct json *names = member(image, "names", JSON_ARRAY);

	if (names && names->count > ENGINE_NAMES_MAX)
		return err_set(e, E2BIG, "the image %.12s has %u names, %d are judged at most; untag some", ret->id,
			       names->count, ENGINE_NAMES_MAX);
	for (const struct json *name = names ? names->first : NULL; name; name = name->next) {
		if (name->type != JSON_STRING)
			return err_set(e, EINVAL, "the store: a name of the image %.12s is none", ret->id);
		(void)add_text(pool, &ret->names, name->text, ENGINE_NAMES_MAX);
	}
	return 0;
}

static int add_image(struct pool *pool, const struct json *image, struct stored_root *root, struct err *e)
{
	const struct json *id = member(image, "id", JSON_STRING);

	if (!id || !storage_is_id(id->text, strlen(id->text)))
		return 0;
	if (root->candidate_count == ENGINE_IMAGES_MAX)
		return err_set(e, E2BIG, "more than %d images are made of the same layers; remove some",
			       ENGINE_IMAGES_MAX);
	struct stored_image *added = &root->candidates[root->candidate_count++];
	added->id = id->text;
	TRY(read_manifests(pool, image, added, e));
	return read_names(pool, image, added, e);
}

int stored_list_read(struct pool *pool, const struct stored_list *list, const struct json **ret_first, struct err *e)
{
	/* The file is a list, and our reader takes objects. */
	static const char head[] = "{\"list\":", tail[] = "}";
	char *text = pool_alloc_now(pool, list->size + sizeof head + sizeof tail);
	struct json_error error;
	const struct json *tree;

	memcpy(text, head, sizeof head - 1);
	memcpy(text + sizeof head - 1, list->bytes, list->size);
	memcpy(text + sizeof head - 1 + list->size, tail, sizeof tail - 1);
	if (json_read(pool, text, list->size + sizeof head + sizeof tail - 2, LIST_MAX, &tree, &error) < 0)
		return err_set(e, EINVAL, "%s: %s: %s", list->file, error.where, error.text);
	const struct json *array = member(tree, "list", JSON_ARRAY);
	*ret_first = array ? array->first : NULL;
	return 0;
}

int stored_images_read(struct pool *pool, const struct stored_list *list, const char *top,
		       const struct policy_images *images, struct stored_root *ret, struct err *e)
{
	const struct json *first;

	TRY(stored_list_read(pool, list, &first, e));
	/* Which of several images with the same layers was meant nobody tells: where one of them is denied, so is the root. */
	for (const struct json *image = first; image && !ret->denied; image = image->next)
		ret->denied = has_layer(image, top) ? stored_image_denied(pool, images, image) : NULL;
	for (const struct json *image = first; image; image = image->next) {
		if (has_layer(image, top))
			TRY(add_image(pool, image, ret, e));
	}
	return 0;
}
