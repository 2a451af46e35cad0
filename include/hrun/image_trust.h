/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_trust.h - whom an image's signature must come from: what the policy file and the host's other policy files say
 * of one image.
 */
#ifndef HRUN_IMAGE_TRUST_H
#define HRUN_IMAGE_TRUST_H

#include <hrun/err.h>
#include <hrun/policy_images.h>
#include <hrun/pool.h>

/* What is to be looked up. */
struct image_place {
	const char *name;   /* REGISTRY/REPOSITORY[:TAG][@DIGEST] as the operator says it; "" */
	const char *layout; /* absolute path of the layout directory, for scopes of transport oci; NULL: not known */
	const char *ref;    /* "" */
};

/* The requirements of one source or file that apply; none: the image is rejected. */
struct image_rules {
	const struct image_rule **item;
	size_t count;
};

/* Of `trust`: those of the most specific scope. */
int image_trust_of_policy(struct pool *pool, const struct image_source *source, const struct image_place *place,
			  struct image_rules *ret_rules, struct err *e);

/*
 * Of the file `trustFrom`: containers-policy.json(5), or notation's trustpolicy.json, told apart by their members.  The
 * whole file is read strictly; what is unknown in it makes it invalid.
 */
int image_trust_of_file(struct pool *pool, const struct image_source *source, const struct image_place *place,
			struct image_rules *ret_rules, struct err *e);
/* The bytes of such a file: for tests and fuzzers. */
int image_trust_of_bytes(struct pool *pool, const struct image_source *source, char *bytes, size_t size,
			 const struct image_place *place, struct image_rules *ret_rules, struct err *e);

/* NULL, or why TEXT is no trusted identity: "*" or "x509.subject: C=US, ST=WA, O=example, CN=signer". */
const char *image_trust_check_subject(struct pool *pool, const char *text);

#endif
