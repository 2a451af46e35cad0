// SPDX-License-Identifier: Apache-2.0
/*
 * find.c - which images of containerd's store could these snapshots be?
 *
 *     metadata.db of the snapshotter   v1/snapshots/"NAMESPACE/NUMBER/sha256:CHAIN"/id     which chain of diff_ids snapshot N is
 *     meta.db                          v1/NAMESPACE/images/NAME/target/digest              the images of that namespace
 *     blobs/sha256                     index, manifest, config                             whose diff_ids give that chain
 *
 * All of it are hints: the image is verified and compared afterwards, whatever stands here.  But names come from nowhere else: that
 * an image has a name is what containerd's database says, and nothing that came with an image.
 */
#include "bolt.h"
#include "image.h"
#include <errno.h>
#include <hrun/fd.h>
#include <hrun/sha256.h>
#include <hrun/str.h>
#include <string.h>

enum {
	ATTEMPTS = 8, /* to read a state that nobody writes over meanwhile */
	TARGETS_MAX = 4096,
	DOCUMENTS_MAX = 64 << 20, /* bytes of documents */
	IMAGES_MAX = 16,
	NAMES_MAX = 17, /* of one image: one more than are judged */
	NAMESPACE_MAX = 128,
};

#define no_list(s, ...) refuse((s)->r, IMAGE_STAGE_INDEX, __VA_ARGS__)

/* A name, what it is of, and whether that has the layers. */
struct named {
	const char *name;
	struct digest target, manifest, config;
	bool fits;
};

struct found {
	struct digest config;
	struct digest manifests[IMAGE_MANIFESTS_MAX];
	const char *names[NAMES_MAX];
	size_t manifest_count, name_count;
};

struct search {
	struct pool *pool;
	int files;
	const struct image_request *request;
	char namespace[NAMESPACE_MAX];
	struct digest chain;
	struct named *named;
	size_t named_count;
	struct found images[IMAGES_MAX];
	size_t image_count;
	size_t read; /* bytes of documents */
	struct refusal *r;
};

/* ---- the databases ---- */

static int open_database(struct search *s, enum image_ask_kind kind, struct bolt *ret, int *ret_fd)
{
	const struct image_ask ask = {.version = IMAGE_WIRE_VERSION, .kind = kind};
	bool known = false;
	autofd int fd = file_ask(s->files, &ask, &known);

	if (known || fd < 0)
		return no_list(s, "containerd's database cannot be opened");
	if (bolt_open(s->pool, fd, ret) < 0)
		return no_list(s, "containerd's database is none that can be read");
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* READ once more where the database was written meanwhile.  0, or a refusal. */
static int read_database(struct search *s, enum image_ask_kind kind, int (*read)(struct search *s, struct bolt *b))
{
	for (int i = 0; i < ATTEMPTS; i++) {
		autofd int fd = -EBADF;
		struct bolt b;
		TRY(open_database(s, kind, &b, &fd));
		s->named_count = 0;
		*s->r = (struct refusal){0};
		int r = read(s, &b);
		if (!bolt_is_unchanged(&b))
			continue;
		return r < 0 ? no_list(s, "containerd's database is damaged") : 0;
	}
	return no_list(s, "containerd's database changes all the time; try again");
}

/* v1 and what NAMES say below it, "" at the end. */
static int open_bucket(struct bolt *b, const char *const *names, struct bolt_bucket *ret)
{
	*ret = b->top;
	for (; *names; names++) {
		struct bolt_bucket above = *ret;
		int r = bolt_bucket(b, &above, *names, ret);
		if (r != 1)
			return r;
	}
	return 1;
}

/* ---- which chain? ---- */

static bool read_varint(const struct bolt_item *item, uint64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < item->value_size && i < 9; i++) {
		*ret |= (uint64_t)(item->value[i] & 0x7f) << (7 * i);
		if (!(item->value[i] & 0x80))
			return true;
	}
	return false;
}

/* KEY is "NAMESPACE/NUMBER/NAME". */
static int take_key(struct search *s, const struct bolt_item *item)
{
	char *key = pool_strndup(s->pool, (const char *)item->key, item->key_size);
	char *first = strchr(key, '/'), *last = strrchr(key, '/');

	if (!first || first == last || digest_read(last + 1, &s->chain) < 0)
		return no_list(
			s,
			"the topmost layer is no image's own but `%.100s` (Docker adds one; a mapped user's is a copy)",
			last ? last + 1 : key);
	*first = '\0';
	if (str_format(s->namespace, sizeof s->namespace, "%s", key) < 0)
		return no_list(s, "containerd's namespace has too long a name");
	return 1;
}

struct snapshots {
	struct search *s;
	struct bolt *b;
};

