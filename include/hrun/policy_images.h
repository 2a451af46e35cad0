/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_images.h - what the policy file says about images: must they be signed, and by whom.
 */
#ifndef HRUN_POLICY_IMAGES_H
#define HRUN_POLICY_IMAGES_H

#include <hrun/image_wire.h>
#include <hrun/spec.h>
#include <stdbool.h>
#include <stddef.h>

/* Whose the policy file must be, and then every file that it names. */
enum policy_owner {
	POLICY_OWNER_ROOT,
	POLICY_OWNER_OR_CALLER,
	POLICY_OWNER_ANY, /* nothing is started by what it says: check, verify */
};

/* The stricter the higher. */
enum images_require {
	IMAGES_OFF,
	IMAGES_UNSAID, /* no member `images`: the rules warn as their level says */
	IMAGES_WARN,
	IMAGES_SIGNED,
};

enum image_demand {
	IMAGE_DEMAND_SIGNATURE,
	IMAGE_DEMAND_NOTHING,	/* insecureAcceptAnything, audit, skip: unsigned images are welcome */
	IMAGE_DEMAND_REJECT,	/* type reject */
	IMAGE_DEMAND_NOT_BUILT, /* a scheme that hrun cannot check yet */
};

/* A key or a CA certificate: a file, or its bytes where the policy holds them itself. */
struct image_key {
	const char *name; /* as the policy says it */
	const char *path; /* absolute, clean; NULL: */
	const void *data;
	size_t size;
};

/* One requirement. */
struct image_rule {
	enum image_demand demand;
	const char *scope;   /* what it is for, as the file says it */
	const char *where;   /* its place in the file */
	const char *missing; /* IMAGE_DEMAND_NOT_BUILT: the name of what is */
	enum image_scheme scheme;
	struct image_key *keys; /* public keys, or CA certificates */
	size_t key_count;
	uint32_t threshold;
	enum image_identity identity;
	const char *identity_value, *identity_signed_prefix; /* NULL: not of this type */
	enum image_notation_level level;
	struct string_list trusted_identities;
};

/* Images of this scope that were created before SECONDS since 1970 do not start. */
struct image_not_before {
	const char *scope, *text; /* TEXT: the time as the file says it */
	int64_t seconds;
};

/* What one file says: of it the requirements of the most specific scope hold, all of them. */
struct image_source {
	const char *path, *directory; /* of the file */
	enum policy_owner owner;
	enum images_require require; /* `signed` where the file does not say it */
	bool drop_devices;	     /* `devices` is drop: device nodes of layers are left out, not refused */
	bool has_trust;		     /* `trust` stands there: */
	struct image_rule *rules;
	size_t rule_count;
	const char *trust_from;	       /* absolute path of another file to read (image_trust.h), or NULL */
	struct string_list signatures; /* absolute paths of layouts that hold signatures of images in engines' stores */
	/* "sha256:...", of an index, a manifest or a signed bundle's tree, each once.  allow_digests.present: only these start. */
	struct string_list allow_digests, deny_digests;
	struct image_not_before *not_before; /* the most specific scope holds */
	size_t not_before_count;
};

/* An image must pass every source that requires anything. */
struct policy_images {
	enum images_require require;
	bool drop_devices; /* of each source */
	struct image_source *sources;
	size_t source_count;
};

const char *images_require_name(enum images_require require);
/* "matchExact"; NULL for IMAGE_IDENTITY_ANY. */
const char *image_identity_name(enum image_identity identity);
const char *image_scheme_name(enum image_scheme scheme);

#endif
