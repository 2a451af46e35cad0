/* SPDX-License-Identifier: Apache-2.0 */
/*
 * candidates.c - every signature that the layout holds for a digest.
 *
 * Where a signature stands proves nothing, and so does every media type, annotation and artifactType on the way to it: they
 * only say how to read it.  Whatever cannot be read is no signature.  The places, by writer:
 *
 *   ref.name sha256-HEX.sig, or kind dev.cosignproject.cosign/sigs    a manifest with one layer a signature (cosign, skopeo)
 *   ref.name sha256-HEX                                               an index of referrers (registries without their API)
 *   an entry of index.json whose manifest has the digest as `subject` (oras, notation)
 *   a manifest that only lies in blobs/ and has it as `subject`       (cosign save)
 *
 * The artifactType of an index entry is not looked at: cosign 3 writes a wrong one.
 */
#include "image.h"
#include <dirent.h>
#include <errno.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	SIGNATURE_MAX = 1 << 20, /* one signature blob */
	ALL_SIGNATURES_MAX = 8 << 20,
	MANIFESTS_MAX = 512,	  /* manifests that are read in search of signatures */
	SCANNED_SIZE_MAX = 65536, /* of a manifest that nothing but its subject binds to the image */
	SCANNED_FILES_MAX = 16384,
	SCANNED_BYTES_MAX = 32 << 20,
	MANIFEST_BYTES_MAX = 4 << 20, /* of manifests that are parsed */
};

struct search {
	struct pool *pool;
	const struct layout *layout;
	const struct digest *subject;
	struct candidates *found;
	struct digest seen[MANIFESTS_MAX]; /* manifests that were read */
	size_t seen_count;
	size_t scanned, parsed, kept; /* bytes: of unlisted files, of manifests, of signatures */
};

/* The first reason is the one that helps. */
static void leave_out(struct search *s, const char *why)
{
	if (!s->found->unreadable)
		s->found->unreadable = pool_strdup(s->pool, why);
}

static bool is_seen(struct search *s, const struct digest *manifest)
{
	for (size_t i = 0; i < s->seen_count; i++) {
		if (memcmp(s->seen[i].bytes, manifest->bytes, sizeof manifest->bytes) == 0)
			return true;
	}
	if (s->seen_count == MANIFESTS_MAX) {
		s->found->incomplete = true;
		return true;
	}
	s->seen[s->seen_count++] = *manifest;
	return false;
}

static bool read_blob(struct search *s, const struct descriptor *what, size_t max, struct blob *ret)
{
	struct refusal r = {0};

	if (blob_read(s->pool, s->layout->files, what, max, IMAGE_STAGE_SIGNATURE, ret, &r) == 0)
		return true;
	leave_out(s, r.reason);
	return false;
}

static bool format_of(const struct json *manifest, const char *media_type, enum signature_format *ret)
{
	static const struct {
		const char *media_type;
		enum signature_format format;
	} formats[] = {
		{"application/vnd.dev.cosign.simplesigning.v1+json", COSIGN_LEGACY},
		{"application/vnd.dev.sigstore.bundle.v0.3+json", SIGSTORE_BUNDLE},
		{"application/vnd.dev.sigstore.bundle+json;version=0.3", SIGSTORE_BUNDLE},
		{"application/jose+json", NOTATION_JWS},
		{"application/cose", NOTATION_COSE},
	};
	const char *notation = "application/vnd.cncf.notary.signature";
	const char *config = member_text(json_at(manifest, "config"), "mediaType");
	const char *artifact = member_text(manifest, "artifactType");

	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		if (!str_equal(media_type, formats[i].media_type))
			continue;
		*ret = formats[i].format;
		/* These two media types are everybody's. */
		return (*ret != NOTATION_JWS && *ret != NOTATION_COSE) || (config && str_equal(config, notation)) ||
		       (artifact && str_equal(artifact, notation));
	}
	return false;
}

static void add_layer(struct search *s, const struct json *manifest, const struct json *layer,
		      const struct digest *where)
{
	struct candidate candidate = {.manifest = *where};
	struct descriptor d;
	const char *why;

	if (descriptor_read(layer, &d, &why) < 0) {
		leave_out(s, why);
		return;
	}
	if (!format_of(manifest, d.media_type, &candidate.format))
		return;
	if (s->found->count == CANDIDATES_MAX || d.size > ALL_SIGNATURES_MAX - s->kept) {
		s->found->incomplete = true;
		return;
	}
	if (!read_blob(s, &d, SIGNATURE_MAX, &candidate.blob))
		return;
	s->kept += candidate.blob.size;
	if (candidate.format == COSIGN_LEGACY && d.annotations)
		candidate.base64 = member_text(d.annotations, "dev.cosignproject.cosign/signature");
	*pool_array_add(s->pool, s->found->item, s->found->count) = candidate;
}

static bool names_subject(const struct search *s, const struct json *manifest)
{
	const char *digest = member_text(json_at(manifest, "subject"), "digest");

	return digest && str_equal(digest, s->subject->text);
}

static const struct json *parse(struct search *s, const struct blob *blob, const struct digest *digest)
{
	const struct json *tree;
	struct refusal r = {0};

	if (document_read(s->pool, blob, digest->text, IMAGE_STAGE_SIGNATURE, &tree, &r) == 0)
		return tree;
	leave_out(s, r.reason);
	return NULL;
}