static int look_at_snapshot(void *context, const struct bolt_item *item)
{
	const struct snapshots *all = context;
	struct bolt_bucket bucket;
	struct bolt_item id;
	uint64_t number;

	if (!item->is_bucket)
		return 0;
	TRY(bolt_bucket_of(item, &bucket));
	int r = bolt_value(all->b, &bucket, "id", &id);
	if (r <= 0)
		return r;
	if (!read_varint(&id, &number) || number != all->s->request->snapshot)
		return 0;
	return take_key(all->s, item);
}

static int read_chain(struct search *s, struct bolt *b)
{
	static const char *const path[] = {"v1", "snapshots", NULL};
	struct snapshots all = {s, b};
	struct bolt_bucket bucket;
	int r = open_bucket(b, path, &bucket);

	if (r == 1)
		r = bolt_walk(b, &bucket, look_at_snapshot, &all);
	return r < 0 ? r : 0;
}

/* ---- which names? ---- */

static bool is_plain(const char *name, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '"' || name[i] == '\\')
			return false;
	}
	return size > 0 && size < IMAGE_NAME_SIZE;
}

static int look_at_name(void *context, const struct bolt_item *item)
{
	static const char *const target_name = "target";
	const struct snapshots *all = context;
	struct bolt_bucket bucket, target;
	struct bolt_item digest = {0};
	struct search *s = all->s;
	struct named named = {0};

	if (!item->is_bucket)
		return 0;
	TRY(bolt_bucket_of(item, &bucket));
	int r = bolt_bucket(all->b, &bucket, target_name, &target);
	if (r == 1)
		r = bolt_value(all->b, &target, "digest", &digest);
	if (r <= 0)
		return r;
	named.name = pool_strndup(s->pool, (const char *)item->key, item->key_size);
	if (digest_read(pool_strndup(s->pool, (const char *)digest.value, digest.value_size), &named.target) < 0)
		return 0;
	if (!is_plain((const char *)item->key, item->key_size))
		return no_list(s, "an image of containerd's has a name that is none: `%.100s`", named.name);
	if (s->named_count == TARGETS_MAX)
		return no_list(s, "containerd has more than %d images", TARGETS_MAX);
	*pool_array_add(s->pool, s->named, s->named_count) = named;
	return 0;
}

static int read_names(struct search *s, struct bolt *b)
{
	const char *const path[] = {"v1", s->namespace, "images", NULL};
	struct snapshots all = {s, b};
	struct bolt_bucket bucket;
	int r = open_bucket(b, path, &bucket);

	return r == 1 ? bolt_walk(b, &bucket, look_at_name, &all) : r;
}

/* ---- which images? ---- */

/* Of an image's diff_ids: what containerd calls the snapshot of all of them (image specification, "Layer ChainID"). */
static void chain_of(const struct image *image, char chain[IMAGE_DIGEST_SIZE])
{
	unsigned char bytes[SHA256_SIZE];
	struct sha256 hash;

	memcpy(chain, image->diff_ids[0].text, IMAGE_DIGEST_SIZE);
	for (size_t i = 1; i < image->layer_count; i++) {
		sha256_init(&hash);
		sha256_add(&hash, chain, strlen(chain));
		sha256_add(&hash, " ", 1);
		sha256_add(&hash, image->diff_ids[i].text, strlen(image->diff_ids[i].text));
		sha256_end(&hash, bytes);
		sha256_hex(bytes, chain + strlen("sha256:"));
	}
}

