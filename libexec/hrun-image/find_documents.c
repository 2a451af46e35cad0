// SPDX-License-Identifier: Apache-2.0
/*
 * find_documents.c - which manifests that an image of containerd's leads to have the layers that are looked for?
 *
 * Not the one that hrun would choose: which of an index's entries is meant has rules of containerd's own (variants, what older
 * machines run as well, what the client asks for).  So all are followed, and a name is one of every image that it leads to.
 *
 * Go's reader of JSON takes members in capitals for others, the last of two equal ones, and much that is none; so a document that is not
 * strict, or has such members, says nothing here.  What is not there containerd cannot read either, and of a type that it does not
 * know it runs nothing.
 */
#include "find.h"
#include <errno.h>
#include <hrun/fd.h>
#include <hrun/sha256.h>
#include <hrun/str.h>
#include <string.h>

struct visit {
	struct find_documents *f;
	struct pool *pool;
	const char *why;
	bool is_over;		 /* a bound is reached: nothing more is asked for */
	bool is_carried;	 /* the document that is read next stands in the one above it as well (`data`) */
	size_t documents, bytes; /* of this target */
	struct find_way way;
};

static int cannot(struct visit *v, const char *digest, const char *why)
{
	if (!v->why)
		v->why = pool_printf(v->pool, "%.79s: %s", digest, why);
	return 0;
}

static void unread(struct visit *v, const struct refusal *r)
{
	if (!v->why)
		v->why = pool_strdup(v->pool, r->reason);
}

/* ---- documents ---- */

/* Go finds a member by its name in any case, and some letters of other alphabets in it. */
static bool may_be(const char *key, const char *name)
{
	for (const char *c = key; *c; c++) {
		if ((unsigned char)*c > '~')
			return true;
	}
	return strcasecmp(key, name) == 0 && !str_equal(key, name);
}

/* Does Go find no other members for NAMES in OBJECT, of the document DIGEST, than we do? */
static bool is_told_apart(struct visit *v, const char *digest, const struct json *object, const char *const *names)
{
	for (const struct json *m = object->first; m; m = m->next) {
		for (const char *const *name = names; *name; name++) {
			if (may_be(m->key, *name))
				return cannot(v, digest, "a member can be taken for another"), false;
		}
	}
	return true;
}

static bool is_object(const struct blob *blob)
{
	size_t blank = strspn((const char *)blob->bytes, " \t\r\n");

	return blob->bytes[blank] == '{';
}

/* Each costs before it is read: what is there in vain costs as much.  But no target costs the others more than its own bound. */
static bool may_read(struct visit *v, size_t size)
{
	v->is_over |= size > FIND_TARGET_BYTES - v->bytes || size + v->f->bytes > FIND_BYTES_MAX;
	if (v->is_over)
		return false;
	v->bytes += size;
	v->f->bytes += size;
	return true;
}

static bool may_ask(struct visit *v)
{
	v->is_over |= v->documents == FIND_TARGET_DOCUMENTS || v->f->documents >= FIND_DOCUMENTS_MAX;
	if (v->is_over)
		return false;
	v->documents++;
	v->f->documents++;
	return true;
}

/* The bytes of the document DIGEST; false where nothing follows from it, or where it cannot be read. */
static bool read_bytes(struct visit *v, const struct digest *digest, struct blob *ret)
{
	struct descriptor d = {.digest = *digest};
	struct refusal r = {0};
	struct stat st;

	if (!may_ask(v))
		return cannot(v, digest->text, "too many documents"), false;
	autofd int fd = blob_open(v->f->files, digest);
	if (fd == -ENOENT && !v->is_carried)
		return false;
	if (fd < 0 || file_look(fd, &st) < 0)
		return cannot(v, digest->text, "it cannot be opened"), false;
	d.size = (uint64_t)st.st_size;
	if (d.size <= DOCUMENT_MAX && !may_read(v, d.size))
		return cannot(v, digest->text, "too many bytes of documents"), false;
	if (blob_read(v->pool, v->f->files, &d, DOCUMENT_MAX, IMAGE_STAGE_MANIFEST, ret, &r) < 0)
		return unread(v, &r), false;
	return is_object(ret);
}

/* The document DIGEST, of which NAMES are looked at; or NULL. */
static const struct json *read_document(struct visit *v, const struct digest *digest, const char *const *names)
{
	struct refusal r = {0};
	const struct json *tree;
	struct blob blob;

	if (!read_bytes(v, digest, &blob))
		return NULL;
	if (document_read(v->pool, &blob, digest->text, IMAGE_STAGE_MANIFEST, &tree, &r) < 0)
		unread(v, &r);
	else if (is_told_apart(v, digest->text, tree, names))
		return tree;
	return NULL;
}

/* ---- the config ---- */