/* BY_SUBJECT: only where the manifest says that it is about our digest. */
static void add_manifest(struct search *s, const struct descriptor *d, bool by_subject)
{
	/* (Tens of keyless signatures in one list of our own, with their certificates, are met; those of others must not use up the limit.) */
	const size_t max = by_subject ? SCANNED_SIZE_MAX : DOCUMENT_MAX;
	struct blob blob;

	if (!media_is_manifest(d->media_type) || is_seen(s, &d->digest))
		return;
	if (d->size <= max && d->size > MANIFEST_BYTES_MAX - s->parsed) {
		s->found->incomplete = true;
		return;
	}
	if (!read_blob(s, d, max, &blob))
		return;
	s->parsed += blob.size;
	const struct json *manifest = parse(s, &blob, &d->digest);
	if (!manifest || (by_subject && !names_subject(s, manifest)))
		return;
	const struct json *layers = json_at(manifest, "layers");
	if (!layers || layers->type != JSON_ARRAY)
		return;
	for (const struct json *layer = layers->first; layer; layer = layer->next)
		add_layer(s, manifest, layer, &d->digest);
}

static void add_index(struct search *s, const struct descriptor *d)
{
	struct descriptor child;
	struct blob blob;
	const char *why;

	if (!media_is_index(d->media_type) || !read_blob(s, d, DOCUMENT_MAX, &blob))
		return;
	const struct json *index = parse(s, &blob, &d->digest), *list = index ? json_at(index, "manifests") : NULL;
	for (const struct json *entry = list && list->type == JSON_ARRAY ? list->first : NULL; entry;
	     entry = entry->next) {
		if (descriptor_read(entry, &child, &why) == 0)
			add_manifest(s, &child, true);
	}
}

/* Does the ref name end in sha256-HEX and SUFFIX?  Engines may put the repository and a colon before it. */
static bool is_tag(const struct search *s, const char *name, const char *suffix)
{
	char tag[IMAGE_DIGEST_SIZE + 8];

	if (!name || str_format(tag, sizeof tag, "sha256-%s%s", s->subject->text + strlen("sha256:"), suffix) < 0 ||
	    !str_ends(name, tag))
		return false;
	size_t before = strlen(name) - strlen(tag);
	return before == 0 || name[before - 1] == ':';
}

static void add_listed(struct search *s, const struct json *entry, bool by_subject)
{
	struct descriptor d;
	const char *why;

	if (descriptor_read(entry, &d, &why) < 0 ||
	    memcmp(d.digest.bytes, s->subject->bytes, sizeof d.digest.bytes) == 0)
		return;
	const char *name = d.annotations ? member_text(d.annotations, "org.opencontainers.image.ref.name") : NULL;
	const char *kind = d.annotations ? member_text(d.annotations, "kind") : NULL;
	bool is_sigs = is_tag(s, name, ".sig") || (kind && str_equal(kind, "dev.cosignproject.cosign/sigs"));
	if (by_subject && !is_sigs)
		add_manifest(s, &d, true);
	else if (!by_subject && is_sigs)
		add_manifest(s, &d, false);
	else if (!by_subject && is_tag(s, name, ""))
		add_index(s, &d);
}

/* An unlisted blob: small, JSON, and it speaks of our digest.  Only then is its own digest worth the while. */
static void look_at(struct search *s, const char *hex)
{
	static char bytes[SCANNED_SIZE_MAX + 1];
	char text[IMAGE_DIGEST_SIZE];
	struct descriptor d = {.media_type = "application/vnd.oci.image.manifest.v1+json"};
	struct stat st;

	if (str_format(text, sizeof text, "sha256:%s", hex) < 0 || digest_read(text, &d.digest) < 0)
		return;
	autofd int fd = blob_open(s->layout->files, &d.digest);
	if (fd < 0 || file_look(fd, &st) < 0 || st.st_size <= 0 || st.st_size > SCANNED_SIZE_MAX)
		return;
	ssize_t n = fd_read_all(fd, bytes, sizeof bytes);
	if (n <= 0 || n > SCANNED_SIZE_MAX)
		return;
	s->scanned += (size_t)n;
	d.size = (uint64_t)n;
	if (bytes[0] == '{' && memmem(bytes, (size_t)n, "\"subject\"", 9) &&
	    memmem(bytes, (size_t)n, s->subject->text, strlen(s->subject->text)))
		add_manifest(s, &d, true);
}

/* getdents64(2): readdir(3) would want to own the descriptor, and allocate. */
static void scan(struct search *s)
{
	static _Alignas(struct dirent64) char entries[32768];
	autofd int list = layout_open(s->layout->files, IMAGE_ASK_LIST, NULL);
	size_t count = 0;
	long n;

	while (list >= 0 && (n = syscall(SYS_getdents64, list, entries, sizeof entries)) > 0) {
		for (long at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(entries + at);
			at += entry->d_reclen;
			if (++count > SCANNED_FILES_MAX || s->scanned > SCANNED_BYTES_MAX) {
				s->found->incomplete = true;
				return;
			}
			if (strlen(entry->d_name) == 64)
				look_at(s, entry->d_name);
		}
	}
}

void candidates_find(struct pool *pool, const struct layout *layout, const struct digest *subject,
		     struct candidates *ret)
{
	struct search *s = pool_alloc(pool, sizeof *s);
	const struct json *first = json_at(layout->index, "manifests")->first;

	*ret = (struct candidates){0};
	*s = (struct search){.pool = pool, .layout = layout, .subject = subject, .found = ret};
	/* What is named after the digest first: a crowd of other entries must not use up the limits. */
	for (const struct json *entry = first; entry; entry = entry->next)
		add_listed(s, entry, false);
	for (const struct json *entry = first; entry; entry = entry->next)
		add_listed(s, entry, true);
	scan(s);
}
