/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storage_denied.c - which image is a container of podman's or CRI-O's of, by the store's own record, and is that image denied?
 *
 *     TOP/DRIVER-containers/containers.json, volatile-containers.json     "layer" of a container -> "image"
 *     TOP/DRIVER-images/images.json                                       "id" of an image -> its digests
 *
 * The image may be of another store than the container (additionalimagestores, imagestore): then its layers are there, too.
 *
 * So a denied image is known where its files cannot be compared as well: with ids mapped, as copies, through a program.
 */
#include <hrun/image_engine.h>
#include <hrun/str.h>
#include <string.h>
#include <unistd.h>

struct record {
	const char *driver; /* TOP/DRIVER */
	const char *layer;
};

/* TOP/overlay/ID/merged, or ID/diff, its own layer; TOP/vfs/dir/ID, TOP/btrfs/subvolumes/ID, TOP/zfs/graph/ID. */
static bool split_root(struct pool *pool, const char *root, struct record *ret)
{
	static const char *const below[] = {"/dir", "/subvolumes", "/graph"};
	static const char merged[] = "/merged", own[] = "/diff";
	size_t size = strlen(root) - (str_ends(root, merged) ? strlen(merged) : str_ends(root, own) ? strlen(own) : 0);
	char *path = pool_strndup(pool, root, size), *slash = strrchr(path, '/');

	if (*path != '/' || !storage_is_id(slash + 1, strlen(slash + 1)))
		return false;
	*slash = '\0';
	for (size_t i = 0; i < sizeof below / sizeof below[0]; i++) {
		if (str_ends(path, below[i]))
			path[strlen(path) - strlen(below[i])] = '\0';
	}
	*ret = (struct record){path, slash + 1};
	return true;
}

bool storage_has_root(struct pool *pool, const char *root)
{
	struct record record;

	return split_root(pool, root, &record);
}

/* The first object of the list FILE, or NULL where there is none: then this is no such store, whoever may write above it. */
static int read_list(struct pool *pool, const struct record *record, const char *file, const struct json **ret_first,
		     struct err *e)
{
	struct stored_list list = {.file = pool_printf(pool, "%s-%s", record->driver, file)};

	*ret_first = NULL;
	if (access(list.file, F_OK) < 0 && errno == ENOENT)
		return 0;
	TRY(store_read_file(pool, list.file, &list.bytes, &list.size, e));
	return stored_list_read(pool, &list, ret_first, e);
}

static const char *text_at(const struct json *object, const char *name)
{
	const struct json *value = object->type == JSON_OBJECT ? json_at(object, name) : NULL;

	return value && value->type == JSON_STRING ? value->text : "";
}

static int find_image(struct pool *pool, const struct record *record, const char **ret_id, struct err *e)
{
	static const char *const files[] = {"containers/containers.json", "containers/volatile-containers.json"};
	const struct json *container;

	*ret_id = "";
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		TRY(read_list(pool, record, files[i], &container, e));
		for (; container; container = container->next) {
			if (str_equal(text_at(container, "layer"), record->layer))
				*ret_id = text_at(container, "image");
		}
	}
	return 0;
}

struct question {
	const struct policy_images *images;
	const char *id;
	bool is_found;
	const char *denied;
};

static int look_in(struct pool *pool, const struct record *record, struct question *q, struct err *e)
{
	const struct json *image;

	TRY(read_list(pool, record, "images/images.json", &image, e));
	for (; image && !q->denied; image = image->next) {
		if (!str_equal(text_at(image, "id"), q->id))
			continue;
		q->is_found = true;
		q->denied = stored_image_denied(pool, q->images, image);
	}
	return 0;
}

/* The stores that layers are of, by whatever link they are mounted, each once where they stand together. */
static int look_in_others(struct pool *pool, const struct string_list *lowers, const char *own, struct question *q,
			  struct err *e)
{
	const char *last = own;

	for (size_t i = 0; i < lowers->count && !q->denied; i++) {
		const char *path = *lowers->item[i] == '/' ? store_real_path(pool, lowers->item[i]) : NULL;
		struct record record;
		if (!path || !storage_owns(path) || !split_root(pool, path, &record) || str_equal(record.driver, last))
			continue;
		last = record.driver;
		TRY(look_in(pool, &record, q, e));
	}
	return 0;
}

static int find_denied(struct pool *pool, const struct record *record, const struct string_list *lowers,
		       struct question *q, struct err *e)
{
	TRY(find_image(pool, record, &q->id, e));
	if (!*q->id)
		return 0;
	TRY(look_in(pool, record, q, e));
	TRY(look_in_others(pool, lowers, record->driver, q, e));
	if (q->is_found)
		return 0;
	return err_set(e, ENOENT, "the container is of the image %.12s, which no store has that is looked into", q->id);
}

const char *storage_denied(struct pool *pool, const struct policy_images *images, const char *root,
			   const struct string_list *lowers)
{
	struct question q = {.images = images};
	struct record record;
	struct err e;

	if (!split_root(pool, root, &record) || find_denied(pool, &record, lowers, &q, &e) == 0)
		return q.denied;
	return pool_printf(pool, "whether its image stands in images.denyDigests cannot be told: %s", e.text);
}