static bool is_same(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static int add_manifest(struct search *s, struct found *found, const struct digest *manifest)
{
	for (size_t i = 0; i < found->manifest_count; i++) {
		if (is_same(&found->manifests[i], manifest))
			return 0;
	}
	if (found->manifest_count == IMAGE_MANIFESTS_MAX)
		return no_list(s, "an image has more than %d manifests and indexes; remove some names of it",
			       IMAGE_MANIFESTS_MAX);
	found->manifests[found->manifest_count++] = *manifest;
	return 0;
}

static int add_image(struct search *s, const struct named *named)
{
	struct found *found = s->images;

	while (found < s->images + s->image_count && !is_same(&found->config, &named->config))
		found++;
	if (found == s->images + IMAGES_MAX)
		return no_list(s, "more than %d images are made of the same layers; remove some", IMAGES_MAX);
	if (found == s->images + s->image_count) {
		s->image_count++;
		found->config = named->config;
	}
	TRY(add_manifest(s, found, &named->target));
	TRY(add_manifest(s, found, &named->manifest));
	/* The kubelet's side calls each image by its id as well, which is no name. */
	if (str_is_digest(named->name))
		return 0;
	if (found->name_count < NAMES_MAX)
		found->names[found->name_count++] = named->name;
	return 0;
}

/* Blobs of other platforms are mostly not there, and what cannot be read is not what runs. */
static bool read_image(struct search *s, struct pool *pool, struct named *named, struct image *image)
{
	struct refusal ignored = {0};
	const struct json *tree;
	struct descriptor d;
	struct blob blob;

	if (stored_document(pool, s->files, &named->target, &d, &blob, &tree, &ignored) < 0)
		return false;
	s->read += blob.size;
	if (media_is_index(d.media_type)) {
		if (index_choose(tree, s->request, &d, &ignored) < 0 ||
		    blob_read(pool, s->files, &d, DOCUMENT_MAX, IMAGE_STAGE_MANIFEST, &blob, &ignored) < 0)
			return false;
		s->read += blob.size;
	}
	named->manifest = d.digest;
	if (manifest_read(pool, &blob, d.media_type, image, &ignored) < 0 ||
	    image->layer_count != s->request->layer_count ||
	    blob_read(pool, s->files, &image->config, IMAGE_CONFIG_MAX, IMAGE_STAGE_CONFIG, &image->config_blob,
		      &ignored) < 0)
		return false;
	s->read += image->config_blob.size;
	named->config = image->config.digest;
	return config_read(pool, &image->config_blob, s->request, image, &ignored) == 0;
}

/* What was read for another name is not read again. */
static const struct named *known_target(const struct search *s, const struct named *named)
{
	const struct named *other = s->named;

	while (other < named && !is_same(&other->target, &named->target))
		other++;
	return other < named ? other : NULL;
}

static int look_at_target(struct search *s, struct named *named)
{
	const struct named *other = known_target(s, named);
	char chain[IMAGE_DIGEST_SIZE];
	struct pool pool = {0};

	if (other) {
		named->manifest = other->manifest;
		named->config = other->config;
		named->fits = other->fits;
		return named->fits ? add_image(s, named) : 0;
	}
	if (s->read > DOCUMENTS_MAX)
		return no_list(s, "containerd's images have more than %d bytes of manifests", DOCUMENTS_MAX);
	struct image *image = pool_alloc(&pool, sizeof *image);
	if (read_image(s, &pool, named, image) && image->layer_count > 0) {
		chain_of(image, chain);
		named->fits = str_equal(chain, s->chain.text);
	}
	pool_free(&pool);
	return named->fits ? add_image(s, named) : 0;
}

/* ---- the list ---- */

static const char *list_of(struct pool *pool, const char *prefix, const char *text, const char *one)
{
	return pool_printf(pool, "%s%s\"%s%s\"", text, *text ? "," : "", prefix, one);
}

static const char *object_of(const struct search *s, const struct found *found)
{
	const char *names = "", *manifests = "";

	for (size_t i = 0; i < found->name_count; i++)
		names = list_of(s->pool, "", names, found->names[i]);
	for (size_t i = 0; i < found->manifest_count; i++)
		manifests = list_of(s->pool, "manifest-", manifests, found->manifests[i].text);
	return pool_printf(s->pool, "{\"id\":\"%s\",\"layer\":\"%ju\",\"names\":[%s],\"big-data-names\":[%s]}",
			   found->config.text + strlen("sha256:"), (uintmax_t)s->request->snapshot, names, manifests);
}

static int find(struct search *s, struct blob *ret_list)
{
	const char *list = "";

	TRY(read_database(s, IMAGE_ASK_SNAPSHOTS, read_chain));
	if (!s->chain.text[0])
		return no_list(s, "containerd knows no snapshot %ju", (uintmax_t)s->request->snapshot);
	const struct digest chain = s->chain;
	TRY(read_database(s, IMAGE_ASK_NAMES, read_names));
	s->chain = chain;
	for (size_t i = 0; i < s->named_count; i++)
		TRY(look_at_target(s, &s->named[i]));
	if (!s->image_count)
		return no_list(s, "containerd has no image of these layers any more in its namespace %s; pull it again",
			       s->namespace);
	for (size_t i = 0; i < s->image_count; i++)
		list = pool_printf(s->pool, "%s%s%s", list, i ? "," : "", object_of(s, &s->images[i]));
	list = pool_printf(s->pool, "[%s]", list);
	*ret_list = (struct blob){(const unsigned char *)list, strlen(list)};
	return 0;
}

void stored_find(struct pool *pool, int files, const struct image_request *request, struct image_answer *answer,
		 struct blob *ret_list)
{
	struct search *s = pool_alloc(pool, sizeof *s);
	struct refusal r = {0};

	*s = (struct search){.pool = pool, .files = files, .request = request, .r = &r};
	*ret_list = (struct blob){0};
	answer->verdict = IMAGE_ACCEPT;
	if (find(s, ret_list) == 0)
		return;
	refuse(&r, IMAGE_STAGE_INDEX, "containerd's images cannot be listed");
	answer->verdict = r.verdict;
	answer->stage = r.stage;
	memcpy(answer->reason, r.reason, sizeof answer->reason);
}
