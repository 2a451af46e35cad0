/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_wire.h - what hrun and its two image programs say to each other.
 *
 * hrun-image parses and hashes and holds no privilege; hrun-tree writes one directory and parses nothing.  hrun starts
 * both with a SEQPACKET socket as descriptor 3 and nothing else, and sends descriptors with the request.  Every message
 * is one of these structs, whole and of exactly this size; every string is terminated inside its array; every count and
 * enum is checked by who receives it.  Both ends come from one build: there is no version to negotiate, only one to compare.
 *
 * hrun-image opens nothing itself: it may not, and its uid often could not.  It asks hrun for one file of the layout at a
 * time, by digest (struct image_ask), and gets a descriptor of a regular file below the layout, reached through no link.
 */
#ifndef HRUN_IMAGE_WIRE_H
#define HRUN_IMAGE_WIRE_H

#include <stdint.h>

enum {
	IMAGE_WIRE_VERSION = 2,
	IMAGE_TRUSTS_MAX = 8,	   /* requirements that apply to one image: all must hold */
	IMAGE_KEYS_MAX = 16,	   /* keys or CA certificates of one requirement */
	IMAGE_SIGNATURES_MAX = 16, /* that an answer tells about */
	IMAGE_NAME_SIZE = 512,
	IMAGE_REASON_SIZE = 256,
	IMAGE_DIGEST_SIZE = 72, /* "sha256:" and 64 digits */
	IMAGE_TEXT_SIZE = 256,
	IMAGE_FDS_MAX = IMAGE_SIGNATURES_MAX + IMAGE_TRUSTS_MAX * IMAGE_KEYS_MAX,
	IMAGE_CHUNK = 32768, /* the config comes back in messages of this size, the last one shorter */
	IMAGE_CONFIG_MAX = 1 << 20,
	IMAGE_MANIFESTS_MAX = 64, /* that an engine keeps of one image */
	IMAGE_PLACES_MAX = 64,	  /* layouts with signatures */
};

enum image_verdict {
	IMAGE_ACCEPT,
	IMAGE_REJECT,
	IMAGE_MALFORMED,
	/*
	 * What accepts IMAGE_DOCUMENTS, and nothing else does: all is right but the layers, which nobody has read.  No image may run
	 * by this alone; its files must come from where IMAGE_UNPACK put them for the same manifest digest (image_store.h).
	 */
	IMAGE_LAYERS_UNREAD,
};
enum image_stage {
	IMAGE_STAGE_NONE,
	IMAGE_STAGE_INDEX,
	IMAGE_STAGE_SIGNATURE,
	IMAGE_STAGE_POLICY,
	IMAGE_STAGE_MANIFEST,
	IMAGE_STAGE_CONFIG,
	IMAGE_STAGE_LAYER,
	IMAGE_STAGE_UNPACK,
};
enum image_scheme { IMAGE_SCHEME_COSIGN_KEY, IMAGE_SCHEME_NOTATION };
/* containers-policy.json(5), signedIdentity; ANY: none is asked for. */
enum image_identity {
	IMAGE_IDENTITY_ANY,
	IMAGE_IDENTITY_MATCH_EXACT,
	IMAGE_IDENTITY_MATCH_REPO_DIGEST_OR_EXACT,
	IMAGE_IDENTITY_MATCH_REPOSITORY,
	IMAGE_IDENTITY_EXACT_REFERENCE,
	IMAGE_IDENTITY_EXACT_REPOSITORY,
	IMAGE_IDENTITY_REMAP,
};
enum image_notation_level { IMAGE_NOTATION_STRICT, IMAGE_NOTATION_PERMISSIVE };

/* One requirement.  Its keys are descriptors of the request in this order; first_fd counts from the first key of all. */
struct image_trust {
	uint32_t scheme;    /* enum image_scheme */
	uint32_t threshold; /* different keys that must have signed; notation: 1 */
	uint32_t first_fd, key_count;
	char key_names[IMAGE_KEYS_MAX][IMAGE_TEXT_SIZE]; /* as the policy writes them, for the answer */
	uint32_t identity;				 /* enum image_identity */
	char identity_value[IMAGE_NAME_SIZE];		 /* exact*: the reference or repository; REMAP: the prefix */
	char identity_signed_prefix[IMAGE_NAME_SIZE];	 /* REMAP */
	uint32_t notation_level;
	uint32_t trusted_identity_count;
	char trusted_identities[IMAGE_KEYS_MAX][IMAGE_NAME_SIZE]; /* "x509.subject: ..." or "*" */
};

enum image_task {
	IMAGE_VERIFY, /* the whole chain, layers hashed and read through, nothing written */
	IMAGE_UNPACK, /* the same while records go to hrun-tree; the answer comes after the last one */
	IMAGE_DOCUMENTS, /* index, signatures, manifest and config, and no byte of a layer: its best verdict is IMAGE_LAYERS_UNREAD */
	IMAGE_BUNDLE, /* a bundle's signatures only: of these two digests; no file is asked for, no config comes back */
	/*
	 * An image as an engine has unpacked it: one of `manifests` is signed, and each layer's directory holds what the layer's
	 * archive has, no more and no less.
	 */
	IMAGE_COMPARE,
	/*
	 * Which images of containerd's store could `snapshot` and what is below it be?  As the config comes back
	 * a list of objects: "id" (digits of its config's digest), "layer" (the number), "names", "big-data-names" ("manifest-" and the
	 * digests of its manifests and of the indexes above them).
	 */
	IMAGE_FIND,
};

