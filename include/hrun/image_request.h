/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_request.h - what hrun-image is asked about one image: the policy's demands as data and open descriptors.
 */
#ifndef HRUN_IMAGE_REQUEST_H
#define HRUN_IMAGE_REQUEST_H

#include <hrun/image.h>
#include <hrun/policy.h>

/* Descriptors of keys: at most as many as fit into all requirements. */
enum { IMAGE_KEY_FDS_MAX = IMAGE_TRUSTS_MAX * IMAGE_KEYS_MAX, IMAGE_KEY_FILE_MAX = 1 << 16 };

/* Which image, and for which platform.  No member is NULL but where it says so. */
struct image_asked {
	const char *name;   /* REGISTRY/REPOSITORY[:TAG][@DIGEST], from the operator; "" */
	const char *ref;    /* chooses an entry of the index; "" */
	const char *layout; /* absolute real path of the layout directory, for `trustFrom`; NULL: not known */
	const char *os, *architecture, *variant;
};

enum image_answered {
	IMAGE_ASK,	/* send the request */
	IMAGE_REJECTED, /* no signature could satisfy the policy (no rule, type reject, ...): *e says why.  The request is
			   filled all the same, requires signatures and has no trust, so it is rejected as well */
};

/*
 * CALL's request for ASKED under POLICY, which must live as long: the caller adds the task and the limits.  Behind the
 * descriptors that CALL has (at most two; the layout's comes first) it gets those of the keys, in the order of the request; they
 * are the caller's then, none where this fails.  request.signatures_required is 0 where no file of the policy asks for a
 * signature of this image: an image that is accepted then is not a signed one.
 * enum image_answered, or negative errno: the policy, a file that it names, or the name cannot be used.
 */
int image_request_of(struct pool *pool, const struct policy *policy, const struct image_asked *asked,
		     struct image_call *call, struct err *e);

/* Can every file that POLICY names for images be opened and read?  0 or negative errno. */
int image_policy_check(struct pool *pool, const struct policy *policy, struct err *e);

#endif
