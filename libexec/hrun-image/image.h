/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.h - the parts of hrun-image, in the order in which an image passes through them.
 *
 *   layout.c      index.json, the entry that the ref names, the child for the platform      stage index, manifest
 *   candidates.c  every signature that the layout holds for that digest                     stage signature
 *   scheme_*.c    is one candidate a good signature by one requirement?                     stage signature, policy
 *   chain.c       manifest -> config -> layers                                              stage manifest, config
 *   layer.c       decompress, hash both sides, read the archive, send records               stage layer, unpack
 *   find.c        which images of containerd's store could these snapshots be (find.h; its databases: bolt.c)
 *   stored.c      an image as an engine keeps it: its manifests, signatures of several places   stage signature
 *   compare.c     each layer's archive (compare_source.c: its blob, or made again) beside the files   stage layer
 *
 * Every blob is read once, its size and digest are checked, then those very bytes are parsed (blob.c).
 */
#ifndef HRUN_IMAGE_PARTS_H
#define HRUN_IMAGE_PARTS_H

#include <hrun/err.h>
#include <hrun/image_wire.h>
#include <hrun/json.h>
#include <hrun/pool.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

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
#define refuse(...) err_failure((refuse)(__VA_ARGS__)) /* as err_set: analyzers see that it is never >= 0 */

/*
 * LAYOUT is the socket to hrun, which opens what is asked for (in a test: the layout directory itself).  Only one thread asks.
 * An owned descriptor of the regular file blobs/sha256/HEX, or a negative errno; its size and bytes are not judged yet.
 */
int blob_open(int layout, const struct digest *digest);
/* From now on files are asked of this place (struct image_ask). */
void layout_place(uint32_t place);
/* One question to hrun: an owned descriptor, 0 with *ret_known, or a negative errno. */
int file_ask(int socket, const struct image_ask *question, bool *ret_known);
/* An owned descriptor of what KIND names (hex NULL but for IMAGE_ASK_BLOB), or a negative errno. */
int layout_open(int layout, enum image_ask_kind kind, const char *hex);
/* fstat(2) by its own system call: the C library's takes a path along, and a filter cannot see that it is empty. */
int file_look(int fd, struct stat *ret_stat);
/* The whole file FD, at most MAX bytes; -EFBIG where it is larger, -EBUSY where it changes meanwhile. */
int file_read(struct pool *pool, int fd, size_t max, struct blob *ret_blob);

/* Read blobs/sha256/HEX below LAYOUT whole, at most MAX bytes; size and digest are those of WHAT. */
int blob_read(struct pool *pool, int layout, const struct descriptor *what, size_t max, enum image_stage stage,
	      struct blob *ret_blob, struct refusal *r);

/* BLOB as a JSON object; WHAT names it in the refusal. */
int document_read(struct pool *pool, const struct blob *blob, const char *what, enum image_stage stage,
		  const struct json **ret_tree, struct refusal *r);

/* ---- descriptor.c ---- */
enum { DOCUMENT_MAX = 1 << 20, LAYERS_MAX = 128, ENTRIES_MAX = 4096 };
/* Member NAME of OBJECT as a string or NULL; a string of another type is NULL, too. */
const char *member_text(const struct json *object, const char *name);
/* 0, or -EINVAL and why in *ret_why (static). */
int descriptor_read(const struct json *object, struct descriptor *ret, const char **ret_why);
bool media_is_index(const char *media_type);
bool media_is_manifest(const char *media_type);

/* ---- layout.c ---- */
struct layout {
	int files; /* borrowed; see blob_open */
	const struct json *index;
};
/* oci-layout and index.json; a refusal is IMAGE_MALFORMED. */
int layout_read(struct pool *pool, int files, struct layout *ret, struct refusal *r);
/* The entry that the request means. */
int layout_choose(const struct layout *layout, const struct image_request *request, struct descriptor *ret,
		  struct refusal *r);
/* The manifest for the request's platform in an image index. */
int index_choose(const struct json *index, const struct image_request *request, struct descriptor *ret,
		 struct refusal *r);

/* ---- chain.c ---- */
struct image {
	struct descriptor config;
	struct descriptor layers[LAYERS_MAX];
	struct digest diff_ids[LAYERS_MAX];
	size_t layer_count;
	struct blob config_blob;
};
/* A manifest's bytes, read and checked; CONFIG and LAYERS are descriptors, nothing of theirs is read. */
int manifest_read(struct pool *pool, const struct blob *blob, const char *media_type, struct image *ret,
		  struct refusal *r);
/* The config's bytes, read and checked: of the request's platform, with one diff_id a layer. */
int config_read(struct pool *pool, const struct blob *blob, const struct image_request *request, struct image *image,
		struct refusal *r);

/* ---- request.c ---- */
/* Every field of a request that came from outside; -EBADMSG where one is out of range. */
int request_check(const struct image_request *request, size_t fd_count, struct refusal *r);

/* Which of its descriptors is the first key. */
size_t request_first_key(const struct image_request *request);