/* Of diff_ids: what containerd calls the snapshot of all of them (image specification, "Layer ChainID"). */
static bool has_chain(const struct json *ids, const char *looked_for)
{
	char chain[IMAGE_DIGEST_SIZE] = "sha256:";
	unsigned char bytes[SHA256_SIZE];
	const char *so_far = NULL;
	struct sha256 hash;

	for (const struct json *id = ids->first; id; id = id->next) {
		const char *text = id->type == JSON_NULL ? "" : id->text;
		if (id->type != JSON_NULL && id->type != JSON_STRING)
			return false;
		if (!so_far) {
			so_far = text;
			continue;
		}
		sha256_init(&hash);
		sha256_add(&hash, so_far, strlen(so_far));
		sha256_add(&hash, " ", 1);
		sha256_add(&hash, text, strlen(text));
		sha256_end(&hash, bytes);
		sha256_hex(bytes, chain + strlen("sha256:"));
		so_far = chain;
	}
	return so_far && str_equal(so_far, looked_for);
}

static int visit_config(struct visit *v, const struct digest *digest)
{
	static const char *const top[] = {"rootfs", NULL}, *const below[] = {"diff_ids", NULL};
	const struct json *config = read_document(v, digest, top), *rootfs = config ? json_at(config, "rootfs") : NULL;

	if (!rootfs || rootfs->type != JSON_OBJECT || !is_told_apart(v, digest->text, rootfs, below))
		return 0;
	const struct json *ids = json_at(rootfs, "diff_ids");
	if (!ids || ids->type != JSON_ARRAY || !has_chain(ids, v->f->chain))
		return 0;
	return v->f->take(v->f->context, &v->way, digest);
}

/* ---- indexes and manifests ---- */

/* Is OBJECT, in the document that is visited, one descriptor for everybody? */
static bool is_descriptor(struct visit *v, const struct json *object)
{
	static const char *const names[] = {"mediaType", "digest", "data", NULL};

	return object->type == JSON_OBJECT && is_told_apart(v, v->way.document[v->way.count - 1].text, object, names);
}

static bool read_digest(struct visit *v, const struct json *descriptor, struct digest *ret)
{
	const char *text = member_text(descriptor, "digest");

	if (!text)
		return false;
	if (digest_read(text, ret) < 0)
		return cannot(v, text, "it is no digest by sha256"), false;
	v->is_carried = json_at(descriptor, "data") != NULL;
	return true;
}

static int visit(struct visit *v, const struct digest *digest, const char *media_type);

static bool is_known(const char *media_type)
{
	return media_type && (media_is_index(media_type) || media_is_manifest(media_type));
}

/* What an index has led to already; a second time it leads to nothing else. */
struct seen {
	struct entry {
		struct digest digest;
		bool is_index, is_carried;
	} * item;
	size_t count;
};

static bool is_seen(struct visit *v, struct seen *seen, const struct digest *digest, const char *media_type)
{
	const struct entry entry = {*digest, media_is_index(media_type), v->is_carried};

	for (size_t i = 0; i < seen->count; i++) {
		const struct entry *other = &seen->item[i];
		if (other->is_index == entry.is_index && other->is_carried == entry.is_carried &&
		    str_equal(other->digest.text, entry.digest.text))
			return true;
	}
	*pool_array_add(v->pool, seen->item, seen->count) = entry;
	return false;
}

static int visit_index(struct visit *v, const struct digest *digest)
{
	static const char *const names[] = {"manifests", NULL};
	const struct json *index = read_document(v, digest, names);
	const struct json *entries = index ? json_at(index, "manifests") : NULL;
	struct seen seen = {0};
	struct digest child;

	if (!entries || entries->type != JSON_ARRAY)
		return 0;
	for (const struct json *entry = entries->first; entry && !v->is_over; entry = entry->next) {
		const char *type = is_descriptor(v, entry) ? member_text(entry, "mediaType") : NULL;
		if (is_known(type) && read_digest(v, entry, &child) && !is_seen(v, &seen, &child, type))
			TRY(visit(v, &child, type));
	}
	return 0;
}

static int visit_manifest(struct visit *v, const struct digest *digest)
{
	static const char *const names[] = {"config", NULL};
	const struct json *manifest = read_document(v, digest, names);
	const struct json *config = manifest ? json_at(manifest, "config") : NULL;
	struct digest child;

	return config && is_descriptor(v, config) && read_digest(v, config, &child) ? visit_config(v, &child) : 0;
}

static int visit(struct visit *v, const struct digest *digest, const char *media_type)
{
	if (v->way.count == FIND_DEPTH_MAX)
		return cannot(v, digest->text, "indexes in indexes too deep");
	v->way.document[v->way.count++] = *digest;
	int r = media_is_index(media_type) ? visit_index(v, digest) : visit_manifest(v, digest);
	v->way.count--;
	return r;
}

int find_documents(struct find_documents *f, struct pool *pool, const char *digest, const char *media_type,
		   const char **ret_why)
{
	struct visit v = {.f = f, .pool = pool};
	struct digest target;
	int r = 0;

	layout_place(0);
	*ret_why = NULL;
	if (!is_known(media_type))
		return 0;
	if (digest_read(digest, &target) == 0)
		r = visit(&v, &target, media_type);
	else
		cannot(&v, digest, "it is no digest by sha256");
	*ret_why = v.why;
	return r;
}
