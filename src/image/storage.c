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
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_engine.h>
#include <hrun/policy_open.h>
#include <hrun/str.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ID_SIZE = 64, IMAGES_JSON_MAX = 16 << 20, LOWER_FILE_MAX = 65536 };

static bool is_id(const char *text, size_t size)
{
	return size == ID_SIZE && strspn(text, "0123456789abcdef") >= ID_SIZE;
}

/* TOP "/overlay/" ID "/diff": where ID begins, or NULL. */
static const char *id_in(const char *path)
{
	static const char driver[] = "/overlay/", last[] = "/diff";
	size_t size = strlen(path), tail = ID_SIZE + sizeof last - 1;

	if (size < tail + sizeof driver || !str_ends(path, last))
		return NULL;
	const char *id = path + size - tail;
	if (strncmp(id - (sizeof driver - 1), driver, sizeof driver - 1) != 0 || !is_id(id, strcspn(id, "/")))
		return NULL;
	return id;
}

bool storage_owns(const char *path)
{
	return path[0] == '/' && id_in(path);
}

/* ---- its directories ---- */

/* A descriptor that nobody but root could have put something else behind. */
static int open_owned(struct pool *pool, const char *path, struct err *e)
{
	enum policy_owner owner = policy_caller_is_root() ? POLICY_OWNER_ROOT : POLICY_OWNER_OR_CALLER;
	static const char prefix[] = "policy: ";
	int fd = policy_open(pool, path, owner, e);

	if (fd < 0 && str_starts(e->text, prefix))
		memmove(e->text, e->text + sizeof prefix - 1, strlen(e->text) - sizeof prefix + 2);
	return fd;
}

/* The directory's own path: mounts name it by a short link. */
static const char *real_path(struct pool *pool, const char *path)
{
	char link[64], real[PATH_MAX];
	autofd int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || str_format(link, sizeof link, "/proc/self/fd/%d", fd) < 0)
		return NULL;
	ssize_t n = readlink(link, real, sizeof real - 1);
	return n > 0 ? pool_strndup(pool, real, (size_t)n) : NULL;
}

static int open_layer(struct pool *pool, const char *path, const char *top, struct stored_layer *ret, struct err *e)
{
	const char *real = *path == '/' ? real_path(pool, path) : NULL, *id = real ? id_in(real) : NULL;

	if (!id)
		return err_set(e, EINVAL,
			       "the layer `%s` is none of this store as hrun knows it (it is mapped, additional or "
			       "composefs); use the image without --uidmap, --userns and additional stores",
			       path);
	if (strncmp(real, top, strlen(top)) != 0 || id != real + strlen(top) + strlen("/overlay/"))
		return err_set(e, EINVAL, "the layer `%s` is of another store than %s; pull the image into this one",
			       real, top);
	ret->id = pool_strndup(pool, id, ID_SIZE);
	ret->path = real;
	ret->dir = open_owned(pool, real, e);
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
	autofd int fd = open_owned(pool, path, e);

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
		layer->dir = -EBADF;
		root->layer_count++;
		TRY(open_layer(pool, lowers.item[i], root->top, layer, e));
	}
	return 0;
}

/* ---- images.json ---- */

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
			return err_set(e, EINVAL, "overlay-images/images.json: a name of the image %.12s is none",
				       ret->id);
		add_text(pool, &ret->names, name->text, ENGINE_NAMES_MAX);
	}
	return 0;
}

static int add_image(struct pool *pool, const struct json *image, struct stored_root *root, struct err *e)
{
	const struct json *id = member(image, "id", JSON_STRING);

	if (!id || !is_id(id->text, strlen(id->text)))
		return 0;
	if (root->candidate_count == ENGINE_IMAGES_MAX)
		return err_set(e, E2BIG, "more than %d images are made of the same layers; remove some",
			       ENGINE_IMAGES_MAX);
	struct stored_image *added = &root->candidates[root->candidate_count++];
	added->id = id->text;
	read_manifests(pool, image, added);
	return read_names(pool, image, added, e);
}

int storage_read_images(struct pool *pool, const char *bytes, size_t size, const char *top, struct stored_root *ret,
			struct err *e)
{
	/* The file is a list, and our reader takes objects. */
	static const char head[] = "{\"images\":", tail[] = "}";
	char *text = pool_alloc_now(pool, size + sizeof head + sizeof tail);
	struct json_error error;
	const struct json *tree;

	memcpy(text, head, sizeof head - 1);
	memcpy(text + sizeof head - 1, bytes, size);
	memcpy(text + sizeof head - 1 + size, tail, sizeof tail - 1);
	if (json_read(pool, text, size + sizeof head + sizeof tail - 2, 2 * IMAGES_JSON_MAX, &tree, &error) < 0)
		return err_set(e, EINVAL, "overlay-images/images.json of the store: %s: %s", error.where, error.text);
	const struct json *images = member(tree, "images", JSON_ARRAY);
	for (const struct json *image = images ? images->first : NULL; image; image = image->next) {
		if (has_layer(image, top))
			TRY(add_image(pool, image, ret, e));
	}
	return 0;
}

static int read_images(struct pool *pool, struct stored_root *root, struct err *e)
{
	const char *path = pool_printf(pool, "%s/overlay-images/images.json", root->top);
	struct stat st;
	autofd int fd = open_owned(pool, path, e);

	TRY(fd);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > IMAGES_JSON_MAX)
		return err_set(e, EINVAL, "`%s` is no regular file of at most %d bytes", path, IMAGES_JSON_MAX);
	char *bytes = pool_alloc_now(pool, (size_t)st.st_size + 1);
	ssize_t n = fd_read_all(fd, bytes, (size_t)st.st_size);
	if (n != st.st_size)
		return err_set(e, EIO, "`%s` changed while it was read; try again", path);
	return storage_read_images(pool, bytes, (size_t)n, root->layers[root->layer_count - 1].id, root, e);
}

/* ---- the store ---- */

int storage_open(struct pool *pool, const struct root_mount *mount, struct stored_root *ret, struct err *e)
{
	const char *upper = real_path(pool, mount->upper), *id = upper ? id_in(upper) : NULL;
	struct stat st;

	if (!id || stat(upper, &st) < 0)
		return err_set(e, EINVAL, "the writable layer `%s` cannot be opened", mount->upper);
	/* Its layers are copies with other owners, or mapped. */
	if (policy_caller_is_root() && st.st_uid != 0)
		return err_set(
			e, EPERM,
			"the container's layer belongs to uid %u: what podman has made for --uidmap or --userns cannot be "
			"compared; use it without",
			st.st_uid);
	ret->top = pool_strndup(pool, upper, (size_t)(id - upper) - strlen("/overlay/"));
	ret->upper_path = upper;
	ret->user_overlay = mount->user_overlay;
	ret->upper = open_owned(pool, upper, e);
	TRY(ret->upper);
	TRY(open_layers(pool, mount, ret, e));
	ret->images = open_owned(pool, pool_printf(pool, "%s/overlay-images", ret->top), e);
	TRY(ret->images);
	ret->records = open_owned(pool, pool_printf(pool, "%s/overlay-layers", ret->top), e);
	TRY(ret->records);
	return read_images(pool, ret, e);
}

void storage_close(struct stored_root *root)
{
	for (size_t i = 0; i < root->layer_count; i++)
		fd_close(&root->layers[i].dir);
	fd_close(&root->images);
	fd_close(&root->records);
	fd_close(&root->upper);
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
