/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.h - the parts of hrun-image, in the order in which an image passes through them.
 *
 *   layout.c      index.json, the entry that the ref names, the child for the platform      stage index, manifest
 *   candidates.c  every signature that the layout holds for that digest                     stage signature
 *   scheme_*.c    is one candidate a good signature by one requirement?                     stage signature, policy
 *   chain.c       manifest -> config -> layers                                              stage manifest, config
 *   layer.c       decompress, hash both sides, read the archive, send records               stage layer, unpack
 *
 * Every blob is read once, its size and digest are checked, then those very bytes are parsed (blob.c).
 */
#ifndef HRUN_IMAGE_H
#define HRUN_IMAGE_H

#include <hrun/image_wire.h>
#include <hrun/json.h>
#include <hrun/pool.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- blob.c ---- */
struct digest {
	unsigned char bytes[32];
	char text[IMAGE_DIGEST_SIZE]; /* "sha256:..." */
};
/* Strict: "sha256:" and 64 lower-case hexadecimal digits, nothing else.  0 or -EINVAL. */
int digest_read(const char *text, struct digest *ret_digest);

/* A descriptor of the image specification, checked member by member. */
struct descriptor {
	const char *media_type;
	struct digest digest;
	uint64_t size;
	const char *artifact_type;		 /* or NULL */
	const struct json *annotations;		 /* or NULL */
	const char *os, *architecture, *variant; /* platform; NULL where there is none */
};

struct blob {
	const unsigned char *bytes; /* a NUL stands behind the last one */
	size_t size;
};

/* What a stage says when it refuses; the first one counts. */
struct refusal {
	enum image_verdict verdict;
	enum image_stage stage;
	char reason[IMAGE_REASON_SIZE];
};
/* Fills *r unless it is filled already; returns -EBADMSG.  Quotes of the image lose their control characters. */
int refuse(struct refusal *r, enum image_stage stage, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Read blobs/sha256/HEX below LAYOUT whole, at most MAX bytes; size and digest are those of WHAT. */
int blob_read(struct pool *pool, int layout, const struct descriptor *what, size_t max, enum image_stage stage,
	      struct blob *ret_blob, struct refusal *r);

/* ---- keys ---- */
/* A public key or certificate of the policy, read from its descriptor; opaque (key.c). */
struct key;
struct trust {
	const struct image_trust *wire;
	struct key *keys[IMAGE_KEYS_MAX];
};

/* ---- signatures ---- */
enum signature_format { COSIGN_LEGACY, SIGSTORE_BUNDLE, NOTATION_JWS, NOTATION_COSE };

/* One that the layout holds for the subject; its blob was checked by size and digest. */
struct candidate {
	enum signature_format format;
	struct blob blob;	/* legacy: the payload; otherwise the bundle or envelope */
	const char *base64;	/* legacy: the annotation dev.cosignproject.cosign/signature, or NULL */
	struct digest manifest; /* where it stands, for messages */
};

/* What must have been signed. */
struct subject {
	struct digest digest;
	const char *media_type;
	uint64_t size;
};

/*
 * Is CANDIDATE a good signature of SUBJECT by TRUST?  Fills *v: ok, or the reason; *ret_key: which key of the requirement
 * (for thresholds), where ok.  NAME is the operator's name of the image or "".  Never fails otherwise: what cannot be read is
 * a bad signature.
 */
void scheme_check(struct pool *pool, const struct candidate *candidate, const struct subject *subject,
		  const struct trust *trust, const char *name, int64_t now, struct image_signature *v, size_t *ret_key);

/* Load the key or certificate in descriptor FD (PEM or DER).  0 or negative errno with the reason in *r (stage policy). */
int key_load(struct pool *pool, int fd, const char *name, enum image_scheme scheme, struct key **ret_key,
	     struct refusal *r);

/* Do the requirements hold?  All must; each by `threshold` different keys.  Fills answer->signatures and the refusal. */
int signatures_check(struct pool *pool, const struct image_request *request, const struct trust *trusts,
		     const struct candidate *candidates, size_t count, const struct subject *subject,
		     struct image_answer *answer, struct refusal *r);

/* ---- layers ---- */
struct layer_limits {
	uint64_t max_layer_bytes, max_total_bytes, max_entries;
	uint32_t max_ratio;
};
struct progress {
	void (*tell)(void *context, uint64_t bytes_done);
	void *context;
};
/*
 * Read the COUNT layers in order: compressed size and digest, uncompressed digest (DIFF_IDS), every entry of the archive within the
 * limits.  TREE >= 0: records go there.  Layer N+1 is begun only when N was right to its last byte; hrun throws the tree away
 * unless the answer accepts.
 */
int layers_read(struct pool *pool, int layout, const struct descriptor *layers, const struct digest *diff_ids,
		size_t count, const struct layer_limits *limits, int tree, const struct progress *progress,
		struct refusal *r);

#endif