/* ---- program.c: hrun-sign begins so, too ---- */
enum { PROGRAM_SOCKET = 3, PROGRAM_NO_ANSWER = 2 }; /* the one descriptor; the exit status of who cannot answer */
/* One line on stderr, for who runs it by hand; hrun gives it no stderr.  PROGRAM_NO_ANSWER. */
int program_complain(const char *name, const char *what);
/* What must be so at the start, with libcrypto; then the walls.  0, or PROGRAM_NO_ANSWER after a complaint. */
int program_begin(const char *name, int argc);
int program_confine(const char *name);

/* ---- confine.c, filter.c ---- */
/* From here on: no privilege, no file, no network.  DIES_WITH_PARENT: SIGKILL where hrun ends.  0, or a negative errno and in *ret_what what failed. */
int confine(bool dies_with_parent, const char **ret_what);
int filter_load(void);

/* ---- keys ---- */
/* A public key or certificate of the policy, read from its descriptor; opaque (key.c). */
struct key;
struct trust {
	const struct image_trust *wire;
	struct key *keys[IMAGE_KEYS_MAX];
};

/* ---- signatures ---- */
enum signature_format { COSIGN_LEGACY, SIGSTORE_BUNDLE, NOTATION_JWS, NOTATION_COSE, TREE_STATEMENT };

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
	struct digest config; /* of a bundle: of its config.json; else "" */
	/* Of a bundle whose root is a file: where only this is known of the file (else ""), `digest` is "", and who signs it says what it is. */
	bool is_file;
	struct digest verity;
	struct digest *told;
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

/* Does the operator's NAME of an image hold a digest ("...@sha256:..."), and is it another one? */
bool name_is_of_other(const char *name, const struct digest *digest);

/* Do the requirements hold?  All must; each by `threshold` different keys.  Fills answer->signatures and the refusal. */
int signatures_check(struct pool *pool, const struct image_request *request, const struct trust *trusts,
		     const struct candidate *candidates, size_t count, const struct subject *subject,
		     struct image_answer *answer, struct refusal *r);

/* ---- candidates.c ---- */
enum { CANDIDATES_MAX = 256 };
struct candidates {
	struct candidate *item;
	size_t count;
	bool incomplete;	/* there was more than is looked at */
	const char *unreadable; /* why the first one that could not be read was left out, or NULL */
};
void candidates_find(struct pool *pool, const struct layout *layout, const struct digest *subject,
		     struct candidates *ret);

/* ---- find.c ---- */
/* IMAGE_FIND: fills *answer but for done, and *ret_list. */
void stored_find(struct pool *pool, int files, const struct image_request *request, struct image_answer *answer,
		 struct blob *ret_list);

/* ---- stored.c ---- */
/*
 * The manifest or index DIGEST of an engine's store as a descriptor, its bytes, which have the digest, and what they say.
 */
int stored_document(struct pool *pool, int files, const struct digest *digest, struct descriptor *ret,
		    struct blob *ret_blob, const struct json **ret_tree, struct refusal *r);
/* Manifest NUMBER of the request. */
int stored_manifest(struct pool *pool, int files, const struct image_request *request, uint32_t number,
		    struct descriptor *ret, struct refusal *r);
/* Every signature of SUBJECT in the engine's store and in all places. */
void stored_candidates(struct pool *pool, int files, const struct image_request *request, const struct digest *subject,
		       struct candidates *ret);

/* ---- layers ---- */
struct layer_limits {
	uint64_t max_layer_bytes, max_total_bytes, max_entries;
	uint32_t max_ratio;
	struct image_devices *devices; /* device nodes are left out and counted here; NULL: they are refused */
};
struct progress {
	void (*tell)(void *context, uint64_t bytes_done);
	void *context;
	uint32_t *layer; /* the number of the one that is read, from 1 */
};
/*
 * Read the COUNT layers in order: compressed size and digest, uncompressed digest (DIFF_IDS), every entry of the archive within the
 * limits.  TREE >= 0: records go there.  Layer N+1 is begun only when N was right to its last byte; hrun throws the tree away
 * unless the answer accepts.
 */
int layers_read(struct pool *pool, int layout, const struct descriptor *layers, const struct digest *diff_ids,
		size_t count, const struct layer_limits *limits, int tree, const struct progress *progress,
		struct refusal *r);

/*
 * IMAGE_COMPARE: the layers' directories, which hrun names by number, beside the archives that have DIFF_IDS: those of the blobs
 * LAYERS, or, where it is NULL, made again from what the engine has recorded.
 */
int layers_compare(struct pool *pool, int files, const struct descriptor *layers, const struct digest *diff_ids,
		   size_t count, const struct layer_limits *limits, const struct progress *progress, struct refusal *r);

/* The whole chain; fills *answer but for done. */
void image_judge(struct pool *pool, int files, const struct image_request *request, const struct trust *trusts,
		 int tree, const struct progress *progress, struct image_answer *answer, struct blob *ret_config);

/* ---- bundle.c ---- */
/* Are the request's two digests signed as the policy wants it?  FILES hold the signatures.  Fills *answer but for done. */
void bundle_judge(struct pool *pool, const struct image_request *request, const struct trust *trusts, const int *files,
		  struct image_answer *answer);

#endif
