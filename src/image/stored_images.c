/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stored_images.c - the images that an engine's store might mean: from images.json of containers/storage, or from a list of the same shape
 * that hrun-image has made of containerd's databases.
 */
#include <hrun/image_engine.h>
#include <hrun/str.h>
#include <string.h>

enum { ID_SIZE = 64, IMAGES_MAX = 16 << 20 };

static const struct json *member(const struct json *object, const char *name, enum json_type type)
{
	const struct json *value = object->type == JSON_OBJECT ? json_at(object, name) : NULL;

	return value && value->type == type ? value : NULL;
}

static void add_text(struct pool *pool, struct string_list *list, const char *text, size_t max)
{
	for (size_t i = 0; i < list->count; i++) {
		if (str_equal(list->item[i], text))
			return;
	}
	if (list->count < max)
		*pool_array_add(pool, list->item, list->count) = pool_strdup(pool, text);
}

static bool has_layer(const struct json *image, const char *top)
{
	const struct json *layer = member(image, "layer", JSON_STRING);

	return layer && str_equal(layer->text, top);
}

static void read_manifests(struct pool *pool, const struct json *image, struct stored_image *ret)
{
	static const char prefix[] = "manifest-sha256:";
	const struct json *digest = member(image, "digest", JSON_STRING),
			  *keys = member(image, "big-data-names", JSON_ARRAY);

	if (digest)
		add_text(pool, &ret->manifests, digest->text, IMAGE_MANIFESTS_MAX);
	for (const struct json *key = keys ? keys->first : NULL; key; key = key->next) {
		if (key->type == JSON_STRING && str_starts(key->text, prefix))
			add_text(pool, &ret->manifests, key->text + strlen("manifest-"), IMAGE_MANIFESTS_MAX);
	}
}

static int read_names(struct pool *pool, const struct json *image, struct stored_image *ret, struct err *e)
{
	const struct json *names = member(image, "names", JSON_ARRAY);

	if (names && names->count > ENGINE_NAMES_MAX)
		return err_set(e, E2BIG, "the image %.12s has %u names, %d are judged at most; untag some", ret->id,
			       names->count, ENGINE_NAMES_MAX);
	for (const struct json *name = names ? names->first : NULL; name; name = name->next) {
		if (name->type != JSON_STRING)
			return err_set(e, EINVAL, "the store: a name of the image %.12s is none", ret->id);
		add_text(pool, &ret->names, name->text, ENGINE_NAMES_MAX);
	}
	return 0;
}

static int add_image(struct pool *pool, const struct json *image, struct stored_root *root, struct err *e)
{
	const struct json *id = member(image, "id", JSON_STRING);

	if (!id || strlen(id->text) != ID_SIZE || strspn(id->text, "0123456789abcdef") != ID_SIZE)
		return 0;
	if (root->candidate_count == ENGINE_IMAGES_MAX)
		return err_set(e, E2BIG, "more than %d images are made of the same layers; remove some",
			       ENGINE_IMAGES_MAX);
	struct stored_image *added = &root->candidates[root->candidate_count++];
	added->id = id->text;
	read_manifests(pool, image, added);
	return read_names(pool, image, added, e);
}

int stored_images_read(struct pool *pool, const char *file, const char *bytes, size_t size, const char *top,
		       struct stored_root *ret, struct err *e)
{
	/* The file is a list, and our reader takes objects. */
	static const char head[] = "{\"images\":", tail[] = "}";
	char *text = pool_alloc_now(pool, size + sizeof head + sizeof tail);
	struct json_error error;
	const struct json *tree;

	memcpy(text, head, sizeof head - 1);
	memcpy(text + sizeof head - 1, bytes, size);
	memcpy(text + sizeof head - 1 + size, tail, sizeof tail - 1);
	if (json_read(pool, text, size + sizeof head + sizeof tail - 2, 2 * IMAGES_MAX, &tree, &error) < 0)
		return err_set(e, EINVAL, "%s: %s: %s", file, error.where, error.text);
	const struct json *images = member(tree, "images", JSON_ARRAY);
	for (const struct json *image = images ? images->first : NULL; image; image = image->next) {
		if (has_layer(image, top))
			TRY(add_image(pool, image, ret, e));
	}
	return 0;
}
