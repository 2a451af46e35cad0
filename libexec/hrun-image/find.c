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
#include "find.h"
#include <errno.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <string.h>

enum {
	ATTEMPTS = 8, /* to read a state that nobody writes over meanwhile */
	TARGETS_MAX = 4096,
};

#define no_list(s, ...) refuse((s)->r, IMAGE_STAGE_INDEX, __VA_ARGS__)

/* A name, and what it is of. */
struct named {
	const char *name, *target, *media_type;
	bool is_plain, is_looked_at;
	enum find_unpacked unpacked;
};

struct list {
	const char **item;
	size_t count;
};

/* An image that has the layers. */
struct found {
	struct digest config;
	struct list names, manifests;
};

struct search {
	struct pool *pool;
	/* Of the state of a database that was read, and of no other: freed before the next attempt. */
	struct pool snapshot_pages, name_pages, label_pages;
	int files;
	const struct image_request *request;
	struct find_snapshot snapshot;
	struct named *named;
	size_t named_count;
	const struct named *target; /* that is looked at */
	struct find_documents documents;
	struct find_labels labels;
	bool is_taken; /* the target has the layers */
	struct found *images;
	size_t image_count;
	struct refusal *r;
};

/* ---- the databases ---- */

static int open_database(struct search *s, enum image_ask_kind kind, struct pool *pages, struct bolt *ret, int *ret_fd)
{
	const struct image_ask ask = {.version = IMAGE_WIRE_VERSION, .kind = kind};
	bool known = false;
	autofd int fd = file_ask(s->files, &ask, &known);

	if (known || fd < 0)
		return no_list(s, "containerd's database cannot be opened");
	if (bolt_open(pages, fd, ret) < 0)
		return no_list(s, "containerd's database is none that can be read");
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* READ once more where the database was written meanwhile.  0, or a refusal.  What was read stays as long as PAGES. */
static int read_database(struct search *s, enum image_ask_kind kind, struct pool *pages,
			 int (*read)(struct search *s, struct bolt *b))
{
	for (int i = 0; i < ATTEMPTS; i++) {
		autofd int fd = -EBADF;
		struct bolt b;
		pool_free(pages);
		*s->r = (struct refusal){0};
		TRY(open_database(s, kind, pages, &b, &fd));
		int r = read(s, &b);
		if (!bolt_is_unchanged(&b))
			continue;
		return r < 0 ? no_list(s, "containerd's database is damaged") : 0;
	}
	return no_list(s, "containerd's database changes all the time; try again");
}

/* ---- which names? ---- */

static int read_chain(struct search *s, struct bolt *b)
{
	return find_snapshot(b, s->request, &s->snapshot, s->r);
}

static bool is_plain(const char *name, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '"' || name[i] == '\\')
			return false;
	}
	return size > 0 && size < IMAGE_NAME_SIZE;
}

static const char *text_of(struct search *s, const struct bolt_item *item)
{
	return pool_strndup(&s->name_pages, (const char *)item->value, item->value_size);
}

struct names {
	struct search *s;
	struct bolt *b;
};

static int look_at_name(void *context, const struct bolt_item *item)
{
	static const char *const target_name = "target";
	const struct names *all = context;
	struct bolt_item digest = {0}, media_type = {0};
	struct bolt_bucket bucket, target;
	struct search *s = all->s;

	if (!item->is_bucket)
		return 0;
	TRY(bolt_bucket_of(item, &bucket));
	int r = bolt_bucket(all->b, &bucket, target_name, &target);
	r = r == 1 ? bolt_value(all->b, &target, "digest", &digest) : r;
	r = r == 1 ? bolt_value(all->b, &target, "mediatype", &media_type) : r;
	if (r <= 0)
		return r;
	if (s->named_count == TARGETS_MAX)
		return no_list(s, "containerd has more than %d images", TARGETS_MAX);
	struct named *named = pool_array_add(&s->name_pages, s->named, s->named_count);
	named->name = pool_strndup(&s->name_pages, (const char *)item->key, item->key_size);
	named->is_plain = is_plain((const char *)item->key, item->key_size);
	named->target = text_of(s, &digest);
	named->media_type = text_of(s, &media_type);
	return 0;
}

static int read_names(struct search *s, struct bolt *b)
{
	const char *const path[] = {"v1", s->snapshot.namespace, "images", NULL};
	struct names all = {.s = s, .b = b};
	struct bolt_bucket bucket;

	s->named = NULL;
	s->named_count = 0;
	int r = bolt_path(b, path, &bucket);
	return r == 1 ? bolt_walk(b, &bucket, look_at_name, &all) : r;
}

static int read_labels(struct search *s, struct bolt *b)
{
	return find_labels_read(b, s->snapshot.namespace, s->request->snapshotter, &s->labels);
}

/* ---- which images? ---- */

static void add_text(struct pool *pool, struct list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++) {
		if (str_equal(list->item[i], text))
			return;
	}
	*pool_array_add(pool, list->item, list->count) = pool_strdup(pool, text);
}

static bool has_target(const struct named *named, const struct named *target)
{
	return str_equal(named->target, target->target) && str_equal(named->media_type, target->media_type);
}

