/* SPDX-License-Identifier: Apache-2.0 */
/*
 * root_image.c - is the root that an engine has mounted an image that was signed?  Looked at only where the policy asks: it takes time.
 */
#include <hrun/cli.h>
#include <hrun/log.h>

void root_image_look(struct pool *pool, const struct policy *policy, const struct bundle *bundle, const char *cache,
		     struct image_root *ret)
{
	const struct image_root_asked asked = {.policy = policy, .bundle = bundle, .cache = cache};

	*ret = (struct image_root){0};
	if (policy->images.require >= IMAGES_WARN)
		image_root_verify(pool, &asked, ret);
}

void root_image_tell(const struct policy *policy, const struct image_root *root)
{
	if (root->changed && root->digest)
		log_warning("%s since it was made of the signed image %s; remove it and make it anew", root->changed,
			    root->digest);
	if (root->reason && policy->images.require == IMAGES_WARN)
		log_warning("no verified signature: %s", root->reason);
}
