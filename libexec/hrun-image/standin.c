/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin.c - refuses for the parts that are not there yet.  Weak: the real ones win.
 */
#include "image.h"

__attribute__((weak)) int key_load(struct pool *pool, int fd, const char *name, enum image_scheme scheme,
				   struct key **ret_key, struct refusal *r)
{
	(void)pool, (void)fd, (void)name, (void)scheme, (void)r;
	*ret_key = NULL;
	return 0;
}

__attribute__((weak)) int signatures_check(struct pool *pool, const struct image_request *request,
					   const struct trust *trusts, const struct candidate *candidates, size_t count,
					   const struct subject *subject, struct image_answer *answer,
					   struct refusal *r)
{
	(void)pool, (void)request, (void)trusts, (void)candidates, (void)count, (void)subject, (void)answer;
	return refuse(r, IMAGE_STAGE_SIGNATURE, "signature schemes are not built in");
}

__attribute__((weak)) int layers_read(struct pool *pool, int layout, const struct descriptor *layers,
				      const struct digest *diff_ids, size_t count, const struct layer_limits *limits,
				      int tree, const struct progress *progress, struct refusal *r)
{
	(void)pool, (void)layout, (void)layers, (void)diff_ids, (void)count, (void)limits, (void)tree, (void)progress;
	return refuse(r, IMAGE_STAGE_LAYER, "layers are not built in");
}