static int add_name(struct search *s, struct found *found, const struct named *named)
{
	/* The kubelet's side calls each image by its id as well, which is no name. */
	if (str_is_digest(named->name))
		return 0;
	if (!named->is_plain)
		return no_list(s, "an image of containerd's has a name that is none: `%.100s`", named->name);
	add_text(s->pool, &found->names, named->name);
	return 0;
}

/* The target that is looked at has the layers: so has every name of it. */
static int add_image(void *context, const struct find_way *way, const struct digest *config)
{
	struct search *s = context;
	struct found *found = NULL;

	for (size_t i = 0; i < s->image_count && !found; i++)
		found = str_equal(s->images[i].config.text, config->text) ? &s->images[i] : NULL;
	if (!found)
		found = pool_array_add(s->pool, s->images, s->image_count);
	found->config = *config;
	s->is_taken = true;
	for (size_t i = 0; i < way->count; i++)
		add_text(s->pool, &found->manifests, way->document[i].text);
	for (size_t i = 0; i < s->named_count; i++) {
		if (has_target(&s->named[i], s->target))
			TRY(add_name(s, found, &s->named[i]));
	}
	return 0;
}

/*
 * What cannot be read may be this image, unless containerd itself has unpacked it as another one.  That it has not unpacked it at all
 * says nothing: layers that are there already it only takes.
 */
static int judge_unread(struct search *s, const char *why)
{
#ifdef HRUN_MUTANT_FIND_UNREAD
	return 0;
#endif
	if (s->target->unpacked == FIND_ELSEWHERE)
		return 0;
	return no_list(s, "image `%.80s` cannot be read and may be this one; remove it: %.118s", s->target->name, why);
}

static int look_at_target(struct search *s, struct named *named)
{
	struct pool pool = {0};
	const char *why = NULL;

	s->target = named;
	s->is_taken = false;
	for (size_t i = 0; i < s->named_count; i++)
		s->named[i].is_looked_at |= has_target(&s->named[i], named);
	int r = find_documents(&s->documents, &pool, named->target, named->media_type, &why);
	if (r == 0 && why && !s->is_taken)
		r = judge_unread(s, why);
	pool_free(&pool);
	return r;
}

/* ---- the list ---- */

static void write_list(struct json_out *out, const char *prefix, const struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		json_out_printf(out, "%s\"%s%s\"", i ? "," : "", prefix, list->item[i]);
}

static void write_image(const struct search *s, const struct found *found, struct json_out *out)
{
	json_out_printf(out, "%s{\"id\":\"%s\",\"layer\":\"%ju\",\"names\":[", found == s->images ? "" : ",",
			found->config.text + strlen("sha256:"), (uintmax_t)s->request->snapshot);
	write_list(out, "", &found->names);
	json_out_raw(out, "],\"big-data-names\":[");
	write_list(out, "manifest-", &found->manifests);
	json_out_raw(out, "]}");
}

/* Where there are no labels that can be read, nothing that cannot be read is excused. */
static void judge_labels(struct search *s)
{
	if (read_database(s, IMAGE_ASK_NAMES, &s->label_pages, read_labels) < 0) {
		s->labels = (struct find_labels){0};
		*s->r = (struct refusal){0};
	}
	find_labels_judge(&s->labels, &s->label_pages, s->snapshot.chain.text);
	for (size_t i = 0; i < s->named_count; i++)
		s->named[i].unpacked = find_unpacked(&s->labels, s->named[i].target);
}

/*
 * What was unpacked as other layers comes last: whoever fills the namespace with such images, so that not all can be looked at, keeps
 * none from being found.
 */
static int find_images(struct search *s)
{
	static const enum find_unpacked order[] = {FIND_HERE, FIND_NEVER, FIND_ELSEWHERE};

	judge_labels(s);
	s->documents = (struct find_documents){
		.files = s->files, .chain = s->snapshot.chain.text, .take = add_image, .context = s};
	for (size_t k = 0; k < sizeof order / sizeof order[0]; k++) {
		for (size_t i = 0; i < s->named_count; i++) {
			if (!s->named[i].is_looked_at && s->named[i].unpacked == order[k])
				TRY(look_at_target(s, &s->named[i]));
		}
	}
	return 0;
}

static int find(struct search *s, struct blob *ret_list)
{
	struct json_out out = {.pool = s->pool};

	TRY(read_database(s, IMAGE_ASK_SNAPSHOTS, &s->snapshot_pages, read_chain));
	if (s->snapshot.chain.text[0]) {
		TRY(read_database(s, IMAGE_ASK_NAMES, &s->name_pages, read_names));
		TRY(find_images(s));
	}
	json_out_raw(&out, "[");
	for (size_t i = 0; i < s->image_count; i++)
		write_image(s, &s->images[i], &out);
	json_out_raw(&out, "]");
	if (out.length > IMAGE_CONFIG_MAX)
		return no_list(s, "too many images and names have these layers; remove some");
	*ret_list = (struct blob){(const unsigned char *)out.text, out.length};
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
	int found = find(s, ret_list);
	pool_free(&s->snapshot_pages);
	pool_free(&s->name_pages);
	pool_free(&s->label_pages);
	if (found == 0)
		return;
	refuse(&r, IMAGE_STAGE_INDEX, "containerd's images cannot be listed");
	answer->verdict = r.verdict;
	answer->stage = r.stage;
	memcpy(answer->reason, r.reason, sizeof answer->reason);
}
