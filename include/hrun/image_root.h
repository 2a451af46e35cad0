/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_root.h - is the root of a container, as an engine has mounted it, an image that was signed?
 *
 * Engines check signatures when they pull, if at all, and start what lies in their store.  So what is about to run is compared:
 * the directories that the root is mounted of, with the archives of an image whose manifest a trusted key signed.
 */
#ifndef HRUN_IMAGE_ROOT_H
#define HRUN_IMAGE_ROOT_H

#include <hrun/bundle.h>
#include <hrun/image_wire.h>
#include <hrun/policy.h>
#include <hrun/pool.h>
#include <stdbool.h>

struct image_root_asked {
	const struct policy *policy;
	const struct bundle *bundle;
	const char *cache; /* directory of layers that were compared before; NULL: none is believed or remembered */
	const char *program_dir; /* of libexec programs, for tests; NULL: where this hrun's are */
};

struct image_root {
	const struct image_answer *answer; /* on the image that the root is, signed as the policy asks; NULL: */
	const char *reason;		   /* why it is none */
	/* Another image in the store has the same layers and is not signed: the files are the answer's, its digest need not be. */
	bool is_one_of_several;
	const char *
		denied; /* the same where denyDigests are why: it does not start, whatever images.require says; or NULL */
	const char *
		changed; /* what the container itself has changed since it was made, or NULL; at `restricted` that is a reason */
};

/* Always an answer: what cannot be found out is a reason.  Descriptors of the bundle are borrowed. */
void image_root_verify(struct pool *pool, const struct image_root_asked *asked, struct image_root *ret);

#endif