/*
 * Descriptors with it, in this order: the layout directory; the stream to hrun-tree (IMAGE_UNPACK); then all keys.
 * IMAGE_BUNDLE: the files with the signatures; then all keys.  IMAGE_COMPARE: the keys.  IMAGE_FIND: none.
 */
struct image_request {
	uint32_t version, task;
	uint32_t signature_files; /* IMAGE_BUNDLE; else 0 */
	/*
	 * IMAGE_BUNDLE, what must be signed: config.json and the list of the tree, or, with root_is_file, the file: one of its two digests,
	 * the other is "".
	 */
	uint32_t root_is_file;
	char tree_digest[IMAGE_DIGEST_SIZE], verity_digest[IMAGE_DIGEST_SIZE], bundle_config_digest[IMAGE_DIGEST_SIZE];
	uint32_t signatures_required; /* 0: none is looked for, the chain is checked all the same */
	uint32_t trust_count;
	struct image_trust trusts[IMAGE_TRUSTS_MAX];
	char ref[IMAGE_NAME_SIZE];  /* chooses an entry of the index, "" where there is only one */
	char name[IMAGE_NAME_SIZE]; /* registry/repo[:tag], from the operator; "" */
	char os[32], architecture[32], variant[32];
	int64_t now; /* seconds since the epoch: certificates and expiry are judged by it */
	uint64_t max_layer_bytes, max_total_bytes; /* uncompressed */
	uint64_t max_entries;
	uint32_t max_ratio;    /* uncompressed to compressed */
	uint32_t drop_devices; /* 1: device nodes of layers are left out; 0: an image with one is refused */
	/* IMAGE_COMPARE: */
	uint32_t manifest_count, place_count,
		layer_count; /* layer_count: directories of the root, without the one that is written to */
	char manifests[IMAGE_MANIFESTS_MAX][IMAGE_DIGEST_SIZE];
	uint32_t whole_blobs; /* 1: the store has the layers' blobs; 0: records of archives (tar-split) */
	uint64_t snapshot;    /* IMAGE_FIND, */
	char snapshotter[32]; /* whose it is: containerd's name of it, */
	uint32_t parents;     /* 1: its parents count for it, down to the first that is an image's own */
};

/* From hrun-image, any number of times before the answer.  hrun answers each with a struct image_given, and its descriptor. */
enum image_ask_kind {
	IMAGE_ASK_LAYOUT, /* the file oci-layout */
	IMAGE_ASK_INDEX,  /* the file index.json */
	IMAGE_ASK_BLOB,	  /* blobs/sha256/HEX */
	IMAGE_ASK_LIST,	  /* the directory blobs/sha256, for its names only */
	/* IMAGE_COMPARE: */
	IMAGE_ASK_SIGNATURES, /* what the engine has stored of them: of the manifest HEX; "": of the image */
	IMAGE_ASK_LAYER, /* layer NUMBER, whose archive has the digest HEX: the engine's record of the archive (tar-split), if it keeps one */
	IMAGE_ASK_TREE, /* layer NUMBER: a socket to the hrun-tree that serves its directory */
	/* IMAGE_FIND: */
	IMAGE_ASK_SNAPSHOTS, /* the database of the snapshotter */
	IMAGE_ASK_NAMES,     /* containerd's own, where images have names */
	IMAGE_ASK_KINDS
};
struct image_ask {
	uint32_t version, kind;
	uint32_t
		place; /* IMAGE_COMPARE: 0 is the engine's store, which has blobs only; 1 and on are layouts with signatures */
	uint32_t number;	     /* of a layer, the lowest is 0 */
	char hex[IMAGE_DIGEST_SIZE]; /* 64 lower-case digits, or "" */
};
struct image_given {
	uint32_t version;
	int32_t error; /* 0, and a descriptor; or a negative errno */
	uint32_t
		known; /* IMAGE_ASK_LAYER: 1, and no descriptor: hrun has seen that nothing changed since it was compared */
};

/* Device nodes that were left out of an image. */
struct image_devices {
	uint32_t count;
	char first[IMAGE_TEXT_SIZE]; /* its path, cut where it is longer; "" where there is none */
};

struct image_signature {
	uint32_t scheme;
	uint32_t ok;
	char format[24]; /* cosign-legacy, sigstore-bundle, notation-jws, notation-cose */
	char key[IMAGE_TEXT_SIZE];
	char identity[IMAGE_NAME_SIZE];
	char reason[IMAGE_REASON_SIZE]; /* why not; with ok "", or what the level permissive only tells */
};

/* Progress (done == 0) any number of times, then one answer (done == 1).  Nothing after it. */
struct image_answer {
	uint32_t version, done;
	uint64_t bytes_done, bytes_total; /* compressed bytes of all layers */
	uint32_t layer, layer_count;
	uint32_t verdict, stage;
	char reason[IMAGE_REASON_SIZE];
	char image_digest
		[IMAGE_DIGEST_SIZE]; /* what was signed and chosen by the ref: index or manifest; a bundle's tree or file */
	char manifest_digest[IMAGE_DIGEST_SIZE]; /* what runs on this platform; "" for a bundle */
	char config_digest[IMAGE_DIGEST_SIZE];
	struct image_devices devices; /* only where the request says drop_devices */
	uint64_t config_size;	      /* the config's bytes follow, in chunks; 0: none */
	uint32_t signature_count;
	struct image_signature signatures[IMAGE_SIGNATURES_MAX];
};

#endif
